/* SPDX-License-Identifier: Apache-2.0
 * JSON for log lines: whatever the bytes, the line is valid JSON (read back with jansson). */
#include <weft/base/clock.h>
#include <weft/obs/json.h>

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static void test_object(void **state) {
    struct weft_buf b;
    struct weft_json j;
    weft_buf_init(&b, 0);
    weft_json_begin(&j, &b);
    weft_json_str(&j, "s", WEFT_SLICE_LIT("a\"b\\c\n\x01"));
    weft_json_u64(&j, "n", UINT64_MAX);
    weft_json_bool(&j, "t", true);
    weft_json_null(&j, "z");
    weft_json_end(&j);
    assert_true(weft_slice_is(weft_buf_slice(&b),
                              "{\"s\":\"a\\\"b\\\\c\\u000a\\u0001\","
                              "\"n\":18446744073709551615,\"t\":true,\"z\":null}\n"));
    weft_buf_done(&b);
}

static void test_time(void **state) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    weft_json_time(&b, 1795435200u * (uint64_t)1000000 + 42);
    assert_true(weft_slice_is(weft_buf_slice(&b), "2026-11-23T12:00:00.000042Z"));
    weft_buf_done(&b);
}

static void assert_time(time_t s) {
    char want[64];
    struct tm tm;
    struct weft_buf b;
    assert_non_null(gmtime_r(&s, &tm));
    assert_int_not_equal(strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.999999Z", &tm), 0);
    weft_buf_init(&b, 0);
    weft_json_time(&b, (uint64_t)s * 1000000 + 999999);
    (void)weft_buf_char(&b, 0);
    assert_string_equal(weft_buf_slice(&b).base, want);
    weft_buf_done(&b);
}

/* Every day until 2200 at a time of its own: leap years, centuries and ends of months. */
static void test_every_date_is_as_the_library_says(void **state) {
    for (time_t day = 0; day < 84000; day++) assert_time(day * 86400 + day % 86400);
    assert_time(86399);
    assert_time(253402300799); /* the last second of the year 9999 */
}

static void test_numbers(void **state) {
    static const struct {
        uint64_t v;
        const char *text;
    } cases[] = {{0, "0"},   {9, "9"},     {10, "10"},
                 {99, "99"}, {100, "100"}, {UINT64_MAX, "18446744073709551615"}};
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        struct weft_buf b;
        weft_buf_init(&b, 0);
        assert_int_equal(weft_buf_u64(&b, cases[i].v), WEFT_OK);
        assert_true(weft_slice_is(weft_buf_slice(&b), cases[i].text));
        weft_buf_done(&b);
    }
}

static void test_bad_utf8_is_replaced(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xff", "\\ufffd"},
        {"\xc3", "\\ufffd"},
        {"\xc0\xaf", "\\ufffd\\ufffd"},
        {"\xed\xa0\x80x", "\\ufffd\\ufffd\\ufffdx"},
        {"\x7f", "\\u007f"},
    };
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        struct weft_buf b;
        weft_buf_init(&b, 0);
        weft_json_escape(&b, weft_slice_str(cases[i].in));
        assert_true(weft_slice_is(weft_buf_slice(&b), cases[i].out));
        weft_buf_done(&b);
    }
}

static void test_any_bytes_make_valid_json(void **state) {
    struct weft_rng rng;
    weft_rng_seed(&rng, 3);
    for (int i = 0; i < 3000; i++) {
        char bytes[24];
        size_t n = weft_rng_below(&rng, sizeof bytes);
        for (size_t k = 0; k < n; k++) {
            uint32_t r = weft_rng_below(&rng, 512);
            bytes[k] = (char)(r < 256 ? r : 0xc0 + r % 64); /* many lead bytes */
        }
        struct weft_buf b;
        struct weft_json j;
        weft_buf_init(&b, 0);
        weft_json_begin(&j, &b);
        weft_json_str(&j, "k", weft_slice(bytes, n));
        weft_json_end(&j);
        json_error_t err;
        json_t *v = json_loadb(weft_buf_slice(&b).base, weft_buf_size(&b), JSON_ALLOW_NUL, &err);
        if (!v) fail_msg("%s", err.text);
        json_decref(v);
        weft_buf_done(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_every_date_is_as_the_library_says),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_bad_utf8_is_replaced),
        cmocka_unit_test(test_any_bytes_make_valid_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Full match and limits of regular expressions (REQ-066). */
#include <pthread.h>
#include <weft/base/limits.h>
#include <weft/mesh/regex.h>

#include "mesh_test.h"

static enum weft_status try(const char *pattern, struct weft_slice s) {
    struct weft_regex *r = NULL;
    struct weft_error err = {0};
    enum weft_status st = weft_regex_new(sl(pattern), &r, &err);
    if (st != WEFT_OK) fail_msg("%s: %s", pattern, err.message);
    st = weft_regex_match(r, s);
    weft_regex_free(r);
    return st;
}

static void test_full_match(void **state) {
    static const struct {
        const char *pattern, *text;
        enum weft_status want;
    } rows[] = {
        {"abc", "abc", WEFT_OK},
        {"abc", "abcd", WEFT_NOT_FOUND},
        {"abc", "xabc", WEFT_NOT_FOUND},
        {"a|ab", "ab", WEFT_OK}, /* the leftmost alternative alone would not reach the end */
        {"^abc$", "abc", WEFT_OK},
        {"abc$", "abc\n", WEFT_NOT_FOUND},
        {"", "", WEFT_OK},
        {"", "a", WEFT_NOT_FOUND},
        {".*", "", WEFT_OK},
        {"\\d+\\w*", "12ab", WEFT_OK},
        {"[\\w-]+", "a-b", WEFT_OK},
        {"(?i)abc", "ABC", WEFT_OK},
        {".", "\xc3\xa9", WEFT_NOT_FOUND}, /* bytes */
        {"..", "\xc3\xa9", WEFT_OK},
        {"a(*ACCEPT)b", "ax", WEFT_NOT_FOUND},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++)
        if (try(rows[i].pattern, sl(rows[i].text)) != rows[i].want)
            fail_msg("%s on %s", rows[i].pattern, rows[i].text);
    assert_int_equal(try("", WEFT_SLICE_EMPTY), WEFT_OK);
    assert_int_equal(try("a.b", weft_slice("a\0b", 3)), WEFT_OK);
}

static void test_limits(void **state) {
    char *text = malloc(65536);
    memset(text, 'a', 65536);
    struct weft_slice s = weft_slice(text, 65536);
    assert_int_equal(try("(a+)+[xy]", s), WEFT_LIMIT);
    assert_int_equal(try("(a|aa)+[xy]", s), WEFT_LIMIT);
    assert_int_equal(try("(?:a?){30}(?:a){30}[xy]", weft_slice(text, 40)), WEFT_LIMIT);
    assert_int_equal(try("(a|b)*", s), WEFT_LIMIT); /* one step for each byte */
    assert_int_equal(try("a*", s), WEFT_OK);
    assert_int_equal(try("[ab]*b?", s), WEFT_OK);
    /* A pattern may lower its limits, not raise them. */
    assert_int_equal(try("(*LIMIT_MATCH=4000000000)(a+)+[xy]", weft_slice(text, 100)), WEFT_LIMIT);
    /* Many groups make each step large: memory has a limit of its own. */
    char groups[WEFT_MAX_REGEX_BYTES + 1] = "(?:";
    while (strlen(groups) < 900) strcat(groups, "(a)?");
    strcat(groups, ")*[xy]");
    assert_int_equal(try(groups, s), WEFT_LIMIT);
    assert_int_equal(try("abc", sl("abc")), WEFT_OK); /* and the thread is as before */
    free(text);
}

static void test_bad_patterns(void **state) {
    static const char *const bad[] = {"(", "[", "*", "a{2,1}", "\\", "(*UTF)a", "\\C", "(?<=a*)b"};
    for (size_t i = 0; i < WEFT_LEN(bad); i++) {
        struct weft_regex *r = NULL;
        struct weft_error err = {0};
        assert_int_equal(weft_regex_new(sl(bad[i]), &r, &err), WEFT_INVALID);
        assert_null(r);
        assert_non_null(strstr(err.message, "at byte"));
    }
    char longer[WEFT_MAX_REGEX_BYTES + 1];
    memset(longer, 'a', sizeof longer);
    struct weft_regex *r = NULL;
    assert_int_equal(weft_regex_new(weft_slice(longer, sizeof longer), &r, NULL), WEFT_LIMIT);
    assert_int_equal(weft_regex_new(weft_slice(longer, sizeof longer - 1), &r, NULL), WEFT_OK);
    weft_regex_free(r);
    assert_null(weft_regex_free(NULL));
}

static void *match_often(void *p) {
    uintptr_t bad = 0;
    for (int i = 0; i < 2000; i++) {
        bad += weft_regex_match(p, sl("/v12/x")) != WEFT_OK;
        bad += weft_regex_match(p, sl("/v/x")) != WEFT_NOT_FOUND;
    }
    return (void *)bad;
}

static void test_threads(void **state) {
    struct weft_regex *r = NULL;
    assert_int_equal(weft_regex_new(sl("/v(\\d+)/.*"), &r, NULL), WEFT_OK);
    pthread_t t[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&t[i], NULL, match_often, r), 0);
    for (int i = 0; i < 4; i++) {
        void *bad;
        assert_int_equal(pthread_join(t[i], &bad), 0);
        assert_null(bad);
    }
    weft_regex_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_match),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_bad_patterns),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Addresses: text and sockaddr, there and back. */
#include <weft/base/addr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static void test_text_and_back(void **state) {
    static const char *const same[] = {"10.0.0.1:80", "[::1]:65535", "0.0.0.0:0",
                                       "[fd00:10:96::a]:15001"};
    for (size_t i = 0; i < WEFT_LEN(same); i++) {
        struct weft_addr a, b;
        char text[WEFT_ADDR_STR];
        assert_true(weft_addr_parse(weft_slice_str(same[i]), &a));
        weft_addr_format(&a, text);
        assert_string_equal(text, same[i]);
        struct sockaddr_storage ss;
        assert_true(weft_addr_to_sockaddr(&a, &ss) > 0);
        weft_addr_from_sockaddr((struct sockaddr *)&ss, &b);
        assert_true(weft_addr_eq(&a, &b));
        assert_true(weft_addr_hash(&a) == weft_addr_hash(&b));
    }
}

static void test_malformed(void **state) {
    static const char *const bad[] = {"",          "10.0.0.1",   "10.0.0.1:",    "10.0.0.1:65536",
                                      "10.0.0:80", "::1:80",     "[::1]",        "[::1]80",
                                      "[::1]:x",   "[10.0.0.1:", "10.0.0.1:+80", "a:80"};
    struct weft_addr a;
    for (size_t i = 0; i < WEFT_LEN(bad); i++)
        if (weft_addr_parse(weft_slice_str(bad[i]), &a)) fail_msg("%s", bad[i]);
    assert_false(weft_addr_parse_ip(WEFT_SLICE_LIT("10.0.0.1:80"), &a));
    assert_false(weft_addr_parse_ip(weft_slice("10.0.0.1\0", 9), &a));
    assert_false(weft_addr_parse_ip(WEFT_SLICE_EMPTY, &a));
}

static void test_mapped_is_ipv4(void **state) {
    struct weft_addr a, b;
    assert_true(weft_addr_parse_ip(WEFT_SLICE_LIT("::ffff:10.1.2.3"), &a));
    assert_true(weft_addr_parse_ip(WEFT_SLICE_LIT("10.1.2.3"), &b));
    assert_true(weft_addr_eq(&a, &b));
}

static void test_kinds(void **state) {
    struct weft_addr a;
    assert_true(weft_addr_parse_ip(WEFT_SLICE_LIT("127.9.9.9"), &a) && weft_addr_is_loopback(&a));
    assert_true(weft_addr_parse_ip(WEFT_SLICE_LIT("::1"), &a) && weft_addr_is_loopback(&a));
    assert_true(weft_addr_parse_ip(WEFT_SLICE_LIT("128.0.0.1"), &a) && !weft_addr_is_loopback(&a));
    assert_true(weft_addr_parse_ip(WEFT_SLICE_LIT("::"), &a) && weft_addr_is_any(&a));
    assert_true(weft_addr_parse_ip(WEFT_SLICE_LIT("0.0.0.0"), &a) && weft_addr_is_any(&a));
    assert_false(weft_addr_is_any(&(struct weft_addr){0}));
    char text[WEFT_ADDR_STR];
    weft_addr_format_ip(&(struct weft_addr){.family = 6}, text);
    assert_string_equal(text, "::");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_back),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_mapped_is_ipv4),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

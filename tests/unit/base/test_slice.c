/* SPDX-License-Identifier: Apache-2.0
 * Slices: comparing, cutting, numbers. */
#include <weft/base/alloc.h>
#include <weft/base/slice.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define S(lit) WEFT_SLICE_LIT(lit)

static void test_compare(void **state) {
    assert_true(weft_slice_eq(S("a"), S("a")));
    assert_true(weft_slice_eq(WEFT_SLICE_EMPTY, S("")));
    assert_false(weft_slice_eq(S("a"), S("ab")));
    assert_true(weft_slice_ieq(S("Content-Type"), S("content-tYPE")));
    assert_false(weft_slice_ieq(S("a@"), S("a`"))); /* letters only */
    assert_true(weft_slice_cmp(S("ab"), S("abc")) < 0);
    assert_true(weft_slice_cmp(S("b"), S("abc")) > 0);
    assert_true(weft_slice_cmp(S("\xff"), S("a")) > 0); /* unsigned */
    assert_int_equal(weft_slice_cmp(WEFT_SLICE_EMPTY, S("")), 0);
    assert_true(weft_slice_is(weft_slice_str(NULL), ""));
}

static void test_search(void **state) {
    assert_true(weft_slice_starts(S("abc"), S("ab")) && !weft_slice_starts(S("a"), S("ab")));
    assert_true(weft_slice_ends(S("abc"), S("bc")) && !weft_slice_ends(S("c"), S("bc")));
    assert_int_equal(weft_slice_find(S("abc"), 'c'), 2);
    assert_int_equal(weft_slice_find(S("abc"), 'x'), 3);
    assert_int_equal(weft_slice_search(S("abcbc"), S("bc")), 1);
    assert_int_equal(weft_slice_search(S("abc"), S("xy")), 3);
    assert_int_equal(weft_slice_search(WEFT_SLICE_EMPTY, S("x")), 0);
    assert_true(weft_slice_is(weft_slice_head(S("abc"), 9), "abc"));
    assert_true(weft_slice_is(weft_slice_from(S("abc"), 1), "bc"));
    assert_int_equal(weft_slice_from(S("abc"), 9).len, 0);
}

static void test_cut_and_trim(void **state) {
    struct weft_slice s = S("a=b=c");
    assert_true(weft_slice_is(weft_slice_cut(&s, '='), "a"));
    assert_true(weft_slice_is(weft_slice_cut(&s, '='), "b"));
    assert_true(weft_slice_is(weft_slice_cut(&s, '='), "c"));
    assert_null(s.base);
    s = S("end=");
    (void)weft_slice_cut(&s, '=');
    assert_int_equal(s.len, 0);
    assert_non_null(s.base); /* there was a separator */
    assert_true(weft_slice_is(weft_slice_trim(S(" \t a b\t")), "a b"));
    assert_int_equal(weft_slice_trim(S(" \t ")).len, 0);
}

static void test_numbers(void **state) {
    uint64_t n = 7;
    assert_true(weft_slice_u64(S("0"), 10, &n) && n == 0);
    assert_true(weft_slice_u64(S("18446744073709551615"), UINT64_MAX, &n) && n == UINT64_MAX);
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1.0",
                                      "18446744073709551616",
                                      "99999999999999999999999"};
    for (size_t i = 0; i < WEFT_LEN(bad); i++)
        assert_false(weft_slice_u64(weft_slice_str(bad[i]), UINT64_MAX, &n));
    assert_false(weft_slice_u64(S("65536"), 65535, &n));
}

static void test_dup_and_hash(void **state) {
    WEFT_FREE char *p = weft_slice_dup(weft_slice("abc", 2));
    assert_string_equal(p, "ab");
    char a[17], b[17];
    weft_slice_hash_hex(S("x"), a);
    weft_slice_hash_hex(S("y"), b);
    assert_int_equal(strlen(a), 16);
    assert_string_not_equal(a, b);
    assert_true(weft_slice_hash(WEFT_SLICE_EMPTY) == weft_slice_hash(S("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),      cmocka_unit_test(test_search),
        cmocka_unit_test(test_cut_and_trim), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_dup_and_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

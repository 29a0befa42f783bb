/* SPDX-License-Identifier: Apache-2.0
 * REQ-062: paths are normalised before they are matched, ambiguous ones refused. */
#include <weft/http/path.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static const struct {
    const char *in, *out; /* NULL: refused */
} cases[] = {
    {"/", "/"},
    {"", ""},
    {"*", "*"},
    {"/a/b", "/a/b"},
    {"/a/b/", "/a/b/"},
    {"//a//b//", "//a//b//"},
    {"/a/./b", "/a/b"},
    {"/a/.", "/a/"},
    {"/./", "/"},
    {"/.", "/"},
    {"/a/b/../c", "/a/c"},
    {"/a/..", "/"},
    {"/a/../", "/"},
    {"/a/b/..", "/a/"},
    {"/a/b/../..", "/"},
    {"/a/b/c/../../d/./e/..", "/a/d/"},
    {"/a//../b", "/a/b"},
    {"/a/..//b", "//b"},
    {"/..", NULL},
    {"/../a", NULL},
    {"/a/../..", NULL},
    {"/a/../../b", NULL},
    {"/%2e%2e/a", NULL},
    {"/a/%2E%2e/b", "/b"},
    {"/a/.%2e/b", "/b"},
    {"/a/%2e/b", "/a/b"},
    {"/...", "/..."},
    {"/a/...b/.c/d..", "/a/...b/.c/d.."},
    {"/%61%5a%30%2d%5F%7e", "/aZ0-_~"},
    {"/%c3%a4%3f%25%20", "/%C3%A4%3F%25%20"},
    {"/%252e%252e/", "/%252e%252e/"},
    {"/a;b=c/d", "/a;b=c/d"},
    {"/a%2fb", NULL},
    {"/a%2Fb", NULL},
    {"/a%5cb", NULL},
    {"/a\\b", NULL},
    {"/a%00", NULL},
    {"/a\x01", NULL},
    {"/a\x7f", NULL},
    {"/a b", NULL},
    {"/\xc3\xa4", NULL},
    {"/a#b", NULL},
    {"/a?b#c", NULL},
    {"/%", NULL},
    {"/%4", NULL},
    {"/%4g", NULL},
    {"/%g4", NULL},
    {"a/b", NULL},
    {"http://a/", NULL},
    {"?a", NULL},
    {"/a?../%2f%zz\\", "/a?../%2f%zz\\"},
    {"/a/../b?c/../d", "/b?c/../d"},
    {"/?", "/?"},
};

static void test_table(void **state) {
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        struct weft_arena a;
        struct weft_slice out;
        weft_arena_init(&a, 0);
        struct weft_slice in = weft_arena_dup_str(&a, cases[i].in);
        enum weft_reason r = weft_path_normalize(in, false, &a, &out);
        if (!cases[i].out) {
            if (r != WEFT_REASON_PATH_REFUSED) fail_msg("%s is not refused", cases[i].in);
        } else if (r != WEFT_REASON_NONE || !weft_slice_is(out, cases[i].out)) {
            fail_msg("%s became %.*s, not %s", cases[i].in, WEFT_SLICE_ARG(out), cases[i].out);
        } else {
            struct weft_slice again; /* twice is the same as once */
            assert_int_equal(weft_path_normalize(out, false, &a, &again), WEFT_REASON_NONE);
            assert_true(weft_slice_eq(out, again));
        }
        weft_arena_done(&a);
    }
}

/* %2F and %5C are kept where that was asked for, and nothing else that is refused. */
static void test_kept_slashes(void **state) {
    static const struct {
        const char *in, *out;
    } kept[] = {
        {"/a%2fb", "/a%2Fb"},
        {"/a%5cb/../c", "/c"},
        {"/projects/x%2Fy/./z", "/projects/x%2Fy/z"},
        {"/a/..%2Fb", "/a/..%2Fb"},
        {"/a\\b", NULL},
        {"/a%2Fb%00", NULL},
        {"/a%2F/../../..", NULL},
        {"/%2F%zz", NULL},
    };
    for (size_t i = 0; i < WEFT_LEN(kept); i++) {
        struct weft_arena a;
        struct weft_slice out;
        weft_arena_init(&a, 0);
        struct weft_slice in = weft_arena_dup_str(&a, kept[i].in);
        enum weft_reason r = weft_path_normalize(in, true, &a, &out);
        if (!kept[i].out)
            assert_int_equal(r, WEFT_REASON_PATH_REFUSED);
        else
            assert_true(r == WEFT_REASON_NONE && weft_slice_is(out, kept[i].out));
        weft_arena_done(&a);
    }
}

static void test_nul(void **state) {
    struct weft_arena a;
    struct weft_slice out;
    weft_arena_init(&a, 0);
    assert_int_equal(weft_path_normalize(weft_slice("/a\0b", 4), false, &a, &out),
                     WEFT_REASON_PATH_REFUSED);
    weft_arena_done(&a);
}

static void test_arena_limit(void **state) {
    struct weft_arena a;
    struct weft_slice out;
    weft_arena_init(&a, 4);
    assert_int_equal(weft_path_normalize(WEFT_SLICE_LIT("/a/./b"), false, &a, &out),
                     WEFT_REASON_HEAD_TOO_LARGE);
    weft_arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_kept_slashes),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_arena_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

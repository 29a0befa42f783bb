/* SPDX-License-Identifier: Apache-2.0
 * Arenas: alignment, zeroing, limits, deferred calls. */
#include <weft/base/arena.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static void test_zeroed_and_aligned(void **state) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    for (size_t n = 0; n < 9000; n = n * 2 + 1) {
        unsigned char *p = weft_arena_must(&a, n);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
        memset(p, 0xaa, n);
    }
    weft_arena_done(&a);
}

static void test_limit(void **state) {
    struct weft_arena a;
    weft_arena_init(&a, 100);
    assert_non_null(weft_arena_alloc(&a, 60));
    assert_null(weft_arena_alloc(&a, 41));
    assert_null(weft_arena_alloc(&a, SIZE_MAX));
    assert_non_null(weft_arena_alloc(&a, 40));
    assert_null(weft_arena_dup(&a, WEFT_SLICE_LIT("")).base);
    weft_arena_done(&a);
    assert_non_null(weft_arena_alloc(&a, 100)); /* the limit outlives done */
    weft_arena_done(&a);
}

static void test_strings(void **state) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    assert_string_equal(weft_arena_dup(&a, weft_slice("abc", 2)).base, "ab");
    assert_string_equal(weft_arena_dup(&a, WEFT_SLICE_EMPTY).base, "");
    assert_string_equal(weft_arena_dup_str(&a, "x").base, "x");
    assert_string_equal(weft_arena_printf(&a, "%s-%d", "n", 5).base, "n-5");
    int *v = weft_arena_array(&a, int, 3);
    v[2] = 1;
    weft_arena_done(&a);
}

struct note {
    char text[8];
    size_t n;
};
struct call {
    struct note *note;
    char name;
};
static void say(void *arg) {
    struct call *c = arg; /* lives in the arena and is still there */
    c->note->text[c->note->n++] = c->name;
}

static void test_deferred_calls_run_last_first(void **state) {
    struct note note = {0};
    struct weft_arena a;
    weft_arena_init(&a, 0);
    for (char c = 'a'; c <= 'c'; c++) {
        struct call *call = weft_arena_new(&a, struct call);
        *call = (struct call){&note, c};
        weft_arena_defer(&a, say, call);
    }
    weft_arena_done(&a);
    assert_string_equal(note.text, "cba");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_and_aligned),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_deferred_calls_run_last_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

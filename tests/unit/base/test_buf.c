/* SPDX-License-Identifier: Apache-2.0
 * Buffers: limits, consuming, growth. */
#include <weft/base/buf.h>
#include <weft/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define S(lit) WEFT_SLICE_LIT(lit)

static void test_append_and_consume(void **state) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    assert_int_equal(weft_buf_slice(&b).len, 0);
    assert_int_equal(weft_buf_append(&b, WEFT_SLICE_EMPTY), WEFT_OK);
    assert_int_equal(weft_buf_str(&b, "abc"), WEFT_OK);
    assert_int_equal(weft_buf_char(&b, 'd'), WEFT_OK);
    assert_int_equal(weft_buf_printf(&b, "%d", 42), WEFT_OK);
    assert_true(weft_slice_is(weft_buf_slice(&b), "abcd42"));
    weft_buf_consume(&b, 2);
    assert_true(weft_slice_is(weft_buf_slice(&b), "cd42"));
    weft_buf_consume(&b, 4);
    assert_int_equal(b.off, 0); /* empty: starts over */
    weft_buf_clear(&b);
    weft_buf_done(&b);
}

static void test_limit(void **state) {
    struct weft_buf b;
    weft_buf_init(&b, 8);
    assert_int_equal(weft_buf_str(&b, "12345678"), WEFT_OK);
    assert_int_equal(weft_buf_char(&b, '9'), WEFT_LIMIT);
    assert_int_equal(weft_buf_size(&b), 8);
    weft_buf_consume(&b, 1);
    assert_int_equal(weft_buf_char(&b, '9'), WEFT_OK); /* readable bytes count */
    assert_null(weft_buf_reserve(&b, 1));
    assert_null(weft_buf_reserve(&b, SIZE_MAX));
    weft_buf_done(&b);
}

static void test_long_printf(void **state) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    assert_int_equal(weft_buf_printf(&b, "%700d|", 1), WEFT_OK);
    assert_int_equal(weft_buf_size(&b), 701);
    assert_true(weft_slice_ends(weft_buf_slice(&b), S(" 1|")));
    weft_buf_done(&b);
}

/* Against a model: what goes in comes out, in order. */
static void test_random_use(void **state) {
    struct weft_buf b;
    struct weft_rng rng;
    weft_buf_init(&b, 5000);
    weft_rng_seed(&rng, 1);
    unsigned char in = 0, out = 0;
    for (int i = 0; i < 20000; i++) {
        size_t n = weft_rng_below(&rng, 300);
        if (weft_rng_below(&rng, 2)) {
            char *p = weft_buf_reserve(&b, n);
            if (!p) continue;
            for (size_t k = 0; k < n; k++) p[k] = (char)in++;
            weft_buf_commit(&b, n);
        } else {
            if (n > weft_buf_size(&b)) n = weft_buf_size(&b);
            struct weft_slice s = weft_buf_slice(&b);
            for (size_t k = 0; k < n; k++) assert_int_equal((unsigned char)s.base[k], out++);
            weft_buf_consume(&b, n);
        }
        assert_true(weft_buf_size(&b) <= 5000);
    }
    weft_buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_and_consume),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_long_printf),
        cmocka_unit_test(test_random_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

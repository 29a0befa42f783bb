/* SPDX-License-Identifier: Apache-2.0
 * gRPC messages out of byte streams, however these are cut. */
#include <weft/http/grpc_frame.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define S(lit) WEFT_SLICE_LIT(lit)

static void test_any_cut(void **state) {
    struct weft_buf wire;
    weft_buf_init(&wire, 0);
    assert_int_equal(weft_grpc_append(&wire, S("hello")), WEFT_OK);
    assert_int_equal(weft_grpc_append(&wire, S("")), WEFT_OK);
    assert_int_equal(weft_grpc_append(&wire, S("world!")), WEFT_OK);
    for (size_t step = 1; step <= weft_buf_size(&wire); step++) {
        struct weft_grpc_reader r;
        struct weft_slice all = weft_buf_slice(&wire), m;
        const char *want[] = {"hello", "", "world!"};
        int n = 0;
        weft_grpc_reader_init(&r, 6);
        while (all.len) {
            struct weft_slice in = weft_slice_head(all, step);
            all = weft_slice_from(all, in.len);
            while (weft_grpc_reader_next(&r, &in, &m) == WEFT_OK)
                assert_true(weft_slice_is(m, want[n++]));
            assert_int_equal(in.len, 0);
        }
        assert_int_equal(n, 3);
        assert_false(weft_grpc_reader_partial(&r));
        weft_grpc_reader_done(&r);
    }
    weft_buf_done(&wire);
}

static void test_refusals(void **state) {
    static const struct {
        struct weft_slice in;
        enum weft_status st;
        bool partial;
    } cases[] = {
        {S("\0\0\0\0\x09"), WEFT_LIMIT, 0},
        {S("\x01\0\0\0\x01"), WEFT_UNSUPPORTED, 0},
        {S("\x02\0\0\0\x01"), WEFT_PROTOCOL, 0},
        {S("\0\xff\xff\xff\xff"), WEFT_LIMIT, 0},
        {S("\0\0\0"), WEFT_AGAIN, 1},
        {S("\0\0\0\0\x02"
           "a"),
         WEFT_AGAIN, 1},
    };
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        struct weft_grpc_reader r;
        struct weft_slice in = cases[i].in, m;
        weft_grpc_reader_init(&r, 8);
        assert_int_equal(weft_grpc_reader_next(&r, &in, &m), cases[i].st);
        assert_int_equal(weft_grpc_reader_partial(&r), cases[i].partial);
        weft_grpc_reader_done(&r);
    }
}

static void test_append_limit(void **state) {
    struct weft_buf b;
    weft_buf_init(&b, 8);
    assert_int_equal(weft_grpc_append(&b, S("abcd")), WEFT_LIMIT);
    assert_int_equal(weft_buf_size(&b), 0);
    assert_int_equal(weft_grpc_append(&b, S("abc")), WEFT_OK);
    weft_buf_done(&b);
}

static void test_message_encoding(void **state) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_slice e = weft_grpc_message_encode(&a, S("100% sure\n\xc3\xa4"));
    assert_true(weft_slice_is(e, "100%25 sure%0A%C3%A4"));
    assert_true(weft_slice_is(weft_grpc_message_decode(&a, e), "100% sure\n\xc3\xa4"));
    assert_true(
        weft_slice_is(weft_grpc_message_decode(&a, S("50%, %4, %zz, %41%")), "50%, %4, %zz, A%"));
    assert_true(weft_slice_is(weft_grpc_message_encode(&a, S("plain")), "plain"));
    weft_arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_append_limit),
        cmocka_unit_test(test_message_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

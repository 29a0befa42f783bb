/* SPDX-License-Identifier: Apache-2.0
 * Answers of the proxy itself: REQ-125, REQ-126 for gRPC callers. */
#include <weft/http/local_reply.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define S(lit) WEFT_SLICE_LIT(lit)

static bool has(const struct weft_head *h, const char *name, const char *value) {
    const struct weft_field *f = weft_fields_get(&h->fields, weft_slice_str(name));
    return f && weft_slice_is(f->value, value);
}

static void test_plain(void **state) {
    struct weft_arena a;
    struct weft_head h;
    struct weft_slice body;
    weft_arena_init(&a, 0);
    weft_local_reply(WEFT_REASON_NO_ENDPOINTS, S("default/web:80"), false, true, &a, &h, &body);
    assert_int_equal(h.status, 503);
    assert_true(weft_slice_is(
        body, "weft: no_endpoints: the backend has no ready endpoints: default/web:80\n"));
    assert_int_equal(h.framing, WEFT_BODY_LENGTH);
    assert_int_equal(h.content_length, body.len);
    assert_true(has(&h, "weft-reason", "no_endpoints"));
    assert_true(has(&h, "content-type", "text/plain; charset=utf-8"));
    weft_local_reply(WEFT_REASON_NO_ROUTE, WEFT_SLICE_EMPTY, false, false, &a, &h, &body);
    assert_int_equal(h.status, 404);
    assert_null(weft_fields_get(&h.fields, S("weft-reason")));
    assert_true(weft_slice_ends(body, S("matches\n")));
    weft_arena_done(&a);
}

static void test_grpc(void **state) {
    static const struct {
        enum weft_reason r;
        const char *code;
    } cases[] = {
        {WEFT_REASON_NO_ROUTE, "12"},     {WEFT_REASON_INVALID_BACKEND, "14"},
        {WEFT_REASON_NO_ENDPOINTS, "14"}, {WEFT_REASON_REQUEST_TIMEOUT, "4"},
        {WEFT_REASON_DENIED, "7"},
    };
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        struct weft_arena a;
        struct weft_head h;
        struct weft_slice body;
        weft_arena_init(&a, 0);
        weft_local_reply(cases[i].r, S("50%"), true, true, &a, &h, &body);
        assert_int_equal(h.status, 200);
        assert_int_equal(h.framing, WEFT_BODY_NONE);
        assert_int_equal(body.len, 0);
        assert_true(weft_head_is_grpc(&h));
        assert_true(has(&h, "grpc-status", cases[i].code));
        struct weft_slice m = weft_fields_token(&h.fields, WEFT_TOKEN_GRPC_MESSAGE)->value;
        assert_true(weft_slice_starts(m, S("weft: ")));
        assert_true(weft_slice_ends(m, S(": 50%25")));
        weft_arena_done(&a);
    }
}

static void test_arena_exhausted(void **state) {
    struct weft_arena a;
    struct weft_head h;
    struct weft_slice body;
    weft_arena_init(&a, 1);
    weft_local_reply(WEFT_REASON_LOOP, S("x"), false, true, &a, &h, &body);
    assert_int_equal(h.status, 508);
    assert_int_equal(h.content_length, body.len);
    weft_arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_grpc),
        cmocka_unit_test(test_arena_exhausted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Field names and lists, heads, reasons. */
#include <weft/base/alloc.h>
#include <weft/http/head.h>

#include "../../../src/http/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define S(lit) WEFT_SLICE_LIT(lit)

static void test_tokens(void **state) {
    for (int t = WEFT_TOKEN_OTHER + 1; t < WEFT_TOKEN_COUNT; t++) {
        struct weft_slice name = weft_slice_str(weft_token_name((enum weft_token)t));
        char *upper = weft_slice_dup(name);
        for (size_t i = 0; i < name.len; i++)
            if (upper[i] >= 'a' && upper[i] <= 'z') upper[i] = (char)(upper[i] - 32);
        assert_int_equal(weft_token_of(name), t);
        assert_int_equal(weft_token_of(weft_slice(upper, name.len)), t);
        upper[0] = '!';
        assert_int_equal(weft_token_of(weft_slice(upper, name.len)), WEFT_TOKEN_OTHER);
        free(upper);
    }
    assert_int_equal(weft_token_of(S("")), WEFT_TOKEN_OTHER);
    assert_int_equal(weft_token_of(S("x-very-long-name-of-some-field")), WEFT_TOKEN_OTHER);
    assert_string_equal(weft_token_name(WEFT_TOKEN_COUNT), "");
}

static void test_reasons(void **state) {
    assert_string_equal(weft_reason_word(WEFT_REASON_NO_ROUTE), "no_route");
    assert_int_equal(weft_reason_http(WEFT_REASON_NO_ROUTE), 404);
    assert_int_equal(weft_reason_grpc(WEFT_REASON_NO_ROUTE), 12);
    assert_string_equal(weft_reason_word((enum weft_reason)999), "");
    assert_true(strlen(weft_reason_text(WEFT_REASON_LOOP)) > 0);
}

/* REQ-067: names without case; values of a repeated field joined in order. */
static void test_fields(void **state) {
    struct weft_arena a;
    struct weft_fields f;
    struct weft_slice joined;
    weft_arena_init(&a, 0);
    weft_fields_init(&f, &a);
    char name[] = "X-Foo", value[] = "1";
    assert_int_equal(weft_fields_add(&f, weft_slice_str(name), weft_slice_str(value)), WEFT_OK);
    memset(name, 0, sizeof name), memset(value, 0, sizeof value); /* copied */
    weft_fields_add(&f, S("Content-Type"), S("a/b"));
    weft_fields_add(&f, S("x-foo"), S(""));
    weft_fields_add(&f, S("x-FOO"), S("3"));
    assert_true(weft_slice_is(f.items[0].name, "x-foo"));
    assert_true(weft_slice_is(weft_fields_get(&f, S("x-foo"))->value, "1"));
    assert_true(weft_slice_is(weft_fields_get(&f, S("content-type"))->value, "a/b"));
    assert_ptr_equal(weft_fields_token(&f, WEFT_TOKEN_CONTENT_TYPE), &f.items[1]);
    assert_null(weft_fields_get(&f, S("x-fo")));
    assert_null(weft_fields_token(&f, WEFT_TOKEN_HOST));
    assert_true(weft_fields_joined(&f, S("x-foo"), &a, &joined));
    assert_true(weft_slice_is(joined, "1,,3"));
    assert_true(weft_fields_joined(&f, S("content-type"), &a, &joined));
    assert_true(weft_slice_is(joined, "a/b"));
    assert_false(weft_fields_joined(&f, S("y"), &a, &joined));
    assert_int_equal(weft_fields_remove(&f, S("x-foo")), 3);
    assert_int_equal(weft_fields_remove(&f, S("x-foo")), 0);
    assert_int_equal(weft_fields_remove_token(&f, WEFT_TOKEN_CONTENT_TYPE), 1);
    assert_int_equal(f.n, 0);
    for (int i = 0; i < 100; i++) weft_fields_add(&f, S("n"), S("v"));
    assert_int_equal(f.n, 100);
    weft_arena_done(&a);
}

static void test_joined_of_empty_values(void **state) {
    struct weft_arena a;
    struct weft_fields f;
    struct weft_slice joined;
    weft_arena_init(&a, 0);
    weft_fields_init(&f, &a);
    weft_fields_add(&f, S("a"), S(""));
    weft_fields_add(&f, S("a"), S(""));
    weft_fields_add(&f, S("a"), S("x"));
    assert_true(weft_fields_joined(&f, S("a"), &a, &joined));
    assert_true(weft_slice_is(joined, ",,x"));
    weft_arena_done(&a);
}

static void test_limit(void **state) {
    struct weft_arena a;
    struct weft_fields f;
    weft_arena_init(&a, 2000);
    weft_fields_init(&f, &a);
    enum weft_status st = WEFT_OK;
    for (int i = 0; i < 1000 && st == WEFT_OK; i++) st = weft_fields_add(&f, S("name"), S("v"));
    assert_int_equal(st, WEFT_LIMIT);
    weft_arena_done(&a);
}

static void test_head(void **state) {
    struct weft_arena a, b;
    struct weft_head h, copy;
    weft_arena_init(&a, 0);
    weft_arena_init(&b, 0);
    weft_head_init(&h, &a);
    assert_true(weft_slice_is(h.scheme, "http"));
    h.method = weft_arena_dup(&a, S("GET"));
    h.path = weft_arena_dup(&a, S("/a?b=c?d"));
    weft_fields_add(&h.fields, S("x"), S("y"));
    weft_fields_add(&h.fields, S("content-type"), S("z"));
    assert_int_equal(weft_head_copy(&copy, &h, &b), WEFT_OK);
    weft_arena_done(&a);
    assert_true(weft_slice_is(copy.method, "GET"));
    assert_null(copy.authority.base);
    assert_true(weft_slice_is(weft_head_path_only(&copy), "/a"));
    assert_true(weft_slice_is(weft_head_query(&copy), "b=c?d"));
    assert_true(weft_slice_is(weft_fields_get(&copy.fields, S("x"))->value, "y"));
    assert_ptr_equal(copy.fields.arena, &b);
    copy.path = S("/a");
    assert_null(weft_head_query(&copy).base);
    copy.path = S("/a?");
    assert_non_null(weft_head_query(&copy).base);
    assert_int_equal(weft_head_query(&copy).len, 0);
    weft_arena_done(&b);
}

/* The check looks at words of eight: a bad byte must show wherever in a word or behind them it is.
 */
static void test_value_clean(void **state) {
    char text[40];
    for (size_t len = 0; len <= sizeof text; len++) {
        for (size_t at = 0; at < len; at++) {
            for (int c = 0; c < 256; c++) {
                memset(text, 'x', sizeof text);
                text[at] = (char)c;
                bool bad = c == 0 || c == '\r' || c == '\n';
                assert_int_equal(http_value_clean(weft_slice(text, len)), !bad);
            }
        }
        memset(text, 0xff, sizeof text);
        assert_true(http_value_clean(weft_slice(text, len)));
    }
}

static void test_put_number(void **state) {
    char text[24];
    assert_int_equal(http_put_number(text, 0) - text, 1);
    assert_memory_equal(text, "0", 1);
    assert_int_equal(http_put_number(text, UINT64_MAX) - text, 20);
    assert_memory_equal(text, "18446744073709551615", 20);
}

static void test_is_grpc(void **state) {
    static const struct {
        const char *type;
        bool grpc;
    } cases[] = {
        {"application/grpc", 1},     {"application/grpc+proto", 1}, {"Application/GRPC;a=b", 1},
        {"application/grpc-web", 0}, {"application/grp", 0},        {"", 0},
    };
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        struct weft_arena a;
        struct weft_head h;
        weft_arena_init(&a, 0);
        weft_head_init(&h, &a);
        assert_false(weft_head_is_grpc(&h));
        weft_fields_add(&h.fields, S("content-type"), weft_slice_str(cases[i].type));
        assert_int_equal(weft_head_is_grpc(&h), cases[i].grpc);
        weft_arena_done(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),     cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_fields),     cmocka_unit_test(test_joined_of_empty_values),
        cmocka_unit_test(test_limit),      cmocka_unit_test(test_head),
        cmocka_unit_test(test_is_grpc),    cmocka_unit_test(test_value_clean),
        cmocka_unit_test(test_put_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <weft/mesh/cors.h>

#define sl(s) WEFT_SLICE_LIT(s)

/* REQ-097: "*" alone, or http(s)://host[:port]. */
static void patterns(void **state) {
    static const char *const good[] = {"*",
                                       "https://*",
                                       "http://*:8080",
                                       "https://*.example.org",
                                       "https://www.example.org",
                                       "http://[::1]",
                                       "http://[::1]:8080",
                                       "HTTPS://A.example"};
    static const char *const bad[] = {"",
                                      "example.org",
                                      "ftp://a.example",
                                      "https://",
                                      "https://a.example/",
                                      "https://a.example:",
                                      "https://a.example:0",
                                      "https://a.example:65536",
                                      "https://a.*.example",
                                      "https://*a.example",
                                      "https://a b"};
    for (size_t i = 0; i < WEFT_LEN(good); i++)
        assert_null(weft_cors_origin_fault(weft_slice_str(good[i])));
    for (size_t i = 0; i < WEFT_LEN(bad); i++)
        assert_non_null(weft_cors_origin_fault(weft_slice_str(bad[i])));
}

/* REQ-098, REQ-176: a wildcard takes any number of labels; a port left out is the scheme's. */
static void origins(void **state) {
    static const struct {
        const char *pattern, *origin;
        bool allowed;
    } rows[] = {
        {"*", "https://a.example", true},
        {"*", "null", true},
        {"*", "", false},
        {"https://*.bar.com", "https://www.bar.com", true},
        {"https://*.bar.com", "https://xpto.www.bar.com", true},
        {"https://*.bar.com", "https://bar.com", false},
        {"https://*.bar.com", "https://www.foobar.com", false},
        {"https://*.bar.com", "http://www.bar.com", false},
        {"https://*.bar.com", "https://www.bar.com:8443", false},
        {"https://*.bar.com:8443", "https://www.bar.com:8443", true},
        {"https://a.example", "https://A.Example:443", true},
        {"http://a.example:80", "http://a.example", true},
        {"http://a.example", "http://a.example:8080", false},
        {"http://*", "http://any.thing", true},
        {"http://*", "https://any.thing", false},
        {"http://a.example", "null", false},
        {"http://a.example", "http://a.example.evil", false},
        {"http://a.example", "http://evil-a.example", false},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct weft_slice pattern = weft_slice_str(rows[i].pattern);
        struct weft_cors c = {.origins = &pattern, .n_origins = 1};
        assert_int_equal(weft_cors_allows(&c, weft_slice_str(rows[i].origin)), rows[i].allowed);
    }
}

struct scene {
    struct weft_arena arena;
    struct weft_head request, reply;
    struct weft_cors_request asked;
};

static void begin(struct scene *s, const char *method, const char *origin, const char *acrm,
                  const char *acrh) {
    weft_arena_init(&s->arena, 0);
    weft_head_init(&s->request, &s->arena);
    weft_head_init(&s->reply, &s->arena);
    s->request.method = weft_slice_str(method);
    struct weft_fields *f = &s->request.fields;
    const char *const names[] = {"origin", "access-control-request-method",
                                 "access-control-request-headers"};
    const char *const values[] = {origin, acrm, acrh};
    for (size_t i = 0; i < 3; i++)
        if (values[i])
            assert_int_equal(
                weft_fields_add(f, weft_slice_str(names[i]), weft_slice_str(values[i])), WEFT_OK);
    weft_cors_request_take(&s->request, &s->asked);
}

static void expect(struct scene *s, const char *name, const char *value) {
    struct weft_slice got;
    bool there = weft_fields_joined(&s->reply.fields, weft_slice_str(name), &s->arena, &got);
    if (!value)
        assert_false(there);
    else
        assert_true(there && weft_slice_is(got, value));
}

/* REQ-099: only OPTIONS with both fields is a preflight. */
static void what_a_preflight_is(void **state) {
    struct scene s;
    begin(&s, "OPTIONS", "https://a.example", "PUT", NULL);
    assert_true(s.asked.preflight);
    weft_arena_done(&s.arena);
    begin(&s, "OPTIONS", "https://a.example", NULL, NULL);
    assert_false(s.asked.preflight);
    weft_arena_done(&s.arena);
    begin(&s, "OPTIONS", NULL, "PUT", NULL);
    assert_false(s.asked.preflight);
    weft_arena_done(&s.arena);
    begin(&s, "GET", "https://a.example", "PUT", NULL);
    assert_false(s.asked.preflight);
    assert_true(s.asked.origin.len > 0);
    weft_arena_done(&s.arena);
}

static struct weft_slice any = {"*", 1}, one = {"https://*.example.org", 21};

/* REQ-100, REQ-176: lists are told as they stand; "*" is told as such only without credentials. */
static void preflights(void **state) {
    struct weft_cors listed = {.origins = &one,
                               .n_origins = 1,
                               .methods = sl("GET,PUT"),
                               .allow_headers = sl("X-A,X-B"),
                               .max_age_s = 600};
    struct scene s;
    begin(&s, "OPTIONS", "https://a.example.org", "PUT", "x-a");
    assert_true(weft_cors_preflight(&listed, &s.asked, &s.arena, &s.reply));
    assert_int_equal(s.reply.status, 204);
    expect(&s, "access-control-allow-origin", "https://a.example.org");
    expect(&s, "access-control-allow-methods", "GET,PUT");
    expect(&s, "access-control-allow-headers", "X-A,X-B");
    expect(&s, "access-control-allow-credentials", NULL);
    expect(&s, "access-control-max-age", "600");
    expect(&s, "vary", "Origin");
    weft_arena_done(&s.arena);

    struct weft_cors open = {.origins = &any,
                             .n_origins = 1,
                             .methods = sl("*"),
                             .allow_headers = sl("*"),
                             .max_age_s = 5};
    begin(&s, "OPTIONS", "https://b.example", "DELETE", NULL);
    assert_true(weft_cors_preflight(&open, &s.asked, &s.arena, &s.reply));
    expect(&s, "access-control-allow-origin", "*");
    expect(&s, "access-control-allow-methods", "*");
    expect(&s, "access-control-allow-headers", NULL); /* none were asked for */
    expect(&s, "vary", NULL);
    weft_arena_done(&s.arena);

    open.credentials = true;
    begin(&s, "OPTIONS", "https://b.example", "DELETE", "x-a, x-b");
    assert_true(weft_cors_preflight(&open, &s.asked, &s.arena, &s.reply));
    expect(&s, "access-control-allow-origin", "https://b.example");
    expect(&s, "access-control-allow-methods", "DELETE");
    expect(&s, "access-control-allow-headers", "x-a, x-b");
    expect(&s, "access-control-allow-credentials", "true");
    weft_arena_done(&s.arena);
}

/* REQ-099: an origin that is not allowed gets no field of it. */
static void preflight_of_a_stranger(void **state) {
    struct weft_cors c = {.origins = &one, .n_origins = 1, .methods = sl("GET"), .max_age_s = 5};
    struct scene s;
    begin(&s, "OPTIONS", "https://evil.example", "PUT", NULL);
    assert_true(weft_cors_preflight(&c, &s.asked, &s.arena, &s.reply));
    assert_int_equal(s.reply.status, 204);
    assert_int_equal(s.reply.fields.n, 0);
    weft_arena_done(&s.arena);
}

/* REQ-101: what browsers send without asking first is never refused for its method, listed or not.
 */
static void safelisted_methods(void **state) {
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    struct weft_cors c = {.origins = &one,
                          .n_origins = 1,
                          .methods = sl("PUT"),
                          .allow_headers = sl("X-A"),
                          .max_age_s = 5};
    struct scene s;
    for (size_t i = 0; i < WEFT_LEN(methods); i++) {
        begin(&s, "OPTIONS", "https://a.example.org", methods[i], "x-a");
        assert_true(weft_cors_preflight(&c, &s.asked, &s.arena, &s.reply));
        assert_int_equal(s.reply.status, 204);
        expect(&s, "access-control-allow-origin", "https://a.example.org");
        expect(&s, "access-control-allow-methods", "PUT");
        expect(&s, "access-control-allow-headers", "X-A");
        weft_arena_done(&s.arena);

        begin(&s, methods[i], "https://a.example.org", NULL, NULL);
        weft_cors_response(&c, &s.asked, &s.reply);
        expect(&s, "access-control-allow-origin", "https://a.example.org");
        weft_arena_done(&s.arena);
    }
}

/* REQ-099, REQ-100: what the app says gives way, matched or not. */
static void responses(void **state) {
    struct weft_cors c = {
        .origins = &one, .n_origins = 1, .expose_headers = sl("X-Total"), .credentials = true};
    struct scene s;
    for (int allowed = 0; allowed < 2; allowed++) {
        begin(&s, "GET", allowed ? "https://a.example.org" : "https://evil.example", NULL, NULL);
        assert_int_equal(
            weft_fields_add(&s.reply.fields, sl("access-control-allow-origin"), sl("*")), WEFT_OK);
        assert_int_equal(weft_fields_add(&s.reply.fields, sl("x-total"), sl("3")), WEFT_OK);
        weft_cors_response(&c, &s.asked, &s.reply);
        expect(&s, "access-control-allow-origin", allowed ? "https://a.example.org" : NULL);
        expect(&s, "access-control-allow-credentials", allowed ? "true" : NULL);
        expect(&s, "access-control-expose-headers", allowed ? "X-Total" : NULL);
        expect(&s, "access-control-max-age", NULL);
        expect(&s, "x-total", "3");
        expect(&s, "vary", "Origin");
        weft_arena_done(&s.arena);
    }
    c.expose_headers = sl("*"); /* not a wildcard beside credentials: left out */
    begin(&s, "GET", "https://a.example.org", NULL, NULL);
    weft_cors_response(&c, &s.asked, &s.reply);
    expect(&s, "access-control-expose-headers", NULL);
    weft_arena_done(&s.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(origins),
        cmocka_unit_test(what_a_preflight_is),
        cmocka_unit_test(preflights),
        cmocka_unit_test(preflight_of_a_stranger),
        cmocka_unit_test(safelisted_methods),
        cmocka_unit_test(responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Sealing: what is refused and what is normalised; reference counts; names of protocols. */
#include "mesh_test.h"

static void refused_as(enum weft_status st, struct weft_destination *d, const char *path) {
    struct weft_error err = {0};
    assert_int_equal(weft_destination_seal(d, &err), st);
    assert_string_equal(err.path, path);
    assert_true(err.message[0] != 0);
    assert_null(weft_destination_unref(d));
}

static void refused(struct weft_destination *d, const char *path) {
    refused_as(WEFT_INVALID, d, path);
}

static struct weft_destination *with_match(const char *text) {
    return dest_of(&text, 1);
}

static void test_seal_refuses_matches(void **state) {
    refused_as(WEFT_PATTERN, with_match("~/a("), "rules[0].matches[0].path");
    refused(with_match("="), "rules[0].matches[0].path");
    refused(with_match("=abc"), "rules[0].matches[0].path");
    refused(with_match("abc"), "rules[0].matches[0].path");
    refused_as(WEFT_PATTERN, with_match("/ h:a~["), "rules[0].matches[0].headers");
    refused(with_match("/ h:=1"), "rules[0].matches[0].headers");
    refused(with_match("/ q:=1"), "rules[0].matches[0].queryParams");
    refused_as(WEFT_PATTERN, with_match("/ q:a~*"), "rules[0].matches[0].queryParams");
    struct weft_destination *d = with_match("/");
    d->rules[0].matches[0].path_kind = (enum weft_path_kind)9;
    refused(d, "rules[0].matches[0].path");
    char longer[1100] = "~/";
    memset(longer + 2, 'a', 1024);
    refused_as(WEFT_PATTERN, with_match(longer), "rules[0].matches[0].path");
}

static struct weft_destination *with_filter(struct weft_filter f, bool on_backend) {
    struct weft_destination *d = with_match("/");
    struct weft_filter *copy = weft_arena_new(&d->arena, struct weft_filter);
    *copy = f;
    if (on_backend) {
        d->rules[0].backends = weft_arena_new(&d->arena, struct weft_backend);
        d->rules[0].n_backends = 1;
        d->rules[0].backends[0].filters = copy;
        d->rules[0].backends[0].n_filters = 1;
    } else {
        d->rules[0].filters = copy;
        d->rules[0].n_filters = 1;
    }
    return d;
}

static void test_seal_refuses_filters(void **state) {
    struct weft_filter f = {.kind = WEFT_FILTER_REDIRECT, .redirect.status = 304};
    refused(with_filter(f, false), "rules[0].filters[0].statusCode"); /* REQ-086 */
    refused(with_filter(f, true), "rules[0].backends[0].filters[0].statusCode");
    f.redirect.status = 301;
    f.redirect.scheme = sl("ftp");
    refused(with_filter(f, false), "rules[0].filters[0].scheme");
    struct weft_kv nameless[] = {{.value = sl("1")}};
    f = (struct weft_filter){.kind = WEFT_FILTER_REQUEST_HEADERS,
                             .headers = {.add = nameless, .n_add = 1}};
    refused(with_filter(f, false), "rules[0].filters[0]");
    f.kind = (enum weft_filter_kind)77;
    refused(with_filter(f, false), "rules[0].filters[0].type");
}

static void test_seal_refuses_backends(void **state) {
    struct weft_destination *d = with_match("/");
    d->default_backend.endpoints = 1;
    refused(d, "default_backend.endpoints");
    d = with_match("/");
    d->default_backend.endpoints = WEFT_NO_ENDPOINTS;
    refused(d, "default_backend.endpoints");
    d = with_match("/");
    d->default_backend.weight = 1000001; /* REQ-046 */
    refused(d, "default_backend.weight");
    d = with_match("/");
    d->endpoints[0] = WEFT_SLICE_EMPTY;
    refused(d, "endpoints[0]");
    d = with_match("/");
    d->name = WEFT_SLICE_EMPTY;
    refused(d, "name");
    d = dest_new(0);
    d->kind = WEFT_DEST_NONE; /* nothing of ours needs no backend */
    d->default_backend.endpoints = WEFT_NO_ENDPOINTS;
    dest_seal(d);
    weft_destination_unref(d);
}

static void test_seal_normalises(void **state) {
    struct weft_destination *d = with_match("/a/ h:X-A=1 h:x-b=2 h:x-a=3 q:B=1 q:b=2 q:B=3");
    struct weft_slice removed[] = {sl("X-Gone")};
    struct weft_filter f = {.kind = WEFT_FILTER_RESPONSE_HEADERS,
                            .headers = {.remove = removed, .n_remove = 1}};
    d->rules[0].filters = &f;
    d->rules[0].n_filters = 1;
    dest_seal(d);
    const struct weft_match *m = &d->rules[0].matches[0];
    assert_slice(m->path, "/a");       /* REQ-065 */
    assert_int_equal(m->n_headers, 2); /* REQ-067 */
    assert_slice(m->headers[0].name, "x-a");
    assert_slice(m->headers[0].value, "1");
    assert_int_equal(m->n_queries, 2); /* REQ-068 */
    assert_slice(m->queries[1].name, "b");
    assert_slice(removed[0], "x-gone");
    weft_destination_unref(d);
}

static void test_references(void **state) {
    struct weft_destination *d = with_match("~/a+");
    dest_seal(d);
    assert_ptr_equal(weft_destination_ref(d), d);
    assert_null(weft_destination_unref(d));
    assert_int_equal(d->rules[0].matches[0].path.len, 3); /* still there */
    assert_null(weft_destination_unref(d));
    assert_null(weft_destination_unref(NULL));
    assert_null(weft_endpoints_unref(weft_endpoints_new()));
    assert_null(weft_inbound_unref(weft_inbound_new()));
    assert_null(weft_trust_unref(weft_trust_new()));
}

static struct weft_endpoints *endpoints_of(const char *const *addrs, uint32_t n) {
    struct weft_endpoints *e = weft_endpoints_new();
    e->name = sl("endpoints/default/web:80");
    e->items = weft_arena_array(&e->arena, struct weft_endpoint, n);
    e->n = n;
    for (uint32_t i = 0; i < n; i++) assert_true(weft_addr_parse(sl(addrs[i]), &e->items[i].addr));
    return e;
}

static void test_endpoints_seal(void **state) {
    static const char *const addrs[] = {"[::1]:80", "10.0.0.2:80", "10.0.0.1:90", "10.0.0.1:80",
                                        "10.0.0.2:80"};
    static const char *const want[] = {"10.0.0.1:80", "10.0.0.1:90", "10.0.0.2:80", "[::1]:80"};
    struct weft_endpoints *e = endpoints_of(addrs, 5);
    assert_int_equal(weft_endpoints_seal(e, NULL), WEFT_OK);
    assert_int_equal(e->n, 4);
    for (uint32_t i = 0; i < e->n; i++) {
        char text[WEFT_ADDR_STR];
        weft_addr_format(&e->items[i].addr, text);
        assert_string_equal(text, want[i]);
    }
    weft_endpoints_unref(e);

    struct weft_error err = {0};
    e = endpoints_of(addrs, 2);
    e->items[1].meshed = true; /* whose identity would be checked? */
    assert_int_equal(weft_endpoints_seal(e, &err), WEFT_INVALID);
    assert_string_equal(err.path, "items[1]");
    weft_endpoints_unref(e);
    e = endpoints_of(addrs, 2);
    e->items[0].addr.family = 0;
    assert_int_equal(weft_endpoints_seal(e, &err), WEFT_INVALID);
    weft_endpoints_unref(e);
    e = weft_endpoints_new();
    assert_int_equal(weft_endpoints_seal(e, &err), WEFT_INVALID);
    assert_string_equal(err.path, "name");
    weft_endpoints_unref(e);
}

/* REQ-057, REQ-059 */
static void test_protocols(void **state) {
    static const struct {
        const char *app, *port, *want;
    } rows[] = {
        {"", "", "unknown"},
        {"", "http", "http"},
        {"", "http-web", "http"},
        {"", "httpx", "unknown"},
        {"", "grpc-api", "grpc"},
        {"", "grpc-web-api", "http"},
        {"", "https", "tls"},
        {"", "tcp-db", "tcp"},
        {"", "mysql", "tcp"},
        {"", "metrics", "unknown"},
        {"http", "tcp", "http"},
        {"HTTP", "", "http"},
        {"kubernetes.io/h2c", "http", "h2c"},
        {"kubernetes.io/ws", "", "http1"},
        {"kubernetes.io/wss", "", "tls"},
        {"grpc", "", "grpc"},
        {"https", "", "tls"},
        {"tls", "", "tls"},
        {"tcp", "http", "tcp"},
        {"example.com/own", "http", "unknown"},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++)
        assert_string_equal(
            weft_protocol_name(weft_protocol_from(sl(rows[i].app), sl(rows[i].port))),
            rows[i].want);
    assert_string_equal(weft_mtls_name(WEFT_MTLS_STRICT), "strict");
    assert_string_equal(weft_mtls_name(WEFT_MTLS_PERMISSIVE), "permissive");
    assert_string_equal(weft_mtls_name(WEFT_MTLS_DISABLED), "disabled");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_refuses_matches),
        cmocka_unit_test(test_seal_refuses_filters),
        cmocka_unit_test(test_seal_refuses_backends),
        cmocka_unit_test(test_seal_normalises),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_endpoints_seal),
        cmocka_unit_test(test_protocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

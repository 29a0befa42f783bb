/* SPDX-License-Identifier: Apache-2.0
 * weft.v1 messages: what is encoded comes back the same, and broken bytes name their field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <weft/mesh/dump.h>
#include <weft/xds/codec.h>
#include <weft/xds/state.h>

#define LIT(s) WEFT_SLICE_LIT(s)

static struct weft_filter *some_filters(struct weft_arena *a, uint32_t *ret_n) {
    struct weft_filter *f = weft_arena_array(a, struct weft_filter, 7);
    f[0].kind = WEFT_FILTER_REQUEST_HEADERS;
    f[0].headers.set = weft_arena_new(a, struct weft_kv);
    f[0].headers.set[0] = (struct weft_kv){LIT("x-set"), LIT("a b")};
    f[0].headers.n_set = 1;
    f[0].headers.add = weft_arena_new(a, struct weft_kv);
    f[0].headers.add[0] = (struct weft_kv){LIT("x-add"), LIT("")};
    f[0].headers.n_add = 1;
    f[0].headers.remove = weft_arena_new(a, struct weft_slice);
    f[0].headers.remove[0] = LIT("x-gone");
    f[0].headers.n_remove = 1;
    f[1].kind = WEFT_FILTER_RESPONSE_HEADERS;
    f[2].kind = WEFT_FILTER_REDIRECT;
    f[2].redirect.scheme = LIT("https");
    f[2].redirect.hostname = LIT("example.org");
    f[2].redirect.path = (struct weft_path_mod){WEFT_PATH_REPLACE_PREFIX, LIT("/new")};
    f[2].redirect.port = 8443;
    f[2].redirect.status = 308;
    f[3].kind = WEFT_FILTER_REWRITE;
    f[3].rewrite.hostname = LIT("internal");
    f[3].rewrite.path = (struct weft_path_mod){WEFT_PATH_FULL, LIT("/all")};
    f[4].kind = WEFT_FILTER_INVALID;
    f[4].invalid = LIT("no such filter");
    f[5].kind = WEFT_FILTER_MIRROR;
    f[5].mirror.numerator = 25;
    f[5].mirror.denominator = 50;
    f[5].mirror.backend = weft_arena_new(a, struct weft_backend);
    *f[5].mirror.backend = (struct weft_backend){.ns = LIT("default"),
                                                 .service = LIT("shadow"),
                                                 .port = 81,
                                                 .endpoints = 0,
                                                 .protocol = WEFT_PROTO_HTTP1};
    f[6].kind = WEFT_FILTER_CORS;
    f[6].cors.origins = weft_arena_new(a, struct weft_slice);
    f[6].cors.origins[0] = LIT("https://*.example.org");
    f[6].cors.n_origins = 1;
    f[6].cors.methods = LIT("GET,PUT");
    f[6].cors.allow_headers = LIT("x-a");
    f[6].cors.expose_headers = LIT("*");
    f[6].cors.credentials = true;
    f[6].cors.max_age_s = 600;
    *ret_n = 7;
    return f;
}

static struct weft_backend some_backend(struct weft_arena *a, uint32_t endpoints) {
    struct weft_backend b = {.ns = LIT("default"),
                             .service = LIT("web"),
                             .port = 80,
                             .weight = 1000000,
                             .endpoints = endpoints,
                             .protocol = WEFT_PROTO_H2C};
    if (endpoints == WEFT_NO_ENDPOINTS) b.invalid = LIT("BackendNotFound: no Service");
    b.filters = some_filters(a, &b.n_filters);
    return b;
}

static void some_rule(struct weft_arena *a, struct weft_rule *r, uint32_t index) {
    r->route_ns = LIT("default");
    r->route = LIT("web-route");
    r->name = LIT("first");
    r->index = index;
    r->created = 1700000000;
    r->matches = weft_arena_array(a, struct weft_match, 6);
    r->n_matches = 6;
    r->matches[0].path_kind = WEFT_PATH_PREFIX;
    r->matches[0].path = LIT("/v2");
    r->matches[0].method = LIT("GET");
    r->matches[0].headers = weft_arena_new(a, struct weft_text_match);
    r->matches[0].headers[0] =
        (struct weft_text_match){.name = LIT("x-user"), .value = LIT("a.*"), .kind = 1};
    r->matches[0].n_headers = 1;
    r->matches[0].queries = weft_arena_new(a, struct weft_text_match);
    r->matches[0].queries[0] = (struct weft_text_match){.name = LIT("q"), .value = LIT("1")};
    r->matches[0].n_queries = 1;
    r->matches[1].path_kind = WEFT_PATH_REGEX;
    r->matches[1].path = LIT("/x[0-9]+");
    r->matches[2].path_kind = WEFT_PATH_SERVICE_REGEX;
    r->matches[2].path = LIT("/(?:a|b)/(?:G.*)");
    r->matches[2].service_len = 3;
    r->matches[3].path_kind = WEFT_PATH_METHOD;
    r->matches[3].path = LIT("Get");
    r->matches[4].path_kind = WEFT_PATH_METHOD_REGEX;
    r->matches[4].path = LIT("/[^/]+/(?:G.*)");
    r->matches[5].path_kind = WEFT_PATH_ANY;
    r->filters = some_filters(a, &r->n_filters);
    r->backends = weft_arena_array(a, struct weft_backend, 2);
    r->n_backends = 2;
    r->backends[0] = some_backend(a, 0);
    r->backends[1] = some_backend(a, WEFT_NO_ENDPOINTS);
    r->request_timeout_us = 1500000;
    r->backend_timeout_us = 500000;
    r->retry.present = true;
    r->retry.attempts = 3;
    r->retry.backoff_us = 100000;
    r->retry.codes = weft_arena_array(a, uint16_t, 2);
    r->retry.codes[0] = 500;
    r->retry.codes[1] = 503;
    r->retry.n_codes = 2;
    r->retry.grpc_codes = 1u << 14 | 1u << 8;
    if (index == 1) r->invalid = LIT("dropped:\n reasons");
}

static struct weft_destination *some_destination(const char *name) {
    struct weft_destination *d = weft_destination_new();
    struct weft_arena *a = &d->arena;
    d->name = weft_arena_dup_str(a, name);
    assert_true(weft_addr_parse(weft_slice_from(d->name, 5), &d->addr));
    d->kind = WEFT_DEST_SERVICE;
    d->ns = LIT("default");
    d->service = LIT("web");
    d->port = 80;
    d->port_name = LIT("http-web");
    d->protocol = WEFT_PROTO_HTTP;
    d->routes = WEFT_ROUTES_HTTP;
    d->endpoints = weft_arena_array(a, struct weft_slice, 2);
    d->endpoints[0] = LIT("endpoints/default/web:80");
    d->endpoints[1] = LIT("endpoints/default/web-v2:80");
    d->n_endpoints = 2;
    d->default_backend = some_backend(a, 1);
    d->rules = weft_arena_array(a, struct weft_rule, 2);
    d->n_rules = 2;
    some_rule(a, &d->rules[0], 0);
    some_rule(a, &d->rules[1], 1);
    struct weft_error err = {0};
    assert_int_equal(weft_destination_seal(d, &err), WEFT_OK);
    return d;
}

static void assert_json_equal(json_t *a, json_t *b) {
    char *x = weft_dump_text(a), *y = weft_dump_text(b);
    assert_string_equal(x, y);
    free(x);
    free(y);
    json_decref(a);
    json_decref(b);
}

static void check_destination(struct weft_destination *d) {
    struct weft_buf one, two;
    weft_buf_init(&one, 0);
    weft_buf_init(&two, 0);
    struct weft_error err = {0};
    struct weft_destination *back = NULL;
    char version[17];
    assert_int_equal(weft_xds_encode_destination(d, &one), WEFT_OK);
    assert_int_equal(weft_xds_decode_destination(weft_buf_slice(&one), &back, &err), WEFT_OK);
    assert_int_equal(weft_xds_encode_destination(back, &two), WEFT_OK);
    assert_true(weft_slice_eq(weft_buf_slice(&one), weft_buf_slice(&two)));
    weft_slice_hash_hex(weft_buf_slice(&one), version);
    assert_true(weft_slice_is(back->version, version));
    assert_true(weft_addr_eq(&back->addr, &d->addr));
    d->version = weft_arena_dup_str(&d->arena, version);
    assert_json_equal(weft_dump_destination(d), weft_dump_destination(back));
    weft_destination_unref(back);
    weft_destination_unref(d);
    weft_buf_done(&one);
    weft_buf_done(&two);
}

static void test_destination_comes_back_equal(void **state) {
    (void)state;
    check_destination(some_destination("dest/10.0.0.1:80"));
    check_destination(some_destination("dest/[fd00::1]:80"));
}

static void test_nothing_of_ours_comes_back_equal(void **state) {
    (void)state;
    struct weft_destination *d = weft_destination_new();
    d->name = LIT("dest/192.0.2.7:443");
    assert_true(weft_addr_parse(LIT("192.0.2.7:443"), &d->addr));
    d->default_backend.endpoints = WEFT_NO_ENDPOINTS;
    struct weft_error err = {0};
    assert_int_equal(weft_destination_seal(d, &err), WEFT_OK);
    check_destination(d);
}

static struct weft_endpoints *some_endpoints(void) {
    struct weft_endpoints *e = weft_endpoints_new();
    e->name = LIT("endpoints/default/web:80");
    e->items = weft_arena_array(&e->arena, struct weft_endpoint, 2);
    e->n = 2;
    assert_true(weft_addr_parse(LIT("10.1.0.1:8080"), &e->items[0].addr));
    assert_true(weft_addr_parse(LIT("[fd00::2]:8080"), &e->items[1].addr));
    e->items[0].ns = LIT("default");
    e->items[0].pod = LIT("web-1");
    e->items[0].service_account = LIT("web");
    e->items[0].spiffe_id = LIT("spiffe://cluster.local/ns/default/sa/web");
    e->items[0].meshed = true;
    e->items[0].mode = WEFT_MTLS_STRICT;
    e->items[0].zone = LIT("z1");
    struct weft_error err = {0};
    assert_int_equal(weft_endpoints_seal(e, &err), WEFT_OK);
    return e;
}

static void test_endpoints_come_back_equal(void **state) {
    (void)state;
    struct weft_buf one;
    weft_buf_init(&one, 0);
    struct weft_error err = {0};
    struct weft_endpoints *e = some_endpoints(), *back = NULL;
    assert_int_equal(weft_xds_encode_endpoints(e, &one), WEFT_OK);
    assert_int_equal(weft_xds_decode_endpoints(weft_buf_slice(&one), &back, &err), WEFT_OK);
    e->version = back->version;
    assert_json_equal(weft_dump_endpoints(e), weft_dump_endpoints(back));
    weft_endpoints_unref(e);
    weft_endpoints_unref(back);
    weft_buf_done(&one);
}

static struct weft_inbound *some_inbound(void) {
    struct weft_inbound *i = weft_inbound_new();
    i->name = LIT("inbound/default/web-1");
    i->ns = LIT("default");
    i->pod = LIT("web-1");
    i->service_account = LIT("web");
    i->mode = WEFT_MTLS_STRICT;
    i->ports = weft_arena_new(&i->arena, struct weft_inbound_port);
    i->ports[0] = (struct weft_inbound_port){9090, WEFT_MTLS_DISABLED, WEFT_PROTO_TCP};
    i->n_ports = 1;
    return i;
}

static void test_inbound_comes_back_equal(void **state) {
    (void)state;
    struct weft_buf one;
    weft_buf_init(&one, 0);
    struct weft_error err = {0};
    struct weft_inbound *i = some_inbound(), *back = NULL;
    assert_int_equal(weft_xds_encode_inbound(i, &one), WEFT_OK);
    assert_int_equal(weft_xds_decode_inbound(weft_buf_slice(&one), &back, &err), WEFT_OK);
    i->version = back->version;
    assert_json_equal(weft_dump_inbound(i), weft_dump_inbound(back));
    weft_inbound_unref(i);
    weft_inbound_unref(back);
    weft_buf_done(&one);
}

static void test_trust_comes_back(void **state) {
    (void)state;
    struct weft_trust *t = weft_trust_new(), *back = NULL;
    struct weft_slice domains[] = {LIT("cluster.local"), LIT("old.local")};
    t->domains = domains;
    t->n_domains = 2;
    t->bundle = LIT("-----BEGIN CERTIFICATE-----\nabc\n");
    struct weft_buf one;
    weft_buf_init(&one, 0);
    struct weft_error err = {0};
    assert_int_equal(weft_xds_encode_trust(t, &one), WEFT_OK);
    assert_int_equal(weft_xds_decode_trust(weft_buf_slice(&one), &back, &err), WEFT_OK);
    assert_int_equal(back->n_domains, 2);
    assert_true(weft_slice_is(back->domains[1], "old.local"));
    assert_true(weft_slice_eq(back->bundle, t->bundle));
    weft_trust_unref(t);
    weft_trust_unref(back);
    weft_buf_done(&one);
}

static void test_snapshot_comes_back(void **state) {
    (void)state;
    struct weft_destination *d = some_destination("dest/10.0.0.1:80");
    struct weft_endpoints *e = some_endpoints();
    struct weft_inbound *i = some_inbound();
    struct weft_snapshot s = {.ns = LIT("default"),
                              .destinations = &d,
                              .endpoints = &e,
                              .inbound = &i,
                              .n_destinations = 1,
                              .n_endpoints = 1,
                              .n_inbound = 1};
    struct weft_snapshot back;
    struct weft_buf one, two;
    weft_buf_init(&one, 0);
    weft_buf_init(&two, 0);
    struct weft_error err = {0};
    assert_int_equal(weft_snapshot_encode(&s, &one), WEFT_OK);
    assert_int_equal(weft_snapshot_decode(weft_buf_slice(&one), &back, &err), WEFT_OK);
    assert_true(weft_slice_is(back.ns, "default"));
    assert_int_equal(back.n_destinations, 1);
    assert_int_equal(back.n_inbound, 1);
    assert_int_equal(weft_snapshot_encode(&back, &two), WEFT_OK);
    assert_true(weft_slice_eq(weft_buf_slice(&one), weft_buf_slice(&two)));
    weft_snapshot_done(&back);
    weft_destination_unref(d);
    weft_endpoints_unref(e);
    weft_inbound_unref(i);
    weft_buf_done(&one);
    weft_buf_done(&two);
}

/* Decoding every prefix of a good message, and the message with any byte changed, never does more
 * than fail. */
static void test_cut_and_changed_bytes_are_safe(void **state) {
    (void)state;
    struct weft_buf one;
    weft_buf_init(&one, 0);
    struct weft_destination *d = some_destination("dest/10.0.0.1:80");
    assert_int_equal(weft_xds_encode_destination(d, &one), WEFT_OK);
    weft_destination_unref(d);
    struct weft_slice all = weft_buf_slice(&one);
    for (size_t n = 0; n < all.len; n++) {
        char *copy = malloc(all.len);
        assert_non_null(copy);
        memcpy(copy, all.base, all.len);
        struct weft_error err;
        struct weft_destination *out = NULL;
        if (weft_xds_decode_destination(weft_slice(copy, n), &out, &err) == WEFT_OK)
            weft_destination_unref(out);
        copy[n] = (char)(copy[n] ^ 0x55);
        if (weft_xds_decode_destination(weft_slice(copy, all.len), &out, &err) == WEFT_OK)
            weft_destination_unref(out);
        free(copy);
    }
    weft_buf_done(&one);
}

static void expect_error(struct weft_destination *d, const char *path) {
    struct weft_buf one;
    weft_buf_init(&one, 0);
    struct weft_error err = {0};
    struct weft_destination *out = NULL;
    assert_int_equal(weft_xds_encode_destination(d, &one), WEFT_OK);
    assert_int_not_equal(weft_xds_decode_destination(weft_buf_slice(&one), &out, &err), WEFT_OK);
    assert_null(out);
    assert_string_equal(err.path, path);
    weft_destination_unref(d);
    weft_buf_done(&one);
}

static void test_errors_name_the_field(void **state) {
    (void)state;
    struct weft_destination *d = some_destination("dest/10.0.0.1:80");
    d->name = LIT("dest/10.0.0.1:080");
    expect_error(d, "name");
    d = some_destination("dest/10.0.0.1:80");
    d->rules[1].backends[0].endpoints = 2;
    expect_error(d, "rules[1].backends[0].endpoints");
    d = some_destination("dest/10.0.0.1:80");
    d->rules[0].filters[2].redirect.status = 200;
    expect_error(d, "rules[0].filters[2].redirect.status");
    d = some_destination("dest/10.0.0.1:80");
    d->rules[0].filters[0].headers.set[0].value = LIT("a\r\nx-evil: 1");
    expect_error(d, "rules[0].filters[0].set[0].value");
    d = some_destination("dest/10.0.0.1:80");
    d->rules[0].matches[0].headers[0].value = weft_slice("a\0b", 3);
    expect_error(d, "rules[0].matches[0].headers[0].value");
    d = some_destination("dest/10.0.0.1:80");
    d->default_backend.protocol = 77;
    expect_error(d, "default_backend.protocol");
    d = some_destination("dest/10.0.0.1:80");
    d->endpoints[1] = LIT("dest/1.2.3.4:5");
    expect_error(d, "endpoints");
}

static void test_wrong_file_is_said_so(void **state) {
    (void)state;
    struct weft_snapshot s;
    struct weft_error err = {0};
    assert_int_equal(weft_snapshot_decode(LIT("{\"kind\": \"List\"}"), &s, &err), WEFT_INVALID);
    assert_non_null(strstr(err.message, "weft compile"));
    assert_int_equal(weft_snapshot_decode(WEFT_SLICE_EMPTY, &s, &err), WEFT_INVALID);
}

/* Two bytes on the wire must not become hundreds in memory without end. */
static void test_memory_of_hostile_bytes_is_bounded(void **state) {
    (void)state;
    enum { N = 2 * 1024 * 1024 };
    char *bytes = malloc(N);
    assert_non_null(bytes);
    for (size_t i = 0; i < N; i += 2) memcpy(bytes + i, "\x5a\x00", 2); /* rules: {} */
    struct weft_destination *out = NULL;
    struct weft_error err = {0};
    assert_int_not_equal(weft_xds_decode_destination(weft_slice(bytes, N), &out, &err), WEFT_OK);
    free(bytes);
}

static void count_item(void *ud, const struct weft_state_item *item) {
    int *n = ud;
    assert_true(weft_slice_is(item->name, *n == 0 ? "trust" : "dest/1.2.3.4:5"));
    assert_int_equal(item->value.len, *n == 0 ? 0 : 3);
    ++*n;
}

static void test_state_comes_back(void **state) {
    (void)state;
    const struct weft_state_item items[] = {{LIT("trust"), WEFT_SLICE_EMPTY},
                                            {LIT("dest/1.2.3.4:5"), weft_slice("a\0b", 3)}};
    struct weft_buf out;
    weft_buf_init(&out, 0);
    struct weft_error err = {0};
    int n = 0;
    assert_int_equal(weft_state_encode(items, 2, &out), WEFT_OK);
    assert_int_equal(weft_state_decode(weft_buf_slice(&out), count_item, &n, &err), WEFT_OK);
    assert_int_equal(n, 2);
    assert_int_equal(weft_state_decode(LIT("nonsense"), count_item, &n, &err), WEFT_INVALID);
    weft_buf_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_destination_comes_back_equal),
        cmocka_unit_test(test_nothing_of_ours_comes_back_equal),
        cmocka_unit_test(test_endpoints_come_back_equal),
        cmocka_unit_test(test_inbound_comes_back_equal),
        cmocka_unit_test(test_trust_comes_back),
        cmocka_unit_test(test_snapshot_comes_back),
        cmocka_unit_test(test_cut_and_changed_bytes_are_safe),
        cmocka_unit_test(test_errors_name_the_field),
        cmocka_unit_test(test_wrong_file_is_said_so),
        cmocka_unit_test(test_memory_of_hostile_bytes_is_bounded),
        cmocka_unit_test(test_state_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

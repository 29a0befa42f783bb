/* SPDX-License-Identifier: Apache-2.0
 * The JSON of each resource, whole. */
#include <weft/mesh/dump.h>

#include "mesh_test.h"

static void assert_json(json_t *got, const char *want) {
    json_error_t why;
    json_t *w = json_loads(want, 0, &why);
    if (!w) fail_msg("%s", why.text);
    char *a = weft_dump_text(got), *b = weft_dump_text(w);
    assert_string_equal(a, b);
    free(a);
    free(b);
    json_decref(w);
    json_decref(got);
}

static struct weft_destination *everything(void) {
    static const char *const rules[] = {"/ GET h:X-A=1 q:q~[0-9]+"};
    static struct weft_kv set[] = {{{"X-B", 3}, {"2", 1}}};
    static struct weft_slice removed[] = {{"x-c", 3}};
    static uint16_t codes[] = {500, 503};
    struct weft_destination *d = dest_of(rules, 1);
    assert_true(weft_addr_parse(sl("10.0.0.1:80"), &d->addr));
    d->version = sl("0123456789abcdef"); /* not dumped */
    d->port_name = sl("http");
    d->protocol = WEFT_PROTO_HTTP;
    d->default_backend = (struct weft_backend){
        .ns = sl("default"), .service = sl("web"), .port = 80, .protocol = WEFT_PROTO_HTTP};
    struct weft_rule *r = &d->rules[0];
    r->name = sl("first");
    r->created = 1700000000;
    r->request_timeout_us = 1500000;
    r->backend_timeout_us = 500000;
    r->retry = (struct weft_retry){
        .present = true, .attempts = 2, .backoff_us = 1000, .codes = codes, .n_codes = 2};
    r->filters = weft_arena_array(&d->arena, struct weft_filter, 4);
    r->n_filters = 4;
    r->filters[0] =
        (struct weft_filter){.kind = WEFT_FILTER_REQUEST_HEADERS,
                             .headers = {.set = set, .n_set = 1, .remove = removed, .n_remove = 1}};
    r->filters[1] = (struct weft_filter){.kind = WEFT_FILTER_REWRITE,
                                         .rewrite.path = {WEFT_PATH_REPLACE_PREFIX, sl("")}};
    r->filters[2] = (struct weft_filter){.kind = WEFT_FILTER_REDIRECT,
                                         .redirect = {.scheme = sl("https"),
                                                      .port = 8443,
                                                      .status = 301,
                                                      .path = {WEFT_PATH_FULL, sl("/x")}}};
    r->filters[3] = (struct weft_filter){.kind = WEFT_FILTER_INVALID, .invalid = sl("why")};
    r->backends = weft_arena_array(&d->arena, struct weft_backend, 2);
    r->n_backends = 2;
    r->backends[0] = d->default_backend;
    r->backends[0].weight = 9;
    r->backends[1] = (struct weft_backend){.ns = sl("default"),
                                           .service = sl("gone"),
                                           .port = 81,
                                           .endpoints = WEFT_NO_ENDPOINTS,
                                           .invalid = sl("BackendNotFound: default/gone:81")};
    dest_seal(d);
    return d;
}

static const char destination_json[] =
    "{\"address\": \"10.0.0.1:80\","
    " \"default_backend\": {\"endpoints\": \"endpoints/default/web:80\", \"namespace\": "
    "\"default\","
    "   \"port\": 80, \"protocol\": \"http\", \"service\": \"web\"},"
    " \"endpoints\": [\"endpoints/default/web:80\"], \"kind\": \"service\","
    " \"name\": \"dest/10.0.0.1:80\", \"namespace\": \"default\", \"port\": 80,"
    " \"port_name\": \"http\", \"protocol\": \"http\", \"routes\": \"http\", \"service\": \"web\","
    " \"rules\": [{"
    "   \"backend_timeout_us\": 500000, \"request_timeout_us\": 1500000,"
    "   \"backends\": ["
    "     {\"endpoints\": \"endpoints/default/web:80\", \"namespace\": \"default\", \"port\": 80,"
    "      \"protocol\": \"http\", \"service\": \"web\", \"weight\": 9},"
    "     {\"invalid\": \"BackendNotFound: default/gone:81\", \"namespace\": \"default\","
    "      \"port\": 81, \"protocol\": \"unknown\", \"service\": \"gone\", \"weight\": 0}],"
    "   \"created_unix_s\": 1700000000,"
    "   \"filters\": ["
    "     {\"request_headers\": {\"remove\": [\"x-c\"], \"set\": [{\"name\": \"x-b\", \"value\": "
    "\"2\"}]}},"
    "     {\"rewrite\": {\"replace_prefix_match\": \"\"}},"
    "     {\"redirect\": {\"port\": 8443, \"replace_full_path\": \"/x\", \"scheme\": \"https\","
    "                     \"status\": 301}},"
    "     {\"invalid\": \"why\"}],"
    "   \"index\": 0,"
    "   \"matches\": [{\"headers\": [{\"exact\": \"1\", \"name\": \"x-a\"}], \"method\": \"GET\","
    "                  \"path\": {\"prefix\": \"/\"},"
    "                  \"queries\": [{\"name\": \"q\", \"regex\": \"[0-9]+\"}]}],"
    "   \"name\": \"first\", \"retry\": {\"attempts\": 2, \"backoff_us\": 1000, \"codes\": [500, "
    "503]},"
    "   \"route\": \"r\", \"route_namespace\": \"default\"}]}";

static void test_destination(void **state) {
    struct weft_destination *d = everything();
    assert_json(weft_dump_destination(d), destination_json);
    weft_destination_unref(d);
}

static void test_nothing_of_ours(void **state) {
    struct weft_destination *d = weft_destination_new();
    d->name = sl("dest/[2001:db8::1]:443");
    assert_true(weft_addr_parse(sl("[2001:db8::1]:443"), &d->addr));
    dest_seal(d);
    assert_json(weft_dump_destination(d), "{\"address\": \"[2001:db8::1]:443\", \"kind\": \"none\","
                                          " \"name\": \"dest/[2001:db8::1]:443\"}");
    weft_destination_unref(d);
}

static void test_all(void **state) {
    struct weft_endpoints *e = weft_endpoints_new();
    e->name = sl("endpoints/default/web:80");
    struct weft_endpoint item = {.ns = sl("default"),
                                 .pod = sl("web-1"),
                                 .service_account = sl("web"),
                                 .spiffe_id = sl("spiffe://cluster.local/ns/default/sa/web"),
                                 .meshed = true,
                                 .mode = WEFT_MTLS_STRICT,
                                 .zone = sl("z\xff")};
    assert_true(weft_addr_parse(sl("10.1.0.1:8080"), &item.addr));
    e->items = &item;
    e->n = 1;
    assert_int_equal(weft_endpoints_seal(e, NULL), WEFT_OK);
    struct weft_inbound *in = weft_inbound_new();
    struct weft_inbound_port port = {
        .port = 8080, .mode = WEFT_MTLS_DISABLED, .protocol = WEFT_PROTO_GRPC};
    in->name = sl("inbound/default/web-1");
    in->ns = sl("default");
    in->pod = sl("web-1");
    in->service_account = sl("web");
    in->ports = &port;
    in->n_ports = 1;
    assert_json(
        weft_dump_all(NULL, 0, &e, 1, &in, 1),
        "{\"destinations\": {},"
        " \"endpoints\": {\"endpoints/default/web:80\": {\"name\": \"endpoints/default/web:80\","
        "   \"endpoints\": [{\"address\": \"10.1.0.1:8080\", \"meshed\": true, \"mtls\": "
        "\"strict\","
        "     \"namespace\": \"default\", \"pod\": \"web-1\", \"service_account\": \"web\","
        "     \"spiffe_id\": \"spiffe://cluster.local/ns/default/sa/web\", \"zone\": \"z?\"}]}},"
        " \"inbound\": {\"inbound/default/web-1\": {\"mtls\": \"permissive\","
        "   \"name\": \"inbound/default/web-1\", \"namespace\": \"default\", \"pod\": \"web-1\","
        "   \"ports\": [{\"mtls\": \"disabled\", \"port\": 8080, \"protocol\": \"grpc\"}],"
        "   \"service_account\": \"web\"}}}");
    weft_endpoints_unref(e);
    weft_inbound_unref(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_destination),
        cmocka_unit_test(test_nothing_of_ours),
        cmocka_unit_test(test_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * weft explain: which Service a name means, and what the report says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <cli/explain_log.h>
#include <cli/resolve.h>
#include <weft/base/buf.h>
#include <weft/object/json.h>

#include "manifests.h"

static const char shop[] =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
    "spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}, {name: admin, port: 9000}]}\n"
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: v1, namespace: shop}\n"
    "spec: {clusterIP: 10.96.0.2, ports: [{name: http, port: 80}]}\n"
    "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: g, "
    "namespace: shop}\nspec:\n  parentRefs: [{group: \"\", kind: Service, name: web, port: 9000}]\n"
    "  rules:\n  - matches: [{method: {service: a.B, method: C}}, {method: {method: Ping}}]\n"
    "    backendRefs: [{name: v1, port: 80}]\n"
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: h, namespace: shop}\n"
    "spec: {clusterIP: None, ports: [{port: 80}]}\n"
    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: v1-a, namespace: "
    "shop, labels: {kubernetes.io/service-name: v1}}\naddressType: IPv4\nports: [{name: http, "
    "port: "
    "8080}]\nendpoints: [{addresses: [10.1.0.1], conditions: {ready: false}}]\n"
    "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, "
    "namespace: "
    "shop}\nspec:\n  parentRefs: [{group: \"\", kind: Service, name: web, port: 80}]\n  rules:\n"
    "  - matches: [{path: {type: Exact, value: /only}, headers: [{name: x-a, value: b}]}]\n"
    "    backendRefs: [{name: v1, port: 80, weight: 3}, {name: gone, port: 80, weight: 1}]\n"
    "  - matches: [{path: {value: /old}}]\n"
    "    filters: [{type: RequestRedirect, requestRedirect: {hostname: new.example}}]\n"
    "  - matches: [{path: {value: /none}}]\n"
    "  - matches: [{path: {value: /gone}}]\n    backendRefs: [{name: gone, port: 80}]\n"
    "  - matches: [{path: {value: /cut}}]\n"
    "    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, "
    "replacePrefixMatch: /}}}]\n    backendRefs: [{name: web, port: 9000}]\n";

static int open_shop(void **state) {
    struct manifests *m = malloc(sizeof *m);
    manifests_open(m, shop, true);
    *state = m;
    return 0;
}

static int close_shop(void **state) {
    manifests_close(*state);
    free(*state);
    return 0;
}

/* REQ-031: every spelling, from the client's point of view. */
static void names_resolve_in_every_spelling(void **state) {
    static const struct {
        const char *from, *host, *want; /* want NULL: unknown */
    } rows[] = {
        {"shop", "web", "10.96.0.1"},
        {"shop", "web.shop", "10.96.0.1"},
        {"other", "web.shop", "10.96.0.1"},
        {"other", "web.shop.svc", "10.96.0.1"},
        {"other", "web.shop.svc.cluster.local", "10.96.0.1"},
        {"other", "web.shop.svc.cluster.local.", "10.96.0.1"},
        {"other", "web.shop.svc.my.domain", "10.96.0.1"},
        {"other", "10.96.0.1", "10.96.0.1"},
        {"other", "fd00::1", "fd00::1"},
        {"default", "web", "240.0.0.1"},
        {"other", "web", NULL},
        {"shop", "web.example.org", NULL},
        {"shop", "nope", NULL},
        {"shop", "h", NULL},
        {"shop", "", NULL},
    };
    struct manifests *m = *state;
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct weft_addr a;
        struct weft_error err;
        char ip[WEFT_ADDR_STR] = "";
        enum weft_status st =
            cli_resolve(&m->in, rows[i].from, weft_slice_str(rows[i].host), 80, &a, &err);
        if (st == WEFT_OK) weft_addr_format_ip(&a, ip);
        if ((st == WEFT_OK) != (rows[i].want != NULL) || (rows[i].want && strcmp(ip, rows[i].want)))
            fail_msg("%s from %s: %s", rows[i].host, rows[i].from, ip);
    }
}

static json_t *explain(struct manifests *m, const char *path, const char *header, const char *type,
                       struct weft_arena *a) {
    struct weft_head head;
    struct weft_addr addr;
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("10.96.0.1:80"), &addr));
    weft_head_init(&head, a);
    head.method = WEFT_SLICE_LIT("GET");
    head.scheme = WEFT_SLICE_LIT("http");
    head.authority = WEFT_SLICE_LIT("web.shop");
    head.path = weft_slice_str(path);
    if (header) (void)weft_fields_add(&head.fields, WEFT_SLICE_LIT("x-a"), weft_slice_str(header));
    if (type)
        (void)weft_fields_add(&head.fields, WEFT_SLICE_LIT("content-type"), weft_slice_str(type));
    return cli_explain(&m->in, "shop", &addr, &head, a);
}

static int64_t status_of(struct manifests *m, const char *path, const char *header,
                         const char *type, const char *reason) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    json_t *r = explain(m, path, header, type, &a), *answer = json_object_get(r, "answer");
    assert_true(weft_slice_is(weft_js_str(answer, "reason"), reason));
    int64_t status = weft_js_int(answer, type ? "grpc_status" : "status", 0, 999, -1);
    json_decref(r);
    weft_arena_done(&a);
    return status;
}

/* REQ-036, REQ-052, REQ-125, REQ-203: 404 no rule, 500 no backend; gRPC callers get 12 and 14. */
static void own_answers(void **state) {
    struct manifests *m = *state;
    assert_int_equal(status_of(m, "/", NULL, NULL, "no_route"), 404);
    assert_int_equal(status_of(m, "/none", NULL, NULL, "no_backend"), 500);
    assert_int_equal(status_of(m, "/gone", NULL, NULL, "invalid_backend"), 500);
    assert_int_equal(status_of(m, "/old", NULL, NULL, "redirect"), 302);
    assert_int_equal(status_of(m, "/", NULL, "application/grpc", "no_route"), 12);
    assert_int_equal(status_of(m, "/none", NULL, "application/grpc", "no_backend"), 14);
}

/* REQ-049, REQ-051: each backend with its share and what its requests get. */
static void shares_of_backends(void **state) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    json_t *r = explain(*state, "/only", "b", NULL, &a), *list = json_object_get(r, "backends");
    json_t *one = json_array_get(list, 0), *two = json_array_get(list, 1);
    assert_int_equal(json_array_size(list), 2);
    assert_true(json_real_value(json_object_get(one, "share")) == 0.75);
    assert_int_equal(weft_js_int(json_object_get(one, "answer"), "status", 0, 999, 0), 503);
    assert_int_equal(weft_js_int(json_object_get(two, "answer"), "status", 0, 999, 0), 500);
    json_t *winner = json_object_get(r, "winner");
    assert_true(weft_slice_is(weft_js_str(winner, "route"), "shop/r"));
    assert_int_equal(weft_js_int(winner, "rule", 0, 9, -1), 0);
    json_decref(r);
    weft_arena_done(&a);
}

static void losers_say_why(void **state) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    json_t *r = explain(*state, "/only", "c", NULL, &a), *list = json_object_get(r, "candidates");
    assert_int_equal(json_array_size(list), 5);
    assert_true(weft_slice_is(weft_js_str(json_array_get(list, 0), "failed"), "header x-a"));
    assert_true(weft_slice_is(weft_js_str(json_array_get(list, 1), "failed"), "path"));
    assert_null(json_object_get(r, "winner"));
    json_decref(r);
    weft_arena_done(&a);
}

/* REQ-087, REQ-088, REQ-094 as the report shows them. */
static void filters_are_applied(void **state) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    json_t *r = explain(*state, "/cut/x?q=1", NULL, NULL, &a);
    assert_true(weft_slice_is(weft_js_str(json_object_get(r, "forwarded"), "path"), "/x?q=1"));
    json_decref(r);
    r = explain(*state, "/old/x", NULL, NULL, &a);
    assert_true(weft_slice_is(weft_js_str(json_object_get(r, "answer"), "location"),
                              "http://new.example/old/x"));
    json_decref(r);
    weft_arena_done(&a);
}

static json_t *explain_call(struct manifests *m, const char *path, const char *type,
                            struct weft_arena *a) {
    struct weft_head head;
    struct weft_addr addr;
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("10.96.0.1:9000"), &addr));
    weft_head_init(&head, a);
    head.method = WEFT_SLICE_LIT("POST");
    head.path = weft_slice_str(path);
    (void)weft_fields_add(&head.fields, WEFT_SLICE_LIT("content-type"), weft_slice_str(type));
    return cli_explain(&m->in, "shop", &addr, &head, a);
}

/* REQ-122, REQ-125, REQ-129 */
static void grpc_routes_are_explained(void **state) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    json_t *r = explain_call(*state, "/a.B/C", "application/grpc", &a);
    assert_true(weft_slice_is(weft_js_str(r, "kind"), "GRPCRoute"));
    assert_true(weft_slice_is(weft_js_str(json_object_get(r, "winner"), "route"), "shop/g"));
    assert_int_equal(weft_js_int(json_object_get(r, "winner"), "match", 0, 9, -1), 0);
    json_decref(r);
    r = explain_call(*state, "/x.Y/Ping", "application/grpc", &a);
    assert_int_equal(weft_js_int(json_object_get(r, "winner"), "match", 0, 9, -1), 1);
    json_decref(r);
    r = explain_call(*state, "/a.B/D", "application/grpc", &a);
    assert_int_equal(weft_js_int(json_object_get(r, "answer"), "grpc_status", 0, 99, -1), 12);
    assert_int_equal(json_array_size(json_object_get(r, "candidates")), 2);
    json_decref(r);
    r = explain_call(*state, "/a.B/C", "application/json", &a);
    assert_int_equal(weft_js_int(json_object_get(r, "answer"), "status", 0, 999, -1), 404);
    assert_null(json_object_get(r, "winner"));
    json_decref(r);
    weft_arena_done(&a);
}

/* ---- log lines ---- */

#define LINE(rest)                                                                                 \
    "{\"time\":\"2026-11-23T12:00:00.000000Z\",\"direction\":\"outbound\",\"request_id\":\"i\","   \
    "\"method\":\"GET\",\"authority\":\"web.shop\",\"protocol\":\"h1\",\"attempts\":1,"            \
    "\"duration_us\":9,\"service\":\"shop/web:80\"," rest "}"

/* The verdict's texts, one a line. */
static void verdict(struct manifests *m, const char *line, const char *header, const char *want) {
    struct weft_arena a;
    struct weft_fields fields;
    struct weft_buf b;
    size_t i;
    json_t *text;
    weft_arena_init(&a, 0);
    weft_buf_init(&b, 0);
    weft_fields_init(&fields, &a);
    if (header) (void)weft_fields_add(&fields, WEFT_SLICE_LIT("x-a"), weft_slice_str(header));
    json_t *r = cli_explain_line(&m->in, "shop", weft_slice_str(line), &fields, &a);
    assert_non_null(r);
    json_array_foreach(json_object_get(r, "verdict"), i, text)(void)
        weft_buf_printf(&b, "%s\n", json_string_value(text));
    if (weft_slice_search(weft_buf_slice(&b), weft_slice_str(want)) == weft_buf_size(&b))
        fail_msg("%.*s\nis not %s", WEFT_SLICE_ARG(weft_buf_slice(&b)), want);
    weft_buf_done(&b);
    json_decref(r);
    weft_arena_done(&a);
}

static void lines_that_agree(void **state) {
    verdict(*state,
            LINE("\"path\":\"/cut/x\",\"status\":200,\"reason\":\"\",\"route\":\"shop/"
                 "r\",\"rule\":\"4\""),
            NULL, "decided then: rule 4 of shop/r\nagrees");
    verdict(*state,
            LINE("\"path\":\"/cut/x\",\"status\":200,\"reason\":\"\",\"route_kind\":\"HTTPRoute\","
                 "\"route\":\"shop/r\",\"rule\":\"4\""),
            NULL, "decided then: rule 4 of HTTPRoute shop/r\nagrees");
    verdict(
        *state, LINE("\"path\":\"/x\",\"status\":404,\"reason\":\"no_route\""), NULL,
        "reason no_route: no rule of the routes attached to this Service matches\nagrees: no rule");
    verdict(*state,
            LINE("\"path\":\"/only\",\"status\":200,\"reason\":\"\",\"route\":\"shop/"
                 "r\",\"rule\":\"0\""),
            "b", "agrees: the same rule");
}

static void lines_that_do_not_say_all(void **state) {
    verdict(*state,
            LINE("\"path\":\"/only\",\"status\":200,\"reason\":\"\",\"route\":\"shop/"
                 "r\",\"rule\":\"0\""),
            NULL, "possible: that rule asks for header x-a");
}

static void lines_of_another_time(void **state) {
    verdict(
        *state,
        LINE(
            "\"path\":\"/was\",\"status\":200,\"reason\":\"\",\"route\":\"shop/r\",\"rule\":\"4\""),
        NULL, "differs: that rule no longer matches, it fails on the path");
    verdict(*state,
            LINE("\"path\":\"/cut\",\"status\":200,\"reason\":\"\",\"route\":\"shop/"
                 "old\",\"rule\":\"0\""),
            NULL, "differs: no such rule");
    verdict(*state,
            LINE("\"path\":\"/cut/x\",\"status\":200,\"reason\":\"\",\"route_kind\":\"GRPCRoute\","
                 "\"route\":\"shop/r\",\"rule\":\"4\""),
            NULL, "rule 4 of GRPCRoute shop/r\ndiffers: routes of another kind");
    verdict(*state, LINE("\"path\":\"/cut\",\"status\":200,\"reason\":\"\""), NULL,
            "differs: no rule decided then");
    verdict(*state,
            "{\"direction\":\"outbound\",\"protocol\":\"h1\",\"path\":\"/\",\"service\":\"shop/"
            "gone:80\"}",
            NULL, "differs: these manifests have no Service port shop/gone:80");
}

static void lines_that_no_rule_decided(void **state) {
    verdict(*state,
            "{\"direction\":\"inbound\",\"protocol\":\"h2\",\"path\":\"/\",\"service\":\":80\"}",
            NULL, "the caller's sidecar decided");
    verdict(*state, "{\"direction\":\"outbound\",\"protocol\":\"refused\",\"reason\":\"loop\"}",
            NULL, "reason loop: the destination is the proxy itself\na connection");
    verdict(*state, "{\"direction\":\"outbound\",\"protocol\":\"h1\",\"path\":\"/\"}", NULL,
            "nothing of the mesh's");
}

static void lines_that_are_none(void **state) {
    static const char *const none[] = {"", "{", "[]", "{\"level\":\"info\"}", "GET / 200"};
    struct manifests *m = *state;
    struct weft_arena a;
    struct weft_fields fields;
    weft_arena_init(&a, 0);
    weft_fields_init(&fields, &a);
    for (size_t i = 0; i < WEFT_LEN(none); i++)
        assert_null(cli_explain_line(&m->in, "shop", weft_slice_str(none[i]), &fields, &a));
    weft_arena_done(&a);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_shop, close_shop)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(names_resolve_in_every_spelling),
        T(own_answers),
        T(shares_of_backends),
        T(losers_say_why),
        T(filters_are_applied),
        T(grpc_routes_are_explained),
        T(lines_that_agree),
        T(lines_that_do_not_say_all),
        T(lines_of_another_time),
        T(lines_that_no_rule_decided),
        T(lines_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

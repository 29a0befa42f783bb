/* SPDX-License-Identifier: Apache-2.0
 * GRPCRoutes in force: which backend a call reaches, what is answered where none does, timeouts and
 * retries by annotation, and what becomes of requests that are not gRPC. */
#include "support/world.h"

#include <string.h>

#define GRPC "content-type: application/grpc\nte: trailers\n"

/* Services web, v1 (10.0.0.1) and v2 (10.0.0.2); a GRPCRoute on web's port 80. */
static void services(struct world *w, const char *annotations, const char *rules) {
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.9");
    world_service(w, "v1", "10.96.0.2", NULL, "10.0.0.1");
    world_service(w, "v2", "10.96.0.3", "grpc", "10.0.0.2");
    world_yaml(w,
               "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\n"
               "metadata: {name: r, namespace: default, annotations: {%s}}\nspec:\n"
               "  parentRefs: [{group: \"\", kind: Service, name: web, port: 80}]\n  rules:\n%s",
               annotations, rules);
    world_app(w, "10.0.0.1:8080")->h2 = true;
    world_app(w, "10.0.0.2:8080")->h2 = true;
    world_apply(w);
}

static struct weft_client_conn *grpc_conn(struct world *w) {
    return world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
}

/* One call without a message; `fields` beside those of gRPC. */
static void call(struct world *w, struct weft_client_conn *c, const char *path, const char *fields,
                 struct h2_call *ret) {
    WEFT_FREE char *all = weft_asprintf(GRPC "%s", fields);
    world_call(c, "POST", path, all, NULL, ret);
    world_settle(w);
}

static void expect_status(struct world *w, struct weft_client_conn *c, const char *path,
                          const char *grpc_status, const char *reason) {
    struct h2_call one;
    call(w, c, path, "", &one);
    assert_int_equal(one.status, 200);
    assert_true(one.ended);
    WEFT_FREE char *want = weft_asprintf("grpc-status: %s\n", grpc_status);
    assert_has(one.fields, want);
    assert_has(one.fields, "content-type: application/grpc\n");
    WEFT_FREE char *message = weft_asprintf("grpc-message: weft: %s", reason);
    assert_has(one.fields, message);
    world_call_done(&one);
}

#define TO(name) "backendRefs: [{name: " name ", port: 80}]"

/* REQ-121, REQ-122, REQ-124, REQ-128, REQ-182: service and method choose, over prior-knowledge
 * HTTP/2; headers; a rule's name. */
static void service_and_method_choose(void **state) {
    struct world *w = *state;
    services(
        w, "",
        "  - matches: [{method: {service: shop.Cart}}]\n    " TO(
            "v1") "\n"
                  "  - matches: [{method: {service: shop.Cart, method: Pay}}]\n    name: pay\n   "
                  " " TO("v2") "\n"
                               "  - matches: [{method: {service: shop.Desk}, headers: [{name: "
                               "x-to, value: two}]}]\n"
                               "    " TO("v2") "\n");
    static const struct {
        const char *path, *fields;
        int app; /* 1 or 2; 0: none */
    } rows[] = {{"/shop.Cart/Get", "", 1}, {"/shop.Cart/Pay", "", 2},
                {"/shop.Cart/pay", "", 1}, {"/shop.Carts/Get", "", 0},
                {"/shop.Desk/Ask", "", 0}, {"/shop.Desk/Ask", "x-to: two\n", 2}};
    struct app *a[] = {world_app(w, "10.0.0.1:8080"), world_app(w, "10.0.0.2:8080")};
    struct weft_client_conn *c = grpc_conn(w);
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct h2_call one;
        int before[] = {a[0]->requests, a[1]->requests};
        call(w, c, rows[i].path, rows[i].fields, &one);
        for (int k = 0; k < 2; k++)
            assert_int_equal(a[k]->requests - before[k], rows[i].app == k + 1);
        if (rows[i].app)
            assert_string_equal(a[rows[i].app - 1]->seen.path, rows[i].path);
        else
            assert_has(one.fields, "grpc-status: 12\n");
        world_call_done(&one);
    }
    assert_string_equal(a[0]->seen.protocol, "h2"); /* REQ-057: its port says nothing */
    const char *log = world_log(w);
    assert_has(
        log,
        "\"route_kind\":\"GRPCRoute\",\"route\":\"default/r\",\"rule\":\"pay\""); /* a named rule by
                                                                                     its name */
    assert_has(log, "\"route\":\"default/r\",\"rule\":\"0\"");
    assert_true(
        world_metric(w, "weft_requests_total{direction=\"outbound\",service=\"default/web:80\","
                        "route_kind=\"GRPCRoute\",route=\"default/r\",rule=\"pay\"") > 0);
}

/* REQ-036, REQ-120, REQ-125 */
static void no_match_is_unimplemented(void **state) {
    struct world *w = *state;
    services(w, "", "  - matches: [{method: {service: a.B}}]\n    " TO("v1") "\n");
    struct weft_client_conn *c = grpc_conn(w);
    expect_status(w, c, "/a.C/M", "12", "no_route");
    assert_has(world_log(w), "\"reason\":\"no_route\"");
    world_reset_yaml(w);
    services(w, "", "    []\n");
    expect_status(w, c, "/a.B/M", "12", "no_route");
}

/* REQ-126, REQ-049: the share of an invalid backend, the rule without one, and no endpoints. */
static void what_cannot_be_forwarded_is_unavailable(void **state) {
    struct world *w = *state;
    services(
        w, "",
        "  - matches: [{method: {service: gone}}]\n    " TO(
            "gone") "\n"
                    "  - matches: [{method: {service: none}}]\n"
                    "  - matches: [{method: {service: zero}}]\n"
                    "    backendRefs: [{name: v1, port: 80, weight: 0}]\n"
                    "  - matches: [{method: {service: limit}}]\n    " TO(
                        "v1") "\n"
                              "    filters: [{type: ExtensionRef, extensionRef: {group: g.io, "
                              "kind: K, name: x}}]\n"
                              "  - matches: [{method: {service: empty}}]\n    " TO("empty") "\n");
    world_service(w, "empty", "10.96.0.4", NULL, "");
    world_apply(w);
    struct weft_client_conn *c = grpc_conn(w);
    expect_status(w, c, "/gone/M", "14", "invalid_backend");
    expect_status(w, c, "/none/M", "14", "no_backend");
    expect_status(w, c, "/zero/M", "14", "no_backend");
    expect_status(w, c, "/limit/M", "14", "invalid_filter"); /* REQ-080 */
    expect_status(w, c, "/empty/M", "14", "no_endpoints");
}

/* REQ-050, REQ-133, REQ-134, REQ-182: each call by itself on one connection; a backend that does
 * not exist, of weight 0, is never met. */
static void calls_are_split_by_weight(void **state) {
    struct world *w = *state;
    services(
        w, "",
        "  - backendRefs: [{name: v1, port: 80, weight: 70}, {name: v2, port: 80, weight: 30}, "
        "{name: v3, port: 80, weight: 0}]\n");
    struct weft_client_conn *c = grpc_conn(w);
    for (int i = 0; i < 500; i++) {
        struct h2_call one;
        call(w, c, "/a.B/M", "", &one);
        assert_int_equal(one.status, 200);
        assert_hasnt(one.fields, "grpc-status");
        world_call_done(&one);
    }
    assert_in_range(world_app(w, "10.0.0.1:8080")->requests, 345, 355);
    assert_in_range(world_app(w, "10.0.0.2:8080")->requests, 145, 155);
}

/* REQ-129: whatever its version. */
static void what_is_not_grpc_is_404(void **state) {
    struct world *w = *state;
    services(w, "", "  - " TO("v1") "\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, "GET /a.B/M HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_has(t, "HTTP/1.1 404");
    assert_has(t, "weft-reason: no_route");
    assert_has(t, "not gRPC");
    static const char *const types[] = {"", "content-type: application/json\n",
                                        "content-type: application/grpc-web\n"};
    struct weft_client_conn *h2 = grpc_conn(w);
    for (size_t i = 0; i < WEFT_LEN(types); i++) {
        struct h2_call one;
        world_call(h2, "POST", "/a.B/M", types[i], "x", &one);
        world_settle(w);
        assert_int_equal(one.status, 404);
        world_call_done(&one);
    }
    struct h2_call proto;
    world_call(h2, "POST", "/a.B/M", "content-type: application/grpc+proto\n", "x", &proto);
    world_settle(w);
    assert_int_equal(proto.status, 200);
    world_call_done(&proto);
    assert_int_equal(world_app(w, "10.0.0.1:8080")->requests, 1);
}

/* REQ-039, REQ-200: an HTTPRoute on the port is off, also for plain HTTP. */
static void the_http_route_is_off(void **state) {
    struct world *w = *state;
    world_route(w, "old", "web", "  - backendRefs: [{name: v2, port: 80}]\n");
    services(w, "", "  - matches: [{method: {service: a.B}}]\n    " TO("v1") "\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, "GET / HTTP/1.1\r\nHost: web\r\n\r\n"), "HTTP/1.1 404");
    expect_status(w, grpc_conn(w), "/x.Y/M", "12", "no_route");
    assert_int_equal(world_app(w, "10.0.0.2:8080")->requests, 0);
}

/* REQ-127, REQ-131: on the rule and on the backend, request and response. */
static void headers_are_modified(void **state) {
    struct world *w = *state;
    services(w, "",
             "  - filters:\n"
             "    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Set, "
             "value: new}], add: [{name: X-Add, value: more}], remove: [X-Gone]}}\n"
             "    - {type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: X-By, "
             "value: rule}]}}\n"
             "    backendRefs:\n    - name: v1\n      port: 80\n"
             "      filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: "
             "x-backend, value: v1}]}}]\n");
    struct app *a = world_app(w, "10.0.0.1:8080");
    struct h2_call one;
    call(w, grpc_conn(w), "/a.B/M", "x-set: old\nx-add: first\nx-gone: 1\n", &one);
    assert_string_equal(world_app_field(a, "x-set"), "new");
    assert_has(a->seen.fields, "x-add: first\n");
    assert_has(a->seen.fields, "x-add: more\n");
    assert_null(world_app_field(a, "x-gone"));
    assert_string_equal(world_app_field(a, "x-backend"), "v1");
    assert_string_equal(world_app_field(a, "content-type"), "application/grpc");
    assert_true(a->seen.te_trailers);
    assert_has(one.fields, "x-by: rule\n");
    world_call_done(&one);
}

#define ONE_RULE "  - " TO("v1") "\n"
#define RETRY    "weftmesh.io/retry-grpc-codes: unavailable, weftmesh.io/retry-attempts: \"2\""

/* REQ-117: an answer that is nothing but a listed status is repeated. */
static void listed_status_is_repeated(void **state) {
    struct world *w = *state;
    services(w, "weftmesh.io/retry-grpc-codes: \"unavailable,aborted\"", ONE_RULE);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->reply_fields = "content-type: application/grpc\ngrpc-status: 14\n";
    struct h2_call one;
    call(w, grpc_conn(w), "/a.B/M", "", &one);
    assert_int_equal(one.status, 0); /* waits before it goes on */
    a->reply_fields = "content-type: application/grpc\ngrpc-status: 0\n";
    world_advance(w, 300);
    assert_int_equal(a->requests, 2);
    assert_has(one.fields, "grpc-status: 0\n");
    world_call_done(&one);
}

/* REQ-117: what is told of the call is not the status that was repeated. */
static void repeated_status_is_forgotten(void **state) {
    struct world *w = *state;
    services(w, RETRY, ONE_RULE);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->reply_fields = "content-type: application/grpc\ngrpc-status: 14\n";
    struct h2_call one;
    call(w, grpc_conn(w), "/a.B/M", "", &one);
    a->reply_fields = "content-type: application/grpc\n"; /* and no status at all */
    a->reply_body = "message";
    world_advance(w, 300);
    assert_int_equal(a->requests, 2);
    assert_true(one.ended);
    assert_hasnt(world_log(w), "\"grpc_status\":14");
    world_call_done(&one);
}

/* REQ-111, REQ-117: as often as attempts says, then the last answer stands. */
static void attempts_are_counted(void **state) {
    struct world *w = *state;
    services(w, RETRY, ONE_RULE);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->reply_fields = "content-type: application/grpc\ngrpc-status: 14\ngrpc-message: no\n";
    struct h2_call one;
    call(w, grpc_conn(w), "/a.B/M", "", &one);
    world_advance(w, 300);
    world_advance(w, 300);
    assert_int_equal(a->requests, 3);
    assert_has(one.fields, "grpc-message: no\n");
    world_call_done(&one);
}

/* REQ-115, REQ-126: what is 503 to others is UNAVAILABLE to gRPC, with HTTP's 200. */
static void cut_retries_are_unavailable(void **state) {
    struct world *w = *state;
    services(w, RETRY, ONE_RULE);
    struct app *a = world_app(w, "10.0.0.1:8080");
    for (int i = 0; i < 4; i++) a->script[a->n_script++] = ACT_RESET;
    struct h2_call one;
    call(w, grpc_conn(w), "/a.B/M", "", &one);
    world_advance(w, 300);
    world_advance(w, 300);
    assert_int_equal(a->requests, 3);
    assert_int_equal(one.status, 200);
    assert_has(one.fields, "grpc-status: 14\n");
    assert_has(world_log(w), "\"status\":200,\"grpc_status\":14,\"reason\":\"upstream_reset\"");
    world_call_done(&one);
}

/* REQ-117: another status, one behind a message, and any without the annotation stand at once. */
static void other_answers_stand(void **state) {
    struct world *w = *state;
    services(w, RETRY, ONE_RULE);
    struct app *a = world_app(w, "10.0.0.1:8080");
    struct weft_client_conn *c = grpc_conn(w);
    struct h2_call one;
    a->reply_fields = "content-type: application/grpc\ngrpc-status: 5\n";
    call(w, c, "/a.B/M", "", &one);
    assert_has(one.fields, "grpc-status: 5\n");
    world_call_done(&one);
    a->reply_fields = "content-type: application/grpc\n";
    a->reply_body = "message";
    a->reply_trailers = "grpc-status: 14\n";
    call(w, c, "/a.B/M", "", &one);
    assert_has(one.trailers, "grpc-status: 14\n");
    world_call_done(&one);
    assert_int_equal(a->requests, 2);
    world_reset_yaml(w);
    services(w, "", ONE_RULE);
    a->reply_fields = "content-type: application/grpc\ngrpc-status: 14\n";
    a->reply_body = a->reply_trailers = NULL;
    call(w, c, "/a.B/M", "", &one);
    assert_has(one.fields, "grpc-status: 14\n");
    world_call_done(&one);
    assert_int_equal(a->requests, 3);
}

/* REQ-117, REQ-126: DEADLINE_EXCEEDED. */
static void timeouts_by_annotation(void **state) {
    struct world *w = *state;
    services(w, "weftmesh.io/timeout-request: 500ms", ONE_RULE);
    world_app(w, "10.0.0.1:8080")->hold_all = true;
    struct h2_call one;
    call(w, grpc_conn(w), "/a.B/M", "", &one);
    world_advance(w, 499);
    assert_int_equal(one.status, 0);
    world_advance(w, 2);
    assert_has(one.fields, "grpc-status: 4\n");
    assert_has(one.fields, "grpc-message: weft: request_timeout");
    world_call_done(&one);
}

/* Through a pair of sidecars in strict mode; the app is spoken to with HTTP/2. */
static void over_mutual_tls(void **state) {
    struct world *w = *state;
    world_pod(w, "v1-1", "10.0.0.1", "server", true, NULL);
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.9");
    world_service(w, "v1", "10.96.0.2", NULL, "10.0.0.1");
    world_yaml(w, "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\n"
                  "metadata: {name: r, namespace: default}\nspec:\n"
                  "  parentRefs: [{group: \"\", kind: Service, name: web}]\n"
                  "  rules: [{matches: [{method: {service: a.B}}], backendRefs: [{name: v1, port: "
                  "80}]}]\n");
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    struct app *a = world_app(w, "127.0.0.1:8080");
    a->h2 = true;
    a->reply_trailers = "grpc-status: 0\n";
    struct weft_client_conn *c = grpc_conn(w);
    struct h2_call one;
    world_call(c, "POST", "/a.B/M", GRPC, "hello", &one);
    world_settle(w);
    assert_int_equal(one.status, 200);
    assert_true(weft_slice_is(weft_buf_slice(&one.body), "hello"));
    assert_has(one.trailers, "grpc-status: 0\n");
    assert_string_equal(a->seen.protocol, "h2");
    assert_true(a->seen.te_trailers);
    world_call_done(&one);
    expect_status(w, c, "/a.C/M", "12", "no_route");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(service_and_method_choose),
        T(no_match_is_unimplemented),
        T(what_cannot_be_forwarded_is_unavailable),
        T(calls_are_split_by_weight),
        T(what_is_not_grpc_is_404),
        T(the_http_route_is_off),
        T(headers_are_modified),
        T(listed_status_is_repeated),
        T(repeated_status_is_forgotten),
        T(attempts_are_counted),
        T(cut_retries_are_unavailable),
        T(other_answers_stand),
        T(timeouts_by_annotation),
        T(over_mutual_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

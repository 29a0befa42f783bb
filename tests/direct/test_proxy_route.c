/* SPDX-License-Identifier: Apache-2.0
 * The way of a request through the outbound side: what routes decide, and every answer that the
 * proxy gives itself. */
#include "support/world.h"

#include <string.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"

static const char *const default_rule = "  - backendRefs: [{name: web, port: 80}]\n";

/* REQ-035: no route attached: the Service's own endpoints. */
static void without_route_to_the_endpoints(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/a?b=c")), "HTTP/1.1 200");
    struct app *a = world_app(w, "10.0.0.1:8080"), *b = world_app(w, "10.0.0.2:8080");
    assert_int_equal(a->requests + b->requests, 1);
    assert_string_equal((a->requests ? a : b)->seen.path, "/a?b=c");
}

/* REQ-028: a pod's own address is not routed. REQ-027: routes govern the frontend only. */
static void pod_address_is_not_routed(void **state) {
    struct world *w = *state;
    world_web(w, "  - matches: [{path: {value: /never}}]\n"
                 "    backendRefs: [{name: web, port: 80}]\n");
    struct client *c = world_connect(w, "10.0.0.1:8080");
    assert_has(client_ask(c, GET("/x")), "HTTP/1.1 200");
    assert_int_equal(world_app(w, "10.0.0.1:8080")->requests, 1);
}

/* REQ-036: routes attached and none matches: 404, with the reason. */
static void no_match_is_404(void **state) {
    struct world *w = *state;
    world_web(w, "  - matches: [{path: {value: /v1}}]\n"
                 "    backendRefs: [{name: web, port: 80}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/other"));
    assert_has(t, "HTTP/1.1 404");
    assert_has(t, "weft-reason: no_route");
    assert_has(world_log(w), "\"reason\":\"no_route\"");
    assert_has(client_ask(c, GET("/v1/x")), "HTTP/1.1 200");
    const char *log = world_log(w);
    assert_has(log, "\"route\":\"default/r\"");
    assert_has(log, "\"backend\":\"default/web:80\"");
    assert_has(log, "\"endpoint\":\"10.0.0.");
    assert_has(log, "\"attempts\":1");
    assert_has(log, "\"request_id\":\"");
}

/* REQ-036: for gRPC the same is UNIMPLEMENTED, in trailers alone. */
static void no_match_is_unimplemented_for_grpc(void **state) {
    struct world *w = *state;
    world_web(w, "  - matches: [{path: {value: /v1}}]\n"
                 "    backendRefs: [{name: web, port: 80}]\n");
    struct weft_client_conn *c = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    struct h2_call call;
    world_call(c, "POST", "/other", "content-type: application/grpc\nte: trailers\n", "x", &call);
    world_settle(w);
    assert_int_equal(call.status, 200);
    assert_has(call.fields, "grpc-status: 12");
    assert_true(call.ended);
    world_call_done(&call);
}

/* REQ-049: an invalid backendRef keeps its share, as 500. */
static void invalid_backend_is_500(void **state) {
    struct world *w = *state;
    world_web(w, "  - backendRefs: [{name: gone, port: 80}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 500");
    assert_has(t, "weft-reason: invalid_backend");
}

/* REQ-052, REQ-053: no backend, or none with a weight. */
static void no_backend_is_500(void **state) {
    struct world *w = *state;
    world_web(w, "  - matches: [{path: {value: /none}}]\n"
                 "  - backendRefs: [{name: web, port: 80, weight: 0}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/none")), "weft-reason: no_backend");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 500");
    assert_has(t, "weft-reason: no_backend");
}

/* REQ-050: an invalid backend of weight 0 disturbs nobody. */
static void invalid_backend_of_weight_0(void **state) {
    struct world *w = *state;
    world_web(w, "  - backendRefs: [{name: web, port: 80, weight: 1}, "
                 "{name: gone, port: 80, weight: 0}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    for (int i = 0; i < 20; i++) assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
}

/* REQ-051, REQ-033: no ready endpoints: 503. */
static void no_endpoints_is_503(void **state) {
    struct world *w = *state;
    world_service(w, "empty", "10.96.0.9", NULL, "");
    world_web(w, "  - backendRefs: [{name: empty, port: 80}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 503");
    assert_has(t, "weft-reason: no_endpoints");
    assert_has(t, "default/empty:80");
}

/* REQ-032, REQ-034, REQ-046: the backend's port is that of its Service; weights by request
 * (REQ-132, REQ-133) on one kept connection. */
static void weights_are_by_request(void **state) {
    struct world *w = *state;
    world_service(w, "v1", "10.96.0.2", NULL, "10.0.1.1");
    world_service(w, "v2", "10.96.0.3", NULL, "10.0.2.1");
    world_app(w, "10.0.1.1:8080");
    world_app(w, "10.0.2.1:8080");
    world_web(w, "  - backendRefs: [{name: v1, port: 80, weight: 70}, "
                 "{name: v2, port: 80, weight: 30}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    for (int i = 0; i < 100; i++) assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    assert_in_range(world_app(w, "10.0.1.1:8080")->requests, 69, 71);
    assert_in_range(world_app(w, "10.0.2.1:8080")->requests, 29, 31);
}

/* REQ-029, REQ-031: the address decides, whatever the Host says. REQ-060: Host is kept as sent. */
static void host_does_not_choose_routes(void **state) {
    struct world *w = *state;
    world_web(w, default_rule);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_ask(c, "GET / HTTP/1.1\r\nHost: Other.Default.svc.cluster.local:8123\r\n\r\n");
    struct app *a = world_app(w, "10.0.0.1:8080"), *b = world_app(w, "10.0.0.2:8080");
    assert_string_equal((a->requests ? a : b)->seen.authority,
                        "Other.Default.svc.cluster.local:8123");
}

/* REQ-043: a header match on Host sees what was sent. */
static void host_can_be_matched_as_a_header(void **state) {
    struct world *w = *state;
    world_web(w, "  - matches: [{headers: [{name: Host, value: here}]}]\n"
                 "    backendRefs: [{name: web, port: 80}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, "GET / HTTP/1.1\r\nHost: here\r\n\r\n"), "HTTP/1.1 200");
    assert_has(client_ask(c, "GET / HTTP/1.1\r\nHost: there\r\n\r\n"), "HTTP/1.1 404");
}

/* REQ-074: filters on rules and on backends; the response's too. */
static void filters_change_heads(void **state) {
    struct world *w = *state;
    world_web(
        w, "  - filters:\n"
           "    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-A, value: "
           "'1'}], remove: [x-b]}}\n"
           "    - {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: X-R, "
           "value: r}]}}\n"
           "    backendRefs:\n"
           "    - {name: web, port: 80, filters: [{type: RequestHeaderModifier, "
           "requestHeaderModifier: {add: [{name: X-C, value: '3'}]}}]}\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, "GET / HTTP/1.1\r\nHost: web\r\nX-A: 0\r\nX-B: 2\r\n\r\n");
    assert_has(t, "x-r: r");
    struct app *a = world_app(w, "10.0.0.1:8080");
    if (!a->requests) a = world_app(w, "10.0.0.2:8080");
    assert_string_equal(world_app_field(a, "x-a"), "1");
    assert_string_equal(world_app_field(a, "x-c"), "3");
    assert_null(world_app_field(a, "x-b"));
}

static void redirect_answers_at_once(void **state) {
    struct world *w = *state;
    world_web(w, "  - filters: [{type: RequestRedirect, requestRedirect: {hostname: new.example, "
                 "statusCode: 301}}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/p?q=1"));
    assert_has(t, "HTTP/1.1 301");
    assert_has(t, "location: http://new.example/p?q=1");
    assert_int_equal(world_app(w, "10.0.0.1:8080")->dials, 0);
    assert_has(world_log(w), "\"reason\":\"redirect\"");
}

static void rewrite_changes_path_and_host(void **state) {
    struct world *w = *state;
    world_web(w, "  - matches: [{path: {value: /old}}]\n"
                 "    filters: [{type: URLRewrite, urlRewrite: {hostname: inner, path: {type: "
                 "ReplacePrefixMatch, replacePrefixMatch: /new}}}]\n"
                 "    backendRefs: [{name: web, port: 80}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/old/a?b=1")), "HTTP/1.1 200");
    struct app *a = world_app(w, "10.0.0.1:8080");
    if (!a->requests) a = world_app(w, "10.0.0.2:8080");
    assert_string_equal(a->seen.path, "/new/a?b=1");
    assert_string_equal(a->seen.authority, "inner");
}

static void ambiguous_paths_are_refused(void **state) {
    struct world *w = *state;
    world_web(w, default_rule);
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/a%2fb"));
    assert_has(t, "HTTP/1.1 400");
    assert_has(t, "weft-reason: path_refused");
    assert_has(client_ask(c, GET("/a/../b/%41")), "HTTP/1.1 200");
    struct app *a = world_app(w, "10.0.0.1:8080");
    if (!a->requests) a = world_app(w, "10.0.0.2:8080");
    assert_string_equal(a->seen.path, "/b/A");
    w->opt.allow_encoded_slashes = true;
    assert_has(client_ask(c, GET("/a%2fb")), "HTTP/1.1 200");
}

/* A change reaches requests that begin after it, also on a kept connection; one in flight keeps
 * what it started with. */
static void config_changes_under_a_request(void **state) {
    struct world *w = *state;
    world_web(w, "  - filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: "
                 "[{name: gen, value: one}]}}]\n"
                 "    backendRefs: [{name: web, port: 80}]\n");
    struct app *a = world_app(w, "10.0.0.1:8080"), *b = world_app(w, "10.0.0.2:8080");
    a->script[0] = b->script[0] = ACT_HOLD;
    a->n_script = b->n_script = 1;
    struct client *c = world_connect(w, "10.96.0.1:80"), *d = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    client_send(d, GET("/"));
    world_reset_yaml(w);
    world_web(w, "  - filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: "
                 "[{name: gen, value: two}]}}]\n"
                 "    backendRefs: [{name: web, port: 80}]\n");
    world_app_answer(a, 200);
    world_app_answer(b, 200);
    assert_has(client_text(c), "gen: one");
    assert_has(client_text(d), "gen: one");
    assert_has(client_ask(c, GET("/")), "gen: two");
}

/* A Service that went away under a kept connection is answered, not guessed. */
static void service_removed_under_a_connection(void **state) {
    struct world *w = *state;
    world_web(w, default_rule);
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    world_reset_yaml(w);
    world_apply(w);
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 503");
    assert_has(t, "weft-reason: no_config");
}

static void metrics_count_by_route_and_class(void **state) {
    struct world *w = *state;
    world_web(w, default_rule);
    struct client *c = world_connect(w, "10.96.0.1:80");
    for (int i = 0; i < 3; i++) client_ask(c, GET("/"));
    assert_int_equal(
        world_metric(w, "weft_requests_total{direction=\"outbound\",service=\"default/web:80\","
                        "route_kind=\"HTTPRoute\",route=\"default/r\",rule=\"0\",backend=\"default/"
                        "web:80\",status=\"200\",grpc_status=\"\"}"),
        3);
    assert_int_equal(world_metric(w, "weft_requests_active"), 0);
    assert_int_equal(world_metric(w, "weft_request_duration_seconds_count"), 3);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(without_route_to_the_endpoints),
        T(pod_address_is_not_routed),
        T(no_match_is_404),
        T(no_match_is_unimplemented_for_grpc),
        T(invalid_backend_is_500),
        T(no_backend_is_500),
        T(invalid_backend_of_weight_0),
        T(no_endpoints_is_503),
        T(weights_are_by_request),
        T(host_does_not_choose_routes),
        T(host_can_be_matched_as_a_header),
        T(filters_change_heads),
        T(redirect_answers_at_once),
        T(rewrite_changes_path_and_host),
        T(ambiguous_paths_are_refused),
        T(config_changes_under_a_request),
        T(service_removed_under_a_connection),
        T(metrics_count_by_route_and_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * REQ-057, REQ-058: HTTP/1.1 callers of HTTP/2 apps and the reverse, where the backend's port says
 * so and only there; and gRPC, which is HTTP/2 with trailers, deadlines and cancellation. */
#include "support/world.h"

#include <string.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"
#define GRPC      "content-type: application/grpc\nte: trailers\n"

/* web declares `app_protocol`; its app is behind a sidecar and speaks HTTP/2 or HTTP/1. */
static struct app *mesh(struct world *w, const char *app_protocol, bool h2) {
    world_service(w, "web", "10.96.0.1", app_protocol, "10.0.0.1");
    world_pod(w, "web-1", "10.0.0.1", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    struct app *a = world_app(w, "127.0.0.1:8080");
    a->h2 = h2;
    return a;
}

/* The same without sidecars. */
static struct app *plain(struct world *w, const char *app_protocol, bool h2) {
    world_service(w, "web", "10.96.0.1", app_protocol, "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->h2 = h2;
    return a;
}

/* `ret` must stay where it is until world_call_done. */
static void call(struct world *w, const char *method, const char *fields, const char *body,
                 struct h2_call *ret) {
    struct weft_client_conn *c = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    world_call(c, method, "/svc/Method", fields, body, ret);
    world_settle(w);
}

/* ---- HTTP/1.1 callers, HTTP/2 apps ---- */

static void h1_to_h2(struct world *w, struct app *a) {
    struct client *c = world_connect(w, "10.96.0.1:80");
    a->reply_trailers = "x-sum: 42\n";
    const char *t =
        client_ask(c, "POST /a?b HTTP/1.1\r\nHost: shop\r\nTE: trailers\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n");
    assert_has(t, "HTTP/1.1 200");
    assert_has(t, "2\r\nhi\r\n0\r\nx-sum: 42\r\n\r\n");
    assert_string_equal(a->seen.protocol, "h2");
    assert_string_equal(a->seen.path, "/a?b");
    assert_string_equal(a->seen.authority, "shop");
    assert_string_equal(a->seen.body, "hi");
    assert_has(a->seen.trailers, "x-t: 1");
    assert_true(a->seen.te_trailers);
    a->reply_trailers = NULL;
    client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\nok");
    assert_true(a->seen.has_length);
    assert_has(client_ask(c, "HEAD / HTTP/1.1\r\nHost: web\r\n\r\n"), "HTTP/1.1 200");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    struct client *old = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(old, "GET / HTTP/1.0\r\nHost: web\r\n\r\n"), " 200 ");
    assert_true(old->eof);
    assert_int_equal(a->dials, 1);
}

static void h1_caller_of_h2c(void **state) {
    struct world *w = *state;
    h1_to_h2(w, plain(w, "kubernetes.io/h2c", true));
}

static void h1_caller_of_h2c_over_mutual_tls(void **state) {
    struct world *w = *state;
    h1_to_h2(w, mesh(w, "kubernetes.io/h2c", true));
}

/* ---- HTTP/2 callers, HTTP/1.1 apps ---- */

static void h2_to_h1(struct world *w, struct app *a) {
    a->reply_trailers = "x-sum: 42\n";
    struct h2_call one;
    call(w, "POST", "x-a: 1\nte: trailers\n", "hello", &one);
    assert_int_equal(one.status, 200);
    assert_true(one.ended);
    assert_true(weft_slice_is(weft_buf_slice(&one.body), "hello"));
    assert_has(one.trailers, "x-sum: 42");
    assert_string_equal(a->seen.protocol, "h1");
    assert_string_equal(a->seen.authority, "web");
    assert_string_equal(a->seen.path, "/svc/Method");
    assert_string_equal(a->seen.body, "hello");
    assert_string_equal(world_app_field(a, "x-a"), "1");
    assert_null(world_app_field(a, "weft-hop"));
    world_call_done(&one);
    call(w, "GET", "", NULL, &one);
    assert_int_equal(one.status, 200);
    world_call_done(&one);
}

static void h2_caller_of_http1(void **state) {
    struct world *w = *state;
    h2_to_h1(w, plain(w, "kubernetes.io/ws", false));
}

static void h2_caller_of_http1_over_mutual_tls(void **state) {
    struct world *w = *state;
    h2_to_h1(w, mesh(w, "http1", false));
}

/* ---- nobody asked ---- */

static void http_keeps_the_callers_version(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "http", true);
    struct h2_call one;
    call(w, "GET", "", NULL, &one);
    assert_string_equal(a->seen.protocol, "h2");
    world_call_done(&one);
    a->h2 = false;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_ask(c, GET("/"));
    assert_string_equal(a->seen.protocol, "h1");
}

/* REQ-177: the backend's port counts, not the one that was called. */
static void each_backend_has_its_own(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_service(w, "new", "10.96.0.2", "kubernetes.io/h2c", "10.0.0.2");
    world_route(w, "r", "web",
                "  - matches: [{path: {value: /new}}]\n"
                "    backendRefs: [{name: new, port: 80}]\n"
                "  - backendRefs: [{name: web, port: 80}]\n");
    world_apply(w);
    struct app *old = world_app(w, "10.0.0.1:8080"), *new = world_app(w, "10.0.0.2:8080");
    new->h2 = true;
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/new")), "HTTP/1.1 200");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    assert_string_equal(new->seen.protocol, "h2");
    assert_string_equal(old->seen.protocol, "h1");
}

/* ---- gRPC ---- */

/* The deadline is the app's business and goes on as it came. */
static void grpc_deadline_is_passed_on(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "grpc", true);
    a->reply_trailers = "grpc-status: 0\n";
    struct h2_call one;
    call(w, "POST", GRPC "grpc-timeout: 250m\ngrpc-encoding: gzip\n", "abc", &one);
    assert_string_equal(world_app_field(a, "grpc-timeout"), "250m");
    assert_string_equal(world_app_field(a, "grpc-encoding"), "gzip");
    assert_true(a->seen.te_trailers);
    assert_has(one.trailers, "grpc-status: 0");
    world_call_done(&one);
}

/* A caller that cancels cancels at the app, through both sidecars; nothing else is touched. */
static void grpc_cancellation_is_passed_on(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "grpc", true);
    a->script[0] = ACT_HOLD;
    a->n_script = 1;
    a->reply_trailers = "grpc-status: 0\n";
    struct weft_client_conn *c = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    struct h2_call held, other;
    world_call(c, "POST", "/s/Wait", GRPC, "abc", &held);
    world_settle(w);
    assert_non_null(a->held);
    weft_stream_reset(held.s, WEFT_CANCELED);
    world_settle(w);
    assert_null(a->held);
    world_call_done(&held);
    world_call(c, "POST", "/s/M", GRPC, "abc", &other);
    world_settle(w);
    assert_has(other.trailers, "grpc-status: 0");
    world_call_done(&other);
    assert_int_equal(a->dials, 1);
    assert_has(world_log(w), "\"reason\":\"client_gone\"");
}

/* A stream that the app cuts is an error, never a short success. */
static void grpc_cut_stream_is_reset(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "grpc", true);
    a->script[0] = ACT_HEAD_ONLY_THEN_RESET;
    a->n_script = 1;
    struct h2_call one;
    call(w, "POST", GRPC, "abc", &one);
    assert_int_equal(one.status, 200);
    world_app_answer(a, 0);
    assert_true(one.reset);
    assert_false(one.ended);
    world_call_done(&one);
}

/* REQ-126, REQ-130: answers of our own are trailers-only with a status that callers understand. */
static void trailers_only(struct world *w, const char *status, const char *word) {
    struct h2_call one;
    call(w, "POST", GRPC, "abc", &one);
    assert_int_equal(one.status, 200);
    assert_true(one.ended);
    assert_int_equal(weft_buf_size(&one.body), 0);
    assert_has(one.fields, "content-type: application/grpc");
    assert_has(one.fields, status);
    assert_has(one.fields, "grpc-message: weft: ");
    assert_has(one.fields, word);
    world_call_done(&one);
}

static void grpc_errors_of_our_own(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "grpc", "");
    world_apply(w);
    trailers_only(w, "grpc-status: 14", "no_endpoints");
    world_reset_yaml(w);
    world_service(w, "web", "10.96.0.1", "grpc", "10.0.0.1");
    world_route(w, "r", "web",
                "  - matches: [{path: {value: /other}}]\n"
                "    backendRefs: [{name: web, port: 80}]\n");
    world_apply(w);
    trailers_only(w, "grpc-status: 12", "no_route");
    world_reset_yaml(w);
    world_service(w, "web", "10.96.0.1", "grpc", "10.0.0.1");
    world_route(w, "r", "web", "  - backendRefs: [{name: gone, port: 80}]\n");
    world_apply(w);
    trailers_only(w, "grpc-status: 14", "invalid_backend");
    world_reset_yaml(w);
    world_service(w, "web", "10.96.0.1", "grpc", "10.0.0.1");
    world_apply(w);
    world_app(w, "10.0.0.1:8080")->mode = APP_REFUSE;
    trailers_only(w, "grpc-status: 14", "connect_failed");
}

static void grpc_timeout_of_the_route(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "grpc", "10.0.0.1");
    world_route(w, "r", "web",
                "  - backendRefs: [{name: web, port: 80}]\n"
                "    timeouts: {request: 1s}\n");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->h2 = true;
    a->script[0] = ACT_HOLD;
    a->n_script = 1;
    struct h2_call one;
    call(w, "POST", GRPC, "abc", &one);
    assert_int_equal(one.status, 0);
    world_advance(w, 1001);
    assert_has(one.fields, "grpc-status: 4");
    assert_has(one.fields, "request_timeout");
    assert_null(a->held);
    world_call_done(&one);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(h1_caller_of_h2c),
        T(h1_caller_of_h2c_over_mutual_tls),
        T(h2_caller_of_http1),
        T(h2_caller_of_http1_over_mutual_tls),
        T(http_keeps_the_callers_version),
        T(each_backend_has_its_own),
        T(grpc_deadline_is_passed_on),
        T(grpc_cancellation_is_passed_on),
        T(grpc_cut_stream_is_reset),
        T(grpc_errors_of_our_own),
        T(grpc_timeout_of_the_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

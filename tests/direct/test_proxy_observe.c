/* SPDX-License-Identifier: Apache-2.0
 * What is told of a request afterwards: exact statuses and gRPC statuses in metrics and log lines,
 * where its time went, whose it was. */
#include "support/world.h"

#include <string.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"
#define GRPC      "content-type: application/grpc\nte: trailers\n"
#define WEB       "direction=\"outbound\",service=\"default/web:80\","
#define NO_ROUTE  WEB "route_kind=\"\",route=\"\",rule=\"\",backend=\"default/web:80\","

static uint64_t requests(struct world *w, const char *status, const char *grpc) {
    WEFT_FREE char *series = weft_asprintf(
        "weft_requests_total{" NO_ROUTE "status=\"%s\",grpc_status=\"%s\"}", status, grpc);
    return world_metric(w, series);
}

/* ---- gRPC ---- */

static struct app *grpc_app(struct world *w) {
    world_service(w, "web", "10.96.0.1", "kubernetes.io/h2c", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->h2 = true;
    return a;
}

static void call(struct world *w, struct h2_call *ret) {
    struct weft_client_conn *c = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    world_call(c, "POST", "/svc/Method", GRPC, "abc", ret);
    world_settle(w);
}

static void call_and_forget(struct world *w) {
    struct h2_call one;
    call(w, &one);
    world_call_done(&one);
}

static void grpc_status_of_trailers(void **state) {
    struct world *w = *state;
    struct app *a = grpc_app(w);
    a->reply_fields = "content-type: application/grpc\n";
    a->reply_trailers = "grpc-status: 7\ngrpc-message: no\n";
    call_and_forget(w);
    assert_has(world_log(w), "\"status\":200,\"grpc_status\":7,");
    assert_int_equal(requests(w, "200", "7"), 1);
    a->reply_trailers = "grpc-status: 0\n";
    call_and_forget(w);
    assert_has(world_log(w), "\"grpc_status\":0,");
    a->reply_trailers = "grpc-status: 99\n";
    call_and_forget(w);
    assert_int_equal(requests(w, "200", "other"), 1);
    a->reply_trailers = NULL;
    call_and_forget(w);
    assert_int_equal(requests(w, "200", "none"), 1);
    assert_hasnt(world_log(w), "\"grpc_status\":-1");
}

/* "Trailers-only": the status stands in the head and nothing follows. */
static void grpc_status_of_a_head(void **state) {
    struct world *w = *state;
    struct app *a = grpc_app(w);
    a->reply_fields = "content-type: application/grpc\ngrpc-status: 5\n";
    a->reply_body = "";
    call_and_forget(w);
    assert_has(world_log(w), "\"grpc_status\":5,");
    assert_int_equal(requests(w, "200", "5"), 1);
}

static void grpc_status_of_our_own_answers(void **state) {
    struct world *w = *state;
    struct app *a = grpc_app(w);
    a->mode = APP_REFUSE;
    call_and_forget(w);
    assert_has(world_log(w), "\"status\":200,\"grpc_status\":14,\"reason\":\"connect_failed\"");
    assert_int_equal(requests(w, "200", "14"), 1);
}

/* Nothing was said: what the cut means to the caller's library. */
static void grpc_status_of_a_canceled_call(void **state) {
    struct world *w = *state;
    struct app *a = grpc_app(w);
    struct h2_call one;
    a->hold_all = true;
    call(w, &one);
    weft_stream_reset(one.s, WEFT_CANCELED);
    world_settle(w);
    assert_has(world_log(w), "\"status\":0,\"grpc_status\":1,\"reason\":\"client_gone\"");
    assert_int_equal(requests(w, "0", "1"), 1);
    world_call_done(&one);
}

/* A header of that name means nothing in other protocols. */
static void grpc_status_only_of_grpc(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_apply(w);
    world_app(w, "10.0.0.1:8080")->reply_fields = "grpc-status: 7\n";
    client_ask(world_connect(w, "10.96.0.1:80"), GET("/"));
    assert_hasnt(world_log(w), "grpc_status");
    assert_int_equal(requests(w, "200", ""), 1);
}

/* ---- statuses ---- */

static void statuses_are_exact(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_route(w, "r", "web", "  - backendRefs: [{name: web, port: 80}]\n");
    world_apply(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    struct app *a = world_app(w, "10.0.0.1:8080");
    static const enum app_act script[] = {ACT_503, ACT_500, ACT_503, ACT_500};
    memcpy(a->script, script, sizeof script);
    a->n_script = WEFT_LEN(script);
    a->reply_body = "hi";
    for (int i = 0; i < 6; i++) client_ask(c, GET("/"));
#define R WEB "route_kind=\"HTTPRoute\",route=\"default/r\",rule=\"0\",backend=\"default/web:80\","
    assert_int_equal(world_metric(w, "weft_requests_total{" R "status=\"503\",grpc_status=\"\"}"),
                     2);
    assert_int_equal(world_metric(w, "weft_requests_total{" R "status=\"500\",grpc_status=\"\"}"),
                     2);
    assert_int_equal(world_metric(w, "weft_requests_total{" R "status=\"200\",grpc_status=\"\"}"),
                     2);
    assert_true(world_metric(w, "weft_body_bytes_total{" R "way=\"response\"}") == 12);
#undef R
    const char *log = world_log(w);
    assert_has(log, "\"service\":\"default/"
                    "web:80\",\"route_kind\":\"HTTPRoute\",\"route\":\"default/r\",\"rule\":\"0\","
                    "\"backend\":\"default/web:80\"");
}

/* An app may answer with any number: a peer cannot make more series than these. */
static void outcomes_are_bounded(void **state) {
    struct world *w = *state;
    struct proxy_series *s = proxy_series_new(
        &w->proxy->stats, &(struct proxy_series_labels){.service = WEFT_SLICE_LIT("x")});
    for (uint16_t status = 100; status < 1000; status++)
        for (int i = 0; i < 2; i++) proxy_series_ended(s, status, PROXY_GRPC_NOT, 5);
#define X                                                                                          \
    "weft_requests_total{direction=\"outbound\",service=\"x\",route_kind=\"\",route=\"\",rule="    \
    "\"\",backend=\"\","
    assert_int_equal(world_metric(w, X "status=\"100\",grpc_status=\"\"}"), 2);
    assert_int_equal(world_metric(w, X "status=\"131\",grpc_status=\"\"}"), 2);
    assert_int_equal(world_metric(w, X "status=\"132\""), 0);
    assert_int_equal(world_metric(w, X "status=\"other\",grpc_status=\"\"}"), 2 * (900 - 32));
    assert_int_equal(world_metric(w, X), 1800);
#undef X
    proxy_series_free(s);
}

/* ---- where the time went ---- */

static uint64_t number(const char *line, const char *key) {
    WEFT_FREE char *quoted = weft_asprintf("\"%s\":", key);
    const char *at = strstr(line, quoted);
    if (!at) fail_msg("no %s in %s", key, line);
    return strtoull(at + strlen(quoted), NULL, 10);
}

static void assert_parts(const char *line, uint64_t route, uint64_t connect, uint64_t wait,
                         uint64_t relay) {
    assert_int_equal(number(line, "route_us"), route);
    assert_int_equal(number(line, "connect_us"), connect);
    assert_int_equal(number(line, "wait_us"), wait);
    assert_int_equal(number(line, "relay_us"), relay);
    assert_int_equal(number(line, "duration_us"), route + connect + wait + relay);
}

static void waiting_for_the_app(void **state) {
    struct world *w = *state;
    world_web(w, "  - backendRefs: [{name: web, port: 80}]\n");
    struct app *a = world_app(w, "10.0.0.1:8080"), *b = world_app(w, "10.0.0.2:8080");
    a->hold_all = b->hold_all = true;
    client_send(world_connect(w, "10.96.0.1:80"), GET("/"));
    world_advance(w, 300);
    world_app_answer(a->held ? a : b, 200);
    world_settle(w);
    assert_parts(world_log(w), 0, 0, 300000, 0);
}

static void connecting_in_vain(void **state) {
    struct world *w = *state;
    w->opt.connect_timeout_us = 2000000;
    world_web(w, "  - backendRefs: [{name: web, port: 80}]\n    timeouts: {request: 700ms}\n");
    world_app(w, "10.0.0.1:8080")->mode = APP_MUTE;
    world_app(w, "10.0.0.2:8080")->mode = APP_MUTE;
    client_send(world_connect(w, "10.96.0.1:80"), GET("/"));
    world_advance(w, 800);
    assert_parts(world_log(w), 0, 700000, 0, 0);
}

/* The response has begun and its end, which is none, comes late. */
static void relaying(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->script[0] = ACT_HEAD_ONLY_THEN_RESET;
    a->n_script = 1;
    client_send(world_connect(w, "10.96.0.1:80"), GET("/"));
    world_advance(w, 200);
    world_app_answer(a, 0);
    world_settle(w);
    const char *line = world_log(w);
    assert_has(line, "\"reason\":\"upstream_reset\"");
    assert_parts(line, 0, 0, 0, 200000);
}

/* ---- whose it was ---- */

static struct app *mesh(struct world *w) {
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_pod(w, "web-1", "10.0.0.1", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    return world_app(w, "127.0.0.1:8080");
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) n++;
    return n;
}

/* Tracing fields reach the app as they were, through both sidecars; both lines have the id. */
static void ids_go_through_both_sidecars(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w);
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client_ask(world_connect(w, "10.96.0.1:80"),
               "GET / HTTP/1.1\r\nHost: web\r\nX-Request-Id: mine/1\r\ntraceparent: " TRACE
               "\r\ntracestate: a=1, b=2\r\nTraceState: c=\"x\"\r\n\r\n");
    assert_has(a->seen.fields, "traceparent: " TRACE "\n");
    assert_has(a->seen.fields, "tracestate: a=1, b=2\ntracestate: c=\"x\"\n");
    assert_string_equal(world_app_field(a, "x-request-id"), "mine/1");
    assert_int_equal(count(world_log(w), "\"request_id\":\"mine/1\""), 2);
#undef TRACE
}

/* Made once, by the first sidecar: a UUID of version 4. */
static void an_id_is_made_where_none_is(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w);
    client_ask(world_connect(w, "10.96.0.1:80"), GET("/"));
    const char *id = world_app_field(a, "x-request-id");
    assert_non_null(id);
    assert_int_equal(strlen(id), 36);
    assert_int_equal(strspn(id, "0123456789abcdef-"), 36);
    assert_true(id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-');
    assert_int_equal(id[14], '4');
    assert_non_null(strchr("89ab", id[19]));
    WEFT_FREE char *logged = weft_asprintf("\"request_id\":\"%s\"", id);
    assert_int_equal(count(world_log(w), logged), 2);
    assert_null(world_app_field(a, "traceparent"));
}

/* ---- the mode ---- */

static void mode_changes_at_run_time(void **state) {
    struct world *w = *state;
    world_web(w, "  - backendRefs: [{name: web, port: 80}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    struct app *a = world_app(w, "10.0.0.1:8080"), *b = world_app(w, "10.0.0.2:8080");
    proxy_log_set_mode(&w->proxy->log, PROXY_LOG_OFF);
    a->script[0] = b->script[0] = ACT_500;
    a->n_script = b->n_script = 1;
    for (int i = 0; i < 4; i++) client_ask(c, GET("/off"));
    assert_string_equal(world_log(w), "");
    a->n_script = b->n_script = 0;
    proxy_log_set_mode(&w->proxy->log, PROXY_LOG_ERRORS);
    client_ask(c, GET("/fine"));
    assert_string_equal(world_log(w), "");
    a->mode = b->mode = APP_REFUSE;
    client_ask(c, "GET /%2f HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_has(world_log(w), "\"status\":400,\"reason\":\"path_refused\"");
    proxy_log_set_mode(&w->proxy->log, PROXY_LOG_ALL);
    client_ask(c, GET("/all"));
    assert_has(world_log(w), "\"path\":\"/all\"");
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(ids_go_through_both_sidecars),
        T(an_id_is_made_where_none_is),
        T(grpc_status_of_trailers),
        T(grpc_status_of_a_head),
        T(grpc_status_of_our_own_answers),
        T(grpc_status_of_a_canceled_call),
        T(grpc_status_only_of_grpc),
        T(statuses_are_exact),
        T(outcomes_are_bounded),
        T(waiting_for_the_app),
        T(connecting_in_vain),
        T(relaying),
        T(mode_changes_at_run_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Timeouts and attempts: the cases in which a request moves without being asked to, the retry
 * stanza, and the limits of both. The clock is the test's. */
#include "support/world.h"

#include <string.h>
#include <weft/base/limits.h>

#define GET(path)        "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"
#define POST(path, body) "POST " path " HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\n" body

static struct app *script(struct app *a, int n, enum app_act act) {
    for (int i = 0; i < n; i++) a->script[i] = act;
    a->n_script = n;
    return a;
}

/* One endpoint, so that attempts are easily counted. `rule` is what stands beside backendRefs. */
static struct app *one_app(struct world *w, const char *rule) {
    WEFT_FREE char *rules = weft_asprintf("  - backendRefs: [{name: web, port: 80}]\n%s", rule);
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_route(w, "r", "web", rules);
    world_apply(w);
    return world_app(w, "10.0.0.1:8080");
}

#define BY_RULE(family)                                                                            \
    family "{direction=\"outbound\",service=\"default/"                                            \
           "web:80\",route_kind=\"HTTPRoute\",route=\"default/r\",rule=\"0\","                     \
           "backend=\"default/web:80\","

/* ---- timeouts ---- */

/* REQ-104, REQ-173: timeouts.request bounds the whole transaction: 504. */
static void request_timeout_is_504(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    timeouts: {request: 500ms}\n"), 1, ACT_HOLD);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_advance(w, 499);
    assert_hasnt(client_text(c), "504");
    world_advance(w, 2);
    assert_has(client_text(c), "HTTP/1.1 504");
    assert_has(client_text(c), "weft-reason: request_timeout");
    assert_null(a->held); /* the attempt was cancelled */
    assert_int_equal(world_metric(w, BY_RULE("weft_request_timeouts_total") "timeout=\"request\"}"),
                     1);
}

/* REQ-105, REQ-173: backendRequest bounds one attempt; it may be set alone. */
static void backend_timeout_is_504(void **state) {
    struct world *w = *state;
    script(one_app(w, "    timeouts: {backendRequest: 200ms}\n"), 1, ACT_HOLD);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_advance(w, 201);
    assert_has(client_text(c), "HTTP/1.1 504");
    assert_has(client_text(c), "weft-reason: backend_timeout");
}

/* REQ-106, REQ-173: 0s disables, and there is no limit of our own. */
static void zero_disables_timeouts(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    timeouts: {request: 0s}\n"), 1, ACT_HOLD);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_advance(w, 3600000);
    assert_string_equal(client_text(c), "");
    world_app_answer(a, 200);
    assert_has(client_text(c), "HTTP/1.1 200");
}

/* REQ-107: after the response head a 504 is impossible: the stream is cut. */
static void timeout_after_the_head_cuts(void **state) {
    struct world *w = *state;
    script(one_app(w, "    timeouts: {request: 500ms}\n"), 1, ACT_HEAD_ONLY_THEN_RESET);
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "half");
    world_advance(w, 501);
    assert_true(c->broken);
    assert_has(world_log(w), "\"status\":200,\"reason\":\"request_timeout\"");
}

/* The clock runs while the caller sends. */
static void request_timeout_covers_a_slow_upload(void **state) {
    struct world *w = *state;
    one_app(w, "    timeouts: {request: 1s}\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 100\r\n\r\nsome");
    world_advance(w, 1001);
    assert_has(client_text(c), "HTTP/1.1 504");
}

/* ---- without a stanza ---- */

/* Case (a): connection refused: another endpoint, invisible to the caller; POST too. */
static void refused_moves_on(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    world_app(w, "10.0.0.1:8080")->mode = APP_REFUSE;
    struct client *c = world_connect(w, "10.96.0.1:80");
    struct app *b = world_app(w, "10.0.0.2:8080");
    for (int i = 0; i < 20; i++) { /* the first attempt or the second: the same Host (REQ-060) */
        assert_has(client_ask(c, POST("/", "ab")), "HTTP/1.1 200");
        assert_string_equal(b->seen.authority, "web");
    }
    assert_int_equal(b->requests, 20);
    assert_string_equal(b->seen.body, "ab");
}

/* Nothing of it was sent, so its size is no reason to give up. */
static void a_large_upload_moves_on_too(void **state) {
    struct world *w = *state;
    static char body[100001];
    memset(body, 'x', sizeof body - 1);
    world_web(w, NULL);
    world_app(w, "10.0.0.1:8080")->mode = APP_REFUSE;
    struct app *b = world_app(w, "10.0.0.2:8080");
    b->h2 = true;
    struct weft_client_conn *c = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    for (int i = 0; i < 10; i++) {
        struct h2_call call;
        world_call(c, "POST", "/", "", body, &call);
        world_settle(w);
        if (call.status != 200) fail_msg("%s", world_log(w));
        assert_int_equal(strlen(b->seen.body), sizeof body - 1);
        world_call_done(&call);
    }
    weft_client_conn_close(c);
}

static void all_refused_is_503(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    world_app(w, "10.0.0.1:8080")->mode = APP_REFUSE;
    world_app(w, "10.0.0.2:8080")->mode = APP_REFUSE;
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 503");
    assert_has(t, "weft-reason: connect_failed");
    assert_has(world_log(w), "\"attempts\":2");
}

static void connect_timeout_is_503(void **state) {
    struct world *w = *state;
    one_app(w, "")->mode = APP_MUTE;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_advance(w, 5001);
    assert_has(client_text(c), "HTTP/1.1 503");
    assert_has(client_text(c), "weft-reason: connect_timeout");
}

/* A request that an app may have seen is not repeated. */
static void reset_is_not_repeated(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    struct app *a = script(world_app(w, "10.0.0.1:8080"), 1, ACT_RESET);
    struct app *b = script(world_app(w, "10.0.0.2:8080"), 1, ACT_RESET);
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 502");
    assert_int_equal(a->requests + b->requests, 1);
}

/* Case (d): once, a bodyless GET on a reused connection that closed before any response byte. */
static void stale_connection_is_replaced(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w, "");
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    a->script[1] = ACT_RESET;
    a->n_script = 2;
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    assert_int_equal(a->requests, 3);
    assert_int_equal(a->dials, 2);
    assert_int_equal(world_metric(w, BY_RULE("weft_request_retries_total") "cause=\"reused\"}"), 1);
}

static void stale_connection_once_only(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w, "");
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_ask(c, GET("/"));
    a->script[1] = a->script[2] = ACT_RESET;
    a->n_script = 3;
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 502");
    assert_int_equal(a->requests, 3);
}

static void stale_connection_not_for_post(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w, "");
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_ask(c, GET("/"));
    a->script[1] = ACT_RESET;
    a->n_script = 2;
    assert_has(client_ask(c, POST("/", "ab")), "HTTP/1.1 502");
    assert_int_equal(a->requests, 2);
}

/* ---- the stanza ---- */

/* REQ-110, REQ-111, REQ-114, REQ-174: attempts are retries; 2 failures, then 200. */
static void retry_on_code(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    retry: {codes: [500], attempts: 3}\n"), 2, ACT_500);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, POST("/", "ab"));
    world_advance(w, 1000);
    assert_has(client_text(c), "HTTP/1.1 200");
    assert_int_equal(a->requests, 3);
    assert_string_equal(a->seen.body, "ab");
    assert_has(world_log(w), "\"attempts\":3");
    assert_int_equal(world_metric(w, BY_RULE("weft_request_retries_total") "cause=\"policy\"}"), 2);
}

/* REQ-114, REQ-174: 4 failures with 3 retries: the last status. */
static void retries_exhausted_return_the_last_status(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    retry: {codes: [500], attempts: 3}\n"), 9, ACT_500);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    for (int i = 0; i < 5; i++) world_advance(w, 300);
    assert_has(client_text(c), "HTTP/1.1 500");
    assert_int_equal(a->requests, 4);
}

/* REQ-110, REQ-174: an unlisted code is returned at once. */
static void unlisted_code_is_returned(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    retry: {codes: [500], attempts: 3}\n"), 1, ACT_503);
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 503");
    assert_int_equal(a->requests, 1);
}

/* REQ-109, REQ-115, REQ-174: connection errors are retried without codes. */
static void retry_on_reset(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    retry: {attempts: 3}\n"), 2, ACT_RESET);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    for (int i = 0; i < 5; i++) world_advance(w, 300);
    assert_has(client_text(c), "HTTP/1.1 200");
    assert_int_equal(a->requests, 3);
}

/* REQ-115: 3 retries and 4 resets: 503, in the log as well. */
static void resets_exhaust_retries(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    retry: {attempts: 3}\n"), 9, ACT_RESET);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    for (int i = 0; i < 5; i++) world_advance(w, 300);
    assert_has(client_text(c), "HTTP/1.1 503");
    assert_has(client_text(c), "weft-reason: upstream_reset");
    assert_int_equal(a->requests, 4);
    const char *log = world_log(w);
    assert_has(log, "\"status\":503,\"reason\":\"upstream_reset\"");
    assert_has(log, "\"attempts\":4");
    assert_int_equal(world_metric(w, BY_RULE("weft_request_retries_total") "cause=\"policy\"}"), 3);
    assert_int_equal(
        world_metric(w, BY_RULE("weft_requests_total") "status=\"503\",grpc_status=\"\"}"), 1);
}

/* What the stanza could not repeat is what it is without one. */
static void reset_that_is_not_repeated_is_502(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    retry: {attempts: 3}\n"), 9, ACT_RESET);
    WEFT_FREE char *body = weft_alloc0(WEFT_REPLAY_BYTES + 2);
    memset(body, 'x', WEFT_REPLAY_BYTES + 1);
    WEFT_FREE char *request =
        weft_asprintf("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: %d\r\n\r\n%s",
                      WEFT_REPLAY_BYTES + 1, body);
    assert_has(client_ask(world_connect(w, "10.96.0.1:80"), request), "HTTP/1.1 502");
    assert_int_equal(a->requests, 1);
}

/* REQ-112: never sooner than the backoff. */
static void backoff_is_a_minimum(void **state) {
    struct world *w = *state;
    struct app *a =
        script(one_app(w, "    retry: {codes: [500], attempts: 1, backoff: 400ms}\n"), 1, ACT_500);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_advance(w, 399);
    assert_int_equal(a->requests, 1);
    for (int i = 0; i < 10; i++) world_advance(w, 100);
    assert_int_equal(a->requests, 2);
    assert_has(client_text(c), "HTTP/1.1 200");
}

/* REQ-113, REQ-115: an attempt that hits backendRequest is cancelled and repeated. */
static void backend_timeout_is_retried(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    timeouts: {backendRequest: 200ms}\n"
                                      "    retry: {attempts: 2}\n"),
                           2, ACT_HOLD);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    for (int i = 0; i < 10; i++) world_advance(w, 100);
    assert_has(client_text(c), "HTTP/1.1 200");
    assert_int_equal(a->requests, 3);
}

static void backend_timeouts_exhaust_retries(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    timeouts: {backendRequest: 200ms}\n"
                                      "    retry: {attempts: 2}\n"),
                           9, ACT_HOLD);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    for (int i = 0; i < 20; i++) world_advance(w, 100);
    assert_has(client_text(c), "HTTP/1.1 504");
    assert_int_equal(a->requests, 3);
}

/* REQ-113: timeouts.request caps everything, also a wait between attempts. */
static void request_timeout_caps_retries(void **state) {
    struct world *w = *state;
    script(one_app(w, "    timeouts: {request: 400ms}\n"
                      "    retry: {codes: [500], attempts: 5, backoff: 300ms}\n"),
           9, ACT_500);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_advance(w, 399);
    assert_string_equal(client_text(c), "");
    world_advance(w, 2);
    assert_has(client_text(c), "HTTP/1.1 504");
}

/* REQ-116: a different endpoint when there is one. */
static void retry_prefers_another_endpoint(void **state) {
    struct world *w = *state;
    world_web(w, "  - backendRefs: [{name: web, port: 80}]\n"
                 "    retry: {codes: [500], attempts: 1}\n");
    struct app *a = script(world_app(w, "10.0.0.1:8080"), 9, ACT_500);
    struct app *b = script(world_app(w, "10.0.0.2:8080"), 9, ACT_500);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_advance(w, 300);
    assert_has(client_text(c), "HTTP/1.1 500");
    assert_int_equal(a->requests, 1);
    assert_int_equal(b->requests, 1);
}

/* REQ-116: beyond the replay buffer there is no retry. */
static void large_body_is_not_repeated(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    retry: {codes: [500], attempts: 3}\n"), 2, ACT_500);
    struct client *c = world_connect(w, "10.96.0.1:80");
    WEFT_FREE char *text = weft_alloc0(100000 + 100);
    int n = snprintf(text, 100, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 100000\r\n\r\n");
    memset(text + n, 'x', 100000);
    client_send(c, text);
    world_advance(w, 1000);
    assert_has(client_text(c), "HTTP/1.1 500");
    assert_int_equal(a->requests, 1);
}

/* REQ-116: never after response bytes went to the caller. */
static void no_retry_after_the_head(void **state) {
    struct world *w = *state;
    struct app *a = script(one_app(w, "    retry: {attempts: 3}\n"), 1, ACT_HEAD_ONLY_THEN_RESET);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_app_answer(a, 0);
    world_advance(w, 1000);
    assert_true(c->broken);
    assert_int_equal(a->requests, 1);
}

/* A budget bounds what retries may add when everything fails. */
static void retries_have_a_budget(void **state) {
    struct world *w = *state;
    w->proxy->budget_policy = (struct weft_retry_budget_policy){0};
    struct app *a = one_app(w, "    retry: {codes: [500], attempts: 1, backoff: 1ms}\n");
    script(a, 9, ACT_500);
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 500");
    assert_int_equal(a->requests, 1);
}

static void caller_gone_during_backoff(void **state) {
    struct world *w = *state;
    struct app *a =
        script(one_app(w, "    retry: {codes: [500], attempts: 1, backoff: 1s}\n"), 1, ACT_500);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    client_abort(c);
    world_advance(w, 2000);
    assert_int_equal(a->requests, 1);
    assert_int_equal(w->proxy->n_exchanges, 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(request_timeout_is_504),
        T(backend_timeout_is_504),
        T(zero_disables_timeouts),
        T(timeout_after_the_head_cuts),
        T(request_timeout_covers_a_slow_upload),
        T(refused_moves_on),
        T(a_large_upload_moves_on_too),
        T(all_refused_is_503),
        T(connect_timeout_is_503),
        T(reset_is_not_repeated),
        T(stale_connection_is_replaced),
        T(stale_connection_once_only),
        T(stale_connection_not_for_post),
        T(retry_on_code),
        T(retries_exhausted_return_the_last_status),
        T(unlisted_code_is_returned),
        T(retry_on_reset),
        T(resets_exhaust_retries),
        T(reset_that_is_not_repeated_is_502),
        T(backoff_is_a_minimum),
        T(backend_timeout_is_retried),
        T(backend_timeouts_exhaust_retries),
        T(request_timeout_caps_retries),
        T(retry_prefers_another_endpoint),
        T(large_body_is_not_repeated),
        T(no_retry_after_the_head),
        T(retries_have_a_budget),
        T(caller_gone_during_backoff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

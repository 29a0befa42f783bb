/* SPDX-License-Identifier: Apache-2.0
 * Messages through the outbound side: bodies and trailers both ways, interim responses, the old
 * protocols' corners, backpressure, and what happens when one side goes away. */
#include "support/world.h"

#include <string.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"

static struct app *one_app(struct world *w) {
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_apply(w);
    return world_app(w, "10.0.0.1:8080");
}

static void post_is_echoed(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\nhello");
    assert_has(t, "HTTP/1.1 200");
    assert_has(t, "\r\n\r\nhello");
    assert_string_equal(a->seen.body, "hello");
    assert_true(a->seen.has_length);
    const char *log = world_log(w);
    assert_has(log, "\"bytes_in\":5");
    assert_has(log, "\"bytes_out\":5");
}

static void chunked_stays_chunked(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_string_equal(a->seen.body, "abcde");
    assert_true(a->seen.chunked);
    assert_false(a->seen.has_length);
}

static void post_without_body(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n"), " 200 ");
    assert_string_equal(a->seen.method, "POST");
    assert_string_equal(a->seen.body, "");
}

static void trailers_both_ways(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->reply_trailers = "x-sum: 42\n";
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t =
        client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nTE: trailers\r\nTransfer-Encoding: "
                      "chunked\r\n\r\n1\r\na\r\n0\r\nx-t: 1\r\n\r\n");
    assert_has(a->seen.trailers, "x-t: 1");
    assert_has(t, "x-sum: 42");
}

static void head_has_no_body(void **state) {
    struct world *w = *state;
    one_app(w)->reply_body = "12345";
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, "HEAD / HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_has(t, "content-length: 5");
    assert_hasnt(t, "12345");
    assert_has(client_ask(c, GET("/")), "12345"); /* the connection is still in step */
}

static void http_10_closes(void **state) {
    struct world *w = *state;
    one_app(w)->reply_body = "old";
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, "GET / HTTP/1.0\r\nHost: web\r\n\r\n");
    assert_has(t, "200");
    assert_has(t, "\r\n\r\nold");
    assert_hasnt(t, "chunked");
    assert_true(c->eof);
    assert_has(world_log(w), "\"protocol\":\"h1.0\"");
}

static void close_delimited_response(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_app_send(a, "HTTP/1.1 200 OK\r\n\r\nuntil the end");
    assert_has(client_text(c), "until the end");
    assert_has(client_text(c), "transfer-encoding: chunked");
    weft_xport_close(a->raw);
    a->raw = NULL;
    world_settle(w);
    assert_has(client_text(c), "0\r\n\r\n");
    assert_has(world_log(w), "\"status\":200,\"reason\":\"\"");
}

static void expect_continue_is_the_apps(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->script[0] = ACT_CONTINUE;
    a->n_script = 1;
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(
        c, "POST / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_has(t, "HTTP/1.1 100");
    assert_hasnt(t, " 200 ");
    t = client_ask(c, "ok");
    assert_has(t, "HTTP/1.1 200");
    assert_string_equal(a->seen.body, "ok");
}

static void early_hints_pass(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->script[0] = ACT_HINTS;
    a->n_script = 1;
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 103");
    assert_has(t, "HTTP/1.1 200");
}

/* What the app sent is what the other app receives. */
static void h2_stays_h2(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->h2 = true;
    struct weft_client_conn *c = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    struct h2_call call;
    world_call(c, "POST", "/x", "te: trailers\n", "hello", &call);
    world_settle(w);
    assert_int_equal(call.status, 200);
    assert_true(call.ended);
    assert_string_equal(a->seen.protocol, "h2");
    assert_string_equal(a->seen.body, "hello");
    world_call_done(&call);
}

/* REQ-057: the backend's appProtocol says h2c: HTTP/1.1 callers reach it as HTTP/2. */
static void app_protocol_h2c(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "kubernetes.io/h2c", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->h2 = true;
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    assert_string_equal(a->seen.protocol, "h2");
}

/* No caller says who he is, or how he came. */
static void mesh_headers_are_not_believed(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->reply_fields = "weft-hop: 1;unprocessed\n";
    a->script[0] = ACT_503;
    a->n_script = 1;
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t =
        client_ask(c, "GET / HTTP/1.1\r\nHost: web\r\nX-Forwarded-Client-Cert: "
                      "URI=spiffe://cluster.local/ns/x/sa/y\r\nWeft-Hop: 1;app=h2\r\n\r\n");
    assert_has(t, "HTTP/1.1 503");
    assert_hasnt(t, "weft-hop");
    assert_int_equal(a->requests, 1); /* its word was not taken for "unprocessed" */
    assert_null(world_app_field(a, "x-forwarded-client-cert"));
    assert_null(world_app_field(a, "weft-hop"));
}

static void request_id_is_kept_or_made(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_ask(c, "GET / HTTP/1.1\r\nHost: web\r\nX-Request-Id: mine\r\n\r\n");
    assert_string_equal(world_app_field(a, "x-request-id"), "mine");
    client_ask(c, GET("/"));
    assert_int_equal(strlen(world_app_field(a, "x-request-id")), 36);
}

/* A response that is cut must not look whole: HTTP/1 connection broken, HTTP/2 stream reset. */
static void cut_response_is_cut(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->script[0] = a->script[1] = ACT_HEAD_ONLY_THEN_RESET;
    a->n_script = 2;
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "half");
    world_app_answer(a, 0);
    assert_true(c->broken);
    assert_has(world_log(w), "\"status\":200,\"reason\":\"upstream_reset\"");
}

static void reset_before_the_head_is_502(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->script[0] = ACT_RESET;
    a->n_script = 1;
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 502");
    assert_has(t, "weft-reason: upstream_reset");
    assert_int_equal(a->requests, 1);
}

static void malformed_response_is_502(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_app_send(a, "NONSENSE\r\n\r\n");
    assert_has(client_text(c), "HTTP/1.1 502");
    assert_has(client_text(c), "weft-reason: upstream_protocol");
}

static void caller_gone_frees_the_endpoint(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->script[0] = ACT_HOLD;
    a->n_script = 1;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    assert_int_equal(w->proxy->n_exchanges, 1);
    client_abort(c);
    assert_int_equal(w->proxy->n_exchanges, 0);
    assert_null(a->held); /* the app saw its stream end */
    assert_has(world_log(w), "\"reason\":\"client_gone\"");
}

/* An answer before the body is complete: the rest of the body still flows, then the next request.
 */
static void early_answer_lets_the_body_go_on(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->script[0] = ACT_EARLY;
    a->n_script = 1;
    a->reply_body = "early";
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t =
        client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\n\r\n12345");
    assert_has(t, "early");
    assert_int_equal(w->proxy->n_exchanges, 1);
    client_send(c, "67890");
    assert_int_equal(w->proxy->n_exchanges, 0);
    assert_has(client_ask(c, GET("/next")), "HTTP/1.1 200");
    assert_string_equal(a->seen.path, "/next");
}

/* ... and a caller that never sends the rest is let go. */
static void early_answer_does_not_wait_for_ever(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->script[0] = ACT_EARLY;
    a->n_script = 1;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\n\r\n12345");
    world_advance(w, 6000);
    assert_int_equal(w->proxy->n_exchanges, 0);
}

static char *big_post(size_t n) {
    char *text = weft_alloc(n + 128);
    int head =
        snprintf(text, 128, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: %zu\r\n\r\n", n);
    memset(text + head, 'x', n);
    text[(size_t)head + n] = 0;
    return text;
}

static void large_body_passes_whole(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    WEFT_FREE char *text = big_post(3000000);
    const char *t = client_ask(c, text);
    assert_has(t, "HTTP/1.1 200");
    assert_int_equal(strlen(a->seen.body), 3000000);
    assert_in_range(weft_buf_size(&c->in), 3000000, 3001000);
}

enum { CHUNK = 65536, CHUNKS = 200 };

/* Writes chunks while they are taken; returns how many were. */
static int push(struct world *w, struct weft_xport *x, int most) {
    WEFT_FREE char *chunk = weft_alloc(CHUNK);
    memset(chunk, 'x', CHUNK);
    int n = 0;
    while (n < most && weft_xport_queued(x) == 0) {
        weft_xport_write(x, weft_slice(chunk, CHUNK));
        world_settle(w);
        n++;
    }
    return n;
}

/* An endpoint that does not read: what the proxy holds of the body stays bounded, and all of it
 * arrives in the end. */
static void slow_endpoint_pauses_the_caller(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    WEFT_FREE char *head =
        weft_asprintf("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: %d\r\n\r\n", CHUNK * CHUNKS);
    client_send(c, head);
    weft_xport_read_stop(a->raw);
    int n = push(w, c->x, CHUNKS);
    assert_in_range(n, 2, 32); /* 2 MiB */
    weft_xport_read_start(a->raw);
    world_settle(w);
    while (n < CHUNKS) {
        int more = push(w, c->x, CHUNKS - n);
        assert_true(more > 0);
        n += more;
    }
    assert_true(weft_buf_size(&a->raw_in) > (size_t)CHUNK * CHUNKS);
}

/* A caller that does not read pauses the endpoint. */
static void slow_caller_pauses_the_endpoint(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    weft_xport_read_stop(c->x);
    WEFT_FREE char *head =
        weft_asprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", CHUNK * CHUNKS);
    world_app_send(a, head);
    int n = push(w, a->raw, CHUNKS);
    assert_in_range(n, 2, 32);
    weft_xport_read_start(c->x);
    world_settle(w);
    n += push(w, a->raw, CHUNKS - n);
    assert_int_equal(n, CHUNKS);
    assert_true(weft_buf_size(&c->in) > (size_t)CHUNK * CHUNKS);
    assert_int_equal(w->proxy->n_exchanges, 0);
}

static void pipelined_requests_keep_their_order(void **state) {
    struct world *w = *state;
    struct app *a = one_app(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, "POST /1 HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\n\r\n1"
                                  "POST /2 HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\n\r\n2");
    const char *one = strstr(t, "\r\n\r\n1"), *two = strstr(t, "\r\n\r\n2");
    assert_non_null(one);
    assert_non_null(two);
    assert_true(one < two);
    assert_int_equal(a->requests, 2);
}

static void refused_heads_are_answered(void **state) {
    struct world *w = *state;
    one_app(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, "GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400");
    struct client *d = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(d, "BREW / HTTP/1.1\r\nHost: web\r\n\r\n"), "HTTP/1.1 501");
    assert_has(world_log(w), "\"reason\":\"method_unknown\"");
}

static void reason_header_can_be_switched_off(void **state) {
    struct world *w = *state;
    w->opt.reason_header = false;
    world_service(w, "web", "10.96.0.1", NULL, "");
    world_apply(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 503");
    assert_hasnt(t, "weft-reason:");
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(post_is_echoed),
        T(chunked_stays_chunked),
        T(post_without_body),
        T(trailers_both_ways),
        T(head_has_no_body),
        T(http_10_closes),
        T(close_delimited_response),
        T(expect_continue_is_the_apps),
        T(early_hints_pass),
        T(h2_stays_h2),
        T(app_protocol_h2c),
        T(mesh_headers_are_not_believed),
        T(request_id_is_kept_or_made),
        T(cut_response_is_cut),
        T(reset_before_the_head_is_502),
        T(malformed_response_is_502),
        T(caller_gone_frees_the_endpoint),
        T(early_answer_lets_the_body_go_on),
        T(early_answer_does_not_wait_for_ever),
        T(large_body_passes_whole),
        T(slow_endpoint_pauses_the_caller),
        T(slow_caller_pauses_the_endpoint),
        T(pipelined_requests_keep_their_order),
        T(refused_heads_are_answered),
        T(reason_header_can_be_switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Limits on callers: slow bodies, slow readers, too many connections, silence. */
#include "support/world.h"

#include <string.h>

#include <sidecar/limits.h>

#define GET(path)   "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"
#define LIMIT(word) "weft_limits_hit_total{direction=\"outbound\",limit=\"" word "\"}"

static void seconds(struct world *w, int n) {
    for (int i = 0; i < n; i++) world_advance(w, 1000);
}

static void a_body_that_stands_still(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 9\r\n\r\nab");
    seconds(w, 50);
    client_send(c, "cd");
    seconds(w, 50); /* it went on */
    assert_hasnt(client_text(c), "408");
    seconds(w, 12);
    assert_has(client_text(c), "HTTP/1.1 408");
    assert_has(client_text(c), "weft-reason: request_body_timeout");
    seconds(w, 1);
    assert_true(c->eof || c->broken);
    assert_int_equal(world_metric(w, LIMIT("body_timeout")), 1);
    assert_has(world_log(w), "\"reason\":\"request_body_timeout\"");
}

/* A call that says nothing for an hour is no slow body. */
static void a_silent_grpc_stream(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, "POST /a.B/C HTTP/1.1\r\nHost: web\r\nContent-Type: application/grpc\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n");
    seconds(w, 600);
    assert_int_equal(world_metric(w, LIMIT("body_timeout")), 0);
    client_abort(c);
}

static void too_many_connections(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    w->proxy->max_conns = 2;
    struct client *a = world_connect(w, "10.96.0.1:80"), *b = world_connect(w, "10.96.0.1:80");
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_true(c->broken);
    assert_has(client_ask(a, GET("/")), "HTTP/1.1 200");
    assert_has(client_ask(b, GET("/")), "HTTP/1.1 200");
    assert_int_equal(world_metric(w, LIMIT("connections")), 1);
    client_close(a);
    world_settle(w);
    assert_has(client_ask(world_connect(w, "10.96.0.1:80"), GET("/")), "HTTP/1.1 200");
}

/* The failure table: new ones are shed first, none in flight is harmed. */
static void short_of_memory(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    struct client *in = world_connect(w, "10.96.0.1:80");
    client_send(in, "GET / HTTP/1.1\r\n");
    w->proxy->memory_short = true;
    assert_true(world_connect(w, "10.96.0.1:80")->broken);
    assert_has(client_ask(in, "Host: web\r\n\r\n"), "HTTP/1.1 200");
    assert_has(client_ask(in, GET("/again")), "HTTP/1.1 200");
    assert_int_equal(world_metric(w, LIMIT("memory")), 1);
    assert_has(world_log(w), "\"reason\":\"overload\"");
    w->proxy->memory_short = false;
    assert_has(client_ask(world_connect(w, "10.96.0.1:80"), GET("/")), "HTTP/1.1 200");
}

static void silence_ends(void **state) {
    struct world *w = *state;
    world_web(w, "  - backendRefs: [{name: web, port: 80}]\n");
    w->opt.caller_idle_timeout_us = 5000000;
    struct client *never = world_connect(w, "10.96.0.1:80");
    struct client *once = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(once, GET("/")), "HTTP/1.1 200");
    seconds(w, 6);
    assert_true(never->eof && once->eof);
    assert_int_equal(world_metric(w, LIMIT("idle_timeout")), 2);
}

/* Bytes that nobody will take any more hold no connection open. */
static void a_reset_with_bytes_queued_is_idle(void **state) {
    static char big[400000];
    struct world *w = *state;
    world_web(w, "  - backendRefs: [{name: web, port: 80}]\n");
    w->opt.caller_idle_timeout_us = 5000000;
    memset(big, 'x', sizeof big - 1);
    for (int i = 0; i < w->n_apps; i++) w->apps[i].h2 = true, w->apps[i].reply_body = big;
    struct client *c = world_connect(w, "10.96.0.1:80");
    weft_xport_write(c->x, WEFT_SLICE_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
                                          "\0\0\10\1\5\0\0\0\1\202\206\204\101\3web"));
    world_settle(w);
    assert_true(weft_buf_size(&c->in) > 65535); /* as much as its window takes */
    weft_xport_write(c->x, WEFT_SLICE_LIT("\0\0\4\3\0\0\0\0\1\0\0\0\10"));
    world_settle(w);
    assert_int_equal(w->proxy->n_exchanges, 0);
    seconds(w, 6);
    assert_int_equal(world_metric(w, LIMIT("idle_timeout")), 1);
}

static struct app *silent_app(struct world *w) {
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->hold_all = true;
    return a;
}

/* A FIN alone does not say whether somebody is there: the silence behind it does. */
static void a_caller_that_went_quietly(void **state) {
    struct world *w = *state;
    struct app *a = silent_app(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    seconds(w, 100); /* who waits for his answer may wait */
    weft_xport_shutdown(c->x);
    seconds(w, 9);
    assert_int_equal(world_metric(w, LIMIT("half_close")), 0);
    seconds(w, 3);
    assert_int_equal(world_metric(w, LIMIT("half_close")), 1);
    assert_has(world_log(w), "\"reason\":\"client_gone\"");
    assert_true(c->broken);
    assert_int_equal(w->proxy->n_exchanges, 0);
    assert_int_equal(a->requests, 1);
}

static void a_half_closed_caller_gets_its_answer(void **state) {
    struct world *w = *state;
    struct app *a = silent_app(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    weft_xport_shutdown(c->x);
    seconds(w, 9);
    world_app_answer(a, 200);
    assert_has(client_text(c), "HTTP/1.1 200");
    assert_int_equal(world_metric(w, LIMIT("half_close")), 0);
}

static struct client *slow_reader(struct world *w, struct app *a) {
    static char body[3 * 1024 * 1024];
    memset(body, 'x', sizeof body - 1);
    a->reply_body = body;
    struct client *c = world_connect(w, "10.96.0.1:80");
    weft_xport_read_stop(c->x);
    client_send(c, GET("/"));
    world_settle(w);
    return c;
}

/* Nothing moves for the write timeout: RST, so that nobody takes the part for the whole. */
static void a_reader_that_stopped(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_apply(w);
    struct client *c = slow_reader(w, world_app(w, "10.0.0.1:8080"));
    seconds(w, 299);
    assert_int_equal(world_metric(w, LIMIT("write_timeout")), 0);
    seconds(w, 3);
    assert_int_equal(world_metric(w, LIMIT("write_timeout")), 1);
    assert_true(c->broken);
}

/* One of many streams of a connection, which otherwise is silent or busy: it alone ends. */
static void one_stopped_stream(struct world *w, bool busy) {
    static char body[1024 * 1024];
    memset(body, 'x', sizeof body - 1);
    world_service(w, "web", "10.96.0.1", "kubernetes.io/h2c", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->h2 = true;
    a->reply_body = body;
    struct weft_client_conn *c = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    struct h2_call stopped, watch, other;
    world_call(c, "GET", "/stopped", "", NULL, &stopped);
    weft_stream_pause(stopped.s);
    world_settle(w);
    assert_true(weft_buf_size(&stopped.body) < sizeof body - 1);
    a->reply_body = "short";
    a->script[1] = ACT_HOLD;
    a->n_script = 2;
    world_call(c, "GET", "/watch", "", NULL, &watch);
    for (int i = 0; i < 31; i++) {
        seconds(w, 10);
        assert_int_equal(stopped.reset, i >= 30);
        if (!busy) continue;
        world_call(c, "GET", "/other", "", NULL, &other);
        world_settle(w);
        assert_int_equal(other.status, 200);
        world_call_done(&other);
    }
    assert_int_equal(world_metric(w, LIMIT("write_timeout")), 1);
    world_app_answer(a, 200);
    assert_int_equal(watch.status, 200);
    assert_false(watch.reset);
    world_call_done(&stopped);
    world_call_done(&watch);
}
static void one_stopped_stream_of_a_silent_connection(void **state) {
    one_stopped_stream(*state, false);
}
static void one_stopped_stream_of_a_busy_connection(void **state) {
    one_stopped_stream(*state, true);
}

/* More than all buffers on the way take, to an app that reads nothing. */
static struct client *upload(struct world *w) {
    static char body[3 * 1024 * 1024];
    memset(body, 'x', sizeof body - 1);
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 9000000\r\n\r\n");
    weft_xport_read_stop(a->raw);
    client_send(c, body);
    world_settle(w);
    return c;
}

/* The caller is not to blame: the body's own timeout does not count. */
static void an_app_that_takes_nothing(void **state) {
    struct world *w = *state;
    struct client *c = upload(w);
    assert_true(w->proxy->output.used > 256 * 1024);
    seconds(w, 299);
    assert_string_equal(client_text(c), "");
    seconds(w, 3);
    assert_has(client_text(c), "HTTP/1.1 504");
    assert_has(client_text(c), "weft-reason: upstream_stalled");
    seconds(w, 10);
    assert_has(world_log(w), "\"reason\":\"upstream_stalled\"");
    assert_int_equal(w->proxy->n_exchanges, 0);
    assert_int_equal(w->proxy->output.used, 0);
    assert_int_equal(weft_pool_stats(w->proxy->pool).connections, 0);
}

static void uploads_count_for_the_maximum(void **state) {
    struct world *w = *state;
    w->proxy->output.max = 1000;
    struct client *c = upload(w);
    assert_has(client_text(c), "HTTP/1.1 503");
    assert_has(client_text(c), "weft-reason: overload");
    assert_int_equal(world_metric(w, LIMIT("buffered")), 1);
    seconds(w, 1);
    assert_int_equal(w->proxy->output.used, 0);
}

/* The longest queues go at twice the maximum; who holds nothing stays. */
static void the_longest_queues_go(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    struct client *c = world_connect(w, "10.96.0.1:80");
    a->reply_body = "short";
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    w->proxy->output.max = 1000;
    struct client *slow = slow_reader(w, a);
    assert_true(slow->broken);
    assert_int_equal(world_metric(w, LIMIT("buffered")), 1);
    assert_int_equal(w->proxy->output.used, 0);
    a->reply_body = "short";
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
}

/* A request for / with nothing but the pseudo-fields (RFC 9113, RFC 7541 6.1). */
static void send_get(struct client *c, uint8_t id) {
    const char frame[] = {0,        0,          7,          1,          5,    0, 0,   0,
                          (char)id, (char)0x82, (char)0x86, (char)0x84, 0x41, 2, 'w', 'b'};
    weft_xport_write(c->x, weft_slice(frame, sizeof frame));
}

static struct client *four_streams(struct world *w) {
    static const char hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    world_service(w, "web", "10.96.0.1", "kubernetes.io/h2c", "10.0.0.1");
    world_apply(w);
    w->opt.max_streams = 4;
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->h2 = a->hold_all = true;
    struct client *c = world_connect(w, "10.96.0.1:80");
    weft_xport_write(c->x, weft_slice(hello, sizeof hello - 1));
    for (uint8_t i = 0; i < 4; i++) send_get(c, (uint8_t)(2 * i + 1));
    world_settle(w);
    assert_int_equal(a->requests, 4);
    return c;
}

/* Beyond SETTINGS that the peer may not have seen yet: refused one by one. */
static void too_many_streams(void **state) {
    struct world *w = *state;
    struct client *c = four_streams(w);
    send_get(c, 9);
    send_get(c, 11);
    world_settle(w);
    assert_false(c->broken || c->eof);
    seconds(w, 2);
    assert_int_equal(world_metric(w, LIMIT("streams")), 2);
    seconds(w, 2);
    assert_int_equal(world_metric(w, LIMIT("streams")), 2);
}

/* Beyond SETTINGS that it has acknowledged: the connection ends. */
static void too_many_streams_knowingly(void **state) {
    struct world *w = *state;
    static const char ack[] = "\0\0\0\4\1\0\0\0\0";
    struct client *c = four_streams(w);
    weft_xport_write(c->x, weft_slice(ack, sizeof ack - 1));
    send_get(c, 9);
    world_settle(w);
    assert_true(c->broken || c->eof);
    assert_int_equal(world_metric(w, LIMIT("streams")), 1);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(a_body_that_stands_still),
        T(a_silent_grpc_stream),
        T(short_of_memory),
        T(too_many_connections),
        T(silence_ends),
        T(a_reset_with_bytes_queued_is_idle),
        T(a_caller_that_went_quietly),
        T(a_half_closed_caller_gets_its_answer),
        T(one_stopped_stream_of_a_silent_connection),
        T(one_stopped_stream_of_a_busy_connection),
        T(an_app_that_takes_nothing),
        T(uploads_count_for_the_maximum),
        T(a_reader_that_stopped),
        T(the_longest_queues_go),
        T(too_many_streams),
        T(too_many_streams_knowingly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Connections of the outbound side before and besides requests: detection, pass-through, waiting
 * for configuration, loops, and the drain. */
#include "support/world.h"

#include <string.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"

static struct app *raw_app(struct world *w, const char *addr) {
    struct app *a = world_app(w, addr);
    a->mode = APP_RAW;
    return a;
}

static bool raw_is(struct app *a, const char *text) {
    return weft_slice_is(weft_buf_slice(&a->raw_in), text);
}

/* ---- detection ---- */

/* Foreign addresses get every byte untouched, at once: no first byte is waited for. */
static void foreign_is_passed_through(void **state) {
    struct world *w = *state;
    struct app *a = raw_app(w, "93.184.216.34:443");
    struct client *c = world_connect(w, "93.184.216.34:443");
    assert_int_equal(a->dials, 1);
    world_app_send(a, "220 hello\r\n");
    assert_string_equal(client_text(c), "220 hello\r\n");
    client_send(c, "GET / HTTP/1.1\r\nX-Request-Id:  odd   spacing\r\n\r\n");
    assert_true(raw_is(a, "GET / HTTP/1.1\r\nX-Request-Id:  odd   spacing\r\n\r\n"));
    assert_int_equal(world_metric(w, "weft_passthrough_connections_total{direction=\"outbound\","
                                     "why=\"foreign\"}"),
                     1);
    client_close(c);
    weft_xport_close(a->raw);
    a->raw = NULL;
    const char *log = world_log(w);
    assert_has(log, "\"protocol\":\"opaque\"");
    assert_has(log, "\"bytes_out\":11");
}

/* A server that speaks first on an undeclared port: opaque after the detect timeout. */
static void silence_is_opaque(void **state) {
    struct world *w = *state;
    world_service(w, "db", "10.96.0.5", NULL, "10.0.0.5");
    world_apply(w);
    struct app *a = raw_app(w, "10.0.0.5:8080");
    struct client *c = world_connect(w, "10.96.0.5:80");
    world_advance(w, 99);
    assert_int_equal(a->dials, 0);
    world_advance(w, 2);
    assert_int_equal(a->dials, 1);
    world_app_send(a, "+OK ready");
    assert_string_equal(client_text(c), "+OK ready");
    client_send(c, "QUIT");
    assert_true(raw_is(a, "QUIT"));
}

/* Without a detect timeout silence is not judged, and neither is half a beginning at once. */
static void split_beginning_without_timeout(void **state) {
    struct world *w = *state;
    w->opt.detect_timeout_us = 0;
    world_service(w, "web", "10.96.0.5", NULL, "10.0.0.5");
    world_apply(w);
    struct app *a = raw_app(w, "10.0.0.5:8080");
    struct client *c = world_connect(w, "10.96.0.5:80");
    world_advance(w, 5000);
    client_send(c, "\x16\x03"); /* of a ClientHello */
    world_advance(w, 999);
    assert_int_equal(a->dials, 0);
    world_advance(w, 2);
    assert_int_equal(a->dials, 1);
    assert_true(raw_is(a, "\x16\x03"));
}

/* One byte after the other does not put the decision off. */
static void dripping_beginning_is_decided(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.5", NULL, "10.0.0.5");
    world_apply(w);
    struct app *a = raw_app(w, "10.0.0.5:8080");
    struct client *c = world_connect(w, "10.96.0.5:80");
    client_send(c, "\x16");
    world_advance(w, 600);
    client_send(c, "\x03");
    world_advance(w, 399);
    assert_int_equal(a->dials, 0);
    world_advance(w, 2);
    assert_int_equal(a->dials, 1);
    assert_true(raw_is(a, "\x16\x03"));
}

/* REQ-057: a port declared tcp is not even looked at. */
static void declared_tcp_is_not_sniffed(void **state) {
    struct world *w = *state;
    world_service(w, "db", "10.96.0.5", "tcp", "10.0.0.5");
    world_apply(w);
    struct app *a = raw_app(w, "10.0.0.5:8080");
    struct client *c = world_connect(w, "10.96.0.5:80");
    assert_int_equal(a->dials, 1);
    client_send(c, GET("/"));
    assert_true(raw_is(a, GET("/")));
}

/* REQ-059: with a route attached HTTP is certain, however late the caller begins. */
static void route_forces_http(void **state) {
    struct world *w = *state;
    world_web(w, "  - backendRefs: [{name: web, port: 80}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    world_advance(w, 60000);
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    struct client *d = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(d, "\x16\x03\x01 not http at all\r\n\r\n"), "HTTP/1.1 400");
}

/* REQ-059: so does the Service port's own appProtocol. */
static void app_protocol_forces_http(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_apply(w);
    world_app(w, "10.0.0.1:8080");
    struct client *c = world_connect(w, "10.96.0.1:80");
    world_advance(w, 1000);
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
}

static void slow_request_line_is_still_http(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, "GE");
    world_advance(w, 150);
    client_send(c, "T / HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_has(client_text(c), "HTTP/1.1 200");
}

/* The app's own TLS passes as it is. */
static void app_tls_is_passed_through(void **state) {
    struct world *w = *state;
    world_service(w, "secure", "10.96.0.6", NULL, "10.0.0.6");
    world_apply(w);
    struct app *a = raw_app(w, "10.0.0.6:8080");
    struct client *c = world_connect(w, "10.96.0.6:80");
    char hello[] = "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03";
    weft_xport_write(c->x, weft_slice(hello, 10));
    world_settle(w);
    assert_int_equal(weft_buf_size(&a->raw_in), 10);
    assert_int_equal(world_metric(w, "weft_passthrough_connections_total{direction=\"outbound\","
                                     "why=\"app_tls\"}"),
                     1);
}

static void opaque_tries_another_endpoint(void **state) {
    struct world *w = *state;
    world_service(w, "db", "10.96.0.5", "tcp", "10.0.0.5 10.0.0.6");
    world_apply(w);
    raw_app(w, "10.0.0.5:8080");
    struct app *a = world_app(w, "10.0.0.5:8080"), *b = raw_app(w, "10.0.0.6:8080");
    a->mode = APP_REFUSE;
    for (int i = 0; i < 4; i++) {
        struct client *c = world_connect(w, "10.96.0.5:80");
        client_send(c, "x");
        assert_false(c->broken);
    }
    assert_int_equal(b->dials, 4);
}

static void opaque_with_nobody_there(void **state) {
    struct world *w = *state;
    world_service(w, "db", "10.96.0.5", "tcp", "");
    world_apply(w);
    struct client *c = world_connect(w, "10.96.0.5:80");
    assert_true(c->broken || c->eof);
    assert_has(world_log(w), "\"reason\":\"no_endpoints\"");
}

static void half_close_is_kept(void **state) {
    struct world *w = *state;
    struct app *a = raw_app(w, "93.184.216.34:443");
    struct client *c = world_connect(w, "93.184.216.34:443");
    client_send(c, "question");
    weft_xport_shutdown(c->x);
    world_settle(w);
    world_app_send(a, "answer");
    assert_string_equal(client_text(c), "answer");
}

/* ---- loops ---- */

/* A direct connect to a redirected port yields that very port. */
static void loops_are_refused(void **state) {
    struct world *w = *state;
    struct client *c = world_connect(w, "127.0.0.1:15001");
    assert_true(c->broken || c->eof);
    struct client *d = world_connect(w, "127.0.0.1:15006");
    assert_true(d->broken || d->eof);
    weft_addr_parse_ip(WEFT_SLICE_LIT("10.0.9.1"), &w->opt.pod_ips[0]);
    w->opt.n_pod_ips = 1;
    struct client *e = world_connect(w, "10.0.9.1:15001");
    assert_true(e->broken || e->eof);
    struct client *f = world_connect_to(w->proxy, PROXY_INBOUND, "10.0.9.1:15000");
    assert_true(f->broken || f->eof);
    assert_has(world_log(w), "\"reason\":\"loop\"");
    assert_int_equal(world_metric(w, "weft_refused_connections_total{direction=\"outbound\","
                                     "reason=\"loop\"}"),
                     3);
}

/* The same port number elsewhere is nobody's loop. */
static void same_port_elsewhere_is_no_loop(void **state) {
    struct world *w = *state;
    struct app *a = raw_app(w, "10.1.1.1:15001");
    struct client *c = world_connect(w, "10.1.1.1:15001");
    client_send(c, "x");
    assert_true(raw_is(a, "x"));
}

/* ---- configuration on demand ---- */

static struct weft_destination *foreign(const char *addr) {
    struct weft_destination *d = weft_destination_new();
    struct weft_error err;
    assert_true(weft_addr_parse(weft_slice_str(addr), &d->addr));
    d->name = weft_arena_printf(&d->arena, "dest/%s", addr);
    d->kind = WEFT_DEST_NONE;
    assert_int_equal(weft_destination_seal(d, &err), WEFT_OK);
    return d;
}

static void unknown_address_parks(void **state) {
    struct world *w = *state;
    struct app *a = raw_app(w, "10.2.2.2:25");
    struct client *c = world_connect(w, "10.2.2.2:25"), *d = world_connect(w, "10.2.2.2:25");
    client_send(c, "early");
    assert_int_equal(w->n_wanted, 1); /* asked once for both */
    assert_int_equal(a->dials, 0);
    assert_int_equal(world_metric(w, "weft_parked_connections"), 2);
    proxy_config_put_destination(w->config, foreign("10.2.2.2:25"));
    world_settle(w);
    assert_int_equal(a->dials, 2);
    assert_int_equal(world_metric(w, "weft_parked_connections"), 0);
    struct client *e = world_connect(w, "10.2.2.2:25");
    assert_int_equal(a->dials, 3); /* known now */
    assert_int_equal(w->n_wanted, 1);
    client_close(c);
    client_close(d);
    client_close(e);
}

/* Controller away: one second, then through, counted. */
static void unknown_address_passes_after_a_second(void **state) {
    struct world *w = *state;
    struct app *a = raw_app(w, "10.2.2.2:25");
    struct client *c = world_connect(w, "10.2.2.2:25");
    world_advance(w, 999);
    assert_int_equal(a->dials, 0);
    world_advance(w, 2);
    assert_int_equal(a->dials, 1);
    client_send(c, "x");
    assert_true(raw_is(a, "x"));
    assert_int_equal(world_metric(w, "weft_passthrough_connections_total{direction=\"outbound\","
                                     "why=\"unknown\"}"),
                     1);
}

static void unknown_address_is_closed_when_strict(void **state) {
    struct world *w = *state;
    w->opt.strict = true;
    struct app *a = raw_app(w, "10.2.2.2:25");
    struct client *c = world_connect(w, "10.2.2.2:25");
    world_advance(w, 1001);
    assert_true(c->broken || c->eof);
    assert_int_equal(a->dials, 0);
    assert_has(world_log(w), "\"reason\":\"no_config\"");
}

/* With the controller there an answer is worth waiting for. */
static void connected_controller_gets_more_time(void **state) {
    struct world *w = *state;
    w->proxy->dests.connected = true;
    struct app *a = raw_app(w, "10.2.2.2:25");
    world_connect(w, "10.2.2.2:25");
    for (int i = 0; i < 9; i++) world_advance(w, 1000);
    assert_int_equal(a->dials, 0);
    world_advance(w, 1000);
    world_advance(w, 1000);
    assert_int_equal(a->dials, 1);
}

static void parked_caller_may_leave(void **state) {
    struct world *w = *state;
    struct client *c = world_connect(w, "10.2.2.2:25");
    client_abort(c);
    world_advance(w, 2000);
    assert_int_equal(w->proxy->n_busy_conns, 0);
}

/* ---- limits ---- */

/* All connections to an endpoint full of requests without an answer: 503, not for ever. */
static void full_endpoint_is_overload(void **state) {
    enum { CONNS = 5, EACH = 250 };
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "kubernetes.io/h2c", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->h2 = a->hold_all = true;
    struct h2_call *calls = weft_alloc0(CONNS * EACH * sizeof *calls);
    for (int c = 0; c < CONNS; c++) {
        struct weft_client_conn *conn = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
        for (int i = 0; i < EACH; i++) world_call(conn, "GET", "/", "", NULL, &calls[c * EACH + i]);
        world_settle(w);
    }
    world_advance(w, 11000);
    int full = 0;
    for (int i = 0; i < CONNS * EACH; i++) {
        full += calls[i].status == 503;
        if (calls[i].status) assert_has(calls[i].fields, "weft-reason: overload");
        world_call_done(&calls[i]);
    }
    assert_in_range(full, 1, CONNS * EACH - 4);
    world_settle(w);
    assert_int_equal(w->proxy->n_exchanges, 0);
    free(calls);
}

/* ---- the drain ---- */

static void drain_with_nothing_in_flight_is_at_once(void **state) {
    struct world *w = *state;
    proxy_worker_drain(w->proxy);
    world_settle(w);
    assert_true(w->drained);
}

static void drain_finishes_what_is_in_flight(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    struct client *idle = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(idle, GET("/")), "HTTP/1.1 200");
    a->script[1] = ACT_HOLD;
    a->n_script = 2;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    proxy_worker_drain(w->proxy);
    world_settle(w);
    assert_true(idle->eof);
    assert_false(w->drained);
    struct client *late = world_connect(w, "10.96.0.1:80"); /* still served, once */
    const char *t = client_ask(late, GET("/"));
    assert_has(t, "HTTP/1.1 200");
    assert_has(t, "connection: close");
    assert_false(w->drained);
    world_app_answer(a, 200);
    assert_has(client_text(c), "HTTP/1.1 200");
    assert_has(client_text(c), "connection: close");
    assert_true(w->drained);
}

static void drain_says_goaway(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->h2 = true;
    a->script[0] = ACT_HOLD;
    a->n_script = 1;
    struct weft_client_conn *c = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    struct h2_call call;
    world_call(c, "GET", "/", "", NULL, &call);
    world_settle(w);
    proxy_worker_drain(w->proxy);
    world_settle(w);
    assert_false(w->drained);
    world_app_answer(a, 200);
    assert_int_equal(call.status, 200);
    assert_true(call.ended);
    assert_true(w->drained);
    world_call_done(&call);
}

static void stop_cuts_what_is_left(void **state) {
    struct world *w = *state;
    struct app *a = raw_app(w, "93.184.216.34:443");
    struct client *c = world_connect(w, "93.184.216.34:443");
    proxy_worker_drain(w->proxy);
    world_settle(w);
    assert_false(w->drained);
    world_app_send(a, "still");
    assert_string_equal(client_text(c), "still");
    proxy_worker_stop(w->proxy);
    world_settle(w);
    assert_true(w->drained);
    assert_true(c->eof || c->broken);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
#define D(f) cmocka_unit_test_setup_teardown(f, world_setup_on_demand, world_teardown)
    const struct CMUnitTest tests[] = {
        T(foreign_is_passed_through),
        T(silence_is_opaque),
        T(split_beginning_without_timeout),
        T(dripping_beginning_is_decided),
        T(declared_tcp_is_not_sniffed),
        T(route_forces_http),
        T(app_protocol_forces_http),
        T(slow_request_line_is_still_http),
        T(app_tls_is_passed_through),
        T(opaque_tries_another_endpoint),
        T(opaque_with_nobody_there),
        T(half_close_is_kept),
        T(loops_are_refused),
        T(same_port_elsewhere_is_no_loop),
        D(unknown_address_parks),
        D(unknown_address_passes_after_a_second),
        D(unknown_address_is_closed_when_strict),
        D(connected_controller_gets_more_time),
        D(parked_caller_may_leave),
        T(full_endpoint_is_overload),
        T(drain_with_nothing_in_flight_is_at_once),
        T(drain_finishes_what_is_in_flight),
        T(drain_says_goaway),
        T(stop_cuts_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

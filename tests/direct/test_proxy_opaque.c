/* SPDX-License-Identifier: Apache-2.0
 * Bytes that are not HTTP between two sidecars: one mutual TLS connection for each of the caller's,
 * marked weft-tcp, with half-close, reasons and log lines on both sides. */
#include "support/world.h"

#include <string.h>

#define CLIENT_ID "spiffe://cluster.local/ns/default/sa/client"
#define SERVER_ID "spiffe://cluster.local/ns/default/sa/server"

/* db has meshed endpoints; the app behind the sidecar of 10.0.0.1 is 127.0.0.1:8080. */
static struct app *mesh(struct world *w, const char *app_protocol) {
    world_service(w, "db", "10.96.0.5", app_protocol, "10.0.0.1");
    world_pod(w, "db-1", "10.0.0.1", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    struct app *a = world_app(w, "127.0.0.1:8080");
    a->mode = APP_RAW;
    return a;
}

static bool raw_is(struct app *a, const char *text) {
    return weft_slice_is(weft_buf_slice(&a->raw_in), text);
}

/* An undeclared port whose server speaks first: after the detect timeout the greeting comes. */
static void server_speaks_first_undeclared(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = world_connect(w, "10.96.0.5:80");
    assert_int_equal(a->dials, 0);
    world_advance(w, 101);
    assert_int_equal(a->dials, 1);
    world_app_send(a, "220 mail ready\r\n");
    assert_string_equal(client_text(c), "220 mail ready\r\n");
    client_send(c, "QUIT\r\n");
    assert_true(raw_is(a, "QUIT\r\n"));
}

/* REQ-057: a declared port is not looked at, so HTTP on it is bytes, too. */
static void declared_tcp_is_bytes(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "tcp");
    struct client *c = world_connect(w, "10.96.0.5:80");
    assert_int_equal(a->dials, 1);
    client_send(c, "GET / HTTP/1.1\r\nX-Odd:   kept\r\n\r\n");
    assert_true(raw_is(a, "GET / HTTP/1.1\r\nX-Odd:   kept\r\n\r\n"));
}

/* The app's own TLS goes inside the mesh's; its ALPN does not confuse the inbound side. */
static void app_tls_inside_mutual_tls(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = world_connect(w, "10.96.0.5:80");
    char hello[] = "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03";
    weft_xport_write(c->x, weft_slice(hello, 10));
    world_settle(w);
    assert_int_equal(weft_buf_size(&a->raw_in), 10);
    assert_int_equal(world_metric(w, "weft_tls_handshakes_total{direction=\"outbound\","
                                     "result=\"started\"}"),
                     1);
}

static void each_caller_has_a_connection(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "tcp");
    world_connect(w, "10.96.0.5:80");
    struct weft_xport *first = a->raw;
    a->raw = NULL;
    world_connect(w, "10.96.0.5:80");
    assert_int_equal(a->dials, 2);
    assert_int_equal(world_app(w, "10.0.0.1:8080")->dials, 2);
    weft_xport_close(first);
    world_settle(w);
}

/* The caller closes its sending side, the answer still comes; then the same the other way. */
static void half_close_from_the_caller(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "tcp");
    struct client *c = world_connect(w, "10.96.0.5:80");
    client_send(c, "question");
    assert_false(a->raw_eof);
    weft_xport_shutdown(c->x);
    world_settle(w);
    assert_true(a->raw_eof);
    assert_false(c->eof);
    world_app_send(a, "answer");
    assert_string_equal(client_text(c), "answer");
    weft_xport_shutdown(a->raw);
    world_settle(w);
    assert_true(c->eof);
    assert_false(c->broken);
    const char *log = world_log(w);
    assert_has(log, "\"direction\":\"outbound\"");
    assert_has(log, "\"peer_id\":\"" SERVER_ID "\"");
    assert_has(log, "\"direction\":\"inbound\"");
    assert_has(log, "\"peer_id\":\"" CLIENT_ID "\"");
    assert_has(log, "\"protocol\":\"opaque\"");
    assert_has(log, "\"bytes_in\":8,\"bytes_out\":6");
    assert_hasnt(log, "reset");
}

/* A few bytes and the end at once, on a port that says nothing: both arrive. */
static void end_before_the_protocol_is_known(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = world_connect(w, "10.96.0.5:80");
    weft_xport_write(c->x, WEFT_SLICE_LIT("ask"));
    weft_xport_shutdown(c->x);
    world_settle(w);
    assert_true(a->raw_eof);
    assert_false(c->eof);
    world_app_send(a, "answer");
    assert_string_equal(client_text(c), "answer");
}

static void half_close_from_the_app(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "tcp");
    struct client *c = world_connect(w, "10.96.0.5:80");
    world_app_send(a, "all there is");
    weft_xport_shutdown(a->raw);
    world_settle(w);
    assert_string_equal(client_text(c), "all there is");
    assert_true(c->eof);
    client_send(c, "thanks");
    assert_true(raw_is(a, "thanks"));
    assert_false(a->raw_eof);
}

/* Bytes and the end sent before the endpoint's connection is up are not lost. */
static void end_before_the_handshake(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = world_connect(w, "10.96.0.5:80");
    weft_xport_write(c->x, weft_slice("\x01\x02once", 6));
    weft_xport_shutdown(c->x);
    world_settle(w);
    assert_int_equal(weft_buf_size(&a->raw_in), 6);
    assert_true(a->raw_eof);
    world_app_send(a, "ok");
    assert_string_equal(client_text(c), "ok");
}

/* A cut connection is cut for the other side, too, and says who did it. */
static void reset_of_the_app_is_a_reset(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "tcp");
    struct client *c = world_connect(w, "10.96.0.5:80");
    world_app_send(a, "half an ans");
    weft_xport_abort(a->raw);
    a->raw = NULL;
    world_settle(w);
    assert_true(c->broken);
    const char *log = world_log(w);
    assert_has(log, "\"reason\":\"upstream_reset\"");
    assert_hasnt(log, "\"reason\":\"client_gone\"");
}

static void reset_of_the_caller_reaches_the_app(void **state) {
    struct world *w = *state;
    mesh(w, "tcp");
    struct client *c = world_connect(w, "10.96.0.5:80");
    client_send(c, "half a quest");
    client_abort(c);
    assert_has(world_log(w), "\"reason\":\"client_gone\"");
}

/* Never plain towards a meshed port: without an identity the connection fails with its reason. */
static void never_plain_without_identity(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "tcp");
    weft_tls_ctx_unref(w->proxy->client_tls);
    w->proxy->client_tls = NULL;
    struct client *c = world_connect(w, "10.96.0.5:80");
    assert_true(c->broken || c->eof);
    assert_int_equal(a->dials, 0);
    assert_has(world_log(w), "\"reason\":\"upstream_tls\"");
}

static void wrong_identity_is_refused(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "tcp");
    world_identity(w, w->peer, "impostor");
    struct client *c = world_connect(w, "10.96.0.5:80");
    assert_true(c->broken || c->eof);
    assert_int_equal(a->dials, 0);
    assert_has(world_log(w), "\"reason\":\"upstream_identity\"");
}

/* Strict counts for bytes as for requests. */
static void strict_refuses_plain_bytes(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "tcp");
    struct client *c = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    client_send(c, "\x01plain");
    assert_true(c->broken || c->eof);
    struct client *silent = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    world_advance(w, 5000); /* a peer may be slow: nobody waits for a greeting here */
    assert_false(silent->broken || silent->eof);
    world_advance(w, 5001);
    assert_true(silent->broken || silent->eof);
    assert_int_equal(a->dials, 0);
    assert_has(world_log(w), "\"reason\":\"denied\"");
}

/* The endpoint with fewer connections open gets the next one. */
static void least_loaded_endpoint(void **state) {
    struct world *w = *state;
    world_service(w, "db", "10.96.0.5", "tcp", "10.0.0.5 10.0.0.6");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.5:8080"), *b = world_app(w, "10.0.0.6:8080");
    struct weft_xport *kept[8];
    a->mode = b->mode = APP_RAW;
    for (int i = 0; i < 8; i++) {
        world_connect(w, "10.96.0.5:80");
        struct app *got = a->raw ? a : b;
        kept[i] = got->raw;
        got->raw = NULL;
    }
    assert_int_equal(a->dials, 4);
    assert_int_equal(b->dials, 4);
    for (int i = 0; i < 8; i++) weft_xport_close(kept[i]);
    world_settle(w);
}

/* ---- ends that are ours ---- */

#define LIMIT(word) "weft_limits_hit_total{direction=\"outbound\",limit=\"" word "\"}"

static void seconds(struct world *w, int n) {
    for (int i = 0; i < n; i++) world_advance(w, 1000);
}

static struct app *plain(struct world *w) {
    world_service(w, "db", "10.96.0.5", "tcp", "10.0.0.5");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.5:8080");
    a->mode = APP_RAW;
    return a;
}

/* A byte of either side is enough to stay. */
static void silence_of_both_sides_ends(void **state) {
    struct world *w = *state;
    w->opt.opaque_idle_timeout_us = 10000000;
    struct app *a = plain(w);
    struct client *c = world_connect(w, "10.96.0.5:80");
    seconds(w, 8);
    client_send(c, "x");
    seconds(w, 8);
    world_app_send(a, "y");
    seconds(w, 8);
    assert_false(c->broken);
    assert_int_equal(world_metric(w, LIMIT("idle_timeout")), 0);
    seconds(w, 4);
    assert_true(c->broken);
    assert_int_equal(world_metric(w, LIMIT("idle_timeout")), 1);
    assert_has(world_log(w), "\"reason\":\"connection_timeout\"");
}

static void no_idle_timeout_when_asked_for(void **state) {
    struct world *w = *state;
    w->opt.opaque_idle_timeout_us = 0;
    plain(w);
    struct client *c = world_connect(w, "10.96.0.5:80");
    world_advance(w, 10000000);
    seconds(w, 2);
    assert_false(c->broken || c->eof);
}

/* The other direction goes on all the while. */
static void a_side_that_takes_nothing_ends(void **state) {
    struct world *w = *state;
    static char much[3 * 1024 * 1024];
    struct app *a = plain(w);
    struct client *c = world_connect(w, "10.96.0.5:80");
    memset(much, 'x', sizeof much - 1);
    weft_xport_read_stop(c->x);
    world_app_send(a, much);
    for (int i = 0; i < 298; i++) {
        client_send(c, "x");
        seconds(w, 1);
    }
    assert_int_equal(world_metric(w, LIMIT("write_timeout")), 0);
    seconds(w, 4);
    assert_int_equal(world_metric(w, LIMIT("write_timeout")), 1);
    assert_has(world_log(w), "\"reason\":\"connection_timeout\"");
    assert_true(c->broken);
}

/* Certificates of the test's mesh live for an hour. */
static void ends_with_the_certificate(void **state) {
    struct world *w = *state;
    w->opt.opaque_idle_timeout_us = 0;
    struct app *a = mesh(w, "tcp");
    w->peer_opt.opaque_idle_timeout_us = 0;
    struct client *c = world_connect(w, "10.96.0.5:80");
    client_send(c, "question");
    world_advance(w, 3590 * 1000);
    assert_false(c->broken);
    client_send(c, "!");
    assert_true(raw_is(a, "question!"));
    world_advance(w, 11 * 1000);
    assert_true(c->broken);
    const char *log = world_log(w);
    assert_has(log, "\"reason\":\"certificate_expired\"");
}

/* A plain one has none to wait for. */
static void plain_bytes_outlive_certificates(void **state) {
    struct world *w = *state;
    w->opt.opaque_idle_timeout_us = 0;
    plain(w);
    world_identity(w, w->proxy, "client");
    struct client *c = world_connect(w, "10.96.0.5:80");
    world_advance(w, 3700 * 1000);
    assert_false(c->broken || c->eof);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(server_speaks_first_undeclared),   T(declared_tcp_is_bytes),
        T(app_tls_inside_mutual_tls),        T(each_caller_has_a_connection),
        T(half_close_from_the_caller),       T(end_before_the_protocol_is_known),
        T(half_close_from_the_app),          T(end_before_the_handshake),
        T(reset_of_the_app_is_a_reset),      T(reset_of_the_caller_reaches_the_app),
        T(never_plain_without_identity),     T(wrong_identity_is_refused),
        T(strict_refuses_plain_bytes),       T(least_loaded_endpoint),
        T(silence_of_both_sides_ends),       T(no_idle_timeout_when_asked_for),
        T(a_side_that_takes_nothing_ends),   T(ends_with_the_certificate),
        T(plain_bytes_outlive_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

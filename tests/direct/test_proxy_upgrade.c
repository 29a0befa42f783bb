/* SPDX-License-Identifier: Apache-2.0
 * WebSocket and other upgrades of HTTP/1.1, directly and between two sidecars: the 101, the bytes
 * behind it, the half-closes, and the timeouts that end with the 101 (REQ-108). */
#include "support/world.h"

#include <string.h>

#define ASK                                                                                        \
    "GET /chat HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"             \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n\r\n"
#define SWITCH                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pP\r\n\r\n"

static const char *raw_text(struct app *a) {
    (void)weft_buf_char(&a->raw_in, 0);
    a->raw_in.len--;
    return weft_buf_slice(&a->raw_in).base;
}

/* web is one plain endpoint of raw bytes. */
static struct app *plain(struct world *w, const char *app_protocol, const char *rules) {
    world_service(w, "web", "10.96.0.1", app_protocol, "10.0.0.1");
    if (rules) world_route(w, "r", "web", rules);
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->mode = APP_RAW;
    return a;
}

/* The same behind a sidecar. */
static struct app *mesh(struct world *w, const char *rules) {
    if (rules) world_route(w, "r", "web", rules);
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_pod(w, "web-1", "10.0.0.1", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    struct app *a = world_app(w, "127.0.0.1:8080");
    a->mode = APP_RAW;
    return a;
}

/* Asks and is answered by 101; then both ways are open. */
static struct client *open_tunnel(struct world *w, struct app *a) {
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, ASK);
    assert_has(raw_text(a), "GET /chat HTTP/1.1\r\n");
    assert_has(raw_text(a), "connection: upgrade\r\nupgrade: websocket\r\n");
    assert_has(raw_text(a), "sec-websocket-key: dGhlIHNhbXBsZQ==\r\n");
    assert_hasnt(raw_text(a), "weft-hop");
    weft_buf_clear(&a->raw_in);
    world_app_send(a, SWITCH);
    assert_has(client_text(c), "HTTP/1.1 101 Switching Protocols\r\n"
                               "connection: upgrade\r\nupgrade: websocket\r\n");
    assert_has(client_text(c), "sec-websocket-accept: s3pP\r\n");
    assert_hasnt(client_text(c), "weft-hop");
    weft_buf_clear(&c->in);
    return c;
}

static void echo(struct world *w, struct app *a, struct client *c) {
    client_send(c, "\x81\x85mask");
    assert_string_equal(raw_text(a), "\x81\x85mask");
    world_app_send(a, "GET / HTTP/1.1\r\n\r\n");
    assert_string_equal(client_text(c), "GET / HTTP/1.1\r\n\r\n");
}

/* REQ-177: to a port of kubernetes.io/ws. */
static void over_a_plain_hop(void **state) {
    struct world *w = *state;
    struct app *a = plain(w, "kubernetes.io/ws", NULL);
    echo(w, a, open_tunnel(w, a));
}

static void over_mutual_tls(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = open_tunnel(w, a);
    echo(w, a, c);
    client_abort(c);
    const char *log = world_log(w);
    assert_has(log, "\"direction\":\"inbound\"");
    assert_has(log, "\"protocol\":\"h1\",\"status\":101");
    assert_has(log, "\"bytes_in\":6,\"bytes_out\":18");
}

/* Certificates of the test's mesh live for an hour. */
static void an_upgrade_under_way_ends_with_the_certificate(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, ASK);
    assert_has(raw_text(a), "GET /chat HTTP/1.1\r\n");
    world_advance(w, 3610 * 1000);
    assert_true(c->broken || strstr(client_text(c), "HTTP/1.1 502"));
    assert_hasnt(client_text(c), "HTTP/1.1 101");
    assert_has(world_log(w), "\"reason\":\"certificate_expired\"");
}

/* REQ-108: idle for much longer than either timeout of the rule. */
static void timeouts_end_with_the_101(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "  - backendRefs: [{name: web, port: 80}]\n"
                            "    timeouts: {request: 2s, backendRequest: 1s}\n");
    struct client *c = open_tunnel(w, a);
    world_advance(w, 3000000);
    echo(w, a, c);
}

/* REQ-108: and count before it. */
static void timeouts_count_until_the_101(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, "  - backendRefs: [{name: web, port: 80}]\n"
                            "    timeouts: {request: 2s}\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, ASK);
    assert_int_equal(a->dials, 1);
    world_advance(w, 2001);
    assert_has(client_text(c), "HTTP/1.1 504");
    assert_has(client_text(c), "weft-reason: request_timeout");
}

/* A side that has ended waits for the other as long as that lives. */
static void half_closed_tunnels_may_be_silent(void **state) {
    struct world *w = *state;
    struct app *a = plain(w, "kubernetes.io/ws", NULL);
    struct client *c = open_tunnel(w, a);
    weft_xport_shutdown(c->x);
    for (int i = 0; i < 60; i++) world_advance(w, 1000);
    world_app_send(a, "late");
    assert_string_equal(client_text(c), "late");
}

static void half_close_from_the_caller(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = open_tunnel(w, a);
    client_send(c, "last words");
    weft_xport_shutdown(c->x);
    world_settle(w);
    assert_string_equal(raw_text(a), "last words");
    assert_true(a->raw_eof);
    assert_false(c->eof);
    world_advance(w, 60000);
    world_app_send(a, "answer");
    assert_string_equal(client_text(c), "answer");
    weft_xport_shutdown(a->raw);
    world_settle(w);
    assert_true(c->eof);
    assert_false(c->broken);
    assert_hasnt(world_log(w), "reset");
}

static void half_close_from_the_app(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = open_tunnel(w, a);
    world_app_send(a, "bye");
    weft_xport_shutdown(a->raw);
    world_settle(w);
    assert_string_equal(client_text(c), "bye");
    assert_true(c->eof);
    world_advance(w, 60000);
    client_send(c, "more");
    assert_string_equal(raw_text(a), "more");
    weft_xport_shutdown(c->x);
    world_settle(w);
    assert_true(a->raw_eof);
    assert_hasnt(world_log(w), "client_gone");
}

/* A cut is a cut at the other end, never an end. */
static void cut_by_the_app(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = open_tunnel(w, a);
    weft_xport_abort(a->raw);
    a->raw = NULL;
    world_settle(w);
    assert_true(c->broken);
    assert_has(world_log(w), "\"reason\":\"upstream_reset\"");
}

static void cut_by_the_caller(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    client_abort(open_tunnel(w, a));
    assert_has(world_log(w), "\"reason\":\"client_gone\"");
}

/* Bytes right behind the 101, in the same segment. */
static void eager_app(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, ASK);
    world_app_send(a, SWITCH "at once");
    assert_has(client_text(c), "\r\n\r\nat once");
}

/* No switch, no tunnel: the answer is an ordinary one and the connection goes on. */
static void refused_upgrade(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = world_connect(w, "10.96.0.1:80");
    for (int i = 0; i < 2; i++) {
        weft_buf_clear(&c->in);
        client_send(c, ASK);
        world_app_send(a, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        assert_has(client_text(c), "HTTP/1.1 403 Forbidden\r\n");
        assert_has(client_text(c), "\r\n\r\nno");
    }
    assert_int_equal(a->dials, 1);
    assert_false(c->eof);
}

/* A 101 that nobody asked for is a malformed answer. */
static void unasked_switch(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, "GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    world_app_send(a, SWITCH);
    assert_has(client_text(c), "HTTP/1.1 502");
    assert_has(client_text(c), "weft-reason: upstream_protocol");
}

/* Each tunnel has its connection; ordinary requests keep sharing theirs. */
static void tunnels_have_connections_of_their_own(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = open_tunnel(w, a);
    struct weft_xport *first = a->raw;
    a->raw = NULL;
    open_tunnel(w, a);
    assert_int_equal(world_app(w, "10.0.0.1:8080")->dials, 2);
    weft_xport_abort(first);
    world_settle(w);
    assert_true(c->broken);
}

/* REQ-057: an h2c backend knows no upgrade; the request reaches it as an ordinary one. */
static void h2c_backend_gets_a_plain_request(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "kubernetes.io/h2c", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->h2 = true;
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, ASK), "HTTP/1.1 200");
    assert_string_equal(a->seen.protocol, "h2");
    assert_null(world_app_field(a, "upgrade"));
}

/* The worker's drain waits for tunnels, and its stop cuts them. */
static void drain_waits_for_tunnels(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = open_tunnel(w, a);
    proxy_worker_drain(w->proxy);
    world_settle(w);
    assert_false(w->drained);
    echo(w, a, c);
    proxy_worker_stop(w->proxy);
    world_settle(w);
    assert_true(c->broken || c->eof);
    assert_true(w->drained);
}

/* A caller that does not read stops the app, and loses nothing. */
static void backpressure(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = open_tunnel(w, a);
    weft_xport_read_stop(c->x);
    static char block[64 * 1024];
    memset(block, 'x', sizeof block);
    uint64_t sent = 0;
    for (int i = 0; i < 200 && weft_xport_queued(a->raw) < sizeof block; i++) {
        weft_xport_write(a->raw, weft_slice(block, sizeof block));
        sent += sizeof block;
        world_settle(w);
    }
    assert_true(sent < 100 * sizeof block);
    weft_xport_read_start(c->x);
    world_settle(w);
    assert_int_equal(weft_buf_size(&c->in), sent);
}

/* A tunnel cannot move to another connection: it lasts as long as both certificates. */
static void ends_with_the_certificate(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, NULL);
    struct client *c = open_tunnel(w, a);
    world_advance(w, 3590 * 1000); /* of an hour; GOAWAY was long ago */
    assert_false(c->broken);
    client_send(c, "still");
    assert_string_equal(raw_text(a), "still");
    world_advance(w, 11 * 1000);
    assert_true(c->broken);
    assert_has(world_log(w), "\"reason\":\"certificate_expired\"");
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(ends_with_the_certificate),
        T(over_a_plain_hop),
        T(over_mutual_tls),
        T(an_upgrade_under_way_ends_with_the_certificate),
        T(timeouts_end_with_the_101),
        T(timeouts_count_until_the_101),
        T(half_closed_tunnels_may_be_silent),
        T(half_close_from_the_caller),
        T(half_close_from_the_app),
        T(cut_by_the_app),
        T(cut_by_the_caller),
        T(eager_app),
        T(refused_upgrade),
        T(unasked_switch),
        T(tunnels_have_connections_of_their_own),
        T(h2c_backend_gets_a_plain_request),
        T(drain_waits_for_tunnels),
        T(backpressure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

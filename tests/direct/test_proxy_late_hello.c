/* SPDX-License-Identifier: Apache-2.0
 * A permissive port where the server may speak first: a caller that was silent for the detect
 * timeout is connected to the app, and may still turn out to be a peer whose ClientHello was late.
 */
#include "../../src/net/xport_internal.h"
#include "support/world.h"

#include <string.h>

#include <sidecar/hop.h>
#include <weft/net/tls.h>

#define SERVER_ID "spiffe://cluster.local/ns/default/sa/server"
#define CLIENT_ID "spiffe://cluster.local/ns/default/sa/client"

static struct app *pod(struct world *w) {
    world_peer(w, "10.0.0.1", false);
    struct app *a = world_app(w, "127.0.0.1:8080");
    a->mode = APP_RAW;
    return a;
}

/* Connected, and silent for so long that the app is called. */
static struct client *silent_caller(struct world *w, struct app *a) {
    struct client *c = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    world_advance(w, 99);
    assert_int_equal(a->dials, 0);
    world_advance(w, 2);
    assert_int_equal(a->dials, 1);
    return c;
}

struct peer {
    struct weft_xport *x;
    bool open;
    enum weft_status failed;
};
static void on_open(void *ud, enum weft_status st) {
    struct peer *p = ud;
    p->open = st == WEFT_OK;
    p->failed = st;
}
static void on_error(void *ud, enum weft_status st) {
    ((struct peer *)ud)->failed = st;
}
static const struct weft_xport_cb peer_cb = {.on_open = on_open, .on_error = on_error};

/* The caller is another pod's sidecar after all. */
static void begin_tls(struct client *c, const char *alpn, struct peer *ret) {
    *ret = (struct peer){0};
    ret->x = weft_xport_tls_client(c->x, c->w->proxy->client_tls, weft_slice_str(SERVER_ID), alpn,
                                   NULL, 5000000);
    c->x = NULL;
    weft_xport_set_cb(ret->x, &peer_cb, ret);
    world_settle(c->w);
}

static void peer_done(struct world *w, struct peer *p) {
    weft_xport_close(p->x);
    world_settle(w);
}

static bool raw_is(struct app *a, const char *text) {
    return weft_slice_is(weft_buf_slice(&a->raw_in), text);
}

static void a_late_peer_is_a_peer(void **state) {
    struct world *w = *state;
    struct app *a = pod(w);
    struct peer p;
    begin_tls(silent_caller(w, a), PROXY_ALPN_TCP, &p);
    assert_true(p.open);
    weft_xport_write(p.x, WEFT_SLICE_LIT("question"));
    world_settle(w);
    assert_int_equal(a->dials, 2); /* the first one saw nothing */
    assert_true(raw_is(a, "question"));
    peer_done(w, &p);
    assert_has(world_log(w), "\"peer_id\":\"" CLIENT_ID "\"");
}

static void a_late_peer_with_requests(void **state) {
    struct world *w = *state;
    struct app *a = pod(w);
    struct client *c = silent_caller(w, a);
    struct peer p;
    a->mode = APP_HTTP;
    begin_tls(c, PROXY_ALPN_H1, &p);
    assert_true(p.open);
    weft_xport_write(p.x, WEFT_SLICE_LIT("GET /late HTTP/1.1\r\nHost: a\r\n\r\n"));
    world_settle(w);
    assert_int_equal(a->requests, 1);
    assert_has(world_app_field(a, "x-forwarded-client-cert"), CLIENT_ID);
    peer_done(w, &p);
}

static void a_server_that_speaks_first_is_heard(void **state) {
    struct world *w = *state;
    struct app *a = pod(w);
    struct client *c = silent_caller(w, a);
    world_app_send(a, "220 ready\r\n");
    assert_string_equal(client_text(c), "220 ready\r\n");
    client_send(c, "QUIT\r\n");
    assert_true(raw_is(a, "QUIT\r\n"));
    assert_int_equal(a->dials, 1);
}

/* Once the server has spoken, what looks like a hello is a protocol's own (STARTTLS). */
static void tls_after_a_greeting_is_the_apps(void **state) {
    struct world *w = *state;
    struct app *a = pod(w);
    struct client *c = silent_caller(w, a);
    struct peer p;
    world_app_send(a, "220 ready\r\n");
    begin_tls(c, PROXY_ALPN_TCP, &p);
    assert_false(p.open);
    assert_int_equal(a->dials, 1);
    assert_int_equal(weft_buf_slice(&a->raw_in).base[0], 22);
    peer_done(w, &p);
}

/* Bytes that are no mesh hello reach the app as they came, also those that began like one. */
static void other_bytes_are_the_apps(void **state) {
    static const struct {
        const char *first, *rest;
        bool waits;
    } rows[] = {{"P", "ING\r\n", false},
                {"GET / HTTP", "/1.1\r\n\r\n", false},
                {"\x16", "bits", true},
                {"\x16\x03\x01", "\x01\x02", true}};
    struct world *w = *state;
    struct app *a = pod(w);
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        a->dials = 0;
        struct client *c = silent_caller(w, a);
        client_send(c, rows[i].first);
        assert_int_equal(weft_buf_size(&a->raw_in), rows[i].waits ? 0 : strlen(rows[i].first));
        client_send(c, rows[i].rest);
        world_advance(w, 10001); /* half a hello is waited for no longer */
        WEFT_FREE char *all = weft_asprintf("%s%s", rows[i].first, rows[i].rest);
        assert_true(raw_is(a, all));
        client_close(c);
        weft_xport_close(a->raw);
        a->raw = NULL;
        weft_buf_consume(&a->raw_in, weft_buf_size(&a->raw_in));
        world_settle(w);
    }
}

/* Lost packets come again after seconds, on a slow machine later still. */
static void half_a_hello_has_time(void **state) {
    struct world *w = *state;
    struct app *a = pod(w);
    struct client *c = silent_caller(w, a);
    struct peer p;
    world_app_send(a, "220 ready\r\n");
    begin_tls(c, PROXY_ALPN_TCP, &p);
    struct weft_slice hello = weft_buf_slice(&a->raw_in); /* as a peer sends it */
    assert_true(hello.len > 100);
    for (uint64_t silence = 0; silence < 200; silence += 150) { /* in time, and late */
        struct client *d = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
        world_advance(w, silence);
        a->dials = 0;
        weft_xport_write(d->x, weft_slice_head(hello, 50));
        world_settle(w);
        world_advance(w, 9000);
        weft_xport_write(d->x, weft_slice_from(hello, 50));
        world_settle(w);
        assert_int_equal(a->dials, 0);
        assert_int_equal(client_text(d)[0], 22); /* the proxy's ServerHello */
        client_abort(d);
    }
    peer_done(w, &p);
}

/* A record that is whole and holds no ClientHello will never hold one. */
static void what_only_begins_like_a_hello_is_the_apps(void **state) {
    static const char bytes[] = "\x16\x03\x01\0\5\1\0\0\1\0";
    struct world *w = *state;
    struct app *a = pod(w);
    struct client *c = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    weft_xport_write(c->x, weft_slice(bytes, sizeof bytes - 1));
    world_settle(w);
    assert_int_equal(weft_buf_size(&a->raw_in), sizeof bytes - 1);
    client_abort(c);
}

static void ends_of_both_sides_arrive(void **state) {
    struct world *w = *state;
    struct app *a = pod(w);
    struct client *c = silent_caller(w, a);
    weft_xport_shutdown(c->x); /* no question, but an answer */
    world_settle(w);
    assert_true(a->raw_eof);
    world_app_send(a, "the time");
    assert_string_equal(client_text(c), "the time");
    a->raw_eof = false;
    weft_xport_close(a->raw);
    a->raw = NULL;
    world_settle(w);
    assert_true(c->eof);

    a->dials = 0;
    struct client *d = silent_caller(w, a);
    weft_xport_shutdown(a->raw);
    world_settle(w);
    assert_true(d->eof);
    client_send(d, "still here");
    assert_true(raw_is(a, "still here"));
}

static void an_app_that_breaks_is_told(void **state) {
    struct world *w = *state;
    struct app *a = pod(w);
    struct client *c = silent_caller(w, a);
    weft_xport_abort(a->raw);
    a->raw = NULL;
    world_settle(w);
    assert_true(c->broken);
    assert_has(world_log(w), "\"reason\":\"upstream_reset\"");
}

static void who_stays_silent_ends(void **state) {
    struct world *w = *state;
    struct app *a = pod(w);
    w->peer_opt.opaque_idle_timeout_us = 10000000;
    struct client *c = silent_caller(w, a);
    world_advance(w, 9000);
    assert_false(c->broken || c->eof);
    world_advance(w, 1001);
    assert_true(c->broken || c->eof);
    assert_true(a->raw_eof);
}

/* Silent bytes are in flight for a drain, as any others. */
static void a_drain_waits_for_the_silent(void **state) {
    struct world *w = *state;
    struct app *a = pod(w);
    struct client *c = silent_caller(w, a);
    proxy_worker_drain(w->peer);
    world_settle(w);
    world_app_send(a, "220 ready\r\n");
    assert_string_equal(client_text(c), "220 ready\r\n");
}

/* The app's connection, which comes up when the test says so. */
static struct weft_xport *near_end, *far_end;
static struct weft_xport *dial_late(void *ud, struct weft_loop *l, const struct weft_addr *to,
                                    const struct weft_addr *bind_ip, uint64_t timeout_us) {
    weft_xport_pipe(l, &near_end, &far_end);
    near_end->opened = false;
    return near_end;
}

/* Certificates of the test's mesh live for an hour. */
static void a_late_app_does_not_outlive_the_certificate(void **state) {
    struct world *w = *state;
    struct app *a = pod(w);
    struct peer p;
    begin_tls(silent_caller(w, a), PROXY_ALPN_TCP, &p);
    peer_done(w, &p);
    proxy_worker_set_dial(w->peer, dial_late, NULL);
    begin_tls(world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080"), PROXY_ALPN_TCP, &p);
    assert_true(p.open);
    world_advance(w, 3610 * 1000);
    assert_int_equal(p.failed, WEFT_OK);
    xport_opened(near_end);
    world_advance(w, 1);
    assert_int_equal(p.failed, WEFT_RESET);
    peer_done(w, &p);
    weft_xport_close(far_end);
    world_settle(w);
    assert_has(world_log(w), "\"reason\":\"certificate_expired\"");
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(a_late_peer_is_a_peer),
        T(a_late_peer_with_requests),
        T(a_server_that_speaks_first_is_heard),
        T(tls_after_a_greeting_is_the_apps),
        T(other_bytes_are_the_apps),
        T(half_a_hello_has_time),
        T(what_only_begins_like_a_hello_is_the_apps),
        T(ends_of_both_sides_arrive),
        T(an_app_that_breaks_is_told),
        T(who_stays_silent_ends),
        T(a_drain_waits_for_the_silent),
        T(a_late_app_does_not_outlive_the_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

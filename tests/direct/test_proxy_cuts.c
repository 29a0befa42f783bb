/* SPDX-License-Identifier: Apache-2.0
 * Either side cut after every single byte, orderly and not, plain and over mutual TLS: nothing is
 * left over, and no cut answer looks whole. */
#include "support/world.h"

#include <string.h>

#define REQUEST                                                                                    \
    "POST /cut HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n"                        \
    "5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n"
#define RESPONSE                                                                                   \
    "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"                                                  \
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"

static struct app *plain(struct world *w) {
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_apply(w);
    return world_app(w, "10.0.0.1:8080");
}

static struct app *meshed(struct world *w) {
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_pod(w, "web-1", "10.0.0.1", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    return world_app(w, "127.0.0.1:8080");
}

static void end(struct weft_xport **x, bool abort) {
    if (!*x) return;
    if (abort)
        weft_xport_abort(*x);
    else
        weft_xport_close(*x);
    *x = NULL;
}

static void nothing_left(struct world *w) {
    world_settle(w);
    world_advance(w, 6000); /* lingering ends */
    assert_int_equal(w->proxy->n_exchanges, 0);
    assert_int_equal(w->proxy->n_busy_conns, 0);
    if (w->peer) assert_int_equal(w->peer->n_exchanges, 0);
    w->n_clients--; /* reuse the slot */
    weft_buf_done(&w->clients[w->n_clients]->in);
    free(w->clients[w->n_clients]);
}

static void cut_callers(struct world *w, struct app *a, bool abort) {
    for (size_t n = 0; n < sizeof REQUEST - 1; n++) {
        struct client *c = world_connect(w, "10.96.0.1:80");
        weft_xport_write(c->x, weft_slice(REQUEST, n));
        world_settle(w);
        end(&c->x, abort);
        nothing_left(w);
        assert_null(a->held);
    }
}

static void cut_apps(struct world *w, struct app *a, bool abort) {
    a->mode = APP_RAW;
    for (size_t n = 0; n < sizeof RESPONSE - 1; n++) {
        struct client *c = world_connect(w, "10.96.0.1:80");
        client_send(c, REQUEST);
        assert_non_null(a->raw);
        weft_xport_write(a->raw, weft_slice(RESPONSE, n));
        world_settle(w);
        end(&a->raw, abort);
        world_settle(w);
        const char *t = client_text(c);
        if (strstr(t, "HTTP/1.1 200"))
            assert_true(c->broken);
        else
            assert_has(t, "HTTP/1.1 502");
        end(&c->x, true);
        nothing_left(w);
    }
}

static void callers_are_reset(void **state) {
    cut_callers(*state, plain(*state), true);
}
static void callers_leave(void **state) {
    cut_callers(*state, plain(*state), false);
}
static void apps_are_reset(void **state) {
    cut_apps(*state, plain(*state), true);
}
static void apps_leave(void **state) {
    cut_apps(*state, plain(*state), false);
}
static void callers_are_reset_behind_tls(void **state) {
    cut_callers(*state, meshed(*state), true);
}
static void apps_are_reset_behind_tls(void **state) {
    cut_apps(*state, meshed(*state), true);
}
static void apps_leave_behind_tls(void **state) {
    cut_apps(*state, meshed(*state), false);
}

/* The connection between the sidecars breaks at every place: the hop's own end. */
static void the_hop_breaks(void **state) {
    struct world *w = *state;
    struct app *a = meshed(w);
    struct app *hop = world_app(w, "10.0.0.1:8080");
    hop->mode = APP_RAW; /* takes bytes, speaks no TLS, then is gone */
    for (int turns = 0; turns < 12; turns++) {
        struct client *c = world_connect(w, "10.96.0.1:80");
        weft_xport_write(c->x, WEFT_SLICE_LIT(REQUEST));
        for (int i = 0; i < turns; i++) weft_loop_turn(w->loop);
        end(&hop->raw, turns & 1);
        world_settle(w);
        if (hop->raw) end(&hop->raw, true);
        world_settle(w);
        assert_has(client_text(c), "HTTP/1.1 50");
        end(&c->x, true);
        nothing_left(w);
    }
    assert_int_equal(a->requests, 0);
}

/* HEADERS and RST_STREAM in one read: the dial ends in the turn in which the exchange did. */
static void a_call_is_reset_while_dialling(void **state) {
    static const char bytes[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                "\0\0\0\4\0\0\0\0\0"                       /* SETTINGS */
                                "\0\0\10\1\5\0\0\0\1\x82\x86\x84\x41\3web" /* GET / */
                                "\0\0\4\3\0\0\0\0\1\0\0\0\10";             /* CANCEL */
    struct world *w = *state;
    struct app *a = plain(w);
    static const enum app_mode modes[] = {APP_REFUSE, APP_HTTP};
    for (size_t i = 0; i < WEFT_LEN(modes); i++) {
        struct client *c = world_connect(w, "10.96.0.1:80");
        a->mode = modes[i];
        a->h2 = true;
        weft_xport_write(c->x, weft_slice(bytes, sizeof bytes - 1));
        world_settle(w);
        assert_int_equal(a->dials, 1 + i);
        end(&c->x, true);
        nothing_left(w);
    }
    assert_int_equal(a->requests, 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(callers_are_reset),
        T(callers_leave),
        T(apps_are_reset),
        T(apps_leave),
        T(callers_are_reset_behind_tls),
        T(apps_are_reset_behind_tls),
        T(apps_leave_behind_tls),
        T(the_hop_breaks),
        T(a_call_is_reset_while_dialling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

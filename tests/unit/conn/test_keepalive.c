/* SPDX-License-Identifier: Apache-2.0
 * A connection alone notices a peer that has gone without a word. The clock is the test's. */
#include "conn_world.h"

#define S 1000000u

static void note_closed(void *ud) {
    *(bool *)ud = true;
}

static struct weft_client_conn *client_on(struct weft_xport *x, bool *closed) {
    struct weft_codec_limits limits = weft_codec_limits_default();
    struct weft_client_conn *c = weft_client_conn_new(x, true, &limits, note_closed, closed);
    weft_client_conn_keepalive(c, 10 * S, 20 * S);
    return c;
}

static void pass(struct weft_loop *l, uint64_t seconds) {
    for (; seconds; seconds--) {
        weft_loop_advance(l, S);
        while (weft_loop_turn(l)) {
        }
    }
}

/* A peer that has nothing to say answers its PINGs. */
static void idle_peer_is_kept(void **state) {
    struct world *w = *state;
    struct weft_xport *near, *far;
    bool closed = false;
    weft_xport_pipe(w->loop, &near, &far);
    struct weft_server_options o = world_server_options(true);
    o.idle_timeout_us = 0;
    struct weft_server_conn *server = weft_server_conn_new(far, &o, &world_server_cb, w);
    struct weft_client_conn *c = client_on(near, &closed);
    pass(w->loop, 3600);
    assert_false(closed);
    weft_client_conn_close(c);
    weft_server_conn_close(server);
    pass(w->loop, 1);
    assert_true(closed);
}

struct silent {
    size_t heard;
};
static void silent_read(void *ud, struct weft_slice d) {
    ((struct silent *)ud)->heard += d.len;
}
static const struct weft_xport_cb silent_cb = {.on_read = silent_read};

/* It takes bytes and sends none, as behind a cut cable. */
static void silent_peer_is_left_after_twenty_seconds(void **state) {
    struct world *w = *state;
    struct weft_xport *near, *far;
    struct silent peer = {0};
    bool closed = false;
    weft_xport_pipe(w->loop, &near, &far);
    weft_xport_set_cb(far, &silent_cb, &peer);
    weft_xport_read_start(far);
    client_on(near, &closed);
    pass(w->loop, 9);
    size_t before = peer.heard;
    pass(w->loop, 2);
    assert_int_equal(peer.heard - before, 17); /* one PING frame */
    pass(w->loop, 8);
    assert_false(closed);
    pass(w->loop, 2);
    assert_true(closed);
    weft_xport_close(far);
    pass(w->loop, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(idle_peer_is_kept),
        T(silent_peer_is_left_after_twenty_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Whom the pool answers when a dial fails, which targets may share a connection, and how long one
 * is kept. */
#include "conn_world.h"

#include <weft/base/limits.h>

static void get(struct world *w, struct call *c, const char *addr, const char *peer_id) {
    *c = (struct call){.w = w};
    weft_buf_init(&c->body, 0);
    struct weft_pool_target t = {.h2 = w->h2, .peer_id = weft_slice_str(peer_id)};
    assert_true(weft_addr_parse(weft_slice_str(addr), &t.addr));
    struct weft_pool_wait *wait = weft_pool_get(w->pool, &t, false, call_ready, c);
    if (!c->answered_pool) c->wait = wait;
}

/* All hoped for the one connection: none of them is to start a dial of its own. */
static void h2_failed_dial_answers_all_who_hoped_for_it(void **state) {
    struct world *w = *state;
    w->h2 = w->refuse = true;
    struct call c[3];
    for (int i = 0; i < 3; i++) call_start(w, &c[i], false);
    world_settle(w);
    for (int i = 0; i < 3; i++) {
        assert_true(c[i].answered_pool);
        assert_int_equal(c[i].got, WEFT_REFUSED);
        call_done(&c[i]);
    }
    assert_int_equal(w->dials, 1);
    assert_int_equal(weft_pool_stats(w->pool).waiting, 0);
}

static void h1_failed_dial_answers_one_wait_each(void **state) {
    struct world *w = *state;
    w->refuse = true;
    struct call c[3];
    for (int i = 0; i < 3; i++) call_start(w, &c[i], false);
    world_settle(w);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(c[i].got, WEFT_REFUSED);
        call_done(&c[i]);
    }
    assert_int_equal(w->dials, 3);
    assert_int_equal(weft_pool_stats(w->pool).connect_failures, 3);
}

/* What one identity proved says nothing about another, at the same address. */
static void identities_do_not_share_a_connection(void **state) {
    struct world *w = *state;
    static const char *const ids[] = {"spiffe://cluster.local/ns/shop/sa/web",
                                      "spiffe://cluster.local/ns/shop/sa/api",
                                      "spiffe://cluster.local/ns/shop/sa/web", ""};
    static const int dials[] = {1, 2, 2, 3};
    for (int i = 0; i < 4; i++) {
        struct call c;
        get(w, &c, "10.0.0.1:80", ids[i]);
        world_settle(w);
        assert_int_equal(c.status, 200);
        assert_int_equal(w->dials, dials[i]);
        call_done(&c);
    }
}

static void addresses_do_not_share_a_connection(void **state) {
    struct world *w = *state;
    static const char *const to[] = {"10.0.0.1:80", "10.0.0.1:81", "10.0.0.2:80", "10.0.0.1:80"};
    static const int dials[] = {1, 2, 3, 3};
    for (int i = 0; i < 4; i++) {
        struct call c;
        get(w, &c, to[i], "");
        world_settle(w);
        assert_int_equal(w->dials, dials[i]);
        assert_int_equal(c.reused, i == 3);
        call_done(&c);
    }
}

/* A freed pool answers who still waits, once. */
static void pool_free_answers_waits(void **state) {
    struct world *w = *state;
    struct call c;
    call_start(w, &c, false);
    assert_non_null(c.wait);
    w->pool = weft_pool_free(w->pool);
    assert_true(c.answered_pool);
    assert_int_equal(c.got, WEFT_CANCELED);
    call_done(&c);
    world_settle(w);
}

/* Only the client's side has a limit here. */
static struct weft_xport *patient_dial(void *ud, struct weft_loop *l, const struct weft_addr *to,
                                       const struct weft_addr *bind_ip, uint64_t timeout_us) {
    struct world *w = ud;
    struct weft_server_options o = world_server_options(w->h2);
    struct weft_xport *far;
    (void)to, (void)bind_ip;
    o.idle_timeout_us = 0;
    struct weft_xport *near = weft_xport_pipe_dialed(l, WEFT_OK, timeout_us, &far);
    w->servers[w->dials++] = weft_server_conn_new(far, &o, &world_server_cb, w);
    return near;
}

static void idle_for(struct world *w, uint64_t seconds) {
    weft_loop_advance(w->loop, seconds * 1000000);
    world_settle(w);
}

static struct weft_xport *last_near;
static struct weft_xport *noted_dial(void *ud, struct weft_loop *l, const struct weft_addr *to,
                                     const struct weft_addr *bind_ip, uint64_t timeout_us) {
    return last_near = patient_dial(ud, l, to, bind_ip, timeout_us);
}

/* Its end is there, and told only after the next request has come: that goes elsewhere. */
static void closed_while_idle_is_not_used(void **state) {
    struct world *w = *state;
    struct call c;
    weft_pool_set_dial(w->pool, noted_dial, w);
    call_start(w, &c, false);
    world_settle(w);
    call_done(&c);
    struct weft_xport *near = last_near;
    weft_xport_read_stop(near);
    weft_server_conn_close(w->servers[0]);
    idle_for(w, 2);
    call_start(w, &c, false);
    assert_int_equal(w->dials, 2);
    weft_xport_read_start(near);
    world_settle(w);
    assert_int_equal(c.status, 200);
    assert_false(c.reused);
    assert_int_equal(weft_pool_stats(w->pool).connections, 1);
    call_done(&c);
}

/* The clock of idleness begins anew with each request. */
static void connections_are_given_up_when_idle(struct world *w, bool h2) {
    struct call c;
    w->h2 = h2;
    weft_pool_set_dial(w->pool, patient_dial, w);
    for (int i = 0; i < 2; i++) {
        call_start(w, &c, false);
        world_settle(w);
        call_done(&c);
        idle_for(w, 45);
        assert_int_equal(weft_pool_stats(w->pool).connections, 1);
    }
    assert_int_equal(w->dials, 1);
    idle_for(w, 30);
    assert_int_equal(weft_pool_stats(w->pool).connections, 0);
    assert_int_equal(w->closed, 1);
}
static void h1_connections_are_given_up_when_idle(void **state) {
    connections_are_given_up_when_idle(*state, false);
}
static void h2_connections_are_given_up_when_idle(void **state) {
    connections_are_given_up_when_idle(*state, true);
}

/* Watches of hours on connections that said GOAWAY take no place from those to come. */
static void retired_connections_make_room(void **state) {
    struct world *w = *state;
    struct call c[9];
    w->h2 = true;
    w->answer = ANSWER_NONE;
    for (int i = 0; i < 9; i++) {
        call_start(w, &c[i], false);
        world_settle(w);
        assert_non_null(c[i].stream);
        assert_int_equal(w->dials, i + 1);
        weft_server_conn_drain(w->servers[i]);
        world_settle(w);
    }
    assert_int_equal(weft_pool_stats(w->pool).connections, 9);
    for (int i = 0; i < 9; i++) call_done(&c[i]);
    world_settle(w);
    assert_int_equal(weft_pool_stats(w->pool).connections, 0);
}

/* Who waits for room gets it as soon as a full connection is no longer counted. */
static void a_retirement_dials_for_who_waits(void **state) {
    enum { FULL = 4 * WEFT_MAX_STREAMS };
    struct world *w = *state;
    static struct call c[FULL + 1];
    w->h2 = true;
    w->answer = ANSWER_NONE;
    for (int i = 0; i <= FULL; i++) {
        call_start(w, &c[i], false);
        world_settle(w);
    }
    assert_int_equal(w->dials, 4);
    assert_null(c[FULL].stream);
    weft_server_conn_drain(w->servers[2]);
    world_settle(w);
    assert_int_equal(w->dials, 5);
    assert_non_null(c[FULL].stream);
    for (int i = 0; i <= FULL; i++) call_done(&c[i]);
    world_settle(w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(h2_failed_dial_answers_all_who_hoped_for_it),
        T(h1_failed_dial_answers_one_wait_each),
        T(identities_do_not_share_a_connection),
        T(addresses_do_not_share_a_connection),
        T(pool_free_answers_waits),
        T(h1_connections_are_given_up_when_idle),
        T(h2_connections_are_given_up_when_idle),
        T(closed_while_idle_is_not_used),
        T(retired_connections_make_room),
        T(a_retirement_dials_for_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

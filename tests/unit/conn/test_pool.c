/* SPDX-License-Identifier: Apache-2.0
 * Pool, client and server connections over memory pipes with a fake clock. */
#include "conn_world.h"

static void assert_hello(struct call *c) {
    assert_int_equal(c->got, WEFT_OK);
    assert_false(c->was_reset);
    assert_true(c->ended);
    assert_int_equal(c->status, 200);
    assert_true(weft_slice_is(weft_buf_slice(&c->body), "hello"));
}

static void h1_connection_is_reused(void **state) {
    struct world *w = *state;
    struct call c;
    for (int i = 0; i < 3; i++) {
        call_start(w, &c, false);
        world_settle(w);
        assert_hello(&c);
        assert_string_equal(w->seen_path, "/x?y=1");
        assert_int_equal(c.reused, i > 0);
        call_done(&c);
    }
    assert_int_equal(w->dials, 1);
    assert_int_equal(w->requests, 3);
}

static void h1_two_at_once_need_two_connections(void **state) {
    struct world *w = *state;
    struct call a, b;
    call_start(w, &a, false);
    call_start(w, &b, false);
    world_settle(w);
    assert_hello(&a);
    assert_hello(&b);
    assert_int_equal(w->dials, 2);
    call_done(&a);
    call_done(&b);
}

static void h2_shares_one_connection(void **state) {
    struct world *w = *state;
    w->h2 = true;
    struct call c[20];
    for (int i = 0; i < 20; i++) call_start(w, &c[i], false);
    world_settle(w);
    for (int i = 0; i < 20; i++) {
        assert_hello(&c[i]);
        call_done(&c[i]);
    }
    assert_int_equal(w->dials, 1);
    assert_int_equal(w->requests, 20);
}

static void fresh_gets_a_connection_of_its_own(void **state) {
    struct world *w = *state;
    struct call a, b;
    call_start(w, &a, false);
    world_settle(w);
    call_done(&a);
    call_start(w, &b, true);
    world_settle(w);
    assert_hello(&b);
    assert_false(b.reused);
    assert_int_equal(w->dials, 2);
    call_done(&b);
}

static void refused_dial_answers_the_wait(void **state) {
    struct world *w = *state;
    w->refuse = true;
    struct call c;
    call_start(w, &c, false);
    world_settle(w);
    assert_true(c.answered_pool);
    assert_int_equal(c.got, WEFT_REFUSED);
    call_done(&c);
    assert_int_equal(weft_pool_stats(w->pool).waiting, 0);
}

static void cancelled_wait_is_never_called(void **state) {
    struct world *w = *state;
    struct call c;
    call_start(w, &c, false);
    assert_non_null(c.wait);
    weft_pool_cancel(c.wait);
    world_settle(w);
    assert_false(c.answered_pool);
    call_done(&c);
}

static void without_tls_context_mesh_targets_fail(void **state) {
    struct world *w = *state;
    struct call c = {.w = w};
    weft_buf_init(&c.body, 0);
    struct weft_pool_target t = {.h2 = true, .alpn = "weft-h2"};
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("10.0.0.1:80"), &t.addr));
    assert_null(weft_pool_get(w->pool, &t, false, call_ready, &c));
    assert_int_equal(c.got, WEFT_TLS);
    call_done(&c);
}

static void idle_connection_closes(void **state) {
    struct world *w = *state;
    struct call c;
    call_start(w, &c, false);
    world_settle(w);
    call_done(&c);
    world_settle(w);
    assert_int_equal(weft_pool_stats(w->pool).connections, 1);
    weft_loop_advance(w->loop, 61000000);
    world_settle(w);
    weft_loop_advance(w->loop, 61000000);
    world_settle(w);
    assert_int_equal(weft_pool_stats(w->pool).connections, 0);
}

static void server_gone_resets_the_request(void **state) {
    struct world *w = *state;
    w->answer = ANSWER_NEVER;
    struct call c;
    call_start(w, &c, false);
    world_settle(w);
    assert_int_equal(w->requests, 1);
    weft_server_conn_close(w->servers[0]);
    world_settle(w);
    assert_true(c.was_reset);
    assert_false(c.reset.response_started);
    assert_false(c.reset.unprocessed);
    call_done(&c);
}

static void drained_h2_server_lets_streams_end(void **state) {
    struct world *w = *state;
    w->h2 = true;
    w->answer = ANSWER_NEVER;
    struct call c;
    call_start(w, &c, false);
    world_settle(w);
    weft_server_conn_drain(w->servers[0]);
    world_settle(w);
    assert_false(c.was_reset);
    assert_int_equal(w->closed, 0);
    answer(w->held, 200, WEFT_BODY_LENGTH, "hello");
    weft_stream_release(w->held);
    w->held = NULL;
    world_settle(w);
    assert_hello(&c);
    call_done(&c);
    world_settle(w);
    assert_int_equal(w->closed, 1);
    w->answer = ANSWER_NOW;
    struct call d; /* the next request goes to a new connection */
    call_start(w, &d, false);
    world_settle(w);
    assert_hello(&d);
    assert_int_equal(w->dials, 2);
    call_done(&d);
}

static void pool_free_resets_what_is_in_flight(void **state) {
    struct world *w = *state;
    w->answer = ANSWER_NEVER;
    struct call c;
    call_start(w, &c, false);
    world_settle(w);
    w->pool = weft_pool_free(w->pool);
    world_settle(w);
    assert_true(c.was_reset);
    call_done(&c);
}

/* ---- raw bytes against the server role ---- */

struct raw {
    struct weft_xport *x;
    struct weft_buf in;
    bool eof, error;
};
static void raw_read(void *ud, struct weft_slice d) {
    (void)weft_buf_append(&((struct raw *)ud)->in, d);
}
static void raw_eof(void *ud) {
    ((struct raw *)ud)->eof = true;
}
static void raw_error(void *ud, enum weft_status st) {
    (void)st;
    ((struct raw *)ud)->error = true;
}
static const struct weft_xport_cb raw_cb = {
    .on_read = raw_read, .on_eof = raw_eof, .on_error = raw_error};

static void raw_open(struct world *w, struct raw *r) {
    *r = (struct raw){.x = world_dial(w, w->loop, NULL, NULL, 0)};
    weft_buf_init(&r->in, 0);
    weft_xport_set_cb(r->x, &raw_cb, r);
    weft_xport_read_start(r->x);
}
static void raw_done(struct raw *r) {
    weft_xport_close(r->x);
    weft_buf_done(&r->in);
}

static void slow_head_is_answered_408(void **state) {
    struct world *w = *state;
    struct raw r;
    raw_open(w, &r);
    weft_xport_write(r.x, WEFT_SLICE_LIT("GET / HTTP/1.1\r\nHost:"));
    world_settle(w);
    weft_loop_advance(w->loop, 11000000);
    world_settle(w);
    assert_true(weft_slice_starts(weft_buf_slice(&r.in), WEFT_SLICE_LIT("HTTP/1.1 408")));
    assert_true(r.eof);
    assert_int_equal(w->closed, 1);
    raw_done(&r);
}

static void pipelined_requests_are_answered_in_order(void **state) {
    struct world *w = *state;
    struct raw r;
    raw_open(w, &r);
    weft_xport_write(
        r.x, WEFT_SLICE_LIT("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
                            "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    world_settle(w);
    assert_int_equal(w->requests, 3);
    assert_string_equal(w->seen_path, "/3");
    assert_true(r.eof);
    raw_done(&r);
}

static void half_closed_client_still_gets_its_answer(void **state) {
    struct world *w = *state;
    struct raw r;
    raw_open(w, &r);
    weft_xport_write(r.x, WEFT_SLICE_LIT("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"));
    weft_xport_shutdown(r.x);
    world_settle(w);
    assert_true(weft_slice_starts(weft_buf_slice(&r.in), WEFT_SLICE_LIT("HTTP/1.1 200")));
    assert_int_equal(w->closed, 1);
    raw_done(&r);
}

static void idle_server_connection_closes(void **state) {
    struct world *w = *state;
    struct raw r;
    raw_open(w, &r);
    weft_loop_advance(w->loop, 61000000);
    world_settle(w);
    assert_int_equal(w->closed, 1);
    raw_done(&r);
}

/* ---- relay ---- */

static void relay_done(void *ud, const struct weft_relay_result *r) {
    *(struct weft_relay_result *)ud = *r;
}

static void relay_keeps_half_close(void **state) {
    struct world *w = *state;
    struct weft_xport *a1, *a2, *b1, *b2;
    weft_xport_pipe(w->loop, &a1, &a2);
    weft_xport_pipe(w->loop, &b1, &b2);
    struct weft_relay_result res = {.status = WEFT_AGAIN};
    weft_relay_new(a2, b1, relay_done, &res);
    struct raw left = {.x = a1}, right = {.x = b2};
    weft_buf_init(&left.in, 0);
    weft_buf_init(&right.in, 0);
    weft_xport_set_cb(a1, &raw_cb, &left);
    weft_xport_set_cb(b2, &raw_cb, &right);
    weft_xport_read_start(a1);
    weft_xport_read_start(b2);
    weft_xport_write(a1, WEFT_SLICE_LIT("ping"));
    weft_xport_shutdown(a1);
    world_settle(w);
    assert_true(weft_slice_is(weft_buf_slice(&right.in), "ping"));
    assert_true(right.eof);
    assert_int_equal(res.status, WEFT_AGAIN);
    weft_xport_write(b2, WEFT_SLICE_LIT("pong!"));
    weft_xport_shutdown(b2);
    world_settle(w);
    assert_true(weft_slice_is(weft_buf_slice(&left.in), "pong!"));
    assert_int_equal(res.status, WEFT_OK);
    assert_int_equal(res.a_to_b, 4);
    assert_int_equal(res.b_to_a, 5);
    raw_done(&left);
    raw_done(&right);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(h1_connection_is_reused),
        T(h1_two_at_once_need_two_connections),
        T(h2_shares_one_connection),
        T(fresh_gets_a_connection_of_its_own),
        T(refused_dial_answers_the_wait),
        T(cancelled_wait_is_never_called),
        T(without_tls_context_mesh_targets_fail),
        T(idle_connection_closes),
        T(server_gone_resets_the_request),
        T(drained_h2_server_lets_streams_end),
        T(pool_free_resets_what_is_in_flight),
        T(slow_head_is_answered_408),
        T(pipelined_requests_are_answered_in_order),
        T(half_closed_client_still_gets_its_answer),
        T(idle_server_connection_closes),
        T(relay_keeps_half_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Memory pipes keep the same promises as sockets. */
#include "net_test.h"
#include <weft/base/limits.h>

struct ends {
    struct weft_loop *l;
    struct peer a, b;
};
static void ends_init(struct ends *e) {
    *e = (struct ends){.l = weft_loop_new_fake()};
    struct weft_xport *a, *b;
    weft_xport_pipe(e->l, &a, &b);
    peer_take(&e->a, a);
    peer_take(&e->b, b);
}
static void ends_done(struct ends *e) {
    peer_done(&e->a);
    peer_done(&e->b);
    weft_loop_free(e->l);
}
static void turns(struct ends *e) {
    while (weft_loop_turn(e->l)) {
    }
}
static void write_str(struct peer *p, const char *s) {
    weft_xport_write(p->x, weft_slice_str(s));
}

static void test_both_ways_and_half_close(void **state) {
    struct ends e;
    ends_init(&e);
    write_str(&e.a, "ping");
    write_str(&e.b, "pong");
    weft_xport_shutdown(e.a.x);
    assert_int_equal(e.b.reads, 0);
    turns(&e);
    assert_got(&e.b, "ping");
    assert_got(&e.a, "pong");
    assert_int_equal(e.b.eofs, 1);
    write_str(&e.b, " after");
    weft_xport_shutdown(e.b.x);
    turns(&e);
    assert_got(&e.a, "pong after");
    assert_int_equal(e.a.eofs, 1);
    ends_done(&e);
}

static void test_pause(void **state) {
    struct ends e;
    ends_init(&e);
    weft_xport_read_stop(e.b.x);
    size_t n = 0;
    for (; weft_xport_queued(e.a.x) < WEFT_XPORT_HIGH; n += 4) write_str(&e.a, "abcd");
    turns(&e);
    assert_int_equal(weft_xport_queued(e.a.x), n);
    assert_int_equal(e.a.drains, 0);
    weft_xport_read_start(e.b.x);
    turns(&e);
    assert_int_equal(weft_buf_size(&e.b.in), n);
    assert_int_equal(e.a.drains, 1);
    for (int i = 0; i < 3; i++) { /* again and again */
        weft_xport_read_stop(e.b.x);
        write_str(&e.a, "more");
        turns(&e);
        assert_int_equal(weft_buf_size(&e.b.in), n);
        weft_xport_read_start(e.b.x);
        turns(&e);
        n += 4;
        assert_int_equal(weft_buf_size(&e.b.in), n);
    }
    ends_done(&e);
}

static void test_close_abort_and_flush(void **state) {
    struct ends e;
    ends_init(&e);
    write_str(&e.a, "dropped");
    peer_close(&e.a);
    assert_int_equal(e.b.eofs, 0); /* never from inside a call */
    turns(&e);
    assert_int_equal(e.b.eofs, 1);
    assert_got(&e.b, "");
    write_str(&e.b, "to nobody");
    turns(&e);
    assert_int_equal(e.b.error_st, WEFT_RESET);
    ends_done(&e);

    ends_init(&e);
    weft_xport_abort(e.a.x);
    e.a.x = NULL;
    turns(&e);
    assert_int_equal(e.b.error_st, WEFT_RESET);
    assert_int_equal(e.b.eofs, 0);
    ends_done(&e);

    ends_init(&e);
    weft_xport_read_stop(e.b.x);
    write_str(&e.a, "kept");
    weft_xport_close_flush(e.a.x);
    e.a.x = NULL;
    turns(&e);
    weft_xport_read_start(e.b.x);
    turns(&e);
    assert_got(&e.b, "kept");
    assert_int_equal(e.b.eofs, 1);
    ends_done(&e);
}

static void test_flush_ends_when_nothing_moves_or_with_the_loop(void **state) {
    struct ends e;
    ends_init(&e);
    weft_xport_read_stop(e.b.x);
    write_str(&e.a, "never read");
    weft_xport_close_flush(e.a.x);
    e.a.x = NULL;
    turns(&e);
    for (int i = 0; i < 2; i++) weft_loop_advance(e.l, 10000000);
    weft_xport_read_start(e.b.x);
    turns(&e);
    assert_got(&e.b, "");
    assert_int_equal(e.b.eofs, 0);
    assert_int_equal(e.b.error_st, WEFT_RESET);
    ends_done(&e);

    ends_init(&e);
    weft_xport_read_stop(e.b.x);
    write_str(&e.a, "never read");
    weft_xport_close_flush(e.a.x);
    e.a.x = NULL;
    ends_done(&e);
}

static void test_addresses(void **state) {
    struct ends e;
    ends_init(&e);
    struct weft_addr dst = loopback(), got;
    assert_int_equal(weft_xport_original_dst(e.a.x, &got), WEFT_NOT_FOUND);
    dst.port = 9080;
    weft_xport_pipe_addrs(e.a.x, &dst, &dst, &dst);
    assert_int_equal(weft_xport_original_dst(e.a.x, &got), WEFT_OK);
    assert_true(weft_addr_eq(&got, &dst));
    assert_true(weft_addr_eq(&weft_xport_info(e.a.x)->peer, &dst));
    ends_done(&e);
}

/* They are in no count of connections. */
static void test_close_flush_of_many(void **state) {
    enum { MANY = 4097 };
    static struct peer readers[MANY];
    struct weft_loop *l = weft_loop_new_fake();
    for (int i = 0; i < MANY; i++) {
        struct weft_xport *near, *far;
        weft_xport_pipe(l, &near, &far);
        readers[i] = (struct peer){0};
        peer_take(&readers[i], far);
        weft_xport_read_stop(far);
        weft_xport_write(near, WEFT_SLICE_LIT("not taken yet"));
        weft_xport_close_flush(near);
    }
    while (weft_loop_turn(l)) {
    }
    assert_int_equal(readers[0].errors, 1);
    for (int i = 1; i < MANY; i++) assert_int_equal(readers[i].errors, 0);
    for (int i = 0; i < MANY; i++) peer_done(&readers[i]);
    weft_loop_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_flush_of_many),
        cmocka_unit_test(test_both_ways_and_half_close),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_close_abort_and_flush),
        cmocka_unit_test(test_flush_ends_when_nothing_moves_or_with_the_loop),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * TCP and unix sockets on loopback: echo, half-close, marks, reset, bytes given back. */
#include "net_test.h"
#include <weft/base/limits.h>

#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

struct pair {
    struct weft_loop *l;
    struct weft_listener *ln;
    struct peer client, server;
};

static void pair_listen_on(struct pair *p, struct weft_loop *l) {
    *p = (struct pair){.l = l};
    struct weft_addr at = loopback();
    struct weft_listen_options opt = {.reuse_port = true};
    assert_int_equal(weft_listener_new(p->l, &at, &opt, peer_on_accept, &p->server, &p->ln, NULL),
                     WEFT_OK);
}
static void pair_listen(struct pair *p) {
    pair_listen_on(p, weft_loop_new());
}
static void pair_connect(struct pair *p) {
    peer_take(&p->client, weft_xport_dial(p->l, weft_listener_addr(p->ln), NULL, 1000000));
    assert_int_equal(p->client.opens, 0);
    UNTIL(p->l, p->client.opens && p->server.x);
    assert_int_equal(p->client.open_st, WEFT_OK);
}
static void pair_open(struct pair *p) {
    pair_listen(p);
    pair_connect(p);
}
static void pair_done(struct pair *p) {
    peer_done(&p->client);
    peer_done(&p->server);
    weft_listener_close(p->ln);
    weft_loop_free(p->l);
}
static void write_str(struct peer *p, const char *s) {
    weft_xport_write(p->x, weft_slice_str(s));
}
static void write_n(struct peer *p, size_t n) {
    WEFT_FREE char *b = weft_alloc0(n);
    weft_xport_write(p->x, weft_slice(b, n));
}

static void test_echo_and_half_close(void **state) {
    struct pair p;
    pair_open(&p);
    p.server.echo = true;
    write_str(&p.client, "hello, ");
    write_str(&p.client, "world");
    assert_int_equal(weft_xport_queued(p.client.x), 12);
    UNTIL(p.l, weft_buf_size(&p.client.in) == 12);
    assert_got(&p.client, "hello, world");
    assert_int_equal(p.server.reads, 1); /* one write, one read */
    write_str(&p.client, "!");
    weft_xport_shutdown(p.client.x);
    UNTIL(p.l, p.client.eofs);
    assert_got(&p.client, "hello, world!");
    assert_int_equal(weft_xport_info(p.client.x)->bytes_in, 13);
    assert_int_equal(weft_xport_info(p.client.x)->bytes_out, 13);
    assert_int_equal(p.client.errors + p.server.errors, 0);
    pair_done(&p);
}

/* After a FIN nothing is read, so nobody is told of the reset behind it. */
static void test_reset_after_the_end(void **state) {
    struct pair p;
    pair_open(&p);
    weft_xport_shutdown(p.client.x);
    UNTIL(p.l, p.server.eofs);
    assert_false(weft_xport_gone(p.server.x));
    weft_xport_abort(p.client.x);
    p.client.x = NULL;
    UNTIL(p.l, weft_xport_gone(p.server.x));
    assert_int_equal(p.server.errors, 0);
    pair_done(&p);
}

static void test_addresses_and_original_destination(void **state) {
    struct pair p;
    pair_open(&p);
    const struct weft_xport_info *c = weft_xport_info(p.client.x), *s = weft_xport_info(p.server.x);
    assert_true(weft_addr_eq(&c->peer, weft_listener_addr(p.ln)));
    assert_true(weft_addr_eq(weft_xport_local(p.client.x), &s->peer));
    assert_true(weft_addr_eq(&c->peer, weft_xport_local(p.server.x)));
    struct weft_addr dst;
    enum weft_status st = weft_xport_original_dst(p.server.x, &dst);
    if (st == WEFT_OK)
        assert_true(weft_addr_eq(&dst, weft_listener_addr(p.ln)));
    else
        assert_int_equal(st, WEFT_NOT_FOUND); /* no connection tracking in this namespace */
    pair_done(&p);
}

static void test_write_before_open_is_sent(void **state) {
    struct pair p;
    pair_listen(&p);
    peer_take(&p.client, weft_xport_dial(p.l, weft_listener_addr(p.ln), NULL, 0));
    write_str(&p.client, "early");
    weft_xport_shutdown(p.client.x);
    UNTIL(p.l, p.server.eofs);
    assert_got(&p.server, "early");
    pair_done(&p);
}

static void test_bind_source(void **state) {
    struct pair p;
    pair_listen(&p);
    struct weft_addr from;
    assert_true(weft_addr_parse_ip(WEFT_SLICE_LIT("127.0.0.7"), &from));
    peer_take(&p.client, weft_xport_dial(p.l, weft_listener_addr(p.ln), &from, 0));
    UNTIL(p.l, p.client.opens && p.server.x);
    struct weft_addr got = weft_xport_info(p.server.x)->peer;
    got.port = 0;
    assert_true(weft_addr_eq(&got, &from));
    pair_done(&p);
}

static void test_refused(void **state) {
    struct pair p;
    pair_listen(&p);
    struct weft_addr gone = *weft_listener_addr(p.ln);
    weft_listener_close(p.ln);
    p.ln = NULL;
    weft_loop_turn(p.l);
    peer_take(&p.client, weft_xport_dial(p.l, &gone, NULL, 0));
    UNTIL(p.l, p.client.opens);
    assert_int_equal(p.client.open_st, WEFT_REFUSED);
    assert_int_equal(p.client.errors, 0);
    write_str(&p.client, "ignored");
    assert_int_equal(weft_xport_queued(p.client.x), 0);
    pair_done(&p);
}

static void test_dial_fails_later_and_may_close(void **state) {
    struct weft_loop *l = weft_loop_new();
    struct peer c = {.close_on_open = true};
    struct weft_addr to = loopback(), from;
    assert_true(weft_addr_parse_ip(WEFT_SLICE_LIT("192.0.2.1"), &from)); /* not ours: bind fails */
    to.port = 9;
    peer_take(&c, weft_xport_dial(l, &to, &from, 0));
    assert_int_equal(c.opens, 0);
    UNTIL(l, c.opens);
    assert_int_equal(c.open_st, WEFT_UNREACHABLE);
    peer_done(&c);
    weft_loop_free(l);
}

static void test_dial_timeout(void **state) {
    struct weft_loop *l = weft_loop_new_fake();
    struct peer server = {0}, c = {0};
    struct weft_listener *ln;
    struct weft_addr at = loopback();
    assert_int_equal(weft_listener_new(l, &at, NULL, peer_on_accept, &server, &ln, NULL), WEFT_OK);
    peer_take(&c, weft_xport_dial(l, weft_listener_addr(ln), NULL, 5000));
    weft_loop_advance(l, 4999); /* the loop does not poll here */
    assert_int_equal(c.opens, 0);
    weft_loop_advance(l, 1);
    assert_int_equal(c.open_st, WEFT_TIMEOUT);
    for (int i = 0; i < 3; i++) weft_loop_turn(l); /* the kernel's answer comes too late */
    assert_int_equal(c.opens, 1);
    peer_done(&c);
    peer_done(&server);
    weft_listener_close(ln);
    weft_loop_free(l);
}

static void test_marks(void **state) {
    struct pair p;
    pair_open(&p);
    weft_xport_read_stop(p.server.x);
    size_t sent = 0;
    while (weft_xport_queued(p.client.x) < WEFT_XPORT_HIGH) {
        write_n(&p.client, 100000);
        sent += 100000;
    }
    for (int i = 0; i < 10; i++) weft_loop_turn(p.l);
    assert_int_equal(p.client.drains, 0);
    assert_in_range(weft_buf_size(&p.server.in), 0, 0);
    weft_xport_read_start(p.server.x);
    UNTIL(p.l, p.client.drains);
    assert_in_range(weft_xport_queued(p.client.x), 0, WEFT_XPORT_LOW);
    UNTIL(p.l, weft_buf_size(&p.server.in) == sent);
    assert_int_equal(p.client.drains, 1);
    assert_int_equal(weft_xport_queued(p.client.x), 0);
    pair_done(&p);
}

static void test_abort_resets(void **state) {
    struct pair p;
    pair_open(&p);
    write_str(&p.client, "cut");
    UNTIL(p.l, weft_buf_size(&p.server.in) == 3);
    weft_xport_abort(p.client.x);
    p.client.x = NULL;
    UNTIL(p.l, p.server.errors);
    assert_int_equal(p.server.error_st, WEFT_RESET);
    assert_int_equal(p.server.eofs, 0);
    pair_done(&p);
}

/* Bytes and the reset behind them found in one poll are not an end. */
static void test_a_reset_right_behind_bytes_is_no_end(void **state) {
    struct pair p;
    pair_open(&p);
    weft_xport_read_stop(p.server.x);
    write_str(&p.client, "held back, which stops the reading below");
    UNTIL(p.l, weft_xport_queued(p.client.x) == 0);
    while (weft_loop_turn(p.l)) {
    }
    write_n(&p.client, 100000); /* so much goes out in the call */
    weft_xport_abort(p.client.x);
    p.client.x = NULL;
    weft_xport_read_start(p.server.x);
    UNTIL(p.l, p.server.errors + p.server.eofs);
    assert_int_equal(p.server.error_st, WEFT_RESET);
    assert_int_equal(p.server.eofs, 0);
    assert_true(weft_buf_size(&p.server.in) > 100000);
    pair_done(&p);
}

static void test_close_drops_and_ends(void **state) {
    struct pair p;
    pair_open(&p);
    write_str(&p.client, "never sent");
    peer_close(&p.client);
    UNTIL(p.l, p.server.eofs);
    assert_got(&p.server, "");
    pair_done(&p);
}

static void test_close_flush_sends_all(void **state) {
    struct pair p;
    pair_open(&p);
    weft_xport_read_stop(p.server.x);
    write_str(&p.server, "unread input of the closer");
    enum { N = 8 * 1024 * 1024 };
    write_n(&p.client, N);
    weft_xport_close_flush(p.client.x);
    p.client.x = NULL;
    weft_xport_read_start(p.server.x);
    UNTIL(p.l, p.server.eofs);
    assert_int_equal(weft_buf_size(&p.server.in), N);
    assert_int_equal(p.server.errors, 0);
    pair_done(&p);
}

/* The peer ends its side while it still reads: what is queued for it must arrive. */
static void test_close_flush_outlives_the_peers_end(void **state) {
    struct pair p;
    pair_open(&p);
    weft_xport_read_stop(p.server.x);
    enum { N = 8 * 1024 * 1024 };
    write_n(&p.client, N);
    weft_xport_close_flush(p.client.x);
    p.client.x = NULL;
    weft_xport_shutdown(p.server.x);
    for (int i = 0; i < 5; i++) weft_loop_turn(p.l);
    weft_xport_read_start(p.server.x);
    UNTIL(p.l, p.server.eofs);
    assert_int_equal(weft_buf_size(&p.server.in), N);
    assert_int_equal(p.server.errors, 0);
    pair_done(&p);
}

/* A connection that was being read is read on while it lingers: bytes that come late must not reset
 * it, which would take from the peer what it has not read yet. */
static void test_close_flush_swallows_late_bytes(void **state) {
    struct pair p;
    pair_open(&p);
    write_str(&p.server, "request");
    UNTIL(p.l, weft_buf_size(&p.client.in));
    weft_xport_read_stop(p.server.x);
    write_str(&p.client, "answer");
    weft_xport_close_flush(p.client.x);
    p.client.x = NULL;
    for (int i = 0; i < 20; i++) {
        write_str(&p.server, "late");
        weft_loop_turn(p.l);
    }
    assert_int_equal(p.server.errors, 0);
    weft_xport_read_start(p.server.x);
    UNTIL(p.l, p.server.eofs + p.server.errors);
    assert_got(&p.server, "answer");
    assert_int_equal(p.server.errors, 0);
    pair_done(&p);
}

/* A peer that said that it is done is not waited for: its end of the connection is enough. */
static void test_close_flush_without_waiting(void **state) {
    struct pair p;
    pair_open(&p);
    enum { N = 8 * 1024 * 1024 };
    weft_xport_read_stop(p.server.x);
    write_n(&p.client, N);
    weft_xport_input_over(p.client.x);
    weft_xport_close_flush(p.client.x);
    p.client.x = NULL;
    weft_xport_read_start(p.server.x);
    UNTIL(p.l, p.server.eofs);
    assert_int_equal(weft_buf_size(&p.server.in), N);
    for (int i = 0; i < 1000 && !p.server.errors; i++) { /* gone already, not lingering */
        write_str(&p.server, "nobody reads this");
        weft_loop_turn(p.l);
    }
    assert_int_equal(p.server.errors, 1);
    pair_done(&p);
}

static void test_close_flush_gives_up(void **state) {
    struct pair p;
    pair_open(&p);
    weft_xport_close_flush(p.client.x); /* the server never closes: freed with the loop */
    p.client.x = NULL;
    UNTIL(p.l, p.server.eofs);
    pair_done(&p);
}

enum { LONG = 32 * 1024 * 1024, TEN_S = 10000000 };

static void close_what_is_long(struct pair *p) {
    weft_xport_read_stop(p->server.x);
    write_n(&p->client, LONG);
    weft_xport_close_flush(p->client.x);
    p->client.x = NULL;
    while (weft_loop_turn(p->l)) {
    }
}

static void close_a_long_answer(struct pair *p) {
    pair_listen_on(p, weft_loop_new_fake());
    pair_connect(p);
    close_what_is_long(p);
}

static void test_close_flush_waits_while_it_moves(void **state) {
    struct pair p;
    close_a_long_answer(&p);
    size_t had = 0;
    for (int i = 0; i < 5; i++) { /* far longer than the patience with one that stands still */
        weft_loop_advance(p.l, TEN_S);
        weft_xport_read_start(p.server.x);
        UNTIL(p.l, weft_buf_size(&p.server.in) > had + LONG / 32);
        assert_true(weft_buf_size(&p.server.in) < LONG);
        weft_xport_read_stop(p.server.x);
        while (weft_loop_turn(p.l)) {
        }
        had = weft_buf_size(&p.server.in);
    }
    assert_true(weft_loop_lingers(p.l));
    weft_xport_read_start(p.server.x);
    UNTIL(p.l, p.server.eofs);
    assert_int_equal(weft_buf_size(&p.server.in), LONG);
    assert_int_equal(p.server.errors, 0);
    assert_false(weft_loop_lingers(p.l));
    pair_done(&p);
}

/* A byte now and then is no reason to keep it for ever. */
static void test_close_flush_ends_who_trickles(void **state) {
    struct pair p;
    size_t had = 0;
    int moved = 0, small = 64 * 1024;
    pair_listen_on(&p, weft_loop_new_fake());
    pair_connect(&p);
    assert_int_equal(
        setsockopt(weft_xport_fd(p.server.x), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    close_what_is_long(&p);
    for (; moved < 70 && weft_loop_lingers(p.l); moved++) {
        weft_loop_advance(p.l, TEN_S);
        if (!weft_loop_lingers(p.l)) break;
        weft_xport_read_start(p.server.x);
        UNTIL(p.l, weft_buf_size(&p.server.in) > had);
        weft_xport_read_stop(p.server.x);
        while (weft_loop_turn(p.l)) {
        }
        had = weft_buf_size(&p.server.in);
    }
    assert_in_range(moved, 55, 61);
    assert_true(had < LONG);
    weft_xport_read_start(p.server.x);
    UNTIL(p.l, p.server.errors + p.server.eofs);
    assert_int_equal(p.server.eofs, 0);
    pair_done(&p);
}

/* Bytes behind what was said to be the last ones do not take the answer from the peer. */
static void test_close_flush_after_more_than_was_said(void **state) {
    struct pair p;
    pair_open(&p);
    weft_xport_read_halt(p.client.x);
    write_str(&p.server, "more");
    for (int i = 0; i < 5; i++) weft_loop_turn(p.l);
    write_str(&p.client, "answer");
    weft_xport_input_over(p.client.x);
    weft_xport_close_flush(p.client.x);
    p.client.x = NULL;
    UNTIL(p.l, p.server.eofs + p.server.errors);
    assert_got(&p.server, "answer");
    assert_int_equal(p.server.errors, 0);
    pair_done(&p);
}

/* What is cut must not look like an end. */
static void test_close_flush_resets_who_takes_nothing(void **state) {
    struct pair p;
    close_a_long_answer(&p);
    for (int i = 0; i < 3; i++) weft_loop_advance(p.l, TEN_S);
    assert_false(weft_loop_lingers(p.l));
    weft_xport_read_start(p.server.x);
    UNTIL(p.l, p.server.errors + p.server.eofs);
    assert_int_equal(p.server.eofs, 0);
    assert_int_equal(p.server.error_st, WEFT_RESET);
    pair_done(&p);
}

/* An answer that arrived before the reset is still read: the server answers early and closes with
 * the request unread. */
static void test_early_answer_survives_a_failed_write(void **state) {
    struct pair p;
    pair_open(&p);
    weft_xport_read_stop(p.server.x);
    weft_xport_read_stop(p.client.x);
    for (int i = 0; i < 40; i++) write_n(&p.client, 100000);
    for (int i = 0; i < 5; i++) weft_loop_turn(p.l);
    weft_xport_read_start(p.client.x);
    write_str(&p.server, "413");
    for (int i = 0; i < 2; i++) weft_loop_turn(p.l);
    weft_xport_close(p.server.x);
    p.server.x = NULL;
    UNTIL(p.l, p.client.errors);
    assert_got(&p.client, "413");
    assert_int_equal(p.client.error_st, WEFT_RESET);
    assert_int_equal(p.client.eofs, 0);
    pair_done(&p);
}

static void test_unread_comes_first(void **state) {
    struct pair p;
    pair_open(&p);
    write_str(&p.client, "GET / HTTP/1.1");
    UNTIL(p.l, p.server.reads);
    weft_xport_unread(p.server.x, WEFT_SLICE_LIT(" again"));
    weft_xport_unread(p.server.x, WEFT_SLICE_LIT("read"));
    assert_int_equal(p.server.reads, 1); /* never from inside the call */
    write_str(&p.client, " and more");
    UNTIL(p.l, weft_buf_size(&p.server.in) == 14 + 10 + 9);
    assert_got(&p.server, "GET / HTTP/1.1read again and more");
    pair_done(&p);
}

static void test_unread_after_the_end(void **state) {
    struct pair p;
    pair_open(&p);
    write_str(&p.client, "a few bytes");
    weft_xport_shutdown(p.client.x);
    UNTIL(p.l, p.server.eofs);
    weft_xport_read_stop(p.server.x);
    weft_buf_clear(&p.server.in);
    weft_xport_unread(p.server.x, WEFT_SLICE_LIT("a few bytes"));
    for (int i = 0; i < 3; i++) weft_loop_turn(p.l);
    assert_int_equal(p.server.eofs, 1); /* not while reading is off */
    weft_xport_read_start(p.server.x);
    UNTIL(p.l, p.server.eofs == 2);
    assert_got(&p.server, "a few bytes");
    pair_done(&p);
}

static void test_paused_reader_keeps_bytes_and_end(void **state) {
    struct pair p;
    pair_open(&p);
    weft_xport_read_stop(p.server.x);
    write_str(&p.client, "later");
    weft_xport_shutdown(p.client.x);
    for (int i = 0; i < 5; i++) weft_loop_turn(p.l);
    assert_int_equal(p.server.reads + p.server.eofs, 0);
    weft_xport_read_start(p.server.x);
    assert_int_equal(p.server.reads, 0);
    UNTIL(p.l, p.server.eofs);
    assert_got(&p.server, "later");
    pair_done(&p);
}

static void test_callbacks_may_close(void **state) {
    struct pair p;
    pair_open(&p);
    p.server.close_on_read = true;
    write_str(&p.client, "x");
    UNTIL(p.l, !p.server.x);
    UNTIL(p.l, p.client.eofs);
    pair_done(&p);
    pair_open(&p);
    p.server.close_on_eof = true;
    weft_xport_shutdown(p.client.x);
    UNTIL(p.l, !p.server.x);
    pair_done(&p);
}

static void test_reuse_port_and_address_in_use(void **state) {
    struct pair p;
    pair_listen(&p);
    struct weft_listen_options shared = {.reuse_port = true};
    struct weft_listener *more = NULL;
    struct weft_addr at = *weft_listener_addr(p.ln);
    struct weft_error err = {0};
    assert_int_equal(weft_listener_new(p.l, &at, &shared, peer_on_accept, &p.server, &more, &err),
                     WEFT_OK);
    weft_listener_close(more);
    assert_int_not_equal(weft_listener_new(p.l, &at, NULL, peer_on_accept, &p.server, &more, &err),
                         WEFT_OK);
    assert_non_null(strstr(err.message, "in use"));
    pair_done(&p);
}

static void test_from_fd(void **state) {
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    struct weft_loop *l = weft_loop_new();
    struct peer a = {.echo = true}, b = {0};
    peer_take(&a, weft_xport_from_fd(l, fd[0]));
    peer_take(&b, weft_xport_from_fd(l, fd[1]));
    write_str(&b, "ping");
    UNTIL(l, weft_buf_size(&b.in) == 4);
    peer_done(&a);
    peer_done(&b);
    weft_loop_free(l);
}

static void test_unix_listener(void **state) {
    struct weft_loop *l = weft_loop_new();
    char dir[] = "/tmp/weft-net-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
    struct weft_listener *ln, *second;
    struct peer server = {.echo = true}, c = {0};
    struct weft_error err;
    assert_int_equal(weft_listener_new_unix(l, path, 0600, peer_on_accept, &server, &ln, &err),
                     WEFT_OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    peer_take(&c, weft_xport_dial_unix(l, path));
    write_str(&c, "unix");
    UNTIL(l, weft_buf_size(&c.in) == 4);
    /* Somebody answers there, so it is not a file left by a crash. */
    assert_int_not_equal(
        weft_listener_new_unix(l, path, 0600, peer_on_accept, &server, &second, &err), WEFT_OK);
    peer_done(&c);
    peer_done(&server);
    weft_listener_close(ln);
    assert_int_not_equal(access(path, F_OK), 0);
    peer_take(&c, weft_xport_dial_unix(l, path));
    c.opens = 0;
    UNTIL(l, c.opens);
    assert_int_equal(c.open_st, WEFT_NOT_FOUND);
    peer_done(&c);
    rmdir(dir);
    weft_loop_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_and_half_close),
        cmocka_unit_test(test_reset_after_the_end),
        cmocka_unit_test(test_addresses_and_original_destination),
        cmocka_unit_test(test_write_before_open_is_sent),
        cmocka_unit_test(test_bind_source),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_dial_fails_later_and_may_close),
        cmocka_unit_test(test_dial_timeout),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_abort_resets),
        cmocka_unit_test(test_a_reset_right_behind_bytes_is_no_end),
        cmocka_unit_test(test_close_drops_and_ends),
        cmocka_unit_test(test_close_flush_sends_all),
        cmocka_unit_test(test_close_flush_outlives_the_peers_end),
        cmocka_unit_test(test_close_flush_swallows_late_bytes),
        cmocka_unit_test(test_close_flush_without_waiting),
        cmocka_unit_test(test_close_flush_gives_up),
        cmocka_unit_test(test_close_flush_waits_while_it_moves),
        cmocka_unit_test(test_close_flush_ends_who_trickles),
        cmocka_unit_test(test_close_flush_after_more_than_was_said),
        cmocka_unit_test(test_close_flush_resets_who_takes_nothing),
        cmocka_unit_test(test_early_answer_survives_a_failed_write),
        cmocka_unit_test(test_unread_comes_first),
        cmocka_unit_test(test_unread_after_the_end),
        cmocka_unit_test(test_paused_reader_keeps_bytes_and_end),
        cmocka_unit_test(test_callbacks_may_close),
        cmocka_unit_test(test_reuse_port_and_address_in_use),
        cmocka_unit_test(test_from_fd),
        cmocka_unit_test(test_unix_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

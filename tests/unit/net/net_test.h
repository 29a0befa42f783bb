/* SPDX-License-Identifier: Apache-2.0
 * A transport with a memory: records what its callbacks were told. */
#pragma once
#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/net/xport.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct peer {
    struct weft_loop *loop;
    struct weft_xport *x;
    struct weft_buf in;
    int opens, eofs, errors, drains, reads;
    enum weft_status open_st, error_st;
    bool echo, close_on_read, close_on_eof, close_on_open;
};

static inline void peer_close(struct peer *p) {
    if (p->x) weft_xport_close(p->x);
    p->x = NULL;
}
static inline void peer_on_open(void *ud, enum weft_status st) {
    struct peer *p = ud;
    p->opens++;
    p->open_st = st;
    if (p->close_on_open) peer_close(p);
}
static inline void peer_on_read(void *ud, struct weft_slice s) {
    struct peer *p = ud;
    p->reads++;
    (void)weft_buf_append(&p->in, s);
    if (p->echo) weft_xport_write(p->x, s);
    if (p->close_on_read) peer_close(p);
}
static inline void peer_on_eof(void *ud) {
    struct peer *p = ud;
    p->eofs++;
    if (p->echo) weft_xport_shutdown(p->x);
    if (p->close_on_eof) peer_close(p);
}
static inline void peer_on_error(void *ud, enum weft_status st) {
    struct peer *p = ud;
    p->errors++;
    p->error_st = st;
}
static inline void peer_on_drain(void *ud) {
    struct peer *p = ud;
    p->drains++;
}
static const struct weft_xport_cb peer_cb = {.on_open = peer_on_open,
                                             .on_read = peer_on_read,
                                             .on_eof = peer_on_eof,
                                             .on_error = peer_on_error,
                                             .on_drain = peer_on_drain};

static inline void peer_take(struct peer *p, struct weft_xport *x) {
    p->x = x;
    p->loop = weft_xport_loop(x);
    weft_xport_set_cb(x, &peer_cb, p);
    weft_xport_read_start(x);
}
static inline void peer_on_accept(void *ud, struct weft_xport *x) {
    struct peer *p = ud;
    if (p->x)
        weft_xport_close(x); /* one is enough */
    else
        peer_take(p, x);
}
static inline void peer_done(struct peer *p) {
    peer_close(p);
    weft_buf_done(&p->in);
}
static inline struct weft_slice peer_got(const struct peer *p) {
    return weft_buf_slice(&p->in);
}
static inline void assert_got(const struct peer *p, const char *want) {
    WEFT_FREE char *s = weft_slice_dup(peer_got(p));
    assert_string_equal(s, want);
}

/* Runs until the condition, an expression over the test's variables, holds. Waits in the poll only
 * when a turn without waiting had nothing to do. */
#define UNTIL(loop, cond)                                                                          \
    do {                                                                                           \
        while (!(cond))                                                                            \
            if (!weft_loop_turn(loop)) wait_turn(loop);                                            \
    } while (0)
static inline bool wait_twice(void *ud) {
    return ++*(int *)ud > 1; /* asked before and after the poll */
}
static inline void wait_turn(struct weft_loop *l) {
    int n = 0;
    weft_loop_run_until(l, wait_twice, &n);
}
static inline struct weft_addr loopback(void) {
    struct weft_addr a;
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("127.0.0.1:0"), &a));
    return a;
}

/* SPDX-License-Identifier: Apache-2.0
 * The inside of a loop, for the files of this layer. */
#pragma once
#include <weft/base/buf.h>
#include <weft/base/check.h>
#include <weft/net/loop.h>

#include <pthread.h>
#include <uv.h>

#define weft_loop_MAGIC 0x4c4f4f50u

struct loop_post {
    void (*fn)(void *arg);
    void *arg;
};

struct loop_posts {
    struct loop_post *v;
    size_t n, cap;
};

enum {
    LOOP_READ_BUF = 64 * 1024, /* one read; shared by all connections of the loop */
    LOOP_SPARE_BUFS = 32,      /* empty output buffers kept for the next connection that writes */
    LOOP_SPARE_CAP = 128 * 1024,
    LOOP_SPARE_BYTES = 1024 * 1024, /* all together */
};

struct weft_loop {
    WEFT_OBJ;
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_async_t async;
    uv_timer_t timer;
    bool fake, stopping, idle_on;
    uint64_t *now; /* points to now_us, so that a const loop can cache; 0: read the clock */
    uint64_t now_us;
    uint64_t activity; /* counts what happened, for weft_loop_turn */
    struct weft_list tasks;
    struct weft_list spare_defers;
    pthread_mutex_t post_lock;
    struct loop_posts posts; /* under post_lock */
    struct loop_posts running;
    struct weft_timer **heap; /* [0] is due first */
    size_t n_heap, cap_heap;
    uint64_t timer_seq;
    uint64_t armed_ms; /* when the uv timer fires; 0: not armed */
    bool firing;
    struct weft_list signals;
    struct weft_list lingering; /* closed transports that still send, oldest first */
    size_t n_lingering;
    bool (*until)(void *ud);
    void *until_ud;
    char *read_buf, *plain_buf; /* each LOOP_READ_BUF, made at first use */
    struct weft_buf spare[LOOP_SPARE_BUFS];
    size_t spare_bytes;
    size_t n_spare;
};

/* Runs queued tasks and deferred calls until there are none, within reason. */
void loop_drain(struct weft_loop *l);
/* Fires what is due. */
void loop_timers_fire(struct weft_loop *l);
void loop_timers_done(struct weft_loop *l);
void loop_signals_close(struct weft_loop *l);
/* Ends what weft_xport_close_flush left behind. */
void loop_linger_close(struct weft_loop *l);
char *loop_read_buf(struct weft_loop *l);
char *loop_plain_buf(struct weft_loop *l);
/* Output memory comes from the loop and goes back to it as soon as it is empty: a write allocates
 * nothing in steady state, and idle connections hold nothing. */
void loop_buf_take(struct weft_loop *l, struct weft_buf *b);
void loop_buf_give(struct weft_loop *l, struct weft_buf *b);

/* SPDX-License-Identifier: Apache-2.0
 * One event loop per thread (libuv). Timers are intrusive and stop at once; calls are posted from
 * other threads; freeing is deferred to the end of the turn so that callbacks never free their
 * caller. With a fake clock nothing waits: tests move the time. */
#pragma once
#include <weft/base/clock.h>
#include <weft/base/list.h>
#include <weft/base/status.h>

struct weft_loop;
typedef struct uv_loop_s uv_loop_t;

struct weft_loop *weft_loop_new(void);
/* Time stands still until weft_loop_advance. */
struct weft_loop *weft_loop_new_fake(void);
/* Closes the loop's own handles and runs it empty. Everything made on it must be closed before.
 * Returns NULL. */
struct weft_loop *weft_loop_free(struct weft_loop *l);
void weft_loop_run(struct weft_loop *l);  /* until weft_loop_stop */
void weft_loop_stop(struct weft_loop *l); /* this thread only; use post from others */
/* Runs (and waits) until done(ud), which is asked after every batch of callbacks. For tests. */
void weft_loop_run_until(struct weft_loop *l, bool (*done)(void *ud), void *ud);
/* One turn: polls without waiting, runs due timers and deferred calls. true: something happened or
 * is pending. For tests. */
bool weft_loop_turn(struct weft_loop *l);
void weft_loop_advance(struct weft_loop *l,
                       uint64_t us);                  /* fake clock only; fires what becomes due */
uint64_t weft_loop_now_us(const struct weft_loop *l); /* monotonic, as of this turn */
uv_loop_t *weft_loop_uv(struct weft_loop *l);         /* net and its direct users only */

/* Thread-safe; runs fn(arg) on the loop's thread, in order of posting. */
void weft_loop_post(struct weft_loop *l, void (*fn)(void *arg), void *arg);
/* Same thread: fn(arg) at the end of this turn, after all I/O callbacks, in order. */
void weft_loop_defer(struct weft_loop *l, void (*fn)(void *arg), void *arg);

/* An embedded deferred call that cannot be queued twice (flush lists). */
struct weft_task {
    struct weft_list link;
    void (*fn)(void *arg);
    void *arg;
};
void weft_task_init(struct weft_task *t, void (*fn)(void *arg), void *arg);
void weft_task_queue(struct weft_loop *l,
                     struct weft_task *t);  /* at the end of this turn; idempotent */
void weft_task_cancel(struct weft_task *t); /* idempotent */

struct weft_timer {
    struct weft_loop *loop;
    void (*fn)(void *arg);
    void *arg;
    uint64_t due_us;
    uint64_t seq; /* equal times fire in order of starting */
    size_t slot;  /* position in the loop's heap + 1; 0 when stopped */
};
void weft_timer_init(struct weft_timer *t, struct weft_loop *l, void (*fn)(void *arg), void *arg);
void weft_timer_start(struct weft_timer *t, uint64_t after_us); /* once; restarting moves it */
void weft_timer_stop(struct weft_timer *t);                     /* idempotent, also before start */
static inline bool weft_timer_active(const struct weft_timer *t) {
    return t->slot != 0;
}

/* SIGTERM, SIGINT, ... on this loop. Stops with the loop. */
void weft_loop_on_signal(struct weft_loop *l, int signum, void (*fn)(void *arg, int signum),
                         void *arg);
/* A worker thread that runs `fn(arg)`; joined by weft_thread_join. */
struct weft_thread;
struct weft_thread *weft_thread_start(void (*fn)(void *arg), void *arg);
void weft_thread_join(struct weft_thread *t); /* frees it */

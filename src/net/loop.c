/* SPDX-License-Identifier: Apache-2.0
 * The loop: libuv plus tasks, deferred calls and posts. A turn is: due timers, tasks, poll, the
 * callbacks of what is ready, tasks. Tasks run in the prepare and in the check handle, so nothing
 * queued ever waits for a poll. */
#include "loop_internal.h"
#include <weft/base/alloc.h>

#include <signal.h>

enum { ROUNDS = 16 }; /* tasks that queue tasks: after so many rounds sockets get their turn */

struct defer {
    struct weft_task task;
    struct weft_loop *loop;
    void (*fn)(void *arg);
    void *arg;
};

void weft_task_init(struct weft_task *t, void (*fn)(void *arg), void *arg) {
    weft_list_init(&t->link);
    t->fn = fn;
    t->arg = arg;
}

void weft_task_queue(struct weft_loop *l, struct weft_task *t) {
    if (weft_list_empty(&t->link)) weft_list_push(&l->tasks, &t->link);
}

void weft_task_cancel(struct weft_task *t) {
    weft_list_remove(&t->link);
}

static void defer_run(void *arg) {
    struct defer *d = arg;
    void (*fn)(void *) = d->fn;
    void *fn_arg = d->arg;
    weft_list_push_front(&d->loop->spare_defers, &d->task.link);
    fn(fn_arg);
}

static struct weft_task *task_of(struct weft_list *link) {
    return WEFT_CONTAINER(link, struct weft_task, link);
}

void weft_loop_defer(struct weft_loop *l, void (*fn)(void *arg), void *arg) {
    struct defer *d;
    if (weft_list_empty(&l->spare_defers)) {
        d = weft_new0(struct defer);
        d->loop = l;
        weft_task_init(&d->task, defer_run, d);
    } else {
        d = task_of(l->spare_defers.next)->arg;
        weft_list_remove(&d->task.link);
    }
    d->fn = fn;
    d->arg = arg;
    weft_task_queue(l, &d->task);
}

static void run_batch(struct weft_loop *l) {
    struct weft_list batch = {l->tasks.next, l->tasks.prev};
    batch.next->prev = batch.prev->next = &batch;
    weft_list_init(&l->tasks);
    while (!weft_list_empty(&batch)) {
        struct weft_task *t = task_of(batch.next);
        weft_list_remove(&t->link);
        l->activity++;
        t->fn(t->arg);
    }
}

static void on_idle(uv_idle_t *h) {
    (void)h;
}

void loop_drain(struct weft_loop *l) {
    for (int i = 0; i < ROUNDS && !weft_list_empty(&l->tasks); i++) run_batch(l);
    bool more = !weft_list_empty(&l->tasks);
    if (more == l->idle_on || uv_is_closing((uv_handle_t *)&l->idle)) return;
    l->idle_on = more;
    if (more)
        uv_idle_start(&l->idle, on_idle);
    else
        uv_idle_stop(&l->idle);
}

static void until_check(struct weft_loop *l) {
    if (l->until && l->until(l->until_ud)) weft_loop_stop(l);
}

static void on_prepare(uv_prepare_t *h) {
    struct weft_loop *l = WEFT_CAST(weft_loop, h->data);
    if (l->fake) loop_timers_fire(l);
    loop_drain(l);
    until_check(l);
    if (!l->fake) l->now_us = 0;
}

static void on_check(uv_check_t *h) {
    struct weft_loop *l = WEFT_CAST(weft_loop, h->data);
    loop_drain(l);
    until_check(l);
}

static void on_async(uv_async_t *h) {
    struct weft_loop *l = WEFT_CAST(weft_loop, h->data);
    pthread_mutex_lock(&l->post_lock);
    struct loop_posts run = l->posts;
    l->posts = l->running;
    l->posts.n = 0;
    pthread_mutex_unlock(&l->post_lock);
    for (size_t i = 0; i < run.n; i++) run.v[i].fn(run.v[i].arg);
    l->activity += run.n;
    l->running = run;
}

void weft_loop_post(struct weft_loop *l, void (*fn)(void *arg), void *arg) {
    pthread_mutex_lock(&l->post_lock);
    struct loop_posts *p = &l->posts;
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 16;
        p->v = weft_realloc(p->v, p->cap * sizeof *p->v);
    }
    p->v[p->n++] = (struct loop_post){fn, arg};
    pthread_mutex_unlock(&l->post_lock);
    uv_async_send(&l->async);
}

static struct weft_loop *loop_new(bool fake) {
    struct weft_loop *l = weft_new0(struct weft_loop);
    WEFT_OBJ_INIT(weft_loop, l);
    l->fake = fake;
    l->now = &l->now_us;
    if (fake) l->now_us = 1000000;
    weft_list_init(&l->tasks);
    weft_list_init(&l->spare_defers);
    weft_list_init(&l->signals);
    weft_list_init(&l->lingering);
    pthread_mutex_init(&l->post_lock, NULL);
    WEFT_CHECK(uv_loop_init(&l->uv) == 0);
    WEFT_CHECK(uv_async_init(&l->uv, &l->async, on_async) == 0);
    uv_prepare_init(&l->uv, &l->prepare);
    uv_check_init(&l->uv, &l->check);
    uv_idle_init(&l->uv, &l->idle);
    uv_timer_init(&l->uv, &l->timer);
    l->prepare.data = l->check.data = l->idle.data = l->async.data = l->timer.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    signal(SIGPIPE, SIG_IGN); /* a peer that went away is an error of a write */
    return l;
}

struct weft_loop *weft_loop_new(void) {
    return loop_new(false);
}

struct weft_loop *weft_loop_new_fake(void) {
    return loop_new(true);
}

static void close_own_handles(struct weft_loop *l) {
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->async, NULL);
    uv_close((uv_handle_t *)&l->timer, NULL);
}

static void free_memory(struct weft_loop *l) {
    weft_list_each(it, &l->spare_defers) free(task_of(it)->arg);
    for (size_t i = 0; i < l->n_spare; i++) weft_buf_done(&l->spare[i]);
    loop_timers_done(l);
    free(l->posts.v);
    free(l->running.v);
    free(l->read_buf);
    free(l->plain_buf);
    pthread_mutex_destroy(&l->post_lock);
    WEFT_OBJ_DONE(l);
    free(l);
}

struct weft_loop *weft_loop_free(struct weft_loop *l) {
    if (!l) return NULL;
    on_async(&l->async);
    loop_drain(l);
    loop_linger_close(l);
    loop_signals_close(l);
    close_own_handles(l);
    do {
        uv_run(&l->uv, UV_RUN_NOWAIT);
        loop_drain(l);
    } while (!weft_list_empty(&l->tasks));
    if (!WEFT_BUG_IF(uv_loop_close(&l->uv) != 0)) free_memory(l);
    return NULL;
}

void weft_loop_run(struct weft_loop *l) {
    while (!l->stopping) uv_run(&l->uv, UV_RUN_DEFAULT);
    l->stopping = false;
}

void weft_loop_run_until(struct weft_loop *l, bool (*done)(void *ud), void *ud) {
    l->until = done;
    l->until_ud = ud;
    weft_loop_run(l);
    l->until = NULL;
}

void weft_loop_stop(struct weft_loop *l) {
    l->stopping = true;
    uv_stop(&l->uv);
}

bool weft_loop_turn(struct weft_loop *l) {
    uint64_t before = l->activity;
    uv_run(&l->uv, UV_RUN_NOWAIT);
    return l->activity != before || !weft_list_empty(&l->tasks);
}

uint64_t weft_loop_now_us(const struct weft_loop *l) {
    if (*l->now == 0) *l->now = weft_clock_mono_us();
    return *l->now;
}

uv_loop_t *weft_loop_uv(struct weft_loop *l) {
    return &l->uv;
}

char *loop_read_buf(struct weft_loop *l) {
    if (!l->read_buf) l->read_buf = weft_alloc(LOOP_READ_BUF);
    return l->read_buf;
}

char *loop_plain_buf(struct weft_loop *l) {
    if (!l->plain_buf) l->plain_buf = weft_alloc(LOOP_READ_BUF);
    return l->plain_buf;
}

void loop_buf_take(struct weft_loop *l, struct weft_buf *b) {
    if (b->base || !l->n_spare) return;
    *b = l->spare[--l->n_spare];
    l->spare_bytes -= b->cap;
}

void loop_buf_give(struct weft_loop *l, struct weft_buf *b) {
    if (!b->base) return;
    if (l->n_spare == LOOP_SPARE_BUFS || b->cap > LOOP_SPARE_CAP ||
        l->spare_bytes + b->cap > LOOP_SPARE_BYTES) {
        weft_buf_done(b);
        return;
    }
    weft_buf_clear(b);
    l->spare_bytes += b->cap;
    l->spare[l->n_spare++] = *b;
    weft_buf_init(b, 0);
}

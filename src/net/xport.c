/* SPDX-License-Identifier: Apache-2.0
 * The common part of all transports. The user is only called from events of the loop (read, open,
 * error) or from the event task at the end of the turn, never from inside a call of the user. */
#include "xport_internal.h"

static void run_events(void *arg);
static void run_flush(void *arg);
static void on_deadline(void *arg);

void xport_init(struct weft_xport *x, const struct xport_ops *ops, struct weft_loop *l) {
    WEFT_OBJ_INIT(weft_xport, x);
    x->ops = ops;
    x->loop = l;
    weft_task_init(&x->event_task, run_events, x);
    weft_task_init(&x->flush_task, run_flush, x);
    weft_list_init(&x->linger);
    x->mark = WEFT_XPORT_LOW;
    weft_timer_init(&x->deadline, l, on_deadline, x);
}

void xport_done(struct weft_xport *x) {
    weft_task_cancel(&x->event_task);
    weft_task_cancel(&x->flush_task);
    weft_timer_stop(&x->deadline);
    xport_linger_over(x);
    loop_buf_give(x->loop, &x->out);
    loop_buf_give(x->loop, &x->flying);
    loop_buf_give(x->loop, &x->unread);
    WEFT_OBJ_DONE(x);
}

/* ---- reading ---- */

static void arm(struct weft_xport *x) {
    if (!x->opened || x->armed || x->eof_seen || x->eof_pending || x->failed) return;
    x->armed = true;
    x->ops->read_on(x);
}

void xport_halt(struct weft_xport *x) {
    x->reading = false;
    if (!x->armed) return;
    x->armed = false;
    x->ops->read_off(x);
}

/* Bytes that come while the user does not want any are held back, and only then the stream below
 * is stopped: a short pause costs nothing. */
void xport_deliver(struct weft_xport *x, struct weft_slice data) {
    x->loop->activity++;
    if (x->closed || x->failed) return;
    x->info.bytes_in += data.len;
    if (x->reading && weft_buf_size(&x->unread) == 0) {
        if (x->cb.on_read) x->cb.on_read(x->ud, data);
        return;
    }
    loop_buf_take(x->loop, &x->unread);
    (void)weft_buf_append(&x->unread, data);
    if (x->reading)
        xport_wake(x);
    else
        xport_halt(x);
}

static void tell_eof(struct weft_xport *x) {
    x->eof_pending = false;
    x->eof_seen = true;
    if (x->cb.on_eof) x->cb.on_eof(x->ud);
}

void xport_eof(struct weft_xport *x) {
    x->loop->activity++;
    if (x->closed || x->failed || x->eof_seen) return;
    x->eof_pending = true;
    if (x->reading && weft_buf_size(&x->unread) == 0) tell_eof(x);
}

static void tell_unread(struct weft_xport *x) {
    struct weft_buf b = x->unread;
    weft_buf_init(&x->unread, 0);
    struct weft_loop *l = x->loop; /* x may be closed, but not freed, in its callback */
    if (x->cb.on_read) x->cb.on_read(x->ud, weft_buf_slice(&b));
    loop_buf_give(l, &b);
}

static void run_events(void *arg) {
    struct weft_xport *x = WEFT_CAST(weft_xport, arg);
    if (x->reading && !x->failed && weft_buf_size(&x->unread)) tell_unread(x);
    if (!x->closed && !x->failed && x->ops->pump) x->ops->pump(x);
    if (x->closed) return;
    if (x->late) {
        xport_fail(x, x->late);
        return;
    }
    if (!x->reading) return;
    if (weft_buf_size(&x->unread)) {
        xport_wake(x); /* given back meanwhile */
        return;
    }
    if (x->eof_pending && !x->failed) tell_eof(x);
    if (!x->closed && x->reading) arm(x);
}

void weft_xport_read_start(struct weft_xport *x) {
    if (x->reading) return;
    x->reading = true;
    if (!x->opened) return;
    if (weft_buf_size(&x->unread) || x->eof_pending || x->ops->pump)
        xport_wake(x);
    else
        arm(x);
}

void weft_xport_read_halt(struct weft_xport *x) {
    xport_halt(x);
}

void weft_xport_read_stop(struct weft_xport *x) {
    x->reading = false;
}

void weft_xport_unread(struct weft_xport *x, struct weft_slice data) {
    x->eof_pending |= x->eof_seen; /* the end comes after them once more */
    x->eof_seen = false;
    if (!data.len) {
        if (x->reading && x->eof_pending) xport_wake(x);
        return;
    }
    struct weft_buf rest = x->unread;
    weft_buf_init(&x->unread, 0);
    loop_buf_take(x->loop, &x->unread);
    (void)weft_buf_append(&x->unread, data);
    (void)weft_buf_append(&x->unread, weft_buf_slice(&rest));
    loop_buf_give(x->loop, &rest);
    if (x->reading) xport_wake(x);
}

/* ---- opening and failing ---- */

void xport_opened(struct weft_xport *x) {
    x->loop->activity++;
    if (x->closed || x->failed || x->late) return;
    weft_timer_stop(&x->deadline);
    x->opened = true;
    if (weft_buf_size(&x->out) || x->shut) weft_task_queue(x->loop, &x->flush_task);
    if (x->cb.on_open) x->cb.on_open(x->ud, WEFT_OK);
    if (!x->closed && x->reading) xport_wake(x);
}

static void drop_output(struct weft_xport *x) {
    weft_task_cancel(&x->flush_task);
    loop_buf_give(x->loop, &x->out);
}

void xport_fail(struct weft_xport *x, enum weft_status st) {
    x->loop->activity++;
    if (x->closed || x->failed) return;
    x->failed = true;
    weft_timer_stop(&x->deadline);
    drop_output(x);
    xport_halt(x);
    if (!x->opened && x->cb.on_open)
        x->cb.on_open(x->ud, st);
    else if (x->cb.on_error)
        x->cb.on_error(x->ud, st);
}

void xport_fail_later(struct weft_xport *x, enum weft_status st) {
    if (x->closed || x->failed || x->late) return;
    x->late = st;
    drop_output(x);
    xport_wake(x);
}

static void end_linger(struct weft_xport *x) {
    x->ops->close(x, weft_xport_queued(x) ? XPORT_CLOSE_ABORT : XPORT_CLOSE_NOW);
}

/* A slow reader gets all of it. What the kernel holds counts too: it takes more from us only when a
 * third of its buffer is free, which may be megabytes. */
static void look_after(struct weft_xport *x) {
    size_t queued = weft_xport_queued(x);
    size_t left = queued + (x->ops->in_kernel ? x->ops->in_kernel(x) : 0);
    if (queued == 0 || left == x->lingered || weft_loop_now_us(x->loop) >= x->linger_until_us) {
        end_linger(x);
        return;
    }
    x->lingered = left;
    xport_deadline(x, XPORT_LINGER_US);
}

static void on_deadline(void *arg) {
    struct weft_xport *x = WEFT_CAST(weft_xport, arg);
    if (x->closed)
        look_after(x);
    else
        xport_fail(x, WEFT_TIMEOUT);
}

void xport_deadline(struct weft_xport *x, uint64_t timeout_us) {
    if (timeout_us) weft_timer_start(&x->deadline, timeout_us);
}

/* ---- writing ---- */

size_t weft_xport_queued(const struct weft_xport *x) {
    size_t n = weft_buf_size(&x->out);
    n += x->ops->in_flight ? x->ops->in_flight(x) : weft_buf_size(&x->flying);
    return x->below ? n + weft_xport_queued(x->below) : n;
}

bool weft_xport_gone(const struct weft_xport *x) {
    if (x->below) return weft_xport_gone(x->below);
    return x->ops->gone && x->ops->gone(x);
}

void weft_xport_busy(struct weft_xport *x, bool on) {
    if (x->ops->busy) x->ops->busy(x, on);
}

bool weft_xport_ended(const struct weft_xport *x) {
    if (x->eof_seen || x->eof_pending || x->failed || x->late) return true;
    if (x->below) return weft_xport_ended(x->below);
    return x->ops->ended && x->ops->ended(x);
}

bool weft_xport_waiting(const struct weft_xport *x) {
    if (weft_buf_size(&x->unread)) return true;
    if (x->ops->waiting && x->ops->waiting(x)) return true;
    return x->below && weft_xport_waiting(x->below);
}

bool weft_xport_unheard(const struct weft_xport *x) {
    if (x->below) return weft_xport_unheard(x->below);
    return x->ops->unheard && x->ops->unheard(x);
}

void weft_xport_want_drain(struct weft_xport *x) {
    x->high = true;
    x->mark = WEFT_XPORT_LOW;
}

void weft_xport_want_empty(struct weft_xport *x) {
    x->high = true;
    x->mark = 0;
}

void xport_progress(struct weft_xport *x) {
    if (x->closed || x->failed) return;
    if (x->on_progress) x->on_progress(x->ud);
    if (x->closed || !x->high || weft_xport_queued(x) > x->mark) return;
    x->high = false;
    if (x->cb.on_drain) x->cb.on_drain(x->ud);
}

static void run_flush(void *arg) {
    struct weft_xport *x = WEFT_CAST(weft_xport, arg);
    if (!x->opened || x->failed || x->late) return;
    x->ops->flush(x);
    xport_progress(x);
}

void weft_xport_write(struct weft_xport *x, struct weft_slice data) {
    if (x->failed || x->late || x->shut || !data.len) return;
    loop_buf_take(x->loop, &x->out);
    (void)weft_buf_append(&x->out, data);
    x->info.bytes_out += data.len;
    if (x->opened && weft_buf_size(&x->out) >= XPORT_FLUSH_NOW) x->ops->flush(x);
    if (weft_buf_size(&x->out)) weft_task_queue(x->loop, &x->flush_task);
    if (!x->high && weft_xport_queued(x) >= WEFT_XPORT_HIGH) x->high = true;
}

void weft_xport_shutdown(struct weft_xport *x) {
    if (x->shut || x->failed) return;
    x->shut = true;
    weft_task_queue(x->loop, &x->flush_task);
}

/* ---- closing ---- */

static void close_how(struct weft_xport *x, enum xport_close how) {
    WEFT_CHECK(!x->closed);
    x->closed = true;
    x->cb = (struct weft_xport_cb){0};
    x->on_progress = NULL;
    weft_task_cancel(&x->event_task);
    weft_task_cancel(&x->flush_task);
    weft_timer_stop(&x->deadline);
    if (how == XPORT_CLOSE_FLUSH && (x->failed || x->late || !x->opened)) how = XPORT_CLOSE_NOW;
    x->ops->close(x, how);
}

/* Nobody counts them as connections, so who trickles must not gather them: the oldest goes. */
void xport_linger(struct weft_xport *x) {
    struct weft_loop *l = x->loop;
    if (l->n_lingering >= XPORT_LINGER_MAX)
        end_linger(WEFT_CONTAINER(l->lingering.next, struct weft_xport, linger));
    x->shut = true;
    x->lingered = 0;
    x->linger_until_us = weft_loop_now_us(l) + XPORT_LINGER_MAX_US;
    l->n_lingering++;
    weft_list_push(&l->lingering, &x->linger);
    xport_deadline(x, XPORT_FIN_US);
}

void xport_linger_over(struct weft_xport *x) {
    if (weft_list_empty(&x->linger)) return;
    weft_list_remove(&x->linger);
    x->loop->n_lingering--;
}

bool weft_loop_lingers(const struct weft_loop *l) {
    weft_list_each(it, &l->lingering) {
        if (weft_xport_queued(WEFT_CONTAINER(it, struct weft_xport, linger))) return true;
    }
    return false;
}

void loop_linger_close(struct weft_loop *l) {
    weft_list_each(it, &l->lingering) {
        struct weft_xport *x = WEFT_CONTAINER(it, struct weft_xport, linger);
        end_linger(x);
    }
}

void weft_xport_close(struct weft_xport *x) {
    close_how(x, XPORT_CLOSE_NOW);
}
void weft_xport_input_over(struct weft_xport *x) {
    x->input_over = true;
}
void weft_xport_close_flush(struct weft_xport *x) {
    close_how(x, XPORT_CLOSE_FLUSH);
}
void weft_xport_abort(struct weft_xport *x) {
    close_how(x, XPORT_CLOSE_ABORT);
}

/* ---- the rest ---- */

void weft_xport_set_cb(struct weft_xport *x, const struct weft_xport_cb *cb, void *ud) {
    x->cb = *cb;
    x->ud = ud;
}

struct weft_loop *weft_xport_loop(struct weft_xport *x) {
    return x->loop;
}

const struct weft_xport_info *weft_xport_info(struct weft_xport *x) {
    if (!x->have_info && x->ops->fill_info) x->ops->fill_info(x);
    return &x->info;
}

const struct weft_addr *weft_xport_local(struct weft_xport *x) {
    if (!x->info.local.family && x->ops->fill_local) x->ops->fill_local(x);
    return &x->info.local;
}

int weft_xport_fd(struct weft_xport *x) {
    return x->ops->fd ? x->ops->fd(x) : -1;
}

enum weft_status weft_xport_original_dst(struct weft_xport *x, struct weft_addr *ret) {
    return x->ops->original_dst ? x->ops->original_dst(x, ret) : WEFT_NOT_FOUND;
}

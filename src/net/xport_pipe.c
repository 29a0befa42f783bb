/* SPDX-License-Identifier: Apache-2.0
 * A connection in memory, for tests: two transports that behave as the ends of a TCP connection
 * with no kernel in between, so every byte moves at the end of a turn. */
#include "xport_internal.h"
#include <weft/base/alloc.h>

struct xport_pipe {
    struct weft_xport x;
    struct xport_pipe *other; /* NULL when that end is closed */
    struct weft_task move;
    struct weft_addr original_dst;
    bool freed;
};

static struct xport_pipe *pipe_of(struct weft_xport *x) {
    return WEFT_CONTAINER(x, struct xport_pipe, x);
}

static void pipe_free(void *arg) {
    struct xport_pipe *p = arg;
    xport_done(&p->x);
    free(p);
}

static void pipe_detach(struct xport_pipe *p) {
    if (p->freed) return;
    p->freed = true;
    weft_task_cancel(&p->move);
    xport_linger_over(&p->x);
    if (p->other) {
        p->other->other = NULL;
        if (p->other->x.closed) weft_task_queue(p->x.loop, &p->other->move);
        p->other = NULL;
    }
    weft_loop_defer(p->x.loop, pipe_free, p);
}

static void move_bytes(struct xport_pipe *p) {
    struct weft_xport *x = &p->x, *to = &p->other->x;
    if (!to->reading) xport_halt(to); /* reading again asks for the bytes */
    if (!to->armed) return;
    struct weft_buf b = x->out;
    weft_buf_init(&x->out, 0);
    xport_deliver(to, weft_buf_slice(&b));
    loop_buf_give(x->loop, &b);
}

static void on_move(void *arg) {
    struct xport_pipe *p = arg;
    struct weft_xport *x = &p->x;
    if (!p->other) {
        if (x->closed)
            pipe_detach(p);
        else if (weft_buf_size(&x->out))
            xport_fail(x, WEFT_RESET);
        return;
    }
    if (weft_buf_size(&x->out)) move_bytes(p);
    if (p->freed) return;
    bool sent = weft_buf_size(&x->out) == 0;
    if (sent && x->shut && !x->fin_sent && p->other) {
        x->fin_sent = true;
        xport_eof(&p->other->x);
    }
    if (p->freed) return;
    if (x->closed && x->fin_sent)
        pipe_detach(p);
    else
        xport_progress(x);
}

static void pipe_read_on(struct weft_xport *x) {
    if (pipe_of(x)->other) weft_task_queue(x->loop, &pipe_of(x)->other->move);
}
static void pipe_read_off(struct weft_xport *x) {
    (void)x;
}
static void pipe_flush(struct weft_xport *x) {
    weft_task_queue(x->loop, &pipe_of(x)->move);
}

static void pipe_close(struct weft_xport *x, enum xport_close how) {
    struct xport_pipe *p = pipe_of(x);
    if (how == XPORT_CLOSE_FLUSH && p->other) {
        xport_linger(x);
        pipe_flush(x);
        return;
    }
    struct weft_xport *to = p->other ? &p->other->x : NULL;
    if (to && how == XPORT_CLOSE_ABORT) {
        xport_fail_later(to, WEFT_RESET);
    } else if (to && !to->closed && !to->eof_seen) {
        to->eof_pending = true;
        xport_wake(to);
    }
    pipe_detach(p);
}

static bool pipe_waiting(const struct weft_xport *x) {
    const struct xport_pipe *p = pipe_of((struct weft_xport *)(uintptr_t)x);
    return p->other && weft_buf_size(&p->other->x.out);
}

static enum weft_status pipe_original_dst(struct weft_xport *x, struct weft_addr *ret) {
    *ret = pipe_of(x)->original_dst;
    return ret->family ? WEFT_OK : WEFT_NOT_FOUND;
}

static const struct xport_ops pipe_ops = {
    .read_on = pipe_read_on,
    .read_off = pipe_read_off,
    .flush = pipe_flush,
    .close = pipe_close,
    .original_dst = pipe_original_dst,
    .waiting = pipe_waiting,
};

static struct xport_pipe *pipe_end(struct weft_loop *l) {
    struct xport_pipe *p = weft_new0(struct xport_pipe);
    xport_init(&p->x, &pipe_ops, l);
    weft_task_init(&p->move, on_move, p);
    p->x.opened = true;
    return p;
}

void weft_xport_pipe(struct weft_loop *l, struct weft_xport **ret_a, struct weft_xport **ret_b) {
    struct xport_pipe *a = pipe_end(l), *b = pipe_end(l);
    a->other = b;
    b->other = a;
    *ret_a = &a->x;
    *ret_b = &b->x;
}

void weft_xport_pipe_addrs(struct weft_xport *x, const struct weft_addr *local,
                           const struct weft_addr *peer, const struct weft_addr *original_dst) {
    WEFT_CHECK(x->ops == &pipe_ops);
    if (local) x->info.local = *local;
    if (peer) x->info.peer = *peer;
    if (original_dst) pipe_of(x)->original_dst = *original_dst;
}

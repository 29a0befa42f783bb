/* SPDX-License-Identifier: Apache-2.0
 * What all transports share: a common part that keeps the promises of xport.h (order of events,
 * marks, bytes given back), and a table of operations for the kind of stream below it. */
#pragma once
#include "loop_internal.h"
#include <weft/base/limits.h>
#include <weft/net/xport.h>

#define weft_xport_MAGIC 0x58505254u

enum xport_close { XPORT_CLOSE_NOW, XPORT_CLOSE_FLUSH, XPORT_CLOSE_ABORT };

enum {
    XPORT_FLUSH_NOW = 64 * 1024,     /* queued bytes that do not wait for the end of the turn */
    XPORT_FIN_US = 2000000,          /* for the peer's FIN after ours */
    XPORT_LINGER_US = 10000000,      /* what is queued must move within so long */
    XPORT_LINGER_MAX_US = 600000000, /* ... and be gone within so long */
    XPORT_LINGER_MAX = 4096,         /* closed transports of a loop that are waited for */
};

struct xport_ops {
    void (*read_on)(struct weft_xport *x);
    void (*read_off)(struct weft_xport *x);
    /* Sends x->out and, when x->shut, the end after it. Reports only through xport_fail_later. */
    void (*flush)(struct weft_xport *x);
    void (*close)(struct weft_xport *x, enum xport_close how); /* frees itself, later */
    void (*fill_info)(struct weft_xport *x);
    void (*fill_local)(struct weft_xport *x); /* may be NULL: known from the start */
    enum weft_status (*original_dst)(struct weft_xport *x, struct weft_addr *ret);
    void (*pump)(struct weft_xport *x);              /* may be NULL: handle what was held back */
    size_t (*in_flight)(const struct weft_xport *x); /* may be NULL: what is left of x->flying */
    int (*fd)(struct weft_xport *x);                 /* may be NULL: none */
    size_t (*in_kernel)(const struct weft_xport *x); /* may be NULL: sent, not yet taken */
    bool (*gone)(const struct weft_xport *x);        /* may be NULL: see weft_xport_gone */
    bool (*ended)(const struct weft_xport *x);       /* may be NULL: see weft_xport_ended */
    bool (*waiting)(const struct weft_xport *x);     /* may be NULL: see weft_xport_waiting */
    bool (*unheard)(const struct weft_xport *x);     /* may be NULL: see weft_xport_unheard */
    void (*busy)(struct weft_xport *x, bool on);     /* may be NULL: see weft_xport_busy */
};

struct weft_xport {
    WEFT_OBJ;
    const struct xport_ops *ops;
    struct weft_loop *loop;
    struct weft_xport_cb cb;
    void *ud;
    void (*on_progress)(void *ud); /* for the layer above: output got shorter */
    struct weft_xport_info info;
    struct weft_buf out;      /* to be sent */
    struct weft_buf flying;   /* taken from out but not yet sent */
    struct weft_xport *below; /* the transport that carries this one, or NULL */
    struct weft_buf unread;   /* to be read before anything else */
    struct weft_task flush_task;
    struct weft_task event_task;
    struct weft_list linger;    /* in the loop's list while closing with a flush */
    struct weft_timer deadline; /* of connect, handshake or lingering */
    size_t lingered;            /* bytes not taken by the peer when last looked at */
    uint64_t linger_until_us;
    size_t mark;           /* on_drain is due when not more than so much is queued */
    enum weft_status late; /* an error to be reported from the event task */
    bool reading;          /* wanted by the user */
    bool armed;            /* the stream below delivers */
    bool opened, closed, failed;
    bool high;                  /* HIGH was reached, on_drain is due */
    bool shut, fin_sent;        /* end of output asked for; sent */
    bool eof_pending, eof_seen; /* end of input waits to be told; was told */
    bool have_info;
    bool input_over; /* the peer said so */
};

void xport_init(struct weft_xport *x, const struct xport_ops *ops, struct weft_loop *l);
/* Frees the common part's memory (not x itself). */
void xport_done(struct weft_xport *x);

/* Events of the stream below; they call the user, who may close x. */
void xport_opened(struct weft_xport *x);
void xport_deliver(struct weft_xport *x, struct weft_slice data);
void xport_eof(struct weft_xport *x);
void xport_fail(struct weft_xport *x, enum weft_status st);
/* The same from inside a call of the user: reported in this turn's tasks. */
void xport_fail_later(struct weft_xport *x, enum weft_status st);
/* After output got shorter. */
void xport_progress(struct weft_xport *x);
/* Deadline for opening; 0: none. */
void xport_deadline(struct weft_xport *x, uint64_t timeout_us);
/* Closed, but still sending, as long as that moves; then ops->close(): XPORT_CLOSE_NOW when all is
 * sent, XPORT_CLOSE_ABORT when it is not, as a FIN would make half a message look whole. */
void xport_linger(struct weft_xport *x);
void xport_linger_over(struct weft_xport *x); /* idempotent */
/* Stops the stream below at once, where weft_xport_read_stop waits for bytes to arrive. */
void xport_halt(struct weft_xport *x);
static inline void xport_wake(struct weft_xport *x) {
    weft_task_queue(x->loop, &x->event_task);
}

/* A new, unconnected TCP or unix transport over `fd`, which it owns; NULL when the descriptor is no
 * stream socket (it is closed then). */
struct weft_xport *xport_tcp_new(struct weft_loop *l, int fd);
struct weft_xport *xport_tcp_new_unix(struct weft_loop *l);
struct weft_xport *xport_tcp_accept(struct weft_loop *l, uv_stream_t *server, bool is_unix);
uv_stream_t *xport_tcp_stream(struct weft_xport *x);
uv_connect_t *xport_tcp_connect_req(struct weft_xport *x);
/* TCP_NODELAY and keep-alive; accepted sockets inherit them from the listener. */
void xport_tcp_tune(int fd);
enum weft_status xport_tcp_original_dst(struct weft_xport *x, struct weft_addr *ret);

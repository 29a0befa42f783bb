/* SPDX-License-Identifier: Apache-2.0
 * TCP and unix sockets over libuv. One read per readable event into the loop's buffer; output goes
 * out with one uv_try_write a turn, and only what the kernel does not take is left to uv_write. */
#include "xport_internal.h"
#include <weft/base/keep.h>

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { UNHEARD_MS = 1000 };

struct xport_tcp {
    struct weft_xport x;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    union {
        uv_connect_t connect;
        uv_write_t write;
    } req; /* connecting comes before writing */
    enum weft_status write_error;
    bool lingering, closing;
};

static struct xport_tcp *tcp_of(struct weft_xport *x) {
    return WEFT_CONTAINER(x, struct xport_tcp, x);
}

static void on_closed(uv_handle_t *h) {
    struct xport_tcp *t = h->data;
    xport_done(&t->x);
    weft_keep_drop(t);
}

static void close_handle(struct xport_tcp *t) {
    if (t->closing) return;
    t->closing = true;
    xport_linger_over(&t->x);
    weft_timer_stop(&t->x.deadline);
    uv_close(&t->uv.handle, on_closed);
}

static int fd_of(struct xport_tcp *t) {
    uv_os_fd_t fd = -1;
    (void)uv_fileno(&t->uv.handle, &fd);
    return fd;
}

/* ---- reading ---- */

static void on_uv_alloc(uv_handle_t *h, size_t want, uv_buf_t *ret) {
    struct xport_tcp *t = h->data;
    (void)want;
    *ret = uv_buf_init(loop_read_buf(t->x.loop), LOOP_READ_BUF);
}

/* When the last bytes and a reset come together libuv sees a hang-up after a short read and says
 * EOF: the kernel knows better. */
static int really_eof(struct xport_tcp *t) {
    char byte;
    ssize_t n = recv(fd_of(t), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && errno != EAGAIN && errno != EINTR ? -errno : UV_EOF;
}

static void read_ended(struct xport_tcp *t, int err) {
    struct weft_xport *x = &t->x;
    uv_read_stop(&t->uv.stream);
    x->armed = false;
    if (err == UV_EOF) err = really_eof(t);
    /* After a failed write an end of input does not prove that the peer sent a FIN. */
    if (err == UV_EOF && t->write_error)
        xport_fail(x, t->write_error);
    else if (err == UV_EOF)
        xport_eof(x);
    else
        xport_fail(x, weft_status_from_errno(-err));
}

/* The peer sends nothing more; it may still read what is queued. */
static void linger_ended(struct xport_tcp *t, int err) {
    t->x.eof_seen = true;
    uv_read_stop(&t->uv.stream);
    if (err != UV_EOF || t->x.fin_sent) close_handle(t);
}

static void on_uv_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf) {
    struct xport_tcp *t = s->data;
    if (n == 0) return;
    if (t->lingering) {
        if (n < 0) linger_ended(t, (int)n);
    } else if (n > 0) {
        xport_deliver(&t->x, weft_slice(buf->base, (size_t)n));
    } else {
        read_ended(t, (int)n);
    }
}

static void tcp_read_on(struct weft_xport *x) {
    int err = uv_read_start(&tcp_of(x)->uv.stream, on_uv_alloc, on_uv_read);
    if (err) xport_fail_later(x, weft_status_from_errno(-err));
}

static void tcp_read_off(struct weft_xport *x) {
    if (!tcp_of(x)->closing) uv_read_stop(&tcp_of(x)->uv.stream);
}

/* ---- writing ---- */

/* A peer that answers and closes while we still send resets us: its answer may lie in our receive
 * buffer. So reading goes on, and its end tells. */
static void write_failed(struct xport_tcp *t, int err) {
    struct weft_xport *x = &t->x;
    if (t->lingering) {
        close_handle(t);
        return;
    }
    t->write_error = weft_status_from_errno(-err);
    if (t->write_error == WEFT_CLOSED) t->write_error = WEFT_RESET; /* EPIPE */
    loop_buf_give(x->loop, &x->out);
    if (!x->armed || x->eof_seen || x->eof_pending) xport_fail_later(x, t->write_error);
}

static void send_fin(struct xport_tcp *t) {
    struct weft_xport *x = &t->x;
    if (!x->shut || x->fin_sent || weft_buf_size(&t->x.flying) || weft_buf_size(&x->out)) return;
    x->fin_sent = true;
    if (t->lingering && x->input_over) {
        close_handle(t); /* which sends it */
        return;
    }
    (void)shutdown(fd_of(t), SHUT_WR);
    if (t->lingering && (x->eof_seen || x->eof_pending)) close_handle(t);
}

static void tcp_flush(struct weft_xport *x);

static void on_uv_write(uv_write_t *req, int status) {
    struct xport_tcp *t = req->data;
    loop_buf_give(t->x.loop, &t->x.flying);
    if (t->closing) return;
    t->x.loop->activity++;
    if (status < 0)
        write_failed(t, status);
    else
        tcp_flush(&t->x);
    xport_progress(&t->x);
}

static void write_rest(struct xport_tcp *t) {
    t->x.flying = t->x.out;
    weft_buf_init(&t->x.out, 0);
    struct weft_slice s = weft_buf_slice(&t->x.flying);
    uv_buf_t buf = {.base = t->x.flying.base + t->x.flying.off, .len = s.len};
    t->req.write.data = t;
    int err = uv_write(&t->req.write, &t->uv.stream, &buf, 1, on_uv_write);
    if (!err) return;
    loop_buf_give(t->x.loop, &t->x.flying);
    write_failed(t, err);
}

static void tcp_flush(struct weft_xport *x) {
    struct xport_tcp *t = tcp_of(x);
    if (weft_buf_size(&t->x.flying) || t->closing) return;
    if (t->write_error) {
        loop_buf_give(x->loop, &x->out);
        return;
    }
    if (weft_buf_size(&x->out)) {
        uv_buf_t buf = {.base = x->out.base + x->out.off, .len = weft_buf_size(&x->out)};
        int n = uv_try_write(&t->uv.stream, &buf, 1);
        if (n < 0 && n != UV_EAGAIN) {
            write_failed(t, n);
            return;
        }
        if (n > 0) weft_buf_consume(&x->out, (size_t)n);
        if (weft_buf_size(&x->out))
            write_rest(t);
        else
            loop_buf_give(x->loop, &x->out);
    }
    send_fin(t);
}

/* libuv keeps the buffer until the last of it is sent, but counts. */
static size_t tcp_in_flight(const struct weft_xport *x) {
    struct xport_tcp *t = tcp_of((struct weft_xport *)(uintptr_t)x);
    return weft_buf_size(&x->flying) ? uv_stream_get_write_queue_size(&t->uv.stream) : 0;
}

static size_t tcp_in_kernel(const struct weft_xport *x) {
    int n = 0;
    if (ioctl(fd_of(tcp_of((struct weft_xport *)(uintptr_t)x)), SIOCOUTQ, &n) != 0) return 0;
    return n > 0 ? (size_t)n : 0;
}

/* A unix socket has none. */
static bool tcp_info(const struct weft_xport *x, struct tcp_info *ret) {
    socklen_t len = sizeof *ret;
    int fd = fd_of(tcp_of((struct weft_xport *)(uintptr_t)x));
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret, &len) == 0;
}

/* A socket that broke keeps no state but this. */
static bool tcp_gone(const struct weft_xport *x) {
    struct tcp_info info;
    return tcp_info(x, &info) && info.tcpi_state == TCP_CLOSE;
}

static bool tcp_ended(const struct weft_xport *x) {
    struct tcp_info info;
    return tcp_info(x, &info) &&
           (info.tcpi_state == TCP_CLOSE || info.tcpi_state == TCP_CLOSE_WAIT);
}

static bool has_unread(struct xport_tcp *t) {
    int n = 0;
    return ioctl(fd_of(t), FIONREAD, &n) == 0 && n > 0;
}

static bool tcp_waiting(const struct weft_xport *x) {
    return has_unread(tcp_of((struct weft_xport *)(uintptr_t)x));
}

static bool tcp_unheard(const struct weft_xport *x) {
    struct tcp_info info;
    if (!tcp_info(x, &info) || !(info.tcpi_unacked || info.tcpi_probes)) return false;
    return info.tcpi_last_ack_recv >= UNHEARD_MS;
}

/* ---- closing ---- */

static void tcp_linger(struct xport_tcp *t) {
    struct weft_xport *x = &t->x;
    t->lingering = true;
    if (x->input_over && has_unread(t)) x->input_over = false; /* it sent more than it said */
    xport_linger(x);
    /* Input is read and thrown away: closing with bytes unread would reset the connection and take
     * from the peer what was sent to it. */
    if (!x->input_over && !x->eof_seen && !x->eof_pending) {
        int err = uv_read_start(&t->uv.stream, on_uv_alloc, on_uv_read);
        if (err && err != UV_EALREADY) x->eof_seen = true;
    }
    tcp_flush(x);
    if (x->fin_sent && x->eof_seen) close_handle(t);
}

static void tcp_close(struct weft_xport *x, enum xport_close how) {
    struct xport_tcp *t = tcp_of(x);
    if (how == XPORT_CLOSE_FLUSH && !t->write_error) {
        tcp_linger(t);
        return;
    }
    struct linger rst = {.l_onoff = 1};
    if (how == XPORT_CLOSE_ABORT)
        (void)setsockopt(fd_of(t), SOL_SOCKET, SO_LINGER, &rst, sizeof rst);
    close_handle(t);
}

/* ---- making ---- */

static void tcp_fill_info(struct weft_xport *x) {
    x->have_info = x->opened;
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    if (getpeername(fd_of(tcp_of(x)), (struct sockaddr *)&ss, &len) == 0)
        weft_addr_from_sockaddr((struct sockaddr *)&ss, &x->info.peer);
}

static void tcp_fill_local(struct weft_xport *x) {
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    if (getsockname(fd_of(tcp_of(x)), (struct sockaddr *)&ss, &len) == 0)
        weft_addr_from_sockaddr((struct sockaddr *)&ss, &x->info.local);
}

static int tcp_fd(struct weft_xport *x) {
    return fd_of(tcp_of(x));
}

static const struct xport_ops tcp_ops = {
    .fd = tcp_fd,
    .read_on = tcp_read_on,
    .read_off = tcp_read_off,
    .flush = tcp_flush,
    .close = tcp_close,
    .fill_info = tcp_fill_info,
    .fill_local = tcp_fill_local,
    .original_dst = xport_tcp_original_dst,
    .in_flight = tcp_in_flight,
    .in_kernel = tcp_in_kernel,
    .gone = tcp_gone,
    .ended = tcp_ended,
    .waiting = tcp_waiting,
    .unheard = tcp_unheard,
};

static struct xport_tcp *tcp_alloc(struct weft_loop *l, bool is_unix) {
    struct xport_tcp *t = weft_keep_new0(struct xport_tcp);
    xport_init(&t->x, &tcp_ops, l);
    int err = is_unix ? uv_pipe_init(&l->uv, &t->uv.pipe, 0) : uv_tcp_init(&l->uv, &t->uv.tcp);
    WEFT_CHECK(err == 0);
    t->uv.handle.data = t;
    return t;
}

void xport_tcp_tune(int fd) {
    int on = 1, idle = 60, interval = 10, count = 3;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

struct weft_xport *xport_tcp_new(struct weft_loop *l, int fd) {
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    (void)getsockname(fd, (struct sockaddr *)&ss, &len);
    bool is_unix = ss.ss_family == AF_UNIX;
    struct xport_tcp *t = tcp_alloc(l, is_unix);
    int err = is_unix ? uv_pipe_open(&t->uv.pipe, fd) : uv_tcp_open(&t->uv.tcp, fd);
    if (!err) return &t->x;
    (void)close(fd);
    t->x.closed = true;
    close_handle(t);
    return NULL;
}

struct weft_xport *xport_tcp_new_unix(struct weft_loop *l) {
    return &tcp_alloc(l, true)->x;
}

struct weft_xport *xport_tcp_accept(struct weft_loop *l, uv_stream_t *server, bool is_unix) {
    struct xport_tcp *t = tcp_alloc(l, is_unix);
    if (uv_accept(server, &t->uv.stream) == 0) {
        t->x.opened = true;
        return &t->x;
    }
    t->x.closed = true;
    close_handle(t);
    return NULL;
}

struct weft_xport *weft_xport_from_fd(struct weft_loop *l, int fd) {
    struct weft_xport *x = xport_tcp_new(l, fd);
    if (!x) {
        x = xport_tcp_new_unix(l);
        xport_fail_later(x, WEFT_IO);
    } else {
        x->opened = true;
        if (tcp_of(x)->uv.handle.type == UV_TCP) xport_tcp_tune(fd);
    }
    return x;
}

uv_stream_t *xport_tcp_stream(struct weft_xport *x) {
    return &tcp_of(x)->uv.stream;
}

uv_connect_t *xport_tcp_connect_req(struct weft_xport *x) {
    tcp_of(x)->req.connect.data = x;
    return &tcp_of(x)->req.connect;
}

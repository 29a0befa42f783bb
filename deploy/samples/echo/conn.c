/* SPDX-License-Identifier: Apache-2.0
 * A connection: bytes in to its protocol, bytes out in one write at a time. The first bytes decide
 * between HTTP/1.x and HTTP/2. */
#include "echo.h"

#include <weft/base/addr.h>
#include <weft/base/alloc.h>

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void on_closed(uv_handle_t *h) {
    struct echo_conn *c = h->data;
    if (c->state) c->proto->done(c);
    c->app->conns--;
    weft_buf_done(&c->in);
    weft_buf_done(&c->pending);
    weft_buf_done(&c->flying);
    free(c);
}

static void drop_streams(struct echo_conn *c) {
    weft_list_each(it, &c->streams)
        echo_stream_drop(WEFT_CONTAINER(it, struct echo_stream, in_conn));
}

void echo_conn_close(struct echo_conn *c) {
    if (c->closing) return;
    c->closing = true;
    drop_streams(c);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void echo_conn_reset(struct echo_conn *c) {
    if (c->closing) return;
    c->closing = true;
    drop_streams(c);
    if (uv_tcp_close_reset(&c->tcp, on_closed) != 0) uv_close((uv_handle_t *)&c->tcp, on_closed);
}

size_t echo_conn_backlog(const struct echo_conn *c) {
    return weft_buf_size(&c->pending) + weft_buf_size(&c->flying);
}

void echo_conn_close_sent(struct echo_conn *c) {
    c->close_when_sent = true;
    echo_conn_flush(c);
}

void echo_conn_write(struct echo_conn *c, struct weft_slice data) {
    if (!c->closing) weft_buf_append(&c->pending, data);
}

static void on_written(uv_write_t *w, int status) {
    struct echo_conn *c = w->data;
    c->writing = false;
    weft_buf_clear(&c->flying);
    if (c->closing) return;
    if (status < 0) {
        echo_conn_close(c);
        return;
    }
    if (echo_conn_backlog(c) < ECHO_HIGH && !c->close_when_sent) c->proto->on_writable(c);
    echo_conn_flush(c);
}

void echo_conn_flush(struct echo_conn *c) {
    if (c->closing || c->writing) return;
    if (weft_buf_size(&c->pending) == 0) {
        if (c->close_when_sent) echo_conn_close(c);
        return;
    }
    struct weft_buf swap = c->flying;
    c->flying = c->pending;
    c->pending = swap;
    struct weft_slice s = weft_buf_slice(&c->flying);
    uv_buf_t b = uv_buf_init(c->flying.base + c->flying.off, (unsigned)s.len);
    c->writing = true;
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written) != 0) echo_conn_close(c);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b) {
    static char chunk[64 * 1024]; /* one loop, and read before the next read */
    *b = uv_buf_init(chunk, sizeof chunk);
}

static void on_read(uv_stream_t *st, ssize_t n, const uv_buf_t *b) {
    struct echo_conn *c = st->data;
    if (n == 0) return;
    if (n < 0 && n != UV_EOF) {
        echo_conn_close(c);
        return;
    }
    if (n == UV_EOF) echo_conn_pause(c, true);
    c->proto->on_read(c, n < 0 ? WEFT_SLICE_EMPTY : weft_slice(b->base, (size_t)n));
    echo_conn_flush(c);
}

void echo_conn_pause(struct echo_conn *c, bool pause) {
    if (c->closing || c->reading != pause) return;
    c->reading = !pause;
    if (pause)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

static void name_ends(struct echo_conn *c) {
    struct sockaddr_storage ss;
    struct weft_addr a;
    int n = sizeof ss;
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&ss, &n) == 0) {
        weft_addr_from_sockaddr((struct sockaddr *)&ss, &a);
        weft_addr_format(&a, c->remote);
    }
    n = sizeof ss;
    if (uv_tcp_getsockname(&c->tcp, (struct sockaddr *)&ss, &n) == 0) {
        weft_addr_from_sockaddr((struct sockaddr *)&ss, &a);
        weft_addr_format(&a, c->local);
    }
}

void echo_accept(uv_stream_t *listener, struct echo_app *app, const struct echo_proto *first) {
    struct echo_conn *c = weft_new0(struct echo_conn);
    c->app = app;
    c->proto = first;
    weft_list_init(&c->streams);
    weft_buf_init(&c->in, 0);
    weft_buf_init(&c->pending, 0);
    weft_buf_init(&c->flying, 0);
    uv_tcp_init(&app->loop, &c->tcp);
    c->tcp.data = c;
    app->conns++;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 || app->conns > ECHO_MAX_CONNS) {
        echo_conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    name_ends(c);
    echo_conn_pause(c, false);
    c->proto->on_writable(c);
    echo_conn_flush(c);
}

void echo_conn_become(struct echo_conn *c, const struct echo_proto *proto) {
    c->proto = proto;
    struct weft_buf first = c->in;
    weft_buf_init(&c->in, 0);
    if (weft_buf_size(&first)) proto->on_read(c, weft_buf_slice(&first));
    weft_buf_done(&first);
}

/* ---- HTTP, version not known yet ---- */

static void nothing(struct echo_conn *c) {
    (void)c;
}

static void detect_read(struct echo_conn *c, struct weft_slice data) {
    if (!data.base) {
        echo_conn_close(c);
        return;
    }
    weft_buf_append(&c->in, data);
    struct weft_slice s = weft_buf_slice(&c->in);
    size_t n = s.len < sizeof preface - 1 ? s.len : sizeof preface - 1;
    bool same = memcmp(s.base, preface, n) == 0;
    if (same && n < sizeof preface - 1) return;
    if (same)
        echo_h2_init(c);
    else
        echo_h1_init(c);
    echo_conn_become(c, same ? &echo_h2 : &echo_h1);
}
const struct echo_proto echo_detect = {detect_read, nothing, nothing};

/* ---- plain TCP ---- */

static void tcp_read(struct echo_conn *c, struct weft_slice data) {
    if (!data.base) {
        echo_conn_close_sent(c);
        return;
    }
    echo_conn_write(c, data);
    if (echo_conn_backlog(c) >= ECHO_HIGH) echo_conn_pause(c, true);
}

static char greeted; /* marks state: the greeting went out */

static void tcp_writable(struct echo_conn *c) {
    if (!c->state && c->app->greeting) echo_conn_write(c, weft_slice_str(c->app->greeting));
    c->state = &greeted;
    echo_conn_pause(c, false);
}
const struct echo_proto echo_tcp = {tcp_read, tcp_writable, nothing};

/* SPDX-License-Identifier: Apache-2.0
 * HTTP/2 with prior knowledge, over nghttp2. Windows open for what was dealt with. */
#include "echo.h"

#include <weft/base/alloc.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>

struct h2 {
    nghttp2_session *session;
    size_t streams;
    bool inside; /* in nghttp2's receive or send: no sending from there */
};

static struct h2 *of(struct echo_conn *c) {
    return c->state;
}

static nghttp2_nv field(struct weft_slice name, struct weft_slice value) {
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.base, (uint8_t *)(uintptr_t)value.base, name.len,
                        value.len, 0};
}

static void pump(struct echo_conn *c) {
    struct h2 *h = of(c);
    if (c->closing || h->inside) return;
    h->inside = true;
    while (!c->closing && echo_conn_backlog(c) < ECHO_HIGH) {
        const uint8_t *p;
        ssize_t n = nghttp2_session_mem_send(h->session, &p);
        if (n <= 0) break;
        echo_conn_write(c, weft_slice((const char *)p, (size_t)n));
    }
    h->inside = false;
    bool over = !nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session);
    if (over && !c->closing)
        echo_conn_close_sent(c);
    else
        echo_conn_flush(c);
}

/* ---- sending ---- */

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t max,
                         uint32_t *flags, nghttp2_data_source *source, void *user) {
    struct echo_stream *s = source->ptr;
    bool end;
    size_t n = echo_stream_read(s, (char *)buf, max, &end);
    if (n) return (ssize_t)n;
    if (!end) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    struct weft_slice t[4][2];
    char scratch[32];
    size_t count = echo_stream_trailers(s, t, scratch);
    if (count) {
        nghttp2_nv nv[4];
        for (size_t i = 0; i < count; i++) nv[i] = field(t[i][0], t[i][1]);
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, id, nv, count);
    }
    return 0;
}

static void h2_info(struct echo_stream *s, int status) {
    char code[8];
    snprintf(code, sizeof code, "%d", status);
    nghttp2_nv nv[2] = {field(WEFT_SLICE_LIT(":status"), weft_slice_str(code)),
                        field(WEFT_SLICE_LIT("x-echo-info"), WEFT_SLICE_LIT("1"))};
    nghttp2_submit_headers(of(s->conn)->session, NGHTTP2_FLAG_NONE, s->id, NULL, nv,
                           status == 100 ? 1 : 2, NULL);
    pump(s->conn);
}

static void h2_head(struct echo_stream *s, int status, const char *type, int64_t length, bool end) {
    char code[8], size[24], scratch[32];
    struct weft_slice t[4][2];
    nghttp2_nv nv[8];
    size_t n = 0;
    snprintf(code, sizeof code, "%d", status);
    snprintf(size, sizeof size, "%lld", (long long)length);
    nv[n++] = field(WEFT_SLICE_LIT(":status"), weft_slice_str(code));
    nv[n++] = field(WEFT_SLICE_LIT("content-type"), weft_slice_str(type));
    nv[n++] = field(WEFT_SLICE_LIT("x-echo-pod"), weft_slice_str(s->conn->app->name));
    if (length >= 0 && status != 204 && status != 304)
        nv[n++] = field(WEFT_SLICE_LIT("content-length"), weft_slice_str(size));
    if (end && s->grpc)
        for (size_t i = 0, k = echo_stream_trailers(s, t, scratch); i < k; i++)
            nv[n++] = field(t[i][0], t[i][1]);
    nghttp2_data_provider body = {.source.ptr = s, .read_callback = read_body};
    nghttp2_submit_response(of(s->conn)->session, s->id, nv, n, end ? NULL : &body);
    pump(s->conn);
}

static void h2_wake(struct echo_stream *s) {
    (void)nghttp2_session_resume_data(of(s->conn)->session, s->id);
    pump(s->conn);
}

static void h2_consumed(struct echo_stream *s, size_t n) {
    nghttp2_session_consume(of(s->conn)->session, s->id, n);
}

static void h2_broken(struct echo_stream *s, enum echo_break how) {
    struct echo_conn *c = s->conn;
    if (how == BREAK_ABORT) {
        echo_conn_reset(c);
        return;
    }
    if (how == BREAK_CLOSE) {
        echo_conn_close(c);
        return;
    }
    nghttp2_submit_rst_stream(of(c)->session, NGHTTP2_FLAG_NONE, s->id,
                              how == BREAK_REFUSE ? NGHTTP2_REFUSED_STREAM
                                                  : NGHTTP2_INTERNAL_ERROR);
    pump(c);
}

static const struct echo_stream_ops ops = {h2_info, h2_head, h2_wake, h2_consumed, h2_broken};

/* ---- receiving ---- */

static int on_begin(nghttp2_session *session, const nghttp2_frame *f, void *user) {
    struct echo_conn *c = user;
    if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    struct echo_stream *s = echo_stream_new(c, &ops, "HTTP/2");
    s->id = f->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, s->id, s);
    return 0;
}

static int on_field(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t n,
                    const uint8_t *value, size_t m, uint8_t flags, void *user) {
    struct echo_stream *s = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
    if (!s) return 0;
    echo_stream_field(s, weft_slice((const char *)name, n), weft_slice((const char *)value, m));
    return s->too_large ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *user) {
    struct echo_conn *c = user;
    struct echo_stream *s = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
    if (!s || (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA)) return 0;
    if (f->hd.type == NGHTTP2_HEADERS && !s->head_done) {
        s->method = echo_stream_get(s, ":method");
        s->path = echo_stream_get(s, ":path");
        s->host = echo_stream_get(s, ":authority");
        if (!s->host.len) s->host = echo_stream_get(s, "host");
        echo_stream_head(s);
    }
    if (!c->closing && (f->hd.flags & NGHTTP2_FLAG_END_STREAM)) echo_stream_end(s);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *user) {
    struct echo_conn *c = user;
    struct echo_stream *s = nghttp2_session_get_stream_user_data(session, id);
    if (s && !c->closing)
        echo_stream_body(s, weft_slice((const char *)p, n));
    else
        nghttp2_session_consume(session, id, n);
    return 0;
}

static int on_stream_closed(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
    struct echo_stream *s = nghttp2_session_get_stream_user_data(session, id);
    struct echo_conn *c = user;
    if (!s || c->closing) return 0;
    /* What was queued for a stream that is gone must not hold the connection's window. */
    if (s->controls.echo) nghttp2_session_consume_connection(session, weft_buf_size(&s->out));
    echo_stream_drop(s);
    return 0;
}

static void h2_read(struct echo_conn *c, struct weft_slice data) {
    struct h2 *h = of(c);
    if (!data.base) {
        echo_conn_close(c);
        return;
    }
    h->inside = true;
    ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)data.base, data.len);
    h->inside = false;
    if (n < 0 && !c->closing) nghttp2_session_terminate_session(h->session, NGHTTP2_PROTOCOL_ERROR);
    pump(c);
}

static void h2_done(struct echo_conn *c) {
    nghttp2_session_del(of(c)->session);
    free(c->state);
    c->state = NULL;
}

void echo_h2_init(struct echo_conn *c) {
    struct h2 *h = weft_new0(struct h2);
    nghttp2_session_callbacks *cb;
    nghttp2_option *opt;
    nghttp2_session_callbacks_new(&cb);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_closed);
    nghttp2_option_new(&opt);
    nghttp2_option_set_no_auto_window_update(opt, 1);
    nghttp2_session_server_new2(&h->session, cb, c, opt);
    nghttp2_option_del(opt);
    nghttp2_session_callbacks_del(cb);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, ECHO_MAX_STREAMS},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, ECHO_HIGH},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, ECHO_MAX_HEAD}};
    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, WEFT_LEN(settings));
    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, 16 * ECHO_HIGH);
    c->state = h;
}

const struct echo_proto echo_h2 = {h2_read, pump, h2_done};

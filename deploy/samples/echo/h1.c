/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.0 and HTTP/1.1: one request at a time, what is pipelined behind it waits. */
#include "echo.h"

#include <weft/base/alloc.h>
#include <llhttp.h>
#include <stdio.h>

struct h1 {
    llhttp_t parser;
    llhttp_settings_t settings;
    struct echo_stream *stream; /* the request being read or answered */
    struct weft_buf url, name, value;
    bool keep, chunked, head_sent, answered, upgraded, eof, feeding;
    size_t held; /* request bytes not yet dealt with */
};

static struct h1 *of(struct echo_conn *c) {
    return c->state;
}

/* llhttp knows SERVICE_UNAVAILABLE; on the wire that is "Service Unavailable". */
static void reason_of(int status, char ret[64]) {
    const char *name = status == 200 ? "OK" : llhttp_status_name((llhttp_status_t)status);
    snprintf(ret, 64, "%s", name ? name : "Unknown");
    for (char *p = ret; status != 200 && *p; p++) {
        bool inner = p > ret && p[-1] != ' ';
        *p = *p == '_' ? ' ' : inner ? weft_lower(*p) : *p;
    }
}

static void simple_answer(struct echo_conn *c, int status) {
    char text[160], reason[64];
    reason_of(status, reason);
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %d %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", status,
                     reason);
    echo_conn_pause(c, true);
    echo_conn_write(c, weft_slice(text, (size_t)n));
    echo_conn_close_sent(c);
}

/* ---- sending ---- */

static void h1_info(struct echo_stream *s, int status) {
    char text[96];
    if (!strcmp(s->proto, "HTTP/1.0")) return;
    int n = snprintf(text, sizeof text, "HTTP/1.1 %d %s\r\n%s\r\n", status,
                     status == 100 ? "Continue" : "Information",
                     status == 100 ? "" : "x-echo-info: 1\r\n");
    echo_conn_write(s->conn, weft_slice(text, (size_t)n));
    echo_conn_flush(s->conn);
}

static void h1_wake(struct echo_stream *s);

static void h1_head(struct echo_stream *s, int status, const char *type, int64_t length, bool end) {
    struct h1 *h = of(s->conn);
    struct weft_buf *b = &s->conn->pending;
    bool old = !strcmp(s->proto, "HTTP/1.0");
    char reason[64];
    reason_of(status, reason);
    weft_buf_printf(b, "HTTP/1.1 %d %s\r\ncontent-type: %s\r\nx-echo-pod: %s\r\n", status, reason,
                    type, s->conn->app->name);
    h->chunked = length < 0 && !old && !end;
    if (length >= 0 && status != 204 && status != 304)
        weft_buf_printf(b, "content-length: %lld\r\n", (long long)length);
    if (h->chunked) weft_buf_str(b, "transfer-encoding: chunked\r\n");
    if (h->chunked && s->controls.trailers) weft_buf_str(b, "trailer: x-echo-trailer\r\n");
    if (old && length < 0 && !end) h->keep = false;
    if (!h->keep || old) weft_buf_printf(b, "connection: %s\r\n", h->keep ? "keep-alive" : "close");
    weft_buf_str(b, "\r\n");
    h->head_sent = true;
    if (end) h->answered = true;
    h1_wake(s);
}

static void put_piece(struct h1 *h, struct echo_conn *c, struct weft_slice piece) {
    if (h->chunked) weft_buf_printf(&c->pending, "%zx\r\n", piece.len);
    echo_conn_write(c, piece);
    if (h->chunked) weft_buf_str(&c->pending, "\r\n");
}

static void put_end(struct h1 *h, struct echo_stream *s) {
    h->answered = true;
    if (!h->chunked) return;
    struct weft_slice t[4][2];
    char scratch[32];
    struct weft_buf *b = &s->conn->pending;
    weft_buf_str(b, "0\r\n");
    for (size_t i = 0, n = echo_stream_trailers(s, t, scratch); i < n; i++)
        weft_buf_printf(b, WEFT_SLICE_FMT ": " WEFT_SLICE_FMT "\r\n", WEFT_SLICE_ARG(t[i][0]),
                        WEFT_SLICE_ARG(t[i][1]));
    weft_buf_str(b, "\r\n");
}

static void h1_feed(struct echo_conn *c);

/* The request is over when it was read and answered; then the next one may be parsed. */
static void finish(struct echo_conn *c) {
    struct h1 *h = of(c);
    struct echo_stream *s = h->stream;
    if (!s || !h->answered || !s->request_done) return;
    bool stays = h->keep && !h->eof;
    h->stream = NULL;
    h->answered = h->head_sent = false;
    h->held = 0;
    echo_stream_drop(s);
    if (!stays) {
        echo_conn_pause(c, true);
        echo_conn_close_sent(c);
        return;
    }
    llhttp_resume(&h->parser);
    echo_conn_pause(c, false);
}

static void pump(struct echo_conn *c) {
    struct h1 *h = of(c);
    char piece[16384];
    while (h->stream && !h->answered && echo_conn_backlog(c) < ECHO_HIGH) {
        bool end;
        size_t n = echo_stream_read(h->stream, piece, sizeof piece, &end);
        if (n) put_piece(h, c, weft_slice(piece, n));
        if (end) put_end(h, h->stream);
        if (!n) break;
    }
    finish(c);
    echo_conn_flush(c);
}

static void h1_writable(struct echo_conn *c) {
    pump(c);
    h1_feed(c);
}

static void h1_wake(struct echo_stream *s) {
    struct echo_conn *c = s->conn;
    if (of(c)->answered || !s->hold) pump(c);
    echo_conn_flush(c);
    h1_feed(c);
}

static void h1_consumed(struct echo_stream *s, size_t n) {
    struct h1 *h = of(s->conn);
    h->held -= n < h->held ? n : h->held;
    if (h->held < ECHO_HIGH / 4 && !s->request_done && !h->eof) echo_conn_pause(s->conn, false);
}

static void h1_broken(struct echo_stream *s, enum echo_break how) {
    of(s->conn)->stream = NULL;
    if (how == BREAK_RESET || how == BREAK_ABORT)
        echo_conn_reset(s->conn);
    else
        echo_conn_close(s->conn);
}

static const struct echo_stream_ops ops = {h1_info, h1_head, h1_wake, h1_consumed, h1_broken};

/* ---- parsing ---- */

static int on_begin(llhttp_t *p) {
    struct echo_conn *c = p->data;
    struct h1 *h = of(c);
    h->stream = echo_stream_new(c, &ops, "HTTP/1.1");
    weft_buf_clear(&h->url);
    weft_buf_clear(&h->name);
    weft_buf_clear(&h->value);
    return 0;
}

static int keep_piece(struct h1 *h, struct weft_buf *b, const char *at, size_t n) {
    if (weft_buf_append(b, weft_slice(at, n)) == WEFT_OK) return 0;
    h->stream->too_large = true;
    return -1;
}

static int on_url(llhttp_t *p, const char *at, size_t n) {
    struct h1 *h = of(p->data);
    return keep_piece(h, &h->url, at, n);
}

static int on_name(llhttp_t *p, const char *at, size_t n) {
    struct h1 *h = of(p->data);
    return keep_piece(h, &h->name, at, n);
}

static int on_value(llhttp_t *p, const char *at, size_t n) {
    struct h1 *h = of(p->data);
    return keep_piece(h, &h->value, at, n);
}

static int on_value_complete(llhttp_t *p) {
    struct h1 *h = of(p->data);
    echo_stream_field(h->stream, weft_buf_slice(&h->name),
                      weft_slice_trim(weft_buf_slice(&h->value)));
    weft_buf_clear(&h->name);
    weft_buf_clear(&h->value);
    return h->stream->too_large ? -1 : 0;
}

static int on_head(llhttp_t *p) {
    struct echo_conn *c = p->data;
    struct h1 *h = of(c);
    struct echo_stream *s = h->stream;
    if (llhttp_get_http_minor(p) == 0) s->proto = "HTTP/1.0";
    s->method = weft_slice_str(llhttp_method_name((llhttp_method_t)llhttp_get_method(p)));
    s->path = weft_buf_slice(&h->url);
    s->host = echo_stream_get(s, "host");
    h->keep = llhttp_should_keep_alive(p);
    h->upgraded = p->upgrade && weft_slice_is(echo_stream_get(s, "upgrade"), "echo");
    p->upgrade = 0; /* of others we take no notice, as RFC 9110 section 7.8 allows */
    if (!h->upgraded) echo_stream_head(s);
    return c->closing ? -1 : 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n) {
    struct echo_conn *c = p->data;
    struct h1 *h = of(c);
    if (!h->stream) return -1;
    h->held += n;
    echo_stream_body(h->stream, weft_slice(at, n));
    if (h->held >= ECHO_HIGH) echo_conn_pause(c, true);
    return c->closing ? -1 : 0;
}

static int on_complete(llhttp_t *p) {
    return of(p->data)->stream ? HPE_PAUSED : -1;
}

static void upgrade(struct echo_conn *c) {
    struct h1 *h = of(c);
    struct echo_stream *s = h->stream;
    h->stream = NULL;
    echo_stream_drop(s);
    echo_conn_write(c, WEFT_SLICE_LIT("HTTP/1.1 101 Switching Protocols\r\nconnection: "
                                      "upgrade\r\nupgrade: echo\r\n\r\n"));
    c->proto->done(c);
    c->state = c->app; /* no greeting: the marker only must not be NULL */
    echo_conn_become(c, &echo_tcp);
}

static void parse_failed(struct echo_conn *c) {
    struct h1 *h = of(c);
    if (c->closing || c->close_when_sent) return;
    if (h->head_sent)
        echo_conn_close(c);
    else
        simple_answer(c, h->stream && h->stream->too_large ? 431 : 400);
}

/* Parses what waits in c->in; true when a request was read to its end. */
static bool feed_once(struct echo_conn *c) {
    struct h1 *h = of(c);
    struct weft_buf taken = c->in; /* stays put while callbacks run */
    struct weft_slice s = weft_buf_slice(&taken);
    weft_buf_init(&c->in, 0);
    llhttp_errno_t e = llhttp_execute(&h->parser, s.base, s.len);
    if (e == HPE_PAUSED) {
        size_t read = (size_t)(llhttp_get_error_pos(&h->parser) - s.base);
        weft_buf_append(&c->in, weft_slice_from(s, read));
    } else if (e != HPE_OK) {
        parse_failed(c);
    }
    weft_buf_done(&taken);
    return e == HPE_PAUSED && !c->closing;
}

/* One request after the other; not from within itself. */
static void h1_feed(struct echo_conn *c) {
    struct h1 *h = of(c);
    if (h->feeding) return;
    h->feeding = true;
    while (!c->closing && !c->close_when_sent && weft_buf_size(&c->in) &&
           !(h->stream && h->stream->request_done)) {
        if (!feed_once(c)) break;
        if (h->upgraded) {
            upgrade(c);
            return;
        }
        echo_conn_pause(c, true);
        echo_stream_end(h->stream);
        if (!c->closing) pump(c);
    }
    h->feeding = false;
}

static void h1_read(struct echo_conn *c, struct weft_slice data) {
    struct h1 *h = of(c);
    if (!data.base) {
        h->eof = true; /* half-closed: what was asked completely is still answered */
        if (!h->stream || !h->stream->request_done) echo_conn_close_sent(c);
        return;
    }
    weft_buf_append(&c->in, data);
    h1_feed(c);
}

static void h1_done(struct echo_conn *c) {
    struct h1 *h = of(c);
    weft_buf_done(&h->url);
    weft_buf_done(&h->name);
    weft_buf_done(&h->value);
    free(h);
    c->state = NULL;
}

void echo_h1_init(struct echo_conn *c) {
    struct h1 *h = weft_new0(struct h1);
    c->state = h;
    llhttp_settings_init(&h->settings);
    h->settings.on_message_begin = on_begin;
    h->settings.on_url = on_url;
    h->settings.on_header_field = on_name;
    h->settings.on_header_value = on_value;
    h->settings.on_header_value_complete = on_value_complete;
    h->settings.on_headers_complete = on_head;
    h->settings.on_body = on_body;
    h->settings.on_message_complete = on_complete;
    llhttp_init(&h->parser, HTTP_REQUEST, &h->settings);
    h->parser.data = c;
    weft_buf_init(&h->url, ECHO_MAX_HEAD);
    weft_buf_init(&h->name, ECHO_MAX_HEAD);
    weft_buf_init(&h->value, ECHO_MAX_HEAD);
}

const struct echo_proto echo_h1 = {h1_read, h1_writable, h1_done};

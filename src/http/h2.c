/* SPDX-License-Identifier: Apache-2.0
 * The HTTP/2 connection: settings, capacity, liveness and its graceful end. */
#include "h2_internal.h"
#include <weft/base/alloc.h>

struct weft_stream *h2_stream(const struct h2 *h, int32_t id) {
    return nghttp2_session_get_stream_user_data(h->session, id);
}

uint32_t h2_code_of(enum weft_status status) {
    switch (status) {
    case WEFT_OK:
        return NGHTTP2_NO_ERROR;
    case WEFT_PROTOCOL:
    case WEFT_INVALID:
        return NGHTTP2_PROTOCOL_ERROR;
    case WEFT_CANCELED:
    case WEFT_CLOSED:
    case WEFT_TIMEOUT:
    case WEFT_EOF:
        return NGHTTP2_CANCEL;
    case WEFT_REFUSED:
        return NGHTTP2_REFUSED_STREAM;
    case WEFT_LIMIT:
        return NGHTTP2_ENHANCE_YOUR_CALM;
    default:
        return NGHTTP2_INTERNAL_ERROR;
    }
}

enum weft_status h2_status_of(uint32_t code) {
    switch (code) {
    case NGHTTP2_PROTOCOL_ERROR:
    case NGHTTP2_FLOW_CONTROL_ERROR:
    case NGHTTP2_STREAM_CLOSED:
    case NGHTTP2_FRAME_SIZE_ERROR:
    case NGHTTP2_COMPRESSION_ERROR:
        return WEFT_PROTOCOL;
    case NGHTTP2_CANCEL:
        return WEFT_CANCELED;
    case NGHTTP2_REFUSED_STREAM:
        return WEFT_REFUSED;
    case NGHTTP2_ENHANCE_YOUR_CALM:
        return WEFT_LIMIT;
    case NGHTTP2_INTERNAL_ERROR:
        return WEFT_INTERNAL;
    default:
        return WEFT_RESET;
    }
}

/* === input === */

static enum weft_status lose(struct h2 *h) {
    uint32_t code = h->lose_code ? h->lose_code : NGHTTP2_PROTOCOL_ERROR;
    (void)nghttp2_session_terminate_session(h->session, code);
    h->failed = true;
    codec_retire(&h->base);
    codec_fail_all(&h->base, WEFT_PROTOCOL);
    return WEFT_PROTOCOL;
}

static enum weft_status h2_feed(struct weft_codec *c, struct weft_slice in, size_t *ret_used) {
    struct h2 *h = h2_of(c);
    *ret_used = in.len;
    if (h->failed || h->gone) return WEFT_OK; /* swallowed */
    if (!h2_guard_input(h, in)) return lose(h);
    h->in_session = true;
    ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)in.base, in.len);
    h->in_session = false;
    if (n == NGHTTP2_ERR_FLOODED) h2_budget_flooded(h); /* answers to its frames pile up */
    if (n < 0) return lose(h);
    return WEFT_OK;
}

static void h2_eof(struct weft_codec *c) {
    struct h2 *h = h2_of(c);
    h->gone = true;
    codec_retire(c);
    codec_fail_all(c, WEFT_RESET);
}

/* === output and the end === */

static bool h2_has_output(const struct weft_codec *c) {
    const struct h2 *h = h2_of(c);
    return !h->gone && nghttp2_session_want_write(h->session) != 0;
}

static bool h2_wants_input(const struct weft_codec *c) {
    (void)c;
    return true; /* windows hold the peer back */
}

static bool h2_finished(const struct weft_codec *c) {
    const struct h2 *h = h2_of(c);
    if (h->gone) return true;
    bool over = h->failed || !nghttp2_session_want_read(h->session) ||
                ((h->last_goaway || h->peer_going) && h->wires == 0);
    return over && !h2_has_output(c);
}

void h2_begin_last_goaway(struct h2 *h) {
    if (h->last_goaway) return;
    h->last_goaway = true;
    int32_t last = nghttp2_session_get_last_proc_stream_id(h->session);
    (void)nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
}

/* A server gives requests that are under way one round trip to arrive (RFC 9113 6.8). */
static void h2_drain(struct weft_codec *c) {
    struct h2 *h = h2_of(c);
    if (c->role == WEFT_CLIENT) {
        codec_retire(c);
        h2_begin_last_goaway(h);
        return;
    }
    (void)nghttp2_submit_shutdown_notice(h->session);
    (void)nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, H2_DRAIN_PING);
}

static void h2_ping(struct weft_codec *c) {
    (void)nghttp2_submit_ping(h2_of(c)->session, NGHTTP2_FLAG_NONE, NULL);
}

static bool h2_in_head(const struct weft_codec *c) {
    const struct h2 *h = h2_of(c);
    return h->budget.in_head || h->walk_have || (h->walk_left && h->budget.head_frame);
}

static uint64_t h2_queued_all(const struct weft_codec *c) {
    return h2_of(c)->queued;
}

static uint64_t h2_sent(const struct weft_codec *c) {
    return h2_of(c)->data_sent;
}

static bool h2_shut(const struct weft_codec *c, const struct weft_stream *s) {
    nghttp2_session *session = h2_of(c)->session;
    if (!s) return nghttp2_session_get_remote_window_size(session) <= 0;
    return nghttp2_session_get_stream_remote_window_size(session, (int32_t)s->id) == 0;
}

static void h2_calm(struct weft_codec *c) {
    struct h2 *h = h2_of(c);
    h->lose_code = NGHTTP2_ENHANCE_YOUR_CALM;
    if (!h->failed && !h->gone) (void)lose(h);
}

static uint32_t h2_capacity(const struct weft_codec *c) {
    const struct h2 *h = h2_of(c);
    uint32_t most =
        nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    if (most > c->limits.streams) most = c->limits.streams;
    bool shut = h->failed || h->gone || h->peer_going || h->held > c->limits.conn_window / 2;
    if (shut || h->wires >= most || !nghttp2_session_check_request_allowed(h->session)) return 0;
    return most - h->wires;
}

/* === streams === */

void h2_give_back(struct weft_stream *s, bool stream_open) {
    struct h2 *h = h2_of(s->codec);
    size_t n = (size_t)s->held;
    if (!n) return;
    h->held -= n;
    s->held = 0;
    if (stream_open)
        (void)nghttp2_session_consume(h->session, (int32_t)s->id, n);
    else
        (void)nghttp2_session_consume_connection(h->session, n);
}

static void h2_resumed(struct weft_stream *s) {
    h2_give_back(s, s->wire);
}

static void h2_over(struct weft_stream *s) {
    (void)s; /* nghttp2 tells when the wire is done with it */
}

static size_t h2_queued(const struct weft_stream *s) {
    return weft_buf_size(&s->out);
}

static bool h2_sent_any(const struct weft_stream *s) {
    return s->sent_head;
}

static void h2_destroy(struct weft_codec *c) {
    struct h2 *h = h2_of(c);
    nghttp2_session_del(h->session);
    free(h->nva);
    free(h);
}

static const struct codec_ops ops = {
    .feed = h2_feed,
    .eof = h2_eof,
    .pull = h2_pull,
    .has_output = h2_has_output,
    .wants_input = h2_wants_input,
    .finished = h2_finished,
    .drain = h2_drain,
    .capacity = h2_capacity,
    .ping = h2_ping,
    .in_head = h2_in_head,
    .queued_all = h2_queued_all,
    .sent = h2_sent,
    .calm = h2_calm,
    .shut = h2_shut,
    .dropped = h2_dropped,
    .destroy = h2_destroy,
    .request = h2_request,
    .head = h2_head,
    .data = h2_data,
    .end = h2_end,
    .reset = h2_reset,
    .resumed = h2_resumed,
    .queued = h2_queued,
    .sent_any = h2_sent_any,
    .over = h2_over,
    .abandon = h2_abandon,
};

/* === set-up === */

static void new_session(struct h2 *h) {
    nghttp2_session_callbacks *cbs;
    nghttp2_option *opt;
    WEFT_CHECK(nghttp2_session_callbacks_new(&cbs) == 0 && nghttp2_option_new(&opt) == 0);
    h2_set_recv_callbacks(cbs);
    h2_set_send_callbacks(cbs);
    nghttp2_option_set_no_auto_window_update(opt, 1);
    nghttp2_option_set_no_closed_streams(opt, 1);
    nghttp2_option_set_max_outbound_ack(opt, 4000); /* ours comes first: h2_budget.c */
    nghttp2_option_set_stream_reset_rate_limit(opt, 2 * (uint64_t)h->base.limits.resets,
                                               h->base.limits.resets);
    int rv = h->base.role == WEFT_SERVER
                 ? nghttp2_session_server_new3(&h->session, cbs, &h->base, opt, h2_mem())
                 : nghttp2_session_client_new3(&h->session, cbs, &h->base, opt, h2_mem());
    WEFT_CHECK(rv == 0); /* only out of memory */
    nghttp2_session_callbacks_del(cbs);
    nghttp2_option_del(opt);
}

static void submit_settings(struct h2 *h) {
    const struct weft_codec_limits *l = &h->base.limits;
    nghttp2_settings_entry e[4];
    size_t n = 0;
    e[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, l->stream_window};
    e[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, l->head_bytes};
    if (h->base.role == WEFT_SERVER)
        e[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, l->streams};
    else
        e[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    WEFT_CHECK(nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, e, n) == 0);
    WEFT_CHECK(nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
                                                     (int32_t)l->conn_window) == 0);
}

/* Values that the protocol allows; the caller's limits may come from options. */
static void clamp_windows(struct weft_codec_limits *l) {
    if (l->stream_window > INT32_MAX) l->stream_window = INT32_MAX;
    if (l->conn_window > INT32_MAX) l->conn_window = INT32_MAX;
    if (l->conn_window < NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE)
        l->conn_window = NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE;
}

struct weft_codec *weft_h2_new(enum weft_role role, const struct weft_codec_limits *limits,
                               const struct weft_codec_cb *cb, void *owner) {
    struct h2 *h = weft_new0(struct h2);
    codec_init(&h->base, &ops, role, limits, cb, owner);
    clamp_windows(&h->base.limits);
    h->base.is_h2 = true;
    h->walk_left = NGHTTP2_CLIENT_MAGIC_LEN;
    h->budget.head_frame = true;
    new_session(h);
    submit_settings(h);
    return &h->base;
}

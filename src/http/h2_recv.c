/* SPDX-License-Identifier: Apache-2.0
 * nghttp2's events to message events. nghttp2 has checked the order of frames, pseudo fields, field
 * syntax and the content-length; what is left to judge is what the message means to a proxy. */
#include "h2_internal.h"

enum { MAX_INTERIM = 32, FIELD_OVERHEAD = 32 };

/* === fields === */

static enum weft_reason too_much(struct weft_stream *s, enum weft_cap cap) {
    s->cap = cap;
    s->rx_refused =
        cap == WEFT_CAP_TARGET ? WEFT_REASON_TARGET_TOO_LONG : WEFT_REASON_HEAD_TOO_LARGE;
    return s->rx_refused;
}

static bool copy_value(struct weft_stream *s, struct weft_slice v, struct weft_slice *ret) {
    *ret = weft_arena_dup(&s->arena, v);
    if (!ret->base) (void)too_much(s, WEFT_CAP_REQUEST_MEMORY);
    return ret->base != NULL;
}

static void take_pseudo(struct weft_stream *s, struct weft_slice name, struct weft_slice value) {
    struct weft_head *head = s->rx;
    if (weft_slice_is(name, ":method"))
        copy_value(s, value, &head->method);
    else if (weft_slice_is(name, ":scheme"))
        copy_value(s, value, &head->scheme);
    else if (weft_slice_is(name, ":authority"))
        copy_value(s, value, &head->authority);
    else if (weft_slice_is(name, ":path"))
        copy_value(s, value, &head->path);
    else if (weft_slice_is(name, ":status") && value.len == 3)
        head->status = (uint16_t)((value.base[0] - '0') * 100 + (value.base[1] - '0') * 10 +
                                  (value.base[2] - '0'));
}

/* Crumbs become one field again (RFC 9113 8.2.3), in the place of the first. */
static bool join_cookies(struct weft_stream *s) {
    struct weft_fields *f = s->rx_fields;
    struct weft_field *first = NULL;
    size_t total = 0;
    uint32_t crumbs = 0, kept = 0;
    for (uint32_t i = 0; i < f->n; i++)
        if (f->items[i].token == WEFT_TOKEN_COOKIE) total += f->items[i].value.len + 2, crumbs++;
    if (crumbs < 2) return true;
    char *text = weft_arena_alloc(&s->arena, total), *at = text;
    if (!text) return false;
    for (uint32_t i = 0; i < f->n; i++) {
        const struct weft_field one = f->items[i];
        bool crumb = one.token == WEFT_TOKEN_COOKIE;
        if (!crumb || !first) f->items[kept++] = one;
        if (!crumb) continue;
        if (first) memcpy(at, "; ", 2), at += 2;
        if (!first) first = &f->items[kept - 1];
        if (one.value.len) memcpy(at, one.value.base, one.value.len);
        at += one.value.len;
    }
    f->n = kept;
    first->value = weft_slice(text, (size_t)(at - text));
    return true;
}

/* Fields that end up in members of the head. True: taken. */
static bool take_special(struct weft_stream *s, enum weft_token t, struct weft_slice value) {
    struct weft_head *head = s->rx;
    switch (t) {
    case WEFT_TOKEN_HOST:
        copy_value(s, value, &s->rx_host);
        return true;
    case WEFT_TOKEN_CONTENT_LENGTH:
        head->has_content_length = http_content_length(value, &head->content_length);
        if (!head->has_content_length) s->rx_refused = WEFT_REASON_BAD_REQUEST;
        return true;
    case WEFT_TOKEN_TE:
        head->te_trailers |= http_list_has(value, WEFT_SLICE_LIT("trailers"));
        return true;
    case WEFT_TOKEN_EXPECT:
        head->expect_continue |= weft_slice_ieq(value, WEFT_SLICE_LIT("100-continue"));
        return weft_slice_ieq(value, WEFT_SLICE_LIT("100-continue"));
    default: /* connection fields: nghttp2 refuses them; h2c's settings mean nothing here */
        return t == WEFT_TOKEN_HTTP2_SETTINGS;
    }
}

static void take_field(struct weft_stream *s, struct weft_slice name, struct weft_slice value) {
    const struct weft_codec_limits *l = &s->codec->limits;
    s->rx_bytes += name.len + value.len + FIELD_OVERHEAD;
    if (weft_slice_is(name, ":path") && value.len > l->target_bytes)
        (void)too_much(s, WEFT_CAP_TARGET);
    else if (!s->rx_refused && s->rx_bytes > l->head_bytes)
        (void)too_much(s, WEFT_CAP_HEAD);
    else if (!s->rx_refused && s->rx_fields->n >= l->fields && name.len && name.base[0] != ':')
        (void)too_much(s, WEFT_CAP_FIELDS);
    if (s->rx_refused) return;
    if (name.len && name.base[0] == ':') {
        take_pseudo(s, name, value);
        return;
    }
    bool trailers = s->rx_fields == &s->trailers;
    enum weft_token t = weft_token_of(name);
    if (!trailers && take_special(s, t, value)) return;
    if (http_fields_add(s->rx_fields, t, name, value) != WEFT_OK)
        (void)too_much(s, WEFT_CAP_REQUEST_MEMORY);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ud) {
    (void)session, (void)frame, (void)flags;
    if (!h2_budget_field(h2_cast(ud), name_len + value_len + FIELD_OVERHEAD))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    struct weft_stream *s = h2_cast(ud)->heading;
    if (!s || !stream_listens(s) || !s->rx_fields) return 0;
    stream_peer_allocates(s, true);
    take_field(s, weft_slice((const char *)name, name_len),
               weft_slice((const char *)value, value_len));
    stream_peer_allocates(s, false);
    return 0;
}

/* nghttp2 would drop the field and go on: what was sent would not be what arrives. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_len, const uint8_t *value,
                             size_t value_len, uint8_t flags, void *ud) {
    (void)session, (void)frame, (void)name, (void)name_len;
    (void)value, (void)value_len, (void)flags, (void)ud;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* === heads === */

static struct weft_stream *open_stream(struct h2 *h, int32_t id) {
    struct weft_stream *s = stream_new(&h->base);
    s->id = (uint32_t)id;
    h->wires++;
    (void)nghttp2_session_set_stream_user_data(h->session, id, s);
    return s;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ud) {
    (void)session;
    struct h2 *h = h2_cast(ud);
    h->heading = NULL;
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    h->budget.plain_bytes = 0;
    struct weft_stream *s = h2_stream(h, frame->hd.stream_id);
    if (!s && frame->headers.cat == NGHTTP2_HCAT_REQUEST) s = open_stream(h, frame->hd.stream_id);
    if (!s || !stream_listens(s)) return 0;
    s->rx_bytes = 0;
    s->rx_refused = WEFT_REASON_NONE;
    s->cap = WEFT_CAP_NONE;
    s->rx_fields = &s->trailers;
    weft_fields_init(&s->trailers, &s->arena);
    h->heading = s;
    if (s->in_head) return 0;
    s->rx = weft_arena_alloc(&s->arena, sizeof *s->rx);
    if (!s->rx) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    weft_head_init(s->rx, &s->arena);
    s->rx->version = WEFT_HTTP_2;
    s->rx_fields = &s->rx->fields;
    return 0;
}

static void frame_body(struct weft_stream *s, bool end, bool no_body) {
    struct weft_head *head = s->rx;
    if (no_body || (end && !head->has_content_length))
        head->framing = WEFT_BODY_NONE;
    else
        head->framing = head->has_content_length ? WEFT_BODY_LENGTH : WEFT_BODY_CHUNKED;
}

static bool path_ok(const struct weft_head *head) {
    if (!http_target_chars_ok(head->path)) return false;
    if (head->path.base[0] == '/') return true;
    return weft_slice_is(head->path, "*") && weft_slice_is(head->method, "OPTIONS");
}

static enum weft_reason judge_request(struct weft_stream *s) {
    struct weft_head *head = s->rx;
    if (s->rx_refused) return s->rx_refused;
    if (!join_cookies(s)) return too_much(s, WEFT_CAP_REQUEST_MEMORY);
    if (!http_method_known(head->method)) return WEFT_REASON_METHOD_UNKNOWN;
    if (s->rx_host.base && head->authority.base && !weft_slice_ieq(s->rx_host, head->authority))
        return WEFT_REASON_BAD_REQUEST;
    if (!head->authority.base) head->authority = s->rx_host;
    if (!http_authority_ok(head->authority) || !path_ok(head)) return WEFT_REASON_BAD_REQUEST;
    return WEFT_REASON_NONE;
}

static void take_request(struct weft_stream *s, bool end) {
    struct weft_head *head = s->rx;
    frame_body(s, end, /* no_body= */ false);
    stream_peer_allocates(s, true);
    head->refused = judge_request(s);
    stream_peer_allocates(s, false);
    if (head->refused) {
        head->framing = WEFT_BODY_NONE;
        s->rst_after_end = !end; /* the rest is not read */
        end = true;
    }
    if (end) head->expect_continue = false;
    s->head_request = weft_slice_is(head->method, "HEAD");
    s->in_head = true;
    s->in_done = end;
    stream_emit_request(s, head, end);
    stream_check_over(s);
}

/* A response that we cannot pass on. */
static void refuse_response(struct weft_stream *s) {
    h2_reset(s, WEFT_PROTOCOL);
    stream_fail(s, WEFT_PROTOCOL, /* unprocessed= */ false);
}

static void take_response(struct weft_stream *s, bool end) {
    struct weft_head *head = s->rx;
    if (s->rx_refused || head->status < 100 || (head->status < 200 && ++s->interim > MAX_INTERIM)) {
        refuse_response(s);
        return;
    }
    bool no_body = s->head_request || !http_status_has_body(head->status);
    frame_body(s, end, no_body);
    if (head->status < 200) {
        head->has_content_length = false;
        stream_emit_info(s, head);
        return;
    }
    if (head->status == 204) head->has_content_length = false;
    s->in_head = true;
    s->in_done = end;
    stream_emit_response(s, head, end);
    stream_check_over(s);
}

static void take_trailers(struct weft_stream *s) {
    if (s->rx_refused) {
        refuse_response(s);
        return;
    }
    http_trailers_clean(&s->trailers);
    if (s->trailers.n) stream_emit_trailers(s, &s->trailers);
}

static void take_headers(struct weft_stream *s, bool end) {
    if (stream_listens(s) && s->rx_fields) {
        if (s->in_head) {
            take_trailers(s);
            if (end && !s->in_done) stream_in_end(s, /* told= */ false);
        } else if (s->codec->role == WEFT_SERVER) {
            take_request(s, end);
        } else {
            take_response(s, end);
        }
    }
}

/* === frames === */

static void take_goaway(struct h2 *h) {
    h->peer_going = true;
    codec_retire(&h->base);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *ud) {
    (void)session;
    struct h2 *h = h2_cast(ud);
    struct weft_stream *s = frame->hd.stream_id ? h2_stream(h, frame->hd.stream_id) : NULL;
    bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        if (s) take_headers(s, end);
        return 0;
    case NGHTTP2_DATA:
        if (s && end && !s->in_done) stream_in_end(s, /* told= */ false);
        return 0;
    case NGHTTP2_GOAWAY:
        take_goaway(h);
        return 0;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && h->base.closing &&
            memcmp(frame->ping.opaque_data, H2_DRAIN_PING, 8) == 0)
            h2_begin_last_goaway(h);
        return 0;
    default:
        return 0;
    }
}

static int on_data_chunk_recv(nghttp2_session *session, uint8_t flags, int32_t id,
                              const uint8_t *data, size_t len, void *ud) {
    (void)flags;
    struct h2 *h = h2_cast(ud);
    struct weft_stream *s = h2_stream(h, id);
    bool wanted = s && !s->in_done && stream_listens(s);
    if (wanted) stream_emit_data(s, weft_slice((const char *)data, len));
    if (wanted && s->paused && stream_listens(s)) {
        s->held += len;
        h->held += len;
    } else {
        (void)nghttp2_session_consume(session, id, len);
    }
    return 0;
}

/* nghttp2 forgets the stream: both ends were sent and received, or one side reset it. */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *ud) {
    (void)session;
    struct h2 *h = h2_cast(ud);
    struct weft_stream *s = h2_stream(h, id);
    if (!s) return 0;
    if (h->heading == s) h->heading = NULL;
    h->wires--;
    h2_give_back(s, /* stream_open= */ false);
    h2_dropped(s); /* nobody will pull it: it holds neither memory nor the connection */
    weft_buf_done(&s->out);
    if (s->in_done && code == NGHTTP2_NO_ERROR)
        stream_kill(s); /* RFC 9113 8.1: the response is whole, the request not wanted */
    else
        stream_fail(s, h2_status_of(code), code == NGHTTP2_REFUSED_STREAM);
    stream_unwire(s);
    return 0;
}

void h2_set_recv_callbacks(nghttp2_session_callbacks *cbs) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(cbs, h2_guard_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cbs, h2_guard_invalid);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cbs, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cbs, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(cbs, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cbs, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cbs, on_data_chunk_recv);
    nghttp2_session_callbacks_set_on_stream_close_callback(cbs, on_stream_close);
}

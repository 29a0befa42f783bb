/* SPDX-License-Identifier: Apache-2.0
 * Message events to nghttp2. Bodies wait in the stream's queue and go from there straight into the
 * buffer of the pull, so that many small frames leave in one piece. */
#include "h2_internal.h"
#include <weft/base/alloc.h>

/* === heads === */

static void push(struct h2 *h, struct weft_slice name, struct weft_slice value, uint8_t flags) {
    if (h->nva_n == h->nva_cap) {
        h->nva_cap = h->nva_cap ? h->nva_cap * 2 : 64;
        h->nva = weft_realloc(h->nva, h->nva_cap * sizeof *h->nva);
    }
    h->nva[h->nva_n++] = (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name.base, /* nghttp2 copies; it only lacks the const */
        .value = (uint8_t *)(uintptr_t)(value.base ? value.base : ""),
        .namelen = name.len,
        .valuelen = value.len,
        .flags = flags,
    };
}
/* A name that lives for ever needs no copy, nor nghttp2 to make it lower case. */
enum { OWN_NAME = NGHTTP2_NV_FLAG_NO_COPY_NAME };
#define PUSH_LIT(h, name, value) push((h), WEFT_SLICE_LIT(name), (value), OWN_NAME)

/* Values that no second message has: in HPACK's table they would only drive out others. */
#define ONCE (HTTP_BIT(X_REQUEST_ID) | HTTP_BIT(TRACEPARENT))

static void push_fields(struct h2 *h, const struct weft_fields *f) {
    for (uint32_t i = 0; i < f->n; i++) {
        const struct weft_field *one = &f->items[i];
        if (http_is_hop(one)) continue;
        bool known = one->token != WEFT_TOKEN_OTHER;
        uint8_t flags = known ? OWN_NAME : NGHTTP2_NV_FLAG_NONE;
        if ((ONCE >> one->token) & 1) flags |= NGHTTP2_NV_FLAG_NO_INDEX;
        push(h, known ? http_token_slice(one->token) : one->name, one->value, flags);
    }
}

/* `text` must live until the head is submitted. */
static void push_length(struct h2 *h, const struct weft_head *head, char text[24]) {
    if (head->framing != WEFT_BODY_LENGTH && !head->has_content_length) return;
    const char *end = http_put_number(text, head->content_length);
    PUSH_LIT(h, "content-length", weft_slice(text, (size_t)(end - text)));
}

/* === bodies === */

/* Trailers follow the last DATA; nghttp2 wants them submitted from here. */
static void end_data(struct h2 *h, struct weft_stream *s, uint32_t *flags) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!s->out_trailers.n) return;
    h->nva_n = 0;
    push_fields(h, &s->out_trailers);
    if (!h->nva_n) return;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    (void)nghttp2_submit_trailer(h->session, (int32_t)s->id, h->nva, h->nva_n);
}

static ssize_t read_data(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *ud) {
    (void)session, (void)id, (void)buf;
    struct weft_stream *s = WEFT_CAST(weft_stream, source->ptr);
    size_t n = weft_buf_size(&s->out);
    if (n == 0 && !s->out_done) return NGHTTP2_ERR_DEFERRED;
    if (s->out_done && n <= length) end_data(h2_cast(ud), s, flags);
    if (n) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)(n < length ? n : length);
}

static int send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                     size_t length, nghttp2_data_source *source, void *ud) {
    (void)session, (void)frame; /* no padding is asked for */
    struct h2 *h = h2_cast(ud);
    struct weft_stream *s = WEFT_CAST(weft_stream, source->ptr);
    enum { FRAME_HEAD = 9 };
    if (h->pulled >= h->pull_max) return NGHTTP2_ERR_WOULDBLOCK;
    char *p = weft_buf_reserve(h->pulling, FRAME_HEAD + length);
    if (!p) return NGHTTP2_ERR_WOULDBLOCK;
    memcpy(p, head, FRAME_HEAD);
    memcpy(p + FRAME_HEAD, weft_buf_slice(&s->out).base, length);
    weft_buf_commit(h->pulling, FRAME_HEAD + length);
    weft_buf_consume(&s->out, length);
    h->pulled += FRAME_HEAD + length;
    h->queued -= length;
    h->data_sent += length;
    s->out_moved = true;
    h2_budget_data_sent(&h->budget);
    return 0;
}

static nghttp2_data_provider provider(struct weft_stream *s) {
    return (nghttp2_data_provider){.source.ptr = s, .read_callback = read_data};
}

/* === messages === */

static void push_request(struct h2 *h, const struct weft_head *head, char length[24]) {
    h->nva_n = 0;
    PUSH_LIT(h, ":method", head->method);
    PUSH_LIT(h, ":scheme", head->scheme.len ? head->scheme : WEFT_SLICE_LIT("http"));
    if (head->authority.base) PUSH_LIT(h, ":authority", head->authority);
    PUSH_LIT(h, ":path", head->path);
    push_length(h, head, length);
    if (head->te_trailers) PUSH_LIT(h, "te", WEFT_SLICE_LIT("trailers"));
    if (head->expect_continue) PUSH_LIT(h, "expect", WEFT_SLICE_LIT("100-continue"));
    push_fields(h, &head->fields);
}

enum weft_status h2_request(struct weft_stream *s, const struct weft_head *head, bool end) {
    struct h2 *h = h2_of(s->codec);
    char length[24];
    if (!http_is_token(head->method) || !http_target_chars_ok(head->path) ||
        !http_authority_ok(head->authority) || !http_fields_clean(&head->fields))
        return WEFT_INVALID;
    push_request(h, head, length);
    nghttp2_data_provider body = provider(s);
    int32_t id = nghttp2_submit_request(h->session, NULL, h->nva, h->nva_n, end ? NULL : &body, s);
    if (id < 0) return WEFT_LIMIT;
    s->id = (uint32_t)id;
    h->wires++;
    return WEFT_OK;
}

static int submit_final(struct h2 *h, struct weft_stream *s, bool end) {
    nghttp2_data_provider body = provider(s);
    return nghttp2_submit_response(h->session, (int32_t)s->id, h->nva, h->nva_n,
                                   end ? NULL : &body);
}

enum weft_status h2_head(struct weft_stream *s, const struct weft_head *head, bool end) {
    struct h2 *h = h2_of(s->codec);
    char status[4] = {(char)('0' + head->status / 100), (char)('0' + head->status / 10 % 10),
                      (char)('0' + head->status % 10), 0},
         length[24];
    if (!http_fields_clean(&head->fields)) {
        weft_stream_reset(s, WEFT_INTERNAL);
        return WEFT_INVALID;
    }
    h->nva_n = 0;
    PUSH_LIT(h, ":status", weft_slice(status, 3));
    if (head->status >= 200 && head->status != 204) push_length(h, head, length);
    push_fields(h, &head->fields);
    int rv = head->status >= 200
                 ? submit_final(h, s, end)
                 : nghttp2_submit_headers(h->session, NGHTTP2_FLAG_NONE, (int32_t)s->id, NULL,
                                          h->nva, h->nva_n, NULL);
    return rv < 0 ? WEFT_CLOSED : WEFT_OK;
}

/* Wakes nghttp2 up where read_data had nothing; no effect elsewhere. */
static void resume(struct weft_stream *s) {
    (void)nghttp2_session_resume_data(h2_of(s->codec)->session, (int32_t)s->id);
}

void h2_data(struct weft_stream *s, struct weft_slice data) {
    h2_of(s->codec)->queued += data.len;
    if (!weft_buf_size(&s->out)) s->out_moved = true;
    (void)weft_buf_append(&s->out, data); /* bounded by WEFT_STREAM_HIGH plus one call */
    resume(s);
}

void h2_end(struct weft_stream *s, const struct weft_fields *trailers) {
    if (trailers && http_fields_clean(trailers)) {
        weft_fields_init(&s->out_trailers, &s->out_arena);
        (void)http_fields_copy(&s->out_trailers, trailers);
    }
    resume(s);
}

void h2_dropped(struct weft_stream *s) {
    h2_of(s->codec)->queued -= weft_buf_size(&s->out);
}

void h2_reset(struct weft_stream *s, enum weft_status status) {
    h2_dropped(s);
    weft_buf_clear(&s->out);
    (void)nghttp2_submit_rst_stream(h2_of(s->codec)->session, NGHTTP2_FLAG_NONE, (int32_t)s->id,
                                    h2_code_of(status));
}

static void stop_request(struct weft_stream *s) {
    (void)nghttp2_submit_rst_stream(h2_of(s->codec)->session, NGHTTP2_FLAG_NONE, (int32_t)s->id,
                                    NGHTTP2_NO_ERROR);
}

void h2_abandon(struct weft_stream *s) {
    s->rst_after_end = true;
    if (s->sent_end) stop_request(s);
}

/* === frames === */

static int before_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *ud) {
    (void)session;
    struct h2 *h = h2_cast(ud);
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        h->failed = true;
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    struct weft_stream *s = h2_stream(h, frame->hd.stream_id);
    if (s) s->sent_head = true;
    return 0;
}

static int reset_sent(struct h2 *h, const nghttp2_frame *frame) {
    h2_guard_reset(h, frame->hd.stream_id);
    if (h->base.role == WEFT_SERVER && !h2_budget_reset_sent(h, frame->rst_stream.error_code))
        (void)nghttp2_session_terminate_session(h->session, h->lose_code);
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *ud) {
    (void)session;
    if (frame->hd.type == NGHTTP2_RST_STREAM) return reset_sent(h2_cast(ud), frame);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    struct weft_stream *s = h2_stream(h2_cast(ud), frame->hd.stream_id);
    if (!s) return 0;
    s->sent_end = true;
    if (s->rst_after_end) stop_request(s);
    return 0;
}

void h2_set_send_callbacks(nghttp2_session_callbacks *cbs) {
    nghttp2_session_callbacks_set_send_data_callback(cbs, send_data);
    nghttp2_session_callbacks_set_before_frame_send_callback(cbs, before_frame_send);
    nghttp2_session_callbacks_set_on_frame_send_callback(cbs, on_frame_send);
}

static void pull_frames(struct h2 *h, struct weft_buf *out) {
    while (h->pulled < h->pull_max) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(h->session, &bytes);
        if (n < 0) h->failed = true; /* only out of memory or a bug of ours */
        if (n <= 0) return;
        if (weft_buf_append(out, weft_slice((const char *)bytes, (size_t)n)) != WEFT_OK) {
            h->failed = true; /* the caller's maximum is below one frame */
            return;
        }
        h->pulled += (size_t)n;
    }
}

size_t h2_pull(struct weft_codec *c, struct weft_buf *out, size_t max) {
    struct h2 *h = h2_of(c);
    if (h->in_session || h->gone) return 0;
    bool failed_before = h->failed;
    h->in_session = true;
    h->pulling = out;
    h->pulled = 0;
    h->pull_max = max;
    pull_frames(h, out);
    h->in_session = false;
    h->pulling = NULL;
    if (h->failed && !failed_before) {
        codec_retire(c);
        codec_fail_all(c, WEFT_PROTOCOL);
    }
    return h->pulled;
}

/* SPDX-License-Identifier: Apache-2.0
 * The HTTP/1 connection: one exchange at a time, in both roles. */
#include "h1_internal.h"
#include <weft/base/keep.h>

enum { MAX_INTERIM = 32 };

static bool is_server(const struct h1 *h) {
    return h->base.role == WEFT_SERVER;
}

static bool is_paused(const struct h1 *h) {
    bool in_body = h->state == H1_LENGTH || h->state == H1_CHUNKED || h->state == H1_CLOSE ||
                   h->state == H1_TUNNEL;
    return in_body && h->cur && h->cur->paused;
}

static void begin_block(struct h1 *h, bool trailer) {
    h->scan = (struct h1_scan){.trailer = trailer, .response = !is_server(h)};
    weft_buf_clear(&h->block);
}

/* === the end of an exchange === */

static void next_exchange(struct h1 *h) {
    h->state = H1_HEAD;
    h->leftover = false;
    h->continue_due = false;
    begin_block(h, /* trailer= */ false);
}

static void h1_over(struct weft_stream *s) {
    struct h1 *h = h1_of(s->codec);
    h->cur = NULL;
    h->peer_ended = h->asked_close && s->in_done && !s->dead;
    if (s->dead || h->last || h->base.closing) {
        h->state = H1_DISCARD;
        codec_retire(&h->base);
    } else {
        next_exchange(h);
    }
    stream_unwire(s);
}

/* Nothing more is sent, and nobody may take what was sent for complete. */
static void cut(struct h1 *h) {
    h->base.broken = true;
    h->state = H1_DISCARD;
    weft_buf_clear(&h->out);
}

static void h1_reset(struct weft_stream *s, enum weft_status status) {
    (void)status;
    cut(h1_of(s->codec));
}

static void h1_abandon(struct weft_stream *s) {
    h1_of(s->codec)->state = H1_DISCARD;
}

/* The peer broke the protocol, or went away, inside a message. */
static enum weft_status fail(struct h1 *h, enum weft_status status) {
    struct weft_stream *s = h->cur;
    if (is_server(h) && s && !s->out_head && status == WEFT_PROTOCOL)
        h1_write_error(h);
    else if (is_server(h) && s && s->out_head && !s->out_done)
        cut(h);
    h->state = H1_DISCARD;
    h->last = true;
    codec_retire(&h->base);
    if (s) stream_fail(s, status, /* unprocessed= */ false);
    return status;
}

/* A server tells it of the connection, which ends; a client of the stream. */
static enum weft_status fail_for(struct h1 *h, enum weft_cap cap) {
    if (is_server(h) && h->base.cap == WEFT_CAP_NONE) h->base.cap = cap;
    h->cur->cap = is_server(h) ? WEFT_CAP_NONE : cap;
    return fail(h, WEFT_PROTOCOL);
}

/* The incoming message is complete. */
static void message_end(struct h1 *h, bool told) {
    struct weft_stream *s = h->cur;
    h->state = H1_WAIT;
    stream_in_end(s, told);
}

/* === heads === */

static enum h1_state body_state(struct h1 *h, const struct weft_head *head) {
    switch (head->framing) {
    case WEFT_BODY_CHUNKED:
        h->extension_bytes = 0;
        return H1_CHUNKED;
    case WEFT_BODY_CLOSE:
        return H1_CLOSE;
    case WEFT_BODY_LENGTH:
        h->left = head->content_length;
        return h->left ? H1_LENGTH : H1_WAIT;
    default:
        return H1_WAIT;
    }
}

static struct weft_head *new_head(struct weft_stream *s) {
    struct weft_head *head = weft_arena_alloc(&s->arena, sizeof *head);
    if (head) weft_head_init(head, &s->arena);
    return head;
}

static void deliver_request(struct h1 *h, struct weft_stream *s, struct weft_head *head) {
    bool end = h->state == H1_WAIT || h->state == H1_DISCARD;
    s->in_head = s->in_any = true;
    s->in_done = end;
    stream_emit_request(s, head, end);
    stream_check_over(s);
}

static void take_request(struct h1 *h, struct weft_slice block, enum weft_reason refused) {
    struct weft_stream *s = stream_new(&h->base);
    struct weft_head *head = new_head(s); /* a new arena has room */
    struct h1_message m = {0};
    WEFT_CHECK(head);
    s->id = ++h->base.last_id;
    s->out_start = UINT64_MAX;
    s->rx = head;
    s->cap = h->scan.cap;
    h->cur = s;
    if (refused == WEFT_REASON_NONE)
        refused = h1_parse_request(h, s, block, head, &m);
    else
        h1_parse_refused(s, block, head);
    head->refused = refused;
    s->head_request = weft_slice_is(head->method, "HEAD");
    s->request_10 = head->version == WEFT_HTTP_10;
    s->upgrade = refused == WEFT_REASON_NONE && head->upgrade.len > 0;
    if (refused != WEFT_REASON_NONE) {
        head->framing = WEFT_BODY_NONE;
        h->last = true;
        h->state = H1_DISCARD;
    } else {
        h->last = h->asked_close = !m.persistent;
        h->state = body_state(h, head);
        h->continue_due = head->expect_continue && h->state != H1_WAIT && !s->request_10;
        head->expect_continue = h->continue_due;
    }
    deliver_request(h, s, head);
}

/* Only where it was asked for, and naming what was switched to. */
static enum weft_status take_switch(struct h1 *h, struct weft_head *head) {
    struct weft_stream *s = h->cur;
    if (!s->upgrade || !s->out_done || !head->upgrade.len) return fail(h, WEFT_PROTOCOL);
    s->rx = head;
    stream_open_tunnel(s);
    stream_emit_response(s, head, /* end= */ false);
    return WEFT_OK;
}

static enum weft_status take_response(struct h1 *h, struct weft_slice block) {
    struct weft_stream *s = h->cur;
    struct weft_head *head = new_head(s);
    struct h1_message m;
    if (!head) return fail_for(h, WEFT_CAP_REQUEST_MEMORY);
    if (!h1_parse_response(h, s, block, head, &m)) return fail_for(h, s->cap);
    begin_block(h, /* trailer= */ false);
    if (head->status < 200) {
        if (head->status == 101) return take_switch(h, head);
        if (++s->interim > MAX_INTERIM) return fail(h, WEFT_PROTOCOL);
        stream_emit_info(s, head);
        return WEFT_OK;
    }
    s->rx = head;
    s->in_head = true;
    h->last |= !m.persistent;
    h->state = body_state(h, head);
    bool end = h->state == H1_WAIT;
    s->in_done = end;
    if (h->last) codec_retire(&h->base);
    stream_emit_response(s, head, end);
    stream_check_over(s);
    return WEFT_OK;
}

static enum weft_status take_trailers(struct h1 *h, struct weft_slice block) {
    struct weft_stream *s = h->cur;
    if (!h1_parse_trailers(h, s, block, &s->trailers)) return fail_for(h, s->cap);
    h->state = H1_WAIT; /* so that a callback that ends the exchange finds it complete */
    if (s->trailers.n) stream_emit_trailers(s, &s->trailers);
    if (h->cur == s) message_end(h, /* told= */ false);
    return WEFT_OK;
}

/* A block is complete, or refused. */
static enum weft_status take_block(struct h1 *h, struct weft_slice block,
                                   enum weft_reason refused) {
    if (h->state == H1_TRAILER) return refused ? fail_for(h, h->scan.cap) : take_trailers(h, block);
    block = weft_slice_from(block, h->scan.start);
    if (!is_server(h)) return refused ? fail_for(h, h->scan.cap) : take_response(h, block);
    take_request(h, block, refused);
    return WEFT_OK;
}

/* Takes bytes of a head or trailer section; parses in place when it lies in `in` as a whole. */
static enum weft_status feed_block(struct h1 *h, struct weft_slice in, size_t *ret_used) {
    size_t before = weft_buf_size(&h->block), end;
    enum weft_reason refused;
    struct weft_slice block = in;
    *ret_used = in.len;
    if (before) {
        (void)weft_buf_append(&h->block, in);
        block = weft_buf_slice(&h->block);
    }
    if (!h1_scan(&h->scan, &h->base.limits, block, &end, &refused)) {
        if (!before) (void)weft_buf_append(&h->block, in);
        return WEFT_OK;
    }
    if (!refused) {
        *ret_used = end - before;
        block = weft_slice_head(block, end);
    }
    enum weft_status st = take_block(h, block, refused);
    if (before) weft_buf_clear(&h->block);
    return st;
}

/* === bodies === */

static void feed_length(struct h1 *h, struct weft_slice in, size_t *ret_used) {
    struct weft_stream *s = h->cur;
    size_t n = in.len < h->left ? in.len : (size_t)h->left;
    h->left -= n;
    *ret_used = n;
    stream_emit_data(s, weft_slice_head(in, n));
    if (h->state == H1_LENGTH && h->cur == s && h->left == 0) message_end(h, /* told= */ false);
}

int h1_on_body(llhttp_t *p, const char *at, size_t len) {
    struct h1 *h = h1_of(WEFT_CAST(weft_codec, p->data));
    if (len) stream_emit_data(h->cur, weft_slice(at, len));
    if (h->state != H1_CHUNKED) return HPE_USER;
    return is_paused(h) ? HPE_PAUSED : 0;
}

int h1_on_chunk_header(llhttp_t *p) {
    struct h1 *h = h1_of(WEFT_CAST(weft_codec, p->data));
    h->last_chunk = p->content_length == 0;
    return h->last_chunk ? HPE_PAUSED : 0;
}

int h1_on_chunk_extension(llhttp_t *p, const char *at, size_t len) {
    struct h1 *h = h1_of(WEFT_CAST(weft_codec, p->data));
    (void)at;
    h->extension_bytes += len;
    if (h->extension_bytes <= h->base.limits.extension_bytes) return 0;
    h->too_much = WEFT_CAP_EXTENSIONS;
    return HPE_USER;
}

static enum weft_status feed_chunked(struct h1 *h, struct weft_slice in, size_t *ret_used) {
    h->last_chunk = false;
    llhttp_errno_t rv = llhttp_execute(&h->parser, in.base, in.len);
    *ret_used = in.len;
    if (h->state != H1_CHUNKED || rv == HPE_OK) return WEFT_OK; /* reset meanwhile, or all taken */
    if (rv != HPE_PAUSED) return fail_for(h, h->too_much);
    *ret_used = (size_t)(llhttp_get_error_pos(&h->parser) - in.base);
    llhttp_resume(&h->parser);
    if (h->last_chunk) {
        h->state = H1_TRAILER;
        begin_block(h, /* trailer= */ true);
    }
    return WEFT_OK;
}

/* === feeding === */

/* Bytes from a server that was not asked. */
static enum weft_status unsolicited(struct h1 *h, struct weft_slice in, size_t *ret_used) {
    *ret_used = in.len;
    if (h->state == H1_WAIT) { /* behind a complete response */
        h->last = true;
        codec_retire(&h->base);
        return WEFT_OK;
    }
    return fail(h, h->cur ? WEFT_PROTOCOL : WEFT_CLOSED);
}

static enum weft_status feed_some(struct h1 *h, struct weft_slice in, size_t *ret_used) {
    switch (h->state) {
    case H1_HEAD:
        if (!is_server(h) && (!h->cur || !h->base.ops->sent_any(h->cur)))
            return unsolicited(h, in, ret_used);
        if (h->cur) h->cur->in_any = true;
        return feed_block(h, in, ret_used);
    case H1_TRAILER:
        return feed_block(h, in, ret_used);
    case H1_LENGTH:
        feed_length(h, in, ret_used);
        return WEFT_OK;
    case H1_CHUNKED:
        return feed_chunked(h, in, ret_used);
    case H1_CLOSE:
    case H1_TUNNEL:
        *ret_used = in.len;
        stream_emit_data(h->cur, in);
        return WEFT_OK;
    case H1_WAIT:
        return unsolicited(h, in, ret_used);
    default:
        h->peer_ended = false;
        *ret_used = in.len;
        return WEFT_OK;
    }
}

/* A pipelined request waits for its turn; and while its predecessors' answers pile up. */
static bool is_blocked(const struct h1 *h) {
    if (is_paused(h)) return true;
    if (!is_server(h)) return false;
    return h->state == H1_WAIT ||
           (h->state == H1_HEAD && weft_buf_size(&h->out) >= WEFT_STREAM_HIGH);
}

static enum weft_status h1_feed(struct weft_codec *c, struct weft_slice in, size_t *ret_used) {
    struct h1 *h = h1_of(c);
    enum weft_status st = WEFT_OK;
    while (*ret_used < in.len && st == WEFT_OK && !is_blocked(h)) {
        size_t n = 0;
        st = feed_some(h, weft_slice_from(in, *ret_used), &n);
        *ret_used += n;
    }
    h->leftover = *ret_used < in.len;
    c->took_input = c->ops->wants_input(c);
    return st;
}

static bool h1_wants_input(const struct weft_codec *c) {
    const struct h1 *h = h1_of(c);
    return !is_blocked(h) || (h->state == H1_WAIT && !h->leftover);
}

static void h1_eof(struct weft_codec *c) {
    struct h1 *h = h1_of(c);
    h->last = true;
    codec_retire(c);
    if (!h->cur)
        h->state = H1_DISCARD;
    else if (h->state == H1_CLOSE || h->state == H1_TUNNEL)
        message_end(h, /* told= */ false);
    else if (!h->cur->in_done)
        (void)fail(h, WEFT_RESET);
}

/* === output === */

/* Hands the whole buffer over instead of copying it. */
static bool swap_out(struct h1 *h, struct weft_buf *out, size_t n) {
    if (weft_buf_size(out) || weft_buf_size(&h->out) != n || (out->max && n > out->max))
        return false;
    struct weft_buf mine = h->out;
    const size_t max = out->max;
    h->out = *out;
    h->out.max = 0;
    weft_buf_clear(&h->out);
    *out = mine;
    out->max = max;
    return true;
}

static size_t h1_pull(struct weft_codec *c, struct weft_buf *out, size_t max) {
    struct h1 *h = h1_of(c);
    size_t n = weft_buf_size(&h->out) < max ? weft_buf_size(&h->out) : max;
    if (n == 0) return 0;
    if (!swap_out(h, out, n)) {
        if (weft_buf_append(out, weft_slice_head(weft_buf_slice(&h->out), n)) != WEFT_OK) return 0;
        weft_buf_consume(&h->out, n);
    }
    h->pulled += n;
    return n;
}

static bool h1_has_output(const struct weft_codec *c) {
    return weft_buf_size(&h1_of(c)->out) > 0;
}

static bool h1_finished(const struct weft_codec *c) {
    const struct h1 *h = h1_of(c);
    if (c->broken) return true;
    bool idle = !h->cur && weft_buf_size(&h->out) == 0;
    return idle && (h->state == H1_DISCARD || (c->closing && weft_buf_size(&h->block) == 0));
}

static void h1_drain(struct weft_codec *c) {
    codec_retire(c);
}

static uint32_t h1_capacity(const struct weft_codec *c) {
    const struct h1 *h = h1_of(c);
    return h->state == H1_HEAD && !h->cur && !h->last;
}

static enum weft_status h1_request(struct weft_stream *s, const struct weft_head *head, bool end) {
    struct h1 *h = h1_of(s->codec);
    enum weft_status st = h1_write_request(s, head, end);
    if (st != WEFT_OK) return st;
    s->id = ++h->base.last_id;
    s->upgrade = end && head->upgrade.len > 0;
    h->cur = s;
    return WEFT_OK;
}

static void h1_tunnel(struct weft_stream *s) {
    struct h1 *h = h1_of(s->codec);
    h->state = H1_TUNNEL;
    h->tunnel = h->last = true;
    h->out_chunked = false;
    codec_retire(&h->base);
}

static size_t h1_queued(const struct weft_stream *s) {
    const struct h1 *h = h1_of(s->codec);
    return h->cur == s ? weft_buf_size(&h->out) : 0;
}

static bool h1_sent_any(const struct weft_stream *s) {
    return h1_of(s->codec)->pulled > s->out_start;
}

static void h1_ping(struct weft_codec *c) {
    (void)c;
}

static bool h1_in_head(const struct weft_codec *c) {
    return h1_of(c)->state == H1_HEAD && weft_buf_size(&h1_of(c)->block) > 0;
}

static uint64_t h1_queued_all(const struct weft_codec *c) {
    return weft_buf_size(&h1_of(c)->out);
}

static uint64_t h1_sent(const struct weft_codec *c) {
    return h1_of(c)->pulled;
}

static void h1_resumed(struct weft_stream *s) {
    (void)s; /* settling tells that input is wanted again */
}

static void h1_destroy(struct weft_codec *c) {
    struct h1 *h = h1_of(c);
    weft_buf_done(&h->block);
    weft_buf_done(&h->out);
    weft_keep_drop(h);
}

static const struct codec_ops ops = {
    .feed = h1_feed,
    .eof = h1_eof,
    .pull = h1_pull,
    .has_output = h1_has_output,
    .wants_input = h1_wants_input,
    .finished = h1_finished,
    .drain = h1_drain,
    .capacity = h1_capacity,
    .ping = h1_ping,
    .in_head = h1_in_head,
    .queued_all = h1_queued_all,
    .sent = h1_sent,
    .destroy = h1_destroy,
    .request = h1_request,
    .head = h1_write_head,
    .data = h1_write_data,
    .end = h1_write_end,
    .reset = h1_reset,
    .resumed = h1_resumed,
    .queued = h1_queued,
    .sent_any = h1_sent_any,
    .tunnel = h1_tunnel,
    .over = h1_over,
    .abandon = h1_abandon,
};

struct weft_codec *weft_h1_new(enum weft_role role, const struct weft_codec_limits *limits,
                               const struct weft_codec_cb *cb, void *owner) {
    struct h1 *h = weft_keep_new0(struct h1);
    codec_init(&h->base, &ops, role, limits, cb, owner);
    weft_buf_init(&h->block, 0); /* bounded by head_bytes plus one read */
    weft_buf_init(&h->out, 0);   /* bounded by WEFT_STREAM_HIGH plus one call */
    begin_block(h, /* trailer= */ false);
    return &h->base;
}

bool weft_codec_peer_ended(const struct weft_codec *c) {
    return !c->is_h2 && h1_of(c)->peer_ended && !h1_of(c)->leftover;
}

bool weft_codec_is_tunnel(const struct weft_codec *c) {
    return !c->is_h2 && h1_of(c)->tunnel;
}

bool weft_codec_out_ended(const struct weft_codec *c) {
    return !c->is_h2 && h1_of(c)->out_ended;
}

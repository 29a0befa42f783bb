/* SPDX-License-Identifier: Apache-2.0
 * The codec as its owner sees it: one level of dispatch to HTTP/1 or HTTP/2. */
#include "codec_internal.h"

struct weft_codec_limits weft_codec_limits_default(void) {
    return (struct weft_codec_limits){
        .head_bytes = WEFT_MAX_HEAD_BYTES,
        .fields = WEFT_MAX_FIELDS,
        .target_bytes = WEFT_MAX_TARGET_BYTES,
        .streams = WEFT_MAX_STREAMS,
        .extension_bytes = WEFT_MAX_EXTENSION_BYTES,
        .request_bytes = WEFT_REQUEST_ARENA,
        .stream_window = WEFT_STREAM_WINDOW,
        .conn_window = WEFT_CONN_WINDOW,
        .frames = WEFT_MAX_FRAMES,
        .resets = WEFT_MAX_RESETS,
        .queued = WEFT_CONN_QUEUED,
    };
}

void codec_init(struct weft_codec *c, const struct codec_ops *ops, enum weft_role role,
                const struct weft_codec_limits *limits, const struct weft_codec_cb *cb,
                void *owner) {
    WEFT_OBJ_INIT(weft_codec, c);
    c->ops = ops;
    c->role = role;
    c->limits = limits ? *limits : weft_codec_limits_default();
    c->cb = *cb;
    c->owner = owner;
    c->took_input = true;
    weft_list_init(&c->streams);
    weft_list_init(&c->reap);
}

enum weft_status weft_codec_feed(struct weft_codec *c, struct weft_slice in, size_t *ret_used) {
    WEFT_CHECK(c->depth == 0);
    codec_enter(c);
    *ret_used = 0;
    enum weft_status st = c->ops->feed(c, in, ret_used);
    codec_leave(c);
    return st;
}

void weft_codec_eof(struct weft_codec *c) {
    WEFT_CHECK(c->depth == 0);
    codec_enter(c);
    c->ops->eof(c);
    codec_leave(c);
}

size_t weft_codec_pull(struct weft_codec *c, struct weft_buf *out, size_t max) {
    codec_enter(c);
    size_t n = c->ops->pull(c, out, max);
    /* Before leaving, where others may write: what they write is told of. */
    bool has = c->depth > 1 ? c->ops->has_output(c) : codec_has_output(c);
    if (!has) c->told_output = false;
    codec_leave(c);
    return n;
}

bool weft_codec_has_output(const struct weft_codec *c) {
    return c->settled ? c->has_out : c->ops->has_output(c);
}

bool weft_codec_wants_input(const struct weft_codec *c) {
    return c->ops->wants_input(c);
}

bool weft_codec_finished(const struct weft_codec *c) {
    return c->ops->finished(c);
}

bool weft_codec_broken(const struct weft_codec *c) {
    return c->broken;
}

void weft_codec_drain(struct weft_codec *c) {
    if (c->closing) return;
    codec_enter(c);
    c->closing = true;
    c->ops->drain(c);
    codec_leave(c);
}

uint32_t weft_codec_streams(const struct weft_codec *c) {
    return c->live;
}

uint32_t weft_codec_capacity(const struct weft_codec *c) {
    bool open = c->role == WEFT_CLIENT && !c->retired && !c->closing && !c->broken;
    return open ? c->ops->capacity(c) : 0;
}

bool weft_codec_is_h2(const struct weft_codec *c) {
    return c->is_h2;
}

bool weft_codec_in_head(const struct weft_codec *c) {
    return c->role == WEFT_SERVER && c->ops->in_head(c);
}

void weft_codec_at(struct weft_codec *c, uint64_t now_us) {
    c->now_us = now_us;
}

uint64_t weft_codec_queued(const struct weft_codec *c) {
    return c->ops->queued_all(c);
}

uint64_t weft_codec_sent(const struct weft_codec *c) {
    return c->ops->sent(c);
}

bool weft_codec_blocked(const struct weft_codec *c) {
    return c->ops->shut && c->ops->queued_all(c) && c->ops->shut(c, NULL);
}

/* Has it had bytes to send, and a window shut, for so long? */
static bool stands_still(struct weft_stream *s, uint64_t now_us, uint64_t after_us) {
    const struct codec_ops *ops = s->codec->ops;
    bool free = s->out_moved || !ops->queued(s) || !ops->shut(s->codec, s);
    s->out_moved = false;
    if (free) s->out_since_us = now_us;
    return !free && now_us - s->out_since_us >= after_us;
}

uint32_t weft_codec_expire(struct weft_codec *c, uint64_t now_us, uint64_t after_us) {
    uint32_t n = 0;
    if (!c->ops->shut || !c->ops->queued_all(c)) return 0;
    codec_enter(c);
    weft_list_each(it, &c->streams) {
        struct weft_stream *s = WEFT_CONTAINER(it, struct weft_stream, link);
        if (!stands_still(s, now_us, after_us)) continue;
        stream_drop(s, WEFT_TIMEOUT);
        n++;
    }
    codec_leave(c);
    return n;
}

bool weft_codec_shed(struct weft_codec *c) {
    struct weft_stream *most = NULL;
    size_t queued = 0;
    weft_list_each(it, &c->streams) {
        struct weft_stream *s = WEFT_CONTAINER(it, struct weft_stream, link);
        if (c->ops->queued(s) <= queued) continue;
        most = s;
        queued = c->ops->queued(s);
    }
    if (!most) return false;
    codec_enter(c);
    stream_drop(most, WEFT_AGAIN);
    codec_leave(c);
    return true;
}

void weft_codec_fail(struct weft_codec *c, enum weft_status status) {
    codec_enter(c);
    codec_fail_all(c, status);
    codec_leave(c);
}

bool weft_codec_over_queued(const struct weft_codec *c) {
    return c->limits.queued && c->ops->queued_all(c) >= c->limits.queued;
}

bool codec_is_tight(const struct weft_codec *c) {
    const struct weft_output_budget *b = c->limits.budget;
    return (b && b->used >= b->max) || weft_codec_over_queued(c);
}

enum weft_cap weft_codec_cap(const struct weft_codec *c) {
    return c->cap;
}

uint32_t weft_codec_take_refused(struct weft_codec *c) {
    uint32_t n = c->refused;
    c->refused = 0;
    return n;
}

void weft_codec_calm(struct weft_codec *c, enum weft_cap why) {
    codec_enter(c);
    if (c->cap == WEFT_CAP_NONE) c->cap = why;
    if (c->ops->calm) c->ops->calm(c);
    codec_leave(c);
}

void weft_codec_ping(struct weft_codec *c) {
    codec_enter(c);
    c->ops->ping(c);
    codec_leave(c);
}

void *weft_codec_owner(struct weft_codec *c) {
    return c->owner;
}

struct weft_stream *weft_codec_request(struct weft_codec *c, const struct weft_head *head, bool end,
                                       const struct weft_stream_cb *cb, void *ud) {
    if (weft_codec_capacity(c) == 0) return NULL;
    codec_enter(c);
    struct weft_stream *s = stream_new(c);
    weft_stream_set_cb(s, cb, ud);
    s->head_request = weft_slice_is(head->method, "HEAD");
    s->out_head = true;
    s->out_counted = head->framing == WEFT_BODY_LENGTH || head->framing == WEFT_BODY_NONE;
    s->out_left = head->framing == WEFT_BODY_LENGTH ? head->content_length : 0;
    s->out_done = end;
    enum weft_status st = end && s->out_left ? WEFT_INVALID : c->ops->request(s, head, end);
    if (st != WEFT_OK) {
        s->over = true; /* it never was: the wire knows nothing of it */
        c->live--;
        stream_unwire(s);
        s = NULL;
    } else {
        s->owned = true;
    }
    codec_leave(c);
    return s;
}

/* SPDX-License-Identifier: Apache-2.0
 * The life of a stream and of what it tells its user; the same for both wires. */
#include "codec_internal.h"
#include <weft/base/keep.h>

static const struct weft_stream_cb no_cb;

struct weft_stream *stream_new(struct weft_codec *c) {
    struct weft_stream *s = weft_keep_new0(struct weft_stream);
    WEFT_OBJ_INIT(weft_stream, s);
    s->codec = c;
    s->cb = &no_cb;
    weft_arena_init(&s->arena, c->limits.request_bytes);
    weft_arena_init(&s->out_arena, c->limits.request_bytes);
    weft_list_push(&c->streams, &s->link);
    weft_list_init(&s->reap_link);
    s->wire = true;
    c->live++;
    return s;
}

static void stream_free(struct weft_stream *s) {
    weft_list_remove(&s->link);
    weft_list_remove(&s->reap_link);
    weft_arena_done(&s->arena);
    weft_arena_done(&s->out_arena);
    if (s->codec && s->codec->ops->dropped) s->codec->ops->dropped(s);
    weft_buf_done(&s->out);
    WEFT_OBJ_DONE(s);
    weft_keep_drop(s);
}

static void set_want_writable(struct weft_stream *s, bool want) {
    if (s->want_writable == want) return;
    s->want_writable = want;
    if (want)
        s->codec->n_want_writable++;
    else
        s->codec->n_want_writable--;
}

/* The next settling frees it, or what it no longer needs. */
static void reap_later(struct weft_stream *s) {
    if (weft_list_empty(&s->reap_link)) weft_list_push(&s->codec->reap, &s->reap_link);
}

void stream_unwire(struct weft_stream *s) {
    s->wire = false;
    if (!s->owned) s->released = true; /* its head was never delivered */
    if (s->released) reap_later(s);
}

/* === events === */

void stream_emit_request(struct weft_stream *s, struct weft_head *head, bool end) {
    struct weft_codec *c = s->codec;
    s->owned = true;
    if (c->cb.on_request) c->cb.on_request(c->owner, s, head, end);
}

void stream_emit_response(struct weft_stream *s, struct weft_head *head, bool end) {
    if (stream_listens(s) && s->cb->on_head) s->cb->on_head(s->ud, head, end);
}

void stream_emit_info(struct weft_stream *s, struct weft_head *head) {
    if (stream_listens(s) && s->cb->on_info) s->cb->on_info(s->ud, head);
}

void stream_emit_data(struct weft_stream *s, struct weft_slice data) {
    if (stream_listens(s) && s->cb->on_data) s->cb->on_data(s->ud, data);
}

void stream_emit_trailers(struct weft_stream *s, struct weft_fields *trailers) {
    if (stream_listens(s) && s->cb->on_trailers) s->cb->on_trailers(s->ud, trailers);
}

void stream_in_end(struct weft_stream *s, bool told) {
    s->in_done = true;
    if (!told && stream_listens(s) && s->cb->on_end) s->cb->on_end(s->ud);
    stream_check_over(s);
}

void stream_open_tunnel(struct weft_stream *s) {
    s->in_head = s->out_head = true;
    s->in_done = s->out_done = false;
    s->out_none = s->out_counted = false;
    s->codec->ops->tunnel(s);
}

void stream_check_over(struct weft_stream *s) {
    if (s->over || !(s->dead || (s->in_done && s->out_done))) return;
    s->over = true;
    s->codec->live--;
    set_want_writable(s, false);
    s->codec->ops->over(s);
}

void stream_kill(struct weft_stream *s) {
    if (s->over) return;
    s->dead = true;
    stream_check_over(s);
}

void stream_fail(struct weft_stream *s, enum weft_status status, bool unprocessed) {
    if (s->over) return;
    struct weft_codec *c = s->codec;
    const struct weft_reset r = {
        .status = status,
        .unprocessed = unprocessed || (c->role == WEFT_CLIENT && !c->ops->sent_any(s)),
        .response_started = c->role == WEFT_CLIENT && (c->is_h2 ? s->in_head : s->in_any),
    };
    stream_kill(s);
    if (!s->released && s->cb->on_reset) s->cb->on_reset(s->ud, r);
}

void stream_drop(struct weft_stream *s, enum weft_status status) {
    s->codec->ops->reset(s, status);
    stream_fail(s, status, /* unprocessed= */ false);
}

/* === settling === */

static void tell_writable(struct weft_codec *c) {
    size_t low = codec_is_tight(c) ? WEFT_STREAM_FLOOR / 2 : WEFT_STREAM_LOW;
    weft_list_each(it, &c->streams) {
        struct weft_stream *s = WEFT_CONTAINER(it, struct weft_stream, link);
        if (!s->want_writable || c->ops->queued(s) >= low) continue;
        set_want_writable(s, false);
        if (stream_listens(s) && s->cb->on_writable) s->cb->on_writable(s->ud);
    }
}

static void tell_input(struct weft_codec *c) {
    bool wants = c->ops->wants_input(c), before = c->took_input;
    c->took_input = wants;
    if (wants && !before && c->cb.on_input) c->cb.on_input(c->owner);
}

static void tell_retired(struct weft_codec *c) {
    if (!c->retired || c->told_retired) return;
    c->told_retired = true;
    if (c->role == WEFT_CLIENT && c->cb.on_retire) c->cb.on_retire(c->owner);
}

bool codec_has_output(struct weft_codec *c) {
    if (!c->settled) c->has_out = c->ops->has_output(c);
    c->settled = true; /* until the next codec_enter */
    return c->has_out;
}

/* True when the owner was called and may have changed things. */
static bool tell_output(struct weft_codec *c) {
    bool has = codec_has_output(c);
    if (!has) c->told_output = false; /* pulled, or gone with a stream that the peer reset */
    bool output = has && !c->told_output;
    bool end = !output && !c->told_finished && c->ops->finished(c);
    bool shut = !output && !c->told_out_ended && weft_codec_out_ended(c);
    if (!output && !end && !shut) return false;
    c->told_output |= output;
    c->told_finished |= end;
    c->told_out_ended |= shut;
    if (c->cb.on_output) c->cb.on_output(c->owner);
    return true;
}

static void reap(struct weft_codec *c) {
    while (!weft_list_empty(&c->reap)) {
        struct weft_stream *s = WEFT_CONTAINER(c->reap.next, struct weft_stream, reap_link);
        weft_list_remove(&s->reap_link);
        if (!s->wire)
            stream_free(s);
        else
            weft_arena_done(&s->arena); /* the answer is still on its way out */
    }
}

void codec_enter(struct weft_codec *c) {
    c->settled = false;
    c->depth++;
}

void codec_leave(struct weft_codec *c) {
    if (c->depth == 1) {
        do {
            if (c->n_want_writable) tell_writable(c);
            tell_retired(c);
            tell_input(c);
        } while (tell_output(c));
        reap(c);
    }
    c->depth--;
}

void codec_retire(struct weft_codec *c) {
    c->retired = true;
}

/* === the user's side === */

void weft_stream_set_cb(struct weft_stream *s, const struct weft_stream_cb *cb, void *ud) {
    s->cb = cb ? cb : &no_cb;
    s->ud = ud;
}

enum weft_cap weft_stream_cap(const struct weft_stream *s) {
    return s->cap;
}

struct weft_arena *weft_stream_arena(struct weft_stream *s) {
    return &s->arena;
}

uint32_t weft_stream_id(const struct weft_stream *s) {
    return s->id;
}

struct weft_codec *weft_stream_codec(struct weft_stream *s) {
    return s->codec;
}

static bool is_inert(const struct weft_stream *s) {
    return !s->codec || s->over || s->released;
}

size_t weft_stream_queued(const struct weft_stream *s) {
    return is_inert(s) ? 0 : s->codec->ops->queued(s);
}

bool weft_stream_sent_any(const struct weft_stream *s) {
    return s->codec ? s->codec->ops->sent_any(s) : s->sent_head;
}

bool weft_stream_complete(const struct weft_stream *s) {
    return s->in_done && s->out_done && !s->dead;
}

static enum weft_status out_broken(struct weft_stream *s) {
    weft_stream_reset(s, WEFT_PROTOCOL);
    return WEFT_PROTOCOL;
}

/* What the head announces, so that the body can be held to it. */
static void expect_body(struct weft_stream *s, const struct weft_head *head) {
    s->out_head = true;
    s->out_counted = head->framing == WEFT_BODY_LENGTH || head->framing == WEFT_BODY_NONE;
    s->out_left = head->framing == WEFT_BODY_LENGTH ? head->content_length : 0;
}

static enum weft_status final_head(struct weft_stream *s, const struct weft_head *head, bool end) {
    s->out_none = s->head_request || !http_status_has_body(head->status);
    expect_body(s, head);
    if (end && !s->out_none && s->out_left) return out_broken(s);
    enum weft_status st = s->codec->ops->head(s, head, end || s->out_none);
    if (end && st == WEFT_OK) s->out_done = true;
    stream_check_over(s);
    return st;
}

static enum weft_status switch_head(struct weft_stream *s, const struct weft_head *head) {
    if (!s->upgrade || !s->in_done || !head->upgrade.len) return WEFT_UNSUPPORTED;
    enum weft_status st = s->codec->ops->head(s, head, false);
    if (st == WEFT_OK) stream_open_tunnel(s);
    return st;
}

static enum weft_status interim_head(struct weft_stream *s, const struct weft_head *head) {
    if (head->status == 101) return switch_head(s, head);
    if (s->request_10) return WEFT_OK; /* RFC 9110 15.2: HTTP/1.0 has none */
    return s->codec->ops->head(s, head, false);
}

enum weft_status weft_stream_head(struct weft_stream *s, const struct weft_head *head, bool end) {
    if (is_inert(s)) return WEFT_CLOSED;
    struct weft_codec *c = s->codec;
    if (s->out_head || c->role != WEFT_SERVER || head->status < 100 || head->status > 999)
        return WEFT_INVALID;
    codec_enter(c);
    enum weft_status st = head->status < 200 ? interim_head(s, head) : final_head(s, head, end);
    codec_leave(c);
    return st;
}

enum weft_status weft_stream_data(struct weft_stream *s, struct weft_slice data) {
    if (is_inert(s) || s->out_done) return WEFT_CLOSED;
    if (!s->out_head) return WEFT_INVALID;
    if (s->out_none || data.len == 0) return WEFT_OK;
    if (s->out_counted && data.len > s->out_left) return out_broken(s);
    struct weft_codec *c = s->codec;
    codec_enter(c);
    if (s->out_counted) s->out_left -= data.len;
    c->ops->data(s, data);
    size_t queued = c->ops->queued(s);
    bool much = queued >= WEFT_STREAM_FLOOR;
    if (much && c->cb.on_output) c->cb.on_output(c->owner); /* who counts what is queued counts */
    bool full = queued >= WEFT_STREAM_HIGH || (much && codec_is_tight(c));
    if (full) set_want_writable(s, true);
    codec_leave(c);
    return full ? WEFT_AGAIN : WEFT_OK;
}

enum weft_status weft_stream_end(struct weft_stream *s, const struct weft_fields *trailers) {
    if (is_inert(s) || s->out_done) return WEFT_CLOSED;
    if (!s->out_head) return WEFT_INVALID;
    if (!s->out_none && s->out_counted && s->out_left) return out_broken(s);
    struct weft_codec *c = s->codec;
    codec_enter(c);
    s->out_done = true;
    set_want_writable(s, false);
    if (!s->out_none) c->ops->end(s, trailers && trailers->n ? trailers : NULL);
    stream_check_over(s);
    codec_leave(c);
    return WEFT_OK;
}

void weft_stream_reset(struct weft_stream *s, enum weft_status status) {
    if (is_inert(s)) return;
    struct weft_codec *c = s->codec;
    codec_enter(c);
    stream_check_over(s);
    if (!s->over) {
        s->dead = true;
        c->ops->reset(s, status);
        stream_check_over(s);
    }
    codec_leave(c);
}

void weft_stream_pause(struct weft_stream *s) {
    s->paused++;
    if (is_inert(s)) return;
    s->codec->took_input = s->codec->took_input && s->codec->ops->wants_input(s->codec);
}

void weft_stream_resume(struct weft_stream *s) {
    if (WEFT_BUG_IF(s->paused == 0)) return;
    if (--s->paused || is_inert(s)) return;
    struct weft_codec *c = s->codec;
    codec_enter(c);
    c->ops->resumed(s);
    codec_leave(c);
}

/* A server's answer that is complete needs not be cut because its request never was. */
static void let_go(struct weft_stream *s) {
    struct weft_codec *c = s->codec;
    bool answered = c->role == WEFT_SERVER && s->out_done;
    s->dead = true;
    if (answered)
        c->ops->abandon(s);
    else
        c->ops->reset(s, WEFT_CANCELED);
    stream_check_over(s);
}

void weft_stream_release(struct weft_stream *s) {
    WEFT_CHECK(s->weft_magic == weft_stream_MAGIC && !s->released);
    struct weft_codec *c = s->codec;
    s->released = true;
    if (!c) {
        stream_free(s);
        return;
    }
    if (s->over && c->depth == 0) { /* the usual end: it changes nothing that is to be told */
        reap_later(s);
        reap(c);
        return;
    }
    codec_enter(c);
    stream_check_over(s);
    if (!s->over) let_go(s);
    reap_later(s);
    codec_leave(c);
}

/* === detaching === */

void codec_fail_all(struct weft_codec *c, enum weft_status status) {
    weft_list_each(it, &c->streams) {
        struct weft_stream *s = WEFT_CONTAINER(it, struct weft_stream, link);
        stream_fail(s, status, /* unprocessed= */ false);
    }
}

static void detach_all(struct weft_codec *c) {
    weft_list_each(it, &c->streams) {
        struct weft_stream *s = WEFT_CONTAINER(it, struct weft_stream, link);
        s->sent_head = c->ops->sent_any(s);
        weft_list_remove(&s->link);
        weft_list_remove(&s->reap_link);
        s->codec = NULL;
        if (s->released || !s->owned) stream_free(s);
    }
}

struct weft_codec *weft_codec_free(struct weft_codec *c) {
    if (!c) return NULL;
    WEFT_CHECK(c->weft_magic == weft_codec_MAGIC && c->depth == 0);
    c->depth = 1; /* nothing settles from here on */
    codec_fail_all(c, WEFT_CLOSED);
    detach_all(c);
    WEFT_OBJ_DONE(c);
    c->ops->destroy(c);
    return NULL;
}

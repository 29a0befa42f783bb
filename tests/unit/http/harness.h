/* SPDX-License-Identifier: Apache-2.0
 * Drives codecs in memory and writes down what they tell, as one line of text per connection. Body
 * bytes of one message are joined, so that the line is the same however the input was cut. */
#pragma once
#include <weft/base/alloc.h>
#include <weft/base/limits.h>
#include <weft/http/codec.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define S(lit) WEFT_SLICE_LIT(lit)

struct side { /* one end of a connection */
    struct weft_codec *codec;
    struct weft_buf log, in; /* in: received, not yet taken */
    int output, input, retired, writable;
    bool in_data;
    bool no_reply; /* server: leave the answer to the test */
    bool echo;     /* server: send the body back */
    bool keep;     /* do not release streams at their end */
    struct weft_stream *last;
    enum weft_status status; /* of the last feed that failed */
    enum weft_cap cap;       /* what the last refused head, or reset, was for */
};

static inline void note(struct side *t, const char *fmt, ...) WEFT_PRINTF(2, 3);
static inline void note(struct side *t, const char *fmt, ...) {
    char line[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (t->in_data) weft_buf_str(&t->log, ")");
    t->in_data = false;
    if (weft_buf_size(&t->log)) weft_buf_char(&t->log, ' ');
    weft_buf_str(&t->log, line);
}
static inline const char *side_log(struct side *t) {
    if (t->in_data) weft_buf_str(&t->log, ")");
    t->in_data = false;
    weft_buf_char(&t->log, 0);
    t->log.len--;
    return weft_buf_slice(&t->log).base;
}
static inline void note_fields(struct side *t, const struct weft_fields *f) {
    for (uint32_t i = 0; i < f->n; i++)
        note(t, "%.*s=%.*s", WEFT_SLICE_ARG(f->items[i].name), WEFT_SLICE_ARG(f->items[i].value));
}
static inline void note_framing(struct side *t, const struct weft_head *h, bool end) {
    static const char *const names[] = {"none", "length", "chunked", "close"};
    if (h->framing == WEFT_BODY_LENGTH || h->has_content_length)
        note(t, "%s:%llu", names[h->framing], (unsigned long long)h->content_length);
    else if (h->framing != WEFT_BODY_NONE)
        note(t, "%s", names[h->framing]);
    if (h->expect_continue) note(t, "expect");
    if (h->te_trailers) note(t, "te");
    note_fields(t, &h->fields);
    if (end) note(t, "end");
}

struct exchange { /* lives in the stream's arena, as the proxy's does */
    struct side *side;
    struct weft_stream *s;
    bool grown;
    struct weft_head *head;
};

static inline void exchange_done(struct exchange *x) {
    if (x->side->keep) return;
    if (x->side->last == x->s) x->side->last = NULL;
    weft_stream_release(x->s);
}
static inline void reply(struct exchange *x) {
    struct weft_head h;
    if (x->side->no_reply) return;
    struct weft_stream *s = x->s;
    weft_head_init(&h, weft_stream_arena(s));
    h.status = x->head->refused ? weft_reason_http(x->head->refused) : 200;
    if (!x->side->echo) weft_stream_head(s, &h, true);
    if (x->side->echo) weft_stream_end(s, NULL);
    exchange_done(x);
}
static inline void ex_data(void *ud, struct weft_slice d) {
    struct exchange *x = ud;
    if (!x->side->in_data) note(x->side, "(");
    x->side->in_data = true;
    weft_buf_append(&x->side->log, d);
    if (x->side->echo) weft_stream_data(x->s, d);
}
static inline void ex_trailers(void *ud, struct weft_fields *f) {
    struct exchange *x = ud;
    note(x->side, "trailers");
    note_fields(x->side, f);
}
static inline void ex_end(void *ud) {
    struct exchange *x = ud;
    note(x->side, "end");
    if (weft_codec_owner(weft_stream_codec(x->s)) == x->side && x->head)
        reply(x);
    else if (!x->head)
        exchange_done(x);
}
static inline void ex_reset(void *ud, struct weft_reset r) {
    struct exchange *x = ud;
    char name[32] = {0};
    for (int i = 0; i < 31 && weft_status_name(r.status)[i]; i++)
        name[i] = weft_lower(weft_status_name(r.status)[i]);
    x->side->cap = weft_stream_cap(x->s);
    note(x->side, "reset:%s%s%s", name, r.unprocessed ? ",unprocessed" : "",
         r.response_started ? ",started" : "");
    exchange_done(x);
}
static inline void ex_writable(void *ud) {
    struct exchange *x = ud;
    x->side->writable++;
}
static inline void ex_info(void *ud, struct weft_head *h) {
    struct exchange *x = ud;
    note(x->side, "info:%u", h->status);
    note_fields(x->side, &h->fields);
}
static inline void ex_head(void *ud, struct weft_head *h, bool end) {
    struct exchange *x = ud;
    note(x->side, "%u%s", h->status, h->version == WEFT_HTTP_10 ? "/1.0" : "");
    note_framing(x->side, h, end);
    if (end) exchange_done(x);
}
static const struct weft_stream_cb exchange_cb = {
    .on_info = ex_info,
    .on_head = ex_head,
    .on_data = ex_data,
    .on_trailers = ex_trailers,
    .on_end = ex_end,
    .on_reset = ex_reset,
    .on_writable = ex_writable,
};

static inline void side_request(void *owner, struct weft_stream *s, struct weft_head *h, bool end) {
    struct side *t = owner;
    struct exchange *x = weft_arena_new(weft_stream_arena(s), struct exchange);
    *x = (struct exchange){.side = t, .s = s, .head = h};
    t->last = s;
    weft_stream_set_cb(s, &exchange_cb, x);
    note(t, "%.*s %.*s", WEFT_SLICE_ARG(h->method), WEFT_SLICE_ARG(h->path));
    if (h->refused) {
        note(t, "refused:%s", weft_reason_word(h->refused));
        t->cap = weft_stream_cap(s);
        assert_true(end);
        reply(x);
        return;
    }
    if (h->authority.base) note(t, "@%.*s", WEFT_SLICE_ARG(h->authority));
    if (h->version == WEFT_HTTP_10) note(t, "/1.0");
    note_framing(t, h, end);
    if (t->echo) {
        struct weft_head r;
        weft_head_init(&r, weft_stream_arena(s));
        r.status = 200;
        r.framing = h->framing;
        r.content_length = h->content_length;
        r.has_content_length = h->has_content_length;
        weft_stream_head(s, &r, false);
    }
    if (end) reply(x);
}
static inline void side_output(void *owner) {
    ((struct side *)owner)->output++;
}
static inline void side_input(void *owner) {
    ((struct side *)owner)->input++;
}
static inline void side_retire(void *owner) {
    ((struct side *)owner)->retired++;
}
static const struct weft_codec_cb side_cb = {side_request, side_output, side_input, side_retire};

static inline void side_init(struct side *t, bool h2, enum weft_role role,
                             const struct weft_codec_limits *limits) {
    *t = (struct side){0};
    weft_buf_init(&t->log, 0);
    weft_buf_init(&t->in, 0);
    t->codec = (h2 ? weft_h2_new : weft_h1_new)(role, limits, &side_cb, t);
}
static inline void side_done(struct side *t) {
    t->codec = weft_codec_free(t->codec);
    if (t->keep && t->last) weft_stream_release(t->last);
    weft_buf_done(&t->log);
    weft_buf_done(&t->in);
}

/* Offers what was received, at most `step` bytes at a time, until nothing is taken. */
static inline void side_feed(struct side *t, size_t step) {
    while (weft_buf_size(&t->in) && weft_codec_wants_input(t->codec) && !t->status) {
        struct weft_slice all = weft_buf_slice(&t->in);
        size_t used = 0, n = all.len < step ? all.len : step;
        char *exact = weft_alloc(n); /* so that ASan sees reads past the end */
        memcpy(exact, all.base, n);
        t->status = weft_codec_feed(t->codec, weft_slice(exact, n), &used);
        free(exact);
        assert_true(used <= n);
        weft_buf_consume(&t->in, used);
        if (!used) assert_false(weft_codec_wants_input(t->codec));
    }
}
/* Everything the codec has to send. */
static inline void side_pull(struct side *t, struct weft_buf *out) {
    while (weft_codec_has_output(t->codec))
        if (!weft_codec_pull(t->codec, out, 64 * 1024)) break;
}
/* Carries bytes both ways until both are quiet. */
static inline void shuttle(struct side *a, struct side *b, size_t step) {
    for (size_t before = SIZE_MAX; before;) {
        before = 0;
        struct side *ends[2] = {a, b};
        for (int i = 0; i < 2; i++) {
            struct weft_buf *to = &ends[!i]->in;
            size_t had = weft_buf_size(to);
            side_pull(ends[i], to);
            before += weft_buf_size(to) - had;
            had = weft_buf_size(to);
            side_feed(ends[!i], step);
            before += had - weft_buf_size(to);
        }
    }
}

struct request { /* what a test asks for */
    const char *method, *path, *authority;
    enum weft_framing framing;
    uint64_t length;
};
static inline struct weft_stream *ask(struct side *t, struct request q, bool end) {
    struct weft_arena a;
    struct weft_head h;
    weft_arena_init(&a, 0);
    weft_head_init(&h, &a);
    h.method = weft_slice_str(q.method);
    h.path = weft_slice_str(q.path ? q.path : "/");
    h.authority = weft_slice_str(q.authority ? q.authority : "web");
    h.framing = q.framing;
    h.content_length = q.length;
    h.has_content_length = q.framing == WEFT_BODY_LENGTH;
    struct weft_stream *s = weft_codec_request(t->codec, &h, end, NULL, NULL);
    weft_arena_done(&a);
    if (!s) return NULL;
    struct exchange *x = weft_arena_new(weft_stream_arena(s), struct exchange);
    *x = (struct exchange){.side = t, .s = s};
    weft_stream_set_cb(s, &exchange_cb, x);
    t->last = s;
    return s;
}

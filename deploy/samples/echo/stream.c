/* SPDX-License-Identifier: Apache-2.0
 * One request and its answer, the same over HTTP/1.1 and HTTP/2: head, body, end; delay, fail or
 * answer; then bytes are pulled by the protocol as fast as its connection takes them. */
#include "echo.h"

#include <weft/base/alloc.h>
#include <stdio.h>

static void on_timer_closed(uv_handle_t *h) {
    struct echo_stream *s = h->data;
    weft_buf_done(&s->text);
    weft_buf_done(&s->out);
    free(s);
}

struct echo_stream *echo_stream_new(struct echo_conn *c, const struct echo_stream_ops *ops,
                                    const char *proto) {
    struct echo_stream *s = weft_new0(struct echo_stream);
    s->conn = c;
    s->ops = ops;
    s->proto = proto;
    weft_buf_init(&s->text, ECHO_MAX_HEAD);
    weft_buf_init(&s->out, 0);
    echo_controls_init(&s->controls);
    uv_timer_init(&c->app->loop, &s->timer);
    s->timer.data = s;
    weft_list_push(&c->streams, &s->in_conn);
    return s;
}

void echo_stream_drop(struct echo_stream *s) {
    weft_list_remove(&s->in_conn);
    if (!uv_is_closing((uv_handle_t *)&s->timer))
        uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

static void on_timer(uv_timer_t *t) {
    struct echo_stream *s = t->data;
    s->on_timer(s);
}

static void after(struct echo_stream *s, uint64_t ms, void (*step)(struct echo_stream *s)) {
    if (ms == 0) {
        step(s);
        return;
    }
    s->on_timer = step;
    uv_update_time(&s->conn->app->loop);
    uv_timer_start(&s->timer, on_timer, ms + 1, 0); /* the loop's clock is cut to milliseconds */
}

void echo_stream_field(struct echo_stream *s, struct weft_slice name, struct weft_slice value) {
    size_t at = s->text.len;
    if (s->n_fields == ECHO_MAX_FIELDS || weft_buf_append(&s->text, name) != WEFT_OK ||
        weft_buf_append(&s->text, value) != WEFT_OK) {
        s->too_large = true;
        return;
    }
    for (size_t i = 0; i < name.len; i++) s->text.base[at + i] = weft_lower(s->text.base[at + i]);
    s->fields[s->n_fields].name = (uint32_t)at;
    s->fields[s->n_fields].name_len = (uint32_t)name.len;
    s->fields[s->n_fields].value_len = (uint32_t)value.len;
    s->n_fields++;
}

struct echo_field echo_stream_field_at(const struct echo_stream *s, size_t i) {
    const char *at = s->text.base + s->fields[i].name;
    size_t n = s->fields[i].name_len;
    return (struct echo_field){weft_slice(at, n), weft_slice(at + n, s->fields[i].value_len)};
}

struct weft_slice echo_stream_get(const struct echo_stream *s, const char *name) {
    for (size_t i = 0; i < s->n_fields; i++) {
        struct echo_field f = echo_stream_field_at(s, i);
        if (weft_slice_is(f.name, name)) return f.value;
    }
    return WEFT_SLICE_EMPTY;
}

/* ---- the answer ---- */

static void wake(struct echo_stream *s) {
    s->hold = false;
    s->ops->wake(s);
}

/* The next piece of stream=N; the interval paces, a slow reader stops it. */
static void make_chunk(struct echo_stream *s) {
    if (weft_buf_size(&s->out) >= ECHO_HIGH) return;
    size_t n = (size_t)s->controls.chunk;
    if (s->grpc) {
        uint8_t head[5] = {0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                           (uint8_t)n};
        weft_buf_append(&s->out, weft_slice((const char *)head, sizeof head));
    }
    char *p = weft_buf_reserve(&s->out, n + 32);
    int m = snprintf(p, 32, "%llu ", (unsigned long long)s->chunks_sent);
    if ((size_t)m < n) memset(p + m, '.', n - (size_t)m);
    p[n - 1] = '\n';
    weft_buf_commit(&s->out, n);
    s->all_made = ++s->chunks_sent == s->chunks;
}

static void next_chunk(struct echo_stream *s) {
    make_chunk(s);
    s->ops->wake(s);
}

static void on_interval(uv_timer_t *t) {
    struct echo_stream *s = t->data;
    if (s->all_made)
        uv_timer_stop(t);
    else
        next_chunk(s);
}

static void start_chunks(struct echo_stream *s) {
    s->hold = false;
    next_chunk(s);
    if (!s->all_made && s->controls.interval_ms)
        uv_timer_start(&s->timer, on_interval, s->controls.interval_ms, s->controls.interval_ms);
}

static void cut(struct echo_stream *s) {
    s->ops->broken(s, BREAK_RESET);
}

static bool bodyless(const struct echo_stream *s, int status) {
    return weft_slice_is(s->method, "HEAD") || status == 204 || status == 304;
}

/* Makes the body; returns its length, or -1 when only its end will tell. */
static int64_t make_body(struct echo_stream *s) {
    struct echo_controls *c = &s->controls;
    if (c->stream) {
        s->chunks = c->stream;
        if (c->reset_body) s->cut_after = c->chunk * ((c->stream + 1) / 2);
        return -1;
    }
    if (c->echo) {
        if (c->reset_body) s->cut_after = 1;
        uint64_t n;
        struct weft_slice length = echo_stream_get(s, "content-length");
        return weft_slice_u64(length, INT64_MAX, &n) ? (int64_t)n : -1;
    }
    s->all_made = true;
    if (c->has_size)
        s->fill = c->size;
    else if (weft_slice_is(s->path, "/healthz"))
        weft_buf_str(&s->out, "ok\n");
    else
        echo_report(s, &s->out);
    uint64_t n = s->fill + weft_buf_size(&s->out);
    if (c->reset_body) s->cut_after = n / 2 + 1;
    return (int64_t)n;
}

static void send_answer(struct echo_stream *s, int status, const char *type) {
    struct echo_controls *c = &s->controls;
    int64_t length = make_body(s);
    if (c->trailers) length = -1;
    s->no_body = bodyless(s, status);
    s->hold = !s->no_body;
    s->ops->head(s, status, type, length, s->no_body);
    if (s->no_body) return;
    after(s, c->body_delay_ms, c->stream ? start_chunks : wake);
}

static bool is_health(const struct echo_stream *s) {
    return weft_slice_is(s->path, "/grpc.health.v1.Health/Check");
}

/* A gRPC answer is the bytes of the request: echoing frames needs no reassembly. */
static void answer_grpc(struct echo_stream *s) {
    static const char serving[] = {0, 0, 0, 0, 2, 8, 1}; /* grpc.health.v1: SERVING */
    if (is_health(s)) {
        s->all_made = true;
        weft_buf_append(&s->out, weft_slice(serving, sizeof serving));
    } else if (s->controls.stream) {
        s->chunks = s->controls.stream;
    }
    if (s->controls.reset_body) s->cut_after = 1;
    s->hold = true;
    s->ops->head(s, (int)s->controls.status, "application/grpc", -1, false);
    after(s, s->controls.body_delay_ms, s->controls.stream ? start_chunks : wake);
}

static void answer(struct echo_stream *s) {
    struct echo_controls *c = &s->controls;
    if (c->reset_head) {
        s->ops->broken(s, BREAK_RESET);
        return;
    }
    if (c->info) s->ops->info(s, (int)c->info);
    if (s->grpc)
        answer_grpc(s);
    else if (weft_slice_is(s->path, "/healthz"))
        send_answer(s, (int)c->status, "text/plain");
    else
        send_answer(s, (int)c->status,
                    c->echo || c->has_size || c->stream ? "application/octet-stream"
                                                        : "application/json");
}

static void fail(struct echo_stream *s) {
    struct echo_controls *c = &s->controls;
    size_t unsent = weft_buf_size(&s->out); /* of a body that would have been echoed */
    weft_buf_clear(&s->out);
    if (unsent) s->ops->consumed(s, unsent);
    if (c->fail_mode != BREAK_STATUS) {
        s->ops->broken(s, c->fail_mode);
        return;
    }
    if (s->grpc) {
        c->grpc_status = c->grpc_status ? c->grpc_status : 14;
        c->echo = false;
        s->no_body = s->all_made = true;
        s->ops->head(s, 200, "application/grpc", -1, true);
        return;
    }
    c->echo = c->has_size = c->trailers = false;
    c->stream = 0;
    send_answer(s, (int)c->fail_status, "application/json");
}

static void begin(struct echo_stream *s) {
    struct echo_controls *c = &s->controls;
    if (s->started) return;
    s->started = true;
    struct weft_slice key = c->key.len ? c->key : s->path;
    bool failing = echo_should_fail(key, c->fail);
    after(s, c->delay_ms + (failing ? c->fail_delay_ms : 0), failing ? fail : answer);
}

/* ---- the request ---- */

void echo_stream_head(struct echo_stream *s) {
    s->head_done = true;
    s->n_head_fields = s->n_fields;
    struct weft_slice query = s->path;
    weft_slice_cut(&query, '?');
    struct weft_slice bad = echo_controls_parse(&s->controls, query);
    if (!bad.len) bad = echo_controls_parse(&s->controls, echo_stream_get(s, "x-echo"));
    s->type = echo_stream_get(s, "content-type");
    s->grpc = weft_slice_starts(s->type, WEFT_SLICE_LIT("application/grpc"));
    if (bad.len) {
        echo_controls_init(&s->controls);
        s->controls.status = 400;
    }
    if (s->grpc) s->controls.echo = !s->controls.stream && !is_health(s);
    if (weft_slice_ieq(echo_stream_get(s, "expect"), WEFT_SLICE_LIT("100-continue")))
        s->ops->info(s, 100);
    if (s->controls.echo || s->grpc) begin(s);
}

static void count_frames(struct echo_stream *s, struct weft_slice d) {
    while (d.len) {
        if (s->frame_left) {
            size_t n = d.len < s->frame_left ? d.len : s->frame_left;
            s->frame_left -= (uint32_t)n;
            d = weft_slice_from(d, n);
            continue;
        }
        s->frame[s->frame_have++] = (uint8_t)d.base[0];
        d = weft_slice_from(d, 1);
        if (s->frame_have < 5) continue;
        s->frame_have = 0;
        s->messages++;
        s->bad_frame |= s->frame[0] > 1;
        s->frame_left = (uint32_t)s->frame[1] << 24 | (uint32_t)s->frame[2] << 16 |
                        (uint32_t)s->frame[3] << 8 | s->frame[4];
    }
}

void echo_stream_body(struct echo_stream *s, struct weft_slice data) {
    s->body_bytes += data.len;
    if (s->grpc) count_frames(s, data);
    if (!s->controls.echo || s->no_body || s->cutting) {
        s->ops->consumed(s, data.len);
        return;
    }
    weft_buf_append(&s->out, data);
    if (!s->hold) s->ops->wake(s);
}

void echo_stream_end(struct echo_stream *s) {
    s->request_done = true;
    s->bad_frame |= s->frame_have || s->frame_left;
    if (s->controls.echo) s->all_made = true;
    if (!s->started)
        begin(s);
    else if (s->controls.echo && !s->hold)
        s->ops->wake(s);
}

/* ---- pulled by the protocol ---- */

static size_t made_up(struct echo_stream *s, char *buf, size_t max) {
    size_t n = s->fill < max ? (size_t)s->fill : max;
    for (size_t i = 0; i < n; i++) buf[i] = (char)('a' + (i & 15));
    s->fill -= n;
    return n;
}

static size_t from_out(struct echo_stream *s, char *buf, size_t max) {
    struct weft_slice have = weft_slice_head(weft_buf_slice(&s->out), max);
    if (have.len == 0) return 0;
    memcpy(buf, have.base, have.len);
    weft_buf_consume(&s->out, have.len);
    if (s->controls.echo) s->ops->consumed(s, have.len);
    return have.len;
}

/* The cut comes a moment later, so that what was sent before it arrives before it. */
static void begin_cut(struct echo_stream *s) {
    s->cutting = true;
    uv_timer_stop(&s->timer);
    after(s, 20, cut);
}

size_t echo_stream_read(struct echo_stream *s, char *buf, size_t max, bool *ret_end) {
    *ret_end = false;
    if (s->hold || s->cutting) return 0;
    if (s->cut_after && max > s->cut_after) max = (size_t)s->cut_after;
    if (s->chunks && !s->controls.interval_ms)
        while (!s->all_made && weft_buf_size(&s->out) < max) make_chunk(s);
    size_t n = from_out(s, buf, max);
    if (n == 0) n = made_up(s, buf, max);
    if (n == 0) *ret_end = s->all_made;
    if (n && s->cut_after && (s->cut_after -= n) == 0) begin_cut(s);
    return n;
}

size_t echo_stream_trailers(struct echo_stream *s, struct weft_slice ret[][2], char scratch[32]) {
    size_t n = 0;
    if (s->grpc) {
        uint64_t code = s->bad_frame ? 13 : s->controls.grpc_status;
        snprintf(scratch, 32, "%llu", (unsigned long long)code);
        ret[n][0] = WEFT_SLICE_LIT("grpc-status");
        ret[n++][1] = weft_slice_str(scratch);
        ret[n][0] = WEFT_SLICE_LIT("grpc-message");
        ret[n++][1] = code ? WEFT_SLICE_LIT("as asked") : WEFT_SLICE_EMPTY;
        if (!code) n--;
    }
    if (s->controls.trailers) {
        ret[n][0] = WEFT_SLICE_LIT("x-echo-trailer");
        ret[n++][1] = WEFT_SLICE_LIT("done");
    }
    return n;
}

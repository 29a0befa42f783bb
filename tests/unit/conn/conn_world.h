/* SPDX-License-Identifier: Apache-2.0
 * A server and a pool on one fake-clock loop, joined by memory pipes. */
#pragma once
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <weft/base/alloc.h>
#include <weft/conn/pool.h>
#include <weft/conn/relay.h>
#include <weft/conn/server.h>

enum { WORLD_DIALS = 64 };

struct world {
    struct weft_loop *loop;
    struct weft_pool *pool;
    struct weft_server_conn *servers[WORLD_DIALS]; /* one per dial; NULL once closed */
    int dials, closed;
    bool h2, refuse;
    enum { ANSWER_NOW, ANSWER_NEVER, ANSWER_NONE, ANSWER_ECHO } answer;
    int requests;
    struct weft_stream *held; /* with ANSWER_NEVER */
    char seen_path[128];
};

/* One client request and what came of it. */
struct call {
    struct world *w;
    struct weft_stream *stream;
    struct weft_pool_wait *wait;
    enum weft_status got; /* from the pool */
    bool answered_pool, reused, ended, was_reset;
    struct weft_reset reset;
    int status;
    struct weft_buf body;
};

static void server_data(void *ud, struct weft_slice d) {
    (void)weft_stream_data(ud, d);
}
static void server_end(void *ud) {
    (void)weft_stream_end(ud, NULL);
    weft_stream_release(ud);
}
static void server_reset(void *ud, struct weft_reset r) {
    (void)r;
    weft_stream_release(ud);
}
static const struct weft_stream_cb echo_cb = {
    .on_data = server_data, .on_end = server_end, .on_reset = server_reset};
static void held_reset(void *ud, struct weft_reset r) {
    struct world *w = ud;
    (void)r;
    weft_stream_release(w->held);
    w->held = NULL;
}
static void ignore_data(void *ud, struct weft_slice d) {
    (void)ud, (void)d;
}
static void ignore_end(void *ud) {
    (void)ud;
}
static const struct weft_stream_cb held_cb = {
    .on_data = ignore_data, .on_end = ignore_end, .on_reset = held_reset};

static void answer(struct weft_stream *s, uint16_t status, enum weft_framing framing,
                   const char *body) {
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(s));
    h.status = status;
    h.framing = framing;
    h.content_length = strlen(body);
    h.has_content_length = framing == WEFT_BODY_LENGTH;
    (void)weft_stream_head(s, &h, framing == WEFT_BODY_NONE);
    if (framing == WEFT_BODY_LENGTH) {
        (void)weft_stream_data(s, weft_slice_str(body));
        (void)weft_stream_end(s, NULL);
    }
}

static void world_request(void *ud, struct weft_server_conn *c, struct weft_stream *s,
                          struct weft_head *head, bool end) {
    struct world *w = ud;
    (void)c;
    w->requests++;
    snprintf(w->seen_path, sizeof w->seen_path, WEFT_SLICE_FMT, WEFT_SLICE_ARG(head->path));
    if (w->answer == ANSWER_NEVER) {
        w->held = s;
        weft_stream_set_cb(s, &held_cb, w);
        return;
    }
    weft_stream_set_cb(s, &echo_cb, s);
    if (w->answer == ANSWER_NONE) return;
    if (w->answer == ANSWER_ECHO && !end) {
        answer(s, 200, WEFT_BODY_CHUNKED, "");
        return;
    }
    answer(s, 200, WEFT_BODY_LENGTH, "hello");
    if (end) weft_stream_release(s);
}

static void world_closed(void *ud, struct weft_server_conn *c) {
    struct world *w = ud;
    w->closed++;
    for (int i = 0; i < WORLD_DIALS; i++)
        if (w->servers[i] == c) w->servers[i] = NULL;
}

static const struct weft_server_cb world_server_cb = {.on_request = world_request,
                                                      .on_closed = world_closed};

static struct weft_server_options world_server_options(bool h2) {
    return (struct weft_server_options){.h2 = h2,
                                        .limits = weft_codec_limits_default(),
                                        .head_timeout_us = 10000000,
                                        .idle_timeout_us = 60000000};
}

static struct weft_xport *world_dial(void *ud, struct weft_loop *l, const struct weft_addr *to,
                                     const struct weft_addr *bind_ip, uint64_t timeout_us) {
    struct world *w = ud;
    struct weft_xport *far;
    (void)to, (void)bind_ip;
    enum weft_status st = w->refuse ? WEFT_REFUSED : WEFT_OK;
    struct weft_xport *near = weft_xport_pipe_dialed(l, st, timeout_us, &far);
    if (far) {
        struct weft_server_options o = world_server_options(w->h2);
        w->servers[w->dials] = weft_server_conn_new(far, &o, &world_server_cb, w);
    }
    w->dials++;
    return near;
}

static void world_settle(struct world *w) {
    for (int i = 0; i < 200 && weft_loop_turn(w->loop); i++) {
    }
}

static int world_new(void **state) {
    struct world *w = weft_new0(struct world);
    w->loop = weft_loop_new_fake();
    struct weft_pool_options o = weft_pool_options_default();
    w->pool = weft_pool_new(w->loop, &o);
    weft_pool_set_dial(w->pool, world_dial, w);
    *state = w;
    return 0;
}

static int world_free(void **state) {
    struct world *w = *state;
    weft_pool_free(w->pool);
    for (int i = 0; i < WORLD_DIALS; i++)
        if (w->servers[i]) weft_server_conn_close(w->servers[i]);
    world_settle(w);
    weft_loop_free(w->loop);
    free(w);
    return 0;
}

static void call_head(void *ud, struct weft_head *head, bool end) {
    struct call *c = ud;
    c->status = head->status;
    if (end) c->ended = true;
}
static void call_data(void *ud, struct weft_slice d) {
    (void)weft_buf_append(&((struct call *)ud)->body, d);
}
static void call_end(void *ud) {
    ((struct call *)ud)->ended = true;
}
static void call_reset(void *ud, struct weft_reset r) {
    struct call *c = ud;
    c->was_reset = true;
    c->reset = r;
}
static void call_trailers(void *ud, struct weft_fields *f) {
    (void)ud, (void)f;
}
static const struct weft_stream_cb call_cb = {.on_head = call_head,
                                              .on_data = call_data,
                                              .on_trailers = call_trailers,
                                              .on_end = call_end,
                                              .on_reset = call_reset};

static void call_ready(void *ud, enum weft_status st, struct weft_client_conn *conn, bool reused) {
    struct call *c = ud;
    c->wait = NULL;
    c->answered_pool = true;
    c->got = st;
    c->reused = reused;
    if (st != WEFT_OK) return;
    struct weft_arena arena;
    struct weft_head h;
    weft_arena_init(&arena, 0);
    weft_head_init(&h, &arena);
    h.method = WEFT_SLICE_LIT("GET");
    h.scheme = WEFT_SLICE_LIT("http");
    h.authority = WEFT_SLICE_LIT("web");
    h.path = WEFT_SLICE_LIT("/x?y=1");
    h.version = WEFT_HTTP_11;
    c->stream = weft_client_conn_request(conn, &h, true, &call_cb, c);
    assert_non_null(c->stream);
    weft_arena_done(&arena);
}

static inline void call_start(struct world *w, struct call *c, bool fresh) {
    *c = (struct call){.w = w};
    weft_buf_init(&c->body, 0);
    struct weft_pool_target t = {.h2 = w->h2};
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("10.0.0.1:80"), &t.addr));
    struct weft_pool_wait *wait = weft_pool_get(w->pool, &t, fresh, call_ready, c);
    if (!c->answered_pool) c->wait = wait;
}

static inline void call_done(struct call *c) {
    if (c->stream) weft_stream_release(c->stream);
    c->stream = NULL;
    weft_buf_done(&c->body);
}

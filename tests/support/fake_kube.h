/* SPDX-License-Identifier: Apache-2.0
 * A scripted HTTP server in the test's own process, on a loopback port of the kernel's choice, for
 * what speaks to a Kubernetes API server. Each request is handed to the test's function, which
 * answers it now or later, whole or in pieces. */
#pragma once
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <weft/base/alloc.h>
#include <weft/conn/server.h>
#include <weft/net/tls.h>

enum { FAKE_MAX = 4096 };

struct fake_kube;
struct fake_request {
    struct fake_kube *fake;
    struct weft_stream *stream; /* NULL once it is over */
    struct weft_server_conn *conn;
    unsigned conn_no; /* which connection of the server's it came on, from 1 */
    char method[16], target[1024], authorization[128], content_type[64], accept[128];
    char client[128]; /* the SPIFFE ID in the client's certificate */
    struct weft_buf body;
    bool ended; /* its body is complete */
    bool head_sent, gone;
};
struct fake_kube {
    struct weft_loop *loop;
    struct weft_listener *listener;
    char url[64];
    struct weft_tls_ctx *tls; /* the test's; NULL: plain */
    /* A request is complete. */
    void (*on_request)(void *ud, struct fake_request *r);
    void *ud;
    struct fake_request *requests[FAKE_MAX];
    size_t n;
    struct weft_server_conn *conns[64];
    unsigned conn_no[64], accepted; /* addresses of connections come again, numbers do not */
};

static void fake_release(struct fake_request *r) {
    if (r->stream) weft_stream_release(r->stream);
    r->stream = NULL;
}

static void fake_ready(struct fake_request *r) {
    r->ended = true;
    if (r->fake->on_request) r->fake->on_request(r->fake->ud, r);
}

static void fake_on_data(void *ud, struct weft_slice d) {
    struct fake_request *r = ud;
    (void)weft_buf_append(&r->body, d);
}
static void fake_on_end(void *ud) {
    fake_ready(ud);
}
static void fake_on_reset(void *ud, struct weft_reset reset) {
    struct fake_request *r = ud;
    (void)reset;
    r->gone = true;
    fake_release(r);
}
static void fake_on_trailers(void *ud, struct weft_fields *f) {
    (void)ud, (void)f;
}
static void fake_on_writable(void *ud) {
    (void)ud;
}
static const struct weft_stream_cb fake_stream_cb = {.on_data = fake_on_data,
                                                     .on_end = fake_on_end,
                                                     .on_reset = fake_on_reset,
                                                     .on_trailers = fake_on_trailers,
                                                     .on_writable = fake_on_writable};

static void fake_copy(char *to, size_t n, struct weft_slice s) {
    snprintf(to, n, WEFT_SLICE_FMT, WEFT_SLICE_ARG(s));
}

static void fake_field(char *to, size_t n, const struct weft_head *h, const char *name) {
    const struct weft_field *f = weft_fields_get(&h->fields, weft_slice_str(name));
    if (f) fake_copy(to, n, f->value);
}

static void fake_on_request(void *ud, struct weft_server_conn *c, struct weft_stream *s,
                            struct weft_head *head, bool end) {
    struct fake_kube *f = ud;
    assert_true(f->n < FAKE_MAX);
    struct fake_request *r = f->requests[f->n++] = weft_new0(struct fake_request);
    *r = (struct fake_request){.fake = f, .stream = s, .conn = c};
    for (size_t i = 0; i < WEFT_LEN(f->conns); i++)
        if (f->conns[i] == c) r->conn_no = f->conn_no[i];
    weft_buf_init(&r->body, 0);
    fake_copy(r->method, sizeof r->method, head->method);
    fake_copy(r->target, sizeof r->target, head->path);
    fake_field(r->authorization, sizeof r->authorization, head, "authorization");
    fake_field(r->content_type, sizeof r->content_type, head, "content-type");
    fake_field(r->accept, sizeof r->accept, head, "accept");
    fake_copy(r->client, sizeof r->client, weft_xport_info(weft_server_conn_xport(c))->peer_id);
    weft_stream_set_cb(s, &fake_stream_cb, r);
    if (end) fake_ready(r);
}

static void fake_on_closed(void *ud, struct weft_server_conn *c) {
    struct fake_kube *f = ud;
    for (size_t i = 0; i < WEFT_LEN(f->conns); i++)
        if (f->conns[i] == c) f->conns[i] = NULL;
}

static const struct weft_server_cb fake_server_cb = {.on_request = fake_on_request,
                                                     .on_closed = fake_on_closed};

static void fake_serve(struct fake_kube *f, struct weft_xport *x) {
    const struct weft_server_options o = {.limits = weft_codec_limits_default(),
                                          .h2 = weft_slice_is(weft_xport_info(x)->alpn, "h2")};
    size_t i = 0;
    while (i < WEFT_LEN(f->conns) && f->conns[i]) i++;
    assert_true(i < WEFT_LEN(f->conns));
    f->conns[i] = weft_server_conn_new(x, &o, &fake_server_cb, f);
    f->conn_no[i] = ++f->accepted;
}

struct fake_handshake {
    struct fake_kube *fake;
    struct weft_xport *x;
};
static void fake_on_open(void *ud, enum weft_status st) {
    struct fake_handshake *h = ud;
    if (st == WEFT_OK)
        fake_serve(h->fake, h->x);
    else
        weft_xport_close(h->x);
    free(h);
}

static void fake_on_accept(void *ud, struct weft_xport *x) {
    static const struct weft_xport_cb cb = {.on_open = fake_on_open};
    struct fake_kube *f = ud;
    if (!f->tls) {
        fake_serve(f, x);
        return;
    }
    struct fake_handshake *h = weft_new0(struct fake_handshake);
    *h = (struct fake_handshake){f, weft_xport_tls_server(x, f->tls, 0)};
    weft_xport_set_cb(h->x, &cb, h);
}

/* Also again after fake_kube_stop, on the same port. */
static inline void fake_kube_listen(struct fake_kube *f, uint16_t port) {
    struct weft_error err = {0};
    struct weft_addr at;
    char text[32];
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    assert_true(weft_addr_parse(weft_slice_str(text), &at));
    const struct weft_listen_options o = {0};
    assert_int_equal(weft_listener_new(f->loop, &at, &o, fake_on_accept, f, &f->listener, &err),
                     WEFT_OK);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u", weft_listener_addr(f->listener)->port);
}

static inline struct fake_kube *
fake_kube_new(struct weft_loop *l, void (*on_request)(void *ud, struct fake_request *r), void *ud) {
    struct fake_kube *f = weft_new0(struct fake_kube);
    *f = (struct fake_kube){.loop = l, .on_request = on_request, .ud = ud};
    fake_kube_listen(f, 0);
    return f;
}

/* Connections are cut, and new ones refused. */
static inline void fake_kube_stop(struct fake_kube *f) {
    weft_listener_close(f->listener);
    f->listener = NULL;
    for (size_t i = 0; i < WEFT_LEN(f->conns); i++)
        if (f->conns[i]) weft_server_conn_close(f->conns[i]);
}

static inline struct fake_kube *fake_kube_free(struct fake_kube *f) {
    fake_kube_stop(f);
    for (int i = 0; i < 100 && weft_loop_turn(f->loop); i++) {
    }
    for (size_t i = 0; i < f->n; i++) {
        fake_release(f->requests[i]);
        weft_buf_done(&f->requests[i]->body);
        free(f->requests[i]);
    }
    free(f);
    return NULL;
}

/* === answering === */

/* The head of an answer whose body comes in pieces. */
static inline void fake_start(struct fake_request *r, unsigned status) {
    struct weft_head h;
    assert_non_null(r->stream);
    weft_head_init(&h, weft_stream_arena(r->stream));
    h.status = (uint16_t)status;
    h.framing = WEFT_BODY_CHUNKED;
    (void)weft_fields_add(&h.fields, WEFT_SLICE_LIT("content-type"),
                          WEFT_SLICE_LIT("application/json"));
    (void)weft_stream_head(r->stream, &h, false);
    r->head_sent = true;
}
static inline void fake_write(struct fake_request *r, const char *text) {
    if (r->stream) (void)weft_stream_data(r->stream, weft_slice_str(text));
}
static inline void fake_end(struct fake_request *r) {
    if (!r->stream) return;
    (void)weft_stream_end(r->stream, NULL);
    fake_release(r);
}
static inline void fake_answer(struct fake_request *r, unsigned status, const char *body) {
    fake_start(r, status);
    fake_write(r, body);
    fake_end(r);
}
/* The connection is cut in the middle. */
static inline void fake_cut(struct fake_request *r) {
    weft_server_conn_close(r->conn);
}
/* Does the request ask for exactly this path (query aside)? */
static inline bool fake_is(const struct fake_request *r, const char *path) {
    size_t n = strlen(path);
    return !strncmp(r->target, path, n) && (r->target[n] == 0 || r->target[n] == '?');
}
static inline bool fake_watches(const struct fake_request *r) {
    return strstr(r->target, "watch=1") != NULL;
}

static bool fake_flag(void *ud) {
    return *(bool *)ud;
}
/* Runs the loop until *flag is true; the test's own time limit ends what never comes. */
static inline void fake_wait(struct weft_loop *l, bool *flag) {
    if (!*flag) weft_loop_run_until(l, fake_flag, flag);
}

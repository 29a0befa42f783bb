/* SPDX-License-Identifier: Apache-2.0
 * Connections and requests of the admission endpoint; the verdict is weft_inject_review's. Every
 * pod of the cluster can reach this port, so each quantity has its limit, and who comes new pushes
 * out who came first. */
#include <controller/webhook.h>
#include <weft/base/alloc.h>
#include <weft/conn/crowd.h>
#include <weft/conn/server.h>
#include <weft/obs/log.h>

enum { MAX_CONNECTIONS = 256, MAX_STREAMS = 64, MAX_BODY = 4 * 1024 * 1024 };
#define MAX_BODIES   (64 * 1024 * 1024) /* of all requests together */
#define HANDSHAKE_US (5 * UINT64_C(1000000))
#define HEAD_US      (5 * UINT64_C(1000000))
#define REQUEST_US   (10 * UINT64_C(1000000)) /* the API server waits no longer */
#define IDLE_US      (90 * UINT64_C(1000000))
#define ROTATE_US    (8 * 3600 * UINT64_C(1000000))

struct controller_webhook {
    struct weft_loop *loop;
    struct controller_webhook_options opt;
    struct weft_listener *listener;
    struct weft_tls_ctx *tls;
    struct weft_timer rotate;
    struct weft_crowd conns;
    size_t n_bytes;
    bool closing;
};

struct conn {
    struct weft_crowd_member member;
    struct controller_webhook *w;
    struct weft_xport *xport;      /* during the handshake */
    struct weft_server_conn *conn; /* after it */
};

struct request { /* in the stream's arena */
    struct controller_webhook *w;
    struct weft_stream *stream;
    struct weft_buf body;
    struct weft_timer deadline;
    bool namespace_asks;
};

static void free_if_done(struct controller_webhook *w) {
    if (!w->closing || !weft_crowd_empty(&w->conns)) return;
    weft_tls_ctx_unref(w->tls);
    free(w);
}

static void conn_free(struct conn *c) {
    struct controller_webhook *w = c->w;
    weft_crowd_leave(&c->member);
    free(c);
    free_if_done(w);
}

/* === one request === */

static void reply(struct weft_stream *s, uint16_t status, const char *type,
                  struct weft_slice body) {
    struct weft_head head;
    weft_head_init(&head, weft_stream_arena(s));
    head.status = status;
    head.version = WEFT_HTTP_11;
    head.framing = WEFT_BODY_LENGTH;
    head.content_length = body.len;
    head.has_content_length = true;
    (void)weft_fields_add(&head.fields, WEFT_SLICE_LIT("content-type"), weft_slice_str(type));
    (void)weft_stream_head(s, &head, false);
    (void)weft_stream_data(s, body);
    (void)weft_stream_end(s, NULL);
    weft_stream_release(s);
}

static void reply_text(struct controller_webhook *w, struct weft_stream *s, uint16_t status,
                       const char *text) {
    weft_counter_add(w->opt.metrics->webhook_errors, 1);
    reply(s, status, "text/plain", weft_slice_str(text));
}

static void request_done(struct request *r) {
    weft_timer_stop(&r->deadline);
    r->w->n_bytes -= weft_buf_size(&r->body);
    weft_buf_done(&r->body);
}

static const json_t *find_namespace(void *ud, const char *name) {
    struct request *r = ud;
    const struct weft_object *o = weft_store_get(r->w->opt.store, "Namespace", "", name);
    return o ? o->json : NULL;
}

static void count(struct controller_webhook *w, uint16_t status,
                  const struct weft_inject_outcome *o) {
    struct controller_metrics *m = w->opt.metrics;
    if (status != 200)
        weft_counter_add(m->webhook_errors, 1);
    else if (o->verdict == WEFT_INJECT_YES)
        weft_counter_add(m->injected, 1);
    else if (o->verdict == WEFT_INJECT_REFUSED)
        weft_counter_add(m->injection_refused, 1);
    if (status != 200 || o->verdict == WEFT_INJECT_REFUSED)
        weft_warn("webhook", "%s%s%s", o->pod, o->pod[0] ? " refused: " : "", o->why);
    else
        weft_debug("webhook", "%s: %s: %s", o->pod,
                   o->verdict == WEFT_INJECT_YES ? "injected" : "left alone", o->why);
}

static void answer(struct request *r) {
    struct controller_webhook *w = r->w;
    struct weft_inject_outcome outcome;
    struct weft_buf out;
    struct weft_inject_review review = {find_namespace, r, w->opt.inject};
    WEFT_FREE char *bundle = weft_slice_dup(controller_ca_bundle(w->opt.ca));
    review.opt.trust_bundle_pem = bundle;
    review.opt.namespace_asks = r->namespace_asks;
    weft_buf_init(&out, 0);
    uint16_t status = weft_inject_review(&review, weft_buf_slice(&r->body), &out, &outcome);
    count(w, status, &outcome);
    request_done(r);
    reply(r->stream, status, status == 200 ? "application/json" : "text/plain",
          weft_buf_slice(&out));
    weft_buf_done(&out);
}

static void refuse(struct request *r, uint16_t status, const char *text) {
    request_done(r);
    reply_text(r->w, r->stream, status, text);
}

static void on_data(void *ud, struct weft_slice data) {
    struct request *r = ud;
    if (r->w->n_bytes + data.len > MAX_BODIES) {
        refuse(r, 503, "too many reviews at once\n");
        return;
    }
    if (weft_buf_append(&r->body, data) == WEFT_OK)
        r->w->n_bytes += data.len;
    else
        refuse(r, 413, "a review is at most 4 MiB\n");
}

static void on_end(void *ud) {
    answer(ud);
}

static void on_reset(void *ud, struct weft_reset why) {
    struct request *r = ud;
    (void)why;
    request_done(r);
    weft_stream_release(r->stream);
}

static void on_deadline(void *arg) {
    refuse(arg, 408, "the review did not arrive in time\n");
}

static const struct weft_stream_cb request_cb = {
    .on_data = on_data, .on_end = on_end, .on_reset = on_reset};
static const struct weft_stream_cb no_cb = {0};

static bool is_inject(const struct weft_head *head, bool *ret_namespace_asks) {
    struct weft_slice path = weft_head_path_only(head);
    *ret_namespace_asks = weft_slice_is(path, "/inject/enabled");
    return *ret_namespace_asks || weft_slice_is(path, "/inject");
}

static void on_request(void *ud, struct weft_server_conn *sc, struct weft_stream *s,
                       struct weft_head *head, bool end) {
    struct controller_webhook *w = ((struct conn *)ud)->w;
    bool namespace_asks;
    (void)sc;
    weft_stream_set_cb(s, &no_cb, NULL);
    if (head->refused) {
        reply_text(w, s, weft_reason_http(head->refused), "not a request that is taken\n");
    } else if (!is_inject(head, &namespace_asks)) {
        reply_text(w, s, 404, "POST an AdmissionReview to /inject\n");
    } else if (!weft_slice_is(head->method, "POST")) {
        reply_text(w, s, 405, "use POST\n");
    } else {
        struct request *r = weft_arena_new(weft_stream_arena(s), struct request);
        *r = (struct request){.w = w, .stream = s, .namespace_asks = namespace_asks};
        weft_buf_init(&r->body, MAX_BODY);
        weft_timer_init(&r->deadline, w->loop, on_deadline, r);
        weft_timer_start(&r->deadline, REQUEST_US);
        weft_stream_set_cb(s, &request_cb, r);
        if (end) answer(r);
    }
}

/* === connections === */

static void on_conn_closed(void *ud, struct weft_server_conn *sc) {
    (void)sc;
    conn_free(ud);
}

static void hit(struct conn *c, enum weft_cap cap) {
    if (!c->w->closing) controller_metrics_limit(c->w->opt.metrics, cap);
}

static void on_limit(void *ud, struct weft_server_conn *conn, enum weft_cap cap) {
    hit(ud, cap);
}

static const struct weft_server_cb server_cb = {
    .on_request = on_request, .on_limit = on_limit, .on_closed = on_conn_closed};

static void handshake_failed(struct conn *c, enum weft_status st) {
    char text[WEFT_ADDR_STR];
    weft_addr_format(&weft_xport_info(c->xport)->peer, text);
    weft_info("webhook", "TLS handshake with %s failed: %s", text, weft_status_text(st));
    weft_xport_close(c->xport);
    conn_free(c);
}

static void on_secured(void *ud, enum weft_status st) {
    struct conn *c = ud;
    if (st != WEFT_OK) {
        handshake_failed(c, st);
        return;
    }
    struct weft_xport *x = weft_take(&c->xport);
    struct weft_server_options opt = {.h2 = weft_slice_is(weft_xport_info(x)->alpn, "h2"),
                                      .limits = weft_codec_limits_default(),
                                      .head_timeout_us = HEAD_US,
                                      .idle_timeout_us = IDLE_US,
                                      .write_timeout_us = REQUEST_US,
                                      .checks_itself = true};
    opt.limits.streams = MAX_STREAMS;
    c->conn = weft_server_conn_new(x, &opt, &server_cb, c);
}

static void on_handshake_error(void *ud, enum weft_status st) {
    handshake_failed(ud, st);
}

static const struct weft_xport_cb xport_cb = {.on_open = on_secured,
                                              .on_error = on_handshake_error};

static void end_conn(struct weft_crowd_member *m) {
    struct conn *c = WEFT_CONTAINER(m, struct conn, member);
    hit(c, WEFT_CAP_CONNECTIONS);
    if (c->conn) {
        weft_server_conn_close(c->conn);
    } else {
        weft_xport_close(c->xport);
        conn_free(c);
    }
}

static void on_accept(void *ud, struct weft_xport *x) {
    struct controller_webhook *w = ud;
    if (!w->tls) { /* no authority yet */
        weft_xport_close(x);
        return;
    }
    struct conn *c = weft_new0(struct conn);
    c->w = w;
    weft_crowd_join(&w->conns, &c->member);
    c->xport = weft_xport_tls_server(x, w->tls, HANDSHAKE_US);
    weft_xport_set_cb(c->xport, &xport_cb, c);
}

/* === the whole === */

enum weft_status controller_webhook_renew(struct controller_webhook *w, struct weft_error *err) {
    static const char *const alpns[] = {"h2", "http/1.1", NULL};
    struct weft_identity *id = NULL;
    struct weft_tls_ctx *tls = NULL;
    int64_t now = (int64_t)(weft_clock_unix_us() / 1000000u);
    enum weft_status st = controller_ca_serving(w->opt.ca, w->opt.name, now, &id, err);
    if (st == WEFT_OK) st = weft_tls_ctx_new(WEFT_TLS_CONTROL_SERVER, id, alpns, &tls, err);
    weft_identity_unref(id);
    if (st != WEFT_OK) return st;
    weft_tls_ctx_unref(w->tls);
    w->tls = tls;
    return WEFT_OK;
}

static void on_rotate(void *arg) {
    struct controller_webhook *w = arg;
    struct weft_error err = {0};
    if (controller_webhook_renew(w, &err) != WEFT_OK)
        weft_error("webhook", "no new certificate: %s", err.message);
    weft_timer_start(&w->rotate, ROTATE_US);
}

enum weft_status controller_webhook_new(struct weft_loop *l,
                                        const struct controller_webhook_options *opt,
                                        struct controller_webhook **ret, struct weft_error *err) {
    struct controller_webhook *w = weft_new0(struct controller_webhook);
    w->loop = l;
    w->opt = *opt;
    weft_crowd_init(&w->conns, MAX_CONNECTIONS, end_conn);
    weft_timer_init(&w->rotate, l, on_rotate, w);
    enum weft_status st = controller_webhook_renew(w, err);
    if (st == WEFT_OK || st == WEFT_AGAIN)
        st = weft_listener_new(l, &opt->listen, &(struct weft_listen_options){0}, on_accept, w,
                               &w->listener, err);
    if (st != WEFT_OK) {
        controller_webhook_close(w);
        return st;
    }
    weft_timer_start(&w->rotate, ROTATE_US);
    *ret = w;
    return WEFT_OK;
}

void controller_webhook_classic(struct controller_webhook *w, bool classic) {
    w->opt.inject.classic = classic;
}

void controller_webhook_close(struct controller_webhook *w) {
    if (!w) return;
    weft_listener_close(weft_take(&w->listener));
    weft_timer_stop(&w->rotate);
    weft_crowd_end(&w->conns);
    w->closing = true;
    free_if_done(w);
}

struct weft_addr controller_webhook_addr(const struct controller_webhook *w) {
    return *weft_listener_addr(w->listener);
}

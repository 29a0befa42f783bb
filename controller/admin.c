/* SPDX-License-Identifier: Apache-2.0
 * The admin port's connections; what is answered stands in admin_answer.c. */
#include <controller/admin.h>
#include <controller/metrics.h>
#include <weft/base/alloc.h>
#include <weft/conn/crowd.h>
#include <weft/conn/server.h>

enum { MAX_CONNECTIONS = 64 };
#define HEAD_US (5 * UINT64_C(1000000))
#define IDLE_US (30 * UINT64_C(1000000))

struct controller_admin {
    struct controller_admin_options opt;
    struct weft_listener *listener;
    struct weft_crowd conns;
    bool closing;
};

struct admin_conn {
    struct weft_crowd_member member;
    struct controller_admin *admin;
    struct weft_server_conn *conn;
};

static void free_if_done(struct controller_admin *a) {
    if (a->closing && weft_crowd_empty(&a->conns)) free(a);
}

static void reply(struct weft_stream *s, uint16_t status, const char *type,
                  struct weft_slice body) {
    struct weft_head head;
    weft_head_init(&head, weft_stream_arena(s));
    head.status = status;
    head.version = WEFT_HTTP_11;
    head.framing = body.len ? WEFT_BODY_LENGTH : WEFT_BODY_NONE;
    head.content_length = body.len;
    head.has_content_length = true;
    (void)weft_fields_add(&head.fields, WEFT_SLICE_LIT("content-type"), weft_slice_str(type));
    (void)weft_stream_head(s, &head, body.len == 0);
    if (body.len == 0) return;
    (void)weft_stream_data(s, body);
    (void)weft_stream_end(s, NULL);
}

/* Over loopback, or from the very address that was dialled: the same network namespace. */
static bool is_near(struct weft_server_conn *c) {
    struct weft_xport *x = weft_server_conn_xport(c);
    struct weft_addr peer = weft_xport_info(x)->peer, local = *weft_xport_local(x);
    peer.port = local.port = 0;
    return weft_addr_is_loopback(&peer) || weft_addr_eq(&peer, &local);
}

static void on_request(void *ud, struct weft_server_conn *c, struct weft_stream *s,
                       struct weft_head *head, bool end) {
    struct admin_conn *a = ud;
    const char *type = "text/plain";
    struct weft_buf body;
    weft_buf_init(&body, 0);
    (void)end;
    uint16_t status;
    if (head->refused)
        status = weft_reason_http(head->refused);
    else if (!weft_slice_is(head->method, "GET") && !weft_slice_is(head->method, "HEAD"))
        status = 405;
    else
        status =
            controller_admin_answer(a->admin->opt.controller, head->path, is_near(c), &type, &body);
    reply(s, status, type, weft_buf_slice(&body));
    weft_buf_done(&body);
    weft_stream_release(s);
}

static void on_closed(void *ud, struct weft_server_conn *c) {
    struct admin_conn *a = ud;
    struct controller_admin *admin = a->admin;
    (void)c;
    weft_crowd_leave(&a->member);
    free(a);
    free_if_done(admin);
}

static void on_limit(void *ud, struct weft_server_conn *c, enum weft_cap cap) {
    struct controller_admin *a = ((struct admin_conn *)ud)->admin;
    if (!a->closing) controller_metrics_limit(a->opt.metrics, cap);
}

static const struct weft_server_cb server_cb = {
    .on_request = on_request, .on_limit = on_limit, .on_closed = on_closed};

/* Who comes new pushes out who came first; or the controller ends. */
static void end_conn(struct weft_crowd_member *m) {
    struct admin_conn *a = WEFT_CONTAINER(m, struct admin_conn, member);
    if (!a->admin->closing) controller_metrics_limit(a->admin->opt.metrics, WEFT_CAP_CONNECTIONS);
    weft_server_conn_close(a->conn);
}

static void on_accept(void *ud, struct weft_xport *x) {
    struct controller_admin *admin = ud;
    struct admin_conn *a = weft_new0(struct admin_conn);
    a->admin = admin;
    weft_crowd_join(&admin->conns, &a->member); /* the kubelet's probes come in, too */
    const struct weft_server_options opt = {.limits = weft_codec_limits_default(),
                                            .head_timeout_us = HEAD_US,
                                            .idle_timeout_us = IDLE_US,
                                            .write_timeout_us = admin->opt.write_timeout_us,
                                            .checks_itself = true};
    a->conn = weft_server_conn_new(x, &opt, &server_cb, a);
}

enum weft_status controller_admin_new(struct weft_loop *l,
                                      const struct controller_admin_options *opt,
                                      struct controller_admin **ret, struct weft_error *err) {
    struct controller_admin *a = weft_new0(struct controller_admin);
    a->opt = *opt;
    weft_crowd_init(&a->conns, MAX_CONNECTIONS, end_conn);
    enum weft_status st = weft_listener_new(l, &opt->listen, &(struct weft_listen_options){0},
                                            on_accept, a, &a->listener, err);
    if (st != WEFT_OK) {
        free(a);
        return st;
    }
    *ret = a;
    return WEFT_OK;
}

void controller_admin_close(struct controller_admin *a) {
    if (!a) return;
    weft_listener_close(weft_take(&a->listener));
    a->closing = true;
    weft_crowd_end(&a->conns);
    free_if_done(a);
}

struct weft_addr controller_admin_bound(const struct controller_admin *a) {
    return *weft_listener_addr(a->listener);
}

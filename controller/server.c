/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/places.h>
#include <controller/server.h>
#include <weft/base/alloc.h>
#include <weft/conn/grpc_call.h>
#include <weft/http/local_reply.h>
#include <weft/obs/log.h>
#include <weft/xds/ads.h>

enum {
    MAX_CONNECTIONS = 20000,
    MAX_OF_IDENTITY = MAX_CONNECTIONS / 2, /* thousands of pods may share a ServiceAccount */
    MAX_OF_ADDRESS = 1000,                 /* a pod needs two */
};
#define HANDSHAKE_US (10 * UINT64_C(1000000))
#define IDLE_US      (60 * UINT64_C(1000000)) /* a connection without a call */
#define CHECK_US     UINT64_C(1000000)
#define ROTATE_US    (8 * 3600 * UINT64_C(1000000))
#define STRANGER_US  (30 * UINT64_C(1000000)) /* without a certificate: time for one Sign call */

struct controller_server {
    struct weft_loop *loop;
    char *name;
    uint64_t write_timeout_us;
    const struct controller_sign *sign;
    struct controller_discovery *discovery;
    struct weft_listener *listener;
    struct weft_tls_ctx *tls;
    struct weft_timer rotate, check;
    struct weft_list peers;
    struct controller_places places;
    size_t n_peers;
    bool closing;
};

struct peer { /* one connection, from its acceptance on */
    struct weft_list node;
    struct controller_server *server;
    struct weft_xport *xport;      /* during the handshake */
    struct weft_server_conn *conn; /* after it */
    struct weft_timer deadline;    /* of the connection, whatever it is doing */
    struct controller_place *of_address, *of_identity;
};

static void server_free_if_done(struct controller_server *s) {
    if (!s->closing || s->n_peers > 0) return;
    weft_tls_ctx_unref(s->tls);
    free(s->name);
    free(s);
}

static void peer_free(struct peer *p) {
    struct controller_server *s = p->server;
    weft_timer_stop(&p->deadline);
    weft_list_remove(&p->node);
    controller_places_give(&s->places, p->of_address);
    controller_places_give(&s->places, p->of_identity);
    s->n_peers--;
    free(p);
    server_free_if_done(s);
}

/* === calls === */

static void refuse_head(struct weft_stream *stream, const struct weft_head *head) {
    struct weft_head reply;
    struct weft_slice body;
    weft_local_reply(head->refused, WEFT_SLICE_EMPTY, false, false, weft_stream_arena(stream),
                     &reply, &body);
    (void)weft_stream_head(stream, &reply, body.len == 0);
    if (body.len) {
        (void)weft_stream_data(stream, body);
        (void)weft_stream_end(stream, NULL);
    }
    weft_stream_release(stream);
}

static void on_request(void *ud, struct weft_server_conn *c, struct weft_stream *stream,
                       struct weft_head *head, bool end) {
    struct peer *p = ud;
    struct controller_server *s = p->server;
    const struct weft_xport_info *info = weft_xport_info(weft_server_conn_xport(c));
    if (head->refused)
        refuse_head(stream, head);
    else if (s->closing)
        weft_grpc_refuse(stream, end, WEFT_GRPC_UNAVAILABLE, WEFT_SLICE_LIT("shutting down"));
    else if (weft_grpc_is_call(head) && weft_slice_is(head->path, WEFT_SIGN_PATH))
        controller_sign_serve(s->sign, stream, head, end, info);
    else if (weft_grpc_is_call(head) && weft_slice_is(head->path, WEFT_ADS_PATH))
        controller_discovery_serve(s->discovery, stream, end, info);
    else
        weft_grpc_refuse(stream, end, WEFT_GRPC_UNIMPLEMENTED, WEFT_SLICE_LIT("no such method"));
}

static void on_conn_closed(void *ud, struct weft_server_conn *c) {
    (void)c;
    peer_free(ud);
}

static void on_limit(void *ud, struct weft_server_conn *c, enum weft_cap cap) {
    const struct controller_server *s = ((struct peer *)ud)->server;
    char text[WEFT_ADDR_STR];
    if (s->closing) return;
    controller_metrics_limit(s->sign->metrics, cap);
    if (cap != WEFT_CAP_WRITE_TIMEOUT) return;
    weft_addr_format(&weft_xport_info(weft_server_conn_xport(c))->peer, text);
    weft_warn("server", "%s takes nothing of what it is sent and is cut off", text);
}

static const struct weft_server_cb server_cb = {
    .on_request = on_request, .on_limit = on_limit, .on_closed = on_conn_closed};

/* === connections === */

static void handshake_failed(struct peer *p, enum weft_status st) {
    char text[WEFT_ADDR_STR];
    weft_addr_format(&weft_xport_info(p->xport)->peer, text);
    weft_info("server", "TLS handshake with %s failed: %s", text, weft_status_text(st));
    weft_xport_close(p->xport);
    peer_free(p);
}

static void on_deadline(void *arg) {
    struct peer *p = arg;
    weft_server_conn_close(p->conn);
}

/* A connection ends with its peer's certificate (a little later, so that its streams can say so
 * first). Who has none gets as long as one request takes: places are limited. */
static void set_deadline(struct peer *p, const struct weft_xport_info *info) {
    int64_t left = info->peer_not_after - (int64_t)(weft_clock_unix_us() / 1000000u);
    bool known = info->peer_id.len > 0 && left > 0;
    weft_timer_start(&p->deadline, STRANGER_US + (known ? (uint64_t)left * 1000000u : 0));
}

static bool turned_away(struct peer *p, const char *why) {
    char text[WEFT_ADDR_STR];
    weft_addr_format(&weft_xport_info(p->xport)->peer, text);
    weft_counter_add(p->server->sign->metrics->turned_away, 1);
    weft_warn("server", "%s has too many connections (%s)", text, why);
    return false;
}

/* Strangers have none of an identity, only of an address. */
static bool take_place(struct peer *p) {
    struct weft_slice id = weft_xport_info(p->xport)->peer_id;
    if (!id.len) return true;
    p->of_identity = controller_places_take(&p->server->places, id, MAX_OF_IDENTITY);
    return p->of_identity || turned_away(p, "identity");
}

static void on_secured(void *ud, enum weft_status st) {
    struct peer *p = ud;
    if (st != WEFT_OK) {
        handshake_failed(p, st);
        return;
    }
    if (!take_place(p)) {
        weft_xport_close(p->xport);
        peer_free(p);
        return;
    }
    const struct weft_server_options opt = {.h2 = true,
                                            .limits = weft_codec_limits_default(),
                                            .idle_timeout_us = IDLE_US,
                                            .write_timeout_us = p->server->write_timeout_us};
    struct weft_xport *x = weft_take(&p->xport);
    set_deadline(p, weft_xport_info(x));
    p->conn = weft_server_conn_new(x, &opt, &server_cb, p);
}

static void on_handshake_error(void *ud, enum weft_status st) {
    handshake_failed(ud, st);
}

static const struct weft_xport_cb xport_cb = {.on_open = on_secured,
                                              .on_error = on_handshake_error};

void controller_server_adopt(struct controller_server *s, struct weft_xport *below) {
    char from[WEFT_ADDR_STR];
    weft_addr_format_ip(&weft_xport_info(below)->peer, from);
    struct controller_place *place =
        s->n_peers < MAX_CONNECTIONS
            ? controller_places_take(&s->places, weft_slice_str(from), MAX_OF_ADDRESS)
            : NULL;
    if (!place) {
        weft_counter_add(s->sign->metrics->turned_away, 1);
        weft_xport_close(below);
        return;
    }
    struct peer *p = weft_new0(struct peer);
    p->server = s;
    p->of_address = place;
    weft_timer_init(&p->deadline, s->loop, on_deadline, p);
    weft_list_push(&s->peers, &p->node);
    s->n_peers++;
    p->xport = weft_xport_tls_server(below, s->tls, HANDSHAKE_US);
    weft_xport_set_cb(p->xport, &xport_cb, p);
}

static void on_accept(void *ud, struct weft_xport *x) {
    controller_server_adopt(ud, x);
}

/* One timer for all: they may be many, and few have something queued. */
static void on_check(void *arg) {
    struct controller_server *s = arg;
    weft_list_each(it, &s->peers) {
        struct peer *p = WEFT_CONTAINER(it, struct peer, node);
        if (p->conn) weft_server_conn_check(p->conn);
    }
    weft_timer_start(&s->check, CHECK_US);
}

/* === the serving certificate === */

static enum weft_status renew(struct controller_server *s, struct weft_error *err) {
    static const char *const alpns[] = {"h2", NULL};
    struct weft_identity *id = NULL;
    struct weft_tls_ctx *tls = NULL;
    int64_t now = (int64_t)(weft_clock_unix_us() / 1000000u);
    enum weft_status st = controller_ca_serving(s->sign->ca, s->name, now, &id, err);
    if (st == WEFT_OK) st = weft_tls_ctx_new(WEFT_TLS_CONTROL_SERVER, id, alpns, &tls, err);
    weft_identity_unref(id);
    if (st != WEFT_OK) return st;
    weft_tls_ctx_unref(s->tls);
    s->tls = tls;
    return WEFT_OK;
}

void controller_server_renew(struct controller_server *s) {
    struct weft_error err = {0};
    if (renew(s, &err) != WEFT_OK) weft_error("server", "no new certificate: %s", err.message);
    weft_timer_start(&s->rotate, ROTATE_US);
}

static void on_rotate(void *arg) {
    controller_server_renew(arg);
}

enum weft_status controller_server_new(struct weft_loop *l,
                                       const struct controller_server_options *opt,
                                       const struct controller_sign *sign,
                                       struct controller_discovery *discovery,
                                       struct controller_server **ret, struct weft_error *err) {
    struct controller_server *s = weft_new0(struct controller_server);
    s->loop = l;
    s->name = weft_strdup(opt->name);
    s->write_timeout_us = opt->write_timeout_us;
    s->sign = sign;
    s->discovery = discovery;
    weft_list_init(&s->peers);
    weft_timer_init(&s->rotate, l, on_rotate, s);
    weft_timer_init(&s->check, l, on_check, s);
    enum weft_status st = renew(s, err);
    if (st == WEFT_OK)
        st = weft_listener_new(l, &opt->listen, &(struct weft_listen_options){0}, on_accept, s,
                               &s->listener, err);
    if (st != WEFT_OK) {
        controller_server_close(s);
        return st;
    }
    weft_timer_start(&s->rotate, ROTATE_US);
    weft_timer_start(&s->check, CHECK_US);
    *ret = s;
    return WEFT_OK;
}

void controller_server_close(struct controller_server *s) {
    if (!s) return;
    weft_listener_close(weft_take(&s->listener));
    weft_timer_stop(&s->rotate);
    weft_timer_stop(&s->check);
    s->closing = true;
    s->n_peers++; /* not freed under our feet */
    weft_list_each(it, &s->peers) {
        struct peer *p = WEFT_CONTAINER(it, struct peer, node);
        if (p->conn) {
            weft_server_conn_drain(p->conn);
            weft_server_conn_close(p->conn);
        } else {
            weft_xport_close(p->xport);
            peer_free(p);
        }
    }
    s->n_peers--;
    server_free_if_done(s);
}

struct weft_addr controller_server_addr(const struct controller_server *s) {
    return *weft_listener_addr(s->listener);
}

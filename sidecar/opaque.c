/* SPDX-License-Identifier: Apache-2.0
 * Connections that are not HTTP: bytes to where the client meant (foreign addresses, the own app),
 * or to an endpoint of the Service: inside mutual TLS when that is meshed, else in plain. */
#include <sidecar/conn.h>

#include <sidecar/hop.h>
#include <sidecar/limits.h>
#include <weft/base/alloc.h>

static void dial(struct proxy_conn *c);

static void view_of(void *ud, uint32_t i, struct weft_endpoint_view *ret) {
    struct proxy_conn *c = ud;
    const struct weft_backend *be = &c->fixed->bound->dest->default_backend;
    proxy_load_view(c->fixed->loads[be->endpoints][i], c->w, ret);
}

static void drop_load(struct proxy_conn *c) {
    if (!c->load) return;
    proxy_load_end(c->load);
    proxy_load_unref(&c->w->dests, c->load);
    c->load = NULL;
}

void proxy_opaque_close(struct proxy_conn *c) {
    if (c->up) weft_xport_close(c->up);
    c->up = NULL;
    drop_load(c);
}

static const struct weft_endpoint *pick(struct proxy_conn *c, enum weft_reason *ret_why) {
    struct weft_endpoint_view v;
    *ret_why = WEFT_REASON_NO_ENDPOINTS;
    const struct weft_backend *be = &c->fixed->bound->dest->default_backend;
    if (be->endpoints == WEFT_NO_ENDPOINTS) return NULL;
    const struct weft_endpoints *e = c->fixed->bound->endpoints[be->endpoints];
    int i = weft_endpoint_choose_near(e, &c->fixed->near[be->endpoints], view_of, c, c->tried,
                                      c->n_tried, &c->w->rng);
    if (i < 0) return NULL;
    view_of(c, (uint32_t)i, &v);
    *ret_why = WEFT_REASON_OVERLOAD;
    if (v.full) return NULL;
    c->tried[c->n_tried++] = (uint32_t)i;
    c->load = proxy_load_get(&c->w->dests, &e->items[i].addr);
    proxy_load_begin(c->load);
    c->endpoint = e->items[i].addr;
    return &e->items[i];
}

static void log_end(struct proxy_conn *c, uint64_t in, uint64_t out, enum weft_reason why) {
    if (!proxy_log_wants(&c->w->log, 0, PROXY_GRPC_NOT, why)) return;
    char dst[WEFT_ADDR_STR];
    weft_addr_format(&c->dst, dst);
    struct proxy_log_line line = {
        .labels = proxy_series_labels(proxy_conn_series(c)),
        .protocol = "opaque",
        .authority = weft_slice_str(dst),
        .sni = weft_slice_str(c->server_name),
        .grpc_status = PROXY_GRPC_NOT,
        .reason = why,
        .client = &c->client,
        .endpoint = &c->endpoint,
        .peer_id = c->dir == PROXY_INBOUND ? c->peer_id : c->up_id,
        .attempts = c->n_tried,
        .duration_us = weft_loop_now_us(c->w->loop) - c->started_us,
        .bytes_in = in,
        .bytes_out = out,
    };
    proxy_log_write(&c->w->log, &line);
}

static enum weft_reason reason_of(const struct proxy_conn *c, const struct weft_relay_result *r) {
    if (c->cut != WEFT_REASON_NONE) return c->cut;
    if (r->status == WEFT_OK || r->status == WEFT_CANCELED) return WEFT_REASON_NONE;
    return r->by_b ? WEFT_REASON_UPSTREAM_RESET : WEFT_REASON_CLIENT_GONE;
}

static void on_relay_done(void *ud, const struct weft_relay_result *r) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, ud);
    c->relay = NULL;
    proxy_series_add(proxy_conn_series(c), PROXY_SERIES_BODY_IN, r->a_to_b);
    proxy_series_add(proxy_conn_series(c), PROXY_SERIES_BODY_OUT, r->b_to_a);
    log_end(c, r->a_to_b, r->b_to_a, reason_of(c, r));
    proxy_conn_close(c);
}

void proxy_opaque_cut(struct proxy_conn *c, enum weft_reason why) {
    c->cut = why;
    weft_relay_cut(c->relay);
}

void proxy_opaque_check(struct proxy_conn *c) {
    const struct proxy_options *o = c->w->opt;
    enum weft_cap cap = weft_relay_check(c->relay, o->opaque_idle_timeout_us, o->write_timeout_us);
    if (cap == WEFT_CAP_NONE || c->cut != WEFT_REASON_NONE) return;
    proxy_limits_hit(c->w, c->dir, cap);
    proxy_opaque_cut(c, WEFT_REASON_CONNECTION_TIMEOUT);
}

static void start_relay(struct proxy_conn *c) {
    struct weft_xport *a = c->x, *b = c->up;
    c->x = c->up = NULL;
    c->phase = "relay";
    if (c->load) proxy_load_worked(c->load, c->w);
    if (c->up_id.len) proxy_conn_watch_expiry(c, weft_xport_info(b)->peer_not_after);
    c->relay = weft_relay_new(a, b, on_relay_done, c);
    proxy_server_name_watch(c);
    proxy_conn_check_expiry(c);
}

static void count(struct proxy_conn *c) {
    proxy_series_add(proxy_conn_series(c), PROXY_SERIES_CONN_OPAQUE, 1);
    proxy_stats_count(&c->w->stats, PROXY_METRIC_PASSTHROUGH, proxy_dir_name(c->dir), c->why);
}

void proxy_opaque_go(struct proxy_conn *c) {
    c->late_hello = false;
    count(c);
    start_relay(c);
}

/* Nothing was sent yet: another endpoint is as good. */
static void dial_failed(struct proxy_conn *c, enum weft_status st) {
    uint32_t n = 0;
    if (c->up_id.len && !c->securing) weft_counter_add(c->w->stats.tls_start_failed, 1);
    const struct weft_destination *d = c->fixed ? c->fixed->bound->dest : NULL;
    if (d && d->default_backend.endpoints != WEFT_NO_ENDPOINTS)
        n = c->fixed->bound->endpoints[d->default_backend.endpoints]->n;
    if (c->load)
        proxy_load_failed(c->load, c->fixed, d->default_backend.endpoints, PROXY_FAILED_CONNECT);
    proxy_opaque_close(c);
    if (c->n_tried < n && c->n_tried < WEFT_LEN(c->tried))
        dial(c);
    else
        proxy_conn_refuse(c, st == WEFT_TIMEOUT    ? WEFT_REASON_CONNECT_TIMEOUT
                             : st == WEFT_TLS      ? WEFT_REASON_UPSTREAM_TLS
                             : st == WEFT_IDENTITY ? WEFT_REASON_UPSTREAM_IDENTITY
                                                   : WEFT_REASON_CONNECT_FAILED);
}

static void on_up_error(void *ud, enum weft_status st) {
    dial_failed(WEFT_CAST(proxy_conn, ud), st);
}
static void on_up_eof(void *ud) {
    dial_failed(WEFT_CAST(proxy_conn, ud), WEFT_RESET);
}
static void on_up_open(void *ud, enum weft_status st);
static const struct weft_xport_cb up_cb = {
    .on_open = on_up_open, .on_error = on_up_error, .on_eof = on_up_eof};

static void secure(struct proxy_conn *c) {
    struct proxy_worker *w = c->w;
    if (!w->client_tls) {
        dial_failed(c, WEFT_TLS);
        return;
    }
    c->securing = false;
    weft_counter_add(w->stats.tls_started, 1);
    c->up = weft_xport_tls_client(c->up, w->client_tls, c->up_id, PROXY_ALPN_TCP, NULL,
                                  w->opt->connect_timeout_us);
    weft_xport_set_cb(c->up, &up_cb, c);
}

/* ---- a caller that was silent ---- */

static void on_app_spoke(void *ud, struct weft_slice data) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, ud);
    weft_xport_read_stop(c->up);
    weft_xport_unread(c->up, data);
    proxy_conn_sniff_end(c);
}
static void on_app_ended(void *ud) {
    on_app_spoke(ud, WEFT_SLICE_EMPTY);
}
static void on_app_broke(void *ud, enum weft_status st) {
    proxy_conn_refuse(WEFT_CAST(proxy_conn, ud), WEFT_REASON_UPSTREAM_RESET);
}
static const struct weft_xport_cb first_word_cb = {
    .on_read = on_app_spoke, .on_eof = on_app_ended, .on_error = on_app_broke};

static void await_first_word(struct proxy_conn *c) {
    weft_xport_set_cb(c->up, &first_word_cb, c);
    weft_xport_read_start(c->up);
    proxy_conn_sniff(c, c->w->opt->opaque_idle_timeout_us, c->on_sniffed);
}

static void on_up_open(void *ud, enum weft_status st) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, ud);
    if (st != WEFT_OK)
        dial_failed(c, st);
    else if (c->securing)
        secure(c);
    else if (c->late_hello)
        await_first_word(c);
    else
        start_relay(c);
}

static void dial(struct proxy_conn *c) {
    const struct weft_endpoint *ep = NULL;
    c->endpoint = c->dst;
    enum weft_reason why;
    if (c->fixed && !(ep = pick(c, &why))) {
        proxy_conn_refuse(c, why);
        return;
    }
    c->securing = ep && ep->meshed && !proxy_is_own_ip(c->w, &c->endpoint);
    c->up_id = c->securing ? ep->spiffe_id : WEFT_SLICE_EMPTY;
    weft_counter_add(c->w->stats.connects, 1);
    c->up =
        c->w->dial(c->w->dial_ud, c->w->loop, &c->endpoint, NULL, c->w->opt->connect_timeout_us);
    weft_xport_set_cb(c->up, &up_cb, c);
}

static void on_client_error(void *ud, enum weft_status st) {
    proxy_conn_close(WEFT_CAST(proxy_conn, ud));
}
static const struct weft_xport_cb client_cb = {.on_error = on_client_error};

void proxy_opaque_start(struct proxy_conn *c, struct proxy_bound *to, const char *why) {
    c->why = why;
    c->phase = "dial";
    c->fixed = to ? proxy_bound_ref(to) : NULL;
    if (!c->late_hello) count(c);
    weft_xport_set_cb(c->x, &client_cb, c);
    dial(c);
}

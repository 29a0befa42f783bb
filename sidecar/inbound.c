/* SPDX-License-Identifier: Apache-2.0
 * What the app receives: mesh traffic is told from an app's own TLS by its ALPN before anything is
 * terminated; plain traffic is taken or refused by the mode of its port. */
#include <sidecar/conn.h>
#include <sidecar/limits.h>

#include <sidecar/hop.h>
#include <stdio.h>

#include <weft/base/alloc.h>
#include <weft/mesh/model.h>
#include <weft/obs/log.h>

enum { HANDSHAKE_US = 10000000 };

static const struct weft_inbound_port *find_port(const struct weft_inbound *i, uint16_t port) {
    for (uint32_t k = 0; i && k < i->n_ports; k++)
        if (i->ports[k].port == port) return &i->ports[k];
    return NULL;
}

static const struct weft_inbound_port *port_of(const struct proxy_conn *c) {
    return find_port(c->w->inbound, c->dst.port);
}

static enum weft_mtls_mode mode_of(const struct proxy_conn *c) {
    const struct weft_inbound_port *p = port_of(c);
    if (p) return p->mode;
    if (c->w->inbound) return c->w->inbound->mode;
    return c->w->opt->strict ? WEFT_MTLS_STRICT : WEFT_MTLS_PERMISSIVE;
}

static struct weft_slice own_id(const struct proxy_worker *w) {
    return w->identity ? weft_identity_spiffe_id(w->identity) : WEFT_SLICE_EMPTY;
}

static struct proxy_series *port_series_new(struct proxy_worker *w, uint16_t port) {
    char service[16] = ":other";
    if (port) snprintf(service, sizeof service, ":%u", port);
    struct proxy_series_labels l = {.dir = PROXY_INBOUND, .service = weft_slice_str(service)};
    struct proxy_port_series *p = weft_new0(struct proxy_port_series);
    *p = (struct proxy_port_series){
        .port = port, .next = w->port_series, .series = proxy_series_new(&w->stats, &l)};
    w->port_series = p;
    return p->series;
}

/* Few ports, so a list: who scans the pod's undeclared ports must not make it long. */
struct proxy_series *proxy_inbound_series(struct proxy_worker *w, uint16_t port) {
    uint32_t n = 0;
    for (struct proxy_port_series *p = w->port_series; p; p = p->next, n++)
        if (p->port == port) return p->series;
    if (n < PROXY_MAX_PORT_SERIES || !port || find_port(w->inbound, port))
        return port_series_new(w, port);
    return proxy_inbound_series(w, 0); /* all the others together */
}

static void serve(struct proxy_conn *c, bool h2) {
    c->direct = true;
    proxy_conn_serve(c, h2);
}

/* ---- mesh peers ---- */

static void on_secured(struct proxy_conn *c) {
    const struct weft_xport_info *info = weft_xport_info(c->x);
    c->peer_id = weft_slice(weft_slice_dup(info->peer_id), info->peer_id.len);
    weft_counter_add(c->w->stats.tls_ok, 1);
    struct weft_slice alpn = info->alpn;
    int64_t peer_end = info->peer_not_after;
    if (weft_slice_is(alpn, PROXY_ALPN_TCP)) {
        proxy_conn_watch_expiry(c, peer_end);
        proxy_opaque_start(c, NULL, "opaque");
        return;
    }
    serve(c, weft_slice_is(alpn, PROXY_ALPN_H2));
    proxy_conn_watch_expiry(c, peer_end);
}

static void on_handshake(void *ud, enum weft_status st) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, ud);
    if (st == WEFT_OK) {
        proxy_conn_hush(c);
        on_secured(c);
        return;
    }
    weft_debug("inbound", "mTLS handshake failed: %s", weft_status_text(st));
    weft_counter_add(c->w->stats.tls_failed, 1);
    proxy_conn_refuse(c, WEFT_REASON_DENIED);
}
static void on_handshake_eof(void *ud) {
    on_handshake(ud, WEFT_RESET);
}
static const struct weft_xport_cb handshake_cb = {
    .on_open = on_handshake, .on_eof = on_handshake_eof, .on_error = on_handshake};

static void terminate(struct proxy_conn *c) {
    proxy_server_name_drop(c);
    if (!c->w->server_tls) { /* no identity yet: the peer tries another endpoint */
        weft_counter_add(c->w->stats.tls_failed, 1);
        proxy_conn_refuse(c, WEFT_REASON_NO_CONFIG);
        return;
    }
    c->phase = "tls";
    c->x = weft_xport_tls_server(c->x, c->w->server_tls, HANDSHAKE_US);
    weft_xport_set_cb(c->x, &handshake_cb, c);
}

static bool is_mesh_hello(const struct proxy_conn *c) {
    struct weft_client_hello hello;
    if (!weft_sniff_client_hello(weft_buf_slice(&c->first), &hello)) return false;
    return weft_sniff_alpn_has(hello.alpn, WEFT_SLICE_LIT(PROXY_ALPN_H2)) ||
           weft_sniff_alpn_has(hello.alpn, WEFT_SLICE_LIT(PROXY_ALPN_H1)) ||
           weft_sniff_alpn_has(hello.alpn, WEFT_SLICE_LIT(PROXY_ALPN_TCP));
}

/* ---- everybody else ---- */

/* Silence was taken for opaque, and then a ClientHello came before the app said a word: a peer that
 * had no time for it. The app loses a connection on which nothing was said. */
static void on_late(struct proxy_conn *c, enum weft_sniff what) {
    if (what != WEFT_SNIFF_TLS || !is_mesh_hello(c)) {
        proxy_opaque_go(c);
        return;
    }
    c->late_hello = false;
    proxy_opaque_close(c);
    terminate(c);
}

static void silent(struct proxy_conn *c) {
    c->late_hello = true;
    c->on_sniffed = on_late;
    proxy_opaque_start(c, NULL, "opaque");
}

static void on_sniffed(struct proxy_conn *c, enum weft_sniff what) {
    const struct weft_inbound_port *p = port_of(c);
    bool opaque = p && (p->protocol == WEFT_PROTO_TCP || p->protocol == WEFT_PROTO_TLS);
    if (what == WEFT_SNIFF_TLS && is_mesh_hello(c))
        terminate(c);
    else if (mode_of(c) == WEFT_MTLS_STRICT)
        proxy_conn_refuse(c, WEFT_REASON_DENIED);
    else if (!opaque && (what == WEFT_SNIFF_H1 || what == WEFT_SNIFF_H2))
        serve(c, what == WEFT_SNIFF_H2);
    else if (weft_buf_size(&c->first) == 0)
        silent(c);
    else
        proxy_opaque_start(c, NULL, what == WEFT_SNIFF_TLS ? "app_tls" : "opaque");
}

/* The app is called as the client meant it, or where the options say. */
static void app_address(struct proxy_conn *c, int listen) {
    const struct proxy_options *o = c->w->opt;
    uint16_t port = listen >= 0 ? o->inbounds[listen].app_port : c->dst.port;
    if (listen >= 0) weft_addr_parse_ip(WEFT_SLICE_LIT("127.0.0.1"), &c->dst);
    if (o->app_address.family) c->dst = o->app_address;
    c->dst.port = port;
}

/* How long silence is waited for. Short only where a server may have to speak first: elsewhere it
 * is a peer that had no time for its ClientHello yet, and taking it for opaque would fail its
 * handshake, if a server spoke meanwhile. */
static uint64_t patience(const struct proxy_conn *c) {
    const struct weft_inbound_port *p = port_of(c);
    bool http = p && p->protocol != WEFT_PROTO_UNKNOWN && p->protocol != WEFT_PROTO_TLS &&
                p->protocol != WEFT_PROTO_TCP;
    if (c->w->opt->detect_timeout_us == 0) return 0;
    return http || mode_of(c) == WEFT_MTLS_STRICT ? HANDSHAKE_US : c->w->opt->detect_timeout_us;
}

void proxy_inbound_accept(struct proxy_worker *w, struct weft_xport *x, int listen) {
    struct proxy_conn *c = proxy_conn_new(w, x, PROXY_INBOUND);
    if (!proxy_limits_admit_conn(c)) {
        proxy_conn_refuse(c, WEFT_REASON_OVERLOAD);
        return;
    }
    if (listen < 0 && weft_xport_original_dst(x, &c->dst) != WEFT_OK) {
        proxy_conn_refuse(c, WEFT_REASON_NO_CONFIG);
        return;
    }
    if (listen < 0 && proxy_is_own_port(w, x, &c->dst)) {
        proxy_conn_refuse(c, WEFT_REASON_LOOP);
        return;
    }
    app_address(c, listen);
    c->want_hello = true;
    proxy_conn_sniff(c, patience(c), on_sniffed);
}

struct weft_slice proxy_own_id(const struct proxy_worker *w) {
    return own_id(w);
}

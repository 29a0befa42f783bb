/* SPDX-License-Identifier: Apache-2.0
 * What the app sends: an accepted connection, its original destination, what that means, which
 * protocol it speaks. From there on requests (stream.c) or opaque bytes (opaque.c). */
#include <sidecar/conn.h>
#include <sidecar/limits.h>

bool proxy_is_own_ip(const struct proxy_worker *w, const struct weft_addr *ip) {
    struct weft_addr bare = *ip;
    bare.port = 0;
    for (size_t i = 0; i < w->opt->n_pod_ips; i++)
        if (weft_addr_eq(&bare, &w->opt->pod_ips[i])) return true;
    return false;
}

/* DESIGN: a direct connect to a redirected port yields that port itself as its destination. */
static bool is_own_port_number(const struct proxy_options *o, uint16_t port) {
    const uint64_t own[] = {o->outbound_port, o->inbound_port, o->metrics_port, o->ready_port,
                            o->admin.family ? o->admin.port : 0};
    for (size_t i = 0; i < WEFT_LEN(own); i++)
        if (own[i] && own[i] == port) return true;
    return false;
}

bool proxy_is_own_port(const struct proxy_worker *w, struct weft_xport *x,
                       const struct weft_addr *dst) {
    if (!is_own_port_number(w->opt, dst->port)) return false;
    struct weft_addr local = *weft_xport_local(x), to = *dst;
    local.port = to.port = 0;
    return weft_addr_is_loopback(dst) || weft_addr_is_any(dst) || weft_addr_eq(&local, &to) ||
           proxy_is_own_ip(w, dst);
}

/* With a route attached HTTP is certain (REQ-059); otherwise the port says it or nobody does. */
static bool http_forced(const struct weft_destination *d) {
    return d->routes != WEFT_ROUTES_NONE || d->protocol == WEFT_PROTO_HTTP ||
           d->protocol == WEFT_PROTO_H2C || d->protocol == WEFT_PROTO_GRPC ||
           d->protocol == WEFT_PROTO_HTTP1;
}

static void start_opaque(struct proxy_conn *c, const char *why) {
    proxy_opaque_start(c, c->dest->cur, why);
}

/* What is not HTTP is refused in the protocol that the port speaks: GOAWAY or 400. */
static void on_forced(struct proxy_conn *c, enum weft_sniff what) {
    const struct proxy_bound *b = c->dest->cur;
    enum weft_protocol p = b ? b->bound->dest->protocol : WEFT_PROTO_HTTP;
    bool h2_only = p == WEFT_PROTO_H2C || p == WEFT_PROTO_GRPC;
    proxy_conn_serve(c, what == WEFT_SNIFF_H2 || (h2_only && what != WEFT_SNIFF_H1));
}

static void on_detected(struct proxy_conn *c, enum weft_sniff what) {
    if (what == WEFT_SNIFF_H1 || what == WEFT_SNIFF_H2)
        proxy_conn_serve(c, what == WEFT_SNIFF_H2);
    else
        start_opaque(c, what == WEFT_SNIFF_TLS ? "app_tls" : "opaque");
}

static void choose_protocol(struct proxy_conn *c) {
    const struct weft_destination *d = c->dest->cur->bound->dest;
    if (d->kind == WEFT_DEST_NONE)
        proxy_opaque_start(c, NULL, "foreign");
    else if (http_forced(d))
        proxy_conn_sniff(c, 0, on_forced);
    else if (d->protocol == WEFT_PROTO_TCP || d->protocol == WEFT_PROTO_TLS)
        start_opaque(c, d->protocol == WEFT_PROTO_TLS ? "app_tls" : "opaque");
    else
        proxy_conn_sniff(c, c->w->opt->detect_timeout_us, on_detected);
}

static bool own_mode_strict(const struct proxy_worker *w) {
    return w->inbound ? w->inbound->mode == WEFT_MTLS_STRICT : w->opt->strict;
}

static void on_known(void *arg, bool known) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, arg);
    if (known)
        choose_protocol(c);
    else if (own_mode_strict(c->w))
        proxy_conn_refuse(c, WEFT_REASON_NO_CONFIG);
    else
        proxy_opaque_start(c, NULL, "unknown");
}

static void look_up(struct proxy_conn *c) {
    struct proxy_dests *t = &c->w->dests;
    c->dest = proxy_dests_get(t, &c->dst);
    if (c->dest->cur) {
        choose_protocol(c);
    } else if (t->pushed) {
        proxy_opaque_start(c, NULL, "foreign");
    } else {
        c->park.fn = on_known;
        c->park.arg = c;
        proxy_dest_park(c->dest, &c->park);
    }
}

static void look_up_listen(struct proxy_conn *c, int listen) {
    const struct proxy_listen *l = &c->w->opt->listens[listen];
    struct weft_addr *last = &c->w->listen_dst[listen];
    struct proxy_dest *d = proxy_dests_find_service(&c->w->dests, last, l->ns, l->service, l->port);
    if (!d) {
        proxy_conn_refuse(c, WEFT_REASON_NO_CONFIG);
        return;
    }
    c->dst = *last = d->addr;
    look_up(c);
}

void proxy_outbound_accept(struct proxy_worker *w, struct weft_xport *x, int listen) {
    struct proxy_conn *c = proxy_conn_new(w, x, PROXY_OUTBOUND);
    if (!proxy_limits_admit_conn(c)) {
        proxy_conn_refuse(c, WEFT_REASON_OVERLOAD);
        return;
    }
    if (listen >= 0) {
        look_up_listen(c, listen);
        return;
    }
    if (weft_xport_original_dst(x, &c->dst) != WEFT_OK)
        proxy_conn_refuse(c, WEFT_REASON_NO_CONFIG);
    else if (proxy_is_own_port(w, x, &c->dst))
        proxy_conn_refuse(c, WEFT_REASON_LOOP);
    else
        look_up(c);
}

/* SPDX-License-Identifier: Apache-2.0
 * Routes of several kinds on one Service port: the first present of GRPCRoute, HTTPRoute, TLSRoute
 * and TCPRoute rules it, for each group by itself, as groups never mix (REQ-039 to 042). */
#include "gamma_internal.h"

#include <weft/base/buf.h>

const char *gamma_kind_name(enum gamma_kind k) {
    static const char *const names[GAMMA_KINDS] = {
        [GAMMA_GRPC_ROUTE] = "GRPCRoute", [GAMMA_HTTP_ROUTE] = "HTTPRoute",
        [GAMMA_TLS_ROUTE] = "TLSRoute",   [GAMMA_TCP_ROUTE] = "TCPRoute",
        [GAMMA_UDP_ROUTE] = "UDPRoute",
    };
    return names[k];
}

const char *gamma_a_kind(enum gamma_kind k) {
    static const char *const names[GAMMA_KINDS] = {
        [GAMMA_GRPC_ROUTE] = "a GRPCRoute", [GAMMA_HTTP_ROUTE] = "an HTTPRoute",
        [GAMMA_TLS_ROUTE] = "a TLSRoute",   [GAMMA_TCP_ROUTE] = "a TCPRoute",
        [GAMMA_UDP_ROUTE] = "a UDPRoute",
    };
    return names[k];
}

/* Producers, or the consumers of one namespace. */
static bool in_group(const struct gamma_attachment *at, const struct weft_service_port *p,
                     struct weft_slice route_ns, bool consumer) {
    return at->consumer == consumer && weft_slice_eq(at->route->view.meta.ns, route_ns) &&
           gamma_attachment_selects(at, p);
}

/* The first of the winning kind, or NULL: nobody is there. Attachments stand in order of kinds. */
static const struct gamma_attachment *winner(const struct gamma_service *s,
                                             const struct weft_service_port *p,
                                             struct weft_slice route_ns, bool consumer) {
    for (uint32_t i = 0; i < s->attachments.n; i++) {
        const struct gamma_attachment *at = s->attachments.items[i];
        if (in_group(at, p, route_ns, consumer)) return at;
    }
    return NULL;
}

static struct gamma_list group(const struct gamma_service *s, const struct weft_service_port *p,
                               struct weft_slice route_ns, bool consumer, struct weft_arena *a) {
    struct gamma_list list = {0};
    const struct gamma_attachment *best = winner(s, p, route_ns, consumer);
    for (uint32_t i = 0; best && i < s->attachments.n; i++) {
        const struct gamma_attachment *at = s->attachments.items[i];
        if (at->route->kind != best->route->kind || !in_group(at, p, route_ns, consumer)) continue;
        /* two parentRefs of one route to the same port count once */
        if (list.n && list.items[list.n - 1] == at->route) continue;
        gamma_list_add(a, &list, at->route);
    }
    return list;
}

struct gamma_list gamma_effective(const struct gamma_service *s, const struct weft_service_port *p,
                                  struct weft_slice client_ns, struct weft_arena *a) {
    struct gamma_list list = group(s, p, client_ns, true, a);
    return list.n ? list : group(s, p, s->view.meta.ns, false, a);
}

const struct gamma_route *gamma_lost_to(const struct gamma_attachment *at,
                                        const struct weft_service_port *p) {
    const struct gamma_attachment *best =
        winner(at->service, p, at->route->view.meta.ns, at->consumer);
    return best && best->route->kind < at->route->kind ? best->route : NULL;
}

/* Every port that it selects is lost: to whom? NULL: it has one. */
static const struct gamma_route *lost_all(const struct gamma_attachment *at) {
    const struct gamma_route *to = NULL;
    for (uint32_t i = 0; i < at->service->view.n_ports; i++) {
        const struct weft_service_port *p = &at->service->view.ports[i];
        if (!gamma_attachment_selects(at, p)) continue;
        const struct gamma_route *by = gamma_lost_to(at, p);
        if (!by) return NULL;
        if (!to) to = by;
    }
    return to;
}

static void settle(struct weft_gamma *g, struct gamma_attachment *at) {
    enum gamma_kind kind = at->route->kind;
    bool only_read = kind > GAMMA_HTTP_ROUTE;
    const struct gamma_route *to = lost_all(at);
    if (to) {
        at->refused = "Conflicted";
        at->message = weft_arena_printf(
            &g->arena,
            "%s " WEFT_SLICE_FMT "/" WEFT_SLICE_FMT
            " rules the same port%s of Service " WEFT_SLICE_FMT
            ", and there %s goes before %s, which is off entirely%s",
            gamma_kind_name(to->kind), WEFT_SLICE_ARG(to->view.meta.ns),
            WEFT_SLICE_ARG(to->view.meta.name),
            at->parent->port || at->parent->section.len ? "" : "s",
            WEFT_SLICE_ARG(at->service->key), gamma_a_kind(to->kind), gamma_a_kind(kind),
            only_read ? " (a kind that Weft does not apply in any case)" : "");
    } else if (only_read) {
        at->refused = "UnsupportedValue";
        at->message = weft_arena_printf(&g->arena,
                                        "Weft does not apply %s: %s go to the "
                                        "Service's own endpoints as if it were not there",
                                        gamma_a_kind(kind),
                                        kind == GAMMA_UDP_ROUTE ? "datagrams" : "connections");
    }
}

void gamma_settle_kinds(struct weft_gamma *g) {
    for (uint32_t i = 0; i < g->routes.n; i++) {
        struct gamma_route *r = g->routes.items[i];
        for (uint32_t k = 0; k < r->n_attachments; k++)
            if (!r->attachments[k].refused) settle(g, &r->attachments[k]);
    }
}

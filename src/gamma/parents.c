/* SPDX-License-Identifier: Apache-2.0
 * Which (Route, parentRef) pairs attach to which Service ports, as producer or consumer (REQ-008 to
 * 020). */
#include "gamma_internal.h"

/* Declared as something that is not HTTP: such a port accepts no HTTPRoute or GRPCRoute (REQ-014),
 * so that a route on the whole Service leaves its TLS and raw TCP ports alone. A UDPRoute has the
 * ports that the others cannot have. */
static bool takes(const struct weft_service_port *p, enum gamma_kind kind) {
    enum weft_protocol proto = weft_protocol_from(p->app_protocol, p->name);
    if (kind == GAMMA_UDP_ROUTE) return !p->tcp;
    if (kind == GAMMA_TLS_ROUTE || kind == GAMMA_TCP_ROUTE) return p->tcp;
    return p->tcp && proto != WEFT_PROTO_TLS && proto != WEFT_PROTO_TCP;
}

/* REQ-012, 013: by number, by name, by both on the same port, or all. */
static bool names_port(const struct weft_parent_ref *ref, const struct weft_service_port *p) {
    if (ref->port && ref->port != p->port) return false;
    return !ref->section.len || weft_slice_eq(ref->section, p->name);
}

bool gamma_attachment_selects(const struct gamma_attachment *a, const struct weft_service_port *p) {
    return names_port(a->parent, p) && takes(p, a->route->kind);
}

static void refuse(struct gamma_attachment *at, struct weft_slice message) {
    at->refused = "NoMatchingParent";
    at->message = message;
}

static struct weft_slice ports_of(const struct gamma_service *s, struct weft_arena *a) {
    struct weft_slice all = WEFT_SLICE_EMPTY;
    for (uint32_t i = 0; i < s->view.n_ports; i++) {
        const struct weft_service_port *p = &s->view.ports[i];
        all = weft_arena_printf(a, WEFT_SLICE_FMT "%s%u%s" WEFT_SLICE_FMT "%s", WEFT_SLICE_ARG(all),
                                i ? ", " : "", p->port, p->name.len ? " (" : "",
                                WEFT_SLICE_ARG(p->name), p->name.len ? ")" : "");
    }
    return all.len ? all : WEFT_SLICE_LIT("none");
}

static void refuse_port(struct weft_gamma *g, struct gamma_attachment *at, bool named) {
    const struct weft_parent_ref *ref = at->parent;
    struct weft_slice ports = ports_of(at->service, &g->arena), key = at->service->key;
    if (named && at->route->kind > GAMMA_HTTP_ROUTE) {
        bool udp = at->route->kind == GAMMA_UDP_ROUTE;
        refuse(at, weft_arena_printf(&g->arena,
                                     "the selected port of Service " WEFT_SLICE_FMT
                                     " is %s TCP port, where %s cannot apply",
                                     WEFT_SLICE_ARG(key), udp ? "a" : "no",
                                     gamma_a_kind(at->route->kind)));
        return;
    }
    if (named) {
        refuse(at, weft_arena_printf(&g->arena,
                                     "the selected port of Service " WEFT_SLICE_FMT
                                     " is declared as UDP, TLS or raw TCP, where %s "
                                     "cannot apply; set appProtocol: http if it does speak HTTP",
                                     WEFT_SLICE_ARG(key), gamma_a_kind(at->route->kind)));
        return;
    }
    if (!at->service->view.n_ports) {
        refuse(at, weft_arena_printf(&g->arena,
                                     "Service " WEFT_SLICE_FMT " declares no port whose traffic a "
                                     "route could rule",
                                     WEFT_SLICE_ARG(key)));
        return;
    }
    char port[24] = "";
    if (ref->port) snprintf(port, sizeof port, " %u", ref->port);
    refuse(at, weft_arena_printf(
                   &g->arena,
                   "Service " WEFT_SLICE_FMT " has no port%s%s" WEFT_SLICE_FMT
                   "; its ports: " WEFT_SLICE_FMT
                   " (port is the Service's port, not targetPort; sectionName is the port's name)",
                   WEFT_SLICE_ARG(key), port, ref->section.len ? " named " : "",
                   WEFT_SLICE_ARG(ref->section), WEFT_SLICE_ARG(ports)));
}

static void judge(struct weft_gamma *g, struct gamma_attachment *at) {
    const struct gamma_service *s = at->service;
    struct weft_slice ns = at->parent->ns, name = at->parent->name;
    if (!s) {
        refuse(at, weft_arena_printf(&g->arena,
                                     "Service " WEFT_SLICE_FMT "/" WEFT_SLICE_FMT " does not exist",
                                     WEFT_SLICE_ARG(ns), WEFT_SLICE_ARG(name)));
        return;
    }
    if (s->view.kind != WEFT_SERVICE_CLUSTER_IP) { /* REQ-032 */
        bool headless = s->view.kind == WEFT_SERVICE_HEADLESS;
        refuse(at, weft_arena_printf(&g->arena,
                                     "Service " WEFT_SLICE_FMT " is %s: it has no ClusterIP whose "
                                     "traffic a route could rule; attach to a Service with one",
                                     WEFT_SLICE_ARG(s->key),
                                     headless ? "headless" : "of type ExternalName"));
        return;
    }
    bool named = false;
    for (uint32_t i = 0; i < s->view.n_ports; i++) {
        if (gamma_attachment_selects(at, &s->view.ports[i])) return;
        named = named || names_port(at->parent, &s->view.ports[i]);
    }
    refuse_port(g, at, named);
}

/* REQ-037: a route of which no rule is left has no say. One whose rules all answer 500 does: a
 * filter must never be skipped (REQ-080); so does a GRPCRoute that never had a rule (REQ-120). */
static bool in_force(const struct gamma_attachment *at) {
    const struct gamma_route *r = at->route;
    return !at->refused && r->kind <= GAMMA_HTTP_ROUTE &&
           (!r->n_rules || r->n_dropped < r->n_rules);
}

void gamma_attach(struct weft_gamma *g, struct gamma_route *r) {
    r->attachments = weft_arena_array(&g->arena, struct gamma_attachment, r->view.n_parents);
    for (uint32_t i = 0; i < r->view.n_parents; i++) {
        const struct weft_parent_ref *ref = &r->view.parents[i];
        if (!ref->service) continue;
        struct gamma_attachment *at = &r->attachments[r->n_attachments++];
        *at = (struct gamma_attachment){
            .route = r,
            .parent = ref,
            .service = gamma_service_find(g, ref->ns, ref->name),
            .consumer = !weft_slice_eq(ref->ns, r->view.meta.ns),
        };
        judge(g, at);
        if (in_force(at)) gamma_list_add(&g->arena, &at->service->attachments, at);
    }
}

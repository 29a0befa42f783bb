/* SPDX-License-Identifier: Apache-2.0
 * backendRefs: resolved to a Service port, or invalid with a reason; an invalid one keeps its
 * share (REQ-046 to 058). */
#include "gamma_internal.h"

static const char *kind_fault(const json_t *ref, struct weft_arena *a,
                              struct weft_slice *ret_text) {
    struct weft_slice group = weft_js_str(ref, "group"), kind = weft_js_str(ref, "kind");
    bool core = group.len == 0 || weft_slice_is(group, "core");
    if (core && (!kind.len || weft_slice_is(kind, "Service"))) return NULL;
    *ret_text = weft_arena_printf(a,
                                  "kind " WEFT_SLICE_FMT " of group \"" WEFT_SLICE_FMT
                                  "\" is no backend that Weft knows; use a Service",
                                  WEFT_SLICE_ARG(kind), WEFT_SLICE_ARG(group));
    return "InvalidKind";
}

/* REQ-058: WebSocket over TLS, and TLS of the app's own, would need a BackendTLSPolicy. */
static bool needs_tls(const struct weft_service_port *p) {
    return weft_slice_is(p->app_protocol, "kubernetes.io/wss") ||
           weft_slice_is(p->app_protocol, "https") || weft_slice_is(p->app_protocol, "tls");
}

static const char *protocol_fault(const struct gamma_service *s, const struct weft_service_port *p,
                                  enum gamma_kind kind, struct weft_arena *a,
                                  struct weft_slice *ret_text) {
    bool http1 = kind == GAMMA_GRPC_ROUTE &&
                 weft_protocol_from(p->app_protocol, p->name) == WEFT_PROTO_HTTP1;
    if (!http1 && !needs_tls(p)) return NULL;
    *ret_text = weft_arena_printf(
        a, "port %u of Service " WEFT_SLICE_FMT " %s " WEFT_SLICE_FMT ", which %s %s", p->port,
        WEFT_SLICE_ARG(s->key), p->app_protocol.len ? "has appProtocol" : "is named",
        WEFT_SLICE_ARG(p->app_protocol.len ? p->app_protocol : p->name), gamma_a_kind(kind),
        http1 ? "cannot forward to: gRPC needs HTTP/2"
              : "cannot forward to without a BackendTLSPolicy");
    return "UnsupportedProtocol";
}

/* REQ-047: TLS that Weft does not originate must not silently become plain text. */
static const char *policy_fault(const struct gamma_service *s, const struct weft_service_port *p,
                                struct weft_arena *a, struct weft_slice *ret_text) {
    for (uint32_t i = 0; i < s->tls.n; i++) {
        const struct gamma_tls_target *t = s->tls.items[i];
        if (t->section.len && !weft_slice_eq(t->section, p->name)) continue;
        *ret_text = weft_arena_printf(
            a,
            "BackendTLSPolicy " WEFT_SLICE_FMT
            " asks for TLS of the app's own towards port %u of Service " WEFT_SLICE_FMT
            ", which Weft does not originate",
            WEFT_SLICE_ARG(t->policy), p->port, WEFT_SLICE_ARG(s->key));
        return "UnsupportedProtocol";
    }
    return NULL;
}

static const char *port_fault(const struct gamma_service *s, uint16_t port, enum gamma_kind kind,
                              struct weft_arena *a, struct weft_slice *ret_text) {
    const struct weft_service_port *p = gamma_service_port(s, port);
    if (!port) {
        *ret_text = weft_arena_printf(
            a, "the port is missing: say which port of Service " WEFT_SLICE_FMT " is meant",
            WEFT_SLICE_ARG(s->key));
        return "BackendNotFound";
    }
    if (!p) {
        *ret_text = weft_arena_printf(a,
                                      "Service " WEFT_SLICE_FMT " has no TCP port %u (the "
                                      "Service's port is meant, not targetPort)",
                                      WEFT_SLICE_ARG(s->key), port);
        return "BackendNotFound";
    }
    const char *reason = policy_fault(s, p, a, ret_text);
    return reason ? reason : protocol_fault(s, p, kind, a, ret_text);
}

/* REQ-055: a grant in the target's namespace for routes of this kind and namespace. */
static bool grant_allows(const struct weft_reference_grant *grant, const struct gamma_route *r,
                         struct weft_slice service) {
    bool from = false, to = false;
    for (uint32_t i = 0; i < grant->n_from; i++)
        from = from || (weft_slice_is(grant->from[i].group, "gateway.networking.k8s.io") &&
                        weft_slice_is(grant->from[i].kind, gamma_kind_name(r->kind)) &&
                        weft_slice_eq(grant->from[i].ns, r->view.meta.ns));
    for (uint32_t i = 0; i < grant->n_to; i++)
        to = to || (!grant->to[i].group.len && weft_slice_is(grant->to[i].kind, "Service") &&
                    (!grant->to[i].name.len || weft_slice_eq(grant->to[i].name, service)));
    return from && to;
}

static bool permitted(const struct weft_gamma *g, const struct gamma_route *r, struct weft_slice ns,
                      struct weft_slice service) {
    if (!g->require_reference_grant || weft_slice_eq(ns, r->view.meta.ns)) return true;
    for (uint32_t i = 0; i < g->grants.n; i++) {
        const struct weft_reference_grant *grant = g->grants.items[i];
        if (weft_slice_eq(grant->meta.ns, ns) && grant_allows(grant, r, service)) return true;
    }
    return false;
}

const char *gamma_backend_fault(const struct weft_gamma *g, const struct gamma_route *r,
                                const json_t *ref, struct weft_arena *a,
                                struct weft_slice *ret_text) {
    const char *reason = kind_fault(ref, a, ret_text);
    struct weft_slice ns = weft_js_str(ref, "namespace"), name = weft_js_str(ref, "name");
    if (reason) return reason;
    if (!ns.len) ns = r->view.meta.ns;
    if (!permitted(g, r, ns, name)) { /* REQ-054, strict mode */
        *ret_text = weft_arena_printf(a,
                                      "Service " WEFT_SLICE_FMT "/" WEFT_SLICE_FMT
                                      " lies in another namespace and no ReferenceGrant allows it",
                                      WEFT_SLICE_ARG(ns), WEFT_SLICE_ARG(name));
        return "RefNotPermitted";
    }
    const struct gamma_service *s = gamma_service_find(g, ns, name);
    if (!s) {
        *ret_text =
            weft_arena_printf(a, "Service " WEFT_SLICE_FMT "/" WEFT_SLICE_FMT " does not exist",
                              WEFT_SLICE_ARG(ns), WEFT_SLICE_ARG(name));
        return "BackendNotFound";
    }
    if (s->view.kind == WEFT_SERVICE_EXTERNAL_NAME) { /* REQ-048 */
        *ret_text = weft_arena_printf(a,
                                      "Service " WEFT_SLICE_FMT " is of type ExternalName, which "
                                      "is not forwarded to",
                                      WEFT_SLICE_ARG(s->key));
        return "InvalidKind";
    }
    return port_fault(s, (uint16_t)weft_js_int(ref, "port", 1, 65535, 0), r->kind, a, ret_text);
}

uint32_t gamma_endpoints_index(struct weft_destination *d, struct weft_slice ns,
                               struct weft_slice service, uint16_t port) {
    struct weft_slice name =
        weft_arena_printf(&d->arena, "endpoints/" WEFT_SLICE_FMT "/" WEFT_SLICE_FMT ":%u",
                          WEFT_SLICE_ARG(ns), WEFT_SLICE_ARG(service), port);
    for (uint32_t i = 0; i < d->n_endpoints; i++)
        if (weft_slice_eq(d->endpoints[i], name)) return i;
    d->endpoints[d->n_endpoints] = name;
    return d->n_endpoints++;
}

void gamma_backend_resolve(const struct gamma_filters *in, const json_t *ref,
                           struct weft_backend *ret) {
    struct weft_arena *a = &in->d->arena;
    struct weft_slice ns = weft_js_str(ref, "namespace"), name = weft_js_str(ref, "name"), text;
    if (!ns.len) ns = in->route->view.meta.ns;
    *ret = (struct weft_backend){
        .ns = weft_arena_dup(a, ns),
        .service = weft_arena_dup(a, name),
        .port = (uint16_t)weft_js_int(ref, "port", 1, 65535, 0),
        .weight = (uint32_t)weft_js_int(ref, "weight", 0, 1000000, 1),
        .endpoints = WEFT_NO_ENDPOINTS,
    };
    const char *reason = gamma_backend_fault(in->g, in->route, ref, a, &text);
    if (reason) {
        ret->invalid = weft_arena_printf(a, "%s: " WEFT_SLICE_FMT, reason, WEFT_SLICE_ARG(text));
        return;
    }
    const struct gamma_service *s = gamma_service_find(in->g, ns, name);
    const struct weft_service_port *p = gamma_service_port(s, ret->port);
    ret->protocol = weft_protocol_from(p->app_protocol, p->name);
    if (in->route->kind == GAMMA_GRPC_ROUTE && ret->protocol == WEFT_PROTO_UNKNOWN)
        ret->protocol = WEFT_PROTO_GRPC; /* REQ-057: told from the route's kind */
    ret->endpoints = gamma_endpoints_index(in->d, ns, name, ret->port);
}

void gamma_backend_build(const struct gamma_filters *in, const json_t *ref,
                         struct weft_backend *ret) {
    gamma_backend_resolve(in, ref, ret);
    gamma_filters_build(in, gamma_items(ref, "filters"), &ret->filters, &ret->n_filters);
}

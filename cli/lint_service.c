/* SPDX-License-Identifier: Apache-2.0
 * By Service and client namespace: consumer routes that push producer routes aside, ports without
 * a catch-all, backends without endpoints, matches that never win (REQ-070, 198, 199, 203). */
#include <cli/lint.h>

#include <stdlib.h>
#include <weft/base/alloc.h>
#include <weft/mesh/match.h>
#include <weft/object/types.h>

struct walk {
    struct lint *l;
    const char *ns; /* client */
    const struct weft_destination *d;
};

static const char *kind_of(const struct weft_destination *d) {
    return d->routes == WEFT_ROUTES_GRPC ? "GRPCRoute" : "HTTPRoute";
}

static const struct weft_object *route_of(const struct lint *l, const struct weft_destination *d,
                                          const struct weft_rule *r) {
    WEFT_FREE char *ns = weft_slice_dup(r->route_ns), *name = weft_slice_dup(r->route);
    return weft_store_get(l->in->store, kind_of(d), ns, name);
}

static bool catches_all(const struct weft_match *m) {
    bool any = m->path_kind == WEFT_PATH_PREFIX || m->path_kind == WEFT_PATH_ANY;
    return any && m->path.len == 0 && !m->method.len && m->n_headers == 0 && m->n_queries == 0;
}

static void lint_catch_all(struct lint *l, const struct weft_destination *d) {
    for (uint32_t i = 0; i < d->n_rules; i++)
        for (uint32_t k = 0; k < d->rules[i].n_matches; k++)
            if (catches_all(&d->rules[i].matches[k])) return;
    const struct weft_object *o = route_of(l, d, &d->rules[0]);
    lint_add(l, LINT_WARNING, "no-catch-all", o, "spec.rules",
             "requests to " WEFT_SLICE_FMT "/" WEFT_SLICE_FMT
             ":%u that no rule matches get %s: a route replaces the default, it does not add to "
             "it. Add a last rule without matches, if that is not meant",
             WEFT_SLICE_ARG(d->ns), WEFT_SLICE_ARG(d->service), d->port,
             d->routes == WEFT_ROUTES_GRPC ? "UNIMPLEMENTED" : "404");
}

static void lint_role(struct lint *l, const struct weft_destination *d) {
    const struct weft_rule *first = &d->rules[0];
    if (weft_slice_eq(first->route_ns, d->ns)) return;
    struct weft_destination *theirs = weft_gamma_destination(l->in->gamma, d->ns, &d->addr);
    if (theirs->n_rules)
        lint_add(l, LINT_WARNING, "consumer-replaces", route_of(l, d, first), "spec.parentRefs",
                 "for clients in namespace " WEFT_SLICE_FMT
                 " this replaces all routes that namespace " WEFT_SLICE_FMT
                 " has on " WEFT_SLICE_FMT ":%u (" WEFT_SLICE_FMT
                 " among them); what no rule here matches is refused, there is no falling back",
                 WEFT_SLICE_ARG(first->route_ns), WEFT_SLICE_ARG(d->ns), WEFT_SLICE_ARG(d->service),
                 d->port, WEFT_SLICE_ARG(theirs->rules[0].route));
    weft_destination_unref(theirs);
}

struct seek {
    struct weft_slice service;
    bool found;
};

static void on_slice(void *ud, const struct weft_object *o) {
    struct seek *s = ud;
    const json_t *labels = weft_js_in(o->json, "metadata", "labels");
    struct weft_slice name = weft_js_str(labels, "kubernetes.io/service-name");
    if (weft_slice_eq(name, s->service)) s->found = true;
}

/* Only where slices stand in the manifests: elsewhere the cluster makes them. */
static bool has_slices(const struct lint *l, const struct weft_backend *b) {
    struct seek s = {b->service, false};
    WEFT_FREE char *ns = weft_slice_dup(b->ns);
    weft_store_each(l->in->store, "EndpointSlice", ns, on_slice, &s);
    return s.found;
}

static void lint_endpoints(struct lint *l, const struct weft_destination *d,
                           const struct weft_rule *r) {
    for (uint32_t i = 0; i < r->n_backends; i++) {
        const struct weft_backend *b = &r->backends[i];
        if (b->endpoints == WEFT_NO_ENDPOINTS || !b->weight || !has_slices(l, b)) continue;
        struct weft_endpoints *e = weft_gamma_endpoints(l->in->gamma, d->endpoints[b->endpoints]);
        char field[80];
        snprintf(field, sizeof field, "spec.rules[%u].backendRefs[%u]", r->index, i);
        if (e->n == 0)
            lint_add(l, LINT_WARNING, "no-endpoints", route_of(l, d, r), field,
                     WEFT_SLICE_FMT "/" WEFT_SLICE_FMT
                                    ":%u has no ready endpoint: its share gets %s",
                     WEFT_SLICE_ARG(b->ns), WEFT_SLICE_ARG(b->service), b->port,
                     d->routes == WEFT_ROUTES_GRPC ? "UNAVAILABLE" : "503");
        weft_endpoints_unref(e);
    }
}

static void on_shadowed(void *ud, const struct weft_rule *winner, const struct weft_match *winning,
                        const struct weft_rule *loser, const struct weft_match *losing) {
    const struct walk *w = ud;
    struct lint *l = w->l;
    bool one_route = weft_slice_eq(winner->route_ns, loser->route_ns) &&
                     weft_slice_eq(winner->route, loser->route);
    const char *why = one_route                           ? "stands before it"
                      : winner->created == loser->created ? "comes first by name"
                                                          : "is older";
    char field[80];
    snprintf(field, sizeof field, "spec.rules[%u].matches[%zu]", loser->index,
             (size_t)(losing - loser->matches));
    lint_add(l, LINT_WARNING, "shadowed", route_of(l, w->d, loser), field,
             "no request gets here: rule %u, match %zu of %s " WEFT_SLICE_FMT "/" WEFT_SLICE_FMT
             " has the same criteria and %s. Remove one of the two, or tell "
             "them apart",
             winner->index, (size_t)(winning - winner->matches), kind_of(w->d),
             WEFT_SLICE_ARG(winner->route_ns), WEFT_SLICE_ARG(winner->route), why);
}

static void on_address(void *ud, const struct weft_addr *a) {
    struct walk *w = ud;
    struct weft_destination *d = weft_gamma_destination(w->l->in->gamma, weft_slice_str(w->ns), a);
    /* producer routes are looked at from their own namespace, consumer routes from theirs */
    if (d->n_rules && weft_slice_is(d->rules[0].route_ns, w->ns)) {
        lint_catch_all(w->l, d);
        lint_role(w->l, d);
        w->d = d;
        weft_match_shadowed(d, on_shadowed, w);
        for (uint32_t i = 0; i < d->n_rules; i++) lint_endpoints(w->l, d, &d->rules[i]);
    }
    weft_destination_unref(d);
}

struct cluster_ip {
    struct weft_addr ip;
    const struct weft_object *service;
};
struct cluster_ips {
    struct cluster_ip *items;
    size_t n;
};

static void on_service(void *ud, const struct weft_object *o) {
    struct cluster_ips *s = ud;
    struct weft_arena a;
    struct weft_service view;
    weft_arena_init(&a, 0);
    weft_service_view(o, &a, &view);
    for (uint32_t i = 0; i < view.n_ips; i++) {
        s->items = weft_realloc(s->items, (s->n + 1) * sizeof *s->items);
        s->items[s->n++] = (struct cluster_ip){view.ips[i], o};
    }
    weft_arena_done(&a);
}

static int by_ip(const void *pa, const void *pb) {
    const struct cluster_ip *a = pa, *b = pb;
    int c = memcmp(&a->ip, &b->ip, sizeof a->ip);
    if (!c) c = strcmp(a->service->ns, b->service->ns);
    return c ? c : strcmp(a->service->name, b->service->name);
}

/* An API server never gives one address to two Services; a copied manifest does. */
static void lint_cluster_ips(struct lint *l) {
    struct cluster_ips s = {0};
    weft_store_each(l->in->store, "Service", NULL, on_service, &s);
    if (s.n) qsort(s.items, s.n, sizeof *s.items, by_ip);
    for (size_t i = 1; i < s.n; i++) {
        const struct weft_object *first = s.items[i - 1].service;
        if (!weft_addr_eq(&s.items[i].ip, &s.items[i - 1].ip)) continue;
        lint_add(l, LINT_ERROR, "cluster-ip", s.items[i].service, "spec.clusterIP",
                 "Service %s/%s has the same address: only one of the two is reached by it. Give "
                 "each its own",
                 first->ns, first->name);
    }
    free(s.items);
}

struct namespaces {
    char **items;
    size_t n;
};

static void on_route(void *ud, const struct weft_object *o) {
    struct namespaces *s = ud;
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->items[i], o->ns)) return;
    s->items = weft_realloc(s->items, (s->n + 1) * sizeof *s->items);
    s->items[s->n++] = weft_strdup(o->ns);
}

void lint_services(struct lint *l) {
    struct namespaces s = {0};
    lint_cluster_ips(l);
    weft_store_each(l->in->store, "HTTPRoute", NULL, on_route, &s);
    weft_store_each(l->in->store, "GRPCRoute", NULL, on_route, &s);
    for (size_t i = 0; i < s.n; i++) {
        struct walk w = {l, s.items[i], NULL};
        weft_gamma_each_address(l->in->gamma, on_address, &w);
        free(s.items[i]);
    }
    free(s.items);
}

/* SPDX-License-Identifier: Apache-2.0
 * Tables over the store: Services and pods by name and by address, slices by Service, namespaces,
 * routes. Each object is viewed once. */
#include "gamma_internal.h"

static void keep(struct weft_gamma *g, const struct weft_object *o) {
    gamma_list_add(&g->arena, &g->kept, json_incref(o->json));
}

struct weft_slice gamma_key(struct weft_arena *a, struct weft_slice ns, struct weft_slice name) {
    return weft_arena_printf(a, WEFT_SLICE_FMT "/" WEFT_SLICE_FMT, WEFT_SLICE_ARG(ns),
                             WEFT_SLICE_ARG(name));
}

enum { KEY_MAX = 320 };

/* Into a fixed buffer: names are at most 253, namespaces 63 bytes; longer ones are not found. */
static size_t key_into(char *buf, struct weft_slice ns, struct weft_slice name) {
    if (ns.len + name.len + 1 > KEY_MAX) return 0;
    if (ns.len) memcpy(buf, ns.base, ns.len);
    buf[ns.len] = '/';
    if (name.len) memcpy(buf + ns.len + 1, name.base, name.len);
    return ns.len + 1 + name.len;
}

struct gamma_service *gamma_service_find(const struct weft_gamma *g, struct weft_slice ns,
                                         struct weft_slice name) {
    char key[KEY_MAX];
    size_t n = key_into(key, ns, name);
    struct gamma_service *s;
    HASH_FIND(hh, g->services, key, n, s);
    return s;
}

struct gamma_pod *gamma_pod_find(const struct weft_gamma *g, struct weft_slice ns,
                                 struct weft_slice name) {
    char key[KEY_MAX];
    size_t n = key_into(key, ns, name);
    struct gamma_pod *p;
    HASH_FIND(hh, g->pods, key, n, p);
    return p;
}

struct gamma_ip *gamma_ip_find(const struct weft_gamma *g, const struct weft_addr *addr) {
    struct weft_addr key = *addr;
    struct gamma_ip *ip;
    key.port = 0;
    HASH_FIND(hh, g->ips, &key, sizeof key, ip);
    return ip;
}

const struct weft_service_port *gamma_service_port(const struct gamma_service *s, uint16_t port) {
    for (uint32_t i = 0; i < s->view.n_ports; i++)
        if (s->view.ports[i].port == port && s->view.ports[i].tcp) return &s->view.ports[i];
    return NULL;
}

static struct gamma_ip *need_ip(struct weft_gamma *g, const struct weft_addr *addr) {
    struct gamma_ip *ip = gamma_ip_find(g, addr);
    if (ip) return ip;
    ip = weft_arena_new(&g->arena, struct gamma_ip);
    ip->addr = *addr;
    ip->addr.port = 0;
    HASH_ADD(hh, g->ips, addr, sizeof ip->addr, ip);
    return ip;
}

static void on_namespace(void *ud, const struct weft_object *o) {
    struct weft_gamma *g = ud;
    struct gamma_namespace *n = weft_arena_new(&g->arena, struct gamma_namespace);
    keep(g, o);
    weft_view_meta(o, &n->meta);
    HASH_ADD_KEYPTR(hh, g->namespaces, n->meta.name.base, n->meta.name.len, n);
}

/* A pod of the node's network shares its address with the node and others like it. */
static void on_pod(void *ud, const struct weft_object *o) {
    struct weft_gamma *g = ud;
    struct gamma_pod *p = weft_arena_new(&g->arena, struct gamma_pod);
    keep(g, o);
    weft_pod_view(o, &g->arena, &p->view);
    p->key = gamma_key(&g->arena, p->view.meta.ns, p->view.meta.name);
    HASH_ADD_KEYPTR(hh, g->pods, p->key.base, p->key.len, p);
    if (p->view.over || p->view.host_network) return;
    for (uint32_t i = 0; i < p->view.n_ips; i++) {
        struct gamma_ip *ip = need_ip(g, &p->view.ips[i]);
        if (!ip->pod) ip->pod = p;
    }
}

static struct gamma_slices *slices_find(const struct weft_gamma *g, struct weft_slice key) {
    struct gamma_slices *s;
    HASH_FIND(hh, g->slices, key.base, key.len, s);
    return s;
}

static void on_service(void *ud, const struct weft_object *o) {
    struct weft_gamma *g = ud;
    struct gamma_service *s = weft_arena_new(&g->arena, struct gamma_service);
    keep(g, o);
    weft_service_view(o, &g->arena, &s->view);
    s->key = gamma_key(&g->arena, s->view.meta.ns, s->view.meta.name);
    const struct gamma_slices *slices = slices_find(g, s->key);
    if (slices) s->slices = slices->list;
    HASH_ADD_KEYPTR(hh, g->services, s->key.base, s->key.len, s);
    for (uint32_t i = 0; i < s->view.n_ips; i++) {
        struct gamma_ip *ip = need_ip(g, &s->view.ips[i]);
        if (!ip->service) ip->service = s;
    }
}

/* The pod that an endpoint stands for: by targetRef, else by address. */
static struct gamma_pod *pod_of(const struct weft_gamma *g, const struct weft_slice_endpoint *e) {
    struct gamma_pod *p = e->pod.len ? gamma_pod_find(g, e->pod_ns, e->pod) : NULL;
    if (p || !e->n_addrs) return p;
    const struct gamma_ip *ip = gamma_ip_find(g, &e->addrs[0]);
    return ip ? ip->pod : NULL;
}

static struct gamma_node *node_find(const struct weft_gamma *g, struct weft_slice name) {
    struct gamma_node *n;
    HASH_FIND(hh, g->nodes, name.base, name.len, n);
    return n;
}

/* Slices tell where nodes are, so that nobody has to be allowed to read Nodes. */
static void note_node(struct weft_gamma *g, const struct weft_slice_endpoint *e) {
    if (!e->node.len || !e->zone.len || node_find(g, e->node)) return;
    struct gamma_node *n = weft_arena_new(&g->arena, struct gamma_node);
    n->name = e->node;
    n->zone = e->zone;
    HASH_ADD_KEYPTR(hh, g->nodes, n->name.base, n->name.len, n);
}

struct weft_slice gamma_zone_of(const struct weft_gamma *g, const struct gamma_pod *p) {
    const struct gamma_node *n = p->view.node.len ? node_find(g, p->view.node) : NULL;
    return n ? n->zone : WEFT_SLICE_EMPTY;
}

static void on_slice(void *ud, const struct weft_object *o) {
    struct weft_gamma *g = ud;
    struct weft_endpoint_slice *view = weft_arena_new(&g->arena, struct weft_endpoint_slice);
    keep(g, o);
    weft_endpoint_slice_view(o, &g->arena, view);
    for (uint32_t i = 0; i < view->n_endpoints; i++) note_node(g, &view->endpoints[i]);
    if (!view->service.len) return;
    struct weft_slice key = gamma_key(&g->arena, view->meta.ns, view->service);
    struct gamma_slices *s = slices_find(g, key);
    if (!s) {
        s = weft_arena_new(&g->arena, struct gamma_slices);
        s->key = key;
        HASH_ADD_KEYPTR(hh, g->slices, key.base, key.len, s);
    }
    gamma_list_add(&g->arena, &s->list, view);
    for (uint32_t i = 0; i < view->n_endpoints; i++) {
        struct gamma_pod *p = pod_of(g, &view->endpoints[i]);
        if (p) gamma_list_add(&g->arena, &p->slices, view);
    }
}

struct route_walk {
    struct weft_gamma *g;
    enum gamma_kind kind;
};

static void on_route(void *ud, const struct weft_object *o) {
    const struct route_walk *w = ud;
    struct weft_gamma *g = w->g;
    struct gamma_route *r = weft_arena_new(&g->arena, struct gamma_route);
    keep(g, o);
    r->kind = w->kind;
    weft_route_view(o, &g->arena, &r->view);
    if (r->kind == GAMMA_HTTP_ROUTE && !json_array_size(r->view.rules))
        r->view.rules = g->default_rules; /* a GRPCRoute has no default (REQ-120) */
    gamma_list_add(&g->arena, &g->routes, r);
}

static void on_grant(void *ud, const struct weft_object *o) {
    struct weft_gamma *g = ud;
    struct weft_reference_grant *grant = weft_arena_new(&g->arena, struct weft_reference_grant);
    keep(g, o);
    weft_reference_grant_view(o, &g->arena, grant);
    gamma_list_add(&g->arena, &g->grants, grant);
}

static void on_tls_policy(void *ud, const struct weft_object *o) {
    struct weft_gamma *g = ud;
    struct weft_backend_tls_policy p;
    keep(g, o);
    weft_backend_tls_policy_view(o, &g->arena, &p);
    for (uint32_t i = 0; i < p.n_targets; i++) {
        const struct weft_policy_target *t = &p.targets[i];
        bool service = !t->group.len && weft_slice_is(t->kind, "Service");
        struct gamma_service *s = service ? gamma_service_find(g, p.meta.ns, t->name) : NULL;
        if (!s) continue;
        struct gamma_tls_target *target = weft_arena_new(&g->arena, struct gamma_tls_target);
        target->policy = gamma_key(&g->arena, p.meta.ns, p.meta.name);
        target->section = t->section;
        gamma_list_add(&g->arena, &s->tls, target);
    }
}

void gamma_index(struct weft_gamma *g, const struct weft_store *s) {
    weft_store_each(s, "Namespace", NULL, on_namespace, g);
    weft_store_each(s, "Pod", NULL, on_pod, g);
    weft_store_each(s, "EndpointSlice", NULL, on_slice, g);
    weft_store_each(s, "Service", NULL, on_service, g);
    weft_store_each(s, "ReferenceGrant", NULL, on_grant, g);
    weft_store_each(s, "BackendTLSPolicy", NULL, on_tls_policy, g);
    for (enum gamma_kind k = 0; k < GAMMA_KINDS; k++) {
        struct route_walk w = {g, k};
        weft_store_each(s, gamma_kind_name(k), NULL, on_route, &w);
    }
}

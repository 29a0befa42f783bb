/* SPDX-License-Identifier: Apache-2.0
 * The ready endpoints of a Service port over all its slices, each with the identity it must prove;
 * or the one endpoint of a pod's own address. */
#include "gamma_internal.h"

#include <weft/base/check.h>

/* A slice's ports carry the names of the Service's ports and the numbers behind targetPort. */
static uint16_t target_port(const struct weft_endpoint_slice *s, struct weft_slice name) {
    for (uint32_t i = 0; i < s->n_ports; i++)
        if (weft_slice_eq(s->ports[i].name, name)) return s->ports[i].port;
    return 0;
}

static void add(const struct weft_gamma *g, struct weft_endpoints *e,
                const struct weft_slice_endpoint *from, uint16_t port) {
    const struct gamma_pod *by_name =
        from->pod.len ? gamma_pod_find(g, from->pod_ns, from->pod) : NULL;
    for (uint32_t i = 0; i < from->n_addrs; i++) {
        struct weft_addr addr = from->addrs[i];
        const struct gamma_ip *ip = by_name ? NULL : gamma_ip_find(g, &addr);
        addr.port = port;
        struct weft_endpoint *ep = &e->items[e->n++];
        gamma_workload(g, by_name ? by_name : ip ? ip->pod : NULL, &addr, &e->arena, ep);
        ep->zone = weft_arena_dup(&e->arena, from->zone);
    }
}

static size_t count(const struct gamma_list *slices) {
    size_t n = 0;
    for (uint32_t i = 0; i < slices->n; i++) {
        const struct weft_endpoint_slice *s = slices->items[i];
        for (uint32_t k = 0; k < s->n_endpoints; k++) n += s->endpoints[k].n_addrs;
    }
    return n;
}

static void fill_service(const struct weft_gamma *g, const struct gamma_service *s,
                         const struct weft_service_port *p, struct weft_endpoints *e) {
    e->prefer_zone = s->view.prefers_zone;
    e->items = weft_arena_array(&e->arena, struct weft_endpoint, count(&s->slices));
    for (uint32_t i = 0; i < s->slices.n; i++) {
        const struct weft_endpoint_slice *slice = s->slices.items[i];
        uint16_t port = target_port(slice, p->name);
        for (uint32_t k = 0; port && k < slice->n_endpoints; k++) {
            const struct weft_slice_endpoint *from = &slice->endpoints[k];
            if (from->ready && !from->terminating) add(g, e, from, port);
        }
    }
}

static void fill_pod(const struct weft_gamma *g, const struct weft_addr *addr,
                     struct weft_endpoints *e) {
    const struct gamma_ip *ip = gamma_ip_find(g, addr);
    if (!ip || !ip->pod || !addr->port) return;
    e->items = weft_arena_new(&e->arena, struct weft_endpoint);
    gamma_workload(g, ip->pod, addr, &e->arena, &e->items[e->n++]);
}

/* "NS/SVC:PORT" */
static void fill_by_name(const struct weft_gamma *g, struct weft_slice rest,
                         struct weft_endpoints *e) {
    struct weft_slice ns = weft_slice_cut(&rest, '/');
    struct weft_slice name = weft_slice_cut(&rest, ':');
    uint64_t port;
    const struct gamma_service *s = gamma_service_find(g, ns, name);
    if (!s || !weft_slice_u64(rest, 65535, &port)) return;
    const struct weft_service_port *p = gamma_service_port(s, (uint16_t)port);
    if (p) fill_service(g, s, p, e);
}

struct weft_endpoints *weft_gamma_endpoints(const struct weft_gamma *g, struct weft_slice name) {
    struct weft_slice prefix = WEFT_SLICE_LIT("endpoints/"), pod = WEFT_SLICE_LIT("endpoints/pod/");
    struct weft_endpoints *e = weft_endpoints_new();
    struct weft_addr addr;
    struct weft_error err;
    e->name = name.len ? weft_arena_dup(&e->arena, name) : prefix;
    if (weft_slice_starts(name, pod) && weft_addr_parse(weft_slice_from(name, pod.len), &addr))
        fill_pod(g, &addr, e);
    else if (weft_slice_starts(name, prefix))
        fill_by_name(g, weft_slice_from(name, prefix.len), e);
    WEFT_CHECK(weft_endpoints_seal(e, &err) == WEFT_OK);
    return e;
}

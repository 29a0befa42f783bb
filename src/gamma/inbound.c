/* SPDX-License-Identifier: Apache-2.0
 * What the inbound side of one pod needs: its mode, and by port mode and protocol. */
#include "gamma_internal.h"

#include <stdlib.h>

static struct weft_inbound_port *need_port(struct weft_inbound *in, uint16_t port) {
    for (uint32_t i = 0; i < in->n_ports; i++)
        if (in->ports[i].port == port) return &in->ports[i];
    struct weft_inbound_port *p = &in->ports[in->n_ports++];
    *p = (struct weft_inbound_port){.port = port, .mode = in->mode};
    return p;
}

static void on_mtls_port(void *ud, uint16_t port, enum weft_mtls_mode mode) {
    need_port(ud, port)->mode = mode;
}

static void on_count(void *ud, uint16_t port, enum weft_mtls_mode mode) {
    ++*(uint32_t *)ud;
}

/* The Service's word on a port stands above the container's port name. */
static void add_service_ports(const struct weft_gamma *g, const struct weft_endpoint_slice *s,
                              struct weft_inbound *in) {
    const struct gamma_service *service = gamma_service_find(g, s->meta.ns, s->service);
    for (uint32_t i = 0; i < s->n_ports; i++) {
        struct weft_slice app = s->ports[i].app_protocol;
        for (uint32_t k = 0; service && k < service->view.n_ports; k++)
            if (weft_slice_eq(service->view.ports[k].name, s->ports[i].name) &&
                service->view.ports[k].app_protocol.len)
                app = service->view.ports[k].app_protocol;
        enum weft_protocol proto = weft_protocol_from(app, s->ports[i].name);
        struct weft_inbound_port *p = need_port(in, s->ports[i].port);
        if (p->protocol == WEFT_PROTO_UNKNOWN) p->protocol = proto;
    }
}

static void add_container_ports(const struct gamma_pod *p, struct weft_inbound *in) {
    for (uint32_t i = 0; i < p->view.n_ports; i++) {
        struct weft_inbound_port *port = need_port(in, p->view.ports[i].port);
        if (port->protocol == WEFT_PROTO_UNKNOWN)
            port->protocol = weft_protocol_from(WEFT_SLICE_EMPTY, p->view.ports[i].name);
    }
}

static int by_port(const void *a, const void *b) {
    return (int)((const struct weft_inbound_port *)a)->port -
           (int)((const struct weft_inbound_port *)b)->port;
}

struct weft_inbound *weft_gamma_inbound(const struct weft_gamma *g, struct weft_slice ns,
                                        struct weft_slice pod) {
    const struct gamma_pod *p = gamma_pod_find(g, ns, pod);
    if (!p) return NULL;
    struct weft_inbound *in = weft_inbound_new();
    struct weft_arena *a = &in->arena;
    in->name = weft_arena_printf(a, "inbound/" WEFT_SLICE_FMT, WEFT_SLICE_ARG(p->key));
    in->ns = weft_arena_dup(a, p->view.meta.ns);
    in->pod = weft_arena_dup(a, p->view.meta.name);
    in->service_account = weft_arena_dup(a, p->view.service_account);
    in->mode = gamma_pod_mode(g, p);
    in->zone = weft_arena_dup(a, gamma_zone_of(g, p));
    uint32_t room = p->view.n_ports;
    gamma_mtls_ports(p, on_count, &room);
    for (uint32_t i = 0; i < p->slices.n; i++)
        room += ((const struct weft_endpoint_slice *)p->slices.items[i])->n_ports;
    in->ports = weft_arena_array(a, struct weft_inbound_port, room);
    for (uint32_t i = 0; i < p->slices.n; i++) add_service_ports(g, p->slices.items[i], in);
    add_container_ports(p, in);
    gamma_mtls_ports(p, on_mtls_port, in);
    if (in->n_ports) qsort(in->ports, in->n_ports, sizeof *in->ports, by_port);
    return in;
}

bool weft_gamma_pod_by_ip(const struct weft_gamma *g, const struct weft_addr *addr,
                          struct weft_slice *ret_ns, struct weft_slice *ret_pod,
                          struct weft_slice *ret_service_account) {
    const struct gamma_ip *ip = gamma_ip_find(g, addr);
    if (!ip || !ip->pod) return false;
    *ret_ns = ip->pod->view.meta.ns;
    *ret_pod = ip->pod->view.meta.name;
    *ret_service_account = ip->pod->view.service_account;
    return true;
}

void weft_gamma_each_pod(const struct weft_gamma *g,
                         void (*fn)(void *ud, struct weft_slice ns, struct weft_slice pod),
                         void *ud) {
    for (const struct gamma_pod *p = g->pods; p; p = p->hh.next)
        fn(ud, p->view.meta.ns, p->view.meta.name);
}

static void each_port(const struct weft_gamma *g, const struct gamma_pod *p,
                      void (*fn)(void *ud, const struct weft_addr *a), void *ud) {
    struct weft_inbound *in = weft_gamma_inbound(g, p->view.meta.ns, p->view.meta.name);
    for (uint32_t i = 0; i < in->n_ports; i++) {
        if (!gamma_port_meshed(g, p, in->ports[i].port)) continue;
        for (uint32_t k = 0; k < p->view.n_ips; k++) {
            struct weft_addr a = p->view.ips[k];
            a.port = in->ports[i].port;
            fn(ud, &a);
        }
    }
    weft_inbound_unref(in);
}

void weft_gamma_each_workload(const struct weft_gamma *g,
                              void (*fn)(void *ud, const struct weft_addr *a), void *ud) {
    for (const struct gamma_pod *p = g->pods; p; p = p->hh.next)
        if (!p->view.over) each_port(g, p, fn, ud);
}

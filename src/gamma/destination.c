/* SPDX-License-Identifier: Apache-2.0
 * What an address means to a client namespace: a Service port with its effective routes, one
 * meshed pod, or nothing of ours (REQ-021, 027 to 036, 045). */
#include "gamma_internal.h"

#include <weft/base/check.h>

static struct weft_destination *start(const struct weft_addr *addr) {
    struct weft_destination *d = weft_destination_new();
    char text[WEFT_ADDR_STR];
    weft_addr_format(addr, text);
    d->name = weft_arena_printf(&d->arena, "dest/%s", text);
    d->addr = *addr;
    d->kind = WEFT_DEST_NONE;
    return d;
}

static void set_default(struct weft_destination *d, uint32_t endpoints) {
    d->default_backend = (struct weft_backend){
        .ns = d->ns,
        .service = d->service,
        .port = d->port,
        .weight = 1,
        .endpoints = endpoints,
        .protocol = d->protocol,
    };
}

/* Backends and filters (which may be mirrors) of a rule: no more sets of endpoints than that. */
static uint32_t most_endpoints(const json_t *rule) {
    const json_t *refs = gamma_items(rule, "backendRefs");
    size_t i, n = json_array_size(refs) + json_array_size(gamma_items(rule, "filters"));
    json_t *ref;
    json_array_foreach(refs, i, ref) n += json_array_size(gamma_items(ref, "filters"));
    return (uint32_t)n;
}

static uint32_t count(const struct gamma_list *routes, uint32_t *ret_endpoints) {
    uint32_t rules = 0;
    for (uint32_t i = 0; i < routes->n; i++) {
        const struct gamma_route *r = routes->items[i];
        rules += r->n_rules;
        for (uint32_t k = 0; k < r->n_rules; k++)
            *ret_endpoints += most_endpoints(r->rules[k].json);
    }
    return rules;
}

static void fill_service(const struct weft_gamma *g, const struct gamma_service *s,
                         const struct weft_service_port *p, const struct gamma_list *routes,
                         struct weft_destination *d) {
    uint32_t backends = 1, rules = count(routes, &backends);
    d->kind = WEFT_DEST_SERVICE;
    d->ns = weft_arena_dup(&d->arena, s->view.meta.ns);
    d->service = weft_arena_dup(&d->arena, s->view.meta.name);
    d->port = p->port;
    d->port_name = weft_arena_dup(&d->arena, p->name);
    d->protocol = weft_protocol_from(p->app_protocol, p->name);
    d->endpoints = weft_arena_array(&d->arena, struct weft_slice, backends);
    set_default(d, gamma_endpoints_index(d, d->ns, d->service, d->port));
    if (!routes->n) return;
    const struct gamma_route *first = routes->items[0];
    bool grpc = first->kind == GAMMA_GRPC_ROUTE;
    d->routes = grpc ? WEFT_ROUTES_GRPC : WEFT_ROUTES_HTTP;
    if (d->protocol == WEFT_PROTO_UNKNOWN) /* REQ-059 */
        d->protocol = grpc ? WEFT_PROTO_GRPC : WEFT_PROTO_HTTP;
    d->rules = weft_arena_array(&d->arena, struct weft_rule, rules);
    for (uint32_t i = 0; i < routes->n; i++) {
        const struct gamma_route *r = routes->items[i];
        for (uint32_t k = 0; k < r->n_rules; k++)
            if (r->rules[k].fate != GAMMA_RULE_DROPPED)
                gamma_rule_build(g, r, k, d, &d->rules[d->n_rules++]);
    }
}

static void fill_pod(const struct gamma_pod *p, const struct weft_addr *addr,
                     struct weft_destination *d) {
    char text[WEFT_ADDR_STR];
    d->kind = WEFT_DEST_WORKLOAD;
    d->ns = weft_arena_dup(&d->arena, p->view.meta.ns);
    d->service = weft_arena_dup(&d->arena, p->view.meta.name);
    d->port = addr->port;
    for (uint32_t i = 0; i < p->view.n_ports; i++) {
        if (p->view.ports[i].port != addr->port) continue;
        d->port_name = weft_arena_dup(&d->arena, p->view.ports[i].name);
        break;
    }
    d->protocol = weft_protocol_from(WEFT_SLICE_EMPTY, d->port_name);
    weft_addr_format(addr, text);
    d->endpoints = weft_arena_array(&d->arena, struct weft_slice, 1);
    d->endpoints[d->n_endpoints++] = weft_arena_printf(&d->arena, "endpoints/pod/%s", text);
    set_default(d, 0);
}

/* Sealing cannot fail after rules were judged; should it, the port answers 500 rather than pass
 * requests by rules it could not read. */
static struct weft_destination *seal(struct weft_destination *d) {
    struct weft_error err = {0};
    if (weft_destination_seal(d, &err) == WEFT_OK) return d;
    (void)WEFT_BUG_IF(true && "a judged destination does not seal");
    struct weft_destination *safe = start(&d->addr);
    safe->kind = d->kind;
    safe->ns = weft_arena_dup(&safe->arena, d->ns);
    safe->service = weft_arena_dup(&safe->arena, d->service);
    safe->port = d->port;
    safe->protocol = WEFT_PROTO_HTTP;
    safe->routes = d->routes;
    safe->endpoints = weft_arena_array(&safe->arena, struct weft_slice, 1);
    set_default(safe, gamma_endpoints_index(safe, safe->ns, safe->service, safe->port));
    safe->rules = weft_arena_new(&safe->arena, struct weft_rule);
    safe->n_rules = 1;
    safe->rules->matches = weft_arena_new(&safe->arena, struct weft_match);
    safe->rules->n_matches = 1;
    gamma_match_build(&safe->arena, NULL, safe->rules->matches);
    safe->rules->invalid = weft_arena_printf(&safe->arena, "%s: %s", err.path, err.message);
    weft_destination_unref(d);
    WEFT_CHECK(weft_destination_seal(safe, &err) == WEFT_OK);
    return safe;
}

struct weft_destination *weft_gamma_destination(const struct weft_gamma *g,
                                                struct weft_slice client_ns,
                                                const struct weft_addr *addr) {
    struct weft_destination *d = start(addr);
    const struct gamma_ip *ip = gamma_ip_find(g, addr);
    const struct gamma_service *s = ip ? ip->service : NULL;
    const struct weft_service_port *p = s ? gamma_service_port(s, addr->port) : NULL;
    if (p) {
        struct gamma_list routes = gamma_effective(s, p, client_ns, &d->arena);
        fill_service(g, s, p, &routes, d);
    } else if (!s && ip && addr->port && gamma_port_meshed(g, ip->pod, addr->port)) {
        fill_pod(ip->pod, addr, d);
    }
    return seal(d);
}

void weft_gamma_each_address(const struct weft_gamma *g,
                             void (*fn)(void *ud, const struct weft_addr *a), void *ud) {
    for (const struct gamma_service *s = g->services; s; s = s->hh.next) {
        for (uint32_t p = 0; p < s->view.n_ports; p++) {
            for (uint32_t i = 0; i < s->view.n_ips && s->view.ports[p].tcp; i++) {
                struct weft_addr a = s->view.ips[i];
                a.port = s->view.ports[p].port;
                fn(ud, &a);
            }
        }
    }
}

bool weft_gamma_service_addr(const struct weft_gamma *g, struct weft_slice ns,
                             struct weft_slice service, uint16_t port, struct weft_addr *ret) {
    const struct gamma_service *s = gamma_service_find(g, ns, service);
    if (!s || !s->view.n_ips || !gamma_service_port(s, port)) return false;
    *ret = s->view.ips[0];
    ret->port = port;
    return true;
}

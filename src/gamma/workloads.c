/* SPDX-License-Identifier: Apache-2.0
 * What a pod is to the mesh: its identity, its mTLS mode by port, and whether a sidecar answers on
 * a port at all. */
#include "gamma_internal.h"

#include <weft/mesh/identity.h>

static bool mode_from(struct weft_slice s, enum weft_mtls_mode *ret) {
    s = weft_slice_trim(s);
    for (enum weft_mtls_mode m = WEFT_MTLS_PERMISSIVE; m <= WEFT_MTLS_DISABLED; m++) {
        if (!weft_slice_is(s, weft_mtls_name(m))) continue;
        *ret = m;
        return true;
    }
    return false;
}

enum weft_mtls_mode gamma_pod_mode(const struct weft_gamma *g, const struct gamma_pod *p) {
    enum weft_mtls_mode mode;
    const struct weft_view_meta *m = &p->view.meta;
    if (mode_from(weft_js_str(m->annotations, "weftmesh.io/mtls"), &mode)) return mode;
    struct gamma_namespace *ns;
    HASH_FIND(hh, g->namespaces, m->ns.base, m->ns.len, ns);
    if (ns && mode_from(weft_js_str(ns->meta.annotations, "weftmesh.io/mtls"), &mode)) return mode;
    if (ns && mode_from(weft_js_str(ns->meta.labels, "weftmesh.io/mtls"), &mode)) return mode;
    return WEFT_MTLS_PERMISSIVE;
}

void gamma_mtls_ports(const struct gamma_pod *p,
                      void (*fn)(void *ud, uint16_t port, enum weft_mtls_mode mode), void *ud) {
    struct weft_slice list = weft_js_str(p->view.meta.annotations, "weftmesh.io/mtls-ports");
    while (list.len) {
        struct weft_slice item = weft_slice_cut(&list, ',');
        struct weft_slice port = weft_slice_trim(weft_slice_cut(&item, '='));
        enum weft_mtls_mode mode;
        uint64_t n;
        if (weft_slice_u64(port, 65535, &n) && n && mode_from(weft_slice_trim(item), &mode))
            fn(ud, (uint16_t)n, mode);
    }
}

struct port_mode {
    uint16_t port;
    enum weft_mtls_mode mode;
};

static void on_port(void *ud, uint16_t port, enum weft_mtls_mode mode) {
    struct port_mode *m = ud;
    if (m->port == port) m->mode = mode;
}

enum weft_mtls_mode gamma_port_mode(const struct weft_gamma *g, const struct gamma_pod *p,
                                    uint16_t port) {
    struct port_mode m = {port, gamma_pod_mode(g, p)};
    gamma_mtls_ports(p, on_port, &m);
    return m.mode;
}

/* "80,8000-8100" */
static bool listed(struct weft_slice list, uint16_t port) {
    while (list.len) {
        struct weft_slice item = weft_slice_trim(weft_slice_cut(&list, ','));
        struct weft_slice from = weft_slice_trim(weft_slice_cut(&item, '-'));
        uint64_t a, b;
        if (!weft_slice_u64(from, 65535, &a)) continue;
        b = a;
        if (item.base && !weft_slice_u64(weft_slice_trim(item), 65535, &b)) continue;
        if (port >= a && port <= b) return true;
    }
    return false;
}

/* As weft-init was told by the same annotations: what it leaves alone reaches the app directly.
 * The proxy's own ports are never redirected. */
static bool redirected(const struct gamma_pod *p, uint16_t port) {
    const json_t *notes = p->view.meta.annotations;
    struct weft_slice include =
        weft_slice_trim(weft_js_str(notes, "weftmesh.io/include-inbound-ports"));
    if (port == 15000 || port == 15020 || port == 15021) return false;
    if (include.len && !weft_slice_is(include, "*") && !listed(include, port)) return false;
    return !listed(weft_js_str(notes, "weftmesh.io/exclude-inbound-ports"), port);
}

bool gamma_port_meshed(const struct weft_gamma *g, const struct gamma_pod *p, uint16_t port) {
    return json_object_get(p->view.meta.annotations, "weftmesh.io/sidecar") &&
           !p->view.host_network && redirected(p, port) &&
           gamma_port_mode(g, p, port) != WEFT_MTLS_DISABLED;
}

void gamma_workload(const struct weft_gamma *g, const struct gamma_pod *p,
                    const struct weft_addr *addr, struct weft_arena *a, struct weft_endpoint *ret) {
    *ret = (struct weft_endpoint){.addr = *addr, .mode = WEFT_MTLS_DISABLED};
    if (!p) return;
    ret->ns = weft_arena_dup(a, p->view.meta.ns);
    ret->pod = weft_arena_dup(a, p->view.meta.name);
    ret->service_account = weft_arena_dup(a, p->view.service_account);
    ret->meshed = gamma_port_meshed(g, p, addr->port);
    if (!ret->meshed) return;
    ret->mode = gamma_port_mode(g, p, addr->port);
    struct weft_spiffe id = {g->trust_domain, p->view.meta.ns, p->view.service_account};
    ret->spiffe_id = weft_spiffe_format(a, &id);
}

/* SPDX-License-Identifier: Apache-2.0
 * Cluster DNS in miniature, by the search list of a pod (ndots:5). */
#include <cli/resolve.h>

#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/object/types.h>

static enum weft_status no_port(const struct weft_object *o, uint16_t port,
                                struct weft_error *err) {
    struct weft_arena a;
    struct weft_service view;
    struct weft_buf list;
    weft_arena_init(&a, 0);
    weft_buf_init(&list, 200);
    weft_service_view(o, &a, &view);
    for (uint32_t i = 0; i < view.n_ports; i++)
        (void)weft_buf_printf(&list, "%s%u", i ? ", " : "", view.ports[i].port);
    struct weft_slice ports = weft_buf_slice(&list);
    enum weft_status st = WEFT_NOT_FOUND;
    if (view.kind == WEFT_SERVICE_HEADLESS)
        weft_error_set(err, st, "",
                       "Service %s/%s is headless: DNS answers with pod addresses; "
                       "ask for one of those",
                       o->ns, o->name);
    else if (view.kind == WEFT_SERVICE_EXTERNAL_NAME)
        weft_error_set(err, st, "", "Service %s/%s is an ExternalName: the request leaves the mesh",
                       o->ns, o->name);
    else
        weft_error_set(err, st, "", "Service %s/%s has no TCP port %u; its ports: " WEFT_SLICE_FMT,
                       o->ns, o->name, port, WEFT_SLICE_ARG(ports));
    weft_buf_done(&list);
    weft_arena_done(&a);
    return st;
}

enum weft_status cli_resolve(const struct cli_input *in, const char *from, struct weft_slice host,
                             uint16_t port, struct weft_addr *ret, struct weft_error *err) {
    if (weft_addr_parse_ip(host, ret)) {
        ret->port = port;
        return WEFT_OK;
    }
    struct weft_slice rest = host;
    if (weft_slice_ends(rest, WEFT_SLICE_LIT("."))) rest.len--;
    struct weft_slice name = weft_slice_cut(&rest, '.');
    struct weft_slice ns = rest.len ? weft_slice_cut(&rest, '.') : weft_slice_str(from);
    bool in_cluster = !rest.len || weft_slice_is(weft_slice_cut(&rest, '.'), "svc");
    WEFT_FREE char *n = weft_slice_dup(name), *s = weft_slice_dup(ns);
    const struct weft_object *o = in_cluster ? weft_store_get(in->store, "Service", s, n) : NULL;
    if (!o)
        return weft_error_set(err, WEFT_NOT_FOUND, "",
                              "no Service %s in namespace %s, which \"" WEFT_SLICE_FMT
                              "\" would mean for a client in namespace %s",
                              n, s, WEFT_SLICE_ARG(host), from);
    return weft_gamma_service_addr(in->gamma, ns, name, port, ret) ? WEFT_OK
                                                                   : no_port(o, port, err);
}

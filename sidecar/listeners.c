/* SPDX-License-Identifier: Apache-2.0
 * The ports of a worker. Every worker opens its own socket for each (SO_REUSEPORT), so the kernel
 * spreads connections and none is ever handed over. */
#include <sidecar/listeners.h>

#include <weft/base/alloc.h>
#include <weft/obs/log.h>

struct proxy_listener {
    struct proxy_worker *w;
    struct weft_listener *ln;
    void (*accept)(struct proxy_worker *w, struct weft_xport *x, int listen);
    int listen;
};

static void on_accept(void *ud, struct weft_xport *x) {
    struct proxy_listener *l = ud;
    l->accept(l->w, x, l->listen);
}

static enum weft_status open_one(struct proxy_worker *w, const struct weft_addr *at, bool v6_only,
                                 void (*accept)(struct proxy_worker *, struct weft_xport *, int),
                                 int listen, struct weft_error *err) {
    struct proxy_listener *l = &w->listeners[w->n_listeners];
    *l = (struct proxy_listener){.w = w, .accept = accept, .listen = listen};
    struct weft_listen_options opt = {.reuse_port = true, .v6_only = v6_only};
    enum weft_status st = weft_listener_new(w->loop, at, &opt, on_accept, l, &l->ln, err);
    if (st == WEFT_OK) w->n_listeners++;
    return st;
}

/* Both families; a machine without IPv6 has one. */
static enum weft_status open_redirected(struct proxy_worker *w, uint64_t port,
                                        void (*accept)(struct proxy_worker *, struct weft_xport *,
                                                       int),
                                        struct weft_error *err) {
    struct weft_addr any4 = {.family = 4, .port = (uint16_t)port};
    struct weft_addr any6 = {.family = 6, .port = (uint16_t)port};
    if (!port) return WEFT_OK;
    enum weft_status st = open_one(w, &any4, false, accept, -1, err);
    struct weft_error ignored;
    if (st == WEFT_OK && open_one(w, &any6, true, accept, -1, &ignored) != WEFT_OK && w->id == 0)
        weft_info("listen", "no IPv6 on port %u: %s", any6.port, ignored.message);
    return st;
}

enum weft_status proxy_worker_listen(struct proxy_worker *w, struct weft_error *err) {
    const struct proxy_options *o = w->opt;
    w->listeners = weft_alloc0((o->n_listens + o->n_inbounds + 4) * sizeof *w->listeners);
    enum weft_status st = open_redirected(w, o->outbound_port, proxy_outbound_accept, err);
    if (st == WEFT_OK) st = open_redirected(w, o->inbound_port, proxy_inbound_accept, err);
    for (size_t i = 0; st == WEFT_OK && i < o->n_listens; i++)
        st = open_one(w, &o->listens[i].at, false, proxy_outbound_accept, (int)i, err);
    for (size_t i = 0; st == WEFT_OK && i < o->n_inbounds; i++)
        st = open_one(w, &o->inbounds[i].at, false, proxy_inbound_accept, (int)i, err);
    return st;
}

bool proxy_listeners_waiting(const struct proxy_worker *w) {
    for (size_t i = 0; i < w->n_listeners; i++)
        if (weft_listener_waiting(w->listeners[i].ln)) return true;
    return false;
}

void proxy_listeners_close(struct proxy_worker *w) {
    for (size_t i = 0; i < w->n_listeners; i++) weft_listener_close(w->listeners[i].ln);
    w->n_listeners = 0;
}

void proxy_listeners_free(struct proxy_worker *w) {
    proxy_listeners_close(w);
    free(w->listeners);
    w->listeners = NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * The main thread's store of resources, and the join: a Destination is put in force only together
 * with every Endpoints set that it names, so that no request meets a half-arrived rule. */
#include <uthash.h>

#include <sidecar/config_internal.h>
#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>
#include <weft/xds/ads.h>

struct weft_bound *weft_bound_ref(struct weft_bound *b) {
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

struct weft_bound *weft_bound_unref(struct weft_bound *b) {
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) return NULL;
    for (uint32_t i = 0; i < b->dest->n_endpoints; i++)
        if (b->endpoints[i])
            weft_endpoints_unref((struct weft_endpoints *)(uintptr_t)b->endpoints[i]);
    weft_destination_unref((struct weft_destination *)(uintptr_t)b->dest);
    free(b->endpoints);
    free(b);
    return NULL;
}

struct proxy_config *proxy_config_new(const struct proxy_config_cb *cb) {
    struct proxy_config *c = weft_new0(struct proxy_config);
    c->cb = *cb;
    return c;
}

static void endpoints_drop(struct proxy_config *c, struct config_endpoints *e) {
    HASH_DEL(c->endpoints, e);
    weft_endpoints_unref(e->e);
    free(e->name);
    free(e);
}

static void dest_free(struct proxy_config *c, struct config_dest *d) {
    HASH_DEL(c->dests, d);
    weft_destination_unref(d->d);
    weft_bound_unref(d->bound);
    free(d);
}

static void drop_all_inbound(struct proxy_config *c) {
    for (size_t i = 0; i < c->n_all_inbound; i++) weft_inbound_unref(c->all_inbound[i]);
    free(c->all_inbound);
    c->all_inbound = NULL;
    c->n_all_inbound = 0;
}

void proxy_config_set_own(struct proxy_config *c, const char *ns, const char *pod) {
    free(c->own);
    c->own = weft_asprintf("inbound/%s/%s", ns, pod);
}

struct proxy_config *proxy_config_free(struct proxy_config *c) {
    if (!c) return NULL;
    struct config_dest *d, *d_next;
    HASH_ITER(hh, c->dests, d, d_next) dest_free(c, d);
    struct config_endpoints *e, *e_next;
    HASH_ITER(hh, c->endpoints, e, e_next) endpoints_drop(c, e);
    weft_inbound_unref(c->inbound);
    drop_all_inbound(c);
    weft_trust_unref(c->trust);
    free(c->own);
    free(c);
    return NULL;
}

static struct config_dest *dest_find(struct proxy_config *c, const struct weft_addr *addr) {
    struct config_dest *d = NULL;
    HASH_FIND(hh, c->dests, addr, sizeof *addr, d);
    return d;
}

static struct config_dest *dest_get(struct proxy_config *c, const struct weft_addr *addr) {
    struct config_dest *d = dest_find(c, addr);
    if (d) return d;
    d = weft_new0(struct config_dest);
    d->addr = *addr;
    HASH_ADD(hh, c->dests, addr, sizeof d->addr, d);
    return d;
}

static void dest_drop_if_unused(struct proxy_config *c, struct config_dest *d) {
    if (!d->d && !d->wants) dest_free(c, d);
}

static struct config_endpoints *endpoints_find(struct proxy_config *c, struct weft_slice name) {
    struct config_endpoints *e = NULL;
    HASH_FIND(hh, c->endpoints, name.base, name.len, e);
    return e;
}

/* NULL while an Endpoints set is missing. */
static struct weft_bound *join(struct proxy_config *c, struct weft_destination *d) {
    for (uint32_t i = 0; i < d->n_endpoints; i++)
        if (!endpoints_find(c, d->endpoints[i])) return NULL;
    struct weft_bound *b = weft_new0(struct weft_bound);
    atomic_init(&b->refs, 1);
    b->dest = weft_destination_ref(d);
    b->endpoints = weft_alloc0((d->n_endpoints + 1) * sizeof(*b->endpoints));
    for (uint32_t i = 0; i < d->n_endpoints; i++)
        b->endpoints[i] = weft_endpoints_ref(endpoints_find(c, d->endpoints[i])->e);
    return b;
}

static void bind_dest(struct proxy_config *c, struct config_dest *d) {
    struct weft_bound *b = d->d ? join(c, d->d) : NULL;
    if (!b) return; /* what is in force stays until the rest has come */
    weft_bound_unref(d->bound);
    d->bound = b;
    c->generation++;
    c->cb.on_bound(c->cb.ud, &d->addr, b);
}

static void set_dest(struct proxy_config *c, struct config_dest *d,
                     struct weft_destination *fresh) {
    weft_destination_unref(d->d);
    d->d = fresh;
    d->seen = true;
}

void proxy_config_put_destination(struct proxy_config *c, struct weft_destination *d) {
    struct config_dest *e = dest_get(c, &d->addr);
    set_dest(c, e, d);
    bind_dest(c, e);
}

static void store_endpoints(struct proxy_config *c, struct weft_endpoints *e) {
    struct config_endpoints *old = endpoints_find(c, e->name);
    if (!old) {
        old = weft_new0(struct config_endpoints);
        old->name = weft_slice_dup(e->name);
        HASH_ADD_KEYPTR(hh, c->endpoints, old->name, e->name.len, old);
    }
    weft_endpoints_unref(old->e);
    old->e = e;
    old->seen = true;
}

static bool names(const struct weft_destination *d, struct weft_slice endpoints) {
    for (uint32_t i = 0; d && i < d->n_endpoints; i++)
        if (weft_slice_eq(d->endpoints[i], endpoints)) return true;
    return false;
}

void proxy_config_put_endpoints(struct proxy_config *c, struct weft_endpoints *e) {
    store_endpoints(c, e);
    struct config_dest *d, *next;
    HASH_ITER(hh, c->dests, d, next)
    if (names(d->d, e->name)) bind_dest(c, d);
}

void proxy_config_put_inbound(struct proxy_config *c, struct weft_inbound *i) {
    weft_inbound_unref(c->inbound);
    c->inbound = i;
    c->generation++;
    c->cb.on_inbound(c->cb.ud, i);
}

void proxy_config_put_trust(struct proxy_config *c, struct weft_trust *t) {
    weft_trust_unref(c->trust);
    c->trust = t;
    c->generation++;
    c->cb.on_trust(c->cb.ud, t);
}

static void forget_dest(struct proxy_config *c, struct config_dest *d) {
    d->d = weft_destination_unref(d->d);
    d->bound = weft_bound_unref(d->bound);
    c->generation++;
    c->cb.on_bound(c->cb.ud, &d->addr, NULL);
    dest_drop_if_unused(c, d);
}

void proxy_config_remove(struct proxy_config *c, struct weft_slice name) {
    struct config_endpoints *e = endpoints_find(c, name);
    if (e) {
        endpoints_drop(c, e); /* what was joined with it stays in force */
        return;
    }
    struct config_dest *d, *next;
    HASH_ITER(hh, c->dests, d, next) {
        if (!d->d || !weft_slice_eq(d->d->name, name)) continue;
        forget_dest(c, d);
        return;
    }
    if (c->inbound && weft_slice_eq(c->inbound->name, name)) {
        c->inbound = weft_inbound_unref(c->inbound);
        c->generation++;
        c->cb.on_inbound(c->cb.ud, NULL);
    }
}

static bool same_bound(const struct config_dest *d, const struct weft_destination *fresh) {
    return d->d && d->bound && d->d->version.len && weft_slice_eq(d->d->version, fresh->version);
}

/* What is unchanged keeps its object, so that workers keep their balancing state. */
static void replace_endpoints(struct proxy_config *c, struct weft_snapshot *s) {
    for (size_t i = 0; i < s->n_endpoints; i++) {
        struct weft_endpoints *e = s->endpoints[i];
        struct config_endpoints *old = endpoints_find(c, e->name);
        if (old && e->version.len && weft_slice_eq(old->e->version, e->version))
            old->seen = true;
        else
            store_endpoints(c, weft_endpoints_ref(e));
    }
}

static bool still_joined(struct proxy_config *c, const struct config_dest *d) {
    for (uint32_t i = 0; i < d->d->n_endpoints; i++) {
        struct config_endpoints *e = endpoints_find(c, d->d->endpoints[i]);
        if (!e || e->e != d->bound->endpoints[i]) return false;
    }
    return true;
}

static void replace_dests(struct proxy_config *c, struct weft_snapshot *s) {
    for (size_t i = 0; i < s->n_destinations; i++) {
        struct config_dest *d = dest_get(c, &s->destinations[i]->addr);
        d->seen = true;
        if (same_bound(d, s->destinations[i]) && still_joined(c, d)) continue;
        set_dest(c, d, weft_destination_ref(s->destinations[i]));
        bind_dest(c, d);
    }
}

static void sweep(struct proxy_config *c) {
    struct config_dest *d, *d_next;
    HASH_ITER(hh, c->dests, d, d_next)
    if (!d->seen && d->d) forget_dest(c, d);
    struct config_endpoints *e, *e_next;
    HASH_ITER(hh, c->endpoints, e, e_next)
    if (!e->seen) endpoints_drop(c, e);
}

static void replace_inbound(struct proxy_config *c, struct weft_snapshot *s) {
    drop_all_inbound(c);
    c->all_inbound = weft_alloc0((s->n_inbound + 1) * sizeof(*c->all_inbound));
    for (size_t i = 0; i < s->n_inbound; i++) {
        c->all_inbound[c->n_all_inbound++] = weft_inbound_ref(s->inbound[i]);
        if (c->own && weft_slice_is(s->inbound[i]->name, c->own))
            proxy_config_put_inbound(c, weft_inbound_ref(s->inbound[i]));
    }
}

void proxy_config_replace(struct proxy_config *c, struct weft_snapshot *s) {
    for (struct config_dest *d = c->dests; d; d = d->hh.next) d->seen = false;
    for (struct config_endpoints *e = c->endpoints; e; e = e->hh.next) e->seen = false;
    replace_endpoints(c, s);
    replace_dests(c, s);
    sweep(c);
    replace_inbound(c, s);
    c->loaded = true;
    c->generation++;
    weft_snapshot_done(s);
}

void proxy_config_set_source(struct proxy_config *c, const struct proxy_config_source *s) {
    c->source = *s;
    for (struct config_dest *d = c->dests; d; d = d->hh.next)
        if (d->wants) proxy_config_subscribe(c, &d->addr, true);
}

void proxy_config_subscribe(struct proxy_config *c, const struct weft_addr *addr, bool on) {
    void (*fn)(void *, struct weft_slice) = on ? c->source.subscribe : c->source.unsubscribe;
    if (!fn) return;
    char text[WEFT_ADDR_STR], name[WEFT_ADDR_STR + 8];
    weft_addr_format(addr, text);
    int n = snprintf(name, sizeof name, "dest/%s", text);
    fn(c->source.ud, weft_slice(name, (size_t)n));
}

void proxy_config_want(struct proxy_config *c, const struct weft_addr *addr) {
    struct config_dest *d = dest_get(c, addr);
    if (d->bound) c->cb.on_bound(c->cb.ud, addr, d->bound);
    if (d->wants++ == 0) proxy_config_subscribe(c, addr, true);
}

void proxy_config_unwant(struct proxy_config *c, const struct weft_addr *addr) {
    struct config_dest *d = dest_find(c, addr);
    if (!d || !d->wants || --d->wants) return;
    proxy_config_subscribe(c, addr, false);
    dest_free(c, d); /* nobody asks any more; the source may send it again after a new want */
}

bool proxy_config_ready(const struct proxy_config *c) {
    return c->loaded || (c->inbound && c->trust);
}

/* Of a destination, and of those of its Endpoints that were not seen yet. */
static uint64_t version_of(struct proxy_config *c, const struct weft_destination *d) {
    uint64_t sum = weft_ads_mix(d->name, d->version);
    for (uint32_t i = 0; i < d->n_endpoints; i++) {
        struct config_endpoints *e = endpoints_find(c, d->endpoints[i]);
        if (e && !e->seen) sum += weft_ads_mix(e->e->name, e->e->version);
        if (e) e->seen = true;
    }
    return sum;
}

bool proxy_config_version(struct proxy_config *c, char ret_hex[17]) {
    uint64_t sum = 0;
    for (struct config_endpoints *e = c->endpoints; e; e = e->hh.next) e->seen = false;
    for (const struct config_dest *d = c->dests; d; d = d->hh.next)
        if (d->d && (d->wants || c->loaded)) sum += version_of(c, d->d);
    if (c->inbound) sum += weft_ads_mix(c->inbound->name, c->inbound->version);
    if (c->trust) sum += weft_ads_mix(WEFT_SLICE_LIT("trust"), c->trust->version);
    weft_ads_sum_text(sum, ret_hex);
    return sum != 0;
}

uint64_t proxy_config_generation(const struct proxy_config *c) {
    return c->generation;
}

json_t *proxy_config_dump(const struct proxy_config *c) {
    size_t n_d = 0, n_e = 0;
    WEFT_FREE struct weft_destination **d = weft_alloc0((HASH_COUNT(c->dests) + 1) * sizeof *d);
    WEFT_FREE struct weft_endpoints **e = weft_alloc0((HASH_COUNT(c->endpoints) + 1) * sizeof *e);
    for (struct config_dest *it = c->dests; it; it = it->hh.next)
        if (it->d) d[n_d++] = it->d;
    for (struct config_endpoints *it = c->endpoints; it; it = it->hh.next) e[n_e++] = it->e;
    if (c->loaded) return weft_dump_all(d, n_d, e, n_e, c->all_inbound, c->n_all_inbound);
    struct weft_inbound *i = c->inbound;
    return weft_dump_all(d, n_d, e, n_e, &i, i ? 1 : 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/publish.h>
#include <weft/base/alloc.h>
#include <weft/base/limits.h>
#include <weft/obs/log.h>
#include <weft/xds/codec.h>

#include <uthash.h>

struct entry {
    UT_hash_handle hh;
    enum weft_xds_type type;
    struct weft_slice ns, name; /* in key */
    bool exists;
    struct weft_ads_item item;
    struct weft_arena arena; /* what item points to */
    void **who;
    size_t n_who, cap_who;
    size_t key_len;
    char key[]; /* namespace (Destinations only), NUL, name */
};

struct controller_publish {
    struct controller_publish_cb cb;
    struct weft_gamma *gamma;
    struct weft_trust *trust;
    struct entry *entries;
};

struct controller_publish *controller_publish_new(const struct controller_publish_cb *cb) {
    struct controller_publish *p = weft_new0(struct controller_publish);
    p->cb = *cb;
    return p;
}

static void drop(struct controller_publish *p, struct entry *e) {
    HASH_DEL(p->entries, e);
    weft_arena_done(&e->arena);
    free(e->who);
    free(e);
}

struct controller_publish *controller_publish_free(struct controller_publish *p) {
    if (!p) return NULL;
    struct entry *e, *next;
    HASH_ITER(hh, p->entries, e, next) drop(p, e);
    weft_gamma_free(p->gamma);
    weft_trust_unref(p->trust);
    free(p);
    return NULL;
}

const struct weft_gamma *controller_publish_gamma(const struct controller_publish *p) {
    return p->gamma;
}
size_t controller_publish_count(const struct controller_publish *p) {
    return HASH_COUNT(p->entries);
}

/* === translating one resource; each appends its encoded form, NOT_FOUND when there is none === */

static void note_implied(struct weft_arena *a, const struct weft_destination *d,
                         struct weft_ads_item *ret) {
    struct weft_slice *names = weft_arena_array(a, struct weft_slice, d->n_endpoints);
    for (uint32_t i = 0; i < d->n_endpoints; i++) names[i] = weft_arena_dup(a, d->endpoints[i]);
    ret->implied = names;
    ret->n_implied = d->n_endpoints;
}

static enum weft_status destination(const struct controller_publish *p, const struct entry *e,
                                    struct weft_arena *a, struct weft_ads_item *ret,
                                    struct weft_buf *out) {
    struct weft_addr addr;
    if (!weft_addr_parse(weft_slice_from(e->name, strlen("dest/")), &addr)) return WEFT_NOT_FOUND;
    struct weft_destination *d = weft_gamma_destination(p->gamma, e->ns, &addr);
    enum weft_status st = weft_slice_eq(d->name, e->name) ? weft_xds_encode_destination(d, out)
                                                          : WEFT_NOT_FOUND; /* dest/10.0.0.1:080 */
    if (st == WEFT_OK) note_implied(a, d, ret);
    weft_destination_unref(d);
    return st;
}

static enum weft_status endpoints(const struct controller_publish *p, const struct entry *e,
                                  struct weft_buf *out) {
    struct weft_endpoints *x = weft_gamma_endpoints(p->gamma, e->name);
    enum weft_status st = weft_xds_encode_endpoints(x, out);
    weft_endpoints_unref(x);
    return st;
}

static enum weft_status inbound(const struct controller_publish *p, const struct entry *e,
                                struct weft_buf *out) {
    struct weft_slice rest = weft_slice_from(e->name, strlen("inbound/"));
    struct weft_slice ns = weft_slice_cut(&rest, '/');
    struct weft_inbound *i = weft_gamma_inbound(p->gamma, ns, rest);
    if (!i) return WEFT_NOT_FOUND;
    enum weft_status st = weft_xds_encode_inbound(i, out);
    weft_inbound_unref(i);
    return st;
}

static enum weft_status translate(const struct controller_publish *p, const struct entry *e,
                                  struct weft_arena *a, struct weft_ads_item *ret,
                                  struct weft_buf *out) {
    if (e->type == WEFT_XDS_TRUST)
        return p->trust ? weft_xds_encode_trust(p->trust, out) : WEFT_NOT_FOUND;
    if (!p->gamma) return WEFT_NOT_FOUND;
    switch (e->type) {
    case WEFT_XDS_DESTINATION:
        return destination(p, e, a, ret, out);
    case WEFT_XDS_ENDPOINTS:
        return endpoints(p, e, out);
    default:
        return inbound(p, e, out);
    }
}

static bool same(const struct entry *e, bool exists, const char *version) {
    return e->exists == exists && (!exists || weft_slice_is(e->item.version, version));
}

/* True when another version is in force now. What cannot be encoded leaves the old one. */
static bool refresh(struct controller_publish *p, struct entry *e) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_buf bytes;
    weft_buf_init(&bytes, WEFT_MAX_MESSAGE_BYTES - 64 * 1024);
    struct weft_ads_item item = {0};
    enum weft_status st = translate(p, e, &a, &item, &bytes);
    char version[17];
    weft_slice_hash_hex(weft_buf_slice(&bytes), version);
    if (st != WEFT_OK && st != WEFT_NOT_FOUND)
        weft_error("publish", "%.*s cannot be sent: %s", WEFT_SLICE_ARG(e->name),
                   weft_status_text(st));
    bool changed = (st == WEFT_OK || st == WEFT_NOT_FOUND) && !same(e, st == WEFT_OK, version);
    if (changed) {
        item.version = weft_arena_dup_str(&a, version);
        item.value = weft_arena_dup(&a, weft_buf_slice(&bytes));
        weft_arena_done(&e->arena);
        e->arena = a;
        e->item = item;
        e->exists = st == WEFT_OK;
    } else {
        weft_arena_done(&a);
    }
    weft_buf_done(&bytes);
    return changed;
}

static void tell(struct controller_publish *p, struct entry *e) {
    for (size_t i = 0; i < e->n_who; i++) p->cb.on_changed(p->cb.ud, e->who[i], e->name);
}

size_t controller_publish_set_gamma(struct controller_publish *p, struct weft_gamma *g) {
    weft_gamma_free(p->gamma);
    p->gamma = g;
    size_t n = 0;
    for (struct entry *e = p->entries; e; e = e->hh.next) {
        if (!refresh(p, e)) continue;
        n++;
        tell(p, e);
    }
    return n;
}

void controller_publish_set_trust(struct controller_publish *p, struct weft_slice domain,
                                  struct weft_slice bundle_pem) {
    weft_trust_unref(p->trust);
    p->trust = weft_trust_new();
    p->trust->domains = weft_arena_new(&p->trust->arena, struct weft_slice);
    p->trust->domains[0] = weft_arena_dup(&p->trust->arena, domain);
    p->trust->n_domains = 1;
    p->trust->bundle = weft_arena_dup(&p->trust->arena, bundle_pem);
    for (struct entry *e = p->entries; e; e = e->hh.next)
        if (e->type == WEFT_XDS_TRUST && refresh(p, e)) tell(p, e);
}

/* === interest === */

/* The key of a name in a view; `ret` has room for both and the NUL. */
static size_t key_of(struct weft_slice ns, struct weft_slice name, char *ret) {
    enum weft_xds_type type;
    bool per_view = weft_xds_type_from_name(name, &type) && type == WEFT_XDS_DESTINATION;
    size_t n = per_view ? ns.len : 0;
    if (n) memcpy(ret, ns.base, n);
    ret[n] = 0;
    memcpy(ret + n + 1, name.base, name.len);
    return n + 1 + name.len;
}

enum { MAX_NS = 253 };

static struct entry *find(const struct controller_publish *p, struct weft_slice ns,
                          struct weft_slice name) {
    char key[MAX_NS + 1 + WEFT_ADS_MAX_NAME];
    if (ns.len > MAX_NS || name.len > WEFT_ADS_MAX_NAME) return NULL;
    struct entry *e = NULL;
    size_t n = key_of(ns, name, key);
    HASH_FIND(hh, p->entries, key, n, e);
    return e;
}

static struct entry *make(struct controller_publish *p, struct weft_slice ns,
                          struct weft_slice name) {
    struct entry *e = weft_alloc0(sizeof *e + ns.len + 1 + name.len);
    e->key_len = key_of(ns, name, e->key);
    e->name = weft_slice(e->key + e->key_len - name.len, name.len);
    e->ns = weft_slice(e->key, e->key_len - name.len - 1);
    (void)weft_xds_type_from_name(name, &e->type);
    weft_arena_init(&e->arena, 0);
    HASH_ADD_KEYPTR(hh, p->entries, e->key, e->key_len, e);
    (void)refresh(p, e);
    return e;
}

void controller_publish_acquire(struct controller_publish *p, struct weft_slice ns,
                                struct weft_slice name, void *who) {
    if (ns.len > MAX_NS || name.len > WEFT_ADS_MAX_NAME) return;
    struct entry *e = find(p, ns, name);
    if (!e) e = make(p, ns, name);
    if (e->n_who == e->cap_who) {
        e->cap_who = e->cap_who ? e->cap_who * 2 : 2;
        e->who = weft_realloc(e->who, e->cap_who * sizeof *e->who);
    }
    e->who[e->n_who++] = who;
}

void controller_publish_release(struct controller_publish *p, struct weft_slice ns,
                                struct weft_slice name, void *who) {
    struct entry *e = find(p, ns, name);
    if (!e) return;
    for (size_t i = 0; i < e->n_who; i++) {
        if (e->who[i] != who) continue;
        e->who[i] = e->who[--e->n_who];
        break;
    }
    if (e->n_who == 0) drop(p, e);
}

const struct weft_ads_item *controller_publish_get(const struct controller_publish *p,
                                                   struct weft_slice ns, struct weft_slice name) {
    const struct entry *e = find(p, ns, name);
    return e && e->exists ? &e->item : NULL;
}

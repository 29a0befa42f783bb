/* SPDX-License-Identifier: Apache-2.0
 * One table per kind; a sorted list of each is made when somebody walks it after a change. */
#include <weft/object/store.h>

#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>
#include <weft/base/alloc.h>

struct entry {
    UT_hash_handle hh;
    struct weft_object *object;
    char *key; /* "ns/name": neither may hold a slash */
};
struct kind {
    UT_hash_handle hh;
    char *name;
    struct entry *entries;
    struct entry **sorted; /* NULL when stale */
    size_t n_sorted;
};
struct weft_store {
    struct kind *kinds;
    uint64_t generation;
};

/* The group that we mean by a bare kind; the same word of another group ("HTTPRoute" of
 * policy.linkerd.io) is kept apart as "HTTPRoute.policy.linkerd.io". */
static const struct {
    const char *kind, *group;
} ours[] = {
    {"HTTPRoute", "gateway.networking.k8s.io"},
    {"GRPCRoute", "gateway.networking.k8s.io"},
    {"TLSRoute", "gateway.networking.k8s.io"},
    {"TCPRoute", "gateway.networking.k8s.io"},
    {"UDPRoute", "gateway.networking.k8s.io"},
    {"ReferenceGrant", "gateway.networking.k8s.io"},
    {"BackendTLSPolicy", "gateway.networking.k8s.io"},
    {"XMesh", "gateway.networking.x-k8s.io"},
    {"Service", ""},
    {"Pod", ""},
    {"Namespace", ""},
    {"ServiceAccount", ""},
    {"EndpointSlice", "discovery.k8s.io"},
    {"Deployment", "apps"},
};

char *weft_store_kind(const struct weft_object *o) {
    for (size_t i = 0; i < WEFT_LEN(ours); i++)
        if (!strcmp(o->kind, ours[i].kind) && strcmp(o->group, ours[i].group) != 0)
            return weft_asprintf("%s.%s", o->kind, o->group);
    return weft_strdup(o->kind);
}

static struct kind *find_kind(const struct weft_store *s, const char *name) {
    struct kind *k;
    HASH_FIND(hh, s->kinds, name, strlen(name), k);
    return k;
}

static struct kind *need_kind(struct weft_store *s, const char *name) {
    struct kind *k = find_kind(s, name);
    if (k) return k;
    k = weft_new0(struct kind);
    k->name = weft_strdup(name);
    HASH_ADD_KEYPTR(hh, s->kinds, k->name, strlen(k->name), k);
    return k;
}

static struct entry *find_entry(const struct kind *k, const char *ns, const char *name) {
    WEFT_FREE char *key = weft_asprintf("%s/%s", ns, name);
    struct entry *e = NULL;
    if (k) HASH_FIND(hh, k->entries, key, strlen(key), e);
    return e;
}

static void forget_order(struct kind *k) {
    free(k->sorted);
    k->sorted = NULL;
}

static void free_entry(struct kind *k, struct entry *e) {
    HASH_DEL(k->entries, e);
    weft_object_free(e->object);
    free(e->key);
    free(e);
}

struct weft_store *weft_store_new(void) {
    return weft_new0(struct weft_store);
}

struct weft_store *weft_store_free(struct weft_store *s) {
    if (!s) return NULL;
    struct kind *k, *next_kind;
    HASH_ITER(hh, s->kinds, k, next_kind) {
        struct entry *e, *next;
        HASH_ITER(hh, k->entries, e, next) free_entry(k, e);
        forget_order(k);
        HASH_DEL(s->kinds, k);
        free(k->name);
        free(k);
    }
    free(s);
    return NULL;
}

static bool same_except(json_t *a, json_t *b, const char *const *ignored, size_t n) {
    const char *key;
    json_t *value;
    for (int turn = 0; turn < 2; turn++) {
        json_object_foreach(a, key, value) {
            bool skip = false;
            for (size_t i = 0; i < n; i++) skip = skip || !strcmp(key, ignored[i]);
            if (!skip && !json_equal(value, json_object_get(b, key))) return false;
        }
        json_t *t = a;
        a = b;
        b = t;
    }
    return true;
}

/* Who last wrote what, and status that we ourselves (or nobody of interest) write. */
static bool same_content(const struct weft_object *a, const struct weft_object *b) {
    static const char *const top[] = {"metadata", "status"};
    static const char *const meta[] = {"resourceVersion", "managedFields"};
    bool status_matters = !strcmp(a->kind, "Pod");
    return same_except(a->json, b->json, top, status_matters ? 1 : 2) &&
           same_except(json_object_get(a->json, "metadata"), json_object_get(b->json, "metadata"),
                       meta, WEFT_LEN(meta));
}

bool weft_store_put(struct weft_store *s, struct weft_object *o) {
    WEFT_FREE char *name = weft_store_kind(o);
    struct kind *k = need_kind(s, name);
    struct entry *e = find_entry(k, o->ns, o->name);
    bool changed = !e || !same_content(e->object, o);
    if (e) {
        weft_object_free(e->object);
        e->object = o;
    } else {
        e = weft_new0(struct entry);
        e->object = o;
        e->key = weft_asprintf("%s/%s", o->ns, o->name);
        HASH_ADD_KEYPTR(hh, k->entries, e->key, strlen(e->key), e);
        forget_order(k);
    }
    s->generation += changed;
    return changed;
}

bool weft_store_remove(struct weft_store *s, const char *kind, const char *ns, const char *name) {
    struct kind *k = find_kind(s, kind);
    struct entry *e = find_entry(k, ns, name);
    if (!e) return false;
    free_entry(k, e);
    forget_order(k);
    s->generation++;
    return true;
}

const struct weft_object *weft_store_get(const struct weft_store *s, const char *kind,
                                         const char *ns, const char *name) {
    const struct entry *e = find_entry(find_kind(s, kind), ns, name);
    return e ? e->object : NULL;
}

static int by_name(const void *a, const void *b) {
    const struct weft_object *x = (*(struct entry *const *)a)->object;
    const struct weft_object *y = (*(struct entry *const *)b)->object;
    int c = strcmp(x->ns, y->ns);
    return c ? c : strcmp(x->name, y->name);
}

static void sort_kind(struct kind *k) {
    if (k->sorted) return;
    k->n_sorted = HASH_COUNT(k->entries);
    k->sorted = weft_alloc((k->n_sorted + 1) * sizeof *k->sorted);
    size_t n = 0;
    for (struct entry *e = k->entries; e; e = e->hh.next) k->sorted[n++] = e;
    if (n) qsort(k->sorted, n, sizeof *k->sorted, by_name);
}

void weft_store_each(const struct weft_store *s, const char *kind, const char *ns,
                     void (*fn)(void *ud, const struct weft_object *o), void *ud) {
    struct kind *k = find_kind(s, kind);
    if (!k) return;
    sort_kind(k);
    for (size_t i = 0; i < k->n_sorted; i++) {
        const struct weft_object *o = k->sorted[i]->object;
        if (!ns || !strcmp(o->ns, ns)) fn(ud, o);
    }
}

void weft_store_each_kind(const struct weft_store *s, void (*fn)(void *ud, const char *kind),
                          void *ud) {
    for (const struct kind *k = s->kinds; k; k = k->hh.next)
        if (HASH_COUNT(k->entries)) fn(ud, k->name);
}

uint64_t weft_store_generation(const struct weft_store *s) {
    return s->generation;
}

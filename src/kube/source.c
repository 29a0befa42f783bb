/* SPDX-License-Identifier: Apache-2.0
 * The cluster source: one watch a kind, into the store, and one call for changes that come
 * together. */
#include "source_internal.h"

#include <stdio.h>
#include <weft/base/alloc.h>
#include <weft/object/json.h>

enum { QUIET_US = 5 * 1000, PATIENCE_US = 100 * 1000 };

#define GATEWAY  "gateway.networking.k8s.io"
#define XGATEWAY "gateway.networking.x-k8s.io"

const struct source_row source_rows[SOURCE_KINDS] = {
    {"Namespace", "", "namespaces", {"v1"}, true, KEEP_META},
    {"Service", "", "services", {"v1"}, true, KEEP_SERVICE},
    {"EndpointSlice", "discovery.k8s.io", "endpointslices", {"v1"}, true, KEEP_SLICE},
    {"Pod", "", "pods", {"v1"}, true, KEEP_POD},
    {"HTTPRoute", GATEWAY, "httproutes", {"v1", "v1beta1"}, false, KEEP_ALL},
    {"GRPCRoute", GATEWAY, "grpcroutes", {"v1", "v1alpha2"}, false, KEEP_ALL},
    {"TCPRoute", GATEWAY, "tcproutes", {"v1", "v1alpha3", "v1alpha2"}, false, KEEP_ALL},
    {"TLSRoute", GATEWAY, "tlsroutes", {"v1", "v1alpha3", "v1alpha2"}, false, KEEP_ALL},
    {"UDPRoute", GATEWAY, "udproutes", {"v1", "v1alpha3", "v1alpha2"}, false, KEEP_ALL},
    {"ReferenceGrant", GATEWAY, "referencegrants", {"v1", "v1beta1"}, false, KEEP_ALL},
    {"BackendTLSPolicy", GATEWAY, "backendtlspolicies", {"v1", "v1alpha3"}, false, KEEP_ALL},
    {"XMesh", XGATEWAY, "xmeshes", {"v1alpha1"}, false, KEEP_ALL},
};

/* === telling === */

static bool all_synced(const struct weft_kube_source *s) {
    for (size_t i = 0; i < SOURCE_KINDS; i++)
        if (!s->kinds[i].synced) return false;
    return s->discovery.done;
}

static void tell(struct weft_kube_source *s) {
    bool changed = s->changed, status = s->status_changed;
    s->dirty_us = 0;
    s->changed = s->status_changed = false;
    if (changed && s->cb.on_change)
        s->cb.on_change(s->cb.ud);
    else if (!changed && status && s->cb.on_status)
        s->cb.on_status(s->cb.ud);
}

static void on_flush(void *arg) {
    struct weft_kube_source *s = arg;
    if (!s->synced && !all_synced(s)) return;
    s->changed = s->changed || !s->synced; /* the first time also when there is nothing */
    s->synced = true;
    tell(s);
}

/* A quiet moment after the last change, but not for long while they keep coming. */
static void dirty(struct weft_kube_source *s) {
    uint64_t now = weft_loop_now_us(s->kube->loop);
    if (!s->dirty_us) s->dirty_us = now;
    uint64_t left = s->dirty_us + PATIENCE_US > now ? s->dirty_us + PATIENCE_US - now : 0;
    weft_timer_start(&s->flush, left < QUIET_US ? left : QUIET_US);
}

static void mark_changed(struct weft_kube_source *s) {
    s->changed = true;
    dirty(s);
}

void source_failed(struct weft_kube_source *s, const char *what, const char *error) {
    if (s->cb.on_failure) s->cb.on_failure(s->cb.ud, what, error);
}

static void fault(struct source_kind *k, const json_t *object, const struct weft_error *err) {
    struct weft_kube_source *s = k->source;
    const json_t *meta = json_object_get(object, "metadata");
    WEFT_FREE char *ns = weft_slice_dup(weft_js_str(meta, "namespace"));
    WEFT_FREE char *name = weft_slice_dup(weft_js_str(meta, "name"));
    if (s->cb.on_error) s->cb.on_error(s->cb.ud, k->row->kind, ns, name, err);
}

/* === objects === */

static void forget_stale(struct source_kind *k, struct source_stale *o) {
    HASH_DEL(k->stale, o);
    free(o->key);
    free(o->ns);
    free(o->name);
    free(o);
}

static void not_stale(struct source_kind *k, const struct weft_object *o) {
    if (!k->stale) return;
    WEFT_FREE char *key = weft_asprintf("%s/%s", o->ns, o->name);
    struct source_stale *found;
    HASH_FIND(hh, k->stale, key, strlen(key), found);
    if (found) forget_stale(k, found);
}

/* Only what the row means: another group's kind of the same name would be kept elsewhere. */
static bool is_ours(const struct source_kind *k, const struct weft_object *o) {
    return !strcmp(o->kind, k->row->kind) && !strcmp(o->group, k->row->group);
}

static void put(struct source_kind *k, const json_t *json) {
    struct weft_kube_source *s = k->source;
    struct weft_error err = {0};
    struct weft_object *o;
    if (weft_object_from_json(source_trim(k->row->keep, json), NULL, &o, &err) != WEFT_OK) {
        fault(k, json, &err);
        return;
    }
    if (!is_ours(k, o)) {
        weft_object_free(o);
        return;
    }
    not_stale(k, o);
    bool sound = weft_object_validate(o, true, &err) == WEFT_OK;
    if (weft_store_put(s->store, o)) {
        mark_changed(s);
        if (!sound) fault(k, json, &err);
    } else if (k->row->keep == KEEP_ALL) {
        s->status_changed = true;
        dirty(s);
    }
}

static void drop(struct source_kind *k, const json_t *json) {
    const json_t *meta = json_object_get(json, "metadata");
    WEFT_FREE char *ns = weft_slice_dup(weft_js_str(meta, "namespace"));
    WEFT_FREE char *name = weft_slice_dup(weft_js_str(meta, "name"));
    if (weft_store_remove(k->source->store, k->row->kind, ns, name)) mark_changed(k->source);
}

static void on_object(void *ud, enum weft_kube_event event, const json_t *object) {
    if (event == WEFT_KUBE_PUT)
        put(ud, object);
    else
        drop(ud, object);
}

/* === kinds === */

static void sweep_stale(struct source_kind *k) {
    struct source_stale *o, *next;
    HASH_ITER(hh, k->stale, o, next) {
        if (weft_store_remove(k->source->store, k->row->kind, o->ns, o->name))
            mark_changed(k->source);
        forget_stale(k, o);
    }
}

static void on_synced(void *ud, bool served) {
    struct source_kind *k = ud;
    if (!served && !k->row->builtin) source_discovery_soon(k->source);
    sweep_stale(k);
    k->synced = true;
    if (!k->source->synced) dirty(k->source);
}

static void on_failure(void *ud, const char *error) {
    struct source_kind *k = ud;
    source_failed(k->source, k->row->kind, error);
}

static void add_stale(void *ud, const struct weft_object *o) {
    struct source_kind *k = ud;
    struct source_stale *x = weft_new0(struct source_stale);
    x->key = weft_asprintf("%s/%s", o->ns, o->name);
    x->ns = weft_strdup(o->ns);
    x->name = weft_strdup(o->name);
    HASH_ADD_KEYPTR(hh, k->stale, x->key, strlen(x->key), x);
}

static void watch(struct source_kind *k) {
    const struct source_row *r = k->row;
    const struct weft_kube_watch_cb cb = {
        .ud = k, .on_object = on_object, .on_synced = on_synced, .on_failure = on_failure};
    WEFT_FREE char *path = r->group[0]
                               ? weft_asprintf("/apis/%s/%s/%s", r->group, k->version, r->plural)
                               : weft_asprintf("/api/%s/%s", k->version, r->plural);
    k->watch = weft_kube_watch_new(k->source->kube, path, NULL, &cb);
}

/* What was known by another version stays until the list of this one has come. */
void source_kind_served(struct source_kind *k, const char *version) {
    k->watch = weft_kube_watch_free(k->watch);
    sweep_stale(k);
    weft_store_each(k->source->store, k->row->kind, NULL, add_stale, k);
    k->version = version;
    k->synced = !version;
    if (version)
        watch(k);
    else
        sweep_stale(k);
}

void source_discovered(struct weft_kube_source *s) {
    if (!s->freed && !s->synced) dirty(s);
}

void source_set_channel(struct weft_kube_source *s, struct weft_slice channel) {
    if (weft_slice_is(channel, s->channel)) return;
    free(s->channel);
    s->channel = weft_slice_dup(channel);
    mark_changed(s);
}

/* === life === */

static void on_again(void *arg) {
    source_discovery_start(arg);
}

struct weft_kube_source *weft_kube_source_new(struct weft_kube *k, struct weft_store *store,
                                              const struct weft_kube_source_cb *cb) {
    struct weft_kube_source *s = weft_new0(struct weft_kube_source);
    s->kube = k;
    s->store = store;
    s->cb = *cb;
    s->channel = weft_strdup("");
    weft_timer_init(&s->flush, k->loop, on_flush, s);
    weft_timer_init(&s->discovery.again, k->loop, on_again, s);
    for (size_t i = 0; i < SOURCE_KINDS; i++) {
        struct source_kind *kind = &s->kinds[i];
        *kind = (struct source_kind){.row = &source_rows[i], .source = s};
        if (!kind->row->builtin) continue;
        kind->version = kind->row->versions[0];
        watch(kind);
    }
    source_discovery_start(s);
    return s;
}

static void destroy(void *arg) {
    struct weft_kube_source *s = arg;
    struct source_stale *o, *next;
    for (size_t i = 0; i < SOURCE_KINDS; i++)
        HASH_ITER(hh, s->kinds[i].stale, o, next) forget_stale(&s->kinds[i], o);
    free(s->channel);
    free(s);
}

struct weft_kube_source *weft_kube_source_free(struct weft_kube_source *s) {
    if (!s) return NULL;
    s->freed = true;
    weft_timer_stop(&s->flush);
    source_discovery_stop(s);
    for (size_t i = 0; i < SOURCE_KINDS; i++)
        s->kinds[i].watch = weft_kube_watch_free(s->kinds[i].watch);
    weft_loop_defer(s->kube->loop, destroy, s);
    return NULL;
}

bool weft_kube_source_synced(const struct weft_kube_source *s) {
    return s->synced;
}

const char *weft_kube_source_channel(const struct weft_kube_source *s) {
    return s->channel;
}

double weft_kube_source_lag_s(const struct weft_kube_source *s) {
    uint64_t now = weft_loop_now_us(s->kube->loop), oldest = now;
    for (size_t i = 0; i < SOURCE_KINDS; i++) {
        if (!s->kinds[i].watch) continue;
        uint64_t seen = weft_kube_watch_seen_us(s->kinds[i].watch);
        if (seen < oldest) oldest = seen;
    }
    return (double)(now - oldest) / 1e6;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/events.h>

#include <controller/kube_time.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/object/json.h>
#include <weft/obs/log.h>

#include <uthash.h>

enum { MAX_TOLD = 1000, MAX_MESSAGE = 1024 };
#define AGAIN_US (3600 * UINT64_C(1000000))

struct told {
    UT_hash_handle hh; /* in order of telling */
    uint64_t hash, at_us;
};

struct controller_events {
    struct weft_loop *loop;
    struct weft_kube *kube;
    char *instance;
    struct told *told;
};

static void forget(struct controller_events *e, struct told *t) {
    HASH_DEL(e->told, t);
    free(t);
}

static bool is_new(struct controller_events *e, uint64_t hash) {
    uint64_t now = weft_loop_now_us(e->loop);
    struct told *t = NULL;
    HASH_FIND(hh, e->told, &hash, sizeof hash, t);
    if (t && now - t->at_us < AGAIN_US) return false;
    if (t) forget(e, t);
    if (HASH_COUNT(e->told) == MAX_TOLD) forget(e, e->told);
    t = weft_new0(struct told);
    t->hash = hash;
    t->at_us = now;
    HASH_ADD(hh, e->told, hash, sizeof t->hash, t);
    return true;
}

static void on_reply(void *ud, const struct weft_kube_reply *r) {
    (void)ud;
    if (r->status != 201) weft_warn("events", "an event is not written: %s", r->error);
}

static json_t *reference(const struct weft_object *o) {
    WEFT_FREE char *version =
        o->group[0] ? weft_asprintf("%s/%s", o->group, o->version) : weft_strdup(o->version);
    const json_t *meta = json_object_get(o->json, "metadata");
    json_t *r =
        json_pack("{s:s, s:s, s:s}", "apiVersion", version, "kind", o->kind, "name", o->name);
    if (o->ns[0]) json_object_set_new(r, "namespace", json_string(o->ns));
    static const char *const copied[] = {"uid", "resourceVersion"};
    for (size_t i = 0; i < WEFT_LEN(copied); i++)
        if (json_object_get(meta, copied[i]))
            json_object_set(r, copied[i], json_object_get(meta, copied[i]));
    return r;
}

/* Objects without a namespace have theirs in "default", as Kubernetes' own. */
static void post(struct controller_events *e, const struct weft_object *o, const char *reason,
                 struct weft_slice message, uint64_t hash) {
    const char *ns = o->ns[0] ? o->ns : "default";
    char now[CONTROLLER_TIME];
    controller_time(weft_clock_unix_us(), now);
    WEFT_FREE char *name = weft_asprintf(
        "%.200s.%08x%08x", o->name, (unsigned)(weft_clock_unix_us() / 1000000u), (unsigned)hash);
    json_t *body = json_pack(
        "{s:s, s:s, s:{s:s, s:s}, s:o, s:s, s:o, s:s, s:{s:s}, s:s, s:s, s:i, s:s, s:s}",
        "apiVersion", "v1", "kind", "Event", "metadata", "name", name, "namespace", ns,
        "involvedObject", reference(o), "reason", reason, "message",
        json_stringn(message.base, message.len), "type", "Warning", "source", "component",
        "weft-controller", "firstTimestamp", now, "lastTimestamp", now, "count", 1,
        "reportingComponent", "weftmesh.io/mesh-controller", "reportingInstance", e->instance);
    if (!body) return; /* not UTF-8 */
    WEFT_FREE char *path = weft_asprintf("/api/v1/namespaces/%s/events", ns);
    (void)weft_kube_send(e->kube,
                         &(struct weft_kube_request){
                             .method = "POST", .path = path, .body = body, .on_reply = on_reply});
    json_decref(body);
}

void controller_events_add(struct controller_events *e, const struct weft_object *about,
                           const char *reason, const char *message) {
    struct weft_slice text = weft_slice_head_text(weft_slice_str(message), MAX_MESSAGE);
    WEFT_FREE char *key = weft_asprintf("%s/%s/%s/%s/" WEFT_SLICE_FMT, about->kind, about->ns,
                                        about->name, reason, WEFT_SLICE_ARG(text));
    uint64_t hash = weft_slice_hash(weft_slice_str(key));
    if (is_new(e, hash)) post(e, about, reason, text, hash);
}

struct controller_events *controller_events_new(struct weft_loop *l, struct weft_kube *k,
                                                const char *instance) {
    struct controller_events *e = weft_new0(struct controller_events);
    e->loop = l;
    e->kube = k;
    e->instance = weft_strdup(instance);
    return e;
}

struct controller_events *controller_events_free(struct controller_events *e) {
    if (!e) return NULL;
    while (e->told) forget(e, e->told);
    free(e->instance);
    free(e);
    return NULL;
}

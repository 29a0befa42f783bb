/* SPDX-License-Identifier: Apache-2.0
 * One write: a merge patch of the status subresource, guarded by the resourceVersion that it was
 * made from. */
#include "status_internal.h"

#include <controller/kube_time.h>
#include <weft/base/alloc.h>
#include <weft/object/json.h>
#include <weft/obs/log.h>

enum { MAX_CONFLICTS = 5 };
#define SECOND    UINT64_C(1000000)
#define MOST_US   (60 * SECOND)
#define DENIED_US (60 * SECOND) /* somebody has to change RBAC first */

static const struct {
    const char *kind, *plural;
} plurals[] = {{"HTTPRoute", "httproutes"},
               {"GRPCRoute", "grpcroutes"},
               {"TCPRoute", "tcproutes"},
               {"TLSRoute", "tlsroutes"},
               {"UDPRoute", "udproutes"}};

static const char *plural_of(const char *kind) {
    for (size_t i = 0; i < WEFT_LEN(plurals); i++)
        if (!strcmp(plurals[i].kind, kind)) return plurals[i].plural;
    return "";
}

static char *path_of(const struct status_target *t, const struct weft_object *o,
                     const char *subresource) {
    return weft_asprintf("/apis/%s/%s/namespaces/%s/%s/%s%s", o->group, o->version, o->ns,
                         plural_of(t->kind), o->name, subresource);
}

static struct weft_slice version_of(const json_t *o) {
    return weft_js_slice(weft_js_in(o, "metadata", "resourceVersion"));
}

/* === what to write === */

static void replace(char **to, struct weft_slice s) {
    free(*to);
    *to = s.len ? weft_slice_dup(s) : NULL;
}

static void drop_fresh(struct status_target *t) {
    json_decref(t->fresh);
    t->fresh = NULL;
}

/* Of which version of the store's the answer will be news. */
static void ask_fresh(struct status_target *t, const struct weft_object *o) {
    replace(&t->based, version_of(o->json));
}

/* When the store's is another than when this was asked for, the watch was faster: which of the two
 * is newer cannot be told, and what is kept here would hide all that came until the next event. */
static void set_fresh(struct status_target *t, const json_t *fresh, const struct weft_object *o) {
    drop_fresh(t);
    if (weft_slice_is(version_of(o->json), t->based ? t->based : ""))
        t->fresh = json_deep_copy(fresh);
}

const json_t *status_base(struct status_target *t, const struct weft_object *o) {
    if (t->fresh && !weft_slice_is(version_of(o->json), t->based ? t->based : ""))
        drop_fresh(t); /* the watch has caught up, or brought something else */
    return t->fresh ? t->fresh : o->json;
}

static bool is_refused(struct status_target *t, const json_t *base) {
    if (t->refused && weft_slice_is(version_of(base), t->refused)) return true;
    replace(&t->refused, WEFT_SLICE_EMPTY);
    return false;
}

bool status_plan(struct status_target *t, const struct weft_object *o,
                 struct controller_status_merge *ret) {
    const json_t *route = status_wanted(t->status, t->key);
    const json_t *base = status_base(t, o);
    const json_t *current = weft_js_in(base, "status", "parents");
    int64_t generation =
        weft_js_int(json_object_get(base, "metadata"), "generation", 0, INT64_MAX, 0);
    if (is_refused(t, base)) return false;
    if (route && weft_js_int(route, "generation", 0, INT64_MAX, -1) != generation) return false;
    char now[CONTROLLER_TIME];
    controller_time(weft_clock_unix_us(), now);
    *ret =
        controller_status_merge(current, weft_js_in(route, "status", "parents"), generation, now);
    return true;
}

/* === answers === */

static const struct weft_object *object_of(const struct status_target *t) {
    return weft_store_get(t->status->opt.store, t->kind, t->ns, t->name);
}

static uint64_t backoff(struct status_target *t) {
    uint64_t us = t->attempts > 6 ? MOST_US : SECOND << t->attempts;
    if (us > MOST_US) us = MOST_US;
    t->attempts++;
    return us / 2 + weft_rng_below(&t->status->rng, (uint32_t)(us / 2) + 1);
}

static void tell_event(struct status_target *t, const char *reason, const char *message) {
    const struct weft_object *o = object_of(t);
    if (o) controller_events_add(t->status->opt.events, o, reason, message);
}

static void wrong(struct status_target *t, const json_t *base, const char *why) {
    weft_error("status", "%s is not written: %s", t->key, why);
    status_count(t->status, "invalid");
    tell_event(t, "StatusNotWritten", why);
    replace(&t->refused, version_of(base));
    status_done(t);
}

static void failed(struct status_target *t, const struct weft_kube_reply *r) {
    bool denied = r->status == 401 || r->status == 403;
    weft_warn("status", "%s is not written: %s", t->key, r->error);
    status_count(t->status, denied ? "denied" : "error");
    uint64_t us = backoff(t);
    status_later(t, denied && us < DENIED_US / 2 ? DENIED_US : us);
}

static void on_fresh(void *ud, const struct weft_kube_reply *r) {
    struct status_target *t = ud;
    struct controller_status *s = t->status;
    const struct weft_object *o = object_of(t);
    t->call = NULL;
    if (r->status == 404 || !o) {
        status_done(t);
    } else if (r->status == 200) {
        set_fresh(t, r->body, o);
        if (++t->attempts < MAX_CONFLICTS)
            status_write(t);
        else
            status_later(t, backoff(t));
    } else {
        failed(t, r);
    }
    status_pump(s);
}

static void get_fresh(struct status_target *t) {
    const struct weft_object *o = object_of(t);
    status_count(t->status, "conflict");
    if (!o) {
        status_done(t);
        return;
    }
    WEFT_FREE char *path = path_of(t, o, "");
    drop_fresh(t); /* it was not fresh enough */
    ask_fresh(t, o);
    t->call = weft_kube_send(
        t->status->opt.kube,
        &(struct weft_kube_request){.method = "GET", .path = path, .on_reply = on_fresh, .ud = t});
}

static void on_written(void *ud, const struct weft_kube_reply *r) {
    struct status_target *t = ud;
    struct controller_status *s = t->status;
    const struct weft_object *o = object_of(t);
    t->call = NULL;
    if (r->status == 200) {
        status_count(s, "ok");
        if (o) set_fresh(t, r->body, o);
        status_done(t);
    } else if (r->status == 409) {
        get_fresh(t);
    } else if (r->status == 404) {
        status_done(t); /* gone meanwhile */
    } else if (r->status == 400 || r->status == 422) {
        wrong(t, o ? status_base(t, o) : NULL, r->error);
    } else {
        failed(t, r);
    }
    status_pump(s);
}

/* === sending === */

static void send(struct status_target *t, const struct weft_object *o, const json_t *base,
                 json_t *parents) {
    struct weft_slice version = version_of(base);
    json_t *body = json_pack("{s:{s:o}, s:{s:O}}", "metadata", "resourceVersion",
                             json_stringn(version.base ? version.base : "", version.len), "status",
                             "parents", parents);
    WEFT_FREE char *path = path_of(t, o, "/status");
    ask_fresh(t, o);
    t->call = weft_kube_send(
        t->status->opt.kube,
        &(struct weft_kube_request){
            .method = "PATCH", .path = path, .body = body, .on_reply = on_written, .ud = t});
    json_decref(body);
}

void status_write(struct status_target *t) {
    const struct weft_object *o = object_of(t);
    struct controller_status_merge m = {0};
    if (!o || !status_plan(t, o, &m) || !m.changed) {
        status_done(t);
    } else if (m.unfit) {
        WEFT_FREE char *why = weft_asprintf("a condition breaks the API's rules for %s", m.unfit);
        wrong(t, status_base(t, o), why);
    } else {
        if (m.left_out)
            tell_event(t, "StatusLeftOut",
                       "status.parents has no room for all parentRefs: other controllers fill it");
        send(t, o, status_base(t, o), m.parents);
    }
    json_decref(m.parents);
}

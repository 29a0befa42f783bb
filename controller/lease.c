/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/lease.h>

#include <controller/kube_time.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/object/json.h>
#include <weft/obs/log.h>

#define SECOND     UINT64_C(1000000)
#define RELEASE_US (2 * SECOND)

struct controller_lease {
    struct weft_loop *loop;
    struct weft_kube *kube;
    struct controller_lease_cb cb;
    char *ns, *name, *identity, *path;
    uint64_t duration_us, renew_us, retry_us;
    struct weft_rng rng;
    struct weft_timer retry, deadline; /* deadline: of a leader's last renewal */
    struct weft_kube_call *call;
    uint64_t sent_us; /* when the request under way was sent */
    bool leads, releasing;
    json_t *seen;     /* as last read, or NULL */
    uint64_t seen_us; /* when it was first seen like this */
    void (*done)(void *ud);
    void *done_ud;
};

bool controller_lease_leads(const struct controller_lease *l) {
    return l->leads;
}

static void set_leads(struct controller_lease *l, bool leads) {
    if (l->leads == leads) return;
    l->leads = leads;
    weft_info("lease", leads ? "this replica leads (%s)" : "this replica leads no more (%s)",
              l->identity);
    l->cb.on_leader(l->cb.ud, leads);
}

/* === what the Lease says === */

static struct weft_slice version_of(const json_t *lease) {
    return weft_js_slice(weft_js_in(lease, "metadata", "resourceVersion"));
}
static struct weft_slice holder_of(const json_t *lease) {
    return weft_js_slice(weft_js_in(lease, "spec", "holderIdentity"));
}

static void see(struct controller_lease *l, const json_t *lease) {
    bool same = l->seen && weft_slice_eq(version_of(l->seen), version_of(lease));
    json_decref(l->seen);
    l->seen = json_deep_copy(lease);
    if (!same) l->seen_us = weft_loop_now_us(l->loop);
}

static void forget(struct controller_lease *l) {
    json_decref(l->seen);
    l->seen = NULL;
}

static bool is_mine(const struct controller_lease *l) {
    return l->seen && weft_slice_is(holder_of(l->seen), l->identity);
}

/* The holder's own promise counts, which may be another than ours. */
static bool is_free(const struct controller_lease *l) {
    if (!l->seen || holder_of(l->seen).len == 0) return true;
    int64_t s = weft_js_int(json_object_get(l->seen, "spec"), "leaseDurationSeconds", 1, 3600,
                            (int64_t)(l->duration_us / SECOND));
    return weft_loop_now_us(l->loop) - l->seen_us >= (uint64_t)s * SECOND;
}

static json_t *next_lease(const struct controller_lease *l, const char *holder) {
    char now[CONTROLLER_TIME];
    controller_micro_time(weft_clock_unix_us(), now);
    json_t *o = l->seen
                    ? json_deep_copy(l->seen)
                    : json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "coordination.k8s.io/v1",
                                "kind", "Lease", "metadata", "name", l->name, "namespace", l->ns);
    json_t *spec = json_object_get(o, "spec");
    if (!json_is_object(spec)) {
        spec = json_object();
        json_object_set_new(o, "spec", spec);
    }
    bool stays = weft_slice_is(weft_js_str(spec, "holderIdentity"), holder);
    int64_t changes = weft_js_int(spec, "leaseTransitions", 0, INT32_MAX - 1, 0);
    json_object_set_new(spec, "holderIdentity", json_string(holder));
    json_object_set_new(spec, "leaseDurationSeconds",
                        json_integer(holder[0] ? (json_int_t)(l->duration_us / SECOND) : 1));
    json_object_set_new(spec, "renewTime", json_string(now));
    if (stays) return o;
    json_object_set_new(spec, "acquireTime", json_string(now));
    if (holder[0] && l->seen)
        json_object_set_new(spec, "leaseTransitions", json_integer(changes + 1));
    return o;
}

/* === one round: read unless we hold it, then write === */

static void plan(struct controller_lease *l) {
    uint64_t fifth = l->retry_us / 5;
    weft_timer_start(&l->retry,
                     l->retry_us - fifth + weft_rng_below(&l->rng, (uint32_t)(2 * fifth) + 1));
}

static void send(struct controller_lease *l, const char *method, const char *path,
                 const json_t *body, void (*on_reply)(void *, const struct weft_kube_reply *)) {
    l->sent_us = weft_loop_now_us(l->loop);
    l->call = weft_kube_send(l->kube, &(struct weft_kube_request){.method = method,
                                                                  .path = path,
                                                                  .body = body,
                                                                  .timeout_us = l->renew_us / 2,
                                                                  .on_reply = on_reply,
                                                                  .ud = l});
}

/* From when the request was sent: whoever else looks cannot have seen it earlier. */
static void held(struct controller_lease *l) {
    uint64_t since = weft_loop_now_us(l->loop) - l->sent_us;
    if (since >= l->renew_us) return;
    weft_timer_start(&l->deadline, l->renew_us - since);
    set_leads(l, true);
}

static void on_written(void *ud, const struct weft_kube_reply *r) {
    struct controller_lease *l = ud;
    l->call = NULL;
    plan(l);
    if (r->status == 200 || r->status == 201) {
        see(l, r->body);
        if (is_mine(l)) held(l);
        return;
    }
    if (r->status != 409)
        weft_warn("lease", "not %s: %s", l->leads ? "renewed" : "taken", r->error);
    forget(l); /* to be read anew */
    if (r->status == 409 && l->leads) weft_timer_start(&l->retry, 1);
}

static void take(struct controller_lease *l) {
    static const char *const collection = "/apis/coordination.k8s.io/v1/namespaces/%s/leases";
    json_t *body = next_lease(l, l->identity);
    if (l->seen) {
        send(l, "PUT", l->path, body, on_written);
    } else {
        WEFT_FREE char *path = weft_asprintf(collection, l->ns);
        send(l, "POST", path, body, on_written);
    }
    json_decref(body);
}

static void on_read(void *ud, const struct weft_kube_reply *r) {
    struct controller_lease *l = ud;
    l->call = NULL;
    if (r->status == 200 && json_is_object(r->body)) {
        see(l, r->body);
        if (!is_mine(l)) set_leads(l, false); /* somebody took it from us */
    } else if (r->status == 404) {
        forget(l);
    } else {
        weft_warn("lease", "cannot be read: %s", r->error);
        plan(l);
        return;
    }
    if (is_mine(l) || is_free(l))
        take(l);
    else
        plan(l);
}

static void on_retry(void *arg) {
    struct controller_lease *l = arg;
    if (l->call || l->releasing) return;
    if (l->leads && is_mine(l))
        take(l);
    else
        send(l, "GET", l->path, NULL, on_read);
}

/* Once, whichever comes first: the answer or the deadline. May free the lease. */
static void released(struct controller_lease *l) {
    weft_timer_stop(&l->deadline);
    weft_kube_cancel(weft_take(&l->call));
    l->done(l->done_ud);
}

static void on_deadline(void *arg) {
    struct controller_lease *l = arg;
    if (l->releasing) {
        released(l);
        return;
    }
    weft_warn("lease", "not renewed in time");
    set_leads(l, false);
}

/* === giving it back === */

static void give_back(struct controller_lease *l);

static void on_reread(void *ud, const struct weft_kube_reply *r) {
    struct controller_lease *l = ud;
    l->call = NULL;
    if (r->status == 200 && json_is_object(r->body)) {
        see(l, r->body);
        if (is_mine(l)) {
            give_back(l);
            return;
        }
    }
    released(l); /* somebody else has it, or nobody knows */
}

/* A conflict: the renewal that was cut off by the release has come through after all. */
static void on_released(void *ud, const struct weft_kube_reply *r) {
    struct controller_lease *l = ud;
    l->call = NULL;
    if (r->status == 409) {
        send(l, "GET", l->path, NULL, on_reread);
        return;
    }
    if (r->status != 200) weft_warn("lease", "not given back: %s", r->error);
    released(l);
}

static void give_back(struct controller_lease *l) {
    json_t *body = next_lease(l, "");
    send(l, "PUT", l->path, body, on_released);
    json_decref(body);
}

void controller_lease_release(struct controller_lease *l, void (*done)(void *ud), void *ud) {
    bool holds = l->leads && is_mine(l);
    if (l->releasing) return;
    l->releasing = true;
    l->done = done;
    l->done_ud = ud;
    weft_timer_stop(&l->retry);
    weft_kube_cancel(weft_take(&l->call));
    set_leads(l, false);
    weft_timer_start(&l->deadline, holds ? RELEASE_US : 1);
    if (holds) give_back(l);
}

struct controller_lease *controller_lease_new(struct weft_loop *loop, struct weft_kube *k,
                                              const struct controller_lease_options *opt,
                                              const struct controller_lease_cb *cb) {
    struct controller_lease *l = weft_new0(struct controller_lease);
    l->loop = loop;
    l->kube = k;
    l->cb = *cb;
    l->ns = weft_strdup(opt->ns);
    l->name = weft_strdup(opt->name);
    l->identity = weft_strdup(opt->identity);
    l->path = weft_asprintf("/apis/coordination.k8s.io/v1/namespaces/%s/leases/%s", l->ns, l->name);
    l->duration_us = opt->duration_us ? opt->duration_us : 15 * SECOND;
    l->renew_us = opt->renew_us ? opt->renew_us : 10 * SECOND;
    l->retry_us = opt->retry_us ? opt->retry_us : 2 * SECOND;
    weft_rng_seed_system(&l->rng);
    weft_timer_init(&l->retry, loop, on_retry, l);
    weft_timer_init(&l->deadline, loop, on_deadline, l);
    weft_timer_start(&l->retry, 1);
    return l;
}

struct controller_lease *controller_lease_free(struct controller_lease *l) {
    if (!l) return NULL;
    weft_timer_stop(&l->retry);
    weft_timer_stop(&l->deadline);
    weft_kube_cancel(l->call);
    json_decref(l->seen);
    free(l->ns);
    free(l->name);
    free(l->identity);
    free(l->path);
    free(l);
    return NULL;
}

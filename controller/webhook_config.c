/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/webhook_config.h>

#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/object/json.h>
#include <weft/obs/log.h>

#define RETRY_US UINT64_C(1000000)
static const char collection[] =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

struct controller_webhook_config {
    struct weft_kube *kube;
    const struct controller_ca *ca;
    char *name;
    json_t *object; /* as it was seen last; NULL: there is none */
    struct weft_kube_watch *watch;
    struct weft_kube_call *call;
    struct weft_timer retry;
    bool leads, synced;
};

/* The bundle in force, as a Secret or a webhook carries bytes; NULL: there is none yet. */
static json_t *bundle(const struct controller_webhook_config *w) {
    struct weft_buf text;
    weft_buf_init(&text, 0);
    if (!controller_ca_ready(w->ca)) return NULL;
    (void)weft_base64_encode(controller_ca_bundle(w->ca), &text);
    struct weft_slice s = weft_buf_slice(&text);
    json_t *j = json_stringn(s.base, s.len);
    weft_buf_done(&text);
    return j;
}

/* Puts the bundle into every entry that has another; false: nothing was to be done. */
static bool put_bundle(json_t *object, json_t *ca) {
    bool changed = false;
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(object, "webhooks"), i, entry) {
        json_t *client = json_object_get(entry, "clientConfig");
        if (!client || json_equal(json_object_get(client, "caBundle"), ca)) continue;
        json_object_set(client, "caBundle", ca);
        changed = true;
    }
    return changed;
}

static void write_it(struct controller_webhook_config *w);

static void on_written(void *ud, const struct weft_kube_reply *r) {
    struct controller_webhook_config *w = ud;
    w->call = NULL;
    if (r->status == 200) {
        weft_info("webhook", "the caBundle of %s is in force", w->name);
        return; /* the watch brings it */
    }
    if (r->status != 409)
        weft_warn("webhook", "the caBundle of %s was not written: %s", w->name, r->error);
    weft_timer_start(&w->retry, RETRY_US);
}

static void write_it(struct controller_webhook_config *w) {
    if (!w->leads || !w->object || w->call) return;
    json_t *ca = bundle(w), *copy = ca ? json_deep_copy(w->object) : NULL;
    if (copy && put_bundle(copy, ca)) {
        WEFT_FREE char *path = weft_asprintf("%s/%s", collection, w->name);
        w->call = weft_kube_send(
            w->kube,
            &(struct weft_kube_request){
                .method = "PUT", .path = path, .body = copy, .on_reply = on_written, .ud = w});
    }
    json_decref(copy);
    json_decref(ca);
}

static void on_retry(void *arg) {
    write_it(arg);
}

static void on_object(void *ud, enum weft_kube_event event, const json_t *o) {
    struct controller_webhook_config *w = ud;
    if (!weft_slice_is(weft_js_slice(weft_js_in(o, "metadata", "name")), w->name)) return;
    json_decref(w->object);
    w->object = event == WEFT_KUBE_PUT ? json_deep_copy(o) : NULL;
    write_it(w);
}

static void on_synced(void *ud, bool served) {
    struct controller_webhook_config *w = ud;
    (void)served;
    if (!w->object && !w->synced)
        weft_warn("webhook", "there is no MutatingWebhookConfiguration %s: no pod gets a sidecar",
                  w->name);
    w->synced = true;
}

static void on_failure(void *ud, const char *error) {
    struct controller_webhook_config *w = ud;
    weft_warn("webhook", "%s cannot be watched: %s", w->name, error);
}

void controller_webhook_config_lead(struct controller_webhook_config *w, bool leads) {
    w->leads = leads;
    write_it(w);
}

void controller_webhook_config_renew(struct controller_webhook_config *w) {
    write_it(w);
}

bool controller_webhook_config_current(const struct controller_webhook_config *w) {
    if (!w->object) return w->synced; /* there is none; before the first list nobody knows */
    json_t *ca = bundle(w), *copy = json_deep_copy(w->object);
    bool current = ca && !put_bundle(copy, ca);
    json_decref(copy);
    json_decref(ca);
    return current;
}

struct controller_webhook_config *controller_webhook_config_new(struct weft_loop *l,
                                                                struct weft_kube *k,
                                                                const struct controller_ca *ca,
                                                                const char *name) {
    struct controller_webhook_config *w = weft_new0(struct controller_webhook_config);
    w->kube = k;
    w->ca = ca;
    w->name = weft_strdup(name);
    weft_timer_init(&w->retry, l, on_retry, w);
    WEFT_FREE char *query = weft_asprintf("fieldSelector=metadata.name%%3D%s", name);
    w->watch = weft_kube_watch_new(
        k, collection, query,
        &(struct weft_kube_watch_cb){
            .ud = w, .on_object = on_object, .on_synced = on_synced, .on_failure = on_failure});
    return w;
}

struct controller_webhook_config *
controller_webhook_config_free(struct controller_webhook_config *w) {
    if (!w) return NULL;
    weft_timer_stop(&w->retry);
    weft_kube_cancel(w->call);
    weft_kube_watch_free(w->watch);
    json_decref(w->object);
    free(w->name);
    free(w);
    return NULL;
}

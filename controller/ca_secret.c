/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/ca_secret.h>

#include "ca_internal.h"

#include <controller/ca_life.h>
#include <controller/ca_renewal.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/object/json.h>
#include <weft/obs/log.h>

#define RETRY_US UINT64_C(2000000)
#define AGAIN_US UINT64_C(10000000) /* what was refused for now may be good later */

struct controller_ca_secret {
    struct weft_loop *loop;
    struct weft_kube *kube;
    struct controller_ca *ca;
    struct controller_ca_secret_cb cb;
    char *ns, *name;
    struct weft_kube_watch *watch;
    struct weft_kube_call *call;
    struct controller_ca_root *root; /* for the first issuer */
    struct controller_ca_renewal *renewal;
    struct weft_timer retry, again;
    json_t *refused; /* as it was read: its certificate may begin to be valid, for one */
    bool leads, synced, exists;
};

static int64_t unix_now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

/* === reading === */

static enum weft_status take(struct controller_ca_secret *s, const json_t *secret,
                             bool *ret_changed, struct weft_error *err) {
    struct weft_buf key, chain, more;
    weft_buf_init(&key, CA_MAX_PEM);
    weft_buf_init(&chain, CA_MAX_PEM);
    weft_buf_init(&more, CA_MAX_PEM);
    enum weft_status st = ca_secret_decode(secret, "tls.key", &key, err);
    if (st == WEFT_OK) st = ca_secret_decode(secret, "tls.crt", &chain, err);
    if (st == WEFT_OK) st = ca_secret_decode(secret, "ca.crt", &more, err);
    if (st == WEFT_OK)
        st = controller_ca_set(s->ca,
                               &(struct controller_ca_material){.key = weft_buf_slice(&key),
                                                                .chain = weft_buf_slice(&chain),
                                                                .bundle = weft_buf_slice(&more)},
                               unix_now(), ret_changed, err);
    ca_buf_wipe(&key);
    weft_buf_done(&chain);
    weft_buf_done(&more);
    return st;
}

static bool is_ours(const struct controller_ca_secret *s, const json_t *o) {
    return weft_slice_is(weft_js_slice(weft_js_in(o, "metadata", "name")), s->name);
}

static void refuse(struct controller_ca_secret *s, const json_t *o, const struct weft_error *err) {
    bool again = s->refused == o;
    weft_log(again ? WEFT_LOG_DEBUG : WEFT_LOG_ERROR, "ca", "Secret %s/%s is not used: %s: %s%s",
             s->ns, s->name, err->path, err->message,
             controller_ca_ready(s->ca) ? "; what was in force stays" : "");
    if (!again) {
        json_decref(s->refused);
        s->refused = json_deep_copy(o);
    }
    weft_timer_start(&s->again, AGAIN_US);
}

static void forget_refused(struct controller_ca_secret *s) {
    json_decref(weft_take(&s->refused));
    weft_timer_stop(&s->again);
}

static void take_up(struct controller_ca_secret *s, const json_t *o) {
    struct weft_error err = {0};
    bool changed = false;
    if (take(s, o, &changed, &err) == WEFT_OK)
        forget_refused(s);
    else
        refuse(s, o, &err);
    if (changed) s->cb.on_changed(s->cb.ud);
}

static void on_again(void *arg) {
    struct controller_ca_secret *s = arg;
    take_up(s, s->refused);
}

/* One that was removed is not made again in the same moment: somebody may be about to put another
 * there, or go on removing it. */
static void on_object(void *ud, enum weft_kube_event event, const json_t *o) {
    struct controller_ca_secret *s = ud;
    if (!is_ours(s, o)) return;
    s->exists = event == WEFT_KUBE_PUT;
    controller_ca_renewal_note(s->renewal, s->exists ? o : NULL);
    if (s->exists) {
        take_up(s, o);
        return;
    }
    weft_warn("ca", "Secret %s/%s is gone; what it held stays in force", s->ns, s->name);
    forget_refused(s);
    weft_timer_start(&s->retry, RETRY_US);
}

/* === making it === */

static void on_made(void *ud, const struct weft_kube_reply *r) {
    struct controller_ca_secret *s = ud;
    s->call = NULL;
    if (r->status == 201)
        weft_info("ca", "made Secret %s/%s", s->ns, s->name);
    else if (r->status != 409) /* somebody was first: the watch brings it */
        weft_warn("ca", "Secret %s/%s not made: %s", s->ns, s->name, r->error);
    weft_timer_start(&s->retry, RETRY_US); /* does nothing once it is there */
}

static void post(struct controller_ca_secret *s, const struct weft_buf *key,
                 const struct weft_buf *chain, const struct weft_buf *more) {
    json_t *body = ca_secret_body(s->ns, s->name, key, chain, more);
    WEFT_FREE char *path = weft_asprintf("/api/v1/namespaces/%s/secrets", s->ns);
    s->call = weft_kube_send(
        s->kube, &(struct weft_kube_request){
                     .method = "POST", .path = path, .body = body, .on_reply = on_made, .ud = s});
    json_decref(body);
}

static bool is_wanted(const struct controller_ca_secret *s) {
    return s->leads && s->synced && !s->exists && !s->call && !controller_ca_root_busy(s->root);
}

/* A Secret that somebody removed comes back with the issuer that the mesh lives by. */
static void make_missing(struct controller_ca_secret *s) {
    if (!is_wanted(s)) return;
    if (controller_ca_ready(s->ca))
        post(s, &s->ca->key, &s->ca->chain, &s->ca->more);
    else
        controller_ca_root_issue(s->root, true);
}

static void on_issued(void *ud, const struct controller_ca_issued *i) {
    struct controller_ca_secret *s = ud;
    struct weft_buf key, chain;
    if (!is_wanted(s)) return;
    if (i->status != WEFT_OK) {
        weft_error("ca", "no issuer: %s", i->why);
        weft_timer_start(&s->retry, RETRY_US);
        return;
    }
    weft_buf_init(&key, CA_MAX_PEM);
    weft_buf_init(&chain, CA_MAX_PEM);
    (void)weft_buf_append(&key, i->key);
    (void)weft_buf_append(&chain, i->chain);
    post(s, &key, &chain, NULL);
    ca_buf_wipe(&key);
    weft_buf_done(&chain);
}

static void on_retry(void *arg) {
    make_missing(arg);
}

static void on_synced(void *ud, bool served) {
    struct controller_ca_secret *s = ud;
    (void)served;
    s->synced = true;
    make_missing(s);
}

static void on_failure(void *ud, const char *error) {
    struct controller_ca_secret *s = ud;
    weft_warn("ca", "Secret %s/%s cannot be watched: %s", s->ns, s->name, error);
}

void controller_ca_secret_lead(struct controller_ca_secret *s, bool leads) {
    s->leads = leads;
    make_missing(s);
    controller_ca_renewal_lead(s->renewal, leads);
}

static void open_root(struct controller_ca_secret *s,
                      const struct controller_ca_secret_options *opt) {
    const struct controller_ca_root_options root = {
        .kube = s->kube,
        .ns = s->ns,
        .name = opt->root_name,
        .trust_domain = controller_ca_trust_domain(s->ca),
        .ttl_s = opt->issuer_ttl_s ? opt->issuer_ttl_s : CONTROLLER_CA_ISSUER_TTL_S,
        .on_issued = on_issued,
        .ud = s,
    };
    s->root = controller_ca_root_new(&root);
    s->renewal = controller_ca_renewal_new(&(struct controller_ca_renewal_options){
        .loop = s->loop,
        .name = s->name,
        .root = root,
        .on_unrenewed = s->cb.on_unrenewed,
        .ud = s->cb.ud,
    });
}

struct controller_ca_secret *
controller_ca_secret_new(struct weft_loop *l, struct weft_kube *k, struct controller_ca *ca,
                         const struct controller_ca_secret_options *opt,
                         const struct controller_ca_secret_cb *cb) {
    struct controller_ca_secret *s = weft_new0(struct controller_ca_secret);
    s->loop = l;
    s->kube = k;
    s->ca = ca;
    s->cb = *cb;
    s->ns = weft_strdup(opt->ns);
    s->name = weft_strdup(opt->name);
    weft_timer_init(&s->retry, l, on_retry, s);
    weft_timer_init(&s->again, l, on_again, s);
    open_root(s, opt);
    WEFT_FREE char *path = weft_asprintf("/api/v1/namespaces/%s/secrets", s->ns);
    WEFT_FREE char *query = weft_asprintf("fieldSelector=metadata.name%%3D%s", s->name);
    s->watch = weft_kube_watch_new(
        k, path, query,
        &(struct weft_kube_watch_cb){
            .ud = s, .on_object = on_object, .on_synced = on_synced, .on_failure = on_failure});
    return s;
}

struct controller_ca_secret *controller_ca_secret_free(struct controller_ca_secret *s) {
    if (!s) return NULL;
    weft_timer_stop(&s->retry);
    forget_refused(s);
    weft_kube_cancel(s->call);
    controller_ca_root_free(s->root);
    controller_ca_renewal_free(s->renewal);
    weft_kube_watch_free(s->watch);
    free(s->ns);
    free(s->name);
    free(s);
    return NULL;
}

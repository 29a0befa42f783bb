/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/api_version.h>

#include <weft/base/alloc.h>
#include <weft/kube/version.h>
#include <weft/obs/log.h>

#define RETRY_US UINT64_C(1000000)
#define AGAIN_US UINT64_C(600000000)

struct controller_api_version {
    struct weft_kube *kube;
    void (*on_known)(void *ud, bool native);
    void *ud;
    struct weft_kube_call *call;
    struct weft_timer again;
    bool known, native, warned;
};

static void take(struct controller_api_version *v, uint64_t minor) {
    bool native = minor >= WEFT_KUBE_NATIVE_SIDECARS;
    if (v->known && v->native == native) return;
    v->known = true;
    v->native = native;
    weft_info("webhook", "Kubernetes 1.%u: sidecars are %s", (unsigned)minor,
              native ? "native" : "ordinary containers; Jobs that have one do not complete");
    v->on_known(v->ud, native);
}

static void on_reply(void *ud, const struct weft_kube_reply *r) {
    struct controller_api_version *v = ud;
    uint64_t minor = 0;
    v->call = NULL;
    bool told = r->status == 200 && weft_kube_minor(r->body, &minor);
    if (told)
        take(v, minor);
    else if (!v->warned)
        weft_warn("webhook", "the API server did not tell its version (%s); it is asked again",
                  r->error ? r->error : "no Kubernetes 1 in its answer");
    v->warned = !told;
    weft_timer_start(&v->again, v->known ? AGAIN_US : RETRY_US);
}

static void ask(void *arg) {
    struct controller_api_version *v = arg;
    v->call = weft_kube_send(
        v->kube, &(struct weft_kube_request){
                     .method = "GET", .path = "/version", .on_reply = on_reply, .ud = v});
}

struct controller_api_version *controller_api_version_new(struct weft_loop *l, struct weft_kube *k,
                                                          void (*on_known)(void *ud, bool native),
                                                          void *ud) {
    struct controller_api_version *v = weft_new0(struct controller_api_version);
    v->kube = k;
    v->on_known = on_known;
    v->ud = ud;
    weft_timer_init(&v->again, l, ask, v);
    ask(v);
    return v;
}

bool controller_api_version_known(const struct controller_api_version *v) {
    return v->known;
}

struct controller_api_version *controller_api_version_free(struct controller_api_version *v) {
    if (!v) return NULL;
    weft_kube_cancel(v->call);
    weft_timer_stop(&v->again);
    free(v);
    return NULL;
}

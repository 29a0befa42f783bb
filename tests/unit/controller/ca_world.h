/* SPDX-License-Identifier: Apache-2.0
 * Two replicas with their authority in Secrets of a fake cluster. */
#pragma once
#include "support/kube_world.h"

#include <controller/ca_secret.h>
#include <weft/base/base64.h>
#include <weft/base/clock.h>
#include <weft/obs/log.h>

#define PATH "/api/v1/namespaces/weft-system/secrets/weft-ca"
#define ROOT PATH "-root"

struct replica {
    struct weft_kube *kube;
    struct controller_ca *ca;
    struct controller_ca_secret *secret;
    int changes;
    char why[256]; /* it was said last that nothing was renewed; "": all is well */
    int complaints;
};
struct world {
    struct kube_world k;
    struct replica a, b;
};

static inline int64_t now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}
static inline void on_changed(void *ud) {
    ((struct replica *)ud)->changes++;
}

static inline void on_unrenewed(void *ud, const char *why) {
    struct replica *r = ud;
    snprintf(r->why, sizeof r->why, "%s", why ? why : "");
    r->complaints += why != NULL;
}

static inline void join(struct world *w, struct replica *r) {
    struct weft_error err = {0};
    const struct controller_ca_options o = {.trust_domain = "cluster.local", .max_ttl_s = 3600};
    assert_int_equal(controller_ca_new(&o, now(), &r->ca, &err), WEFT_OK);
    r->kube = kube_world_client(&w->k);
    r->secret = controller_ca_secret_new(
        w->k.loop, r->kube, r->ca,
        &(struct controller_ca_secret_options){
            .ns = "weft-system", .name = "weft-ca", .root_name = "weft-ca-root"},
        &(struct controller_ca_secret_cb){r, on_changed, on_unrenewed});
}
static inline void leave(struct replica *r) {
    controller_ca_secret_free(r->secret);
    weft_kube_free(r->kube);
    controller_ca_free(r->ca);
}

static inline int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    kube_world_init(&w->k);
    join(w, &w->a);
    join(w, &w->b);
    settle(&w->k);
    *state = w;
    return 0;
}
static inline int tear_down(void **state) {
    struct world *w = *state;
    leave(&w->a);
    leave(&w->b);
    kube_world_done(&w->k);
    free(w);
    return 0;
}

static inline void put_member(json_t *data, const char *key, const struct weft_buf *pem) {
    struct weft_buf text;
    weft_buf_init(&text, 0);
    (void)weft_base64_encode(weft_buf_slice(pem), &text);
    json_object_set_new(data, key, json_stringn(text.base, weft_buf_size(&text)));
    weft_buf_done(&text);
}

/* A Secret as somebody else would make it: key and chain; `more` may be NULL. */
static inline json_t *secret_named(const char *name, const struct weft_buf *key,
                                   const struct weft_buf *chain, const struct weft_buf *more) {
    json_t *o = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{}}", "apiVersion", "v1", "kind", "Secret",
                          "metadata", "name", name, "namespace", "weft-system", "data");
    json_t *data = json_object_get(o, "data");
    put_member(data, "tls.key", key);
    put_member(data, "tls.crt", chain);
    if (more) put_member(data, "ca.crt", more);
    return o;
}

static inline json_t *secret_of(const struct weft_buf *key, const struct weft_buf *chain,
                                const struct weft_buf *more) {
    return secret_named("weft-ca", key, chain, more);
}

/* A member of a Secret that is there, decoded; the caller frees. */
static inline char *text_in(struct world *w, const char *path, const char *key) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    json_t *data = json_object_get(cluster_get(w->k.cluster, path), "data");
    const char *text = json_string_value(json_object_get(data, key));
    if (!text) fail_msg("%s has no %s", path, key);
    assert_int_equal(weft_base64_decode(weft_slice_str(text), &b), WEFT_OK);
    char *s = weft_slice_dup(weft_buf_slice(&b));
    weft_buf_done(&b);
    return s;
}

struct root {
    struct weft_buf key, cert;
};
static inline struct root root_new(void) {
    struct root r;
    struct weft_error err = {0};
    weft_buf_init(&r.key, 0);
    weft_buf_init(&r.cert, 0);
    assert_int_equal(controller_ca_make_root("cluster.local", now(), &r.key, &r.cert, &err),
                     WEFT_OK);
    return r;
}
static inline void root_done(struct root *r) {
    weft_buf_done(&r->key);
    weft_buf_done(&r->cert);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/ca_root.h>

#include "ca_internal.h"

#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/obs/log.h>

struct controller_ca_root {
    struct controller_ca_root_options opt;
    char *ns, *name, *trust_domain;
    struct weft_kube_call *call;
    bool make;
};

static int64_t unix_now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

static void end(struct controller_ca_root *r, enum weft_status st, const char *why) {
    const struct controller_ca_issued i = {.status = st, .why = why};
    r->opt.on_issued(r->opt.ud, &i);
}

/* === an issuer of it === */

static enum weft_status issue(const struct controller_ca_root *r, const json_t *secret,
                              struct weft_buf *key, struct weft_buf *chain,
                              struct weft_error *err) {
    struct weft_buf root_key, root;
    weft_buf_init(&root_key, CA_MAX_PEM);
    weft_buf_init(&root, CA_MAX_PEM);
    enum weft_status st = ca_secret_decode(secret, "tls.key", &root_key, err);
    if (st == WEFT_OK) st = ca_secret_decode(secret, "tls.crt", &root, err);
    if (st == WEFT_OK) st = weft_pki_key(key);
    if (st == WEFT_OK)
        st = weft_pki_issuer(weft_buf_slice(&root_key), weft_buf_slice(&root), weft_buf_slice(key),
                             weft_slice_str(r->trust_domain), unix_now(), r->opt.ttl_s, chain, err);
    ca_buf_wipe(&root_key);
    weft_buf_done(&root);
    return st;
}

static void take(struct controller_ca_root *r, const json_t *secret) {
    struct weft_error err = {0};
    struct weft_buf key, chain;
    weft_buf_init(&key, CA_MAX_PEM);
    weft_buf_init(&chain, CA_MAX_PEM);
    enum weft_status st = issue(r, secret, &key, &chain, &err);
    WEFT_FREE char *why =
        weft_asprintf("Secret %s/%s: %s: %s", r->ns, r->name, err.path, err.message);
    const struct controller_ca_issued i = {st, why, weft_buf_slice(&key), weft_buf_slice(&chain)};
    r->opt.on_issued(r->opt.ud, &i);
    ca_buf_wipe(&key);
    weft_buf_done(&chain);
}

/* === reading and making it === */

static void get(struct controller_ca_root *r);

static void on_made(void *ud, const struct weft_kube_reply *reply) {
    struct controller_ca_root *r = ud;
    r->call = NULL;
    if (reply->status == 201) weft_info("ca", "made Secret %s/%s", r->ns, r->name);
    /* Somebody may have been first: what is there is used, never what was only meant to be. */
    if (reply->status == 201 || reply->status == 409)
        get(r);
    else
        end(r, WEFT_AGAIN, reply->error);
}

static void post(struct controller_ca_root *r) {
    struct weft_error err = {0};
    struct weft_buf key, cert;
    weft_buf_init(&key, 0);
    weft_buf_init(&cert, 0);
    r->make = false;
    enum weft_status st = controller_ca_make_root(r->trust_domain, unix_now(), &key, &cert, &err);
    if (st == WEFT_OK) {
        json_t *body = ca_secret_body(r->ns, r->name, &key, &cert, NULL);
        WEFT_FREE char *path = weft_asprintf("/api/v1/namespaces/%s/secrets", r->ns);
        r->call = weft_kube_send(
            r->opt.kube,
            &(struct weft_kube_request){
                .method = "POST", .path = path, .body = body, .on_reply = on_made, .ud = r});
        json_decref(body);
    } else {
        end(r, st, err.message);
    }
    ca_buf_wipe(&key);
    weft_buf_done(&cert);
}

static void on_got(void *ud, const struct weft_kube_reply *reply) {
    struct controller_ca_root *r = ud;
    r->call = NULL;
    if (reply->status == 200)
        take(r, reply->body);
    else if (reply->status == 404 && r->make)
        post(r);
    else
        end(r, reply->status == 404 ? WEFT_NOT_FOUND : WEFT_AGAIN,
            reply->error ? reply->error : "no answer");
}

static void get(struct controller_ca_root *r) {
    WEFT_FREE char *path = weft_asprintf("/api/v1/namespaces/%s/secrets/%s", r->ns, r->name);
    r->call = weft_kube_send(
        r->opt.kube,
        &(struct weft_kube_request){.method = "GET", .path = path, .on_reply = on_got, .ud = r});
}

void controller_ca_root_issue(struct controller_ca_root *r, bool make) {
    if (r->call) return;
    r->make = make;
    get(r);
}

bool controller_ca_root_busy(const struct controller_ca_root *r) {
    return r->call != NULL;
}

struct controller_ca_root *controller_ca_root_new(const struct controller_ca_root_options *opt) {
    struct controller_ca_root *r = weft_new0(struct controller_ca_root);
    r->opt = *opt;
    r->ns = weft_strdup(opt->ns);
    r->name = weft_strdup(opt->name);
    r->trust_domain = weft_strdup(opt->trust_domain);
    return r;
}

struct controller_ca_root *controller_ca_root_free(struct controller_ca_root *r) {
    if (!r) return NULL;
    weft_kube_cancel(r->call);
    free(r->ns);
    free(r->name);
    free(r->trust_domain);
    free(r);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/ca_renewal.h>

#include "ca_internal.h"

#include <controller/ca_life.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/object/json.h>
#include <weft/obs/log.h>

enum { LOOK_S = 3600, AGAIN_S = 60 };

struct controller_ca_renewal {
    struct controller_ca_renewal_options opt;
    char *ns, *name, *root_name;
    struct controller_ca_root *root;
    struct weft_kube_call *call;
    struct weft_timer timer;
    /* of the Secret as last seen; nothing secret is kept */
    struct controller_ca_life life;
    struct weft_buf more, bundle; /* whom it says to trust */
    char *version;
    char *unreadable; /* why nothing is known of a Secret that is there */
    bool leads, known;
    bool moved; /* another one was seen since the root was asked for */
};

static int64_t unix_now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

/* Answers still come when the term is over. */
static void say(struct controller_ca_renewal *r, const char *why) {
    if (r->opt.on_unrenewed) r->opt.on_unrenewed(r->opt.ud, r->leads ? why : NULL);
}

static void look(struct controller_ca_renewal *r);

static void on_timer(void *arg) {
    look(arg);
}

static void plan(struct controller_ca_renewal *r, int64_t in_s) {
    if (in_s > LOOK_S) in_s = LOOK_S;
    weft_timer_start(&r->timer, in_s > 0 ? (uint64_t)in_s * 1000000u : 1);
}

/* A root-only Secret without a root to renew from is as it was meant, until its end comes near; so
 * is an issuer that somebody else renews. */
static void not_renewed(struct controller_ca_renewal *r, enum weft_status st, const char *why) {
    bool late = controller_ca_life_late(&r->life, unix_now());
    plan(r, AGAIN_S);
    if (late || (st != WEFT_AGAIN && st != WEFT_NOT_FOUND))
        say(r, why);
    else
        say(r, NULL);
}

/* === looking === */

static void look(struct controller_ca_renewal *r) {
    int64_t now = unix_now();
    if (!r->leads || r->call || controller_ca_root_busy(r->root)) return;
    if (!r->known) {
        say(r, r->unreadable);
        return;
    }
    if (controller_ca_life_due(&r->life, now)) {
        r->moved = false;
        controller_ca_root_issue(r->root, false);
        return;
    }
    say(r, controller_ca_life_late(&r->life, now) ? "the root itself is near its end" : NULL);
    plan(r, controller_ca_life_due_at(&r->life) - now);
}

/* === writing === */

static void on_written(void *ud, const struct weft_kube_reply *reply) {
    struct controller_ca_renewal *r = ud;
    r->call = NULL;
    if (reply->status == 200) {
        weft_info("ca", "Secret %s/%s has a new issuer", r->ns, r->name);
        say(r, NULL);
        plan(r, AGAIN_S);              /* the watch brings it sooner */
    } else if (reply->status == 409) { /* somebody else wrote it meanwhile: the watch brings it */
        plan(r, r->moved ? 0 : AGAIN_S);
    } else {
        WEFT_FREE char *why = weft_asprintf("Secret %s/%s: %s", r->ns, r->name, reply->error);
        not_renewed(r, reply->status == 403 ? WEFT_DENIED : WEFT_AGAIN, why);
    }
}

/* Nothing else in it is touched, and nothing at all when it is another one by now. */
static void write_issuer(struct controller_ca_renewal *r, const struct controller_ca_issued *i) {
    WEFT_FREE char *path = weft_asprintf("/api/v1/namespaces/%s/secrets/%s", r->ns, r->name);
    json_t *body = json_pack("{s:{s:s}, s:o}", "metadata", "resourceVersion", r->version, "data",
                             ca_secret_data(i->key, i->chain));
    r->call = weft_kube_send(
        r->opt.root.kube,
        &(struct weft_kube_request){
            .method = "PATCH", .path = path, .body = body, .on_reply = on_written, .ud = r});
    json_decref(body);
}

/* An issuer of another root would be refused by everybody, and one that lasts no longer is none. */
static enum weft_status fits(const struct controller_ca_renewal *r,
                             const struct controller_ca_issued *i, struct weft_error *err) {
    struct controller_ca_life next;
    struct weft_buf bundle;
    weft_buf_init(&bundle, 2 * CA_MAX_PEM);
    enum weft_status st = weft_pki_bundle(i->chain, weft_buf_slice(&r->more), &bundle, err);
    if (st == WEFT_OK) st = controller_ca_life_read(i->chain, &next, err);
    if (st == WEFT_OK && !weft_slice_eq(weft_buf_slice(&bundle), weft_buf_slice(&r->bundle)))
        st = weft_error_set(err, WEFT_INVALID, r->root_name,
                            "its root is not the one that Secret %s/%s has proxies trust", r->ns,
                            r->name);
    if (st == WEFT_OK && !r->life.is_root && next.to <= r->life.to)
        st = weft_error_set(err, WEFT_AGAIN, r->root_name, "the root itself is near its end");
    weft_buf_done(&bundle);
    return st;
}

static void on_issued(void *ud, const struct controller_ca_issued *i) {
    struct controller_ca_renewal *r = ud;
    struct weft_error err = {0};
    if (!r->leads || !r->known || r->moved) {
        look(r);
        return;
    }
    if (i->status == WEFT_NOT_FOUND) {
        WEFT_FREE char *why =
            weft_asprintf("there is no Secret %s/%s to renew it from", r->ns, r->root_name);
        not_renewed(r, i->status, why);
    } else if (i->status != WEFT_OK) {
        not_renewed(r, i->status, i->why);
    } else {
        enum weft_status st = fits(r, i, &err);
        WEFT_FREE char *why = weft_asprintf("Secret %s/%s: %s", r->ns, err.path, err.message);
        if (st == WEFT_OK)
            write_issuer(r, i);
        else
            not_renewed(r, st, why);
    }
}

/* === what is known === */

static enum weft_status read_secret(struct controller_ca_renewal *r, const json_t *secret,
                                    struct weft_error *err) {
    struct weft_buf chain;
    weft_buf_init(&chain, CA_MAX_PEM);
    weft_buf_clear(&r->more);
    weft_buf_clear(&r->bundle);
    enum weft_status st = ca_secret_decode(secret, "tls.crt", &chain, err);
    if (st == WEFT_OK) st = ca_secret_decode(secret, "ca.crt", &r->more, err);
    if (st == WEFT_OK)
        st = weft_pki_bundle(weft_buf_slice(&chain), weft_buf_slice(&r->more), &r->bundle, err);
    if (st == WEFT_OK) st = controller_ca_life_read(weft_buf_slice(&chain), &r->life, err);
    weft_buf_done(&chain);
    return st;
}

void controller_ca_renewal_note(struct controller_ca_renewal *r, const json_t *secret) {
    struct weft_error err = {0};
    free(weft_take(&r->version));
    free(weft_take(&r->unreadable));
    r->moved = true;
    r->known = secret && read_secret(r, secret, &err) == WEFT_OK;
    if (r->known)
        r->version =
            weft_slice_dup(weft_js_slice(weft_js_in(secret, "metadata", "resourceVersion")));
    else if (secret)
        r->unreadable =
            weft_asprintf("Secret %s/%s: %s: %s", r->ns, r->name, err.path, err.message);
    look(r);
}

void controller_ca_renewal_lead(struct controller_ca_renewal *r, bool leads) {
    r->leads = leads;
    if (leads)
        look(r);
    else
        say(r, NULL);
}

struct controller_ca_renewal *
controller_ca_renewal_new(const struct controller_ca_renewal_options *opt) {
    struct controller_ca_renewal *r = weft_new0(struct controller_ca_renewal);
    r->opt = *opt;
    r->ns = weft_strdup(opt->root.ns);
    r->name = weft_strdup(opt->name);
    r->root_name = weft_strdup(opt->root.name);
    weft_buf_init(&r->more, CA_MAX_PEM);
    weft_buf_init(&r->bundle, 2 * CA_MAX_PEM);
    weft_timer_init(&r->timer, opt->loop, on_timer, r);
    r->opt.root.on_issued = on_issued;
    r->opt.root.ud = r;
    r->root = controller_ca_root_new(&r->opt.root);
    return r;
}

struct controller_ca_renewal *controller_ca_renewal_free(struct controller_ca_renewal *r) {
    if (!r) return NULL;
    weft_timer_stop(&r->timer);
    weft_kube_cancel(r->call);
    controller_ca_root_free(r->root);
    weft_buf_done(&r->more);
    weft_buf_done(&r->bundle);
    free(r->version);
    free(r->unreadable);
    free(r->ns);
    free(r->name);
    free(r->root_name);
    free(r);
    return NULL;
}

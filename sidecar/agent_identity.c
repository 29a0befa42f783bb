/* SPDX-License-Identifier: Apache-2.0
 * The proxy's own identity: the key is made here and never leaves the pod; the certificate is
 * renewed at two thirds of its life, and the old one serves until a new one is there. */
#include "agent_internal.h"

#include <weft/base/file.h>
#include <weft/obs/log.h>

enum { LEAST_PAUSE_S = 5 }; /* between a certificate and the request for the next */

static int64_t unix_now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

static void wipe(struct weft_buf *b) {
    if (b->base) explicit_bzero(b->base, b->cap);
    weft_buf_clear(b);
}

/* === putting an identity in force === */

static enum weft_status make(struct proxy_agent *a, struct weft_slice key, struct weft_slice chain,
                             struct weft_slice bundle, const struct weft_trust *t,
                             struct weft_identity **ret, struct weft_error *err) {
    enum weft_status st = weft_identity_new(key, chain, bundle, t ? t->domains : NULL,
                                            t ? t->n_domains : 0, unix_now(), ret, err);
    if (st != WEFT_OK || weft_slice_eq(weft_identity_spiffe_id(*ret), a->own_id)) return st;
    st = weft_error_set(err, WEFT_IDENTITY, "certificate", "is for %.*s, not for %.*s",
                        WEFT_SLICE_ARG(weft_identity_spiffe_id(*ret)), WEFT_SLICE_ARG(a->own_id));
    *ret = weft_identity_unref(*ret);
    return st;
}

static void put_in_force(struct proxy_agent *a, struct weft_identity *id) {
    weft_identity_unref(a->identity);
    a->identity = id;
    a->cb.on_identity(a->cb.ud, id);
}

static void keep(struct weft_buf *b, struct weft_slice s) {
    wipe(b);
    (void)weft_buf_append(b, s);
}

static void save(struct proxy_agent *a) {
    if (!a->opt.state_dir) return;
    const char *dir = a->opt.state_dir;
    enum weft_status st = agent_state_write(dir, "key.pem", weft_buf_slice(&a->key));
    if (st == WEFT_OK) st = agent_state_write(dir, "chain.pem", weft_buf_slice(&a->chain));
    if (st == WEFT_OK) st = agent_state_write(dir, "bundle.pem", weft_buf_slice(&a->bundle));
    if (st != WEFT_OK) weft_warn("agent", "identity not kept in %s: %s", dir, weft_status_text(st));
}

/* At two thirds of its life (DESIGN 3), but in `least_s` at the soonest. */
static void plan_renewal(struct proxy_agent *a, int64_t least_s) {
    int64_t from = weft_identity_not_before(a->identity);
    int64_t to = weft_identity_not_after(a->identity);
    int64_t left = from + (to - from) / 3 * 2 - unix_now();
    if (left < least_s) left = least_s; /* a CA near its end, or a clock that is ahead */
    weft_timer_start(&a->sign_timer, left > 0 ? (uint64_t)left * 1000000u : 1);
}

/* === asking for a certificate === */

static void on_signed(void *ud, enum weft_status st, struct weft_slice chain,
                      struct weft_slice bundle, struct weft_slice why);

/* A fresh file each time: tokens and bundles are replaced under us. */
static bool read_file(const char *path, struct weft_buf *ret, const char *what) {
    enum weft_status st = path ? weft_file_read(path, ret) : WEFT_NOT_FOUND;
    if (st == WEFT_OK) return true;
    weft_warn("agent", "%s %s cannot be read: %s", what, path ? path : "(none given)",
              weft_status_text(st));
    return false;
}

/* What came with the pod, and what was learnt since: a root that was replaced in the meantime
 * stands in the one, a bundle from before the pod's file was updated in the other. */
static void gather_roots(struct proxy_agent *a, struct weft_buf *ret) {
    struct weft_buf file;
    weft_buf_init(&file, AGENT_MAX_PEM);
    if (a->opt.bundle_file && read_file(a->opt.bundle_file, &file, "trust bundle"))
        (void)weft_buf_append(ret, weft_buf_slice(&file));
    (void)weft_buf_char(ret, '\n');
    (void)weft_buf_append(ret, weft_slice_head(weft_slice_str(a->opt.bundle_pem), AGENT_MAX_PEM));
    (void)weft_buf_char(ret, '\n');
    (void)weft_buf_append(ret, weft_buf_slice(&a->bundle));
    weft_buf_done(&file);
}

static enum weft_status identity_to_ask_with(struct proxy_agent *a, bool anew,
                                             struct weft_identity **ret, struct weft_error *err) {
    if (!anew) {
        *ret = weft_identity_ref(a->identity);
        return WEFT_OK;
    }
    struct weft_buf bundle;
    weft_buf_init(&bundle, 4 * AGENT_MAX_PEM);
    gather_roots(a, &bundle);
    enum weft_status st = weft_identity_trust_only(weft_buf_slice(&bundle), ret, err);
    weft_buf_done(&bundle);
    return st;
}

static enum weft_status ask(struct proxy_agent *a, bool anew, struct weft_error *err) {
    struct weft_buf csr, token;
    weft_buf_init(&csr, 0);
    weft_buf_init(&token, 64 * 1024);
    struct weft_identity *with = NULL;
    wipe(&a->next_key);
    enum weft_status st = identity_to_ask_with(a, anew, &with, err);
    /* Shown with a certificate as well: it says that its ServiceAccount still exists. */
    if (st == WEFT_OK && (anew || a->opt.token_file) &&
        !read_file(a->opt.token_file, &token, "token") && anew)
        st = weft_error_set(err, WEFT_NOT_FOUND, "", "no token");
    if (st == WEFT_OK) st = weft_pki_key(&a->next_key);
    if (st == WEFT_OK) st = weft_pki_csr(weft_buf_slice(&a->next_key), a->own_id, &csr, err);
    if (st == WEFT_OK) {
        struct weft_slice t = weft_buf_slice(&token);
        while (t.len && (t.base[t.len - 1] == '\n' || t.base[t.len - 1] == '\r')) t.len--;
        const struct agent_sign_request r = {
            .link = {.host = weft_slice_str(a->opt.controller_host),
                     .port = a->opt.controller_port,
                     .identity = with,
                     .server_name = a->opt.controller_name,
                     .server_id = a->controller_id},
            .csr_pem = weft_buf_slice(&csr),
            .token = weft_slice_trim(t),
            .trust_domain = weft_slice_str(a->opt.trust_domain),
            .ttl_s = a->opt.cert_ttl_s,
        };
        a->sign = agent_sign_start(a->loop, &r, on_signed, a);
    }
    weft_identity_unref(with);
    if (token.base) explicit_bzero(token.base, token.cap);
    weft_buf_done(&token);
    weft_buf_done(&csr);
    return st;
}

static void try_later(struct proxy_agent *a, const char *why, size_t len) {
    bool serving = a->identity && weft_identity_not_after(a->identity) > unix_now();
    weft_warn("agent", "no %scertificate: %.*s", serving ? "renewed " : "", (int)len, why);
    if (a->cb.on_unsigned) a->cb.on_unsigned(a->cb.ud);
    a->by_token = !a->by_token || !serving; /* in turns, while there is something to renew with */
    weft_timer_start(&a->sign_timer, agent_backoff_us(&a->sign_backoff, &a->rng));
}

static void on_sign_timer(void *arg) {
    struct proxy_agent *a = arg;
    struct weft_error err = {0};
    if (a->sign) return;
    bool usable = a->identity && weft_identity_not_after(a->identity) > unix_now();
    if (ask(a, a->by_token || !usable, &err) != WEFT_OK)
        try_later(a, err.message, strlen(err.message));
}

/* With the trust last pushed, which may know more roots and domains than the answer; when the new
 * certificate does not chain to that, with the answer's, and the push has to come again. */
static enum weft_status take(struct proxy_agent *a, struct weft_slice chain,
                             struct weft_slice bundle, struct weft_error *err) {
    struct weft_slice key = weft_buf_slice(&a->next_key);
    struct weft_identity *id = NULL;
    enum weft_status st = WEFT_NOT_FOUND;
    if (a->trust) st = make(a, key, chain, a->trust->bundle, a->trust, &id, err);
    if (st == WEFT_OK) {
        bundle = a->trust->bundle;
    } else {
        st = make(a, key, chain, bundle, NULL, &id, err);
        if (st != WEFT_OK) return st;
        a->trust = weft_trust_unref(a->trust);
        weft_ads_client_unhold(a->client, WEFT_SLICE_LIT("trust"));
    }
    keep(&a->bundle, bundle);
    keep(&a->key, key);
    keep(&a->chain, chain);
    wipe(&a->next_key);
    put_in_force(a, id);
    return WEFT_OK;
}

static void on_signed(void *ud, enum weft_status st, struct weft_slice chain,
                      struct weft_slice bundle, struct weft_slice why) {
    struct proxy_agent *a = ud;
    struct weft_error err = {0};
    a->sign = NULL;
    if (st == WEFT_OK) {
        st = take(a, chain, bundle, &err);
        why = weft_slice_str(err.message);
    }
    if (st != WEFT_OK) {
        try_later(a, why.base ? why.base : "", why.len);
        return;
    }
    a->by_token = false;
    a->sign_backoff = (struct agent_backoff){0};
    save(a);
    plan_renewal(a, LEAST_PAUSE_S);
    weft_info("agent", "certificate for %.*s until %lld", WEFT_SLICE_ARG(a->own_id),
              (long long)weft_identity_not_after(a->identity));
    agent_connect(a);
}

/* === from elsewhere === */

/* The root that signed for us is trusted no more: others will refuse us. The bundle comes again on
 * the stream that the new certificate opens. */
static void renew_soon(struct proxy_agent *a) {
    uint64_t us = LEAST_PAUSE_S * UINT64_C(1000000);
    us += weft_rng_below(&a->rng, (uint32_t)us); /* all proxies learn of it at once */
    if (a->sign || a->by_token) return;          /* under way already */
    a->by_token = true;
    weft_timer_start(&a->sign_timer, us);
}

static size_t count_roots(struct weft_slice pem) {
    static const struct weft_slice mark = WEFT_SLICE_LIT("-----BEGIN CERTIFICATE-----");
    size_t n = 0;
    for (size_t i; (i = weft_slice_search(pem, mark)) < pem.len; n++)
        pem = weft_slice_from(pem, i + mark.len);
    return n;
}

enum weft_status agent_identity_set_trust(struct proxy_agent *a, struct weft_trust *t,
                                          struct weft_error *err) {
    if (a->identity) {
        struct weft_identity *id = NULL;
        enum weft_status st =
            make(a, weft_buf_slice(&a->key), weft_buf_slice(&a->chain), t->bundle, t, &id, err);
        if (st != WEFT_OK) {
            renew_soon(a);
            return st;
        }
        bool same = weft_slice_eq(t->bundle, weft_buf_slice(&a->bundle)) && t->n_domains == 1;
        keep(&a->bundle, t->bundle);
        if (same && !a->trust) {
            weft_identity_unref(id); /* says what the certificate's answer said already */
        } else {
            put_in_force(a, id);
            save(a);
        }
    }
    weft_trust_unref(a->trust);
    a->trust = weft_trust_ref(t);
    weft_info("agent", "trust bundle in force, roots: %zu", count_roots(t->bundle));
    return WEFT_OK;
}

void agent_identity_distrusted(struct proxy_agent *a) {
    if (a->sign || a->by_token) return; /* under way already */
    a->by_token = true;
    weft_timer_start(&a->sign_timer, agent_backoff_us(&a->sign_backoff, &a->rng));
}

/* An expired certificate says nothing against the roots it came with: they may be newer than the
 * pod's. */
static void keep_bundle(struct proxy_agent *a) {
    struct weft_identity *trust = NULL;
    struct weft_error err = {0};
    if (weft_identity_trust_only(weft_buf_slice(&a->bundle), &trust, &err) != WEFT_OK) {
        agent_state_discard(a->opt.state_dir, "bundle.pem");
        wipe(&a->bundle);
    }
    weft_identity_unref(trust);
}

void agent_identity_load(struct proxy_agent *a) {
    if (!a->opt.state_dir) return;
    const char *dir = a->opt.state_dir;
    struct weft_error err = {0};
    struct weft_identity *id = NULL;
    if (agent_state_read(dir, "chain.pem", &a->chain) != WEFT_OK) return;
    enum weft_status st = agent_state_read(dir, "key.pem", &a->key);
    if (st == WEFT_OK) st = agent_state_read(dir, "bundle.pem", &a->bundle);
    if (st == WEFT_OK)
        st = make(a, weft_buf_slice(&a->key), weft_buf_slice(&a->chain), weft_buf_slice(&a->bundle),
                  NULL, &id, &err);
    if (st == WEFT_OK) {
        put_in_force(a, id);
        return;
    }
    weft_warn("agent", "the kept certificate is discarded: %s",
              err.message[0] ? err.message : weft_status_text(st));
    agent_state_discard(dir, "key.pem");
    agent_state_discard(dir, "chain.pem");
    wipe(&a->key);
    wipe(&a->chain);
    keep_bundle(a);
}

void agent_identity_start(struct proxy_agent *a) {
    weft_timer_init(&a->sign_timer, a->loop, on_sign_timer, a);
    if (a->identity)
        plan_renewal(a, 0); /* a kept one may be overdue */
    else
        weft_timer_start(&a->sign_timer, 1);
}

void agent_identity_stop(struct proxy_agent *a) {
    weft_timer_stop(&a->sign_timer);
    agent_sign_cancel(a->sign);
    a->identity = weft_identity_unref(a->identity);
    a->trust = weft_trust_unref(a->trust);
    wipe(&a->key);
    wipe(&a->next_key);
    weft_buf_done(&a->key);
    weft_buf_done(&a->next_key);
    weft_buf_done(&a->chain);
    weft_buf_done(&a->bundle);
}

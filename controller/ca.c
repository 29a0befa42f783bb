/* SPDX-License-Identifier: Apache-2.0 */
#include "ca_internal.h"

#include <controller/ca_life.h>
#include <weft/base/alloc.h>
#include <weft/mesh/identity.h>
#include <weft/obs/log.h>

enum { SERVING_TTL_S = 24 * 3600, MIN_TTL_S = 10 };

static void wipe(struct weft_buf *b) {
    if (b->base) explicit_bzero(b->base, b->cap);
    weft_buf_clear(b);
}

struct controller_ca *controller_ca_free(struct controller_ca *ca) {
    if (!ca) return NULL;
    wipe(&ca->key);
    weft_buf_done(&ca->key);
    weft_buf_done(&ca->chain);
    weft_buf_done(&ca->more);
    weft_buf_done(&ca->bundle);
    ca_files_done(ca);
    free(ca->trust_domain);
    free(ca->ns);
    free(ca);
    return NULL;
}

bool controller_ca_ready(const struct controller_ca *ca) {
    return weft_buf_size(&ca->chain) > 0;
}
struct weft_slice controller_ca_bundle(const struct controller_ca *ca) {
    return weft_buf_slice(&ca->bundle);
}
const char *controller_ca_trust_domain(const struct controller_ca *ca) {
    return ca->trust_domain;
}
int64_t controller_ca_not_after(const struct controller_ca *ca) {
    return ca->not_after;
}
int64_t controller_ca_root_not_after(const struct controller_ca *ca) {
    return ca->root_not_after;
}

/* === what is in force === */

static struct controller_ca *ca_alloc(const char *trust_domain, const char *ns, uint64_t ttl_s) {
    struct controller_ca *ca = weft_new0(struct controller_ca);
    weft_buf_init(&ca->key, CA_MAX_PEM);
    weft_buf_init(&ca->chain, CA_MAX_PEM);
    weft_buf_init(&ca->more, CA_MAX_PEM);
    weft_buf_init(&ca->bundle, 2 * CA_MAX_PEM);
    ca->trust_domain = weft_strdup(trust_domain);
    ca->ns = weft_strdup(ns);
    ca->max_ttl_s = ttl_s;
    return ca;
}

/* Signing something shows what is wrong with a given key, chain or bundle. */
static enum weft_status fill(struct controller_ca *ca, const struct controller_ca_material *m,
                             int64_t now, struct weft_error *err) {
    enum weft_status st = weft_buf_append(&ca->key, m->key);
    if (st == WEFT_OK) st = weft_buf_append(&ca->chain, m->chain);
    if (st == WEFT_OK) st = weft_buf_append(&ca->more, m->bundle);
    if (st != WEFT_OK) return weft_error_set(err, st, "CA", "%s", weft_status_text(st));
    st = weft_pki_bundle(m->chain, m->bundle, &ca->bundle, err);
    if (st != WEFT_OK) return st;
    struct weft_identity *id = NULL;
    st = controller_ca_serving(ca, "weft-controller", now, &id, err);
    struct controller_ca_life life = {0};
    if (st == WEFT_OK) st = controller_ca_life_read(m->chain, &life, err);
    ca->not_after = life.to;
    ca->root_not_after = life.root_to;
    weft_identity_unref(id);
    return st;
}

static void swap(struct weft_buf *a, struct weft_buf *b) {
    struct weft_buf t = *a;
    *a = *b;
    *b = t;
}

static bool same(const struct controller_ca *ca, const struct controller_ca_material *m) {
    return weft_slice_eq(weft_buf_slice(&ca->key), m->key) &&
           weft_slice_eq(weft_buf_slice(&ca->chain), m->chain) &&
           weft_slice_eq(weft_buf_slice(&ca->more), m->bundle);
}

enum weft_status controller_ca_set(struct controller_ca *ca, const struct controller_ca_material *m,
                                   int64_t now, bool *ret_changed, struct weft_error *err) {
    *ret_changed = false;
    if (controller_ca_ready(ca) && same(ca, m)) return WEFT_OK;
    struct controller_ca *next = ca_alloc(ca->trust_domain, ca->ns, ca->max_ttl_s);
    enum weft_status st = fill(next, m, now, err);
    if (st == WEFT_OK) {
        swap(&ca->key, &next->key);
        swap(&ca->chain, &next->chain);
        swap(&ca->more, &next->more);
        swap(&ca->bundle, &next->bundle);
        ca->not_after = next->not_after;
        ca->root_not_after = next->root_not_after;
        *ret_changed = true;
    }
    controller_ca_free(next);
    return st;
}

enum weft_status controller_ca_new(const struct controller_ca_options *opt, int64_t now,
                                   struct controller_ca **ret, struct weft_error *err) {
    struct controller_ca *ca =
        ca_alloc(opt->trust_domain, opt->ns ? opt->ns : "weft-system", opt->max_ttl_s);
    enum weft_status st = WEFT_OK;
    if (opt->dir || opt->cert_file) st = ca_files_open(ca, opt, now, err);
    if (st != WEFT_OK)
        ca = controller_ca_free(ca);
    else
        *ret = ca;
    return st;
}

/* === signing === */

static struct weft_slice id_of(const struct controller_ca *ca, struct weft_arena *a,
                               struct weft_slice ns, struct weft_slice service_account) {
    return weft_spiffe_format(
        a, &(struct weft_spiffe){.trust_domain = weft_slice_str(ca->trust_domain),
                                 .ns = ns,
                                 .service_account = service_account});
}

enum weft_status controller_ca_sign(const struct controller_ca *ca, struct weft_slice csr_pem,
                                    struct weft_slice ns, struct weft_slice service_account,
                                    uint64_t ttl_s, int64_t now, struct weft_buf *ret_chain_pem,
                                    struct weft_error *err) {
    if (!controller_ca_ready(ca))
        return weft_error_set(err, WEFT_AGAIN, "", "the authority is not ready yet");
    if (ttl_s == 0 || ttl_s > ca->max_ttl_s) ttl_s = ca->max_ttl_s;
    if (ttl_s < MIN_TTL_S) ttl_s = MIN_TTL_S;
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_slice id = id_of(ca, &a, ns, service_account);
    struct weft_spiffe parsed;
    enum weft_status st =
        weft_spiffe_parse(id, &parsed)
            ? weft_pki_sign(weft_buf_slice(&ca->key), weft_buf_slice(&ca->chain), csr_pem, id, NULL,
                            now, (int64_t)ttl_s, ret_chain_pem, err)
            : weft_error_set(err, WEFT_INVALID, "", "namespace or ServiceAccount is not a name");
    weft_arena_done(&a);
    return st;
}

static enum weft_status sign_own(const struct controller_ca *ca, struct weft_slice key,
                                 const char *dns_name, int64_t now, struct weft_buf *chain,
                                 struct weft_error *err) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_slice id = id_of(ca, &a, weft_slice_str(ca->ns), WEFT_SLICE_LIT("weft-controller"));
    const char *const names[] = {dns_name, NULL};
    struct weft_buf csr;
    weft_buf_init(&csr, 0);
    enum weft_status st = weft_pki_csr(key, id, &csr, err);
    if (st == WEFT_OK)
        st = weft_pki_sign(weft_buf_slice(&ca->key), weft_buf_slice(&ca->chain),
                           weft_buf_slice(&csr), id, names, now, SERVING_TTL_S, chain, err);
    weft_buf_done(&csr);
    weft_arena_done(&a);
    return st;
}

enum weft_status controller_ca_serving(const struct controller_ca *ca, const char *dns_name,
                                       int64_t now, struct weft_identity **ret,
                                       struct weft_error *err) {
    if (!controller_ca_ready(ca))
        return weft_error_set(err, WEFT_AGAIN, "", "the authority is not ready yet");
    struct weft_buf key, chain;
    weft_buf_init(&key, 0);
    weft_buf_init(&chain, 0);
    enum weft_status st = weft_pki_key(&key);
    if (st == WEFT_OK) st = sign_own(ca, weft_buf_slice(&key), dns_name, now, &chain, err);
    if (st == WEFT_OK)
        st = weft_identity_new(weft_buf_slice(&key), weft_buf_slice(&chain),
                               weft_buf_slice(&ca->bundle), NULL, 0, now, ret, err);
    if (key.base) explicit_bzero(key.base, key.cap);
    weft_buf_done(&key);
    weft_buf_done(&chain);
    return st;
}

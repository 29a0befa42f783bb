/* SPDX-License-Identifier: Apache-2.0
 * Key, chain, trust bundle and accepted trust domains as one immutable thing. */
#include "pki_internal.h"
#include <weft/base/alloc.h>

struct weft_identity *weft_identity_ref(struct weft_identity *i) {
    if (i) i->refs++;
    return i;
}

struct weft_identity *weft_identity_unref(struct weft_identity *i) {
    if (!i || --i->refs) return NULL;
    EVP_PKEY_free(i->key);
    X509_free(i->leaf);
    sk_X509_pop_free(i->chain, X509_free);
    sk_X509_pop_free(i->bundle, X509_free);
    weft_buf_done(&i->id);
    for (size_t k = 0; k < i->n_domains; k++) free(i->domains[k]);
    free(i->domains);
    free(i);
    return NULL;
}

static void identity_unrefp(struct weft_identity **i) {
    weft_identity_unref(*i);
}

static struct weft_identity *identity_alloc(void) {
    struct weft_identity *i = weft_new0(struct weft_identity);
    i->refs = 1;
    return i;
}

static void set_domains(struct weft_identity *i, const struct weft_slice *domains, size_t n) {
    struct weft_slice own;
    if (n == 0 && pki_spiffe_domain(weft_buf_slice(&i->id), &own)) {
        domains = &own;
        n = 1;
    }
    i->domains = weft_alloc0((n + 1) * sizeof *i->domains);
    i->n_domains = n;
    for (size_t k = 0; k < n; k++) i->domains[k] = weft_slice_dup(domains[k]);
}

static enum weft_status read_chain(struct weft_identity *i, struct weft_slice pem,
                                   struct weft_error *err) {
    i->chain = pki_read_certs(pem);
    if (!i->chain) return pki_error(err, WEFT_INVALID, "certificate", "cannot be read as PEM");
    i->leaf = sk_X509_shift(i->chain);
    i->not_before = pki_time(X509_get0_notBefore(i->leaf));
    i->not_after = pki_time(X509_get0_notAfter(i->leaf));
    if (pki_leaf_id(i->leaf, &i->id) != WEFT_OK)
        return weft_error_set(err, WEFT_INVALID, "certificate",
                              "must be a leaf with exactly one URI name, a SPIFFE ID");
    return WEFT_OK;
}

static void note_roots(struct weft_identity *i, X509_STORE_CTX *c) {
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(c);
    X509 *top = sk_X509_value(chain, sk_X509_num(chain) - 1);
    (void)X509_digest(top, EVP_sha256(), i->root_sha256, NULL);
    pki_bundle_sha256(i->bundle, i->bundle_sha256);
}

static enum weft_status check_chain(struct weft_identity *i, int64_t now, struct weft_error *err) {
    if (now < i->not_before || now >= i->not_after)
        return weft_error_set(err, WEFT_INVALID, "certificate", "is %s",
                              now < i->not_before ? "not valid yet" : "expired");
    X509_STORE *store = pki_store(i->bundle);
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    X509_STORE_CTX_init(c, store, i->leaf, i->chain);
    X509_STORE_CTX_set_time(c, 0, (time_t)now);
    bool ok = X509_verify_cert(c) == 1;
    if (ok) note_roots(i, c);
    const char *why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(c));
    X509_STORE_CTX_free(c);
    X509_STORE_free(store);
    ERR_clear_error();
    if (ok) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, "certificate",
                          "does not chain to the trust bundle: %s", why);
}

enum weft_status weft_identity_new(struct weft_slice key_pem, struct weft_slice chain_pem,
                                   struct weft_slice bundle_pem, const struct weft_slice *domains,
                                   size_t n_domains, int64_t now, struct weft_identity **ret,
                                   struct weft_error *err) {
    WEFT_CLEANUP(identity_unrefp) struct weft_identity *i = identity_alloc();
    i->key = pki_read_key(key_pem);
    if (!i->key) return pki_error(err, WEFT_INVALID, "key", "cannot be read as PEM");
    enum weft_status st = read_chain(i, chain_pem, err);
    if (st != WEFT_OK) return st;
    i->bundle = pki_read_certs(bundle_pem);
    if (!i->bundle) return pki_error(err, WEFT_INVALID, "trust bundle", "cannot be read as PEM");
    if (X509_check_private_key(i->leaf, i->key) != 1)
        return pki_error(err, WEFT_INVALID, "key", "does not belong to the certificate");
    st = check_chain(i, now, err);
    if (st != WEFT_OK) return st;
    set_domains(i, domains, n_domains);
    *ret = weft_take(&i);
    return WEFT_OK;
}

enum weft_status weft_identity_trust_only(struct weft_slice bundle_pem, struct weft_identity **ret,
                                          struct weft_error *err) {
    WEFT_CLEANUP(identity_unrefp) struct weft_identity *i = identity_alloc();
    i->bundle = pki_read_certs(bundle_pem);
    if (!i->bundle) return pki_error(err, WEFT_INVALID, "trust bundle", "cannot be read as PEM");
    *ret = weft_take(&i);
    return WEFT_OK;
}

struct weft_slice weft_identity_spiffe_id(const struct weft_identity *i) {
    return weft_buf_slice(&i->id);
}
int64_t weft_identity_not_before(const struct weft_identity *i) {
    return i->not_before;
}
int64_t weft_identity_not_after(const struct weft_identity *i) {
    return i->not_after;
}
const unsigned char *weft_identity_root(const struct weft_identity *i) {
    return i->root_sha256;
}
const unsigned char *weft_identity_bundle(const struct weft_identity *i) {
    return i->bundle_sha256;
}

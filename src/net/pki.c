/* SPDX-License-Identifier: Apache-2.0
 * A small certificate authority: roots, issuers below them and leaves (SPIFFE X509-SVID; RFC
 * 5280). */
#include "pki_internal.h"
#include <weft/base/alloc.h>

#include <stdio.h>

enum { SERIAL_BITS = 127, CLOCK_SKEW_S = 60, MAX_COMMON_NAME = 64 };

/* Critical, as RFC 5280 4.2.1.6 asks for when the subject is empty. */
static bool add_names(X509 *c, struct weft_slice uri, const char *const *dns) {
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool ok = pki_add_name(names, GEN_URI, uri);
    for (; ok && dns && *dns; dns++) ok = pki_add_name(names, GEN_DNS, weft_slice_str(*dns));
    bool critical = X509_NAME_entry_count(X509_get_subject_name(c)) == 0;
    ok = ok && X509_add1_ext_i2d(c, NID_subject_alt_name, names, critical, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(names);
    return ok;
}

/* `value` is a literal of this file, or made of one and a trust domain. */
static bool add_ext(X509 *c, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e && X509_add_ext(c, e, -1);
    X509_EXTENSION_free(e);
    return ok;
}

static bool set_serial(X509 *c) {
    BIGNUM *n = BN_new();
    bool ok = BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
              BN_to_ASN1_INTEGER(n, X509_get_serialNumber(c));
    BN_free(n);
    return ok;
}

static X509 *new_cert(EVP_PKEY *public_key, int64_t from, int64_t to) {
    X509 *c = X509_new();
    bool ok = X509_set_version(c, X509_VERSION_3) && set_serial(c) &&
              ASN1_TIME_set(X509_getm_notBefore(c), (time_t)from) &&
              ASN1_TIME_set(X509_getm_notAfter(c), (time_t)to) && X509_set_pubkey(c, public_key);
    if (ok) return c;
    X509_free(c);
    return NULL;
}

/* The digest that goes with a CA's key; EdDSA has its own. */
static const EVP_MD *digest_of(EVP_PKEY *key) {
    return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : EVP_sha256();
}

static bool set_name(X509 *c, const char *what, struct weft_slice trust_domain) {
    char cn[MAX_COMMON_NAME + 1];
    snprintf(cn, sizeof cn, "weft %s " WEFT_SLICE_FMT, what, WEFT_SLICE_ARG(trust_domain));
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                      (const unsigned char *)cn, -1, -1, 0);
}

/* That of an authority: the SPIFFE ID of the trust domain itself (X509-SVID section 4.1). */
static enum weft_status uri_of(struct weft_slice trust_domain, char **ret, struct weft_error *err) {
    WEFT_FREE char *probe =
        weft_asprintf("spiffe://" WEFT_SLICE_FMT "/x", WEFT_SLICE_ARG(trust_domain));
    struct weft_slice domain;
    if (!pki_spiffe_domain(weft_slice_str(probe), &domain) || domain.len != trust_domain.len)
        return weft_error_set(err, WEFT_INVALID, "trust domain",
                              "may hold a-z, 0-9, '.', '-' and '_' only");
    *ret = weft_asprintf("spiffe://" WEFT_SLICE_FMT, WEFT_SLICE_ARG(trust_domain));
    return WEFT_OK;
}

enum weft_status weft_pki_root(struct weft_slice key_pem, struct weft_slice trust_domain,
                               int64_t now, int64_t ttl_s, struct weft_buf *ret_cert_pem,
                               struct weft_error *err) {
    WEFT_FREE char *uri = NULL;
    enum weft_status st = uri_of(trust_domain, &uri, err);
    if (st != WEFT_OK) return st;
    EVP_PKEY *key = pki_read_key(key_pem);
    if (!key) return pki_error(err, WEFT_INVALID, "key", "cannot be read as PEM");
    X509 *c = new_cert(key, now - CLOCK_SKEW_S, now + ttl_s);
    bool ok = c && set_name(c, "root", trust_domain) &&
              X509_set_issuer_name(c, X509_get_subject_name(c)) &&
              add_ext(c, c, NID_basic_constraints, "critical,CA:TRUE") &&
              add_ext(c, c, NID_key_usage, "critical,keyCertSign,cRLSign") &&
              add_ext(c, c, NID_subject_key_identifier, "hash") &&
              add_names(c, weft_slice_str(uri), NULL) && X509_sign(c, key, digest_of(key)) > 0;
    st = ok ? pki_write_cert(ret_cert_pem, c)
            : pki_error(err, WEFT_INTERNAL, "root", "cannot be made");
    X509_free(c);
    EVP_PKEY_free(key);
    return st;
}

/* ---- signing ---- */

struct signing {
    EVP_PKEY *ca_key, *subject_key;
    STACK_OF(X509) * ca_chain;
    X509_REQ *csr;
    X509 *leaf;
};

static void signing_done(struct signing *s) {
    EVP_PKEY_free(s->ca_key);
    sk_X509_pop_free(s->ca_chain, X509_free);
    X509_REQ_free(s->csr);
    X509_free(s->leaf);
    ERR_clear_error();
}

static enum weft_status load_ca(struct signing *s, struct weft_slice key_pem,
                                struct weft_slice chain_pem, int64_t now, struct weft_error *err) {
    s->ca_key = pki_read_key(key_pem);
    if (!s->ca_key) return pki_error(err, WEFT_INTERNAL, "CA key", "cannot be read as PEM");
    s->ca_chain = pki_read_certs(chain_pem);
    if (!s->ca_chain)
        return pki_error(err, WEFT_INTERNAL, "CA certificate", "cannot be read as PEM");
    X509 *ca = sk_X509_value(s->ca_chain, 0);
    if (X509_check_private_key(ca, s->ca_key) != 1)
        return pki_error(err, WEFT_INTERNAL, "CA key", "does not belong to the CA certificate");
    if (!X509_check_ca(ca))
        return weft_error_set(err, WEFT_INTERNAL, "CA certificate", "is not that of a CA");
    if (now >= pki_time(X509_get0_notAfter(ca)))
        return weft_error_set(err, WEFT_INTERNAL, "CA certificate", "expired");
    return WEFT_OK;
}

static enum weft_status load_csr(struct signing *s, struct weft_slice pem, struct weft_error *err) {
    BIO *b = pem.len > INT32_MAX ? NULL : BIO_new_mem_buf(pem.base ? pem.base : "", (int)pem.len);
    s->csr = b ? PEM_read_bio_X509_REQ(b, NULL, NULL, NULL) : NULL;
    BIO_free(b);
    if (!s->csr) return pki_error(err, WEFT_INVALID, "request", "cannot be read as PEM");
    s->subject_key = X509_REQ_get0_pubkey(s->csr);
    if (!s->subject_key || X509_REQ_verify(s->csr, s->subject_key) != 1)
        return pki_error(err, WEFT_INVALID, "request", "its signature does not verify");
    if (EVP_PKEY_get_security_bits(s->subject_key) < 112)
        return weft_error_set(err, WEFT_INVALID, "request", "the key is too weak");
    return WEFT_OK;
}

/* A short life would end sooner by it: the holder renews at two thirds of what stands in it. */
static int64_t skew_for(int64_t ttl_s) {
    return ttl_s / 4 < CLOCK_SKEW_S ? ttl_s / 4 : CLOCK_SKEW_S;
}

static int64_t end_of(const struct signing *s, int64_t end) {
    int64_t ca_end = pki_time(X509_get0_notAfter(sk_X509_value(s->ca_chain, 0)));
    return end < ca_end ? end : ca_end;
}

static bool make_leaf(struct signing *s, struct weft_slice spiffe_id, const char *const *dns,
                      int64_t now, int64_t ttl_s) {
    X509 *ca = sk_X509_value(s->ca_chain, 0);
    s->leaf = new_cert(s->subject_key, now - skew_for(ttl_s), end_of(s, now + ttl_s));
    X509 *c = s->leaf;
    return c && X509_set_issuer_name(c, X509_get_subject_name(ca)) &&
           add_ext(c, ca, NID_basic_constraints, "critical,CA:FALSE") &&
           add_ext(c, ca, NID_key_usage, "critical,digitalSignature") &&
           add_ext(c, ca, NID_ext_key_usage, "serverAuth,clientAuth") &&
           add_ext(c, ca, NID_authority_key_identifier, "keyid") && add_names(c, spiffe_id, dns) &&
           X509_sign(c, s->ca_key, digest_of(s->ca_key)) > 0;
}

/* The leaf and the intermediates; roots are with whoever trusts them. */
static enum weft_status write_chain(const struct signing *s, struct weft_buf *ret) {
    enum weft_status st = pki_write_cert(ret, s->leaf);
    for (int i = 0; st == WEFT_OK && i < sk_X509_num(s->ca_chain); i++) {
        X509 *c = sk_X509_value(s->ca_chain, i);
        if (!(X509_get_extension_flags(c) & EXFLAG_SS)) st = pki_write_cert(ret, c);
    }
    return st;
}

enum weft_status weft_pki_sign(struct weft_slice ca_key_pem, struct weft_slice ca_chain_pem,
                               struct weft_slice csr_pem, struct weft_slice spiffe_id,
                               const char *const *dns_names, int64_t now, int64_t ttl_s,
                               struct weft_buf *ret_chain_pem, struct weft_error *err) {
    if (!pki_spiffe_domain(spiffe_id, NULL))
        return weft_error_set(err, WEFT_INVALID, "SPIFFE ID", "\"" WEFT_SLICE_FMT "\" is none",
                              WEFT_SLICE_ARG(weft_slice_head(spiffe_id, 256)));
    WEFT_CLEANUP(signing_done) struct signing s = {0};
    enum weft_status st = load_ca(&s, ca_key_pem, ca_chain_pem, now, err);
    if (st == WEFT_OK) st = load_csr(&s, csr_pem, err);
    if (st != WEFT_OK) return st;
    if (!make_leaf(&s, spiffe_id, dns_names, now, ttl_s))
        return pki_error(err, WEFT_INTERNAL, "certificate", "cannot be signed");
    return write_chain(&s, ret_chain_pem);
}

/* ---- an issuer below a root ---- */

/* It signs leaves only (pathlen 0), for this trust domain only (RFC 5280 4.2.1.10: the host of a
 * URI), and its key can do nothing else. */
static bool make_issuer(struct signing *s, struct weft_slice trust_domain, const char *uri,
                        int64_t now, int64_t ttl_s) {
    X509 *ca = sk_X509_value(s->ca_chain, 0);
    WEFT_FREE char *limits =
        weft_asprintf("critical,permitted;URI:" WEFT_SLICE_FMT, WEFT_SLICE_ARG(trust_domain));
    X509 *c = s->leaf = new_cert(s->subject_key, now - skew_for(ttl_s), end_of(s, now + ttl_s));
    return c && set_name(c, "issuer", trust_domain) &&
           X509_set_issuer_name(c, X509_get_subject_name(ca)) &&
           add_ext(c, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_ext(c, ca, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_ext(c, ca, NID_name_constraints, limits) &&
           add_ext(c, ca, NID_subject_key_identifier, "hash") &&
           add_ext(c, ca, NID_authority_key_identifier, "keyid") &&
           add_names(c, weft_slice_str(uri), NULL) &&
           X509_sign(c, s->ca_key, digest_of(s->ca_key)) > 0;
}

static enum weft_status write_whole_chain(const struct signing *s, struct weft_buf *ret) {
    enum weft_status st = pki_write_cert(ret, s->leaf);
    for (int i = 0; st == WEFT_OK && i < sk_X509_num(s->ca_chain); i++)
        st = pki_write_cert(ret, sk_X509_value(s->ca_chain, i));
    return st;
}

enum weft_status weft_pki_issuer(struct weft_slice ca_key_pem, struct weft_slice ca_chain_pem,
                                 struct weft_slice key_pem, struct weft_slice trust_domain,
                                 int64_t now, int64_t ttl_s, struct weft_buf *ret_chain_pem,
                                 struct weft_error *err) {
    WEFT_FREE char *uri = NULL;
    WEFT_CLEANUP(signing_done) struct signing s = {0};
    enum weft_status st = uri_of(trust_domain, &uri, err);
    if (st == WEFT_OK) st = load_ca(&s, ca_key_pem, ca_chain_pem, now, err);
    if (st != WEFT_OK) return st;
    if (X509_get_pathlen(sk_X509_value(s.ca_chain, 0)) == 0)
        return weft_error_set(err, WEFT_INVALID, "CA certificate",
                              "may have no issuer below it (pathlen 0)");
    EVP_PKEY *key = pki_read_key(key_pem);
    if (!key) return pki_error(err, WEFT_INVALID, "key", "cannot be read as PEM");
    s.subject_key = key;
    bool ok = make_issuer(&s, trust_domain, uri, now, ttl_s);
    st = ok ? write_whole_chain(&s, ret_chain_pem)
            : pki_error(err, WEFT_INTERNAL, "issuer", "cannot be made");
    EVP_PKEY_free(key);
    return st;
}

bool weft_pki_equal(struct weft_slice a, struct weft_slice b) {
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.base, b.base, a.len) == 0);
}

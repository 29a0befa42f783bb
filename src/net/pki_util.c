/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing PEM, and what a certificate says. */
#include "pki_internal.h"
#include <weft/base/alloc.h>

#include <string.h>
#include <time.h>

enum { MAX_SPIFFE_ID = 2048 }; /* SPIFFE-ID section 2.3 */

static bool domain_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}
static bool path_char(char c) {
    return domain_char(c) || (c >= 'A' && c <= 'Z') || c == '/';
}

bool pki_spiffe_domain(struct weft_slice id, struct weft_slice *ret_domain) {
    static const struct weft_slice scheme = WEFT_SLICE_LIT("spiffe://");
    if (id.len > MAX_SPIFFE_ID || !weft_slice_starts(id, scheme)) return false;
    struct weft_slice path = weft_slice_from(id, scheme.len);
    struct weft_slice domain = weft_slice_cut(&path, '/');
    if (!domain.len || !path.len) return false;
    for (size_t i = 0; i < domain.len; i++)
        if (!domain_char(domain.base[i])) return false;
    for (size_t i = 0; i < path.len; i++)
        if (!path_char(path.base[i])) return false;
    if (ret_domain) *ret_domain = domain;
    return true;
}

enum weft_status pki_leaf_id(X509 *leaf, struct weft_buf *ret_id) {
    weft_buf_clear(ret_id);
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    enum weft_status st = names ? WEFT_OK : WEFT_NOT_FOUND;
    int uris = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        if (n->type != GEN_URI) continue;
        const ASN1_IA5STRING *uri = n->d.uniformResourceIdentifier;
        struct weft_slice s =
            weft_slice((const char *)ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
        if (++uris > 1 || !pki_spiffe_domain(s, NULL))
            st = WEFT_IDENTITY;
        else
            (void)weft_buf_append(ret_id, s);
    }
    GENERAL_NAMES_free(names);
    if (st == WEFT_OK && !uris) st = WEFT_NOT_FOUND;
    if (st == WEFT_OK && X509_check_ca(leaf)) st = WEFT_IDENTITY;
    if (st != WEFT_OK) weft_buf_clear(ret_id);
    return st;
}

bool pki_add_name(GENERAL_NAMES *names, int type, struct weft_slice s) {
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    GENERAL_NAME *n = GENERAL_NAME_new();
    bool ok = s.len <= INT32_MAX && ASN1_STRING_set(text, s.base, (int)s.len);
    GENERAL_NAME_set0_value(n, type, text);
    return sk_GENERAL_NAME_push(names, n) > 0 && ok;
}

int64_t pki_time(const ASN1_TIME *t) {
    struct tm tm;
    return t && ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

static BIO *bio_of(struct weft_slice pem) {
    return pem.len > INT32_MAX ? NULL : BIO_new_mem_buf(pem.base ? pem.base : "", (int)pem.len);
}

/* Never ask on a terminal. */
static int no_password(char *buf, int size, int rwflag, void *u) {
    return -1;
}

EVP_PKEY *pki_read_key(struct weft_slice pem) {
    BIO *b = bio_of(pem);
    EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_password, NULL) : NULL;
    BIO_free(b);
    return key;
}

STACK_OF(X509) * pki_read_certs(struct weft_slice pem) {
    BIO *b = bio_of(pem);
    STACK_OF(X509) *certs = sk_X509_new_null();
    for (X509 *c; b && (c = PEM_read_bio_X509(b, NULL, no_password, NULL));) sk_X509_push(certs, c);
    /* The end is told as "no start line"; anything else is a broken certificate. */
    unsigned long e = ERR_peek_last_error();
    bool ended = ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
    BIO_free(b);
    if (ended && sk_X509_num(certs) > 0) {
        ERR_clear_error();
        return certs;
    }
    sk_X509_pop_free(certs, X509_free);
    return NULL;
}

enum weft_status pki_bio_out(struct weft_buf *out, BIO *mem) {
    char *p;
    long n = BIO_get_mem_data(mem, &p);
    return weft_buf_append(out, weft_slice(p, n > 0 ? (size_t)n : 0));
}

enum weft_status pki_write_cert(struct weft_buf *out, X509 *c) {
    BIO *b = BIO_new(BIO_s_mem());
    enum weft_status st = PEM_write_bio_X509(b, c) ? pki_bio_out(out, b) : WEFT_INTERNAL;
    BIO_free(b);
    return st;
}

X509_STORE *pki_store(STACK_OF(X509) * bundle) {
    X509_STORE *store = X509_STORE_new();
    for (int i = 0; i < sk_X509_num(bundle); i++)
        X509_STORE_add_cert(store, sk_X509_value(bundle, i));
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    ERR_clear_error();
    return store;
}

enum weft_status pki_error(struct weft_error *err, enum weft_status st, const char *path,
                           const char *what) {
    unsigned long e = ERR_peek_last_error();
    const char *reason = e ? ERR_reason_error_string(e) : NULL;
    ERR_clear_error();
    return weft_error_set(err, st, path, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
}

enum weft_status weft_pki_cert_info(struct weft_slice cert_pem, struct weft_buf *ret_spiffe_id,
                                    int64_t *ret_not_before, int64_t *ret_not_after,
                                    struct weft_error *err) {
    STACK_OF(X509) *certs = pki_read_certs(cert_pem);
    if (!certs) return pki_error(err, WEFT_INVALID, "certificate", "cannot be read as PEM");
    X509 *c = sk_X509_value(certs, 0);
    enum weft_status st = WEFT_OK;
    if (ret_spiffe_id) (void)pki_leaf_id(c, ret_spiffe_id);
    if (ret_not_before) *ret_not_before = pki_time(X509_get0_notBefore(c));
    if (ret_not_after) *ret_not_after = pki_time(X509_get0_notAfter(c));
    sk_X509_pop_free(certs, X509_free);
    return st;
}

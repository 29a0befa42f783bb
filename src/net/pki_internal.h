/* SPDX-License-Identifier: Apache-2.0
 * OpenSSL helpers of this layer: PEM, names, times, errors. */
#pragma once
#include <weft/net/tls.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct weft_identity {
    _Atomic int refs;
    EVP_PKEY *key; /* NULL: trust only */
    X509 *leaf;
    STACK_OF(X509) * chain; /* intermediates, after the leaf */
    STACK_OF(X509) * bundle;
    struct weft_buf id;
    char **domains;
    size_t n_domains;
    int64_t not_before, not_after;
    unsigned char root_sha256[32], bundle_sha256[32];
};

/* "spiffe://<domain>/<path>" with the characters that SPIFFE allows; `ret_domain` may be NULL. */
bool pki_spiffe_domain(struct weft_slice id, struct weft_slice *ret_domain);
/* The one SPIFFE ID of a leaf. NOT_FOUND: no URI name; IDENTITY: more than one, not a SPIFFE ID, or
 * a CA certificate (SPIFFE X509-SVID, sections 2, 3.1 and 4.1). */
enum weft_status pki_leaf_id(X509 *leaf, struct weft_buf *ret_id);
/* Appends a name of type GEN_URI or GEN_DNS. */
bool pki_add_name(GENERAL_NAMES *names, int type, struct weft_slice s);
int64_t pki_time(const ASN1_TIME *t); /* Unix seconds */

/* NULL when there is none in the PEM. The caller frees. */
EVP_PKEY *pki_read_key(struct weft_slice pem);
/* All certificates in the PEM, at least one, or NULL. */
STACK_OF(X509) * pki_read_certs(struct weft_slice pem);
enum weft_status pki_write_cert(struct weft_buf *out, X509 *c);
enum weft_status pki_bio_out(struct weft_buf *out, BIO *mem);

/* SHA-256 of these certificates as weft_pki_bundle would write them. */
void pki_bundle_sha256(STACK_OF(X509) * bundle, unsigned char ret[32]);
/* A store that trusts exactly these certificates, roots or not. */
X509_STORE *pki_store(STACK_OF(X509) * bundle);
/* Fills err with `what` and OpenSSL's reason. */
enum weft_status pki_error(struct weft_error *err, enum weft_status st, const char *path,
                           const char *what);

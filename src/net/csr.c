/* SPDX-License-Identifier: Apache-2.0
 * Keys and certificate signing requests: the workload's side of the PKI. */
#include "pki_internal.h"
#include <weft/base/alloc.h>

enum weft_status weft_pki_key(struct weft_buf *ret_key_pem) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *b = BIO_new(BIO_s_secmem());
    enum weft_status st = WEFT_INTERNAL;
    if (key && PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL))
        st = pki_bio_out(ret_key_pem, b);
    BIO_free(b);
    EVP_PKEY_free(key);
    return st;
}

static bool add_uri_request(X509_REQ *req, struct weft_slice spiffe_id) {
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    STACK_OF(X509_EXTENSION) *exts = NULL;
    bool ok = pki_add_name(names, GEN_URI, spiffe_id) &&
              X509V3_add1_i2d(&exts, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1 &&
              X509_REQ_add_extensions(req, exts);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    GENERAL_NAMES_free(names);
    return ok;
}

enum weft_status weft_pki_csr(struct weft_slice key_pem, struct weft_slice spiffe_id,
                              struct weft_buf *ret_csr_pem, struct weft_error *err) {
    if (!pki_spiffe_domain(spiffe_id, NULL))
        return weft_error_set(err, WEFT_INVALID, "SPIFFE ID", "\"" WEFT_SLICE_FMT "\" is none",
                              WEFT_SLICE_ARG(weft_slice_head(spiffe_id, 256)));
    EVP_PKEY *key = pki_read_key(key_pem);
    if (!key) return pki_error(err, WEFT_INVALID, "key", "cannot be read as PEM");
    X509_REQ *req = X509_REQ_new();
    BIO *b = BIO_new(BIO_s_mem());
    bool ok = X509_REQ_set_version(req, X509_REQ_VERSION_1) && X509_REQ_set_pubkey(req, key) &&
              add_uri_request(req, spiffe_id) && X509_REQ_sign(req, key, EVP_sha256()) > 0 &&
              PEM_write_bio_X509_REQ(b, req);
    enum weft_status st = ok ? pki_bio_out(ret_csr_pem, b)
                             : pki_error(err, WEFT_INTERNAL, "request", "cannot be made");
    BIO_free(b);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
    return st;
}

/* SPDX-License-Identifier: Apache-2.0
 * Trust bundles: one text for one set of roots, whatever order they were given in, so that its hash
 * can be a version. */
#include "pki_internal.h"
#include <weft/base/alloc.h>

#include <openssl/sha.h>
#include <string.h>

void weft_pki_sha256(struct weft_slice s, unsigned char ret[32]) {
    SHA256((const unsigned char *)(s.base ? s.base : ""), s.len, ret);
}

static int by_content(const X509 *const *a, const X509 *const *b) {
    return X509_cmp(*a, *b);
}

static void certs_free(STACK_OF(X509) * *s) {
    sk_X509_pop_free(*s, X509_free);
}

static bool is_blank(struct weft_slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!strchr(" \t\r\n", s.base[i])) return false;
    return true;
}

static enum weft_status write_sorted(STACK_OF(X509) * all, struct weft_buf *ret) {
    (void)sk_X509_set_cmp_func(all, by_content);
    sk_X509_sort(all);
    enum weft_status st = WEFT_OK;
    for (int i = 0; st == WEFT_OK && i < sk_X509_num(all); i++)
        if (i == 0 || X509_cmp(sk_X509_value(all, i - 1), sk_X509_value(all, i)) != 0)
            st = pki_write_cert(ret, sk_X509_value(all, i));
    return st;
}

enum weft_status weft_pki_bundle(struct weft_slice chain_pem, struct weft_slice more_pem,
                                 struct weft_buf *ret_pem, struct weft_error *err) {
    WEFT_CLEANUP(certs_free) STACK_OF(X509) *chain = pki_read_certs(chain_pem);
    WEFT_CLEANUP(certs_free) STACK_OF(X509) *all = NULL;
    if (!chain) return pki_error(err, WEFT_INVALID, "CA certificate", "cannot be read as PEM");
    all = is_blank(more_pem) ? sk_X509_new_null() : pki_read_certs(more_pem);
    if (!all) return pki_error(err, WEFT_INVALID, "trust bundle", "cannot be read as PEM");
    sk_X509_push(all, sk_X509_pop(chain));
    return write_sorted(all, ret_pem);
}

void pki_bundle_sha256(STACK_OF(X509) * bundle, unsigned char ret[32]) {
    STACK_OF(X509) *copy = sk_X509_dup(bundle); /* the certificates stay the bundle's */
    struct weft_buf text;
    weft_buf_init(&text, 0);
    (void)write_sorted(copy, &text);
    weft_pki_sha256(weft_buf_slice(&text), ret);
    weft_buf_done(&text);
    sk_X509_free(copy);
}

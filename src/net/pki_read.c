/* SPDX-License-Identifier: Apache-2.0
 * What stands in certificates, for those who show or compare them. */
#include "pki_internal.h"
#include <weft/base/alloc.h>

#include <stdio.h>

static void describe(X509 *c, struct weft_pki_cert *ret) {
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(c), NID_commonName, ret->name,
                                    sizeof ret->name);
    ret->not_before = pki_time(X509_get0_notBefore(c));
    ret->not_after = pki_time(X509_get0_notAfter(c));
    ret->self_signed = (X509_get_extension_flags(c) & EXFLAG_SS) != 0;
    (void)X509_digest(c, EVP_sha256(), ret->sha256, NULL);
}

enum weft_status weft_pki_read(struct weft_slice pem, struct weft_pki_cert **ret, size_t *ret_n,
                               struct weft_error *err) {
    STACK_OF(X509) *certs = pki_read_certs(pem);
    if (!certs) return pki_error(err, WEFT_INVALID, "certificate", "cannot be read as PEM");
    *ret_n = (size_t)sk_X509_num(certs);
    *ret = weft_alloc0(*ret_n * sizeof **ret);
    for (size_t i = 0; i < *ret_n; i++) describe(sk_X509_value(certs, (int)i), &(*ret)[i]);
    sk_X509_pop_free(certs, X509_free);
    ERR_clear_error();
    return WEFT_OK;
}

void weft_pki_hex(const unsigned char sha256[32], char ret[65]) {
    for (int i = 0; i < 32; i++) snprintf(ret + 2 * i, 3, "%02x", sha256[i]);
}

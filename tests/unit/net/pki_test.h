/* SPDX-License-Identifier: Apache-2.0
 * A certificate authority and leaves for tests. */
#pragma once
#include "net_test.h"
#include <weft/base/clock.h>
#include <weft/net/tls.h>

#define ID_A "spiffe://cluster.local/ns/shop/sa/web"
#define ID_B "spiffe://cluster.local/ns/shop/sa/reviews"
#define DAY  ((int64_t)86400)
#define NOW  ((int64_t)(weft_clock_unix_us() / 1000000 / 86400 * 86400)) /* today's beginning */

struct ca {
    struct weft_buf key, cert;
};
static inline void ca_make(struct ca *ca, const char *domain, int64_t now, int64_t ttl) {
    *ca = (struct ca){0};
    assert_int_equal(weft_pki_key(&ca->key), WEFT_OK);
    assert_int_equal(
        weft_pki_root(weft_buf_slice(&ca->key), weft_slice_str(domain), now, ttl, &ca->cert, NULL),
        WEFT_OK);
}
static inline void ca_done(struct ca *ca) {
    weft_buf_done(&ca->key);
    weft_buf_done(&ca->cert);
}
static inline void leaf_make(const struct ca *ca, const char *id, int64_t now, int64_t ttl,
                             struct weft_buf *ret_key, struct weft_buf *ret_chain) {
    struct weft_buf csr = {0};
    assert_int_equal(weft_pki_key(ret_key), WEFT_OK);
    assert_int_equal(weft_pki_csr(weft_buf_slice(ret_key), weft_slice_str(id), &csr, NULL),
                     WEFT_OK);
    assert_int_equal(weft_pki_sign(weft_buf_slice(&ca->key), weft_buf_slice(&ca->cert),
                                   weft_buf_slice(&csr), weft_slice_str(id), NULL, now, ttl,
                                   ret_chain, NULL),
                     WEFT_OK);
    weft_buf_done(&csr);
}
/* Valid at `now`, which may be long past. */
static inline struct weft_identity *identity_make(const struct ca *ca, const struct ca *trust,
                                                  const char *id, int64_t now) {
    struct weft_buf key = {0}, chain = {0}, bundle = {0};
    leaf_make(ca, id, now, DAY * 2, &key, &chain);
    (void)weft_buf_append(&bundle, weft_buf_slice(&trust->cert));
    if (ca != trust) (void)weft_buf_append(&bundle, weft_buf_slice(&ca->cert));
    struct weft_identity *i;
    struct weft_error err = {0};
    if (weft_identity_new(weft_buf_slice(&key), weft_buf_slice(&chain), weft_buf_slice(&bundle),
                          NULL, 0, now, &i, &err) != WEFT_OK)
        fail_msg("%s %s", err.path, err.message);
    weft_buf_done(&key);
    weft_buf_done(&chain);
    weft_buf_done(&bundle);
    return i;
}

/* SPDX-License-Identifier: Apache-2.0
 * The certificate authority: a root made once in a folder, or a given one (root or intermediate),
 * and the rule that an identity comes from who asks, never from what the request says. */
#pragma once
#include <weft/net/tls.h>

struct controller_ca;
struct controller_ca_options {
    const char *dir;                  /* root.pem and root.key are kept or made here, 0700/0600 */
    const char *cert_file, *key_file; /* given instead of dir: chain up to a root, and its key */
    const char *trust_domain;
    uint64_t max_ttl_s; /* longest workload certificate; also what a request without one gets */
};
enum weft_status controller_ca_new(const struct controller_ca_options *opt, int64_t now,
                                   struct controller_ca **ret, struct weft_error *err);
struct controller_ca *controller_ca_free(struct controller_ca *ca);
struct weft_slice controller_ca_bundle(const struct controller_ca *ca); /* PEM for verifiers */
const char *controller_ca_trust_domain(const struct controller_ca *ca);

/* Signs the CSR's key for spiffe://<trust domain>/ns/NS/sa/SA. `ttl_s` 0: the maximum, which also
 * caps it; never shorter than a minute. */
enum weft_status controller_ca_sign(const struct controller_ca *ca, struct weft_slice csr_pem,
                                    struct weft_slice ns, struct weft_slice service_account,
                                    uint64_t ttl_s, int64_t now, struct weft_buf *ret_chain_pem,
                                    struct weft_error *err);
/* The controller's own identity: spiffe://TD/ns/weft-system/sa/weft-controller, and `dns_name`. */
enum weft_status controller_ca_serving(const struct controller_ca *ca, const char *dns_name,
                                       int64_t now, struct weft_identity **ret,
                                       struct weft_error *err);

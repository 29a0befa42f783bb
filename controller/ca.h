/* SPDX-License-Identifier: Apache-2.0
 * The certificate authority: what it signs with and whom the mesh trusts, both replaceable while it
 * serves, and the rule that an identity comes from who asks, never from what the request says. */
#pragma once
#include <weft/net/tls.h>

struct controller_ca;
struct controller_ca_options {
    const char *dir;                  /* root.pem and root.key are kept or made here, 0700/0600;
                                         bundle.pem: more roots to trust */
    const char *cert_file, *key_file; /* given instead of dir: chain up to a root, and its key */
    const char *bundle_file;          /* more roots to trust, with cert_file; may be NULL */
    const char *trust_domain;
    const char *ns;     /* the controller's own namespace; NULL: weft-system */
    uint64_t max_ttl_s; /* longest workload certificate; also what a request without one gets */
};
/* Neither dir nor cert_file: nothing is signed before the first controller_ca_set. */
enum weft_status controller_ca_new(const struct controller_ca_options *opt, int64_t now,
                                   struct controller_ca **ret, struct weft_error *err);
struct controller_ca *controller_ca_free(struct controller_ca *ca);

struct controller_ca_material {   /* PEM */
    struct weft_slice key, chain; /* chain: issuer first, root last */
    struct weft_slice bundle;     /* more roots to trust; may be empty */
};
/* Copies. What cannot sign (which is tried out) or does not belong together is refused, and what
 * was in force stays. *ret_changed: something else is in force now. */
enum weft_status controller_ca_set(struct controller_ca *ca, const struct controller_ca_material *m,
                                   int64_t now, bool *ret_changed, struct weft_error *err);
/* The same from the files, when one of them is another than when it was last read. Files are
 * replaced one after the other: what does not fit together is an error, and looked at again when
 * the next one changes. */
enum weft_status controller_ca_reload(struct controller_ca *ca, int64_t now, bool *ret_changed,
                                      struct weft_error *err);

/* A fresh key and self-signed root for ten years. */
enum weft_status controller_ca_make_root(const char *trust_domain, int64_t now,
                                         struct weft_buf *ret_key, struct weft_buf *ret_cert,
                                         struct weft_error *err);

bool controller_ca_ready(const struct controller_ca *ca);
/* PEM for verifiers: the root it signs under, and the other ones; sorted, none twice. */
struct weft_slice controller_ca_bundle(const struct controller_ca *ca);
const char *controller_ca_trust_domain(const struct controller_ca *ca);
int64_t controller_ca_not_after(const struct controller_ca *ca); /* of the issuer; Unix seconds */
int64_t controller_ca_root_not_after(const struct controller_ca *ca); /* of the root above it */

/* Signs the CSR's key for spiffe://<trust domain>/ns/NS/sa/SA. `ttl_s` 0: the maximum, which also
 * caps it; never shorter than a minute. AGAIN: nothing to sign with yet. */
enum weft_status controller_ca_sign(const struct controller_ca *ca, struct weft_slice csr_pem,
                                    struct weft_slice ns, struct weft_slice service_account,
                                    uint64_t ttl_s, int64_t now, struct weft_buf *ret_chain_pem,
                                    struct weft_error *err);
/* The controller's own identity: spiffe://TD/ns/NS/sa/weft-controller, and `dns_name`. */
enum weft_status controller_ca_serving(const struct controller_ca *ca, const char *dns_name,
                                       int64_t now, struct weft_identity **ret,
                                       struct weft_error *err);

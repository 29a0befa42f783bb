/* SPDX-License-Identifier: Apache-2.0
 * TLS 1.3 contexts and the little PKI that a mesh needs (OpenSSL 3). */
#pragma once
#include <weft/base/buf.h>
#include <weft/base/status.h>

/* ---- identities: immutable, reference-counted, shared by threads ---- */
struct weft_identity; /* private key + chain + trust bundle + accepted trust domains */

/* PEM in; `domains` limits whose SPIFFE IDs are accepted (n 0: the own ID's trust domain). Checks
 * that key, chain and bundle belong together and that the leaf is valid at `now` (Unix seconds). */
enum weft_status weft_identity_new(struct weft_slice key_pem, struct weft_slice chain_pem,
                                   struct weft_slice bundle_pem, const struct weft_slice *domains,
                                   size_t n_domains, int64_t now, struct weft_identity **ret,
                                   struct weft_error *err) WEFT_MUST_USE;
struct weft_identity *weft_identity_ref(struct weft_identity *i);
struct weft_identity *weft_identity_unref(struct weft_identity *i);
struct weft_slice weft_identity_spiffe_id(const struct weft_identity *i);
int64_t weft_identity_not_before(const struct weft_identity *i); /* Unix seconds */
int64_t weft_identity_not_after(const struct weft_identity *i);
/* SHA-256 (32 bytes): of the trusted certificate that the chain ends at, which is its fingerprint,
 * and of the trust bundle as weft_pki_bundle writes it. Zeros: trust only. */
const unsigned char *weft_identity_root(const struct weft_identity *i);
const unsigned char *weft_identity_bundle(const struct weft_identity *i);

/* ---- contexts: one per worker and role (SSL_CTX is not shared between workers) ---- */
enum weft_tls_kind {
    WEFT_TLS_MESH_CLIENT,    /* presents the identity; verifies chain and exact SPIFFE ID */
    WEFT_TLS_MESH_SERVER,    /* requires a client certificate of an accepted trust domain */
    WEFT_TLS_CONTROL_SERVER, /* the controller's port: client certificate asked for, not required */
    WEFT_TLS_CONTROL_CLIENT, /* proxy to controller; identity optional (first contact) */
    WEFT_TLS_PROBE_CLIENT, /* an app's own TLS, 1.2 or later, whoever it is: as the kubelet does */
};
struct weft_tls_ctx;
/* CONTROL_CLIENT without certificate: identity made by weft_identity_trust_only; PROBE_CLIENT:
 * NULL. `alpns` is a NULL-terminated list in order of preference; a server picks its first that the
 * client offers and refuses a client that offers none of them. */
enum weft_status weft_tls_ctx_new(enum weft_tls_kind kind, struct weft_identity *id,
                                  const char *const *alpns, struct weft_tls_ctx **ret,
                                  struct weft_error *err) WEFT_MUST_USE;
struct weft_tls_ctx *weft_tls_ctx_ref(struct weft_tls_ctx *c);
struct weft_tls_ctx *weft_tls_ctx_unref(struct weft_tls_ctx *c);
enum weft_status weft_identity_trust_only(struct weft_slice bundle_pem, struct weft_identity **ret,
                                          struct weft_error *err) WEFT_MUST_USE;

/* ---- PKI: PEM in and out; `ret` buffers are initialised by the caller ---- */
enum weft_status weft_pki_key(struct weft_buf *ret_key_pem); /* ECDSA P-256 */
/* Self-signed root, valid `ttl_s`, name "weft root <trust domain>". */
enum weft_status weft_pki_root(struct weft_slice key_pem, struct weft_slice trust_domain,
                               int64_t now, int64_t ttl_s, struct weft_buf *ret_cert_pem,
                               struct weft_error *err);
/* A certificate below that of `ca_chain_pem` (its issuer first) which may sign leaves of this trust
 * domain and nothing else; never beyond its issuer's end. `ret_chain_pem`: it, then ca_chain_pem.
 * RFC 5280 4.2.1.9, 4.2.1.10. */
enum weft_status weft_pki_issuer(struct weft_slice ca_key_pem, struct weft_slice ca_chain_pem,
                                 struct weft_slice key_pem, struct weft_slice trust_domain,
                                 int64_t now, int64_t ttl_s, struct weft_buf *ret_chain_pem,
                                 struct weft_error *err);
/* A request signed with key_pem, with the SPIFFE ID as URI SAN. */
enum weft_status weft_pki_csr(struct weft_slice key_pem, struct weft_slice spiffe_id,
                              struct weft_buf *ret_csr_pem, struct weft_error *err);
/* The public key of a CSR whose signature verifies; the names in it are NOT believed. Signs a leaf
 * for exactly `spiffe_id` (and DNS names, may be NULL) from now - 60 s to now + ttl_s, never beyond
 * the issuer's end. */
enum weft_status weft_pki_sign(struct weft_slice ca_key_pem, struct weft_slice ca_chain_pem,
                               struct weft_slice csr_pem, struct weft_slice spiffe_id,
                               const char *const *dns_names, int64_t now, int64_t ttl_s,
                               struct weft_buf *ret_chain_pem, struct weft_error *err);
/* What verifiers need: the last certificate of `chain_pem` and all of `more_pem` (may be empty),
 * none twice, in an order of their content, as PEM without comments. */
enum weft_status weft_pki_bundle(struct weft_slice chain_pem, struct weft_slice more_pem,
                                 struct weft_buf *ret_pem, struct weft_error *err);
/* Takes as long wherever the two differ: for what is secret. */
bool weft_pki_equal(struct weft_slice a, struct weft_slice b);
void weft_pki_sha256(struct weft_slice s, unsigned char ret[32]);
/* Of the first certificate. */
enum weft_status weft_pki_cert_info(struct weft_slice cert_pem, struct weft_buf *ret_spiffe_id,
                                    int64_t *ret_not_before, int64_t *ret_not_after,
                                    struct weft_error *err);

struct weft_pki_cert {
    char name[72]; /* common name of its subject, as far as it fits */
    int64_t not_before, not_after;
    bool self_signed;
    unsigned char sha256[32]; /* of the DER: its fingerprint */
};
/* Every certificate of the PEM, at least one. The caller frees *ret. */
enum weft_status weft_pki_read(struct weft_slice pem, struct weft_pki_cert **ret, size_t *ret_n,
                               struct weft_error *err);
void weft_pki_hex(const unsigned char sha256[32], char ret[65]);

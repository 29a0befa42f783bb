/* SPDX-License-Identifier: Apache-2.0
 * TLS contexts: TLS 1.3 and nothing else, no resumption (OpenSSL runs no verification on a resumed
 * handshake), and the peer's SPIFFE ID checked while the chain is verified, so that a peer with the
 * wrong name gets an alert instead of a finished handshake. */
#include "tls_internal.h"
#include <weft/base/alloc.h>
#include <weft/base/check.h>

enum { MAX_DEPTH = 4 };

static bool domain_accepted(const struct weft_identity *own, struct weft_slice id) {
    struct weft_slice domain;
    if (!pki_spiffe_domain(id, &domain)) return false;
    for (size_t i = 0; i < own->n_domains; i++)
        if (weft_slice_is(domain, own->domains[i])) return true;
    return false;
}

static bool peer_accepted(struct tls_peer *p, X509 *leaf) {
    enum weft_status st = pki_leaf_id(leaf, &p->id);
    struct weft_slice id = weft_buf_slice(&p->id);
    p->not_after = pki_time(X509_get0_notAfter(leaf));
    if (tls_is_server(p->ctx->kind)) return st == WEFT_OK && domain_accepted(p->ctx->id, id);
    if (p->expect_id.len) return st == WEFT_OK && weft_slice_eq(id, p->expect_id);
    return st == WEFT_OK || st == WEFT_NOT_FOUND;
}

/* Called for each certificate of a chain, the leaf last. */
static int on_verify(int ok, X509_STORE_CTX *store) {
    if (ok != 1 || X509_STORE_CTX_get_error_depth(store) != 0) return ok;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_peer *p = SSL_get_app_data(ssl);
    if (peer_accepted(p, X509_STORE_CTX_get_current_cert(store))) return 1;
    p->verdict = WEFT_IDENTITY;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                   const unsigned char *in, unsigned inlen, void *arg) {
    const struct weft_tls_ctx *c = arg;
    struct weft_slice own = weft_buf_slice(&c->alpn);
    for (size_t i = 0; i < own.len; i += 1 + (unsigned char)own.base[i])
        for (size_t k = 0; k < inlen; k += 1 + in[k])
            if (k + 1 + in[k] <= inlen && in[k] == (unsigned char)own.base[i] &&
                memcmp(in + k + 1, own.base + i + 1, in[k]) == 0) {
                *out = in + k + 1;
                *outlen = in[k];
                return SSL_TLSEXT_ERR_OK;
            }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void set_alpns(struct weft_tls_ctx *c, const char *const *alpns) {
    for (; alpns && *alpns; alpns++) {
        size_t n = strlen(*alpns);
        WEFT_CHECK(n > 0 && n < 256);
        (void)weft_buf_char(&c->alpn, (char)n);
        (void)weft_buf_str(&c->alpn, *alpns);
    }
    if (weft_buf_size(&c->alpn) && tls_is_server(c->kind))
        SSL_CTX_set_alpn_select_cb(c->ssl, on_alpn, c);
}

/* Apps may be older than the mesh: what OpenSSL takes by default, from TLS 1.2 on. */
static bool set_probe_protocol(SSL_CTX *s) {
    SSL_CTX_set_options(s, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(s, TLS1_2_VERSION);
}

static bool set_protocol(SSL_CTX *s) {
    /* Not literals: OpenSSL's macros cast const away. */
    static char groups[] = "X25519:P-256";
    static char signatures[] = "ECDSA+SHA256:ECDSA+SHA384:ed25519:RSA-PSS+SHA256";
    SSL_CTX_set_options(s, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
    /* No chain building of our own at each handshake: the identity has the chain. */
    SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    return SSL_CTX_set_num_tickets(s, 0) && SSL_CTX_set_min_proto_version(s, TLS1_3_VERSION) &&
           SSL_CTX_set_ciphersuites(s, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                       "TLS_CHACHA20_POLY1305_SHA256") &&
           SSL_CTX_set1_groups_list(s, groups) && SSL_CTX_set1_sigalgs_list(s, signatures);
}

static bool set_identity(SSL_CTX *s, const struct weft_identity *id) {
    if (!id) return true;
    SSL_CTX_set_cert_store(s, pki_store(id->bundle));
    if (!id->key) return true;
    if (!SSL_CTX_use_certificate(s, id->leaf) || !SSL_CTX_use_PrivateKey(s, id->key)) return false;
    for (int i = 0; i < sk_X509_num(id->chain); i++)
        if (!SSL_CTX_add1_chain_cert(s, sk_X509_value(id->chain, i))) return false;
    return true;
}

static void set_verify(struct weft_tls_ctx *c) {
    if (c->kind == WEFT_TLS_PROBE_CLIENT) return; /* SSL_VERIFY_NONE */
    int mode = SSL_VERIFY_PEER;
    if (c->kind == WEFT_TLS_MESH_SERVER) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(c->ssl, mode, on_verify);
    SSL_CTX_set_verify_depth(c->ssl, MAX_DEPTH);
}

enum weft_status weft_tls_ctx_new(enum weft_tls_kind kind, struct weft_identity *id,
                                  const char *const *alpns, struct weft_tls_ctx **ret,
                                  struct weft_error *err) {
    bool probe = kind == WEFT_TLS_PROBE_CLIENT;
    if (!probe && !id->key && kind != WEFT_TLS_CONTROL_CLIENT)
        return weft_error_set(err, WEFT_INVALID, "identity", "needs a key and a certificate here");
    struct weft_tls_ctx *c = weft_new0(struct weft_tls_ctx);
    c->refs = 1;
    c->kind = kind;
    c->id = weft_identity_ref(id);
    c->ssl = SSL_CTX_new(tls_is_server(kind) ? TLS_server_method() : TLS_client_method());
    if (!c->ssl || !(probe ? set_probe_protocol : set_protocol)(c->ssl) ||
        !set_identity(c->ssl, id)) {
        weft_tls_ctx_unref(c);
        return pki_error(err, WEFT_TLS, "identity", "OpenSSL does not take it");
    }
    set_verify(c);
    set_alpns(c, alpns);
    *ret = c;
    return WEFT_OK;
}

struct weft_tls_ctx *weft_tls_ctx_ref(struct weft_tls_ctx *c) {
    if (c) c->refs++;
    return c;
}

struct weft_tls_ctx *weft_tls_ctx_unref(struct weft_tls_ctx *c) {
    if (!c || --c->refs) return NULL;
    SSL_CTX_free(c->ssl);
    weft_identity_unref(c->id);
    weft_buf_done(&c->alpn);
    free(c);
    return NULL;
}

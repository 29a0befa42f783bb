/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/ca.h>
#include <weft/base/alloc.h>
#include <weft/base/file.h>
#include <weft/mesh/identity.h>
#include <weft/obs/log.h>

#include <errno.h>
#include <sys/stat.h>

enum {
    ROOT_TTL_S = 10 * 365 * 24 * 3600,
    SERVING_TTL_S = 24 * 3600,
    MIN_TTL_S = 10,
    MAX_PEM = 256 * 1024,
};

struct controller_ca {
    struct weft_buf key, chain; /* PEM; chain: issuer first, root last */
    char *trust_domain;
    uint64_t max_ttl_s;
};

struct controller_ca *controller_ca_free(struct controller_ca *ca) {
    if (!ca) return NULL;
    if (ca->key.base) explicit_bzero(ca->key.base, ca->key.cap);
    weft_buf_done(&ca->key);
    weft_buf_done(&ca->chain);
    free(ca->trust_domain);
    free(ca);
    return NULL;
}

struct weft_slice controller_ca_bundle(const struct controller_ca *ca) {
    return weft_buf_slice(&ca->chain);
}
const char *controller_ca_trust_domain(const struct controller_ca *ca) {
    return ca->trust_domain;
}

static enum weft_status load(struct controller_ca *ca, const char *cert, const char *key,
                             struct weft_error *err) {
    enum weft_status st = weft_file_read(key, &ca->key);
    if (st != WEFT_OK) return weft_error_set(err, st, key, "%s", weft_status_text(st));
    st = weft_file_read(cert, &ca->chain);
    if (st != WEFT_OK) return weft_error_set(err, st, cert, "%s", weft_status_text(st));
    return WEFT_OK;
}

/* The key first: a certificate without its key would be useless, a key without one is replaced. */
static enum weft_status make_root(struct controller_ca *ca, const char *cert, const char *key,
                                  int64_t now, struct weft_error *err) {
    weft_buf_clear(&ca->key);
    weft_buf_clear(&ca->chain);
    enum weft_status st = weft_pki_key(&ca->key);
    if (st != WEFT_OK) return weft_error_set(err, st, key, "no key could be made");
    st = weft_pki_root(weft_buf_slice(&ca->key), weft_slice_str(ca->trust_domain), now, ROOT_TTL_S,
                       &ca->chain, err);
    if (st != WEFT_OK) return st;
    st = weft_file_replace(key, 0600, true, weft_buf_slice(&ca->key));
    if (st != WEFT_OK) return weft_error_set(err, st, key, "%s", weft_status_text(st));
    st = weft_file_replace(cert, 0644, true, weft_buf_slice(&ca->chain));
    if (st != WEFT_OK) return weft_error_set(err, st, cert, "%s", weft_status_text(st));
    weft_info("ca", "made a root for trust domain %s: %s", ca->trust_domain, cert);
    return WEFT_OK;
}

static enum weft_status open_dir(struct controller_ca *ca, const char *dir, int64_t now,
                                 struct weft_error *err) {
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return weft_error_set(err, weft_status_from_errno(errno), dir, "cannot be made");
    WEFT_FREE char *cert = weft_asprintf("%s/root.pem", dir);
    WEFT_FREE char *key = weft_asprintf("%s/root.key", dir);
    struct stat s;
    if (stat(cert, &s) != 0 && errno == ENOENT) return make_root(ca, cert, key, now, err);
    if (stat(key, &s) == 0 && (s.st_mode & 077) != 0)
        weft_warn("ca", "%s can be read by others; its mode should be 0600", key);
    return load(ca, cert, key, err);
}

/* Signing something at start shows what is wrong with a given key or chain. */
static enum weft_status try_out(const struct controller_ca *ca, int64_t now,
                                struct weft_error *err) {
    struct weft_identity *id = NULL;
    enum weft_status st = controller_ca_serving(ca, "weft-controller", now, &id, err);
    weft_identity_unref(id);
    return st;
}

enum weft_status controller_ca_new(const struct controller_ca_options *opt, int64_t now,
                                   struct controller_ca **ret, struct weft_error *err) {
    struct controller_ca *ca = weft_new0(struct controller_ca);
    weft_buf_init(&ca->key, MAX_PEM);
    weft_buf_init(&ca->chain, MAX_PEM);
    ca->trust_domain = weft_strdup(opt->trust_domain);
    ca->max_ttl_s = opt->max_ttl_s;
    enum weft_status st = opt->cert_file ? load(ca, opt->cert_file, opt->key_file, err)
                                         : open_dir(ca, opt->dir, now, err);
    if (st == WEFT_OK) st = try_out(ca, now, err);
    if (st != WEFT_OK)
        ca = controller_ca_free(ca);
    else
        *ret = ca;
    return st;
}

static struct weft_slice id_of(const struct controller_ca *ca, struct weft_arena *a,
                               struct weft_slice ns, struct weft_slice service_account) {
    return weft_spiffe_format(
        a, &(struct weft_spiffe){.trust_domain = weft_slice_str(ca->trust_domain),
                                 .ns = ns,
                                 .service_account = service_account});
}

enum weft_status controller_ca_sign(const struct controller_ca *ca, struct weft_slice csr_pem,
                                    struct weft_slice ns, struct weft_slice service_account,
                                    uint64_t ttl_s, int64_t now, struct weft_buf *ret_chain_pem,
                                    struct weft_error *err) {
    if (ttl_s == 0 || ttl_s > ca->max_ttl_s) ttl_s = ca->max_ttl_s;
    if (ttl_s < MIN_TTL_S) ttl_s = MIN_TTL_S;
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_slice id = id_of(ca, &a, ns, service_account);
    struct weft_spiffe parsed;
    enum weft_status st =
        weft_spiffe_parse(id, &parsed)
            ? weft_pki_sign(weft_buf_slice(&ca->key), weft_buf_slice(&ca->chain), csr_pem, id, NULL,
                            now, (int64_t)ttl_s, ret_chain_pem, err)
            : weft_error_set(err, WEFT_INVALID, "", "namespace or ServiceAccount is not a name");
    weft_arena_done(&a);
    return st;
}

static enum weft_status sign_own(const struct controller_ca *ca, struct weft_slice key,
                                 const char *dns_name, int64_t now, struct weft_buf *chain,
                                 struct weft_error *err) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_slice id =
        id_of(ca, &a, WEFT_SLICE_LIT("weft-system"), WEFT_SLICE_LIT("weft-controller"));
    const char *const names[] = {dns_name, NULL};
    struct weft_buf csr;
    weft_buf_init(&csr, 0);
    enum weft_status st = weft_pki_csr(key, id, &csr, err);
    if (st == WEFT_OK)
        st = weft_pki_sign(weft_buf_slice(&ca->key), weft_buf_slice(&ca->chain),
                           weft_buf_slice(&csr), id, names, now, SERVING_TTL_S, chain, err);
    weft_buf_done(&csr);
    weft_arena_done(&a);
    return st;
}

enum weft_status controller_ca_serving(const struct controller_ca *ca, const char *dns_name,
                                       int64_t now, struct weft_identity **ret,
                                       struct weft_error *err) {
    struct weft_buf key, chain;
    weft_buf_init(&key, 0);
    weft_buf_init(&chain, 0);
    enum weft_status st = weft_pki_key(&key);
    if (st == WEFT_OK) st = sign_own(ca, weft_buf_slice(&key), dns_name, now, &chain, err);
    if (st == WEFT_OK)
        st = weft_identity_new(weft_buf_slice(&key), weft_buf_slice(&chain),
                               weft_buf_slice(&ca->chain), NULL, 0, now, ret, err);
    if (key.base) explicit_bzero(key.base, key.cap);
    weft_buf_done(&key);
    weft_buf_done(&chain);
    return st;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <cli/ca_state.h>

#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/object/json.h>

enum { MAX_PEM = 256 * 1024 };

static struct weft_buf *const *buffers(struct cli_ca *c, struct weft_buf *ret[6]) {
    struct weft_buf *all[6] = {&c->chain, &c->more, &c->root, &c->next, &c->previous, &c->bundle};
    memcpy(ret, all, sizeof all);
    return ret;
}

static enum weft_status member(const json_t *secret, const char *key, struct weft_buf *ret,
                               struct weft_error *err) {
    enum weft_status st = weft_base64_decode(weft_js_slice(weft_js_in(secret, "data", key)), ret);
    return st == WEFT_OK ? st : weft_error_set(err, st, key, "%s", weft_status_text(st));
}

/* Of the last certificate, which is the root of a chain. */
static enum weft_status top(struct weft_slice pem, char ret[65], struct weft_error *err) {
    WEFT_FREE struct weft_pki_cert *certs = NULL;
    size_t n = 0;
    enum weft_status st = weft_pki_read(pem, &certs, &n, err);
    if (st == WEFT_OK) weft_pki_hex(certs[n - 1].sha256, ret);
    return st;
}

static enum weft_status summarize(struct cli_ca *c, struct weft_error *err) {
    unsigned char sum[32];
    struct weft_slice chain = weft_buf_slice(&c->chain);
    enum weft_status st = weft_pki_bundle(chain, weft_buf_slice(&c->more), &c->bundle, err);
    if (st != WEFT_OK) return st;
    weft_pki_sha256(weft_buf_slice(&c->bundle), sum);
    weft_pki_hex(sum, c->bundle_sha);
    return top(chain, c->top_sha, err);
}

enum weft_status cli_ca_read(struct cli_ca *c, const json_t *secret, const json_t *root,
                             struct weft_error *err) {
    struct weft_buf *all[6];
    *c = (struct cli_ca){.has_root = root != NULL};
    buffers(c, all);
    for (int i = 0; i < 6; i++) weft_buf_init(all[i], 2 * MAX_PEM);
    enum weft_status st = member(secret, "tls.crt", &c->chain, err);
    if (st == WEFT_OK) st = member(secret, "ca.crt", &c->more, err);
    if (st == WEFT_OK) st = member(root, "tls.crt", &c->root, err);
    if (st == WEFT_OK) st = member(root, CLI_CA_NEXT_CERT, &c->next, err);
    if (st == WEFT_OK) st = member(root, CLI_CA_PREVIOUS, &c->previous, err);
    return st == WEFT_OK ? summarize(c, err) : st;
}

void cli_ca_done(struct cli_ca *c) {
    struct weft_buf *all[6];
    buffers(c, all);
    for (int i = 0; i < 6; i++) weft_buf_done(all[i]);
}

/* === which step is next === */

/* Is the root at the top of `pem` among what proxies are to trust? */
static bool is_trusted(const struct cli_ca *c, struct weft_slice pem) {
    char sha[65], one[65];
    WEFT_FREE struct weft_pki_cert *certs = NULL;
    size_t n = 0;
    if (top(pem, sha, NULL) != WEFT_OK ||
        weft_pki_read(weft_buf_slice(&c->bundle), &certs, &n, NULL) != WEFT_OK)
        return false;
    for (size_t i = 0; i < n; i++) {
        weft_pki_hex(certs[i].sha256, one);
        if (strcmp(one, sha) == 0) return true;
    }
    return false;
}

static bool signs(const struct cli_ca *c, struct weft_slice pem) {
    char sha[65];
    return top(pem, sha, NULL) == WEFT_OK && strcmp(sha, c->top_sha) == 0;
}

bool cli_ca_is_renewable(const struct cli_ca *c) {
    return c->has_root && signs(c, weft_buf_slice(&c->root));
}

struct cli_ca_plan cli_ca_next(const struct cli_ca *c) {
    struct weft_slice root = weft_buf_slice(&c->root), next = weft_buf_slice(&c->next),
                      previous = weft_buf_slice(&c->previous);
    if (!c->has_root)
        return (struct cli_ca_plan){
            CLI_CA_NONE,
            "there is no Secret of the root: it is kept elsewhere, and replaced by hand", NULL};
    if (next.len && !is_trusted(c, next))
        return (struct cli_ca_plan){CLI_CA_TRUST, "have the new root trusted beside the old one",
                                    NULL};
    if (next.len || (!signs(c, root) && is_trusted(c, root)))
        return (struct cli_ca_plan){CLI_CA_SIGN, "sign with the new root",
                                    "every sidecar trusts both roots"};
    if (!signs(c, root))
        return (struct cli_ca_plan){
            CLI_CA_NONE, "the root in its Secret is neither the one that signs nor a trusted one",
            NULL};
    if (previous.len && is_trusted(c, previous))
        return (struct cli_ca_plan){CLI_CA_FORGET, "forget the old root",
                                    "no sidecar has a certificate of it"};
    if (previous.len)
        return (struct cli_ca_plan){CLI_CA_TIDY, "put away the note about the old root", NULL};
    return (struct cli_ca_plan){CLI_CA_BEGIN, "make a new root", NULL};
}

/* === sets of certificates === */

static bool holds(struct weft_slice pem, const unsigned char sha256[32]) {
    WEFT_FREE struct weft_pki_cert *certs = NULL;
    size_t n = 0;
    if (!pem.len || weft_pki_read(pem, &certs, &n, NULL) != WEFT_OK) return false;
    for (size_t i = 0; i < n; i++)
        if (memcmp(certs[i].sha256, sha256, 32) == 0) return true;
    return false;
}

/* The first certificate of *rest as text, which is cut off; empty: there is none. */
static struct weft_slice cut_certificate(struct weft_slice *rest) {
    static const struct weft_slice begin = WEFT_SLICE_LIT("-----BEGIN CERTIFICATE-----"),
                                   end = WEFT_SLICE_LIT("-----END CERTIFICATE-----");
    *rest = weft_slice_from(*rest, weft_slice_search(*rest, begin));
    size_t at = weft_slice_search(*rest, end);
    if (at >= rest->len) return WEFT_SLICE_EMPTY;
    struct weft_slice one = weft_slice_head(*rest, at + end.len);
    *rest = weft_slice_from(*rest, at + end.len);
    return one;
}

static enum weft_status put_others(struct weft_slice pem, struct weft_slice drop,
                                   struct weft_buf *ret, struct weft_error *err) {
    struct weft_slice one;
    enum weft_status st = WEFT_OK;
    while (st == WEFT_OK && (one = cut_certificate(&pem)).len) {
        WEFT_FREE struct weft_pki_cert *cert = NULL;
        size_t n = 0;
        st = weft_pki_read(one, &cert, &n, err);
        if (st != WEFT_OK || holds(drop, cert->sha256) || holds(weft_buf_slice(ret), cert->sha256))
            continue;
        (void)weft_buf_append(ret, one);
        (void)weft_buf_char(ret, '\n');
    }
    return st;
}

enum weft_status cli_ca_change(struct weft_slice pem, struct weft_slice drop, struct weft_slice add,
                               struct weft_buf *ret, struct weft_error *err) {
    enum weft_status st = put_others(pem, drop, ret, err);
    return st == WEFT_OK ? put_others(add, WEFT_SLICE_EMPTY, ret, err) : st;
}

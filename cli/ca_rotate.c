/* SPDX-License-Identifier: Apache-2.0 */
#include <cli/ca_rotate.h>

#include <stdio.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/base/clock.h>
#include <weft/object/json.h>

enum { MAX_PEM = 512 * 1024, ROOT_TTL_S = 10 * 365 * 24 * 3600 };

static char *path_of(const struct cli_ca_at *at, const char *name) {
    return weft_asprintf("/api/v1/namespaces/%s/secrets/%s", at->ns, name);
}

/* A Secret that is not there is NULL without an error. */
static json_t *read_one(struct cli_ca_at *at, const char *name, bool *ok) {
    WEFT_FREE char *path = path_of(at, name);
    json_t *o = cli_ask_get(at->ask, path);
    if (at->ask->error) {
        fprintf(stderr, "weft ca: Secret %s/%s: %s\n", at->ns, name, at->ask->error);
        *ok = false;
    }
    return o;
}

bool cli_ca_at_read(struct cli_ca_at *at) {
    struct weft_error err = {0};
    bool ok = true;
    at->secret = read_one(at, at->name, &ok);
    at->root = read_one(at, at->root_name, &ok);
    if (ok && !at->secret) {
        fprintf(stderr, "weft ca: there is no Secret %s/%s\n", at->ns, at->name);
        ok = false;
    }
    if (cli_ca_read(&at->ca, at->secret, at->root, &err) != WEFT_OK && ok) {
        fprintf(stderr, "weft ca: Secret %s/%s: %s: %s\n", at->ns, at->name, err.path, err.message);
        ok = false;
    }
    return ok;
}

void cli_ca_at_done(struct cli_ca_at *at) {
    cli_ca_done(&at->ca);
    json_decref(weft_take(&at->secret));
    json_decref(weft_take(&at->root));
}

/* === writing === */

static json_t *encoded(struct weft_slice pem) {
    struct weft_buf text;
    if (!pem.len) return json_null();
    weft_buf_init(&text, 0);
    (void)weft_base64_encode(pem, &text);
    json_t *j = json_stringn(text.base, weft_buf_size(&text));
    explicit_bzero(text.base, text.cap);
    weft_buf_done(&text);
    return j;
}

/* Takes over `data`; null removes a member. */
static bool patch(struct cli_ca_at *at, const json_t *before, const char *name, json_t *data) {
    WEFT_FREE char *path = path_of(at, name);
    json_t *body = json_pack("{s:{s:O}, s:o}", "metadata", "resourceVersion",
                             weft_js_in(before, "metadata", "resourceVersion"), "data", data);
    json_t *answer = cli_ask(
        at->ask, &(struct weft_kube_request){.method = "PATCH", .path = path, .body = body});
    bool ok = answer != NULL;
    if (!ok)
        fprintf(stderr, "weft ca: Secret %s/%s is not written: %s\n", at->ns, name,
                at->ask->error ? at->ask->error : "it is gone");
    json_decref(body);
    json_decref(answer);
    return ok;
}

static json_t *copy_of(const json_t *secret, const char *key) {
    json_t *value = weft_js_in(secret, "data", key);
    return value ? json_incref(value) : json_null();
}

/* Writes ca.crt of the authority's Secret, with `data` (taken over) beside it. */
static bool write_more(struct cli_ca_at *at, struct weft_slice drop, struct weft_slice add,
                       json_t *data) {
    struct weft_buf more;
    struct weft_error err = {0};
    weft_buf_init(&more, MAX_PEM);
    enum weft_status st = cli_ca_change(weft_buf_slice(&at->ca.more), drop, add, &more, &err);
    bool ok = st == WEFT_OK;
    json_object_set_new(data, "ca.crt", encoded(weft_buf_slice(&more)));
    if (ok)
        ok = patch(at, at->secret, at->name, json_incref(data));
    else
        fprintf(stderr, "weft ca: %s: %s\n", err.path, err.message);
    json_decref(data);
    weft_buf_done(&more);
    return ok;
}

/* === the steps === */

static bool begin(struct cli_ca_at *at, const char *trust_domain) {
    struct weft_error err = {0};
    struct weft_buf key, cert;
    weft_buf_init(&key, 0);
    weft_buf_init(&cert, 0);
    int64_t now = (int64_t)(weft_clock_unix_us() / 1000000u);
    enum weft_status st = weft_pki_key(&key);
    if (st == WEFT_OK)
        st = weft_pki_root(weft_buf_slice(&key), weft_slice_str(trust_domain), now, ROOT_TTL_S,
                           &cert, &err);
    bool ok = st == WEFT_OK;
    if (ok)
        ok = patch(at, at->root, at->root_name,
                   json_pack("{s:o, s:o}", CLI_CA_NEXT_KEY, encoded(weft_buf_slice(&key)),
                             CLI_CA_NEXT_CERT, encoded(weft_buf_slice(&cert))));
    else
        fprintf(stderr, "weft ca: no new root: %s %s\n", err.path, err.message);
    if (key.base) explicit_bzero(key.base, key.cap);
    weft_buf_done(&key);
    weft_buf_done(&cert);
    return ok;
}

/* As the leader will: makes an issuer of it, which nobody gets. */
static enum weft_status try_next(const struct cli_ca_at *at, const char *trust_domain,
                                 struct weft_error *err) {
    struct weft_buf next_key, key, chain;
    int64_t now = (int64_t)(weft_clock_unix_us() / 1000000u);
    weft_buf_init(&next_key, MAX_PEM);
    weft_buf_init(&key, 0);
    weft_buf_init(&chain, 2 * MAX_PEM);
    (void)weft_base64_decode(weft_js_slice(weft_js_in(at->root, "data", CLI_CA_NEXT_KEY)),
                             &next_key);
    enum weft_status st = weft_pki_key(&key);
    if (st == WEFT_OK)
        st = weft_pki_issuer(
            weft_buf_slice(&next_key), weft_buf_slice(&at->ca.next), weft_buf_slice(&key),
            weft_slice_str(trust_domain ? trust_domain : "cluster.local"), now, 3600, &chain, err);
    if (next_key.base) explicit_bzero(next_key.base, next_key.cap);
    weft_buf_done(&next_key);
    weft_buf_done(&key);
    weft_buf_done(&chain);
    return st;
}

/* Found out after it has taken the old one's place, the mesh would be without a root's key. */
static bool next_can_sign(const struct cli_ca_at *at, const char *trust_domain) {
    struct weft_error err = {0};
    if (!weft_buf_size(&at->ca.next) || try_next(at, trust_domain, &err) == WEFT_OK) return true;
    fprintf(stderr,
            "weft ca: Secret %s/%s: " CLI_CA_NEXT_CERT " and " CLI_CA_NEXT_KEY
            " are no root to sign with: %s: %s; replace both, or remove both\n",
            at->ns, at->root_name, err.path, err.message);
    return false;
}

/* The root's Secret first: the controller makes an issuer only of a root that stands there. */
static bool promote(struct cli_ca_at *at, struct weft_slice old_root) {
    if (!weft_buf_size(&at->ca.next)) return true; /* done, before an interruption */
    if (!patch(at, at->root, at->root_name,
               json_pack("{s:o, s:o, s:n, s:n, s:o}", "tls.crt",
                         copy_of(at->root, CLI_CA_NEXT_CERT), "tls.key",
                         copy_of(at->root, CLI_CA_NEXT_KEY), CLI_CA_NEXT_CERT, CLI_CA_NEXT_KEY,
                         CLI_CA_PREVIOUS, encoded(old_root))))
        return false;
    json_t *data = json_object_get(at->root, "data");
    json_object_set(data, "tls.crt", json_object_get(data, CLI_CA_NEXT_CERT));
    json_object_set(data, "tls.key", json_object_get(data, CLI_CA_NEXT_KEY));
    return true;
}

static bool sign(struct cli_ca_at *at) {
    struct weft_buf old, root;
    struct weft_error err = {0};
    weft_buf_init(&old, MAX_PEM);
    weft_buf_init(&root, MAX_PEM);
    struct weft_slice chain = weft_buf_slice(&at->ca.chain);
    enum weft_status st = weft_pki_bundle(chain, WEFT_SLICE_EMPTY, &old, &err); /* its top */
    bool ok = st == WEFT_OK && promote(at, weft_buf_slice(&old));
    if (ok) {
        (void)weft_base64_decode(weft_js_slice(weft_js_in(at->root, "data", "tls.crt")), &root);
        ok = write_more(at, weft_buf_slice(&root), weft_buf_slice(&old),
                        json_pack("{s:o, s:o}", "tls.crt", copy_of(at->root, "tls.crt"), "tls.key",
                                  copy_of(at->root, "tls.key")));
    }
    weft_buf_done(&old);
    weft_buf_done(&root);
    return ok;
}

bool cli_ca_take(struct cli_ca_at *at, enum cli_ca_step step, const char *trust_domain) {
    switch (step) {
    case CLI_CA_BEGIN:
        return begin(at, trust_domain);
    case CLI_CA_TRUST:
        return next_can_sign(at, trust_domain) &&
               write_more(at, WEFT_SLICE_EMPTY, weft_buf_slice(&at->ca.next), json_object());
    case CLI_CA_SIGN:
        return next_can_sign(at, trust_domain) && sign(at);
    case CLI_CA_FORGET:
        return write_more(at, weft_buf_slice(&at->ca.previous), WEFT_SLICE_EMPTY, json_object());
    case CLI_CA_TIDY:
        return patch(at, at->root, at->root_name, json_pack("{s:n}", CLI_CA_PREVIOUS));
    case CLI_CA_NONE:
        break;
    }
    return false;
}

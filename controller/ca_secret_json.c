/* SPDX-License-Identifier: Apache-2.0
 * Secrets of type kubernetes.io/tls there and back, and what is done with keys afterwards. */
#include "ca_internal.h"

#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/object/json.h>

void ca_buf_wipe(struct weft_buf *b) {
    if (b->base) explicit_bzero(b->base, b->cap);
    weft_buf_done(b);
}

enum weft_status ca_secret_decode(const json_t *secret, const char *key, struct weft_buf *ret,
                                  struct weft_error *err) {
    struct weft_slice text = weft_js_slice(weft_js_in(secret, "data", key));
    enum weft_status st = weft_base64_decode(text, ret);
    if (st == WEFT_OK) return WEFT_OK;
    return weft_error_set(err, st, key, "%s", weft_status_text(st));
}

static json_t *encoded(struct weft_slice pem) {
    struct weft_buf text;
    weft_buf_init(&text, 0);
    (void)weft_base64_encode(pem, &text);
    json_t *j = json_stringn(text.base ? text.base : "", weft_buf_size(&text));
    ca_buf_wipe(&text);
    return j;
}

json_t *ca_secret_data(struct weft_slice key, struct weft_slice chain) {
    return json_pack("{s:o, s:o}", "tls.key", encoded(key), "tls.crt", encoded(chain));
}

json_t *ca_secret_body(const char *ns, const char *name, const struct weft_buf *key,
                       const struct weft_buf *chain, const struct weft_buf *more) {
    json_t *data = ca_secret_data(weft_buf_slice(key), weft_buf_slice(chain));
    if (more && weft_buf_size(more))
        json_object_set_new(data, "ca.crt", encoded(weft_buf_slice(more)));
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:o}", "apiVersion", "v1", "kind",
                     "Secret", "type", "kubernetes.io/tls", "metadata", "name", name, "namespace",
                     ns, "labels", "app.kubernetes.io/name", "weft", "data", data);
}

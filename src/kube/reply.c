/* SPDX-License-Identifier: Apache-2.0
 * What the API server answered, for a person. */
#include "client_internal.h"

#include <weft/base/alloc.h>
#include <weft/object/json.h>

json_t *kube_json(struct weft_slice text, struct weft_error *err) {
    json_error_t e;
    /* NUL: any text may hold \u0000, which must not cost us the whole list */
    json_t *j = json_loadb(text.base ? text.base : "", text.len, JSON_ALLOW_NUL, &e);
    if (!j) weft_error_set(err, WEFT_INVALID, "", "no JSON: %s", e.text);
    return j;
}

static const char *hint(long status) {
    return status == 401   ? " (the credentials are not accepted)"
           : status == 404 ? " (no such object or kind)"
           : status == 429 ? " (the server asks to slow down)"
                           : "";
}

char *kube_reply_fault(const struct weft_kube *k, long status, const json_t *body) {
    struct weft_slice text = weft_js_str(body, "message");
    if (text.len && status != 401)
        return weft_asprintf("%s: " WEFT_SLICE_FMT, k->config.server,
                             WEFT_SLICE_ARG(weft_slice_head_text(text, 1024)));
    return weft_asprintf("%s: HTTP status %ld%s", k->config.server, status, hint(status));
}

/* SPDX-License-Identifier: Apache-2.0
 * The CORS filter as data: lists joined as they are sent (REQ-097 to 101). */
#include "gamma_internal.h"

#include <weft/base/buf.h>
#include <weft/mesh/cors.h>

enum { DEFAULT_MAX_AGE_S = 5 }; /* REQ-097 */

const char *gamma_cors_fault(const json_t *cors) {
    const json_t *origins = gamma_items(cors, "allowOrigins");
    size_t i;
    json_t *o;
    if (!cors) return "the member cors is missing";
    json_array_foreach(origins, i, o) {
        struct weft_slice origin = weft_js_slice(o);
        if (weft_slice_is(origin, "*") && json_array_size(origins) > 1)
            return "allowOrigins: \"*\" must stand alone";
        if (weft_cors_origin_fault(origin))
            return "allowOrigins: an entry is no origin such as https://example.org";
    }
    return NULL;
}

static struct weft_slice joined(struct weft_arena *a, const json_t *list) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        struct weft_slice s = weft_js_slice(item);
        weft_buf_printf(&b, "%s" WEFT_SLICE_FMT, i ? "," : "", WEFT_SLICE_ARG(s));
    }
    struct weft_slice s = weft_arena_dup(a, weft_buf_slice(&b));
    weft_buf_done(&b);
    return s;
}

void gamma_cors_build(struct weft_arena *a, const json_t *cors, struct weft_cors *ret) {
    const json_t *origins = gamma_items(cors, "allowOrigins");
    *ret = (struct weft_cors){
        .origins = weft_arena_array(a, struct weft_slice, json_array_size(origins)),
        .methods = joined(a, gamma_items(cors, "allowMethods")),
        .allow_headers = joined(a, gamma_items(cors, "allowHeaders")),
        .expose_headers = joined(a, gamma_items(cors, "exposeHeaders")),
        .credentials = json_is_true(json_object_get(cors, "allowCredentials")),
        .max_age_s = (uint32_t)weft_js_int(cors, "maxAge", 1, INT32_MAX, DEFAULT_MAX_AGE_S),
    };
    size_t i;
    json_t *o;
    json_array_foreach(origins, i, o) ret->origins[ret->n_origins++] =
        weft_arena_dup(a, weft_js_slice(o));
}

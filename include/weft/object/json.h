/* SPDX-License-Identifier: Apache-2.0
 * Reading jansson values as slices and numbers; absent and wrongly typed members read as empty.
 * What is returned lives as long as the value it was read from. */
#pragma once
#include <jansson.h>
#include <weft/base/slice.h>

static inline struct weft_slice weft_js_slice(const json_t *j) {
    return json_is_string(j) ? weft_slice(json_string_value(j), json_string_length(j))
                             : WEFT_SLICE_EMPTY;
}
static inline struct weft_slice weft_js_str(const json_t *obj, const char *key) {
    return weft_js_slice(json_object_get(obj, key));
}
/* The value, or `missing` when absent, not an integer, or outside min..max. */
static inline int64_t weft_js_int(const json_t *obj, const char *key, int64_t min, int64_t max,
                                  int64_t missing) {
    const json_t *j = json_object_get(obj, key);
    int64_t v = json_is_integer(j) ? (int64_t)json_integer_value(j) : missing;
    return v < min || v > max ? missing : v;
}
static inline bool weft_js_bool(const json_t *obj, const char *key, bool missing) {
    const json_t *j = json_object_get(obj, key);
    return json_is_boolean(j) ? json_is_true(j) : missing;
}
/* Member of a member: weft_js_in(o, "metadata", "labels"). */
static inline json_t *weft_js_in(const json_t *obj, const char *a, const char *b) {
    return json_object_get(json_object_get(obj, a), b);
}

/* SPDX-License-Identifier: Apache-2.0
 * Short ways into Kubernetes objects held as JSON. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <weft/base/forward.h>

/* The value at a path such as "spec.template.metadata" (keys without dots), or NULL; borrowed. */
json_t *local_get(const json_t *o, const char *path);
/* The string there, or `otherwise`; borrowed. */
const char *local_str(const json_t *o, const char *path, const char *otherwise);
/* The integer there, or `otherwise`. */
json_int_t local_int(const json_t *o, const char *path, json_int_t otherwise);
/* The value of a label or annotation, whose key may hold dots: key `key` of the object at `path`.
 */
const char *local_label(const json_t *o, const char *path, const char *key);
/* Sets a string, making the object at `path` where it is missing. */
void local_set(json_t *o, const char *path, const char *key, json_t *value);
/* True if every pair of `selector` is in `labels`; an empty or missing selector selects nothing. */
bool local_selects(const json_t *selector, const json_t *labels);

static inline void local_json_decref(json_t **j) {
    json_decref(*j);
}
#define LOCAL_JSON __attribute__((cleanup(local_json_decref)))

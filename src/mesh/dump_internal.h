/* SPDX-License-Identifier: Apache-2.0
 * Pieces of the JSON dump. All return new references; empty things are left out of objects. */
#pragma once
#include <weft/mesh/dump.h>

/* Bytes that are not UTF-8 (a wire may carry them) become '?'. */
json_t *weft_dump_slice(struct weft_slice s);
/* Sets key unless the text is empty. */
void weft_dump_put(json_t *o, const char *key, struct weft_slice s);
/* Sets key unless `value` (taken over) is NULL, or an empty array or object. */
void weft_dump_put_json(json_t *o, const char *key, json_t *value);
void weft_dump_put_u64(json_t *o, const char *key, uint64_t value); /* unless 0 */
void weft_dump_put_str(json_t *o, const char *key, const char *value);
json_t *weft_dump_filters(const struct weft_filter *filters, uint32_t n);
json_t *weft_dump_rule(const struct weft_destination *d, const struct weft_rule *r);
json_t *weft_dump_backend(const struct weft_destination *d, const struct weft_backend *b);

/* SPDX-License-Identifier: Apache-2.0
 * Resources as JSON with sorted keys, for /config_dump, golden files and `weft compile -o json`. */
#pragma once
#include <jansson.h>
#include <weft/mesh/model.h>

/* New references. */
json_t *weft_dump_destination(const struct weft_destination *d);
json_t *weft_dump_endpoints(const struct weft_endpoints *e);
json_t *weft_dump_inbound(const struct weft_inbound *i);
/* {"destinations": {name: ...}, "endpoints": {...}, "inbound": {...}}; arrays may be NULL. */
json_t *weft_dump_all(struct weft_destination *const *d, size_t n_d,
                      struct weft_endpoints *const *e, size_t n_e, struct weft_inbound *const *i,
                      size_t n_i);
/* Sorted keys, two spaces, newline at the end; free() it. */
char *weft_dump_text(const json_t *j);

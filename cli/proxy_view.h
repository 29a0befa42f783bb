/* SPDX-License-Identifier: Apache-2.0
 * What a sidecar's admin port says, as tables for people. */
#pragma once
#include <jansson.h>
#include <stdio.h>
#include <weft/base/slice.h>

/* Of /config_dump. */
void proxy_view_destinations(FILE *out, const json_t *dump);
void proxy_view_routes(FILE *out, const json_t *dump);
void proxy_view_endpoints(FILE *out, const json_t *dump);
/* Adds pod and identity from the dump to the rows of /endpoints, found by address. */
void proxy_view_join(json_t *rows, const json_t *dump);
void proxy_view_live(FILE *out, const json_t *rows); /* joined rows of /endpoints */
/* The rules of /config_dump as one list, each with its "service" and "address". */
json_t *proxy_view_rules(const json_t *dump);
/* Series of a Prometheus text whose line contains `only` (NULL: all): [{"series", "value"}].
 * Histogram buckets are left out, and with `all` false also what is 0. */
json_t *proxy_view_series(struct weft_slice text, const char *only, bool all);

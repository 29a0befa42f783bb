/* SPDX-License-Identifier: Apache-2.0
 * The metrics for people: one line a series, or JSON with the labels taken apart. */
#pragma once
#include <weft/obs/metric.h>

struct proxy_stats_query {
    struct weft_slice filter; /* only lines that contain it; empty: all */
    bool all;                 /* also what is 0 */
    bool json;
};
/* From a URL's query: "filter=TEXT&all&format=json". WEFT_INVALID for anything else. */
enum weft_status proxy_stats_query_parse(struct weft_slice query, struct proxy_stats_query *ret);
void proxy_stats_view(struct weft_metrics *const *sets, size_t n_sets,
                      const struct proxy_stats_query *q, struct weft_buf *out);

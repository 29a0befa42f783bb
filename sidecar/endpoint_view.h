/* SPDX-License-Identifier: Apache-2.0
 * What the workers know of endpoints, as one JSON array: each worker copies its rows on its own
 * thread, the main thread adds up those of the same destination and endpoint. */
#pragma once
#include <sidecar/worker.h>

struct proxy_endpoint_row {
    struct weft_addr dest, endpoint; /* address of the destination; one a Service port and family */
    char *destination;               /* "ns/name:port" */
    unsigned worker;
    bool meshed, ejected;
    uint64_t active, ewma_us, requests, failures;
};
struct proxy_endpoint_rows {
    struct proxy_endpoint_row *items;
    size_t n, cap;
};
void proxy_endpoint_rows_done(struct proxy_endpoint_rows *r);
/* Adds this worker's rows. Only the worker's thread. */
void proxy_endpoint_rows_add(struct proxy_endpoint_rows *r, const struct proxy_worker *w);
/* Moves all of `from` to r. */
void proxy_endpoint_rows_move(struct proxy_endpoint_rows *r, struct proxy_endpoint_rows *from);
/* Sorted and added up: sums, the highest latency, ejected if for any. free() it. */
char *proxy_endpoint_rows_json(struct proxy_endpoint_rows *r);

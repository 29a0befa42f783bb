/* SPDX-License-Identifier: Apache-2.0
 * RequestMirror (REQ-095, 096; GEP-3171): a copy of a request on its way to one endpoint of another
 * Service. It shares nothing with the exchange but the worker: the request never waits for a copy,
 * nor fails with it, and what it answers is thrown away. A copy that cannot keep up is dropped. */
#pragma once
#include <sidecar/stream.h>

/* Where the filter stands, with the head as it is there: draws lots, then begins the copy, whose
 * body follows by the calls below. */
void proxy_mirror_start(struct proxy_exchange *x, const struct weft_mirror *m,
                        const struct weft_head *request);
/* The same to every copy of the exchange. */
void proxy_mirrors_data(struct proxy_exchange *x, struct weft_slice data);
void proxy_mirrors_end(struct proxy_exchange *x, const struct weft_fields *trailers);
/* The exchange ends: whole copies go on alone, the others are cut. */
void proxy_mirrors_leave(struct proxy_exchange *x);

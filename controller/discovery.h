/* SPDX-License-Identifier: Apache-2.0
 * Delta ADS streams of the proxies: who may see what, what is due to whom, and at what pace. */
#pragma once
#include <jansson.h>

#include <controller/metrics.h>
#include <controller/publish.h>
#include <weft/conn/server.h>

struct controller_discovery;
struct controller_discovery *controller_discovery_new(struct weft_loop *l, const char *trust_domain,
                                                      struct controller_metrics *m);
/* Ends all streams, so that proxies go to another replica, and takes no new ones. */
void controller_discovery_drain(struct controller_discovery *d);
/* Ends all streams. */
struct controller_discovery *controller_discovery_free(struct controller_discovery *d);
/* Nothing is answered before the first one. */
void controller_discovery_set_gamma(struct controller_discovery *d, struct weft_gamma *g);
struct controller_publish *controller_discovery_publish(struct controller_discovery *d);
/* One object for each open stream: whose it is, and what its proxy acknowledged. */
json_t *controller_discovery_proxies(struct controller_discovery *d);
/* Takes over the stream of one DeltaAggregatedResources call from a peer with a certificate. */
void controller_discovery_serve(struct controller_discovery *d, struct weft_stream *stream,
                                bool end, const struct weft_xport_info *peer);

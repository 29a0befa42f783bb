/* SPDX-License-Identifier: Apache-2.0
 * What callers' sidecars have counted of each route at each Service, put together from their
 * metrics. */
#pragma once
#include <stdio.h>
#include <weft/base/slice.h>
#include <weft/base/status.h>

struct cli_traffic;
struct cli_traffic_sum {
    uint64_t requests; /* ended, since the sidecars started */
    uint64_t failed;   /* of them: no status or 500 and above; gRPC: faults of the server */
    double p50, p99;   /* seconds, within the bucket by linear interpolation; -1: none ended */
};
struct cli_traffic *cli_traffic_new(void);
struct cli_traffic *cli_traffic_free(struct cli_traffic *t); /* takes NULL, returns NULL */
/* Adds the /metrics of one sidecar: its outbound series. INVALID, and nothing added: that is no
 * text of a weft-proxy. */
enum weft_status cli_traffic_add(struct cli_traffic *t, struct weft_slice text) WEFT_MUST_USE;
/* Of the `route` ("ns/name") of a `kind` ("HTTPRoute") at `service` ("ns/name"); port 0: at all of
 * its ports. */
struct cli_traffic_sum cli_traffic_of(const struct cli_traffic *t, const char *kind,
                                      const char *route, const char *service, uint16_t port);

/* === fetching: each prints on stderr who did not answer, and why; false: nobody did, though
 * somebody was there to be asked === */

struct cli_input;
struct cli_options;
struct local_target;
/* Port 15020 of each pod with a sidecar, through the API server (get pods/proxy), some at once. */
bool cli_traffic_fetch_cluster(struct cli_traffic *t, const struct cli_input *in,
                               const struct cli_options *opt);
/* The admin port of each sidecar of a local mesh, from inside its pod; needs root. */
bool cli_traffic_fetch_local(struct cli_traffic *t, struct local_target *target);

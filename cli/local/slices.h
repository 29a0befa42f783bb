/* SPDX-License-Identifier: Apache-2.0
 * EndpointSlices of Services with selectors, as the cluster's endpoint controller makes them.
 * Pure: objects in, objects out. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct slices_pod {
    const json_t *obj; /* Pod with status.podIPs */
    bool ready;
    bool terminating;
};

/* The array of EndpointSlices (new reference) for one Service; empty if it has no selector. One
 * slice per address family of the Service and per set of resolved target ports. Endpoints are in
 * the order of `pods`. Pods without an address are left out. */
json_t *slices_build(const json_t *service, const struct slices_pod *pods, size_t n);
/* The number of a Service port's target on this pod; 0 if it names a port the pod lacks. */
unsigned slices_target_port(const json_t *service_port, const json_t *pod);

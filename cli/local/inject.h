/* SPDX-License-Identifier: Apache-2.0
 * Which pods get a sidecar. One pure function decides, so that every place that injects decides
 * alike. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#define LOCAL_INJECT_KEY  "weftmesh.io/inject"
#define LOCAL_SIDECAR_KEY "weftmesh.io/sidecar"

struct inject_decision {
    bool inject;
    const char *why; /* static text: which rule decided */
};

/* The pod's annotation `weftmesh.io/inject: enabled|disabled` wins over the namespace's label of
 * the same name; any other value counts as absent; neither: not injected. Pods on the host's
 * network and pods that carry `weftmesh.io/sidecar` already are never injected. `ns` may be NULL.
 */
struct inject_decision inject_decide(const json_t *pod, const json_t *ns);

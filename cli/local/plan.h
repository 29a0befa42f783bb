/* SPDX-License-Identifier: Apache-2.0
 * What a folder of manifests asks for: pods (bare, or replicas of a Deployment), Services and what
 * they imply. Pure: a store in, a plan out; no addresses, no processes. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <weft/object/store.h>

struct local_plan {
    json_t *pods;            /* Pod objects, sidecar mark set where injected; in a fixed order */
    json_t *services;        /* as written */
    json_t *slices;          /* hand-written EndpointSlices */
    json_t *namespaces;      /* those that pods or Services live in and nobody wrote down */
    json_t *serviceaccounts; /* likewise, and `default` of each namespace */
    json_t *warnings;        /* strings: what is not honoured, and where */
};

/* With `inject` false no pod gets a sidecar. */
void local_plan_init(struct local_plan *p, const struct weft_store *store, bool inject);
void local_plan_done(struct local_plan *p);
/* Names each field of a Pod that is not honoured; appended to `warnings`. */
void local_plan_warn(json_t *warnings, const json_t *pod);
/* The workload that a pod came from ("Deployment/frontend"), or NULL for a bare one. */
const char *local_pod_owner(const json_t *pod);

#define LOCAL_OWNER_KEY "weftmesh.io/local-owner"

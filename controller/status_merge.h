/* SPDX-License-Identifier: Apache-2.0
 * What a route's status.parents becomes (REQ-138 to REQ-143): ours as they should be, the entries
 * and conditions of others as they are. Pure. */
#pragma once
#include <jansson.h>
#include <weft/base/slice.h>

#define CONTROLLER_NAME "weftmesh.io/mesh-controller"

struct controller_status_merge {
    json_t *parents;   /* new reference */
    bool changed;      /* differs from what is there */
    unsigned left_out; /* entries of ours beyond the 32 that the API allows */
    const char *unfit; /* NULL, or which of the CRD's rules our entries break: not to be sent */
};
/* `current` (status.parents as it is) may be NULL; `wanted`: our entries, without times; `now`: a
 * metav1.Time for what changed. Entries that speak of a later generation than `generation` stay. */
struct controller_status_merge controller_status_merge(const json_t *current, const json_t *wanted,
                                                       int64_t generation, const char *now);
/* The same for one list of conditions, of which the types in `own` (NULL-terminated) are ours. */
json_t *controller_conditions_merge(const json_t *current, const json_t *wanted,
                                    const char *const *own, const char *now);
/* NULL when a condition fits the API's rules (lengths, patterns), after its message was cut to what
 * the API takes. */
const char *controller_condition_unfit(json_t *condition);

/* SPDX-License-Identifier: Apache-2.0
 * How many pods a workload shall have, where `weft local scale` said otherwise than its manifest.
 * Pure. */
#pragma once
#include <jansson.h>
#include <weft/object/store.h>

/* Finds the workload "NS/NAME" or NAME and notes its number in `wanted` ("Kind/NS/NAME" → n).
 * WEFT_NOT_FOUND when there is none, WEFT_INVALID when several have the name. */
enum weft_status replicas_note(json_t *wanted, const struct weft_store *store, const char *workload,
                               json_int_t n, struct weft_error *err);
/* Sets spec.replicas of those that `wanted` names. */
void replicas_apply(const json_t *wanted, const struct weft_store *store);

/* SPDX-License-Identifier: Apache-2.0
 * Events on objects, for what their status cannot say. The same one is not told twice in an hour.
 */
#pragma once
#include <controller/metrics.h>
#include <weft/kube/client.h>
#include <weft/object/object.h>

struct controller_events;
struct controller_events *controller_events_new(struct weft_loop *l, struct weft_kube *k,
                                                const char *instance);
struct controller_events *controller_events_free(struct controller_events *e);
/* A warning. `reason` is one word in CamelCase. */
void controller_events_add(struct controller_events *e, const struct weft_object *about,
                           const char *reason, const char *message);

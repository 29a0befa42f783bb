/* SPDX-License-Identifier: Apache-2.0
 * Writes the status of routes (REQ-138 to REQ-149): the leader only, only what differs, and at a
 * pace that the API server does not notice. Nothing here is remembered that matters: what there is
 * to do comes from comparing what is wanted with what the store holds. */
#pragma once
#include <controller/events.h>
#include <controller/metrics.h>
#include <weft/kube/client.h>
#include <weft/object/store.h>

struct controller_status_options {
    struct weft_kube *kube;
    const struct weft_store *store; /* routes with their status and resourceVersion */
    struct controller_events *events;
    struct controller_metrics *metrics;
    /* What statuses should be, as weft_gamma_status gives it: a new reference; NULL: not known. */
    json_t *(*wanted)(void *ud);
    void *ud;
};
struct controller_status;
struct controller_status *controller_status_new(struct weft_loop *l,
                                                const struct controller_status_options *opt);
void controller_status_lead(struct controller_status *s, bool leads);
/* Something is another now, wanted or stored. Many calls of one moment cost one comparison; one
 * comes by itself every minute. */
void controller_status_look(struct controller_status *s);
struct controller_status *controller_status_free(struct controller_status *s);

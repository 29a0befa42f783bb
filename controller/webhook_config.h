/* SPDX-License-Identifier: Apache-2.0
 * The MutatingWebhookConfiguration by which the API server finds our webhook: the leader keeps the
 * bundle in it that the webhook's certificate chains to. Nothing else of it is touched, and it is
 * never made: without it there is no injection. */
#pragma once
#include <controller/ca.h>
#include <weft/kube/client.h>

struct controller_webhook_config;
struct controller_webhook_config *controller_webhook_config_new(struct weft_loop *l,
                                                                struct weft_kube *k,
                                                                const struct controller_ca *ca,
                                                                const char *name);
void controller_webhook_config_lead(struct controller_webhook_config *w, bool leads);
/* The CA's bundle may be another now. */
void controller_webhook_config_renew(struct controller_webhook_config *w);
/* True when every entry has the bundle in force, or there is no configuration. */
bool controller_webhook_config_current(const struct controller_webhook_config *w);
struct controller_webhook_config *
controller_webhook_config_free(struct controller_webhook_config *w);

/* SPDX-License-Identifier: Apache-2.0
 * The admission endpoint: HTTPS on a port of its own, where the API server shows every new pod and
 * gets it back with a sidecar. POST /inject; POST /inject/enabled when the API server has chosen by
 * the namespace's label, so that a namespace which has just been made needs not be known here. */
#pragma once
#include <controller/ca.h>
#include <controller/metrics.h>
#include <weft/gamma/inject.h>
#include <weft/net/xport.h>
#include <weft/object/store.h>

struct controller_webhook;
struct controller_webhook_options {
    struct weft_addr listen;
    const char *name; /* DNS name in the serving certificate */
    /* Images and where the sidecars come to; strings must live on. The trust bundle is the CA's. */
    struct weft_inject_options inject;
    const struct controller_ca *ca;
    const struct weft_store *store; /* Namespace objects */
    struct controller_metrics *metrics;
};
enum weft_status controller_webhook_new(struct weft_loop *l,
                                        const struct controller_webhook_options *opt,
                                        struct controller_webhook **ret, struct weft_error *err);
/* Takes a new serving certificate from the CA: by itself every eight hours, or when the CA is
 * another now. Open connections keep what they began with. AGAIN: the CA has nothing to sign with;
 * until it has, connections are closed at once. */
enum weft_status controller_webhook_renew(struct controller_webhook *w, struct weft_error *err);
/* Ordinary containers as sidecars from now on, or native ones. */
void controller_webhook_classic(struct controller_webhook *w, bool classic);
/* Frees itself when the last connection is gone. Takes NULL. */
void controller_webhook_close(struct controller_webhook *w);
struct weft_addr controller_webhook_addr(const struct controller_webhook *w);

/* SPDX-License-Identifier: Apache-2.0
 * The authority's material in a Secret (type kubernetes.io/tls): tls.key and tls.crt to sign with,
 * issuer first, root last; ca.crt: more roots to trust. Every replica watches it, the leader makes
 * it where there is none. */
#pragma once
#include <controller/ca.h>
#include <weft/kube/client.h>

struct controller_ca_secret;
struct controller_ca_secret_cb {
    void *ud;
    void (*on_changed)(void *ud); /* something else is in force in the ca */
};
struct controller_ca_secret *controller_ca_secret_new(struct weft_loop *l, struct weft_kube *k,
                                                      struct controller_ca *ca, const char *ns,
                                                      const char *name,
                                                      const struct controller_ca_secret_cb *cb);
/* A Secret that is missing is made while `leads`: with what is in force, else with a new root. */
void controller_ca_secret_lead(struct controller_ca_secret *s, bool leads);
struct controller_ca_secret *controller_ca_secret_free(struct controller_ca_secret *s);

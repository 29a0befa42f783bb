/* SPDX-License-Identifier: Apache-2.0
 * The authority's material in a Secret (type kubernetes.io/tls): tls.key and tls.crt to sign with,
 * issuer first, root last; ca.crt: more roots to trust. Every replica watches it, the leader makes
 * it where there is none, by an issuer below the root in a Secret of its own, and keeps that issuer
 * young. */
#pragma once
#include <controller/ca.h>
#include <weft/kube/client.h>

struct controller_ca_secret;
struct controller_ca_secret_cb {
    void *ud;
    void (*on_changed)(void *ud); /* something else is in force in the ca */
    /* See controller_ca_renewal_options; may be NULL. */
    void (*on_unrenewed)(void *ud, const char *why);
};
struct controller_ca_secret_options {
    const char *ns, *name;
    const char *root_name; /* the Secret of the root */
    int64_t issuer_ttl_s;  /* 0: a year */
};
struct controller_ca_secret *
controller_ca_secret_new(struct weft_loop *l, struct weft_kube *k, struct controller_ca *ca,
                         const struct controller_ca_secret_options *opt,
                         const struct controller_ca_secret_cb *cb);
/* A Secret that is missing is made while `leads`: with what is in force, else with a new issuer of
 * the root, which is made where there is none either. */
void controller_ca_secret_lead(struct controller_ca_secret *s, bool leads);
struct controller_ca_secret *controller_ca_secret_free(struct controller_ca_secret *s);

/* SPDX-License-Identifier: Apache-2.0
 * The leader keeps the issuer in the authority's Secret young: at two thirds of its life it makes
 * another one below the same root, so that no trust changes. A root that signs itself gets one as
 * soon as there is a Secret with that root. */
#pragma once
#include <controller/ca_root.h>

struct controller_ca_renewal_options {
    struct weft_loop *loop;
    const char *name;                       /* the authority's Secret, beside the root's */
    struct controller_ca_root_options root; /* without on_issued */
    /* Each look by the leader at what is near its end or cannot be read, or at a root that is of no
     * use: why nothing was done. NULL: all is well (again), or it leads no more. May be NULL. */
    void (*on_unrenewed)(void *ud, const char *why);
    void *ud;
};
struct controller_ca_renewal;
struct controller_ca_renewal *
controller_ca_renewal_new(const struct controller_ca_renewal_options *opt);
void controller_ca_renewal_lead(struct controller_ca_renewal *r, bool leads);
/* What the Secret holds now; NULL: it is gone. */
void controller_ca_renewal_note(struct controller_ca_renewal *r, const json_t *secret);
struct controller_ca_renewal *controller_ca_renewal_free(struct controller_ca_renewal *r);

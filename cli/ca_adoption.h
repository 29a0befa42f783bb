/* SPDX-License-Identifier: Apache-2.0
 * Which sidecars trust what they are to trust, and have a certificate of the root that signs: as
 * their metrics tell it. */
#pragma once
#include <cli/ask.h>
#include <cli/ca_state.h>

struct cli_ca_adoption {
    const struct cli_ca *ca;
    size_t n;       /* sidecars */
    size_t silent;  /* of them: did not answer, or are of a version that does not tell */
    size_t bundle;  /* trust what they are to */
    size_t root;    /* have a certificate of the root that signs */
    json_t *behind; /* {pod, why} of those that are neither; the caller's */
};
/* `why` NULL: `text` is its /metrics. */
void cli_ca_adoption_add(struct cli_ca_adoption *a, const char *pod, struct weft_slice text,
                         const char *why);
/* May `next` be taken: has every sidecar taken up what it builds on? */
bool cli_ca_has_arrived(const struct cli_ca_adoption *a, enum cli_ca_step next);
/* Asks every pod with a sidecar. False: who there is could not be read; it was printed why. */
bool cli_ca_adoption_fetch(struct cli_ca_adoption *a, struct cli_ask *ask);
/* Why the webhook is not believed yet by what proxies are to trust; NULL: it is, or there is no
 * such configuration. The caller frees. */
char *cli_ca_hook_behind(struct cli_ask *ask, const char *name, const struct cli_ca *ca);

/* SPDX-License-Identifier: Apache-2.0
 * The steps of replacing the root, each a guarded write or two to the authority's Secrets. */
#pragma once
#include <cli/ask.h>
#include <cli/ca_state.h>

struct cli_ca_at {
    struct cli_ask *ask;
    const char *ns, *name, *root_name; /* of the Secrets */
    json_t *secret, *root;             /* as read; root may be NULL */
    struct cli_ca ca;
};
/* Reads both Secrets. False: it was printed why. End it with cli_ca_at_done, also then. */
bool cli_ca_at_read(struct cli_ca_at *at);
void cli_ca_at_done(struct cli_ca_at *at);
/* Writes what the step is; nothing when a Secret is another one by now. False: it was printed why;
 * what is half done is gone on with by the same step. `trust_domain`: of a new root. */
bool cli_ca_take(struct cli_ca_at *at, enum cli_ca_step step, const char *trust_domain);

/* SPDX-License-Identifier: Apache-2.0
 * From options and what is there to the rules to write, for one address family. Pure: tests and
 * --dry-run stop after it. */
#pragma once
#include <init/options.h>
#include <init/saved.h>

/* Our chains in the nat table. */
#define INIT_CHAIN_OUT          "WEFT_OUT"          /* from OUTPUT: who and what is exempt */
#define INIT_CHAIN_OUT_NET      "WEFT_OUT_NET"      /* is the destination network included? */
#define INIT_CHAIN_OUT_REDIRECT "WEFT_OUT_REDIRECT" /* to the outbound port */
#define INIT_CHAIN_IN           "WEFT_IN"           /* from PREROUTING: which ports */
#define INIT_CHAIN_IN_REDIRECT  "WEFT_IN_REDIRECT"  /* to the inbound port */

enum init_op { INIT_APPEND, INIT_HEAD, INIT_DELETE };
enum init_match { INIT_ANY, INIT_TCP, INIT_LO, INIT_UID, INIT_GID, INIT_PORT, INIT_NET };

struct init_rule {
    enum init_op op;
    const char *chain;
    enum init_match match;
    struct init_range range; /* UID, GID, PORT */
    struct init_cidr net;    /* NET */
    const char *target;      /* a chain, or NULL: RETURN, or with to_port REDIRECT */
    uint16_t to_port;
    struct weft_slice saved; /* DELETE: the rule as iptables-save wrote it, instead of the above */
};

struct init_plan {
    int family;                /* 4 or 6 */
    struct weft_slice *chains; /* declared, which makes or empties them */
    size_t n_chains;
    struct init_rule *rules;
    size_t n_rules, cap_rules;
    struct weft_slice *drops; /* chains removed at the end */
    size_t n_drops;
};

/* Everything lives in `a` (no limit). The plan is complete: restoring it leads to the same rules
 * whatever of ours stood there before. */
void init_plan_apply(struct weft_arena *a, const struct init_options *o,
                     const struct init_saved *saved, int family, struct init_plan *ret);
/* Empty (no chains, no rules) when there is nothing of ours. */
void init_plan_cleanup(struct weft_arena *a, const struct init_saved *saved, int family,
                       struct init_plan *ret);

/* SPDX-License-Identifier: Apache-2.0
 * What `iptables-save` shows of one back end and family, as far as it concerns us. Pure. */
#pragma once
#include <weft/base/arena.h>

#define INIT_PREFIX "WEFT_" /* every chain with this prefix is ours */

struct init_jump {
    struct weft_slice chain; /* the chain it stands in, not one of ours */
    struct weft_slice spec;  /* the whole line after "-A " */
    bool at_head;            /* the first rule of that chain */
};

struct init_saved {
    size_t foreign;            /* rules and chains that are not ours, in any table */
    struct weft_slice *chains; /* ours, in the nat table */
    size_t n_chains;
    struct init_saved_rule {
        struct weft_slice chain, spec; /* spec: the whole line after "-A " */
    } * rules;                         /* in our chains, in order */
    size_t n_rules;
    struct init_jump *jumps; /* rules in others' chains that lead into ours, nat table */
    size_t n_jumps;
};

/* `text` must outlive ret; unknown lines are skipped. */
void init_saved_parse(struct weft_arena *a, struct weft_slice text, struct init_saved *ret);
/* Is anything of ours there? */
static inline bool init_saved_ours(const struct init_saved *s) {
    return s->n_chains > 0 || s->n_jumps > 0;
}

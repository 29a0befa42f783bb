/* SPDX-License-Identifier: Apache-2.0
 * The rules and their order. Outbound: first who is exempt (what stays in the pod, the proxy
 * itself, excluded ids), then which destinations are, then what is included. An app that calls its
 * own pod address goes over lo and stays direct; one that calls its own Service leaves towards the
 * ClusterIP, hence over the pod's interface, and is redirected like any other call. The proxy's own
 * connections, over lo or not, are exempt, so that neither direction can loop. */
#include <init/plan.h>

static const char *const own_chains[] = {INIT_CHAIN_OUT, INIT_CHAIN_OUT_NET,
                                         INIT_CHAIN_OUT_REDIRECT, INIT_CHAIN_IN,
                                         INIT_CHAIN_IN_REDIRECT};

static const struct entry {
    const char *chain, *target, *saved;
} entries[] = {
    {"OUTPUT", INIT_CHAIN_OUT, "OUTPUT -p tcp -j " INIT_CHAIN_OUT},
    {"PREROUTING", INIT_CHAIN_IN, "PREROUTING -p tcp -j " INIT_CHAIN_IN},
};

struct build {
    struct weft_arena *arena;
    struct init_plan *plan;
};

static void add(struct build *b, struct init_rule r) {
    struct init_plan *p = b->plan;
    if (p->n_rules == p->cap_rules) {
        p->cap_rules = p->cap_rules ? 2 * p->cap_rules : 64;
        struct init_rule *grown = weft_arena_array(b->arena, struct init_rule, p->cap_rules);
        if (p->n_rules) memcpy(grown, p->rules, p->n_rules * sizeof *grown);
        p->rules = grown;
    }
    p->rules[p->n_rules++] = r;
}

static void add_ranges(struct build *b, const char *chain, enum init_match match,
                       const struct init_ranges *list, const char *target) {
    for (size_t i = 0; i < list->n; i++)
        add(b, (struct init_rule){
                   .chain = chain, .match = match, .range = list->at[i], .target = target});
}

static void add_number(struct build *b, const char *chain, enum init_match match, uint64_t n) {
    struct init_range r = {(uint32_t)n, (uint32_t)n};
    add(b, (struct init_rule){.chain = chain, .match = match, .range = r});
}

static void add_nets(struct build *b, const char *chain, const struct init_cidrs *list,
                     const char *target) {
    for (size_t i = 0; i < list->n; i++)
        if (list->at[i].addr.family == b->plan->family)
            add(b, (struct init_rule){
                       .chain = chain, .match = INIT_NET, .net = list->at[i], .target = target});
}

static void plan_outbound(struct build *b, const struct init_options *o) {
    const char *out = INIT_CHAIN_OUT, *net = INIT_CHAIN_OUT_NET;
    add(b, (struct init_rule){.chain = out, .match = INIT_LO});
    add_number(b, out, INIT_UID, o->proxy_uid);
    add_number(b, out, INIT_GID, o->proxy_gid);
    add_ranges(b, out, INIT_UID, &o->exclude_outbound_uids, NULL);
    add_ranges(b, out, INIT_GID, &o->exclude_outbound_gids, NULL);
    /* Another pod's metrics and readiness are not behind its proxy, so not behind ours either. */
    add_number(b, out, INIT_PORT, INIT_METRICS_PORT);
    add_number(b, out, INIT_PORT, INIT_READY_PORT);
    add_nets(b, out, &o->exclude_outbound_cidrs, NULL);
    add_ranges(b, out, INIT_PORT, &o->exclude_outbound_ports, NULL);
    add_ranges(b, out, INIT_PORT, &o->include_outbound_ports, net);
    if (o->include_outbound_ports.all) add(b, (struct init_rule){.chain = out, .target = net});
    add_nets(b, net, &o->include_outbound_cidrs, INIT_CHAIN_OUT_REDIRECT);
    if (o->include_outbound_cidrs.all)
        add(b, (struct init_rule){.chain = net, .target = INIT_CHAIN_OUT_REDIRECT});
    add(b, (struct init_rule){.chain = INIT_CHAIN_OUT_REDIRECT,
                              .match = INIT_TCP,
                              .to_port = (uint16_t)o->outbound_port});
}

static void plan_inbound(struct build *b, const struct init_options *o) {
    const char *in = INIT_CHAIN_IN;
    add_number(b, in, INIT_PORT, INIT_ADMIN_PORT);
    add_number(b, in, INIT_PORT, INIT_METRICS_PORT);
    add_number(b, in, INIT_PORT, INIT_READY_PORT);
    add_ranges(b, in, INIT_PORT, &o->exclude_inbound_ports, NULL);
    add_ranges(b, in, INIT_PORT, &o->include_inbound_ports, INIT_CHAIN_IN_REDIRECT);
    if (o->include_inbound_ports.all)
        add(b, (struct init_rule){.chain = in, .target = INIT_CHAIN_IN_REDIRECT});
    add(b, (struct init_rule){.chain = INIT_CHAIN_IN_REDIRECT,
                              .match = INIT_TCP,
                              .to_port = (uint16_t)o->inbound_port});
}

static bool in_place(const struct init_jump *j) {
    for (size_t i = 0; i < WEFT_LEN(entries); i++)
        if (j->at_head && weft_slice_is(j->spec, entries[i].saved)) return true;
    return false;
}

static void delete_jump(struct build *b, const struct init_jump *j) {
    add(b, (struct init_rule){.op = INIT_DELETE, .saved = j->spec});
}

/* A jump stays where it stands alone at the head. Deleting removes the first rule that reads the
 * same, so of a doubled one all copies go, and the head is written anew. */
static void plan_jumps(struct build *b, const struct init_saved *saved) {
    bool keep[WEFT_LEN(entries)];
    for (size_t i = 0; i < WEFT_LEN(entries); i++) {
        size_t same = 0, good = 0;
        for (size_t k = 0; k < saved->n_jumps; k++) {
            if (!weft_slice_is(saved->jumps[k].spec, entries[i].saved)) continue;
            same++;
            good += in_place(&saved->jumps[k]);
        }
        keep[i] = same == 1 && good == 1;
    }
    for (size_t k = 0; k < saved->n_jumps; k++) {
        bool kept = false;
        for (size_t i = 0; i < WEFT_LEN(entries); i++)
            kept |= keep[i] && weft_slice_is(saved->jumps[k].spec, entries[i].saved);
        if (!kept) delete_jump(b, &saved->jumps[k]);
    }
    for (size_t i = 0; i < WEFT_LEN(entries); i++)
        if (!keep[i])
            add(b, (struct init_rule){.op = INIT_HEAD,
                                      .chain = entries[i].chain,
                                      .match = INIT_TCP,
                                      .target = entries[i].target});
}

static bool is_current(struct weft_slice chain) {
    for (size_t i = 0; i < WEFT_LEN(own_chains); i++)
        if (weft_slice_is(chain, own_chains[i])) return true;
    return false;
}

/* Chains that an older version left behind are emptied first and dropped last. */
static void plan_chains(struct build *b, const struct init_saved *saved) {
    struct init_plan *p = b->plan;
    p->chains =
        weft_arena_array(b->arena, struct weft_slice, WEFT_LEN(own_chains) + saved->n_chains);
    p->drops = weft_arena_array(b->arena, struct weft_slice, saved->n_chains + 1);
    for (size_t i = 0; i < WEFT_LEN(own_chains); i++)
        p->chains[p->n_chains++] = weft_slice_str(own_chains[i]);
    for (size_t i = 0; i < saved->n_chains; i++) {
        if (is_current(saved->chains[i])) continue;
        p->chains[p->n_chains++] = saved->chains[i];
        p->drops[p->n_drops++] = saved->chains[i];
    }
}

void init_plan_apply(struct weft_arena *a, const struct init_options *o,
                     const struct init_saved *saved, int family, struct init_plan *ret) {
    *ret = (struct init_plan){.family = family};
    struct build b = {a, ret};
    plan_chains(&b, saved);
    plan_jumps(&b, saved);
    plan_outbound(&b, o);
    plan_inbound(&b, o);
}

void init_plan_cleanup(struct weft_arena *a, const struct init_saved *saved, int family,
                       struct init_plan *ret) {
    *ret = (struct init_plan){.family = family};
    struct build b = {a, ret};
    ret->chains = ret->drops = weft_arena_array(a, struct weft_slice, saved->n_chains + 1);
    for (size_t i = 0; i < saved->n_chains; i++) ret->chains[i] = saved->chains[i];
    ret->n_chains = ret->n_drops = saved->n_chains;
    for (size_t i = 0; i < saved->n_jumps; i++) delete_jump(&b, &saved->jumps[i]);
}

/* SPDX-License-Identifier: Apache-2.0
 * The plan that would be written now is what should be there: what it appends must stand in our
 * chains in that order; what it deletes, drops or puts at a head is a difference. */
#include <init/compare.h>

#include <init/render.h>

/* ---- rules ---- */

struct compare {
    const struct init_plan *plan;
    const struct init_saved *saved;
    struct weft_buf *out;
};

static bool holds_chain(const struct init_saved *s, struct weft_slice chain) {
    for (size_t i = 0; i < s->n_chains; i++)
        if (weft_slice_eq(s->chains[i], chain)) return true;
    return false;
}

/* The next rule of `chain` from *at on; false: none is left. */
static bool next_saved(const struct init_saved *s, struct weft_slice chain, size_t *at,
                       struct weft_slice *ret) {
    while (*at < s->n_rules && !weft_slice_eq(s->rules[*at].chain, chain)) ++*at;
    if (*at == s->n_rules) return false;
    *ret = s->rules[(*at)++].spec;
    return true;
}

static bool next_planned(const struct init_plan *p, struct weft_slice chain, size_t *at,
                         struct weft_buf *ret) {
    while (*at < p->n_rules &&
           (p->rules[*at].op != INIT_APPEND || !weft_slice_is(chain, p->rules[*at].chain)))
        ++*at;
    if (*at == p->n_rules) return false;
    weft_buf_clear(ret);
    init_render_spec(&p->rules[(*at)++], ret);
    return true;
}

/* Up to the first difference: what follows it would only repeat that. */
static void compare_chain(struct compare *c, struct weft_slice chain) {
    size_t at_plan = 0, at_saved = 0;
    struct weft_buf want;
    weft_buf_init(&want, 0);
    for (;;) {
        struct weft_slice is = WEFT_SLICE_EMPTY;
        bool planned = next_planned(c->plan, chain, &at_plan, &want);
        bool saved = next_saved(c->saved, chain, &at_saved, &is);
        struct weft_slice should = weft_buf_slice(&want);
        if (!planned && !saved) break;
        if (planned && saved && weft_slice_eq(is, should)) continue;
        if (planned)
            weft_buf_printf(c->out, "missing: -A " WEFT_SLICE_FMT "\n", WEFT_SLICE_ARG(should));
        if (saved)
            weft_buf_printf(c->out, "instead or beside: -A " WEFT_SLICE_FMT "\n",
                            WEFT_SLICE_ARG(is));
        break;
    }
    weft_buf_done(&want);
}

static void compare_jumps(struct compare *c) {
    for (size_t i = 0; i < c->plan->n_rules; i++) {
        const struct init_rule *r = &c->plan->rules[i];
        if (r->op == INIT_HEAD)
            weft_buf_printf(c->out, "not at the head of %s, once: the jump to %s\n", r->chain,
                            r->target);
        else if (r->op == INIT_DELETE)
            weft_buf_printf(c->out, "out of place: -A " WEFT_SLICE_FMT "\n",
                            WEFT_SLICE_ARG(r->saved));
    }
}

void init_compare(struct weft_arena *a, const struct init_options *o,
                  const struct init_saved *saved, int family, struct weft_buf *out) {
    struct init_plan plan;
    init_plan_apply(a, o, saved, family, &plan);
    struct compare c = {&plan, saved, out};
    if (!init_saved_ours(saved)) {
        weft_buf_str(out, "there are no rules of weft-init\n");
        return;
    }
    compare_jumps(&c);
    for (size_t i = 0; i < plan.n_drops; i++)
        weft_buf_printf(out, "of another version: chain " WEFT_SLICE_FMT "\n",
                        WEFT_SLICE_ARG(plan.drops[i]));
    for (size_t i = 0; i < plan.n_chains - plan.n_drops; i++)
        if (holds_chain(saved, plan.chains[i]))
            compare_chain(&c, plan.chains[i]);
        else
            weft_buf_printf(out, "missing: chain " WEFT_SLICE_FMT "\n",
                            WEFT_SLICE_ARG(plan.chains[i]));
}

/* ---- a destination ---- */

static bool in_ranges(const struct init_ranges *list, uint32_t n) {
    for (size_t i = 0; i < list->n; i++)
        if (n >= list->at[i].first && n <= list->at[i].last) return true;
    return list->all;
}

static bool in_cidr(const struct init_cidr *c, const struct weft_addr *ip) {
    if (c->addr.family != ip->family) return false;
    for (unsigned bit = 0; bit < c->bits; bit++)
        if ((c->addr.ip[bit / 8] ^ ip->ip[bit / 8]) >> (7 - bit % 8) & 1) return false;
    return true;
}

static bool in_cidrs(const struct init_cidrs *list, const struct weft_addr *ip) {
    for (size_t i = 0; i < list->n; i++)
        if (in_cidr(&list->at[i], ip)) return true;
    return list->all;
}

static bool find_address(const struct init_options *o, int family, struct weft_addr *ret) {
    static const char *const nobodys[] = {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1",
                                          "3fff::1"};
    for (size_t i = 0; i < WEFT_LEN(nobodys); i++) {
        if (!weft_addr_parse_ip(weft_slice_str(nobodys[i]), ret) || ret->family != family) continue;
        if (in_cidrs(&o->include_outbound_cidrs, ret) && !in_cidrs(&o->exclude_outbound_cidrs, ret))
            return true;
    }
    return false;
}

static uint16_t find_port(const struct init_options *o) {
    for (uint32_t i = 0; i < 65535; i++) {
        uint32_t port = (79 + i) % 65535 + 1; /* 80 first */
        if (port == INIT_METRICS_PORT || port == INIT_READY_PORT) continue;
        if (in_ranges(&o->include_outbound_ports, port) &&
            !in_ranges(&o->exclude_outbound_ports, port))
            return (uint16_t)port;
    }
    return 0;
}

const char *init_compare_target(const struct init_options *o, int family, uint32_t uid,
                                uint32_t gid, struct weft_addr *ret) {
    if (uid == o->proxy_uid || in_ranges(&o->exclude_outbound_uids, uid))
        return "the user id of this process is exempt";
    if (gid == o->proxy_gid || in_ranges(&o->exclude_outbound_gids, gid))
        return "the group id of this process is exempt";
    if (!find_address(o, family, ret)) return "no documentation address is included";
    ret->port = find_port(o);
    return ret->port ? NULL : "no port is included";
}

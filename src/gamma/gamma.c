/* SPDX-License-Identifier: Apache-2.0
 * The order of the steps: index the objects, judge the rules, attach the routes, settle kinds.
 * Resources are made from the result on demand (destination.c, endpoints.c, inbound.c,
 * conditions.c). */
#include "gamma_internal.h"

#include <weft/base/alloc.h>

void gamma_list_add(struct weft_arena *a, struct gamma_list *l, void *item) {
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 4;
        void **items = weft_arena_array(a, void *, cap);
        if (l->n) memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = item;
}

struct weft_gamma *weft_gamma_new(const struct weft_store *s,
                                  const struct weft_gamma_options *opt) {
    struct weft_gamma *g = weft_new0(struct weft_gamma);
    weft_arena_init(&g->arena, 0);
    const char *domain =
        opt->trust_domain && *opt->trust_domain ? opt->trust_domain : "cluster.local";
    g->trust_domain = weft_arena_dup_str(&g->arena, domain);
    g->experimental = opt->experimental;
    g->require_reference_grant = opt->require_reference_grant;
    g->default_rules = json_pack("[{}]"); /* the CRD's default: one match of prefix "/" */
    gamma_index(g, s);
    for (uint32_t i = 0; i < g->routes.n; i++) {
        gamma_judge_rules(g, g->routes.items[i]);
        gamma_attach(g, g->routes.items[i]);
    }
    gamma_settle_kinds(g);
    return g;
}

struct weft_gamma *weft_gamma_free(struct weft_gamma *g) {
    if (!g) return NULL;
    HASH_CLEAR(hh, g->services);
    HASH_CLEAR(hh, g->nodes);
    HASH_CLEAR(hh, g->slices);
    HASH_CLEAR(hh, g->pods);
    HASH_CLEAR(hh, g->ips);
    HASH_CLEAR(hh, g->namespaces);
    for (uint32_t i = 0; i < g->kept.n; i++) json_decref(g->kept.items[i]);
    json_decref(g->default_rules);
    weft_arena_done(&g->arena);
    free(g);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * Gathers a snapshot from gamma. */
#include <cli/view.h>

#include <uthash.h>
#include <weft/base/alloc.h>

struct name {
    UT_hash_handle hh;
    struct weft_slice text;
};
struct gather {
    const struct weft_gamma *g;
    struct weft_slice ns;
    struct weft_snapshot *s;
    struct name *names;
    struct weft_arena scratch; /* arrays while they grow */
};

/* Arrays double; the ones outgrown stay in the arena until the end. */
static void **grow(struct gather *c, void **items, size_t n) {
    if (n & (n - 1)) return items;
    void **more = weft_arena_array(&c->s->arena, void *, n ? 2 * n : 1);
    if (n) memcpy(more, items, n * sizeof *items);
    return more;
}

static void need_endpoints(struct gather *c, struct weft_slice name) {
    struct name *known;
    HASH_FIND(hh, c->names, name.base, name.len, known);
    if (known) return;
    struct weft_endpoints *e = weft_gamma_endpoints(c->g, name);
    known = weft_arena_new(&c->scratch, struct name);
    known->text = e->name;
    HASH_ADD_KEYPTR(hh, c->names, known->text.base, known->text.len, known);
    c->s->endpoints =
        (struct weft_endpoints **)grow(c, (void **)c->s->endpoints, c->s->n_endpoints);
    c->s->endpoints[c->s->n_endpoints++] = e;
}

static void on_address(void *ud, const struct weft_addr *a) {
    struct gather *c = ud;
    struct weft_destination *d = weft_gamma_destination(c->g, c->ns, a);
    for (uint32_t i = 0; i < d->n_endpoints; i++) need_endpoints(c, d->endpoints[i]);
    c->s->destinations =
        (struct weft_destination **)grow(c, (void **)c->s->destinations, c->s->n_destinations);
    c->s->destinations[c->s->n_destinations++] = d;
}

static void on_pod(void *ud, struct weft_slice ns, struct weft_slice pod) {
    struct gather *c = ud;
    struct weft_inbound *in = weft_gamma_inbound(c->g, ns, pod);
    if (!in) return;
    c->s->inbound = (struct weft_inbound **)grow(c, (void **)c->s->inbound, c->s->n_inbound);
    c->s->inbound[c->s->n_inbound++] = in;
}

void cli_view(const struct weft_gamma *g, struct weft_slice ns, struct weft_snapshot *ret) {
    *ret = (struct weft_snapshot){0};
    weft_arena_init(&ret->arena, 0);
    struct gather c = {.g = g, .s = ret};
    weft_arena_init(&c.scratch, 0);
    c.ns = ret->ns = weft_arena_dup(&ret->arena, ns);
    weft_gamma_each_address(g, on_address, &c);
    weft_gamma_each_workload(g, on_address, &c);
    weft_gamma_each_pod(g, on_pod, &c);
    HASH_CLEAR(hh, c.names);
    weft_arena_done(&c.scratch);
}

/* SPDX-License-Identifier: Apache-2.0
 * A worker's view of a bound Destination: split state with a random start, loads of its endpoints,
 * metric series. Made when the worker takes the Destination up, gone with its last request. */
#include <sidecar/worker.h>
#include <weft/base/alloc.h>

/* What --zone says holds for all Services; what the controller says for those that ask for it. */
static struct weft_slice zone_for(const struct proxy_worker *w, const struct weft_endpoints *e) {
    if (w->opt->zone) return weft_slice_str(w->opt->zone);
    return e->prefer_zone && w->inbound ? w->inbound->zone : WEFT_SLICE_EMPTY;
}

void proxy_bound_set_near(struct proxy_bound *b) {
    for (uint32_t i = 0; i < b->bound->dest->n_endpoints; i++) {
        const struct weft_endpoints *e = b->bound->endpoints[i];
        weft_near_done(&b->near[i]);
        weft_near_init(&b->near[i], e, zone_for(b->w, e));
    }
}

static void make_loads(struct proxy_bound *b) {
    const struct weft_destination *d = b->bound->dest;
    b->loads = weft_alloc0((d->n_endpoints + 1) * sizeof(*b->loads));
    b->near = weft_alloc0((d->n_endpoints + 1) * sizeof(*b->near));
    for (uint32_t i = 0; i < d->n_endpoints; i++)
        b->loads[i] = proxy_loads_of(&b->w->dests, b->bound->endpoints[i]);
    proxy_bound_set_near(b);
}

/* Slot 0: no rule, no backend; 1: the default backend; then each rule's backends and one more. */
static void make_slots(struct proxy_bound *b) {
    const struct weft_destination *d = b->bound->dest;
    b->first_slot = weft_alloc0((d->n_rules + 1) * sizeof *b->first_slot);
    b->splits = weft_alloc0((d->n_rules + 1) * sizeof *b->splits);
    b->n_slots = 2;
    for (uint32_t i = 0; i < d->n_rules; i++) {
        b->first_slot[i] = b->n_slots;
        b->n_slots += d->rules[i].n_backends + 1;
        weft_split_init(&b->splits[i], &d->rules[i], &b->w->rng);
    }
    b->series = weft_alloc0(b->n_slots * sizeof(*b->series));
}

struct proxy_bound *proxy_bound_new(struct proxy_worker *w, struct weft_bound *bound) {
    const struct weft_destination *d = bound->dest;
    struct proxy_bound *b = weft_new0(struct proxy_bound);
    b->w = w;
    b->refs = 1;
    b->bound = weft_bound_ref(bound);
    b->service = weft_asprintf(WEFT_SLICE_FMT "/" WEFT_SLICE_FMT ":%u", WEFT_SLICE_ARG(d->ns),
                               WEFT_SLICE_ARG(d->service), d->port);
    weft_retry_budget_init(&b->budget, &w->budget_policy, weft_loop_now_us(w->loop));
    make_loads(b);
    make_slots(b);
    return b;
}

struct proxy_bound *proxy_bound_ref(struct proxy_bound *b) {
    b->refs++;
    return b;
}

static void drop_loads(struct proxy_bound *b) {
    for (uint32_t i = 0; i < b->bound->dest->n_endpoints; i++) {
        for (uint32_t j = 0; j < b->bound->endpoints[i]->n; j++)
            proxy_load_unref(&b->w->dests, b->loads[i][j]);
        free(b->loads[i]);
        weft_near_done(&b->near[i]);
    }
    free(b->loads);
    free(b->near);
}

struct proxy_bound *proxy_bound_unref(struct proxy_bound *b) {
    if (!b || --b->refs) return NULL;
    drop_loads(b);
    for (uint32_t i = 0; i < b->bound->dest->n_rules; i++) weft_split_done(&b->splits[i]);
    for (uint32_t i = 0; i < b->n_slots; i++) proxy_series_free(b->series[i]);
    free(b->splits);
    free(b->first_slot);
    free(b->series);
    free(b->service);
    weft_bound_unref(b->bound);
    free(b);
    return NULL;
}

struct weft_slice proxy_backend_name(const struct weft_backend *b, struct weft_arena *a) {
    if (!b || !b->service.len) return WEFT_SLICE_EMPTY;
    return weft_arena_printf(a, WEFT_SLICE_FMT "/" WEFT_SLICE_FMT ":%u", WEFT_SLICE_ARG(b->ns),
                             WEFT_SLICE_ARG(b->service), b->port);
}

static struct proxy_series *make_series(struct proxy_bound *b, int rule, int backend) {
    const struct weft_destination *d = b->bound->dest;
    struct weft_arena a;
    weft_arena_init(&a, 0);
    const struct weft_rule *r = rule >= 0 ? &d->rules[rule] : NULL;
    const struct weft_backend *be = backend < 0 ? NULL
                                    : r         ? &r->backends[backend]
                                                : &d->default_backend;
    struct proxy_series_labels l = {.dir = PROXY_OUTBOUND, .service = weft_slice_str(b->service)};
    if (r) {
        l.route_kind = weft_route_kind_name(d->routes);
        l.route = weft_arena_printf(&a, WEFT_SLICE_FMT "/" WEFT_SLICE_FMT,
                                    WEFT_SLICE_ARG(r->route_ns), WEFT_SLICE_ARG(r->route));
        l.rule = r->name.len ? r->name : weft_arena_printf(&a, "%u", r->index);
    }
    l.backend = proxy_backend_name(be, &a);
    struct proxy_series *s = proxy_series_new(&b->w->stats, &l);
    weft_arena_done(&a);
    return s;
}

struct proxy_series *proxy_bound_series(struct proxy_bound *b, int rule, int backend) {
    uint32_t slot =
        rule < 0 ? (backend < 0 ? 0 : 1) : b->first_slot[rule] + (uint32_t)(backend + 1);
    if (!b->series[slot]) b->series[slot] = make_series(b, rule, backend);
    return b->series[slot];
}

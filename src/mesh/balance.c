/* SPDX-License-Identifier: Apache-2.0
 * Latency of endpoints, and the choice between them by latency and load. Two random choices avoid
 * the herd that follows the one best endpoint; latencies that differ by less than two do not
 * decide, so that noise does not empty an endpoint that is as good as its neighbours. */
#include <weft/mesh/balance.h>

#include <weft/base/alloc.h>

enum { FALL_US = 1000000, HALF_LIFE_US = 2000000, COLDEST = WEFT_WARM / 10 };
#define RISE  0.2  /* least weight of a sample above the average: two slow answers are enough */
#define STEP  0.05 /* ... and of one below */
#define ALIKE 2    /* latencies within this factor are equal */

/* ---- what is measured ---- */

static uint64_t remembered(const struct weft_latency *l, uint64_t now_us) {
    uint64_t halvings = (now_us - l->sampled_us) / HALF_LIFE_US;
    return halvings < 64 ? l->ewma_us >> halvings : 0;
}

static void sample(struct weft_latency *l, uint64_t now_us, uint64_t took_us) {
    uint64_t old = remembered(l, now_us), quiet = now_us - l->sampled_us;
    double weight = (double)quiet / (double)(quiet + FALL_US);
    double least = took_us > old ? RISE : STEP;
    if (weight < least) weight = least;
    if (!l->ewma_us) weight = 1;
    l->ewma_us = (uint64_t)((double)old + weight * ((double)took_us - (double)old)) + 1;
    l->sampled_us = now_us;
}

void weft_latency_start(struct weft_latency *l, uint64_t now_us) {
    if (l->waiting++ == 0) l->progress_us = now_us;
}

void weft_latency_answer(struct weft_latency *l, uint64_t now_us, uint64_t took_us) {
    l->waiting--;
    l->progress_us = now_us;
    sample(l, now_us, took_us);
}

void weft_latency_give_up(struct weft_latency *l, uint64_t now_us, uint64_t took_us) {
    l->waiting--;
    if (took_us <= remembered(l, now_us)) return;
    l->ewma_us = took_us;
    l->sampled_us = now_us;
}

uint64_t weft_latency_us(const struct weft_latency *l, uint64_t now_us) {
    uint64_t us = remembered(l, now_us);
    if (l->waiting && now_us - l->progress_us > us) us = now_us - l->progress_us;
    return us > WEFT_LATENCY_FLOOR_US ? us : WEFT_LATENCY_FLOOR_US;
}

uint32_t weft_endpoint_warmth(uint64_t since_us, uint64_t warm_up_us, uint64_t now_us) {
    if (!since_us || !warm_up_us || now_us >= since_us + warm_up_us) return WEFT_WARM;
    if (now_us <= since_us) return COLDEST;
    uint32_t warm = (uint32_t)((now_us - since_us) * WEFT_WARM / warm_up_us);
    return warm > COLDEST ? warm : COLDEST;
}

/* ---- the choice ---- */

struct chooser {
    const struct weft_endpoints *e;
    void (*view)(void *ud, uint32_t i, struct weft_endpoint_view *ret);
    void *ud;
    const uint32_t *tried;
    uint32_t n_tried;
    struct weft_rng *rng;
};
struct candidate {
    uint32_t i;
    struct weft_endpoint_view v;
};

static bool is_tried(const struct chooser *c, uint32_t i) {
    for (uint32_t t = 0; t < c->n_tried; t++)
        if (c->tried[t] == i) return true;
    return false;
}

static struct candidate look(const struct chooser *c, uint32_t i) {
    struct candidate k = {.i = i, .v = {.warm = WEFT_WARM}};
    c->view(c->ud, i, &k.v);
    return k;
}

/* 0 is good; the higher, the later its turn. */
static unsigned badness(const struct weft_endpoint_view *v) {
    return (v->full ? 4u : 0) | (v->ejected ? 2u : 0) | (v->suspect ? 1u : 0);
}

static bool ready(const struct chooser *c, const struct weft_endpoint_view *v) {
    return v->warm >= WEFT_WARM || weft_rng_below(c->rng, WEFT_WARM) < v->warm;
}

static bool cheaper(const struct weft_endpoint_view *a, const struct weft_endpoint_view *b) {
    uint64_t low = a->latency_us < b->latency_us ? a->latency_us : b->latency_us;
    uint64_t high = a->latency_us < b->latency_us ? b->latency_us : a->latency_us;
    if (high <= ALIKE * low) return a->active < b->active;
    return (double)a->latency_us * (a->active + 1.0) < (double)b->latency_us * (b->active + 1.0);
}

static const struct candidate *better(const struct chooser *c, const struct candidate *a,
                                      const struct candidate *b) {
    unsigned bad_a = badness(&a->v), bad_b = badness(&b->v);
    if (bad_a != bad_b) return bad_a < bad_b ? a : b;
    bool ready_a = ready(c, &a->v), ready_b = ready(c, &b->v);
    if (ready_a != ready_b) return ready_a ? a : b;
    return cheaper(&b->v, &a->v) ? b : a;
}

/* Two random ones of the least bad endpoints, by walking over all. */
struct walk {
    struct candidate best[2];
    uint32_t n_best;    /* met so far with that badness */
    uint32_t n_ejected; /* of the whole set */
};

static void keep(const struct chooser *c, struct walk *w, const struct candidate *k) {
    unsigned bad = badness(&k->v), kept = w->n_best ? badness(&w->best[0].v) : UINT32_MAX;
    if (bad > kept) return;
    if (bad < kept) w->n_best = 0;
    uint32_t at = w->n_best < 2 ? w->n_best : weft_rng_below(c->rng, w->n_best + 1);
    if (at < 2) w->best[at] = *k;
    w->n_best++;
}

static void walk_all(const struct chooser *c, struct walk *w) {
    for (uint32_t i = 0; i < c->e->n; i++) {
        struct candidate k = look(c, i);
        w->n_ejected += k.v.ejected;
        if (!is_tried(c, i)) keep(c, w, &k);
    }
}

static int choose_among_bad(const struct chooser *c, struct candidate *a, struct candidate *b) {
    struct walk w = {.n_best = 0};
    walk_all(c, &w);
    bool panic = (uint64_t)w.n_ejected * 2 > c->e->n;
    if (panic) a->v.ejected = b->v.ejected = false;
    if (panic && !(a->v.full && b->v.full)) return (int)better(c, a, b)->i;
    return (int)(w.n_best > 1 ? better(c, &w.best[0], &w.best[1])->i : w.best[0].i);
}

/* The r-th of those not tried; only retries walk the list. */
static uint32_t nth(const struct chooser *c, uint32_t r) {
    if (!c->n_tried) return r;
    for (uint32_t i = 0;; i++) {
        if (is_tried(c, i)) continue;
        if (r-- == 0) return i;
    }
}

static uint32_t count_untried(const struct chooser *c) {
    uint32_t left = c->e->n;
    if (!c->n_tried) return left;
    for (uint32_t i = 0; i < c->e->n; i++) left -= is_tried(c, i);
    return left;
}

int weft_endpoint_choose(const struct weft_endpoints *e,
                         void (*view)(void *ud, uint32_t i, struct weft_endpoint_view *ret),
                         void *ud, const uint32_t *tried, uint32_t n_tried, struct weft_rng *rng) {
    struct chooser c = {e, view, ud, tried, n_tried, rng};
    if (!e->n) return -1;
    uint32_t choices = count_untried(&c);
    if (!choices) { /* all were tried: any is as good */
        choices = e->n;
        c.n_tried = 0;
    }
    uint32_t first = weft_rng_below(rng, choices);
    if (choices == 1) return (int)nth(&c, first);
    uint32_t second = weft_rng_below(rng, choices - 1);
    if (second >= first) second++; /* two different ones, all pairs equally likely */
    struct candidate a = look(&c, nth(&c, first)), b = look(&c, nth(&c, second));
    if (badness(&a.v) && badness(&b.v)) return choose_among_bad(&c, &a, &b);
    return (int)better(&c, &a, &b)->i;
}

/* ---- zones ---- */

static bool seen_before(const struct weft_endpoints *e, uint32_t i) {
    for (uint32_t k = 0; k < i; k++)
        if (weft_slice_eq(e->items[k].zone, e->items[i].zone)) return true;
    return false;
}

static uint32_t count_zones(const struct weft_endpoints *e) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->n; i++) n += !seen_before(e, i);
    return n;
}

void weft_near_init(struct weft_near *ret, const struct weft_endpoints *e, struct weft_slice zone) {
    *ret = (struct weft_near){0};
    uint32_t near = 0, far;
    for (uint32_t i = 0; zone.len && i < e->n; i++) near += weft_slice_eq(e->items[i].zone, zone);
    if (!near || near == e->n) return;
    uint64_t share = (uint64_t)WEFT_ALL_NEAR * near * count_zones(e) / e->n;
    ret->share = share < WEFT_ALL_NEAR ? (uint32_t)share : WEFT_ALL_NEAR;
    ret->n_near = near;
    ret->order = weft_alloc(e->n * sizeof *ret->order);
    far = near;
    near = 0;
    for (uint32_t i = 0; i < e->n; i++)
        ret->order[weft_slice_eq(e->items[i].zone, zone) ? near++ : far++] = i;
}

void weft_near_done(struct weft_near *n) {
    free(n->order);
    *n = (struct weft_near){0};
}

static double cost(const struct weft_endpoint_view *v) {
    return (double)v->latency_us * (v->active + 1.0);
}

/* One of the near ones, or -1: any may take it. */
static int choose_near(const struct chooser *c, const struct weft_near *near) {
    uint32_t n = near->n_near, first = weft_rng_below(c->rng, n);
    struct candidate a = look(c, near->order[first]);
    if (badness(&a.v) || !ready(c, &a.v)) return -1;
    if (n > 1) {
        uint32_t second = weft_rng_below(c->rng, n - 1);
        struct candidate b = look(c, near->order[second >= first ? second + 1 : second]);
        a = *better(c, &a, &b);
    }
    struct candidate far = look(c, near->order[n + weft_rng_below(c->rng, c->e->n - n)]);
    bool spill = !badness(&far.v) && ready(c, &far.v) && cost(&a.v) > WEFT_FAR_GAIN * cost(&far.v);
    return (int)(spill ? far.i : a.i);
}

int weft_endpoint_choose_near(const struct weft_endpoints *e, const struct weft_near *near,
                              void (*view)(void *ud, uint32_t i, struct weft_endpoint_view *ret),
                              void *ud, const uint32_t *tried, uint32_t n_tried,
                              struct weft_rng *rng) {
    struct chooser c = {e, view, ud, tried, n_tried, rng};
    int i = -1;
    if (near->n_near && !n_tried && weft_rng_below(rng, WEFT_ALL_NEAR) < near->share)
        i = choose_near(&c, near);
    return i >= 0 ? i : weft_endpoint_choose(e, view, ud, tried, n_tried, rng);
}

/* SPDX-License-Identifier: Apache-2.0
 * Address to destination, on demand: an unknown address is asked for once, connections to it park,
 * the answer is kept and replaced by push. What nobody used for long is given back. */
#include <sidecar/dest_table.h>

#include <sidecar/worker.h>
#include <weft/base/alloc.h>
#include <weft/base/limits.h>

enum {
    PARK_US = 1000000,       /* with the controller away */
    PARK_LONG_US = 10000000, /* with the controller there */
    IDLE_US = 600000000,     /* an address unused for so long is given back */
    SWEEP_US = 60000000,
    ASK_BURST = 200, /* new addresses at once, refilled by 100 a second */
    ASK_PER_S = 100,
};

static bool is_none(const struct proxy_dest *d) {
    return d->cur && d->cur->bound->dest->kind == WEFT_DEST_NONE;
}

static void count(struct proxy_dests *t, const struct proxy_dest *d, int by) {
    if (!d->cur) return;
    if (is_none(d)) t->n_none = (uint32_t)((int)t->n_none + by);
    weft_gauge_add(t->w->stats.dests[d->cur->bound->dest->kind], by);
}

static void evict(struct proxy_dest *d) {
    struct proxy_dests *t = d->table;
    count(t, d, -1);
    HASH_DEL(t->by_addr, d);
    weft_list_remove(&d->lru);
    weft_timer_stop(&d->timer);
    proxy_bound_unref(d->cur);
    free(d);
}

static bool evictable(const struct proxy_dest *d) {
    return d->refs == 0 && weft_list_empty(&d->parked);
}

static void give_back(struct proxy_dest *d) {
    struct proxy_worker *w = d->table->w;
    struct weft_addr addr = d->addr;
    bool wanted = d->wanted;
    evict(d);
    if (wanted && w->hooks.unwant) w->hooks.unwant(w->hooks.ud, w, &addr);
}

static void sweep(void *arg) {
    struct proxy_dests *t = arg;
    uint64_t now = weft_loop_now_us(t->w->loop);
    weft_list_each(it, &t->lru) {
        struct proxy_dest *d = WEFT_CONTAINER(it, struct proxy_dest, lru);
        if (now - d->used_us < IDLE_US) break;
        if (evictable(d)) give_back(d);
    }
    weft_timer_start(&t->sweep, SWEEP_US);
}

static void cap_negative(struct proxy_dests *t) {
    if (t->pushed) return;
    weft_list_each(it, &t->lru) {
        if (t->n_none <= WEFT_MAX_NEGATIVE) return;
        struct proxy_dest *d = WEFT_CONTAINER(it, struct proxy_dest, lru);
        if (is_none(d) && evictable(d)) give_back(d);
    }
}

void proxy_dests_init(struct proxy_dests *t, struct proxy_worker *w, bool pushed) {
    *t = (struct proxy_dests){.w = w, .pushed = pushed, .ask_tokens = ASK_BURST};
    weft_list_init(&t->lru);
    t->ask_filled_us = weft_loop_now_us(w->loop);
    weft_timer_init(&t->sweep, w->loop, sweep, t);
    if (!pushed) weft_timer_start(&t->sweep, SWEEP_US);
}

void proxy_dests_done(struct proxy_dests *t) {
    struct proxy_dest *d, *next;
    HASH_ITER(hh, t->by_addr, d, next) evict(d);
    weft_timer_stop(&t->sweep);
}

static void answer_parked(struct proxy_dest *d, bool known) {
    weft_timer_stop(&d->timer);
    d->refs++; /* callbacks may let go of it */
    while (!weft_list_empty(&d->parked)) {
        struct proxy_park *p = WEFT_CONTAINER(d->parked.next, struct proxy_park, link);
        weft_list_remove(&p->link);
        weft_gauge_add(d->table->w->stats.parked, -1);
        p->fn(p->arg, known);
    }
    d->refs--;
}

static void on_park_timer(void *arg) {
    struct proxy_dest *d = arg;
    uint64_t waited = weft_loop_now_us(d->table->w->loop) - d->asked_us;
    if (d->table->connected && waited < PARK_LONG_US)
        weft_timer_start(&d->timer, PARK_US);
    else
        answer_parked(d, false);
}

static struct proxy_dest *find(struct proxy_dests *t, const struct weft_addr *addr) {
    struct proxy_dest *d = NULL;
    HASH_FIND(hh, t->by_addr, addr, sizeof *addr, d);
    return d;
}

static struct proxy_dest *add(struct proxy_dests *t, const struct weft_addr *addr) {
    struct proxy_dest *d = weft_new0(struct proxy_dest);
    d->addr = *addr;
    d->table = t;
    d->used_us = weft_loop_now_us(t->w->loop);
    weft_list_init(&d->parked);
    weft_timer_init(&d->timer, t->w->loop, on_park_timer, d);
    weft_list_push(&t->lru, &d->lru);
    HASH_ADD(hh, t->by_addr, addr, sizeof d->addr, d);
    return d;
}

void proxy_dests_set_near(struct proxy_dests *t) {
    for (struct proxy_dest *d = t->by_addr; d; d = d->hh.next)
        if (d->cur) proxy_bound_set_near(d->cur);
}

void proxy_dests_put(struct proxy_dests *t, const struct weft_addr *addr, struct weft_bound *b) {
    struct proxy_dest *d = find(t, addr);
    if (!d && (!t->pushed || !b)) return; /* another worker asked */
    if (!d) d = add(t, addr);
    if (b && d->cur && d->cur->bound == b) return;
    count(t, d, -1);
    struct proxy_bound *old = d->cur; /* until what is known of endpoints was taken over */
    d->cur = b ? proxy_bound_new(t->w, b) : NULL;
    if (d->cur && old) d->cur->budget = old->budget;
    proxy_bound_unref(old);
    count(t, d, 1);
    if (b) answer_parked(d, true);
    if (!b && t->pushed && evictable(d)) evict(d);
    cap_negative(t);
}

/* Rate limit, so that a crawler in the app cannot load the controller. */
static bool may_ask(struct proxy_dests *t) {
    uint64_t now = weft_loop_now_us(t->w->loop);
    uint64_t more = (now - t->ask_filled_us) * ASK_PER_S / 1000000;
    if (more) {
        t->ask_tokens =
            more + t->ask_tokens > ASK_BURST ? ASK_BURST : t->ask_tokens + (uint32_t)more;
        t->ask_filled_us = now;
    }
    if (!t->ask_tokens) return false;
    t->ask_tokens--;
    return true;
}

struct proxy_dest *proxy_dests_get(struct proxy_dests *t, const struct weft_addr *addr) {
    struct proxy_dest *d = find(t, addr);
    if (!d) {
        d = add(t, addr);
        d->asked_us = weft_loop_now_us(t->w->loop);
    }
    d->refs++;
    d->used_us = weft_loop_now_us(t->w->loop);
    weft_list_remove(&d->lru);
    weft_list_push(&t->lru, &d->lru);
    return d;
}

struct proxy_dest *proxy_dest_unref(struct proxy_dest *d) {
    if (!d) return NULL;
    d->refs--;
    if (!d->cur && !d->wanted && evictable(d)) evict(d); /* nothing will be learned of it */
    return NULL;
}

static bool is_service(const struct proxy_dest *d, const char *ns, const char *service,
                       uint16_t port) {
    const struct weft_destination *x = d && d->cur ? d->cur->bound->dest : NULL;
    return x && x->kind == WEFT_DEST_SERVICE && x->port == port && weft_slice_is(x->ns, ns) &&
           weft_slice_is(x->service, service);
}

struct proxy_dest *proxy_dests_find_service(struct proxy_dests *t, const struct weft_addr *guess,
                                            const char *ns, const char *service, uint16_t port) {
    struct proxy_dest *d = find(t, guess);
    if (is_service(d, ns, service, port)) return d;
    for (d = t->by_addr; d; d = d->hh.next)
        if (is_service(d, ns, service, port)) return d;
    return NULL;
}

void proxy_dest_park(struct proxy_dest *d, struct proxy_park *p) {
    struct proxy_worker *w = d->table->w;
    bool first = weft_list_empty(&d->parked);
    weft_list_push(&d->parked, &p->link);
    weft_gauge_add(w->stats.parked, 1);
    if (!first) return;
    d->asked_us = weft_loop_now_us(w->loop);
    if (!d->wanted && may_ask(d->table)) {
        d->wanted = true;
        if (w->hooks.want) w->hooks.want(w->hooks.ud, w, &d->addr);
    }
    weft_timer_start(&d->timer, PARK_US);
}

void proxy_dest_unpark(struct proxy_dest *d, struct proxy_park *p) {
    if (weft_list_empty(&p->link)) return;
    weft_list_remove(&p->link);
    weft_gauge_add(d->table->w->stats.parked, -1);
}

/* SPDX-License-Identifier: Apache-2.0
 * Endpoints as one worker sees them. */
#include <sidecar/load.h>

#include <inttypes.h>

#include <sidecar/worker.h>
#include <weft/base/alloc.h>
#include <weft/obs/log.h>

enum { BAD_US = 2000000 };

const char *proxy_failure_word(enum proxy_failure f) {
    static const char *const words[] = {
#define X(id, word) word,
        PROXY_FAILURE_MAP(X)
#undef X
    };
    return words[f];
}

struct proxy_load *proxy_load_get(struct proxy_dests *t, const struct weft_addr *addr) {
    struct proxy_load *l = NULL;
    HASH_FIND(hh, t->loads, addr, sizeof *addr, l);
    if (!l) {
        l = weft_new0(struct proxy_load);
        l->addr = *addr;
        l->born_us = weft_loop_now_us(t->w->loop);
        l->ejection = proxy_health_get(t->w->health, addr);
        HASH_ADD(hh, t->loads, addr, sizeof l->addr, l);
    }
    l->refs++;
    return l;
}

void proxy_load_unref(struct proxy_dests *t, struct proxy_load *l) {
    if (!l || --l->refs) return;
    HASH_DEL(t->loads, l);
    proxy_health_put(t->w->health, l->ejection);
    free(l);
}

struct proxy_load **proxy_loads_of(struct proxy_dests *t, const struct weft_endpoints *e) {
    uint64_t now = weft_loop_now_us(t->w->loop), warm_up = t->w->opt->warm_up_us;
    struct proxy_load **loads = weft_alloc0((e->n + 1) * sizeof *loads);
    bool elders = false;
    for (uint32_t i = 0; i < e->n; i++) {
        loads[i] = proxy_load_get(t, &e->items[i].addr);
        elders = elders || loads[i]->born_us + warm_up < now;
    }
    for (uint32_t i = 0; i < e->n; i++)
        if (elders && loads[i]->refs == 1 && loads[i]->born_us == now) loads[i]->warm_from_us = now;
    return loads;
}

static uint32_t warmth(const struct proxy_load *l, uint64_t ejected_until, uint64_t warm_up,
                       uint64_t now) {
    uint32_t joined = weft_endpoint_warmth(l->warm_from_us, warm_up, now);
    uint32_t back = weft_endpoint_warmth(ejected_until, warm_up, now);
    return joined < back ? joined : back;
}

void proxy_load_view(const struct proxy_load *l, const struct proxy_worker *w,
                     struct weft_endpoint_view *ret) {
    uint64_t now = weft_loop_now_us(w->loop), until = proxy_ejected_until(l->ejection);
    *ret = (struct weft_endpoint_view){
        .latency_us = weft_latency_us(&l->latency, now),
        .active = l->active,
        .warm = warmth(l, until, w->opt->warm_up_us, now),
        .suspect = l->bad_until_us > now,
        .ejected = until > now,
        .full = l->active >= w->opt->endpoint_connections,
    };
}

void proxy_load_begin(struct proxy_load *l) {
    l->active++;
    l->requests++;
}

void proxy_load_end(struct proxy_load *l) {
    l->active--;
}

void proxy_load_worked(struct proxy_load *l, struct proxy_worker *w) {
    struct weft_outlier o = proxy_ejection_get(l->ejection);
    if (!o.failures) return; /* nearly always: the others' caches keep the word */
    weft_outlier_success(&o, o.until_us, weft_loop_now_us(w->loop));
    proxy_ejection_set(l->ejection, &o);
}

static uint32_t count_ejected(const struct proxy_bound *b, uint32_t set, uint64_t now) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->bound->endpoints[set]->n; i++)
        n += proxy_ejected_until(b->loads[set][i]->ejection) > now;
    return n;
}

/* By the name of the set, "endpoints/NS/SVC:PORT". */
static void count_ejection(struct proxy_bound *b, uint32_t set, const char *cause) {
    struct weft_slice backend = b->bound->endpoints[set]->name;
    (void)weft_slice_cut(&backend, '/');
    struct weft_slice v[] = {backend, weft_slice_str(cause)};
    weft_counter_add(weft_metrics_counter(b->w->stats.set, PROXY_METRIC_EJECTIONS, v), 1);
}

static void eject(struct proxy_load *l, struct proxy_bound *b, uint32_t set,
                  const struct weft_outlier_policy *p, enum proxy_failure why) {
    uint64_t now = weft_loop_now_us(b->w->loop);
    bool room = weft_outlier_room(b->bound->endpoints[set]->n, count_ejected(b, set, now));
    count_ejection(b, set, room ? proxy_failure_word(why) : "capped");
    if (!room) return;
    struct weft_outlier o = proxy_ejection_get(l->ejection);
    uint64_t until = weft_outlier_eject(&o, p, now);
    proxy_ejection_set(l->ejection, &o);
    char addr[WEFT_ADDR_STR];
    weft_addr_format(&l->addr, addr);
    weft_info("balance", "%s of %s is ejected for %" PRIu64 " s: %s", addr, b->service,
              (until - now) / 1000000, proxy_failure_word(why));
}

void proxy_load_failed(struct proxy_load *l, struct proxy_bound *b, uint32_t set,
                       enum proxy_failure why) {
    const struct proxy_options *o = b->w->opt;
    const struct weft_outlier_policy p = {(uint32_t)o->outlier_failures, o->outlier_eject_us};
    uint64_t now = weft_loop_now_us(b->w->loop);
    l->failures++;
    struct weft_outlier outlier = proxy_ejection_get(l->ejection);
    bool eject_it = weft_outlier_failure(&outlier, &p, outlier.until_us, now);
    proxy_ejection_set(l->ejection, &outlier);
    uint64_t times = outlier.failures ? outlier.failures : 1;
    if (why == PROXY_FAILED_CONNECT) l->bad_until_us = now + times * BAD_US;
    if (eject_it) eject(l, b, set, &p, why);
}

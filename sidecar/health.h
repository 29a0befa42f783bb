/* SPDX-License-Identifier: Apache-2.0
 * What the workers share of endpoints: three words each, how often it failed in a row, how often
 * and until when it was ejected. The table is locked only when the configuration changes; the words
 * are read and written without a lock. When two workers write at the same moment one of them is
 * lost: a failure more or less in a row. */
#pragma once
#include <stdatomic.h>
#include <uthash.h>

#include <weft/base/addr.h>
#include <weft/mesh/outlier.h>

struct proxy_ejection {
    struct weft_addr addr;
    uint32_t refs;                 /* under the table's lock */
    atomic_uint_fast64_t until_us; /* monotonic; 0: never was */
    atomic_uint failures, times;   /* as in struct weft_outlier */
    UT_hash_handle hh;
};
static inline uint64_t proxy_ejected_until(const struct proxy_ejection *e) {
    return atomic_load_explicit(&e->until_us, memory_order_relaxed);
}
static inline struct weft_outlier proxy_ejection_get(const struct proxy_ejection *e) {
    return (struct weft_outlier){
        .failures = atomic_load_explicit(&e->failures, memory_order_relaxed),
        .times = atomic_load_explicit(&e->times, memory_order_relaxed),
        .until_us = proxy_ejected_until(e),
    };
}
static inline void proxy_ejection_set(struct proxy_ejection *e, const struct weft_outlier *o) {
    atomic_store_explicit(&e->failures, o->failures, memory_order_relaxed);
    atomic_store_explicit(&e->times, o->times, memory_order_relaxed);
    atomic_store_explicit(&e->until_us, o->until_us, memory_order_relaxed);
}

struct proxy_health;
struct proxy_health *proxy_health_new(void);
struct proxy_health *proxy_health_ref(struct proxy_health *h);
struct proxy_health *proxy_health_unref(struct proxy_health *h); /* any thread */
/* The word of an address; put gives it back. Any thread. */
struct proxy_ejection *proxy_health_get(struct proxy_health *h, const struct weft_addr *addr);
void proxy_health_put(struct proxy_health *h, struct proxy_ejection *e);

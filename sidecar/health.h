/* SPDX-License-Identifier: Apache-2.0
 * What the workers share of endpoints: one word each, until when it is ejected. The table is
 * locked only when the configuration changes; the words are read without a lock. */
#pragma once
#include <stdatomic.h>
#include <uthash.h>

#include <weft/base/addr.h>

struct proxy_ejection {
    struct weft_addr addr;
    uint32_t refs;                 /* under the table's lock */
    atomic_uint_fast64_t until_us; /* monotonic; 0: never was */
    UT_hash_handle hh;
};
static inline uint64_t proxy_ejected_until(const struct proxy_ejection *e) {
    return atomic_load_explicit(&e->until_us, memory_order_relaxed);
}
static inline void proxy_ejection_set(struct proxy_ejection *e, uint64_t until_us) {
    atomic_store_explicit(&e->until_us, until_us, memory_order_relaxed);
}

struct proxy_health;
struct proxy_health *proxy_health_new(void);
struct proxy_health *proxy_health_ref(struct proxy_health *h);
struct proxy_health *proxy_health_unref(struct proxy_health *h); /* any thread */
/* The word of an address; put gives it back. Any thread. */
struct proxy_ejection *proxy_health_get(struct proxy_health *h, const struct weft_addr *addr);
void proxy_health_put(struct proxy_health *h, struct proxy_ejection *e);

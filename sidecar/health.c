/* SPDX-License-Identifier: Apache-2.0
 * The table of ejections. */
#include <sidecar/health.h>

#include <pthread.h>

#include <weft/base/alloc.h>

struct proxy_health {
    atomic_uint refs;
    pthread_mutex_t lock;
    struct proxy_ejection *by_addr;
};

struct proxy_health *proxy_health_new(void) {
    struct proxy_health *h = weft_new0(struct proxy_health);
    atomic_init(&h->refs, 1);
    pthread_mutex_init(&h->lock, NULL);
    return h;
}

struct proxy_health *proxy_health_ref(struct proxy_health *h) {
    atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
    return h;
}

struct proxy_health *proxy_health_unref(struct proxy_health *h) {
    if (!h || atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1) return NULL;
    pthread_mutex_destroy(&h->lock);
    free(h);
    return NULL;
}

struct proxy_ejection *proxy_health_get(struct proxy_health *h, const struct weft_addr *addr) {
    struct proxy_ejection *e = NULL;
    pthread_mutex_lock(&h->lock);
    HASH_FIND(hh, h->by_addr, addr, sizeof *addr, e);
    if (!e) {
        e = weft_new0(struct proxy_ejection);
        e->addr = *addr;
        atomic_init(&e->until_us, 0);
        HASH_ADD(hh, h->by_addr, addr, sizeof e->addr, e);
    }
    e->refs++;
    pthread_mutex_unlock(&h->lock);
    return e;
}

void proxy_health_put(struct proxy_health *h, struct proxy_ejection *e) {
    pthread_mutex_lock(&h->lock);
    if (--e->refs == 0) {
        HASH_DEL(h->by_addr, e);
        free(e);
    }
    pthread_mutex_unlock(&h->lock);
}

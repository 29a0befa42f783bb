/* SPDX-License-Identifier: Apache-2.0
 * Worker threads. */
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/net/loop.h>

#include <pthread.h>

struct weft_thread {
    pthread_t id;
    void (*fn)(void *arg);
    void *arg;
};

static void *thread_main(void *p) {
    struct weft_thread *t = p;
    t->fn(t->arg);
    return NULL;
}

struct weft_thread *weft_thread_start(void (*fn)(void *arg), void *arg) {
    struct weft_thread *t = weft_new0(struct weft_thread);
    t->fn = fn;
    t->arg = arg;
    WEFT_CHECK(pthread_create(&t->id, NULL, thread_main, t) == 0);
    return t;
}

void weft_thread_join(struct weft_thread *t) {
    if (!t) return;
    pthread_join(t->id, NULL);
    free(t);
}

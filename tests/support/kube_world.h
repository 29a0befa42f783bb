/* SPDX-License-Identifier: Apache-2.0
 * A client of a fake cluster on a clock that the test moves. */
#pragma once
#include "fake_cluster.h"

#include <sched.h>
#include <weft/kube/client.h>

struct kube_world {
    struct weft_loop *loop;
    struct fake_cluster *cluster;
    struct weft_kube *kube;
    unsigned status; /* answers everything with it, unless 0 */
};

static unsigned kube_world_script(void *ud, const struct fake_request *r) {
    (void)r;
    return ((struct kube_world *)ud)->status;
}

static inline struct weft_kube *kube_world_client(struct kube_world *w) {
    struct weft_error err = {0};
    struct weft_kube *k = NULL;
    const struct weft_kube_config c = {.server = w->cluster->fake->url};
    assert_int_equal(weft_kube_new(w->loop, &c, &k, &err), WEFT_OK);
    return k;
}

static inline void kube_world_init(struct kube_world *w) {
    *w = (struct kube_world){.loop = weft_loop_new_fake()};
    w->cluster = fake_cluster_new(w->loop);
    w->cluster->script = kube_world_script;
    w->cluster->ud = w;
    w->kube = kube_world_client(w);
}

static inline void kube_world_done(struct kube_world *w) {
    weft_kube_free(w->kube);
    fake_cluster_free(w->cluster);
    weft_loop_free(w->loop);
}

/* Until nothing moves: sockets are the kernel's, so a quiet turn is not the end yet. */
static inline void settle(struct kube_world *w) {
    for (int quiet = 0; quiet < 60; quiet++) {
        if (weft_loop_turn(w->loop)) quiet = 0;
        sched_yield();
    }
}

static inline void pass(struct kube_world *w, uint64_t ms) {
    for (; ms > 0; ms -= ms < 500 ? ms : 500) {
        weft_loop_advance(w->loop, (ms < 500 ? ms : 500) * 1000);
        settle(w);
    }
}

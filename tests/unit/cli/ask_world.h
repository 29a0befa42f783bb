/* SPDX-License-Identifier: Apache-2.0
 * A command's questions to a scripted API server on the same loop. */
#pragma once
#include "support/fake_cluster.h"

#include <cli/ask.h>

struct ask_world {
    struct weft_loop *loop;
    struct fake_cluster *cluster;
    struct cli_ask ask;
};

static inline void ask_world_init(struct ask_world *w) {
    struct weft_error err = {0};
    *w = (struct ask_world){.loop = weft_loop_new()};
    w->cluster = fake_cluster_new(w->loop);
    w->ask.loop = w->loop;
    const struct weft_kube_config c = {.server = w->cluster->fake->url};
    assert_int_equal(weft_kube_new(w->loop, &c, &w->ask.kube, &err), WEFT_OK);
}

static inline void ask_world_done(struct ask_world *w) {
    free(w->ask.error);
    weft_kube_free(w->ask.kube);
    fake_cluster_free(w->cluster);
    weft_loop_free(w->loop);
}

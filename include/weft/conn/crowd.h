/* SPDX-License-Identifier: Apache-2.0
 * The connections of a port that every pod can reach: at most so many, of which who comes new
 * pushes out who came first, so that nobody keeps others out by holding connections. */
#pragma once
#include <weft/base/list.h>

struct weft_crowd_member { /* in the user's own struct */
    struct weft_list node;
    struct weft_crowd *crowd; /* NULL: it is out, or was never in */
};
struct weft_crowd {
    struct weft_list in;  /* the oldest first */
    struct weft_list out; /* pushed out, and not gone yet */
    size_t n, max;
    /* Ends the connection, at once or soon: it leaves by weft_crowd_leave. */
    void (*end)(struct weft_crowd_member *m);
};

void weft_crowd_init(struct weft_crowd *c, size_t max, void (*end)(struct weft_crowd_member *m));
void weft_crowd_join(struct weft_crowd *c, struct weft_crowd_member *m);
/* The connection is gone. */
void weft_crowd_leave(struct weft_crowd_member *m);
/* Ends all. The crowd must live until weft_crowd_empty. */
void weft_crowd_end(struct weft_crowd *c);
static inline bool weft_crowd_empty(const struct weft_crowd *c) {
    return weft_list_empty(&c->in) && weft_list_empty(&c->out);
}

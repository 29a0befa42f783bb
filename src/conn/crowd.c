/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/conn/crowd.h>

void weft_crowd_init(struct weft_crowd *c, size_t max, void (*end)(struct weft_crowd_member *m)) {
    *c = (struct weft_crowd){.max = max, .end = end};
    weft_list_init(&c->in);
    weft_list_init(&c->out);
}

/* It may take until the end of the turn to go: who comes meanwhile pushes out another. */
static void push_out(struct weft_crowd *c, struct weft_crowd_member *m) {
    weft_list_remove(&m->node);
    weft_list_push(&c->out, &m->node);
    m->crowd = NULL;
    c->n--;
    c->end(m);
}

void weft_crowd_join(struct weft_crowd *c, struct weft_crowd_member *m) {
    if (c->n >= c->max) push_out(c, WEFT_CONTAINER(c->in.next, struct weft_crowd_member, node));
    weft_list_push(&c->in, &m->node);
    m->crowd = c;
    c->n++;
}

void weft_crowd_leave(struct weft_crowd_member *m) {
    weft_list_remove(&m->node);
    if (m->crowd) m->crowd->n--;
    m->crowd = NULL;
}

void weft_crowd_end(struct weft_crowd *c) {
    weft_list_each(it, &c->in) push_out(c, WEFT_CONTAINER(it, struct weft_crowd_member, node));
}

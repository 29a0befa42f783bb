/* SPDX-License-Identifier: Apache-2.0
 * Intrusive timers in a binary heap behind one uv timer (or none, with a fake clock). Equal times
 * fire in the order of starting. */
#include "loop_internal.h"
#include <weft/base/alloc.h>

static bool before(const struct weft_timer *a, const struct weft_timer *b) {
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->seq < b->seq;
}

static void place(struct weft_loop *l, size_t i, struct weft_timer *t) {
    l->heap[i] = t;
    t->slot = i + 1;
}

static void sift_up(struct weft_loop *l, size_t i, struct weft_timer *t) {
    while (i > 0 && before(t, l->heap[(i - 1) / 2])) {
        place(l, i, l->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(l, i, t);
}

static void sift_down(struct weft_loop *l, size_t i, struct weft_timer *t) {
    for (size_t child; (child = 2 * i + 1) < l->n_heap; i = child) {
        if (child + 1 < l->n_heap && before(l->heap[child + 1], l->heap[child])) child++;
        if (!before(l->heap[child], t)) break;
        place(l, i, l->heap[child]);
    }
    place(l, i, t);
}

static void settle(struct weft_loop *l, size_t i, struct weft_timer *t) {
    if (i > 0 && before(t, l->heap[(i - 1) / 2]))
        sift_up(l, i, t);
    else
        sift_down(l, i, t);
}

static void on_uv_timer(uv_timer_t *h) {
    struct weft_loop *l = WEFT_CAST(weft_loop, h->data);
    l->armed_ms = 0;
    l->now_us = 0; /* what the last turn's callbacks saw is older than uv's clock */
    loop_timers_fire(l);
}

/* The uv timer is only ever moved forward: one that comes too early costs a wake-up, while moving
 * it at every stop would cost each request. uv's clock is the monotonic one in ms, rounded down, so
 * rounding up here never fires early. */
static void arm(struct weft_loop *l) {
    if (l->fake || l->n_heap == 0 || uv_is_closing((uv_handle_t *)&l->timer)) return;
    uint64_t at = (l->heap[0]->due_us + 999) / 1000, now = uv_now(&l->uv);
    if (l->armed_ms && l->armed_ms <= at) return;
    l->armed_ms = at;
    uv_timer_start(&l->timer, on_uv_timer, at > now ? at - now : 0, 0);
}

void weft_timer_init(struct weft_timer *t, struct weft_loop *l, void (*fn)(void *arg), void *arg) {
    *t = (struct weft_timer){.loop = l, .fn = fn, .arg = arg};
}

void weft_timer_start(struct weft_timer *t, uint64_t after_us) {
    struct weft_loop *l = t->loop;
    /* One that restarts itself at once waits for the next turn. */
    if (l->firing && after_us == 0) after_us = 1;
    uint64_t now = weft_loop_now_us(l);
    t->due_us = after_us > UINT64_MAX / 2 - now ? UINT64_MAX / 2 : now + after_us;
    t->seq = ++l->timer_seq;
    if (t->slot) {
        settle(l, t->slot - 1, t);
    } else {
        if (l->n_heap == l->cap_heap) {
            l->cap_heap = l->cap_heap ? 2 * l->cap_heap : 64;
            l->heap = weft_realloc(l->heap, l->cap_heap * sizeof(struct weft_timer *));
        }
        sift_up(l, l->n_heap++, t);
    }
    arm(l);
}

void weft_timer_stop(struct weft_timer *t) {
    if (!t->slot) return;
    struct weft_loop *l = t->loop;
    size_t i = t->slot - 1;
    t->slot = 0;
    struct weft_timer *last = l->heap[--l->n_heap];
    if (last != t) settle(l, i, last);
}

void loop_timers_fire(struct weft_loop *l) {
    uint64_t now = weft_loop_now_us(l);
    l->firing = true;
    while (l->n_heap && l->heap[0]->due_us <= now) {
        struct weft_timer *t = l->heap[0];
        weft_timer_stop(t);
        l->activity++;
        t->fn(t->arg);
    }
    l->firing = false;
    arm(l);
}

void weft_loop_advance(struct weft_loop *l, uint64_t us) {
    WEFT_CHECK(l->fake);
    uint64_t target = l->now_us + us;
    loop_timers_fire(l);
    loop_drain(l);
    while (l->n_heap && l->heap[0]->due_us <= target) {
        l->now_us = l->heap[0]->due_us;
        loop_timers_fire(l);
        loop_drain(l);
    }
    l->now_us = target;
}

void loop_timers_done(struct weft_loop *l) {
    free(l->heap);
}

/* SPDX-License-Identifier: Apache-2.0
 * Signals as events of a loop. */
#include "loop_internal.h"
#include <weft/base/alloc.h>

struct loop_signal {
    struct weft_list link;
    uv_signal_t uv;
    struct weft_loop *loop;
    void (*fn)(void *arg, int signum);
    void *arg;
};

static void on_uv_signal(uv_signal_t *h, int signum) {
    struct loop_signal *s = h->data;
    s->loop->activity++;
    s->fn(s->arg, signum);
}

static void on_closed(uv_handle_t *h) {
    free(h->data);
}

void weft_loop_on_signal(struct weft_loop *l, int signum, void (*fn)(void *arg, int signum),
                         void *arg) {
    struct loop_signal *s = weft_new0(struct loop_signal);
    *s = (struct loop_signal){.loop = l, .fn = fn, .arg = arg};
    WEFT_CHECK(uv_signal_init(&l->uv, &s->uv) == 0);
    s->uv.data = s;
    WEFT_CHECK(uv_signal_start(&s->uv, on_uv_signal, signum) == 0);
    weft_list_push(&l->signals, &s->link);
}

void loop_signals_close(struct weft_loop *l) {
    weft_list_each(it, &l->signals) {
        struct loop_signal *s = WEFT_CONTAINER(it, struct loop_signal, link);
        weft_list_remove(&s->link);
        uv_close((uv_handle_t *)&s->uv, on_closed);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_internal.h"
#include <weft/base/alloc.h>
#include <weft/net/poll.h>

struct weft_poll {
    uv_poll_t uv;
    struct weft_loop *loop;
    void (*fn)(void *ud, unsigned events);
    void *ud;
};

static void on_uv_poll(uv_poll_t *h, int status, int events) {
    struct weft_poll *p = h->data;
    unsigned what = (events & UV_READABLE ? WEFT_POLL_READ : 0u) |
                    (events & UV_WRITABLE ? WEFT_POLL_WRITE : 0u) |
                    (status < 0 ? WEFT_POLL_ERROR : 0u);
    p->loop->activity++;
    p->fn(p->ud, what);
}

static void on_closed(uv_handle_t *h) {
    free(h->data);
}

struct weft_poll *weft_poll_new(struct weft_loop *l, int fd, void (*fn)(void *ud, unsigned events),
                                void *ud) {
    struct weft_poll *p = weft_new0(struct weft_poll);
    *p = (struct weft_poll){.loop = l, .fn = fn, .ud = ud};
    if (uv_poll_init(&l->uv, &p->uv, fd) != 0) {
        free(p);
        return NULL;
    }
    p->uv.data = p;
    return p;
}

void weft_poll_set(struct weft_poll *p, unsigned events) {
    int want =
        (events & WEFT_POLL_READ ? UV_READABLE : 0) | (events & WEFT_POLL_WRITE ? UV_WRITABLE : 0);
    if (want)
        WEFT_CHECK(uv_poll_start(&p->uv, want, on_uv_poll) == 0);
    else
        uv_poll_stop(&p->uv);
}

struct weft_poll *weft_poll_free(struct weft_poll *p) {
    if (!p) return NULL;
    uv_poll_stop(&p->uv); /* takes the fd out of epoll before its owner closes it */
    uv_close((uv_handle_t *)&p->uv, on_closed);
    return NULL;
}

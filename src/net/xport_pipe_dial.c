/* SPDX-License-Identifier: Apache-2.0
 * A memory pipe that behaves as a dialled connection: it comes up, or does not, after the call. */
#include "xport_internal.h"

static void open_near(void *arg) {
    xport_opened(arg);
}

struct weft_xport *weft_xport_pipe_dialed(struct weft_loop *l, enum weft_status st,
                                          uint64_t timeout_us, struct weft_xport **ret_far) {
    struct weft_xport *near;
    weft_xport_pipe(l, &near, ret_far);
    near->opened = false;
    if (st == WEFT_OK)
        weft_loop_defer(l, open_near, near);
    else if (st == WEFT_AGAIN)
        xport_deadline(near, timeout_us);
    else
        xport_fail_later(near, st);
    if (st == WEFT_OK) return near;
    weft_xport_close(*ret_far); /* nobody is there */
    *ret_far = NULL;
    return near;
}

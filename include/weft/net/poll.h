/* SPDX-License-Identifier: Apache-2.0
 * A socket that somebody else reads and writes (libcurl): only told when it can be. Its timer is an
 * ordinary weft_timer. */
#pragma once
#include <weft/net/loop.h>

enum { WEFT_POLL_READ = 1, WEFT_POLL_WRITE = 2, WEFT_POLL_ERROR = 4 };

struct weft_poll;
/* Level-triggered, at first for nothing. NULL when `fd` cannot be watched. The fd stays the
 * caller's, who must free the poll before closing it. `fn` gets the events that are there. */
struct weft_poll *weft_poll_new(struct weft_loop *l, int fd, void (*fn)(void *ud, unsigned events),
                                void *ud);
/* READ | WRITE, or 0. */
void weft_poll_set(struct weft_poll *p, unsigned events);
/* No callback after this, also when called inside one. Takes NULL, returns NULL. */
struct weft_poll *weft_poll_free(struct weft_poll *p);

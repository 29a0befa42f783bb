/* SPDX-License-Identifier: Apache-2.0
 * The ports of a worker. */
#pragma once
#include <sidecar/worker.h>

/* Somebody was let in by the kernel and not taken yet: closing would reset him. */
bool proxy_listeners_waiting(const struct proxy_worker *w);
void proxy_listeners_close(struct proxy_worker *w);
/* After close, when the loop has run once more. */
void proxy_listeners_free(struct proxy_worker *w);

/* SPDX-License-Identifier: Apache-2.0
 * The configuration from a file (weft compile -o FILE), without a controller. */
#pragma once
#include <sidecar/config.h>
#include <weft/net/loop.h>

/* Reads and decodes FILE; `ret` is for proxy_config_replace or weft_snapshot_done. */
struct weft_snapshot;
enum weft_status proxy_snapshot_read(const char *file, struct weft_snapshot *ret,
                                     struct weft_error *err) WEFT_MUST_USE;

struct proxy_snapshot;
/* Takes FILE up again whenever it was replaced (also by rename, also behind a symbolic link that
 * moved). A file that cannot be read or decoded changes nothing: on_error tells. */
struct proxy_snapshot *
proxy_snapshot_watch(struct weft_loop *l, const char *file, struct proxy_config *config,
                     void (*on_error)(void *ud, const struct weft_error *err), void *ud);
struct proxy_snapshot *proxy_snapshot_free(struct proxy_snapshot *s);

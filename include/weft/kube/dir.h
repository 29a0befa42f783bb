/* SPDX-License-Identifier: Apache-2.0
 * A folder of manifests as a source: read at start, watched for changes (inotify through libuv). */
#pragma once
#include <weft/net/loop.h>
#include <weft/object/store.h>

struct weft_dir;
/* Reads every *.yaml, *.yml and *.json below `paths` (a folder, recursively, or one file) into the
 * store. A broken file is reported through on_error and leaves the objects it defined before as
 * they were. `watch` false: read once (then loop may be NULL). on_change follows each batch that
 * changed the store (also once after the first read). Files replaced by rename are seen. */
struct weft_dir_cb {
    void (*on_change)(void *ud);
    void (*on_error)(void *ud, const char *file, const struct weft_error *err);
    void *ud;
};
enum weft_status weft_dir_new(struct weft_loop *l, const char *const *paths, size_t n,
                              bool experimental, bool watch, struct weft_store *store,
                              const struct weft_dir_cb *cb, struct weft_dir **ret,
                              struct weft_error *err);
struct weft_dir *weft_dir_free(struct weft_dir *d);

/* SPDX-License-Identifier: Apache-2.0
 * A folder of manifests, read once, by the very source that the controller uses. */
#include <cli/local/load.h>
#include <weft/kube/dir.h>

static void on_change(void *ud) {
    (void)ud;
}

enum weft_status local_load(const char *path, struct weft_store *store,
                            void (*on_problem)(void *ud, const char *file,
                                               const struct weft_error *err),
                            void *ud, struct weft_error *err) {
    const struct weft_dir_cb cb = {on_change, on_problem, ud};
    struct weft_dir *dir = NULL;
    enum weft_status st =
        weft_dir_new(NULL, &path, 1, true, /* watch */ false, store, &cb, &dir, err);
    weft_dir_free(dir);
    return st;
}

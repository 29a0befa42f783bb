/* SPDX-License-Identifier: Apache-2.0
 * The folder source: a scan reads what changed, settles ownership and tells about the change. */
#include "dir_internal.h"

#include <stdio.h>
#include <weft/base/alloc.h>

static struct dir_file *need_file(struct weft_dir *d, const char *path) {
    struct dir_file *f;
    HASH_FIND(hh, d->files, path, strlen(path), f);
    if (f) return f;
    f = weft_new0(struct dir_file);
    f->path = weft_strdup(path);
    HASH_ADD_KEYPTR(hh, d->files, f->path, strlen(f->path), f);
    return f;
}

static void on_file(void *ud, const char *path, const struct stat *st) {
    struct weft_dir *d = ud;
    struct dir_file *f = need_file(d, path);
    if (f->seen) return; /* two of the given paths overlap */
    f->seen = true;
    f->layer = d->layer;
    dir_file_read(d, f, st, f->broken || f->covered);
}

static void on_folder(void *ud, const char *path) {
    struct weft_dir *d = ud;
    if (d->watch) dir_watch_folder(d->watch, path);
}

void dir_scan(struct weft_dir *d) {
    const struct dir_walk w = {on_file, on_folder, d};
    for (struct dir_file *f = d->files; f; f = f->hh.next) f->seen = false;
    for (d->layer = 0; d->layer < d->n_paths; d->layer++)
        if (dir_walk(&w, d->paths[d->layer]) != WEFT_OK && d->watch) dir_watch_poll(d->watch);
    if (dir_claim(d) && d->cb.on_change) d->cb.on_change(d->cb.ud);
}

static enum weft_status check_paths(const char *const *paths, size_t n, struct weft_error *err) {
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        if (stat(paths[i], &st) == 0) continue;
        return weft_error_set(err, WEFT_NOT_FOUND, paths[i], "no such file or folder");
    }
    return WEFT_OK;
}

/* The first scan tells of the change only after it, even when nothing was found. */
static void first_scan(struct weft_dir *d) {
    void (*on_change)(void *ud) = d->cb.on_change;
    d->cb.on_change = NULL;
    dir_scan(d);
    d->cb.on_change = on_change;
}

enum weft_status weft_dir_new(struct weft_loop *l, const char *const *paths, size_t n,
                              bool experimental, bool watch, struct weft_store *store,
                              const struct weft_dir_cb *cb, struct weft_dir **ret,
                              struct weft_error *err) {
    enum weft_status st = check_paths(paths, n, err);
    if (st != WEFT_OK) return st;
    struct weft_dir *d = weft_new0(struct weft_dir);
    d->loop = l;
    d->experimental = experimental;
    d->store = store;
    d->cb = *cb;
    d->paths = weft_alloc0((n + 1) * sizeof *d->paths);
    for (; d->n_paths < n; d->n_paths++) {
        size_t len = strlen(paths[d->n_paths]);
        while (len > 1 && paths[d->n_paths][len - 1] == '/') len--;
        d->paths[d->n_paths] = weft_slice_dup(weft_slice(paths[d->n_paths], len));
    }
    if (watch) d->watch = dir_watch_new(d, err);
    if (watch && !d->watch) {
        weft_dir_free(d);
        return WEFT_IO;
    }
    first_scan(d);
    *ret = d;
    if (cb->on_change) cb->on_change(cb->ud);
    return WEFT_OK;
}

struct weft_dir *weft_dir_free(struct weft_dir *d) {
    if (!d) return NULL;
    dir_watch_free(d->watch);
    struct dir_file *f, *next;
    HASH_ITER(hh, d->files, f, next) {
        HASH_DEL(d->files, f);
        dir_file_free(f);
    }
    for (size_t i = 0; i < d->n_paths; i++) free(d->paths[i]);
    free(d->paths);
    free(d);
    return NULL;
}

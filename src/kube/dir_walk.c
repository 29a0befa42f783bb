/* SPDX-License-Identifier: Apache-2.0
 * Which manifests lie below a path: *.yaml, *.yml and *.json, no hidden names, links followed. */
#include "dir_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <weft/base/alloc.h>

enum { MAX_DEPTH = 16 }; /* also ends loops of links */

static int visible(const struct dirent *e) {
    return e->d_name[0] != '.';
}

static bool is_manifest(const char *name) {
    static const char *const suffixes[] = {".yaml", ".yml", ".json"};
    for (size_t i = 0; i < WEFT_LEN(suffixes); i++)
        if (weft_slice_ends(weft_slice_str(name), weft_slice_str(suffixes[i]))) return true;
    return false;
}

static void walk(const struct dir_walk *w, const char *path, int depth);

static void entry(const struct dir_walk *w, const char *folder, const char *name, int depth) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", folder, name);
    struct stat st;
    if (stat(path, &st) != 0) return;
    if (S_ISDIR(st.st_mode))
        walk(w, path, depth + 1);
    else if (S_ISREG(st.st_mode) && is_manifest(name))
        w->on_file(w->ud, path, &st);
}

static void walk(const struct dir_walk *w, const char *path, int depth) {
    struct dirent **names;
    if (depth > MAX_DEPTH) return;
    w->on_folder(w->ud, path);
    int n = scandir(path, &names, visible, alphasort);
    for (int i = 0; i < n; i++) {
        entry(w, path, names[i]->d_name, depth);
        free(names[i]);
    }
    if (n >= 0) free(names);
}

enum weft_status dir_walk(const struct dir_walk *w, const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) return weft_status_from_errno(errno);
    if (S_ISDIR(st.st_mode)) {
        walk(w, path, 0);
        return WEFT_OK;
    }
    const char *slash = strrchr(path, '/');
    WEFT_FREE char *folder = slash && slash != path
                                 ? weft_slice_dup(weft_slice(path, (size_t)(slash - path)))
                                 : weft_strdup(slash ? "/" : ".");
    w->on_folder(w->ud, folder);
    w->on_file(w->ud, path, &st);
    return WEFT_OK;
}

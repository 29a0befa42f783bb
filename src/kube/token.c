/* SPDX-License-Identifier: Apache-2.0
 * A token file. Kubelets replace the token of a pod before it expires by swapping a link. */
#include "client_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <weft/base/alloc.h>
#include <weft/base/file.h>

enum { MAX_TOKEN = 64 * 1024 };

struct kube_token {
    char *path, *value;
    struct timespec mtime;
    ino_t inode;
    off_t size;
};

struct kube_token *kube_token_new(const char *path) {
    struct kube_token *t = weft_new0(struct kube_token);
    t->path = weft_strdup(path);
    return t;
}

static void forget(struct kube_token *t) {
    if (t->value) explicit_bzero(t->value, strlen(t->value));
    free(t->value);
    t->value = NULL;
}

struct kube_token *kube_token_free(struct kube_token *t) {
    if (!t) return NULL;
    forget(t);
    free(t->path);
    free(t);
    return NULL;
}

static bool same(const struct kube_token *t, const struct stat *st) {
    return t->value && t->inode == st->st_ino && t->size == st->st_size &&
           t->mtime.tv_sec == st->st_mtim.tv_sec && t->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

/* Only what may stand in a header: a file with other bytes is no token. */
static bool printable(struct weft_slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.base[i] < 0x21 || s.base[i] > 0x7e) return false;
    return s.len > 0;
}

static struct weft_slice trim(struct weft_slice s) {
    while (s.len && strchr(" \t\r\n", s.base[s.len - 1])) s.len--;
    while (s.len && strchr(" \t\r\n", s.base[0])) s = weft_slice_from(s, 1);
    return s;
}

static enum weft_status read_again(struct kube_token *t, struct weft_error *err) {
    struct weft_buf b;
    weft_buf_init(&b, MAX_TOKEN);
    enum weft_status st = weft_file_read(t->path, &b);
    struct weft_slice text = trim(weft_buf_slice(&b));
    forget(t);
    if (st != WEFT_OK)
        weft_error_set(err, st, t->path, "the token cannot be read: %s", weft_status_text(st));
    else if (!printable(text))
        st = weft_error_set(err, WEFT_INVALID, t->path, "holds no token");
    else
        t->value = weft_slice_dup(text);
    if (b.base) explicit_bzero(b.base, b.cap);
    weft_buf_done(&b);
    return st;
}

const char *kube_token_get(struct kube_token *t, struct weft_error *err) {
    struct stat st;
    if (stat(t->path, &st) != 0) { /* follows links */
        weft_error_set(err, weft_status_from_errno(errno), t->path, "the token cannot be read: %s",
                       strerror(errno));
        return NULL;
    }
    if (same(t, &st)) return t->value;
    if (read_again(t, err) != WEFT_OK) return NULL;
    t->mtime = st.st_mtim;
    t->inode = st.st_ino;
    t->size = st.st_size;
    return t->value;
}

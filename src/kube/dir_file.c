/* SPDX-License-Identifier: Apache-2.0
 * One manifest file: read when it changed, parsed and checked as a whole. Of a broken file every
 * broken object is told, and nothing of it is taken up. */
#include "dir_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/base/limits.h>

void dir_keys_done(struct dir_keys *k) {
    for (size_t i = 0; i < k->n; i++) {
        free(k->items[i].kind);
        free(k->items[i].ns);
        free(k->items[i].name);
        free(k->items[i].text);
    }
    free(k->items);
    *k = (struct dir_keys){0};
}

void dir_file_drop_pending(struct dir_file *f) {
    for (size_t i = 0; i < f->objects.n; i++) weft_object_free(f->objects.items[i]);
    free(f->objects.items);
    f->objects = (struct dir_objects){0};
    dir_keys_done(&f->keys);
    f->pending = false;
}

struct dir_file *dir_file_free(struct dir_file *f) {
    dir_file_drop_pending(f);
    dir_keys_done(&f->owned);
    free(f->told);
    free(f->path);
    free(f);
    return NULL;
}

/* Each fault of the same content is told once, however often the file is looked at. */
void dir_file_fault(struct weft_dir *d, struct dir_file *f, const struct weft_error *err) {
    WEFT_FREE char *text = weft_asprintf("%d:%s:%s\n", err->line, err->path, err->message);
    f->broken = true;
    if (f->told && strstr(f->told, text)) return;
    char *all = weft_asprintf("%s%s", f->told ? f->told : "", text);
    free(f->told);
    f->told = all;
    if (d->cb.on_error) d->cb.on_error(d->cb.ud, f->path, err);
}

static void add_key(struct dir_file *f, const struct weft_object *o) {
    struct dir_keys *k = &f->keys;
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 8;
        k->items = weft_realloc(k->items, k->cap * sizeof *k->items);
    }
    struct dir_key *key = &k->items[k->n++];
    key->kind = weft_store_kind(o);
    key->ns = weft_strdup(o->ns);
    key->name = weft_strdup(o->name);
    key->text = weft_asprintf("%s/%s/%s", key->kind, key->ns, key->name);
}

static void on_object(void *ud, struct weft_object *o) {
    struct dir_file *f = ud;
    if (f->objects.n == f->objects.cap) {
        f->objects.cap = f->objects.cap ? f->objects.cap * 2 : 8;
        f->objects.items =
            weft_realloc(f->objects.items, f->objects.cap * sizeof *f->objects.items);
    }
    f->objects.items[f->objects.n++] = o;
    add_key(f, o);
}

static enum weft_status read_all(int fd, struct weft_buf *b) {
    for (;;) {
        char *p = weft_buf_reserve(b, 64 * 1024);
        if (!p) return WEFT_LIMIT;
        ssize_t n = read(fd, p, 64 * 1024);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return weft_status_from_errno(errno);
        if (n == 0) return WEFT_OK;
        weft_buf_commit(b, (size_t)n);
    }
}

static enum weft_status slurp(const char *path, struct weft_buf *b, struct weft_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return weft_error_set(err, weft_status_from_errno(errno), "", "cannot be read: %s",
                              strerror(errno));
    enum weft_status st = read_all(fd, b);
    close(fd);
    if (st == WEFT_LIMIT) return weft_error_set(err, st, "", "larger than 4 MiB: split the file");
    return st == WEFT_OK ? st
                         : weft_error_set(err, st, "", "cannot be read: %s", weft_status_text(st));
}

/* Two writes within one tick of the file system's clock look alike: a file so young is read again.
 */
static bool young(const struct stat *st) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec - st->st_mtim.tv_sec < 2;
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool untouched(struct dir_file *f, const struct stat *st) {
    bool same = f->inode == st->st_ino && f->size == st->st_size &&
                same_time(f->mtime, st->st_mtim) && same_time(f->ctime, st->st_ctim);
    f->inode = st->st_ino;
    f->size = st->st_size;
    f->mtime = st->st_mtim;
    f->ctime = st->st_ctim;
    return same && !young(st);
}

static void check_objects(struct weft_dir *d, struct dir_file *f) {
    for (size_t i = 0; i < f->objects.n; i++) {
        struct weft_object *o = f->objects.items[i];
        struct weft_error err = {0}, full = {0};
        if (weft_object_validate(o, d->experimental, &err) == WEFT_OK) continue;
        full.line = err.line ? err.line : o->line;
        snprintf(full.path, sizeof full.path, "%s", err.path);
        snprintf(full.message, sizeof full.message, "%s %.80s/%.80s: %.280s", o->kind, o->ns,
                 o->name, err.message);
        dir_file_fault(d, f, &full);
    }
}

static void forget_told(struct dir_file *f) {
    free(f->told);
    f->told = NULL;
}

static void parse(struct weft_dir *d, struct dir_file *f, struct weft_slice text) {
    struct weft_error err = {0};
    f->broken = false;
    if (weft_object_parse(text, f->path, on_object, f, &err) != WEFT_OK)
        dir_file_fault(d, f, &err);
    else
        check_objects(d, f);
    f->pending = !f->broken;
    if (f->broken) {
        dir_file_drop_pending(f);
        return;
    }
    forget_told(f);
}

void dir_file_read(struct weft_dir *d, struct dir_file *f, const struct stat *st, bool again) {
    if (untouched(f, st) && !again) return;
    struct weft_error err = {0};
    struct weft_buf b;
    weft_buf_init(&b, WEFT_MAX_MANIFEST_BYTES + 64 * 1024);
    if (slurp(f->path, &b, &err) != WEFT_OK) {
        dir_file_fault(d, f, &err);
    } else {
        uint64_t hash = weft_slice_hash(weft_buf_slice(&b));
        if (hash != f->hash) forget_told(f);
        if (hash != f->hash || again) parse(d, f, weft_buf_slice(&b));
        f->hash = hash;
    }
    weft_buf_done(&b);
}

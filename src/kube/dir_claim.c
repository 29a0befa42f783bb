/* SPDX-License-Identifier: Apache-2.0
 * Each object belongs to one file. When two files below the same path define the same one, the file
 * that came with it later is refused as a whole and both are named. An object may move from one
 * file to another. Paths are layers: what a later path defines covers the same object of an earlier
 * one, which comes back when the later one is gone. */
#include "dir_internal.h"

#include <stdio.h>
#include <weft/base/alloc.h>

struct claim {
    UT_hash_handle hh; /* by key text, borrowed */
    const struct dir_key *key;
    const struct dir_file *file;
};

static struct claim *find(struct claim *claims, const struct dir_key *k) {
    struct claim *c;
    HASH_FIND(hh, claims, k->text, strlen(k->text), c);
    return c;
}

static void add(struct claim **claims, const struct dir_key *k, const struct dir_file *f) {
    if (find(*claims, k)) return;
    struct claim *c = weft_new0(struct claim);
    c->key = k;
    c->file = f;
    HASH_ADD_KEYPTR(hh, *claims, k->text, strlen(k->text), c);
}

static void refuse(struct weft_dir *d, struct dir_file *f, size_t i, const char *other, int line) {
    struct weft_error err = {.line = f->objects.items[i]->line};
    snprintf(err.path, sizeof err.path, "metadata.name");
    if (line)
        snprintf(err.message, sizeof err.message,
                 "%.120s stands in this file twice, also on line %d: keep one",
                 f->keys.items[i].text, line);
    else
        snprintf(err.message, sizeof err.message,
                 "%.120s is defined in two files, here and in %.200s: keep one",
                 f->keys.items[i].text, other);
    dir_file_fault(d, f, &err);
}

static void settle(struct weft_dir *d, struct dir_file *f, struct claim **claims) {
    for (size_t i = 0; i < f->keys.n && f->pending; i++) {
        const struct claim *c = find(*claims, &f->keys.items[i]);
        if (c && c->file != f && c->file->layer == f->layer) refuse(d, f, i, c->file->path, 0);
        for (size_t k = 0; k < i && !f->broken; k++)
            if (!strcmp(f->keys.items[k].text, f->keys.items[i].text))
                refuse(d, f, i, NULL, f->objects.items[k]->line);
        if (f->broken) dir_file_drop_pending(f);
    }
    const struct dir_keys *keys = f->pending ? &f->keys : &f->owned;
    f->covered = false; /* if it is, it is read again at each scan */
    for (size_t i = 0; i < keys->n; i++) {
        add(claims, &keys->items[i], f);
        f->covered |= find(*claims, &keys->items[i])->file != f;
    }
}

static bool remove_rest(struct weft_dir *d, struct dir_file *f, struct claim *claims) {
    bool changed = false;
    for (size_t i = 0; i < f->owned.n; i++) {
        const struct dir_key *k = &f->owned.items[i];
        if (!find(claims, k)) changed |= weft_store_remove(d->store, k->kind, k->ns, k->name);
    }
    return changed;
}

static bool apply(struct weft_dir *d, struct dir_file *f, struct claim *claims) {
    bool changed = false;
    for (size_t i = 0; i < f->objects.n; i++) {
        const struct claim *c = find(claims, &f->keys.items[i]);
        if (c && c->file != f)
            weft_object_free(f->objects.items[i]);
        else
            changed |= weft_store_put(d->store, f->objects.items[i]);
    }
    f->objects.n = 0; /* the store's now */
    dir_keys_done(&f->owned);
    f->owned = f->keys;
    f->keys = (struct dir_keys){0};
    dir_file_drop_pending(f);
    return changed;
}

/* Later layers first; within one, those that stand before those that come. */
static void settle_all(struct weft_dir *d, struct claim **claims) {
    struct dir_file *f;
    for (size_t layer = d->n_paths; layer-- > 0;) {
        for (f = d->files; f; f = f->hh.next)
            if (f->seen && f->layer == layer && !f->pending) settle(d, f, claims);
        for (f = d->files; f; f = f->hh.next)
            if (f->seen && f->layer == layer && f->pending) settle(d, f, claims);
    }
}

bool dir_claim(struct weft_dir *d) {
    struct claim *claims = NULL, *c, *next_claim;
    struct dir_file *f, *next;
    bool changed = false;
    settle_all(d, &claims);
    for (f = d->files; f; f = f->hh.next)
        if (f->pending || !f->seen) changed |= remove_rest(d, f, claims);
    for (f = d->files; f; f = f->hh.next)
        if (f->pending) changed |= apply(d, f, claims);
    HASH_ITER(hh, claims, c, next_claim) {
        HASH_DEL(claims, c);
        free(c);
    }
    HASH_ITER(hh, d->files, f, next) {
        if (f->seen) continue;
        HASH_DEL(d->files, f);
        dir_file_free(f);
    }
    return changed;
}

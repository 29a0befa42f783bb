/* SPDX-License-Identifier: Apache-2.0
 * The parts of the folder source: which files there are (dir_walk.c), what stands in one
 * (dir_file.c), who owns which object (dir_claim.c), and when to look again (dir_watch.c). */
#pragma once
#include <sys/stat.h>
#include <uthash.h>
#include <weft/kube/dir.h>

struct dir_key { /* an object that a file defines */
    char *kind, *ns, *name;
    char *text; /* "kind/ns/name" */
};
struct dir_keys {
    struct dir_key *items;
    size_t n, cap;
};
void dir_keys_done(struct dir_keys *k);

struct dir_objects {
    struct weft_object **items;
    size_t n, cap;
};

struct dir_file {
    UT_hash_handle hh; /* by path */
    char *path;
    struct timespec mtime, ctime;
    off_t size;
    ino_t inode;
    uint64_t hash;         /* of the bytes last read */
    struct dir_keys owned; /* in force */
    bool seen;             /* in this scan */
    size_t layer;          /* index of the given path that it lies below */
    bool covered;          /* some of its objects stand in a later layer too */
    bool broken;           /* what it holds now is not in force */
    char *told;            /* faults of this content that on_error heard of */
    /* during one scan */
    bool pending; /* read anew and sound; objects and keys say what it would define */
    struct dir_objects objects;
    struct dir_keys keys;
};

struct dir_watch;
struct weft_dir {
    struct weft_loop *loop;
    char **paths;
    size_t n_paths;
    size_t layer; /* while a scan walks */
    bool experimental;
    struct weft_store *store;
    struct weft_dir_cb cb;
    struct dir_file *files;
    struct dir_watch *watch; /* NULL: read once */
};

/* dir_walk.c: calls on_file for every manifest below `path`, on_folder for every folder, in order
 * of name. NOT_FOUND when the path itself is missing. */
struct dir_walk {
    void (*on_file)(void *ud, const char *path, const struct stat *st);
    void (*on_folder)(void *ud, const char *path);
    void *ud;
};
enum weft_status dir_walk(const struct dir_walk *w, const char *path);

/* dir_file.c */
struct dir_file *dir_file_free(struct dir_file *f);
/* Reads the file if it changed (or `again`); sets pending, or broken after telling on_error. */
void dir_file_read(struct weft_dir *d, struct dir_file *f, const struct stat *st, bool again);
void dir_file_drop_pending(struct dir_file *f);
void dir_file_fault(struct weft_dir *d, struct dir_file *f, const struct weft_error *err);

/* dir_claim.c: settles who owns what and changes the store; true if it changed. */
bool dir_claim(struct weft_dir *d);

/* dir.c */
void dir_scan(struct weft_dir *d);

/* dir_watch.c */
struct dir_watch *dir_watch_new(struct weft_dir *d, struct weft_error *err);
struct dir_watch *dir_watch_free(struct dir_watch *w);
void dir_watch_folder(struct dir_watch *w, const char *path);
/* Something cannot be watched (a missing path, no watches left): look every second instead. */
void dir_watch_poll(struct dir_watch *w);

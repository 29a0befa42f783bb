/* SPDX-License-Identifier: Apache-2.0
 * Snapshot files: read whole, decoded, put in force as one. The folder is watched, not the file,
 * since a file replaced by rename is another file. */
#include <sidecar/snapshot.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <weft/base/alloc.h>
#include <weft/base/limits.h>
#include <weft/obs/log.h>
#include <weft/xds/codec.h>

enum { SETTLE_US = 20000 }; /* a file written in place comes in several events */

struct proxy_snapshot {
    uv_fs_event_t watch; /* closing frees all */
    struct weft_timer timer;
    char *file;
    struct proxy_config *config;
    void (*on_error)(void *ud, const struct weft_error *err);
    void *ud;
    struct stat seen;
};

static enum weft_status read_fd(int fd, struct weft_buf *out) {
    for (;;) {
        char *p = weft_buf_reserve(out, 64 * 1024);
        if (!p) return WEFT_LIMIT;
        ssize_t n = read(fd, p, 64 * 1024);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return weft_status_from_errno(errno);
        if (n == 0) return WEFT_OK;
        weft_buf_commit(out, (size_t)n);
    }
}

enum weft_status proxy_snapshot_read(const char *file, struct weft_snapshot *ret,
                                     struct weft_error *err) {
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        enum weft_status why = weft_status_from_errno(errno);
        return weft_error_set(err, why, file, "cannot be opened: %s", weft_status_text(why));
    }
    struct weft_buf b;
    weft_buf_init(&b, WEFT_MAX_SNAPSHOT_BYTES);
    enum weft_status st = read_fd(fd, &b);
    close(fd);
    if (st != WEFT_OK)
        weft_error_set(err, st, file, "cannot be read: %s", weft_status_text(st));
    else
        st = weft_snapshot_decode(weft_buf_slice(&b), ret, err);
    weft_buf_done(&b);
    return st;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void load(void *arg) {
    struct proxy_snapshot *s = arg;
    struct stat now;
    if (stat(s->file, &now) < 0 || same_file(&now, &s->seen)) return;
    s->seen = now;
    struct weft_snapshot fresh = {0};
    struct weft_error err = {0};
    if (proxy_snapshot_read(s->file, &fresh, &err) != WEFT_OK) {
        s->on_error(s->ud, &err);
        return;
    }
    weft_info("snapshot", "%s: %zu destinations, %zu endpoint sets", s->file, fresh.n_destinations,
              fresh.n_endpoints);
    proxy_config_replace(s->config, &fresh);
}

/* A rename is whole at once; a write in place is given a moment to end. */
static void on_event(uv_fs_event_t *h, const char *name, int events, int status) {
    struct proxy_snapshot *s = h->data;
    if (events & UV_RENAME) load(s);
    weft_timer_start(&s->timer, SETTLE_US);
}

static char *folder_of(const char *file) {
    const char *slash = strrchr(file, '/');
    if (!slash) return weft_strdup(".");
    return slash == file ? weft_strdup("/")
                         : weft_slice_dup(weft_slice(file, (size_t)(slash - file)));
}

struct proxy_snapshot *proxy_snapshot_watch(struct weft_loop *l, const char *file,
                                            struct proxy_config *config,
                                            void (*on_error)(void *, const struct weft_error *),
                                            void *ud) {
    struct proxy_snapshot *s = weft_new0(struct proxy_snapshot);
    s->file = weft_strdup(file);
    s->config = config;
    s->on_error = on_error;
    s->ud = ud;
    if (stat(file, &s->seen) < 0) s->seen = (struct stat){0};
    weft_timer_init(&s->timer, l, load, s);
    uv_fs_event_init(weft_loop_uv(l), &s->watch);
    s->watch.data = s;
    WEFT_FREE char *folder = folder_of(file);
    int rc = uv_fs_event_start(&s->watch, on_event, folder, 0);
    if (rc < 0) weft_warn("snapshot", "%s is not watched: %s", folder, uv_strerror(rc));
    return s;
}

static void on_closed(uv_handle_t *h) {
    struct proxy_snapshot *s = h->data;
    free(s->file);
    free(s);
}

struct proxy_snapshot *proxy_snapshot_free(struct proxy_snapshot *s) {
    if (!s) return NULL;
    weft_timer_stop(&s->timer);
    uv_close((uv_handle_t *)&s->watch, on_closed);
    return NULL;
}

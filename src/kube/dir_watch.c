/* SPDX-License-Identifier: Apache-2.0
 * When to scan again: inotify on every folder, readable through libuv; a burst of events is
 * answered once, a few milliseconds after its first. What cannot be watched is polled. */
#include "dir_internal.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <uv.h>
#include <weft/base/alloc.h>

enum { SETTLE_US = 10000, POLL_US = 1000000 };
#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF |       \
     IN_MOVE_SELF | IN_ATTRIB)

struct dir_watch {
    struct weft_dir *dir;
    int fd;
    uv_poll_t poll;
    struct weft_timer settle, again;
};

static void drain(int fd) {
    _Alignas(struct inotify_event) char events[16 * 1024];
    while (read(fd, events, sizeof events) > 0) {
    }
}

static void on_readable(uv_poll_t *handle, int status, int events) {
    struct dir_watch *w = handle->data;
    drain(w->fd);
    /* not restarted: a folder that changes all the time is still read */
    if (!weft_timer_active(&w->settle)) weft_timer_start(&w->settle, SETTLE_US);
}

static void on_settled(void *arg) {
    struct dir_watch *w = arg;
    dir_scan(w->dir);
}

struct dir_watch *dir_watch_new(struct weft_dir *d, struct weft_error *err) {
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) {
        weft_error_set(err, WEFT_IO, "", "cannot watch folders: %s", strerror(errno));
        return NULL;
    }
    struct dir_watch *w = weft_new0(struct dir_watch);
    w->dir = d;
    w->fd = fd;
    w->poll.data = w;
    weft_timer_init(&w->settle, d->loop, on_settled, w);
    weft_timer_init(&w->again, d->loop, on_settled, w);
    if (uv_poll_init(weft_loop_uv(d->loop), &w->poll, fd) != 0) {
        close(fd);
        free(w);
        weft_error_set(err, WEFT_IO, "", "cannot watch folders");
        return NULL;
    }
    uv_poll_start(&w->poll, UV_READABLE, on_readable);
    return w;
}

static void on_closed(uv_handle_t *handle) {
    struct dir_watch *w = handle->data;
    close(w->fd);
    free(w);
}

struct dir_watch *dir_watch_free(struct dir_watch *w) {
    if (!w) return NULL;
    weft_timer_stop(&w->settle);
    weft_timer_stop(&w->again);
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_closed);
    return NULL;
}

void dir_watch_folder(struct dir_watch *w, const char *path) {
    if (inotify_add_watch(w->fd, path, EVENTS | IN_ONLYDIR) < 0) dir_watch_poll(w);
}

void dir_watch_poll(struct dir_watch *w) {
    if (!weft_timer_active(&w->again)) weft_timer_start(&w->again, POLL_US);
}

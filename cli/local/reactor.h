/* SPDX-License-Identifier: Apache-2.0
 * The supervisor's loop: files, timers and children that ended. One thread, poll(2); it forks, so
 * it keeps no threads and no hidden file descriptors. */
#pragma once
#include <poll.h>
#include <sys/types.h>
#include <weft/base/list.h>

struct local_reactor;

struct local_timer {
    struct weft_list link; /* in the reactor's list while running */
    uint64_t due_us;
    void (*fn)(void *arg);
    void *arg;
};

/* A child whose end matters. Embedded by its owner. */
struct local_child {
    struct weft_list link;
    pid_t pid; /* 0 when there is none */
    void (*fn)(void *arg, int wait_status);
    void *arg;
};

/* Blocks SIGCHLD, SIGTERM, SIGINT and SIGHUP for this process and takes them as events. */
struct local_reactor *local_reactor_new(void (*on_stop)(void *arg, int signum), void *arg);
struct local_reactor *local_reactor_free(struct local_reactor *r);
void local_reactor_run(struct local_reactor *r); /* until local_reactor_stop */
void local_reactor_stop(struct local_reactor *r);
uint64_t local_now_us(void);

/* fn(arg, revents) while poll(2) reports any of `events` (or an error) on fd; watching the same fd
 * again changes it. The fd stays the caller's. */
void local_watch(struct local_reactor *r, int fd, short events,
                 void (*fn)(void *arg, short revents), void *arg);
void local_unwatch(struct local_reactor *r, int fd); /* idempotent; before close */

void local_timer_init(struct local_timer *t, void (*fn)(void *arg), void *arg);
void local_timer_start(struct local_reactor *r, struct local_timer *t, uint64_t after_us);
void local_timer_stop(struct local_timer *t); /* idempotent */

void local_child_init(struct local_child *c, void (*fn)(void *arg, int wait_status), void *arg);
void local_child_watch(struct local_reactor *r, struct local_child *c, pid_t pid);
void local_child_forget(struct local_child *c); /* idempotent */

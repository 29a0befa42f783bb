/* SPDX-License-Identifier: Apache-2.0
 * poll(2), timers and children in one loop. */
#include <cli/local/reactor.h>
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/base/clock.h>

struct watch {
    int fd; /* -1: removed, the slot goes at the end of the turn */
    short events;
    void (*fn)(void *arg, short revents);
    void *arg;
};

struct local_reactor {
    struct watch *watches;
    size_t n, cap;
    struct weft_list timers, children;
    void (*on_stop)(void *arg, int signum);
    void *arg;
    int signals;
    bool stopped;
};

uint64_t local_now_us(void) {
    return weft_clock_mono_us();
}

static void reap(struct local_reactor *r) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) weft_list_each(it, &r->children) {
            struct local_child *c = WEFT_CONTAINER(it, struct local_child, link);
            if (c->pid != pid) continue;
            local_child_forget(c);
            c->fn(c->arg, status);
            break;
        }
}

static void on_signal(void *arg, short revents) {
    struct local_reactor *r = arg;
    (void)revents;
    struct signalfd_siginfo info;
    while (read(r->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(r);
        else
            r->on_stop(r->arg, (int)info.ssi_signo);
    }
}

struct local_reactor *local_reactor_new(void (*on_stop)(void *arg, int signum), void *arg) {
    struct local_reactor *r = weft_new0(struct local_reactor);
    weft_list_init(&r->timers);
    weft_list_init(&r->children);
    r->on_stop = on_stop;
    r->arg = arg;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    WEFT_CHECK(r->signals >= 0);
    local_watch(r, r->signals, POLLIN, on_signal, r);
    return r;
}

struct local_reactor *local_reactor_free(struct local_reactor *r) {
    if (!r) return NULL;
    close(r->signals);
    free(r->watches);
    free(r);
    return NULL;
}

void local_reactor_stop(struct local_reactor *r) {
    r->stopped = true;
}

void local_watch(struct local_reactor *r, int fd, short events,
                 void (*fn)(void *arg, short revents), void *arg) {
    struct watch w = {fd, events, fn, arg};
    for (size_t i = 0; i < r->n; i++)
        if (r->watches[i].fd == fd) {
            r->watches[i] = w;
            return;
        }
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 16;
        r->watches = weft_realloc(r->watches, r->cap * sizeof *r->watches);
    }
    r->watches[r->n++] = w;
}

void local_unwatch(struct local_reactor *r, int fd) {
    for (size_t i = 0; i < r->n; i++)
        if (fd >= 0 && r->watches[i].fd == fd) r->watches[i].fd = -1;
}

void local_timer_init(struct local_timer *t, void (*fn)(void *arg), void *arg) {
    *t = (struct local_timer){.fn = fn, .arg = arg};
    weft_list_init(&t->link);
}

void local_timer_start(struct local_reactor *r, struct local_timer *t, uint64_t after_us) {
    weft_list_remove(&t->link);
    t->due_us = local_now_us() + after_us;
    weft_list_push(&r->timers, &t->link);
}

void local_timer_stop(struct local_timer *t) {
    if (t->link.next) weft_list_remove(&t->link);
}

void local_child_init(struct local_child *c, void (*fn)(void *arg, int wait_status), void *arg) {
    *c = (struct local_child){.fn = fn, .arg = arg};
    weft_list_init(&c->link);
}

void local_child_watch(struct local_reactor *r, struct local_child *c, pid_t pid) {
    weft_list_remove(&c->link);
    c->pid = pid;
    weft_list_push(&r->children, &c->link);
}

void local_child_forget(struct local_child *c) {
    if (c->link.next) weft_list_remove(&c->link);
    c->pid = 0;
}

/* Milliseconds until the next timer, rounded up; -1 without timers. */
static int until_next(const struct local_reactor *r) {
    uint64_t now = local_now_us(), best = UINT64_MAX;
    for (struct weft_list *it = r->timers.next; it != &r->timers; it = it->next) {
        const struct local_timer *t = WEFT_CONTAINER(it, struct local_timer, link);
        if (t->due_us < best) best = t->due_us;
    }
    if (best == UINT64_MAX) return -1;
    return best <= now ? 0 : (int)((best - now + 999) / 1000);
}

/* One due timer at a time: its callback may stop or start any other. */
static void run_timers(struct local_reactor *r) {
    uint64_t now = local_now_us();
    for (struct weft_list *it = r->timers.next; it != &r->timers;) {
        struct local_timer *t = WEFT_CONTAINER(it, struct local_timer, link);
        if (t->due_us > now) {
            it = it->next;
            continue;
        }
        weft_list_remove(&t->link);
        t->fn(t->arg);
        it = r->timers.next;
    }
}

static void compact(struct local_reactor *r) {
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++)
        if (r->watches[i].fd >= 0) r->watches[kept++] = r->watches[i];
    r->n = kept;
}

static void turn(struct local_reactor *r) {
    compact(r);
    size_t n = r->n;
    struct pollfd *fds = weft_alloc(n * sizeof *fds);
    for (size_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){r->watches[i].fd, r->watches[i].events, 0};
    int ready = poll(fds, n, until_next(r));
    WEFT_CHECK(ready >= 0 || errno == EINTR);
    for (size_t i = 0; ready > 0 && i < n; i++) {
        struct watch w = r->watches[i];
        if (fds[i].revents && w.fd == fds[i].fd) w.fn(w.arg, fds[i].revents);
    }
    free(fds);
    run_timers(r);
}

void local_reactor_run(struct local_reactor *r) {
    while (!r->stopped) turn(r);
}

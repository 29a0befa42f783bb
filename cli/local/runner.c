/* SPDX-License-Identifier: Apache-2.0
 * Start, watch, start again. */
#include <cli/local/runner.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <weft/base/alloc.h>
#include <weft/obs/log.h>

enum {
    FIRST_PAUSE_US = 100 * 1000,
    LONGEST_PAUSE_US = 10 * 1000 * 1000,
    SETTLED_US = 10 * 1000 * 1000, /* one that ran so long starts with the first pause again */
};

const char *local_runner_state_name(enum local_runner_state s) {
    static const char *const names[] = {"waiting", "running", "backoff", "done", "stopped"};
    return names[s];
}

static void go_to(struct local_runner *r, enum local_runner_state s) {
    r->state = s;
    r->on_change(r->arg);
}

static void back_off(struct local_runner *r) {
    if (local_now_us() - r->started_us > SETTLED_US) r->pause_us = 0;
    r->pause_us = r->pause_us ? r->pause_us * 2 : FIRST_PAUSE_US;
    if (r->pause_us > LONGEST_PAUSE_US) r->pause_us = LONGEST_PAUSE_US;
    weft_warn("local", "%s: %s; again in %llu ms", r->role, r->last,
              (unsigned long long)r->pause_us / 1000);
    local_timer_start(r->reactor, &r->timer, r->pause_us);
    go_to(r, LOCAL_BACKOFF);
}

static void launch(struct local_runner *r) {
    struct local_spawn s = {.ns = LOCAL_NS_NONE};
    struct weft_error err = {0};
    pid_t pid;
    r->started_us = local_now_us();
    enum weft_status st = r->prepare(r->arg, &s, &err);
    if (st == WEFT_OK) st = local_spawn(&s, r->journal, r->role, &pid, &err);
    if (st != WEFT_OK) {
        (void)snprintf(r->last, sizeof r->last, "%s", err.message);
        back_off(r);
        return;
    }
    local_child_watch(r->reactor, &r->child, pid);
    go_to(r, LOCAL_RUNNING);
}

static void on_exit_status(void *arg, int status) {
    struct local_runner *r = arg;
    if (WIFSIGNALED(status))
        (void)snprintf(r->last, sizeof r->last, "ended by signal %d", WTERMSIG(status));
    else
        (void)snprintf(r->last, sizeof r->last, "ended with %d", WEXITSTATUS(status));
    if (r->stopping)
        go_to(r, LOCAL_STOPPED);
    else if (r->once && status == 0)
        go_to(r, LOCAL_DONE);
    else
        back_off(r);
}

static void on_pause_over(void *arg) {
    struct local_runner *r = arg;
    r->restarts++;
    launch(r);
}

void local_runner_init(struct local_runner *r, struct local_reactor *reactor,
                       struct local_journal *journal, char *role) {
    *r = (struct local_runner){.reactor = reactor, .journal = journal, .role = role};
    local_child_init(&r->child, on_exit_status, r);
    local_timer_init(&r->timer, on_pause_over, r);
}

void local_runner_done(struct local_runner *r) {
    local_timer_stop(&r->timer);
    local_child_forget(&r->child);
    free(r->role);
    r->role = NULL;
}

void local_runner_start(struct local_runner *r) {
    if (r->state == LOCAL_IDLE && !r->stopping) launch(r);
}

void local_runner_stop(struct local_runner *r, int signum) {
    r->stopping = true;
    local_timer_stop(&r->timer);
    if (r->child.pid > 0)
        kill(-r->child.pid, signum);
    else if (r->state != LOCAL_STOPPED)
        go_to(r, LOCAL_STOPPED);
}

void local_runner_restart(struct local_runner *r, const char *why) {
    if (r->child.pid <= 0) return;
    weft_warn("local", "%s: %s, is restarted", r->role, why);
    kill(-r->child.pid, SIGKILL);
}

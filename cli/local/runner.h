/* SPDX-License-Identifier: Apache-2.0
 * One program that is kept running: started, watched, started again with growing pauses, stopped.
 */
#pragma once
#include <cli/local/reactor.h>
#include <cli/local/spawn.h>

enum local_runner_state {
    LOCAL_IDLE, /* never started */
    LOCAL_RUNNING,
    LOCAL_BACKOFF, /* ended or could not be started; will be tried again */
    LOCAL_DONE,    /* an init program that ended with 0 */
    LOCAL_STOPPED, /* asked to end, and has ended */
};
const char *local_runner_state_name(enum local_runner_state s);

struct local_runner {
    struct local_reactor *reactor;
    struct local_journal *journal;
    char *role; /* owned; for the journal and messages */
    bool once;  /* done when it ends with 0 */
    /* Fills in what to start; the strings live until the next call. */
    enum weft_status (*prepare)(void *arg, struct local_spawn *ret, struct weft_error *err);
    void (*on_change)(void *arg); /* after each change of state */
    void *arg;

    enum local_runner_state state;
    bool stopping;
    unsigned restarts;
    uint64_t started_us, pause_us;
    char last[640]; /* why it ended last, or why it did not start */
    struct local_child child;
    struct local_timer timer;
};

void local_runner_init(struct local_runner *r, struct local_reactor *reactor,
                       struct local_journal *journal, char *role);
void local_runner_done(struct local_runner *r);
void local_runner_start(struct local_runner *r); /* only when idle */
/* SIGTERM (or `signum`) to its process group and no restart; idempotent. STOPPED at once if it does
 * not run. */
void local_runner_stop(struct local_runner *r, int signum);
/* Ends the process; it is restarted as after a crash. */
void local_runner_restart(struct local_runner *r, const char *why);

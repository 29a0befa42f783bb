/* SPDX-License-Identifier: Apache-2.0
 * Starting processes inside a pod's namespaces, under another uid. */
#pragma once
#include <cli/local/journal.h>
#include <stdbool.h>
#include <weft/base/buf.h>

/* File descriptors of the namespaces to enter; -1: stay. */
struct local_ns {
    int net, mnt, uts;
};
#define LOCAL_NS_NONE ((struct local_ns){-1, -1, -1})

struct local_spawn {
    const char *program; /* path in this mount namespace, opened before any privilege is dropped */
    char *const *argv;
    char *const *envp;    /* NULL: ours */
    const char *cwd;      /* inside the pod; NULL: "/" */
    const char *log_file; /* stdout and stderr are appended to it; NULL: ours are kept */
    struct local_ns ns;
    uid_t uid;
    gid_t gid;
    bool net_admin; /* uid 0 with NET_ADMIN and NET_RAW alone */
    bool raw;       /* keep uid 0 with all capabilities */
};

/* Starts the program in a process group of its own; it is in the journal before it runs. `role` has
 * no blanks. An error names the step that failed. */
enum weft_status local_spawn(const struct local_spawn *s, struct local_journal *journal,
                             const char *role, pid_t *ret, struct weft_error *err) WEFT_MUST_USE;
/* Enters, drops and executes in this very process; returns only on failure (errno). *ret_step names
 * what failed. */
int local_become(const struct local_spawn *s, const char **ret_step);

/* Runs a program to its end with `input` on stdin, in network namespace `netns` (-1: ours), as we
 * are. With `journal` it is in there before it runs: needed by what acts outside of the pods'
 * namespaces, where `down` finds nobody by itself. WEFT_IO with its stderr in err->message when it
 * fails. */
enum weft_status local_run(struct local_journal *journal, int netns, const char *const *argv,
                           struct weft_slice input, struct weft_error *err);

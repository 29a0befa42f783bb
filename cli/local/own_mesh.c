/* SPDX-License-Identifier: Apache-2.0
 * A mesh that is started for one command and ended with it. */
#include <cli/local/own_mesh.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/base/alloc.h>

enum { MAX_ARGS = 20 };

/* Runs a verb in a process of its own, its output to `out`. */
static int run_verb(int (*verb)(int, char **), char **argv, int out) {
    int argc = 0, status = 0;
    while (argv[argc]) argc++;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (out >= 0) dup2(out, 1);
        int rc = verb(argc, argv);
        (void)fflush(NULL);
        _exit(rc);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void show(int out, bool all) {
    WEFT_FREE char *line = NULL;
    size_t size = 0;
    lseek(out, 0, SEEK_SET);
    FILE *f = fdopen(dup(out), "r");
    while (f && getline(&line, &size, f) > 0)
        if (all || strstr(line, "  error: ")) fputs(line, stderr);
    if (f) fclose(f);
}

int own_mesh_up(struct own_mesh *m) {
    WEFT_FREE char *timeout = weft_asprintf("%llu", (unsigned long long)m->timeout_s);
    if (!m->target.name) m->target.name = m->name = weft_asprintf("test-%d", (int)getpid());
    m->state_dir = local_state_dir(&m->target);
    if (!m->state_dir) return 2;
    const char *argv[MAX_ARGS] = {"up",           "-f",          m->folder,      "--name",
                                  m->target.name, "--state-dir", m->state_dir,   "--timeout",
                                  timeout,        "--detach",    "--access-log", "all"};
    size_t n = 12;
    if (m->bin_dir) argv[n++] = "--bin-dir", argv[n++] = m->bin_dir;
    if (m->channel) argv[n++] = "--channel", argv[n++] = m->channel;
    WEFT_FREE char *journal = weft_asprintf("%s/journal", m->state_dir);
    m->begun = access(journal, F_OK) != 0; /* else it is somebody else's */
    int out = memfd_create("up", MFD_CLOEXEC);
    int status = run_verb(local_verb_up, (char **)(uintptr_t)argv, out);
    if (out >= 0) {
        show(out, status != 0);
        close(out);
    }
    return status;
}

void own_mesh_down(struct own_mesh *m) {
    const char *argv[] = {"down", "--name", m->target.name, "--state-dir", m->state_dir, NULL};
    if (m->begun && m->state_dir && access(m->state_dir, F_OK) == 0)
        (void)run_verb(local_verb_down, (char **)(uintptr_t)argv, STDERR_FILENO);
    free(m->state_dir);
    free(m->name);
    m->state_dir = m->name = NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * fork, exec and three pipes, all served by one poll loop so that no side can block the other. */
#include <init/child.h>
#include <weft/base/alloc.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IN, OUT, ERR, PIPES };

void init_child_init(struct init_child *c) {
    *c = (struct init_child){0};
    weft_buf_init(&c->out, INIT_MAX_SAVED_BYTES);
    weft_buf_init(&c->err, INIT_MAX_STDERR_BYTES);
}

void init_child_done(struct init_child *c) {
    weft_buf_done(&c->out);
    weft_buf_done(&c->err);
}

static void shut(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static WEFT_NORETURN void become(const char *const *argv, int pipes[PIPES][2]) {
    dup2(pipes[IN][0], 0);
    dup2(pipes[OUT][1], 1);
    dup2(pipes[ERR][1], 2);
    signal(SIGPIPE, SIG_DFL);
    setenv("LC_ALL", "C", 1);
    char **args = (char **)(uintptr_t)argv;
    execv(argv[0], args);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static void feed(int *fd, struct weft_slice *input) {
    ssize_t n = write(*fd, input->base, input->len);
    if (n > 0) *input = weft_slice_from(*input, (size_t)n);
    if ((n < 0 && errno != EAGAIN && errno != EINTR) || input->len == 0) shut(fd);
}

/* True when something had to be dropped. */
static bool drain(int *fd, struct weft_buf *to) {
    char chunk[16384];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) shut(fd);
    if (n <= 0) return false;
    return weft_buf_append(to, weft_slice(chunk, (size_t)n)) != WEFT_OK;
}

static void exchange(struct init_child *c, int fds[PIPES], struct weft_slice input) {
    if (input.len == 0) shut(&fds[IN]);
    while (fds[IN] >= 0 || fds[OUT] >= 0 || fds[ERR] >= 0) {
        struct pollfd p[PIPES] = {{.fd = fds[IN], .events = POLLOUT},
                                  {.fd = fds[OUT], .events = POLLIN},
                                  {.fd = fds[ERR], .events = POLLIN}};
        if (poll(p, PIPES, -1) < 0 && errno != EINTR) break;
        if (p[IN].revents) feed(&fds[IN], &input);
        if (p[OUT].revents && drain(&fds[OUT], &c->out)) c->truncated = true;
        if (p[ERR].revents) (void)drain(&fds[ERR], &c->err);
    }
}

static int wait_for(pid_t pid) {
    int how = 0;
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

enum weft_status init_child_run(struct init_child *c, const char *const *argv,
                                struct weft_slice input) {
    int pipes[PIPES][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    pid_t pid = -1;
    bool ok = true;
    for (int i = 0; i < PIPES; i++) ok = ok && pipe2(pipes[i], O_CLOEXEC) == 0;
    if (ok) pid = fork();
    if (pid == 0) become(argv, pipes);
    int fds[PIPES] = {pipes[IN][1], pipes[OUT][0], pipes[ERR][0]};
    shut(&pipes[IN][0]);
    shut(&pipes[OUT][1]);
    shut(&pipes[ERR][1]);
    if (pid < 0) {
        weft_buf_printf(&c->err, "cannot start %s: %s", argv[0], strerror(errno));
        for (int i = 0; i < PIPES; i++) shut(&fds[i]);
        return WEFT_IO;
    }
    for (int i = 0; i < PIPES; i++) fcntl(fds[i], F_SETFL, O_NONBLOCK);
    signal(SIGPIPE, SIG_IGN); /* a child that dies early shows in its exit code */
    exchange(c, fds, input);
    for (int i = 0; i < PIPES; i++) shut(&fds[i]);
    c->exit_code = wait_for(pid);
    return WEFT_OK;
}

char *init_child_find(const char *name) {
    const char *env = getenv("PATH");
    WEFT_FREE char *path = weft_asprintf("%s:/usr/sbin:/sbin:/usr/local/sbin", env ? env : "");
    struct weft_slice rest = weft_slice_str(path);
    while (rest.len) {
        struct weft_slice dir = weft_slice_cut(&rest, ':');
        if (dir.len == 0) continue;
        char *full = weft_asprintf(WEFT_SLICE_FMT "/%s", WEFT_SLICE_ARG(dir), name);
        if (access(full, X_OK) == 0) return full;
        free(full);
    }
    return NULL;
}

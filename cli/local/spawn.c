/* SPDX-License-Identifier: Apache-2.0
 * fork, enter, drop, execute. */
#include <cli/local/spawn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A copy that any uid may execute, for programs built under a strict umask. */
static int executable_copy(int fd, off_t size) {
    int copy = memfd_create("program", MFD_CLOEXEC);
    off_t at = 0;
    while (copy >= 0 && at < size)
        if (sendfile(copy, fd, &at, (size_t)(size - at)) <= 0) break;
    if (copy >= 0) (void)fchmod(copy, 0755);
    return copy;
}

/* Opens the program while we may. Scripts keep the descriptor open, as their interpreter opens
 * them through it. */
static int open_program(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char magic[2] = {0};
    if (fd < 0 || fstat(fd, &st) != 0) return fd;
    if (pread(fd, magic, 2, 0) == 2 && magic[0] == '#' && magic[1] == '!')
        (void)fcntl(fd, F_SETFD, 0);
    if ((st.st_mode & S_IXOTH) || !S_ISREG(st.st_mode)) return fd;
    int copy = executable_copy(fd, st.st_size);
    close(fd);
    return copy;
}

static int drop_capabilities(void) {
    const unsigned keep = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW;
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (cap > 31 || !(keep & 1u << cap)) (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{keep, keep, 0}, {0, 0, 0}};
    return (int)syscall(SYS_capset, &head, data);
}

static int drop(const struct local_spawn *s) {
    if (s->raw) return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0) return -1;
    if (s->net_admin) return drop_capabilities();
    if (setresgid(s->gid, s->gid, s->gid) != 0) return -1;
    return setresuid(s->uid, s->uid, s->uid);
}

static int enter(const struct local_ns *ns) {
    if (ns->net >= 0 && setns(ns->net, CLONE_NEWNET) != 0) return -1;
    if (ns->uts >= 0 && setns(ns->uts, CLONE_NEWUTS) != 0) return -1;
    return ns->mnt >= 0 ? setns(ns->mnt, CLONE_NEWNS) : 0;
}

static void reset_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}

int local_become(const struct local_spawn *s, const char **ret_step) {
    extern char **environ;
    *ret_step = "open the program";
    int program = open_program(s->program);
    if (program < 0) return errno;
    *ret_step = "enter the pod's namespaces";
    if (enter(&s->ns) != 0) return errno;
    *ret_step = "change to the working directory";
    if (chdir(s->cwd ? s->cwd : "/") != 0) return errno;
    *ret_step = "drop privileges";
    if (drop(s) != 0) return errno;
    reset_signals();
    *ret_step = "execute";
    (void)syscall(SYS_execveat, program, "", s->argv, s->envp ? s->envp : environ, AT_EMPTY_PATH);
    return errno;
}

/* stdin from nowhere, stdout and stderr to the log. */
static int redirect(const char *log_file) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0) return -1;
    if (!log_file) return 0;
    int log = open(log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) return -1;
    return 0;
}

struct report {
    int error;
    char step[60];
};

/* Everything between fork and exec; waits on `go` until the journal knows us. */
static WEFT_NORETURN void child(const struct local_spawn *s, int go, int out) {
    const char *step = "open the log";
    char byte;
    setpgid(0, 0);
    if (read(go, &byte, 1) != 1) _exit(127); /* the supervisor is gone */
    int error = redirect(s->log_file) == 0 ? local_become(s, &step) : errno;
    struct report r = {.error = error};
    (void)snprintf(r.step, sizeof r.step, "%s", step);
    ssize_t n = write(out, &r, sizeof r);
    _exit(n < 0 ? 126 : 127);
}

enum weft_status local_spawn(const struct local_spawn *s, struct local_journal *journal,
                             const char *role, pid_t *ret, struct weft_error *err) {
    int go[2], out[2];
    if (pipe2(go, O_CLOEXEC) != 0)
        return weft_error_set(err, WEFT_IO, role, "pipe: %s", strerror(errno));
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(go[0]);
        close(go[1]);
        return weft_error_set(err, WEFT_IO, role, "pipe: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(go[1]);
        child(s, go[0], out[1]);
    }
    close(go[0]);
    close(out[1]);
    if (pid > 0) {
        local_journal_proc(journal, pid, role);
        ssize_t n = write(go[1], "g", 1);
        (void)n;
    }
    struct report r = {.error = pid < 0 ? errno : 0, .step = "fork"};
    if (pid > 0 && read(out[0], &r, sizeof r) != (ssize_t)sizeof r) r.error = 0;
    close(go[1]);
    close(out[0]);
    if (r.error) {
        if (pid > 0) waitpid(pid, NULL, 0);
        return weft_error_set(err, WEFT_IO, role, "%s: cannot %s: %s", s->program, r.step,
                              strerror(r.error));
    }
    *ret = pid;
    return WEFT_OK;
}

static WEFT_NORETURN void run_child(int netns, const char *const *argv, int in, int out, int go) {
    char byte;
    setpgid(0, 0);
    reset_signals();
    if (read(go, &byte, 1) != 1) _exit(127); /* the supervisor is gone, nobody would know us */
    if (netns >= 0 && setns(netns, CLONE_NEWNET) != 0) _exit(126);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static enum weft_status run_failed(const char *program, int out, int status,
                                   struct weft_error *err) {
    char text[400];
    ssize_t n = pread(out, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return weft_error_set(err, WEFT_IO, program, "ended with %d: %s",
                          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text);
}

static enum weft_status run_to_end(struct local_journal *j, int netns, const char *const *argv,
                                   int in, int out, struct weft_error *err) {
    int go[2], status = -1;
    if (pipe2(go, O_CLOEXEC) != 0)
        return weft_error_set(err, WEFT_IO, argv[0], "pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        close(go[1]);
        run_child(netns, argv, in, out, go[0]);
    }
    close(go[0]);
    if (pid > 0 && j) local_journal_proc(j, pid, argv[0]);
    ssize_t n = write(go[1], "g", 1);
    close(go[1]);
    if (n != 1 || pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return run_failed(argv[0], out, status, err);
    return WEFT_OK;
}

enum weft_status local_run(struct local_journal *j, int netns, const char *const *argv,
                           struct weft_slice input, struct weft_error *err) {
    int in = memfd_create("stdin", MFD_CLOEXEC), out = memfd_create("stdout", MFD_CLOEXEC);
    enum weft_status st;
    if (in < 0 || out < 0 ||
        (input.len && write(in, input.base, input.len) != (ssize_t)input.len) ||
        lseek(in, 0, SEEK_SET) != 0)
        st = weft_error_set(err, WEFT_IO, argv[0], "memfd: %s", strerror(errno));
    else
        st = run_to_end(j, netns, argv, in, out, err);
    if (in >= 0) close(in);
    if (out >= 0) close(out);
    return st;
}

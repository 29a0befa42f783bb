/* SPDX-License-Identifier: Apache-2.0
 * Both streams of the child come through one pipe, since what it says before it gives up is the
 * only reason there is. */
#include <cli/forward.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/base/clock.h>

enum { MAX_SAID = 65536, MAX_ARGS = 12, NO_SUCH_PROGRAM = 127, COMPLAINT_US = 1000000 };

struct cli_forward {
    pid_t pid;
    int out;
    uint16_t port;
    struct weft_buf said;
    size_t judged; /* bytes of it that were looked at */
    char *complaint;
};

/* === however we leave, the child does not stay === */

static const int deadly[] = {SIGINT, SIGTERM, SIGHUP};
static volatile pid_t child; /* its process group */
static struct sigaction before[WEFT_LEN(deadly)];

static void on_deadly(int sig) {
    if (child > 0) kill(-child, SIGKILL);
    signal(sig, SIG_DFL);
    raise(sig);
}

static void guard(pid_t pid) {
    child = pid;
    for (size_t i = 0; i < WEFT_LEN(deadly); i++) {
        sigaction(deadly[i], NULL, &before[i]);
        if (before[i].sa_handler == SIG_DFL) signal(deadly[i], on_deadly);
    }
}

static void unguard(void) {
    for (size_t i = 0; i < WEFT_LEN(deadly); i++) sigaction(deadly[i], &before[i], NULL);
    child = 0;
}

/* === the child === */

static void make_argv(const struct cli_forward_spec *s, char *argv[MAX_ARGS]) {
    size_t n = 0;
    argv[n++] = weft_strdup(s->kubectl);
    if (s->kubeconfig) argv[n++] = weft_asprintf("--kubeconfig=%s", s->kubeconfig);
    if (s->context) argv[n++] = weft_asprintf("--context=%s", s->context);
    argv[n++] = weft_asprintf("--namespace=%s", s->ns);
    argv[n++] = weft_strdup("port-forward");
    argv[n++] = weft_strdup("--address=127.0.0.1");
    argv[n++] = weft_asprintf("pod/%s", s->pod);
    argv[n++] = weft_asprintf(":%u", s->port);
    argv[n] = NULL;
}

/* In a group of its own, so that what a wrapper started ends with it. */
WEFT_NORETURN static void run(char *const *argv, pid_t parent, int out) {
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    if (null >= 0) dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execvp(argv[0], argv);
    _exit(NO_SUCH_PROGRAM);
}

static enum weft_status start(struct cli_forward *f, const struct cli_forward_spec *s,
                              struct weft_error *err) {
    char *argv[MAX_ARGS];
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return weft_error_set(err, WEFT_IO, "", "no pipe: %s", strerror(errno));
    make_argv(s, argv);
    pid_t parent = getpid();
    f->pid = fork();
    if (f->pid == 0) run(argv, parent, fds[1]);
    int why = errno;
    for (char **a = argv; *a; a++) free(*a);
    close(fds[1]);
    f->out = fds[0];
    if (f->pid < 0) return weft_error_set(err, WEFT_IO, "", "no process: %s", strerror(why));
    setpgid(f->pid, f->pid); /* whichever of us comes first */
    guard(f->pid);
    return WEFT_OK;
}

static int end_child(struct cli_forward *f) {
    int status = 0;
    if (f->pid <= 0) return 0;
    kill(-f->pid, SIGKILL);
    while (waitpid(f->pid, &status, 0) < 0 && errno == EINTR) {
    }
    f->pid = 0;
    unguard();
    return status;
}

/* === what it says === */

/* Reads once, waiting until `end_us` at most. EOF when it has closed its streams. */
static enum weft_status read_more(struct cli_forward *f, uint64_t end_us) {
    uint64_t now = weft_clock_mono_us();
    struct pollfd p = {.fd = f->out, .events = POLLIN};
    if (now >= end_us) return WEFT_TIMEOUT;
    int ready = poll(&p, 1, (int)((end_us - now) / 1000 + 1));
    if (ready == 0 || (ready < 0 && errno == EINTR)) return WEFT_OK;
    char chunk[4096];
    ssize_t n = ready < 0 ? -1 : read(f->out, chunk, sizeof chunk);
    if (n <= 0) return n == 0 ? WEFT_EOF : WEFT_IO;
    return weft_buf_append(&f->said, weft_slice(chunk, (size_t)n));
}

/* The next whole line, or with `last` also what stands after it; false: none. */
static bool next_line(struct cli_forward *f, bool last, struct weft_slice *ret) {
    struct weft_slice rest = weft_slice_from(weft_buf_slice(&f->said), f->judged);
    bool whole = rest.len && memchr(rest.base, '\n', rest.len);
    if (!whole && !(last && rest.len)) return false;
    *ret = weft_slice_cut(&rest, '\n');
    f->judged = weft_buf_size(&f->said) - rest.len;
    return true;
}

/* "Forwarding from 127.0.0.1:40123 -> 15000" */
static void take_port(struct cli_forward *f, struct weft_slice line) {
    static const char before_port[] = "Forwarding from 127.0.0.1:";
    uint64_t port = 0;
    if (!weft_slice_starts(line, weft_slice_str(before_port))) return;
    struct weft_slice rest = weft_slice_from(line, sizeof before_port - 1);
    if (weft_slice_u64(weft_slice_cut(&rest, ' '), UINT16_MAX, &port)) f->port = (uint16_t)port;
}

static void keep_complaint(struct cli_forward *f, struct weft_slice line) {
    line = weft_slice_trim(line);
    if (!line.len || weft_slice_starts(line, WEFT_SLICE_LIT("Forwarding from ")) ||
        weft_slice_starts(line, WEFT_SLICE_LIT("Handling connection ")))
        return;
    free(f->complaint);
    f->complaint = weft_slice_dup(line);
}

static void judge(struct cli_forward *f, bool last) {
    struct weft_slice line;
    while (next_line(f, last, &line)) {
        if (!f->port) take_port(f, line);
        keep_complaint(f, line);
    }
}

static enum weft_status tell(struct cli_forward *f, const struct cli_forward_spec *s,
                             enum weft_status st, struct weft_error *err) {
    judge(f, true);
    const char *said = f->complaint ? f->complaint : "";
    int status = end_child(f);
    bool missing = WIFEXITED(status) && WEXITSTATUS(status) == NO_SUCH_PROGRAM && !*said;
    if (missing)
        return weft_error_set(err, WEFT_NOT_FOUND, s->kubectl,
                              "cannot be run: install kubectl, or name it with --kubectl");
    if (st == WEFT_TIMEOUT)
        return weft_error_set(err, st, s->kubectl, "does not forward within %d s%s%.300s",
                              (int)(s->patience_us / 1000000), *said ? ": " : "", said);
    return weft_error_set(err, WEFT_DENIED, s->kubectl, "port-forward ended: %.300s",
                          *said ? said : "it says nothing");
}

enum weft_status cli_forward_open(const struct cli_forward_spec *s, struct cli_forward **ret,
                                  struct weft_error *err) {
    struct cli_forward *f = weft_new0(struct cli_forward);
    uint64_t end_us = weft_clock_mono_us() + s->patience_us;
    weft_buf_init(&f->said, MAX_SAID);
    f->out = -1;
    enum weft_status st = start(f, s, err);
    if (st == WEFT_OK) {
        while (st == WEFT_OK && !f->port) {
            st = read_more(f, end_us);
            judge(f, false);
        }
        st = f->port ? WEFT_OK : tell(f, s, st, err);
    }
    *ret = st == WEFT_OK ? f : cli_forward_close(f);
    return st;
}

uint16_t cli_forward_port(const struct cli_forward *f) {
    return f->port;
}

const char *cli_forward_complaint(struct cli_forward *f) {
    uint64_t end_us = weft_clock_mono_us() + COMPLAINT_US;
    enum weft_status st = WEFT_OK;
    for (judge(f, false); st == WEFT_OK && !f->complaint; judge(f, st != WEFT_OK))
        st = read_more(f, end_us);
    return f->complaint ? f->complaint : "";
}

struct cli_forward *cli_forward_close(struct cli_forward *f) {
    if (!f) return NULL;
    end_child(f);
    if (f->out >= 0) close(f->out);
    weft_buf_done(&f->said);
    free(f->complaint);
    free(f);
    return NULL;
}

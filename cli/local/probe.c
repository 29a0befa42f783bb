/* SPDX-License-Identifier: Apache-2.0
 * Probing without waiting: one socket or one child at a time for each probe. */
#include <cli/local/probe.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>

static void begin(void *arg);

static void drop_attempt(struct local_probe *p) {
    local_timer_stop(&p->deadline);
    if (p->fd >= 0) {
        local_unwatch(p->reactor, p->fd);
        close(p->fd);
        p->fd = -1;
    }
    if (p->child.pid > 0) kill(-p->child.pid, SIGKILL);
    local_child_forget(&p->child);
}

static void finish(struct local_probe *p, bool ok) {
    drop_attempt(p);
    p->in_row_ok = ok ? p->in_row_ok + 1 : 0;
    p->in_row_bad = ok ? 0 : p->in_row_bad + 1;
    bool decided = ok ? p->in_row_ok >= p->need_ok : p->in_row_bad >= p->need_bad;
    if (decided) p->ok = ok;
    local_timer_start(p->reactor, &p->next, p->ok ? p->period_us : p->fast_us);
    if (decided) p->on_result(p->arg, ok);
}

static void on_deadline(void *arg) {
    finish(arg, false);
}

/* "HTTP/1.1 2xx" or 3xx. */
static void read_answer(struct local_probe *p) {
    ssize_t n = recv(p->fd, p->head + p->n_head, sizeof p->head - p->n_head, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n > 0) p->n_head += (size_t)n;
    if (n > 0 && p->n_head < 12) return;
    bool ok = p->n_head >= 12 && memcmp(p->head, "HTTP/1.", 7) == 0 &&
              (p->head[9] == '2' || p->head[9] == '3');
    finish(p, ok);
}

static void send_request(struct local_probe *p) {
    size_t len = strlen(p->request);
    ssize_t n = send(p->fd, p->request + p->sent, len - p->sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        finish(p, false);
        return;
    }
    if (n > 0) p->sent += (size_t)n;
}

static void on_socket(void *arg, short revents) {
    struct local_probe *p = arg;
    int error = 0;
    socklen_t len = sizeof error;
    (void)getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error || p->kind == LOCAL_PROBE_TCP) {
        finish(p, error == 0);
        return;
    }
    if (p->sent < strlen(p->request)) {
        send_request(p);
        if (p->fd >= 0 && p->sent == strlen(p->request))
            local_watch(p->reactor, p->fd, POLLIN, on_socket, p);
        return;
    }
    if (revents) read_answer(p);
}

/* A socket of the pod's network namespace: it reaches the pod's address over the loopback device,
 * which is never redirected, so what is probed is the app itself. */
static int socket_in(int netns, int family) {
    int self = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;
    if (self >= 0 && setns(netns, CLONE_NEWNET) == 0) {
        fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        WEFT_CHECK(setns(self, CLONE_NEWNET) == 0); /* never go on in the wrong namespace */
    }
    if (self >= 0) close(self);
    return fd;
}

static void begin_socket(struct local_probe *p) {
    struct sockaddr_storage sa;
    socklen_t len = weft_addr_to_sockaddr(&p->addr, &sa);
    p->sent = p->n_head = 0;
    p->fd = socket_in(p->netns, sa.ss_family);
    if (p->fd < 0 || (connect(p->fd, (struct sockaddr *)&sa, len) != 0 && errno != EINPROGRESS)) {
        finish(p, false);
        return;
    }
    local_watch(p->reactor, p->fd, POLLOUT, on_socket, p);
}

static void on_child_exit(void *arg, int status) {
    finish(arg, status == 0);
}

static void begin_exec(struct local_probe *p) {
    pid_t pid;
    p->spawn.program = p->program;
    p->spawn.argv = p->argv;
    p->spawn.log_file = "/dev/null";
    if (!p->program || local_spawn(&p->spawn, p->journal, "probe", &pid, NULL) != WEFT_OK) {
        finish(p, false);
        return;
    }
    local_child_watch(p->reactor, &p->child, pid);
}

static void begin_https(struct local_probe *p) {
    char at[WEFT_ADDR_STR];
    weft_addr_format(&p->addr, at);
    char program[] = "weft", command[] = "local", verb[] = "https-get";
    char *argv[] = {program, command, verb, at, p->request, NULL};
    struct local_spawn s = p->spawn;
    pid_t pid;
    s.program = "/proc/self/exe";
    s.argv = argv;
    s.log_file = "/dev/null";
    if (local_spawn(&s, p->journal, "probe", &pid, NULL) == WEFT_OK)
        local_child_watch(p->reactor, &p->child, pid);
    else
        finish(p, false);
}

static void begin(void *arg) {
    struct local_probe *p = arg;
    local_timer_start(p->reactor, &p->deadline, p->timeout_us);
    if (p->kind == LOCAL_PROBE_HTTPS)
        begin_https(p);
    else if (p->kind == LOCAL_PROBE_EXEC)
        begin_exec(p);
    else
        begin_socket(p);
}

void local_probe_start(struct local_probe *p) {
    if (p->running || p->kind == LOCAL_PROBE_NONE) return;
    p->running = true;
    p->ok = false;
    p->in_row_ok = p->in_row_bad = 0;
    local_timer_start(p->reactor, &p->next, p->delay_us);
}

void local_probe_stop(struct local_probe *p) {
    if (!p->running) return;
    drop_attempt(p);
    local_timer_stop(&p->next);
    p->running = p->ok = false;
}

static void init_common(struct local_probe *p, struct local_reactor *r, struct local_journal *j,
                        int netns) {
    *p = (struct local_probe){.reactor = r, .journal = j, .netns = netns, .fd = -1};
    p->fast_us = 100 * 1000;
    p->period_us = p->timeout_us = 1000 * 1000;
    p->need_ok = p->need_bad = 1;
    local_timer_init(&p->next, begin, p);
    local_timer_init(&p->deadline, on_deadline, p);
    local_child_init(&p->child, on_child_exit, p);
}

void local_probe_init_tcp(struct local_probe *p, struct local_reactor *r, struct local_journal *j,
                          int netns, const char *ip, uint16_t port) {
    init_common(p, r, j, netns);
    if (!weft_addr_parse_ip(weft_slice_str(ip), &p->addr)) return;
    p->addr.port = port;
    p->kind = LOCAL_PROBE_TCP;
}

static char *request_text(const char *ip, const char *path) {
    bool v6 = strchr(ip, ':') != NULL;
    return weft_asprintf("GET %s%s HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: kube-probe/weft\r\n"
                         "Accept: */*\r\nConnection: close\r\n",
                         *path == '/' ? "" : "/", path, v6 ? "[" : "", ip, v6 ? "]" : "");
}

void local_probe_init_http(struct local_probe *p, struct local_reactor *r, struct local_journal *j,
                           int netns, const char *ip, uint16_t port, const char *path) {
    local_probe_init_tcp(p, r, j, netns, ip, port);
    if (p->kind == LOCAL_PROBE_NONE) return;
    p->kind = LOCAL_PROBE_HTTP;
    WEFT_FREE char *head = request_text(ip, path);
    p->request = weft_asprintf("%s\r\n", head);
}

void local_probe_done(struct local_probe *p) {
    local_probe_stop(p);
    for (size_t i = 0; p->argv && p->argv[i]; i++) free(p->argv[i]);
    free(p->argv);
    free(p->program);
    free(p->request);
    p->argv = NULL;
    p->program = p->request = NULL;
    p->kind = LOCAL_PROBE_NONE;
}

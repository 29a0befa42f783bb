/* SPDX-License-Identifier: Apache-2.0
 * Credentials from a program that a kubeconfig names (client.authentication.k8s.io ExecCredential),
 * as the clouds' kubeconfig files have it. Run once, when the file is read. */
#include "client_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/object/json.h>

enum { MAX_OUTPUT = 1024 * 1024, MAX_ARGS = 64, NAP_US = 5000 };

struct child {
    pid_t pid;
    int out;         /* its standard output */
    uint64_t end_us; /* it is killed then */
};

static void set_environment(const json_t *exec, const char *info) {
    const json_t *list = json_object_get(exec, "env"), *e;
    size_t i;
    json_array_foreach(list, i, e) {
        const char *name = json_string_value(json_object_get(e, "name"));
        const char *value = json_string_value(json_object_get(e, "value"));
        if (name && *name && value) setenv(name, value, 1);
    }
    setenv("KUBERNETES_EXEC_INFO", info, 1);
}

WEFT_NORETURN static void run(const json_t *exec, const char *dir, const char *info, int out) {
    const char *command = json_string_value(json_object_get(exec, "command"));
    const json_t *args = json_object_get(exec, "args"), *arg;
    char *argv[MAX_ARGS + 2];
    size_t i, n = 0;
    bool beside = strchr(command, '/') && command[0] != '/';
    argv[n++] = beside ? weft_asprintf("%s/%s", dir, command) : weft_strdup(command);
    json_array_foreach(args, i, arg) {
        if (n <= MAX_ARGS && json_is_string(arg)) argv[n++] = weft_strdup(json_string_value(arg));
    }
    argv[n] = NULL;
    set_environment(exec, info);
    signal(SIGPIPE, SIG_DFL);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0 && !isatty(STDIN_FILENO)) dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    execvp(argv[0], argv);
    _exit(127);
}

static enum weft_status start(const json_t *exec, const char *dir, const char *info,
                              struct child *ret, struct weft_error *err) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return weft_error_set(err, WEFT_IO, "exec", "no pipe: %s", strerror(errno));
    ret->pid = fork();
    if (ret->pid == 0) run(exec, dir, info, fds[1]);
    close(fds[1]);
    ret->out = fds[0];
    if (ret->pid > 0) return WEFT_OK;
    close(fds[0]);
    return weft_error_set(err, WEFT_IO, "exec", "cannot be run: %s", strerror(errno));
}

static enum weft_status read_output(const struct child *c, struct weft_buf *ret) {
    for (;;) {
        char chunk[4096];
        uint64_t now = weft_clock_mono_us();
        struct pollfd p = {.fd = c->out, .events = POLLIN};
        if (now >= c->end_us) return WEFT_TIMEOUT;
        int ready = poll(&p, 1, (int)((c->end_us - now) / 1000 + 1));
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        ssize_t n = ready < 0 ? -1 : read(c->out, chunk, sizeof chunk);
        if (n < 0) return WEFT_IO;
        if (n == 0) return WEFT_OK;
        if (weft_buf_append(ret, weft_slice(chunk, (size_t)n)) != WEFT_OK) return WEFT_LIMIT;
        explicit_bzero(chunk, sizeof chunk);
    }
}

/* It may close its output and run on; TIMEOUT when it had to be killed. */
static enum weft_status await_end(const struct child *c, int *ret_status) {
    for (;;) {
        pid_t pid = waitpid(c->pid, ret_status, WNOHANG);
        if (pid == c->pid) return WEFT_OK;
        if (pid < 0 && errno != EINTR) return WEFT_IO;
        if (weft_clock_mono_us() >= c->end_us) break;
        if (pid == 0) usleep(NAP_US);
    }
    kill(c->pid, SIGKILL);
    while (waitpid(c->pid, ret_status, 0) < 0 && errno == EINTR) {
    }
    return WEFT_TIMEOUT;
}

static enum weft_status finish(const char *command, struct child *c, enum weft_status st,
                               struct weft_error *err) {
    int status = 0;
    close(c->out);
    if (st != WEFT_OK) c->end_us = 0;
    enum weft_status ended = await_end(c, &status);
    if (st == WEFT_OK) st = ended;
    if (st == WEFT_TIMEOUT)
        return weft_error_set(err, st, "exec", "%.200s gave nothing in time, and was ended",
                              command);
    if (st != WEFT_OK)
        return weft_error_set(err, st, "exec", "%.200s: %s", command, weft_status_text(st));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return WEFT_OK;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return weft_error_set(err, WEFT_NOT_FOUND, "exec", "%.200s: no such program", command);
    return weft_error_set(err, WEFT_DENIED, "exec",
                          "%.200s failed (status %d): what it says stands above", command, status);
}

static void take(const json_t *status, const char *key, char **ret) {
    struct weft_slice s = weft_js_str(status, key);
    if (!s.len) return;
    free(*ret);
    *ret = weft_slice_dup(s);
}

static enum weft_status read_credential(const char *command, struct weft_slice text,
                                        struct weft_kube_config *c, struct weft_error *err) {
    struct weft_error why = {0};
    json_t *json = kube_json(text, &why);
    const json_t *status = json_object_get(json, "status");
    take(status, "token", &c->token);
    take(status, "clientCertificateData", &c->cert_pem);
    take(status, "clientKeyData", &c->key_pem);
    json_decref(json);
    if (c->token || (c->cert_pem && c->key_pem)) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, "exec", "%.200s: gave no credential%s%.200s", command,
                          *why.message ? ": " : "", why.message);
}

static char *make_info(const json_t *exec) {
    const char *version = json_string_value(json_object_get(exec, "apiVersion"));
    json_t *info = json_pack("{s:s, s:s, s:{s:b}}", "apiVersion",
                             version ? version : "client.authentication.k8s.io/v1", "kind",
                             "ExecCredential", "spec", "interactive", isatty(STDIN_FILENO));
    char *text = json_dumps(info, JSON_COMPACT);
    json_decref(info);
    return text;
}

enum weft_status kube_exec_credential(const json_t *exec, const char *dir, uint64_t patience_us,
                                      struct weft_kube_config *c, struct weft_error *err) {
    const char *command = json_string_value(json_object_get(exec, "command"));
    if (!command || !*command) return weft_error_set(err, WEFT_INVALID, "exec", "names no command");
    WEFT_FREE char *info = make_info(exec);
    struct child child = {.end_us = weft_clock_mono_us() + patience_us};
    struct weft_buf out;
    enum weft_status st = start(exec, dir, info, &child, err);
    if (st != WEFT_OK) return st;
    weft_buf_init(&out, MAX_OUTPUT);
    st = finish(command, &child, read_output(&child, &out), err);
    if (st == WEFT_OK) st = read_credential(command, weft_buf_slice(&out), c, err);
    if (out.base) explicit_bzero(out.base, out.cap);
    weft_buf_done(&out);
    return st;
}

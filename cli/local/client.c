/* SPDX-License-Identifier: Apache-2.0
 * What the verbs share: their options, the state folder, the control socket. */
#include <cli/local/jsonx.h>
#include <cli/local/verbs.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/buf.h>

enum { MAX_NAME = 40 };

int local_usage(const struct local_help *help) {
    fprintf(stderr, "Usage: weft local %s\n", help->usage);
    return 2;
}

bool local_parse(const struct weft_option *rows, size_t n, int argc, char **argv, bool stop_early,
                 void *target, const struct local_help *help, int *ret_rest, int *ret_exit) {
    struct weft_option_result result;
    struct weft_error err = {0};
    *ret_exit = 0;
    if (weft_options_parse(rows, n, argc, argv, stop_early, target, &result, &err) != WEFT_OK) {
        fprintf(stderr, "weft local: %s: %s\n", err.path, err.message);
        *ret_exit = 2;
        return false;
    }
    if (result.help) {
        printf("Usage: weft local %s\n\n%s\n\nExample:\n  %s\n\nOptions:\n", help->usage,
               help->about, help->example);
        weft_options_print(stdout, rows, n);
        return false;
    }
    if (result.version) {
        printf("weft %s\n", WEFT_VERSION);
        return false;
    }
    *ret_rest = result.rest;
    return true;
}

static bool name_is_fine(const char *s) {
    size_t n = strlen(s);
    if (n == 0 || n > MAX_NAME || s[0] == '-' || s[n - 1] == '-') return false;
    return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

char *local_state_dir(struct local_target *t) {
    if (!t->name) t->name = "default";
    if (!name_is_fine(t->name)) {
        fprintf(stderr, "weft local: --name: \"%s\": use at most %d of a-z, 0-9 and -\n", t->name,
                MAX_NAME);
        return NULL;
    }
    if (!t->state_dir) return weft_asprintf("/run/weft-local/%s", t->name);
    if (t->state_dir[0] == '/') return weft_strdup(t->state_dir);
    WEFT_FREE char *cwd = getcwd(NULL, 0);
    return weft_asprintf("%s/%s", cwd ? cwd : "", t->state_dir);
}

static int connect_to(const char *state_dir) {
    WEFT_FREE char *path = weft_asprintf("%s/control.sock", state_dir);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sa.sun_path) return -1;
    memcpy(sa.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

json_t *local_ask_quietly(const char *state_dir, json_t *request) {
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    WEFT_FREE char *line = weft_asprintf("%s\n", text);
    free(text);
    int fd = connect_to(state_dir);
    if (fd < 0) return NULL;
    struct weft_buf in;
    weft_buf_init(&in, 0);
    if (send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line)) {
        ssize_t n;
        do {
            n = recv(fd, weft_buf_reserve(&in, 65536), 65536, 0);
            if (n > 0) weft_buf_commit(&in, (size_t)n);
        } while (n > 0 || (n < 0 && errno == EINTR));
    }
    close(fd);
    json_t *o = json_loadb(weft_buf_slice(&in).base ? weft_buf_slice(&in).base : "",
                           weft_buf_size(&in), 0, NULL);
    weft_buf_done(&in);
    return o;
}

json_t *local_ask(const char *state_dir, json_t *request) {
    json_t *o = local_ask_quietly(state_dir, request);
    if (o && json_is_true(json_object_get(o, "ok"))) return o;
    if (o)
        fprintf(stderr, "weft local: %s\n", local_str(o, "error", "the supervisor refused"));
    else if (access(state_dir, F_OK) == 0)
        fprintf(stderr,
                "weft local: the supervisor of %s does not answer; `weft local down` clears up\n",
                state_dir);
    else
        fprintf(stderr, "weft local: there is no mesh at %s\n", state_dir);
    json_decref(o);
    return NULL;
}

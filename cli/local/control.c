/* SPDX-License-Identifier: Apache-2.0
 * The control socket: one JSON line in, one JSON line out. `wait_s` in a request delays the answer
 * until everything is ready, or that time has passed. */
#include <cli/local/jsonx.h>
#include <cli/local/mesh.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_REQUEST = 4096 };

struct client {
    struct weft_list link;
    struct local_mesh *mesh;
    int fd;
    char in[MAX_REQUEST];
    size_t n_in;
    bool waiting;
    json_t *answer; /* what to say when settled; NULL: the status */
    struct local_timer timer;
};

static void client_free(struct client *c) {
    weft_list_remove(&c->link);
    local_timer_stop(&c->timer);
    local_unwatch(c->mesh->reactor, c->fd);
    close(c->fd);
    json_decref(c->answer);
    free(c);
}

/* Sends and closes; the answer fits the socket's buffer or the client reads it at once. */
static void reply(struct client *c, json_t *o) {
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    WEFT_FREE char *line = weft_asprintf("%s\n", text ? text : "{}");
    free(text);
    struct weft_slice rest = weft_slice_str(line);
    struct timeval tv = {2, 0};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    while (rest.len) {
        ssize_t n = send(c->fd, rest.base, rest.len, MSG_NOSIGNAL);
        if (n <= 0) break;
        rest = weft_slice_from(rest, (size_t)n);
    }
    client_free(c);
}

static json_t *failure(const char *why) {
    return json_pack("{s:b, s:s}", "ok", 0, "error", why);
}

static void finish_wait(struct client *c, bool settled) {
    c->waiting = false;
    json_t *o = local_status(c->mesh);
    json_object_set_new(o, "settled", json_boolean(settled));
    if (c->answer) json_object_update(o, c->answer);
    reply(c, o);
}

static void on_wait_over(void *arg) {
    finish_wait(arg, false);
}

static void wait_for_it(struct client *c, const json_t *request) {
    json_int_t s = local_int(request, "wait_s", 0);
    if (s <= 0 || local_mesh_settled(c->mesh)) {
        finish_wait(c, local_mesh_settled(c->mesh));
        return;
    }
    c->waiting = true;
    local_timer_start(c->mesh->reactor, &c->timer, (uint64_t)s * 1000000);
}

static void do_status(struct client *c, const json_t *request) {
    wait_for_it(c, request);
}

/* Says what was changed, once it is in force. */
static void reply_changes(struct client *c, const json_t *request, enum weft_status st,
                          const struct local_changes *ch, const struct weft_error *err) {
    if (st != WEFT_OK) {
        WEFT_FREE char *why = weft_asprintf("%s: %s", err->path, err->message);
        reply(c, failure(why));
        return;
    }
    c->answer = json_pack("{s:{s:i, s:i, s:i}}", "changes", "added", (int)ch->added, "removed",
                          (int)ch->removed, "kept", (int)ch->kept);
    wait_for_it(c, request);
}

static void do_apply(struct client *c, const json_t *request) {
    struct local_changes ch = {0};
    struct weft_error err = {0};
    enum weft_status st = local_reconcile(c->mesh, &ch, &err);
    reply_changes(c, request, st, &ch, &err);
}

static void do_scale(struct client *c, const json_t *request) {
    struct local_changes ch = {0};
    struct weft_error err = {0};
    enum weft_status st = local_scale(c->mesh, local_str(request, "workload", ""),
                                      local_int(request, "replicas", 1), &ch, &err);
    reply_changes(c, request, st, &ch, &err);
}

static void do_kill(struct client *c, const json_t *request) {
    struct local_pod *p = local_mesh_find_pod(c->mesh, local_str(request, "pod", ""));
    int n = p ? local_pod_kill(p, local_str(request, "container", "")) : 0;
    if (n)
        reply(c, json_pack("{s:b, s:s, s:s, s:i}", "ok", 1, "namespace", p->ns, "name", p->name,
                           "killed", n));
    else
        reply(c, failure(p ? "nothing of that name runs in this pod" : "there is no such pod"));
}

static void do_down(struct client *c, const json_t *request) {
    (void)request;
    struct local_mesh *m = c->mesh;
    reply(c, json_pack("{s:b}", "ok", 1));
    local_mesh_stop(m, 0);
}

/* What `exec` and `logs` need to know about one pod. */
static void do_pod(struct client *c, const json_t *request) {
    struct local_mesh *m = c->mesh;
    struct local_pod *p = local_mesh_find_pod(m, local_str(request, "pod", ""));
    if (!p) {
        reply(c, failure("there is no such pod"));
        return;
    }
    json_t *containers = json_array(), *env = json_array();
    const char *want = local_str(request, "container", NULL);
    for (size_t i = 0; i < p->n_containers; i++) {
        const struct local_container *k = &p->containers[i];
        json_array_append_new(containers, json_pack("{s:s, s:s, s:b}", "name", k->name, "log",
                                                    k->log, "app", k->kind == LOCAL_APP));
        bool match = want ? strcmp(want, k->name) == 0 : k->kind == LOCAL_APP;
        if (json_array_size(env) == 0 && match && k->command_ready)
            for (char **e = k->command.envp; e && *e; e++)
                json_array_append_new(env, json_string(*e));
    }
    reply(c, json_pack("{s:b, s:s, s:s, s:i, s:i, s:s, s:s, s:o, s:o}", "ok", 1, "namespace", p->ns,
                       "name", p->name, "pausePid", (int)p->net.pause, "uid", (int)p->uid, "netns",
                       p->net.netns ? p->net.netns : "", "binDir", m->bin_dir, "containers",
                       containers, "env", env));
}

static const struct {
    const char *name;
    void (*fn)(struct client *c, const json_t *request);
} verbs[] = {{"status", do_status}, {"apply", do_apply}, {"scale", do_scale},
             {"kill", do_kill},     {"down", do_down},   {"pod", do_pod}};

static void dispatch(struct client *c) {
    LOCAL_JSON json_t *request = json_loadb(c->in, c->n_in, 0, NULL);
    const char *verb = local_str(request, "verb", "");
    for (size_t i = 0; i < WEFT_LEN(verbs); i++)
        if (strcmp(verbs[i].name, verb) == 0) {
            if (c->mesh->stopping)
                reply(c, failure("the mesh is being stopped"));
            else
                verbs[i].fn(c, request);
            return;
        }
    reply(c, failure("no such request"));
}

static void on_client(void *arg, short revents) {
    struct client *c = arg;
    (void)revents;
    ssize_t n = recv(c->fd, c->in + c->n_in, sizeof c->in - c->n_in, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0 || c->waiting) { /* gone, or it speaks out of turn */
        client_free(c);
        return;
    }
    c->n_in += (size_t)n;
    if (memchr(c->in, '\n', c->n_in))
        dispatch(c);
    else if (c->n_in == sizeof c->in)
        client_free(c);
}

static void on_accept(void *arg, short revents) {
    struct local_mesh *m = arg;
    (void)revents;
    int fd = accept4(m->control_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    struct client *c = weft_new0(struct client);
    c->mesh = m;
    c->fd = fd;
    local_timer_init(&c->timer, on_wait_over, c);
    weft_list_push(&m->clients, &c->link);
    local_watch(m->reactor, fd, POLLIN, on_client, c);
}

void local_control_settled(struct local_mesh *m) {
    if (weft_list_empty(&m->clients) || !local_mesh_settled(m)) return;
    weft_list_each(it, &m->clients) {
        struct client *c = WEFT_CONTAINER(it, struct client, link);
        if (c->waiting) finish_wait(c, true);
    }
}

enum weft_status local_control_init(struct local_mesh *m, struct weft_error *err) {
    WEFT_FREE char *path = local_mesh_path(m, "control.sock");
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sa.sun_path)
        return weft_error_set(err, WEFT_INVALID, "--state-dir",
                              "the path is too long for a socket");
    memcpy(sa.sun_path, path, strlen(path));
    m->control_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (m->control_fd < 0 || bind(m->control_fd, (struct sockaddr *)&sa, sizeof sa) != 0 ||
        chmod(path, 0600) != 0 || listen(m->control_fd, 16) != 0)
        return weft_error_set(err, WEFT_IO, path, "cannot listen: %s", strerror(errno));
    local_watch(m->reactor, m->control_fd, POLLIN, on_accept, m);
    return WEFT_OK;
}

void local_control_done(struct local_mesh *m) {
    if (m->control_fd < 0) return;
    weft_list_each(it, &m->clients) client_free(WEFT_CONTAINER(it, struct client, link));
    close(m->control_fd);
    m->control_fd = -1;
}

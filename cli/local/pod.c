/* SPDX-License-Identifier: Apache-2.0
 * The life of a pod: namespaces, then weft-init, weft-proxy, init containers and apps in this
 * order; readiness; and the way out: apps first, the sidecar after them. */
#include <cli/local/clean.h>
#include <cli/local/files.h>
#include <cli/local/jsonx.h>
#include <cli/local/mesh.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <weft/gamma/inject.h>
#include <weft/obs/log.h>

enum { FIRST_UID = 20000, HURRY_S = 3, SIDECAR_GRACE_S = 3 };
/* Between leaving the EndpointSlices and SIGTERM, so that callers have heard of it: what a preStop
 * hook that sleeps does in a cluster. */
enum { LEAVE_US = 300 * 1000 };
enum { STOP_NONE, STOP_LEAVE, STOP_APPS, STOP_SIDECAR, STOP_GONE };

static void on_stop_timer(void *arg);

static void set_problem(struct local_pod *p, const struct weft_error *err) {
    (void)snprintf(p->problem, sizeof p->problem, "%s: %s", err->path, err->message);
    weft_error("local", "pod %s/%s: %s", p->ns, p->name, p->problem);
}

struct local_pod *local_pod_new(struct local_mesh *m, json_t *planned) {
    struct local_pod *p = weft_new0(struct local_pod);
    weft_list_init(&p->link);
    p->mesh = m;
    p->planned = json_incref(planned);
    p->obj = json_deep_copy(planned);
    p->ns = local_str(p->obj, "metadata.namespace", "default");
    p->name = local_str(p->obj, "metadata.name", "");
    p->id = weft_asprintf("%s.%s", p->ns, p->name);
    p->folder = local_mesh_path(m, "pods/%s", p->id);
    p->serial = ++m->next_serial;
    p->uid = FIRST_UID + p->serial % 20000;
    p->net.ns = LOCAL_NS_NONE;
    p->injected = local_label(p->obj, "metadata.annotations", WEFT_SIDECAR_KEY) != NULL;
    local_timer_init(&p->stop_timer, on_stop_timer, p);
    struct weft_error err = {0};
    if (local_addresses_pod(&m->addresses, p->obj, &err) != WEFT_OK) set_problem(p, &err);
    local_set(p->obj, "status", "phase", json_string("Pending"));
    weft_list_push(&m->pods, &p->link);
    return p;
}

static enum weft_status make_folder(struct local_pod *p, struct weft_error *err) {
    WEFT_FREE char *run = weft_asprintf("%s/run", p->folder);
    WEFT_FREE char *state = weft_asprintf("%s/run/state", p->folder);
    WEFT_FREE char *logs = local_mesh_path(p->mesh, "logs/%s", p->id);
    enum weft_status st = local_mkdir(p->folder, 0755, err);
    if (st == WEFT_OK) st = local_mkdir(run, 0755, err);
    if (st == WEFT_OK) st = local_mkdir(state, 0700, err);
    if (st == WEFT_OK) st = local_mkdir(logs, 0755, err);
    if (st == WEFT_OK) local_pod_hosts(p);
    return st;
}

void local_pod_start(struct local_pod *p) {
    struct local_mesh *m = p->mesh;
    struct weft_error err = {0};
    if (p->problem[0]) return;
    enum weft_status st = make_folder(p, &err);
    if (st == WEFT_OK)
        st = local_pod_ns_init(&p->net, &m->net, &m->journal, p->obj, p->serial, p->folder, &err);
    if (st == WEFT_OK) st = local_pod_rules(p, &err);
    if (st != WEFT_OK) {
        set_problem(p, &err);
        return;
    }
    local_containers_make(p);
    local_pod_advance(p);
}

/* The pod's conditions and phase as the kubelet would report them. */
static void write_status(struct local_pod *p) {
    local_set(p->obj, "status", "phase", json_string(p->ready ? "Running" : "Pending"));
    local_set(p->obj, "status", "conditions",
              json_pack("[{s:s, s:s}, {s:s, s:s}]", "type", "Ready", "status",
                        p->ready ? "True" : "False", "type", "ContainersReady", "status",
                        p->ready ? "True" : "False"));
}

static void set_ready(struct local_pod *p, bool ready) {
    if (p->ready == ready) return;
    p->ready = ready;
    write_status(p);
    if (!p->mesh->stopping)
        local_mesh_say(p->mesh, "pod %s/%s %s", p->ns, p->name, ready ? "ready" : "not ready");
    local_publish_soon(p->mesh);
}

/* Starts `c` if its turn has come; true if those after it may start. */
static bool container_turn(struct local_pod *p, struct local_container *c) {
    if (c->runner.state == LOCAL_IDLE) {
        struct weft_error err = {0};
        if (c->kind == LOCAL_WEFT_PROXY && local_sidecar_files(p, &err) != WEFT_OK) return false;
        local_container_start(c);
    }
    if (c->kind == LOCAL_WEFT_INIT || c->kind == LOCAL_INIT) return c->runner.state == LOCAL_DONE;
    return c->kind == LOCAL_APP || c->ready;
}

void local_pod_advance(struct local_pod *p) {
    if (p->terminating || p->problem[0]) return;
    bool may_start = true, ready = p->n_containers > 0;
    for (size_t i = 0; i < p->n_containers; i++) {
        struct local_container *c = &p->containers[i];
        if (may_start) may_start = container_turn(p, c);
        if (local_container_waits(c)) ready = false;
    }
    set_ready(p, ready);
}

/* --- the way out --- */

static bool is_sidecar(const struct local_container *c) {
    return c->kind == LOCAL_WEFT_PROXY;
}

static bool all_stopped(const struct local_pod *p, bool sidecars) {
    for (size_t i = 0; i < p->n_containers; i++)
        if (is_sidecar(&p->containers[i]) == sidecars && p->containers[i].runner.child.pid > 0)
            return false;
    return true;
}

static void stop_all(struct local_pod *p, bool sidecars, int signum) {
    for (size_t i = 0; i < p->n_containers; i++)
        if (is_sidecar(&p->containers[i]) == sidecars)
            local_runner_stop(&p->containers[i].runner, signum);
}

static void stop_step(struct local_pod *p);

static void stop_apps(struct local_pod *p) {
    json_int_t grace = local_int(p->obj, "metadata.deletionGracePeriodSeconds", 30);
    p->stop_phase = STOP_APPS;
    local_timer_start(p->mesh->reactor, &p->stop_timer, (uint64_t)grace * 1000000);
    stop_all(p, false, SIGTERM);
    stop_step(p);
}

static void on_stop_timer(void *arg) {
    struct local_pod *p = arg;
    if (p->stop_phase == STOP_LEAVE) {
        stop_apps(p);
        return;
    }
    if (p->stop_phase == STOP_GONE) {
        local_mesh_pod_gone(p->mesh, p);
        return;
    }
    stop_all(p, p->stop_phase == STOP_SIDECAR, SIGKILL);
    local_timer_start(p->mesh->reactor, &p->stop_timer, 1000000);
}

/* Goes on when what was asked to end has ended. */
static void stop_step(struct local_pod *p) {
    struct local_reactor *r = p->mesh->reactor;
    if (p->stop_phase == STOP_APPS && all_stopped(p, false)) {
        p->stop_phase = STOP_SIDECAR;
        local_timer_start(r, &p->stop_timer, SIDECAR_GRACE_S * 1000000ull);
        stop_all(p, true, SIGTERM);
    }
    if (p->stop_phase == STOP_SIDECAR && all_stopped(p, true)) {
        p->stop_phase = STOP_GONE;
        local_timer_start(r, &p->stop_timer, 0);
    }
}

void local_pod_stop(struct local_pod *p, bool hurry) {
    if (p->terminating) return;
    json_int_t grace = local_int(p->obj, "spec.terminationGracePeriodSeconds", 30);
    if (hurry && grace > HURRY_S) grace = HURRY_S;
    p->terminating = true;
    p->ready = false;
    local_set(p->obj, "metadata", "deletionGracePeriodSeconds", json_integer(grace));
    if (!p->mesh->stopping) local_publish_now(p->mesh);
    p->stop_phase = STOP_LEAVE;
    if (hurry)
        stop_apps(p);
    else
        local_timer_start(p->mesh->reactor, &p->stop_timer, LEAVE_US);
}

int local_pod_kill(struct local_pod *p, const char *container) {
    int n = 0;
    for (size_t i = 0; i < p->n_containers; i++) {
        const struct local_container *c = &p->containers[i];
        if (c->runner.child.pid <= 0 || (*container && strcmp(c->name, container) != 0)) continue;
        (void)kill(-c->runner.child.pid, SIGKILL);
        n++;
    }
    return n;
}

/* A container's program has started or ended. */
void local_pod_changed(struct local_pod *p) {
    if (p->terminating)
        stop_step(p);
    else
        local_pod_advance(p);
}

struct local_pod *local_pod_free(struct local_pod *p) {
    if (!p) return NULL;
    weft_list_remove(&p->link);
    local_timer_stop(&p->stop_timer);
    for (size_t i = 0; i < p->n_containers; i++) local_container_done(&p->containers[i]);
    free(p->containers);
    if (p->net.netns) local_kill_inside(p->net.netns);
    local_pod_ns_done(&p->net);
    local_addresses_release_pod(&p->mesh->addresses, p->obj);
    json_decref(p->planned);
    json_decref(p->obj);
    free(p->id);
    free(p->folder);
    free(p);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * The life of a container: its program under the runner, its probes while it runs. */
#include <cli/local/jsonx.h>
#include <cli/local/mesh.h>
#include <stdio.h>
#include <string.h>

static enum weft_status prepare(void *arg, struct local_spawn *s, struct weft_error *err) {
    struct local_container *c = arg;
    struct local_pod *p = c->pod;
    s->ns = p->net.ns;
    s->log_file = c->log;
    if (!c->spec) return local_sidecar_prepare(c, s, err);
    if (!c->command_ready) {
        local_command_init(&c->command, p->obj, c->spec);
        c->command_ready = true;
    }
    free(c->program);
    c->program = local_find_program(c->command.argv[0], p->mesh->bin_dir);
    if (!c->program)
        return weft_error_set(err, WEFT_NOT_FOUND, c->name,
                              "no program \"%s\" in %s or the search path", c->command.argv[0],
                              p->mesh->bin_dir);
    s->program = c->program;
    s->argv = c->command.argv;
    s->envp = c->command.envp;
    s->cwd = c->command.cwd;
    s->uid = s->gid = p->uid;
    return WEFT_OK;
}

static void set_ready(struct local_container *c, bool ready) {
    if (c->ready == ready) return;
    c->ready = ready;
    local_pod_advance(c->pod);
}

static void on_readiness(void *arg, bool ok) {
    set_ready(arg, ok);
}

static void on_liveness(void *arg, bool ok) {
    struct local_container *c = arg;
    if (!ok) local_runner_restart(&c->runner, "its livenessProbe fails");
}

static void begin_probes(struct local_container *c) {
    c->started = true;
    local_probe_start(&c->liveness);
    local_probe_start(&c->readiness);
    if (c->readiness.kind == LOCAL_PROBE_NONE) set_ready(c, true);
}

static void on_startup(void *arg, bool ok) {
    struct local_container *c = arg;
    if (!ok) {
        local_runner_restart(&c->runner, "its startupProbe fails");
        return;
    }
    local_probe_stop(&c->startup);
    begin_probes(c);
}

static void end_probes(struct local_container *c) {
    local_probe_stop(&c->startup);
    local_probe_stop(&c->liveness);
    local_probe_stop(&c->readiness);
    c->started = c->ready = false;
}

static void on_change(void *arg) {
    struct local_container *c = arg;
    end_probes(c);
    if (c->runner.state == LOCAL_RUNNING && (c->kind == LOCAL_APP || c->kind == LOCAL_WEFT_PROXY)) {
        if (c->startup.kind != LOCAL_PROBE_NONE)
            local_probe_start(&c->startup);
        else
            begin_probes(c);
    }
    local_pod_changed(c->pod);
}

/* The first TCP port that the container declares; 0: none. */
static uint16_t first_port(const json_t *spec) {
    size_t i;
    json_t *port;
    json_array_foreach(json_object_get(spec, "ports"), i,
                       port) if (strcmp(local_str(port, "protocol", "TCP"), "TCP") ==
                                 0) return (uint16_t)local_int(port, "containerPort", 0);
    return 0;
}

static void init_probe(struct local_container *c, struct local_probe *probe, const char *key,
                       void (*fn)(void *arg, bool ok)) {
    struct local_pod *p = c->pod;
    struct local_mesh *m = p->mesh;
    const char *ip = local_str(p->obj, "status.podIP", "");
    json_t *spec = c->spec ? json_object_get(c->spec, key) : NULL;
    local_probe_init(probe, m->reactor, &m->journal, p->net.ns.net, spec, c->spec, ip, m->bin_dir);
    probe->spawn = (struct local_spawn){.ns = p->net.ns, .uid = p->uid, .gid = p->uid};
    probe->on_result = fn;
    probe->arg = c;
}

static void init_probes(struct local_container *c) {
    struct local_pod *p = c->pod;
    struct local_mesh *m = p->mesh;
    const char *ip = local_str(p->obj, "status.podIP", "");
    init_probe(c, &c->startup, "startupProbe", on_startup);
    init_probe(c, &c->liveness, "livenessProbe", on_liveness);
    init_probe(c, &c->readiness, "readinessProbe", on_readiness);
    uint16_t port = c->spec ? first_port(c->spec) : 0;
    if (c->kind == LOCAL_WEFT_PROXY)
        local_probe_init_http(&c->readiness, m->reactor, &m->journal, p->net.ns.net, ip, 15021,
                              "/ready");
    else if (c->readiness.kind == LOCAL_PROBE_NONE && port)
        local_probe_init_tcp(&c->readiness, m->reactor, &m->journal, p->net.ns.net, ip, port);
    c->readiness.on_result = on_readiness;
    c->readiness.arg = c;
}

static void add(struct local_pod *p, enum local_container_kind kind, const char *name,
                const json_t *spec) {
    struct local_container *c = &p->containers[p->n_containers++];
    struct local_mesh *m = p->mesh;
    *c = (struct local_container){.pod = p, .kind = kind, .name = name, .spec = spec};
    c->log = local_mesh_path(m, "logs/%s/%s.log", p->id, name);
    local_runner_init(&c->runner, m->reactor, &m->journal,
                      weft_asprintf("%s/%s/%s", p->ns, p->name, name));
    c->runner.once = kind == LOCAL_WEFT_INIT || kind == LOCAL_INIT;
    c->runner.prepare = prepare;
    c->runner.on_change = on_change;
    c->runner.arg = c;
    init_probes(c);
}

static void add_list(struct local_pod *p, const char *path, enum local_container_kind kind) {
    size_t i;
    json_t *spec;
    json_array_foreach(local_get(p->obj, path), i, spec) {
        bool always = strcmp(local_str(spec, "restartPolicy", ""), "Always") == 0;
        add(p, always ? LOCAL_APP : kind, local_str(spec, "name", "app"), spec);
    }
}

void local_containers_make(struct local_pod *p) {
    size_t n = 2 + json_array_size(local_get(p->obj, "spec.initContainers")) +
               json_array_size(local_get(p->obj, "spec.containers"));
    p->containers = weft_alloc0(n * sizeof *p->containers);
    if (p->injected) {
        add(p, LOCAL_WEFT_INIT, "weft-init", NULL);
        add(p, LOCAL_WEFT_PROXY, "weft-proxy", NULL);
    }
    add_list(p, "spec.initContainers", LOCAL_INIT);
    add_list(p, "spec.containers", LOCAL_APP);
}

void local_container_start(struct local_container *c) {
    local_runner_start(&c->runner);
}

void local_container_done(struct local_container *c) {
    local_probe_done(&c->startup);
    local_probe_done(&c->liveness);
    local_probe_done(&c->readiness);
    local_runner_done(&c->runner);
    if (c->command_ready) local_command_done(&c->command);
    free(c->program);
    free(c->log);
}

const char *local_container_waits(const struct local_container *c) {
    bool once = c->kind == LOCAL_WEFT_INIT || c->kind == LOCAL_INIT;
    if (once) return c->runner.state == LOCAL_DONE ? NULL : "has not ended yet";
    if (c->ready) return NULL;
    if (c->runner.state != LOCAL_RUNNING) return local_runner_state_name(c->runner.state);
    return c->started ? "not ready" : "starting";
}

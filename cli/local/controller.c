/* SPDX-License-Identifier: Apache-2.0
 * weft-controller in the switch namespace, on the folder of manifests and on what we made. */
#include <cli/local/jsonx.h>
#include <cli/local/mesh.h>
#include <stdio.h>
#include <string.h>

enum { PORT = 15012, ADMIN_PORT = 15014 };

static enum weft_status prepare(void *arg, struct local_spawn *s, struct weft_error *err) {
    struct local_mesh *m = arg;
    free(m->controller_argv[0]);
    m->controller_argv[0] = local_find_program("weft-controller", m->bin_dir);
    if (!m->controller_argv[0])
        return weft_error_set(err, WEFT_NOT_FOUND, "weft-controller",
                              "no program \"weft-controller\" in %s or the search path",
                              m->bin_dir);
    s->program = m->controller_argv[0];
    s->argv = m->controller_argv;
    static char log[4200];
    (void)snprintf(log, sizeof log, "%s/logs/weft-controller.log", m->state_dir);
    s->log_file = log;
    s->ns.net = m->net.switch_fd;
    s->raw = true;
    return WEFT_OK;
}

static void on_ready(void *arg, bool ok) {
    struct local_mesh *m = arg;
    if (m->controller_up == ok) return;
    m->controller_up = ok;
    if (!m->stopping) local_mesh_say(m, "controller %s", ok ? "ready" : "not ready");
    if (!ok) return;
    weft_list_each(it, &m->pods) local_pod_advance(WEFT_CONTAINER(it, struct local_pod, link));
    local_control_settled(m);
}

static void on_change(void *arg) {
    struct local_mesh *m = arg;
    local_probe_stop(&m->controller_ready);
    on_ready(m, false);
    if (m->controller.state == LOCAL_RUNNING) local_probe_start(&m->controller_ready);
}

static void add(struct local_mesh *m, size_t *n, const char *flag, char *value) {
    if (value && *n + 2 < WEFT_LEN(m->controller_argv)) {
        m->controller_argv[(*n)++] = weft_strdup(flag);
        m->controller_argv[(*n)++] = value;
    } else {
        free(value);
    }
}

static char *address(const struct local_mesh *m, uint16_t port) {
    struct weft_addr a = m->net.gateway4;
    a.port = port;
    char text[WEFT_ADDR_STR];
    weft_addr_format(&a, text);
    return weft_strdup(text);
}

static void make_argv(struct local_mesh *m) {
    const struct local_options *o = m->opt;
    size_t n = 1;
    add(m, &n, "-f", weft_strdup(m->folder));
    add(m, &n, "-f", local_mesh_path(m, "manifests"));
    add(m, &n, "--listen", address(m, PORT));
    add(m, &n, "--admin", address(m, ADMIN_PORT));
    add(m, &n, "--ca-dir", local_mesh_path(m, "ca"));
    add(m, &n, "--token-dir", local_mesh_path(m, "tokens"));
    add(m, &n, "--name", weft_strdup("weft-controller"));
    add(m, &n, "--trust-domain", o->trust_domain ? weft_strdup(o->trust_domain) : NULL);
    add(m, &n, "--channel", o->channel ? weft_strdup(o->channel) : NULL);
    add(m, &n, "--workload-cert-ttl", o->cert_ttl ? weft_strdup(o->cert_ttl) : NULL);
}

void local_controller_init(struct local_mesh *m) {
    local_runner_init(&m->controller, m->reactor, &m->journal, weft_strdup("weft-controller"));
    char ip[WEFT_ADDR_STR];
    weft_addr_format_ip(&m->net.gateway4, ip);
    local_probe_init_http(&m->controller_ready, m->reactor, &m->journal, m->net.switch_fd, ip,
                          ADMIN_PORT, "/ready");
    m->controller_ready.on_result = on_ready;
    m->controller_ready.arg = m;
    m->controller.prepare = prepare;
    m->controller.on_change = on_change;
    m->controller.arg = m;
    m->has_controller = true;
    make_argv(m);
    local_runner_start(&m->controller);
}

void local_controller_done(struct local_mesh *m) {
    if (!m->has_controller) return;
    local_probe_done(&m->controller_ready);
    local_runner_done(&m->controller);
    for (size_t i = 0; i < WEFT_LEN(m->controller_argv); i++) free(m->controller_argv[i]);
    m->has_controller = false;
}

/* SPDX-License-Identifier: Apache-2.0
 * weft-init and weft-proxy in a pod: their command lines and the files that they are given. */
#include <cli/local/files.h>
#include <cli/local/jsonx.h>
#include <cli/local/mesh.h>
#include <stdio.h>
#include <string.h>
#include <weft/gamma/inject.h>

enum { PROXY_UID = 1337, CONTROLLER_PORT = 15012 };

struct words {
    char **argv;
    size_t n;
};

static void add(struct words *w, const char *s) {
    w->argv = weft_realloc(w->argv, (w->n + 2) * sizeof *w->argv);
    w->argv[w->n++] = weft_strdup(s);
    w->argv[w->n] = NULL;
}

static void add_option(struct words *w, const char *flag, const char *value) {
    if (!value || !*value) return;
    add(w, flag);
    add(w, value);
}

static void on_variable(void *ud, const char *name, const char *value) {
    WEFT_FREE char *pair = weft_asprintf("%s=%s", name, value);
    add(ud, pair);
}

/* What the pod's annotations say, as the webhook passes it on. */
static char **environment(const struct local_pod *p, enum weft_inject_program program) {
    struct words w = {0};
    add(&w, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
    weft_inject_variables(p->obj, program, on_variable, &w);
    return w.argv;
}

static char *joined_ips(const struct local_pod *p) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    size_t i;
    json_t *ip;
    json_array_foreach(local_get(p->obj, "status.podIPs"), i, ip)(void)
        weft_buf_printf(&b, "%s%s", i ? "," : "", local_str(ip, "ip", ""));
    char *s = weft_slice_dup(weft_buf_slice(&b));
    weft_buf_done(&b);
    return s;
}

static void proxy_words(struct words *w, const struct local_pod *p) {
    const struct local_options *o = p->mesh->opt;
    struct weft_addr controller = p->mesh->net.gateway4;
    controller.port = CONTROLLER_PORT;
    char at[WEFT_ADDR_STR];
    weft_addr_format(&controller, at);
    WEFT_FREE char *ips = joined_ips(p);
    add(w, "weft-proxy");
    add_option(w, "--controller", at);
    add_option(w, "--controller-name", "weft-controller");
    add_option(w, "--namespace", p->ns);
    add_option(w, "--pod", p->name);
    add_option(w, "--pod-ip", ips);
    add_option(w, "--service-account", local_str(p->obj, "spec.serviceAccountName", "default"));
    add_option(w, "--token-file", "/run/weft/token");
    add_option(w, "--trust-bundle", "/run/weft/root.pem");
    add_option(w, "--state-dir", "/run/weft/state");
    add_option(w, "--trust-domain", o->trust_domain);
    if (!local_label(p->obj, "metadata.annotations", "weftmesh.io/access-log"))
        add_option(w, "--access-log", o->access_log);
    if (!local_label(p->obj, "metadata.annotations", "weftmesh.io/log-level"))
        add_option(w, "--log-level", o->log_level);
    if (o->workers) {
        WEFT_FREE char *n = weft_asprintf("%llu", (unsigned long long)o->workers);
        add_option(w, "--workers", n);
    }
}

enum weft_status local_sidecar_prepare(struct local_container *c, struct local_spawn *s,
                                       struct weft_error *err) {
    free(c->program);
    c->program = local_find_program(c->name, c->pod->mesh->bin_dir);
    if (!c->program)
        return weft_error_set(err, WEFT_NOT_FOUND, c->name,
                              "no program \"%s\" in %s or the search path", c->name,
                              c->pod->mesh->bin_dir);
    if (!c->command_ready) {
        struct words w = {0};
        bool init = c->kind == LOCAL_WEFT_INIT;
        if (init)
            add(&w, "weft-init");
        else
            proxy_words(&w, c->pod);
        c->command.argv = w.argv;
        c->command.envp = environment(c->pod, init ? WEFT_INJECT_INIT : WEFT_INJECT_PROXY);
        c->command_ready = true;
    }
    s->program = c->program;
    s->argv = c->command.argv;
    s->envp = c->command.envp;
    s->net_admin = c->kind == LOCAL_WEFT_INIT;
    s->uid = s->gid = c->kind == LOCAL_WEFT_INIT ? 0 : PROXY_UID;
    return WEFT_OK;
}

static enum weft_status hand_over(struct local_pod *p, const char *from, const char *name,
                                  mode_t mode, struct weft_error *err) {
    size_t len;
    WEFT_FREE char *text = local_read_file(from, &len);
    if (!text) return weft_error_set(err, WEFT_AGAIN, from, "is not there yet");
    WEFT_FREE char *to = weft_asprintf("%s/run/%s", p->folder, name);
    return local_write_file(to, weft_slice(text, len), mode, PROXY_UID, err);
}

enum weft_status local_sidecar_files(struct local_pod *p, struct weft_error *err) {
    if (!p->mesh->controller_up)
        return weft_error_set(err, WEFT_AGAIN, "weft-controller", "is not ready yet");
    WEFT_FREE char *token = local_mesh_path(
        p->mesh, "tokens/%s.%s", p->ns, local_str(p->obj, "spec.serviceAccountName", "default"));
    WEFT_FREE char *root = local_mesh_path(p->mesh, "ca/root.pem");
    enum weft_status st = hand_over(p, token, "token", 0400, err);
    return st == WEFT_OK ? hand_over(p, root, "root.pem", 0444, err) : st;
}

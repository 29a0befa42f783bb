/* SPDX-License-Identifier: Apache-2.0
 * Start and end of a mesh: the state folder, the switch, the first reading of the manifests; and
 * back again. */
#include <cli/local/clean.h>
#include <cli/local/files.h>
#include <cli/local/jsonx.h>
#include <cli/local/mesh.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *local_mesh_path(const struct local_mesh *m, const char *fmt, ...) {
    char *rest = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&rest, fmt, ap);
    va_end(ap);
    char *path = weft_asprintf("%s/%s", m->state_dir, n < 0 ? "" : rest);
    free(rest);
    return path;
}

void local_mesh_say(struct local_mesh *m, const char *fmt, ...) {
    char text[600], line[700];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    uint64_t ms = (local_now_us() - m->began_us) / 1000;
    (void)snprintf(line, sizeof line, "%4llu.%03llu  %s\n", (unsigned long long)(ms / 1000),
                   (unsigned long long)(ms % 1000), text);
    if (m->say) m->say(m, line);
}

static void on_signal(void *arg, int signum) {
    (void)signum;
    local_mesh_stop(arg, 0);
}

static enum weft_status make_folders(struct local_mesh *m, struct weft_error *err) {
    static const struct {
        const char *name;
        mode_t mode;
    } folders[] = {
        {"manifests", 0755}, {"tokens", 0700}, {"ca", 0700}, {"logs", 0755}, {"pods", 0755}};
    enum weft_status st = WEFT_OK;
    for (size_t i = 0; st == WEFT_OK && i < WEFT_LEN(folders); i++) {
        WEFT_FREE char *path = local_mesh_path(m, "%s", folders[i].name);
        st = local_mkdir(path, folders[i].mode, err);
    }
    return st;
}

static enum weft_status is_there(const struct local_mesh *m, struct weft_error *err) {
    return weft_error_set(err, WEFT_EXISTS, "--name",
                          "a mesh named \"%s\" is there already (%s): weft local down --name %s",
                          m->name, m->state_dir, m->name);
}

/* The journal is the first thing in the state folder: killed at any later moment, `down` knows the
 * folder for a mesh's and removes it; killed before, it is empty. */
static enum weft_status begin_journal(struct local_mesh *m, struct weft_error *err) {
    WEFT_FREE char *path = local_mesh_path(m, "journal");
    if (access(path, F_OK) == 0) return is_there(m, err);
    WEFT_FREE char *netns = weft_asprintf("weft-%s", m->name);
    if (local_netns_inode(netns))
        return weft_error_set(err, WEFT_EXISTS, "--name",
                              "there is a network namespace \"%s\" of another mesh", netns);
    enum weft_status st = local_mkdirs(m->state_dir, err);
    if (st != WEFT_OK) return st;
    st = local_journal_new(&m->journal, path);
    if (st == WEFT_EXISTS) return is_there(m, err); /* another one was quicker */
    if (st != WEFT_OK) return weft_error_set(err, st, path, "cannot write the journal");
    local_journal_proc(&m->journal, getpid(), "supervisor");
    return make_folders(m, err);
}

static enum weft_status begin_network(struct local_mesh *m, struct weft_error *err) {
    const struct local_options *o = m->opt;
    enum weft_status st = local_addresses_init(&m->addresses, o->pods4, o->pods6, o->services4,
                                               o->services6, local_has_ipv6(), err);
    if (st != WEFT_OK) return st;
    m->net = (struct local_net){.mesh = m->name,
                                .gateway4 = local_pool_at(&m->addresses.pods4, 1),
                                .prefix4 = m->addresses.pods4.prefix,
                                .prefix6 = m->addresses.pods6.prefix};
    if (m->addresses.v6) m->net.gateway6 = local_pool_at(&m->addresses.pods6, 1);
    return local_net_init(&m->net, &m->journal, err);
}

enum weft_status local_mesh_init(struct local_mesh *m, const struct local_options *opt,
                                 struct weft_error *err) {
    m->opt = opt;
    m->name = weft_strdup(opt->name);
    m->state_dir = weft_strdup(opt->state_dir);
    m->folder = weft_strdup(opt->folder);
    m->bin_dir = weft_strdup(opt->bin_dir);
    m->journal.fd = m->net.switch_fd = m->control_fd = -1;
    m->services = json_array();
    m->made = json_array();
    m->published = json_object();
    m->problems = json_array();
    m->scaled = json_object();
    m->plan = (struct local_plan){0};
    weft_list_init(&m->pods);
    weft_list_init(&m->clients);
    enum weft_status st = begin_journal(m, err);
    if (st != WEFT_OK) return st;
    m->reactor = local_reactor_new(on_signal, m);
    st = begin_network(m, err);
    if (st == WEFT_OK) st = local_control_init(m, err);
    struct local_changes changes;
    if (st == WEFT_OK && !opt->no_mesh) local_controller_init(m);
    if (st == WEFT_OK) st = local_reconcile(m, &changes, err);
    return st;
}

static bool nobody_left(const struct local_mesh *m) {
    return weft_list_empty(&m->pods) && (!m->has_controller || m->controller.child.pid <= 0);
}

static void stop_controller(struct local_mesh *m) {
    if (!m->has_controller) return;
    local_probe_stop(&m->controller_ready);
    local_runner_stop(&m->controller, SIGTERM);
}

void local_mesh_stop(struct local_mesh *m, int exit_status) {
    if (m->stopping) return;
    m->stopping = true;
    m->stop_reason = exit_status;
    local_mesh_say(m, "stopping");
    weft_list_each(it, &m->pods) {
        struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        local_pod_stop(p, true);
    }
    if (weft_list_empty(&m->pods)) stop_controller(m);
    if (nobody_left(m)) local_reactor_stop(m->reactor);
}

void local_mesh_pod_gone(struct local_mesh *m, struct local_pod *p) {
    if (!m->stopping) local_mesh_say(m, "pod %s/%s gone", p->ns, p->name);
    local_pod_free(p);
    if (!m->stopping) {
        struct local_changes changes;
        local_reconcile_pods(m, &changes);
        return;
    }
    /* what is left of the controller goes with the clean-up, it has nothing to finish */
    if (weft_list_empty(&m->pods)) {
        stop_controller(m);
        local_reactor_stop(m->reactor);
    }
}

bool local_mesh_settled(const struct local_mesh *m) {
    if (m->publish_timer.link.next && m->publish_timer.link.next != &m->publish_timer.link)
        return false;
    if (m->rules_child.pid > 0) return false;
    if (m->has_controller && !m->controller_up) return false;
    weft_list_each(it, &m->pods) {
        const struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        if (!p->ready || p->terminating || p->retiring) return false;
    }
    return true;
}

void local_mesh_run(struct local_mesh *m) {
    local_reactor_run(m->reactor);
}

void local_mesh_done(struct local_mesh *m) {
    weft_list_each(it, &m->pods) local_pod_free(WEFT_CONTAINER(it, struct local_pod, link));
    local_controller_done(m);
    local_control_done(m);
    if (m->publish_timer.fn) local_timer_stop(&m->publish_timer);
    local_child_forget(&m->rules_child);
    local_net_done(&m->net);
    local_addresses_done(&m->addresses);
    if (m->plan.pods) local_plan_done(&m->plan);
    json_decref(m->services);
    json_decref(m->made);
    json_decref(m->published);
    json_decref(m->problems);
    json_decref(m->scaled);
    free(m->rules_text[0]);
    free(m->rules_text[1]);
    m->reactor = local_reactor_free(m->reactor);
    local_journal_close(&m->journal);
    free(m->name);
    free(m->state_dir);
    free(m->folder);
    free(m->bin_dir);
}

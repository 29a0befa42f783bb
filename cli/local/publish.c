/* SPDX-License-Identifier: Apache-2.0
 * What the world gets to see of a mesh: manifests in the state folder (for the controller),
 * /etc/hosts and ClusterIP rules in the pods. Written anew only where something changed. */
#include <cli/local/dnat.h>
#include <cli/local/files.h>
#include <cli/local/hosts.h>
#include <cli/local/jsonx.h>
#include <cli/local/manifests.h>
#include <cli/local/mesh.h>
#include <cli/local/slices.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft/obs/log.h>

enum { COALESCE_US = 2000 };

/* Ours and the hand-written ones; new reference. */
static json_t *all_slices(const struct local_mesh *m) {
    json_t *all = json_array();
    json_array_extend(all, m->made);
    json_array_extend(all, m->plan.slices);
    return all;
}

static void make_slices(struct local_mesh *m) {
    size_t n = 0, cap = 0, i;
    struct slices_pod *pods = NULL;
    weft_list_each(it, &m->pods) {
        struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        if (p->problem[0]) continue;
        if (n == cap) pods = weft_realloc(pods, (cap = cap ? cap * 2 : 16) * sizeof *pods);
        pods[n++] = (struct slices_pod){p->obj, p->ready, p->terminating};
    }
    json_decref(m->made);
    m->made = json_array();
    json_t *service;
    json_array_foreach(m->services, i, service) {
        LOCAL_JSON json_t *slices = slices_build(service, pods, n);
        json_array_extend(m->made, slices);
    }
    free(pods);
}

static void publish_manifests(struct local_mesh *m) {
    LOCAL_JSON json_t *now = json_object();
    manifests_add(now, m->plan.namespaces);
    manifests_add(now, m->plan.serviceaccounts);
    manifests_add(now, m->services);
    manifests_add(now, m->made);
    weft_list_each(it, &m->pods) {
        struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        LOCAL_JSON json_t *one = json_pack("[O]", p->obj);
        manifests_add(now, one);
    }
    WEFT_FREE char *dir = local_mesh_path(m, "manifests");
    manifests_sync(dir, m->published, now);
}

static void write_text(struct local_pod *p, const char *name, struct weft_buf *text) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", p->folder, name);
    size_t len = 0;
    WEFT_FREE char *old = local_read_file(path, &len);
    struct weft_error err;
    if (!old || !weft_slice_eq(weft_slice(old, len), weft_buf_slice(text)))
        if (local_overwrite(path, weft_buf_slice(text), &err) != WEFT_OK)
            weft_error("local", "%s: %s", err.path, err.message);
    weft_buf_done(text);
}

void local_pod_hosts(struct local_pod *p) {
    struct local_mesh *m = p->mesh;
    LOCAL_JSON json_t *slices = all_slices(m);
    struct weft_buf b;
    weft_buf_init(&b, 0);
    hosts_render(&b, p->obj, m->services, slices, m->opt->cluster_domain);
    write_text(p, "hosts", &b);
    weft_buf_init(&b, 0);
    hosts_resolv(&b, p->ns, m->opt->cluster_domain);
    write_text(p, "resolv.conf", &b);
}

/* --- ClusterIP rules --- */

static const char *const restore[] = {"iptables-restore", "ip6tables-restore"};

static enum weft_status load_rules(const struct local_pod *p, int family, struct weft_slice text,
                                   struct weft_error *err) {
    const char *argv[] = {restore[family], "--noflush", "-w", "5", NULL};
    return local_run(NULL, p->net.ns.net, argv, text, err);
}

enum weft_status local_pod_rules(struct local_pod *p, struct weft_error *err) {
    struct local_mesh *m = p->mesh;
    LOCAL_JSON json_t *slices = all_slices(m);
    enum weft_status st = WEFT_OK;
    for (int family = 0; st == WEFT_OK && family <= (m->addresses.v6 ? 1 : 0); family++) {
        struct weft_buf b;
        weft_buf_init(&b, 0);
        dnat_render(&b, m->services, slices, family == 1, true);
        st = load_rules(p, family, weft_buf_slice(&b), err);
        weft_buf_done(&b);
    }
    return st;
}

/* In a child of its own, as a mesh may have many pods and each takes some milliseconds. */
static WEFT_NORETURN void rules_main(struct local_mesh *m, const bool changed[2]) {
    struct weft_error err;
    weft_list_each(it, &m->pods) {
        struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        for (int family = 0; p->net.pause > 0 && family < 2; family++)
            if (changed[family] &&
                load_rules(p, family, weft_slice_str(m->rules_text[family]), &err) != WEFT_OK)
                weft_error("local", "ClusterIP rules of %s: %s", p->id, err.message);
    }
    _exit(0);
}

static void update_rules(struct local_mesh *m) {
    if (m->rules_child.pid > 0) {
        m->rules_dirty = true;
        return;
    }
    m->rules_dirty = false;
    LOCAL_JSON json_t *slices = all_slices(m);
    bool changed[2] = {false, false};
    for (int family = 0; family <= (m->addresses.v6 ? 1 : 0); family++) {
        struct weft_buf b;
        weft_buf_init(&b, 0);
        dnat_render(&b, m->services, slices, family == 1, false);
        char *text = weft_slice_dup(weft_buf_slice(&b));
        weft_buf_done(&b);
        changed[family] = !m->rules_text[family] || strcmp(m->rules_text[family], text) != 0;
        free(m->rules_text[family]);
        m->rules_text[family] = text;
    }
    if (!changed[0] && !changed[1]) return;
    pid_t pid = fork();
    if (pid == 0) rules_main(m, changed);
    if (pid > 0) {
        local_journal_proc(&m->journal, pid, "rules");
        local_child_watch(m->reactor, &m->rules_child, pid);
    }
}

static void on_rules_done(void *arg, int status) {
    struct local_mesh *m = arg;
    (void)status;
    if (m->rules_dirty) update_rules(m);
    local_control_settled(m);
}

static void on_publish(void *arg) {
    local_publish_now(arg);
}

void local_publish_soon(struct local_mesh *m) {
    if (!m->publish_timer.fn) local_timer_init(&m->publish_timer, on_publish, m);
    local_timer_start(m->reactor, &m->publish_timer, COALESCE_US);
}

/* Pods of an older template go when all of the newer one are ready. */
static void retire(struct local_mesh *m) {
    weft_list_each(it, &m->pods) {
        struct local_pod *old = WEFT_CONTAINER(it, struct local_pod, link);
        if (!old->retiring || old->terminating) continue;
        const char *owner = local_pod_owner(old->obj);
        bool all = true;
        weft_list_each(jt, &m->pods) {
            struct local_pod *p = WEFT_CONTAINER(jt, struct local_pod, link);
            const char *of = local_pod_owner(p->obj);
            if (!p->retiring && !p->terminating && !p->ready && owner && of &&
                strcmp(p->ns, old->ns) == 0 && strcmp(of, owner) == 0)
                all = false;
        }
        if (all) local_pod_stop(old, false);
    }
}

void local_publish_now(struct local_mesh *m) {
    if (m->publish_timer.fn) local_timer_stop(&m->publish_timer);
    if (!m->rules_child.fn) local_child_init(&m->rules_child, on_rules_done, m);
    make_slices(m);
    publish_manifests(m);
    weft_list_each(it, &m->pods) {
        struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        if (p->net.pause > 0) local_pod_hosts(p);
    }
    update_rules(m);
    retire(m);
    local_control_settled(m);
}

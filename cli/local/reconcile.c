/* SPDX-License-Identifier: Apache-2.0
 * The folder of manifests → what should exist → what is made and ended. */
#include <cli/local/files.h>
#include <cli/local/jsonx.h>
#include <cli/local/load.h>
#include <cli/local/mesh.h>
#include <cli/local/replicas.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <weft/obs/log.h>

static void on_problem(void *ud, const char *file, const struct weft_error *err) {
    struct local_mesh *m = ud;
    json_array_append_new(m->problems, json_sprintf("%s:%d: %s%s%s", file, err->line, err->path,
                                                    err->path[0] ? ": " : "", err->message));
}

/* A token for each ServiceAccount, made once. */
static void token_for(struct local_mesh *m, const char *ns, const char *name) {
    WEFT_FREE char *path = local_mesh_path(m, "tokens/%s.%s", ns, name);
    if (access(path, F_OK) == 0) return;
    unsigned char raw[24];
    char text[2 * sizeof raw + 1];
    if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw) return;
    for (size_t i = 0; i < sizeof raw; i++) {
        text[2 * i] = "0123456789abcdef"[raw[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
    }
    text[2 * sizeof raw] = 0;
    struct weft_error err;
    if (local_write_file(path, weft_slice_str(text), 0600, (uid_t)-1, &err) != WEFT_OK)
        weft_error("local", "%s: %s", err.path, err.message);
}

static void on_account(void *ud, const struct weft_object *o) {
    token_for(ud, o->ns, o->name);
}

static void make_tokens(struct local_mesh *m, const struct weft_store *store) {
    size_t i;
    json_t *sa;
    weft_store_each(store, "ServiceAccount", NULL, on_account, m);
    json_array_foreach(m->plan.serviceaccounts, i, sa)
        token_for(m, local_str(sa, "metadata.namespace", ""), local_str(sa, "metadata.name", ""));
}

static void complete_services(struct local_mesh *m) {
    json_decref(m->services);
    m->services = json_deep_copy(m->plan.services);
    size_t i;
    json_t *s;
    struct weft_error err;
    json_array_foreach(m->services, i,
                       s) if (local_addresses_service(&m->addresses, s, &err) != WEFT_OK)
        json_array_append_new(m->problems, json_sprintf("%s: %s", err.path, err.message));
}

static struct local_pod *find(const struct local_mesh *m, const json_t *planned) {
    weft_list_each(it, &m->pods) {
        struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        if (strcmp(p->ns, local_str(planned, "metadata.namespace", "default")) == 0 &&
            strcmp(p->name, local_str(planned, "metadata.name", "")) == 0)
            return p;
    }
    return NULL;
}

static bool is_planned(const struct local_mesh *m, const struct local_pod *p) {
    size_t i;
    json_t *planned;
    json_array_foreach(m->plan.pods, i, planned) if (json_equal(planned, p->planned)) return true;
    return false;
}

static bool owner_is_planned(const struct local_mesh *m, const struct local_pod *p) {
    const char *owner = local_pod_owner(p->obj);
    size_t i;
    json_t *planned;
    json_array_foreach(m->plan.pods, i, planned) {
        const char *of = local_pod_owner(planned);
        if (owner && of && strcmp(of, owner) == 0 &&
            strcmp(local_str(planned, "metadata.namespace", "default"), p->ns) == 0)
            return true;
    }
    return false;
}

void local_reconcile_pods(struct local_mesh *m, struct local_changes *ret) {
    *ret = (struct local_changes){0};
    weft_list_each(it, &m->pods) {
        struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        if (p->terminating || p->retiring) continue;
        if (is_planned(m, p)) {
            ret->kept++;
            continue;
        }
        ret->removed++;
        if (owner_is_planned(m, p))
            p->retiring = true;
        else
            local_pod_stop(p, false);
    }
    size_t i;
    json_t *planned;
    unsigned first = m->next_serial; /* all get their addresses before the first one starts */
    json_array_foreach(m->plan.pods, i, planned) {
        if (find(m, planned)) continue; /* there, or its predecessor of that name is still going */
        (void)local_pod_new(m, planned);
        ret->added++;
    }
    local_publish_now(m);
    weft_list_each(it, &m->pods) {
        struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        if (p->serial > first && !p->containers && !p->terminating) local_pod_start(p);
    }
}

/* `workload` NULL: the numbers of the manifests; else also what it asks for. */
static enum weft_status follow(struct local_mesh *m, const char *workload, json_int_t n,
                               struct local_changes *ret, struct weft_error *err) {
    struct weft_store *store = weft_store_new();
    json_array_clear(m->problems);
    enum weft_status st = local_load(m->folder, store, on_problem, m, err);
    if (st == WEFT_OK && workload) st = replicas_note(m->scaled, store, workload, n, err);
    if (st == WEFT_OK) {
        replicas_apply(m->scaled, store);
        local_plan_done(&m->plan);
        local_plan_init(&m->plan, store, !m->opt->no_mesh);
        local_addresses_claim(&m->addresses, m->plan.pods, m->plan.services);
        complete_services(m);
        make_tokens(m, store);
        local_reconcile_pods(m, ret);
    }
    weft_store_free(store);
    return st;
}

enum weft_status local_reconcile(struct local_mesh *m, struct local_changes *ret,
                                 struct weft_error *err) {
    json_object_clear(m->scaled);
    return follow(m, NULL, 0, ret, err);
}

enum weft_status local_scale(struct local_mesh *m, const char *workload, json_int_t n,
                             struct local_changes *ret, struct weft_error *err) {
    return follow(m, workload, n, ret, err);
}

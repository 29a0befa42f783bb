/* SPDX-License-Identifier: Apache-2.0
 * Manifests → the pods and Services to make. */
#include <cli/local/jsonx.h>
#include <cli/local/plan.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/gamma/inject.h>
#include <weft/object/format.h>

struct planner {
    struct local_plan *plan;
    const struct weft_store *store;
    bool inject;
};

static void warn(struct local_plan *p, const char *kind, const struct weft_object *o,
                 const char *what) {
    json_array_append_new(p->warnings, json_sprintf("%s %s/%s: %s", kind, o->ns, o->name, what));
}

static bool has_object(const json_t *list, const char *ns, const char *name) {
    size_t i;
    json_t *o;
    json_array_foreach(list, i, o) {
        if (strcmp(local_str(o, "metadata.name", ""), name) == 0 &&
            strcmp(local_str(o, "metadata.namespace", ""), ns) == 0)
            return true;
    }
    return false;
}

static void imply_namespace(struct planner *pl, const char *ns) {
    if (weft_store_get(pl->store, "Namespace", "", ns) || has_object(pl->plan->namespaces, "", ns))
        return;
    json_array_append_new(pl->plan->namespaces,
                          json_pack("{s:s, s:s, s:{s:s, s:{s:s}}}", "apiVersion", "v1", "kind",
                                    "Namespace", "metadata", "name", ns, "labels",
                                    "kubernetes.io/metadata.name", ns));
}

static void imply_account(struct planner *pl, const char *ns, const char *name) {
    if (weft_store_get(pl->store, "ServiceAccount", ns, name) ||
        has_object(pl->plan->serviceaccounts, ns, name))
        return;
    json_array_append_new(pl->plan->serviceaccounts,
                          json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind",
                                    "ServiceAccount", "metadata", "namespace", ns, "name", name));
}

static bool container_names(const json_t *list) {
    size_t i;
    json_t *c;
    json_array_foreach(list, i, c) {
        struct weft_slice name = weft_slice_str(local_str(c, "name", "app"));
        if (name.len > 63 || !weft_fmt_label(name)) return false;
    }
    return true;
}

/* Names become parts of paths that root writes to, and not every kind has a schema. */
static bool has_good_names(struct planner *pl, const json_t *pod, const char *ns, const char *sa) {
    struct weft_slice account = weft_slice_str(sa);
    const char *bad = account.len > 253 || !weft_fmt_subdomain(account) ? "serviceAccountName"
                      : !container_names(local_get(pod, "spec.initContainers")) ? "initContainers"
                      : !container_names(local_get(pod, "spec.containers"))     ? "containers"
                                                                                : NULL;
    if (bad)
        json_array_append_new(pl->plan->warnings,
                              json_sprintf("Pod %s/%s: spec.%s: not a name, no pod is made", ns,
                                           local_str(pod, "metadata.name", ""), bad));
    return !bad;
}

/* What an injected pod's owner should know, and why one that asks for a sidecar gets none. */
static bool gets_sidecar(struct planner *pl, const json_t *pod, const char *ns) {
    const struct weft_object *n = weft_store_get(pl->store, "Namespace", "", ns);
    LOCAL_JSON json_t *warnings = json_array();
    char why[512];
    enum weft_inject_verdict v = weft_inject_decide(
        pod, n ? n->json : NULL, &(struct weft_inject_options){0}, why, warnings);
    if (v == WEFT_INJECT_REFUSED) json_array_append_new(warnings, json_string(why));
    size_t i;
    json_t *w;
    json_array_foreach(warnings, i, w)(void) json_array_append_new(
        pl->plan->warnings, json_sprintf("Pod %s/%s: %s", ns, local_str(pod, "metadata.name", ""),
                                         json_string_value(w)));
    return v == WEFT_INJECT_YES;
}

/* Takes over `pod`, a whole Pod object with its name set. */
static void add_pod(struct planner *pl, json_t *pod) {
    const char *ns = local_str(pod, "metadata.namespace", "default");
    const char *sa =
        local_str(pod, "spec.serviceAccountName", local_str(pod, "spec.serviceAccount", "default"));
    if (!*sa) sa = "default";
    if (!has_good_names(pl, pod, ns, sa)) {
        json_decref(pod);
        return;
    }
    imply_namespace(pl, ns);
    imply_account(pl, ns, "default");
    imply_account(pl, ns, sa);
    local_plan_warn(pl->plan->warnings, pod);
    local_set(pod, "spec", "serviceAccountName", json_string(sa));
    if (pl->inject && gets_sidecar(pl, pod, ns))
        local_set(pod, "metadata.annotations", WEFT_SIDECAR_KEY, json_string("local"));
    json_array_append_new(pl->plan->pods, pod);
}

static void on_bare_pod(void *ud, const struct weft_object *o) {
    json_t *pod = json_deep_copy(o->json);
    local_set(pod, "metadata", "namespace", json_string(o->ns));
    add_pod(ud, pod);
}

/* Five letters that change with the template, so that a changed template makes new pods. */
static void template_hash(const json_t *template, char ret[6]) {
    char *text = json_dumps(template, JSON_SORT_KEYS | JSON_COMPACT);
    char hex[17];
    weft_slice_hash_hex(weft_slice_str(text ? text : ""), hex);
    free(text);
    memcpy(ret, hex, 5);
    ret[5] = 0;
}

static json_t *replica(const struct weft_object *o, const json_t *template, const char *name) {
    json_t *meta = json_deep_copy(json_object_get(template, "metadata"));
    if (!json_is_object(meta)) {
        json_decref(meta);
        meta = json_object();
    }
    json_object_set_new(meta, "name", json_string(name));
    json_object_set_new(meta, "namespace", json_string(o->ns));
    json_t *pod = json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "v1", "kind", "Pod", "metadata",
                            meta, "spec", json_deep_copy(json_object_get(template, "spec")));
    local_set(pod, "metadata.annotations", LOCAL_OWNER_KEY,
              json_sprintf("%s/%s", o->kind, o->name));
    return pod;
}

static void on_workload(void *ud, const struct weft_object *o) {
    struct planner *pl = ud;
    json_t *template = local_get(o->json, "spec.template");
    json_int_t n = local_int(o->json, "spec.replicas", 1);
    if (!json_is_object(json_object_get(template, "spec"))) {
        warn(pl->plan, o->kind, o, "has no spec.template.spec, no pods are made");
        return;
    }
    if (!local_selects(local_get(o->json, "spec.selector.matchLabels"),
                       local_get(template, "metadata.labels")))
        warn(pl->plan, o->kind, o, "spec.selector.matchLabels does not select its own template");
    bool ordinal = strcmp(o->kind, "StatefulSet") == 0;
    char hash[6];
    template_hash(template, hash);
    for (json_int_t i = 0; i < n; i++) {
        char *name = ordinal ? weft_asprintf("%s-%d", o->name, (int)i)
                             : weft_asprintf("%s-%s-%d", o->name, hash, (int)i);
        json_t *pod = replica(o, template, name);
        if (ordinal) { /* its own name under that of the Service */
            local_set(pod, "spec", "hostname", json_string(name));
            local_set(pod, "spec", "subdomain",
                      json_string(local_str(o->json, "spec.serviceName", "")));
        }
        add_pod(pl, pod);
        free(name);
    }
}

static void on_unsupported(void *ud, const struct weft_object *o) {
    struct planner *pl = ud;
    warn(pl->plan, o->kind, o, "is not honoured, its pods are not made");
}

static void on_service(void *ud, const struct weft_object *o) {
    struct planner *pl = ud;
    imply_namespace(pl, o->ns);
    json_t *s = json_deep_copy(o->json);
    local_set(s, "metadata", "namespace", json_string(o->ns));
    if (strcmp(local_str(s, "spec.type", "ClusterIP"), "ExternalName") == 0)
        warn(pl->plan, "Service", o,
             "type ExternalName is not honoured, its name does not resolve");
    if (strcmp(local_str(s, "spec.sessionAffinity", "None"), "None") != 0)
        warn(pl->plan, "Service", o, "spec.sessionAffinity is not honoured");
    json_array_append_new(pl->plan->services, s);
}

static void on_slice(void *ud, const struct weft_object *o) {
    struct planner *pl = ud;
    json_t *s = json_deep_copy(o->json);
    local_set(s, "metadata", "namespace", json_string(o->ns));
    json_array_append_new(pl->plan->slices, s);
}

static void on_account(void *ud, const struct weft_object *o) {
    imply_namespace(ud, o->ns);
}

static void on_namespace(void *ud, const struct weft_object *o) {
    imply_account(ud, o->name, "default");
}

void local_plan_init(struct local_plan *p, const struct weft_store *store, bool inject) {
    *p = (struct local_plan){json_array(), json_array(), json_array(),
                             json_array(), json_array(), json_array()};
    struct planner pl = {p, store, inject};
    static const char *const workloads[] = {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"};
    static const char *const unsupported[] = {"Job", "CronJob"};
    weft_store_each(store, "Namespace", NULL, on_namespace, &pl);
    weft_store_each(store, "ServiceAccount", NULL, on_account, &pl);
    weft_store_each(store, "Pod", NULL, on_bare_pod, &pl);
    for (size_t i = 0; i < WEFT_LEN(workloads); i++)
        weft_store_each(store, workloads[i], NULL, on_workload, &pl);
    for (size_t i = 0; i < WEFT_LEN(unsupported); i++)
        weft_store_each(store, unsupported[i], NULL, on_unsupported, &pl);
    weft_store_each(store, "Service", NULL, on_service, &pl);
    weft_store_each(store, "EndpointSlice", NULL, on_slice, &pl);
}

void local_plan_done(struct local_plan *p) {
    json_decref(p->pods);
    json_decref(p->services);
    json_decref(p->slices);
    json_decref(p->namespaces);
    json_decref(p->serviceaccounts);
    json_decref(p->warnings);
    *p = (struct local_plan){0};
}

const char *local_pod_owner(const json_t *pod) {
    return local_label(pod, "metadata.annotations", LOCAL_OWNER_KEY);
}

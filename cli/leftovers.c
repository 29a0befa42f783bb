/* SPDX-License-Identifier: Apache-2.0
 * Judging what was found, and manifests of it. */
#include <cli/leftovers.h>

#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/object/json.h>
#include <weft/object/yaml.h>

#define RBAC      "/apis/rbac.authorization.k8s.io/v1"
#define ADMISSION "/apis/admissionregistration.k8s.io/v1"

const struct leftover_kind leftover_kinds[] = {
    {ADMISSION, "mutatingwebhookconfigurations", "admissionregistration.k8s.io/v1",
     "MutatingWebhookConfiguration"},
    {ADMISSION, "validatingwebhookconfigurations", "admissionregistration.k8s.io/v1",
     "ValidatingWebhookConfiguration"},
    {ADMISSION, "validatingadmissionpolicybindings", "admissionregistration.k8s.io/v1",
     "ValidatingAdmissionPolicyBinding"},
    {ADMISSION, "validatingadmissionpolicies", "admissionregistration.k8s.io/v1",
     "ValidatingAdmissionPolicy"},
    {"/apis/policy/v1", "poddisruptionbudgets", "policy/v1", "PodDisruptionBudget"},
    {"/apis/autoscaling/v2", "horizontalpodautoscalers", "autoscaling/v2",
     "HorizontalPodAutoscaler"},
    {"/apis/apps/v1", "deployments", "apps/v1", "Deployment"},
    {"/apis/apps/v1", "daemonsets", "apps/v1", "DaemonSet"},
    {"/apis/batch/v1", "jobs", "batch/v1", "Job"},
    {"/apis/networking.k8s.io/v1", "networkpolicies", "networking.k8s.io/v1", "NetworkPolicy"},
    {"/api/v1", "services", "v1", "Service"},
    {"/api/v1", "configmaps", "v1", "ConfigMap"},
    {"/api/v1", "serviceaccounts", "v1", "ServiceAccount"},
    {RBAC, "rolebindings", "rbac.authorization.k8s.io/v1", "RoleBinding"},
    {RBAC, "roles", "rbac.authorization.k8s.io/v1", "Role"},
    {RBAC, "clusterrolebindings", "rbac.authorization.k8s.io/v1", "ClusterRoleBinding"},
    {RBAC, "clusterroles", "rbac.authorization.k8s.io/v1", "ClusterRole"},
    {"/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", "apiextensions.k8s.io/v1",
     "CustomResourceDefinition"},
    {"/api/v1", "namespaces", "v1", "Namespace"},
};
const size_t n_leftover_kinds = WEFT_LEN(leftover_kinds);

/* === what is meant to stay === */

static char *identity(const json_t *o) {
    struct weft_slice version = weft_js_str(o, "apiVersion"), group = weft_slice_cut(&version, '/');
    if (!version.base) group = WEFT_SLICE_EMPTY; /* "v1" */
    return weft_asprintf(WEFT_SLICE_FMT "|" WEFT_SLICE_FMT "|" WEFT_SLICE_FMT "|" WEFT_SLICE_FMT,
                         WEFT_SLICE_ARG(group), WEFT_SLICE_ARG(weft_js_str(o, "kind")),
                         WEFT_SLICE_ARG(weft_js_slice(weft_js_in(o, "metadata", "namespace"))),
                         WEFT_SLICE_ARG(weft_js_slice(weft_js_in(o, "metadata", "name"))));
}

static void on_document(void *ud, json_t *value, json_t *lines, int line) {
    WEFT_FREE char *id = identity(value);
    json_object_set_new(ud, id, json_true());
    json_decref(value);
    json_decref(lines);
}

static json_t *wanted(const struct cli_install_values *v) {
    json_t *set = json_object();
    struct weft_buf all;
    weft_buf_init(&all, 0);
    if (v) {
        cli_install_render(v, &all);
        WEFT_CHECK(weft_yaml_parse(weft_buf_slice(&all), on_document, set, NULL) == WEFT_OK);
    }
    weft_buf_done(&all);
    return set;
}

/* === what goes === */

static bool is_kind(const json_t *o, const char *kind) {
    return weft_slice_is(weft_js_str(o, "kind"), kind);
}

/* What a controller made (a ReplicaSet's pod) goes with its owner. */
static bool is_owned(const json_t *o) {
    return json_array_size(weft_js_in(o, "metadata", "ownerReferences")) > 0;
}

static json_t *unwanted(const json_t *found, const struct cli_install_values *install) {
    json_t *stay = wanted(install), *list = json_array(), *o;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)found, i, o) {
        WEFT_FREE char *id = identity(o);
        if (!is_owned(o) && !json_object_get(stay, id)) json_array_append(list, o);
    }
    json_decref(stay);
    return list;
}

json_t *leftovers_judge(const json_t *found, const struct cli_install_values *install) {
    json_t *list = unwanted(found, install), *out = json_array(), *homes = json_object(), *o;
    size_t i;
    json_array_foreach(list, i, o) {
        if (is_kind(o, "Namespace"))
            json_object_set_new(homes, json_string_value(weft_js_in(o, "metadata", "name")),
                                json_true());
    }
    json_array_foreach(list, i, o) {
        const char *ns = json_string_value(weft_js_in(o, "metadata", "namespace"));
        if (!is_kind(o, "Namespace") && !(ns && json_object_get(homes, ns)))
            json_array_append(out, o);
    }
    json_array_foreach(list, i, o) {
        if (is_kind(o, "Namespace")) json_array_append(out, o);
    }
    json_decref(homes);
    json_decref(list);
    return out;
}

void leftovers_render(const json_t *list, struct weft_buf *out) {
    size_t i;
    json_t *o;
    json_array_foreach((json_t *)(uintptr_t)list, i, o) {
        const char *ns = json_string_value(weft_js_in(o, "metadata", "namespace"));
        weft_buf_printf(out, "%sapiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n%s%s%s",
                        i ? "---\n" : "", json_string_value(json_object_get(o, "apiVersion")),
                        json_string_value(json_object_get(o, "kind")),
                        json_string_value(weft_js_in(o, "metadata", "name")),
                        ns ? "  namespace: " : "", ns ? ns : "", ns ? "\n" : "");
    }
}

const char *leftovers_home(const json_t *found, const char *expected) {
    const char *home = NULL;
    size_t i;
    json_t *o;
    json_array_foreach((json_t *)(uintptr_t)found, i, o) {
        const char *ns = json_string_value(weft_js_in(o, "metadata", "namespace"));
        if (!is_kind(o, "Deployment") || !ns ||
            !weft_slice_is(weft_js_slice(weft_js_in(o, "metadata", "name")), "weft-controller"))
            continue;
        if (!home || strcmp(ns, expected) == 0) home = ns;
    }
    return home;
}

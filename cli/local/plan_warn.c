/* SPDX-License-Identifier: Apache-2.0
 * Names what a pod asks for and a local mesh does not do. */
#include <cli/local/jsonx.h>
#include <cli/local/plan.h>
#include <string.h>

/* What we do, or what means nothing without a cluster and harms nobody by being ignored. */
static const char *const honoured_pod[] = {"containers",
                                           "initContainers",
                                           "serviceAccountName",
                                           "serviceAccount",
                                           "restartPolicy",
                                           "terminationGracePeriodSeconds",
                                           "schedulerName",
                                           "nodeName",
                                           "automountServiceAccountToken",
                                           "enableServiceLinks",
                                           NULL};
static const char *const honoured_container[] = {"name",
                                                 "image",
                                                 "command",
                                                 "args",
                                                 "env",
                                                 "workingDir",
                                                 "ports",
                                                 "imagePullPolicy",
                                                 "readinessProbe",
                                                 "livenessProbe",
                                                 "startupProbe",
                                                 "restartPolicy",
                                                 "terminationMessagePath",
                                                 "terminationMessagePolicy",
                                                 NULL};
static const char *const honoured_probe[] = {"httpGet",
                                             "tcpSocket",
                                             "exec",
                                             "initialDelaySeconds",
                                             "periodSeconds",
                                             "timeoutSeconds",
                                             "successThreshold",
                                             "failureThreshold",
                                             NULL};

struct where {
    json_t *out;
    const json_t *pod;
    const char *kind, *name; /* "containers", its name; kind NULL: the pod itself */
};

static bool listed(const char *const *list, const char *key) {
    for (; *list; list++)
        if (strcmp(*list, key) == 0) return true;
    return false;
}

static void say(const struct where *w, const char *field) {
    const char *ns = local_str(w->pod, "metadata.namespace", "default");
    const char *pod = local_str(w->pod, "metadata.name", "");
    json_array_append_new(
        w->out, w->kind ? json_sprintf("Pod %s/%s: spec.%s[%s].%s is not honoured", ns, pod,
                                       w->kind, w->name, field)
                        : json_sprintf("Pod %s/%s: spec.%s is not honoured", ns, pod, field));
}

static void check_keys(const struct where *w, const json_t *o, const char *const *list,
                       const char *prefix) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)o, key, value) {
        if (listed(list, key)) continue;
        LOCAL_JSON json_t *full = json_sprintf("%s%s", prefix, key);
        say(w, json_string_value(full));
    }
}

static void check_env(const struct where *w, const json_t *container) {
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(container, "env"), i, e) {
        json_t *from = json_object_get(e, "valueFrom");
        if (!from || json_object_get(from, "fieldRef")) continue;
        LOCAL_JSON json_t *full = json_sprintf("env[%s].valueFrom", local_str(e, "name", ""));
        say(w, json_string_value(full));
    }
}

static void check_containers(json_t *out, const json_t *pod, const char *kind) {
    LOCAL_JSON json_t *path = json_sprintf("spec.%s", kind);
    static const char *const probes[] = {"readinessProbe", "livenessProbe", "startupProbe"};
    size_t i;
    json_t *c;
    json_array_foreach(local_get(pod, json_string_value(path)), i, c) {
        struct where w = {out, pod, kind, local_str(c, "name", "")};
        check_keys(&w, c, honoured_container, "");
        check_env(&w, c);
        for (size_t k = 0; k < WEFT_LEN(probes); k++) {
            LOCAL_JSON json_t *prefix = json_sprintf("%s.", probes[k]);
            check_keys(&w, json_object_get(c, probes[k]), honoured_probe,
                       json_string_value(prefix));
        }
    }
}

void local_plan_warn(json_t *warnings, const json_t *pod) {
    struct where w = {warnings, pod, NULL, NULL};
    check_keys(&w, local_get(pod, "spec"), honoured_pod, "");
    if (strcmp(local_str(pod, "spec.restartPolicy", "Always"), "Always") != 0)
        say(&w, "restartPolicy other than Always");
    check_containers(warnings, pod, "initContainers");
    check_containers(warnings, pod, "containers");
}

/* SPDX-License-Identifier: Apache-2.0
 * The pod with its sidecar: weft-init and weft-proxy before everything else, their volumes, and the
 * annotation that says so. */
#include "inject_internal.h"

#include <string.h>

enum { TOKEN_TTL_S = 3600, START_TRIES = 600 };
#define RUN_DIR   "/run/weft"
#define TOKEN_DIR "/run/weft-token"

json_t *inject_env(const char *name, const char *value) {
    return json_pack("{s:s, s:s}", "name", name, "value", value);
}

static void add_env(json_t *env, const char *name, const char *value) {
    if (value && *value) json_array_append_new(env, inject_env(name, value));
}

static void add_field(json_t *env, const char *name, const char *field) {
    json_array_append_new(env, json_pack("{s:s, s:{s:{s:s}}}", "name", name, "valueFrom",
                                         "fieldRef", "fieldPath", field));
}

static void on_variable(void *ud, const char *name, const char *value) {
    add_env(ud, name, value);
}

static struct weft_slice image_of(const json_t *pod, const char *key, const char *otherwise) {
    struct weft_slice own = weft_slice_trim(weft_slice_str(inject_annotation(pod, key)));
    return own.len ? own : weft_slice_str(otherwise);
}

static json_t *container(const char *name, struct weft_slice image,
                         const struct weft_inject_options *opt) {
    json_t *c = json_pack("{s:s}", "name", name);
    json_object_set_new(c, "image", json_stringn(image.base ? image.base : "", image.len));
    if (opt->pull_policy) json_object_set_new(c, "imagePullPolicy", json_string(opt->pull_policy));
    return c;
}

/* A pod that has resources as a whole shares them: what its containers ask for must fit into them.
 */
static bool shares_resources(const json_t *pod) {
    return json_object_size(weft_js_in(pod, "spec", "resources")) > 0;
}

/* === weft-init === */

static json_t *init_context(void) {
    return json_pack("{s:b, s:{s:[s], s:[s,s]}, s:b, s:i, s:i, s:b, s:{s:s}}",
                     "allowPrivilegeEscalation", 0, "capabilities", "drop", "ALL", "add",
                     "NET_ADMIN", "NET_RAW", "runAsNonRoot", 0, "runAsUser", 0, "runAsGroup", 0,
                     "privileged", 0, "seccompProfile", "type", "RuntimeDefault");
}

/* Variables that a Service of an unlucky name ("weft-init-inbound") would set otherwise. */
static json_t *build_init(const json_t *pod, const struct weft_inject_options *opt) {
    json_t *c =
        container(INJECT_INIT, image_of(pod, "weftmesh.io/init-image", opt->init_image), opt);
    json_t *env = json_array();
    char uid[16];
    snprintf(uid, sizeof uid, "%u", weft_inject_uid(pod));
    add_env(env, "WEFT_INIT_OUTBOUND_PORT", "15001");
    add_env(env, "WEFT_INIT_INBOUND_PORT", "15006");
    add_env(env, "WEFT_INIT_PROXY_UID", uid);
    add_env(env, "WEFT_INIT_PROXY_GID", uid);
    weft_inject_variables(pod, WEFT_INJECT_INIT, on_variable, env);
    json_object_set_new(c, "env", env);
    json_object_set_new(c, "securityContext", init_context());
    if (shares_resources(pod)) return c;
    json_object_set_new(c, "resources",
                        json_pack("{s:{s:s, s:s}, s:{s:s, s:s}}", "requests", "cpu", "10m",
                                  "memory", "16Mi", "limits", "cpu", "1", "memory", "64Mi"));
    return c;
}

/* === weft-proxy === */

static json_t *proxy_env(const json_t *pod, const struct weft_inject_options *opt) {
    json_t *env = json_array();
    add_field(env, "WEFT_POD", "metadata.name");
    add_field(env, "WEFT_NAMESPACE", "metadata.namespace");
    add_field(env, "WEFT_POD_IP", "status.podIPs");
    add_field(env, "WEFT_SERVICE_ACCOUNT", "spec.serviceAccountName");
    add_env(env, "WEFT_CONTROLLER", opt->controller);
    add_env(env, "WEFT_CONTROLLER_NAME", opt->controller_name);
    add_env(env, "WEFT_TRUST_DOMAIN", opt->trust_domain);
    add_env(env, "WEFT_TRUST_BUNDLE_PEM", opt->trust_bundle_pem);
    add_env(env, "WEFT_TOKEN_FILE", TOKEN_DIR "/token");
    add_env(env, "WEFT_STATE_DIR", RUN_DIR "/state");
    add_env(env, "WEFT_OUTBOUND_PORT", "15001");
    add_env(env, "WEFT_INBOUND_PORT", "15006");
    add_env(env, "WEFT_METRICS_PORT", "15020");
    add_env(env, "WEFT_READY_PORT", "15021");
    weft_inject_variables(pod, WEFT_INJECT_PROXY, on_variable, env);
    return env;
}

static json_t *proxy_context(uint32_t uid) {
    return json_pack("{s:b, s:{s:[s]}, s:b, s:b, s:b, s:I, s:I, s:{s:s}}",
                     "allowPrivilegeEscalation", 0, "capabilities", "drop", "ALL", "privileged", 0,
                     "readOnlyRootFilesystem", 1, "runAsNonRoot", 1, "runAsUser", (json_int_t)uid,
                     "runAsGroup", (json_int_t)uid, "seccompProfile", "type", "RuntimeDefault");
}

static void set_quantity(const json_t *pod, json_t *of, const char *what, const char *key,
                         const char *otherwise) {
    struct weft_slice own = weft_slice_trim(weft_slice_str(inject_annotation(pod, key)));
    if (own.len)
        json_object_set_new(of, what, json_stringn(own.base, own.len));
    else if (otherwise)
        json_object_set_new(of, what, json_string(otherwise));
}

/* A limit alone stands for the request too, as everywhere. */
static json_t *proxy_resources(const json_t *pod) {
    json_t *requests = json_object(), *limits = json_object();
    bool shared = shares_resources(pod);
    bool cpu = shared || inject_annotation(pod, "weftmesh.io/proxy-cpu-limit"),
         memory = shared || inject_annotation(pod, "weftmesh.io/proxy-memory-limit");
    set_quantity(pod, requests, "cpu", "weftmesh.io/proxy-cpu", cpu ? NULL : "10m");
    set_quantity(pod, requests, "memory", "weftmesh.io/proxy-memory", memory ? NULL : "24Mi");
    set_quantity(pod, limits, "cpu", "weftmesh.io/proxy-cpu-limit", NULL);
    set_quantity(pod, limits, "memory", "weftmesh.io/proxy-memory-limit", shared ? NULL : "256Mi");
    return json_pack("{s:o, s:o}", "requests", requests, "limits", limits);
}

static json_t *probe(int every, int failures) {
    return json_pack("{s:{s:s, s:i}, s:i, s:i, s:i}", "httpGet", "path", "/ready", "port",
                     INJECT_PORT_READY, "periodSeconds", every, "failureThreshold", failures,
                     "timeoutSeconds", 3);
}

static json_t *build_proxy(const json_t *pod, const struct weft_inject_options *opt) {
    json_t *c =
        container(INJECT_PROXY, image_of(pod, "weftmesh.io/proxy-image", opt->proxy_image), opt);
    json_object_set_new(c, "env", proxy_env(pod, opt));
    json_object_set_new(c, "ports",
                        json_pack("[{s:s, s:i, s:s}]", "name", "weft-metrics", "containerPort",
                                  INJECT_PORT_HEALTH, "protocol", "TCP"));
    json_object_set_new(c, "readinessProbe", probe(5, 3));
    json_object_set_new(c, "resources", proxy_resources(pod));
    json_object_set_new(c, "securityContext", proxy_context(weft_inject_uid(pod)));
    json_object_set_new(c, "volumeMounts",
                        json_pack("[{s:s, s:s}, {s:s, s:s, s:b}]", "name", INJECT_RUN, "mountPath",
                                  RUN_DIR, "name", INJECT_TOKEN, "mountPath", TOKEN_DIR, "readOnly",
                                  1));
    if (opt->classic) { /* the kubelet starts the next container when this hook has ended */
        json_object_set_new(c, "lifecycle",
                            json_pack("{s:{s:{s:[s,s]}}}", "postStart", "exec", "command",
                                      "weft-proxy", "--wait-ready=120s"));
    } else {
        json_object_set_new(c, "restartPolicy", json_string("Always"));
        json_object_set_new(c, "startupProbe", probe(1, START_TRIES));
    }
    return c;
}

/* === the pod === */

static json_t *list_of(json_t *spec, const char *key) {
    json_t *list = json_object_get(spec, key);
    if (json_is_array(list)) return list;
    json_object_set_new(spec, key, json_array());
    return json_object_get(spec, key);
}

static void add_volumes(json_t *spec) {
    json_t *list = list_of(spec, "volumes");
    json_array_append_new(list, json_pack("{s:s, s:{s:s, s:s}}", "name", INJECT_RUN, "emptyDir",
                                          "medium", "Memory", "sizeLimit", "64Mi"));
    json_array_append_new(list,
                          json_pack("{s:s, s:{s:[{s:{s:s, s:i, s:s}}]}}", "name", INJECT_TOKEN,
                                    "projected", "sources", "serviceAccountToken", "audience",
                                    "weft", "expirationSeconds", TOKEN_TTL_S, "path", "token"));
}

static void add_containers(json_t *spec, const json_t *pod, const struct weft_inject_options *opt) {
    json_t *inits = list_of(spec, "initContainers");
    json_t *init = build_init(pod, opt), *proxy = build_proxy(pod, opt);
    if (opt->classic) { /* redirection begins when nothing else runs before the proxy does */
        json_array_append_new(inits, init);
        json_array_insert_new(list_of(spec, "containers"), 0, proxy);
    } else {
        json_array_insert_new(inits, 0, init);
        json_array_insert_new(inits, 1, proxy);
    }
}

static void mark(json_t *pod, const struct weft_inject_options *opt) {
    if (!json_is_object(json_object_get(pod, "metadata")))
        json_object_set_new(pod, "metadata", json_object());
    json_t *meta = json_object_get(pod, "metadata");
    if (!json_is_object(json_object_get(meta, "annotations")))
        json_object_set_new(meta, "annotations", json_object());
    json_object_set_new(json_object_get(meta, "annotations"), WEFT_SIDECAR_KEY,
                        json_string(opt->classic ? "classic" : "native"));
}

json_t *inject_build(const json_t *pod, const struct weft_inject_options *opt) {
    json_t *p = json_deep_copy(pod), *spec = json_object_get(p, "spec");
    if (!json_is_object(spec)) {
        json_object_set_new(p, "spec", json_object());
        spec = json_object_get(p, "spec");
    }
    add_containers(spec, pod, opt);
    add_volumes(spec);
    mark(p, opt);
    (void)inject_probes(p, opt);
    return p;
}

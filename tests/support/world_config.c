/* SPDX-License-Identifier: Apache-2.0
 * Configuration of the test world: manifests as a user writes them, through the real translation.
 */
#include "support/world_internal.h"

#include <string.h>

#include <cli/view.h>

void world_yaml(struct world *w, const char *fmt, ...) {
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    assert_true(vasprintf(&text, fmt, ap) >= 0);
    va_end(ap);
    weft_buf_printf(&w->yaml, "---\n%s\n", text);
    free(text);
}

void world_reset_yaml(struct world *w) {
    weft_buf_clear(&w->yaml);
}

void world_service(struct world *w, const char *name, const char *ip, const char *app_protocol,
                   const char *endpoints) {
    world_yaml(w,
               "apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: default}\n"
               "spec:\n  clusterIP: %s\n  clusterIPs: [%s]\n  selector: {app: %s}\n"
               "  ports: [{name: main, port: 80, targetPort: 8080%s%s}]\n",
               name, ip, ip, name, app_protocol ? ", appProtocol: " : "",
               app_protocol ? app_protocol : "");
    world_yaml(w,
               "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n"
               "  name: %s-%d\n  namespace: default\n"
               "  labels: {kubernetes.io/service-name: %s}\naddressType: IPv4\n"
               "ports: [{name: main, port: 8080, protocol: TCP}]\nendpoints:",
               name, ++w->slices, name);
    w->yaml.len--; /* go on in the same document */
    struct weft_slice rest = weft_slice_str(endpoints);
    if (!rest.len) weft_buf_str(&w->yaml, " []");
    while (rest.len) {
        struct weft_slice one = weft_slice_cut(&rest, ' ');
        weft_buf_printf(&w->yaml,
                        "\n- {addresses: [" WEFT_SLICE_FMT "], conditions: {ready: true}}",
                        WEFT_SLICE_ARG(one));
    }
    weft_buf_str(&w->yaml, "\n");
}

void world_route(struct world *w, const char *name, const char *parent, const char *rules) {
    world_yaml(w,
               "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
               "metadata: {name: %s, namespace: default}\nspec:\n"
               "  parentRefs: [{group: \"\", kind: Service, name: %s, port: 80}]\n  rules:\n%s",
               name, parent, rules);
}

void world_pod(struct world *w, const char *name, const char *ip, const char *sa, bool meshed,
               const char *mtls) {
    world_yaml(w,
               "apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  namespace: default\n"
               "  annotations: {test: pod%s%s%s}\n"
               "spec:\n  serviceAccountName: %s\n  containers: [{name: app, image: x, "
               "ports: [{containerPort: 8080}]}]\n"
               "status: {phase: Running, podIP: %s, podIPs: [{ip: %s}]}\n",
               name, meshed ? ", weftmesh.io/sidecar: weft" : "",
               mtls ? ", weftmesh.io/mtls: " : "", mtls ? mtls : "", sa, ip, ip);
}

static void on_object(void *ud, struct weft_object *o) {
    struct weft_error err = {0};
    if (weft_object_validate(o, true, &err) != WEFT_OK) fail_msg("%s: %s", err.path, err.message);
    weft_store_put(ud, o);
}

void world_apply(struct world *w) {
    struct weft_store *store = weft_store_new();
    struct weft_error err = {0};
    if (weft_object_parse(weft_buf_slice(&w->yaml), "world", on_object, store, &err) != WEFT_OK)
        fail_msg("line %d: %s: %s", err.line, err.path, err.message);
    struct weft_gamma_options opt = {.trust_domain = "cluster.local", .experimental = true};
    struct weft_gamma *g = weft_gamma_new(store, &opt);
    struct weft_snapshot s;
    cli_view(g, WEFT_SLICE_LIT("default"), &s);
    proxy_config_replace(w->config, &s);
    weft_gamma_free(g);
    weft_store_free(store);
    world_settle(w);
}

void world_web(struct world *w, const char *rules) {
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1 10.0.0.2");
    if (rules) world_route(w, "r", "web", rules);
    world_app(w, "10.0.0.1:8080");
    world_app(w, "10.0.0.2:8080");
    world_apply(w);
}

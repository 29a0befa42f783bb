/* SPDX-License-Identifier: Apache-2.0
 * Manifests → pods and what they imply; a container's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cli/local/container.h>
#include <cli/local/jsonx.h>
#include <cli/local/plan.h>
#include <stdlib.h>
#include <string.h>
#include <weft/base/alloc.h>

static void put(void *ud, struct weft_object *o) {
    (void)weft_store_put(ud, o);
}

static struct weft_store *store_of(const char *yaml) {
    struct weft_store *s = weft_store_new();
    struct weft_error err;
    if (weft_object_parse(weft_slice_str(yaml), "test", put, s, &err) != WEFT_OK)
        fail_msg("%d: %s: %s", err.line, err.path, err.message);
    return s;
}

static const char shop[] =
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {weftmesh.io/inject: "
    "enabled}}\n"
    "---\n"
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n"
    "spec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n"
    "  template:\n    metadata: {labels: {app: web}}\n"
    "    spec: {serviceAccountName: web, containers: [{name: app, image: weft-echo}]}\n"
    "---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: bare, namespace: out}\n"
    "spec: {hostAliases: [], containers: [{name: app, image: x, resources: {}}]}\n";

static void replicas_and_bare_pods(void **state) {
    (void)state;
    struct weft_store *s = store_of(shop);
    struct local_plan p;
    local_plan_init(&p, s, true);
    assert_int_equal(json_array_size(p.pods), 3);
    json_t *bare = json_array_get(p.pods, 0), *one = json_array_get(p.pods, 1);
    assert_string_equal(local_str(bare, "metadata.name", ""), "bare");
    assert_string_equal(local_str(bare, "spec.serviceAccountName", ""), "default");
    assert_null(local_label(bare, "metadata.annotations", "weftmesh.io/sidecar"));
    assert_memory_equal(local_str(one, "metadata.name", ""), "web-", 4);
    assert_string_equal(local_str(one, "metadata.namespace", ""), "shop");
    assert_string_equal(local_pod_owner(one), "Deployment/web");
    assert_non_null(local_label(one, "metadata.annotations", "weftmesh.io/sidecar"));
    assert_int_equal(json_array_size(p.namespaces), 1);      /* out */
    assert_int_equal(json_array_size(p.serviceaccounts), 3); /* default of both, shop/web */
    assert_int_equal(json_array_size(p.warnings), 2);
    assert_string_equal(json_string_value(json_array_get(p.warnings, 0)),
                        "Pod out/bare: spec.hostAliases is not honoured");
    local_plan_done(&p);
    weft_store_free(s);
}

static void names_change_with_the_template_alone(void **state) {
    (void)state;
    struct weft_store *a = store_of(shop);
    char *changed = strdup(shop);
    assert_non_null(changed);
    *strstr(changed, "replicas: 2") = 'R'; /* an unknown field: one replica, the same template */
    struct weft_store *b = store_of(changed);
    memcpy(strstr(changed, "weft-echo"), "weft-acho", 9);
    struct weft_store *c = store_of(changed);
    free(changed);
    struct local_plan p[3];
    local_plan_init(&p[0], a, false);
    local_plan_init(&p[1], b, false);
    local_plan_init(&p[2], c, false);
    const char *name[3];
    for (size_t i = 0; i < 3; i++)
        name[i] = local_str(json_array_get(p[i].pods, 1), "metadata.name", "");
    assert_string_equal(name[0], name[1]);
    assert_string_not_equal(name[0], name[2]);
    for (size_t i = 0; i < 3; i++) local_plan_done(&p[i]);
    weft_store_free(a);
    weft_store_free(b);
    weft_store_free(c);
}

static void command_line_and_environment(void **state) {
    (void)state;
    json_t *pod =
        json_loads("{\"metadata\":{\"name\":\"p\",\"labels\":{\"app.kubernetes.io/name\":\"n\"}},"
                   "\"status\":{\"podIP\":\"10.0.0.1\",\"podIPs\":[{\"ip\":\"10.0.0.1\"},{\"ip\":"
                   "\"fd00::1\"}]}}",
                   0, NULL);
    json_t *c = json_loads(
        "{\"image\":\"registry:5000/x/weft-echo:v1@sha256:00\",\"args\":[\"--at\",\"$(IP):$(NO) "
        "$$(IP)\"],"
        "\"env\":[{\"name\":\"IP\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"status.podIP\"}}},"
        "{\"name\":\"L\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.labels['app."
        "kubernetes.io/name']\"}}},"
        "{\"name\":\"ALL\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"status.podIPs\"}}},"
        "{\"name\":\"TWICE\",\"value\":\"$(IP)$(L)\"}]}",
        0, NULL);
    assert_non_null(pod);
    assert_non_null(c);
    struct local_command cmd;
    local_command_init(&cmd, pod, c);
    static const char *const argv[] = {"weft-echo", "--at", "10.0.0.1:$(NO) $(IP)"};
    static const char *const env[] = {"IP=10.0.0.1", "L=n", "ALL=10.0.0.1,fd00::1",
                                      "TWICE=10.0.0.1n"};
    for (size_t i = 0; i < 3; i++) assert_string_equal(cmd.argv[i], argv[i]);
    assert_null(cmd.argv[3]);
    for (size_t i = 0; i < 4; i++) assert_string_equal(cmd.envp[3 + i], env[i]);
    assert_string_equal(cmd.cwd, "/");
    local_command_done(&cmd);
    json_decref(pod);
    json_decref(c);
}

/* Names become parts of paths that root writes to. */
static void names_that_are_none_make_no_pods(void **state) {
    (void)state;
    static const char *const specs[] = {
        "serviceAccountName: \"../web\", containers: [{name: app}]",
        "serviceAccountName: \"a/b\", containers: [{name: app}]",
        "containers: [{name: \"../../../etc/x\"}]",
        "containers: [{name: app}, {name: \"a b\"}]",
        "initContainers: [{name: \"/x\"}], containers: [{name: app}]",
    };
    for (size_t i = 0; i < WEFT_LEN(specs); i++) {
        WEFT_FREE char *yaml = weft_asprintf(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db, namespace: shop}\n"
            "spec:\n  selector: {matchLabels: {app: db}}\n"
            "  template:\n    metadata: {labels: {app: db}}\n    spec: {%s}\n",
            specs[i]);
        struct weft_store *s = store_of(yaml);
        struct local_plan p;
        local_plan_init(&p, s, true);
        assert_int_equal(json_array_size(p.pods), 0);
        assert_int_equal(json_array_size(p.serviceaccounts), 0);
        assert_int_equal(json_array_size(p.warnings), 1);
        assert_non_null(strstr(json_string_value(json_array_get(p.warnings, 0)), "no pod is made"));
        local_plan_done(&p);
        weft_store_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_and_bare_pods),
        cmocka_unit_test(names_change_with_the_template_alone),
        cmocka_unit_test(command_line_and_environment),
        cmocka_unit_test(names_that_are_none_make_no_pods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

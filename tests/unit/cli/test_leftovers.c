/* SPDX-License-Identifier: Apache-2.0
 * What an upgrade or a removal says is left of another version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cli/leftovers.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/object/yaml.h>

static void on_document(void *ud, json_t *value, json_t *lines, int line) {
    (void)line;
    json_array_append_new(ud, value);
    json_decref(lines);
}

/* As the API server gives what `weft install` of these values made. */
static json_t *installed(const struct cli_install_values *v) {
    json_t *list = json_array();
    struct weft_buf all;
    weft_buf_init(&all, 0);
    cli_install_render(v, &all);
    assert_int_equal(weft_yaml_parse(weft_buf_slice(&all), on_document, list, NULL), WEFT_OK);
    weft_buf_done(&all);
    return list;
}

static void put(json_t *list, const char *version, const char *kind, const char *ns,
                const char *name) {
    json_array_append_new(list, json_pack("{s:s, s:s, s:{s:s*, s:s}}", "apiVersion", version,
                                          "kind", kind, "metadata", "namespace", ns, "name", name));
}

/* Kinds and names in order, and that what kubectl would read says the same. */
static void left(const json_t *found, const struct cli_install_values *v, const char *want) {
    json_t *list = leftovers_judge(found, v), *o;
    struct weft_buf text, names;
    size_t i;
    weft_buf_init(&text, 0);
    weft_buf_init(&names, 0);
    leftovers_render(list, &text);
    json_t *again = json_array();
    if (weft_buf_size(&text))
        assert_int_equal(weft_yaml_parse(weft_buf_slice(&text), on_document, again, NULL), WEFT_OK);
    assert_int_equal(json_array_size(again), json_array_size(list));
    json_array_foreach(again, i, o) {
        const json_t *meta = json_object_get(o, "metadata");
        const char *ns = json_string_value(json_object_get(meta, "namespace"));
        weft_buf_printf(&names, "%s%s %s%s%s", i ? ", " : "",
                        json_string_value(json_object_get(o, "kind")), ns ? ns : "", ns ? "/" : "",
                        json_string_value(json_object_get(meta, "name")));
    }
    weft_buf_char(&names, 0);
    assert_string_equal(names.base, want);
    json_decref(again);
    json_decref(list);
    weft_buf_done(&text);
    weft_buf_done(&names);
}

static void the_same_version_leaves_nothing(void **state) {
    (void)state;
    struct cli_install_values v;
    cli_install_defaults(&v);
    json_t *found = installed(&v);
    left(found, &v, "");
    v.replicas = "5"; /* another value, the same objects */
    left(found, &v, "");
    json_decref(found);
}

static void what_an_older_version_had_is_left(void **state) {
    (void)state;
    struct cli_install_values v;
    cli_install_defaults(&v);
    json_t *found = installed(&v);
    put(found, "apps/v1", "DaemonSet", "weft-system", "weft-node");
    put(found, "rbac.authorization.k8s.io/v1", "ClusterRole", NULL, "weft-reader");
    put(found, "policy/v1beta1", "PodDisruptionBudget", "weft-system", "weft-controller");
    left(found, &v, "DaemonSet weft-system/weft-node, ClusterRole weft-reader");
    json_decref(found);
}

/* A namespace is the last to go, and takes with it what is in it. */
static void another_namespace_goes_as_a_whole(void **state) {
    (void)state;
    struct cli_install_values v;
    cli_install_defaults(&v);
    json_t *found = json_array();
    put(found, "v1", "Namespace", NULL, "old");
    put(found, "v1", "Service", "old", "weft-controller");
    put(found, "v1", "Service", "other", "weft-metrics");
    left(found, &v, "Service other/weft-metrics, Namespace old");
    json_decref(found);
}

static void what_has_an_owner_is_its_owners(void **state) {
    (void)state;
    struct cli_install_values v;
    cli_install_defaults(&v);
    json_t *found = json_array();
    put(found, "batch/v1", "Job", "weft-system", "weft-cron-1");
    json_object_set_new(json_object_get(json_array_get(found, 0), "metadata"), "ownerReferences",
                        json_pack("[{s:s}]", "name", "weft-cron"));
    left(found, &v, "");
    json_decref(found);
}

static void a_removal_leaves_nothing_at_all(void **state) {
    (void)state;
    struct cli_install_values v;
    cli_install_defaults(&v);
    json_t *found = json_array();
    put(found, "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", NULL,
        "weft-injector");
    put(found, "rbac.authorization.k8s.io/v1", "ClusterRole", NULL, "weft-controller");
    put(found, "v1", "Namespace", NULL, "weft-system");
    left(found, NULL,
         "MutatingWebhookConfiguration weft-injector, ClusterRole weft-controller, "
         "Namespace weft-system");
    left(found, &v, "");
    json_decref(found);
}

static void a_controller_elsewhere_is_found(void **state) {
    (void)state;
    json_t *found = json_array();
    assert_null(leftovers_home(found, "weft-system"));
    put(found, "apps/v1", "Deployment", "mesh", "weft-controller");
    put(found, "apps/v1", "Deployment", "shop", "web");
    assert_string_equal(leftovers_home(found, "weft-system"), "mesh");
    put(found, "apps/v1", "Deployment", "weft-system", "weft-controller");
    assert_string_equal(leftovers_home(found, "weft-system"), "weft-system");
    json_decref(found);
}

/* Whoever deletes keys cuts the whole mesh off. */
static void keys_are_never_looked_at(void **state) {
    (void)state;
    for (size_t i = 0; i < n_leftover_kinds; i++)
        assert_string_not_equal(leftover_kinds[i].kind, "Secret");
}

/* Or what a later version installs would stay behind for ever. */
static void every_kind_that_is_installed_is_looked_at(void **state) {
    (void)state;
    struct cli_install_values v;
    cli_install_defaults(&v);
    json_t *list = installed(&v), *o;
    size_t i;
    json_array_foreach(list, i, o) {
        const char *kind = json_string_value(json_object_get(o, "kind"));
        const json_t *labels = json_object_get(json_object_get(o, "metadata"), "labels");
        const char *part = json_string_value(json_object_get(labels, "app.kubernetes.io/part-of"));
        bool known = false;
        for (size_t k = 0; k < n_leftover_kinds; k++)
            known = known || !strcmp(leftover_kinds[k].kind, kind);
        if (!known) fail_msg("%s is not in leftover_kinds", kind);
        if (!part || strcmp(part, "weft") != 0) fail_msg("a %s without the label", kind);
    }
    json_decref(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_version_leaves_nothing),
        cmocka_unit_test(what_an_older_version_had_is_left),
        cmocka_unit_test(another_namespace_goes_as_a_whole),
        cmocka_unit_test(what_has_an_owner_is_its_owners),
        cmocka_unit_test(a_removal_leaves_nothing_at_all),
        cmocka_unit_test(a_controller_elsewhere_is_found),
        cmocka_unit_test(keys_are_never_looked_at),
        cmocka_unit_test(every_kind_that_is_installed_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

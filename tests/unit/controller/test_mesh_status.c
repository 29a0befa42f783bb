/* SPDX-License-Identifier: Apache-2.0
 * The XMesh that stands for this mesh (REQ-151 to REQ-154). */
#include "support/kube_world.h"

#include <controller/mesh_status.h>
#include <string.h>
#include <weft/obs/log.h>

#define PATH "/apis/gateway.networking.x-k8s.io/v1alpha1/xmeshes/weft"

struct world {
    struct kube_world k;
    struct weft_store *store;
    struct controller_mesh_status *mesh;
};

static void sync_store(struct world *w) {
    struct weft_object *o = NULL;
    struct weft_error err = {0};
    const json_t *json = cluster_get(w->k.cluster, PATH);
    if (!json) return;
    assert_int_equal(weft_object_from_json(json_deep_copy(json), NULL, &o, &err), WEFT_OK);
    weft_store_put(w->store, o);
    controller_mesh_status_look(w->mesh);
}

static void put_mesh(struct world *w, const char *controller, bool parameters) {
    json_t *o = json_pack("{s:s, s:s, s:{s:s, s:i}, s:{s:s, s:s}}", "apiVersion",
                          "gateway.networking.x-k8s.io/v1alpha1", "kind", "XMesh", "metadata",
                          "name", "weft", "generation", 3, "spec", "controllerName", controller,
                          "description", "mine");
    if (parameters)
        json_object_set_new(json_object_get(o, "spec"), "parametersRef",
                            json_pack("{s:s}", "name", "x"));
    cluster_put(w->k.cluster, PATH, o);
    sync_store(w);
}

static const json_t *status(struct world *w) {
    return json_object_get(cluster_get(w->k.cluster, PATH), "status");
}
static const char *condition(struct world *w, const char *key) {
    const json_t *c = json_array_get(json_object_get(status(w), "conditions"), 0);
    const char *s = json_string_value(json_object_get(c, key));
    return s ? s : "";
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    kube_world_init(&w->k);
    w->store = weft_store_new();
    w->mesh = controller_mesh_status_new(
        w->k.loop, &(struct controller_mesh_status_options){
                       .kube = w->k.kube, .store = w->store, .name = "weft", .ns = "weft-system"});
    *state = w;
    return 0;
}
static int tear_down(void **state) {
    struct world *w = *state;
    controller_mesh_status_free(w->mesh);
    weft_store_free(w->store);
    kube_world_done(&w->k);
    free(w);
    return 0;
}

static void it_is_made_where_its_kind_exists(void **state) {
    struct world *w = *state;
    w->k.cluster->absent = "/apis/gateway.networking.x-k8s.io";
    controller_mesh_status_lead(w->mesh, true);
    pass(&w->k, 5000);
    assert_null(cluster_get(w->k.cluster, PATH));
    w->k.cluster->absent = NULL; /* the CRD comes later */
    pass(&w->k, 61000);
    const json_t *spec = json_object_get(cluster_get(w->k.cluster, PATH), "spec");
    assert_int_equal(json_object_size(spec), 1);
    assert_string_equal(json_string_value(json_object_get(spec, "controllerName")),
                        "weftmesh.io/mesh-controller");
    sync_store(w);
    pass(&w->k, 1000);
    assert_string_equal(condition(w, "reason"), "Accepted");
    assert_non_null(strstr(condition(w, "message"), "weft-system"));
    sync_store(w);
    pass(&w->k, 200000);
    assert_int_equal(w->k.cluster->patches, 1);
}

static void features_are_sorted_and_each_once(void **state) {
    (void)state;
    json_t *list = controller_mesh_features();
    assert_in_range(json_array_size(list), 1, 64);
    for (size_t i = 1; i < json_array_size(list); i++)
        assert_true(strcmp(json_string_value(json_object_get(json_array_get(list, i - 1), "name")),
                           json_string_value(json_object_get(json_array_get(list, i), "name"))) <
                    0);
    json_decref(list);
}

static void that_of_another_is_not_touched(void **state) {
    struct world *w = *state;
    put_mesh(w, "example.com/other", false);
    controller_mesh_status_lead(w->mesh, true);
    pass(&w->k, 130000);
    assert_int_equal(w->k.cluster->patches + w->k.cluster->posts, 0);
}

static void parameters_are_refused(void **state) {
    struct world *w = *state;
    put_mesh(w, "weftmesh.io/mesh-controller", true);
    controller_mesh_status_lead(w->mesh, true);
    pass(&w->k, 3000);
    assert_string_equal(condition(w, "status"), "False");
    assert_string_equal(condition(w, "reason"), "InvalidParameters");
    const json_t *c = json_array_get(json_object_get(status(w), "conditions"), 0);
    assert_int_equal(json_integer_value(json_object_get(c, "observedGeneration")), 3);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(cluster_get(w->k.cluster, PATH), "spec"),
                                          "description")),
        "mine");
}

static void only_the_leader_writes(void **state) {
    struct world *w = *state;
    put_mesh(w, "weftmesh.io/mesh-controller", false);
    pass(&w->k, 130000);
    assert_int_equal(w->k.cluster->patches + w->k.cluster->posts, 0);
}

/* What was under way when another led may never have arrived. */
static void a_write_that_was_given_up_is_made_again(void **state) {
    struct world *w = *state;
    put_mesh(w, "weftmesh.io/mesh-controller", false);
    w->k.cluster->silent = true;
    controller_mesh_status_lead(w->mesh, true);
    pass(&w->k, 3000);
    controller_mesh_status_lead(w->mesh, false);
    w->k.cluster->silent = false;
    assert_null(status(w));
    controller_mesh_status_lead(w->mesh, true);
    pass(&w->k, 3000);
    assert_string_equal(condition(w, "reason"), "Accepted");
}

int main(void) {
    (void)weft_log_set_level("error");
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(it_is_made_where_its_kind_exists), T(features_are_sorted_and_each_once),
        T(that_of_another_is_not_touched),   T(parameters_are_refused),
        T(only_the_leader_writes),           T(a_write_that_was_given_up_is_made_again),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

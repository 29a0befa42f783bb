/* SPDX-License-Identifier: Apache-2.0
 * Weft's entries go from the status of routes; those of others stay. REQ-138. */
#include "ask_world.h"

#include <cli/retract.h>
#include <unistd.h>

#define ROUTES "/apis/gateway.networking.k8s.io/v1/namespaces/d/httproutes/"
#define OURS   "{\"controllerName\":\"weftmesh.io/mesh-controller\",\"parentRef\":{\"name\":\"a\"}}"
#define OTHERS "{\"controllerName\":\"example.com/gateway\",\"parentRef\":{\"name\":\"b\"}}"

static json_t *route(const char *ns, const char *name, const char *parents) {
    WEFT_FREE char *text = weft_asprintf(
        "{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\",\"generation\":3},\"spec\":{},"
        "\"status\":{\"parents\":%s}}",
        ns, name, parents);
    return json_loads(text, 0, NULL);
}

static const json_t *parents_of(struct ask_world *w, const char *path) {
    return json_object_get(json_object_get(cluster_get(w->cluster, path), "status"), "parents");
}

static void has_parents(struct ask_world *w, const char *path, const char *want) {
    json_t *parents = json_loads(want, 0, NULL);
    assert_true(json_equal(parents_of(w, path), parents));
    json_decref(parents);
}

static void only_ours_are_taken_out(void **state) {
    (void)state;
    size_t ours;
    json_t *r = route("d", "r", "[" OURS "," OTHERS "," OURS "]");
    json_t *want = json_loads("[" OTHERS "]", 0, NULL), *got = retract_parents(r, &ours);
    assert_true(json_equal(got, want));
    assert_int_equal(ours, 2);
    json_decref(got);
    json_decref(want);
    json_decref(r);
    r = route("d", "r", "[" OTHERS "]");
    assert_null(retract_parents(r, &ours));
    assert_int_equal(ours, 0);
    json_decref(r);
    r = json_object();
    assert_null(retract_parents(r, &ours));
    json_decref(r);
}

static void routes_of_all_kinds_and_namespaces_are_written(void **state) {
    (void)state;
    struct ask_world w;
    static const char udp[] = "/apis/gateway.networking.k8s.io/v1alpha2/namespaces/e/udproutes/u";
    ask_world_init(&w);
    cluster_put(w.cluster, ROUTES "both", route("d", "both", "[" OURS "," OTHERS "]"));
    cluster_put(w.cluster, ROUTES "none", route("d", "none", "[" OTHERS "]"));
    cluster_put(w.cluster, udp, route("e", "u", "[" OURS "," OURS "]"));
    /* UDPRoutes are not of v1 */
    w.cluster->absent = "/apis/gateway.networking.k8s.io/v1/udproutes";
    struct retract_sum kept = cli_retract(&w.ask, true);
    assert_int_equal(w.cluster->patches, 0);
    assert_int_equal(kept.entries, 1); /* v1beta1 answers an empty list */
    w.cluster->absent = NULL;
    struct retract_sum sum = cli_retract(&w.ask, false);
    assert_int_equal(sum.routes, 1);
    has_parents(&w, ROUTES "both", "[" OTHERS "]");
    has_parents(&w, ROUTES "none", "[" OTHERS "]");
    assert_int_equal(w.cluster->patches, 1);
    assert_string_equal(
        json_string_value(json_object_get(
            json_object_get(cluster_get(w.cluster, ROUTES "both"), "metadata"), "name")),
        "both");
    ask_world_done(&w);
}

/* Only v1alpha2 is served, as of UDPRoutes. */
static unsigned old_versions_only(void *ud, const struct fake_request *r) {
    (void)ud;
    return strstr(r->target, "/v1alpha2/") ? 0 : 404;
}

static void the_version_that_is_served_is_found(void **state) {
    (void)state;
    struct ask_world w;
    static const char udp[] = "/apis/gateway.networking.k8s.io/v1alpha2/namespaces/e/udproutes/u";
    ask_world_init(&w);
    cluster_put(w.cluster, udp, route("e", "u", "[" OURS "," OURS "]"));
    w.cluster->script = old_versions_only;
    struct retract_sum sum = cli_retract(&w.ask, false);
    assert_int_equal(sum.routes, 1);
    assert_int_equal(sum.entries, 2);
    assert_int_equal(sum.failed, 0);
    has_parents(&w, udp, "[]");
    ask_world_done(&w);
}

/* Another controller writes between our reading and our writing, `left` times. */
struct rival {
    struct ask_world *w;
    int left;
};
static unsigned interfere(void *ud, const struct fake_request *r) {
    struct rival *rival = ud;
    if (strcmp(r->method, "PATCH") != 0 || rival->left-- <= 0) return 0;
    cluster_put(
        rival->w->cluster, ROUTES "both",
        route("d", "both", "[" OTHERS "," OURS ",{\"controllerName\":\"example.com/late\"}]"));
    return 0;
}

static void what_others_write_meanwhile_stays(void **state) {
    (void)state;
    struct ask_world w;
    struct rival rival = {&w, 2};
    ask_world_init(&w);
    cluster_put(w.cluster, ROUTES "both", route("d", "both", "[" OURS "," OTHERS "]"));
    w.cluster->script = interfere;
    w.cluster->ud = &rival;
    struct retract_sum sum = cli_retract(&w.ask, false);
    assert_int_equal(w.cluster->conflicts, 2);
    assert_int_equal(sum.entries, 1);
    assert_int_equal(sum.failed, 0);
    has_parents(&w, ROUTES "both", "[" OTHERS ",{\"controllerName\":\"example.com/late\"}]");
    rival.left = 100;
    cluster_put(w.cluster, ROUTES "both", route("d", "both", "[" OURS "," OTHERS "]"));
    sum = cli_retract(&w.ask, false);
    assert_int_equal(sum.entries, 0);
    assert_int_equal(sum.failed, 1);
    ask_world_done(&w);
}

static unsigned deny_patches(void *ud, const struct fake_request *r) {
    (void)ud;
    return strcmp(r->method, "PATCH") ? 0 : 403;
}

static void a_refusal_is_counted(void **state) {
    (void)state;
    struct ask_world w;
    ask_world_init(&w);
    cluster_put(w.cluster, ROUTES "both", route("d", "both", "[" OURS "]"));
    w.cluster->script = deny_patches;
    struct retract_sum sum = cli_retract(&w.ask, false);
    assert_int_equal(sum.routes, 0);
    assert_int_equal(sum.failed, 1);
    ask_world_done(&w);
}

/* Refuses the write, and then to tell the route again. */
static unsigned conflict_then_away(void *ud, const struct fake_request *r) {
    bool *wrote = ud;
    if (strcmp(r->method, "PATCH") == 0) {
        *wrote = true;
        return 409;
    }
    return *wrote && fake_is(r, ROUTES "both") ? 500 : 0;
}

static void a_route_that_cannot_be_read_again_is_counted(void **state) {
    (void)state;
    struct ask_world w;
    bool wrote = false;
    ask_world_init(&w);
    cluster_put(w.cluster, ROUTES "both", route("d", "both", "[" OURS "]"));
    w.cluster->script = conflict_then_away;
    w.cluster->ud = &wrote;
    struct retract_sum sum = cli_retract(&w.ask, false);
    assert_int_equal(sum.failed, 1);
    assert_int_equal(sum.routes, 0);
    ask_world_done(&w);
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_ours_are_taken_out),
        cmocka_unit_test(routes_of_all_kinds_and_namespaces_are_written),
        cmocka_unit_test(the_version_that_is_served_is_found),
        cmocka_unit_test(what_others_write_meanwhile_stays),
        cmocka_unit_test(a_refusal_is_counted),
        cmocka_unit_test(a_route_that_cannot_be_read_again_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * The status writer against an API server: what it writes, when, and what it leaves alone
 * (REQ-138 to REQ-143). */
#include "support/kube_world.h"

#include <controller/status.h>
#include <weft/obs/log.h>

#define ROUTES "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/"

struct world {
    struct kube_world k;
    struct weft_store *store;
    struct controller_metrics metrics;
    struct controller_events *events;
    struct controller_status *status;
    json_t *wanted;
};

static json_t *give_wanted(void *ud) {
    return json_incref(((struct world *)ud)->wanted);
}

/* What the watch would bring. */
static void sync_store(struct world *w) {
    for (size_t i = 0; i < CLUSTER_MAX; i++) {
        const json_t *json = w->k.cluster->objects[i].json;
        struct weft_object *o = NULL;
        struct weft_error err = {0};
        if (!json || strncmp(w->k.cluster->objects[i].path, "/apis/gateway", 13) != 0) continue;
        assert_int_equal(weft_object_from_json(json_deep_copy(json), NULL, &o, &err), WEFT_OK);
        weft_store_put(w->store, o);
    }
}

static void put_route(struct world *w, const char *name, int generation, const char *status) {
    WEFT_FREE char *path = weft_asprintf(ROUTES "%s", name);
    json_t *route = json_pack("{s:s, s:s, s:{s:s, s:s, s:i, s:s}, s:{}, s:o}", "apiVersion",
                              "gateway.networking.k8s.io/v1", "kind", "HTTPRoute", "metadata",
                              "name", name, "namespace", "shop", "generation", generation, "uid",
                              "u-1", "spec", "status", json_loads(status ? status : "{}", 0, NULL));
    cluster_put(w->k.cluster, path, route);
    sync_store(w);
}

static json_t *condition(const char *reason, int generation) {
    return json_pack("{s:s, s:s, s:s, s:s, s:i}", "type", "Accepted", "status",
                     strcmp(reason, "Accepted") ? "False" : "True", "reason", reason, "message",
                     "m", "observedGeneration", generation);
}

static void want(struct world *w, const char *name, int generation, const char *reason) {
    json_array_append_new(w->wanted,
                          json_pack("{s:s, s:s, s:s, s:i, s:{s:[{s:{s:s}, s:s, s:[o]}]}}", "kind",
                                    "HTTPRoute", "namespace", "shop", "name", name, "generation",
                                    generation, "status", "parents", "parentRef", "name", "web",
                                    "controllerName", "weftmesh.io/mesh-controller", "conditions",
                                    condition(reason, generation)));
}
static void want_nothing(struct world *w) {
    json_array_clear(w->wanted);
}

static const json_t *parents(struct world *w, const char *name) {
    WEFT_FREE char *path = weft_asprintf(ROUTES "%s", name);
    return json_object_get(json_object_get(cluster_get(w->k.cluster, path), "status"), "parents");
}
static const char *reason_in(struct world *w, const char *name, size_t entry) {
    const json_t *e = json_array_get(parents(w, name), entry);
    const char *r = json_string_value(
        json_object_get(json_array_get(json_object_get(e, "conditions"), 0), "reason"));
    return r ? r : "";
}
static uint64_t counted(struct world *w, const char *result) {
    return weft_counter_value(controller_metrics_status_write(&w->metrics, weft_slice_str(result)));
}

static void look(struct world *w) {
    controller_status_look(w->status);
    pass(&w->k, 500);
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    kube_world_init(&w->k);
    w->store = weft_store_new();
    w->wanted = json_array();
    controller_metrics_init(&w->metrics);
    w->events = controller_events_new(w->k.loop, w->k.kube, "weft-0");
    w->status =
        controller_status_new(w->k.loop, &(struct controller_status_options){.kube = w->k.kube,
                                                                             .store = w->store,
                                                                             .events = w->events,
                                                                             .metrics = &w->metrics,
                                                                             .wanted = give_wanted,
                                                                             .ud = w});
    *state = w;
    return 0;
}
static int tear_down(void **state) {
    struct world *w = *state;
    controller_status_free(w->status);
    controller_events_free(w->events);
    assert_int_equal((int64_t)weft_counter_value(w->metrics.status_queue), 0);
    controller_metrics_done(&w->metrics);
    weft_store_free(w->store);
    json_decref(w->wanted);
    kube_world_done(&w->k);
    free(w);
    return 0;
}

static void only_the_leader_writes(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, NULL);
    want(w, "one", 1, "Accepted");
    look(w);
    assert_int_equal(w->k.cluster->patches, 0);
    controller_status_lead(w->status, true);
    pass(&w->k, 500);
    assert_int_equal(w->k.cluster->patches, 1);
    assert_string_equal(reason_in(w, "one", 0), "Accepted");
    controller_status_lead(w->status, false);
    want_nothing(w);
    want(w, "one", 1, "NoMatchingParent");
    look(w);
    assert_int_equal(w->k.cluster->patches, 1);
}

static void what_is_there_already_is_not_written(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, NULL);
    want(w, "one", 1, "Accepted");
    controller_status_lead(w->status, true);
    pass(&w->k, 500);
    look(w); /* the watch has not brought our own write yet */
    assert_int_equal(w->k.cluster->patches, 1);
    sync_store(w);
    look(w);
    pass(&w->k, 200000);
    assert_int_equal(w->k.cluster->patches, 1);
    assert_int_equal(w->k.cluster->gets, 0);
}

static unsigned only_of_status(void *ud, const struct fake_request *r) {
    size_t n = strlen(r->target);
    if (!strcmp(r->method, "GET")) return 0;
    assert_string_equal(r->method, "PATCH");
    assert_true(n > 7 && !strcmp(r->target + n - 7, "/status"));
    return 0;
}

/* REQ-007: a spec stays as its author wrote it, to the letter of its durations. */
static void a_spec_is_never_written(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, NULL);
    json_t *route = cluster_get(w->k.cluster, ROUTES "one");
    json_t *spec = json_pack("{s:[{s:{s:s}}]}", "rules", "timeouts", "request", "90000ms");
    json_object_set(route, "spec", spec);
    sync_store(w);
    w->k.cluster->script = only_of_status;
    want(w, "one", 1, "Accepted");
    controller_status_lead(w->status, true);
    pass(&w->k, 500);
    assert_int_equal(w->k.cluster->patches, 1);
    assert_true(json_equal(json_object_get(cluster_get(w->k.cluster, ROUTES "one"), "spec"), spec));
    json_decref(spec);
}

static void many_changes_of_one_moment_are_one_write(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, NULL);
    controller_status_lead(w->status, true);
    pass(&w->k, 500);
    static const char *const reasons[] = {"A", "B", "C", "Accepted"};
    for (size_t i = 0; i < WEFT_LEN(reasons); i++) {
        want_nothing(w);
        want(w, "one", 1, reasons[i]);
        controller_status_look(w->status);
    }
    pass(&w->k, 500);
    assert_int_equal(w->k.cluster->patches, 1);
    assert_string_equal(reason_in(w, "one", 0), "Accepted");
}

#define OTHERS                                                                                     \
    "{\"parents\":[{\"parentRef\":{\"name\":\"web\"},\"controllerName\":\"example.com/other\","    \
    "\"conditions\":[]}]}"

static void the_entries_of_others_stay_and_ours_go(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, OTHERS);
    want(w, "one", 1, "Accepted");
    controller_status_lead(w->status, true);
    pass(&w->k, 500);
    assert_int_equal(json_array_size(parents(w, "one")), 2);
    sync_store(w);
    want_nothing(w); /* the parentRef to a Service is gone */
    look(w);
    assert_int_equal(json_array_size(parents(w, "one")), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(parents(w, "one"), 0), "controllerName")),
        "example.com/other");
}

/* Somebody writes between our reading and our writing. */
static void a_conflict_is_read_anew_and_loses_nothing(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, NULL);
    want(w, "one", 1, "Accepted");
    json_t *theirs = json_loads(OTHERS, 0, NULL);
    json_object_set_new(cluster_get(w->k.cluster, ROUTES "one"), "status", theirs);
    json_object_set_new(json_object_get(cluster_get(w->k.cluster, ROUTES "one"), "metadata"),
                        "resourceVersion", json_string("99")); /* the watch lags behind */
    controller_status_lead(w->status, true);
    pass(&w->k, 500);
    assert_int_equal(w->k.cluster->conflicts, 1);
    assert_int_equal(w->k.cluster->gets, 1);
    assert_int_equal(w->k.cluster->patches, 2);
    assert_int_equal(json_array_size(parents(w, "one")), 2);
    assert_string_equal(reason_in(w, "one", 1), "Accepted");
    assert_int_equal(counted(w, "conflict"), 1);
    assert_int_equal(counted(w, "ok"), 1);
}

/* The watch brings our write, and what its owner wrote next, before the answer to ours is read. */
static void an_answer_slower_than_the_watch_hides_nothing(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, NULL);
    want(w, "one", 1, "Accepted");
    controller_status_lead(w->status, true);
    weft_loop_advance(w->k.loop, 200000);
    for (int i = 0; i < 10000 && !w->k.cluster->patches; i++) (void)weft_loop_turn(w->k.loop);
    assert_int_equal(w->k.cluster->patches, 1);
    assert_int_equal(counted(w, "ok"), 0);
    want_nothing(w);
    want(w, "one", 2, "Accepted");
    put_route(w, "one", 2, NULL);
    settle(&w->k);
    assert_int_equal(counted(w, "ok"), 1);
    look(w);
    assert_string_equal(reason_in(w, "one", 0), "Accepted");
}

static void a_route_of_another_generation_waits_for_its_translation(void **state) {
    struct world *w = *state;
    put_route(w, "one", 2, NULL);
    want(w, "one", 1, "Accepted");
    controller_status_lead(w->status, true);
    pass(&w->k, 2000);
    assert_int_equal(w->k.cluster->patches, 0);
    want_nothing(w);
    want(w, "one", 2, "Accepted");
    look(w);
    assert_int_equal(w->k.cluster->patches, 1);
}

static void what_somebody_else_undoes_is_written_again(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, NULL);
    want(w, "one", 1, "Accepted");
    controller_status_lead(w->status, true);
    pass(&w->k, 500);
    put_route(w, "one", 1, NULL); /* without status */
    pass(&w->k, 61000);           /* nobody told us */
    assert_int_equal(json_array_size(parents(w, "one")), 1);
    assert_int_equal(w->k.cluster->patches, 2);
}

static void many_routes_are_written_at_a_pace(void **state) {
    struct world *w = *state;
    enum { ROUTES_N = 60 };
    for (int i = 0; i < ROUTES_N; i++) {
        char name[16];
        snprintf(name, sizeof name, "r%d", i);
        put_route(w, name, 1, NULL);
        want(w, name, 1, "Accepted");
    }
    controller_status_lead(w->status, true);
    weft_loop_advance(w->k.loop, 100000);
    settle(&w->k);
    assert_in_range(w->k.cluster->patches, 50, 51); /* the burst */
    assert_int_equal(weft_counter_value(w->metrics.status_queue), ROUTES_N - w->k.cluster->patches);
    for (int i = 0; i < 20; i++) {
        weft_loop_advance(w->k.loop, 50000);
        settle(&w->k);
    }
    assert_int_equal(w->k.cluster->patches, ROUTES_N);
}

static void a_failing_api_server_is_not_hammered(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, NULL);
    want(w, "one", 1, "Accepted");
    w->k.status = 503;
    controller_status_lead(w->status, true);
    pass(&w->k, 60000);
    assert_in_range(counted(w, "error"), 4, 9);
    w->k.status = 0;
    pass(&w->k, 61000);
    assert_int_equal(json_array_size(parents(w, "one")), 1);
}

static void what_the_api_refuses_is_an_event_and_is_not_repeated(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, NULL);
    want(w, "one", 1, "not a reason");
    controller_status_lead(w->status, true);
    pass(&w->k, 500);
    for (int i = 0; i < 5; i++) look(w);
    assert_int_equal(w->k.cluster->patches, 0);
    assert_int_equal(counted(w, "invalid"), 1);
    assert_int_equal(w->k.cluster->posts, 1);
    const json_t *event = NULL;
    for (size_t i = 0; i < CLUSTER_MAX; i++)
        if (strstr(w->k.cluster->objects[i].path, "/events/"))
            event = w->k.cluster->objects[i].json;
    assert_non_null(event);
    const json_t *about = json_object_get(event, "involvedObject");
    assert_string_equal(json_string_value(json_object_get(about, "name")), "one");
    assert_string_equal(json_string_value(json_object_get(about, "uid")), "u-1");
    assert_string_equal(json_string_value(json_object_get(event, "reason")), "StatusNotWritten");
    put_route(w, "one", 2, NULL); /* repaired */
    want_nothing(w);
    want(w, "one", 2, "Accepted");
    look(w);
    assert_string_equal(reason_in(w, "one", 0), "Accepted");
}

static void a_route_that_is_gone_is_let_go(void **state) {
    struct world *w = *state;
    put_route(w, "one", 1, NULL);
    want(w, "one", 1, "Accepted");
    cluster_remove(w->k.cluster, ROUTES "one");
    controller_status_lead(w->status, true);
    pass(&w->k, 5000);
    assert_int_equal(w->k.cluster->patches, 1); /* 404 */
    weft_store_remove(w->store, "HTTPRoute", "shop", "one");
    look(w);
    pass(&w->k, 5000);
    assert_int_equal(w->k.cluster->patches, 1);
}

int main(void) {
    (void)weft_log_set_level("error");
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(only_the_leader_writes),
        T(what_is_there_already_is_not_written),
        T(a_spec_is_never_written),
        T(many_changes_of_one_moment_are_one_write),
        T(the_entries_of_others_stay_and_ours_go),
        T(a_conflict_is_read_anew_and_loses_nothing),
        T(an_answer_slower_than_the_watch_hides_nothing),
        T(a_route_of_another_generation_waits_for_its_translation),
        T(what_somebody_else_undoes_is_written_again),
        T(many_routes_are_written_at_a_pace),
        T(a_failing_api_server_is_not_hammered),
        T(what_the_api_refuses_is_an_event_and_is_not_repeated),
        T(a_route_that_is_gone_is_let_go),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * What programs in a cluster say of themselves, asked through the API server, and the trial pod. */
#include "ask_world.h"

#include <cli/cluster_ask.h>
#include <unistd.h>

enum { PODS = 1000 };

static const char text[] = "weft_config_age_seconds 5\nweft_controller_connected 1\n"
                           "weft_certificate_not_after_seconds 1700000000\n"
                           "weft_build_info{version=\"1.2\"} 1\n";

/* Answers come a moment later, all that wait at once. */
struct slow {
    struct ask_world *w;
    struct weft_timer timer;
    struct fake_request *waiting[PODS];
    size_t n, most, asked;
    unsigned status;
};

static void on_time(void *ud) {
    struct slow *s = ud;
    for (size_t i = 0; i < s->n; i++)
        fake_answer(s->waiting[i], s->status,
                    s->status == 200 ? text
                                     : "{\"kind\":\"Status\",\"message\":\"no pods/proxy\"}");
    s->n = 0;
}

static void on_request(void *ud, struct fake_request *r) {
    struct slow *s = ud;
    assert_non_null(strstr(r->target, ":15020/proxy/metrics"));
    s->asked++;
    s->waiting[s->n++] = r;
    if (s->n > s->most) s->most = s->n;
    if (s->n == 1) weft_timer_start(&s->timer, 1000);
}

static json_t *pods(void) {
    json_t *list = json_array();
    for (int i = 0; i < PODS; i++)
        json_array_append_new(
            list, json_pack("{s:{s:s, s:o, s:{s:s}}, s:{s:[{s:s}]}, s:{s:s, s:s, s:[{s:s, s:b, "
                            "s:{s:{}}}]}}",
                            "metadata", "namespace", "d", "name", json_sprintf("p-%d", i),
                            "annotations", "weftmesh.io/sidecar", "native", "spec",
                            "initContainers", "name", "weft-proxy", "status", "phase", "Running",
                            "podIP", "10.0.0.1", "initContainerStatuses", "name", "weft-proxy",
                            "ready", 1, "state", "running"));
    return list;
}

static void init(struct slow *s, struct ask_world *w, unsigned status) {
    ask_world_init(w);
    *s = (struct slow){.w = w, .status = status};
    weft_timer_init(&s->timer, w->loop, on_time, s);
    w->cluster->fake->on_request = on_request;
    w->cluster->fake->ud = s;
}

static void done(struct slow *s) {
    weft_timer_stop(&s->timer);
    ask_world_done(s->w);
}

static void a_thousand_sidecars_are_asked_some_at_once(void **state) {
    (void)state;
    struct ask_world w;
    struct slow s;
    init(&s, &w, 200);
    json_t *list = pods();
    /* Who does not run is not asked. */
    json_object_set_new(json_object_get(json_array_get(list, 7), "status"), "initContainerStatuses",
                        json_array());
    json_t *all = cluster_metrics(&w.ask, list);
    assert_int_equal(json_object_size(all), PODS - 1);
    assert_null(json_object_get(all, "d/p-7"));
    const json_t *one = json_object_get(all, "d/p-999");
    assert_int_equal(json_integer_value(json_object_get(one, "config_age_seconds")), 5);
    assert_string_equal(json_string_value(json_object_get(one, "version")), "1.2");
    assert_int_equal(s.asked, PODS - 1);
    assert_true(s.most > 1 && s.most <= 16);
    json_decref(all);
    json_decref(list);
    done(&s);
}

static void who_may_not_ask_is_told_so_once(void **state) {
    (void)state;
    struct ask_world w;
    struct slow s;
    init(&s, &w, 403);
    json_t *list = pods(), *all = cluster_metrics(&w.ask, list);
    assert_int_equal(json_object_size(all), PODS);
    const char *why = json_string_value(json_object_get(json_object_get(all, "d/p-999"), "error"));
    assert_non_null(strstr(why, "no pods/proxy"));
    assert_true(s.asked <= 32);
    json_decref(all);
    json_decref(list);
    done(&s);
}

/* === controllers === */

static void on_controller(void *ud, struct fake_request *r) {
    (void)ud;
    if (fake_is(r, "/api/v1/namespaces/mesh/pods/c-1:15014/proxy/metrics"))
        fake_answer(r, 200,
                    "weft_controller_ca_expiry_timestamp_seconds 1800000000\n"
                    "weft_controller_build_info{version=\"1.2\"} 1\n");
    else
        fake_answer(r, 503, "{\"kind\":\"Status\",\"message\":\"refused\"}");
}

static json_t *controller(const char *ns, const char *name, const char *phase) {
    return json_pack("{s:{s:s, s:s, s:{s:s}}, s:{s:s}}", "metadata", "namespace", ns, "name", name,
                     "labels", "app", "weft-controller", "status", "phase", phase);
}

static void controllers_tell_what_they_sign_with(void **state) {
    (void)state;
    struct ask_world w;
    ask_world_init(&w);
    w.cluster->fake->on_request = on_controller;
    json_t *list = json_array();
    json_array_append_new(list, controller("mesh", "c-1", "Running"));
    json_array_append_new(list, controller("mesh", "c-2", "Running"));
    json_array_append_new(list, controller("mesh", "c-3", "Pending"));
    json_array_append_new(list, controller("shop", "c-4", "Running"));
    json_t *signers = cluster_signers(&w.ask, "mesh", list);
    assert_int_equal(json_array_size(signers), 2);
    size_t i;
    const json_t *s;
    json_array_foreach(signers, i, s) {
        bool first = !strcmp(json_string_value(json_object_get(s, "pod")), "mesh/c-1");
        const char *error = json_string_value(json_object_get(s, "error"));
        if (!first) {
            assert_non_null(strstr(error, "refused"));
            continue;
        }
        assert_int_equal(json_integer_value(json_object_get(s, "not_after")), 1800000000);
        assert_string_equal(json_string_value(json_object_get(s, "version")), "1.2");
    }
    json_decref(signers);
    json_decref(list);
    ask_world_done(&w);
}

/* Something between us and the API server answers in its place. */
static void on_stranger(void *ud, struct fake_request *r) {
    (void)ud;
    fake_answer(r, 200, "<html>log in first</html>");
}

static void an_answer_that_is_no_json_is_no_absence(void **state) {
    (void)state;
    struct ask_world w;
    ask_world_init(&w);
    w.cluster->fake->on_request = on_stranger;
    assert_null(cli_ask_get(&w.ask, "/version"));
    assert_non_null(w.ask.error);
    assert_non_null(strstr(w.ask.error, "no JSON"));
    ask_world_done(&w);
}

/* === the trial pod === */

static void on_trial(void *ud, struct fake_request *r) {
    const char *answer = ud;
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->target, "/api/v1/namespaces/shop/pods?dryRun=All");
    fake_answer(r, *answer == '{' && strstr(answer, "Status") ? 403 : 201, answer);
}

static json_t *tried(const char *answer) {
    struct ask_world w;
    ask_world_init(&w);
    json_t *namespaces =
        json_pack("[{s:{s:s}}, {s:{s:s, s:{s:s}}}]", "metadata", "name", "default", "metadata",
                  "name", "shop", "labels", "weftmesh.io/inject", "enabled");
    w.cluster->fake->on_request = on_trial;
    w.cluster->fake->ud = (void *)(uintptr_t)answer;
    json_t *result = cluster_probe(&w.ask, namespaces);
    json_decref(namespaces);
    ask_world_done(&w);
    return result;
}

static void a_trial_pod_is_never_kept(void **state) {
    (void)state;
    json_t *r = tried("{\"metadata\":{\"annotations\":{\"weftmesh.io/sidecar\":\"native\"}}}");
    assert_true(json_is_true(json_object_get(r, "injected")));
    assert_string_equal(json_string_value(json_object_get(r, "namespace")), "shop");
    json_decref(r);
    r = tried("{\"metadata\":{\"name\":\"x\"}}");
    assert_true(json_is_false(json_object_get(r, "injected")));
    json_decref(r);
    r = tried("{\"kind\":\"Status\",\"message\":\"violates PodSecurity\"}");
    assert_non_null(strstr(json_string_value(json_object_get(r, "error")), "violates PodSecurity"));
    json_decref(r);
    assert_null(tried("{\"kind\":\"Status\",\"message\":\"pods is forbidden: User \\\"x\\\" cannot "
                      "create resource \\\"pods\\\"\"}"));
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_sidecars_are_asked_some_at_once),
        cmocka_unit_test(who_may_not_ask_is_told_so_once),
        cmocka_unit_test(controllers_tell_what_they_sign_with),
        cmocka_unit_test(a_trial_pod_is_never_kept),
        cmocka_unit_test(an_answer_that_is_no_json_is_no_absence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

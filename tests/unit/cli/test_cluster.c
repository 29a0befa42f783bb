/* SPDX-License-Identifier: Apache-2.0
 * What `weft check` says about a cluster, from its objects. */
#include <cli/cluster.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/net/tls.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum { NOW = 1700000000 };

struct world {
    struct cluster_view v;
    struct weft_buf out;
};

static json_t *parse(const char *text) {
    json_error_t e;
    json_t *j = json_loads(text, 0, &e);
    if (!j) fail_msg("%s at %d: %s", e.text, e.position, text);
    return j;
}

/* A bundle that is valid for `ttl_s` from NOW. */
static char *bundle(int64_t ttl_s) {
    struct weft_buf key, cert, text;
    weft_buf_init(&key, 0);
    weft_buf_init(&cert, 0);
    weft_buf_init(&text, 0);
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_root(weft_buf_slice(&key), WEFT_SLICE_LIT("cluster.local"), NOW,
                                   ttl_s, &cert, NULL),
                     WEFT_OK);
    assert_int_equal(weft_base64_encode(weft_buf_slice(&cert), &text), WEFT_OK);
    char *s = weft_slice_dup(weft_buf_slice(&text));
    weft_buf_done(&key);
    weft_buf_done(&cert);
    weft_buf_done(&text);
    return s;
}

static json_t *webhook(const char *ca) {
    return json_pack("{s:[{s:s, s:{s:s}}]}", "webhooks", "name", "namespace.inject.weftmesh.io",
                     "clientConfig", "caBundle", ca);
}

static const char good_types[] =
    "[{\"metadata\": {\"name\": \"httproutes.gateway.networking.k8s.io\", \"annotations\": "
    "{\"gateway.networking.k8s.io/bundle-version\": \"v1.7.0\", "
    "\"gateway.networking.k8s.io/channel\": \"standard\"}}},"
    " {\"metadata\": {\"name\": \"grpcroutes.gateway.networking.k8s.io\"}}]";

/* A cluster in which everything is right. */
static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    WEFT_FREE char *ca = bundle(86400);
    weft_buf_init(&w->out, 0);
    w->v.version = parse("{\"major\": \"1\", \"minor\": \"35\", \"gitVersion\": \"v1.35.4\"}");
    w->v.types = parse(good_types);
    w->v.deployment =
        parse("{\"spec\": {\"replicas\": 2, \"template\": {\"spec\": {\"containers\": [{\"name\": "
              "\"controller\", \"image\": \"weft-controller:2\", \"args\": [\"--kube\", "
              "\"--proxy-image=weft-proxy:2\"]}]}}}, \"status\": {\"readyReplicas\": 2}}");
    w->v.webhook = webhook(ca);
    w->v.lease = parse("{\"spec\": {\"holderIdentity\": \"weft-controller-1\"}}");
    w->v.namespaces =
        parse("[{\"metadata\": {\"name\": \"shop\", \"labels\": {\"weftmesh.io/inject\": "
              "\"enabled\"}}}, {\"metadata\": {\"name\": \"bare\"}}]");
    w->v.pods = parse(
        "[{\"metadata\": {\"name\": \"a\", \"namespace\": \"shop\", \"annotations\": "
        "{\"weftmesh.io/sidecar\": \"native\"}}, \"spec\": {\"initContainers\": [{\"name\": "
        "\"weft-proxy\", \"image\": \"weft-proxy:2\"}]}, \"status\": {\"phase\": \"Running\", "
        "\"initContainerStatuses\": [{\"name\": \"weft-proxy\", \"ready\": true}]}},"
        " {\"metadata\": {\"name\": \"b\", \"namespace\": \"bare\"}, \"spec\": {}, "
        "\"status\": {\"phase\": \"Running\"}}]");
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    cluster_view_done(&w->v);
    weft_buf_done(&w->out);
    free(w);
    return 0;
}

static json_t *replace(json_t **at, json_t *with) {
    json_decref(*at);
    return *at = with;
}

static void says(struct world *w, size_t errors, const char *line) {
    size_t n = cluster_judge_after(&w->v, NOW, &w->out);
    struct weft_slice text = weft_buf_slice(&w->out);
    if (weft_slice_search(text, weft_slice_str(line)) == text.len)
        fail_msg("\"%s\" is not in:\n" WEFT_SLICE_FMT, line, WEFT_SLICE_ARG(text));
    assert_int_equal(n, errors);
}

static void finds_nothing_where_all_is_right(void **state) {
    struct world *w = *state;
    assert_int_equal(cluster_judge_after(&w->v, NOW, &w->out), 0);
    struct weft_slice text = weft_buf_slice(&w->out);
    while (text.len)
        assert_true(weft_slice_starts(weft_slice_cut(&text, '\n'), WEFT_SLICE_LIT("ok ")));
}

static void names_an_old_cluster(void **state) {
    struct world *w = *state;
    replace(&w->v.version,
            parse("{\"major\": \"1\", \"minor\": \"27+\", \"gitVersion\": \"v1.27.9-x\"}"));
    says(w, 1, "error    Kubernetes v1.27.9-x");
}

static void warns_where_sidecars_are_not_native(void **state) {
    struct world *w = *state;
    replace(&w->v.version,
            parse("{\"major\": \"1\", \"minor\": \"28\", \"gitVersion\": \"v1.28.1\"}"));
    says(w, 0, "warning  before 1.29");
}

static void names_missing_types(void **state) {
    struct world *w = *state;
    replace(&w->v.types, json_array());
    says(w, 2, "error    the type grpcroutes.gateway.networking.k8s.io is missing");
}

static void tells_ready_controllers_from_those_that_are_not(void **state) {
    struct world *w = *state;
    json_object_set_new(json_object_get(w->v.deployment, "status"), "readyReplicas",
                        json_integer(1));
    says(w, 0, "warning  1 of 2 controllers are ready (weft-controller:2)");
    json_object_del(json_object_get(w->v.deployment, "status"), "readyReplicas");
    says(w, 1, "error    0 of 2 controllers are ready");
    replace(&w->v.deployment, NULL);
    says(w, 1, "error    Weft is not installed");
}

static void names_a_mesh_without_a_leader(void **state) {
    struct world *w = *state;
    replace(&w->v.lease, NULL);
    says(w, 0, "warning  no controller leads");
}

static void looks_into_the_bundle_of_the_webhook(void **state) {
    struct world *w = *state;
    WEFT_FREE char *soon = bundle(600), *past = bundle(-10);
    replace(&w->v.webhook, webhook(soon));
    says(w, 0, "warning  the caBundle of webhook namespace.inject.weftmesh.io expires");
    replace(&w->v.webhook, webhook(past));
    says(w, 1, "error    the caBundle of webhook namespace.inject.weftmesh.io has expired");
    replace(&w->v.webhook, webhook("Zm9v"));
    says(w, 1, "is no certificate");
    replace(&w->v.webhook, webhook(""));
    says(w, 1, "has no caBundle");
    replace(&w->v.webhook, NULL);
    says(w, 1, "error    the webhook weft-injector is missing");
}

static void finds_pods_without_their_sidecar(void **state) {
    struct world *w = *state;
    json_t *pod = json_array_get(w->v.pods, 1);
    json_object_set_new(json_object_get(pod, "metadata"), "namespace", json_string("shop"));
    says(w, 0, "warning  shop/b should have a sidecar and has none");
    json_object_set_new(json_object_get(pod, "metadata"), "annotations",
                        parse("{\"weftmesh.io/inject\": \"disabled\"}"));
    weft_buf_clear(&w->out);
    cluster_judge_after(&w->v, NOW, &w->out);
    struct weft_slice text = weft_buf_slice(&w->out);
    assert_int_equal(weft_slice_search(text, WEFT_SLICE_LIT("should have")), text.len);
}

static void counts_sidecars_that_are_old_or_not_ready(void **state) {
    struct world *w = *state;
    json_t *pod = json_array_get(w->v.pods, 0), *status = json_object_get(pod, "status");
    json_t *proxy = json_array_get(json_object_get(status, "initContainerStatuses"), 0);
    json_object_set_new(proxy, "ready", json_false());
    says(w, 0, "warning  the sidecar of shop/a is not ready");
    says(w, 0, "warning  0 of 1 sidecars are ready");
    json_t *spec =
        json_array_get(json_object_get(json_object_get(pod, "spec"), "initContainers"), 0);
    json_object_set_new(spec, "image", json_string("weft-proxy:1"));
    says(w, 0, "note     1 run another image than weft-proxy:2");
    json_object_set_new(status, "phase", json_string("Succeeded"));
    says(w, 0, "ok       0 of 0 sidecars are ready");
}

static void says_before_what_stands_in_the_way(void **state) {
    struct world *w = *state;
    replace(&w->v.denied, parse("[\"clusterroles\"]"));
    assert_int_equal(cluster_judge_before(&w->v, &w->out), 1);
    struct weft_slice text = weft_buf_slice(&w->out);
    assert_true(weft_slice_search(text, WEFT_SLICE_LIT("you may not create clusterroles")) <
                text.len);
    assert_true(weft_slice_search(text, WEFT_SLICE_LIT("installed already: weft-controller:2")) <
                text.len);
    replace(&w->v.denied, json_array());
    assert_int_equal(cluster_judge_before(&w->v, &w->out), 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(finds_nothing_where_all_is_right),
        T(names_an_old_cluster),
        T(warns_where_sidecars_are_not_native),
        T(names_missing_types),
        T(tells_ready_controllers_from_those_that_are_not),
        T(names_a_mesh_without_a_leader),
        T(looks_into_the_bundle_of_the_webhook),
        T(finds_pods_without_their_sidecar),
        T(counts_sidecars_that_are_old_or_not_ready),
        T(says_before_what_stands_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * What `weft check` says about a cluster, from its objects. */
#include <cli/cluster.h>
#include <cli/sidecar.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/net/tls.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

enum { NOW = 1700000000, DAY = 86400 };

struct world {
    struct cluster_view v;
    struct cli_report r;
    struct weft_buf out;
};

static json_t *parse(const char *text) {
    json_error_t e;
    json_t *j = json_loads(text, 0, &e);
    if (!j) fail_msg("%s at %d: %s", e.text, e.position, text);
    return j;
}

/* A bundle of one root that lives for `life_s`, with `left_s` of it to go. */
static char *bundle(int64_t life_s, int64_t left_s) {
    struct weft_buf key, cert, text;
    weft_buf_init(&key, 0);
    weft_buf_init(&cert, 0);
    weft_buf_init(&text, 0);
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_root(weft_buf_slice(&key), WEFT_SLICE_LIT("cluster.local"),
                                   NOW + left_s - life_s, life_s, &cert, NULL),
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

#define TYPE_OF(name, version, channel)                                                            \
    "{\"metadata\": {\"name\": \"" name ".gateway.networking.k8s.io\", \"annotations\": "          \
    "{\"gateway.networking.k8s.io/bundle-version\": \"" version                                    \
    "\", \"gateway.networking.k8s.io/channel\": \"" channel "\"}}}"
#define TYPE(name) TYPE_OF(name, "v1.7.0", "standard")
#define TYPES_OF(version)                                                                          \
    "[" TYPE_OF("httproutes", version, "standard") "," TYPE_OF(                                    \
        "grpcroutes", version,                                                                     \
        "standard") "," TYPE_OF("referencegrants", version,                                        \
                                "standard") "," TYPE_OF("backendtlspolicies", version,             \
                                                        "standard") "]"

/* As sidecar_metrics reads them. */
static json_t *metrics(int connected, int age_s, int64_t not_after) {
    return json_pack("{s:s, s:i, s:i, s:i, s:I}", "version", WEFT_VERSION, "connected", connected,
                     "config_age_seconds", age_s, "config_errors", 0, "certificate_not_after",
                     (json_int_t)not_after);
}

/* A cluster in which everything is right. */
static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    WEFT_FREE char *ca = bundle(365 * DAY, 300 * DAY);
    weft_buf_init(&w->out, 0);
    cli_report_init(&w->r);
    w->v.version = parse("{\"major\": \"1\", \"minor\": \"35\", \"gitVersion\": \"v1.35.4\"}");
    w->v.types = parse(TYPES_OF("v1.7.0"));
    w->v.deployment = parse(
        "{\"spec\": {\"replicas\": 2, \"template\": {\"spec\": {\"containers\": [{\"name\": "
        "\"controller\", \"image\": \"weft-controller:" WEFT_VERSION "\", \"args\": [\"--kube\", "
        "\"--proxy-image=weft-proxy:2\"]}]}}}, \"status\": {\"readyReplicas\": 2}}");
    w->v.webhook = webhook(ca);
    w->v.lease = parse("{\"spec\": {\"holderIdentity\": \"weft-controller-1\"}}");
    w->v.namespaces =
        parse("[{\"metadata\": {\"name\": \"shop\", \"labels\": {\"weftmesh.io/inject\": "
              "\"enabled\"}}}, {\"metadata\": {\"name\": \"bare\"}}]");
    w->v.pods = parse(
        "[{\"metadata\": {\"name\": \"a\", \"namespace\": \"shop\", \"annotations\": "
        "{\"weftmesh.io/sidecar\": \"native\"}}, \"spec\": {\"initContainers\": [{\"name\": "
        "\"weft-init\"}, {\"name\": \"weft-proxy\", \"image\": \"weft-proxy:2\"}]}, \"status\": "
        "{\"phase\": \"Running\", \"initContainerStatuses\": [{\"name\": \"weft-init\", \"state\": "
        "{\"terminated\": {\"exitCode\": 0}}}, {\"name\": \"weft-proxy\", \"ready\": true, "
        "\"state\": {\"running\": {}}}]}},"
        " {\"metadata\": {\"name\": \"b\", \"namespace\": \"bare\"}, \"spec\": {}, "
        "\"status\": {\"phase\": \"Running\"}}]");
    w->v.secret = parse("{}");
    w->v.probe = parse("{\"namespace\": \"shop\", \"injected\": true}");
    w->v.signers = json_pack("[{s:s, s:s, s:I}]", "pod", "weft-system/weft-controller-1", "version",
                             WEFT_VERSION, "not_after", (json_int_t)(NOW + 300 * DAY));
    w->v.metrics = json_pack("{s:o}", "shop/a", metrics(1, 3600, NOW + 20 * 3600));
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    cluster_view_done(&w->v);
    cli_report_done(&w->r);
    weft_buf_done(&w->out);
    free(w);
    return 0;
}

static json_t *replace(json_t **at, json_t *with) {
    json_decref(*at);
    return *at = with;
}

static struct weft_slice told(struct world *w) {
    cli_report_done(&w->r);
    cli_report_init(&w->r);
    weft_buf_clear(&w->out);
    cluster_judge_after(&w->v, NOW, &w->r);
    cli_report_render(&w->r, &w->out);
    return weft_buf_slice(&w->out);
}

static void says(struct world *w, size_t errors, const char *line) {
    struct weft_slice text = told(w);
    if (weft_slice_search(text, weft_slice_str(line)) == text.len)
        fail_msg("\"%s\" is not in:\n" WEFT_SLICE_FMT, line, WEFT_SLICE_ARG(text));
    assert_int_equal(w->r.errors, errors);
}

static void is_silent_on(struct world *w, const char *part) {
    struct weft_slice text = told(w);
    assert_int_equal(weft_slice_search(text, weft_slice_str(part)), text.len);
}

static void finds_nothing_where_all_is_right(void **state) {
    struct world *w = *state;
    struct weft_slice text = told(w);
    assert_int_equal(w->r.errors, 0);
    assert_true(text.len > 0);
    while (text.len) {
        struct weft_slice line = weft_slice_cut(&text, '\n');
        if (!weft_slice_starts(line, WEFT_SLICE_LIT("ok ")))
            fail_msg(WEFT_SLICE_FMT, WEFT_SLICE_ARG(line));
    }
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
    says(w, 0, "warning  1 of 2 controllers are ready (weft-controller:" WEFT_VERSION ")");
    json_object_del(json_object_get(w->v.deployment, "status"), "readyReplicas");
    says(w, 1, "error    0 of 2 controllers are ready");
    replace(&w->v.deployment, json_false());
    says(w, 1, "error    Weft is not installed");
}

static void names_a_mesh_without_a_leader(void **state) {
    struct world *w = *state;
    replace(&w->v.lease, json_false());
    says(w, 0, "warning  no controller leads");
}

static void tells_controllers_of_another_version(void **state) {
    struct world *w = *state;
    json_t *first = json_array_get(w->v.signers, 0);
    json_object_set_new(first, "version", json_string("9.9"));
    says(w, 0, "warning  controller weft-system/weft-controller-1 is of version 9.9, this command");
    json_object_del(first, "version");
    says(w, 0, "warning  controller weft-system/weft-controller-1 does not tell its version");
    replace(&w->v.signers, parse("[{\"pod\": \"weft-system/a\", \"error\": \"refused\"}]"));
    is_silent_on(w, "this command");
}

/* That is told once, as not read, and nothing is made of it. */
static void what_may_not_be_read_is_not_missing(void **state) {
    struct world *w = *state;
    json_t **const all[] = {&w->v.types, &w->v.webhook, &w->v.lease,      &w->v.secret,
                            &w->v.pods,  &w->v.probe,   &w->v.namespaces, &w->v.deployment};
    for (size_t i = 0; i < WEFT_LEN(all); i++) {
        replace(all[i], NULL);
        struct weft_slice text = told(w);
        assert_int_equal(w->r.errors, 0);
        assert_int_equal(weft_slice_search(text, WEFT_SLICE_LIT("warning ")), text.len);
        assert_int_equal(weft_slice_search(text, WEFT_SLICE_LIT("0 of 0")), text.len);
    }
}

/* Whatever it holds instead of what is meant. */
static void odd_answers_break_nothing(void **state) {
    struct world *w = *state;
    static const char *const odd[] = {"null",
                                      "[]",
                                      "{}",
                                      "7",
                                      "\"x\"",
                                      "[null, 7, [], {}]",
                                      "{\"metadata\": 7, \"spec\": [], \"status\": \"x\", "
                                      "\"webhooks\": [7, {}], \"items\": {}}",
                                      "[{\"metadata\": {\"name\": 7, \"annotations\": "
                                      "{\"weftmesh.io/sidecar\": \"native\"}}, \"pod\": 7, "
                                      "\"status\": {\"initContainerStatuses\": {}}}]"};
    json_t **const all[] = {&w->v.version,    &w->v.types,   &w->v.webhook,   &w->v.lease,
                            &w->v.secret,     &w->v.pods,    &w->v.probe,     &w->v.signers,
                            &w->v.namespaces, &w->v.metrics, &w->v.deployment};
    for (size_t i = 0; i < WEFT_LEN(all); i++) {
        json_t *was = json_incref(*all[i]);
        for (size_t k = 0; k < WEFT_LEN(odd); k++) {
            json_error_t e;
            replace(all[i], json_loads(odd[k], JSON_DECODE_ANY, &e));
            assert_true(told(w).len > 0);
        }
        replace(all[i], was);
    }
}

static void looks_into_the_bundle_of_the_webhook(void **state) {
    struct world *w = *state;
    WEFT_FREE char *soon = bundle(365 * DAY, 29 * DAY), *young = bundle(9 * DAY, 4 * DAY),
                   *short_lived = bundle(9 * DAY, 2 * DAY), *past = bundle(DAY, -10);
    replace(&w->v.webhook, webhook(soon));
    says(w, 0, "warning  a root of webhook namespace.inject.weftmesh.io ends at 2023-12-");
    replace(&w->v.webhook, webhook(young)); /* more than a third of its life is left */
    is_silent_on(w, "ends at");
    replace(&w->v.webhook, webhook(short_lived));
    says(w, 0, "warning  a root of webhook namespace.inject.weftmesh.io ends at");
    replace(&w->v.webhook, webhook(past));
    says(w, 1, "error    the caBundle of webhook namespace.inject.weftmesh.io has expired");
    replace(&w->v.webhook, webhook("Zm9v"));
    says(w, 1, "is no certificate");
    replace(&w->v.webhook, webhook(""));
    says(w, 1, "has no caBundle");
    replace(&w->v.webhook, json_false());
    says(w, 1, "error    the webhook weft-injector is missing");
}

static void names_entries_with_different_bundles(void **state) {
    struct world *w = *state;
    WEFT_FREE char *other = bundle(365 * DAY, 300 * DAY);
    json_t *entry = json_array_get(json_object_get(w->v.webhook, "webhooks"), 0);
    json_t *second = json_deep_copy(entry);
    json_object_set_new(json_object_get(second, "clientConfig"), "caBundle", json_string(other));
    json_array_append_new(json_object_get(w->v.webhook, "webhooks"), second);
    says(w, 1, "different caBundles");
}

static void looks_at_what_controllers_sign_with(void **state) {
    struct world *w = *state;
    json_t *first = json_array_get(w->v.signers, 0);
    json_object_set_new(first, "not_after", json_integer(NOW + 20 * DAY));
    says(w, 0, "warning  what controller weft-system/weft-controller-1 signs with ends at");
    json_array_append_new(w->v.signers, json_pack("{s:s, s:I}", "pod", "weft-system/b", "not_after",
                                                  (json_int_t)(NOW + 300 * DAY)));
    says(w, 0, "warning  controllers sign with different certificates");
    json_object_set_new(first, "not_after", json_integer(NOW - 1));
    says(w, 1, "error    what controller weft-system/weft-controller-1 signs with ended");
    replace(&w->v.signers, parse("[{\"pod\": \"weft-system/a\", \"error\": \"refused\"}]"));
    says(w, 0, "warning  what controller weft-system/a signs with is not told: refused");
    replace(&w->v.secret, json_false());
    says(w, 1, "error    the Secret weft-ca is missing");
    replace(&w->v.secret, NULL); /* we may not look */
    is_silent_on(w, "weft-ca");
}

static void tells_what_a_dry_run_came_to(void **state) {
    struct world *w = *state;
    replace(&w->v.probe, parse("{\"namespace\": \"shop\", \"injected\": false}"));
    says(w, 1, "error    a pod in shop that asks for a sidecar gets none");
    replace(&w->v.probe, parse("{\"namespace\": \"shop\", \"error\": \"failed calling webhook "
                               "\\\"namespace.inject.weftmesh.io\\\": x509: unknown authority\"}"));
    says(w, 1, "error    no pod can be made in shop: failed calling webhook");
    replace(&w->v.probe, parse("{\"namespace\": \"shop\", \"error\": \"exceeded quota\"}"));
    says(w, 0, "warning  a pod in shop (dry run): exceeded quota");
}

/* REQ-003, REQ-004 */
static void judges_the_bundle_of_the_types(void **state) {
    struct world *w = *state;
    replace(&w->v.types, parse(TYPES_OF("v1.6.1")));
    says(w, 0, "warning  Gateway API v1.6.1 is older than 1.7");
    replace(&w->v.types, parse(TYPES_OF("v1.3.0")));
    says(w, 0, "warning  Gateway API v1.3.0 is too old: 1.4");
    replace(&w->v.types, parse(TYPES_OF("v1.8.0-rc.1")));
    says(w, 0, "note     Gateway API v1.8.0-rc.1 is newer");
    replace(&w->v.types, parse(TYPES_OF("v2.0.0")));
    says(w, 0, "warning  Gateway API v2.0.0 is of a later major version");
    replace(&w->v.types, parse(TYPES_OF("main")));
    says(w, 0, "warning  the types of the Gateway API say nothing");
    replace(&w->v.types,
            parse("[" TYPE("httproutes") "," TYPE_OF("grpcroutes", "v1.7.0", "experimental") "]"));
    says(w, 0, "warning  the type grpcroutes.gateway.networking.k8s.io is of another bundle");
    says(w, 0,
         "warning  the type referencegrants.gateway.networking.k8s.io is missing: no backend");
    says(w, 0, "note     the type backendtlspolicies.gateway.networking.k8s.io is missing");
}

static void finds_pods_without_their_sidecar(void **state) {
    struct world *w = *state;
    json_t *pod = json_array_get(w->v.pods, 1), *meta = json_object_get(pod, "metadata");
    json_object_set_new(meta, "namespace", json_string("shop"));
    says(w, 0, "warning  shop/b should have a sidecar and has none");
    assert_int_equal(json_array_size(w->r.sidecars), 2);
    json_object_set_new(meta, "annotations", parse("{\"weftmesh.io/inject\": \"disabled\"}"));
    is_silent_on(w, "should have");
    says(w, 0, "note     1 pods of labelled namespaces declined");
    json_object_del(meta, "annotations");
    json_object_set_new(json_object_get(pod, "spec"), "hostNetwork", json_true());
    is_silent_on(w, "should have");
    says(w, 0, "note     1 pods of labelled namespaces cannot have a sidecar");
    json_object_del(json_object_get(pod, "spec"), "hostNetwork");
    json_object_set_new(meta, "namespace", json_string("weft-system"));
    json_array_append_new(w->v.namespaces,
                          parse("{\"metadata\": {\"name\": \"weft-system\", \"labels\": "
                                "{\"weftmesh.io/inject\": \"enabled\"}}}"));
    is_silent_on(w, "should have"); /* the webhook is not asked there */
}

static json_t *pods_init(struct world *w, size_t which) {
    json_t *status = json_object_get(json_array_get(w->v.pods, 0), "status");
    return json_array_get(json_object_get(status, "initContainerStatuses"), which);
}

static void tells_whether_redirection_was_done(void **state) {
    struct world *w = *state;
    json_object_set_new(pods_init(w, 0), "state",
                        parse("{\"terminated\": {\"exitCode\": 3, \"reason\": \"Error\"}}"));
    says(w, 1, "error    shop/a: weft-init ended with 3: redirection was not done");
    says(w, 1, "warning  1 of 1 sidecars are ready, 0 of 1 pods are redirected");
    json_object_set_new(pods_init(w, 0), "state",
                        parse("{\"waiting\": {\"reason\": \"CrashLoopBackOff\"}}"));
    json_object_set_new(pods_init(w, 0), "lastState", parse("{\"terminated\": {\"exitCode\": 4}}"));
    says(w, 1, "error    shop/a: weft-init ended with 4");
    json_t *spec = json_object_get(json_array_get(w->v.pods, 0), "spec");
    json_array_remove(json_object_get(spec, "initContainers"), 0);
    says(w, 1, "error    shop/a: no container weft-init");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(w->r.sidecars, 0), "redirection")),
        "absent");
}

/* The sidecar stands among the containers there. */
static void reads_classic_sidecars(void **state) {
    struct world *w = *state;
    replace(&w->v.pods,
            parse("[{\"metadata\": {\"name\": \"a\", \"namespace\": \"shop\", \"annotations\": "
                  "{\"weftmesh.io/sidecar\": \"classic\"}}, \"spec\": {\"initContainers\": "
                  "[{\"name\": \"weft-init\"}], \"containers\": [{\"name\": \"weft-proxy\", "
                  "\"image\": \"weft-proxy:2\"}]}, \"status\": {\"phase\": \"Running\", "
                  "\"initContainerStatuses\": [{\"name\": \"weft-init\", \"state\": "
                  "{\"terminated\": {\"exitCode\": 0}}}], \"containerStatuses\": [{\"name\": "
                  "\"weft-proxy\", \"ready\": true, \"state\": {\"running\": {}}}]}}]"));
    says(w, 0, "ok       1 of 1 sidecars are ready, 1 of 1 pods are redirected");
}

static void tells_what_sidecars_say_of_themselves(void **state) {
    struct world *w = *state;
    says(w, 0, "ok       the first of their certificates ends in 20 h");
    json_object_set_new(w->v.metrics, "shop/a", metrics(0, 7200, NOW + 5 * 3600));
    says(w, 0,
         "warning  shop/a: it reaches no controller; its configuration changed last 2 h ago; its "
         "certificate is not renewed and ends in 5 h");
    says(w, 0, "warning  of 1 sidecars asked 0 reach a controller and 1 have a valid");
    json_object_set_new(w->v.metrics, "shop/a", metrics(1, 1, NOW - 240));
    says(w, 1, "error    shop/a: its certificate ended 4 min ago");
    json_object_set_new(w->v.metrics, "shop/a", parse("{\"connected\": 1}"));
    says(w, 0, "warning  shop/a: it has no certificate");
    json_object_set_new(w->v.metrics, "shop/a", parse("{\"error\": \"timeout\"}"));
    says(w, 0, "warning  shop/a: its metrics cannot be read: timeout");
    json_t *old = metrics(1, 1, NOW + 20 * 3600);
    json_object_set_new(old, "version", json_string("0.0.1"));
    json_object_set_new(old, "config_errors", json_integer(2));
    json_object_set_new(w->v.metrics, "shop/a", old);
    says(w, 0, "note     shop/a: it could not take up 2 pieces");
    says(w, 0, "note     1 are of another version than this command");
}

static void reads_the_metrics_of_a_sidecar(void **state) {
    (void)state;
    json_t *m = sidecar_metrics(WEFT_SLICE_LIT(
        "# TYPE weft_config_age_seconds gauge\nweft_config_age_seconds 17\n"
        "weft_config_errors_total 0\nweft_controller_connected 1\n"
        "weft_certificate_not_after_seconds 1700086400\nweft_build_info{version=\"0.9\"} 1\n"
        "weft_config_info{version=\"00ff\"} 1\n"
        "weft_config_age_seconds_ever 3\n"));
    json_t *want = parse("{\"config_age_seconds\": 17, \"config_errors\": 0, \"connected\": 1, "
                         "\"certificate_not_after\": 1700086400, \"config_version\": \"00ff\", "
                         "\"version\": \"0.9\"}");
    assert_true(json_equal(m, want));
    json_decref(m);
    json_decref(want);
    assert_null(sidecar_metrics(WEFT_SLICE_LIT("envoy_up 1\nweft_config_age_seconds 1\n")));
}

static void counts_sidecars_that_are_old_or_not_ready(void **state) {
    struct world *w = *state;
    json_t *pod = json_array_get(w->v.pods, 0), *status = json_object_get(pod, "status");
    json_object_set_new(pods_init(w, 1), "ready", json_false());
    says(w, 0, "warning  shop/a: the sidecar is not ready: it runs and its probe fails");
    says(w, 0, "warning  0 of 1 sidecars are ready");
    json_object_set_new(pods_init(w, 1), "state",
                        parse("{\"waiting\": {\"reason\": \"CrashLoopBackOff\"}}"));
    json_object_set_new(pods_init(w, 1), "lastState",
                        parse("{\"terminated\": {\"exitCode\": 137, \"reason\": \"OOMKilled\"}}"));
    says(w, 0, "not ready: CrashLoopBackOff, it ended with 137 (OOMKilled)");
    json_t *spec =
        json_array_get(json_object_get(json_object_get(pod, "spec"), "initContainers"), 1);
    json_object_set_new(spec, "image", json_string("weft-proxy:1"));
    says(w, 0, "note     1 run another image than weft-proxy:2");
    json_object_set_new(status, "phase", json_string("Succeeded"));
    says(w, 0, "ok       0 of 0 sidecars are ready");
}

/* A pod that is to end has no more to come of it. */
static void is_silent_on_pods_that_end(void **state) {
    struct world *w = *state;
    json_t *meshed = json_object_get(json_array_get(w->v.pods, 0), "metadata"),
           *bare = json_object_get(json_array_get(w->v.pods, 1), "metadata");
    json_object_set_new(bare, "namespace", json_string("shop"));
    json_object_set_new(bare, "deletionTimestamp", json_string("2026-01-01T00:00:00Z"));
    json_object_set_new(meshed, "deletionTimestamp", json_string("2026-01-01T00:00:00Z"));
    json_object_set_new(pods_init(w, 1), "ready", json_false());
    is_silent_on(w, "shop/");
}

static void says_before_what_stands_in_the_way(void **state) {
    struct world *w = *state;
    replace(&w->v.denied, parse("[\"create clusterroles\"]"));
    cluster_judge_before(&w->v, &w->r);
    assert_int_equal(w->r.errors, 1);
    cli_report_render(&w->r, &w->out);
    struct weft_slice text = weft_buf_slice(&w->out);
    assert_true(weft_slice_search(text, WEFT_SLICE_LIT("you may not create clusterroles")) <
                text.len);
    assert_true(weft_slice_search(
                    text, WEFT_SLICE_LIT("installed already: weft-controller:" WEFT_VERSION)) <
                text.len);
    replace(&w->v.denied, json_array());
    cluster_judge_before(&w->v, &w->r);
    assert_int_equal(w->r.errors, 1); /* no more than before */
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
        T(tells_controllers_of_another_version),
        T(what_may_not_be_read_is_not_missing),
        T(odd_answers_break_nothing),
        T(looks_into_the_bundle_of_the_webhook),
        T(names_entries_with_different_bundles),
        T(looks_at_what_controllers_sign_with),
        T(tells_what_a_dry_run_came_to),
        T(judges_the_bundle_of_the_types),
        T(finds_pods_without_their_sidecar),
        T(tells_whether_redirection_was_done),
        T(reads_classic_sidecars),
        T(is_silent_on_pods_that_end),
        T(tells_what_sidecars_say_of_themselves),
        T(reads_the_metrics_of_a_sidecar),
        T(counts_sidecars_that_are_old_or_not_ready),
        T(says_before_what_stands_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

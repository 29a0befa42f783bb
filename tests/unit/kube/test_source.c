/* SPDX-License-Identifier: Apache-2.0
 * The cluster source against a scripted API server: discovery, what is kept, and when it is told.
 */
#include "support/fake_kube.h"

#include <stdlib.h>
#include <unistd.h>
#include <weft/kube/source.h>

#define GW  "/apis/gateway.networking.k8s.io"
#define XGW "/apis/gateway.networking.x-k8s.io/v1alpha1"
#define CRD                                                                                        \
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes.gateway.networking.k8s.io"
#define EMPTY "{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}"
#define LIST(kind, items)                                                                          \
    "{\"kind\":\"" kind "List\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"1\"},"   \
    "\"items\":[" items "]}"
#define RES(...) "{\"resources\":[" __VA_ARGS__ "]}"
#define R(name)  "{\"name\":\"" name "\"},{\"name\":\"" name "/status\"}"

enum { PATHS = 32 };

struct world {
    struct weft_loop *loop;
    struct fake_kube *fake;
    struct weft_kube *kube;
    struct weft_store *store;
    struct weft_kube_source *source;
    struct {
        const char *path, *body;
        unsigned status; /* 0: 200, or 404 without a body */
        struct fake_request *watch;
        int lists;
    } paths[PATHS];
    int changes, statuses, errors, failures;
    char last_error[1024], last_failure[1024];
};

static size_t slot(struct world *w, const char *path) {
    size_t i = 0;
    while (w->paths[i].path && strcmp(w->paths[i].path, path) != 0) i++;
    assert_true(i < PATHS - 1);
    w->paths[i].path = path;
    return i;
}
static void serve(struct world *w, const char *path, const char *body) {
    size_t i = slot(w, path);
    w->paths[i].body = body;
    w->paths[i].status = 0;
}
static void refuse(struct world *w, const char *path, unsigned status) {
    w->paths[slot(w, path)].status = status;
}

static void on_request(void *ud, struct fake_request *r) {
    struct world *w = ud;
    for (size_t i = 0; w->paths[i].path; i++) {
        if (!fake_is(r, w->paths[i].path)) continue;
        if (w->paths[i].status) {
            fake_answer(r, w->paths[i].status, "{\"kind\":\"Status\",\"message\":\"refused\"}");
            return;
        }
        if (!w->paths[i].body) break;
        if (fake_watches(r)) {
            w->paths[i].watch = r;
            fake_start(r, 200);
            return;
        }
        w->paths[i].lists++;
        fake_answer(r, 200, w->paths[i].body);
        return;
    }
    fake_answer(r, 404, "{\"kind\":\"Status\",\"code\":404}");
}

static void on_change(void *ud) {
    ((struct world *)ud)->changes++;
}
static void on_status(void *ud) {
    ((struct world *)ud)->statuses++;
}
static void on_error(void *ud, const char *kind, const char *ns, const char *name,
                     const struct weft_error *err) {
    struct world *w = ud;
    w->errors++;
    snprintf(w->last_error, sizeof w->last_error, "%s %s/%s %s: %s", kind, ns, name, err->path,
             err->message);
}
static void on_failure(void *ud, const char *what, const char *error) {
    struct world *w = ud;
    w->failures++;
    snprintf(w->last_failure, sizeof w->last_failure, "%s: %s", what, error);
}

/* A cluster with the four core kinds, and nothing in them. */
static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    w->loop = weft_loop_new_fake();
    w->fake = fake_kube_new(w->loop, on_request, w);
    w->store = weft_store_new();
    struct weft_kube_config c = {.server = w->fake->url};
    struct weft_error err = {0};
    assert_int_equal(weft_kube_new(w->loop, &c, &w->kube, &err), WEFT_OK);
    serve(w, "/api/v1/namespaces", EMPTY);
    serve(w, "/api/v1/services", EMPTY);
    serve(w, "/api/v1/pods", EMPTY);
    serve(w, "/apis/discovery.k8s.io/v1/endpointslices", EMPTY);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    weft_kube_source_free(w->source);
    weft_kube_free(w->kube);
    fake_kube_free(w->fake);
    weft_store_free(w->store);
    weft_loop_free(w->loop);
    free(w);
    return 0;
}

static void start(struct world *w) {
    const struct weft_kube_source_cb cb = {.ud = w,
                                           .on_change = on_change,
                                           .on_status = on_status,
                                           .on_error = on_error,
                                           .on_failure = on_failure};
    w->source = weft_kube_source_new(w->kube, w->store, &cb);
}

/* Everything that can happen now, happens; no time passes. */
static void settle(struct world *w) {
    for (int idle = 0; idle < 60;) idle = weft_loop_turn(w->loop) ? 0 : idle + 1;
}
/* Lets `ms` pass in small steps, with what the sockets bring in between. */
static void pass(struct world *w, unsigned ms) {
    for (unsigned i = 0; i < ms; i += 5) {
        settle(w);
        weft_loop_advance(w->loop, 5000);
    }
    settle(w);
}
static void until_synced(struct world *w) {
    for (int i = 0; i < 1000 && !weft_kube_source_synced(w->source); i++) pass(w, 5);
    assert_true(weft_kube_source_synced(w->source));
}
static void emit(struct world *w, const char *path, const char *text) {
    struct fake_request *r = w->paths[slot(w, path)].watch;
    assert_non_null(r);
    fake_write(r, text);
}

static const struct weft_object *get(struct world *w, const char *kind, const char *name) {
    return weft_store_get(w->store, kind, "d", name);
}

#define META(name, version, more)                                                                  \
    "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"d\",\"resourceVersion\":\"" version       \
    "\"" more "}"
#define SVC(name, version, more)                                                                   \
    "{\"kind\":\"Service\",\"apiVersion\":\"v1\"," META(                                           \
        name, version, more) ",\"spec\":{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80}]},"   \
                             "\"status\":{\"x\":1}}"
#define ROUTE(name, version, rules, status)                                                        \
    "{\"kind\":\"HTTPRoute\",\"apiVersion\":\"gateway.networking.k8s.io/v1\"," META(               \
        name, version,                                                                             \
        "") ",\"spec\":{\"parentRefs\":[{\"kind\":\"Service\",\"group\":\"\",\"name\":\"web\"}],"  \
            "\"rules\":[" rules "]},\"status\":{\"parents\":[" status "]}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"

static void nothing_is_told_before_every_kind_has_synced(void **state) {
    struct world *w = *state;
    serve(w, "/api/v1/services", LIST("Service", SVC("web", "1", "")));
    refuse(w, "/api/v1/pods", 503);
    start(w);
    pass(w, 300);
    assert_int_equal(w->changes, 0);
    assert_false(weft_kube_source_synced(w->source));
    assert_non_null(strstr(w->last_failure, "Pod: "));
    assert_non_null(strstr(w->last_failure, "refused"));
    serve(w, "/api/v1/pods", EMPTY);
    until_synced(w);
    assert_int_equal(w->changes, 1);
    assert_non_null(get(w, "Service", "web"));
    assert_string_equal(weft_kube_source_channel(w->source), "");
}

static void an_empty_cluster_is_told_too(void **state) {
    struct world *w = *state;
    start(w);
    until_synced(w);
    assert_int_equal(w->changes, 1);
    assert_int_equal(w->failures, 0);
}

/* REQ-003 */
static void kinds_appear_when_their_crds_do(void **state) {
    struct world *w = *state;
    start(w);
    until_synced(w);
    serve(w, GW "/v1", RES(R("httproutes")));
    serve(w, GW "/v1/httproutes", LIST("HTTPRoute", ROUTE("a", "1", "", "")));
    pass(w, 6000);
    assert_non_null(get(w, "HTTPRoute", "a"));
    assert_int_equal(w->changes, 2);
    emit(w, GW "/v1/httproutes", EVENT("ADDED", ROUTE("b", "2", "", "")));
    pass(w, 20);
    assert_non_null(get(w, "HTTPRoute", "b"));
    /* and go with them */
    serve(w, GW "/v1", NULL);
    serve(w, GW "/v1/httproutes", NULL);
    fake_end(w->paths[slot(w, GW "/v1/httproutes")].watch);
    pass(w, 6000);
    assert_null(get(w, "HTTPRoute", "a"));
    assert_null(get(w, "HTTPRoute", "b"));
}

/* REQ-001, 002 */
static void the_best_served_version_is_watched(void **state) {
    struct world *w = *state;
    serve(w, GW "/v1", RES(R("httproutes") "," R("grpcroutes")));
    serve(w, GW "/v1beta1", RES(R("httproutes") "," R("referencegrants")));
    serve(w, GW "/v1alpha2", RES(R("tcproutes") "," R("tlsroutes") "," R("udproutes")));
    serve(w, GW "/v1alpha3", RES(R("tlsroutes") "," R("backendtlspolicies")));
    serve(w, XGW, RES(R("xmeshes")));
    static const char *const want[] = {GW "/v1/httproutes",
                                       GW "/v1/grpcroutes",
                                       GW "/v1beta1/referencegrants",
                                       GW "/v1alpha2/tcproutes",
                                       GW "/v1alpha2/udproutes",
                                       GW "/v1alpha3/tlsroutes",
                                       GW "/v1alpha3/backendtlspolicies",
                                       XGW "/xmeshes"};
    for (size_t i = 0; i < WEFT_LEN(want); i++) serve(w, want[i], EMPTY);
    start(w);
    until_synced(w);
    for (size_t i = 0; i < WEFT_LEN(want); i++)
        if (w->paths[slot(w, want[i])].lists != 1) fail_msg("%s", want[i]);
    assert_int_equal(w->failures, 0);
}

/* What was known by the old version is there until the new one's list has come. */
static void a_kind_may_change_its_version(void **state) {
    struct world *w = *state;
    static const char old[] =
        "{\"apiVersion\":\"gateway.networking.k8s.io/v1alpha2\","
        "\"kind\":\"TCPRoute\"," META(
            "a", "1", "") ",\"spec\":{}},"
                          "{\"apiVersion\":\"gateway.networking.k8s.io/v1alpha2\","
                          "\"kind\":\"TCPRoute\"," META("b", "1", "") ",\"spec\":{}}";
    static const char new[] = "{\"apiVersion\":\"gateway.networking.k8s.io/v1\","
                              "\"kind\":\"TCPRoute\"," META("a", "2", "") ",\"spec\":{}}";
    WEFT_FREE char *old_list =
        weft_asprintf("{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[%s]}", old);
    WEFT_FREE char *new_list =
        weft_asprintf("{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[%s]}", new);
    serve(w, GW "/v1alpha2", RES(R("tcproutes")));
    serve(w, GW "/v1alpha2/tcproutes", old_list);
    start(w);
    until_synced(w);
    assert_non_null(get(w, "TCPRoute", "b"));
    serve(w, GW "/v1alpha2", NULL);
    serve(w, GW "/v1", RES(R("tcproutes")));
    refuse(w, GW "/v1/tcproutes", 503);
    pass(w, 6000);
    assert_non_null(get(w, "TCPRoute", "a"));
    assert_non_null(get(w, "TCPRoute", "b"));
    serve(w, GW "/v1/tcproutes", new_list);
    pass(w, 2000);
    assert_string_equal(get(w, "TCPRoute", "a")->version, "v1");
    assert_null(get(w, "TCPRoute", "b"));
}

/* REQ-004 */
static void the_channel_is_what_the_crd_says(void **state) {
    struct world *w = *state;
    serve(w, CRD,
          "{\"metadata\":{\"annotations\":{\"gateway.networking.k8s.io/channel\":"
          "\"standard\"}}}");
    start(w);
    until_synced(w);
    assert_string_equal(weft_kube_source_channel(w->source), "standard");
    serve(w, CRD,
          "{\"metadata\":{\"annotations\":{\"gateway.networking.k8s.io/channel\":"
          "\"experimental\"}}}");
    int before = w->changes;
    pass(w, 6000);
    assert_string_equal(weft_kube_source_channel(w->source), "experimental");
    assert_int_equal(w->changes, before + 1);
    for (size_t i = 0; i < w->fake->n; i++)
        if (fake_is(w->fake->requests[i], CRD))
            assert_non_null(strstr(w->fake->requests[i]->accept, "PartialObjectMetadata"));
}

static void a_forbidden_crd_costs_only_the_channel(void **state) {
    struct world *w = *state;
    refuse(w, CRD, 403);
    start(w);
    until_synced(w);
    assert_string_equal(weft_kube_source_channel(w->source), "");
    assert_non_null(strstr(w->last_failure, "CustomResourceDefinition"));
    int told = w->failures;
    pass(w, 6000);
    assert_int_equal(w->failures, told); /* once */
}

static void discovery_that_fails_is_tried_again(void **state) {
    struct world *w = *state;
    refuse(w, GW "/v1beta1", 500);
    start(w);
    pass(w, 400);
    assert_false(weft_kube_source_synced(w->source));
    assert_non_null(strstr(w->last_failure, "discovery"));
    serve(w, GW "/v1beta1", NULL);
    until_synced(w);
}

static void only_what_is_read_is_kept(void **state) {
    struct world *w = *state;
    serve(w, "/api/v1/pods",
          LIST("Pod",
               "{" META("p", "7",
                        ",\"managedFields\":[{\"a\":1}],\"uid\":\"u\",\"labels\":{\"app\":\"x\"},"
                        "\"annotations\":{\"cni/networks\":\"long\",\"weftmesh.io/mtls\":"
                        "\"strict\"}") ",\"spec\":{\"nodeName\":\"n\",\"serviceAccountName\":"
                                       "\"sa\",\"containers\":[{\"name\":\"c\",\"image\":\"i\","
                                       "\"env\":[{\"name\":\"X\"}],\"ports\":[{\"containerPort\":"
                                       "80}]}],\"volumes\":[]},\"status\":{\"phase\":\"Running\","
                                       "\"podIP\":\"10.1.1.1\",\"conditions\":[{\"type\":"
                                       "\"Ready\"}]}}"));
    serve(w, "/api/v1/services",
          LIST("Service", SVC("web", "7",
                              ",\"annotations\":{\"kubectl.kubernetes.io/"
                              "last-applied-configuration\":\"{}\",\"other\":\"kept\"}")));
    serve(w, "/apis/discovery.k8s.io/v1/endpointslices",
          LIST("EndpointSlice",
               "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\"," META(
                   "web-1", "7", "") ",\"endpoints\":[{\"addresses\":[\"10.1.1.1\"],"
                                     "\"hints\":{},\"nodeName\":\"n\",\"zone\":\"z\"}]}"));
    start(w);
    until_synced(w);
    WEFT_FREE char *slice =
        json_dumps(json_object_get(get(w, "EndpointSlice", "web-1")->json, "endpoints"),
                   JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(slice,
                        "[{\"addresses\":[\"10.1.1.1\"],\"nodeName\":\"n\",\"zone\":\"z\"}]");
    WEFT_FREE char *pod = json_dumps(get(w, "Pod", "p")->json, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(
        pod, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"annotations\":"
             "{\"weftmesh.io/mtls\":\"strict\"},\"labels\":{\"app\":\"x\"},\"name\":\"p\","
             "\"namespace\":\"d\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"ports\":["
             "{\"containerPort\":80}]}],\"nodeName\":\"n\",\"serviceAccountName\":\"sa\"},"
             "\"status\":{\"phase\":"
             "\"Running\",\"podIP\":\"10.1.1.1\"}}");
    WEFT_FREE char *svc = json_dumps(get(w, "Service", "web")->json, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(
        svc, "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"annotations\":{\"other\":"
             "\"kept\"},\"name\":\"web\",\"namespace\":\"d\"},\"spec\":{\"clusterIP\":"
             "\"10.0.0.1\",\"ports\":[{\"port\":80}]}}");
}

static void what_we_do_not_read_is_no_change(void **state) {
    struct world *w = *state;
    serve(w, "/api/v1/services", LIST("Service", SVC("web", "1", "")));
    start(w);
    until_synced(w);
    emit(w, "/api/v1/services", EVENT("MODIFIED", SVC("web", "2", ",\"uid\":\"new\"")));
    pass(w, 200);
    assert_int_equal(w->changes, 1);
    assert_int_equal(w->statuses, 0);
}

static void changes_of_one_moment_are_one(void **state) {
    struct world *w = *state;
    start(w);
    until_synced(w);
    for (int i = 0; i < 10; i++) {
        WEFT_FREE char *e = weft_asprintf(
            "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\","
            "\"metadata\":{\"name\":\"s%d\",\"namespace\":\"d\",\"resourceVersion\":\"%d\"},"
            "\"spec\":{}}}\n",
            i, i + 5);
        emit(w, "/api/v1/services", e);
    }
    pass(w, 20);
    assert_int_equal(w->changes, 2);
    /* they keep coming, every 2 ms: told after 100 ms all the same */
    for (int i = 0; i < 100; i++) {
        WEFT_FREE char *e = weft_asprintf(
            "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\","
            "\"metadata\":{\"name\":\"t%d\",\"namespace\":\"d\",\"resourceVersion\":\"%d\"},"
            "\"spec\":{}}}\n",
            i, i + 50);
        emit(w, "/api/v1/services", e);
        settle(w);
        weft_loop_advance(w->loop, 2000);
    }
    assert_in_range(w->changes, 3, 4);
}

static void status_alone_is_told_apart(void **state) {
    struct world *w = *state;
    serve(w, GW "/v1", RES(R("httproutes")));
    serve(w, GW "/v1/httproutes", LIST("HTTPRoute", ROUTE("a", "1", "", "")));
    start(w);
    until_synced(w);
    emit(w, GW "/v1/httproutes", EVENT("MODIFIED", ROUTE("a", "2", "", "{\"x\":1}")));
    pass(w, 20);
    assert_int_equal(w->changes, 1);
    assert_int_equal(w->statuses, 1);
    const json_t *parents =
        json_object_get(json_object_get(get(w, "HTTPRoute", "a")->json, "status"), "parents");
    assert_int_equal(json_array_size(parents), 1); /* and is there for who writes it */
}

/* REQ-003, 147: an unknown value must reach the translation, which then says so in the status. */
static void faults_are_told_and_the_object_is_kept(void **state) {
    struct world *w = *state;
    serve(w, GW "/v1", RES(R("httproutes")));
    serve(w, GW "/v1/httproutes",
          LIST("HTTPRoute",
               ROUTE("a", "1", "{\"matches\":[{\"path\":{\"type\":\"Glob\",\"value\":\"/x\"}}]}",
                     "")));
    start(w);
    until_synced(w);
    assert_non_null(get(w, "HTTPRoute", "a"));
    assert_int_equal(w->errors, 1);
    assert_non_null(strstr(w->last_error, "HTTPRoute d/a spec.rules[0].matches[0].path.type"));
    emit(w, GW "/v1/httproutes",
         EVENT("MODIFIED",
               ROUTE("a", "2", "{\"matches\":[{\"path\":{\"type\":\"Glob\",\"value\":\"/x\"}}]}",
                     "{}")));
    pass(w, 20);
    assert_int_equal(w->errors, 1); /* nothing new */
    emit(w, GW "/v1/httproutes", EVENT("DELETED", ROUTE("a", "3", "", "")));
    pass(w, 20);
    assert_null(get(w, "HTTPRoute", "a"));
}

static void the_lag_is_the_oldest_watchs(void **state) {
    struct world *w = *state;
    start(w);
    until_synced(w);
    settle(w);
    double before = weft_kube_source_lag_s(w->source);
    weft_loop_advance(w->loop, 2000000);
    emit(w, "/api/v1/services", EVENT("ADDED", SVC("web", "9", "")));
    pass(w, 10);
    assert_true(weft_kube_source_lag_s(w->source) >= before + 2);
}

static void free_it(void *ud) {
    struct world *w = ud;
    w->changes++;
    w->source = weft_kube_source_free(w->source);
}

static void the_source_may_be_freed_when_it_tells(void **state) {
    struct world *w = *state;
    const struct weft_kube_source_cb cb = {.ud = w, .on_change = free_it};
    w->source = weft_kube_source_new(w->kube, w->store, &cb);
    while (!w->changes) pass(w, 5);
    pass(w, 100);
    assert_int_equal(w->changes, 1);
}

int main(void) {
    alarm(100);
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(nothing_is_told_before_every_kind_has_synced),
        T(an_empty_cluster_is_told_too),
        T(kinds_appear_when_their_crds_do),
        T(the_best_served_version_is_watched),
        T(a_kind_may_change_its_version),
        T(the_channel_is_what_the_crd_says),
        T(a_forbidden_crd_costs_only_the_channel),
        T(discovery_that_fails_is_tried_again),
        T(only_what_is_read_is_kept),
        T(what_we_do_not_read_is_no_change),
        T(changes_of_one_moment_are_one),
        T(status_alone_is_told_apart),
        T(faults_are_told_and_the_object_is_kept),
        T(the_lag_is_the_oldest_watchs),
        T(the_source_may_be_freed_when_it_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

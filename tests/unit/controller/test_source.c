/* SPDX-License-Identifier: Apache-2.0
 * A controller whose objects come from a (scripted) API server: nothing is answered before all of
 * them are there, and changes go through. */
#include "support/fake_kube.h"

#include <controller/controller_internal.h>
#include <stdlib.h>
#include <unistd.h>
#include <weft/base/file.h>
#include <weft/obs/log.h>

#define GW "/apis/gateway.networking.k8s.io/v1"

struct world {
    struct weft_loop *loop;
    struct fake_kube *fake;
    struct controller *c;
    struct controller_options opt;
    char dir[64], ca[96], kubeconfig[96];
    bool slow; /* Services are not answered yet */
    const char *channel;
    struct fake_request *services, *routes;
};

#define OBJECT(kind, version, name, rest)                                                          \
    "{\"kind\":\"" kind "\",\"apiVersion\":\"" version "\",\"metadata\":{\"name\":\"" name         \
    "\",\"namespace\":\"d\",\"resourceVersion\":\"2\"}" rest "}"
#define ROUTE(name)                                                                                \
    OBJECT("HTTPRoute", "gateway.networking.k8s.io/v1", name,                                      \
           ",\"spec\":{\"parentRefs\":[{\"kind\":\"Service\",\"group\":\"\",\"name\":\"web\"}]}")
#define SERVICE                                                                                    \
    OBJECT("Service", "v1", "web",                                                                 \
           ",\"spec\":{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80}]}")
#define LIST(items) "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[" items "]}"

static const char *body_of(struct world *w, const struct fake_request *r) {
    if (fake_is(r, "/api/v1/services")) return LIST(SERVICE);
    if (fake_is(r, GW)) return "{\"resources\":[{\"name\":\"httproutes\"}]}";
    if (fake_is(r, GW "/httproutes")) return LIST(ROUTE("one"));
    if (strstr(r->target, "customresourcedefinitions")) return w->channel;
    if (strstr(r->target, "/namespaces") || strstr(r->target, "/pods") ||
        strstr(r->target, "/endpointslices"))
        return LIST("");
    return NULL;
}

static void on_request(void *ud, struct fake_request *r) {
    struct world *w = ud;
    const char *body = body_of(w, r);
    if (fake_watches(r)) {
        fake_start(r, 200);
        if (fake_is(r, GW "/httproutes")) w->routes = r;
    } else if (w->slow && fake_is(r, "/api/v1/services")) {
        w->services = r;
    } else {
        fake_answer(r, body ? 200 : 404, body ? body : "{}");
    }
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    weft_log_set_level("error");
    w->loop = weft_loop_new_fake();
    w->fake = fake_kube_new(w->loop, on_request, w);
    w->channel = "{\"metadata\":{\"annotations\":{\"gateway.networking.k8s.io/channel\":"
                 "\"standard\"}}}";
    snprintf(w->dir, sizeof w->dir, "/tmp/weft-source-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->ca, sizeof w->ca, "%s/ca", w->dir);
    snprintf(w->kubeconfig, sizeof w->kubeconfig, "%s/config", w->dir);
    WEFT_FREE char *text = weft_asprintf("current-context: x\ncontexts:\n- name: x\n"
                                         "  context: {cluster: c}\nclusters:\n- name: c\n"
                                         "  cluster: {server: '%s'}\n",
                                         w->fake->url);
    assert_int_equal(weft_file_replace(w->kubeconfig, 0600, false, weft_slice_str(text)), WEFT_OK);
    controller_options_default(&w->opt);
    (void)weft_addr_parse(WEFT_SLICE_LIT("127.0.0.1:0"), &w->opt.listen);
    (void)weft_addr_parse(WEFT_SLICE_LIT("127.0.0.1:0"), &w->opt.admin);
    w->opt.ca_dir = w->ca;
    w->opt.kubeconfig = w->kubeconfig;
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    controller_free(w->c);
    fake_kube_free(w->fake);
    weft_loop_free(w->loop);
    WEFT_FREE char *rm = weft_asprintf("rm -rf %s", w->dir);
    assert_int_equal(system(rm), 0);
    free(w);
    return 0;
}

static void start(struct world *w) {
    struct weft_error err = {0};
    if (controller_new(w->loop, &w->opt, &w->c, &err) != WEFT_OK)
        fail_msg("%s: %s", err.path, err.message);
}

/* `ms` pass, with what the sockets bring in between. */
static void pass(struct world *w, unsigned ms) {
    for (unsigned i = 0; i <= ms; i += 5) {
        for (int idle = 0; idle < 60;) idle = weft_loop_turn(w->loop) ? 0 : idle + 1;
        weft_loop_advance(w->loop, 5000);
    }
}

static unsigned answer(struct world *w, const char *target, struct weft_buf *body) {
    const char *type;
    weft_buf_clear(body);
    return controller_admin_answer(w->c, weft_slice_str(target), true, &type, body);
}

static bool says(struct weft_buf *body, const char *text) {
    struct weft_slice s = weft_buf_slice(body);
    return weft_slice_search(s, weft_slice_str(text)) < s.len;
}

static void nothing_is_answered_before_all_is_read(void **state) {
    struct world *w = *state;
    struct weft_buf body;
    weft_buf_init(&body, 0);
    w->slow = true;
    start(w);
    pass(w, 1000);
    assert_int_equal(answer(w, "/live", &body), 200);
    assert_int_equal(answer(w, "/ready", &body), 503);
    assert_null(controller_publish_gamma(controller_discovery_publish(w->c->discovery)));
    fake_answer(w->services, 200, LIST(SERVICE));
    pass(w, 50);
    assert_int_equal(answer(w, "/ready", &body), 200);
    assert_int_equal(answer(w, "/routes", &body), 200);
    assert_true(says(&body, "\"one\""));
    fake_write(w->routes, "{\"type\":\"ADDED\",\"object\":" ROUTE("two") "}\n");
    pass(w, 50);
    assert_int_equal(answer(w, "/routes", &body), 200);
    assert_true(says(&body, "\"two\""));
    weft_buf_done(&body);
}

/* REQ-004 */
static void the_channel_comes_from_the_cluster(void **state) {
    struct world *w = *state;
    start(w);
    pass(w, 100);
    assert_false(controller_source_experimental(w->c->source));
    w->channel = "{\"metadata\":{\"annotations\":{\"gateway.networking.k8s.io/channel\":"
                 "\"experimental\"}}}";
    pass(w, 6000);
    assert_true(controller_source_experimental(w->c->source));
}

static void an_unreadable_kubeconfig_ends_the_start(void **state) {
    struct world *w = *state;
    struct weft_error err = {0};
    w->opt.context = "nobody";
    assert_int_not_equal(controller_new(w->loop, &w->opt, &w->c, &err), WEFT_OK);
    assert_non_null(strstr(err.message, "\"nobody\""));
    w->opt.kubeconfig = NULL;
    w->opt.kube = true;
    unsetenv("KUBERNETES_SERVICE_HOST");
    assert_int_not_equal(controller_new(w->loop, &w->opt, &w->c, &err), WEFT_OK);
    assert_string_equal(err.path, "KUBERNETES_SERVICE_HOST");
    w->c = NULL;
}

int main(void) {
    alarm(60);
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(nothing_is_answered_before_all_is_read),
        T(the_channel_comes_from_the_cluster),
        T(an_unreadable_kubeconfig_ends_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

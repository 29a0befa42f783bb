/* SPDX-License-Identifier: Apache-2.0
 * Endpoints that fail are ejected, come back, and never take their whole set with them; the limits
 * of connections and retries. The clock is the test's. */
#include "support/world.h"

#include <sidecar/endpoint_view.h>

#include <string.h>

#define GET    "GET / HTTP/1.1\r\nHost: web\r\n\r\n"
#define ROUTE  "  - backendRefs: [{name: web, port: 80}]\n"
#define EJECTS "weft_endpoint_ejections_total{backend=\"default/web:80\",cause=\"status\"}"
#define CAPPED "weft_endpoint_ejections_total{backend=\"default/web:80\",cause=\"capped\"}"

static void fail_always(struct app *a) {
    a->n_script = WORLD_SCRIPT;
    for (int i = 0; i < WORLD_SCRIPT; i++) a->script[i] = ACT_500;
}

static void ask(struct client *c, int times) {
    for (int i = 0; i < times; i++) client_ask(c, GET);
}

/* Of two endpoints one fails: after five failures it gets nothing, then one request, then less. */
static void failing_endpoint_is_ejected(void **state) {
    struct world *w = *state;
    world_web(w, ROUTE);
    struct app *bad = world_app(w, "10.0.0.1:8080"), *good = world_app(w, "10.0.0.2:8080");
    fail_always(bad);
    struct client *c = world_connect(w, "10.96.0.1:80");
    ask(c, 60);
    assert_int_equal(bad->requests, 5);
    assert_int_equal(good->requests, 55);
    assert_int_equal(world_metric(w, EJECTS), 1);
    world_advance(w, 9900);
    ask(c, 20);
    assert_int_equal(bad->requests, 5);
    world_advance(w, 6000); /* back, and warm */
    ask(c, 20);
    assert_int_equal(bad->requests, 6);
    assert_int_equal(world_metric(w, EJECTS), 2);
    world_advance(w, 19000);
    ask(c, 20);
    assert_int_equal(bad->requests, 6);
}

/* gRPC: the HTTP status is 200 all the same; what the trailers say counts, one success between
 * failures too. */
static void grpc_app(struct app *a, const char *status, bool trailers_only) {
    a->h2 = true;
    a->reply_body = "";
    a->reply_trailers = trailers_only ? NULL : status;
    a->reply_fields = trailers_only ? status : NULL;
}

static void grpc_calls(struct world *w, int times) {
    for (int i = 0; i < times; i++) {
        struct weft_client_conn *conn = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
        struct h2_call call;
        world_call(conn, "POST", "/s/M", "content-type: application/grpc\nte: trailers\n", "x",
                   &call);
        world_settle(w);
        world_call_done(&call);
    }
}

static void failing_grpc(struct world *w, const char *status, bool trailers_only, int want) {
    world_service(w, "web", "10.96.0.1", "kubernetes.io/h2c", "10.0.0.1 10.0.0.2");
    world_apply(w);
    struct app *bad = world_app(w, "10.0.0.1:8080"), *good = world_app(w, "10.0.0.2:8080");
    grpc_app(bad, status, trailers_only);
    grpc_app(good, "grpc-status: 0\n", false);
    grpc_calls(w, 30);
    assert_int_equal(world_metric(w, EJECTS), want);
    assert_true(want ? bad->requests == 5 : bad->requests > 5);
}

static void unavailable_in_trailers_ejects(void **state) {
    failing_grpc(*state, "grpc-status: 14\n", false, 1);
}
static void unavailable_without_trailers_ejects(void **state) {
    failing_grpc(*state, "grpc-status: 14\n", true, 1);
}
static void a_fault_of_the_caller_ejects_nobody(void **state) {
    failing_grpc(*state, "grpc-status: 12\n", false, 0);
}

/* Failures in a row are those of all workers: two each are four, not twice two. */
static void workers_count_together(void **state) {
    struct world *w = *state;
    world_web(w, ROUTE);
    client_ask(world_connect(w, "10.96.0.1:80"), GET);
    struct proxy_load *mine = NULL;
    struct weft_addr at;
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("10.0.0.1:8080"), &at));
    HASH_FIND(hh, w->proxy->dests.loads, &at, sizeof at, mine);
    struct proxy_bound *b = w->proxy->dests.by_addr->cur;
    struct proxy_load other = {.addr = at, .ejection = mine->ejection}; /* another worker's */
    for (int i = 0; i < 2; i++) {
        proxy_load_failed(mine, b, 0, PROXY_FAILED_RESET);
        proxy_load_failed(&other, b, 0, PROXY_FAILED_RESET);
    }
    proxy_load_worked(&other, w->proxy);
    for (int i = 0; i < 4; i++) proxy_load_failed(i % 2 ? mine : &other, b, 0, PROXY_FAILED_RESET);
    assert_int_equal(proxy_ejected_until(mine->ejection), 0);
    proxy_load_failed(mine, b, 0, PROXY_FAILED_RESET);
    assert_true(proxy_ejected_until(other.ejection) > weft_loop_now_us(w->loop));
}

/* What is known of endpoints outlives a change of the configuration. */
static void ejection_outlives_a_change(void **state) {
    struct world *w = *state;
    world_web(w, ROUTE);
    struct app *bad = world_app(w, "10.0.0.1:8080");
    fail_always(bad);
    struct client *c = world_connect(w, "10.96.0.1:80");
    ask(c, 40);
    world_reset_yaml(w);
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1 10.0.0.2 10.0.0.3");
    world_route(w, "r", "web", ROUTE);
    world_apply(w);
    world_app(w, "10.0.0.3:8080");
    ask(c, 40);
    assert_int_equal(bad->requests, 5);
}

static void half_of_a_set_stays(void **state) {
    struct world *w = *state;
    world_web(w, ROUTE);
    struct app *a = world_app(w, "10.0.0.1:8080"), *b = world_app(w, "10.0.0.2:8080");
    fail_always(a);
    fail_always(b);
    struct client *c = world_connect(w, "10.96.0.1:80");
    ask(c, 16);
    assert_int_equal(a->requests + b->requests, 16);
    assert_int_equal(world_metric(w, EJECTS), 1);
    assert_true(world_metric(w, CAPPED) > 0);
}

static void never_when_switched_off(void **state) {
    struct world *w = *state;
    w->opt.outlier_failures = 0;
    world_web(w, ROUTE);
    struct app *bad = world_app(w, "10.0.0.1:8080");
    fail_always(bad);
    ask(world_connect(w, "10.96.0.1:80"), 60);
    assert_true(bad->requests > 10);
    assert_int_equal(world_metric(w, EJECTS), 0);
}

/* One connection to each endpoint: the third request at a time is refused, not kept waiting. */
static void connections_to_an_endpoint_are_limited(void **state) {
    struct world *w = *state;
    w->opt.endpoint_connections = 1;
    world_web(w, ROUTE);
    struct app *a = world_app(w, "10.0.0.1:8080"), *b = world_app(w, "10.0.0.2:8080");
    a->script[0] = b->script[0] = ACT_HOLD;
    a->n_script = b->n_script = 1;
    struct client *c[3];
    for (int i = 0; i < 3; i++) {
        c[i] = world_connect(w, "10.96.0.1:80");
        client_send(c[i], GET);
    }
    assert_int_equal(a->requests + b->requests, 2);
    assert_has(client_text(c[2]), "HTTP/1.1 503");
    assert_has(client_text(c[2]), "weft-reason: overload");
    world_app_answer(a, 200);
    world_app_answer(b, 200);
    assert_has(client_ask(c[2], GET), "HTTP/1.1 200");
}

static void the_view_shows_it(void **state) {
    struct world *w = *state;
    world_web(w, ROUTE);
    fail_always(world_app(w, "10.0.0.1:8080"));
    ask(world_connect(w, "10.96.0.1:80"), 40);
    struct proxy_endpoint_rows rows = {0};
    proxy_endpoint_rows_add(&rows, w->proxy);
    w->proxy->id = 1; /* as another worker that saw the same */
    proxy_endpoint_rows_add(&rows, w->proxy);
    WEFT_FREE char *text = proxy_endpoint_rows_json(&rows);
    proxy_endpoint_rows_done(&rows);
    assert_has(text, "\"destination\": \"default/web:80\"");
    assert_has(text, "\"endpoint\": \"10.0.0.1:8080\"");
    assert_has(text, "\"ejected\": true");
    assert_has(text, "\"failures\": 10,");
    assert_has(text, "\"requests\": 70");
}

/* ---- zones ---- */

/* web has an endpoint in each of two zones; this pod is in `zone`. */
static void two_zones(struct world *w, const char *zone) {
    static const char *const zones[] = {"a", "b"};
    w->opt.zone = zone;
    world_service(w, "web", "10.96.0.1", NULL, "");
    for (int i = 0; i < 2; i++)
        world_yaml(w,
                   "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: z%d, "
                   "namespace: default, labels: {kubernetes.io/service-name: web}}\n"
                   "addressType: IPv4\nports: [{name: main, port: 8080, protocol: TCP}]\n"
                   "endpoints: [{addresses: [10.0.0.%d], zone: %s, conditions: {ready: true}}]\n",
                   i, i + 1, zones[i]);
    world_apply(w);
    world_app(w, "10.0.0.1:8080");
    world_app(w, "10.0.0.2:8080");
}

static void requests_stay_in_the_zone(void **state) {
    struct world *w = *state;
    two_zones(w, "b");
    ask(world_connect(w, "10.96.0.1:80"), 20);
    assert_int_equal(world_app(w, "10.0.0.1:8080")->requests, 0);
    assert_int_equal(world_app(w, "10.0.0.2:8080")->requests, 20);
}

static void without_a_zone_all_are_alike(void **state) {
    struct world *w = *state;
    two_zones(w, NULL);
    ask(world_connect(w, "10.96.0.1:80"), 60);
    assert_true(world_app(w, "10.0.0.1:8080")->requests > 0);
    assert_true(world_app(w, "10.0.0.2:8080")->requests > 0);
}

static void set_own_zone(struct world *w, const char *zone) {
    struct weft_inbound *i = weft_inbound_new();
    i->zone = weft_arena_dup_str(&i->arena, zone);
    proxy_worker_set_inbound(w->proxy, i);
    weft_inbound_unref(i);
}

/* The controller tells the zone, before or after what it tells of the Service. */
static void a_service_that_asks_for_it_is_called_near_by(void **state) {
    struct world *w = *state;
    two_zones(w, NULL);
    world_yaml(w, "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default}\n"
                  "spec: {clusterIP: 10.96.0.1, trafficDistribution: PreferClose, "
                  "ports: [{name: main, port: 80, targetPort: 8080}]}\n");
    set_own_zone(w, "b");
    world_apply(w);
    ask(world_connect(w, "10.96.0.1:80"), 20);
    assert_int_equal(world_app(w, "10.0.0.2:8080")->requests, 20);
    set_own_zone(w, "a");
    ask(world_connect(w, "10.96.0.1:80"), 20);
    assert_int_equal(world_app(w, "10.0.0.1:8080")->requests, 20);
}

static void a_service_that_does_not_ask_is_called_everywhere(void **state) {
    struct world *w = *state;
    set_own_zone(w, "b");
    two_zones(w, NULL);
    ask(world_connect(w, "10.96.0.1:80"), 60);
    assert_true(world_app(w, "10.0.0.1:8080")->requests > 0);
    assert_true(world_app(w, "10.0.0.2:8080")->requests > 0);
}

/* A zone whose endpoint is gone is no reason to fail. */
static void a_dead_zone_is_left(void **state) {
    struct world *w = *state;
    two_zones(w, "b");
    world_app(w, "10.0.0.2:8080")->mode = APP_REFUSE;
    struct client *c = world_connect(w, "10.96.0.1:80");
    for (int i = 0; i < 10; i++) assert_has(client_ask(c, GET), "HTTP/1.1 200");
    assert_int_equal(world_app(w, "10.0.0.1:8080")->requests, 10);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(requests_stay_in_the_zone),
        T(without_a_zone_all_are_alike),
        T(a_service_that_asks_for_it_is_called_near_by),
        T(a_service_that_does_not_ask_is_called_everywhere),
        T(a_dead_zone_is_left),
        T(unavailable_in_trailers_ejects),
        T(unavailable_without_trailers_ejects),
        T(a_fault_of_the_caller_ejects_nobody),
        T(workers_count_together),
        T(failing_endpoint_is_ejected),
        T(ejection_outlives_a_change),
        T(half_of_a_set_stays),
        T(never_when_switched_off),
        T(connections_to_an_endpoint_are_limited),
        T(the_view_shows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * EndpointSlices, ClusterIP rules and names, from objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cli/local/dnat.h>
#include <cli/local/hosts.h>
#include <cli/local/jsonx.h>
#include <cli/local/slices.h>
#include <string.h>

static const char service_text[] =
    "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\"},\"spec\":{\"clusterIP\":\"10.96.0."
    "10\","
    "\"clusterIPs\":[\"10.96.0.10\"],\"ipFamilies\":[\"IPv4\"],\"selector\":{\"app\":\"web\"},"
    "\"ports\":[{\"name\":\"http\",\"port\":80,\"targetPort\":\"http\",\"protocol\":\"TCP\"}]}}";

static json_t *pod(const char *name, const char *app, const char *ip, int port) {
    return json_pack("{s:{s:s, s:s, s:{s:s}}, s:{s:[{s:s}]}, s:{s:[{s:[{s:s, s:i}]}]}}", "metadata",
                     "name", name, "namespace", "shop", "labels", "app", app, "status", "podIPs",
                     "ip", ip, "spec", "containers", "ports", "name", "http", "containerPort",
                     port);
}

struct world {
    json_t *service, *services, *pods[4], *slices;
    struct slices_pod list[4];
};

static void open_world(struct world *w) {
    w->service = json_loads(service_text, 0, NULL);
    assert_non_null(w->service);
    w->services = json_pack("[O]", w->service);
    w->pods[0] = pod("a", "web", "10.244.0.2", 8080);
    w->pods[1] = pod("b", "web", "10.244.0.3", 8080);
    w->pods[2] = pod("c", "web", "10.244.0.4", 9090); /* the same name, another number */
    w->pods[3] = pod("d", "other", "10.244.0.5", 8080);
    for (size_t i = 0; i < 4; i++) w->list[i] = (struct slices_pod){w->pods[i], true, false};
    w->slices = NULL;
}

static void close_world(struct world *w) {
    for (size_t i = 0; i < 4; i++) json_decref(w->pods[i]);
    json_decref(w->slices);
    json_decref(w->services);
    json_decref(w->service);
}

static void one_slice_for_each_set_of_ports(void **state) {
    (void)state;
    struct world w;
    open_world(&w);
    w.list[1].ready = false;
    w.slices = slices_build(w.service, w.list, 4);
    assert_int_equal(json_array_size(w.slices), 2);
    json_t *first = json_array_get(w.slices, 0), *second = json_array_get(w.slices, 1);
    assert_string_equal(local_str(first, "metadata.name", ""), "web-ipv4");
    assert_string_equal(local_label(first, "metadata.labels", "kubernetes.io/service-name"), "web");
    assert_int_equal(json_array_size(json_object_get(first, "endpoints")), 2);
    json_t *b = json_array_get(json_object_get(first, "endpoints"), 1);
    assert_true(json_is_false(local_get(b, "conditions.ready")));
    assert_string_equal(local_str(b, "targetRef.name", ""), "b");
    assert_int_equal(local_int(json_array_get(json_object_get(second, "ports"), 0), "port", 0),
                     9090);
    close_world(&w);
}

static void terminating_pods_are_not_ready_but_serve(void **state) {
    (void)state;
    struct world w;
    open_world(&w);
    w.list[0].terminating = true;
    w.slices = slices_build(w.service, w.list, 1);
    json_t *e = json_array_get(json_object_get(json_array_get(w.slices, 0), "endpoints"), 0);
    assert_true(json_is_false(local_get(e, "conditions.ready")));
    assert_true(json_is_true(local_get(e, "conditions.serving")));
    assert_true(json_is_true(local_get(e, "conditions.terminating")));
    close_world(&w);
}

static void without_selector_nothing_is_made(void **state) { /* REQ-033 */
    (void)state;
    struct world w;
    open_world(&w);
    json_object_del(local_get(w.service, "spec"), "selector");
    w.slices = slices_build(w.service, w.list, 4);
    assert_int_equal(json_array_size(w.slices), 0);
    close_world(&w);
}

static void assert_holds(struct weft_buf *b, const char *want) {
    (void)weft_buf_append(b, weft_slice("", 1));
    if (!strstr(weft_buf_slice(b).base, want))
        fail_msg("%s\nis not in\n%s", want, weft_buf_slice(b).base);
}

static void rules_share_evenly(void **state) {
    (void)state;
    struct world w;
    open_world(&w);
    w.slices = slices_build(w.service, w.list, 4);
    struct weft_buf b;
    weft_buf_init(&b, 0);
    dnat_render(&b, w.services, w.slices, false, true);
    assert_holds(&b, "*nat\n:WEFT-LOCAL - [0:0]\n-A OUTPUT -j WEFT-LOCAL\n"
                     "-A WEFT-LOCAL -d 10.96.0.10/32 -p tcp --dport 80 -m statistic --mode random "
                     "--probability 0.3333333333 -j DNAT --to-destination 10.244.0.2:8080\n"
                     "-A WEFT-LOCAL -d 10.96.0.10/32 -p tcp --dport 80 -m statistic --mode random "
                     "--probability 0.5000000000 -j DNAT --to-destination 10.244.0.3:8080\n"
                     "-A WEFT-LOCAL -d 10.96.0.10/32 -p tcp --dport 80 -j DNAT --to-destination "
                     "10.244.0.4:9090\nCOMMIT\n");
    weft_buf_done(&b);
    close_world(&w);
}

static void nobody_ready_is_refused(void **state) {
    (void)state;
    struct world w;
    open_world(&w);
    w.slices = json_array();
    struct weft_buf b;
    weft_buf_init(&b, 0);
    dnat_render(&b, w.services, w.slices, false, false);
    assert_holds(&b, "*nat\n:WEFT-LOCAL - [0:0]\nCOMMIT\n*filter\n:WEFT-LOCAL - [0:0]\n"
                     "-A WEFT-LOCAL -d 10.96.0.10/32 -p tcp --dport 80 -j REJECT\nCOMMIT\n");
    weft_buf_done(&b);
    weft_buf_init(&b, 0);
    dnat_render(&b, w.services, w.slices, true, false);
    assert_holds(&b, "*nat\n:WEFT-LOCAL - [0:0]\nCOMMIT\n*filter\n:WEFT-LOCAL - [0:0]\nCOMMIT\n");
    weft_buf_done(&b);
    close_world(&w);
}

/* What a manifest writes as an address never becomes a rule of its own, and does not take the rules
 * of the others with it. */
static void what_is_no_address_gets_no_rule(void **state) {
    (void)state;
    struct world w;
    open_world(&w);
    json_array_append_new(local_get(w.service, "spec.clusterIPs"),
                          json_string("10.96.0.11 -j ACCEPT\n-A OUTPUT"));
    json_array_append_new(local_get(w.service, "spec.ports"),
                          json_pack("{s:s, s:i}", "name", "http", "port", 70000));
    w.slices =
        json_pack("[{s:{s:s, s:s, s:{s:s}}, s:s, s:[{s:s, s:i}], s:[{s:[s,s,s,s]}]}]", "metadata",
                  "name", "own", "namespace", "shop", "labels", "kubernetes.io/service-name", "web",
                  "addressType", "IPv4", "ports", "name", "http", "port", 8080, "endpoints",
                  "addresses", "10.1.0.1\nCOMMIT\n*filter", "fd00::1", "example.org", "10.1.0.2");
    struct weft_buf b;
    weft_buf_init(&b, 0);
    dnat_render(&b, w.services, w.slices, false, false);
    assert_holds(&b, "*nat\n:WEFT-LOCAL - [0:0]\n"
                     "-A WEFT-LOCAL -d 10.96.0.10/32 -p tcp --dport 80 -j DNAT --to-destination "
                     "10.1.0.2:8080\nCOMMIT\n*filter\n:WEFT-LOCAL - [0:0]\nCOMMIT\n");
    weft_buf_done(&b);
    close_world(&w);
}

static void names_in_all_spellings(void **state) { /* REQ-031 */
    (void)state;
    struct world w;
    open_world(&w);
    w.slices = slices_build(w.service, w.list, 1);
    struct weft_buf b;
    weft_buf_init(&b, 0);
    hosts_render(&b, w.pods[0], w.services, w.slices, "cluster.local");
    assert_holds(&b, "10.244.0.2\ta\n"
                     "10.96.0.10\tweb.shop.svc.cluster.local web.shop.svc web.shop web "
                     "web.shop.svc.cluster.local.\n");
    weft_buf_done(&b);
    json_object_set_new(json_object_get(w.pods[0], "metadata"), "namespace", json_string("else"));
    weft_buf_init(&b, 0);
    hosts_render(&b, w.pods[0], w.services, w.slices, "example");
    assert_holds(&b, "10.96.0.10\tweb.shop.svc.example web.shop.svc web.shop "
                     "web.shop.svc.example.\n");
    weft_buf_done(&b);
    close_world(&w);
}

static void headless_names_are_endpoints(void **state) { /* REQ-034 */
    (void)state;
    struct world w;
    open_world(&w);
    local_set(w.service, "spec", "clusterIP", json_string("None"));
    w.list[1].ready = false;
    w.slices = slices_build(w.service, w.list, 2);
    struct weft_buf b;
    weft_buf_init(&b, 0);
    hosts_render(&b, w.pods[3], w.services, w.slices, "cluster.local");
    assert_holds(&b,
                 "10.244.0.5\td\n10.244.0.2\tweb.shop.svc.cluster.local web.shop.svc web.shop web "
                 "web.shop.svc.cluster.local.\n");
    assert_null(strstr(weft_buf_slice(&b).base, "a.web"));
    assert_null(strstr(weft_buf_slice(&b).base, "10.244.0.3"));
    weft_buf_done(&b);
    close_world(&w);
}

/* What a StatefulSet gives its pods: a host name, and the Service as its domain. */
static void stateful_pods_have_their_own_names(void **state) { /* REQ-034 */
    (void)state;
    struct world w;
    open_world(&w);
    local_set(w.service, "spec", "clusterIP", json_string("None"));
    local_set(w.pods[0], "spec", "hostname", json_string("web-0"));
    local_set(w.pods[0], "spec", "subdomain", json_string("web"));
    local_set(w.pods[1], "spec", "hostname", json_string("web-1"));
    local_set(w.pods[1], "spec", "subdomain", json_string("another"));
    w.slices = slices_build(w.service, w.list, 2);
    struct weft_buf b;
    weft_buf_init(&b, 0);
    hosts_render(&b, w.pods[3], w.services, w.slices, "cluster.local");
    assert_holds(&b, "10.244.0.2\tweb-0.web.shop.svc.cluster.local web-0.web.shop.svc "
                     "web-0.web.shop web-0.web web-0.web.shop.svc.cluster.local.\n");
    assert_null(strstr(weft_buf_slice(&b).base, "web-1"));
    weft_buf_done(&b);
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slice_for_each_set_of_ports),
        cmocka_unit_test(terminating_pods_are_not_ready_but_serve),
        cmocka_unit_test(without_selector_nothing_is_made),
        cmocka_unit_test(rules_share_evenly),
        cmocka_unit_test(nobody_ready_is_refused),
        cmocka_unit_test(what_is_no_address_gets_no_rule),
        cmocka_unit_test(names_in_all_spellings),
        cmocka_unit_test(headless_names_are_endpoints),
        cmocka_unit_test(stateful_pods_have_their_own_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

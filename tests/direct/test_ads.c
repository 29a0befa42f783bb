/* SPDX-License-Identifier: Apache-2.0
 * Controller and agents together: what a proxy gets, when, and what survives a restart. */
#include <tests/direct/ads_mesh.h>

#include <sidecar/agent_internal.h>

/* === tests === */

static void test_first_contact_to_destination(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    UNTIL(m, proxy_config_ready(p->config));
    assert_string_equal(p->id, "spiffe://cluster.local/ns/shop/sa/web");
    assert_int_equal(p->inbounds, 1);
    assert_int_equal(p->trusts, 1);
    assert_int_equal(p->identities, 1);
    want(p, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0);
    assert_string_equal(p->rules, "web:/one ");
    assert_int_equal(p->endpoints, 1);
    want(p, "192.0.2.1:443"); /* nothing of ours is an answer too */
    UNTIL(m, p->bounds > 1);
    assert_string_equal(p->rules, "");
    proxy_free(p);
    mesh_free(m);
}

/* REQ-020: consumer routes rule clients of their own namespace alone, and others cannot ask. */
static void test_other_namespaces_consumer_routes_are_invisible(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    struct proxy *c = proxy_new(m, &(struct who){"client", "app-1", "app", "client.app", NULL});
    want(p, "10.96.0.1:80");
    want(c, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0 && c->bounds > 0);
    assert_string_equal(p->rules, "web:/one ");
    assert_non_null(strstr(c->rules, "secret-of-client:"));
    proxy_free(p);
    proxy_free(c);
    mesh_free(m);
}

static void test_a_route_change_pushes_one_resource(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    want(p, "10.96.0.1:80");
    want(p, "10.96.0.2:80");
    UNTIL(m, p->bounds > 1 && proxy_config_ready(p->config));
    uint64_t before = resources_sent(m);
    p->bounds = 0;
    put_route(m, "/two");
    UNTIL(m, p->bounds > 0);
    assert_string_equal(p->rules, "web:/two ");
    assert_int_equal(resources_sent(m) - before, 1);
    proxy_free(p);
    mesh_free(m);
}

static void test_nothing_of_ours_becomes_ours(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    want(p, "10.96.0.77:80");
    UNTIL(m, p->bounds > 0);
    put_file(m, "manifests/late.yaml",
             "apiVersion: v1\nkind: Service\nmetadata: {name: late, namespace: shop}\n"
             "spec: {clusterIP: 10.96.0.77, ports: [{name: http, port: 80}]}\n");
    UNTIL(m, p->bounds > 1);
    proxy_free(p);
    mesh_free(m);
}

static void test_a_restarted_controller_sends_nothing_again(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    want(p, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0 && proxy_config_ready(p->config));
    m->controller = controller_free(m->controller);
    UNTIL(m, p->downs > 0);
    start_controller(m);
    put_route(m, "/after"); /* the only thing to be told */
    UNTIL(m, strcmp(p->rules, "web:/after ") == 0);
    assert_int_equal(resources_sent(m), 1);
    assert_int_equal(p->identities, 1);
    assert_int_equal(p->inbounds, 1);
    proxy_free(p);
    mesh_free(m);
}

/* DESIGN: "proxy crashes: configuration and identity from the state folder". */
static void test_a_restarted_proxy_serves_without_the_controller(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    const struct who who = {"shop", "web-1", "web", "shop.web", "state"};
    struct proxy *p = proxy_new(m, &who);
    want(p, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0 && proxy_config_ready(p->config));
    proxy_free(p);
    struct stat s;
    assert_int_equal(stat(path_in(m, "state"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    assert_int_equal(stat(path_in(m, "state/key.pem"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);

    m->controller = controller_free(m->controller);
    p = proxy_new(m, &who);
    assert_true(proxy_config_ready(p->config));
    assert_int_equal(p->identities, 1);
    want(p, "10.96.0.1:80");
    assert_string_equal(p->rules, "web:/one ");

    start_controller(m);
    UNTIL(m, weft_counter_value(m->controller->metrics.connected) == 1);
    put_route(m, "/three");
    UNTIL(m, strcmp(p->rules, "web:/three ") == 0);
    assert_int_equal(resources_sent(m), 1);
    assert_int_equal(weft_counter_value(m->controller->metrics.certificates), 0);
    proxy_free(p);
    mesh_free(m);
}

static void test_a_kept_certificate_of_another_root_is_discarded(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    const struct who who = {"shop", "web-1", "web", "shop.web", "state"};
    struct proxy *p = proxy_new(m, &who);
    UNTIL(m, p->ups > 0);
    proxy_free(p);
    m->controller = controller_free(m->controller);
    assert_int_equal(remove(path_in(m, "ca/root.pem")), 0);
    assert_int_equal(remove(path_in(m, "ca/root.key")), 0);
    start_controller(m);
    p = proxy_new(m, &who);
    UNTIL(m, p->ups > 0); /* finds out, and asks anew with its token */
    assert_int_equal(p->identities, 2);
    proxy_free(p);
    put_file(m, "state/bundle.pem", "not a certificate");
    p = proxy_new(m, &who);
    assert_int_equal(p->identities, 0);
    UNTIL(m, p->ups > 0);
    proxy_free(p);
    mesh_free(m);
}

static void test_a_certificate_is_renewed_while_its_account_has_a_token(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    UNTIL(m, p->identities > 0 && p->ups > 0);
    assert_int_equal(unlink(path_in(m, "tokens/shop.web")), 0);
    p->agent->by_token = false;
    weft_timer_start(&p->agent->sign_timer, 1);
    UNTIL(m, weft_counter_value(m->controller->metrics.refused) > 0);
    assert_int_equal(weft_counter_value(m->controller->metrics.certificates), 1);
    UNTIL(m, !p->agent->sign);
    put_file(m, "tokens/shop.web", "another-of-shop-web-0123456789");
    UNTIL(m, weft_counter_value(m->controller->metrics.certificates) == 2);
    proxy_free(p);
    mesh_free(m);
}

static void test_a_wrong_token_gets_nothing(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    put_file(m, "tokens/shop.web", "another-token-than-the-proxy-has");
    put_file(m, "token", "token-of-shop-web-0123456789");
    struct proxy *p = proxy_new(m, &(struct who){"shop", "web-1", "web", "../token", NULL});
    UNTIL(m, weft_counter_value(m->controller->metrics.refused) > 0);
    assert_int_equal(weft_counter_value(m->controller->metrics.certificates), 0);
    assert_int_equal(p->identities, 0);
    put_file(m, "tokens/shop.web", "token-of-shop-web-0123456789"); /* changed: counts at once */
    UNTIL(m, p->identities > 0);
    proxy_free(p);
    mesh_free(m);
}

/* The identity comes from the token, whatever the request says: the agent that asked for another's
 * sees that it is not what it wants. */
static void test_another_accounts_token_yields_that_accounts_identity_only(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &(struct who){"shop", "web-1", "web", "shop.other", NULL});
    UNTIL(m, weft_counter_value(m->controller->metrics.certificates) > 0);
    for (int i = 0; i < 50; i++) (void)weft_loop_turn(m->loop);
    assert_int_equal(p->identities, 0);
    assert_int_equal(p->inbounds, 0);
    proxy_free(p);
    mesh_free(m);
}

static void test_another_pods_inbound_is_refused(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    /* the right account, but its pod is at another address */
    struct proxy *a = proxy_new(m, &(struct who){"shop", "other-1", "other", "shop.other", NULL});
    /* the right address, but another account's pod */
    struct proxy *b = proxy_new(m, &(struct who){"shop", "web-1", "other", "shop.other", NULL});
    UNTIL(m, a->trusts > 0 && b->trusts > 0 &&
                 weft_counter_value(m->controller->metrics.refused) >= 2);
    for (int i = 0; i < 50; i++) (void)weft_loop_turn(m->loop);
    assert_int_equal(a->inbounds, 0);
    assert_int_equal(b->inbounds, 0);
    /* the pod gets the address later: now it is its own */
    put_file(m, "manifests/other.yaml",
             "apiVersion: v1\nkind: Pod\nmetadata: {name: late-1, namespace: shop}\n"
             "spec: {serviceAccountName: other, containers: [{name: app}]}\n"
             "status: {podIP: 127.0.0.10, phase: Running}\n");
    for (int i = 0; i < 50; i++) (void)weft_loop_turn(m->loop);
    assert_int_equal(a->inbounds, 0);
    proxy_free(a);
    proxy_free(b);
    mesh_free(m);
}

static void test_a_broken_file_is_reported_and_changes_nothing(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    want(p, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0);
    put_file(m, "manifests/route.yaml",
             "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web, "
             "namespace: shop}\nspec:\n  rules: [{matches: [{path: {value: 7}}]}]\n");
    UNTIL(m, m->controller->errors.n > 0);
    struct weft_buf body;
    weft_buf_init(&body, 0);
    const char *type;
    assert_int_equal(controller_admin_answer(m->controller, LIT("/errors"), true, &type, &body),
                     200);
    (void)weft_buf_char(&body, 0);
    assert_non_null(strstr(body.base, "manifests/route.yaml"));
    assert_non_null(strstr(body.base, "spec.rules[0].matches[0].path.value"));
    assert_string_equal(p->rules, "web:/one ");
    put_route(m, "/mended");
    UNTIL(m, strcmp(p->rules, "web:/mended ") == 0);
    weft_buf_clear(&body);
    assert_int_equal(controller_admin_answer(m->controller, LIT("/errors"), true, &type, &body),
                     200);
    assert_true(weft_slice_starts(weft_buf_slice(&body), LIT("[]")));
    weft_buf_done(&body);
    proxy_free(p);
    mesh_free(m);
}

/* Has the controller's page the version that this proxy reckons for itself? */
static bool has_acknowledged(const struct mesh *m, const struct proxy *p) {
    char version[17], want[64];
    struct weft_buf body;
    const char *type;
    weft_buf_init(&body, 0);
    assert_int_equal(controller_admin_answer(m->controller, LIT("/proxies"), true, &type, &body),
                     200);
    bool any = proxy_config_version(p->config, version);
    snprintf(want, sizeof want, "\"config_version\": \"%s\"", version);
    struct weft_slice text = weft_buf_slice(&body);
    bool has = any && weft_slice_search(text, weft_slice_str(want)) < text.len &&
               weft_slice_search(text, LIT("\"pod\": \"web-1\"")) < text.len &&
               weft_slice_search(text, LIT("\"unanswered\": 0")) < text.len;
    weft_buf_done(&body);
    return has;
}

static void test_who_acknowledged_what_is_told(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct who kept = web;
    kept.state = "state-of-web";
    assert_int_equal(mkdir(path_in(m, kept.state), 0700), 0);
    struct proxy *p = proxy_new(m, &kept);
    char before[17], after[17];
    want(p, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0 && p->inbounds > 0 && has_acknowledged(m, p));
    assert_true(proxy_config_version(p->config, before));
    put_route(m, "/two");
    UNTIL(m, strcmp(p->rules, "web:/two ") == 0 && has_acknowledged(m, p));
    assert_true(proxy_config_version(p->config, after));
    assert_string_not_equal(before, after);
    proxy_free(p);
    p = proxy_new(m, &kept); /* what it kept and nobody asks for any more is not counted */
    UNTIL(m, p->ups > 0 && has_acknowledged(m, p));
    want(p, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0 && has_acknowledged(m, p));
    assert_true(proxy_config_version(p->config, before));
    assert_string_equal(before, after);
    proxy_free(p);
    mesh_free(m);
}

static void test_admin_answers(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    static const struct {
        const char *target;
        bool near;
        uint16_t status;
        const char *has;
    } rows[] = {
        {"/live", false, 200, "ok"},
        {"/ready", false, 200, "ok"},
        {"/metrics", false, 200, "weft_controller_store_generation"},
        {"/routes", true, 200, "secret-of-client"},
        {"/config_dump?from=client", true, 200, "secret-of-client"},
        {"/config_dump?from=shop", true, 200, "dest/10.96.0.1:80"},
        {"/nothing", true, 404, ""},
        {"/routes", false, 403, "own host"},
        {"/config_dump?from=client", false, 403, "own host"},
        {"/errors", false, 403, "own host"},
        {"/proxies", true, 200, "[]"},
        {"/proxies", false, 403, "own host"},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct weft_buf body;
        weft_buf_init(&body, 0);
        const char *type;
        assert_int_equal(controller_admin_answer(m->controller, weft_slice_str(rows[i].target),
                                                 rows[i].near, &type, &body),
                         rows[i].status);
        (void)weft_buf_char(&body, 0);
        assert_non_null(strstr(body.base, rows[i].has));
        if (strstr(rows[i].target, "from=shop")) assert_null(strstr(body.base, "secret-of"));
        weft_buf_done(&body);
    }
    mesh_free(m);
}

int main(void) {
    (void)weft_log_set_level(getenv("WEFT_TEST_LOG") ? getenv("WEFT_TEST_LOG") : "error");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_contact_to_destination),
        cmocka_unit_test(test_who_acknowledged_what_is_told),
        cmocka_unit_test(test_other_namespaces_consumer_routes_are_invisible),
        cmocka_unit_test(test_a_route_change_pushes_one_resource),
        cmocka_unit_test(test_nothing_of_ours_becomes_ours),
        cmocka_unit_test(test_a_restarted_controller_sends_nothing_again),
        cmocka_unit_test(test_a_restarted_proxy_serves_without_the_controller),
        cmocka_unit_test(test_a_kept_certificate_of_another_root_is_discarded),
        cmocka_unit_test(test_a_certificate_is_renewed_while_its_account_has_a_token),
        cmocka_unit_test(test_a_wrong_token_gets_nothing),
        cmocka_unit_test(test_another_accounts_token_yields_that_accounts_identity_only),
        cmocka_unit_test(test_another_pods_inbound_is_refused),
        cmocka_unit_test(test_a_broken_file_is_reported_and_changes_nothing),
        cmocka_unit_test(test_admin_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

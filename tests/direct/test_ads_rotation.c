/* SPDX-License-Identifier: Apache-2.0
 * Another root while proxies are connected: docs/certificates.md, step by step. */
#include <tests/direct/ads_mesh.h>

#include <sidecar/agent_internal.h>

struct roots {
    char *old_cert, *cert, *key;
};

static char *file_text(const struct mesh *m, const char *name) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    assert_int_equal(weft_file_read(path_in(m, name), &b), WEFT_OK);
    char *text = weft_slice_dup(weft_buf_slice(&b));
    weft_buf_done(&b);
    return text;
}

static struct roots make_roots(const struct mesh *m) {
    struct weft_buf key, cert;
    struct weft_error err = {0};
    weft_buf_init(&key, 0);
    weft_buf_init(&cert, 0);
    assert_int_equal(controller_ca_make_root("cluster.local",
                                             (int64_t)(weft_clock_unix_us() / 1000000u), &key,
                                             &cert, &err),
                     WEFT_OK);
    struct roots r = {.old_cert = file_text(m, "ca/root.pem"),
                      .cert = weft_slice_dup(weft_buf_slice(&cert)),
                      .key = weft_slice_dup(weft_buf_slice(&key))};
    weft_buf_done(&key);
    weft_buf_done(&cert);
    return r;
}

static void roots_done(struct roots *r) {
    free(r->old_cert);
    free(r->cert);
    free(r->key);
}

static void look_now(struct mesh *m) {
    weft_timer_start(&m->controller->ca_timer, 1);
}

static void trust_both(struct mesh *m, const struct roots *r) {
    put_file(m, "ca/bundle.pem", r->cert);
    look_now(m);
}

static void sign_with_the_new(struct mesh *m, const struct roots *r) {
    put_file(m, "ca/bundle.pem", r->old_cert);
    put_file(m, "ca/root.key", r->key);
    put_file(m, "ca/root.pem", r->cert);
    look_now(m);
    struct weft_slice bundle = controller_ca_bundle(m->controller->ca);
    UNTIL(m, m->controller->ca_timer.due_us > weft_loop_now_us(m->loop) + 500000);
    bundle = controller_ca_bundle(m->controller->ca);
    assert_true(weft_slice_search(bundle, weft_slice_str(r->old_cert)) < bundle.len);
}

static void trust_only_the_new(struct mesh *m) {
    put_file(m, "ca/bundle.pem", "\n");
    look_now(m);
}

static struct proxy *connected(struct mesh *m) {
    struct proxy *p = proxy_new(m, &web);
    want(p, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0 && proxy_config_ready(p->config));
    return p;
}

static bool still_told(struct mesh *m, struct proxy *p, const char *path) {
    char expected[64];
    snprintf(expected, sizeof expected, "web:%s ", path);
    put_route(m, path);
    UNTIL(m, strcmp(p->rules, expected) == 0);
    return true;
}

static void test_a_root_is_replaced_without_anybody_noticing(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = connected(m);
    struct roots r = make_roots(m);

    trust_both(m, &r);
    UNTIL(m, p->trusts == 2);
    assert_int_equal(p->downs, 0);

    sign_with_the_new(m, &r);
    assert_true(still_told(m, p, "/signed-by-the-old"));
    weft_timer_start(&p->agent->sign_timer, 1); /* as at two thirds of its life */
    UNTIL(m, weft_counter_value(m->controller->metrics.certificates) == 2 && p->identities == 3);
    assert_true(still_told(m, p, "/signed-by-the-new"));

    trust_only_the_new(m);
    UNTIL(m, p->trusts == 3);
    assert_true(weft_slice_is(weft_buf_slice(&p->agent->bundle), r.cert));
    assert_true(still_told(m, p, "/the-old-is-gone"));
    assert_int_equal(weft_counter_value(m->controller->metrics.nacks[WEFT_ADS_REJECT_TRUST]), 0);
    assert_int_equal(weft_counter_value(m->controller->metrics.certificates), 2);
    roots_done(&r);
    proxy_free(p);
    mesh_free(m);
}

static void test_who_missed_the_change_renews_by_its_token(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = connected(m);
    struct roots r = make_roots(m);
    trust_both(m, &r);
    UNTIL(m, p->trusts == 2);
    sign_with_the_new(m, &r);
    trust_only_the_new(m); /* too early: its certificate is of the old root */
    UNTIL(m, weft_counter_value(m->controller->metrics.nacks[WEFT_ADS_REJECT_TRUST]) == 1);
    assert_true(weft_timer_active(&p->agent->sign_timer));
    uint64_t left = p->agent->sign_timer.due_us - weft_loop_now_us(m->loop);
    assert_in_range(left, 1, 11 * 1000000);
    weft_timer_start(&p->agent->sign_timer, 1);
    UNTIL(m, p->trusts == 3);
    assert_true(weft_slice_is(weft_buf_slice(&p->agent->bundle), r.cert));
    assert_true(still_told(m, p, "/caught-up"));
    assert_int_equal(weft_counter_value(m->controller->metrics.certificates), 2);
    roots_done(&r);
    proxy_free(p);
    mesh_free(m);
}

static void test_a_new_pod_needs_no_file(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    WEFT_FREE char *pem = file_text(m, "ca/root.pem");
    struct proxy *p = weft_new0(struct proxy);
    p->config = proxy_config_new(&(struct proxy_config_cb){p, on_bound, on_inbound, on_trust});
    const struct proxy_agent_options o = {.controller_host = "localhost", /* by name, too */
                                          .controller_port = m->options.listen.port,
                                          .controller_name = "weft-controller.weft-system.svc",
                                          .ns = "shop",
                                          .pod = "web-1",
                                          .service_account = "web",
                                          .trust_domain = "cluster.local",
                                          .token_file = path_in(m, "tokens/shop.web"),
                                          .bundle_pem = pem};
    p->agent = proxy_agent_new(m->loop, &o, p->config,
                               &(struct proxy_agent_cb){p, on_identity, on_connected});
    want(p, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0);
    proxy_free(p);
    mesh_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_root_is_replaced_without_anybody_noticing),
        cmocka_unit_test(test_who_missed_the_change_renews_by_its_token),
        cmocka_unit_test(test_a_new_pod_needs_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

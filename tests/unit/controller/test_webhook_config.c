/* SPDX-License-Identifier: Apache-2.0
 * The caBundle by which the API server believes our webhook. */
#include "support/kube_world.h"

#include <controller/webhook_config.h>
#include <weft/base/base64.h>
#include <weft/base/clock.h>

#define PATH "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/weft-injector"

struct world {
    struct kube_world k;
    struct controller_ca *ca;
    struct controller_webhook_config *w;
};

static int64_t now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

static void give_root(struct world *w) {
    struct weft_buf key, cert;
    struct weft_error err = {0};
    bool changed = false;
    weft_buf_init(&key, 0);
    weft_buf_init(&cert, 0);
    assert_int_equal(controller_ca_make_root("cluster.local", now(), &key, &cert, &err), WEFT_OK);
    assert_int_equal(
        controller_ca_set(w->ca,
                          &(struct controller_ca_material){.key = weft_buf_slice(&key),
                                                           .chain = weft_buf_slice(&cert)},
                          now(), &changed, &err),
        WEFT_OK);
    assert_true(changed);
    weft_buf_done(&key);
    weft_buf_done(&cert);
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    struct weft_error err = {0};
    const struct controller_ca_options o = {.trust_domain = "cluster.local", .max_ttl_s = 3600};
    kube_world_init(&w->k);
    assert_int_equal(controller_ca_new(&o, now(), &w->ca, &err), WEFT_OK);
    w->w = controller_webhook_config_new(w->k.loop, w->k.kube, w->ca, "weft-injector");
    settle(&w->k);
    *state = w;
    return 0;
}
static int tear_down(void **state) {
    struct world *w = *state;
    controller_webhook_config_free(w->w);
    controller_ca_free(w->ca);
    kube_world_done(&w->k);
    free(w);
    return 0;
}

/* Two entries, as they are installed: without a bundle. */
static void install(struct world *w) {
    cluster_put(w->k.cluster, PATH,
                json_pack("{s:{s:s}, s:[{s:s, s:{s:{s:s}}}, {s:s, s:{s:{s:s}}}]}", "metadata",
                          "name", "weft-injector", "webhooks", "name", "a", "clientConfig",
                          "service", "name", "weft-controller", "name", "b", "clientConfig",
                          "service", "name", "weft-controller"));
    settle(&w->k);
}

static const char *written(struct world *w, size_t entry) {
    json_t *e = json_array_get(json_object_get(cluster_get(w->k.cluster, PATH), "webhooks"), entry);
    return json_string_value(json_object_get(json_object_get(e, "clientConfig"), "caBundle"));
}

static void assert_current(struct world *w) {
    for (size_t i = 0; i < 2; i++) {
        struct weft_buf pem;
        weft_buf_init(&pem, 0);
        assert_non_null(written(w, i));
        assert_int_equal(weft_base64_decode(weft_slice_str(written(w, i)), &pem), WEFT_OK);
        assert_true(weft_slice_eq(weft_buf_slice(&pem), controller_ca_bundle(w->ca)));
        weft_buf_done(&pem);
    }
    assert_true(controller_webhook_config_current(w->w));
}

static void the_leader_puts_the_bundle_into_every_entry(void **state) {
    struct world *w = *state;
    give_root(w);
    install(w);
    assert_null(written(w, 0));
    assert_false(controller_webhook_config_current(w->w));
    controller_webhook_config_lead(w->w, true);
    settle(&w->k);
    assert_current(w);
    assert_int_equal(w->k.cluster->puts, 1);
    pass(&w->k, 10000);
    assert_int_equal(w->k.cluster->puts, 1); /* what is right stays untouched */
}

static void nothing_is_written_before_there_is_a_root(void **state) {
    struct world *w = *state;
    controller_webhook_config_lead(w->w, true);
    install(w);
    assert_int_equal(w->k.cluster->puts, 0);
    give_root(w);
    controller_webhook_config_renew(w->w);
    settle(&w->k);
    assert_current(w);
}

static void a_new_root_and_a_configuration_applied_again_are_followed(void **state) {
    struct world *w = *state;
    give_root(w);
    controller_webhook_config_lead(w->w, true);
    install(w);
    assert_current(w);
    give_root(w);
    controller_webhook_config_renew(w->w);
    settle(&w->k);
    assert_current(w);
    install(w); /* somebody applied it again, without a bundle */
    assert_current(w);
}

static void a_write_that_fails_is_tried_again(void **state) {
    struct world *w = *state;
    give_root(w);
    install(w);
    w->k.status = 500;
    controller_webhook_config_lead(w->w, true);
    settle(&w->k);
    w->k.status = 0;
    assert_null(written(w, 0));
    pass(&w->k, 60000);
    assert_current(w);
}

/* Whoever is Ready before it has looked serves pods that the API server cannot bring to it. */
static void before_it_was_read_nothing_is_said_of_it(void **state) {
    struct world *w = *state;
    give_root(w);
    assert_true(controller_webhook_config_current(w->w)); /* read: there is none */
    install(w);
    struct controller_webhook_config *second =
        controller_webhook_config_new(w->k.loop, w->k.kube, w->ca, "weft-injector");
    assert_false(controller_webhook_config_current(second));
    settle(&w->k);
    assert_false(controller_webhook_config_current(second)); /* it has no bundle */
    controller_webhook_config_lead(w->w, true);
    settle(&w->k);
    assert_true(controller_webhook_config_current(second));
    controller_webhook_config_free(second);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_leader_puts_the_bundle_into_every_entry),
        T(nothing_is_written_before_there_is_a_root),
        T(a_new_root_and_a_configuration_applied_again_are_followed),
        T(a_write_that_fails_is_tried_again),
        T(before_it_was_read_nothing_is_said_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

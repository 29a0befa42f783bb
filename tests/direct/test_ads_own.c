/* SPDX-License-Identifier: Apache-2.0
 * A pod gets its own inbound configuration and nobody else's, be they ever so alike. */
#include "ads_mesh.h"

static const char *const twin =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web-2, namespace: shop, labels: {app: web}, "
    "annotations: {weftmesh.io/sidecar: injected, weftmesh.io/mtls: disabled}}\n"
    "spec: {serviceAccountName: web, containers: [{name: app, ports: [{containerPort: 8080}]}]}\n"
    "status: {podIP: 127.0.0.3, phase: Running}\n";

/* Account and namespace are the same; only the address tells the two pods apart. */
static void test_inbound_of_a_twin_is_refused(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    put_file(m, "manifests/twin.yaml", twin);
    struct proxy *own = proxy_new(m, &web);
    UNTIL(m, own->inbounds > 0);
    assert_int_equal(weft_counter_value(m->controller->metrics.refused), 0);
    struct proxy *p = proxy_new(m, &(struct who){"shop", "web-2", "web", "shop.web", NULL});
    UNTIL(m, p->trusts > 0 && weft_counter_value(m->controller->metrics.refused) > 0);
    for (int i = 0; i < 50; i++) (void)weft_loop_turn(m->loop);
    assert_int_equal(p->inbounds, 0);
    assert_string_equal(p->id, "spiffe://cluster.local/ns/shop/sa/web");
    proxy_free(p);
    proxy_free(own);
    mesh_free(m);
}

int main(void) {
    (void)weft_log_set_level("error"); /* what is refused is logged as well */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inbound_of_a_twin_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

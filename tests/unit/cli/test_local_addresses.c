/* SPDX-License-Identifier: Apache-2.0
 * Addresses: kept where written, given out once, stable by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cli/local/address.h>
#include <cli/local/jsonx.h>

static void text_of(const struct weft_addr *a, char ret[WEFT_ADDR_STR]) {
    weft_addr_format_ip(a, ret);
}

static void pool_gives_each_once(void **state) {
    (void)state;
    struct local_pool p;
    assert_int_equal(local_pool_init(&p, "10.1.2.99/29", 2), WEFT_OK);
    struct weft_addr claimed, a;
    assert_true(weft_addr_parse_ip(weft_slice_str("10.1.2.100"), &claimed));
    assert_int_equal(local_pool_claim(&p, &claimed), WEFT_OK);
    assert_int_equal(local_pool_claim(&p, &claimed), WEFT_EXISTS);
    static const char *const want[] = {"10.1.2.98", "10.1.2.99", "10.1.2.101", "10.1.2.102"};
    char text[WEFT_ADDR_STR];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(local_pool_take(&p, &a), WEFT_OK);
        text_of(&a, text);
        assert_string_equal(text, want[i]);
    }
    assert_int_equal(local_pool_take(&p, &a), WEFT_LIMIT); /* .103 is the broadcast address */
    local_pool_release(&p, &claimed);
    assert_int_equal(local_pool_take(&p, &a), WEFT_OK);
    text_of(&a, text);
    assert_string_equal(text, "10.1.2.100");
    local_pool_done(&p);
}

static void pool_of_ipv6(void **state) {
    (void)state;
    struct local_pool p;
    assert_int_equal(local_pool_init(&p, "fd00:10:244::/64", 2), WEFT_OK);
    struct weft_addr a = local_pool_at(&p, 258);
    char text[WEFT_ADDR_STR];
    text_of(&a, text);
    assert_string_equal(text, "fd00:10:244::102");
    assert_true(local_pool_contains(&p, &a));
    assert_true(weft_addr_parse_ip(weft_slice_str("fd00:10:245::2"), &a));
    assert_false(local_pool_contains(&p, &a));
    assert_int_equal(local_pool_claim(&p, &a), WEFT_OK); /* outside: kept as it is */
    local_pool_done(&p);
}

static void bad_subnets(void **state) {
    (void)state;
    static const char *const bad[] = {"",    "10.0.0.0",  "10.0.0.0/0", "10.0.0.0/31",
                                      "x/8", "fd00::/127"};
    struct local_pool p;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(local_pool_init(&p, bad[i], 2), WEFT_INVALID);
}

static void open_addresses(struct local_addresses *a) {
    struct weft_error err;
    assert_int_equal(local_addresses_init(a, "10.244.0.0/16", "fd00:10:244::/64", "10.96.0.0/16",
                                          "fd00:10:96::/112", true, &err),
                     WEFT_OK);
}

static json_t *service(const char *name, const char *spec) {
    json_t *o = json_pack("{s:{s:s, s:s}}", "metadata", "namespace", "ns", "name", name);
    json_object_set_new(o, "spec", json_loads(spec, 0, NULL));
    assert_non_null(json_object_get(o, "spec"));
    return o;
}

static void written_cluster_ips_are_kept(void **state) {
    (void)state;
    struct local_addresses a;
    struct weft_error err;
    open_addresses(&a);
    json_t *list = json_array();
    json_array_append_new(list, service("free", "{\"ports\":[{\"port\":80}]}"));
    json_array_append_new(list, service("fixed", "{\"clusterIP\":\"10.96.0.10\"}"));
    json_array_append_new(list, service("headless", "{\"clusterIP\":\"None\"}"));
    json_array_append_new(list, service("dual", "{\"ipFamilyPolicy\":\"PreferDualStack\"}"));
    local_addresses_claim(&a, NULL, list);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(local_addresses_service(&a, json_array_get(list, i), &err), WEFT_OK);
    json_t *first = json_array_get(list, 0), *dual = json_array_get(list, 3);
    assert_string_equal(local_str(first, "spec.clusterIP", ""), "10.96.0.11");
    assert_int_equal(local_int(json_array_get(local_get(first, "spec.ports"), 0), "targetPort", 0),
                     80);
    assert_string_equal(local_str(json_array_get(list, 1), "spec.clusterIP", ""), "10.96.0.10");
    assert_int_equal(json_array_size(local_get(json_array_get(list, 1), "spec.clusterIPs")), 1);
    assert_string_equal(
        json_string_value(json_array_get(local_get(json_array_get(list, 2), "spec.clusterIPs"), 0)),
        "None");
    assert_int_equal(json_array_size(local_get(dual, "spec.clusterIPs")), 2); /* REQ-030 */
    json_t *again = service("free", "{}");
    assert_int_equal(local_addresses_service(&a, again, &err), WEFT_OK);
    assert_string_equal(local_str(again, "spec.clusterIP", ""), "10.96.0.11");
    json_decref(again);
    json_decref(list);
    local_addresses_done(&a);
}

static void pods_get_both_families(void **state) {
    (void)state;
    struct local_addresses a;
    struct weft_error err;
    open_addresses(&a);
    json_t *fixed = json_loads("{\"metadata\":{\"name\":\"b\",\"namespace\":\"ns\"},"
                               "\"status\":{\"podIP\":\"192.168.7.7\"}}",
                               0, NULL);
    json_t *pod = json_loads("{\"metadata\":{\"name\":\"a\",\"namespace\":\"ns\"}}", 0, NULL);
    assert_int_equal(local_addresses_pod(&a, pod, &err), WEFT_OK);
    assert_int_equal(local_addresses_pod(&a, fixed, &err), WEFT_OK);
    assert_string_equal(local_str(pod, "status.podIP", ""), "10.244.0.2");
    assert_string_equal(local_str(json_array_get(local_get(pod, "status.podIPs"), 1), "ip", ""),
                        "fd00:10:244::2");
    assert_string_equal(local_str(fixed, "status.podIP", ""), "192.168.7.7");
    assert_string_equal(local_str(json_array_get(local_get(fixed, "status.podIPs"), 1), "ip", ""),
                        "fd00:10:244::3");
    json_decref(pod);
    json_decref(fixed);
    local_addresses_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_gives_each_once),
        cmocka_unit_test(pool_of_ipv6),
        cmocka_unit_test(bad_subnets),
        cmocka_unit_test(written_cluster_ips_are_kept),
        cmocka_unit_test(pods_get_both_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

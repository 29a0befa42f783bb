/* SPDX-License-Identifier: Apache-2.0
 * SPIFFE IDs: one spelling, nothing else. */
#include <weft/mesh/identity.h>

#include "mesh_test.h"

static void test_parse_and_format(void **state) {
    struct weft_spiffe s;
    static const char id[] = "spiffe://cluster.local/ns/shop/sa/cart-v2.x";
    assert_true(weft_spiffe_parse(sl(id), &s));
    assert_slice(s.trust_domain, "cluster.local");
    assert_slice(s.ns, "shop");
    assert_slice(s.service_account, "cart-v2.x");
    struct weft_arena a;
    weft_arena_init(&a, 0);
    assert_slice(weft_spiffe_format(&a, &s), id);
    weft_arena_done(&a);
}

static void test_refused(void **state) {
    static const char *const bad[] = {
        "",
        "spiffe://",
        "spiffe://td",
        "spiffe:///ns/a/sa/b",
        "SPIFFE://td/ns/a/sa/b",
        "spiffe://TD/ns/a/sa/b",
        "spiffe://td:80/ns/a/sa/b",
        "spiffe://u@td/ns/a/sa/b",
        "spiffe://td/ns//sa/b",
        "spiffe://td/ns/a/sa/",
        "spiffe://td/ns/a/sa/b/",
        "spiffe://td/ns/a/sa/b/c",
        "spiffe://td/ns/a/b",
        "spiffe://td/NS/a/sa/b",
        "spiffe://td/ns/a/sa/b?q",
        "spiffe://td/ns/a/sa/b#f",
        "spiffe://td/ns/a/sa/%62",
        "spiffe://td/ns/../sa/b",
        "spiffe://td/ns/a/sa/.",
        "spiffe://td/ns/a b/sa/b",
        "https://td/ns/a/sa/b",
        " spiffe://td/ns/a/sa/b",
    };
    for (size_t i = 0; i < WEFT_LEN(bad); i++) {
        struct weft_spiffe s;
        if (weft_spiffe_parse(sl(bad[i]), &s)) fail_msg("%s was taken", bad[i]);
    }
    struct weft_spiffe s;
    assert_false(weft_spiffe_parse(weft_slice("spiffe://td/ns/a/sa/b\0c", 23), &s));
    char longer[2100] = "spiffe://td/ns/a/sa/";
    memset(longer + strlen(longer), 'x', 2060);
    assert_false(weft_spiffe_parse(sl(longer), &s));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_and_format),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

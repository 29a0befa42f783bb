/* SPDX-License-Identifier: Apache-2.0
 * Places are counted for each by itself, and given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <controller/places.h>

#define LIT(s) WEFT_SLICE_LIT(s)

static void test_each_has_so_many(void **state) {
    (void)state;
    struct controller_places p = {0};
    struct controller_place *a = controller_places_take(&p, LIT("10.0.0.1"), 2);
    struct controller_place *b = controller_places_take(&p, LIT("10.0.0.1"), 2);
    assert_non_null(a);
    assert_ptr_equal(a, b);
    assert_null(controller_places_take(&p, LIT("10.0.0.1"), 2));
    struct controller_place *c = controller_places_take(&p, LIT("10.0.0.10"), 2);
    assert_non_null(c);
    controller_places_give(&p, a);
    a = controller_places_take(&p, LIT("10.0.0.1"), 2);
    assert_non_null(a);
    controller_places_give(&p, a);
    controller_places_give(&p, b);
    controller_places_give(&p, c);
    controller_places_give(&p, NULL);
    assert_null(p.all);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_has_so_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

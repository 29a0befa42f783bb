/* SPDX-License-Identifier: Apache-2.0
 * Who may ask how often, and what is remembered of whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <controller/allowance.h>
#include <stdio.h>

#define SECOND UINT64_C(1000000)

static struct weft_addr ip(unsigned n) {
    char text[32];
    struct weft_addr a;
    snprintf(text, sizeof text, "10.%u.%u.%u", n >> 16, n >> 8 & 255, n & 255);
    assert_true(weft_addr_parse_ip(weft_slice_str(text), &a));
    return a;
}

static int take(struct controller_allowance *a, unsigned who, uint64_t now_us, int tries) {
    struct weft_addr from = ip(who);
    int got = 0;
    for (int i = 0; i < tries; i++) {
        from.port = (uint16_t)i; /* each a connection of its own */
        got += controller_allowance_take(a, &from, now_us);
    }
    return got;
}

static void one_address_has_a_tenth(void **state) {
    (void)state;
    struct controller_allowance a;
    controller_allowance_init(&a, SECOND);
    assert_int_equal(take(&a, 1, SECOND, 100), 20);
    assert_int_equal(take(&a, 2, SECOND, 100), 20);
    assert_int_equal(take(&a, 1, 2 * SECOND, 100), 5); /* a second later */
    assert_int_equal(take(&a, 1, 9 * SECOND, 100), 20);
    controller_allowance_done(&a);
}

/* Ten at full speed are as many as there is for all. */
static void all_have_the_whole(void **state) {
    (void)state;
    struct controller_allowance a;
    int got = 0;
    controller_allowance_init(&a, SECOND);
    for (unsigned i = 0; i < 30; i++) got += take(&a, i, SECOND, 100);
    assert_int_equal(got, 200);
    got = 0;
    for (unsigned i = 0; i < 30; i++) got += take(&a, i, 2 * SECOND, 100);
    assert_int_equal(got, 50);
    controller_allowance_done(&a);
}

/* Ever new addresses for a minute: what is kept has a bound, also with one that never stops. */
static void what_is_remembered_has_a_bound(void **state) {
    (void)state;
    struct controller_allowance a;
    size_t most = 0;
    controller_allowance_init(&a, SECOND);
    for (unsigned i = 0; i < 60000; i++) {
        uint64_t now = SECOND + i * UINT64_C(1000);
        (void)take(&a, 0, now, 1);
        (void)take(&a, i + 1, now, 1);
        if (controller_allowance_known(&a) > most) most = controller_allowance_known(&a);
    }
    assert_in_range(most, 200, 400);
    (void)take(&a, 7, SECOND * 1000, 1);
    assert_int_equal(controller_allowance_known(&a), 1);
    controller_allowance_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_has_a_tenth),
        cmocka_unit_test(all_have_the_whole),
        cmocka_unit_test(what_is_remembered_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Names to addresses: what needs no name server here. */
#include "net_test.h"
#include <weft/net/resolve.h>

struct answer {
    int calls;
    enum weft_status st;
    size_t n;
    struct weft_addr first;
};

static void on_answer(void *ud, enum weft_status st, const struct weft_addr *addrs, size_t n) {
    struct answer *a = ud;
    a->calls++;
    a->st = st;
    a->n = n;
    if (n) a->first = addrs[0];
}

static bool answered(void *ud) {
    if (((struct answer *)ud)->calls) return true;
    return false;
}

static struct answer resolve(const char *host, uint16_t port) {
    struct weft_loop *l = weft_loop_new();
    struct answer a = {0};
    (void)weft_resolve_start(l, weft_slice_str(host), port, 20 * UINT64_C(1000000), on_answer, &a);
    assert_int_equal(a.calls, 0); /* never from inside the call */
    weft_loop_run_until(l, answered, &a);
    weft_loop_free(l);
    assert_int_equal(a.calls, 1);
    return a;
}

static void test_an_address_resolves_to_itself(void **state) {
    (void)state;
    struct answer a = resolve("10.96.0.7", 15012);
    struct weft_addr expected;
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("10.96.0.7:15012"), &expected));
    assert_int_equal(a.st, WEFT_OK);
    assert_int_equal(a.n, 1);
    assert_true(weft_addr_eq(&a.first, &expected));
    a = resolve("fd00::7", 80);
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("[fd00::7]:80"), &expected));
    assert_true(weft_addr_eq(&a.first, &expected));
}

static void test_a_name_is_looked_up(void **state) {
    (void)state;
    struct answer a = resolve("localhost", 15012);
    assert_int_equal(a.st, WEFT_OK);
    assert_true(weft_addr_is_loopback(&a.first));
    assert_int_equal(a.first.port, 15012);
}

static void test_a_canceled_request_is_not_answered(void **state) {
    (void)state;
    struct weft_loop *l = weft_loop_new();
    struct answer a = {0};
    weft_resolve_cancel(
        weft_resolve_start(l, WEFT_SLICE_LIT("localhost"), 1, 1000000, on_answer, &a));
    weft_resolve_cancel(weft_resolve_start(l, WEFT_SLICE_LIT("::1"), 1, 1000000, on_answer, &a));
    weft_resolve_cancel(NULL);
    weft_loop_free(l);
    assert_int_equal(a.calls, 0);
}

static void test_host_and_port(void **state) {
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {{"10.0.0.1:80", "10.0.0.1", 80},
                {"[::1]:15012", "::1", 15012},
                {"weft-controller.weft-system.svc:15012", "weft-controller.weft-system.svc", 15012},
                {"Local_host:1", "Local_host", 1}};
    static const char *const bad[] = {"",      "host",    "host:",   ":80",   "host:0",
                                      "a b:1", "h:65536", "h:80:80", "[::1]", "h/x:1"};
    struct weft_slice host;
    uint16_t port;
    for (size_t i = 0; i < WEFT_LEN(good); i++) {
        assert_true(weft_host_port(weft_slice_str(good[i].text), &host, &port));
        assert_true(weft_slice_is(host, good[i].host));
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < WEFT_LEN(bad); i++)
        if (weft_host_port(weft_slice_str(bad[i]), &host, &port)) fail_msg("%s taken", bad[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_resolves_to_itself),
        cmocka_unit_test(test_a_name_is_looked_up),
        cmocka_unit_test(test_a_canceled_request_is_not_answered),
        cmocka_unit_test(test_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * weft-hop: what is written can be read, what cannot be understood is not believed, nothing stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sidecar/hop.h>

static struct proxy_hop take(const char *value) {
    struct weft_arena a;
    struct weft_head h;
    struct proxy_hop hop;
    weft_arena_init(&a, 0);
    weft_head_init(&h, &a);
    weft_fields_add(&h.fields, WEFT_SLICE_LIT("weft-hop"), weft_slice_str(value));
    weft_fields_add(&h.fields, WEFT_SLICE_LIT("Weft-Hop"), WEFT_SLICE_LIT("1;app=h2"));
    proxy_hop_take(&h.fields, &hop);
    assert_int_equal(h.fields.n, 0);
    weft_arena_done(&a);
    return hop;
}

static void round_trip(void **state) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    for (int app = WEFT_HTTP_10; app <= WEFT_HTTP_2; app++) {
        struct weft_head h;
        struct proxy_hop hop;
        weft_head_init(&h, &a);
        h.framing = WEFT_BODY_LENGTH;
        proxy_hop_set_request(&h, (enum weft_version)app);
        proxy_hop_set_request(&h, (enum weft_version)app);
        assert_int_equal(h.fields.n, 1);
        proxy_hop_take(&h.fields, &hop);
        assert_true(hop.valid);
        assert_int_equal(hop.app, app);
        assert_int_equal(hop.framing, WEFT_BODY_LENGTH);
        assert_false(hop.unprocessed);
    }
    struct weft_head r;
    struct proxy_hop hop;
    weft_head_init(&r, &a);
    proxy_hop_set_unprocessed(&r);
    proxy_hop_take(&r.fields, &hop);
    assert_true(hop.valid && hop.unprocessed);
    weft_arena_done(&a);
}

/* HTTP/1.0 without Host, and with an empty one, are told apart on the other side. */
static void absent_host_survives(void **state) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    const struct weft_slice hosts[] = {WEFT_SLICE_EMPTY, weft_slice("", 0), WEFT_SLICE_LIT("web")};
    for (size_t i = 0; i < 3; i++) {
        struct weft_head h;
        struct proxy_hop hop;
        weft_head_init(&h, &a);
        h.authority = hosts[i];
        proxy_hop_set_request(&h, WEFT_HTTP_10);
        assert_true(h.authority.len > 0);
        proxy_hop_take(&h.fields, &hop);
        proxy_hop_restore_host(&hop, &h);
        assert_true(weft_slice_eq(h.authority, hosts[i]));
        assert_int_equal(h.authority.base == NULL, hosts[i].base == NULL);
    }
    weft_arena_done(&a);
}

/* Versions up to two apart understand each other; unknown parameters are skipped. */
static void tolerance(void **state) {
    assert_true(take("3;app=h2;colour=blue").valid);
    assert_int_equal(take("3;app=h2;colour=blue").app, WEFT_HTTP_2);
    assert_int_equal(take("1;app=h9").app, WEFT_HTTP_11);
    assert_true(take(" 1 ; unprocessed ").unprocessed);
    assert_false(take("4;app=h2").valid);
    assert_false(take("").valid);
    assert_false(take("x;unprocessed").valid);
    assert_false(take("x;unprocessed").unprocessed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip),
                                       cmocka_unit_test(absent_host_survives),
                                       cmocka_unit_test(tolerance)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

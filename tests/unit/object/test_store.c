/* SPDX-License-Identifier: Apache-2.0
 * The store: keys, order, what counts as a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/object/store.h>

static void keep(void *ud, struct weft_object *o) {
    *(struct weft_object **)ud = o;
}

static struct weft_object *make(const char *text) {
    struct weft_object *o = NULL;
    assert_int_equal(weft_object_parse(weft_slice_str(text), NULL, keep, &o, NULL), WEFT_OK);
    return o;
}

static bool put(struct weft_store *s, const char *text) {
    return weft_store_put(s, make(text));
}

static void collect(void *ud, const struct weft_object *o) {
    (void)weft_buf_printf(ud, "%s/%s ", o->ns, o->name);
}

static void order_and_lookup(void **state) {
    struct weft_store *s = weft_store_new();
    assert_true(put(s, "{apiVersion: v1, kind: Service, metadata: {name: z, namespace: a}}"));
    assert_true(put(s, "{apiVersion: v1, kind: Service, metadata: {name: b, namespace: c}}"));
    assert_true(put(s, "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: c}}"));
    assert_true(put(s, "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: c}}"));
    struct weft_buf b;
    weft_buf_init(&b, 0);
    weft_store_each(s, "Service", NULL, collect, &b);
    assert_true(weft_slice_is(weft_buf_slice(&b), "a/z c/a c/b "));
    weft_buf_clear(&b);
    weft_store_each(s, "Service", "c", collect, &b);
    weft_store_each(s, "Nothing", NULL, collect, &b);
    assert_true(weft_slice_is(weft_buf_slice(&b), "c/a c/b "));
    assert_non_null(weft_store_get(s, "Service", "a", "z"));
    assert_null(weft_store_get(s, "Service", "a", "b"));
    assert_true(weft_store_remove(s, "Service", "a", "z"));
    assert_false(weft_store_remove(s, "Service", "a", "z"));
    assert_null(weft_store_get(s, "Service", "a", "z"));
    weft_buf_clear(&b);
    weft_store_each(s, "Service", NULL, collect, &b);
    assert_true(weft_slice_is(weft_buf_slice(&b), "c/a c/b "));
    weft_buf_done(&b);
    weft_store_free(s);
}

/* Resource versions and route status change all the time and mean nothing to us (REQ-141: status is
 * what we ourselves write). */
static void changes_that_count(void **state) {
    struct weft_store *s = weft_store_new();
    assert_true(put(s, "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {x: 1}}"));
    uint64_t g = weft_store_generation(s);
    assert_false(put(s,
                     "{apiVersion: v1, kind: Service, metadata: {name: a, resourceVersion: \"5\"},"
                     " spec: {x: 1}, status: {y: 1}}"));
    assert_int_equal(weft_store_generation(s), g);
    assert_true(put(s, "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {x: 2}}"));
    assert_true(put(s, "{apiVersion: v1, kind: Service, metadata: {name: a, labels: {l: m}},"
                       " spec: {x: 2}}"));
    assert_true(put(s, "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {x: 2}}"));
    assert_int_equal(weft_store_generation(s), g + 3);
    assert_true(put(s, "{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {podIP: a}}"));
    assert_true(put(s, "{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {podIP: b}}"));
    weft_store_free(s);
}

static void kinds_of_other_groups_stay_apart(void **state) {
    struct weft_store *s = weft_store_new();
    put(s, "{apiVersion: policy.linkerd.io/v1beta3, kind: HTTPRoute, metadata: {name: a}}");
    assert_null(weft_store_get(s, "HTTPRoute", "default", "a"));
    assert_non_null(weft_store_get(s, "HTTPRoute.policy.linkerd.io", "default", "a"));
    weft_store_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_lookup),
        cmocka_unit_test(changes_that_count),
        cmocka_unit_test(kinds_of_other_groups_stay_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

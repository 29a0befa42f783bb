/* SPDX-License-Identifier: Apache-2.0
 * The authority in a Secret: made once, shared by the replicas, replaced while it serves. */
#include "ca_world.h"

static void nobody_makes_a_root_who_does_not_lead(void **state) {
    struct world *w = *state;
    pass(&w->k, 60000);
    assert_int_equal(w->k.cluster->posts, 0);
    assert_false(controller_ca_ready(w->a.ca));
}

static void the_leader_makes_it_and_all_have_it(void **state) {
    struct world *w = *state;
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    assert_int_equal(w->k.cluster->posts, 2); /* the root, the issuer */
    assert_true(controller_ca_ready(w->a.ca) && controller_ca_ready(w->b.ca));
    assert_true(weft_slice_eq(controller_ca_bundle(w->a.ca), controller_ca_bundle(w->b.ca)));
    assert_string_equal(json_string_value(json_object_get(cluster_get(w->k.cluster, PATH), "type")),
                        "kubernetes.io/tls");
    controller_ca_secret_lead(w->b.secret, true); /* finds it */
    pass(&w->k, 10000);
    assert_int_equal(w->k.cluster->posts, 2);
    assert_int_equal(w->a.changes, 1);
}

/* Nobody but who makes an issuer of it sees the root's key. */
static void the_root_has_a_secret_of_its_own(void **state) {
    struct world *w = *state;
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    WEFT_FREE char *root = text_in(w, ROOT, "tls.crt");
    WEFT_FREE char *root_key = text_in(w, ROOT, "tls.key");
    WEFT_FREE char *chain = text_in(w, PATH, "tls.crt");
    WEFT_FREE char *key = text_in(w, PATH, "tls.key");
    assert_string_not_equal(root_key, key);
    WEFT_FREE struct weft_pki_cert *certs = NULL;
    size_t n = 0;
    assert_int_equal(weft_pki_read(weft_slice_str(chain), &certs, &n, NULL), WEFT_OK);
    assert_int_equal(n, 2);
    assert_string_equal(certs[0].name, "weft issuer cluster.local");
    assert_false(certs[0].self_signed);
    assert_true(strlen(chain) > strlen(root) &&
                strcmp(chain + strlen(chain) - strlen(root), root) == 0);
    assert_true(weft_slice_is(controller_ca_bundle(w->b.ca), root)); /* the issuer is not trusted */
    int64_t year = controller_ca_not_after(w->b.ca) - now();
    assert_true(year > 364 * 86400 && year <= 365 * 86400);
}

/* One that was given before the installation, or whose maker died before it made an issuer. */
static void a_root_that_is_there_gets_an_issuer(void **state) {
    struct world *w = *state;
    struct root r = root_new();
    cluster_put(w->k.cluster, ROOT, secret_named("weft-ca-root", &r.key, &r.cert, NULL));
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    assert_int_equal(w->k.cluster->posts, 1);
    assert_true(weft_slice_eq(controller_ca_bundle(w->b.ca), weft_buf_slice(&r.cert)));
    root_done(&r);
}

/* A leader that has just lost the Lease and the next one both see none. */
static void two_that_make_it_at_once_end_up_with_one(void **state) {
    struct world *w = *state;
    controller_ca_secret_lead(w->a.secret, true);
    controller_ca_secret_lead(w->b.secret, true);
    settle(&w->k);
    assert_int_equal(w->k.cluster->posts, 4);
    assert_true(controller_ca_ready(w->a.ca));
    assert_true(weft_slice_eq(controller_ca_bundle(w->a.ca), controller_ca_bundle(w->b.ca)));
    WEFT_FREE char *root = text_in(w, ROOT, "tls.crt");
    assert_true(weft_slice_is(controller_ca_bundle(w->a.ca), root));
}

static void a_failure_is_tried_again(void **state) {
    struct world *w = *state;
    w->k.status = 500;
    controller_ca_secret_lead(w->a.secret, true);
    pass(&w->k, 3000);
    assert_false(controller_ca_ready(w->a.ca));
    w->k.status = 0;
    pass(&w->k, 40000); /* the watch has its own backoff */
    assert_true(controller_ca_ready(w->a.ca));
}

static void another_secret_is_taken_up_and_a_broken_one_is_not(void **state) {
    struct world *w = *state;
    struct root one = root_new(), two = root_new();
    cluster_put(w->k.cluster, PATH, secret_of(&one.key, &one.cert, NULL));
    settle(&w->k);
    assert_true(weft_slice_eq(controller_ca_bundle(w->b.ca), weft_buf_slice(&one.cert)));
    assert_int_equal(w->b.changes, 1);

    cluster_put(w->k.cluster, PATH, secret_of(&one.key, &two.cert, NULL)); /* no pair */
    settle(&w->k);
    assert_true(weft_slice_eq(controller_ca_bundle(w->b.ca), weft_buf_slice(&one.cert)));
    assert_int_equal(w->b.changes, 1);

    cluster_put(w->k.cluster, PATH, secret_of(&two.key, &two.cert, &one.cert));
    settle(&w->k);
    assert_int_equal(w->b.changes, 2);
    struct weft_slice bundle = controller_ca_bundle(w->b.ca);
    assert_true(weft_slice_search(bundle, weft_buf_slice(&one.cert)) < bundle.len);
    assert_true(weft_slice_search(bundle, weft_buf_slice(&two.cert)) < bundle.len);
    root_done(&one);
    root_done(&two);
}

static void a_removed_secret_comes_back_as_it_was(void **state) {
    struct world *w = *state;
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    WEFT_FREE char *before = weft_slice_dup(controller_ca_bundle(w->a.ca));
    cluster_remove(w->k.cluster, PATH);
    settle(&w->k);
    pass(&w->k, 500); /* somebody may be about to put another there */
    assert_int_equal(w->k.cluster->posts, 2);
    pass(&w->k, 2500);
    assert_non_null(cluster_get(w->k.cluster, PATH));
    assert_true(weft_slice_is(controller_ca_bundle(w->b.ca), before));
    assert_int_equal(w->a.changes, 1);
    assert_int_equal(w->k.cluster->posts, 3);
}

/* Made on a node whose clock is ahead. */
static void a_root_of_tomorrow_is_taken_up_tomorrow(void **state) {
    struct world *w = *state;
    struct root r;
    struct weft_error err = {0};
    weft_buf_init(&r.key, 0);
    weft_buf_init(&r.cert, 0);
    int64_t from = now() + 62; /* valid a minute before that */
    assert_int_equal(controller_ca_make_root("cluster.local", from, &r.key, &r.cert, &err),
                     WEFT_OK);
    cluster_put(w->k.cluster, PATH, secret_of(&r.key, &r.cert, NULL));
    settle(&w->k);
    assert_false(controller_ca_ready(w->b.ca));
    while (now() < from - 60) sched_yield();
    pass(&w->k, 11000);
    assert_true(controller_ca_ready(w->b.ca));
    assert_int_equal(w->b.changes, 1);
    pass(&w->k, 30000);
    assert_int_equal(w->b.changes, 1);
    root_done(&r);
}

int main(void) {
    (void)weft_log_set_level("error");
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(nobody_makes_a_root_who_does_not_lead),
        T(the_leader_makes_it_and_all_have_it),
        T(the_root_has_a_secret_of_its_own),
        T(a_root_that_is_there_gets_an_issuer),
        T(two_that_make_it_at_once_end_up_with_one),
        T(a_failure_is_tried_again),
        T(another_secret_is_taken_up_and_a_broken_one_is_not),
        T(a_root_of_tomorrow_is_taken_up_tomorrow),
        T(a_removed_secret_comes_back_as_it_was),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

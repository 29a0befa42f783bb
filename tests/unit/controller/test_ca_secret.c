/* SPDX-License-Identifier: Apache-2.0
 * The authority in a Secret: made once, shared by the replicas, replaced while it serves. */
#include "support/kube_world.h"

#include <controller/ca_secret.h>
#include <weft/base/base64.h>
#include <weft/base/clock.h>
#include <weft/obs/log.h>

#define PATH "/api/v1/namespaces/weft-system/secrets/weft-ca"

struct replica {
    struct weft_kube *kube;
    struct controller_ca *ca;
    struct controller_ca_secret *secret;
    int changes;
};
struct world {
    struct kube_world k;
    struct replica a, b;
};

static int64_t now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}
static void on_changed(void *ud) {
    ((struct replica *)ud)->changes++;
}

static void join(struct world *w, struct replica *r) {
    struct weft_error err = {0};
    const struct controller_ca_options o = {.trust_domain = "cluster.local", .max_ttl_s = 3600};
    assert_int_equal(controller_ca_new(&o, now(), &r->ca, &err), WEFT_OK);
    r->kube = kube_world_client(&w->k);
    r->secret = controller_ca_secret_new(w->k.loop, r->kube, r->ca, "weft-system", "weft-ca",
                                         &(struct controller_ca_secret_cb){r, on_changed});
}
static void leave(struct replica *r) {
    controller_ca_secret_free(r->secret);
    weft_kube_free(r->kube);
    controller_ca_free(r->ca);
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    kube_world_init(&w->k);
    join(w, &w->a);
    join(w, &w->b);
    settle(&w->k);
    *state = w;
    return 0;
}
static int tear_down(void **state) {
    struct world *w = *state;
    leave(&w->a);
    leave(&w->b);
    kube_world_done(&w->k);
    free(w);
    return 0;
}

static void put_member(json_t *data, const char *key, const struct weft_buf *pem) {
    struct weft_buf text;
    weft_buf_init(&text, 0);
    (void)weft_base64_encode(weft_buf_slice(pem), &text);
    json_object_set_new(data, key, json_stringn(text.base, weft_buf_size(&text)));
    weft_buf_done(&text);
}

/* A Secret as somebody else would make it: key and chain; `more` may be NULL. */
static json_t *secret_of(const struct weft_buf *key, const struct weft_buf *chain,
                         const struct weft_buf *more) {
    json_t *o = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{}}", "apiVersion", "v1", "kind", "Secret",
                          "metadata", "name", "weft-ca", "namespace", "weft-system", "data");
    json_t *data = json_object_get(o, "data");
    put_member(data, "tls.key", key);
    put_member(data, "tls.crt", chain);
    if (more) put_member(data, "ca.crt", more);
    return o;
}

struct root {
    struct weft_buf key, cert;
};
static struct root root_new(void) {
    struct root r;
    struct weft_error err = {0};
    weft_buf_init(&r.key, 0);
    weft_buf_init(&r.cert, 0);
    assert_int_equal(controller_ca_make_root("cluster.local", now(), &r.key, &r.cert, &err),
                     WEFT_OK);
    return r;
}
static void root_done(struct root *r) {
    weft_buf_done(&r->key);
    weft_buf_done(&r->cert);
}

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
    assert_int_equal(w->k.cluster->posts, 1);
    assert_true(controller_ca_ready(w->a.ca) && controller_ca_ready(w->b.ca));
    assert_true(weft_slice_eq(controller_ca_bundle(w->a.ca), controller_ca_bundle(w->b.ca)));
    assert_string_equal(json_string_value(json_object_get(cluster_get(w->k.cluster, PATH), "type")),
                        "kubernetes.io/tls");
    controller_ca_secret_lead(w->b.secret, true); /* finds it */
    pass(&w->k, 10000);
    assert_int_equal(w->k.cluster->posts, 1);
    assert_int_equal(w->a.changes, 1);
}

/* A leader that has just lost the Lease and the next one both see none. */
static void two_that_make_it_at_once_end_up_with_one(void **state) {
    struct world *w = *state;
    controller_ca_secret_lead(w->a.secret, true);
    controller_ca_secret_lead(w->b.secret, true);
    settle(&w->k);
    assert_int_equal(w->k.cluster->posts, 2);
    assert_true(controller_ca_ready(w->a.ca));
    assert_true(weft_slice_eq(controller_ca_bundle(w->a.ca), controller_ca_bundle(w->b.ca)));
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
    assert_int_equal(w->k.cluster->posts, 1);
    pass(&w->k, 2500);
    assert_non_null(cluster_get(w->k.cluster, PATH));
    assert_true(weft_slice_is(controller_ca_bundle(w->b.ca), before));
    assert_int_equal(w->a.changes, 1);
    assert_int_equal(w->k.cluster->posts, 2);
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
        T(two_that_make_it_at_once_end_up_with_one),
        T(a_failure_is_tried_again),
        T(another_secret_is_taken_up_and_a_broken_one_is_not),
        T(a_root_of_tomorrow_is_taken_up_tomorrow),
        T(a_removed_secret_comes_back_as_it_was),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

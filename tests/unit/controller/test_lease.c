/* SPDX-License-Identifier: Apache-2.0
 * Who leads, on a clock that the test moves. */
#include "support/kube_world.h"

#include <controller/lease.h>
#include <weft/obs/log.h>

#define PATH "/apis/coordination.k8s.io/v1/namespaces/weft-system/leases/weft-controller"

struct replica {
    struct weft_kube *kube;
    struct controller_lease *lease;
    bool leads;
    int released; /* how often it was told */
    int changes;
};
struct world {
    struct kube_world k;
    struct replica a, b;
};

static void on_leader(void *ud, bool leads) {
    struct replica *r = ud;
    r->leads = leads;
    r->changes++;
}
static void on_released(void *ud) {
    ((struct replica *)ud)->released++;
}
static void join(struct world *w, struct replica *r, const char *identity) {
    r->kube = kube_world_client(&w->k);
    r->lease = controller_lease_new(w->k.loop, r->kube,
                                    &(struct controller_lease_options){.ns = "weft-system",
                                                                       .name = "weft-controller",
                                                                       .identity = identity},
                                    &(struct controller_lease_cb){r, on_leader});
}

static const char *holder(struct world *w) {
    const json_t *spec = json_object_get(cluster_get(w->k.cluster, PATH), "spec");
    return json_string_value(json_object_get(spec, "holderIdentity"));
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    kube_world_init(&w->k);
    *state = w;
    return 0;
}

static void leave(struct replica *r) {
    r->lease = controller_lease_free(r->lease);
    r->kube = weft_kube_free(r->kube);
}

static int tear_down(void **state) {
    struct world *w = *state;
    leave(&w->a);
    leave(&w->b);
    kube_world_done(&w->k);
    free(w);
    return 0;
}

static void the_first_leads_and_the_second_waits(void **state) {
    struct world *w = *state;
    join(w, &w->a, "a");
    pass(&w->k, 1000);
    join(w, &w->b, "b");
    pass(&w->k, 60000);
    assert_true(w->a.leads);
    assert_int_equal(w->a.changes, 1);
    assert_int_equal(w->b.changes, 0);
    assert_string_equal(holder(w), "a");
    const json_t *spec = json_object_get(cluster_get(w->k.cluster, PATH), "spec");
    assert_int_equal(json_integer_value(json_object_get(spec, "leaseDurationSeconds")), 15);
    assert_non_null(json_object_get(spec, "renewTime"));
    assert_null(json_object_get(spec, "leaseTransitions"));
    assert_int_equal(w->k.cluster->posts, 1);
    assert_in_range(w->k.cluster->puts, 20, 40); /* every 2 s, give or take a fifth */
}

static void two_that_come_at_once_do_not_both_lead(void **state) {
    struct world *w = *state;
    join(w, &w->a, "a");
    join(w, &w->b, "b");
    for (int i = 0; i < 60; i++) {
        pass(&w->k, 1000);
        assert_false(w->a.leads && w->b.leads);
    }
    assert_true(w->a.leads || w->b.leads);
}

static void a_silent_leader_is_succeeded_after_the_duration(void **state) {
    struct world *w = *state;
    join(w, &w->a, "a");
    pass(&w->k, 1000);
    join(w, &w->b, "b");
    pass(&w->k, 4000);
    leave(&w->a); /* killed */
    pass(&w->k, 10000);
    assert_false(w->b.leads); /* 15 s have not passed */
    pass(&w->k, 9000);
    assert_true(w->b.leads);
    assert_string_equal(holder(w), "b");
    const json_t *spec = json_object_get(cluster_get(w->k.cluster, PATH), "spec");
    assert_int_equal(json_integer_value(json_object_get(spec, "leaseTransitions")), 1);
}

/* What the Lease says of time is another machine's. */
static void a_clock_that_is_wrong_proves_nothing(void **state) {
    struct world *w = *state;
    static const char *const times[] = {"1999-01-01T00:00:00.000000Z",
                                        "2099-01-01T00:00:00.000000Z"};
    for (int i = 0; i < 2; i++) {
        cluster_put(w->k.cluster, PATH,
                    json_pack("{s:s, s:{s:s}, s:{s:s, s:i, s:s}}", "kind", "Lease", "metadata",
                              "name", "weft-controller", "spec", "holderIdentity", "other",
                              "leaseDurationSeconds", 15, "renewTime", times[i]));
        join(w, &w->b, "b");
        pass(&w->k, 12000);
        assert_false(w->b.leads);
        pass(&w->k, 6000);
        assert_true(w->b.leads);
        leave(&w->b);
        w->b = (struct replica){0};
    }
}

static void who_cannot_renew_steps_down_before_another_may_take_over(void **state) {
    struct world *w = *state;
    join(w, &w->a, "a");
    pass(&w->k, 5000);
    assert_true(w->a.leads);
    w->k.status = 503;
    pass(&w->k, 7000);
    assert_true(w->a.leads); /* a short outage changes nothing */
    pass(&w->k, 5000);
    assert_false(w->a.leads);
    w->k.status = 0;
    pass(&w->k, 4000);
    assert_true(w->a.leads); /* nobody else was there */
    w->k.cluster->silent = true;
    pass(&w->k, 14000);
    assert_false(w->a.leads);
}

static void a_lease_that_was_taken_away_ends_it_at_once(void **state) {
    struct world *w = *state;
    join(w, &w->a, "a");
    pass(&w->k, 5000);
    cluster_put(w->k.cluster, PATH,
                json_pack("{s:s, s:{s:s}, s:{s:s, s:i}}", "kind", "Lease", "metadata", "name",
                          "weft-controller", "spec", "holderIdentity", "b", "leaseDurationSeconds",
                          15));
    pass(&w->k, 4000);
    assert_false(w->a.leads);
    assert_string_equal(holder(w), "b");
    assert_int_equal(w->k.cluster->conflicts, 1);
}

static void a_lease_given_back_is_taken_at_once(void **state) {
    struct world *w = *state;
    join(w, &w->a, "a");
    pass(&w->k, 1000);
    join(w, &w->b, "b");
    pass(&w->k, 4000);
    controller_lease_release(w->a.lease, on_released, &w->a);
    assert_false(w->a.leads);
    assert_int_equal(w->a.released, 0);
    settle(&w->k);
    assert_int_equal(w->a.released, 1);
    pass(&w->k, 3000);
    assert_true(w->b.leads);
    assert_false(w->a.leads);
}

static void giving_back_ends_also_without_an_answer(void **state) {
    struct world *w = *state;
    join(w, &w->a, "a");
    pass(&w->k, 5000);
    w->k.cluster->silent = true;
    controller_lease_release(w->a.lease, on_released, &w->a);
    pass(&w->k, 1000);
    assert_int_equal(w->a.released, 0);
    pass(&w->k, 2000);
    assert_int_equal(w->a.released, 1);
    pass(&w->k, 10000); /* the request itself ends, too */
    assert_int_equal(w->a.released, 1);
    join(w, &w->b, "b"); /* does not lead: nothing to give back */
    settle(&w->k);
    controller_lease_release(w->b.lease, on_released, &w->b);
    pass(&w->k, 1000);
    assert_int_equal(w->b.released, 1);
}

/* The release cuts off a renewal that arrives all the same, so that it meets another version. */
static void a_renewal_under_way_keeps_no_lease_from_being_given_back(void **state) {
    struct world *w = *state;
    join(w, &w->a, "a");
    pass(&w->k, 5000);
    cluster_put(w->k.cluster, PATH, json_deep_copy(cluster_get(w->k.cluster, PATH)));
    controller_lease_release(w->a.lease, on_released, &w->a);
    settle(&w->k);
    assert_int_equal(w->k.cluster->conflicts, 1);
    assert_int_equal(w->a.released, 1);
    assert_string_equal(holder(w), "");
}

/* Another has taken it meanwhile: it stays theirs. */
static void what_another_holds_is_not_given_back(void **state) {
    struct world *w = *state;
    join(w, &w->a, "a");
    pass(&w->k, 5000);
    json_t *theirs = json_deep_copy(cluster_get(w->k.cluster, PATH));
    json_object_set_new(json_object_get(theirs, "spec"), "holderIdentity", json_string("b"));
    cluster_put(w->k.cluster, PATH, theirs);
    controller_lease_release(w->a.lease, on_released, &w->a);
    settle(&w->k);
    assert_int_equal(w->a.released, 1);
    assert_string_equal(holder(w), "b");
}

int main(void) {
    (void)weft_log_set_level("error");
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_first_leads_and_the_second_waits),
        T(two_that_come_at_once_do_not_both_lead),
        T(a_silent_leader_is_succeeded_after_the_duration),
        T(a_clock_that_is_wrong_proves_nothing),
        T(who_cannot_renew_steps_down_before_another_may_take_over),
        T(a_lease_that_was_taken_away_ends_it_at_once),
        T(a_lease_given_back_is_taken_at_once),
        T(giving_back_ends_also_without_an_answer),
        T(a_renewal_under_way_keeps_no_lease_from_being_given_back),
        T(what_another_holds_is_not_given_back),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

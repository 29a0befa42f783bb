/* SPDX-License-Identifier: Apache-2.0
 * Balancing and ejection with simulated endpoints on a clock of the test's own. */
#include <weft/mesh/balance.h>
#include <weft/mesh/outlier.h>
#include <weft/mesh/pick.h>

#include "mesh_test.h"

#define MS 1000u
#define S  1000000u

enum { MAX = 16, FLIGHT = 4096 };

/* ---- a small world ---- */

struct sim_endpoint {
    uint64_t takes_us; /* answer time; 0: never answers */
    bool fails;        /* at once */
    struct weft_latency latency;
    struct weft_outlier outlier;
    uint64_t until_us, warm_since_us;
    uint32_t active, requests;
};
struct sim {
    uint64_t now_us;
    uint64_t give_up_us; /* callers wait so long */
    struct weft_rng rng;
    struct weft_outlier_policy policy;
    struct weft_endpoint items[MAX];
    struct weft_endpoints e;
    struct weft_near near;
    struct sim_endpoint at[MAX];
    struct {
        uint32_t i;
        uint64_t sent_us, done_us;
        bool answered;
    } flight[FLIGHT];
    uint32_t n_flight;
    uint32_t max_ejected;
};

static void sim_init(struct sim *s, uint32_t n, uint64_t takes_us) {
    *s = (struct sim){.now_us = 1000 * S, .give_up_us = 5 * S, .policy = {5, 10 * S}};
    s->e = (struct weft_endpoints){.items = s->items, .n = n};
    for (uint32_t i = 0; i < n; i++) s->at[i].takes_us = takes_us;
    weft_rng_seed(&s->rng, 7);
}

static void view(void *ud, uint32_t i, struct weft_endpoint_view *v) {
    struct sim *s = ud;
    const struct sim_endpoint *e = &s->at[i];
    *v = (struct weft_endpoint_view){.latency_us = weft_latency_us(&e->latency, s->now_us),
                                     .active = e->active,
                                     .warm =
                                         weft_endpoint_warmth(e->warm_since_us, 5 * S, s->now_us),
                                     .ejected = e->until_us > s->now_us};
}

static uint32_t ejected(const struct sim *s) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->e.n; i++) n += s->at[i].until_us > s->now_us;
    return n;
}

static void failed(struct sim *s, struct sim_endpoint *e) {
    if (!weft_outlier_failure(&e->outlier, &s->policy, e->until_us, s->now_us)) return;
    if (!weft_outlier_room(s->e.n, ejected(s))) return;
    e->until_us = weft_outlier_eject(&e->outlier, &s->policy, s->now_us);
    if (ejected(s) > s->max_ejected) s->max_ejected = ejected(s);
}

static void land(struct sim *s, uint32_t f) {
    struct sim_endpoint *e = &s->at[s->flight[f].i];
    uint64_t took = s->now_us - s->flight[f].sent_us;
    e->active--;
    if (s->flight[f].answered) {
        weft_latency_answer(&e->latency, s->now_us, took);
        weft_outlier_success(&e->outlier, e->until_us, s->now_us);
    } else {
        weft_latency_give_up(&e->latency, s->now_us, took);
    }
    s->flight[f] = s->flight[--s->n_flight];
}

static void send_one(struct sim *s) {
    int i = weft_endpoint_choose_near(&s->e, &s->near, view, s, NULL, 0, &s->rng);
    assert_in_range(i, 0, s->e.n - 1);
    struct sim_endpoint *e = &s->at[i];
    e->requests++;
    weft_latency_start(&e->latency, s->now_us);
    if (e->fails) {
        weft_latency_give_up(&e->latency, s->now_us, 0);
        failed(s, e);
        return;
    }
    e->active++;
    assert_true(s->n_flight < FLIGHT);
    s->flight[s->n_flight].i = (uint32_t)i;
    s->flight[s->n_flight].sent_us = s->now_us;
    s->flight[s->n_flight].answered = e->takes_us != 0;
    s->flight[s->n_flight++].done_us = s->now_us + (e->takes_us ? e->takes_us : s->give_up_us);
}

/* `rate` requests a second, evenly spaced; afterwards the counts are of this run alone. */
static void run(struct sim *s, uint64_t us, uint32_t rate) {
    uint64_t end = s->now_us + us, gap = S / rate, next = s->now_us;
    for (uint32_t i = 0; i < s->e.n; i++) s->at[i].requests = 0;
    for (; s->now_us < end; s->now_us += 100) {
        for (uint32_t f = 0; f < s->n_flight;)
            if (s->flight[f].done_us <= s->now_us)
                land(s, f);
            else
                f++;
        for (; next <= s->now_us; next += gap) send_one(s);
    }
}

static double share(const struct sim *s, uint32_t i) {
    uint32_t all = 0;
    for (uint32_t k = 0; k < s->e.n; k++) all += s->at[k].requests;
    return (double)s->at[i].requests / all;
}

/* ---- latency ---- */

static void equal_endpoints_share_evenly(void **state) {
    static const uint64_t takes[] = {200, 2 * MS, 30 * MS};
    for (size_t t = 0; t < WEFT_LEN(takes); t++) {
        struct sim s;
        sim_init(&s, 4, takes[t]);
        s.at[3].takes_us += takes[t] / 4; /* as good as the rest */
        run(&s, 10 * S, 200);
        for (uint32_t i = 0; i < 4; i++) assert_true(share(&s, i) > 0.2 && share(&s, i) < 0.3);
    }
}

/* One of four answers fifty times slower, at low and at high rates. */
static void slow_endpoint_gets_little(void **state) {
    static const uint32_t rates[] = {50, 200, 2000};
    for (size_t r = 0; r < WEFT_LEN(rates); r++) {
        struct sim s;
        sim_init(&s, 4, 2 * MS);
        s.at[2].takes_us = 100 * MS;
        run(&s, 1 * S, rates[r]);
        run(&s, 30 * S, rates[r]);
        assert_true(share(&s, 2) < 0.05);
        assert_true(s.at[2].requests > 0); /* it is tried again */
    }
}

/* It turns slow while it serves, and is left within a second; it recovers and is taken back. */
static void slow_endpoint_is_left_and_taken_back(void **state) {
    struct sim s;
    sim_init(&s, 4, 2 * MS);
    run(&s, 5 * S, 200);
    s.at[0].takes_us = 200 * MS;
    run(&s, 1 * S, 200);
    run(&s, 5 * S, 200);
    assert_true(share(&s, 0) < 0.05);
    s.at[0].takes_us = 2 * MS;
    run(&s, 20 * S, 200);
    run(&s, 5 * S, 200);
    assert_true(share(&s, 0) > 0.2);
}

/* Answers nothing at all: left while its first requests still wait. */
static void stalling_endpoint_is_left(void **state) {
    struct sim s;
    sim_init(&s, 4, 2 * MS);
    run(&s, 5 * S, 200);
    s.at[1].takes_us = 0;
    run(&s, 1 * S, 200);
    assert_true(s.at[1].requests < 10);
    run(&s, 20 * S, 200);
    assert_true(share(&s, 1) < 0.01);
}

/* ---- warm-up ---- */

static void new_endpoint_warms_up(void **state) {
    struct sim s;
    sim_init(&s, 4, 2 * MS);
    run(&s, 5 * S, 400);
    s.at[4].takes_us = 2 * MS;
    s.at[4].warm_since_us = s.now_us;
    s.e.n = 5;
    run(&s, 1 * S, 400);
    assert_true(s.at[4].requests > 0 && share(&s, 4) < 0.08);
    run(&s, 4 * S, 400);
    run(&s, 5 * S, 400);
    assert_true(share(&s, 4) > 0.15);
}

static void warmth(void **state) {
    assert_int_equal(weft_endpoint_warmth(0, 5 * S, 99), WEFT_WARM);
    assert_int_equal(weft_endpoint_warmth(100, 0, 99), WEFT_WARM);
    assert_int_equal(weft_endpoint_warmth(100, 5 * S, 50), WEFT_WARM / 10);
    assert_int_equal(weft_endpoint_warmth(100, 5 * S, 100), WEFT_WARM / 10);
    assert_int_equal(weft_endpoint_warmth(100, 1000, 600), WEFT_WARM / 2);
    assert_int_equal(weft_endpoint_warmth(100, 1000, 1100), WEFT_WARM);
}

/* ---- ejection ---- */

/* It refuses at once, which looks fast: after five failures it gets nothing. */
static void dead_endpoint_gets_nothing(void **state) {
    struct sim s;
    sim_init(&s, 4, 2 * MS);
    run(&s, 2 * S, 200);
    s.at[3].fails = true;
    run(&s, 1 * S, 200);
    assert_int_equal(s.at[3].requests, 5);
    run(&s, 8 * S, 200);
    assert_int_equal(s.at[3].requests, 0);
    run(&s, 60 * S, 200); /* tried again with one request each time, at growing distances */
    assert_in_range(s.at[3].requests, 2, 4);
    s.at[3].fails = false;
    run(&s, 60 * S, 200);
    run(&s, 5 * S, 200);
    assert_true(share(&s, 3) > 0.2);
}

/* All fail: at most half are ejected, and requests go on to somewhere. */
static void ejection_never_empties_a_set(void **state) {
    for (uint32_t n = 1; n <= 9; n++) {
        struct sim s;
        sim_init(&s, n, 2 * MS);
        for (uint32_t i = 0; i < n; i++) s.at[i].fails = true;
        run(&s, 30 * S, 100);
        assert_int_equal(s.max_ejected, n / 2);
    }
}

/* A set that shrank to ejected ones: they are used as if they were not. */
static void panic_uses_all(void **state) {
    struct sim s;
    sim_init(&s, 8, 2 * MS);
    for (uint32_t i = 0; i < 4; i++) s.at[i].until_us = s.now_us + 100 * S;
    run(&s, 5 * S, 200);
    for (uint32_t i = 0; i < 4; i++) assert_int_equal(s.at[i].requests, 0);
    s.e.n = 5; /* four of five ejected */
    run(&s, 5 * S, 200);
    for (uint32_t i = 0; i < 5; i++) assert_true(share(&s, i) > 0.05);
}

static void ejections_grow_and_are_forgotten(void **state) {
    struct weft_outlier o = {0};
    const struct weft_outlier_policy p = {3, 10 * S}, never = {0, 10 * S};
    uint64_t now = 1000 * S, until = 0;
    for (int i = 0; i < 100; i++) assert_false(weft_outlier_failure(&o, &never, until, now));
    assert_false(weft_outlier_failure(&o, &p, until, now));
    assert_false(weft_outlier_failure(&o, &p, until, now));
    weft_outlier_success(&o, until, now); /* in a row, or not at all */
    assert_false(weft_outlier_failure(&o, &p, until, now));
    assert_false(weft_outlier_failure(&o, &p, until, now));
    assert_true(weft_outlier_failure(&o, &p, until, now));
    until = weft_outlier_eject(&o, &p, now);
    assert_int_equal(until, now + 10 * S);
    assert_false(weft_outlier_failure(&o, &p, until, now + 1)); /* sent before */
    weft_outlier_success(&o, until, now + 1);
    for (uint64_t times = 2; times <= 12; times++) {
        now = until;
        assert_true(weft_outlier_failure(&o, &p, until, now)); /* one is enough now */
        until = weft_outlier_eject(&o, &p, now);
        assert_int_equal(until - now, (times < 10 ? times : 10) * 10 * S);
    }
    now = until + 101 * S;
    weft_outlier_success(&o, until, now);
    for (int i = 0; i < 3; i++) (void)weft_outlier_failure(&o, &p, until, now);
    assert_int_equal(weft_outlier_eject(&o, &p, now) - now, 10 * S);
}

/* ---- the choice itself ---- */

static void views(void *ud, uint32_t i, struct weft_endpoint_view *v) {
    *v = ((const struct weft_endpoint_view *)ud)[i];
}

static uint32_t hits(const struct weft_endpoint_view *v, uint32_t n, const uint32_t *tried,
                     uint32_t n_tried, int wanted) {
    struct weft_endpoint items[MAX] = {{.meshed = false}};
    struct weft_endpoints e = {.items = items, .n = n};
    struct weft_rng rng;
    uint32_t count = 0;
    weft_rng_seed(&rng, 11);
    for (int i = 0; i < 1000; i++)
        count +=
            weft_endpoint_choose(&e, views, (void *)(uintptr_t)v, tried, n_tried, &rng) == wanted;
    return count;
}

static void choices(void **state) {
    enum { FAST = 1000, SLOW = 50000, W = WEFT_WARM };
    const struct weft_endpoint_view load[] = {{FAST, 3, W}, {FAST, 1, W}};
    const struct weft_endpoint_view both[] = {{FAST, 60, W}, {SLOW, 0, W}};
    const struct weft_endpoint_view full[] = {{.latency_us = FAST, .warm = W, .full = true},
                                              {.latency_us = SLOW, .warm = W, .suspect = true},
                                              {.latency_us = FAST, .warm = W, .full = true}};
    const struct weft_endpoint_view ejected[] = {{.latency_us = FAST, .warm = W, .ejected = true},
                                                 {.latency_us = FAST, .warm = W, .ejected = true},
                                                 {SLOW, 900, W},
                                                 {FAST, 2, W}};
    const uint32_t tried[] = {1, 0};
    assert_int_equal(hits(load, 0, NULL, 0, -1), 1000);
    assert_int_equal(hits(load, 1, NULL, 0, 0), 1000);
    assert_int_equal(hits(load, 2, NULL, 0, 1), 1000);
    assert_int_equal(hits(load, 2, tried, 1, 0), 1000); /* REQ-116: a retry goes elsewhere */
    assert_int_equal(hits(load, 2, tried + 1, 1, 1), 1000);
    assert_int_equal(hits(load, 2, tried, 2, 1), 1000); /* all tried: as if none */
    assert_int_equal(hits(both, 2, NULL, 0, 1), 1000);  /* latency x load */
    assert_int_equal(hits(full, 3, NULL, 0, 1), 1000);
    assert_int_equal(hits(full, 3, tried, 1, 1), 0);
    assert_int_equal(hits(ejected, 4, NULL, 0, 0) + hits(ejected, 4, NULL, 0, 1), 0);
}

/* ---- retry budget ---- */

static void budget(void **state) {
    const struct weft_retry_budget_policy p = {.percent = 20, .min_per_s = 10};
    struct weft_retry_budget b;
    uint64_t now = 5 * S;
    weft_retry_budget_init(&b, &p, now);
    for (int i = 0; i < 100; i++) assert_true(weft_retry_budget_take(&b, &p, now));
    assert_false(weft_retry_budget_take(&b, &p, now));
    for (int i = 0; i < 10; i++) weft_retry_budget_request(&b, &p); /* a fifth of them */
    assert_true(weft_retry_budget_take(&b, &p, now));
    assert_true(weft_retry_budget_take(&b, &p, now + 1));
    assert_false(weft_retry_budget_take(&b, &p, now + 2));
    now += S; /* the minimum */
    for (int i = 0; i < 10; i++) assert_true(weft_retry_budget_take(&b, &p, now));
    assert_false(weft_retry_budget_take(&b, &p, now));
    now += 3600ull * S; /* not saved for ever */
    int taken = 0;
    while (weft_retry_budget_take(&b, &p, now)) taken++;
    assert_int_equal(taken, 100);
}

/* ---- zones ---- */

/* The first n_a endpoints are in zone a, the next n_b in b, the rest in c; callers are in a. */
static void sim_zones(struct sim *s, uint32_t n_a, uint32_t n_b, uint32_t n_c) {
    sim_init(s, n_a + n_b + n_c, 20 * MS);
    for (uint32_t i = 0; i < s->e.n; i++)
        s->items[i].zone = weft_slice_str(i < n_a ? "a" : i < n_a + n_b ? "b" : "c");
    weft_near_init(&s->near, &s->e, WEFT_SLICE_LIT("a"));
}

/* Per cent of the requests of a run that zone a got. */
static uint32_t near_share(struct sim *s, uint32_t n_a, uint64_t us, uint32_t rate) {
    uint32_t near = 0, all = 0;
    run(s, us, rate);
    for (uint32_t i = 0; i < s->e.n; i++) {
        all += s->at[i].requests;
        if (i < n_a) near += s->at[i].requests;
    }
    return near * 100 / all;
}

/* All but the few that look how far ones do, once what was known of them is forgotten. */
static void the_own_zone_is_preferred(void **state) {
    static struct sim s;
    sim_zones(&s, 3, 3, 3);
    assert_in_range(near_share(&s, 3, 20 * S, 100), 96, 100);
    weft_near_done(&s.near);
}

/* One of nine where a third would be fair: a third of the requests, and its part of the others. */
static void a_small_zone_takes_its_part(void **state) {
    static struct sim s;
    sim_zones(&s, 1, 4, 4);
    assert_int_equal(s.near.share, 333);
    assert_in_range(near_share(&s, 1, 20 * S, 100), 33, 48);
    weft_near_done(&s.near);
}

/* Of three near ones two fail and are ejected: their part goes to all, not to the third one. */
static void a_failing_zone_spills(void **state) {
    static struct sim s;
    sim_zones(&s, 3, 3, 3);
    s.at[0].fails = s.at[1].fails = true;
    run(&s, 2 * S, 100);
    uint32_t share = near_share(&s, 3, 5 * S, 100);
    assert_in_range(share, 30, 60);
    weft_near_done(&s.near);
}

/* Near ones answer in 2 s, far ones in 20 ms: near ones get little. */
static void a_slow_zone_spills(void **state) {
    static struct sim s;
    sim_zones(&s, 2, 2, 2);
    s.at[0].takes_us = s.at[1].takes_us = 2 * S;
    run(&s, 5 * S, 100);
    assert_in_range(near_share(&s, 2, 20 * S, 100), 0, 20);
    weft_near_done(&s.near);
}

static void no_zone_no_preference(void **state) {
    static struct sim s;
    sim_zones(&s, 3, 3, 3);
    weft_near_done(&s.near);
    weft_near_init(&s.near, &s.e, WEFT_SLICE_EMPTY);
    assert_int_equal(s.near.n_near, 0);
    weft_near_init(&s.near, &s.e, WEFT_SLICE_LIT("d"));
    assert_int_equal(s.near.n_near, 0);
    assert_in_range(near_share(&s, 3, 10 * S, 100), 25, 42);
    sim_zones(&s, 3, 0, 0); /* all are near: nothing to prefer */
    assert_int_equal(s.near.n_near, 0);
}

/* A retry goes anywhere but to those that were tried. */
static void retries_leave_the_zone(void **state) {
    static struct sim s;
    const uint32_t tried[] = {0};
    uint32_t far = 0;
    sim_zones(&s, 2, 2, 2);
    for (int i = 0; i < 1000; i++) {
        int got = weft_endpoint_choose_near(&s.e, &s.near, view, &s, tried, 1, &s.rng);
        assert_int_not_equal(got, 0);
        far += got > 1;
    }
    assert_in_range(far, 700, 900);
    weft_near_done(&s.near);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_endpoints_share_evenly),
        cmocka_unit_test(slow_endpoint_gets_little),
        cmocka_unit_test(slow_endpoint_is_left_and_taken_back),
        cmocka_unit_test(stalling_endpoint_is_left),
        cmocka_unit_test(new_endpoint_warms_up),
        cmocka_unit_test(warmth),
        cmocka_unit_test(dead_endpoint_gets_nothing),
        cmocka_unit_test(ejection_never_empties_a_set),
        cmocka_unit_test(panic_uses_all),
        cmocka_unit_test(ejections_grow_and_are_forgotten),
        cmocka_unit_test(choices),
        cmocka_unit_test(budget),
        cmocka_unit_test(the_own_zone_is_preferred),
        cmocka_unit_test(a_small_zone_takes_its_part),
        cmocka_unit_test(a_failing_zone_spills),
        cmocka_unit_test(a_slow_zone_spills),
        cmocka_unit_test(no_zone_no_preference),
        cmocka_unit_test(retries_leave_the_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Weighted backends and retries. */
#include <weft/mesh/pick.h>

#include "mesh_test.h"

static struct weft_rule rule_of(struct weft_backend *b, const uint32_t *weights, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) b[i] = (struct weft_backend){.weight = weights[i]};
    return (struct weft_rule){.backends = b, .n_backends = n};
}

static void count_picks(const uint32_t *weights, uint32_t n, uint64_t seed, uint32_t picks,
                        uint32_t *counts) {
    struct weft_backend b[8];
    struct weft_rule r = rule_of(b, weights, n);
    struct weft_rng rng;
    weft_rng_seed(&rng, seed);
    struct weft_split s;
    weft_split_init(&s, &r, &rng);
    memset(counts, 0, sizeof *counts * n);
    for (uint32_t i = 0; i < picks; i++) {
        int at = weft_split_next(&s, &r);
        assert_in_range(at, 0, n - 1);
        counts[at]++;
    }
    weft_split_done(&s);
}

/* REQ-132, 133, 134, 136: exact over 1000 requests, wherever the cycle starts. */
static void test_thousand_picks_exact(void **state) {
    static const struct {
        uint32_t n, weights[4], want[4];
    } rows[] = {
        {2, {70, 30}, {700, 300}},
        {3, {70, 30, 0}, {700, 300, 0}}, /* REQ-050 */
        {2, {90, 10}, {900, 100}},
        {2, {999, 1}, {999, 1}},
        {2, {1, 1}, {500, 500}},
        {4, {1, 2, 3, 4}, {100, 200, 300, 400}},
        {1, {7}, {1000}},
        {2, {0, 5}, {0, 1000}},
        {2, {1000000, 0}, {1000, 0}},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++)
        for (uint64_t seed = 0; seed < 50; seed++) {
            uint32_t counts[4];
            count_picks(rows[i].weights, rows[i].n, seed, 1000, counts);
            for (uint32_t k = 0; k < rows[i].n; k++) assert_int_equal(counts[k], rows[i].want[k]);
        }
}

/* Cycles too long to walk still keep the share. */
static void test_long_cycles(void **state) {
    static const uint32_t weights[] = {999983, 1000, 499979};
    for (uint64_t seed = 0; seed < 50; seed++) {
        uint32_t counts[3];
        count_picks(weights, 3, seed, 3000, counts);
        assert_in_range(counts[0], 1996, 2000);
        assert_in_range(counts[1], 1, 3);
        assert_in_range(counts[2], 998, 1001);
    }
}

/* REQ-136: the start is not the same for all. */
static void test_random_start(void **state) {
    static const uint32_t even[] = {1, 1, 1, 1}, uneven[] = {999999, 1};
    uint32_t first[4] = {0}, counts[4], early = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        count_picks(even, 4, seed, 1, counts);
        for (int i = 0; i < 4; i++) first[i] += counts[i];
        count_picks(uneven, 2, seed, 100000, counts);
        early += counts[1];
    }
    for (int i = 0; i < 4; i++) assert_in_range(first[i], 50, 150);
    assert_in_range(early, 15, 80); /* a tenth of the sidecars see the rare one early */
}

/* REQ-053: no weight, no backend. */
static void test_nothing_to_pick(void **state) {
    struct weft_rng rng;
    weft_rng_seed(&rng, 1);
    struct weft_backend b[2];
    static const uint32_t zero[] = {0, 0};
    for (uint32_t n = 0; n <= 2; n++) {
        struct weft_rule r = rule_of(b, zero, n);
        struct weft_split s;
        weft_split_init(&s, &r, &rng);
        assert_int_equal(weft_split_next(&s, &r), -1);
        weft_split_done(&s);
    }
}

/* REQ-049: an invalid backend keeps its share. */
static void test_invalid_backend_keeps_share(void **state) {
    struct weft_backend b[2];
    static const uint32_t weights[] = {3, 1};
    struct weft_rule r = rule_of(b, weights, 2);
    b[1].invalid = sl("BackendNotFound: default/gone:80");
    struct weft_rng rng;
    weft_rng_seed(&rng, 1);
    struct weft_split s;
    weft_split_init(&s, &r, &rng);
    uint32_t hits = 0;
    for (int i = 0; i < 1000; i++) hits += weft_split_next(&s, &r) == 1;
    assert_int_equal(hits, 250);
    weft_split_done(&s);
}

struct retry_row {
    const char *req;
    uint32_t attempts, done;
    uint16_t codes[4], status;
    bool present, replayable, want;
};
static const struct retry_row retry_rows[] = {
    {"REQ-109", 3, 1, {0}, 0, true, true, true},      /* connection error, no codes needed */
    {"REQ-110", 3, 1, {500}, 503, true, true, false}, /* unlisted: returned at once */
    {"REQ-110", 3, 1, {500, 503}, 503, true, true, true},
    {"REQ-110", 3, 1, {0}, 500, true, true, false},
    {"REQ-111", 3, 3, {500}, 500, true, true, true},  /* three retries ... */
    {"REQ-111", 3, 4, {500}, 500, true, true, false}, /* ... so four requests */
    {"REQ-111", 0, 1, {500}, 500, true, true, true},  /* unset: one */
    {"REQ-111", 0, 2, {500}, 500, true, true, false},
    {"REQ-113", 2, 1, {500}, 0, true, true, true}, /* backendRequest timeout is retriable */
    {"REQ-114", 2, 1, {500, 502, 503, 504}, 504, true, true, true},
    {"REQ-114", 2, 3, {500, 502, 503, 504}, 502, true, true, false},
    {"REQ-115", 3, 4, {0}, 0, true, true, false},
    {"REQ-116", 3, 1, {500}, 500, true, false, false}, /* body beyond the replay buffer */
    {"REQ-116", 3, 1, {500}, 0, false, true, false},   /* no stanza */
};

static void test_retry_allowed(void **state) {
    for (size_t i = 0; i < WEFT_LEN(retry_rows); i++) {
        const struct retry_row *row = &retry_rows[i];
        uint16_t codes[4];
        memcpy(codes, row->codes, sizeof codes);
        uint32_t n = 0;
        while (n < 4 && codes[n]) n++;
        struct weft_retry r = {
            .present = row->present, .attempts = row->attempts, .codes = codes, .n_codes = n};
        struct weft_retry_facts f = {
            .done = row->done, .status = row->status, .body_replayable = row->replayable};
        if (weft_retry_allowed(&r, &f) != row->want) fail_msg("row %zu (%s)", i, row->req);
    }
}

/* REQ-117: an answer that is nothing but a grpc-status is repeated when that is listed. */
static void test_retry_by_grpc_status(void **state) {
    uint16_t codes[] = {503};
    struct weft_retry r = {.present = true,
                           .attempts = 2,
                           .codes = codes,
                           .n_codes = 1,
                           .grpc_codes = 1u << 14 | 1u << 8};
    struct weft_retry_facts f = {.done = 1, .status = 200, .body_replayable = true};
    for (f.grpc_status = 1; f.grpc_status < 40; f.grpc_status++)
        assert_int_equal(weft_retry_allowed(&r, &f), f.grpc_status == 14 || f.grpc_status == 8);
    f.grpc_status = 14;
    f.done = 3;
    assert_false(weft_retry_allowed(&r, &f));
    f.done = 1;
    f.body_replayable = false;
    assert_false(weft_retry_allowed(&r, &f));
    f = (struct weft_retry_facts){
        .done = 1, .status = 503, .grpc_status = 5, .body_replayable = true};
    assert_false(weft_retry_allowed(&r, &f));
}

/* REQ-112 */
static void test_backoff(void **state) {
    struct weft_rng rng;
    weft_rng_seed(&rng, 9);
    struct weft_retry none = {.present = true};
    struct weft_retry given = {.present = true, .backoff_us = 100000};
    struct weft_retry great = {.present = true, .backoff_us = 60ull * 60 * 1000000};
    for (uint32_t done = 1; done < 40; done++) {
        for (int i = 0; i < 20; i++) {
            uint64_t us = weft_retry_backoff_us(&none, done, &rng);
            assert_in_range(us, 12500, 250000);
            if (done == 1) assert_in_range(us, 12500, 25000);
            us = weft_retry_backoff_us(&given, done, &rng);
            assert_in_range(us, 100000, 275000);
            if (done == 1) assert_in_range(us, 100000, 125000);
            us = weft_retry_backoff_us(&great, done, &rng);
            assert_in_range(us, great.backoff_us, great.backoff_us + great.backoff_us / 4);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thousand_picks_exact),
        cmocka_unit_test(test_long_cycles),
        cmocka_unit_test(test_random_start),
        cmocka_unit_test(test_nothing_to_pick),
        cmocka_unit_test(test_invalid_backend_keeps_share),
        cmocka_unit_test(test_retry_allowed),
        cmocka_unit_test(test_retry_by_grpc_status),
        cmocka_unit_test(test_backoff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Which backend by weight: smooth weighted round-robin. Every window of sum(weights) requests has
 * exactly each backend's share, evenly spread; the random start keeps the sidecars of many clients
 * from sending their first request to the same backend (REQ-136). */
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/mesh/pick.h>

enum { EXACT_STEPS = 4096 }; /* longest cycle whose start is found by walking it */

static uint64_t total_weight(const struct weft_rule *rule) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < rule->n_backends; i++) total += rule->backends[i].weight;
    return total;
}

static uint64_t common_divisor(const struct weft_rule *rule) {
    uint64_t gcd = 0;
    for (uint32_t i = 0; i < rule->n_backends; i++) {
        uint64_t a = rule->backends[i].weight;
        while (gcd) {
            uint64_t rest = a % gcd;
            a = gcd;
            gcd = rest;
        }
        gcd = a;
    }
    return gcd;
}

static int step(int64_t *current, const struct weft_rule *rule, int64_t total) {
    int best = -1;
    for (uint32_t i = 0; i < rule->n_backends; i++) {
        if (!rule->backends[i].weight) continue;
        current[i] += rule->backends[i].weight;
        if (best < 0 || current[i] > current[best]) best = (int)i;
    }
    if (best >= 0) current[best] -= total;
    return best;
}

/* Where the cycle stands after k steps, near enough for a start: each backend has had its whole
 * part of k, and the picks still missing go to those that wait longest. */
static void jump(int64_t *current, const struct weft_rule *rule, uint64_t total, uint64_t k) {
    uint64_t missing = k;
    for (uint32_t i = 0; i < rule->n_backends; i++) {
        uint64_t due = k * rule->backends[i].weight;
        missing -= due / total;
        current[i] = (int64_t)(due % total);
    }
    for (; missing; missing--) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < rule->n_backends; i++)
            if (current[i] > current[best]) best = i;
        current[best] -= (int64_t)total;
    }
}

void weft_split_init(struct weft_split *s, const struct weft_rule *rule, struct weft_rng *rng) {
    uint64_t total = total_weight(rule);
    s->n = rule->n_backends;
    s->current = weft_alloc0(sizeof *s->current * (s->n ? s->n : 1));
    if (!total) return;
    uint64_t cycle = total / common_divisor(rule);
    uint64_t k = weft_rng_below(rng, cycle < UINT32_MAX ? (uint32_t)cycle : UINT32_MAX);
    if (cycle > EXACT_STEPS) {
        jump(s->current, rule, total, k);
        return;
    }
    while (k--) step(s->current, rule, (int64_t)total);
}

void weft_split_done(struct weft_split *s) {
    free(s->current);
    *s = (struct weft_split){0};
}

int weft_split_next(struct weft_split *s, const struct weft_rule *rule) {
    WEFT_CHECK(s->n == rule->n_backends);
    return step(s->current, rule, (int64_t)total_weight(rule));
}

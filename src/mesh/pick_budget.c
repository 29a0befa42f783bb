/* SPDX-License-Identifier: Apache-2.0
 * The retry budget: a bucket that requests fill by their share and time by the minimum. */
#include <weft/mesh/pick.h>

enum { SAVED_S = 10, LEAST_CAP = 100 };

static void fill(struct weft_retry_budget *b, const struct weft_retry_budget_policy *p,
                 double more) {
    double cap = (double)p->min_per_s * SAVED_S;
    if (cap < LEAST_CAP) cap = LEAST_CAP;
    b->tokens = b->tokens + more < cap ? b->tokens + more : cap;
}

void weft_retry_budget_init(struct weft_retry_budget *b, const struct weft_retry_budget_policy *p,
                            uint64_t now_us) {
    *b = (struct weft_retry_budget){.tokens = (double)p->min_per_s * SAVED_S, .filled_us = now_us};
}

void weft_retry_budget_request(struct weft_retry_budget *b,
                               const struct weft_retry_budget_policy *p) {
    fill(b, p, p->percent / 100.0);
}

bool weft_retry_budget_take(struct weft_retry_budget *b, const struct weft_retry_budget_policy *p,
                            uint64_t now_us) {
    fill(b, p, (double)(now_us - b->filled_us) * p->min_per_s / 1e6);
    b->filled_us = now_us;
    if (b->tokens < 1) return false;
    b->tokens -= 1;
    return true;
}

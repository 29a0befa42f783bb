/* SPDX-License-Identifier: Apache-2.0
 * Which endpoint: the less loaded of two random ones. Two choices avoid the herd that follows the
 * one best endpoint, and cost the same for two endpoints as for thousands. */
#include <weft/mesh/pick.h>

static bool is_tried(const uint32_t *tried, uint32_t n_tried, uint32_t i) {
    for (uint32_t t = 0; t < n_tried; t++)
        if (tried[t] == i) return true;
    return false;
}

/* The r-th of those not tried; only retries walk the list. */
static uint32_t nth_untried(uint32_t r, const uint32_t *tried, uint32_t n_tried) {
    if (!n_tried) return r;
    uint32_t i = 0;
    for (;; i++) {
        if (is_tried(tried, n_tried, i)) continue;
        if (r-- == 0) return i;
    }
}

static uint32_t count_untried(uint32_t n, const uint32_t *tried, uint32_t n_tried) {
    if (!n_tried) return n;
    uint32_t left = 0;
    for (uint32_t i = 0; i < n; i++) left += !is_tried(tried, n_tried, i);
    return left;
}

int weft_endpoint_pick(const struct weft_endpoints *e, double (*load)(void *ud, uint32_t i),
                       void *ud, const uint32_t *tried, uint32_t n_tried, struct weft_rng *rng) {
    if (!e->n) return -1;
    uint32_t choices = count_untried(e->n, tried, n_tried);
    if (!choices) { /* all were tried: any is as good */
        choices = e->n;
        n_tried = 0;
    }
    uint32_t first = weft_rng_below(rng, choices);
    if (choices == 1 || !load) return (int)nth_untried(first, tried, n_tried);
    uint32_t second = weft_rng_below(rng, choices - 1);
    if (second >= first) second++; /* two different ones, all pairs equally likely */
    first = nth_untried(first, tried, n_tried);
    second = nth_untried(second, tried, n_tried);
    return (int)(load(ud, second) < load(ud, first) ? second : first);
}

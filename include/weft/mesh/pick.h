/* SPDX-License-Identifier: Apache-2.0
 * Choosing a backend by weight, and whether to try again. Pure: mutable state belongs to the
 * caller, one per worker. */
#pragma once
#include <weft/base/clock.h>
#include <weft/mesh/model.h>

/* Smooth weighted round-robin over a rule's backends with a random start (REQ-132 to 136). */
struct weft_split {
    int64_t *current; /* one per backend */
    uint32_t n;
};
void weft_split_init(struct weft_split *s, const struct weft_rule *rule, struct weft_rng *rng);
void weft_split_done(struct weft_split *s);
/* Index of the backend; -1 when all weights are 0 or there is none (REQ-053). Invalid backends keep
 * their share (REQ-049). */
int weft_split_next(struct weft_split *s, const struct weft_rule *rule);

/* May and when may this attempt be repeated? (REQ-109 to 116) */
struct weft_retry_facts {
    uint32_t done;        /* attempts made so far, at least 1 */
    uint16_t status;      /* response status of the last one; 0: connection error or timeout */
    uint32_t grpc_status; /* what the last one's head says at once; 0: nothing, or OK */
    bool body_replayable; /* the whole request body so far is in the replay buffer */
};
bool weft_retry_allowed(const struct weft_retry *r, const struct weft_retry_facts *f);
/* Wait before attempt number done+1: never below r->backoff_us; default 25 ms * 2^n jittered, cap
 * 250 ms. */
uint64_t weft_retry_backoff_us(const struct weft_retry *r, uint32_t done, struct weft_rng *rng);

/* How much retries may add to a destination's requests: a share of them and a minimum a second,
 * saved up for ten seconds at most. Times are monotonic microseconds. */
struct weft_retry_budget_policy {
    uint32_t percent, min_per_s;
};
struct weft_retry_budget {
    double tokens; /* retries that may be made now */
    uint64_t filled_us;
};
void weft_retry_budget_init(struct weft_retry_budget *b, const struct weft_retry_budget_policy *p,
                            uint64_t now_us);
void weft_retry_budget_request(struct weft_retry_budget *b,
                               const struct weft_retry_budget_policy *p);
/* False: spent. */
bool weft_retry_budget_take(struct weft_retry_budget *b, const struct weft_retry_budget_policy *p,
                            uint64_t now_us);

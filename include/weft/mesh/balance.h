/* SPDX-License-Identifier: Apache-2.0
 * Which endpoint is the better one: what a worker measures of each, and the choice between two
 * random ones by it. Pure: times are the caller's monotonic microseconds, state is one worker's. */
#pragma once
#include <weft/base/clock.h>
#include <weft/mesh/model.h>

/* Time to the response head: a moving average that rises fast, falls with time, and is forgotten
 * by half every two seconds without a sample, so that a slow endpoint is tried again. Requests
 * that wait count while they wait: an endpoint that answers nothing is left before it fails. */
struct weft_latency {
    uint64_t ewma_us;     /* 0: nothing is known */
    uint64_t sampled_us;  /* when that was last changed */
    uint64_t progress_us; /* the last answer, or the first of those that wait */
    uint32_t waiting;
};
void weft_latency_start(struct weft_latency *l, uint64_t now_us);
/* The response head of a started one came; `took_us` since it was sent. */
void weft_latency_answer(struct weft_latency *l, uint64_t now_us, uint64_t took_us);
/* A started one ended without an answer after `took_us`: it would have taken at least that. */
void weft_latency_give_up(struct weft_latency *l, uint64_t now_us, uint64_t took_us);
/* What to expect now; never below WEFT_LATENCY_FLOOR_US, under which differences mean nothing. */
enum { WEFT_LATENCY_FLOOR_US = 1000 };
uint64_t weft_latency_us(const struct weft_latency *l, uint64_t now_us);

enum { WEFT_WARM = 1000 };
struct weft_endpoint_view {
    uint64_t latency_us; /* weft_latency_us */
    uint32_t active;     /* requests and connections in flight */
    uint32_t warm;       /* of WEFT_WARM: how much of its share it takes yet */
    bool suspect;        /* no connection came up just now: others first */
    bool ejected;        /* gets nothing while at least half of the set is not */
    bool full;           /* may take no more */
};
/* How warm an endpoint is that began at since_us (0: long ago) and warms for warm_up_us. It starts
 * at a tenth. */
uint32_t weft_endpoint_warmth(uint64_t since_us, uint64_t warm_up_us, uint64_t now_us);

/* The better of two random endpoints: not full before full, then not ejected, then not suspect;
 * one that warms up stands back at chance; then the lower latency x (active + 1), where latencies
 * within a factor of two count as equal. Whole sets are looked at only when both are bad ones. When
 * more than half of the set is ejected, ejection is ignored. `tried`: indexes to avoid while there
 * is another. -1 when e->n is 0. */
int weft_endpoint_choose(const struct weft_endpoints *e,
                         void (*view)(void *ud, uint32_t i, struct weft_endpoint_view *ret),
                         void *ud, const uint32_t *tried, uint32_t n_tried, struct weft_rng *rng);

/* The endpoints of a set by zone: those of one's own first. */
struct weft_near {
    uint32_t *order; /* all indexes, the n_near near ones first; free() it */
    uint32_t n_near; /* 0: nothing is preferred */
    uint32_t share;  /* of WEFT_ALL_NEAR: how many requests stay near */
};
enum { WEFT_ALL_NEAR = 1000 };
/* All requests stay near when the zone has its fair share of the set (one part of as many as there
 * are zones) or more; else as many as that share is of the fair one. Nothing is preferred when
 * `zone` is empty, has no endpoint here, or has all of them. */
void weft_near_init(struct weft_near *ret, const struct weft_endpoints *e, struct weft_slice zone);
void weft_near_done(struct weft_near *n);
/* As weft_endpoint_choose, among the near ones first. Any endpoint is as good for a retry; when the
 * first near one drawn is full, ejected or suspect, so that its share goes elsewhere and not to its
 * neighbours; and when a random far one would be WEFT_FAR_GAIN times cheaper. */
enum { WEFT_FAR_GAIN = 3 };
int weft_endpoint_choose_near(const struct weft_endpoints *e, const struct weft_near *near,
                              void (*view)(void *ud, uint32_t i, struct weft_endpoint_view *ret),
                              void *ud, const uint32_t *tried, uint32_t n_tried,
                              struct weft_rng *rng);

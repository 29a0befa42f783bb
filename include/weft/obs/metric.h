/* SPDX-License-Identifier: Apache-2.0
 * Counters, gauges and histograms without locks: every thread writes to a set of its own (one
 * writer, relaxed atomics) and holds direct pointers to its series; a scrape sums the sets. */
#pragma once
#include <stdatomic.h>
#include <weft/base/buf.h>

enum weft_metric_kind { WEFT_METRIC_COUNTER, WEFT_METRIC_GAUGE, WEFT_METRIC_HISTOGRAM };

struct weft_metric_family {
    const char *name; /* as printed, e.g. "weft_requests_total" */
    enum weft_metric_kind kind;
    const char *labels; /* names separated by commas, "" for none */
    const char *help;
};

enum { WEFT_HISTOGRAM_BUCKETS = 14, WEFT_METRIC_MAX_SERIES = 20000 };

struct weft_counter { /* also a gauge, as a signed number */
    atomic_uint_fast64_t value;
};
struct weft_histogram { /* durations; bounds from 1 ms to 60 s */
    atomic_uint_fast64_t buckets[WEFT_HISTOGRAM_BUCKETS + 1];
    atomic_uint_fast64_t sum_us;
};

struct weft_metrics;
/* A set for one writing thread. `families` must outlive it and be the same for all sets that are
 * printed together; a series is named by the family's index in it. */
struct weft_metrics *weft_metrics_new(const struct weft_metric_family *families, size_t n);
struct weft_metrics *weft_metrics_free(struct weft_metrics *m);

/* The series with these label values (as many as the family has labels), made on first use; valid
 * as long as the set. Only the set's thread. Beyond WEFT_METRIC_MAX_SERIES a set hands out one
 * overflow series a family, so that a peer cannot make it grow. */
struct weft_counter *weft_metrics_counter(struct weft_metrics *m, size_t family,
                                          const struct weft_slice *values);
struct weft_histogram *weft_metrics_histogram(struct weft_metrics *m, size_t family,
                                              const struct weft_slice *values);

/* One writer: no read-modify-write instruction is needed. */
static inline void weft_counter_add(struct weft_counter *c, uint64_t n) {
    uint64_t v = atomic_load_explicit(&c->value, memory_order_relaxed);
    atomic_store_explicit(&c->value, v + n, memory_order_relaxed);
}
static inline void weft_gauge_add(struct weft_counter *c, int64_t n) {
    weft_counter_add(c, (uint64_t)n);
}
static inline void weft_gauge_set(struct weft_counter *c, int64_t n) {
    atomic_store_explicit(&c->value, (uint64_t)n, memory_order_relaxed);
}
static inline uint64_t weft_counter_value(const struct weft_counter *c) {
    return atomic_load_explicit(&((struct weft_counter *)(uintptr_t)c)->value,
                                memory_order_relaxed);
}
void weft_histogram_add(struct weft_histogram *h, uint64_t us);

/* One series, summed over the sets. */
struct weft_metric_sample {
    const struct weft_metric_family *family;
    const char *labels; /* as printed, `a="x",b="y"` */
    uint64_t value;     /* counter; a gauge as a signed number */
    uint64_t buckets[WEFT_HISTOGRAM_BUCKETS + 1];
    uint64_t sum_us;
};
/* Calls fn for each series, families in table order, series sorted. Any thread. */
void weft_metrics_each(struct weft_metrics *const *sets, size_t n_sets,
                       void (*fn)(void *ud, const struct weft_metric_sample *s), void *ud);
uint64_t weft_metric_count(const struct weft_metric_sample *histogram);
/* The bound of the bucket that the share `per_mille` of all falls into; UINT64_MAX: beyond the
 * last one. */
uint64_t weft_metric_quantile_us(const struct weft_metric_sample *histogram, unsigned per_mille);
/* Prometheus text format of the sum of all sets; families in table order, series sorted. Any
 * thread, while the writers go on. */
void weft_metrics_text(struct weft_metrics *const *sets, size_t n_sets, struct weft_buf *out);

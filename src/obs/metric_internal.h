/* SPDX-License-Identifier: Apache-2.0
 * Shared by metric.c (writing) and metric_text.c (reading). */
#pragma once
#include <uthash.h>

#include <weft/obs/metric.h>

struct metric_series {
    struct metric_series *next; /* set before the series is published, then const */
    char *key;
    size_t key_len;
    const char *labels; /* in key: `a="x",b="y"` */
    struct weft_counter counter;
    struct weft_histogram histogram;
    UT_hash_handle hh; /* writer only */
};

struct weft_metrics {
    const struct weft_metric_family *families;
    size_t n, n_series;
    struct metric_series *_Atomic *heads;
    struct metric_series **overflow;
    struct metric_series *index; /* writer only */
};

uint64_t metric_bound_us(size_t bucket);

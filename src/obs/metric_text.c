/* SPDX-License-Identifier: Apache-2.0
 * Prometheus text (exposition format 0.0.4) of the sum of several metric sets. */
#include "metric_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include <weft/base/alloc.h>

struct sum {
    const char *labels;
    uint64_t value;
    uint64_t buckets[WEFT_HISTOGRAM_BUCKETS + 1];
    uint64_t sum_us;
    UT_hash_handle hh;
};

static int by_labels(const struct sum *a, const struct sum *b) {
    return strcmp(a->labels, b->labels);
}

static void add_series(struct sum **sums, struct metric_series *s) {
    struct sum *t = NULL;
    HASH_FIND_STR(*sums, s->labels, t);
    if (!t) {
        t = weft_new0(struct sum);
        t->labels = s->labels;
        HASH_ADD_KEYPTR(hh, *sums, t->labels, strlen(t->labels), t);
    }
    t->value += weft_counter_value(&s->counter);
    for (size_t i = 0; i <= WEFT_HISTOGRAM_BUCKETS; i++)
        t->buckets[i] += atomic_load_explicit(&s->histogram.buckets[i], memory_order_relaxed);
    t->sum_us += atomic_load_explicit(&s->histogram.sum_us, memory_order_relaxed);
}

static void print_value(const struct weft_metric_family *f, const struct sum *t,
                        struct weft_buf *out) {
    weft_buf_str(out, f->name);
    if (*t->labels) weft_buf_printf(out, "{%s}", t->labels);
    if (f->kind == WEFT_METRIC_GAUGE)
        weft_buf_printf(out, " %" PRId64 "\n", (int64_t)t->value);
    else
        weft_buf_printf(out, " %" PRIu64 "\n", t->value);
}

static void print_histogram(const struct weft_metric_family *f, const struct sum *t,
                            struct weft_buf *out) {
    const char *comma = *t->labels ? "," : "";
    uint64_t n = 0;
    for (size_t i = 0; i <= WEFT_HISTOGRAM_BUCKETS; i++) {
        n += t->buckets[i];
        weft_buf_printf(out, "%s_bucket{%s%sle=\"", f->name, t->labels, comma);
        if (i < WEFT_HISTOGRAM_BUCKETS)
            weft_buf_printf(out, "%g", (double)metric_bound_us(i) / 1e6);
        else
            weft_buf_str(out, "+Inf");
        weft_buf_printf(out, "\"} %" PRIu64 "\n", n);
    }
    const char *open = *t->labels ? "{" : "", *close = *t->labels ? "}" : "";
    weft_buf_printf(out, "%s_sum%s%s%s %.6f\n", f->name, open, t->labels, close,
                    (double)t->sum_us / 1e6);
    weft_buf_printf(out, "%s_count%s%s%s %" PRIu64 "\n", f->name, open, t->labels, close, n);
}

static void print_family(const struct weft_metric_family *f, struct sum *sums,
                         struct weft_buf *out) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    weft_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, kinds[f->kind]);
    for (const struct sum *t = sums; t; t = t->hh.next) {
        if (f->kind == WEFT_METRIC_HISTOGRAM)
            print_histogram(f, t, out);
        else
            print_value(f, t, out);
    }
}

static void family_text(struct weft_metrics *const *sets, size_t n_sets, size_t family,
                        struct weft_buf *out) {
    struct sum *sums = NULL;
    for (size_t i = 0; i < n_sets; i++) {
        struct metric_series *s =
            atomic_load_explicit(&sets[i]->heads[family], memory_order_acquire);
        for (; s; s = s->next) add_series(&sums, s);
    }
    if (!sums) return;
    HASH_SORT(sums, by_labels);
    print_family(&sets[0]->families[family], sums, out);
    struct sum *t, *next;
    HASH_ITER(hh, sums, t, next) {
        HASH_DEL(sums, t);
        free(t);
    }
}

void weft_metrics_text(struct weft_metrics *const *sets, size_t n_sets, struct weft_buf *out) {
    if (!n_sets) return;
    for (size_t f = 0; f < sets[0]->n; f++) family_text(sets, n_sets, f, out);
}

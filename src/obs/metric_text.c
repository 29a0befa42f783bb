/* SPDX-License-Identifier: Apache-2.0
 * Prometheus text (exposition format 0.0.4) of the sum of several metric sets. */
#include "metric_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include <weft/base/alloc.h>

struct sum {
    struct weft_metric_sample sample;
    UT_hash_handle hh;
};

static int by_labels(const struct sum *a, const struct sum *b) {
    return strcmp(a->sample.labels, b->sample.labels);
}

static void add_series(struct sum **sums, const struct weft_metric_family *f,
                       struct metric_series *s) {
    struct sum *found = NULL;
    HASH_FIND_STR(*sums, s->labels, found);
    if (!found) {
        found = weft_new0(struct sum);
        found->sample.family = f;
        found->sample.labels = s->labels;
        HASH_ADD_KEYPTR(hh, *sums, s->labels, strlen(s->labels), found);
    }
    struct weft_metric_sample *t = &found->sample;
    t->value += weft_counter_value(&s->counter);
    for (size_t i = 0; i <= WEFT_HISTOGRAM_BUCKETS; i++)
        t->buckets[i] += atomic_load_explicit(&s->histogram.buckets[i], memory_order_relaxed);
    t->sum_us += atomic_load_explicit(&s->histogram.sum_us, memory_order_relaxed);
}

uint64_t weft_metric_count(const struct weft_metric_sample *h) {
    uint64_t n = 0;
    for (size_t i = 0; i <= WEFT_HISTOGRAM_BUCKETS; i++) n += h->buckets[i];
    return n;
}

uint64_t weft_metric_quantile_us(const struct weft_metric_sample *h, unsigned per_mille) {
    uint64_t need = (weft_metric_count(h) * per_mille + 999) / 1000, n = 0;
    for (size_t i = 0; i < WEFT_HISTOGRAM_BUCKETS; i++) {
        n += h->buckets[i];
        if (n >= need) return metric_bound_us(i);
    }
    return UINT64_MAX;
}

static void print_value(const struct weft_metric_family *f, const struct weft_metric_sample *t,
                        struct weft_buf *out) {
    weft_buf_str(out, f->name);
    if (*t->labels) weft_buf_printf(out, "{%s}", t->labels);
    if (f->kind == WEFT_METRIC_GAUGE)
        weft_buf_printf(out, " %" PRId64 "\n", (int64_t)t->value);
    else
        weft_buf_printf(out, " %" PRIu64 "\n", t->value);
}

static void print_histogram(const struct weft_metric_family *f, const struct weft_metric_sample *t,
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

static void each_of_family(struct weft_metrics *const *sets, size_t n_sets, size_t family,
                           void (*fn)(void *ud, const struct weft_metric_sample *s), void *ud) {
    struct sum *sums = NULL, *t, *next;
    for (size_t i = 0; i < n_sets; i++) {
        struct metric_series *s =
            atomic_load_explicit(&sets[i]->heads[family], memory_order_acquire);
        for (; s; s = s->next) add_series(&sums, &sets[0]->families[family], s);
    }
    HASH_SORT(sums, by_labels);
    HASH_ITER(hh, sums, t, next) {
        fn(ud, &t->sample);
        HASH_DEL(sums, t);
        free(t);
    }
}

void weft_metrics_each(struct weft_metrics *const *sets, size_t n_sets,
                       void (*fn)(void *ud, const struct weft_metric_sample *s), void *ud) {
    if (!n_sets) return;
    for (size_t f = 0; f < sets[0]->n; f++) each_of_family(sets, n_sets, f, fn, ud);
}

struct printer {
    struct weft_buf *out;
    const struct weft_metric_family *last;
};

static void print(void *ud, const struct weft_metric_sample *s) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    struct printer *p = ud;
    const struct weft_metric_family *f = s->family;
    if (p->last != f)
        weft_buf_printf(p->out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name,
                        kinds[f->kind]);
    p->last = f;
    if (f->kind == WEFT_METRIC_HISTOGRAM)
        print_histogram(f, s, p->out);
    else
        print_value(f, s, p->out);
}

void weft_metrics_text(struct weft_metrics *const *sets, size_t n_sets, struct weft_buf *out) {
    struct printer p = {.out = out};
    weft_metrics_each(sets, n_sets, print, &p);
}

/* SPDX-License-Identifier: Apache-2.0
 * Metric sets: series are interned by the writing thread and published to readers through one
 * atomic list a family; they are never taken away while the set lives. */
#include "metric_internal.h"

#include <uthash.h>

#include <weft/base/alloc.h>
#include <weft/base/check.h>

static const uint64_t bounds_us[WEFT_HISTOGRAM_BUCKETS] = {
    1000,   2000,   5000,    10000,   25000,   50000,    100000,
    250000, 500000, 1000000, 2500000, 5000000, 10000000, 60000000};

uint64_t metric_bound_us(size_t bucket) {
    return bounds_us[bucket];
}

struct weft_metrics *weft_metrics_new(const struct weft_metric_family *families, size_t n) {
    struct weft_metrics *m = weft_new0(struct weft_metrics);
    WEFT_CHECK(n < 1000); /* a family is three digits in a key */
    m->families = families;
    m->n = n;
    m->heads = weft_alloc0(n * sizeof *m->heads);
    m->overflow = weft_alloc0(n * sizeof *m->overflow);
    return m;
}

struct weft_metrics *weft_metrics_free(struct weft_metrics *m) {
    if (!m) return NULL;
    HASH_CLEAR(hh, m->index);
    for (size_t i = 0; i < m->n; i++) {
        struct metric_series *s = atomic_load(&m->heads[i]);
        while (s) {
            struct metric_series *next = s->next;
            free(s->key);
            free(s);
            s = next;
        }
    }
    free(m->heads);
    free(m->overflow);
    free(m);
    return NULL;
}

static void escape(struct weft_buf *out, struct weft_slice v) {
    size_t from = 0;
    for (size_t i = 0; i < v.len; i++) {
        char c = v.base[i];
        if (c != '\\' && c != '"' && c != '\n') continue;
        weft_buf_append(out, weft_slice(v.base + from, i - from));
        weft_buf_char(out, '\\');
        if (c == '\n') weft_buf_char(out, 'n');
        from = c == '\n' ? i + 1 : i;
    }
    weft_buf_append(out, weft_slice_from(v, from));
}

/* The key is "FAMILY|" and the labels as they will be printed. */
static size_t render(const struct weft_metric_family *f, size_t family,
                     const struct weft_slice *values, struct weft_buf *out) {
    char number[] = {(char)('0' + family / 100), (char)('0' + family / 10 % 10),
                     (char)('0' + family % 10), '|'};
    weft_buf_append(out, weft_slice(number, sizeof number));
    size_t prefix = weft_buf_size(out);
    struct weft_slice names = weft_slice_str(f->labels);
    for (size_t i = 0; names.len; i++) {
        struct weft_slice name = weft_slice_cut(&names, ',');
        if (i) weft_buf_char(out, ',');
        weft_buf_append(out, name);
        weft_buf_str(out, "=\"");
        escape(out, values[i]);
        weft_buf_char(out, '"');
    }
    return prefix;
}

static struct metric_series *publish(struct weft_metrics *m, size_t family, struct weft_slice key,
                                     size_t prefix) {
    struct metric_series *s = weft_new0(struct metric_series);
    s->key = weft_slice_dup(key);
    s->key_len = key.len;
    s->labels = s->key + prefix;
    HASH_ADD_KEYPTR(hh, m->index, s->key, s->key_len, s);
    m->n_series++;
    s->next = atomic_load_explicit(&m->heads[family], memory_order_relaxed);
    atomic_store_explicit(&m->heads[family], s, memory_order_release);
    return s;
}

static struct metric_series *overflow(struct weft_metrics *m, size_t family) {
    if (!m->overflow[family]) {
        struct weft_buf b;
        weft_buf_init(&b, 0);
        weft_buf_printf(&b, "%zu|", family);
        size_t prefix = weft_buf_size(&b);
        weft_buf_str(&b, "overflow=\"true\"");
        m->overflow[family] = publish(m, family, weft_buf_slice(&b), prefix);
        weft_buf_done(&b);
    }
    return m->overflow[family];
}

static struct metric_series *intern(struct weft_metrics *m, size_t family,
                                    const struct weft_slice *values) {
    WEFT_CHECK(family < m->n);
    struct weft_buf b;
    weft_buf_init(&b, 0);
    size_t prefix = render(&m->families[family], family, values, &b);
    struct weft_slice key = weft_buf_slice(&b);
    struct metric_series *s = NULL;
    HASH_FIND(hh, m->index, key.base, key.len, s);
    if (!s)
        s = m->n_series < WEFT_METRIC_MAX_SERIES ? publish(m, family, key, prefix)
                                                 : overflow(m, family);
    weft_buf_done(&b);
    return s;
}

struct weft_counter *weft_metrics_counter(struct weft_metrics *m, size_t family,
                                          const struct weft_slice *values) {
    WEFT_ASSERT(m->families[family].kind != WEFT_METRIC_HISTOGRAM);
    return &intern(m, family, values)->counter;
}

struct weft_histogram *weft_metrics_histogram(struct weft_metrics *m, size_t family,
                                              const struct weft_slice *values) {
    WEFT_ASSERT(m->families[family].kind == WEFT_METRIC_HISTOGRAM);
    return &intern(m, family, values)->histogram;
}

void weft_histogram_add(struct weft_histogram *h, uint64_t us) {
    size_t i = 0;
    while (i < WEFT_HISTOGRAM_BUCKETS && us > bounds_us[i]) i++;
    uint64_t v = atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
    atomic_store_explicit(&h->buckets[i], v + 1, memory_order_relaxed);
    v = atomic_load_explicit(&h->sum_us, memory_order_relaxed);
    atomic_store_explicit(&h->sum_us, v + us, memory_order_relaxed);
}

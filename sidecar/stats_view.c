/* SPDX-License-Identifier: Apache-2.0 */
#include <sidecar/stats_view.h>

#include <jansson.h>

#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>

enum weft_status proxy_stats_query_parse(struct weft_slice query, struct proxy_stats_query *ret) {
    *ret = (struct proxy_stats_query){0};
    while (query.len) {
        struct weft_slice value = weft_slice_cut(&query, '&'), key = weft_slice_cut(&value, '=');
        bool is_format = weft_slice_is(key, "format");
        if (weft_slice_is(key, "filter"))
            ret->filter = value;
        else if (weft_slice_is(key, "all") && !value.len)
            ret->all = true;
        else if (is_format && weft_slice_is(value, "json"))
            ret->json = true;
        else if (!is_format || !weft_slice_is(value, "text"))
            return WEFT_INVALID;
    }
    return WEFT_OK;
}

struct view {
    const struct proxy_stats_query *q;
    struct weft_buf *out;
    json_t *list;
};

static bool wanted(const struct view *v, const struct weft_metric_sample *s) {
    bool histogram = s->family->kind == WEFT_METRIC_HISTOGRAM;
    if (!v->q->all && (histogram ? weft_metric_count(s) : s->value) == 0) return false;
    if (!v->q->filter.len) return true;
    WEFT_FREE char *name = weft_asprintf("%s{%s}", s->family->name, s->labels);
    struct weft_slice text = weft_slice_str(name);
    return weft_slice_search(text, v->q->filter) < text.len;
}

/* ---- text ---- */

static void quantile(struct weft_buf *out, const struct weft_metric_sample *s, unsigned percent) {
    uint64_t us = weft_metric_quantile_us(s, percent * 10);
    if (us == UINT64_MAX)
        weft_buf_printf(out, ", p%u over 60 s", percent);
    else
        weft_buf_printf(out, ", p%u up to %g ms", percent, (double)us / 1000);
}

static void line(void *ud, const struct weft_metric_sample *s) {
    struct view *v = ud;
    if (!wanted(v, s)) return;
    weft_buf_str(v->out, s->family->name);
    if (*s->labels) weft_buf_printf(v->out, "{%s}", s->labels);
    weft_buf_str(v->out, ": ");
    if (s->family->kind != WEFT_METRIC_HISTOGRAM) {
        weft_buf_printf(v->out, "%lld\n", (long long)s->value);
        return;
    }
    uint64_t n = weft_metric_count(s);
    weft_buf_printf(v->out, "%llu, mean %.3f ms", (unsigned long long)n,
                    n ? (double)s->sum_us / 1000 / (double)n : 0.0);
    quantile(v->out, s, 50);
    quantile(v->out, s, 90);
    quantile(v->out, s, 99);
    weft_buf_char(v->out, '\n');
}

/* ---- JSON ---- */

/* `a="x",b="y"` with \" \\ and \n inside the values. */
static json_t *labels_of(const char *text) {
    json_t *labels = json_object();
    struct weft_buf value;
    weft_buf_init(&value, 0);
    while (*text) {
        size_t name = strcspn(text, "=");
        WEFT_FREE char *key = weft_slice_dup(weft_slice(text, name));
        weft_buf_clear(&value);
        for (text += name + 2; *text != '"'; text++) {
            bool escaped = *text == '\\';
            text += escaped;
            weft_buf_char(&value, escaped && *text == 'n' ? '\n' : *text);
        }
        struct weft_slice v = weft_buf_slice(&value);
        json_object_set_new(labels, key, v.len ? json_stringn(v.base, v.len) : json_string(""));
        text += text[1] == ',' ? 2 : 1;
    }
    weft_buf_done(&value);
    return labels;
}

static json_t *seconds(uint64_t us) {
    return us == UINT64_MAX ? json_null() : json_real((double)us / 1e6);
}

static void object(void *ud, const struct weft_metric_sample *s) {
    struct view *v = ud;
    if (!wanted(v, s)) return;
    json_t *o = json_pack("{s:s, s:o}", "name", s->family->name, "labels", labels_of(s->labels));
    if (s->family->kind == WEFT_METRIC_HISTOGRAM) {
        json_object_set_new(o, "count", json_integer((json_int_t)weft_metric_count(s)));
        json_object_set_new(o, "sum_seconds", seconds(s->sum_us));
        json_object_set_new(o, "p50_seconds", seconds(weft_metric_quantile_us(s, 500)));
        json_object_set_new(o, "p90_seconds", seconds(weft_metric_quantile_us(s, 900)));
        json_object_set_new(o, "p99_seconds", seconds(weft_metric_quantile_us(s, 990)));
    } else {
        json_object_set_new(o, "value", json_integer((json_int_t)s->value));
    }
    json_array_append_new(v->list, o);
}

void proxy_stats_view(struct weft_metrics *const *sets, size_t n_sets,
                      const struct proxy_stats_query *q, struct weft_buf *out) {
    struct view v = {.q = q, .out = out};
    if (!q->json) {
        weft_metrics_each(sets, n_sets, line, &v);
        return;
    }
    v.list = json_array();
    weft_metrics_each(sets, n_sets, object, &v);
    WEFT_FREE char *text = weft_dump_text(v.list);
    weft_buf_str(out, text);
    json_decref(v.list);
}

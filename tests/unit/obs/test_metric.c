/* SPDX-License-Identifier: Apache-2.0
 * Metric sets: interning, summing over threads' sets, the text format, the series cap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <weft/obs/metric.h>

static const struct weft_metric_family families[] = {
    {"t_requests_total", WEFT_METRIC_COUNTER, "service,class", "Requests."},
    {"t_open", WEFT_METRIC_GAUGE, "", "Open connections."},
    {"t_duration_seconds", WEFT_METRIC_HISTOGRAM, "service", "Durations."},
};

static void same_labels_same_series(void **state) {
    struct weft_metrics *m = weft_metrics_new(families, 3);
    struct weft_slice v[] = {WEFT_SLICE_LIT("a"), WEFT_SLICE_LIT("2xx")};
    struct weft_slice w[] = {WEFT_SLICE_LIT("a"), WEFT_SLICE_LIT("5xx")};
    assert_ptr_equal(weft_metrics_counter(m, 0, v), weft_metrics_counter(m, 0, v));
    assert_ptr_not_equal(weft_metrics_counter(m, 0, v), weft_metrics_counter(m, 0, w));
    weft_metrics_free(m);
}

static void sets_are_summed_and_sorted(void **state) {
    struct weft_metrics *m[2] = {weft_metrics_new(families, 3), weft_metrics_new(families, 3)};
    struct weft_slice b[] = {WEFT_SLICE_LIT("b\"x"), WEFT_SLICE_LIT("2xx")};
    struct weft_slice a[] = {WEFT_SLICE_LIT("a"), WEFT_SLICE_LIT("2xx")};
    weft_counter_add(weft_metrics_counter(m[0], 0, b), 2);
    weft_counter_add(weft_metrics_counter(m[1], 0, b), 3);
    weft_counter_add(weft_metrics_counter(m[1], 0, a), 1);
    weft_gauge_add(weft_metrics_counter(m[0], 1, NULL), 4);
    weft_gauge_add(weft_metrics_counter(m[1], 1, NULL), -1);
    struct weft_buf out;
    weft_buf_init(&out, 0);
    weft_metrics_text(m, 2, &out);
    assert_true(weft_slice_is(weft_buf_slice(&out),
                              "# HELP t_requests_total Requests.\n"
                              "# TYPE t_requests_total counter\n"
                              "t_requests_total{service=\"a\",class=\"2xx\"} 1\n"
                              "t_requests_total{service=\"b\\\"x\",class=\"2xx\"} 5\n"
                              "# HELP t_open Open connections.\n"
                              "# TYPE t_open gauge\n"
                              "t_open 3\n"));
    weft_buf_done(&out);
    weft_metrics_free(m[0]);
    weft_metrics_free(m[1]);
}

static void histogram_is_cumulative(void **state) {
    struct weft_metrics *m = weft_metrics_new(families, 3);
    struct weft_slice v[] = {WEFT_SLICE_LIT("a")};
    struct weft_histogram *h = weft_metrics_histogram(m, 2, v);
    weft_histogram_add(h, 1000);
    weft_histogram_add(h, 1001);
    weft_histogram_add(h, 3600000000u);
    struct weft_buf out;
    weft_buf_init(&out, 0);
    weft_metrics_text(&m, 1, &out);
    struct weft_slice text = weft_buf_slice(&out);
    const char *want[] = {"{service=\"a\",le=\"0.001\"} 1\n",  "{service=\"a\",le=\"0.002\"} 2\n",
                          "{service=\"a\",le=\"60\"} 2\n",     "{service=\"a\",le=\"+Inf\"} 3\n",
                          "_sum{service=\"a\"} 3600.002001\n", "_count{service=\"a\"} 3\n"};
    for (size_t i = 0; i < 6; i++)
        assert_true(weft_slice_search(text, weft_slice_str(want[i])) < text.len);
    weft_buf_done(&out);
    weft_metrics_free(m);
}

static void series_are_capped(void **state) {
    struct weft_metrics *m = weft_metrics_new(families, 3);
    char name[16];
    struct weft_counter *last = NULL, *before = NULL;
    for (int i = 0; i < WEFT_METRIC_MAX_SERIES + 2; i++) {
        snprintf(name, sizeof name, "%d", i);
        struct weft_slice v[] = {weft_slice_str(name), WEFT_SLICE_EMPTY};
        before = last;
        last = weft_metrics_counter(m, 0, v);
    }
    assert_ptr_equal(last, before);
    weft_metrics_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_labels_same_series), cmocka_unit_test(sets_are_summed_and_sorted),
        cmocka_unit_test(histogram_is_cumulative), cmocka_unit_test(series_are_capped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

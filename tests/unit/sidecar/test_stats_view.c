/* SPDX-License-Identifier: Apache-2.0
 * Metrics for people: what is shown of which series, as text and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include <sidecar/stats_view.h>

static const struct weft_metric_family families[] = {
    {"t_requests_total", WEFT_METRIC_COUNTER, "service,status", "Requests."},
    {"t_open", WEFT_METRIC_GAUGE, "", "Open connections."},
    {"t_duration_seconds", WEFT_METRIC_HISTOGRAM, "service", "Durations."},
};

static struct weft_metrics *sample(void) {
    struct weft_metrics *m = weft_metrics_new(families, 3);
    struct weft_slice odd[] = {WEFT_SLICE_LIT("a\"b\\n\nc,d=\"e\""), WEFT_SLICE_LIT("200")};
    struct weft_slice none[] = {WEFT_SLICE_LIT("x"), WEFT_SLICE_LIT("500")};
    weft_counter_add(weft_metrics_counter(m, 0, odd), 7);
    weft_metrics_counter(m, 0, none);
    weft_gauge_add(weft_metrics_counter(m, 1, NULL), -3);
    struct weft_histogram *h = weft_metrics_histogram(m, 2, none);
    for (int i = 0; i < 98; i++) weft_histogram_add(h, 900);
    weft_histogram_add(h, 4000);
    weft_histogram_add(h, 70000000);
    return m;
}

static void view(const char *query, char *ret, size_t size) {
    struct weft_metrics *m = sample();
    struct proxy_stats_query q;
    struct weft_buf out;
    weft_buf_init(&out, 0);
    assert_int_equal(proxy_stats_query_parse(weft_slice_str(query), &q), WEFT_OK);
    proxy_stats_view(&m, 1, &q, &out);
    (void)weft_buf_char(&out, 0);
    assert_true(weft_buf_size(&out) <= size);
    memcpy(ret, weft_buf_slice(&out).base, weft_buf_size(&out));
    weft_buf_done(&out);
    weft_metrics_free(m);
}

static void text(void **state) {
    char t[2000];
    view("", t, sizeof t);
    assert_string_equal(
        t, "t_requests_total{service=\"a\\\"b\\\\n\\nc,d=\\\"e\\\"\",status=\"200\"}: 7\n"
           "t_open: -3\n"
           "t_duration_seconds{service=\"x\"}: 100, mean 700.922 ms, p50 up to 1 ms, "
           "p90 up to 1 ms, p99 up to 5 ms\n");
}

static void filtered(void **state) {
    char t[2000];
    view("filter=open", t, sizeof t);
    assert_string_equal(t, "t_open: -3\n");
    view("filter=status=\"500\"&all", t, sizeof t);
    assert_string_equal(t, "t_requests_total{service=\"x\",status=\"500\"}: 0\n");
    view("filter=nothing&format=text", t, sizeof t);
    assert_string_equal(t, "");
}

static void as_json(void **state) {
    char t[4000];
    view("format=json", t, sizeof t);
    json_t *list = json_loads(t, 0, NULL);
    assert_int_equal(json_array_size(list), 3);
    json_t *labels = json_object_get(json_array_get(list, 0), "labels");
    assert_string_equal(json_string_value(json_object_get(labels, "service")),
                        "a\"b\\n\nc,d=\"e\"");
    assert_string_equal(json_string_value(json_object_get(labels, "status")), "200");
    json_t *h = json_array_get(list, 2);
    assert_int_equal(json_integer_value(json_object_get(h, "count")), 100);
    assert_true(json_number_value(json_object_get(h, "p99_seconds")) == 0.005);
    json_decref(list);
}

static void bad_queries(void **state) {
    static const char *const bad[] = {"format=xml", "all=1", "x", "format", "filter=a&b=c"};
    struct proxy_stats_query q;
    for (size_t i = 0; i < WEFT_LEN(bad); i++)
        if (proxy_stats_query_parse(weft_slice_str(bad[i]), &q) == WEFT_OK) fail_msg("%s", bad[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),
        cmocka_unit_test(filtered),
        cmocka_unit_test(as_json),
        cmocka_unit_test(bad_queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

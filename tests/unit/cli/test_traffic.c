/* SPDX-License-Identifier: Apache-2.0
 * What `weft routes --traffic` makes of the metrics of several sidecars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cli/traffic.h>

#define BUILD "weft_build_info{version=\"1\"} 1\n"
#define AT(svc, rule)                                                                              \
    "direction=\"outbound\",service=\"" svc                                                        \
    "\",route_kind=\"HTTPRoute\",route=\"shop/r\",rule=\"" rule "\""
#define COUNT(svc, status, grpc, n)                                                                \
    "weft_requests_total{" AT(svc, "0") ",backend=\"b\",status=\"" status "\",grpc_status=\"" grpc \
                                        "\"} " n "\n"
#define BUCKET(svc, rule, le, n)                                                                   \
    "weft_request_duration_seconds_bucket{" AT(svc, rule) ",backend=\"b\",le=\"" le "\"} " n "\n"

static void add(struct cli_traffic *t, const char *text) {
    assert_int_equal(cli_traffic_add(t, weft_slice_str(text)), WEFT_OK);
}

static void counts_of_all_sidecars_are_one(void **state) {
    (void)state;
    struct cli_traffic *t = cli_traffic_new();
    add(t, BUILD COUNT("shop/web:80", "200", "", "5") COUNT("shop/web:80", "404", "", "2")
               COUNT("shop/web:80", "503", "", "1") COUNT("shop/web:81", "200", "", "10"));
    add(t, BUILD COUNT("shop/web:80", "200", "", "7") COUNT("shop/web:80", "0", "", "3"));
    struct cli_traffic_sum s = cli_traffic_of(t, "HTTPRoute", "shop/r", "shop/web", 80);
    assert_int_equal(s.requests, 18);
    assert_int_equal(s.failed, 4); /* 404 is the caller's */
    assert_int_equal(cli_traffic_of(t, "HTTPRoute", "shop/r", "shop/web", 0).requests, 28);
    assert_int_equal(cli_traffic_of(t, "HTTPRoute", "shop/r", "shop/we", 0).requests, 0);
    assert_int_equal(cli_traffic_of(t, "HTTPRoute", "shop/other", "shop/web", 80).requests, 0);
    assert_true(cli_traffic_of(t, "HTTPRoute", "shop/other", "shop/web", 80).p99 < 0);
    cli_traffic_free(t);
}

static void calls_fail_by_their_grpc_status(void **state) {
    (void)state;
    struct cli_traffic *t = cli_traffic_new();
    add(t, BUILD COUNT("a/g:1", "200", "0", "5") COUNT("a/g:1", "200", "5", "6")
               COUNT("a/g:1", "200", "14", "7") COUNT("a/g:1", "200", "other", "8"));
    struct cli_traffic_sum s = cli_traffic_of(t, "HTTPRoute", "shop/r", "a/g", 1);
    assert_int_equal(s.requests, 26);
    assert_int_equal(s.failed, 15); /* NOT_FOUND is the caller's */
    cli_traffic_free(t);
}

/* An HTTPRoute and a GRPCRoute may have one name. */
static void kinds_are_told_apart(void **state) {
    (void)state;
    struct cli_traffic *t = cli_traffic_new();
#define OF(kind, n)                                                                                \
    "weft_requests_total{direction=\"outbound\",service=\"a/g:1\",route_kind=\"" kind              \
    "\",route=\"shop/r\",rule=\"0\",backend=\"b\",status=\"200\",grpc_status=\"\"} " n "\n"
    add(t, BUILD OF("HTTPRoute", "5") OF("GRPCRoute", "3") OF("HTTPRoute", "1"));
#undef OF
    assert_int_equal(cli_traffic_of(t, "HTTPRoute", "shop/r", "a/g", 1).requests, 6);
    assert_int_equal(cli_traffic_of(t, "GRPCRoute", "shop/r", "a/g", 0).requests, 3);
    assert_int_equal(cli_traffic_of(t, "TCPRoute", "shop/r", "a/g", 1).requests, 0);
    cli_traffic_free(t);
}

/* What came in at the called pods would count everything twice. */
static void only_callers_count(void **state) {
    (void)state;
    struct cli_traffic *t = cli_traffic_new();
    add(t, BUILD "weft_requests_total{direction=\"inbound\",service=\"s/"
                 "w:1\",route_kind=\"HTTPRoute\",route=\"shop/r\","
                 "status=\"200\"} 5\n"
                 "weft_requests_total{direction=\"outbound\",service=\"s/"
                 "w:1\",route_kind=\"HTTPRoute\",route=\"\","
                 "status=\"200\"} 5\n"
                 "# weft_requests_total{direction=\"outbound\"\n"
                 "weft_requests_total{direction=\"outbound\",service=\"s/"
                 "w:1\",route_kind=\"HTTPRoute\",route=\"shop/r\n"
                 "weft_requests_total{direction=\"outbound\",service=\"s/"
                 "w:1\",route_kind=\"HTTPRoute\",route=\"shop/r\","
                 "status=\"200\",x=\"a\\\\\\\"}\"} 3\n");
    assert_int_equal(cli_traffic_of(t, "HTTPRoute", "shop/r", "s/w", 1).requests, 3);
    cli_traffic_free(t);
}

static void near(double got, double want) {
    if (got < want - 0.0001 || got > want + 0.0001) fail_msg("%f instead of %f", got, want);
}

/* 10 below 10 ms, 90 between 10 and 20 ms; rules and sidecars together. */
static void times_are_those_of_all_buckets(void **state) {
    (void)state;
    struct cli_traffic *t = cli_traffic_new();
    add(t, BUILD BUCKET("a/b:1", "0", "0.01", "4") BUCKET("a/b:1", "0", "0.02", "50")
               BUCKET("a/b:1", "0", "+Inf", "50") BUCKET("a/b:1", "1", "0.01", "2")
                   BUCKET("a/b:1", "1", "0.02", "20") BUCKET("a/b:1", "1", "+Inf", "20"));
    add(t, BUILD BUCKET("a/b:1", "0", "0.01", "4") BUCKET("a/b:1", "0", "0.02", "30")
               BUCKET("a/b:1", "0", "+Inf", "30"));
    struct cli_traffic_sum s = cli_traffic_of(t, "HTTPRoute", "shop/r", "a/b", 1);
    near(s.p50, 0.01 + 0.01 * 40 / 90);
    near(s.p99, 0.01 + 0.01 * 89 / 90);
    add(t, BUILD BUCKET("a/c:1", "0", "0.02", "0") BUCKET("a/c:1", "0", "+Inf", "9"));
    near(cli_traffic_of(t, "HTTPRoute", "shop/r", "a/c", 1).p50, 0.02); /* more is not known */
    cli_traffic_free(t);
}

static void another_text_is_no_metrics(void **state) {
    (void)state;
    struct cli_traffic *t = cli_traffic_new();
    assert_int_equal(cli_traffic_add(t, WEFT_SLICE_LIT("<html>")), WEFT_INVALID);
    assert_int_equal(cli_traffic_add(t, WEFT_SLICE_EMPTY), WEFT_INVALID);
    cli_traffic_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_all_sidecars_are_one),
        cmocka_unit_test(calls_fail_by_their_grpc_status),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(only_callers_count),
        cmocka_unit_test(times_are_those_of_all_buckets),
        cmocka_unit_test(another_text_is_no_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

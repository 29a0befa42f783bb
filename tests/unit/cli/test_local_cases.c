/* SPDX-License-Identifier: Apache-2.0
 * The file of `weft local test`: reading it, and judging answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cli/local/cases.h>
#include <cli/local/jsonx.h>
#include <weft/base/alloc.h>

/* ---- reading ---- */

static void problems_are(const char *text, const char *const *wanted, size_t n) {
    struct test_file f;
    cases_parse(weft_slice_str(text), "t.yaml", &f);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(json_string_value(json_array_get(f.problems, i)), wanted[i]);
    assert_int_equal(json_array_size(f.problems), n);
    cases_done(&f);
}
#define PROBLEMS(text, ...)                                                                        \
    problems_are(text, (const char *const[]){__VA_ARGS__},                                         \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void a_case_is_read_with_its_defaults(void **state) {
    struct test_file f;
    cases_parse(WEFT_SLICE_LIT("from: shop/web\n"
                               "tests:\n"
                               "- request: http://catalog/x?a=b\n"
                               "  expect: {status: 200}\n"
                               "- name: second\n"
                               "  from: other/pod\n"
                               "  request: POST http://catalog.shop:8080/\n"
                               "  headers: {a: b}\n"
                               "  body: hello\n"
                               "  count: 7\n"
                               "  http2: true\n"
                               "  expect: {within: 1.5s}\n"),
                "t.yaml", &f);
    assert_int_equal(json_array_size(f.problems), 0);
    assert_int_equal(f.n, 2);
    assert_string_equal(f.items[0].from, "shop/web");
    assert_string_equal(f.items[0].name, "http://catalog/x?a=b");
    assert_string_equal(f.items[0].method, "GET");
    assert_string_equal(f.items[0].url, "http://catalog/x?a=b");
    assert_int_equal(f.items[0].count, 1);
    assert_false(f.items[0].http2);
    assert_int_equal(f.items[0].line, 3);
    assert_string_equal(f.items[1].from, "other/pod");
    assert_string_equal(f.items[1].method, "POST");
    assert_string_equal(f.items[1].url, "http://catalog.shop:8080/");
    assert_string_equal(f.items[1].body, "hello");
    assert_int_equal(f.items[1].count, 7);
    assert_true(f.items[1].http2);
    assert_int_equal(f.items[1].line, 5);
    cases_done(&f);
}

static void mistakes_have_file_line_field_and_remedy(void **state) {
    PROBLEMS("", "t.yaml:1: tests: the file is empty; write \"tests:\" and a list of cases");
    PROBLEMS("a: [\n", "t.yaml:2: while parsing a flow node: did not find expected node content");
    PROBLEMS("- 1\n", "t.yaml:1: tests: is missing; write \"tests:\" and below it a list of cases");
    PROBLEMS("tests:\n- request: GET http://a/\n  expect: {status: 200}\n",
             "t.yaml:2: tests[0].from: is missing; name the pod or workload that asks, as "
             "\"NS/POD\"");
    PROBLEMS("from: a/b\ntests:\n- request: GET http://a/\n\n  expect:\n    staus: 200\n",
             "t.yaml:6: tests[0].expect.staus: not known here; use status, header, absentHeaders, "
             "location, backend, seen, reason, route, rule, attempts, within or atLeast");
    PROBLEMS("from: a/b\ntests:\n- request: GET http://a/\n  count: 0\n  expect:\n    seen:\n"
             "      pth: /\n",
             "t.yaml:4: tests[0].count: must be a number, 1 to 100000",
             "t.yaml:7: tests[0].expect.seen.pth: not known here; use method, path, host, headers "
             "or absentHeaders");
}

static void urls_are_plain_http(void **state) {
    static const char *const bad[] = {"GET https://a/", "GET /path",     "http://",
                                      "http:///x",      "G T http://a/", "http://a b",
                                      "G(T http://a/",  " http://a/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct test_file f;
        WEFT_FREE char *text =
            weft_asprintf("from: a\ntests:\n- request: \"%s\"\n  expect: {status: 200}\n", bad[i]);
        cases_parse(weft_slice_str(text), "t.yaml", &f);
        assert_string_equal(json_string_value(json_array_get(f.problems, 0)),
                            "t.yaml:3: tests[0].request: write it as \"GET "
                            "http://SERVICE[.NAMESPACE][:PORT]/PATH\"");
        cases_done(&f);
    }
}

static void header_values_stay_on_their_line(void **state) {
    PROBLEMS("from: a\ntests:\n- request: http://a/\n  headers:\n    x: \"1\\r\\ny: 2\"\n"
             "    \"a b\": c\n  expect: {status: 200}\n",
             "t.yaml:5: tests[0].headers.x: must be text on one line; put it in quotes",
             "t.yaml:6: tests[0].headers.a b: is no name of a header");
}

static void durations(void **state) {
    uint64_t us = 0;
    assert_true(expect_duration("600ms", &us) && us == 600000);
    assert_true(expect_duration("1.5s", &us) && us == 1500000);
    assert_true(expect_duration("0.25s", &us) && us == 250000);
    assert_true(expect_duration("2m", &us) && us == 120000000);
    assert_false(expect_duration("2", &us) || expect_duration("ms", &us) ||
                 expect_duration("-1s", &us) || expect_duration("1..5s", &us) ||
                 expect_duration("1h", &us) || expect_duration("", &us));
}

static void shares(void **state) {
    double share, tolerance;
    assert_true(expect_share("90%±3", &share, &tolerance));
    assert_true(share == 90 && tolerance == 3);
    assert_true(expect_share("12.5%+-0.5%", &share, &tolerance));
    assert_true(share == 12.5 && tolerance == 0.5);
    assert_true(expect_share("100%", &share, &tolerance));
    assert_true(share == 100 && tolerance == 0);
    assert_false(
        expect_share("90", &share, &tolerance) || expect_share("101%", &share, &tolerance) ||
        expect_share("90%±", &share, &tolerance) || expect_share("%", &share, &tolerance) ||
        expect_share("", &share, &tolerance) || expect_share("90%3", &share, &tolerance));
}

/* ---- judging ---- */

/* Both as JSON with ' for "; the faults joined by ";". */
static void verdict(const char *expect, const char *answers, const char *wanted) {
    WEFT_FREE char *e = weft_strdup(expect), *a = weft_strdup(answers);
    for (char *p = e; *p; p++) *p = *p == '\'' ? '"' : *p;
    for (char *p = a; *p; p++) *p = *p == '\'' ? '"' : *p;
    LOCAL_JSON json_t *je = json_loads(e, 0, NULL), *ja = json_loads(a, 0, NULL);
    assert_non_null(je);
    assert_non_null(ja);
    LOCAL_JSON json_t *faults = judge(je, ja);
    char got[2000] = "";
    size_t i, at = 0;
    json_t *f;
    json_array_foreach(faults, i, f) at +=
        (size_t)snprintf(got + at, sizeof got - at, "%s%s", i ? "; " : "", json_string_value(f));
    assert_string_equal(got, wanted);
}

#define ANSWER(status, rest) "{'status': " #status ", 'us': 1000, 'headers': {" rest "}}"

static void statuses(void **state) {
    verdict("{'status': 200}", "[" ANSWER(200, "") "]", "");
    verdict("{'status': [200, 503]}", "[" ANSWER(503, "") "," ANSWER(200, "") "]", "");
    verdict("{'status': 200}",
            "[" ANSWER(200, "") "," ANSWER(503, "'weft-reason': ['no_route']") "]",
            "status: expected 200, came 503 (no_route) (1 of 2)");
    verdict("{'status': 200}", "[{'status': 0, 'error': 'refused'}]",
            "status: expected 200, came no answer: refused");
    verdict("{'status': 0}", "[{'status': 0, 'error': 'refused'}]", "");
    verdict("{'within': '1s'}", "[{'status': 0, 'us': 1, 'error': 'refused'}]",
            "request: no answer: refused");
    verdict("{'status': 200}", "[]", "no request was made");
}

static void headers(void **state) {
    const char *a = "[" ANSWER(301, "'location': ['http://a/b'], 'x-one': ['1', '2']") "]";
    verdict("{'header': {'X-One': '1'}, 'location': 'http://a/b', 'absentHeaders': ['x-two']}", a,
            "");
    verdict("{'header': {'x-one': '*'}}", a, "");
    verdict("{'header': {'x-one': '2'}}", a, "header: x-one: expected \"2\", came \"1\"");
    verdict("{'header': {'x-two': '*'}}", a, "header: x-two: expected \"*\", came none");
    verdict("{'absentHeaders': ['X-One']}", a, "absentHeaders: X-One: expected none, came one");
    verdict("{'location': 'http://a/'}", a,
            "location: expected \"http://a/\", came \"http://a/b\"");
}

static void what_the_app_saw(void **state) {
    const char *a = "[{'status': 200, 'seen': {'path': '/x', 'host': 'a', 'method': 'GET', "
                    "'headers': {'X-Foo': ['1'], 'bar': '2'}}}]";
    verdict(
        "{'seen': {'path': '/x', 'host': 'a', 'method': 'GET', 'headers': {'x-foo': '1', 'Bar': "
        "'2'}, 'absentHeaders': ['weft-hop']}}",
        a, "");
    verdict("{'seen': {'path': '/y'}}", a, "seen: path: expected \"/y\", came \"/x\"");
    verdict("{'seen': {'headers': {'x-foo': '2'}}}", a, "seen: x-foo: expected \"2\", came \"1\"");
    verdict("{'seen': {'absentHeaders': ['BAR']}}", a, "seen: BAR: expected none, came one");
    verdict("{'seen': {'path': '/y'}}", "[{'status': 200, 'seen': null}]",
            "seen: the answer is no JSON that tells what reached the app");
}

static void what_the_access_log_says(void **state) {
    const char *a = "[{'status': 504, 'log': {'reason': 'request_timeout', 'route': 's/r', 'rule': "
                    "'0', 'attempts': 2}}]";
    verdict("{'reason': 'request_timeout', 'route': 's/r', 'rule': 0, 'attempts': 2}", a, "");
    verdict("{'rule': 'main', 'attempts': 1, 'reason': ''}", a,
            "reason: expected \"\", came \"request_timeout\"; rule: expected \"main\", came \"0\"; "
            "attempts: expected 1, came 2");
    verdict("{'attempts': 1}", "[{'status': 200, 'log': null}]",
            "attempts: the caller's access log has no line of this request; has the pod a sidecar, "
            "and is the mesh up with --access-log all?");
}

static void times(void **state) {
    const char *a = "[{'status': 200, 'us': 500000}]";
    verdict("{'within': '500ms', 'atLeast': '0.5s'}", a, "");
    verdict("{'within': '499ms'}", a, "within: expected at most 499ms, came 500.0ms");
    verdict("{'atLeast': '501ms'}", a, "atLeast: expected at least 501ms, came 500.0ms");
}

#define FROM(backend) "{'status': 200, 'log': {'backend': '" backend "'}}"
#define POD(name)     "{'status': 200, 'seen': {'pod': '" name "'}}"

static void backends_by_share(void **state) {
    const char *four =
        "[" FROM("s/v1:80") "," FROM("s/v1:80") "," FROM("s/v1:80") "," FROM("s/v2:80") "]";
    verdict("{'backend': {'v1': '75%', 's/v2': '25%'}}", four, "");
    verdict("{'backend': {'v1': '70%±5', 's/v2:80': '30%+-5'}}", four, "");
    verdict("{'backend': {'v1': '80%±4', 'v2': '25%'}}", four,
            "backend v1: expected 80%±4, came 75.0% (3 of 4)");
    verdict("{'backend': 'v1'}", four,
            "backend v1: expected 100%, came 75.0% (3 of 4); backend: 1 of 4 answers from "
            "elsewhere: s/v2:80");
}

static void backends_by_pod(void **state) {
    verdict("{'backend': {'catalog': '50%', 'catalog-v2': '50%'}}",
            "[" POD("catalog-1a-0") "," POD("catalog-v2-1b-0") "]", "");
    verdict("{'backend': 'cat'}", "[" POD("catalog-1a-0") "]",
            "backend cat: expected 100%, came 0.0% (0 of 1); backend: 1 of 1 answers from "
            "elsewhere: catalog-1a-0");
    verdict("{'backend': 'web'}", "[" ANSWER(200, "'x-echo-pod': ['web-0']") "]", "");
}

static void the_log_is_needed_for_what_only_it_knows(void **state) {
    LOCAL_JSON json_t *plain = json_pack("{s:i, s:s}", "status", 200, "within", "1s");
    LOCAL_JSON json_t *route = json_pack("{s:s}", "route", "a/b");
    assert_false(expect_needs_log(plain));
    assert_true(expect_needs_log(route));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_is_read_with_its_defaults),
        cmocka_unit_test(mistakes_have_file_line_field_and_remedy),
        cmocka_unit_test(urls_are_plain_http),
        cmocka_unit_test(header_values_stay_on_their_line),
        cmocka_unit_test(durations),
        cmocka_unit_test(shares),
        cmocka_unit_test(statuses),
        cmocka_unit_test(headers),
        cmocka_unit_test(what_the_app_saw),
        cmocka_unit_test(what_the_access_log_says),
        cmocka_unit_test(times),
        cmocka_unit_test(backends_by_share),
        cmocka_unit_test(backends_by_pod),
        cmocka_unit_test(the_log_is_needed_for_what_only_it_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * What the API server would refuse, with the field that is named. Each row is the part of an
 * HTTPRoute's spec that matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/object/json.h>
#include <weft/object/types.h>

static void keep(void *ud, struct weft_object *o) {
    struct weft_object **slot = ud;
    assert_null(*slot);
    *slot = o;
}

static struct weft_object *object_of(const char *head, const char *body) {
    WEFT_FREE char *text = weft_asprintf("%s%s", head, body);
    struct weft_object *o = NULL;
    struct weft_error err;
    if (weft_object_parse(weft_slice_str(text), NULL, keep, &o, &err) != WEFT_OK)
        fail_msg("%s", err.message);
    return o;
}

#define ROUTE                                                                                      \
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec: "

static void check(const char *head, const char *body, bool experimental, const char *path) {
    struct weft_object *o = object_of(head, body);
    struct weft_error err;
    enum weft_status st = weft_object_validate(o, experimental, &err);
    weft_object_free(o);
    if (!path && st == WEFT_OK) return;
    if (!path) fail_msg("%s: refused: %s: %s", body, err.path, err.message);
    if (st == WEFT_OK) fail_msg("%s: not refused", body);
    if (strcmp(err.path, path) != 0) fail_msg("%s: %s instead of %s", body, err.path, path);
    assert_true(strlen(err.message) > 5);
    assert_true(err.line > 0);
}

struct row {
    const char *spec, *path; /* path NULL: fine */
};
#define RULE(x) "{rules: [{" x "}]}"

static void run(const struct row *rows, size_t n, bool experimental) {
    for (size_t i = 0; i < n; i++) check(ROUTE, rows[i].spec, experimental, rows[i].path);
}

/* REQ-008, REQ-011, REQ-012, REQ-016 */
static void parent_refs(void **state) {
    static const struct row rows[] = {
        {"{parentRefs: [{group: \"\", kind: Service, name: a}]}", NULL},
        {"{parentRefs: [{kind: Service}]}", "spec.parentRefs[0].name"},
        {"{parentRefs: [{name: a, port: 0}]}", "spec.parentRefs[0].port"},
        {"{parentRefs: [{name: a, port: 65536}]}", "spec.parentRefs[0].port"},
        {"{parentRefs: [{name: a, port: \"80\"}]}", "spec.parentRefs[0].port"},
        {"{parentRefs: [{name: a, namespace: A_b}]}", "spec.parentRefs[0].namespace"},
        {"{parentRefs: [{name: a, group: Core}]}", "spec.parentRefs[0].group"},
        {"{parentRefs: {name: a}}", "spec.parentRefs"},
        {"{parentRefs: [{name: a}, {name: b}]}", NULL},
        {"{parentRefs: [{name: a}, {name: a, namespace: other}]}", NULL},
        {"{parentRefs: [{name: a}, {name: a, namespace: default}]}", "spec.parentRefs[1]"},
        {"{parentRefs: [{name: a}, {name: a, group: gateway.networking.k8s.io, kind: Gateway}]}",
         "spec.parentRefs[1]"},
        {"{parentRefs: [{name: a, sectionName: x}, {name: a}]}", "spec.parentRefs[1]"},
        {"{parentRefs: [{name: a, sectionName: x}, {name: a, sectionName: x}]}",
         "spec.parentRefs[1]"},
        {"{parentRefs: [{name: a, sectionName: x}, {name: a, sectionName: z}]}", NULL},
    };
    run(rows, WEFT_LEN(rows), false);
    run(rows, WEFT_LEN(rows), true);
    const char *by_port = "{parentRefs: [{name: a, port: 1}, {name: a, port: 2}]}";
    check(ROUTE, by_port, false, "spec.parentRefs[1]");
    check(ROUTE, by_port, true, NULL);
    check(ROUTE, "{parentRefs: [{name: a, port: 1}, {name: a, sectionName: x}]}", true,
          "spec.parentRefs[1]");
}

#define PATH(p) RULE("matches: [{path: {value: \"" p "\"}}]")
/* REQ-061 */
static void paths(void **state) {
    static const char at[] = "spec.rules[0].matches[0].path.value";
    static const struct row rows[] = {
        {PATH("/"), NULL},
        {PATH("/a/b.c/~d;e=f:@"), NULL},
        {PATH("/a%20b"), NULL},
        {PATH("/a/.hidden/..more"), NULL},
        {PATH("a"), at},
        {PATH(""), at},
        {PATH("/a//b"), at},
        {PATH("/a/./b"), at},
        {PATH("/a/../b"), at},
        {PATH("/a%2fb"), at},
        {PATH("/a%2Fb"), at},
        {PATH("/a#b"), at},
        {PATH("/a/.."), at},
        {PATH("/a/."), at},
        {PATH("/a b"), at},
        {PATH("/a%2"), at},
        {PATH("/a%zz"), at},
        {PATH("/a\\u00e9"), at},
        {PATH("/a?b"), at},
        {RULE("matches: [{path: {type: RegularExpression, value: \"(//|#)\"}}]"), NULL},
        {RULE("matches: [{path: {type: Prefix, value: /}}]"), "spec.rules[0].matches[0].path.type"},
        {RULE("matches: [{path: {type: Exact}}]"), NULL},
    };
    run(rows, WEFT_LEN(rows), true);
}

/* REQ-066, REQ-067, REQ-068, REQ-069 */
static void matches(void **state) {
    static const struct row rows[] = {
        {RULE("matches: [{headers: [{name: X, value: a}, {name: x, value: b}]}]"), NULL},
        {RULE("matches: [{headers: [{name: X, value: a}, {name: X, value: b}]}]"),
         "spec.rules[0].matches[0].headers[1].name"},
        {RULE("matches: [{headers: [{name: \":method\", value: a}]}]"),
         "spec.rules[0].matches[0].headers[0].name"},
        {RULE("matches: [{headers: [{name: X, value: \"\"}]}]"),
         "spec.rules[0].matches[0].headers[0].value"},
        {RULE("matches: [{headers: [{name: X, value: yes}]}]"),
         "spec.rules[0].matches[0].headers[0].value"},
        {RULE("matches: [{headers: [{name: X, value: a, type: Prefix}]}]"),
         "spec.rules[0].matches[0].headers[0].type"},
        {RULE("matches: [{queryParams: [{name: q, value: a}, {name: q, value: b}]}]"),
         "spec.rules[0].matches[0].queryParams[1].name"},
        {RULE("matches: [{method: PUT}]"), NULL},
        {RULE("matches: [{method: \"*\"}]"), "spec.rules[0].matches[0].method"},
    };
    run(rows, WEFT_LEN(rows), false);
    /* the experimental CRD has a pattern for header values */
    const char *spaced = RULE("matches: [{headers: [{name: X, value: \"a  b\"}]}]");
    check(ROUTE, spaced, false, NULL);
    check(ROUTE, spaced, true, "spec.rules[0].matches[0].headers[0].value");
}

#define FILTERS(x) RULE("filters: [" x "]")
#define RHM        "{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a]}}"
/* REQ-075, REQ-076, REQ-077, REQ-082, REQ-086, REQ-091, REQ-095 */
static void filters(void **state) {
    static const struct row rows[] = {
        {FILTERS(RHM), NULL},
        {FILTERS("{type: RequestHeaderModifier}"), "spec.rules[0].filters[0]"},
        {FILTERS("{type: RequestHeaderModifier, requestHeaderModifier: {}, cors: {}}"),
         "spec.rules[0].filters[0]"},
        {FILTERS("{type: Magic}"), "spec.rules[0].filters[0].type"},
        {FILTERS("{requestHeaderModifier: {}}"), "spec.rules[0].filters[0].type"},
        {FILTERS(RHM ", " RHM), "spec.rules[0].filters"},
        {FILTERS(
             "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: A, value: x}], "
             "add: [{name: a, value: z}]}}"),
         "spec.rules[0].filters[0].requestHeaderModifier.add[0]"},
        {FILTERS("{type: RequestHeaderModifier, requestHeaderModifier: {remove: [\"a b\"]}}"),
         "spec.rules[0].filters[0].requestHeaderModifier.remove[0]"},
        {FILTERS("{type: RequestRedirect, requestRedirect: {statusCode: 307}}"), NULL},
        {FILTERS("{type: RequestRedirect, requestRedirect: {statusCode: 305}}"),
         "spec.rules[0].filters[0].requestRedirect.statusCode"},
        {FILTERS("{type: RequestRedirect, requestRedirect: {scheme: ftp}}"),
         "spec.rules[0].filters[0].requestRedirect.scheme"},
        {FILTERS("{type: RequestRedirect, requestRedirect: {hostname: \"*.a\"}}"),
         "spec.rules[0].filters[0].requestRedirect.hostname"},
        {FILTERS("{type: RequestRedirect, requestRedirect: {hostname: 10.0.0.1}}"),
         "spec.rules[0].filters[0].requestRedirect.hostname"},
        {RULE("filters: [{type: RequestRedirect, requestRedirect: {}}], backendRefs: [{name: a, "
              "port: 1}]"),
         "spec.rules[0]"},
        {FILTERS(
             "{type: RequestRedirect, requestRedirect: {}}, {type: URLRewrite, urlRewrite: {}}"),
         "spec.rules[0].filters"},
        {FILTERS("{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: "
                 "\"/a\\r\\nb\"}}}"),
         "spec.rules[0].filters[0].urlRewrite.path"},
        {FILTERS("{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, "
                 "replacePrefixMatch: /a}}}"),
         NULL}, /* the default match is one prefix */
        {RULE(
             "matches: [{method: GET}, {}], filters: [{type: URLRewrite, urlRewrite: {path: {type: "
             "ReplacePrefixMatch, replacePrefixMatch: /a}}}]"),
         "spec.rules[0].filters[0].urlRewrite.path"},
        {RULE("matches: [{path: {type: Exact, value: /a}}], backendRefs: [{name: a, port: 1, "
              "filters: "
              "[{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, "
              "replacePrefixMatch: /a}}}]}]"),
         "spec.rules[0].backendRefs[0].filters[0].urlRewrite.path"},
        {FILTERS(
             "{type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}, percent: 1, "
             "fraction: {numerator: 1}}}"),
         "spec.rules[0].filters[0].requestMirror.fraction"},
    };
    run(rows, WEFT_LEN(rows), true);
    run(rows, WEFT_LEN(rows), false);
}

/* REQ-046, REQ-103, REQ-104, REQ-109, REQ-110, REQ-111, REQ-112 */
static void backends_times_retry(void **state) {
    static const struct row rows[] = {
        {RULE("backendRefs: [{name: a, port: 1, weight: 0}]"), NULL},
        {RULE("backendRefs: [{name: a, port: 1, weight: -1}]"),
         "spec.rules[0].backendRefs[0].weight"},
        {RULE("backendRefs: [{name: a, port: 1, weight: 1.5}]"),
         "spec.rules[0].backendRefs[0].weight"},
        {RULE("backendRefs: [{name: a}]"), "spec.rules[0].backendRefs[0].port"},
        {RULE("backendRefs: [{name: a, kind: Other, group: x.y}]"), NULL},
        {RULE("backendRefs: [{port: 1}]"), "spec.rules[0].backendRefs[0].name"},
        {RULE("timeouts: {request: 1s, backendRequest: 1s}"), NULL},
        {RULE("timeouts: {request: 0s, backendRequest: 9s}"), NULL},
        {RULE("timeouts: {request: 1s, backendRequest: 1001ms}"),
         "spec.rules[0].timeouts.backendRequest"},
        {RULE("timeouts: {request: 1.5h}"), "spec.rules[0].timeouts.request"},
        {RULE("timeouts: {request: 5}"), "spec.rules[0].timeouts.request"},
        {RULE("retry: {codes: [500, 503], attempts: 3, backoff: 10ms}"), NULL},
        {RULE("retry: {codes: [399]}"), "spec.rules[0].retry.codes[0]"},
        {RULE("retry: {codes: [500, 500]}"), "spec.rules[0].retry.codes[1]"},
        {RULE("retry: {attempts: 0}"), "spec.rules[0].retry.attempts"},
        {RULE("retry: {backoff: fast}"), "spec.rules[0].retry.backoff"},
        {"{rules: [{name: a}, {name: a}]}", "spec.rules[1]"},
    };
    run(rows, WEFT_LEN(rows), true);
    check(ROUTE, "{rules: [{name: a}, {name: a}]}", false, NULL);
}

/* n copies of `item` between head and tail */
static char *repeat(const char *head, const char *item, int n, const char *tail) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    (void)weft_buf_str(&b, head);
    for (int i = 0; i < n; i++) {
        (void)weft_buf_str(&b, i ? ", " : "");
        (void)weft_buf_printf(&b, "{%s: n%d%s}", "name", i, item);
    }
    (void)weft_buf_str(&b, tail);
    char *text = weft_slice_dup(weft_buf_slice(&b));
    weft_buf_done(&b);
    return text;
}

static void limit(const char *head, const char *item, int max, const char *tail, const char *path) {
    WEFT_FREE char *fits = repeat(head, item, max, tail), *over = repeat(head, item, max + 1, tail);
    check(ROUTE, fits, true, NULL);
    check(ROUTE, over, true, path);
}

/* REQ-016, REQ-046, REQ-082: the sizes of the CRD */
static void list_limits(void **state) {
    limit("{parentRefs: [", "", 32, "]}", "spec.parentRefs");
    limit("{rules: [", "", 16, "]}", "spec.rules");
    limit("{rules: [{backendRefs: [", ", port: 1", 16, "]}]}", "spec.rules[0].backendRefs");
    limit("{rules: [{matches: [{headers: [", ", value: a", 16, "]}]}]}",
          "spec.rules[0].matches[0].headers");
    limit("{rules: [{matches: [{queryParams: [", ", value: a", 16, "]}]}]}",
          "spec.rules[0].matches[0].queryParams");
    limit("{rules: [{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [",
          ", value: a", 16, "]}}]}]}", "spec.rules[0].filters[0].requestHeaderModifier.set");
    check(ROUTE, "{rules: []}", true, "spec.rules");
}

static char *with_matches(int rules, int each, int last) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    (void)weft_buf_str(&b, "{rules: [");
    for (int r = 0; r < rules; r++) {
        int n = r == rules - 1 ? last : each;
        (void)weft_buf_printf(&b, "%s{matches: [", r ? ", " : "");
        for (int i = 0; i < n; i++) (void)weft_buf_str(&b, i ? ", {}" : "{}");
        (void)weft_buf_str(&b, "]}");
    }
    (void)weft_buf_str(&b, "]}");
    char *text = weft_slice_dup(weft_buf_slice(&b));
    weft_buf_done(&b);
    return text;
}

/* 64 matches a rule, 128 over all */
static void match_limits(void **state) {
    WEFT_FREE char *fits = with_matches(2, 64, 64), *rule = with_matches(1, 0, 65),
                   *total = with_matches(3, 43, 43);
    check(ROUTE, fits, true, NULL);
    check(ROUTE, rule, true, "spec.rules[0].matches");
    check(ROUTE, total, true, "spec.rules");
}

/* REQ-006: the standard channel prunes what only the experimental one has. REQ-109: retry is in
 * both since version 1.7. */
static void standard_channel_prunes(void **state) {
    struct weft_object *o =
        object_of(ROUTE, RULE("retry: {attempts: 3}, sessionPersistence: {x: 1}, timeouts: null"));
    struct weft_error err;
    assert_int_equal(weft_object_validate(o, false, &err), WEFT_OK);
    const json_t *rule = json_array_get(weft_js_in(o->json, "spec", "rules"), 0);
    assert_non_null(json_object_get(rule, "retry"));
    assert_null(json_object_get(rule, "sessionPersistence"));
    assert_null(json_object_get(rule, "timeouts"));
    weft_object_free(o);
}

#define SERVICE "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: "
#define SLICE                                                                                      \
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s}\naddressType: "
#define POD "apiVersion: v1\nkind: Pod\nmetadata: {name: p"
static void core_objects(void **state) {
    check(SERVICE, "{ports: [{port: 80}]}", true, NULL);
    check(SERVICE, "{ports: [{port: 0}]}", true, "spec.ports[0].port");
    check(SERVICE, "{ports: [{port: 80}, {port: 81}]}", true, "spec.ports[1].name");
    check(SERVICE, "{ports: [{port: 80, name: a}, {port: 81}]}", true, "spec.ports[1].name");
    check(SERVICE, "{ports: [{port: 80}, {port: 81, name: a}]}", true, "spec.ports[0].name");
    check(SERVICE, "{ports: [{name: a, port: 80}, {name: b, port: 80}]}", true,
          "spec.ports[1].port");
    check(SERVICE, "{ports: [{name: a, port: 80}, {name: b, port: 80, protocol: UDP}]}", true,
          NULL);
    check(SERVICE, "{clusterIP: 10.0.0.300}", true, "spec.clusterIP");
    check(SERVICE, "{clusterIP: 10.0.0.1, clusterIPs: [10.0.0.2]}", true, "spec.clusterIPs[0]");
    check(SERVICE, "{ports: [{port: 80, appProtocol: \"a b\"}]}", true,
          "spec.ports[0].appProtocol");
    check(SLICE, "IPv4\nendpoints: [{addresses: [\"::1\"]}]\n", true, "endpoints[0].addresses[0]");
    check(SLICE, "IPv6\nendpoints: [{addresses: [\"::1\"]}]\n", true, NULL);
    check(SLICE, "IPv4\nendpoints: [{addresses: []}]\n", true, "endpoints[0].addresses");
    check(SLICE, "IPv5\n", true, "addressType");
    check(POD, "}\nspec: {containers: [{name: a}]}\n", true, NULL);
    check(POD, "}\nspec: {}\n", true, "spec.containers");
    check(POD, ", annotations: {weftmesh.io/mtls: on}}\nspec: {containers: [{name: a}]}\n", true,
          "metadata.annotations[weftmesh.io/mtls]");
    check(POD, ", annotations: {weftmesh.io/mtls: \" strict\"}}\nspec: {containers: [{name: a}]}\n",
          true, NULL);
    check(POD, ", annotations: {weftmesh.io/mtls: Strict}}\nspec: {containers: [{name: a}]}\n",
          true, "metadata.annotations[weftmesh.io/mtls]");
    check(POD,
          ", annotations: {weftmesh.io/mtls-ports: \"80=strict, 81=off\"}}\nspec: {containers: "
          "[{name: a}]}\n",
          true, "metadata.annotations[weftmesh.io/mtls-ports]");
    check("apiVersion: v1\nkind: Secret\nmetadata: {name: A_B}\n", "", true, "metadata.name");
    check("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: a.b}\n", "", true,
          "metadata.namespace");
}

/* REQ-103: GEP-2257 */
static void durations(void **state) {
    static const struct {
        const char *text;
        int64_t us; /* -1: malformed */
    } rows[] = {
        {"0h", 0},
        {"0s", 0},
        {"0h0m0s", 0},
        {"1h", 3600000000},
        {"30m", 1800000000},
        {"10s", 10000000},
        {"500ms", 500000},
        {"2h30m", 9000000000},
        {"150m", 9000000000},
        {"7230s", 7230000000},
        {"10s30m1h", 5410000000},
        {"100ms200ms300ms", 600000},
        {"007s", 7000000},
        {"99999h", 359996400000000},
        {"1", -1},
        {"1m1", -1},
        {"1d", -1},
        {"1h30m10s20ms50h", -1},
        {"999999h", -1},
        {"1.5h", -1},
        {"-15m", -1},
        {"", -1},
        {"m", -1},
        {"1 s", -1},
        {"1us", -1},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        uint64_t us = 0;
        bool ok = weft_duration_parse(weft_slice_str(rows[i].text), &us);
        if (ok != (rows[i].us >= 0) || (ok && us != (uint64_t)rows[i].us))
            fail_msg("\"%s\"", rows[i].text);
    }
}

static void count_path(void *ud, const char *path) {
    ++*(int *)ud;
    assert_string_equal(path, "spec.rules[0].backendRef");
}

static void unknown_fields_are_named(void **state) {
    struct weft_object *o = object_of(ROUTE, RULE("backendRef: [{name: a}]"));
    int n = 0;
    weft_object_unknown_fields(o, true, count_path, &n);
    assert_int_equal(n, 1);
    weft_object_free(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parent_refs),
        cmocka_unit_test(paths),
        cmocka_unit_test(matches),
        cmocka_unit_test(filters),
        cmocka_unit_test(backends_times_retry),
        cmocka_unit_test(list_limits),
        cmocka_unit_test(match_limits),
        cmocka_unit_test(standard_channel_prunes),
        cmocka_unit_test(core_objects),
        cmocka_unit_test(durations),
        cmocka_unit_test(unknown_fields_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

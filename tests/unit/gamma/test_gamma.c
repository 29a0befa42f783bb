/* SPDX-License-Identifier: Apache-2.0
 * gamma where golden files do not reach: objects that no API server checked, look-ups by name and
 * address, its independence of the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/gamma/gamma.h>
#include <weft/mesh/match.h>
#include <weft/object/json.h>

#define SERVICES                                                                                   \
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.1, ports: "   \
    "[{name: http, port: 80}]}\n---\n"                                                             \
    "apiVersion: v1\nkind: Service\nmetadata: {name: v1, namespace: other}\nspec: {clusterIP: "    \
    "10.96.0.2, ports: [{name: http, port: 80}]}\n---\n"
#define ROUTE(rules)                                                                               \
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec:\n  "    \
    "parentRefs: [{group: \"\", kind: Service, name: web}]\n  rules: [" rules "]\n"

#define GRPC(rules)                                                                                \
    "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: r}\nspec:\n  "    \
    "parentRefs: [{group: \"\", kind: Service, name: web}]\n  rules: [" rules "]\n"

static void keep(void *ud, struct weft_object *o) {
    weft_store_put(ud, o);
}

static struct weft_gamma *gamma_with(const char *text, const struct weft_gamma_options *opt) {
    struct weft_store *s = weft_store_new();
    struct weft_error err;
    if (weft_object_parse(weft_slice_str(text), NULL, keep, s, &err) != WEFT_OK)
        fail_msg("%s", err.message);
    struct weft_gamma *g = weft_gamma_new(s, opt);
    weft_store_free(s); /* gamma lives on by itself */
    return g;
}

static struct weft_gamma *gamma_of(const char *text) {
    const struct weft_gamma_options opt = {.experimental = true};
    return gamma_with(text, &opt);
}

static struct weft_destination *dest(const struct weft_gamma *g, const char *ns, const char *addr) {
    struct weft_addr a;
    assert_true(weft_addr_parse(weft_slice_str(addr), &a));
    return weft_gamma_destination(g, weft_slice_str(ns), &a);
}

/* "TYPE STATUS REASON" of a condition of the first route's first parent, or "" */
static char *condition(const struct weft_gamma *g, const char *type) {
    json_t *all = weft_gamma_status(g), *c;
    json_t *parents = weft_js_in(json_array_get(all, 0), "status", "parents");
    char *text = weft_strdup("");
    size_t i;
    json_array_foreach(json_object_get(json_array_get(parents, 0), "conditions"), i, c) {
        if (!weft_slice_is(weft_js_str(c, "type"), type)) continue;
        free(text);
        text = weft_asprintf("%s %s", json_string_value(json_object_get(c, "status")),
                             json_string_value(json_object_get(c, "reason")));
    }
    json_decref(all);
    return text;
}

static void expect(const struct weft_gamma *g, const char *type, const char *want) {
    WEFT_FREE char *got = condition(g, type);
    assert_string_equal(got, want);
}

/* REQ-003, REQ-144: a newer API's values in a store that nobody validated. */
static void unknown_values_are_unsupported(void **state) {
    static const char *const matches[] = {
        "{matches: [{path: {type: Glob, value: /a}}]}",
        "{matches: [{path: {type: Exact, value: a}}]}",
        "{matches: [{headers: [{name: a, type: Sounds, value: b}]}]}",
        "{matches: [{queryParams: [{type: Exact}]}]}",
        "{matches: [{method: QUERY}]}",
    };
    for (size_t i = 0; i < WEFT_LEN(matches); i++) {
        WEFT_FREE char *text = weft_asprintf(SERVICES ROUTE("%s"), matches[i]);
        struct weft_gamma *g = gamma_of(text);
        struct weft_destination *d = dest(g, "default", "10.96.0.1:80");
        expect(g, "Accepted", "False UnsupportedValue");
        assert_int_equal(d->routes, WEFT_ROUTES_NONE); /* REQ-037 */
        weft_destination_unref(d);
        weft_gamma_free(g);
    }
}

/* REQ-003, REQ-121, REQ-144: and those of a GRPCRoute. */
static void unknown_grpc_values_are_unsupported(void **state) {
    static const char *const matches[] = {
        "{matches: [{method: {type: Glob, service: a}}]}",
        "{matches: [{method: {type: RegularExpression, service: \"(\"}}]}",
        "{matches: [{method: {type: RegularExpression, service: \"a)(b\", method: c}}]}",
        "{matches: [{method: {service: a, method: b/c}}]}",
        "{matches: [{headers: [{name: a, type: Sounds, value: b}]}]}",
    };
    for (size_t i = 0; i < WEFT_LEN(matches); i++) {
        WEFT_FREE char *text = weft_asprintf(SERVICES GRPC("%s"), matches[i]);
        struct weft_gamma *g = gamma_of(text);
        struct weft_destination *d = dest(g, "default", "10.96.0.1:80");
        expect(g, "Accepted", "False UnsupportedValue");
        assert_int_equal(d->routes, WEFT_ROUTES_NONE);
        weft_destination_unref(d);
        weft_gamma_free(g);
    }
}

/* REQ-003, REQ-080, REQ-120: what a GRPCRoute does not have may come from a newer API: the rule
 * answers as a whole. */
static void foreign_grpc_filters_answer(void **state) {
    static const char *const filters[] = {
        "{type: Brandnew, brandnew: {}}",
        "{type: RequestRedirect, requestRedirect: {hostname: a.b}}",
        "{type: URLRewrite, urlRewrite: {hostname: a.b}}",
        "{type: CORS, cors: {}}",
        "{}",
    };
    for (size_t i = 0; i < WEFT_LEN(filters); i++) {
        WEFT_FREE char *text = weft_asprintf(SERVICES GRPC("{filters: [%s]}"), filters[i]);
        struct weft_gamma *g = gamma_of(text);
        struct weft_destination *d = dest(g, "default", "10.96.0.1:80");
        expect(g, "Accepted", "False UnsupportedValue");
        assert_int_equal(d->routes, WEFT_ROUTES_GRPC);
        assert_int_equal(d->n_rules, 1);
        assert_true(d->rules[0].invalid.len > 0);
        weft_destination_unref(d);
        weft_gamma_free(g);
    }
}

/* REQ-117: annotations that nobody validated. */
static void bad_annotations_answer(void **state) {
    static const char *const notes[] = {"timeout-request: soon",
                                        "timeout-backend-request: 1",
                                        "retry-attempts: \"0\"",
                                        "retry-attempts: \"101\"",
                                        "retry-attempts: 2",
                                        "retry-grpc-codes: maybe",
                                        "retry-grpc-codes: \"14,ok\"",
                                        "retry-backoff: never",
                                        "retry-grpc-codes: [unavailable]"};
    for (size_t i = 0; i < WEFT_LEN(notes); i++) {
        WEFT_FREE char *text = weft_asprintf(
            SERVICES "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\n"
                     "metadata:\n  name: r\n  annotations: {weftmesh.io/%s}\nspec:\n  parentRefs: "
                     "[{group: \"\", kind: Service, name: web}]\n  rules: [{}, {matches: [{}]}]\n",
            notes[i]);
        struct weft_gamma *g = gamma_of(text);
        struct weft_destination *d = dest(g, "default", "10.96.0.1:80");
        expect(g, "Accepted", "False UnsupportedValue");
        assert_int_equal(d->n_rules, 2);
        for (uint32_t r = 0; r < d->n_rules; r++) assert_true(d->rules[r].invalid.len > 0);
        weft_destination_unref(d);
        weft_gamma_free(g);
    }
}

/* REQ-080, REQ-081: of filters, too, but those stay in the way. */
static void unknown_filters_answer_500(void **state) {
    static const char *const filters[] = {
        "{type: Brandnew, brandnew: {}}",
        "{type: CORS}",
        "{}",
        "{type: RequestRedirect, requestRedirect: {statusCode: 305}}",
        "{type: RequestRedirect, requestRedirect: {scheme: gopher}}",
        "{type: URLRewrite, urlRewrite: {path: {type: Shift}}}",
        "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{value: a}]}}",
    };
    for (size_t i = 0; i < WEFT_LEN(filters); i++) {
        WEFT_FREE char *text = weft_asprintf(SERVICES ROUTE("{filters: [%s]}"), filters[i]);
        struct weft_gamma *g = gamma_of(text);
        struct weft_destination *d = dest(g, "default", "10.96.0.1:80");
        expect(g, "Accepted", "False UnsupportedValue");
        assert_int_equal(d->n_rules, 1);
        assert_int_equal(d->rules[0].filters[0].kind, WEFT_FILTER_INVALID);
        weft_destination_unref(d);
        weft_gamma_free(g);
    }
}

/* REQ-147: a fault that is neither of matches nor of filters drops the rule to 500. */
static void broken_duration_answers_500(void **state) {
    struct weft_gamma *g =
        gamma_of(SERVICES ROUTE("{matches: [{path: {value: /a}}], timeouts: {request: soon}}, {}"));
    struct weft_destination *d = dest(g, "default", "10.96.0.1:80");
    expect(g, "Accepted", "True Accepted");
    expect(g, "PartiallyInvalid", "True UnsupportedValue");
    assert_int_equal(d->n_rules, 2);
    assert_true(d->rules[0].invalid.len > 0);
    assert_int_equal(d->rules[1].invalid.len, 0);
    weft_destination_unref(d);
    weft_gamma_free(g);
}

/* REQ-054: the strict mode wants a grant for backends elsewhere. */
static void reference_grants_when_asked_for(void **state) {
    const char *text = SERVICES ROUTE("{backendRefs: [{name: v1, namespace: other, port: 80}]}");
    const struct weft_gamma_options strict = {.require_reference_grant = true};
    struct weft_gamma *g = gamma_with(text, &strict);
    expect(g, "ResolvedRefs", "False RefNotPermitted");
    expect(g, "Accepted", "True Accepted");
    weft_gamma_free(g);
    g = gamma_of(text);
    expect(g, "ResolvedRefs", "True ResolvedRefs");
    weft_gamma_free(g);
}

/* REQ-023: the view belongs to the namespace; REQ-029: and the address alone decides, so that two
 * Services never share routes, whatever Host says. */
static void address_decides(void **state) {
    struct weft_gamma *g = gamma_of(SERVICES ROUTE("{}"));
    struct weft_destination *web = dest(g, "x", "10.96.0.1:80"), *v1 = dest(g, "x", "10.96.0.2:80");
    assert_int_equal(web->routes, WEFT_ROUTES_HTTP);
    assert_int_equal(v1->routes, WEFT_ROUTES_NONE);
    weft_destination_unref(web);
    weft_destination_unref(v1);
    weft_gamma_free(g);
}

static void unknown_names_are_empty(void **state) {
    static const char *const names[] = {"",
                                        "endpoints/",
                                        "endpoints/a",
                                        "endpoints/default/web",
                                        "endpoints/default/web:81",
                                        "endpoints/default/web:x",
                                        "endpoints/pod/10.0.0.1:80",
                                        "endpoints/pod/x:80",
                                        "endpoints/default/gone:80",
                                        "dest/10.96.0.1:80"};
    struct weft_gamma *g = gamma_of(SERVICES);
    for (size_t i = 0; i < WEFT_LEN(names); i++) {
        struct weft_endpoints *e = weft_gamma_endpoints(g, weft_slice_str(names[i]));
        assert_int_equal(e->n, 0);
        weft_endpoints_unref(e);
    }
    assert_null(weft_gamma_inbound(g, weft_slice_str("a"), weft_slice_str("b")));
    struct weft_destination *d = dest(g, "default", "[2001:db8::1]:80");
    assert_int_equal(d->kind, WEFT_DEST_NONE);
    assert_true(weft_slice_is(d->name, "dest/[2001:db8::1]:80"));
    weft_destination_unref(d);
    weft_gamma_free(g);
}

static void count_address(void *ud, const struct weft_addr *a) {
    char text[WEFT_ADDR_STR];
    weft_addr_format(a, text);
    (void)weft_buf_printf(ud, "%s ", text);
}

static void look_ups(void **state) {
    struct weft_gamma *g = gamma_of(
        SERVICES
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {serviceAccountName: sa, "
        "containers: [{name: a}]}\nstatus: {podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}, {ip: "
        "\"fd00::1\"}]}\n");
    struct weft_addr a;
    struct weft_slice ns, pod, sa;
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("[fd00::1]:1234"), &a));
    assert_true(weft_gamma_pod_by_ip(g, &a, &ns, &pod, &sa));
    assert_true(weft_slice_is(ns, "default") && weft_slice_is(pod, "p") && weft_slice_is(sa, "sa"));
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("10.96.0.1:80"), &a));
    assert_false(weft_gamma_pod_by_ip(g, &a, &ns, &pod, &sa));
    assert_true(weft_gamma_service_addr(g, WEFT_SLICE_LIT("other"), WEFT_SLICE_LIT("v1"), 80, &a));
    assert_false(weft_gamma_service_addr(g, WEFT_SLICE_LIT("other"), WEFT_SLICE_LIT("v1"), 81, &a));
    assert_false(weft_gamma_service_addr(g, WEFT_SLICE_LIT("a"), WEFT_SLICE_LIT("v1"), 80, &a));
    struct weft_buf b;
    weft_buf_init(&b, 0);
    weft_gamma_each_address(g, count_address, &b);
    assert_true(weft_slice_is(weft_buf_slice(&b), "10.96.0.1:80 10.96.0.2:80 "));
    weft_buf_done(&b);
    weft_gamma_free(g);
}

/* REQ-012: unvalidated parentRefs that overlap do not double a route's rules. */
static void overlapping_parents_count_once(void **state) {
    struct weft_gamma *g = gamma_of(
        SERVICES "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: "
                 "r}\nspec: {parentRefs: [{group: \"\", kind: Service, name: web}, {group: \"\", "
                 "kind: Service, name: web, port: 80}], rules: [{}]}\n");
    struct weft_destination *d = dest(g, "default", "10.96.0.1:80");
    assert_int_equal(d->n_rules, 1);
    weft_destination_unref(d);
    weft_gamma_free(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_values_are_unsupported),
        cmocka_unit_test(unknown_grpc_values_are_unsupported),
        cmocka_unit_test(foreign_grpc_filters_answer),
        cmocka_unit_test(bad_annotations_answer),
        cmocka_unit_test(unknown_filters_answer_500),
        cmocka_unit_test(broken_duration_answers_500),
        cmocka_unit_test(reference_grants_when_asked_for),
        cmocka_unit_test(address_decides),
        cmocka_unit_test(unknown_names_are_empty),
        cmocka_unit_test(look_ups),
        cmocka_unit_test(overlapping_parents_count_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * What the API server would refuse of GRPCRoute and of the kinds that only stand beside routes, and
 * what their views read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/object/store.h>
#include <weft/object/types.h>

static void keep(void *ud, struct weft_object *o) {
    struct weft_object **slot = ud;
    assert_null(*slot);
    *slot = o;
}

static struct weft_object *object_of(const char *group, const char *kind, const char *spec) {
    WEFT_FREE char *text =
        weft_asprintf("apiVersion: %s/v1\nkind: %s\nmetadata: {name: r, namespace: team}\nspec: %s",
                      group, kind, spec);
    struct weft_object *o = NULL;
    struct weft_error err;
    if (weft_object_parse(weft_slice_str(text), NULL, keep, &o, &err) != WEFT_OK)
        fail_msg("%s: %s", spec, err.message);
    return o;
}

#define OURS "gateway.networking.k8s.io"

static void check(const char *kind, const char *spec, bool experimental, const char *path) {
    struct weft_object *o = object_of(OURS, kind, spec);
    struct weft_error err;
    enum weft_status st = weft_object_validate(o, experimental, &err);
    weft_object_free(o);
    if (!path && st == WEFT_OK) return;
    if (!path) fail_msg("%s: refused: %s: %s", spec, err.path, err.message);
    if (st == WEFT_OK) fail_msg("%s: not refused", spec);
    if (strcmp(err.path, path) != 0) fail_msg("%s: %s instead of %s", spec, err.path, path);
    assert_true(strlen(err.message) > 5);
    assert_true(err.line > 0);
}

struct row {
    const char *spec, *path; /* path NULL: fine */
};
#define RULE(x)   "{rules: [{" x "}]}"
#define METHOD(x) RULE("matches: [{method: {" x "}}]")

static void run(const char *kind, const struct row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) check(kind, rows[i].spec, true, rows[i].path);
}

/* REQ-120: the same skeleton as an HTTPRoute, but rules may be empty. */
static void grpc_skeleton(void **state) {
    static const struct row rows[] = {
        {"{}", NULL},
        {"{rules: []}", NULL},
        {"{parentRefs: [{group: \"\", kind: Service, name: a}], hostnames: [a.b]}", NULL},
        {"{hostnames: [10.0.0.1]}", "spec.hostnames[0]"},
        {"{parentRefs: [{name: a}, {name: a}]}", "spec.parentRefs[1]"},
        {RULE("name: a, backendRefs: [{name: b, port: 1, weight: 0}]"), NULL},
        {RULE("name: A"), "spec.rules[0].name"},
        {RULE("backendRefs: [{name: b}]"), "spec.rules[0].backendRefs[0].port"},
        {RULE("backendRefs: [{name: b, port: 1, weight: 1000001}]"),
         "spec.rules[0].backendRefs[0].weight"},
        {"{rules: [{name: a}, {name: a}]}", "spec.rules[1]"},
        {"{rules: {}}", "spec.rules"},
    };
    run("GRPCRoute", rows, WEFT_LEN(rows));
    check("GRPCRoute", "{rules: [{name: a}, {name: a}]}", false, NULL);
}

static void repeat(struct weft_buf *b, const char *item, int n) {
    for (int i = 0; i < n; i++) (void)weft_buf_printf(b, "%s%s", i ? ", " : "", item);
}

/* REQ-120: 16 rules, 64 matches a rule, 128 over all. */
static void grpc_sizes(void **state) {
    static const struct {
        int rules, matches;
        const char *path;
    } rows[] = {{16, 8, NULL}, {17, 1, "spec.rules"},
                {1, 64, NULL}, {1, 65, "spec.rules[0].matches"},
                {2, 64, NULL}, {3, 43, "spec.rules"}};
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct weft_buf matches, rules;
        weft_buf_init(&matches, 0);
        weft_buf_init(&rules, 0);
        repeat(&matches, "{}", rows[i].matches);
        WEFT_FREE char *list = weft_slice_dup(weft_buf_slice(&matches));
        WEFT_FREE char *rule = weft_asprintf("{matches: [%s]}", list);
        repeat(&rules, rule, rows[i].rules);
        WEFT_FREE char *all = weft_slice_dup(weft_buf_slice(&rules));
        WEFT_FREE char *spec = weft_asprintf("{rules: [%s]}", all);
        check("GRPCRoute", spec, true, rows[i].path);
        weft_buf_done(&matches);
        weft_buf_done(&rules);
    }
}

/* REQ-121, REQ-123 */
static void grpc_matches(void **state) {
    static const struct row rows[] = {
        {METHOD("service: shop.v1.Cart, method: Get"), NULL},
        {METHOD("service: .shop.Cart_2"), NULL},
        {METHOD("method: _get9"), NULL},
        {METHOD("type: Exact"), "spec.rules[0].matches[0].method"},
        {METHOD("type: RegularExpression"), "spec.rules[0].matches[0].method"},
        {METHOD("type: Prefix, service: a"), "spec.rules[0].matches[0].method.type"},
        {METHOD("service: \"\""), "spec.rules[0].matches[0].method.service"},
        {METHOD("service: a/b"), "spec.rules[0].matches[0].method.service"},
        {METHOD("service: a..b"), "spec.rules[0].matches[0].method.service"},
        {METHOD("service: a.b."), "spec.rules[0].matches[0].method.service"},
        {METHOD("service: a.9b"), "spec.rules[0].matches[0].method.service"},
        {METHOD("service: ..a"), "spec.rules[0].matches[0].method.service"},
        {METHOD("method: a.b"), "spec.rules[0].matches[0].method.method"},
        {METHOD("method: 9a"), "spec.rules[0].matches[0].method.method"},
        {METHOD("method: a/b"), "spec.rules[0].matches[0].method.method"},
        {METHOD("type: RegularExpression, service: \"a/.*\", method: \"[a-z]+\""), NULL},
        {METHOD("service: 5"), "spec.rules[0].matches[0].method.service"},
        {RULE("matches: [{headers: [{name: a, value: b}, {name: A, value: c}]}]"), NULL},
        {RULE("matches: [{headers: [{name: a, value: b}, {name: a, value: c}]}]"),
         "spec.rules[0].matches[0].headers[1].name"},
        {RULE("matches: [{headers: [{name: a}]}]"), "spec.rules[0].matches[0].headers[0].value"},
        {RULE("matches: [{headers: [{name: a, value: b, type: Prefix}]}]"),
         "spec.rules[0].matches[0].headers[0].type"},
    };
    run("GRPCRoute", rows, WEFT_LEN(rows));
}

/* REQ-127: four filter types, no redirect, rewrite or CORS; each header modifier once a list. */
static void grpc_filters(void **state) {
#define REQUEST "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}]}}"
#define RESPONSE                                                                                   \
    "{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: a, value: b}]}}"
#define MIRROR "{type: RequestMirror, requestMirror: {backendRef: {name: m, port: 1}}}"
    static const struct row rows[] = {
        {RULE("filters: [" REQUEST ", " RESPONSE ", " MIRROR ", " MIRROR "]"), NULL},
        {RULE("filters: [" REQUEST ", " REQUEST "]"), "spec.rules[0].filters"},
        {RULE("filters: [" RESPONSE ", " RESPONSE "]"), "spec.rules[0].filters"},
        {RULE("filters: [{type: RequestHeaderModifier}]"), "spec.rules[0].filters[0]"},
        {RULE("filters: [{type: RequestRedirect, requestRedirect: {statusCode: 301}}]"),
         "spec.rules[0].filters[0].type"},
        {RULE("filters: [{type: URLRewrite, urlRewrite: {hostname: a}}]"),
         "spec.rules[0].filters[0].type"},
        {RULE("filters: [{type: CORS, cors: {}}]"), "spec.rules[0].filters[0].type"},
        {RULE("backendRefs: [{name: a, port: 1, filters: [" REQUEST ", " REQUEST "]}]"),
         "spec.rules[0].backendRefs[0].filters"},
        {RULE("filters: [{type: ExtensionRef, extensionRef: {group: g, kind: K, name: x}}]"), NULL},
    };
    run("GRPCRoute", rows, WEFT_LEN(rows));
}

static void on_path(void *ud, const char *path) {
    (void)weft_buf_printf(ud, "%s ", path);
}

/* REQ-120: there are no timeouts, retries and query parameters; REQ-006. */
static void grpc_fields_that_vanish(void **state) {
    struct weft_object *o = object_of(OURS, "GRPCRoute",
                                      "{rules: [{timeouts: {request: 1s}, retry: {}, "
                                      "sessionPersistence: {}, matches: [{path: {}}]}]}");
    struct weft_buf b;
    weft_buf_init(&b, 0);
    weft_object_unknown_fields(o, true, on_path, &b);
    struct weft_slice s = weft_buf_slice(&b);
    assert_true(weft_slice_search(s, WEFT_SLICE_LIT("spec.rules[0].timeouts ")) < s.len);
    assert_true(weft_slice_search(s, WEFT_SLICE_LIT("spec.rules[0].retry ")) < s.len);
    assert_true(weft_slice_search(s, WEFT_SLICE_LIT("spec.rules[0].matches[0].path ")) < s.len);
    assert_true(weft_slice_search(s, WEFT_SLICE_LIT("sessionPersistence")) == s.len);
    assert_int_equal(weft_object_validate(o, false, NULL), WEFT_OK);
    assert_null(json_object_get(json_array_get(weft_js_in(o->json, "spec", "rules"), 0),
                                "sessionPersistence"));
    weft_buf_done(&b);
    weft_object_free(o);
}

/* REQ-001, REQ-193, REQ-194 */
static void tcp_udp_and_tls_routes(void **state) {
    static const struct row tcp[] = {
        {RULE("backendRefs: [{name: a, port: 1}]"), NULL},
        {"{}", "spec.rules"},
        {RULE("name: a"), "spec.rules[0].backendRefs"},
        {"{parentRefs: [{name: a}, {name: a}], rules: [{backendRefs: [{name: a, port: 1}]}]}",
         "spec.parentRefs[1]"},
    };
    static const struct row tls[] = {
        {"{hostnames: [a.b, \"*.c\"], rules: [{backendRefs: [{name: a, port: 1}]}]}", NULL},
        {"{hostnames: [A], rules: [{backendRefs: [{name: a, port: 1}]}]}", "spec.hostnames[0]"},
    };
    run("TCPRoute", tcp, WEFT_LEN(tcp));
    run("UDPRoute", tcp, WEFT_LEN(tcp));
    run("TLSRoute", tls, WEFT_LEN(tls));
}

/* REQ-055 */
static void reference_grants(void **state) {
    static const char *const good =
        "{from: [{group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: a}, "
        "{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: b}], "
        "to: [{group: \"\", kind: Service}, {group: \"\", kind: Service, name: x}]}";
    static const struct row rows[] = {
        {"{from: [], to: [{group: \"\", kind: Service}]}", "spec.from"},
        {"{from: [{group: a, kind: B, namespace: c}]}", "spec.to"},
        {"{from: [{group: a, kind: B}], to: [{group: \"\", kind: Service}]}",
         "spec.from[0].namespace"},
        {"{from: [{group: a, kind: B, namespace: c}], to: [{kind: Service}]}", "spec.to[0].group"},
    };
    run("ReferenceGrant", rows, WEFT_LEN(rows));
    check("ReferenceGrant", good, false, NULL);
    struct weft_object *o = object_of(OURS, "ReferenceGrant", good);
    struct weft_arena a;
    struct weft_reference_grant g;
    weft_arena_init(&a, 0);
    weft_reference_grant_view(o, &a, &g);
    assert_true(weft_slice_is(g.meta.ns, "team"));
    assert_int_equal(g.n_from, 2);
    assert_true(weft_slice_is(g.from[0].kind, "GRPCRoute"));
    assert_true(weft_slice_is(g.from[1].ns, "b"));
    assert_int_equal(g.n_to, 2);
    assert_int_equal(g.to[0].name.len, 0);
    assert_true(weft_slice_is(g.to[1].name, "x"));
    weft_arena_done(&a);
    weft_object_free(o);
}

/* REQ-155 */
static void backend_tls_policies(void **state) {
    static const char *const good =
        "{targetRefs: [{group: \"\", kind: Service, name: x}, {group: \"\", kind: Service, name: "
        "z, sectionName: https}], validation: {hostname: a.b, wellKnownCACertificates: System}}";
    static const struct row rows[] = {
        {"{validation: {}}", "spec.targetRefs"},
        {"{targetRefs: [{group: \"\", kind: Service}], validation: {}}", "spec.targetRefs[0].name"},
        {"{targetRefs: [{group: \"\", kind: Service, name: x}]}", "spec.validation"},
    };
    run("BackendTLSPolicy", rows, WEFT_LEN(rows));
    check("BackendTLSPolicy", good, false, NULL);
    struct weft_object *o = object_of(OURS, "BackendTLSPolicy", good);
    struct weft_arena a;
    struct weft_backend_tls_policy p;
    weft_arena_init(&a, 0);
    weft_backend_tls_policy_view(o, &a, &p);
    assert_int_equal(p.n_targets, 2);
    assert_true(weft_slice_is(p.targets[0].name, "x"));
    assert_int_equal(p.targets[0].section.len, 0);
    assert_true(weft_slice_is(p.targets[1].section, "https"));
    weft_arena_done(&a);
    weft_object_free(o);
}

/* REQ-002: cluster-scoped, in a group of its own. */
static void meshes(void **state) {
    struct weft_object *o = object_of("gateway.networking.x-k8s.io", "XMesh",
                                      "{controllerName: weftmesh.io/mesh-controller}");
    assert_string_equal(o->ns, "");
    assert_int_equal(weft_object_validate(o, true, NULL), WEFT_OK);
    WEFT_FREE char *kind = weft_store_kind(o);
    assert_string_equal(kind, "XMesh");
    weft_object_free(o);
    o = object_of("gateway.networking.x-k8s.io", "XMesh", "{}");
    assert_int_equal(weft_object_validate(o, true, NULL), WEFT_INVALID);
    weft_object_free(o);
}

/* The same words of other groups are none of ours. */
static void kinds_of_other_groups(void **state) {
    static const char *const kinds[] = {"GRPCRoute", "ReferenceGrant", "BackendTLSPolicy", "XMesh"};
    for (size_t i = 0; i < WEFT_LEN(kinds); i++) {
        struct weft_object *o = object_of("policy.linkerd.io", kinds[i], "{rules: 5}");
        assert_int_equal(weft_object_validate(o, true, NULL), WEFT_OK);
        WEFT_FREE char *kind = weft_store_kind(o),
                       *want = weft_asprintf("%s.policy.linkerd.io", kinds[i]);
        assert_string_equal(kind, want);
        weft_object_free(o);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grpc_skeleton),
        cmocka_unit_test(grpc_sizes),
        cmocka_unit_test(grpc_matches),
        cmocka_unit_test(grpc_filters),
        cmocka_unit_test(grpc_fields_that_vanish),
        cmocka_unit_test(tcp_udp_and_tls_routes),
        cmocka_unit_test(reference_grants),
        cmocka_unit_test(backend_tls_policies),
        cmocka_unit_test(meshes),
        cmocka_unit_test(kinds_of_other_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

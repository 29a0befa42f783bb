/* SPDX-License-Identifier: Apache-2.0
 * weft check: each trap of the API has a finding, at the right line, and clean manifests have
 * none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <cli/lint.h>

#include "manifests.h"

#define SERVICES                                                                                   \
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.1, ports: "   \
    "[{name: http, port: 80}, {name: alt, port: 8080}]}\n---\n"                                    \
    "apiVersion: v1\nkind: Service\nmetadata: {name: v1}\nspec: {clusterIP: 10.96.0.2, ports: "    \
    "[{name: http, port: 80}]}\n---\n"
#define ROUTE(parents, rest)                                                                       \
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec:\n  "    \
    "parentRefs: [" parents "]\n" rest
#define GRPC(notes, parents, rest)                                                                 \
    "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: g, annotations: " \
    "{" notes "}}\nspec:\n  parentRefs: [" parents "]\n" rest
#define WEB "{group: \"\", kind: Service, name: web}"
#define ALL "  rules:\n  - backendRefs: [{name: v1, port: 80}]\n"

static void on_route(void *ud, const struct weft_object *o) {
    lint_route(ud, o);
}

static void run(struct manifests *m, struct lint *l, const char *text, bool experimental) {
    manifests_open(m, text, experimental);
    *l = (struct lint){.in = &m->in, .opt = &m->opt};
    weft_store_each(m->in.store, "HTTPRoute", NULL, on_route, l);
    weft_store_each(m->in.store, "GRPCRoute", NULL, on_route, l);
    lint_status(l);
    lint_services(l);
    lint_channel(l);
}

struct row {
    const char *text, *rule;
    enum lint_level level;
    int line;
    const char *field;
};

static void expect(const struct row *row, bool experimental) {
    struct manifests m;
    struct lint l;
    bool found = false;
    run(&m, &l, row->text, experimental);
    for (size_t i = 0; i < l.n; i++) {
        const struct lint_finding *f = &l.items[i];
        found = found || (!strcmp(f->rule, row->rule) && f->level == row->level &&
                          f->line == row->line && !strcmp(f->field, row->field));
    }
    if (!found) {
        lint_print(&l);
        fail_msg("no [%s] on line %d at %s", row->rule, row->line, row->field);
    }
    lint_done(&l);
    manifests_close(&m);
}

/* REQ-043, REQ-066, REQ-070, REQ-144, REQ-197, REQ-199, REQ-200, REQ-201, REQ-202, REQ-203,
 * REQ-204, REQ-205, REQ-207 */
static void traps_are_found(void **state) {
    static const struct row rows[] = {
        {SERVICES ROUTE("{kind: Service, name: web}", ALL), "parent-group", LINT_ERROR, 15,
         "spec.parentRefs[0]"},
        {SERVICES ROUTE("{group: \"\", name: web}", ALL), "parent-kind", LINT_ERROR, 15,
         "spec.parentRefs[0]"},
        {SERVICES ROUTE(WEB, "  rules:\n  - matches: [{path: {value: /a}}]\n    backendRefs: "
                             "[{name: v1, port: 80}]\n"),
         "no-catch-all", LINT_WARNING, 16, "spec.rules"},
        {SERVICES ROUTE(WEB, "  rules:\n  - backendRefs:\n    - {name: v1, port: 80}\n    - {name: "
                             "v9, port: 80, weight: 0}\n"),
         "unresolved", LINT_WARNING, 19, "spec.rules[0].backendRefs[1]"},
        {SERVICES ROUTE(WEB, "  rules:\n  - backendRefs:\n    - {name: v9, port: 80}\n"),
         "unresolved", LINT_ERROR, 18, "spec.rules[0].backendRefs[0]"},
        {SERVICES ROUTE(WEB, ALL "    retry: {attempts: 3, codes: [500]}\n"), "retry-attempts",
         LINT_NOTE, 18, "spec.rules[0].retry.attempts"},
        {SERVICES ROUTE(WEB, "  rules:\n  - matches: [{path: {value: /}}]\n"), "no-backend",
         LINT_WARNING, 17, "spec.rules[0]"},
        {SERVICES ROUTE(WEB, "  rules:\n  - filters: [{type: RequestRedirect, requestRedirect: "
                             "{scheme: https, port: 443}}]\n"),
         "redirect-port", LINT_NOTE, 17, "spec.rules[0].filters[0].requestRedirect.port"},
        {SERVICES ROUTE("{group: \"\", kind: Service, name: web, port: 80}, {group: \"\", kind: "
                        "Service, name: web, port: 8080}",
                        ALL),
         "parent-by-port", LINT_WARNING, 15, "spec.parentRefs[1].port"},
        {SERVICES ROUTE(WEB, ALL "    sessionPersistence: {type: Cookie}\n"), "session-persistence",
         LINT_WARNING, 18, "spec.rules[0].sessionPersistence"},
        {SERVICES ROUTE(WEB, "  hostnames: [a.example]\n" ALL), "hostnames", LINT_WARNING, 16,
         "spec.hostnames"},
        {SERVICES ROUTE(WEB, "  rules:\n  - matches: [{path: {type: RegularExpression, value: "
                             "\".*\"}}]\n    backendRefs: [{name: v1, port: 80}]\n"),
         "regex", LINT_NOTE, 17, "spec.rules[0].matches[0]"},
        {SERVICES ROUTE("{group: \"\", kind: Service, name: nope}", ALL), "no-matching-parent",
         LINT_ERROR, 15, "spec.parentRefs[0]"},
        {SERVICES ROUTE(WEB, ALL "    filters: [{type: ExternalAuth, externalAuth: {}}]\n"),
         "unsupported", LINT_ERROR, 18, "spec.rules[0].filters[0]"},
        {SERVICES ROUTE(WEB, "  rules:\n  - backendRef: [{name: v1, port: 80}]\n"), "unknown-field",
         LINT_WARNING, 17, "spec.rules[0].backendRef"},
        {SERVICES "apiVersion: v1\nkind: Service\nmetadata: {name: copy}\nspec: {clusterIP: "
                  "10.96.0.2, ports: [{port: 80}]}\n",
         "cluster-ip", LINT_ERROR, 9, "spec.clusterIP"},
        {SERVICES "apiVersion: v1\nkind: HTTPRoute\nmetadata: {name: r}\n", "kind-not-read",
         LINT_WARNING, 11, "apiVersion"},
        {SERVICES ROUTE(WEB,
                        ALL "  - matches: [{method: GET}, {path: {value: /}}]\n    backendRefs: "
                            "[{name: v1, port: 80}]\n"),
         "shadowed", LINT_WARNING, 18, "spec.rules[1].matches[1]"},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) expect(&rows[i], true);
}

/* REQ-039, REQ-040, REQ-041, REQ-043, REQ-117, REQ-120, REQ-122, REQ-124, REQ-199, REQ-200 */
static void grpc_traps_are_found(void **state) {
    static const struct row rows[] = {
        {SERVICES GRPC("", "{kind: Service, name: web}", ALL), "parent-group", LINT_ERROR, 15,
         "spec.parentRefs[0]"},
        {SERVICES GRPC("", WEB, "  hostnames: [a.example]\n" ALL), "hostnames", LINT_WARNING, 16,
         "spec.hostnames"},
        {SERVICES GRPC("", WEB, ""), "no-backend", LINT_WARNING, 14, "spec.rules"},
        {SERVICES GRPC("", WEB,
                       "  rules:\n  - matches: [{method: {service: a.B}}]\n    backendRefs: "
                       "[{name: v1, port: 80}]\n"),
         "no-catch-all", LINT_WARNING, 16, "spec.rules"},
        {SERVICES GRPC("", WEB,
                       "  rules:\n  - matches: [{method: {type: RegularExpression, method: "
                       "\"G.*\"}}]\n    backendRefs: [{name: v1, port: 80}]\n"),
         "regex", LINT_NOTE, 17, "spec.rules[0].matches[0]"},
        {SERVICES GRPC("", WEB, "  rules:\n  - backendRefs: [{name: gone, port: 80}]\n"),
         "unresolved", LINT_ERROR, 17, "spec.rules[0].backendRefs[0]"},
        {SERVICES GRPC("", WEB, ALL "    timeouts: {request: 1s}\n"), "unknown-field", LINT_WARNING,
         18, "spec.rules[0].timeouts"},
        {SERVICES GRPC("", WEB, ALL "  - backendRefs: [{name: v1, port: 80}]\n"), "shadowed",
         LINT_WARNING, 18, "spec.rules[1].matches[0]"},
        {SERVICES GRPC("weftmesh.io/timeout-request: 1s, weftmesh.io/timeout-backend-request: 2s",
                       WEB, ALL),
         "unsupported", LINT_ERROR, 13,
         "metadata.annotations[weftmesh.io/timeout-backend-request]"},
        {SERVICES ROUTE(WEB, ALL) "---\n" GRPC("", WEB, ALL), "conflicted", LINT_ERROR, 15,
         "spec.parentRefs[0]"},
        {SERVICES ROUTE(WEB, ALL) "---\n" GRPC(
             "", "{group: \"\", kind: Service, name: web, port: 80}", ALL),
         "conflicted", LINT_WARNING, 15, "spec.parentRefs[0]"},
        {SERVICES "apiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: {name: t}\n"
                  "spec:\n  parentRefs: [" WEB "]\n" ALL,
         "unsupported", LINT_ERROR, 15, "spec.parentRefs[0]"},
        {SERVICES
         "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: r\n"
         "  annotations: {weftmesh.io/timeout-request: 1s}\nspec:\n  parentRefs: [" WEB "]\n" ALL,
         "annotation-without-effect", LINT_WARNING, 15,
         "metadata.annotations[weftmesh.io/timeout-request]"},
        {SERVICES "apiVersion: v1\nkind: GRPCRoute\nmetadata: {name: r}\n", "kind-not-read",
         LINT_WARNING, 11, "apiVersion"},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) expect(&rows[i], true);
}

/* REQ-006 */
static void pruned_fields_are_named(void **state) {
    const struct row row = {SERVICES ROUTE(WEB, ALL "    sessionPersistence: {type: Cookie}\n"),
                            "experimental-field", LINT_WARNING, 18,
                            "spec.rules[0].sessionPersistence"};
    expect(&row, false);
}

/* REQ-198, REQ-022 */
static void consumers_that_replace_producers(void **state) {
    const struct row row = {
        SERVICES ROUTE(WEB,
                       ALL) "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
                            "metadata: {name: mine, namespace: client}\nspec:\n"
                            "  parentRefs: [{group: \"\", kind: Service, name: web, namespace: "
                            "default}]\n  rules: [{backendRefs: [{name: v1, namespace: "
                            "default, port: 80}]}]\n",
        "consumer-replaces", LINT_WARNING, 23, "spec.parentRefs"};
    expect(&row, true);
}

/* REQ-070: criteria that differ in one word, or stand twice in one rule, are nobody's loss; the
 * same in another order, or by other words for the same path, are. */
static void matches_are_shadowed_by_equal_ones_only(void **state) {
    static const struct {
        const char *a, *b;
        bool shadowed;
    } rows[] = {
        {"{path: {value: /a}}", "{path: {value: /a/}}", true},
        {"{path: {value: /a}}", "{path: {type: Exact, value: /a}}", false},
        {"{path: {value: /a}}", "{path: {value: /b}}", false},
        {"{path: {value: /a}}", "{path: {value: /a}, method: GET}", false},
        {"{headers: [{name: a, value: x}, {name: b, value: z}]}",
         "{headers: [{name: B, value: z}, {name: A, value: x}]}", true},
        {"{headers: [{name: a, value: x}]}", "{headers: [{name: a, value: z}]}", false},
        {"{headers: [{name: a, value: x}]}",
         "{headers: [{name: a, value: x, type: RegularExpression}]}", false},
        {"{headers: [{name: a, value: x}]}", "{queryParams: [{name: a, value: x}]}", false},
        {"{path: {type: RegularExpression, value: a.}}, {path: {type: RegularExpression, value: "
         "b.}}",
         "{path: {type: RegularExpression, value: a.}}", true},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct manifests m;
        struct lint l;
        size_t found = 0;
        char text[1200];
        snprintf(text, sizeof text,
                 SERVICES ROUTE(WEB, "  rules:\n  - {matches: [%s], backendRefs: [{name: v1, port: "
                                     "80}]}\n  - {matches: [%s], backendRefs: [{name: v1, port: "
                                     "80}]}\n"),
                 rows[i].a, rows[i].b);
        run(&m, &l, text, true);
        for (size_t k = 0; k < l.n; k++) found += !strcmp(l.items[k].rule, "shadowed");
        if ((found > 0) != rows[i].shadowed) fail_msg("row %zu: %zu found", i, found);
        lint_done(&l);
        manifests_close(&m);
    }
}

static void clean_manifests_have_no_findings(void **state) {
    struct manifests m;
    struct lint l;
    run(&m, &l, SERVICES ROUTE(WEB, ALL), true);
    if (l.n) lint_print(&l);
    assert_int_equal(l.n, 0);
    lint_done(&l);
    manifests_close(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traps_are_found),
        cmocka_unit_test(grpc_traps_are_found),
        cmocka_unit_test(pruned_fields_are_named),
        cmocka_unit_test(consumers_that_replace_producers),
        cmocka_unit_test(matches_are_shadowed_by_equal_ones_only),
        cmocka_unit_test(clean_manifests_have_no_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

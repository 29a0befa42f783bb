/* SPDX-License-Identifier: Apache-2.0
 * Which pods get a sidecar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cli/local/inject.h>

struct row {
    const char *pod, *ns;
    bool inject;
};

static const struct row rows[] = {
    {"{}", NULL, false},
    {"{}", "{}", false},
    {"{}", "{'metadata':{'labels':{'weftmesh.io/inject':'enabled'}}}", true},
    {"{}", "{'metadata':{'labels':{'weftmesh.io/inject':'disabled'}}}", false},
    {"{}", "{'metadata':{'labels':{'weftmesh.io/inject':'true'}}}", false},
    {"{}", "{'metadata':{'annotations':{'weftmesh.io/inject':'enabled'}}}", false},
    {"{'metadata':{'annotations':{'weftmesh.io/inject':'enabled'}}}", "{}", true},
    {"{'metadata':{'labels':{'weftmesh.io/inject':'enabled'}}}", "{}", false},
    {"{'metadata':{'annotations':{'weftmesh.io/inject':'enabled'}}}",
     "{'metadata':{'labels':{'weftmesh.io/inject':'disabled'}}}", true},
    {"{'metadata':{'annotations':{'weftmesh.io/inject':'disabled'}}}",
     "{'metadata':{'labels':{'weftmesh.io/inject':'enabled'}}}", false},
    {"{'metadata':{'annotations':{'weftmesh.io/inject':'maybe'}}}",
     "{'metadata':{'labels':{'weftmesh.io/inject':'enabled'}}}", true},
    {"{'metadata':{'annotations':{'weftmesh.io/sidecar':'injected'}}}",
     "{'metadata':{'labels':{'weftmesh.io/inject':'enabled'}}}", false},
    {"{'metadata':{'annotations':{'weftmesh.io/inject':'enabled'}},'spec':{'hostNetwork':true}}",
     "{}", false},
};

static json_t *parse(const char *text) {
    if (!text) return NULL;
    char json[400];
    size_t i = 0;
    for (; text[i] && i + 1 < sizeof json; i++) json[i] = text[i] == '\'' ? '"' : text[i];
    json[i] = 0;
    json_t *o = json_loads(json, 0, NULL);
    assert_non_null(o);
    return o;
}

static void pod_over_namespace_else_not(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *pod = parse(rows[i].pod), *ns = parse(rows[i].ns);
        struct inject_decision d = inject_decide(pod, ns);
        if (d.inject != rows[i].inject) fail_msg("row %zu: %s", i, d.why);
        json_decref(pod);
        json_decref(ns);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pod_over_namespace_else_not)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

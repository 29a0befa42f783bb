/* SPDX-License-Identifier: Apache-2.0
 * Manifests to objects: scalars as Kubernetes reads them, documents, lists, lines, caps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/object/json.h>
#include <weft/object/object.h>

struct got {
    struct weft_object *items[32];
    size_t n;
    struct weft_error err;
    enum weft_status st;
};

static void on_object(void *ud, struct weft_object *o) {
    struct got *g = ud;
    assert_true(g->n < WEFT_LEN(g->items));
    g->items[g->n++] = o;
}

static void parse_slice(struct got *g, struct weft_slice text) {
    *g = (struct got){0};
    g->st = weft_object_parse(text, "in.yaml", on_object, g, &g->err);
}

static void parse(struct got *g, const char *text) {
    parse_slice(g, weft_slice_str(text));
}

static void drop(struct got *g) {
    for (size_t i = 0; i < g->n; i++) weft_object_free(g->items[i]);
    g->n = 0;
}

static void scalars_resolve_as_in_kubernetes(void **state) {
    struct got g;
    parse(&g, "apiVersion: v1\nkind: T\nmetadata: {name: x}\n"
              "a: yes\nb: \"yes\"\nc: ~\nd:\ne: 0x10\nf: 010\ng: 1_000\nh: 1.5\ni: 1e3\nj: -7\n"
              "k: 2024-01-01T00:00:00Z\nl: 1.2.3\nm: !!str 5\nn: .5\no: off\np: 0o17\n");
    assert_int_equal(g.st, WEFT_OK);
    json_t *j = g.items[0]->json;
    assert_true(json_is_true(json_object_get(j, "a")));
    assert_string_equal(json_string_value(json_object_get(j, "b")), "yes");
    assert_true(json_is_null(json_object_get(j, "c")));
    assert_true(json_is_null(json_object_get(j, "d")));
    assert_int_equal(json_integer_value(json_object_get(j, "e")), 16);
    assert_int_equal(json_integer_value(json_object_get(j, "f")), 8);
    assert_int_equal(json_integer_value(json_object_get(j, "g")), 1000);
    assert_true(json_is_real(json_object_get(j, "h")));
    assert_true(json_is_real(json_object_get(j, "i")));
    assert_int_equal(json_integer_value(json_object_get(j, "j")), -7);
    assert_string_equal(json_string_value(json_object_get(j, "k")), "2024-01-01T00:00:00Z");
    assert_string_equal(json_string_value(json_object_get(j, "l")), "1.2.3");
    assert_string_equal(json_string_value(json_object_get(j, "m")), "5");
    assert_true(json_is_real(json_object_get(j, "n")));
    assert_true(json_is_false(json_object_get(j, "o")));
    assert_int_equal(json_integer_value(json_object_get(j, "p")), 15);
    drop(&g);
}

static void identity_is_read_and_defaulted(void **state) {
    struct got g;
    parse(&g, "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
              "metadata: {name: r, generation: 4, creationTimestamp: \"2024-01-01T00:00:00Z\"}\n"
              "---\n# nothing here\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: nn, "
              "namespace: wrong}\n");
    assert_int_equal(g.st, WEFT_OK);
    assert_int_equal(g.n, 2);
    assert_string_equal(g.items[0]->group, "gateway.networking.k8s.io");
    assert_string_equal(g.items[0]->version, "v1");
    assert_string_equal(g.items[0]->ns, "default");
    assert_int_equal(g.items[0]->created, 1704067200);
    assert_int_equal(g.items[0]->generation, 4);
    assert_string_equal(g.items[1]->group, "");
    assert_string_equal(g.items[1]->ns, "");
    assert_int_equal(g.items[1]->line, 7);
    drop(&g);
}

static void lines_of_fields(void **state) {
    struct got g;
    parse(&g, "apiVersion: v1\nkind: T\nmetadata:\n  name: x\nspec:\n  rules:\n  - name: a\n"
              "  - matches:\n    - path:\n        value: /x\n");
    assert_int_equal(g.st, WEFT_OK);
    const struct weft_object *o = g.items[0];
    assert_int_equal(weft_object_line(o, ""), 1);
    assert_int_equal(weft_object_line(o, "metadata.name"), 4);
    assert_int_equal(weft_object_line(o, "spec.rules[0].name"), 7);
    assert_int_equal(weft_object_line(o, "spec.rules[1].matches[0].path.value"), 10);
    assert_int_equal(weft_object_line(o, "spec.rules[1].matches[0].path.type"), 9);
    assert_int_equal(weft_object_line(o, "spec.rules[9]"), 6);
    assert_int_equal(weft_object_line(o, "nothing[x].y"), 1);
    drop(&g);
}

static void anchors_and_merge_keys(void **state) {
    struct got g;
    parse(&g, "apiVersion: v1\nkind: T\nmetadata: {name: x}\nbase: &b {p: 1, q: 2}\n"
              "a: *b\nc: {<<: *b, q: 3}\nd: {<<: [{z: 1}, *b]}\n");
    assert_int_equal(g.st, WEFT_OK);
    json_t *j = g.items[0]->json;
    assert_int_equal(weft_js_int(json_object_get(j, "a"), "q", 0, 9, -1), 2);
    assert_int_equal(weft_js_int(json_object_get(j, "c"), "q", 0, 9, -1), 3);
    assert_int_equal(weft_js_int(json_object_get(j, "c"), "p", 0, 9, -1), 1);
    assert_int_equal(weft_js_int(json_object_get(j, "d"), "p", 0, 9, -1), 1);
    drop(&g);
}

static void lists_stand_for_their_items(void **state) {
    struct got g;
    parse(&g, "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": ["
              "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"a\"}},"
              "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"b\"}}]}\n"
              "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"c\"}}");
    assert_int_equal(g.st, WEFT_OK);
    assert_int_equal(g.n, 3);
    assert_string_equal(g.items[1]->name, "b");
    assert_int_equal(g.items[2]->line, 2);
    drop(&g);
    parse(&g, "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: "
              "{name: a}\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n");
    assert_int_equal(g.st, WEFT_OK);
    assert_int_equal(g.n, 2);
    assert_int_equal(g.items[1]->line, 7);
    drop(&g);
}

static void faults_say_line_and_reason(void **state) {
    static const struct {
        const char *text;
        int line;
        const char *says;
    } rows[] = {
        {"apiVersion: v1\nkind: T\nmetadata: {name: x}\na: 1\na: 2\n", 5, "twice"},
        {"a: [1, 2\nb: 3\n", 2, ""},
        {"apiVersion: v1\nkind: T\nmetadata: {}\n", 1, "name"},
        {"kind: T\nmetadata: {name: x}\n", 1, "missing"},
        {"apiVersion: v1\nkind: T\nmetadata: {name: x, namespace: 1}\n", 1, "quotes"},
        {"- a\n- b\n", 1, "mapping"},
        {"apiVersion: v1\nkind: T\nmetadata: {name: n}\n", 1, "quotes"},
        {"a: *nope\n", 1, "anchor"},
        {"a: .inf\n", 1, "JSON"},
        {"{\"a\": 1,\n \"a\": 2}", 2, "duplicate"},
        {"{\"a\":\n nope}", 2, ""},
        {"a: \"\\0\"\n", 1, "NUL"},
        {"? {a: 1}\n: b\n", 1, "plain words"},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct got g;
        parse(&g, rows[i].text);
        assert_int_equal(g.st, WEFT_INVALID);
        if (g.err.line != rows[i].line) fail_msg("row %zu: line %d", i, g.err.line);
        if (!strstr(g.err.message, rows[i].says)) fail_msg("row %zu: %s", i, g.err.message);
        drop(&g);
    }
}

/* An empty list as some tools print it; a file for kustomize among the manifests. */
static void what_holds_no_object_is_passed_over(void **state) {
    struct got g;
    parse(&g, "apiVersion: v1\nkind: List\nitems: null\n---\n# nothing\n---\n"
              "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a]\n");
    assert_int_equal(g.st, WEFT_OK);
    assert_int_equal(g.n, 0);
    drop(&g);
}

static void documents_before_a_fault_are_kept(void **state) {
    struct got g;
    parse(&g, "apiVersion: v1\nkind: T\nmetadata: {name: x}\n---\nfoo: [\n");
    assert_int_equal(g.st, WEFT_INVALID);
    assert_int_equal(g.n, 1);
    drop(&g);
}

static void caps_hold(void **state) {
    struct got g;
    struct weft_buf b;
    weft_buf_init(&b, 0);
    for (int i = 0; i < 70; i++) (void)weft_buf_str(&b, "[");
    parse_slice(&g, weft_buf_slice(&b));
    assert_int_equal(g.st, WEFT_LIMIT);
    weft_buf_clear(&b); /* each line ten times the one before */
    (void)weft_buf_str(&b, "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
    for (int i = 1; i < 9; i++) {
        (void)weft_buf_printf(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) (void)weft_buf_printf(&b, "%s*a%d", k ? "," : "", i - 1);
        (void)weft_buf_str(&b, "]\n");
    }
    parse_slice(&g, weft_buf_slice(&b));
    assert_int_equal(g.st, WEFT_LIMIT);
    weft_buf_clear(&b);
    for (int i = 0; i < 300; i++) (void)weft_buf_printf(&b, "k%d: &k%d 1\n", i, i);
    parse_slice(&g, weft_buf_slice(&b));
    assert_int_equal(g.st, WEFT_LIMIT);
    weft_buf_clear(&b);
    char *room = weft_buf_reserve(&b, 4 * 1024 * 1024 + 1);
    memset(room, ' ', 4 * 1024 * 1024 + 1);
    weft_buf_commit(&b, 4 * 1024 * 1024 + 1);
    parse_slice(&g, weft_buf_slice(&b));
    assert_int_equal(g.st, WEFT_LIMIT);
    weft_buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_resolve_as_in_kubernetes),
        cmocka_unit_test(identity_is_read_and_defaulted),
        cmocka_unit_test(lines_of_fields),
        cmocka_unit_test(anchors_and_merge_keys),
        cmocka_unit_test(lists_stand_for_their_items),
        cmocka_unit_test(faults_say_line_and_reason),
        cmocka_unit_test(what_holds_no_object_is_passed_over),
        cmocka_unit_test(documents_before_a_fault_are_kept),
        cmocka_unit_test(caps_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * The patch between two values, operation by operation. That it leads from one to the other is
 * shown by tests/golden/inject_apply, which applies patches with code of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <weft/base/alloc.h>
#include <weft/object/json_patch.h>

static const struct row {
    const char *from, *to, *patch;
} rows[] = {
    {"{'a':1}", "{'a':1}", "[]"},
    {"{}", "{'a':{'b':1}}", "[{'op':'add','path':'/a','value':{'b':1}}]"},
    {"{'a':1,'b':2}", "{'b':2}", "[{'op':'remove','path':'/a'}]"},
    {"{'a':{'b':1}}", "{'a':{'b':2}}", "[{'op':'replace','path':'/a/b','value':2}]"},
    {"{}", "{'x.io/y~z':1}", "[{'op':'add','path':'/x.io~1y~0z','value':1}]"},
    /* at the front: in their order; what follows moves */
    {"{'l':[{'name':'c'}]}", "{'l':[{'name':'a'},{'name':'b'},{'name':'c'}]}",
     "[{'op':'add','path':'/l/0','value':{'name':'a'}},"
     "{'op':'add','path':'/l/1','value':{'name':'b'}}]"},
    /* behind, and inside what stays */
    {"{'l':[{'name':'a','v':1}]}", "{'l':[{'name':'a','v':2},{'name':'b'}]}",
     "[{'op':'replace','path':'/l/0/v','value':2},"
     "{'op':'add','path':'/l/1','value':{'name':'b'}}]"},
    /* both ends: inner changes come first, at the old places */
    {"{'l':[{'name':'m','v':1}]}", "{'l':[{'name':'a'},{'name':'m','v':2},{'name':'z'}]}",
     "[{'op':'replace','path':'/l/0/v','value':2},"
     "{'op':'add','path':'/l/0','value':{'name':'a'}},"
     "{'op':'add','path':'/l/2','value':{'name':'z'}}]"},
    {"{'l':[]}", "{'l':[1]}", "[{'op':'add','path':'/l/0','value':1}]"},
    {"{'l':[1,2]}", "{'l':[2,1]}", "[{'op':'replace','path':'/l','value':[2,1]}]"},
    {"{'l':[1,2]}", "{'l':[1]}", "[{'op':'replace','path':'/l','value':[1]}]"},
    {"5", "{'a':1}", "[{'op':'replace','path':'','value':{'a':1}}]"},
};

static json_t *parse(const char *text) {
    char json[400];
    size_t i = 0;
    for (; text[i] && i + 1 < sizeof json; i++) json[i] = text[i] == '\'' ? '"' : text[i];
    json[i] = 0;
    json_t *o = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(o);
    return o;
}

static void each_difference_is_one_operation(void **state) {
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        json_t *from = parse(rows[i].from), *to = parse(rows[i].to), *want = parse(rows[i].patch);
        json_t *patch = weft_json_patch(from, to);
        WEFT_FREE char *text = json_dumps(patch, JSON_COMPACT);
        if (!json_equal(patch, want)) fail_msg("row %zu: %s", i, text);
        json_decref(from);
        json_decref(to);
        json_decref(want);
        json_decref(patch);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_difference_is_one_operation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

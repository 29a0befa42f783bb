/* SPDX-License-Identifier: Apache-2.0
 * What becomes of status.parents, case by case (REQ-138, REQ-140 to REQ-143). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <controller/status_merge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/base/alloc.h>

#define NOW "2026-01-02T03:04:05Z"
#define OLD "2025-01-01T00:00:00Z"

static json_t *parse(const char *text) {
    json_error_t e;
    if (!text) return NULL;
    json_t *j = json_loads(text, JSON_DECODE_ANY, &e);
    if (!j) fail_msg("%s: %s", text, e.text);
    return j;
}

#define OURS "'controllerName':'weftmesh.io/mesh-controller',"
#define A    "'parentRef':{'group':'','kind':'Service','name':'a'},"
#define B    "'parentRef':{'group':'','kind':'Service','name':'b','port':80},"
#define COND(type, status, reason, gen)                                                            \
    "{'type':'" type "','status':'" status "','reason':'" reason                                   \
    "','message':'m','observedGeneration':" gen
#define AT(time) ",'lastTransitionTime':'" time "'}"
#define OTHER                                                                                      \
    "{'controllerName':'example.com/other'," A                                                     \
    "'conditions':[" COND("Accepted", "False", "Nope", "1") AT(OLD) "]}"

struct row {
    const char *name, *current, *wanted, *expected; /* expected NULL: as it is */
    int64_t generation;
};

static const struct row rows[] = {
    {"a first status", NULL,
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") "}]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") AT(NOW) "]}]", 2},
    {"nothing to say, nothing there", NULL, "[]", NULL, 1},
    {"the same again is not written",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") AT(OLD) "]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") "}]}]", NULL, 2},
    {"a new generation keeps the time",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") AT(OLD) "]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "3") "}]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "3") AT(OLD) "]}]", 3},
    {"a new reason keeps the time",
     "[{" A OURS "'conditions':[" COND("Accepted", "False", "Pending", "2") AT(OLD) "]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "False", "NoMatchingParent", "2") "}]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "False", "NoMatchingParent", "2") AT(OLD) "]}]",
     2},
    {"a new status has a new time",
     "[{" A OURS "'conditions':[" COND("Accepted", "False", "NoMatchingParent", "2") AT(OLD) "]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") "}]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") AT(NOW) "]}]", 2},
    {"a condition that is over goes",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2")
         AT(OLD) "," COND("PartiallyInvalid", "True", "UnsupportedValue", "2") AT(OLD) "]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") "}]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") AT(OLD) "]}]", 2},
    {"conditions of others in our entry stay",
     "[{" A OURS "'conditions':[" COND("Accepted", "False", "Pending", "1")
         AT(OLD) "," COND("example.com/Seen", "True", "Seen", "1") AT(OLD) "]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") "}]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2")
         AT(NOW) "," COND("example.com/Seen", "True", "Seen", "1") AT(OLD) "]}]",
     2},
    {"entries of others stay as they are", "[" OTHER "]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") "}]}]",
     "[" OTHER ",{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") AT(NOW) "]}]",
     2},
    {"others alone are not written", "[" OTHER "]", "[]", NULL, 2},
    {"an entry goes with its parentRef",
     "[" OTHER ",{" B OURS "'conditions':[" COND("Accepted", "True", "Accepted", "1") AT(OLD) "]}]",
     "[]", "[" OTHER "]", 2},
    {"a changed parentRef is another entry",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "1") AT(OLD) "]}]",
     "[{" B OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") "}]}]",
     "[{" B OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") AT(NOW) "]}]", 2},
    {"what speaks of a later generation is left alone",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "5") AT(OLD) "]}]",
     "[{" A OURS "'conditions':[" COND("Accepted", "False", "NoMatchingParent", "4") "}]}]", NULL,
     4},
    {"order alone is no difference",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") AT(OLD) "]}," OTHER "]",
     "[{" A OURS "'conditions':[" COND("Accepted", "True", "Accepted", "2") "}]}]", NULL, 2},
};

static char *quoted(const char *text) {
    char *s = weft_strdup(text);
    for (char *p = s; *p; p++)
        if (*p == '\'') *p = '"';
    return s;
}
static json_t *parse_quoted(const char *text) {
    WEFT_FREE char *s = text ? quoted(text) : NULL;
    return parse(s);
}

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        const struct row *r = &rows[i];
        json_t *current = parse_quoted(r->current), *wanted = parse_quoted(r->wanted);
        json_t *expected = parse_quoted(r->expected);
        struct controller_status_merge m =
            controller_status_merge(current, wanted, r->generation, NOW);
        if (m.changed != (r->expected != NULL)) fail_msg("%s: changed is %d", r->name, m.changed);
        if (m.unfit) fail_msg("%s: %s does not fit", r->name, m.unfit);
        if (expected && !json_equal(m.parents, expected)) {
            char *text = json_dumps(m.parents, JSON_COMPACT);
            fail_msg("%s: %s", r->name, text);
        }
        json_decref(m.parents);
        json_decref(current);
        json_decref(wanted);
        json_decref(expected);
    }
}

static json_t *entries(size_t n, const char *controller) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%zu", i);
        json_array_append_new(list, json_pack("{s:{s:s}, s:s, s:[{s:s, s:s, s:s, s:s, s:i}]}",
                                              "parentRef", "name", name, "controllerName",
                                              controller, "conditions", "type", "Accepted",
                                              "status", "True", "reason", "Accepted", "message", "",
                                              "observedGeneration", 1));
    }
    return list;
}

static void test_never_more_than_32(void **state) {
    (void)state;
    json_t *current = entries(20, "example.com/other"), *wanted = entries(20, CONTROLLER_NAME);
    struct controller_status_merge m = controller_status_merge(current, wanted, 1, NOW);
    assert_true(m.changed);
    assert_int_equal(json_array_size(m.parents), 32);
    assert_int_equal(m.left_out, 8);
    for (size_t i = 0; i < 20; i++)
        assert_true(json_equal(json_array_get(m.parents, i), json_array_get(current, i)));
    json_decref(m.parents);
    json_decref(current);
    json_decref(wanted);
}

static const char *unfit(const char *type, const char *status, const char *reason,
                         const char *message) {
    json_t *c = json_pack("{s:s, s:s, s:s, s:s, s:i}", "type", type, "status", status, "reason",
                          reason, "message", message, "observedGeneration", 1);
    assert_non_null(c);
    const char *rule = controller_condition_unfit(c);
    json_decref(c);
    return rule;
}

static void test_what_the_api_would_refuse_is_not_sent(void **state) {
    (void)state;
    assert_null(unfit("Accepted", "True", "Accepted", ""));
    assert_null(unfit("Accepted", "Unknown", "A_b,c:d9", "x"));
    static const char *const reasons[] = {"", "1x", "a b", "A, B", "A,", "A:", "_x", "\u00e4"};
    for (size_t i = 0; i < WEFT_LEN(reasons); i++)
        assert_string_equal(unfit("Accepted", "True", reasons[i], ""), "reason");
    assert_string_equal(unfit("", "True", "A", ""), "type");
    assert_string_equal(unfit("Accepted", "true", "A", ""), "status");
    char *longest = weft_alloc0(1026);
    memset(longest, 'r', 1025);
    assert_string_equal(unfit("Accepted", "True", longest, ""), "reason");
    longest[1024] = 0;
    assert_null(unfit("Accepted", "True", longest, ""));
    free(longest);
}

/* Characters count, and none is cut in two. */
static void test_a_long_message_is_cut(void **state) {
    (void)state;
    enum { CHARS = 40000, MOST = 32768 };
    char *text = weft_alloc0(2 * CHARS + 1);
    for (size_t i = 0; i < CHARS; i++) memcpy(text + 2 * i, "\xc3\xa4", 2);
    json_t *c = json_pack("{s:s, s:s, s:s, s:s, s:i}", "type", "Accepted", "status", "True",
                          "reason", "A", "message", text, "observedGeneration", 1);
    assert_null(controller_condition_unfit(c));
    assert_int_equal(json_string_length(json_object_get(c, "message")), 2 * MOST);
    json_decref(c);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_never_more_than_32),
        cmocka_unit_test(test_what_the_api_would_refuse_is_not_sent),
        cmocka_unit_test(test_a_long_message_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Matching and precedence by tables of rules and requests. */
#include "mesh_test.h"

struct row {
    const char *req;      /* which requirement */
    const char *rules[6]; /* rule 0, 1, ... (see match_set) */
    const char *request, *headers;
    int want; /* index of the rule, -1: none, -2: limit */
};

#define ORDER                                                                                      \
    "=/match", "=/match/exact", "=/match/exact/one", "/match/", "/match/prefix/",                  \
        "/match/prefix/one"

static const struct row rows[] = {
    /* REQ-063: ANDed inside a match */
    {"REQ-063", {"/ GET h:a=1 q:b=2"}, "GET /?b=2", "a: 1", 0},
    {"REQ-063", {"/ GET h:a=1 q:b=2"}, "POST /?b=2", "a: 1", -1},
    {"REQ-063", {"/ GET h:a=1 q:b=2"}, "GET /?b=3", "a: 1", -1},
    {"REQ-063", {"/ GET h:a=1 q:b=2"}, "GET /?b=2", "a: 2", -1},
    {"REQ-063", {"/ h:a=1 h:b=1"}, "GET /", "a: 1", -1},
    /* REQ-064: exact */
    {"REQ-064", {"=/abc"}, "GET /abc", NULL, 0},
    {"REQ-064", {"=/abc"}, "GET /abc?x=1", NULL, 0},
    {"REQ-064", {"=/abc"}, "GET /abc/", NULL, -1},
    {"REQ-064", {"=/abc"}, "GET /Abc", NULL, -1},
    {"REQ-064", {"=/abc"}, "GET /abcd", NULL, -1},
    {"REQ-064", {"=/abc/"}, "GET /abc/", NULL, 0},
    {"REQ-064", {"=/abc/"}, "GET /abc", NULL, -1},
    /* REQ-065: prefix by elements */
    {"REQ-065", {"/abc"}, "GET /abc", NULL, 0},
    {"REQ-065", {"/abc"}, "GET /abc/", NULL, 0},
    {"REQ-065", {"/abc"}, "GET /abc/def", NULL, 0},
    {"REQ-065", {"/abc"}, "GET /abcd", NULL, -1},
    {"REQ-065", {"/abc"}, "GET /ABC", NULL, -1},
    {"REQ-065", {"/abc/"}, "GET /abc", NULL, 0},
    {"REQ-065", {"/abc/"}, "GET /abc/def", NULL, 0},
    {"REQ-065", {"/abc/"}, "GET /abcd", NULL, -1},
    {"REQ-065", {"/v2"}, "GET /v2example", NULL, -1},
    {"REQ-065", {"/v2"}, "GET /foo/v2", NULL, -1},
    {"REQ-065", {"/"}, "GET /", NULL, 0},
    {"REQ-065", {"/"}, "GET /anything/at/all", NULL, 0},
    {"REQ-065", {"/"}, "OPTIONS *", NULL, 0},
    {"REQ-065", {"/a/b", "/a"}, "GET /a/c", NULL, 1},
    {"REQ-065", {"/a/b", "/a", "/"}, "GET /a/b/c", NULL, 0},
    {"REQ-065", {"/a/b", "/a", "/"}, "GET /b", NULL, 2},
    /* REQ-062: bytes as they are, "//" is kept */
    {"REQ-062", {"/a"}, "GET //a", NULL, -1},
    {"REQ-062", {"/a"}, "GET /a//b", NULL, 0},
    {"REQ-062", {"=/a%20b"}, "GET /a%20b", NULL, 0},
    /* REQ-066: the whole path */
    {"REQ-066", {"~/v[0-9]+"}, "GET /v12", NULL, 0},
    {"REQ-066", {"~/v[0-9]+"}, "GET /v12/x", NULL, -1},
    {"REQ-066", {"~/v[0-9]+"}, "GET /a/v12", NULL, -1},
    {"REQ-066", {"~/a|/ab"}, "GET /ab", NULL, 0},
    {"REQ-066", {"~/v.*"}, "GET /v1?q=1", NULL, 0},
    {"REQ-066", {"/ h:a~[a-c]+"}, "GET /", "a: abc", 0},
    {"REQ-066", {"/ h:a~[a-c]+"}, "GET /", "a: abcd", -1},
    {"REQ-066", {"/ q:a~[0-9]*"}, "GET /?a=", NULL, 0},
    {"REQ-066", {"/ q:a~[0-9]*"}, "GET /?a=x", NULL, -1},
    /* REQ-067: headers */
    {"REQ-067", {"/ h:Version=two"}, "GET /", "VERSION: two", 0},
    {"REQ-067", {"/ h:version=two"}, "GET /", "version: Two", -1},
    {"REQ-067", {"/ h:version=two h:Version=three"}, "GET /", "version: two", 0},
    {"REQ-067", {"/ h:version=two h:Version=three"}, "GET /", "version: three", -1},
    {"REQ-067", {"/ h:a=1,2"}, "GET /", "a: 1\na: 2", 0},
    {"REQ-067", {"/ h:a=1"}, "GET /", "a: 1\na: 2", -1},
    {"REQ-067", {"/ h:a=,2"}, "GET /", "a:\na: 2", 0},
    {"REQ-067", {"/ h:a=1 h:b=2", "/ h:a~.*,.*"}, "GET /", "a: 1\nb: 2\na: 3", 1},
    {"REQ-067", {"/ h:a~.*"}, "GET /", "b: 1", -1},
    /* REQ-043: Host is the authority */
    {"REQ-043", {"/ h:Host=web.example:80"}, "GET /", "host: web.example:80", 0},
    {"REQ-043", {"/ h:Host=web.example"}, "GET /", "host: web.example:80", -1},
    {"REQ-043", {"/ h:host~.+"}, "GET /", NULL, -1},
    /* REQ-068: query parameters */
    {"REQ-068", {"/ q:animal=whale"}, "GET /?animal=whale", NULL, 0},
    {"REQ-068", {"/ q:animal=whale"}, "GET /?animal=whaledolphin", NULL, -1},
    {"REQ-068", {"/ q:animal=whale"}, "GET /?ANIMAL=whale", NULL, -1},
    {"REQ-068", {"/ q:animal=whale"}, "GET /?x=1&animal=whale&y", NULL, 0},
    {"REQ-068", {"/ q:animal=whale"}, "GET /?animal=whale&animal=cat", NULL, 0},
    {"REQ-068", {"/ q:animal=whale"}, "GET /?animal=cat&animal=whale", NULL, -1},
    {"REQ-068", {"/ q:a=b=c"}, "GET /?a=b=c", NULL, 0},
    {"REQ-068", {"/ q:a~x.y"}, "GET /?a=x+y", NULL, 0},
    {"REQ-068", {"/ q:ab=c%"}, "GET /?%61b=%63%25", NULL, 0},
    {"REQ-068", {"/ q:a=%zz%4"}, "GET /?a=%zz%4", NULL, 0},
    {"REQ-068", {"/ q:a=1 q:a=2"}, "GET /?a=1", NULL, 0},
    {"REQ-068", {"/ q:a=1 q:A=2"}, "GET /?a=1", NULL, -1},
    {"REQ-068", {"/ q:a="}, "GET /?a", NULL, 0},
    {"REQ-068", {"/ q:a="}, "GET /?&b&a&", NULL, 0},
    {"REQ-068", {"/ q:a="}, "GET /", NULL, -1},
    {"REQ-068", {"/ q:a="}, "GET /?", NULL, -1},
    /* REQ-069: method */
    {"REQ-069", {"/ GET"}, "HEAD /", NULL, -1},
    {"REQ-069", {"/ GET"}, "get /", NULL, -1},
    {"REQ-069", {"/ PATCH"}, "PATCH /x", NULL, 0},
    /* REQ-070: precedence, level by level */
    {"REQ-070 (1)", {"/a GET h:x=1 q:y=1", "=/a"}, "GET /a?y=1", "x: 1", 1},
    {"REQ-070 (2)", {"/a GET h:x=1 q:y=1", "/a/b"}, "GET /a/b?y=1", "x: 1", 1},
    {"REQ-070 (3)", {"/a h:x=1 q:y=1", "/a GET"}, "GET /a?y=1", "x: 1", 1},
    {"REQ-070 (4)", {"/a q:y=1 q:z=1", "/a h:x=1"}, "GET /a?y=1&z=1", "x: 1", 1},
    {"REQ-070 (4)", {"/a h:x=1", "/a h:x=1 h:z=1"}, "GET /a", "x: 1\nz: 1", 1},
    {"REQ-070 (5)", {"/a q:y=1", "/a q:y=1 q:z=1"}, "GET /a?y=1&z=1", NULL, 1},
    {"REQ-070 (8)", {"/a h:x=1", "/a h:y=1"}, "GET /a", "x: 1\ny: 1", 0},
    /* REQ-071: Exact > Regex > Prefix, longer pattern first */
    {"REQ-071", {"/abc/def", "~/abc.*"}, "GET /abc/def", NULL, 1},
    {"REQ-071", {"~/abc.*", "=/abc"}, "GET /abc", NULL, 1},
    {"REQ-071", {"~/a.*", "~/ab.*"}, "GET /abc", NULL, 1},
    {"REQ-071", {"~/a.* GET", "~/ab.*"}, "GET /abc", NULL, 1},
    {"REQ-071", {"~/.b.*", "~/a.*  GET"}, "GET /abc", NULL, 0},
    {"REQ-071", {"~/.b.*", "~/ab.* GET"}, "GET /abc", NULL, 1},
    {"REQ-071", {"~/v1", "/"}, "GET /v2", NULL, 1},
    /* REQ-072: the trailing slash does not count */
    {"REQ-072", {"/match", "/match/"}, "GET /match", NULL, 0},
    {"REQ-072", {"/match/", "/match GET"}, "GET /match", NULL, 1},
    /* REQ-073: worked checks */
    {"REQ-073", {"/ q:a=b", "/path5"}, "GET /path5?a=b", NULL, 1},
    {"REQ-073", {"/ h:version=four", "/path5"}, "PATCH /path5", "version: four", 1},
    {"REQ-073", {"/ h:version=four", "/ PATCH"}, "PATCH /", "version: four", 1},
    {"REQ-073",
     {"/ h:version=two", "/ h:color=orange", "/ h:version=two h:color=orange"},
     "GET /",
     "version: two\ncolor: orange",
     2},
    {"REQ-073", {"/ h:version=two", "/ h:color=blue"}, "GET /", "version: two\ncolor: blue", 0},
    /* REQ-179: HTTPRoutePathMatchOrder */
    {"REQ-179", {ORDER}, "GET /match", NULL, 0},
    {"REQ-179", {ORDER}, "GET /match/exact", NULL, 1},
    {"REQ-179", {ORDER}, "GET /match/exact/one", NULL, 2},
    {"REQ-179", {ORDER}, "GET /match/any", NULL, 3},
    {"REQ-179", {ORDER}, "GET /match/prefix/any", NULL, 4},
    {"REQ-179", {ORDER}, "GET /match/prefix/one/any", NULL, 5},
    {"REQ-179", {ORDER}, "GET /match/prefix/oneness", NULL, 4},
    {"REQ-179", {ORDER}, "GET /matchless", NULL, -1},
    /* REQ-036: rules, but none matches */
    {"REQ-036", {"/a", "=/b", "~/c"}, "GET /d", NULL, -1},
    /* a limit ends the search, unless something better has matched or the match fails anyway */
    {"limit", {"~/(a+)+[xy]", "/"}, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, -2},
    {"limit",
     {"~/(a+)+[xy]", "=/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
     "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     NULL,
     1},
    {"limit",
     {"~/(a+)+[xy]", "~/a+ GET h:x=1"},
     "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "x: 1",
     -2},
    {"limit", {"~/(a+)+[xy] POST", "/"}, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, 1},
    {"limit", {"/ h:v~(a+)+[xy]", "/"}, "GET /", "v: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -2},
    {"limit",
     {"/ q:v~(a+)+[xy]", "/"},
     "GET /?v=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     NULL,
     -2},
};

static int matched(const struct weft_destination *d, const char *line, const char *headers) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_head h;
    request_set(&h, &a, line, headers);
    struct weft_match_result r;
    weft_match(d, &h, &a, &r);
    int got = r.regex_limit ? -2 : r.rule ? (int)(r.rule - d->rules) : -1;
    if (r.regex_limit) assert_null(r.rule);
    assert_true(!r.rule == !r.match);
    weft_arena_done(&a);
    return got;
}

static void test_rows(void **state) {
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        uint32_t n = 0;
        while (n < WEFT_LEN(rows[i].rules) && rows[i].rules[n]) n++;
        struct weft_destination *d = dest_of(rows[i].rules, n);
        dest_seal(d);
        int got = matched(d, rows[i].request, rows[i].headers);
        if (got != rows[i].want)
            fail_msg("row %zu (%s, first rule %s): %s gives %d, not %d", i, rows[i].req,
                     rows[i].rules[0], rows[i].request, got, rows[i].want);
        weft_destination_unref(d);
    }
}

/* REQ-070 (6), (7), (8) and REQ-063: who wrote it and when, then position. */
static void test_age_name_position(void **state) {
    static const char *const same[] = {"/a", "/a", "/a"};
    struct weft_destination *d = dest_of(same, 3);
    d->rules[0].created = 20;
    d->rules[1].created = 10;
    d->rules[2].created = 30;
    dest_seal(d);
    assert_int_equal(matched(d, "GET /a", NULL), 1);
    weft_destination_unref(d);

    d = dest_of(same, 3); /* "a-b/z" < "a/a" as text, though "a" < "a-b" */
    d->rules[0].route_ns = sl("a"), d->rules[0].route = sl("a");
    d->rules[1].route_ns = sl("a-b"), d->rules[1].route = sl("z");
    d->rules[2].route_ns = sl("b"), d->rules[2].route = sl("a");
    dest_seal(d);
    assert_int_equal(matched(d, "GET /a", NULL), 1);
    weft_destination_unref(d);

    d = dest_of(same, 3);
    d->rules[0].index = 2, d->rules[1].index = 1, d->rules[2].index = 0;
    dest_seal(d);
    assert_int_equal(matched(d, "GET /a", NULL), 2);
    weft_destination_unref(d);
}

/* REQ-063: a rule's matches compete one by one; the result names the one that won. */
static void test_several_matches(void **state) {
    struct weft_destination *d = dest_new(2);
    d->rules[0].matches = weft_arena_array(&d->arena, struct weft_match, 3);
    d->rules[0].n_matches = 3;
    match_set(&d->arena, &d->rules[0].matches[0], "/a");
    match_set(&d->arena, &d->rules[0].matches[1], "=/b");
    match_set(&d->arena, &d->rules[0].matches[2], "/a/b/c");
    match_set(&d->arena, &d->rules[1].matches[0], "/a/b");
    dest_seal(d);
    assert_int_equal(matched(d, "GET /a/x", NULL), 0);
    assert_int_equal(matched(d, "GET /a/b/x", NULL), 1);
    assert_int_equal(matched(d, "GET /a/b/c/d", NULL), 0);
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_head h;
    request_set(&h, &a, "GET /b", NULL);
    struct weft_match_result r;
    weft_match(d, &h, &a, &r);
    assert_ptr_equal(r.match, &d->rules[0].matches[1]);
    weft_arena_done(&a);
    weft_destination_unref(d);
}

/* REQ-147: a dropped rule keeps its place, the caller answers for it. */
static void test_invalid_rule_wins(void **state) {
    static const char *const rules[] = {"/", "/broken"};
    struct weft_destination *d = dest_of(rules, 2);
    d->rules[1].invalid = sl("unknown filter");
    dest_seal(d);
    assert_int_equal(matched(d, "GET /broken/x", NULL), 1);
    assert_int_equal(matched(d, "GET /x", NULL), 0);
    weft_destination_unref(d);
}

/* A request that uses up its memory must not fall to a broader rule. */
static void test_scratch_limit(void **state) {
    static const char *const rules[] = {"/ q:a=1", "/"};
    struct weft_destination *d = dest_of(rules, 2);
    dest_seal(d);
    struct weft_arena a, scratch;
    weft_arena_init(&a, 0);
    weft_arena_init(&scratch, 16);
    struct weft_head h;
    request_set(&h, &a, "GET /?b=00000000000000000000000&a=1", NULL);
    struct weft_match_result r;
    weft_match(d, &h, &scratch, &r);
    assert_true(r.regex_limit);
    assert_null(r.rule);
    weft_arena_done(&scratch);
    weft_arena_done(&a);
    weft_destination_unref(d);
}

static struct weft_destination *many(uint32_t n) {
    struct weft_destination *d = dest_new(n);
    for (uint32_t i = 0; i < n; i++) {
        struct weft_match *m = d->rules[i].matches;
        struct weft_arena *a = &d->arena;
        m->path = i % 3 == 0   ? weft_arena_printf(a, "/svc/%u", i)
                  : i % 3 == 1 ? weft_arena_printf(a, "/svc/%u/deep/er", i)
                               : weft_arena_printf(a, "/x%u", i);
        m->path_kind = i % 5 == 4 ? WEFT_PATH_EXACT : WEFT_PATH_PREFIX;
    }
    dest_seal(d);
    return d;
}

static void test_ten_thousand(void **state) {
    struct weft_destination *d = many(10000);
    for (uint32_t i = 0; i < d->n_rules; i += 7) {
        char line[200];
        struct weft_slice path = d->rules[i].matches[0].path;
        bool exact = d->rules[i].matches[0].path_kind == WEFT_PATH_EXACT;
        snprintf(line, sizeof line, "GET %.*s%s", (int)path.len, path.base, exact ? "" : "/tail");
        assert_int_equal(matched(d, line, NULL), i);
        snprintf(line, sizeof line, "GET %.*sz", (int)path.len, path.base);
        assert_int_not_equal(matched(d, line, NULL), i);
    }
    weft_destination_unref(d);
}

static void test_no_rules(void **state) {
    struct weft_destination *d = dest_new(0);
    dest_seal(d);
    assert_int_equal(matched(d, "GET /", NULL), -1);
    weft_destination_unref(d);
    d = dest_new(1); /* a rule without matches matches nothing */
    d->rules[0].n_matches = 0;
    dest_seal(d);
    assert_int_equal(matched(d, "GET /", NULL), -1);
    weft_destination_unref(d);
}

struct told {
    char text[512];
    const struct weft_destination *d;
};
static void tell(void *ud, const struct weft_rule *rule, const struct weft_match *match,
                 struct weft_slice failed) {
    struct told *t = ud;
    size_t n = strlen(t->text);
    snprintf(t->text + n, sizeof t->text - n, "%d:%.*s;", (int)(rule - t->d->rules),
             WEFT_SLICE_ARG(failed));
}

static void test_explain(void **state) {
    static const char *const rules[] = {"/a", "/ POST", "/a h:X-A=1", "/a q:Q=1", "=/b", "~/a GET"};
    struct weft_destination *d = dest_of(rules, 6);
    dest_seal(d);
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_head h;
    request_set(&h, &a, "GET /a", NULL);
    struct told t = {.d = d};
    weft_match_explain(d, &h, &a, tell, &t);
    assert_string_equal(t.text, "4:path;5:;2:header x-a;3:query Q;0:;1:method;");
    weft_arena_done(&a);
    weft_destination_unref(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_age_name_position),
        cmocka_unit_test(test_several_matches),
        cmocka_unit_test(test_invalid_rule_wins),
        cmocka_unit_test(test_scratch_limit),
        cmocka_unit_test(test_ten_thousand),
        cmocka_unit_test(test_no_rules),
        cmocka_unit_test(test_explain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

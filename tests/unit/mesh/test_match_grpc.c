/* SPDX-License-Identifier: Apache-2.0
 * What a GRPCRoute's matches become, and their order: characters of the service, then of the
 * method, then headers (REQ-122 to 124). */
#include "mesh_test.h"

struct row {
    const char *rules[6]; /* rule 0, 1, ... (see match_set) */
    const char *path, *headers;
    int want; /* index of the rule, -1: none, -2: limit */
};

static const struct row rows[] = {
    /* REQ-122, 182: service and method, service alone, method alone */
    {{"=/a.B/Get"}, "/a.B/Get", NULL, 0},
    {{"=/a.B/Get"}, "/a.B/get", NULL, -1},
    {{"=/a.B/Get"}, "/a.b/Get", NULL, -1},
    {{"/a.B/"}, "/a.B/Get", NULL, 0},
    {{"/a.B/"}, "/a.BC/Get", NULL, -1},
    {{"/a.B/"}, "/x.a.B/Get", NULL, -1},
    {{"@Get"}, "/a.B/Get", NULL, 0},
    {{"@Get"}, "/a.B/GetAll", NULL, -1},
    {{"@Get"}, "/Get/List", NULL, -1},
    {{"@Get"}, "/a.B/x/Get", NULL, 0},
    {{"*"}, "/a.B/Get", NULL, 0},
    {{"*"}, "/", NULL, 0},
    {{"$/(?:a|c)/(?:G.*)"}, "/c/Get", NULL, 0},
    {{"$/(?:a|c)/(?:G.*)"}, "/c/List", NULL, -1},
    {{"%/(?:[^/]+)/(?:L.*)"}, "/c/List", NULL, 0},
    /* REQ-123 */
    {{"* h:tenant=a"}, "/a.B/Get", "tenant: a", 0},
    {{"* h:tenant=a"}, "/a.B/Get", "tenant: b", -1},
    {{"/a.B/ h:tenant~a.*"}, "/a.B/Get", "tenant: ab", 0},
    /* REQ-124: the service first, then the method, then headers */
    {{"*", "@Get", "/a.B/", "=/a.B/Get"}, "/a.B/Get", NULL, 3},
    {{"*", "@Get", "/a.B/"}, "/a.B/Get", NULL, 2},
    {{"*", "@Get"}, "/a.B/Get", NULL, 1},
    {{"*", "@Get"}, "/a.B/List", NULL, 0},
    {{"* h:a=1 h:b=2", "@Get"}, "/a.B/Get", "a: 1\nb: 2", 1},
    {{"@Get h:a=1 h:b=2", "/a.B/"}, "/a.B/Get", "a: 1\nb: 2", 1},
    {{"/a.B/ h:a=1", "=/a.B/Get"}, "/a.B/Get", "a: 1", 1},
    {{"*", "* h:a=1", "* h:a=1 h:b=2"}, "/a.B/Get", "a: 1\nb: 2", 2},
    {{"@Get", "@Get h:a=1"}, "/a.B/Get", "a: 1", 1},
    {{"@Get", "@Get h:a=1"}, "/a.B/Get", NULL, 0},
    /* patterns: below what is exact in the same element, above what says nothing of it */
    {{"$/(?:a.*)/(?:Get)", "/a.B/"}, "/a.B/Get", NULL, 1},
    {{"@Get", "$/(?:a.*)/(?:[^/]+)"}, "/a.B/Get", NULL, 1},
    {{"%/(?:[^/]+)/(?:G.*)", "@Get"}, "/a.B/Get", NULL, 1},
    {{"*", "%/(?:[^/]+)/(?:G.*)"}, "/a.B/Get", NULL, 1},
    {{"$/(?:a.*)/(?:[^/]+)", "$/(?:a[.]B)/(?:[^/]+)"}, "/a.B/Get", NULL, 1},
    {{"%/(?:[^/]+)/(?:.*)", "%/(?:[^/]+)/(?:G..)"}, "/a.B/Get", NULL, 1},
    {{"$/(?:a.*)/(?:[^/]+)", "$/(?:a[.]B)/(?:[^/]+)"}, "/a.C/Get", NULL, 0},
    /* what a limit leaves open is not passed over */
    {{"*", "$/(?:(a+)+[xy])/(?:[^/]+)"}, "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/M", NULL, -2},
    {{"*", "@Get", "%/(?:[^/]+)/(?:(a+)+[xy])"}, "/s/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, -2},
    {{"*", "@Get", "%/(?:(a+)+[xy])/(?:Get)"},
     "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Get",
     NULL,
     1},
};

static int matched(const struct weft_destination *d, const char *path, const char *headers) {
    struct weft_arena a;
    struct weft_head h;
    char line[256];
    snprintf(line, sizeof line, "POST %s", path);
    weft_arena_init(&a, 0);
    request_set(&h, &a, line, headers);
    struct weft_match_result r;
    weft_match(d, &h, &a, &r);
    weft_arena_done(&a);
    return r.regex_limit ? -2 : r.rule ? (int)(r.rule - d->rules) : -1;
}

static void test_rows(void **state) {
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        uint32_t n = 0;
        while (n < 6 && rows[i].rules[n]) n++;
        struct weft_destination *d = dest_of(rows[i].rules, n);
        dest_seal(d);
        int got = matched(d, rows[i].path, rows[i].headers);
        if (got != rows[i].want)
            fail_msg("row %zu, %s: rule %d instead of %d", i, rows[i].path, got, rows[i].want);
        weft_destination_unref(d);
    }
}

/* REQ-124: then the older route, the name, the first rule; for every kind of match. */
static void test_age_name_position(void **state) {
    static const char *const kinds[] = {"=/a/b", "/a", "$/(?:a)/(?:b)", "@b", "%/(?:a)/(?:b)", "*"};
    for (size_t i = 0; i < WEFT_LEN(kinds); i++) {
        const char *const twice[] = {kinds[i], kinds[i]};
        for (int by = 0; by < 3; by++) {
            struct weft_destination *d = dest_of(twice, 2);
            if (by == 0) d->rules[0].created = 2, d->rules[1].created = 1;
            if (by <= 1) d->rules[0].route = sl("z");
            if (by == 2) d->rules[0].index = 1, d->rules[1].index = 0;
            dest_seal(d);
            assert_int_equal(matched(d, "/a/b", NULL), 1);
            weft_destination_unref(d);
        }
    }
}

/* REQ-124: characters of the service's pattern count first, whatever the method's adds. */
static void test_service_counts_first(void **state) {
    static const char *const rules[] = {"$/(?:a.*)/(?:[A-Z][a-z]+)", "$/(?:a[.].*)/.*"};
    struct weft_destination *d = dest_of(rules, 2);
    d->rules[0].matches->service_len = 3;
    d->rules[1].matches->service_len = 6;
    dest_seal(d);
    assert_int_equal(matched(d, "/a.B/Get", NULL), 1);
    assert_int_equal(matched(d, "/ab/Get", NULL), 0);
    weft_destination_unref(d);
}

static void test_seal_refuses(void **state) {
    static const struct {
        enum weft_path_kind kind;
        const char *path;
    } bad[] = {{WEFT_PATH_METHOD, ""},        {WEFT_PATH_METHOD, "a/b"},
               {WEFT_PATH_ANY, "x"},          {WEFT_PATH_SERVICE_REGEX, "("},
               {WEFT_PATH_METHOD_REGEX, "("}, {WEFT_PATH_ANY + 1, "/"}};
    for (size_t i = 0; i < WEFT_LEN(bad); i++) {
        struct weft_destination *d = dest_new(1);
        d->rules[0].matches[0].path_kind = bad[i].kind;
        d->rules[0].matches[0].path = sl(bad[i].path);
        struct weft_error err = {0};
        assert_int_equal(weft_destination_seal(d, &err),
                         strcmp(bad[i].path, "(") == 0 ? WEFT_PATTERN : WEFT_INVALID);
        assert_string_equal(err.path, "rules[0].matches[0].path");
        weft_destination_unref(d);
    }
}

static void count(void *ud, const struct weft_rule *winner, const struct weft_match *winning,
                  const struct weft_rule *loser, const struct weft_match *losing) {
    *(uint32_t *)ud += winner->index == 0 && loser->index == 1;
}

static void test_shadowed(void **state) {
    static const char *const same[] = {"$/(?:a)/(?:b)", "@b", "%/(?:a)/(?:b)", "*", "* h:a=1"};
    for (size_t i = 0; i < WEFT_LEN(same); i++) {
        for (size_t k = 0; k < WEFT_LEN(same); k++) {
            const char *const two[] = {same[i], same[k]};
            struct weft_destination *d = dest_of(two, 2);
            dest_seal(d);
            uint32_t n = 0;
            weft_match_shadowed(d, count, &n);
            assert_int_equal(n, i == k);
            weft_destination_unref(d);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_age_name_position),
        cmocka_unit_test(test_service_counts_first),
        cmocka_unit_test(test_seal_refuses),
        cmocka_unit_test(test_shadowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

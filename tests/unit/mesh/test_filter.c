/* SPDX-License-Identifier: Apache-2.0
 * Header modifiers, redirects and rewrites by tables (REQ-078 to 094). */
#include <weft/mesh/filter.h>

#include "mesh_test.h"

struct scene { /* one request on its way through filters */
    struct weft_arena a;
    struct weft_head head, reply;
    struct weft_match match;
    struct weft_filter_input in;
    struct weft_slice why;
};

static void scene_init(struct scene *s, const char *line, const char *headers, const char *prefix) {
    memset(s, 0, sizeof *s);
    weft_arena_init(&s->a, 0);
    request_set(&s->head, &s->a, line, headers);
    s->match = (struct weft_match){.path_kind = WEFT_PATH_PREFIX, .path = sl(prefix)};
    s->in = (struct weft_filter_input){.match = &s->match,
                                       .listener_port = 80,
                                       .original_path = s->head.path,
                                       .original_authority = s->head.authority};
}

static enum weft_filter_outcome run(struct scene *s, const struct weft_filter *f, uint32_t n) {
    return weft_filters_request(f, n, &s->in, &s->head, &s->reply, &s->why);
}

static void assert_joined(const struct scene *s, const struct weft_fields *f, const char *name,
                          const char *want) {
    struct weft_slice v = WEFT_SLICE_EMPTY;
    struct weft_arena a = {0};
    if (!weft_fields_joined(f, sl(name), &a, &v)) v = sl("(none)");
    assert_slice(v, want);
    weft_arena_done(&a);
}

static struct weft_kv kv(const char *name, const char *value) {
    return (struct weft_kv){sl(name), sl(value)};
}

/* REQ-082, 083, 084: what the conformance suite sends through MeshHTTPRouteRequestHeaderModifier.
 */
static void test_header_mods(void **state) {
    struct scene s;
    scene_init(
        &s, "GET /",
        "X-Header-Set: old\nX-Header-Set: older\nX-HEADER-ADD: original\nx-header-remove: a\n"
        "X-Header-Remove: b\nother: kept",
        "/");
    struct weft_kv set[] = {kv("x-header-set", "set-overwrites"), kv("x-new-set", "1")};
    struct weft_kv add[] = {kv("x-header-add", "new"), kv("x-new-add", "2")};
    struct weft_slice removed[] = {sl("x-header-remove"), sl("x-absent")};
    struct weft_filter f = {
        .kind = WEFT_FILTER_REQUEST_HEADERS,
        .headers = {
            .set = set, .n_set = 2, .add = add, .n_add = 2, .remove = removed, .n_remove = 2}};
    assert_int_equal(run(&s, &f, 1), WEFT_FILTER_GO_ON);
    const struct weft_fields *h = &s.head.fields;
    assert_joined(&s, h, "x-header-set", "set-overwrites");
    assert_joined(&s, h, "x-new-set", "1");
    assert_joined(&s, h, "x-header-add", "original,new");
    assert_joined(&s, h, "x-new-add", "2");
    assert_joined(&s, h, "x-header-remove", "(none)");
    assert_joined(&s, h, "other", "kept");
    weft_arena_done(&s.a);
}

/* Framing and the connection belong to the codecs; Host is the authority (REQ-060). */
static void test_protected_headers(void **state) {
    static const char *const names[] = {"content-length", "transfer-encoding", "connection", "te",
                                        "upgrade",        "keep-alive",        "weft-hop"};
    for (size_t i = 0; i < WEFT_LEN(names); i++) {
        struct scene s;
        scene_init(&s, "GET /", "host: web:80", "/");
        struct weft_kv one[] = {kv(names[i], "1")};
        struct weft_filter f = {.kind = WEFT_FILTER_REQUEST_HEADERS,
                                .headers = {.set = one, .n_set = 1, .add = one, .n_add = 1}};
        assert_int_equal(run(&s, &f, 1), WEFT_FILTER_GO_ON);
        assert_int_equal(s.head.fields.n, 0);
        weft_arena_done(&s.a);
    }
    struct scene s;
    scene_init(&s, "GET /", "host: web:80", "/");
    struct weft_kv add[] = {kv("host", "added")}, set[] = {kv("host", "other.example")};
    struct weft_slice removed[] = {sl("host")};
    struct weft_filter f[] = {
        {.kind = WEFT_FILTER_REQUEST_HEADERS,
         .headers = {.add = add, .n_add = 1, .remove = removed, .n_remove = 1}},
        {.kind = WEFT_FILTER_REQUEST_HEADERS, .headers = {.set = set, .n_set = 1}},
    };
    assert_int_equal(run(&s, f, 1), WEFT_FILTER_GO_ON);
    assert_slice(s.head.authority, "web:80");
    assert_int_equal(run(&s, f + 1, 1), WEFT_FILTER_GO_ON);
    assert_slice(s.head.authority, "other.example");
    assert_int_equal(s.head.fields.n, 0);
    weft_arena_done(&s.a);
}

/* REQ-091: nobody checks these values before us. */
static void test_values_are_cleaned(void **state) {
    struct scene s;
    scene_init(&s, "GET /", NULL, "/");
    struct weft_kv set[] = {kv("x", " a\r\nevil: 1\t"), kv("y", "\x7f")};
    struct weft_filter f = {.kind = WEFT_FILTER_REQUEST_HEADERS,
                            .headers = {.set = set, .n_set = 2}};
    assert_int_equal(run(&s, &f, 1), WEFT_FILTER_GO_ON);
    assert_joined(&s, &s.head.fields, "x", "a  evil: 1");
    assert_joined(&s, &s.head.fields, "y", "");
    weft_arena_done(&s.a);
}

/* REQ-085, REQ-178: responses, whatever stands beside them in the list. */
static void test_response_mods(void **state) {
    struct scene s;
    scene_init(&s, "GET /", "x: request", "/");
    struct weft_kv set[] = {kv("x", "new")};
    struct weft_filter f[] = {
        {.kind = WEFT_FILTER_REQUEST_HEADERS, .headers = {.set = set, .n_set = 1}},
        {.kind = WEFT_FILTER_RESPONSE_HEADERS, .headers = {.add = set, .n_add = 1}},
    };
    struct weft_head response;
    weft_head_init(&response, &s.a);
    assert_int_equal(weft_fields_add(&response.fields, sl("X"), sl("upstream")), WEFT_OK);
    weft_filters_response(f, 2, NULL, &response);
    assert_joined(&s, &response.fields, "x", "upstream,new");
    assert_int_equal(run(&s, f, 2), WEFT_FILTER_GO_ON); /* each its own side */
    assert_joined(&s, &s.head.fields, "x", "new");
    weft_arena_done(&s.a);
}

/* REQ-080: no later filter runs, the caller answers 500. REQ-078: earlier ones did. */
static void test_invalid_and_order(void **state) {
    struct scene s;
    scene_init(&s, "GET /", NULL, "/");
    struct weft_kv one[] = {kv("x", "1")}, two[] = {kv("x", "2")};
    struct weft_filter f[] = {
        {.kind = WEFT_FILTER_REQUEST_HEADERS, .headers = {.set = one, .n_set = 1}},
        {.kind = WEFT_FILTER_INVALID, .invalid = sl("unknown ExtensionRef")},
        {.kind = WEFT_FILTER_REQUEST_HEADERS, .headers = {.set = two, .n_set = 1}},
    };
    assert_int_equal(run(&s, f, 3), WEFT_FILTER_FAIL);
    assert_slice(s.why, "unknown ExtensionRef");
    assert_joined(&s, &s.head.fields, "x", "1");
    weft_arena_done(&s.a);
}

struct prefix_row {
    const char *path, *prefix, *with, *want;
};
/* REQ-092 (the table of the API) and REQ-093; queries stay (REQ-094). */
static const struct prefix_row prefix_rows[] = {
    {"/foo/bar", "/foo", "/xyz", "/xyz/bar"},
    {"/foo/bar", "/foo", "/xyz/", "/xyz/bar"},
    {"/foo/bar", "/foo/", "/xyz", "/xyz/bar"},
    {"/foo/bar", "/foo/", "/xyz/", "/xyz/bar"},
    {"/foo", "/foo", "/xyz", "/xyz"},
    {"/foo/", "/foo", "/xyz", "/xyz/"},
    {"/foo/bar", "/foo", "", "/bar"},
    {"/foo/", "/foo", "", "/"},
    {"/foo", "/foo", "", "/"},
    {"/foo/", "/foo", "/", "/"},
    {"/foo", "/foo", "/", "/"},
    {"/foo", "/", "/xyz", "/xyz/foo"},
    {"/", "/", "/xyz", "/xyz/"},
    {"/foo/bar?a=b", "/foo", "/xyz", "/xyz/bar?a=b"},
    {"/foo?a=b", "/foo", "", "/?a=b"},
    {"/foo/bar", "/foo", "xyz", "/xyz/bar"},
    {"/foo/bar", "/foo", "/x y\r\nz", "/x%20y%0D%0Az/bar"},
    {"/foo?", "/foo", "/a", "/a?"},
    {"*", "/", "/a", "*"},
};

static void test_replace_prefix(void **state) {
    for (size_t i = 0; i < WEFT_LEN(prefix_rows); i++) {
        const struct prefix_row *r = &prefix_rows[i];
        struct scene s;
        scene_init(&s, "GET", "host: web", r->prefix);
        s.head.path = s.in.original_path = sl(r->path);
        struct weft_filter f = {
            .kind = WEFT_FILTER_REWRITE,
            .rewrite = {.path = {.kind = WEFT_PATH_REPLACE_PREFIX, .value = sl(r->with)}}};
        assert_int_equal(run(&s, &f, 1), WEFT_FILTER_GO_ON);
        assert_slice(s.head.path, r->want);
        assert_slice(s.head.authority, "web");
        weft_arena_done(&s.a);
    }
}

static void test_rewrite_full_and_host(void **state) {
    static const struct {
        const char *path, *full, *want;
    } rows[] = {
        {"/a/b", "/one", "/one"},
        {"/a/b?q=1", "/one", "/one?q=1"},
        {"/a/b?q=1", "/one?r=2", "/one?r=2"}, /* REQ-087 */
        {"/a", "", "/"},
        {"/a", "one", "/one"},
        {"/a?q=1", "/one#frag", "/one%23frag?q=1"},
        {"/a", "/caf\xc3\xa9", "/caf%C3%A9"},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct scene s;
        scene_init(&s, "GET", "host: web:8080", "/");
        s.head.path = s.in.original_path = sl(rows[i].path);
        struct weft_filter f = {.kind = WEFT_FILTER_REWRITE,
                                .rewrite = {.hostname = sl("one.example.org"),
                                            .path = {WEFT_PATH_FULL, sl(rows[i].full)}}};
        assert_int_equal(run(&s, &f, 1), WEFT_FILTER_GO_ON);
        assert_slice(s.head.path, rows[i].want);
        assert_slice(s.head.authority, "one.example.org"); /* REQ-094, REQ-180 */
        weft_arena_done(&s.a);
    }
}

/* REQ-077, 080: nothing sensible can be sent, so nothing is. */
static void test_prefix_without_match(void **state) {
    struct scene s;
    scene_init(&s, "GET /foo", NULL, "/bar");
    struct weft_filter f = {.kind = WEFT_FILTER_REWRITE,
                            .rewrite = {.path = {WEFT_PATH_REPLACE_PREFIX, sl("/x")}}};
    assert_int_equal(run(&s, &f, 1), WEFT_FILTER_FAIL);
    assert_true(s.why.len > 0);
    s.in.match = NULL;
    assert_int_equal(run(&s, &f, 1), WEFT_FILTER_FAIL);
    s.in.match = &s.match;
    s.match.path = sl("/foo");
    s.match.path_kind = WEFT_PATH_EXACT;
    assert_int_equal(run(&s, &f, 1), WEFT_FILTER_FAIL);
    assert_slice(s.head.path, "/foo");
    weft_arena_done(&s.a);
}

struct redirect_row {
    uint16_t listener;
    const char *host, *path;       /* request */
    const char *scheme, *hostname; /* filter; NULL: unset */
    uint16_t port;
    enum weft_path_mod_kind kind;
    const char *value;
    const char *want;
};
static const struct redirect_row redirect_rows[] = {
    /* REQ-087: what is not given stays */
    {80, "web", "/a?b=c", NULL, NULL, 0, WEFT_PATH_KEEP, "", "http://web/a?b=c"},
    {80, "web", "/a", NULL, "example.org", 0, WEFT_PATH_KEEP, "", "http://example.org/a"},
    {80, "web", "/a?b=c", NULL, NULL, 0, WEFT_PATH_FULL, "/x", "http://web/x?b=c"},
    {80, "web", "/a?b=c", NULL, NULL, 0, WEFT_PATH_FULL, "/x?y=z", "http://web/x?y=z"},
    {80, "web", "/a?b=c", NULL, NULL, 0, WEFT_PATH_FULL, "/x#y", "http://web/x?b=c#y"},
    {80, "web", "/p/q?b=c", NULL, NULL, 0, WEFT_PATH_REPLACE_PREFIX, "/x", "http://web/x/q?b=c"},
    {80, "web", "/p", NULL, NULL, 0, WEFT_PATH_REPLACE_PREFIX, "", "http://web/"},
    {80, "web", "/p/q", NULL, NULL, 0, WEFT_PATH_REPLACE_PREFIX, "/\r\nx", "http://web/%0D%0Ax/q"},
    /* REQ-088, 089, 180: the port; REQ-090: what was intercepted is http */
    {8080, "web:8080", "/a", NULL, NULL, 0, WEFT_PATH_KEEP, "", "http://web:8080/a"},
    {8080, "web:9", "/a", NULL, NULL, 0, WEFT_PATH_KEEP, "", "http://web:8080/a"},
    {8080, "web:8080", "/a", NULL, NULL, 80, WEFT_PATH_KEEP, "", "http://web/a"},
    {8080, "web:8080", "/a", "https", NULL, 0, WEFT_PATH_KEEP, "", "https://web/a"},
    {8080, "web:8080", "/a", "http", NULL, 0, WEFT_PATH_KEEP, "", "http://web/a"},
    {8080, "web", "/a", "https", NULL, 443, WEFT_PATH_KEEP, "", "https://web/a"},
    {80, "web", "/a", "https", NULL, 8443, WEFT_PATH_KEEP, "", "https://web:8443/a"},
    {443, "web", "/a", "http", NULL, 8080, WEFT_PATH_KEEP, "", "http://web:8080/a"},
    {443, "web", "/a", NULL, NULL, 0, WEFT_PATH_KEEP, "", "http://web:443/a"},
    {80, "web", "/a", "https", NULL, 80, WEFT_PATH_KEEP, "", "https://web:80/a"},
    {80, "[::1]:80", "/a", NULL, NULL, 8080, WEFT_PATH_KEEP, "", "http://[::1]:8080/a"},
    {80, "[2001:db8::1]", "/a", NULL, NULL, 0, WEFT_PATH_KEEP, "", "http://[2001:db8::1]/a"},
    /* no Host: a relative reference that cannot name another host */
    {80, NULL, "/a", NULL, NULL, 0, WEFT_PATH_KEEP, "", "/a"},
    {80, "web", "*", NULL, NULL, 0, WEFT_PATH_KEEP, "", "http://web/"},
    {80, NULL, "//evil.example/a", NULL, NULL, 0, WEFT_PATH_KEEP, "", "/.//evil.example/a"},
};

static void test_redirect(void **state) {
    for (size_t i = 0; i < WEFT_LEN(redirect_rows); i++) {
        const struct redirect_row *r = &redirect_rows[i];
        struct scene s;
        scene_init(&s, "GET", NULL, "/p");
        s.in.original_path = sl(r->path);
        s.in.original_authority = sl(r->host);
        s.in.listener_port = r->listener;
        s.head.path = sl("/changed/by/an/earlier/filter");
        struct weft_filter f = {.kind = WEFT_FILTER_REDIRECT,
                                .redirect = {.scheme = sl(r->scheme),
                                             .hostname = sl(r->hostname),
                                             .port = r->port,
                                             .status = 302,
                                             .path = {r->kind, sl(r->value)}}};
        assert_int_equal(run(&s, &f, 1), WEFT_FILTER_REPLY);
        assert_int_equal(s.reply.status, 302);
        assert_int_equal(s.reply.framing, WEFT_BODY_LENGTH);
        assert_int_equal(s.reply.content_length, 0);
        assert_joined(&s, &s.reply.fields, "location", r->want);
        weft_arena_done(&s.a);
    }
}

/* REQ-086 */
static void test_redirect_status(void **state) {
    static const uint16_t statuses[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < WEFT_LEN(statuses); i++) {
        struct scene s;
        scene_init(&s, "GET /", "host: web", "/");
        struct weft_filter f = {.kind = WEFT_FILTER_REDIRECT, .redirect.status = statuses[i]};
        assert_int_equal(run(&s, &f, 1), WEFT_FILTER_REPLY);
        assert_int_equal(s.reply.status, statuses[i]);
        weft_arena_done(&s.a);
    }
}

/* REQ-079: a backend's list runs after the rule's, on the original path's prefix. */
static void test_rule_then_backend(void **state) {
    struct scene s;
    scene_init(&s, "GET /foo/bar?x=1", "host: web", "/foo");
    struct weft_filter rule = {.kind = WEFT_FILTER_REWRITE,
                               .rewrite = {.hostname = sl("rule.example"),
                                           .path = {WEFT_PATH_REPLACE_PREFIX, sl("/rule")}}};
    struct weft_filter backend = {.kind = WEFT_FILTER_REWRITE,
                                  .rewrite = {.path = {WEFT_PATH_REPLACE_PREFIX, sl("/backend")}}};
    assert_int_equal(run(&s, &rule, 1), WEFT_FILTER_GO_ON);
    assert_int_equal(run(&s, &backend, 1), WEFT_FILTER_GO_ON);
    assert_slice(s.head.path, "/backend/bar?x=1");
    assert_slice(s.head.authority, "rule.example");
    weft_arena_done(&s.a);
}

/* A request's memory is bounded: what cannot be applied is a failure, never skipped (REQ-080). */
static void test_out_of_memory(void **state) {
    struct weft_kv set[] = {kv("x", "some value"), kv("host", "other.example")};
    struct weft_filter f[] = {
        {.kind = WEFT_FILTER_REQUEST_HEADERS, .headers = {.set = set, .n_set = 1}},
        {.kind = WEFT_FILTER_REQUEST_HEADERS, .headers = {.set = set + 1, .n_set = 1}},
        {.kind = WEFT_FILTER_REWRITE, .rewrite = {.hostname = sl("one.example.org")}},
        {.kind = WEFT_FILTER_REWRITE, .rewrite = {.path = {WEFT_PATH_FULL, sl("/one two")}}},
        {.kind = WEFT_FILTER_REWRITE, .rewrite = {.path = {WEFT_PATH_REPLACE_PREFIX, sl("/o")}}},
        {.kind = WEFT_FILTER_REDIRECT, .redirect = {.status = 302}},
        {.kind = WEFT_FILTER_REDIRECT,
         .redirect = {.status = 302, .path = {WEFT_PATH_FULL, sl("/one")}}},
    };
    for (size_t i = 0; i < WEFT_LEN(f); i++) {
        struct scene s;
        scene_init(&s, "GET /a", "host: web", "/");
        s.a.limit = s.a.used + 2;
        assert_int_equal(run(&s, &f[i], 1), WEFT_FILTER_FAIL);
        assert_true(s.why.len > 0);
        weft_arena_done(&s.a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_mods),
        cmocka_unit_test(test_protected_headers),
        cmocka_unit_test(test_values_are_cleaned),
        cmocka_unit_test(test_response_mods),
        cmocka_unit_test(test_invalid_and_order),
        cmocka_unit_test(test_replace_prefix),
        cmocka_unit_test(test_rewrite_full_and_host),
        cmocka_unit_test(test_prefix_without_match),
        cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_redirect_status),
        cmocka_unit_test(test_rule_then_backend),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Random small rule sets and requests: the index must decide as a plain scan over all matches does
 * (REQ-063 to 072, REQ-124). Few words in the vocabulary, so that rules overlap and ties happen. */
#include <weft/base/clock.h>

#include "mesh_test.h"
#include "naive_match.h"

enum { SETS = 1500, REQUESTS = 20 };

#define PICK(rng, list) (list)[weft_rng_below((rng), WEFT_LEN(list))]

static const char *const elements[] = {"a", "b", "aa", "v1", "v2"};
static const char *const patterns[] = {"/a.*",     "/(a|b)/.*",  ".*",
                                       "/v[0-9]+", "/(a+)+[xy]", "/a|/b"};
static const char *const methods[] = {"GET", "POST"};
static const char *const names[] = {"x", "y", "host"};
static const char *const values[] = {"1", "2", "1,2", ""};
static const char *const value_patterns[] = {"[0-9]", ".*", "1|2"};
static const char *const namespaces[] = {"a", "a-b", "b"};

static struct weft_slice random_path(struct weft_rng *rng, struct weft_arena *a, const char *end) {
    struct weft_slice p = WEFT_SLICE_EMPTY;
    for (uint32_t n = weft_rng_below(rng, 4); n; n--)
        p = weft_arena_printf(a, "%.*s/%s", WEFT_SLICE_ARG(p), PICK(rng, elements));
    return weft_arena_printf(a, "%.*s%s", WEFT_SLICE_ARG(p),
                             p.len && weft_rng_below(rng, 4) ? "" : end);
}

static struct weft_text_match random_text(struct weft_rng *rng) {
    bool regex = weft_rng_below(rng, 4) == 0;
    return (struct weft_text_match){
        .name = sl(PICK(rng, names)),
        .value = sl(regex ? PICK(rng, value_patterns) : PICK(rng, values)),
        .kind = regex ? WEFT_TEXT_REGEX : WEFT_TEXT_EXACT,
    };
}

static void random_texts(struct weft_rng *rng, struct weft_arena *a, struct weft_text_match **ret,
                         uint32_t *ret_n) {
    *ret_n = weft_rng_below(rng, 3) ? 0 : weft_rng_below(rng, 3);
    *ret = weft_arena_array(a, struct weft_text_match, 3);
    for (uint32_t i = 0; i < *ret_n; i++) (*ret)[i] = random_text(rng);
}

static void random_match(struct weft_rng *rng, struct weft_arena *a, struct weft_match *m) {
    m->path_kind = (enum weft_path_kind)weft_rng_below(rng, WEFT_PATH_ANY + 1);
    switch (m->path_kind) {
    case WEFT_PATH_EXACT:
    case WEFT_PATH_PREFIX:
        m->path = random_path(rng, a, "/");
        break;
    case WEFT_PATH_METHOD:
        m->path = sl(PICK(rng, elements));
        break;
    case WEFT_PATH_ANY:
        break;
    default:
        m->path = sl(PICK(rng, patterns));
        if (m->path_kind == WEFT_PATH_SERVICE_REGEX) m->service_len = weft_rng_below(rng, 3);
    }
    if (weft_rng_below(rng, 3) == 0) m->method = sl(PICK(rng, methods));
    random_texts(rng, a, &m->headers, &m->n_headers);
    random_texts(rng, a, &m->queries, &m->n_queries);
}

static struct weft_destination *random_destination(struct weft_rng *rng) {
    struct weft_destination *d = dest_new(1 + weft_rng_below(rng, 8));
    for (uint32_t i = 0; i < d->n_rules; i++) {
        struct weft_rule *r = &d->rules[i];
        r->route_ns = sl(PICK(rng, namespaces));
        r->route = sl(PICK(rng, namespaces));
        r->created = weft_rng_below(rng, 3);
        r->index = weft_rng_below(rng, 3);
        r->n_matches = 1 + weft_rng_below(rng, 3);
        r->matches = weft_arena_array(&d->arena, struct weft_match, r->n_matches);
        for (uint32_t m = 0; m < r->n_matches; m++) random_match(rng, &d->arena, &r->matches[m]);
    }
    dest_seal(d);
    return d;
}

static void random_request(struct weft_rng *rng, struct weft_arena *a, struct weft_head *h) {
    weft_head_init(h, a);
    h->method = sl(PICK(rng, methods));
    h->path = random_path(rng, a, "/");
    if (weft_rng_below(rng, 8) == 0) h->path = sl("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    if (weft_rng_below(rng, 2)) h->authority = sl(PICK(rng, values));
    for (uint32_t n = weft_rng_below(rng, 4); n; n--)
        assert_int_equal(weft_fields_add(&h->fields, sl(n % 2 ? "x" : "y"), sl(PICK(rng, values))),
                         WEFT_OK);
    for (uint32_t n = 0; n < weft_rng_below(rng, 4); n++)
        h->path = weft_arena_printf(a, "%.*s%c%s=%s", WEFT_SLICE_ARG(h->path), n ? '&' : '?',
                                    PICK(rng, names), PICK(rng, values));
}

struct tally {
    uint32_t found, none, limit;
};

static void check_one(struct weft_rng *rng, const struct weft_destination *d, struct tally *t) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_head h;
    random_request(rng, &a, &h);
    struct weft_match_result got, want = naive_match(d, &h);
    weft_match(d, &h, &a, &got);
    if (got.rule != want.rule || got.match != want.match || got.regex_limit != want.regex_limit)
        fail_msg("%.*s %.*s: rule %p, scan %p", WEFT_SLICE_ARG(h.method), WEFT_SLICE_ARG(h.path),
                 (const void *)got.rule, (const void *)want.rule);
    t->found += got.rule != NULL;
    t->limit += got.regex_limit;
    t->none += !got.rule && !got.regex_limit;
    weft_arena_done(&a);
}

static void test_index_decides_like_a_scan(void **state) {
    struct weft_rng rng;
    weft_rng_seed(&rng, 20261123);
    struct tally t = {0};
    for (int s = 0; s < SETS; s++) {
        struct weft_destination *d = random_destination(&rng);
        for (int i = 0; i < REQUESTS; i++) check_one(&rng, d, &t);
        weft_destination_unref(d);
    }
    /* The generator is worth something only if it reaches all three outcomes often. */
    assert_true(t.found > SETS * REQUESTS / 10);
    assert_true(t.none > SETS * REQUESTS / 10);
    assert_true(t.limit > SETS * REQUESTS / 200);
}

struct told {
    const struct weft_rule *rule;
    const struct weft_match *match;
};
static void keep_first(void *ud, const struct weft_rule *rule, const struct weft_match *match,
                       struct weft_slice failed) {
    struct told *t = ud;
    if (t->rule || failed.len) return;
    t->rule = rule;
    t->match = match;
}

/* What `weft explain` says wins is what the proxy picks. */
static void test_explain_agrees(void **state) {
    struct weft_rng rng;
    weft_rng_seed(&rng, 7);
    for (int s = 0; s < SETS; s++) {
        struct weft_destination *d = random_destination(&rng);
        struct weft_arena a;
        weft_arena_init(&a, 0);
        struct weft_head h;
        random_request(&rng, &a, &h);
        struct weft_match_result got;
        weft_match(d, &h, &a, &got);
        struct told t = {0};
        weft_match_explain(d, &h, &a, keep_first, &t);
        if (!got.regex_limit) {
            assert_ptr_equal(t.rule, got.rule);
            assert_ptr_equal(t.match, got.match);
        }
        weft_arena_done(&a);
        weft_destination_unref(d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_index_decides_like_a_scan),
        cmocka_unit_test(test_explain_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

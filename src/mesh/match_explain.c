/* SPDX-License-Identifier: Apache-2.0
 * Why each match won or lost, for people. Slow and thorough where match.c is quick. */
#include <stdlib.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/mesh/regex.h>

#include "match_internal.h"

static int by_rank(const void *a, const void *b) {
    return weft_match_rank(a, b);
}

static enum weft_status path_holds(const struct weft_match *m, struct weft_slice path) {
    if (m->path_kind != WEFT_PATH_EXACT && m->path_kind != WEFT_PATH_PREFIX)
        return weft_match_path_holds(m, path);
    bool ok = m->path_kind == WEFT_PATH_EXACT ? weft_slice_eq(m->path, path)
                                              : weft_match_prefix_holds(m->path, path);
    return ok ? WEFT_OK : WEFT_NOT_FOUND;
}

static struct weft_slice say(struct weft_match_request *q, const char *what, struct weft_slice name,
                             enum weft_status st) {
    struct weft_slice text =
        weft_arena_printf(q->scratch, "%s%s" WEFT_SLICE_FMT "%s", what, name.len ? " " : "",
                          WEFT_SLICE_ARG(name), st == WEFT_LIMIT ? " (limit)" : "");
    return text.base ? text : weft_slice_str(what); /* empty would mean that it matches */
}

static struct weft_slice first_failure(struct weft_match_request *q, const struct weft_match *m) {
    enum weft_status st = path_holds(m, q->path);
    if (st != WEFT_OK) return say(q, "path", WEFT_SLICE_EMPTY, st);
    if (m->method.len && !weft_slice_eq(m->method, q->head->method))
        return WEFT_SLICE_LIT("method");
    struct weft_slice value;
    for (uint32_t i = 0; i < m->n_headers; i++) {
        st = weft_match_request_header(q, m->headers[i].name, &value);
        if (st == WEFT_OK) st = weft_match_text_holds(&m->headers[i], value);
        if (st != WEFT_OK) return say(q, "header", m->headers[i].name, st);
    }
    for (uint32_t i = 0; i < m->n_queries; i++) {
        st = weft_match_request_param(q, m->queries[i].name, &value);
        if (st == WEFT_OK) st = weft_match_text_holds(&m->queries[i], value);
        if (st != WEFT_OK) return say(q, "query", m->queries[i].name, st);
    }
    return WEFT_SLICE_EMPTY;
}

void weft_match_explain(const struct weft_destination *d, const struct weft_head *head,
                        struct weft_arena *scratch,
                        void (*fn)(void *ud, const struct weft_rule *rule,
                                   const struct weft_match *match, struct weft_slice failed),
                        void *ud) {
    const struct weft_match_index *ix = d->index;
    WEFT_CHECK(ix && "sealed");
    WEFT_FREE struct weft_candidate *ranked = weft_alloc(sizeof *ranked * (ix->n + (size_t)1));
    if (ix->n) memcpy(ranked, ix->all, sizeof *ranked * ix->n);
    qsort(ranked, ix->n, sizeof *ranked, by_rank);
    struct weft_match_request q;
    weft_match_request_init(&q, head, scratch);
    for (uint32_t i = 0; i < ix->n; i++)
        fn(ud, ranked[i].rule, ranked[i].match, first_failure(&q, ranked[i].match));
}

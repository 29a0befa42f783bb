/* SPDX-License-Identifier: Apache-2.0
 * The rule for a request: exact path, then regular expressions, then prefixes from the longest to
 * the shortest, then what only GRPCRoutes have; within one path the index has the order. The first
 * candidate that holds wins. */
#include <weft/base/check.h>
#include <weft/mesh/regex.h>

#include "match_internal.h"

/* A criterion that fails decides, whatever limit another one hits: then the match is no candidate
 * anyway. Otherwise a limit leaves it open, and nothing ranked lower may be taken. */
static enum weft_status both(enum weft_status a, enum weft_status b) {
    if (a == WEFT_NOT_FOUND || b == WEFT_NOT_FOUND) return WEFT_NOT_FOUND;
    return a == WEFT_OK ? b : a;
}

static enum weft_status headers_hold(struct weft_match_request *q, const struct weft_match *m,
                                     enum weft_text_kind kind) {
    enum weft_status all = WEFT_OK;
    for (uint32_t i = 0; all != WEFT_NOT_FOUND && i < m->n_headers; i++) {
        if (m->headers[i].kind != kind) continue;
        struct weft_slice value;
        enum weft_status st = weft_match_request_header(q, m->headers[i].name, &value);
        if (st == WEFT_OK) st = weft_match_text_holds(&m->headers[i], value);
        all = both(all, st);
    }
    return all;
}

static enum weft_status queries_hold(struct weft_match_request *q, const struct weft_match *m,
                                     enum weft_text_kind kind) {
    enum weft_status all = WEFT_OK;
    for (uint32_t i = 0; all != WEFT_NOT_FOUND && i < m->n_queries; i++) {
        if (m->queries[i].kind != kind) continue;
        struct weft_slice value;
        enum weft_status st = weft_match_request_param(q, m->queries[i].name, &value);
        if (st == WEFT_OK) st = weft_match_text_holds(&m->queries[i], value);
        all = both(all, st);
    }
    return all;
}

/* All criteria but an exact or prefix path, which the index has settled. Patterns come last, as
 * they cost most. */
static enum weft_status rest_holds(struct weft_match_request *q, const struct weft_match *m) {
    if (m->method.len && !weft_slice_eq(m->method, q->head->method)) return WEFT_NOT_FOUND;
    enum weft_status st = headers_hold(q, m, WEFT_TEXT_EXACT);
    if (st != WEFT_NOT_FOUND) st = both(st, queries_hold(q, m, WEFT_TEXT_EXACT));
    if (st != WEFT_NOT_FOUND && m->path_kind != WEFT_PATH_EXACT && m->path_kind != WEFT_PATH_PREFIX)
        st = both(st, weft_match_path_holds(m, q->path));
    if (st != WEFT_NOT_FOUND) st = both(st, headers_hold(q, m, WEFT_TEXT_REGEX));
    if (st != WEFT_NOT_FOUND) st = both(st, queries_hold(q, m, WEFT_TEXT_REGEX));
    return st;
}

/* True when the search is over. */
static bool try_range(const struct weft_match_index *ix, uint32_t first, uint32_t n,
                      struct weft_match_request *q, struct weft_match_result *ret) {
    for (uint32_t i = first; i < first + n; i++) {
        enum weft_status st = rest_holds(q, ix->all[i].match);
        if (st == WEFT_NOT_FOUND) continue;
        if (st == WEFT_OK) {
            ret->rule = ix->all[i].rule;
            ret->match = ix->all[i].match;
        } else {
            ret->regex_limit = true;
        }
        return true;
    }
    return false;
}

static bool try_path(const struct weft_match_index *ix, const struct weft_path_table *t,
                     struct weft_slice path, struct weft_match_request *q,
                     struct weft_match_result *ret) {
    const struct weft_bucket *b = weft_path_table_find(t, path);
    return b && try_range(ix, b->first, b->n, q, ret);
}

/* Element boundaries of the path from its end; "" stands for "/" and covers "*" as well. */
static bool try_prefixes(const struct weft_match_index *ix, struct weft_match_request *q,
                         struct weft_match_result *ret) {
    size_t i = q->path.len < ix->prefix_max ? q->path.len : ix->prefix_max;
    for (;; i--) {
        bool boundary = i == 0 || i == q->path.len || q->path.base[i] == '/';
        if (boundary && weft_match_index_has_length(ix, i) &&
            try_path(ix, &ix->prefix, weft_slice_head(q->path, i), q, ret))
            return true;
        if (i == 0) return false;
    }
}

void weft_match(const struct weft_destination *d, const struct weft_head *head,
                struct weft_arena *scratch, struct weft_match_result *ret) {
    const struct weft_match_index *ix = d->index;
    WEFT_CHECK(ix && "sealed");
    *ret = (struct weft_match_result){0};
    struct weft_match_request q;
    weft_match_request_init(&q, head, scratch);
    if (try_path(ix, &ix->exact, q.path, &q, ret)) return;
    if (try_range(ix, ix->regex_first, ix->regex_n, &q, ret)) return;
    if (try_prefixes(ix, &q, ret)) return;
    (void)try_range(ix, ix->rest_first, ix->rest_n, &q, ret);
}

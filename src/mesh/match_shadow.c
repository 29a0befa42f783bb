/* SPDX-License-Identifier: Apache-2.0
 * Matches that no request can ever reach, because another with the same criteria goes before them.
 * For people who write routes; slow beside match.c. */
#include <weft/base/check.h>

#include "match_internal.h"

static bool has_text(const struct weft_text_match *list, uint32_t n,
                     const struct weft_text_match *t) {
    for (uint32_t i = 0; i < n; i++)
        if (list[i].kind == t->kind && weft_slice_eq(list[i].name, t->name) &&
            weft_slice_eq(list[i].value, t->value))
            return true;
    return false;
}

/* Names stand once in a list, so as many entries that are all found are the same entries. */
static bool same_texts(const struct weft_text_match *a, uint32_t n_a,
                       const struct weft_text_match *b, uint32_t n_b) {
    if (n_a != n_b) return false;
    for (uint32_t i = 0; i < n_a; i++)
        if (!has_text(b, n_b, &a[i])) return false;
    return true;
}

static bool same_path(const struct weft_match *a, const struct weft_match *b) {
    return a->path_kind == b->path_kind && weft_slice_eq(a->path, b->path);
}

static bool same_criteria(const struct weft_match *a, const struct weft_match *b) {
    return same_path(a, b) && weft_slice_eq(a->method, b->method) &&
           same_texts(a->headers, a->n_headers, b->headers, b->n_headers) &&
           same_texts(a->queries, a->n_queries, b->queries, b->n_queries);
}

/* Whether a match with the same criteria may still stand further up: equal paths lie together, but
 * regular expressions are in order of their length only. */
static bool go_on(const struct weft_match *up, const struct weft_match *m) {
    if (!m->path_regex) return same_path(up, m);
    return up->path_kind == m->path_kind && up->service_len == m->service_len &&
           up->path.len == m->path.len;
}

void weft_match_shadowed(const struct weft_destination *d, weft_match_shadowed_fn *fn, void *ud) {
    const struct weft_match_index *ix = d->index;
    WEFT_CHECK(ix && "sealed");
    for (uint32_t i = 0; i < ix->n; i++) {
        const struct weft_candidate *lost = &ix->all[i], *won = NULL;
        for (uint32_t k = i; k-- > 0 && go_on(ix->all[k].match, lost->match);)
            if (same_criteria(ix->all[k].match, lost->match)) won = &ix->all[k];
        if (won && won->rule != lost->rule) fn(ud, won->rule, won->match, lost->rule, lost->match);
    }
}

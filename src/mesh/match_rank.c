/* SPDX-License-Identifier: Apache-2.0
 * The order of precedence among matches (REQ-070 to 072): who is asked first. */
#include "match_internal.h"

static int larger_first(size_t a, size_t b) {
    return a == b ? 0 : a > b ? -1 : 1;
}

static int smaller_first(int64_t a, int64_t b) {
    return a == b ? 0 : a < b ? -1 : 1;
}

static unsigned char joined_byte(struct weft_slice ns, struct weft_slice name, size_t i) {
    if (i < ns.len) return (unsigned char)ns.base[i];
    return i == ns.len ? '/' : (unsigned char)name.base[i - ns.len - 1];
}

/* Order of the texts "{namespace}/{name}": not that of the pairs, as '-' and '.' sort before '/'.
 */
static int by_route_name(const struct weft_rule *a, const struct weft_rule *b) {
    size_t la = a->route_ns.len + 1 + a->route.len, lb = b->route_ns.len + 1 + b->route.len;
    for (size_t i = 0; i < la && i < lb; i++) {
        int d = joined_byte(a->route_ns, a->route, i) - joined_byte(b->route_ns, b->route, i);
        if (d) return d;
    }
    return -larger_first(la, lb);
}

int weft_match_rank_rest(const struct weft_candidate *a, const struct weft_candidate *b) {
    int c = larger_first(a->match->method.len != 0, b->match->method.len != 0);
    if (!c) c = larger_first(a->match->n_headers, b->match->n_headers);
    if (!c) c = larger_first(a->match->n_queries, b->match->n_queries);
    if (!c) c = smaller_first(a->rule->created, b->rule->created);
    if (!c) c = by_route_name(a->rule, b->rule);
    if (!c) c = smaller_first(a->rule->index, b->rule->index);
    if (!c && a->rule != b->rule) c = a->rule < b->rule ? -1 : 1;
    if (!c && a->match != b->match) c = a->match < b->match ? -1 : 1;
    return c;
}

int weft_match_rank(const struct weft_candidate *a, const struct weft_candidate *b) {
    int c = smaller_first(a->match->path_kind, b->match->path_kind);
    if (!c) c = larger_first(a->match->service_len, b->match->service_len);
    /* Two exact paths that both match are equal, so their length decides nothing. */
    if (!c && a->match->path_kind != WEFT_PATH_EXACT)
        c = larger_first(a->match->path.len, b->match->path.len);
    return c ? c : weft_match_rank_rest(a, b);
}

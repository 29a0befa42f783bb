/* SPDX-License-Identifier: Apache-2.0
 * The rules of REQ-063 to 072 written down a second time, as simply as possible: every match of
 * every rule is tried, the best one kept. No index, no shared code with src/mesh but PCRE2's
 * wrapper. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/http/head.h>
#include <weft/mesh/match.h>
#include <weft/mesh/regex.h>

static inline bool naive_text(const struct weft_text_match *t, struct weft_slice v, bool *limit) {
    if (t->kind == WEFT_TEXT_EXACT) return weft_slice_eq(t->value, v);
    enum weft_status st = weft_regex_match(t->regex, v);
    if (st == WEFT_LIMIT) *limit = true;
    return st == WEFT_OK;
}

static inline bool naive_header(const struct weft_head *h, const struct weft_text_match *t,
                                bool *limit) {
    char joined[8192];
    size_t n = 0, count = 0;
    if (weft_slice_is(t->name, "host"))
        return h->authority.base && naive_text(t, h->authority, limit);
    for (uint32_t i = 0; i < h->fields.n; i++) {
        struct weft_slice v = h->fields.items[i].value;
        if (!weft_slice_ieq(h->fields.items[i].name, t->name)) continue;
        if (n + v.len + 1 > sizeof joined) abort();
        if (count++) joined[n++] = ',';
        if (v.len) memcpy(joined + n, v.base, v.len);
        n += v.len;
    }
    return count && naive_text(t, weft_slice(joined, n), limit);
}

static inline bool naive_is_hex(char c) {
    return c && strchr("0123456789abcdefABCDEF", c);
}

static inline struct weft_slice naive_decode(struct weft_slice s, char *to) {
    size_t n = 0;
    for (size_t i = 0; i < s.len;) {
        if (s.base[i] == '%' && s.len - i > 2 && naive_is_hex(s.base[i + 1]) &&
            naive_is_hex(s.base[i + 2])) {
            char digits[3] = {s.base[i + 1], s.base[i + 2], 0};
            to[n++] = (char)strtoul(digits, NULL, 16);
            i += 3;
        } else {
            to[n++] = s.base[i] == '+' ? ' ' : s.base[i];
            i++;
        }
    }
    return weft_slice(to, n);
}

static inline bool naive_query(struct weft_slice target, const struct weft_text_match *t,
                               bool *limit) {
    char name_text[8192], value_text[8192];
    size_t at = weft_slice_find(target, '?');
    struct weft_slice query = weft_slice_from(target, at + 1);
    if (query.len > sizeof name_text) abort();
    while (query.len) {
        struct weft_slice value = weft_slice_cut(&query, '&');
        struct weft_slice name = weft_slice_cut(&value, '=');
        if (weft_slice_eq(naive_decode(name, name_text), t->name))
            return naive_text(t, naive_decode(value, value_text), limit);
    }
    return false;
}

static inline bool naive_path(const struct weft_match *m, struct weft_slice path, bool *limit) {
    struct weft_slice p = m->path;
    if (m->path_kind == WEFT_PATH_EXACT) return weft_slice_eq(p, path);
    if (m->path_kind == WEFT_PATH_ANY) return true;
    if (m->path_kind == WEFT_PATH_METHOD) {
        size_t last = path.len;
        while (last && path.base[last - 1] != '/') last--;
        return weft_slice_eq(p, weft_slice_from(path, last));
    }
    if (m->path_kind == WEFT_PATH_REGEX || m->path_kind == WEFT_PATH_SERVICE_REGEX ||
        m->path_kind == WEFT_PATH_METHOD_REGEX) {
        enum weft_status st = weft_regex_match(m->path_regex, path);
        if (st == WEFT_LIMIT) *limit = true;
        return st == WEFT_OK;
    }
    if (p.len == 0) return true;
    if (path.len < p.len || memcmp(path.base, p.base, p.len) != 0) return false;
    return path.len == p.len || path.base[p.len] == '/';
}

/* 1: holds, 0: does not, -1: would depend on a pattern that hit its limit. */
static inline int naive_holds(const struct weft_match *m, const struct weft_head *h) {
    bool limit = false, no = false, one;
    struct weft_slice path = weft_slice_head(h->path, weft_slice_find(h->path, '?'));
#define NAIVE_AND(cond) one = false, no |= !(cond) && !one, limit |= one
    NAIVE_AND(naive_path(m, path, &one));
    NAIVE_AND(!m->method.len || weft_slice_eq(m->method, h->method));
    for (uint32_t i = 0; i < m->n_headers; i++) NAIVE_AND(naive_header(h, &m->headers[i], &one));
    for (uint32_t i = 0; i < m->n_queries; i++)
        NAIVE_AND(naive_query(h->path, &m->queries[i], &one));
#undef NAIVE_AND
    return no ? 0 : limit ? -1 : 1;
}

/* Does match x of rule a go before match y of rule b? */
static inline bool naive_before(const struct weft_rule *a, const struct weft_match *x,
                                const struct weft_rule *b, const struct weft_match *y) {
    char a_name[256], b_name[256];
    if (x->path_kind != y->path_kind) return x->path_kind < y->path_kind;
    if (x->service_len != y->service_len) return x->service_len > y->service_len;
    if (x->path_kind != WEFT_PATH_EXACT && x->path.len != y->path.len)
        return x->path.len > y->path.len;
    if (!x->method.len != !y->method.len) return x->method.len > 0;
    if (x->n_headers != y->n_headers) return x->n_headers > y->n_headers;
    if (x->n_queries != y->n_queries) return x->n_queries > y->n_queries;
    if (a->created != b->created) return a->created < b->created;
    snprintf(a_name, sizeof a_name, "%.*s/%.*s", WEFT_SLICE_ARG(a->route_ns),
             WEFT_SLICE_ARG(a->route));
    snprintf(b_name, sizeof b_name, "%.*s/%.*s", WEFT_SLICE_ARG(b->route_ns),
             WEFT_SLICE_ARG(b->route));
    int c = strcmp(a_name, b_name);
    if (c) return c < 0;
    if (a->index != b->index) return a->index < b->index;
    return a == b ? x < y : a < b;
}

static inline struct weft_match_result naive_match(const struct weft_destination *d,
                                                   const struct weft_head *h) {
    struct weft_match_result best = {0};
    bool best_is_limit = false;
    for (uint32_t r = 0; r < d->n_rules; r++) {
        for (uint32_t m = 0; m < d->rules[r].n_matches; m++) {
            const struct weft_rule *rule = &d->rules[r];
            const struct weft_match *match = &rule->matches[m];
            int holds = naive_holds(match, h);
            if (!holds || (best.rule && !naive_before(rule, match, best.rule, best.match)))
                continue;
            best.rule = rule;
            best.match = match;
            best_is_limit = holds < 0;
        }
    }
    if (best_is_limit) return (struct weft_match_result){.regex_limit = true};
    return best;
}

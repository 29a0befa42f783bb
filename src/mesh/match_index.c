/* SPDX-License-Identifier: Apache-2.0
 * Built once, when a Destination is sealed: candidates grouped by path, so that a request looks at
 * the few that can match, whether there are ten rules or ten thousand. Exact paths and prefixes are
 * found by hash; regular expressions have to be tried in order. The tables are frozen and lie in
 * the Destination's arena, hence no uthash. */
#include <stdlib.h>

#include "match_internal.h"

/* Candidates of one path stand together, best first; so do whole kinds. Regular expressions are in
 * order of precedence. */
static int by_place(const void *pa, const void *pb) {
    const struct weft_candidate *a = pa, *b = pb;
    int c = (int)a->match->path_kind - (int)b->match->path_kind;
    if (!c && a->match->service_len != b->match->service_len)
        c = a->match->service_len > b->match->service_len ? -1 : 1;
    if (!c && a->match->path.len != b->match->path.len)
        c = a->match->path.len > b->match->path.len ? -1 : 1;
    if (!c && !a->match->path_regex) c = weft_slice_cmp(a->match->path, b->match->path);
    return c ? c : weft_match_rank_rest(a, b);
}

static void collect(struct weft_match_index *ix, struct weft_destination *d) {
    for (uint32_t r = 0; r < d->n_rules; r++) ix->n += d->rules[r].n_matches;
    ix->all = weft_arena_array(&d->arena, struct weft_candidate, ix->n ? ix->n : 1);
    uint32_t at = 0;
    for (uint32_t r = 0; r < d->n_rules; r++)
        for (uint32_t m = 0; m < d->rules[r].n_matches; m++)
            ix->all[at++] = (struct weft_candidate){&d->rules[r], &d->rules[r].matches[m]};
    qsort(ix->all, ix->n, sizeof *ix->all, by_place);
}

static uint32_t count_kind(const struct weft_match_index *ix, enum weft_path_kind kind) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < ix->n; i++) n += ix->all[i].match->path_kind == kind;
    return n;
}

static void insert(struct weft_path_table *t, uint32_t bucket) {
    uint32_t i = (uint32_t)t->buckets[bucket].hash & t->mask;
    while (t->slots[i]) i = (i + 1) & t->mask;
    t->slots[i] = bucket + 1;
}

static void build_table(struct weft_path_table *t, const struct weft_match_index *ix,
                        uint32_t first, uint32_t n, struct weft_arena *a) {
    uint32_t size = 4;
    while (size < 2 * (uint64_t)n && size < 1u << 31) size *= 2;
    t->mask = size - 1;
    t->slots = weft_arena_array(a, uint32_t, size);
    t->buckets = weft_arena_array(a, struct weft_bucket, n ? n : 1);
    for (uint32_t i = first; i < first + n; i++) {
        struct weft_slice path = ix->all[i].match->path;
        if (t->n && weft_slice_eq(t->buckets[t->n - 1].path, path)) {
            t->buckets[t->n - 1].n++;
            continue;
        }
        t->buckets[t->n] = (struct weft_bucket){weft_slice_hash(path), path, i, 1};
        insert(t, t->n++);
    }
}

static void note_lengths(struct weft_match_index *ix, struct weft_arena *a) {
    const struct weft_path_table *t = &ix->prefix;
    ix->prefix_max = t->n ? t->buckets[0].path.len : 0; /* longest first */
    ix->prefix_lengths = weft_arena_array(a, uint64_t, ix->prefix_max / 64 + 1);
    for (uint32_t i = 0; i < t->n; i++) {
        size_t len = t->buckets[i].path.len;
        ix->prefix_lengths[len / 64] |= (uint64_t)1 << (len % 64);
    }
}

struct weft_match_index *weft_match_index_new(struct weft_destination *d) {
    struct weft_match_index *ix = weft_arena_new(&d->arena, struct weft_match_index);
    collect(ix, d);
    uint32_t n_exact = count_kind(ix, WEFT_PATH_EXACT);
    ix->regex_first = n_exact;
    ix->regex_n = count_kind(ix, WEFT_PATH_REGEX);
    uint32_t prefix_first = n_exact + ix->regex_n;
    build_table(&ix->exact, ix, 0, n_exact, &d->arena);
    uint32_t n_prefix = count_kind(ix, WEFT_PATH_PREFIX);
    build_table(&ix->prefix, ix, prefix_first, n_prefix, &d->arena);
    ix->rest_first = prefix_first + n_prefix;
    ix->rest_n = ix->n - ix->rest_first;
    note_lengths(ix, &d->arena);
    return ix;
}

const struct weft_bucket *weft_path_table_find(const struct weft_path_table *t,
                                               struct weft_slice path) {
    if (!t->n) return NULL;
    uint64_t hash = weft_slice_hash(path);
    for (uint32_t i = (uint32_t)hash & t->mask; t->slots[i]; i = (i + 1) & t->mask) {
        const struct weft_bucket *b = &t->buckets[t->slots[i] - 1];
        if (b->hash == hash && weft_slice_eq(b->path, path)) return b;
    }
    return NULL;
}

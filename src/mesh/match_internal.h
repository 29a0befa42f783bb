/* SPDX-License-Identifier: Apache-2.0
 * What the matching files share: the frozen index of a Destination (match_index.c), the order of
 * precedence (match_rank.c) and a request as the criteria see it (match_request.c). */
#pragma once
#include <weft/http/head.h>
#include <weft/mesh/match.h>

struct weft_candidate { /* each match of a rule competes on its own (REQ-063) */
    const struct weft_rule *rule;
    const struct weft_match *match;
};

/* <0: a goes before b. Total: what REQ-070 leaves open falls to the order in the Destination. */
int weft_match_rank(const struct weft_candidate *a, const struct weft_candidate *b);
/* The same between candidates whose paths count the same: REQ-070 from (3) on. */
int weft_match_rank_rest(const struct weft_candidate *a, const struct weft_candidate *b);

struct weft_bucket { /* candidates with one path, best first */
    uint64_t hash;
    struct weft_slice path;
    uint32_t first, n;
};
/* Open addressing over buckets; never changes once built, all of it in the Destination's arena. */
struct weft_path_table {
    struct weft_bucket *buckets;
    uint32_t *slots; /* bucket number + 1, or 0 */
    uint32_t n, mask;
};
struct weft_match_index {
    struct weft_candidate *all; /* exact paths, regular expressions, prefixes, the rest */
    uint32_t n;
    uint32_t regex_first, regex_n;
    uint32_t rest_first, rest_n; /* kinds below prefixes, in order of precedence */
    struct weft_path_table exact, prefix;
    uint64_t *prefix_lengths; /* bit i: some prefix has i bytes */
    size_t prefix_max;        /* longest prefix */
};
/* Lives in d's arena. Paths are as seal leaves them. */
struct weft_match_index *weft_match_index_new(struct weft_destination *d);
/* NULL when no rule has that path. */
const struct weft_bucket *weft_path_table_find(const struct weft_path_table *t,
                                               struct weft_slice path);
/* Does a prefix of i bytes exist? */
static inline bool weft_match_index_has_length(const struct weft_match_index *ix, size_t i) {
    return ix->prefix_lengths[i / 64] >> (i % 64) & 1;
}

struct weft_param {
    struct weft_slice name, value;
};
struct weft_joined;
struct weft_match_request { /* derived values are made once, when a criterion first asks */
    const struct weft_head *head;
    struct weft_arena *scratch;
    struct weft_slice path;
    struct weft_joined *joined; /* repeated fields, joined */
    struct weft_param *params;
    uint32_t n_params;
    bool parsed;
};
void weft_match_request_init(struct weft_match_request *q, const struct weft_head *head,
                             struct weft_arena *scratch);
/* OK, NOT_FOUND: the request has none, LIMIT: scratch is used up. `name` in lower case. */
enum weft_status weft_match_request_header(struct weft_match_request *q, struct weft_slice name,
                                           struct weft_slice *ret);
enum weft_status weft_match_request_param(struct weft_match_request *q, struct weft_slice name,
                                          struct weft_slice *ret);
/* One criterion. OK: holds, NOT_FOUND: does not, LIMIT: a limit was hit. */
enum weft_status weft_match_text_holds(const struct weft_text_match *t, struct weft_slice value);
/* A path that the index does not settle: neither exact nor prefix. As above. */
enum weft_status weft_match_path_holds(const struct weft_match *m, struct weft_slice path);
/* `prefix` without trailing slash; the empty one stands for "/" and covers everything. */
bool weft_match_prefix_holds(struct weft_slice prefix, struct weft_slice path);

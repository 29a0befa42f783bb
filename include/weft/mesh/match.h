/* SPDX-License-Identifier: Apache-2.0
 * Which rule of a sealed Destination a request head falls under. Pure. */
#pragma once
#include <weft/http/head.h>
#include <weft/mesh/model.h>

struct weft_match_result {
    const struct weft_rule *rule; /* NULL: no match (404) */
    const struct weft_match
        *match;       /* the winning match of that rule: ReplacePrefixMatch needs its path */
    bool regex_limit; /* a pattern hit its limit, or scratch was used up, where a match that goes
                         before all that hold was still open: answer 500; `rule` is NULL */
};
/* REQ-061 to 073: precedence Exact > Regex > Prefix, longer first, method, headers, query, age,
 * namespace/name, rule. `head->path` is normalised. Temporary memory comes from `scratch`. */
void weft_match(const struct weft_destination *d, const struct weft_head *head,
                struct weft_arena *scratch, struct weft_match_result *ret);

/* Calls fn for every (rule, match) in order of precedence with the first criterion that failed
 * ("path", "method", "header x-a", "query q", "" when it matches; with " (limit)" behind it when
 * that is why), for `weft explain`. `failed` lives in scratch. */
void weft_match_explain(const struct weft_destination *d, const struct weft_head *head,
                        struct weft_arena *scratch,
                        void (*fn)(void *ud, const struct weft_rule *rule,
                                   const struct weft_match *match, struct weft_slice failed),
                        void *ud);

/* Calls fn for every match that never wins, because one of another rule has the same criteria and
 * goes before it by REQ-070 from (6) on: the older route, then the name, then the place. */
typedef void weft_match_shadowed_fn(void *ud, const struct weft_rule *winner,
                                    const struct weft_match *winning, const struct weft_rule *loser,
                                    const struct weft_match *losing);
void weft_match_shadowed(const struct weft_destination *d, weft_match_shadowed_fn *fn, void *ud);

/* SPDX-License-Identifier: Apache-2.0
 * Matches as one line of text, for tables and fuzzing. */
#pragma once
#include <string.h>
#include <weft/mesh/model.h>

enum { MATCH_TEXT_MAX = 16 };

static inline struct weft_slice sl(const char *s) {
    return weft_slice_str(s);
}

/* One match as text: "=/exact", "~regex" or "/prefix"; of gRPC "$regex" of a service, "@Method",
 * "%regex" of a method, "*" for any; then words: "GET", "h:name=value", "h:name~regex",
 * "q:name=value", "q:name~regex". */
static inline void match_word(struct weft_arena *a, struct weft_match *m, struct weft_slice w) {
    if (w.len > 2 && w.base[1] == ':') {
        struct weft_text_match **list = w.base[0] == 'h' ? &m->headers : &m->queries;
        uint32_t *n = w.base[0] == 'h' ? &m->n_headers : &m->n_queries;
        if (*n == MATCH_TEXT_MAX) return;
        if (!*list) *list = weft_arena_array(a, struct weft_text_match, MATCH_TEXT_MAX);
        struct weft_slice rest = weft_slice_from(w, 2);
        size_t eq = weft_slice_find(rest, '='), tilde = weft_slice_find(rest, '~');
        size_t cut = eq < tilde ? eq : tilde;
        (*list)[(*n)++] = (struct weft_text_match){
            .name = weft_slice_head(rest, cut),
            .value = weft_slice_from(rest, cut + 1),
            .kind = eq < tilde ? WEFT_TEXT_EXACT : WEFT_TEXT_REGEX,
        };
    } else {
        m->method = w;
    }
}

static inline void match_set(struct weft_arena *a, struct weft_match *m, const char *text) {
    struct weft_slice rest = weft_arena_dup_str(a, text);
    struct weft_slice path = weft_slice_cut(&rest, ' ');
    static const char marks[] = "=~$@%*";
    static const enum weft_path_kind kinds[] = {WEFT_PATH_EXACT,         WEFT_PATH_REGEX,
                                                WEFT_PATH_SERVICE_REGEX, WEFT_PATH_METHOD,
                                                WEFT_PATH_METHOD_REGEX,  WEFT_PATH_ANY};
    const char *mark = path.len && path.base[0] ? strchr(marks, path.base[0]) : NULL;
    m->path_kind = mark ? kinds[mark - marks] : WEFT_PATH_PREFIX;
    m->path = mark ? weft_slice_from(path, 1) : path;
    while (rest.len) match_word(a, m, weft_slice_cut(&rest, ' '));
}

/* SPDX-License-Identifier: Apache-2.0
 * ReplaceFullPath and ReplacePrefixMatch, and the cleaning of values that route authors wrote and
 * nobody has checked (REQ-091). */
#include "filter_internal.h"
#include "match_internal.h"

static bool needs_escape(unsigned char c, enum weft_path_use use) {
    if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c)) return true;
    return c == '#' && use == WEFT_PATH_FOR_REWRITE; /* a fragment is for the client only */
}

struct weft_slice weft_target_clean(struct weft_slice s, enum weft_path_use use,
                                    struct weft_arena *a) {
    size_t bad = 0;
    for (size_t i = 0; i < s.len; i++) bad += needs_escape((unsigned char)s.base[i], use);
    if (!bad) return s;
    char *to = weft_arena_alloc(a, s.len + 2 * bad + 1);
    if (!to) return WEFT_SLICE_EMPTY;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.base[i];
        if (needs_escape(c, use)) {
            to[n++] = '%';
            to[n++] = "0123456789ABCDEF"[c >> 4];
            c = (unsigned char)"0123456789ABCDEF"[c & 15];
        }
        to[n++] = (char)c;
    }
    return weft_slice(to, n);
}

static bool is_control(char c) {
    return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

struct weft_slice weft_value_clean(struct weft_slice s, struct weft_arena *a) {
    size_t bad = 0;
    for (size_t i = 0; i < s.len; i++) bad += is_control(s.base[i]);
    if (!bad) return weft_slice_trim(s);
    char *to = weft_arena_alloc(a, s.len + 1);
    if (!to) return WEFT_SLICE_EMPTY;
    for (size_t i = 0; i < s.len; i++) to[i] = is_control(s.base[i]) ? ' ' : s.base[i];
    return weft_slice_trim(weft_slice(to, s.len));
}

static struct weft_slice without_slashes_at_end(struct weft_slice s) {
    while (s.len && s.base[s.len - 1] == '/') s.len--;
    return s;
}

/* REQ-093: replacement without its trailing slash, then what followed the prefix; "/" if nothing is
 * left. */
static bool replace_prefix(struct weft_slice replacement, const struct weft_match *m,
                           struct weft_slice path, struct weft_arena *a, struct weft_slice *ret,
                           struct weft_slice *ret_why) {
    struct weft_slice prefix = m ? without_slashes_at_end(m->path) : WEFT_SLICE_EMPTY;
    if (!m || m->path_kind != WEFT_PATH_PREFIX || !weft_match_prefix_holds(prefix, path)) {
        *ret_why = WEFT_SLICE_LIT("ReplacePrefixMatch without a prefix that matched");
        return false;
    }
    struct weft_slice with = without_slashes_at_end(replacement);
    struct weft_slice rest = weft_slice_from(path, prefix.len);
    bool slash = with.len ? with.base[0] != '/' : !rest.len || rest.base[0] != '/';
    *ret = weft_arena_printf(a, "%s" WEFT_SLICE_FMT WEFT_SLICE_FMT, slash ? "/" : "",
                             WEFT_SLICE_ARG(with), WEFT_SLICE_ARG(rest));
    return true;
}

static struct weft_slice full_path(struct weft_slice value, struct weft_arena *a) {
    const char *slash = value.len && value.base[0] == '/' ? "" : "/";
    return weft_arena_printf(a, "%s" WEFT_SLICE_FMT, slash, WEFT_SLICE_ARG(value));
}

bool weft_path_mod_apply(const struct weft_path_mod *mod, const struct weft_filter_input *in,
                         enum weft_path_use use, struct weft_arena *a, struct weft_slice *ret,
                         struct weft_slice *ret_why) {
    size_t at = weft_slice_find(in->original_path, '?');
    struct weft_slice path = weft_slice_head(in->original_path, at);
    struct weft_slice query = weft_slice_from(in->original_path, at); /* with its '?' */
    *ret = in->original_path;
    bool asterisk = weft_slice_is(path, "*"); /* has no prefix to replace */
    if (mod->kind == WEFT_PATH_KEEP || (asterisk && mod->kind != WEFT_PATH_FULL)) return true;
    if (mod->kind == WEFT_PATH_FULL)
        path = full_path(mod->value, a);
    else if (!replace_prefix(mod->value, in->match, path, a, &path, ret_why))
        return false;
    if (path.base) path = weft_target_clean(path, use, a);
    if (!path.base) return *ret_why = OUT_OF_MEMORY, false;
    /* A fragment ends the target, so the query goes before it. */
    size_t hash = weft_slice_find(path, '#');
    if (weft_slice_find(path, '?') < hash) query = WEFT_SLICE_EMPTY;
    struct weft_slice fragment = weft_slice_from(path, hash);
    *ret = weft_arena_printf(a, WEFT_SLICE_FMT WEFT_SLICE_FMT WEFT_SLICE_FMT, (int)hash, path.base,
                             WEFT_SLICE_ARG(query), WEFT_SLICE_ARG(fragment));
    if (!ret->base) *ret_why = OUT_OF_MEMORY;
    return ret->base != NULL;
}

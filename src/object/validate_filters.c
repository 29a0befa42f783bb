/* SPDX-License-Identifier: Apache-2.0
 * Filter lists: the union named by `type`, repetition, what may stand together (REQ-075 to 077,
 * 082, 086, 091). */
#include "schema.h"

#include <stdio.h>

static const struct row {
    const char *type, *member;
    bool once;
} rows[] = {
    {"RequestHeaderModifier", "requestHeaderModifier", true},
    {"ResponseHeaderModifier", "responseHeaderModifier", true},
    {"RequestRedirect", "requestRedirect", true},
    {"URLRewrite", "urlRewrite", true},
    {"CORS", "cors", true},
    {"RequestMirror", "requestMirror", false},
    {"ExtensionRef", "extensionRef", false},
    {"ExternalAuth", "externalAuth", true},
};
enum { REDIRECT = 2, REWRITE = 3 };

static enum weft_status check_union(const json_t *f, const char *at, struct weft_error *err) {
    struct weft_slice type = weft_js_str(f, "type");
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        bool named = weft_slice_is(type, rows[i].type);
        bool set = json_object_get(f, rows[i].member) != NULL;
        if (named && !set)
            return weft_error_set(err, WEFT_INVALID, at, "type %s needs the member %s",
                                  rows[i].type, rows[i].member);
        if (set && !named)
            return weft_error_set(err, WEFT_INVALID, at,
                                  "%s does not belong to type %.*s: remove it, or make it a "
                                  "filter of its own",
                                  rows[i].member, WEFT_SLICE_ARG(type));
    }
    return WEFT_OK;
}

static bool prefix_match_only(const json_t *matches) {
    if (!matches) return true; /* the default match is PathPrefix "/" */
    if (json_array_size(matches) == 0) return true;
    if (json_array_size(matches) != 1) return false;
    struct weft_slice type =
        weft_js_str(json_object_get(json_array_get(matches, 0), "path"), "type");
    return type.len == 0 || weft_slice_is(type, "PathPrefix");
}

static enum weft_status check_path_mod(const json_t *path, const json_t *matches, const char *at,
                                       struct weft_error *err) {
    if (!path) return WEFT_OK;
    bool full = weft_slice_is(weft_js_str(path, "type"), "ReplaceFullPath");
    bool has_full = json_object_get(path, "replaceFullPath") != NULL;
    bool has_prefix = json_object_get(path, "replacePrefixMatch") != NULL;
    if (has_full != full || has_prefix != !full)
        return weft_error_set(err, WEFT_INVALID, at, "type %s takes %s and nothing else",
                              full ? "ReplaceFullPath" : "ReplacePrefixMatch",
                              full ? "replaceFullPath" : "replacePrefixMatch");
    struct weft_slice value = weft_js_str(path, full ? "replaceFullPath" : "replacePrefixMatch");
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.base[i] <= ' ' || value.base[i] == 0x7f)
            return weft_error_set(err, WEFT_INVALID, at,
                                  "has a space or a control character; percent-encode it");
    if (full || prefix_match_only(matches)) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, at,
                          "ReplacePrefixMatch needs a rule with exactly one match, of type "
                          "PathPrefix: split the rule, or use ReplaceFullPath");
}

/* An action may name a header once over set, add and remove, whatever the case (REQ-082). */
static enum weft_status check_header_names(const json_t *mods, const char *at,
                                           struct weft_error *err) {
    static const char *const lists[] = {"set", "add", "remove"};
    struct weft_slice seen[48];
    size_t n = 0;
    for (size_t l = 0; l < WEFT_LEN(lists); l++) {
        const json_t *list = json_object_get(mods, lists[l]);
        for (size_t i = 0; i < json_array_size(list) && n < WEFT_LEN(seen); i++) {
            const json_t *item = json_array_get(list, i);
            struct weft_slice name = l == 2 ? weft_js_slice(item) : weft_js_str(item, "name");
            char where[200];
            snprintf(where, sizeof where, "%s.%s[%zu]", at, lists[l], i);
            if (!weft_fmt_token(name))
                return weft_error_set(err, WEFT_INVALID, where, "\"%.*s\" is no header name",
                                      (int)(name.len < 60 ? name.len : 60), name.base);
            for (size_t k = 0; k < n; k++)
                if (weft_slice_ieq(seen[k], name))
                    return weft_error_set(err, WEFT_INVALID, where,
                                          "the header %.*s is changed twice; name it once, with "
                                          "several values joined by commas",
                                          WEFT_SLICE_ARG(name));
            seen[n++] = name;
        }
    }
    return WEFT_OK;
}

static enum weft_status check_redirect(const json_t *r, const json_t *matches, const char *at,
                                       struct weft_error *err) {
    char where[200];
    json_int_t code = weft_js_int(r, "statusCode", 0, 999, 302);
    snprintf(where, sizeof where, "%s.statusCode", at);
    if (code != 301 && code != 302 && code != 303 && code != 307 && code != 308)
        return weft_error_set(err, WEFT_INVALID, where,
                              "%lld is no redirect: use 301, 302, 303, 307 or 308",
                              (long long)code);
    snprintf(where, sizeof where, "%s.path", at);
    return check_path_mod(json_object_get(r, "path"), matches, where, err);
}

static enum weft_status check_mirror(const json_t *m, const char *at, struct weft_error *err) {
    const json_t *fraction = json_object_get(m, "fraction");
    char where[200];
    snprintf(where, sizeof where, "%s.fraction", at);
    if (!fraction) return WEFT_OK;
    if (json_object_get(m, "percent"))
        return weft_error_set(err, WEFT_INVALID, where, "give percent or fraction, not both");
    int64_t d = weft_js_int(fraction, "denominator", 1, INT64_MAX, 100);
    if (weft_js_int(fraction, "numerator", 0, INT64_MAX, 0) > d)
        return weft_error_set(err, WEFT_INVALID, where, "numerator must not exceed denominator");
    return WEFT_OK;
}

static enum weft_status check_filter(const json_t *f, const json_t *matches, const char *at,
                                     struct weft_error *err) {
    enum weft_status st = check_union(f, at, err);
    for (size_t i = 0; st == WEFT_OK && i < WEFT_LEN(rows); i++) {
        const json_t *member = json_object_get(f, rows[i].member);
        if (!member) continue;
        char where[160];
        snprintf(where, sizeof where, "%.100s.%s", at, rows[i].member);
        if (i < REDIRECT) st = check_header_names(member, where, err);
        if (i == REDIRECT) st = check_redirect(member, matches, where, err);
        if (!strcmp(rows[i].type, "RequestMirror")) st = check_mirror(member, where, err);
        if (i != REWRITE) continue;
        snprintf(where, sizeof where, "%.100s.urlRewrite.path", at);
        st = check_path_mod(json_object_get(member, "path"), matches, where, err);
    }
    return st;
}

static size_t count(const json_t *filters, const char *type) {
    size_t i, n = 0;
    json_t *f;
    json_array_foreach(filters, i, f) n += weft_slice_is(weft_js_str(f, "type"), type);
    return n;
}

enum weft_status weft_validate_filters(const json_t *filters, const json_t *matches,
                                       const char *path, struct weft_error *err) {
    size_t i;
    json_t *f;
    json_array_foreach(filters, i, f) {
        char at[128];
        snprintf(at, sizeof at, "%.100s[%zu]", path, i);
        enum weft_status st = check_filter(f, matches, at, err);
        if (st != WEFT_OK) return st;
    }
    for (size_t r = 0; r < WEFT_LEN(rows); r++)
        if (rows[r].once && count(filters, rows[r].type) > 1)
            return weft_error_set(err, WEFT_INVALID, path,
                                  "%s may stand once in a list of filters: join them",
                                  rows[r].type);
    if (count(filters, rows[REDIRECT].type) && count(filters, rows[REWRITE].type))
        return weft_error_set(err, WEFT_INVALID, path,
                              "RequestRedirect and URLRewrite cannot stand together");
    return WEFT_OK;
}

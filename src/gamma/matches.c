/* SPDX-License-Identifier: Apache-2.0
 * One entry of rules[].matches as data (REQ-061 to 069). */
#include "gamma_internal.h"

#include <weft/mesh/regex.h>

const char *gamma_regex_fault(struct weft_arena *a, const char *where, struct weft_slice pattern) {
    struct weft_regex *r = NULL;
    struct weft_error err = {0};
    if (weft_regex_new(pattern, &r, &err) == WEFT_OK) {
        weft_regex_free(r);
        return NULL;
    }
    return weft_arena_printf(a, "%s: %s", where, err.message).base;
}

const char *gamma_type_fault(struct weft_arena *a, const char *where, struct weft_slice type) {
    return weft_arena_printf(a, "%s: the type \"" WEFT_SLICE_FMT "\" is not supported", where,
                             WEFT_SLICE_ARG(type))
        .base;
}

static const char *path_fault(struct weft_arena *a, const json_t *path) {
    struct weft_slice type = weft_js_str(path, "type"), value = weft_js_str(path, "value");
    if (weft_slice_is(type, "RegularExpression")) return gamma_regex_fault(a, "path", value);
    if (type.len && !weft_slice_is(type, "Exact") && !weft_slice_is(type, "PathPrefix"))
        return gamma_type_fault(a, "path", type);
    bool given = json_object_get(path, "value") != NULL;
    if (given && (!value.len || value.base[0] != '/')) return "path.value: must start with \"/\"";
    return NULL;
}

static const char *texts_fault(struct weft_arena *a, const json_t *list, const char *where) {
    size_t i;
    json_t *t;
    json_array_foreach(list, i, t) {
        struct weft_slice type = weft_js_str(t, "type");
        const char *at = weft_arena_printf(a, "%s[%zu]", where, i).base, *fault = NULL;
        if (weft_slice_is(type, "RegularExpression"))
            fault = gamma_regex_fault(a, at, weft_js_str(t, "value"));
        else if (type.len && !weft_slice_is(type, "Exact"))
            fault = gamma_type_fault(a, at, type);
        if (!weft_js_str(t, "name").len) fault = "a header or query parameter without a name";
        if (fault) return fault;
    }
    return NULL;
}

const char *gamma_headers_fault(struct weft_arena *a, const json_t *match) {
    return texts_fault(a, gamma_items(match, "headers"), "headers");
}

/* The enum of the API; newer ones may come from a newer CRD (REQ-003). */
static const char *method_fault(struct weft_arena *a, struct weft_slice method) {
    static const char *const known[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                        "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    if (!method.len) return NULL;
    for (size_t i = 0; i < WEFT_LEN(known); i++)
        if (weft_slice_is(method, known[i])) return NULL;
    return weft_arena_printf(a, "method: \"" WEFT_SLICE_FMT "\" is not supported",
                             WEFT_SLICE_ARG(method))
        .base;
}

const char *gamma_match_fault(struct weft_arena *a, const json_t *match) {
    const char *fault = path_fault(a, json_object_get(match, "path"));
    if (!fault) fault = method_fault(a, weft_js_str(match, "method"));
    if (!fault) fault = gamma_headers_fault(a, match);
    return fault ? fault : texts_fault(a, gamma_items(match, "queryParams"), "queryParams");
}

static struct weft_slice lower(struct weft_arena *a, struct weft_slice s) {
    char *p = weft_arena_must(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++) p[i] = weft_lower(s.base[i]);
    return weft_slice(p, s.len);
}

/* Of entries with an equivalent name the first counts (REQ-067, 068). */
static void build_texts(struct weft_arena *a, const json_t *list, bool header,
                        struct weft_text_match **ret, uint32_t *ret_n) {
    struct weft_text_match *items =
        weft_arena_array(a, struct weft_text_match, json_array_size(list));
    uint32_t n = 0;
    size_t i;
    json_t *j;
    json_array_foreach(list, i, j) {
        struct weft_slice name = weft_js_str(j, "name");
        bool regex = weft_slice_is(weft_js_str(j, "type"), "RegularExpression"), seen = false;
        struct weft_text_match t = {
            .name = header ? lower(a, name) : weft_arena_dup(a, name),
            .value = weft_arena_dup(a, weft_js_str(j, "value")),
            .kind = regex ? WEFT_TEXT_REGEX : WEFT_TEXT_EXACT,
        };
        for (uint32_t k = 0; k < n; k++) seen = seen || weft_slice_eq(items[k].name, t.name);
        if (!seen) items[n++] = t;
    }
    *ret = items;
    *ret_n = n;
}

void gamma_headers_build(struct weft_arena *a, const json_t *match, struct weft_match *ret) {
    build_texts(a, gamma_items(match, "headers"), true, &ret->headers, &ret->n_headers);
}

void gamma_match_build(struct weft_arena *a, const json_t *match, struct weft_match *ret) {
    const json_t *path = json_object_get(match, "path");
    struct weft_slice type = weft_js_str(path, "type"), value = weft_js_str(path, "value");
    *ret = (struct weft_match){.path_kind = WEFT_PATH_PREFIX};
    if (weft_slice_is(type, "Exact")) ret->path_kind = WEFT_PATH_EXACT;
    if (weft_slice_is(type, "RegularExpression")) ret->path_kind = WEFT_PATH_REGEX;
    if (!json_object_get(path, "value")) value = WEFT_SLICE_LIT("/");
    ret->path = weft_arena_dup(a, value);
    ret->method = weft_arena_dup(a, weft_js_str(match, "method"));
    gamma_headers_build(a, match, ret);
    build_texts(a, gamma_items(match, "queryParams"), false, &ret->queries, &ret->n_queries);
}

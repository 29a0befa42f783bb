/* SPDX-License-Identifier: Apache-2.0
 * Filters as data. What cannot be applied becomes an INVALID filter in its place, which answers
 * 500: it is never skipped (REQ-080, 081). */
#include "gamma_internal.h"

static bool prefix_only(const json_t *matches) {
    if (json_array_size(matches) == 0) return true;
    struct weft_slice type =
        weft_js_str(json_object_get(json_array_get(matches, 0), "path"), "type");
    return json_array_size(matches) == 1 &&
           (type.len == 0 || weft_slice_is(type, "PathPrefix")); /* REQ-077 */
}

static const char *path_mod_fault(const json_t *path, const json_t *matches) {
    struct weft_slice type = weft_js_str(path, "type");
    if (!path || weft_slice_is(type, "ReplaceFullPath")) return NULL;
    if (!weft_slice_is(type, "ReplacePrefixMatch")) return "this kind of path change is not known";
    return prefix_only(matches) ? NULL
                                : "ReplacePrefixMatch needs exactly one match, of type PathPrefix";
}

static const char *redirect_fault(const json_t *r, const json_t *matches) {
    int64_t code = weft_js_int(r, "statusCode", 0, 999, 302);
    struct weft_slice scheme = weft_js_str(r, "scheme");
    if (code != 301 && code != 302 && code != 303 && code != 307 && code != 308)
        return "statusCode must be 301, 302, 303, 307 or 308";
    if (scheme.len && !weft_slice_is(scheme, "http") && !weft_slice_is(scheme, "https"))
        return "scheme must be http or https";
    return path_mod_fault(json_object_get(r, "path"), matches);
}

static const char *header_fault(const json_t *m) {
    static const char *const lists[] = {"set", "add"};
    size_t i;
    json_t *h;
    for (size_t l = 0; l < WEFT_LEN(lists); l++) {
        json_array_foreach(gamma_items(m, lists[l]), i, h) {
            if (!weft_js_str(h, "name").len) return "a header without a name";
        }
    }
    json_array_foreach(gamma_items(m, "remove"), i, h) {
        if (!weft_js_slice(h).len) return "a header without a name";
    }
    return NULL;
}

const char *gamma_filter_fault(struct weft_arena *a, const json_t *f, const json_t *matches) {
    struct weft_slice type = weft_js_str(f, "type");
    if (weft_slice_is(type, "RequestHeaderModifier"))
        return header_fault(json_object_get(f, "requestHeaderModifier"));
    if (weft_slice_is(type, "ResponseHeaderModifier"))
        return header_fault(json_object_get(f, "responseHeaderModifier"));
    if (weft_slice_is(type, "RequestRedirect"))
        return redirect_fault(json_object_get(f, "requestRedirect"), matches);
    if (weft_slice_is(type, "URLRewrite"))
        return path_mod_fault(weft_js_in(f, "urlRewrite", "path"), matches);
    if (weft_slice_is(type, "RequestMirror")) return NULL; /* its backend: REQ-095 */
    if (weft_slice_is(type, "CORS")) return gamma_cors_fault(json_object_get(f, "cors"));
    if (weft_slice_is(type, "ExtensionRef")) {
        const json_t *ref = json_object_get(f, "extensionRef");
        struct weft_slice kind = weft_js_str(ref, "kind"), group = weft_js_str(ref, "group");
        return weft_arena_printf(a,
                                 "no ExtensionRef is known to Weft (kind " WEFT_SLICE_FMT
                                 ", group \"" WEFT_SLICE_FMT "\")",
                                 WEFT_SLICE_ARG(kind), WEFT_SLICE_ARG(group))
            .base;
    }
    return weft_arena_printf(a, "the filter type " WEFT_SLICE_FMT " is not supported",
                             WEFT_SLICE_ARG(type))
        .base;
}

static struct weft_slice dup_lower(struct weft_arena *a, struct weft_slice s) {
    char *p = weft_arena_must(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++) p[i] = weft_lower(s.base[i]);
    return weft_slice(p, s.len);
}

static struct weft_kv *build_kv(struct weft_arena *a, const json_t *list, uint32_t *ret_n) {
    struct weft_kv *items = weft_arena_array(a, struct weft_kv, json_array_size(list));
    size_t i;
    json_t *h;
    json_array_foreach(list, i, h) {
        items[i].name = dup_lower(a, weft_js_str(h, "name"));
        items[i].value = weft_arena_dup(a, weft_js_str(h, "value"));
    }
    *ret_n = (uint32_t)json_array_size(list);
    return items;
}

static void build_headers(struct weft_arena *a, const json_t *m, struct weft_header_mods *ret) {
    const json_t *remove = gamma_items(m, "remove");
    ret->set = build_kv(a, gamma_items(m, "set"), &ret->n_set);
    ret->add = build_kv(a, gamma_items(m, "add"), &ret->n_add);
    ret->remove = weft_arena_array(a, struct weft_slice, json_array_size(remove));
    size_t i;
    json_t *name;
    json_array_foreach(remove, i, name) ret->remove[ret->n_remove++] =
        dup_lower(a, weft_js_slice(name));
}

static void build_path_mod(struct weft_arena *a, const json_t *path, struct weft_path_mod *ret) {
    if (!path) return;
    bool full = weft_slice_is(weft_js_str(path, "type"), "ReplaceFullPath");
    ret->kind = full ? WEFT_PATH_FULL : WEFT_PATH_REPLACE_PREFIX;
    ret->value =
        weft_arena_dup(a, weft_js_str(path, full ? "replaceFullPath" : "replacePrefixMatch"));
}

static void build_redirect(struct weft_arena *a, const json_t *r, struct weft_filter *ret) {
    ret->kind = WEFT_FILTER_REDIRECT;
    ret->redirect.scheme = weft_arena_dup(a, weft_js_str(r, "scheme"));
    ret->redirect.hostname = weft_arena_dup(a, weft_js_str(r, "hostname"));
    ret->redirect.port = (uint16_t)weft_js_int(r, "port", 1, 65535, 0);
    ret->redirect.status = (uint16_t)weft_js_int(r, "statusCode", 300, 399, 302);
    build_path_mod(a, json_object_get(r, "path"), &ret->redirect.path);
}

static void build_rewrite(struct weft_arena *a, const json_t *r, struct weft_filter *ret) {
    ret->kind = WEFT_FILTER_REWRITE;
    ret->rewrite.hostname = weft_arena_dup(a, weft_js_str(r, "hostname"));
    build_path_mod(a, json_object_get(r, "path"), &ret->rewrite.path);
}

/* Neither percent nor fraction: every request. */
static void build_mirror(const struct gamma_filters *in, const json_t *m, struct weft_filter *ret) {
    const json_t *percent = json_object_get(m, "percent");
    const json_t *fraction = json_object_get(m, "fraction");
    struct weft_mirror *out = &ret->mirror;
    ret->kind = WEFT_FILTER_MIRROR;
    out->numerator = out->denominator = 100;
    if (percent) out->numerator = (uint32_t)weft_js_int(m, "percent", 0, 100, 100);
    if (fraction) {
        out->denominator = (uint32_t)weft_js_int(fraction, "denominator", 1, INT32_MAX, 100);
        out->numerator = (uint32_t)weft_js_int(fraction, "numerator", 0, out->denominator, 0);
    }
    out->backend = weft_arena_new(&in->d->arena, struct weft_backend);
    gamma_backend_resolve(in, json_object_get(m, "backendRef"), out->backend);
}

static void build_filter(const struct gamma_filters *in, const json_t *f, struct weft_filter *ret) {
    struct weft_arena *a = &in->d->arena;
    const char *fault = gamma_filter_fault(a, f, in->matches);
    struct weft_slice type = weft_js_str(f, "type");
    if (fault) {
        ret->kind = WEFT_FILTER_INVALID;
        ret->invalid = weft_arena_dup_str(a, fault);
    } else if (weft_slice_is(type, "RequestRedirect")) {
        build_redirect(a, json_object_get(f, "requestRedirect"), ret);
    } else if (weft_slice_is(type, "URLRewrite")) {
        build_rewrite(a, json_object_get(f, "urlRewrite"), ret);
    } else if (weft_slice_is(type, "RequestMirror")) {
        build_mirror(in, json_object_get(f, "requestMirror"), ret);
    } else if (weft_slice_is(type, "CORS")) {
        ret->kind = WEFT_FILTER_CORS;
        gamma_cors_build(a, json_object_get(f, "cors"), &ret->cors);
    } else {
        bool request = weft_slice_is(type, "RequestHeaderModifier");
        ret->kind = request ? WEFT_FILTER_REQUEST_HEADERS : WEFT_FILTER_RESPONSE_HEADERS;
        build_headers(
            a, json_object_get(f, request ? "requestHeaderModifier" : "responseHeaderModifier"),
            &ret->headers);
    }
}

void gamma_filters_build(const struct gamma_filters *in, const json_t *filters,
                         struct weft_filter **ret, uint32_t *ret_n) {
    *ret_n = (uint32_t)json_array_size(filters);
    *ret = weft_arena_array(&in->d->arena, struct weft_filter, *ret_n);
    for (uint32_t i = 0; i < *ret_n; i++) build_filter(in, json_array_get(filters, i), &(*ret)[i]);
}

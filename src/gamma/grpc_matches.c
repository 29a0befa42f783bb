/* SPDX-License-Identifier: Apache-2.0
 * One entry of a GRPCRoute's matches as data: service and method are the two elements of the path
 * (REQ-121 to 124). What is not written matches anything. */
#include "gamma_internal.h"

static bool is_regex(const json_t *method) {
    return weft_slice_is(weft_js_str(method, "type"), "RegularExpression");
}

/* Each pattern stays in its element, whatever alternatives it has. */
static struct weft_slice pattern_of(struct weft_arena *a, struct weft_slice service,
                                    struct weft_slice method) {
    if (!service.len)
        return weft_arena_printf(a, "/[^/]+/(?:" WEFT_SLICE_FMT ")", WEFT_SLICE_ARG(method));
    if (!method.len)
        return weft_arena_printf(a, "/(?:" WEFT_SLICE_FMT ")/.*", WEFT_SLICE_ARG(service));
    return weft_arena_printf(a, "/(?:" WEFT_SLICE_FMT ")/(?:" WEFT_SLICE_FMT ")",
                             WEFT_SLICE_ARG(service), WEFT_SLICE_ARG(method));
}

/* Alone as well: what only compiles between our brackets is not what was meant. */
static const char *patterns_fault(struct weft_arena *a, struct weft_slice service,
                                  struct weft_slice method) {
    const char *fault = service.len ? gamma_regex_fault(a, "method.service", service) : NULL;
    if (!fault && method.len) fault = gamma_regex_fault(a, "method.method", method);
    return fault ? fault : gamma_regex_fault(a, "method", pattern_of(a, service, method));
}

const char *gamma_grpc_match_fault(struct weft_arena *a, const json_t *match) {
    const json_t *m = json_object_get(match, "method");
    struct weft_slice type = weft_js_str(m, "type");
    struct weft_slice service = weft_js_str(m, "service"), method = weft_js_str(m, "method");
    const char *fault = NULL;
    if (is_regex(m))
        fault = patterns_fault(a, service, method);
    else if (type.len && !weft_slice_is(type, "Exact"))
        fault = gamma_type_fault(a, "method", type);
    else if (weft_slice_find(service, '/') < service.len ||
             weft_slice_find(method, '/') < method.len)
        fault = "method: a service or method cannot contain \"/\"";
    return fault ? fault : gamma_headers_fault(a, match);
}

static void build_method(struct weft_arena *a, const json_t *m, struct weft_match *ret) {
    struct weft_slice service = weft_js_str(m, "service"), method = weft_js_str(m, "method");
    ret->path_kind = WEFT_PATH_ANY;
    if (!service.len && !method.len) return;
    if (is_regex(m)) {
        ret->path_kind = service.len ? WEFT_PATH_SERVICE_REGEX : WEFT_PATH_METHOD_REGEX;
        ret->path = pattern_of(a, service, method);
        ret->service_len = (uint32_t)service.len; /* as characters of the service go first */
    } else if (!service.len) {
        ret->path_kind = WEFT_PATH_METHOD;
        ret->path = weft_arena_dup(a, method);
    } else {
        ret->path_kind = method.len ? WEFT_PATH_EXACT : WEFT_PATH_PREFIX;
        ret->path = weft_arena_printf(a, "/" WEFT_SLICE_FMT "/" WEFT_SLICE_FMT,
                                      WEFT_SLICE_ARG(service), WEFT_SLICE_ARG(method));
    }
}

void gamma_grpc_match_build(struct weft_arena *a, const json_t *match, struct weft_match *ret) {
    *ret = (struct weft_match){0};
    build_method(a, json_object_get(match, "method"), ret);
    gamma_headers_build(a, match, ret);
}

/* SPDX-License-Identifier: Apache-2.0
 * HTTPRoute and GRPCRoute: the CRDs' rules across fields (REQ-016, 061, 075 to 077, 103, 120, 121).
 */
#include "schema.h"

#include <stdio.h>
#include <weft/object/types.h>

enum { MAX_MATCHES = 128 };

static bool same_parent(const json_t *a, const json_t *b, struct weft_slice ns) {
    static const struct {
        const char *key, *missing;
    } rows[] = {{"group", "gateway.networking.k8s.io"}, {"kind", "Gateway"}, {"name", ""}};
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct weft_slice x = weft_js_str(a, rows[i].key), y = weft_js_str(b, rows[i].key);
        if (!json_object_get(a, rows[i].key)) x = weft_slice_str(rows[i].missing);
        if (!json_object_get(b, rows[i].key)) y = weft_slice_str(rows[i].missing);
        if (!weft_slice_eq(x, y)) return false;
    }
    struct weft_slice x = weft_js_str(a, "namespace"), y = weft_js_str(b, "namespace");
    return weft_slice_eq(x.len ? x : ns, y.len ? y : ns);
}

/* Standard: sectionName on both and different. Experimental: (sectionName, port) used alike on
 * both and different. */
static const char *parent_fault(const json_t *a, const json_t *b, bool experimental) {
    struct weft_slice sa = weft_js_str(a, "sectionName"), sb = weft_js_str(b, "sectionName");
    int64_t pa = weft_js_int(a, "port", 1, 65535, 0), pb = weft_js_int(b, "port", 1, 65535, 0);
    if (!experimental) {
        if (!sa.len || !sb.len)
            return "names the same parent as another entry: in the standard channel both need a "
                   "sectionName (the Service port's name); a port alone does not tell them apart";
        return weft_slice_eq(sa, sb) ? "repeats the parent and sectionName of another entry" : NULL;
    }
    if (!sa.len != !sb.len || !pa != !pb || (!sa.len && !pa))
        return "names the same parent as another entry: both must say which port they mean, in "
               "the same way (sectionName, port or both)";
    return weft_slice_eq(sa, sb) && pa == pb ? "repeats another entry" : NULL;
}

enum weft_status weft_validate_parents(const struct weft_object *o, bool experimental,
                                       struct weft_error *err) {
    const json_t *list = weft_js_in(o->json, "spec", "parentRefs");
    struct weft_slice ns = weft_slice_str(o->ns);
    for (size_t i = 1; i < json_array_size(list); i++) {
        for (size_t k = 0; k < i; k++) {
            const json_t *a = json_array_get(list, k), *b = json_array_get(list, i);
            const char *fault = same_parent(a, b, ns) ? parent_fault(a, b, experimental) : NULL;
            char path[64];
            snprintf(path, sizeof path, "spec.parentRefs[%zu]", i);
            if (fault) return weft_error_set(err, WEFT_INVALID, path, "%s", fault);
        }
    }
    return WEFT_OK;
}

static enum weft_status check_path(const json_t *match, const char *at, struct weft_error *err) {
    const json_t *path = json_object_get(match, "path");
    struct weft_slice type = weft_js_str(path, "type"), value = weft_js_str(path, "value");
    if (!json_object_get(path, "value") || weft_slice_is(type, "RegularExpression")) return WEFT_OK;
    const char *fault = weft_fmt_path_fault(value);
    char where[200];
    snprintf(where, sizeof where, "%s.path.value", at);
    return fault ? weft_error_set(err, WEFT_INVALID, where, "\"%.*s\" %s",
                                  (int)(value.len < 100 ? value.len : 100), value.base, fault)
                 : WEFT_OK;
}

/* The CRD's list maps: byte-equal names only, "Foo" and "foo" may both stand (REQ-067). */
static enum weft_status check_names(const json_t *list, const char *at, const char *key,
                                    struct weft_error *err) {
    for (size_t i = 1; i < json_array_size(list); i++) {
        struct weft_slice name = weft_js_str(json_array_get(list, i), "name");
        for (size_t k = 0; k < i; k++) {
            if (!weft_slice_eq(name, weft_js_str(json_array_get(list, k), "name"))) continue;
            char where[200];
            snprintf(where, sizeof where, "%s.%s[%zu].name", at, key, i);
            return weft_error_set(err, WEFT_INVALID, where,
                                  "\"%.*s\" stands twice in this match; name it once",
                                  WEFT_SLICE_ARG(name));
        }
    }
    return WEFT_OK;
}

static enum weft_status check_header_values(const json_t *headers, const char *at,
                                            struct weft_error *err) {
    size_t i;
    json_t *h;
    json_array_foreach(headers, i, h) {
        if (weft_fmt_header_value(weft_js_str(h, "value"))) continue;
        char where[200];
        snprintf(where, sizeof where, "%s.headers[%zu].value", at, i);
        return weft_error_set(err, WEFT_INVALID, where,
                              "must be printable ASCII without spaces at its ends or two in a row");
    }
    return WEFT_OK;
}

static enum weft_status check_matches(const json_t *matches, const char *rule, bool experimental,
                                      struct weft_error *err) {
    size_t i;
    json_t *m;
    json_array_foreach(matches, i, m) {
        char at[128];
        snprintf(at, sizeof at, "%s.matches[%zu]", rule, i);
        const json_t *headers = json_object_get(m, "headers");
        enum weft_status st = check_path(m, at, err);
        if (st == WEFT_OK) st = check_names(headers, at, "headers", err);
        if (st == WEFT_OK && experimental) st = check_header_values(headers, at, err);
        if (st == WEFT_OK)
            st = check_names(json_object_get(m, "queryParams"), at, "queryParams", err);
        if (st != WEFT_OK) return st;
    }
    return WEFT_OK;
}

static enum weft_status check_timeouts(const json_t *rule, const char *at, struct weft_error *err) {
    const json_t *t = json_object_get(rule, "timeouts");
    uint64_t request = 0, backend = 0;
    char where[160];
    snprintf(where, sizeof where, "%s.timeouts.backendRequest", at);
    if (!weft_duration_parse(weft_js_str(t, "request"), &request) || request == 0) return WEFT_OK;
    if (!weft_duration_parse(weft_js_str(t, "backendRequest"), &backend)) return WEFT_OK;
    if (backend <= request) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, where,
                          "must not be longer than timeouts.request, which covers all attempts");
}

static enum weft_status check_retry(const json_t *rule, const char *at, struct weft_error *err) {
    const json_t *codes = weft_js_in(rule, "retry", "codes");
    char where[160];
    for (size_t i = 0; i < json_array_size(codes); i++) {
        json_int_t code = json_integer_value(json_array_get(codes, i));
        snprintf(where, sizeof where, "%s.retry.codes[%zu]", at, i);
        if (code < 400 || code > 599)
            return weft_error_set(err, WEFT_INVALID, where, "must be 400 to 599");
        for (size_t k = 0; k < i; k++)
            if (json_integer_value(json_array_get(codes, k)) == code)
                return weft_error_set(err, WEFT_INVALID, where, "%lld stands twice",
                                      (long long)code);
    }
    return WEFT_OK;
}

static enum weft_status check_backends(const json_t *rule, const char *at, struct weft_error *err) {
    const json_t *list = json_object_get(rule, "backendRefs");
    size_t i;
    json_t *b;
    json_array_foreach(list, i, b) {
        char where[160];
        struct weft_slice group = weft_js_str(b, "group"), kind = weft_js_str(b, "kind");
        bool service = !group.len && (!kind.len || weft_slice_is(kind, "Service"));
        snprintf(where, sizeof where, "%s.backendRefs[%zu].port", at, i);
        if (service && !json_object_get(b, "port"))
            return weft_error_set(err, WEFT_INVALID, where,
                                  "missing: say which port of the Service is meant");
        snprintf(where, sizeof where, "%s.backendRefs[%zu].filters", at, i);
        enum weft_status st = weft_validate_filters(json_object_get(b, "filters"),
                                                    json_object_get(rule, "matches"), where, err);
        if (st != WEFT_OK) return st;
    }
    return WEFT_OK;
}

static bool has_redirect(const json_t *filters) {
    size_t i;
    json_t *f;
    json_array_foreach(filters, i, f) {
        if (weft_slice_is(weft_js_str(f, "type"), "RequestRedirect")) return true;
    }
    return false;
}

static enum weft_status check_rule(const json_t *rule, const char *at, bool experimental,
                                   struct weft_error *err) {
    const json_t *filters = json_object_get(rule, "filters");
    char where[128];
    snprintf(where, sizeof where, "%s.filters", at);
    enum weft_status st = check_matches(json_object_get(rule, "matches"), at, experimental, err);
    if (st == WEFT_OK)
        st = weft_validate_filters(filters, json_object_get(rule, "matches"), where, err);
    if (st == WEFT_OK && has_redirect(filters) &&
        json_array_size(json_object_get(rule, "backendRefs")) > 0)
        st =
            weft_error_set(err, WEFT_INVALID, at,
                           "a RequestRedirect answers by itself: remove backendRefs or the filter");
    if (st == WEFT_OK) st = check_backends(rule, at, err);
    if (st == WEFT_OK) st = check_timeouts(rule, at, err);
    return st == WEFT_OK ? check_retry(rule, at, err) : st;
}

static enum weft_status check_rule_name(const json_t *rules, size_t i, const char *at,
                                        struct weft_error *err) {
    struct weft_slice name = weft_js_str(json_array_get(rules, i), "name");
    for (size_t k = 0; name.len && k < i; k++)
        if (weft_slice_eq(name, weft_js_str(json_array_get(rules, k), "name")))
            return weft_error_set(err, WEFT_INVALID, at, "two rules are named \"%.*s\"",
                                  WEFT_SLICE_ARG(name));
    return WEFT_OK;
}

typedef enum weft_status check_rule_fn(const json_t *rule, const char *at, bool experimental,
                                       struct weft_error *err);

static enum weft_status check_rules(const struct weft_object *o, bool experimental,
                                    check_rule_fn *check, struct weft_error *err) {
    enum weft_status st = weft_validate_parents(o, experimental, err);
    const json_t *rules = weft_js_in(o->json, "spec", "rules");
    size_t i, matches = 0;
    json_t *rule;
    if (st != WEFT_OK) return st;
    json_array_foreach(rules, i, rule) {
        char at[64];
        snprintf(at, sizeof at, "spec.rules[%zu]", i);
        st = check(rule, at, experimental, err);
        if (st == WEFT_OK && experimental) st = check_rule_name(rules, i, at, err);
        if (st != WEFT_OK) return st;
        matches += json_array_size(json_object_get(rule, "matches"));
    }
    if (matches > MAX_MATCHES)
        return weft_error_set(err, WEFT_INVALID, "spec.rules",
                              "%zu matches over all rules; at most 128 are allowed", matches);
    return WEFT_OK;
}

enum weft_status weft_validate_http_route(const struct weft_object *o, bool experimental,
                                          struct weft_error *err) {
    return check_rules(o, experimental, check_rule, err);
}

/* REQ-121: characters are checked of Exact values only. */
static enum weft_status check_grpc_method(const json_t *match, const char *at,
                                          struct weft_error *err) {
    const json_t *m = json_object_get(match, "method");
    const json_t *service = json_object_get(m, "service"), *method = json_object_get(m, "method");
    char where[160];
    if (!m) return WEFT_OK;
    snprintf(where, sizeof where, "%s.method", at);
    if (!service && !method)
        return weft_error_set(err, WEFT_INVALID, where, "needs a service, a method or both");
    if (weft_slice_is(weft_js_str(m, "type"), "RegularExpression")) return WEFT_OK;
    snprintf(where, sizeof where, "%s.method.service", at);
    if (service && !weft_fmt_grpc_service(weft_js_slice(service)))
        return weft_error_set(err, WEFT_INVALID, where,
                              "must be a service as in the .proto file, with its package: "
                              "\"shop.v1.Cart\"");
    snprintf(where, sizeof where, "%s.method.method", at);
    if (method && !weft_fmt_grpc_method(weft_js_slice(method)))
        return weft_error_set(err, WEFT_INVALID, where,
                              "must be a method as in the .proto file: \"GetCart\"");
    return WEFT_OK;
}

static enum weft_status check_grpc_rule(const json_t *rule, const char *at, bool experimental,
                                        struct weft_error *err) {
    enum weft_status st = WEFT_OK;
    size_t i;
    json_t *m;
    json_array_foreach(json_object_get(rule, "matches"), i, m) {
        char where[128];
        snprintf(where, sizeof where, "%s.matches[%zu]", at, i);
        st = check_grpc_method(m, where, err);
        if (st == WEFT_OK) st = check_names(json_object_get(m, "headers"), where, "headers", err);
        if (st != WEFT_OK) return st;
    }
    char where[128];
    snprintf(where, sizeof where, "%s.filters", at);
    st = weft_validate_filters(json_object_get(rule, "filters"), NULL, where, err);
    return st == WEFT_OK ? check_backends(rule, at, err) : st;
}

enum weft_status weft_validate_grpc_route(const struct weft_object *o, bool experimental,
                                          struct weft_error *err) {
    return check_rules(o, experimental, check_grpc_rule, err);
}

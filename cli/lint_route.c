/* SPDX-License-Identifier: Apache-2.0
 * What is legal in an HTTPRoute or GRPCRoute and yet seldom meant (REQ-197, 202 to 205, 043, 066,
 * 207). */
#include <cli/lint.h>

#include <weft/object/types.h>

static void lint_parent_group(struct lint *l, const struct weft_object *o, const json_t *ref,
                              size_t i) {
    char field[48];
    struct weft_slice kind = weft_js_str(ref, "kind"), group = weft_js_str(ref, "group");
    bool has_group = json_object_get(ref, "group") != NULL;
    bool core = has_group && (!group.len || weft_slice_is(group, "core"));
    snprintf(field, sizeof field, "spec.parentRefs[%zu]", i);
    if (weft_slice_is(kind, "Service") && !core)
        lint_add(l, LINT_ERROR, "parent-group", o, field,
                 "a Service parent needs group: \"\"; without it the group is "
                 "gateway.networking.k8s.io and no mesh takes the route. Add group: \"\"");
    if (core && !kind.len)
        lint_add(l, LINT_ERROR, "parent-kind", o, field,
                 "without kind this means a Gateway. Add kind: Service");
    if (core && group.len)
        lint_add(
            l, LINT_NOTE, "parent-group", o, field,
            "group: core is an alias that not every mesh takes; group: \"\" is the API's word");
}

static bool same_service(const json_t *a, const json_t *b) {
    static const char *const keys[] = {"group", "kind", "namespace", "name"};
    /* absent, the group is that of Gateway */
    if (!json_object_get(a, "group") != !json_object_get(b, "group")) return false;
    for (size_t i = 0; i < WEFT_LEN(keys); i++)
        if (!weft_slice_eq(weft_js_str(a, keys[i]), weft_js_str(b, keys[i]))) return false;
    return true;
}

static void lint_parents(struct lint *l, const struct weft_object *o) {
    const json_t *list = weft_js_in(o->json, "spec", "parentRefs");
    if (json_array_size(list) == 0)
        lint_add(l, LINT_WARNING, "no-parent", o, "spec.parentRefs",
                 "the route is attached to nothing and has no effect. Name a Service");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *ref = json_array_get(list, i);
        lint_parent_group(l, o, ref, i);
        for (size_t k = 0; k < i; k++) {
            const json_t *other = json_array_get(list, k);
            if (!same_service(ref, other) || json_object_get(ref, "sectionName")) continue;
            char field[48];
            snprintf(field, sizeof field, "spec.parentRefs[%zu].port", i);
            lint_add(l, LINT_WARNING, "parent-by-port", o, field,
                     "two parentRefs to one Service told apart by port alone are refused where the "
                     "standard channel is installed. Use sectionName, the port's name");
        }
    }
}

/* A Location without scheme and port keeps the port that was dialled. */
static bool dialled_elsewhere(const struct weft_object *o) {
    size_t i;
    json_t *ref;
    json_array_foreach(weft_js_in(o->json, "spec", "parentRefs"), i, ref) {
        int64_t port = weft_js_int(ref, "port", 1, 65535, 80);
        if (port != 80) return true;
    }
    return false;
}

static void lint_redirect(struct lint *l, const struct weft_object *o, const json_t *r,
                          const char *at) {
    char field[128];
    int64_t port = weft_js_int(r, "port", 1, 65535, 0);
    struct weft_slice scheme = weft_js_str(r, "scheme");
    bool tls = weft_slice_is(scheme, "https");
    snprintf(field, sizeof field, "%s.requestRedirect.port", at);
    if ((port == 80 && !tls) || (port == 443 && tls))
        lint_add(l, LINT_NOTE, "redirect-port", o, field,
                 "port %d is the scheme's own and does not appear in Location", (int)port);
    if (!port && !scheme.len && dialled_elsewhere(o))
        lint_add(l, LINT_NOTE, "redirect-port", o, at,
                 "without scheme and port the Location keeps the Service port that the client "
                 "dialled. Set port if the new place has another");
}

static bool lint_filters(struct lint *l, const struct weft_object *o, const json_t *filters,
                         const char *at) {
    size_t i;
    json_t *f;
    bool redirects = false;
    json_array_foreach(filters, i, f) {
        char field[96];
        snprintf(field, sizeof field, "%.64s.filters[%zu]", at, i);
        const json_t *r = json_object_get(f, "requestRedirect");
        if (!r) continue;
        redirects = true;
        lint_redirect(l, o, r, field);
    }
    return redirects;
}

static void lint_regex(struct lint *l, const struct weft_object *o, const json_t *matches,
                       const char *at) {
    size_t i, k;
    json_t *m, *t;
    json_array_foreach(matches, i, m) {
        static const char *const lists[] = {"headers", "queryParams"};
        const json_t *method = json_object_get(m, "method"); /* of a GRPCRoute: an object */
        bool regex =
            weft_slice_is(weft_js_str(json_object_get(m, "path"), "type"), "RegularExpression") ||
            weft_slice_is(weft_js_str(method, "type"), "RegularExpression");
        for (size_t n = 0; n < WEFT_LEN(lists); n++) {
            json_array_foreach(json_object_get(m, lists[n]), k, t) regex =
                regex || weft_slice_is(weft_js_str(t, "type"), "RegularExpression");
        }
        char field[96];
        snprintf(field, sizeof field, "%.64s.matches[%zu]", at, i);
        if (regex)
            lint_add(l, LINT_NOTE, "regex", o, field,
                     "regular expressions differ between implementations; Weft's are PCRE2, match "
                     "the whole value%s",
                     json_is_object(method) ? ""
                                            : ", and rank above prefixes (Istio ranks them below)");
    }
}

static void lint_retry(struct lint *l, const struct weft_object *o, const json_t *rule,
                       const char *at) {
    const json_t *retry = json_object_get(rule, "retry");
    char field[96];
    if (!retry) return;
    int64_t attempts = weft_js_int(retry, "attempts", 1, INT32_MAX, 1);
    snprintf(field, sizeof field, "%.64s.retry.attempts", at);
    lint_add(l, LINT_NOTE, "retry-attempts", o, field,
             "attempts counts retries: %lld means up to %lld requests to backends",
             (long long)attempts, (long long)attempts + 1);
    if (weft_js_in(rule, "timeouts", "backendRequest") || json_object_get(retry, "codes")) return;
    snprintf(field, sizeof field, "%.64s.retry", at);
    lint_add(l, LINT_NOTE, "retry-codes", o, field,
             "without codes only connection errors are repeated, not answers such as 503");
}

static void lint_rule(struct lint *l, const struct weft_object *o, const json_t *rule, size_t i) {
    char at[48], field[96];
    size_t k;
    json_t *b;
    snprintf(at, sizeof at, "spec.rules[%zu]", i);
    bool redirects = lint_filters(l, o, json_object_get(rule, "filters"), at);
    const json_t *backends = json_object_get(rule, "backendRefs");
    int64_t total = 0;
    json_array_foreach(backends, k, b) {
        snprintf(field, sizeof field, "%s.backendRefs[%zu]", at, k);
        (void)lint_filters(l, o, json_object_get(b, "filters"), field);
        total += weft_js_int(b, "weight", 0, 1000000, 1);
    }
    if (!redirects && json_array_size(backends) == 0)
        lint_add(l, LINT_WARNING, "no-backend", o, at,
                 !strcmp(o->kind, "GRPCRoute")
                     ? "no backendRefs: every request that matches gets UNAVAILABLE. Name a backend"
                     : "no backendRefs: every request that matches gets 500 (404 would be no rule, "
                       "503 no endpoint). Name a backend or a RequestRedirect");
    else if (!redirects && total == 0)
        lint_add(l, LINT_WARNING, "no-backend", o, at,
                 "all weights are 0: every request that matches gets %s",
                 !strcmp(o->kind, "GRPCRoute") ? "UNAVAILABLE" : "500");
    lint_regex(l, o, json_object_get(rule, "matches"), at);
    lint_retry(l, o, rule, at);
    snprintf(field, sizeof field, "%s.sessionPersistence", at);
    if (json_object_get(rule, "sessionPersistence"))
        lint_add(l, LINT_WARNING, "session-persistence", o, field,
                 "is not supported and has no effect; its shape changed in Gateway API v1.7");
}

/* Of a GRPCRoute they do what these fields do here (REQ-117). */
static void lint_annotations(struct lint *l, const struct weft_object *o) {
    static const struct {
        const char *key, *field;
    } rows[] = {{"weftmesh.io/timeout-request", "timeouts.request"},
                {"weftmesh.io/timeout-backend-request", "timeouts.backendRequest"},
                {"weftmesh.io/retry-attempts", "retry.attempts"},
                {"weftmesh.io/retry-grpc-codes", "retry.codes, or a GRPCRoute"},
                {"weftmesh.io/retry-backoff", "retry.backoff"}};
    const json_t *notes = weft_js_in(o->json, "metadata", "annotations");
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        char field[96];
        snprintf(field, sizeof field, "metadata.annotations[%s]", rows[i].key);
        if (json_object_get(notes, rows[i].key))
            lint_add(l, LINT_WARNING, "annotation-without-effect", o, field,
                     "is read on a GRPCRoute only. Use the rule's field %s", rows[i].field);
    }
}

void lint_route(struct lint *l, const struct weft_object *o) {
    lint_parents(l, o);
    if (json_array_size(weft_js_in(o->json, "spec", "hostnames")))
        lint_add(l, LINT_WARNING, "hostnames", o, "spec.hostnames",
                 "has no meaning for a Service parent and is ignored. Match the header Host "
                 "instead");
    size_t i;
    json_t *rule;
    json_array_foreach(weft_js_in(o->json, "spec", "rules"), i, rule) lint_rule(l, o, rule, i);
    if (json_array_size(weft_js_in(o->json, "spec", "rules")) == 0)
        lint_add(l, LINT_WARNING, "no-backend", o, "spec.rules",
                 "no rules: every request to the Service gets %s",
                 !strcmp(o->kind, "GRPCRoute") ? "UNIMPLEMENTED" : "500");
    if (!strcmp(o->kind, "HTTPRoute")) lint_annotations(l, o);
}

/* SPDX-License-Identifier: Apache-2.0
 * Rules: first judged (for status and for what stays in force), later built into a destination.
 * A rule whose matches cannot be told is dropped; any other fault answers 500 (REQ-147). */
#include "gamma_internal.h"

#include <weft/base/buf.h>

static struct weft_slice fault_at(struct weft_arena *a, const char *where, const char *fault) {
    return weft_arena_printf(a, "%s: %s", where, fault);
}

static void judge_matches(struct weft_arena *a, uint32_t index, enum gamma_kind kind,
                          struct gamma_rule *r) {
    const json_t *matches = gamma_items(r->json, "matches");
    for (size_t i = 0; i < json_array_size(matches); i++) {
        const json_t *m = json_array_get(matches, i);
        const char *fault =
            kind == GAMMA_GRPC_ROUTE ? gamma_grpc_match_fault(a, m) : gamma_match_fault(a, m);
        if (!fault) continue;
        r->fate = GAMMA_RULE_DROPPED;
        r->fault = weft_arena_printf(a, "spec.rules[%u].matches[%zu].%s", index, i, fault);
        return;
    }
}

static void fail(struct gamma_rule *r, struct weft_slice fault) {
    if (r->fate != GAMMA_RULE_OK) return;
    r->fate = GAMMA_RULE_FAILS;
    r->fault = fault;
}

/* What stands in an HTTPRoute only would be a word of a newer API here, whose meaning is unknown:
 * the rule answers for it as a whole (REQ-003, 080). */
static bool foreign_filter(enum gamma_kind kind, const json_t *filter) {
    static const char *const known[] = {"RequestHeaderModifier", "ResponseHeaderModifier",
                                        "RequestMirror", "ExtensionRef"};
    if (kind != GAMMA_GRPC_ROUTE) return false;
    for (size_t i = 0; i < WEFT_LEN(known); i++)
        if (weft_slice_is(weft_js_str(filter, "type"), known[i])) return false;
    return true;
}

static void judge_filters(struct weft_arena *a, enum gamma_kind kind, const json_t *filters,
                          const char *at, struct gamma_rule *r) {
    const json_t *matches = gamma_items(r->json, "matches");
    for (size_t i = 0; i < json_array_size(filters); i++) {
        const json_t *f = json_array_get(filters, i);
        const char *fault = gamma_filter_fault(a, f, matches);
        if (foreign_filter(kind, f)) {
            fault = "this type of filter is not known in a GRPCRoute";
            r->invalid = true;
        }
        if (fault) fail(r, weft_arena_printf(a, "%s.filters[%zu]: %s", at, i, fault));
    }
}

static bool bad_duration(const json_t *obj, const char *key) {
    uint64_t us;
    return json_object_get(obj, key) && !weft_duration_parse(weft_js_str(obj, key), &us);
}

static void judge_times(struct weft_arena *a, uint32_t index, struct gamma_rule *r) {
    const json_t *t = json_object_get(r->json, "timeouts");
    const json_t *retry = json_object_get(r->json, "retry");
    const char *bad = NULL;
    if (bad_duration(t, "request")) bad = "timeouts.request";
    if (bad_duration(t, "backendRequest")) bad = "timeouts.backendRequest";
    if (bad_duration(retry, "backoff")) bad = "retry.backoff";
    if (!bad) return;
    char where[96];
    snprintf(where, sizeof where, "spec.rules[%u].%s", index, bad);
    fail(r, fault_at(a, where, "not a duration such as \"500ms\" or \"10s\""));
    r->invalid = true;
}

static void note_ref(struct weft_arena *a, struct gamma_route *r, const char *where,
                     const char *reason, struct weft_slice text) {
    if (!r->refs_reason) r->refs_reason = reason;
    r->refs_message = weft_arena_printf(
        a, WEFT_SLICE_FMT "%s%s: " WEFT_SLICE_FMT, WEFT_SLICE_ARG(r->refs_message),
        r->refs_message.len ? "; " : "", where, WEFT_SLICE_ARG(text));
}

/* References in filters: no extension is known (REQ-081); a mirror that is not found is left out
 * (REQ-095). */
static void note_filters(struct weft_gamma *g, struct gamma_route *r, const json_t *filters,
                         const char *at) {
    struct weft_arena *a = &g->arena;
    size_t i;
    json_t *f;
    json_array_foreach(filters, i, f) {
        struct weft_slice type = weft_js_str(f, "type"), text;
        const json_t *to = weft_js_in(f, "requestMirror", "backendRef");
        const char *reason = NULL;
        char where[140];
        snprintf(where, sizeof where, "%.60s.filters[%zu]", at, i);
        if (weft_slice_is(type, "ExtensionRef")) {
            reason = "InvalidKind";
            text = weft_slice_str(gamma_filter_fault(a, f, NULL));
        } else if (weft_slice_is(type, "RequestMirror")) {
            reason = gamma_backend_fault(g, r, to, a, &text);
            snprintf(where, sizeof where, "%.60s.filters[%zu].requestMirror.backendRef", at, i);
        }
        if (reason) note_ref(a, r, where, reason, text);
    }
}

static void judge_backends(struct weft_gamma *g, uint32_t index, struct gamma_route *route,
                           struct gamma_rule *r) {
    const json_t *refs = gamma_items(r->json, "backendRefs");
    size_t i;
    json_t *ref;
    json_array_foreach(refs, i, ref) {
        char at[64];
        struct weft_slice text;
        snprintf(at, sizeof at, "spec.rules[%u].backendRefs[%zu]", index, i);
        const char *reason = gamma_backend_fault(g, route, ref, &g->arena, &text);
        if (reason) note_ref(&g->arena, route, at, reason, text);
        judge_filters(&g->arena, route->kind, gamma_items(ref, "filters"), at, r);
        note_filters(g, route, gamma_items(ref, "filters"), at);
    }
}

static void judge_rule(struct weft_gamma *g, struct gamma_route *route, uint32_t index) {
    struct gamma_rule *r = &route->rules[index];
    char at[32];
    snprintf(at, sizeof at, "spec.rules[%u]", index);
    judge_matches(&g->arena, index, route->kind, r);
    judge_filters(&g->arena, route->kind, gamma_items(r->json, "filters"), at, r);
    note_filters(g, route, gamma_items(r->json, "filters"), at);
    if (route->kind == GAMMA_HTTP_ROUTE) judge_times(&g->arena, index, r);
    judge_backends(g, index, route, r);
    route->n_affected += r->fate != GAMMA_RULE_OK;
    route->n_dropped += r->fate == GAMMA_RULE_DROPPED;
}

static void add_notes(struct weft_gamma *g, struct gamma_route *r) {
    bool session = false;
    for (uint32_t i = 0; i < r->n_rules && g->experimental; i++)
        session = session || json_object_get(r->rules[i].json, "sessionPersistence");
    r->notes = weft_arena_printf(
        &g->arena, "%s%s%s",
        r->view.hostnames ? "; hostnames are ignored on a Service (match the Host header instead)"
                          : "",
        session ? "; sessionPersistence is not supported and has no effect" : "",
        r->n_rules ? "" : "; it has no rules, so every request is refused with UNIMPLEMENTED");
}

void gamma_judge_rules(struct weft_gamma *g, struct gamma_route *r) {
    if (r->kind > GAMMA_HTTP_ROUTE) return; /* read for their parents only */
    const char *fault = r->kind == GAMMA_GRPC_ROUTE ? gamma_times_read(g, r) : NULL;
    r->n_rules = (uint32_t)json_array_size(r->view.rules);
    r->rules = weft_arena_array(&g->arena, struct gamma_rule, r->n_rules);
    for (uint32_t i = 0; i < r->n_rules; i++) {
        struct gamma_rule *rule = &r->rules[i];
        rule->json = json_array_get(r->view.rules, i);
        if (fault) fail(rule, weft_slice_str(fault));
        rule->invalid = fault;
        judge_rule(g, r, i);
    }
    add_notes(g, r);
}

static void build_matches(struct weft_arena *a, enum gamma_kind kind, const json_t *matches,
                          struct weft_rule *ret) {
    uint32_t n = (uint32_t)json_array_size(matches);
    ret->n_matches = n ? n : 1;
    ret->matches = weft_arena_array(a, struct weft_match, ret->n_matches);
    for (uint32_t i = 0; i < ret->n_matches; i++) {
        const json_t *m = json_array_get(matches, i);
        if (kind == GAMMA_GRPC_ROUTE)
            gamma_grpc_match_build(a, m, &ret->matches[i]);
        else
            gamma_match_build(a, m, &ret->matches[i]);
    }
}

static void build_retry(struct weft_arena *a, const json_t *j, struct weft_retry *ret) {
    const json_t *codes = gamma_items(j, "codes");
    ret->present = true;
    ret->attempts = (uint32_t)weft_js_int(j, "attempts", 1, INT32_MAX, 1);
    (void)weft_duration_parse(weft_js_str(j, "backoff"), &ret->backoff_us);
    ret->codes = weft_arena_array(a, uint16_t, json_array_size(codes));
    for (size_t i = 0; i < json_array_size(codes); i++) {
        json_int_t code = json_integer_value(json_array_get(codes, i));
        if (code >= 400 && code <= 599) ret->codes[ret->n_codes++] = (uint16_t)code;
    }
}

static void build_times(struct weft_arena *a, const json_t *rule, struct weft_rule *ret) {
    const json_t *timeouts = json_object_get(rule, "timeouts");
    const json_t *retry = json_object_get(rule, "retry");
    (void)weft_duration_parse(weft_js_str(timeouts, "request"), &ret->request_timeout_us);
    (void)weft_duration_parse(weft_js_str(timeouts, "backendRequest"), &ret->backend_timeout_us);
    if (json_is_object(retry)) build_retry(a, retry, &ret->retry);
}

void gamma_rule_build(const struct weft_gamma *g, const struct gamma_route *r, uint32_t index,
                      struct weft_destination *d, struct weft_rule *ret) {
    const struct gamma_rule *rule = &r->rules[index];
    struct weft_arena *a = &d->arena;
    const json_t *j = rule->json;
    const json_t *matches = gamma_items(j, "matches"), *refs = gamma_items(j, "backendRefs");
    *ret = (struct weft_rule){
        .route_ns = weft_arena_dup(a, r->view.meta.ns),
        .route = weft_arena_dup(a, r->view.meta.name),
        .name = weft_arena_dup(a, weft_js_str(j, "name")),
        .index = index,
        .created = r->view.created,
        .invalid = rule->invalid ? weft_arena_dup(a, rule->fault) : WEFT_SLICE_EMPTY,
    };
    build_matches(a, r->kind, matches, ret);
    const struct gamma_filters in = {g, r, matches, d};
    gamma_filters_build(&in, gamma_items(j, "filters"), &ret->filters, &ret->n_filters);
    ret->n_backends = (uint32_t)json_array_size(refs);
    ret->backends = weft_arena_array(a, struct weft_backend, ret->n_backends);
    for (uint32_t i = 0; i < ret->n_backends; i++)
        gamma_backend_build(&in, json_array_get(refs, i), &ret->backends[i]);
    if (r->kind == GAMMA_GRPC_ROUTE) {
        ret->request_timeout_us = r->times.request_us;
        ret->backend_timeout_us = r->times.backend_us;
        ret->retry = r->times.retry;
    } else {
        build_times(a, j, ret);
    }
}

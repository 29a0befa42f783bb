/* SPDX-License-Identifier: Apache-2.0
 * The report of `weft explain`. Nothing is decided here: each step asks the code that the proxy
 * runs. */
#include <cli/explain.h>

#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>
#include <weft/mesh/filter.h>
#include <weft/object/json.h>

struct explain {
    const struct cli_input *in;
    const struct weft_destination *d;
    const struct weft_head *head;
    struct weft_arena *arena;
    json_t *report;
};

static json_t *text(struct weft_slice s) {
    json_t *j = json_stringn(s.base ? s.base : "", s.len);
    return j ? j : json_string("(not UTF-8)");
}

static void put(json_t *o, const char *key, struct weft_slice s) {
    json_object_set_new(o, key, text(s));
}

static json_t *answer(const struct explain *e, enum weft_reason r, struct weft_slice detail) {
    json_t *a = json_object();
    bool grpc = weft_head_is_grpc(e->head);
    json_object_set_new(a, "status", json_integer(grpc ? 200 : weft_reason_http(r)));
    if (grpc) json_object_set_new(a, "grpc_status", json_integer(weft_reason_grpc(r)));
    json_object_set_new(a, "reason", json_string(weft_reason_word(r)));
    json_object_set_new(a, "text", json_string(weft_reason_text(r)));
    if (detail.len) put(a, "detail", detail);
    return a;
}

static json_t *forward(const char *how) {
    return json_pack("{s:s}", "forward", how);
}

static json_t *redirect(const struct weft_head *reply) {
    json_t *a = json_pack("{s:i, s:s}", "status", (int)reply->status, "reason",
                          weft_reason_word(WEFT_REASON_REDIRECT));
    const struct weft_field *f = weft_fields_token(&reply->fields, WEFT_TOKEN_LOCATION);
    if (f) put(a, "location", f->value);
    return a;
}

/* ---- candidates ---- */

static json_t *rule_id(const struct weft_rule *r) {
    json_t *o = json_object();
    WEFT_FREE char *name = weft_asprintf(WEFT_SLICE_FMT "/" WEFT_SLICE_FMT,
                                         WEFT_SLICE_ARG(r->route_ns), WEFT_SLICE_ARG(r->route));
    put(o, "route", weft_slice_str(name));
    json_object_set_new(o, "rule", json_integer(r->index));
    if (r->name.len) put(o, "name", r->name);
    return o;
}

static json_t *match_json(const struct explain *e, const struct weft_rule *r,
                          const struct weft_match *m) {
    json_t *dest = json_object_get(e->report, "_destination");
    json_t *rule = json_array_get(json_object_get(dest, "rules"), (size_t)(r - e->d->rules));
    return json_array_get(json_object_get(rule, "matches"), (size_t)(m - r->matches));
}

static void on_candidate(void *ud, const struct weft_rule *r, const struct weft_match *m,
                         struct weft_slice failed) {
    struct explain *e = ud;
    json_t *o = rule_id(r);
    json_object_set_new(o, "match", json_integer(m - r->matches));
    json_object_set(o, "criteria", match_json(e, r, m));
    put(o, "failed", failed);
    json_array_append_new(json_object_get(e->report, "candidates"), o);
}

static void add_routes(struct explain *e) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < e->d->n_rules; i++) {
        const struct weft_rule *r = &e->d->rules[i];
        bool again =
            i && weft_slice_eq(r->route, r[-1].route) && weft_slice_eq(r->route_ns, r[-1].route_ns);
        json_t *id = again ? NULL : rule_id(r);
        if (id) json_array_append(list, json_object_get(id, "route"));
        json_decref(id);
    }
    bool any = e->d->n_rules > 0;
    bool consumer = any && !weft_slice_eq(e->d->rules[0].route_ns, e->d->ns);
    json_object_set_new(e->report, "routes", list);
    if (e->d->routes != WEFT_ROUTES_NONE)
        json_object_set_new(e->report, "kind", json_string(weft_route_kind_name(e->d->routes)));
    json_object_set_new(e->report, "group",
                        json_string(!any       ? "none"
                                    : consumer ? "consumer"
                                               : "producer"));
}

/* ---- backends ---- */

struct seek {
    struct weft_slice ns, service;
    bool found;
};

static void on_slice(void *ud, const struct weft_object *o) {
    struct seek *s = ud;
    struct weft_slice name =
        weft_js_str(weft_js_in(o->json, "metadata", "labels"), "kubernetes.io/service-name");
    if (weft_slice_eq(name, s->service) && weft_slice_is(s->ns, o->ns)) s->found = true;
}

static bool has_slices(const struct cli_input *in, struct weft_slice ns, struct weft_slice svc) {
    struct seek s = {ns, svc, false};
    weft_store_each(in->store, "EndpointSlice", NULL, on_slice, &s);
    return s.found;
}

static json_t *endpoint_answer(const struct explain *e, const struct weft_backend *b, json_t *ret) {
    struct weft_endpoints *set = weft_gamma_endpoints(e->in->gamma, e->d->endpoints[b->endpoints]);
    json_t *dump = weft_dump_endpoints(set), *items = json_object_get(dump, "endpoints");
    uint32_t n = set->n;
    if (items) json_object_set(ret, "endpoints", items);
    json_decref(dump);
    weft_endpoints_unref(set);
    if (n) return forward("to one of the endpoints");
    if (e->d->kind == WEFT_DEST_SERVICE && !has_slices(e->in, b->ns, b->service))
        return forward("endpoints unknown: these manifests have no EndpointSlice of it");
    return answer(e, WEFT_REASON_NO_ENDPOINTS, WEFT_SLICE_EMPTY);
}

static json_t *backend_answer(const struct explain *e, const struct weft_backend *b,
                              const struct weft_filter_input *in, const struct weft_head *after,
                              json_t *ret) {
    struct weft_head head, reply;
    struct weft_slice invalid = WEFT_SLICE_EMPTY;
    if (b->invalid.len) return answer(e, WEFT_REASON_INVALID_BACKEND, b->invalid);
    weft_head_init(&reply, e->arena);
    if (in && weft_head_copy(&head, after, e->arena) == WEFT_OK) {
        enum weft_filter_outcome out =
            weft_filters_request(b->filters, b->n_filters, in, &head, &reply, &invalid);
        if (out == WEFT_FILTER_REPLY) return redirect(&reply);
        if (out == WEFT_FILTER_FAIL) return answer(e, WEFT_REASON_INVALID_FILTER, invalid);
    }
    return endpoint_answer(e, b, ret);
}

static json_t *backend_json(const struct explain *e, const struct weft_backend *b, uint64_t total,
                            const struct weft_filter_input *in, const struct weft_head *after) {
    json_t *o = json_object();
    put(o, "namespace", b->ns);
    put(o, "service", b->service);
    json_object_set_new(o, "port", json_integer(b->port));
    json_object_set_new(o, "weight", json_integer(b->weight));
    json_object_set_new(o, "share", json_real(total ? (double)b->weight / (double)total : 0.0));
    json_object_set_new(o, "answer", backend_answer(e, b, in, after, o));
    return o;
}

/* What the proxy itself answers whichever backend is chosen; NULL when that depends. Borrowed. */
static json_t *same_answer(const json_t *backends) {
    json_t *first = NULL, *b;
    size_t i;
    json_array_foreach(backends, i, b) {
        json_t *a = json_object_get(b, "answer");
        if (weft_js_int(b, "weight", 0, INT32_MAX, 0) == 0) continue;
        if (json_object_get(a, "forward")) return NULL;
        if (first && !json_equal(json_object_get(first, "reason"), json_object_get(a, "reason")))
            return NULL;
        first = first ? first : a;
    }
    return first;
}

static void add_backends(struct explain *e, const struct weft_rule *r,
                         const struct weft_filter_input *in, const struct weft_head *after) {
    uint64_t total = 0;
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->n_backends; i++) total += r->backends[i].weight;
    for (uint32_t i = 0; i < r->n_backends; i++)
        json_array_append_new(list, backend_json(e, &r->backends[i], total, in, after));
    json_object_set_new(e->report, "backends", list);
    json_t *same = total ? same_answer(list) : NULL;
    if (same)
        json_object_set(e->report, "answer", same);
    else
        json_object_set_new(e->report, "answer",
                            total ? forward("to a backend, by weight")
                                  : answer(e, WEFT_REASON_NO_BACKEND, WEFT_SLICE_EMPTY));
}

/* ---- the rule ---- */

static void add_filters(struct explain *e, const struct weft_match_result *won) {
    struct weft_head after, reply;
    struct weft_slice invalid = WEFT_SLICE_EMPTY;
    const struct weft_rule *r = won->rule;
    const struct weft_filter_input in = {.match = won->match,
                                         .listener_port = e->d->port,
                                         .original_path = e->head->path,
                                         .original_authority = e->head->authority};
    json_t *dest = json_object_get(e->report, "_destination");
    json_t *rule = json_array_get(json_object_get(dest, "rules"), (size_t)(r - e->d->rules));
    static const char *const keys[] = {"filters", "request_timeout_us", "backend_timeout_us",
                                       "retry"};
    for (size_t i = 0; i < WEFT_LEN(keys); i++)
        if (json_object_get(rule, keys[i]))
            json_object_set(e->report, keys[i], json_object_get(rule, keys[i]));
    weft_head_init(&reply, e->arena);
    if (weft_head_copy(&after, e->head, e->arena) != WEFT_OK) return;
    switch (weft_filters_request(r->filters, r->n_filters, &in, &after, &reply, &invalid)) {
    case WEFT_FILTER_REPLY:
        json_object_set_new(e->report, "answer", redirect(&reply));
        return;
    case WEFT_FILTER_FAIL:
        json_object_set_new(e->report, "answer", answer(e, WEFT_REASON_INVALID_FILTER, invalid));
        return;
    case WEFT_FILTER_GO_ON:
        break;
    }
    json_t *sent = json_object();
    put(sent, "host", after.authority);
    put(sent, "path", after.path);
    json_object_set_new(e->report, "forwarded", sent);
    add_backends(e, r, &in, &after);
}

static void add_winner(struct explain *e) {
    struct weft_match_result won;
    if (e->d->routes == WEFT_ROUTES_GRPC && !weft_head_is_grpc(e->head)) { /* REQ-129 */
        json_object_set_new(e->report, "answer",
                            answer(e, WEFT_REASON_NO_ROUTE,
                                   WEFT_SLICE_LIT("a GRPCRoute rules this port, and the request is "
                                                  "not gRPC by its content-type")));
        return;
    }
    weft_match(e->d, e->head, e->arena, &won);
    if (won.regex_limit) {
        json_object_set_new(e->report, "answer",
                            answer(e, WEFT_REASON_REGEX_LIMIT, WEFT_SLICE_EMPTY));
    } else if (!won.rule) {
        json_object_set_new(e->report, "answer", answer(e, WEFT_REASON_NO_ROUTE, WEFT_SLICE_EMPTY));
    } else {
        json_t *id = rule_id(won.rule);
        json_object_set_new(id, "match", json_integer(won.match - won.rule->matches));
        json_object_set(id, "criteria", match_json(e, won.rule, won.match));
        json_object_set_new(e->report, "winner", id);
        if (won.rule->invalid.len)
            json_object_set_new(e->report, "answer",
                                answer(e, WEFT_REASON_INVALID_RULE, won.rule->invalid));
        else
            add_filters(e, &won);
    }
}

static void add_default(struct explain *e) {
    const struct weft_backend *b = &e->d->default_backend;
    json_t *one = backend_json(e, b, b->weight, NULL, NULL);
    json_object_set(e->report, "answer", json_object_get(one, "answer"));
    json_object_set_new(e->report, "backends", json_pack("[o]", one));
}

static void add_request(struct explain *e, const char *from) {
    json_t *q = json_object();
    put(q, "method", e->head->method);
    put(q, "host", e->head->authority);
    put(q, "path", e->head->path);
    json_object_set_new(e->report, "from", json_string(from));
    json_object_set_new(e->report, "request", q);
}

static void add_destination(struct explain *e) {
    static const char *const keys[] = {"address", "kind", "namespace", "service",
                                       "pod",     "port", "port_name", "protocol"};
    json_t *dump = weft_dump_destination(e->d), *o = json_object();
    for (size_t i = 0; i < WEFT_LEN(keys); i++)
        if (json_object_get(dump, keys[i]))
            json_object_set(o, keys[i], json_object_get(dump, keys[i]));
    json_object_set_new(e->report, "destination", o);
    json_object_set_new(e->report, "_destination", dump);
}

json_t *cli_explain(const struct cli_input *in, const char *from, const struct weft_addr *addr,
                    const struct weft_head *head, struct weft_arena *arena) {
    struct weft_destination *d = weft_gamma_destination(in->gamma, weft_slice_str(from), addr);
    struct explain e = {in, d, head, arena, json_object()};
    add_request(&e, from);
    add_destination(&e);
    add_routes(&e);
    json_object_set_new(e.report, "candidates", json_array());
    if (d->kind == WEFT_DEST_NONE) {
        json_object_set_new(e.report, "answer", forward("untouched: nothing of the mesh"));
    } else if (d->routes == WEFT_ROUTES_NONE) {
        add_default(&e);
    } else {
        if (d->routes == WEFT_ROUTES_HTTP || weft_head_is_grpc(head))
            weft_match_explain(d, head, arena, on_candidate, &e);
        add_winner(&e);
    }
    json_object_del(e.report, "_destination");
    weft_destination_unref(d);
    return e.report;
}

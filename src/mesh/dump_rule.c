/* SPDX-License-Identifier: Apache-2.0
 * Rules as JSON: matches, backends, timeouts, retry. Keys say the unit of a duration. */
#include <weft/http/grpc_status.h>

#include "dump_internal.h"

static json_t *dump_path(const struct weft_match *m) {
    static const char *const kinds[] = {
        [WEFT_PATH_EXACT] = "exact",   [WEFT_PATH_REGEX] = "regex",
        [WEFT_PATH_PREFIX] = "prefix", [WEFT_PATH_SERVICE_REGEX] = "service_regex",
        [WEFT_PATH_METHOD] = "method", [WEFT_PATH_METHOD_REGEX] = "method_regex",
    };
    struct weft_slice path = m->path;
    if (m->path_kind == WEFT_PATH_ANY) return NULL;
    if (m->path_kind == WEFT_PATH_PREFIX && !path.len) path = WEFT_SLICE_LIT("/");
    json_t *o = json_object();
    json_object_set_new(o, kinds[m->path_kind], weft_dump_slice(path));
    weft_dump_put_u64(o, "service_len", m->service_len);
    return o;
}

static json_t *dump_texts(const struct weft_text_match *t, uint32_t n) {
    json_t *a = json_array();
    for (uint32_t i = 0; i < n; i++) {
        json_t *o = json_object();
        weft_dump_put(o, "name", t[i].name);
        json_object_set_new(o, t[i].kind == WEFT_TEXT_REGEX ? "regex" : "exact",
                            weft_dump_slice(t[i].value));
        json_array_append_new(a, o);
    }
    return a;
}

static json_t *dump_match(const struct weft_match *m) {
    json_t *o = json_object();
    weft_dump_put_json(o, "path", dump_path(m));
    weft_dump_put(o, "method", m->method);
    weft_dump_put_json(o, "headers", dump_texts(m->headers, m->n_headers));
    weft_dump_put_json(o, "queries", dump_texts(m->queries, m->n_queries));
    return o;
}

json_t *weft_dump_backend(const struct weft_destination *d, const struct weft_backend *b) {
    json_t *o = json_object();
    weft_dump_put(o, "namespace", b->ns);
    weft_dump_put(o, "service", b->service);
    weft_dump_put_u64(o, "port", b->port);
    if (b->endpoints < d->n_endpoints) weft_dump_put(o, "endpoints", d->endpoints[b->endpoints]);
    weft_dump_put_str(o, "protocol", weft_protocol_name(b->protocol));
    weft_dump_put(o, "invalid", b->invalid);
    weft_dump_put_json(o, "filters", weft_dump_filters(b->filters, b->n_filters));
    return o;
}

static json_t *dump_weighted(const struct weft_destination *d, const struct weft_rule *r) {
    json_t *a = json_array();
    for (uint32_t i = 0; i < r->n_backends; i++) {
        json_t *o = weft_dump_backend(d, &r->backends[i]);
        json_object_set_new(o, "weight", json_integer(r->backends[i].weight));
        json_array_append_new(a, o);
    }
    return a;
}

static json_t *dump_retry(const struct weft_retry *r) {
    if (!r->present) return NULL;
    json_t *o = json_object(), *codes = json_array(), *grpc = json_array();
    json_object_set_new(o, "attempts", json_integer(r->attempts));
    weft_dump_put_u64(o, "backoff_us", r->backoff_us);
    for (uint32_t i = 0; i < r->n_codes; i++)
        json_array_append_new(codes, json_integer(r->codes[i]));
    weft_dump_put_json(o, "codes", codes);
    for (uint32_t i = 0; i < WEFT_GRPC_STATUSES; i++)
        if (r->grpc_codes >> i & 1)
            json_array_append_new(grpc, json_string(weft_grpc_status_name(i)));
    weft_dump_put_json(o, "grpc_codes", grpc);
    return o;
}

json_t *weft_dump_rule(const struct weft_destination *d, const struct weft_rule *r) {
    json_t *o = json_object(), *matches = json_array();
    weft_dump_put(o, "route_namespace", r->route_ns);
    weft_dump_put(o, "route", r->route);
    weft_dump_put(o, "name", r->name);
    json_object_set_new(o, "index", json_integer(r->index));
    json_object_set_new(o, "created_unix_s", json_integer(r->created));
    for (uint32_t i = 0; i < r->n_matches; i++)
        json_array_append_new(matches, dump_match(&r->matches[i]));
    weft_dump_put_json(o, "matches", matches);
    weft_dump_put_json(o, "filters", weft_dump_filters(r->filters, r->n_filters));
    weft_dump_put_json(o, "backends", dump_weighted(d, r));
    weft_dump_put_u64(o, "request_timeout_us", r->request_timeout_us);
    weft_dump_put_u64(o, "backend_timeout_us", r->backend_timeout_us);
    weft_dump_put_json(o, "retry", dump_retry(&r->retry));
    weft_dump_put(o, "invalid", r->invalid);
    return o;
}

/* SPDX-License-Identifier: Apache-2.0
 * weft.v1 Destination bytes -> sealed Destination. Hostile bytes are safe: the decoder's memory is
 * bounded, every number and text is checked, and sealing checks what routing relies on. */
#include <weft/http/grpc_status.h>
#include <weft/xds/codec.h>
#include "decode_util.h"
#include "weft.pb-c.h"

#define FOR(i, n) for (size_t i = 0; i < (n) && d->st == WEFT_OK; i++)

static void text_match(struct weft_decode *d, const Weft__V1__TextMatch *in,
                       struct weft_text_match *out) {
    out->name = weft_decode_name(d, in->name, "name");
    out->value = weft_decode_text(d, in->value, "value", WEFT_XDS_MAX_TEXT);
    out->kind = weft_decode_enum(d, (int)in->kind, WEFT_TEXT_REGEX, "kind");
}

static struct weft_text_match *text_matches(struct weft_decode *d, Weft__V1__TextMatch **in,
                                            size_t n, const char *field, uint32_t *ret_n) {
    struct weft_text_match *out = weft_decode_array(d, n, sizeof *out, ret_n, field);
    FOR(i, *ret_n) {
        struct weft_decode_at at;
        weft_decode_enter(d, &at, field, i);
        text_match(d, in[i], &out[i]);
        weft_decode_leave(d);
    }
    return out;
}

static void match(struct weft_decode *d, const Weft__V1__Match *in, struct weft_match *out) {
    out->path_kind = weft_decode_enum(d, (int)in->path_kind, WEFT_PATH_ANY, "path_kind");
    if (in->service_len && out->path_kind != WEFT_PATH_SERVICE_REGEX)
        weft_decode_fail(d, WEFT_INVALID, "service_len", "is of patterns of a service only");
    out->service_len = in->service_len;
    out->path = weft_decode_text(d, in->path, "path", WEFT_XDS_MAX_TEXT);
    out->method = weft_decode_line(d, in->method, "method");
    out->headers = text_matches(d, in->headers, in->n_headers, "headers", &out->n_headers);
    out->queries = text_matches(d, in->queries, in->n_queries, "queries", &out->n_queries);
}

static struct weft_kv *key_values(struct weft_decode *d, Weft__V1__KeyValue **in, size_t n,
                                  const char *field, uint32_t *ret_n) {
    struct weft_kv *out = weft_decode_array(d, n, sizeof *out, ret_n, field);
    FOR(i, *ret_n) {
        struct weft_decode_at at;
        weft_decode_enter(d, &at, field, i);
        out[i].name = weft_decode_name(d, in[i]->name, "name");
        out[i].value = weft_decode_line(d, in[i]->value, "value");
        weft_decode_leave(d);
    }
    return out;
}

static struct weft_slice *names(struct weft_decode *d, const ProtobufCBinaryData *in, size_t n,
                                const char *field, uint32_t *ret_n) {
    struct weft_slice *out = weft_decode_array(d, n, sizeof *out, ret_n, field);
    FOR(i, *ret_n) out[i] = weft_decode_name(d, in[i], field);
    return out;
}

static void header_mods(struct weft_decode *d, const Weft__V1__HeaderMods *in,
                        struct weft_header_mods *out) {
    if (!in) return;
    out->set = key_values(d, in->set, in->n_set, "set", &out->n_set);
    out->add = key_values(d, in->add, in->n_add, "add", &out->n_add);
    out->remove = names(d, in->remove, in->n_remove, "remove", &out->n_remove);
}

static void path_mod(struct weft_decode *d, const Weft__V1__PathMod *in,
                     struct weft_path_mod *out) {
    if (!in) return;
    out->kind = weft_decode_enum(d, (int)in->kind, WEFT_PATH_REPLACE_PREFIX, "path.kind");
    out->value = weft_decode_line(d, in->value, "path.value");
}

static void redirect(struct weft_decode *d, const Weft__V1__Redirect *in, struct weft_filter *out) {
    if (!in) {
        weft_decode_fail(d, WEFT_INVALID, "redirect", "is missing");
        return;
    }
    out->redirect.scheme = weft_decode_line(d, in->scheme, "redirect.scheme");
    out->redirect.hostname = weft_decode_line(d, in->hostname, "redirect.hostname");
    path_mod(d, in->path, &out->redirect.path);
    out->redirect.port = weft_decode_u16(d, in->port, "redirect.port");
    uint32_t s = in->status;
    if (s != 301 && s != 302 && s != 303 && s != 307 && s != 308)
        weft_decode_fail(d, WEFT_INVALID, "redirect.status", "is not 301, 302, 303, 307 or 308");
    out->redirect.status = (uint16_t)s;
}

static void rewrite(struct weft_decode *d, const Weft__V1__Rewrite *in, struct weft_filter *out) {
    if (!in) return;
    out->rewrite.hostname = weft_decode_line(d, in->hostname, "rewrite.hostname");
    path_mod(d, in->path, &out->rewrite.path);
}

/* The list's index, which the wire has plus one. */
static uint32_t endpoints_index(struct weft_decode *d, uint32_t in, uint32_t n_endpoints) {
    if (in > n_endpoints)
        weft_decode_fail(d, WEFT_INVALID, "endpoints", "is beyond the list of the Destination");
    return in == 0 ? WEFT_NO_ENDPOINTS : in - 1;
}

static void mirror(struct weft_decode *d, const Weft__V1__Mirror *in, uint32_t n_endpoints,
                   struct weft_mirror *out) {
    uint32_t n;
    out->backend = weft_decode_array(d, 1, sizeof *out->backend, &n, "mirror");
    if (!in || !out->backend) {
        weft_decode_fail(d, WEFT_INVALID, "mirror", "is missing");
        return;
    }
    out->backend->ns = weft_decode_line(d, in->ns, "mirror.ns");
    out->backend->service = weft_decode_line(d, in->service, "mirror.service");
    out->backend->port = weft_decode_u16(d, in->port, "mirror.port");
    out->backend->endpoints = endpoints_index(d, in->endpoints, n_endpoints);
    out->backend->protocol =
        weft_decode_enum(d, (int)in->protocol, WEFT_PROTO_HTTP1, "mirror.protocol");
    out->backend->invalid = weft_decode_text(d, in->invalid, "mirror.invalid", WEFT_XDS_MAX_TEXT);
    out->numerator = in->numerator;
    out->denominator = in->denominator;
}

static void cors(struct weft_decode *d, const Weft__V1__Cors *in, struct weft_cors *out) {
    if (!in) {
        weft_decode_fail(d, WEFT_INVALID, "cors", "is missing");
        return;
    }
    out->origins = names(d, in->origins, in->n_origins, "cors.origins", &out->n_origins);
    out->methods = weft_decode_line(d, in->methods, "cors.methods");
    out->allow_headers = weft_decode_line(d, in->allow_headers, "cors.allow_headers");
    out->expose_headers = weft_decode_line(d, in->expose_headers, "cors.expose_headers");
    out->credentials = in->credentials;
    out->max_age_s = in->max_age_s;
}

static void filter(struct weft_decode *d, const Weft__V1__Filter *in, uint32_t n_endpoints,
                   struct weft_filter *out) {
    out->kind = weft_decode_enum(d, (int)in->kind, WEFT_FILTER_CORS, "kind");
    switch (out->kind) {
    case WEFT_FILTER_REQUEST_HEADERS:
    case WEFT_FILTER_RESPONSE_HEADERS:
        header_mods(d, in->headers, &out->headers);
        break;
    case WEFT_FILTER_REDIRECT:
        redirect(d, in->redirect, out);
        break;
    case WEFT_FILTER_REWRITE:
        rewrite(d, in->rewrite, out);
        break;
    case WEFT_FILTER_INVALID:
        out->invalid = weft_decode_text(d, in->invalid, "invalid", WEFT_XDS_MAX_TEXT);
        break;
    case WEFT_FILTER_MIRROR:
        mirror(d, in->mirror, n_endpoints, &out->mirror);
        break;
    case WEFT_FILTER_CORS:
        cors(d, in->cors, &out->cors);
        break;
    }
}

static struct weft_filter *filters(struct weft_decode *d, Weft__V1__Filter **in, size_t n,
                                   uint32_t n_endpoints, uint32_t *ret_n) {
    struct weft_filter *out = weft_decode_array(d, n, sizeof *out, ret_n, "filters");
    FOR(i, *ret_n) {
        struct weft_decode_at at;
        weft_decode_enter(d, &at, "filters", i);
        filter(d, in[i], n_endpoints, &out[i]);
        weft_decode_leave(d);
    }
    return out;
}

static void backend(struct weft_decode *d, const Weft__V1__Backend *in, uint32_t n_endpoints,
                    struct weft_backend *out) {
    out->endpoints = WEFT_NO_ENDPOINTS;
    if (!in) return;
    out->ns = weft_decode_line(d, in->ns, "ns");
    out->service = weft_decode_line(d, in->service, "service");
    out->port = weft_decode_u16(d, in->port, "port");
    out->weight = in->weight;
    out->endpoints = endpoints_index(d, in->endpoints, n_endpoints);
    out->protocol = weft_decode_enum(d, (int)in->protocol, WEFT_PROTO_HTTP1, "protocol");
    out->invalid = weft_decode_text(d, in->invalid, "invalid", WEFT_XDS_MAX_TEXT);
    out->filters = filters(d, in->filters, in->n_filters, n_endpoints, &out->n_filters);
}

static void retry(struct weft_decode *d, const Weft__V1__Retry *in, struct weft_retry *out) {
    if (!in) return;
    out->present = true;
    out->attempts = in->attempts;
    out->backoff_us = in->backoff_us;
    out->grpc_codes = in->grpc_codes;
    if (in->grpc_codes >> WEFT_GRPC_STATUSES)
        weft_decode_fail(d, WEFT_INVALID, "retry.grpc_codes", "has no gRPC status");
    out->codes =
        weft_decode_array(d, in->n_codes, sizeof *out->codes, &out->n_codes, "retry.codes");
    FOR(i, out->n_codes) {
        if (in->codes[i] < 100 || in->codes[i] > 599)
            weft_decode_fail(d, WEFT_INVALID, "retry.codes", "has no HTTP status");
        out->codes[i] = (uint16_t)in->codes[i];
    }
}

static void rule_parts(struct weft_decode *d, const Weft__V1__Rule *in, uint32_t n_endpoints,
                       struct weft_rule *out) {
    struct weft_decode_at at;
    out->matches =
        weft_decode_array(d, in->n_matches, sizeof *out->matches, &out->n_matches, "matches");
    FOR(i, out->n_matches) {
        weft_decode_enter(d, &at, "matches", i);
        match(d, in->matches[i], &out->matches[i]);
        weft_decode_leave(d);
    }
    out->filters = filters(d, in->filters, in->n_filters, n_endpoints, &out->n_filters);
    out->backends =
        weft_decode_array(d, in->n_backends, sizeof *out->backends, &out->n_backends, "backends");
    FOR(i, out->n_backends) {
        weft_decode_enter(d, &at, "backends", i);
        backend(d, in->backends[i], n_endpoints, &out->backends[i]);
        weft_decode_leave(d);
    }
}

static void rule(struct weft_decode *d, const Weft__V1__Rule *in, uint32_t n_endpoints,
                 struct weft_rule *out) {
    out->route_ns = weft_decode_line(d, in->route_ns, "route_ns");
    out->route = weft_decode_line(d, in->route, "route");
    out->name = weft_decode_line(d, in->name, "name");
    out->index = in->index;
    out->created = in->created;
    out->request_timeout_us = in->request_timeout_us;
    out->backend_timeout_us = in->backend_timeout_us;
    out->invalid = weft_decode_text(d, in->invalid, "invalid", WEFT_XDS_MAX_TEXT);
    retry(d, in->retry, &out->retry);
    rule_parts(d, in, n_endpoints, out);
}

/* One name, one address: the text must be what we would write for it. */
static void address(struct weft_decode *d, struct weft_destination *out) {
    struct weft_slice prefix = WEFT_SLICE_LIT("dest/");
    char again[WEFT_ADDR_STR] = "";
    if (weft_slice_starts(out->name, prefix) &&
        weft_addr_parse(weft_slice_from(out->name, prefix.len), &out->addr))
        weft_addr_format(&out->addr, again);
    if (!weft_slice_is(weft_slice_from(out->name, prefix.len), again))
        weft_decode_fail(d, WEFT_INVALID, "name", "is not dest/IP:PORT");
}

static void endpoints_names(struct weft_decode *d, const Weft__V1__Destination *in,
                            struct weft_destination *out) {
    out->endpoints = names(d, in->endpoints, in->n_endpoints, "endpoints", &out->n_endpoints);
    FOR(i, out->n_endpoints) {
        if (!weft_slice_starts(out->endpoints[i], WEFT_SLICE_LIT("endpoints/")))
            weft_decode_fail(d, WEFT_INVALID, "endpoints", "has a name that is not endpoints/...");
    }
}

static void destination(struct weft_decode *d, const Weft__V1__Destination *in,
                        struct weft_destination *out) {
    out->name = weft_decode_name(d, in->name, "name");
    address(d, out);
    out->kind = weft_decode_enum(d, (int)in->kind, WEFT_DEST_WORKLOAD, "kind");
    out->ns = weft_decode_line(d, in->ns, "ns");
    out->service = weft_decode_line(d, in->service, "service");
    out->port = weft_decode_u16(d, in->port, "port");
    out->port_name = weft_decode_line(d, in->port_name, "port_name");
    out->protocol = weft_decode_enum(d, (int)in->protocol, WEFT_PROTO_HTTP1, "protocol");
    out->routes = weft_decode_enum(d, (int)in->routes, WEFT_ROUTES_GRPC, "routes");
    endpoints_names(d, in, out);
    struct weft_decode_at at;
    weft_decode_enter(d, &at, "default_backend", WEFT_DECODE_SINGLE);
    backend(d, in->default_backend, out->n_endpoints, &out->default_backend);
    weft_decode_leave(d);
    out->rules = weft_decode_array(d, in->n_rules, sizeof *out->rules, &out->n_rules, "rules");
    FOR(i, out->n_rules) {
        weft_decode_enter(d, &at, "rules", i);
        rule(d, in->rules[i], out->n_endpoints, &out->rules[i]);
        weft_decode_leave(d);
    }
}

enum weft_status weft_xds_decode_destination(struct weft_slice in, struct weft_destination **ret,
                                             struct weft_error *err) {
    struct weft_destination *out = weft_destination_new();
    struct weft_decode d = {.arena = &out->arena, .err = err};
    struct weft_arena scratch;
    weft_arena_init(&scratch, weft_pb_scratch_limit(in.len));
    const Weft__V1__Destination *m =
        weft_pb_unpack(&weft__v1__destination__descriptor, in, &scratch);
    if (m)
        destination(&d, m, out);
    else
        weft_decode_fail(&d, WEFT_INVALID, "", "is not a weft.v1.Destination");
    weft_arena_done(&scratch);
    if (d.st == WEFT_OK) out->version = weft_decode_version(&d, in);
    if (d.st == WEFT_OK) d.st = weft_destination_seal(out, err);
    if (d.st != WEFT_OK) out = weft_destination_unref(out);
    if (out) *ret = out;
    return d.st;
}

/* SPDX-License-Identifier: Apache-2.0
 * Model -> weft.v1 bytes. Everything is written in the order in which the model holds it, so that
 * equal content has equal bytes. The message trees point into the model and die with a scratch
 * arena. */
#include <weft/xds/codec.h>
#include "proto_util.h"
#include "weft.pb-c.h"

#define NEW(a, type)      weft_pb_new((a), &weft__v1__##type##__descriptor)
#define ARRAY(a, type, n) weft_pb_array((a), &weft__v1__##type##__descriptor, (n))

static Weft__V1__TextMatch **text_matches(struct weft_arena *a, const struct weft_text_match *in,
                                          size_t n) {
    Weft__V1__TextMatch **out = ARRAY(a, text_match, n);
    for (size_t i = 0; i < n; i++) {
        out[i]->name = weft_pb_bytes(in[i].name);
        out[i]->value = weft_pb_bytes(in[i].value);
        out[i]->kind = (Weft__V1__TextKind)in[i].kind;
    }
    return out;
}

static void match(struct weft_arena *a, const struct weft_match *in, Weft__V1__Match *out) {
    out->path_kind = (Weft__V1__PathKind)in->path_kind;
    out->service_len = in->service_len;
    out->path = weft_pb_bytes(in->path);
    out->method = weft_pb_bytes(in->method);
    out->n_headers = in->n_headers;
    out->headers = text_matches(a, in->headers, in->n_headers);
    out->n_queries = in->n_queries;
    out->queries = text_matches(a, in->queries, in->n_queries);
}

static Weft__V1__KeyValue **key_values(struct weft_arena *a, const struct weft_kv *in, size_t n) {
    Weft__V1__KeyValue **out = ARRAY(a, key_value, n);
    for (size_t i = 0; i < n; i++) {
        out[i]->name = weft_pb_bytes(in[i].name);
        out[i]->value = weft_pb_bytes(in[i].value);
    }
    return out;
}

static ProtobufCBinaryData *texts(struct weft_arena *a, const struct weft_slice *in, size_t n) {
    if (n == 0) return NULL;
    ProtobufCBinaryData *out = weft_arena_array(a, ProtobufCBinaryData, n);
    for (size_t i = 0; i < n; i++) out[i] = weft_pb_bytes(in[i]);
    return out;
}

static Weft__V1__HeaderMods *header_mods(struct weft_arena *a, const struct weft_header_mods *in) {
    Weft__V1__HeaderMods *out = NEW(a, header_mods);
    out->n_set = in->n_set;
    out->set = key_values(a, in->set, in->n_set);
    out->n_add = in->n_add;
    out->add = key_values(a, in->add, in->n_add);
    out->n_remove = in->n_remove;
    out->remove = texts(a, in->remove, in->n_remove);
    return out;
}

static Weft__V1__PathMod *path_mod(struct weft_arena *a, const struct weft_path_mod *in) {
    if (in->kind == WEFT_PATH_KEEP) return NULL;
    Weft__V1__PathMod *out = NEW(a, path_mod);
    out->kind = (Weft__V1__PathModKind)in->kind;
    out->value = weft_pb_bytes(in->value);
    return out;
}

static void redirect(struct weft_arena *a, const struct weft_filter *in, Weft__V1__Filter *out) {
    out->redirect = NEW(a, redirect);
    out->redirect->scheme = weft_pb_bytes(in->redirect.scheme);
    out->redirect->hostname = weft_pb_bytes(in->redirect.hostname);
    out->redirect->path = path_mod(a, &in->redirect.path);
    out->redirect->port = in->redirect.port;
    out->redirect->status = in->redirect.status;
}

static void rewrite(struct weft_arena *a, const struct weft_filter *in, Weft__V1__Filter *out) {
    out->rewrite = NEW(a, rewrite);
    out->rewrite->hostname = weft_pb_bytes(in->rewrite.hostname);
    out->rewrite->path = path_mod(a, &in->rewrite.path);
}

static uint32_t endpoints_index(const struct weft_backend *in) {
    return in->endpoints == WEFT_NO_ENDPOINTS ? 0 : in->endpoints + 1;
}

static void mirror(struct weft_arena *a, const struct weft_mirror *in, Weft__V1__Filter *out) {
    out->mirror = NEW(a, mirror);
    out->mirror->ns = weft_pb_bytes(in->backend->ns);
    out->mirror->service = weft_pb_bytes(in->backend->service);
    out->mirror->port = in->backend->port;
    out->mirror->endpoints = endpoints_index(in->backend);
    out->mirror->protocol = (Weft__V1__Protocol)in->backend->protocol;
    out->mirror->invalid = weft_pb_bytes(in->backend->invalid);
    out->mirror->numerator = in->numerator;
    out->mirror->denominator = in->denominator;
}

static void cors(struct weft_arena *a, const struct weft_cors *in, Weft__V1__Filter *out) {
    out->cors = NEW(a, cors);
    out->cors->n_origins = in->n_origins;
    out->cors->origins = texts(a, in->origins, in->n_origins);
    out->cors->methods = weft_pb_bytes(in->methods);
    out->cors->allow_headers = weft_pb_bytes(in->allow_headers);
    out->cors->expose_headers = weft_pb_bytes(in->expose_headers);
    out->cors->credentials = in->credentials;
    out->cors->max_age_s = in->max_age_s;
}

static Weft__V1__Filter **filters(struct weft_arena *a, const struct weft_filter *in, size_t n) {
    Weft__V1__Filter **out = ARRAY(a, filter, n);
    for (size_t i = 0; i < n; i++) {
        out[i]->kind = (Weft__V1__FilterKind)in[i].kind;
        switch (in[i].kind) {
        case WEFT_FILTER_REQUEST_HEADERS:
        case WEFT_FILTER_RESPONSE_HEADERS:
            out[i]->headers = header_mods(a, &in[i].headers);
            break;
        case WEFT_FILTER_REDIRECT:
            redirect(a, &in[i], out[i]);
            break;
        case WEFT_FILTER_REWRITE:
            rewrite(a, &in[i], out[i]);
            break;
        case WEFT_FILTER_INVALID:
            out[i]->invalid = weft_pb_bytes(in[i].invalid);
            break;
        case WEFT_FILTER_MIRROR:
            mirror(a, &in[i].mirror, out[i]);
            break;
        case WEFT_FILTER_CORS:
            cors(a, &in[i].cors, out[i]);
            break;
        }
    }
    return out;
}

static void backend(struct weft_arena *a, const struct weft_backend *in, Weft__V1__Backend *out) {
    out->ns = weft_pb_bytes(in->ns);
    out->service = weft_pb_bytes(in->service);
    out->port = in->port;
    out->weight = in->weight;
    out->endpoints = endpoints_index(in);
    out->protocol = (Weft__V1__Protocol)in->protocol;
    out->invalid = weft_pb_bytes(in->invalid);
    out->n_filters = in->n_filters;
    out->filters = filters(a, in->filters, in->n_filters);
}

static Weft__V1__Retry *retry(struct weft_arena *a, const struct weft_retry *in) {
    if (!in->present) return NULL;
    Weft__V1__Retry *out = NEW(a, retry);
    out->attempts = in->attempts;
    out->backoff_us = in->backoff_us;
    out->grpc_codes = in->grpc_codes;
    if (in->n_codes == 0) return out;
    out->n_codes = in->n_codes;
    out->codes = weft_arena_array(a, uint32_t, in->n_codes);
    for (uint32_t i = 0; i < in->n_codes; i++) out->codes[i] = in->codes[i];
    return out;
}

static void rule(struct weft_arena *a, const struct weft_rule *in, Weft__V1__Rule *out) {
    out->route_ns = weft_pb_bytes(in->route_ns);
    out->route = weft_pb_bytes(in->route);
    out->name = weft_pb_bytes(in->name);
    out->index = in->index;
    out->created = in->created;
    out->n_matches = in->n_matches;
    out->matches = ARRAY(a, match, in->n_matches);
    for (uint32_t i = 0; i < in->n_matches; i++) match(a, &in->matches[i], out->matches[i]);
    out->n_filters = in->n_filters;
    out->filters = filters(a, in->filters, in->n_filters);
    out->n_backends = in->n_backends;
    out->backends = ARRAY(a, backend, in->n_backends);
    for (uint32_t i = 0; i < in->n_backends; i++) backend(a, &in->backends[i], out->backends[i]);
    out->request_timeout_us = in->request_timeout_us;
    out->backend_timeout_us = in->backend_timeout_us;
    out->retry = retry(a, &in->retry);
    out->invalid = weft_pb_bytes(in->invalid);
}

static void destination(struct weft_arena *a, const struct weft_destination *in,
                        Weft__V1__Destination *out) {
    out->name = weft_pb_bytes(in->name);
    out->kind = (Weft__V1__DestinationKind)in->kind;
    out->ns = weft_pb_bytes(in->ns);
    out->service = weft_pb_bytes(in->service);
    out->port = in->port;
    out->port_name = weft_pb_bytes(in->port_name);
    out->protocol = (Weft__V1__Protocol)in->protocol;
    out->routes = (Weft__V1__RouteKind)in->routes;
    out->n_endpoints = in->n_endpoints;
    out->endpoints = texts(a, in->endpoints, in->n_endpoints);
    if (in->kind != WEFT_DEST_NONE) {
        out->default_backend = NEW(a, backend);
        backend(a, &in->default_backend, out->default_backend);
    }
    out->n_rules = in->n_rules;
    out->rules = ARRAY(a, rule, in->n_rules);
    for (uint32_t i = 0; i < in->n_rules; i++) rule(a, &in->rules[i], out->rules[i]);
}

enum weft_status weft_xds_encode_destination(const struct weft_destination *d,
                                             struct weft_buf *out) {
    struct weft_arena scratch;
    weft_arena_init(&scratch, 0);
    Weft__V1__Destination *m = NEW(&scratch, destination);
    destination(&scratch, d, m);
    enum weft_status st = weft_pb_pack(m, out);
    weft_arena_done(&scratch);
    return st;
}

static void endpoint(const struct weft_endpoint *in, Weft__V1__Endpoint *out) {
    size_t ip_len = in->addr.family == 4 ? 4 : in->addr.family == 6 ? 16 : 0;
    out->ip = weft_pb_bytes(weft_slice((const char *)in->addr.ip, ip_len));
    out->port = in->addr.port;
    out->ns = weft_pb_bytes(in->ns);
    out->pod = weft_pb_bytes(in->pod);
    out->service_account = weft_pb_bytes(in->service_account);
    out->spiffe_id = weft_pb_bytes(in->spiffe_id);
    out->meshed = in->meshed;
    out->mode = (Weft__V1__MtlsMode)in->mode;
    out->zone = weft_pb_bytes(in->zone);
}

enum weft_status weft_xds_encode_endpoints(const struct weft_endpoints *e, struct weft_buf *out) {
    struct weft_arena scratch;
    weft_arena_init(&scratch, 0);
    Weft__V1__Endpoints *m = NEW(&scratch, endpoints);
    m->name = weft_pb_bytes(e->name);
    m->n_items = e->n;
    m->items = ARRAY(&scratch, endpoint, e->n);
    for (uint32_t i = 0; i < e->n; i++) endpoint(&e->items[i], m->items[i]);
    m->prefer_zone = e->prefer_zone;
    enum weft_status st = weft_pb_pack(m, out);
    weft_arena_done(&scratch);
    return st;
}

enum weft_status weft_xds_encode_inbound(const struct weft_inbound *in, struct weft_buf *out) {
    struct weft_arena scratch;
    weft_arena_init(&scratch, 0);
    Weft__V1__Inbound *m = NEW(&scratch, inbound);
    m->name = weft_pb_bytes(in->name);
    m->ns = weft_pb_bytes(in->ns);
    m->pod = weft_pb_bytes(in->pod);
    m->service_account = weft_pb_bytes(in->service_account);
    m->mode = (Weft__V1__MtlsMode)in->mode;
    m->zone = weft_pb_bytes(in->zone);
    m->n_ports = in->n_ports;
    m->ports = ARRAY(&scratch, inbound_port, in->n_ports);
    for (uint32_t i = 0; i < in->n_ports; i++) {
        m->ports[i]->port = in->ports[i].port;
        m->ports[i]->mode = (Weft__V1__MtlsMode)in->ports[i].mode;
        m->ports[i]->protocol = (Weft__V1__Protocol)in->ports[i].protocol;
    }
    enum weft_status st = weft_pb_pack(m, out);
    weft_arena_done(&scratch);
    return st;
}

enum weft_status weft_xds_encode_trust(const struct weft_trust *t, struct weft_buf *out) {
    struct weft_arena scratch;
    weft_arena_init(&scratch, 0);
    Weft__V1__Trust *m = NEW(&scratch, trust);
    m->n_domains = t->n_domains;
    m->domains = texts(&scratch, t->domains, t->n_domains);
    m->bundle = weft_pb_bytes(t->bundle);
    enum weft_status st = weft_pb_pack(m, out);
    weft_arena_done(&scratch);
    return st;
}

/* SPDX-License-Identifier: Apache-2.0
 * Resources as JSON. Versions are left out, so that what two builds decided can be compared. */
#include <stdlib.h>

#include <weft/base/alloc.h>
#include <weft/base/check.h>

#include "dump_internal.h"

json_t *weft_dump_slice(struct weft_slice s) {
    json_t *j = json_stringn(s.base ? s.base : "", s.len);
    if (j) return j;
    WEFT_FREE char *ascii = weft_slice_dup(s);
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)ascii[i] >= 0x80) ascii[i] = '?';
    return json_stringn(ascii, s.len);
}

void weft_dump_put(json_t *o, const char *key, struct weft_slice s) {
    if (s.len) json_object_set_new(o, key, weft_dump_slice(s));
}

void weft_dump_put_json(json_t *o, const char *key, json_t *value) {
    bool empty = (json_is_array(value) && json_array_size(value) == 0) ||
                 (json_is_object(value) && json_object_size(value) == 0);
    if (empty)
        json_decref(value);
    else if (value)
        json_object_set_new(o, key, value);
}

void weft_dump_put_u64(json_t *o, const char *key, uint64_t value) {
    if (value) json_object_set_new(o, key, json_integer((json_int_t)value));
}

void weft_dump_put_str(json_t *o, const char *key, const char *value) {
    json_object_set_new(o, key, json_string(value));
}

static void put_addr(json_t *o, const struct weft_addr *addr) {
    char text[WEFT_ADDR_STR];
    if (!addr->family) return;
    weft_addr_format(addr, text);
    weft_dump_put_str(o, "address", text);
}

static const char *kind_name(enum weft_dest_kind k) {
    return k == WEFT_DEST_SERVICE ? "service" : k == WEFT_DEST_WORKLOAD ? "workload" : "none";
}

static json_t *slices(const struct weft_slice *s, uint32_t n) {
    json_t *a = json_array();
    for (uint32_t i = 0; i < n; i++) json_array_append_new(a, weft_dump_slice(s[i]));
    return a;
}

static void put_routes(json_t *o, const struct weft_destination *d) {
    if (d->routes != WEFT_ROUTES_NONE)
        weft_dump_put_str(o, "routes", d->routes == WEFT_ROUTES_GRPC ? "grpc" : "http");
    json_t *rules = json_array();
    for (uint32_t i = 0; i < d->n_rules; i++)
        json_array_append_new(rules, weft_dump_rule(d, &d->rules[i]));
    weft_dump_put_json(o, "rules", rules);
}

json_t *weft_dump_destination(const struct weft_destination *d) {
    json_t *o = json_object();
    weft_dump_put(o, "name", d->name);
    put_addr(o, &d->addr);
    weft_dump_put_str(o, "kind", kind_name(d->kind));
    weft_dump_put(o, "namespace", d->ns);
    weft_dump_put(o, d->kind == WEFT_DEST_WORKLOAD ? "pod" : "service", d->service);
    weft_dump_put_u64(o, "port", d->port);
    weft_dump_put(o, "port_name", d->port_name);
    if (d->kind == WEFT_DEST_NONE) return o;
    weft_dump_put_str(o, "protocol", weft_protocol_name(d->protocol));
    weft_dump_put_json(o, "endpoints", slices(d->endpoints, d->n_endpoints));
    weft_dump_put_json(o, "default_backend", weft_dump_backend(d, &d->default_backend));
    put_routes(o, d);
    return o;
}

static json_t *dump_endpoint(const struct weft_endpoint *ep) {
    json_t *o = json_object();
    put_addr(o, &ep->addr);
    weft_dump_put(o, "namespace", ep->ns);
    weft_dump_put(o, "pod", ep->pod);
    weft_dump_put(o, "service_account", ep->service_account);
    weft_dump_put(o, "spiffe_id", ep->spiffe_id);
    weft_dump_put(o, "zone", ep->zone);
    json_object_set_new(o, "meshed", json_boolean(ep->meshed));
    weft_dump_put_str(o, "mtls", weft_mtls_name(ep->mode));
    return o;
}

json_t *weft_dump_endpoints(const struct weft_endpoints *e) {
    json_t *o = json_object(), *items = json_array();
    weft_dump_put(o, "name", e->name);
    if (e->prefer_zone) json_object_set_new(o, "prefer_zone", json_true());
    for (uint32_t i = 0; i < e->n; i++) json_array_append_new(items, dump_endpoint(&e->items[i]));
    weft_dump_put_json(o, "endpoints", items);
    return o;
}

json_t *weft_dump_inbound(const struct weft_inbound *in) {
    json_t *o = json_object(), *ports = json_array();
    weft_dump_put(o, "name", in->name);
    weft_dump_put(o, "namespace", in->ns);
    weft_dump_put(o, "pod", in->pod);
    weft_dump_put(o, "service_account", in->service_account);
    weft_dump_put(o, "zone", in->zone);
    weft_dump_put_str(o, "mtls", weft_mtls_name(in->mode));
    for (uint32_t i = 0; i < in->n_ports; i++) {
        json_t *p = json_object();
        weft_dump_put_u64(p, "port", in->ports[i].port);
        weft_dump_put_str(p, "mtls", weft_mtls_name(in->ports[i].mode));
        weft_dump_put_str(p, "protocol", weft_protocol_name(in->ports[i].protocol));
        json_array_append_new(ports, p);
    }
    weft_dump_put_json(o, "ports", ports);
    return o;
}

static void put_named(json_t *o, struct weft_slice name, json_t *value) {
    WEFT_FREE char *key = weft_slice_dup(name);
    if (json_object_set(o, key, value) != 0) json_object_set(o, "(unprintable)", value);
    json_decref(value);
}

json_t *weft_dump_all(struct weft_destination *const *d, size_t n_d,
                      struct weft_endpoints *const *e, size_t n_e, struct weft_inbound *const *i,
                      size_t n_i) {
    json_t *all = json_object();
    json_t *dests = json_object(), *ends = json_object(), *ins = json_object();
    for (size_t k = 0; d && k < n_d; k++) put_named(dests, d[k]->name, weft_dump_destination(d[k]));
    for (size_t k = 0; e && k < n_e; k++) put_named(ends, e[k]->name, weft_dump_endpoints(e[k]));
    for (size_t k = 0; i && k < n_i; k++) put_named(ins, i[k]->name, weft_dump_inbound(i[k]));
    json_object_set_new(all, "destinations", dests);
    json_object_set_new(all, "endpoints", ends);
    json_object_set_new(all, "inbound", ins);
    return all;
}

char *weft_dump_text(const json_t *j) {
    char *text = json_dumps(j, JSON_SORT_KEYS | JSON_INDENT(2) | JSON_ENCODE_ANY);
    WEFT_CHECK(text);
    size_t n = strlen(text);
    text = weft_realloc(text, n + 2);
    memcpy(text + n, "\n", 2);
    return text;
}

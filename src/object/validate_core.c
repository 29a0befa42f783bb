/* SPDX-License-Identifier: Apache-2.0
 * Rules across fields of Service and EndpointSlice, and our own annotations. */
#include "schema.h"

#include <stdio.h>
#include <weft/base/addr.h>

static enum weft_status check_port_pair(const json_t *ports, size_t k, size_t i,
                                        struct weft_error *err) {
    const json_t *a = json_array_get(ports, k), *b = json_array_get(ports, i);
    char where[64];
    struct weft_slice pa = weft_js_str(a, "protocol"), pb = weft_js_str(b, "protocol");
    struct weft_slice tcp = WEFT_SLICE_LIT("TCP");
    snprintf(where, sizeof where, "spec.ports[%zu].name", i);
    struct weft_slice name_a = weft_js_str(a, "name"), name_b = weft_js_str(b, "name");
    if (!name_a.len && name_b.len) snprintf(where, sizeof where, "spec.ports[%zu].name", k);
    if (!name_a.len || !name_b.len || weft_slice_eq(name_a, name_b))
        return weft_error_set(err, WEFT_INVALID, where,
                              "with several ports each needs a name of its own");
    snprintf(where, sizeof where, "spec.ports[%zu].port", i);
    if (weft_js_int(a, "port", 1, 65535, 0) == weft_js_int(b, "port", 1, 65535, 0) &&
        weft_slice_eq(pa.len ? pa : tcp, pb.len ? pb : tcp))
        return weft_error_set(err, WEFT_INVALID, where, "repeats a port above");
    return WEFT_OK;
}

enum weft_status weft_validate_service(const struct weft_object *o, struct weft_error *err) {
    const json_t *ports = weft_js_in(o->json, "spec", "ports");
    for (size_t i = 1; i < json_array_size(ports); i++)
        for (size_t k = 0; k < i; k++) {
            enum weft_status st = check_port_pair(ports, k, i, err);
            if (st != WEFT_OK) return st;
        }
    const json_t *spec = json_object_get(o->json, "spec");
    struct weft_slice one = weft_js_str(spec, "clusterIP");
    struct weft_slice first = weft_js_slice(json_array_get(json_object_get(spec, "clusterIPs"), 0));
    if (one.len && first.len && !weft_slice_eq(one, first))
        return weft_error_set(err, WEFT_INVALID, "spec.clusterIPs[0]",
                              "must be the same as spec.clusterIP");
    return weft_validate_annotations(o, err);
}

enum weft_status weft_validate_endpoint_slice(const struct weft_object *o, struct weft_error *err) {
    struct weft_slice type = weft_js_str(o->json, "addressType");
    uint8_t family = weft_slice_is(type, "IPv4") ? 4 : weft_slice_is(type, "IPv6") ? 6 : 0;
    const json_t *endpoints = json_object_get(o->json, "endpoints");
    for (size_t i = 0; family && i < json_array_size(endpoints); i++) {
        const json_t *list = json_object_get(json_array_get(endpoints, i), "addresses");
        for (size_t k = 0; k < json_array_size(list); k++) {
            struct weft_slice s = weft_js_slice(json_array_get(list, k));
            struct weft_addr a;
            char where[80];
            snprintf(where, sizeof where, "endpoints[%zu].addresses[%zu]", i, k);
            if (!weft_addr_parse_ip(s, &a) || a.family != family)
                return weft_error_set(err, WEFT_INVALID, where, "\"%.*s\" is no %.*s address",
                                      (int)(s.len < 60 ? s.len : 60), s.base, WEFT_SLICE_ARG(type));
        }
    }
    return WEFT_OK;
}

static const struct {
    const char *key;
    bool (*ok)(struct weft_slice s);
    const char *what;
} annotations[] = {
    {"weftmesh.io/mtls", weft_fmt_mtls, "use strict, permissive or disabled"},
    {"weftmesh.io/mtls-ports", weft_fmt_mtls_ports,
     "use a list such as \"9090=disabled,80=strict\""},
    {"weftmesh.io/include-inbound-ports", weft_fmt_port_include,
     "use \"*\", \"none\" or a list such as \"80,8000-8100\""},
    {"weftmesh.io/exclude-inbound-ports", weft_fmt_port_list,
     "use a list such as \"80,8000-8100\""},
    {"weftmesh.io/timeout-request", weft_fmt_duration, "use a duration such as \"10s\""},
    {"weftmesh.io/timeout-backend-request", weft_fmt_duration, "use a duration such as \"500ms\""},
    {"weftmesh.io/retry-attempts", weft_fmt_attempts, "use a number from 1 to 100, in quotes"},
    {"weftmesh.io/retry-grpc-codes", weft_fmt_grpc_codes,
     "use gRPC statuses such as \"unavailable,resource-exhausted\""},
    {"weftmesh.io/retry-backoff", weft_fmt_duration, "use a duration such as \"25ms\""},
};

static enum weft_status check_map(const json_t *map, const char *path, struct weft_error *err) {
    for (size_t i = 0; i < WEFT_LEN(annotations); i++) {
        struct weft_slice v = weft_js_str(map, annotations[i].key);
        char where[128];
        snprintf(where, sizeof where, "%s[%s]", path, annotations[i].key);
        if (json_object_get(map, annotations[i].key) && !annotations[i].ok(v))
            return weft_error_set(err, WEFT_INVALID, where, "\"%.*s\": %s",
                                  (int)(v.len < 60 ? v.len : 60), v.base, annotations[i].what);
    }
    return WEFT_OK;
}

enum weft_status weft_validate_annotations(const struct weft_object *o, struct weft_error *err) {
    const json_t *meta = json_object_get(o->json, "metadata");
    enum weft_status st =
        check_map(json_object_get(meta, "annotations"), "metadata.annotations", err);
    if (st == WEFT_OK) st = check_map(json_object_get(meta, "labels"), "metadata.labels", err);
    if (st != WEFT_OK || strcmp(o->kind, "Deployment") != 0) return st;
    meta = json_object_get(weft_js_in(o->json, "spec", "template"), "metadata");
    return check_map(json_object_get(meta, "annotations"), "spec.template.metadata.annotations",
                     err);
}

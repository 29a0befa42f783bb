/* SPDX-License-Identifier: Apache-2.0
 * The gate in front of the store for manifests: identity, schema, then the rules across fields. */
#include "schema.h"

#include <stdio.h>

static enum weft_status check_identity(const struct weft_object *o, struct weft_error *err) {
    struct weft_slice name = weft_slice_str(o->name), ns = weft_slice_str(o->ns);
    if (name.len > 253 || !weft_fmt_subdomain(name))
        return weft_error_set(err, WEFT_INVALID, "metadata.name",
                              "\"%.80s\" must be lower-case letters, digits, '-' and '.'", o->name);
    if (ns.len && (ns.len > 63 || !weft_fmt_label(ns)))
        return weft_error_set(err, WEFT_INVALID, "metadata.namespace",
                              "\"%.80s\" must be lower-case letters, digits and '-'", o->ns);
    return WEFT_OK;
}

static enum weft_status check_meta_map(const struct weft_object *o, const char *key,
                                       struct weft_error *err) {
    json_t *map = weft_js_in(o->json, "metadata", key), *value;
    char path[128];
    const char *name;
    if (!map || json_is_null(map)) return WEFT_OK;
    snprintf(path, sizeof path, "metadata.%s", key);
    if (!json_is_object(map)) return weft_error_set(err, WEFT_INVALID, path, "must be a mapping");
    json_object_foreach(map, name, value) {
        if (json_is_string(value)) continue;
        snprintf(path, sizeof path, "metadata.%s[%.80s]", key, name);
        return weft_error_set(err, WEFT_INVALID, path, "must be text; put it in quotes");
    }
    return WEFT_OK;
}

static enum weft_status check_schema(struct weft_object *o, bool experimental,
                                     struct weft_error *err) {
    const struct schema *s = weft_schema_of(o);
    if (!s) return WEFT_OK;
    struct schema_walk w = {.experimental = experimental, .err = err, .prune = true};
    return weft_schema_check(&w, o->json, s);
}

static enum weft_status check_rules(const struct weft_object *o, bool experimental,
                                    struct weft_error *err) {
    if (!weft_schema_of(o)) return WEFT_OK;
    if (!strcmp(o->kind, "HTTPRoute")) return weft_validate_http_route(o, experimental, err);
    if (!strcmp(o->kind, "GRPCRoute")) {
        enum weft_status st = weft_validate_grpc_route(o, experimental, err);
        return st == WEFT_OK ? weft_validate_annotations(o, err) : st;
    }
    if (!strcmp(o->kind, "TCPRoute") || !strcmp(o->kind, "TLSRoute") ||
        !strcmp(o->kind, "UDPRoute"))
        return weft_validate_parents(o, experimental, err);
    if (!strcmp(o->kind, "Service")) return weft_validate_service(o, err);
    if (!strcmp(o->kind, "EndpointSlice")) return weft_validate_endpoint_slice(o, err);
    return weft_validate_annotations(o, err);
}

enum weft_status weft_object_validate(struct weft_object *o, bool experimental,
                                      struct weft_error *err) {
    struct weft_error local;
    if (!err) err = &local;
    *err = (struct weft_error){0};
    enum weft_status st = check_identity(o, err);
    if (st == WEFT_OK) st = check_meta_map(o, "labels", err);
    if (st == WEFT_OK) st = check_meta_map(o, "annotations", err);
    if (st == WEFT_OK) st = check_schema(o, experimental, err);
    if (st == WEFT_OK) st = check_rules(o, experimental, err);
    if (st != WEFT_OK) err->line = weft_object_line(o, err->path);
    return st;
}

void weft_object_unknown_fields(const struct weft_object *o, bool experimental,
                                void (*fn)(void *ud, const char *path), void *ud) {
    const struct schema *s = weft_schema_of(o);
    struct schema_walk w = {.experimental = experimental, .on_unknown = fn, .ud = ud};
    if (s) (void)weft_schema_check(&w, o->json, s);
}

void weft_object_experimental_fields(const struct weft_object *o,
                                     void (*fn)(void *ud, const char *path), void *ud) {
    const struct schema *s = weft_schema_of(o);
    struct schema_walk w = {.experimental = true, .on_experimental = fn, .ud = ud};
    if (s) (void)weft_schema_check(&w, o->json, s);
}

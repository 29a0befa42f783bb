/* SPDX-License-Identifier: Apache-2.0
 * CRD schemas as tables: what the API server checks before CEL. */
#pragma once
#include "object_internal.h"

enum field_type {
    F_ANY, /* not looked into */
    F_STR, /* min..max bytes */
    F_INT, /* min..max */
    F_BOOL,
    F_OBJ,  /* members as `of` */
    F_MAP,  /* any keys, strings as values */
    F_STRS, /* list of strings; min..max items */
    F_INTS,
    F_OBJS,       /* list of objects as `of`; min..max items */
    F_INT_OR_STR, /* targetPort, probe ports */
};
struct schema;
struct field {
    const char *name;
    enum field_type type;
    bool required;
    int64_t min, max;                /* max 0: no maximum */
    bool (*ok)(struct weft_slice s); /* F_STR; each of F_STRS */
    const char *what;                /* "must be ..." when ok() says no */
    const char *const *values;       /* F_STR, each of F_STRS: one of these, NULL at the end */
    const struct schema *of;
    bool experimental; /* of that channel only */
};
struct schema {
    const struct field *fields; /* name NULL at the end */
    bool open;                  /* other members may exist and are not reported */
};

struct schema_walk {
    bool experimental;
    struct weft_error *err;
    void (*on_unknown)(void *ud, const char *path);      /* NULL: not told */
    void (*on_experimental)(void *ud, const char *path); /* NULL: not told */
    void *ud;
    bool prune; /* remove experimental fields where that channel is not served */
    char path[256];
    size_t len;
};
/* First fault found, in order of the table. */
enum weft_status weft_schema_check(struct schema_walk *w, json_t *value, const struct schema *s);
/* By kind and group, for kinds we know; else NULL. */
const struct schema *weft_schema_of(const struct weft_object *o);
extern const struct schema weft_schema_http_route, weft_schema_grpc_route, weft_schema_tcp_route,
    weft_schema_tls_route, weft_schema_udp_route, weft_schema_reference_grant,
    weft_schema_backend_tls_policy;

/* validate_route.c: what the CRDs say in CEL. */
enum weft_status weft_validate_http_route(const struct weft_object *o, bool experimental,
                                          struct weft_error *err);
enum weft_status weft_validate_grpc_route(const struct weft_object *o, bool experimental,
                                          struct weft_error *err);
/* Also of the other kinds of Route: entries of parentRefs are told apart (REQ-016). */
enum weft_status weft_validate_parents(const struct weft_object *o, bool experimental,
                                       struct weft_error *err);
/* validate_filters.c: one filter list at `path`; `matches` is the rule's, for ReplacePrefixMatch
 * (REQ-075 to 077, 082). */
enum weft_status weft_validate_filters(const json_t *filters, const json_t *matches,
                                       const char *path, struct weft_error *err);
/* validate_core.c */
enum weft_status weft_validate_service(const struct weft_object *o, struct weft_error *err);
enum weft_status weft_validate_endpoint_slice(const struct weft_object *o, struct weft_error *err);
enum weft_status weft_validate_annotations(const struct weft_object *o, struct weft_error *err);

/* SPDX-License-Identifier: Apache-2.0
 * Kubernetes objects as we read them: JSON (jansson) of the whole object, plus its identity. The
 * typed views in object/types.h are taken from it. */
#pragma once
#include <jansson.h>
#include <weft/base/slice.h>
#include <weft/base/status.h>

/* Whose kinds, fields and rules are followed; the version of the suite in tests/cluster/suite. */
#define WEFT_GATEWAY_API "v1.7"

struct weft_object {
    char *group;   /* "" for core */
    char *version; /* "v1" */
    char *kind;    /* "HTTPRoute" */
    char *ns;      /* "" for cluster-scoped */
    char *name;
    int64_t created;    /* metadata.creationTimestamp, Unix seconds; 0 if absent */
    int64_t generation; /* metadata.generation; 0 if absent */
    json_t *json;       /* the whole object */
    char *source;       /* file it came from, or NULL */
    int line;           /* where its document starts, 1-based */
    json_t *lines;      /* shape of `json` with line numbers, see weft_object_line; may be NULL */
};
void weft_object_free(struct weft_object *o);

/* Multi-document YAML, or JSON (also a List); calls fn for each object, which then owns it.
 * Namespaced kinds without a namespace get "default". Returns the first error (with line), but fn
 * has been called for the documents before it. Pure: no file access. */
enum weft_status weft_object_parse(struct weft_slice text, const char *source,
                                   void (*fn)(void *ud, struct weft_object *o), void *ud,
                                   struct weft_error *err);
/* The rules that the API server would enforce (CRD schema and CEL, REQ-016, 061, 075 to 077,
 * 103, ...) for the kinds we know. experimental: that channel's fields exist; otherwise they are
 * pruned. WEFT_INVALID with the field path. */
enum weft_status weft_object_validate(struct weft_object *o, bool experimental,
                                      struct weft_error *err);
/* For sources that hold decoded JSON: takes over `json` (also on error). */
enum weft_status weft_object_from_json(json_t *json, const char *source, struct weft_object **ret,
                                       struct weft_error *err) WEFT_MUST_USE;
/* Line of the field at `path` ("spec.rules[0].name"), or of its closest parent that has one. */
int weft_object_line(const struct weft_object *o, const char *path);
/* Calls fn with the path of every field that the schemas do not know (the API server drops these
 * without a word). Only for kinds with a complete schema (HTTPRoute). */
void weft_object_unknown_fields(const struct weft_object *o, bool experimental,
                                void (*fn)(void *ud, const char *path), void *ud);
/* Fields of the experimental channel that this object uses. */
void weft_object_experimental_fields(const struct weft_object *o,
                                     void (*fn)(void *ud, const char *path), void *ud);

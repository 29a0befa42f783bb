/* SPDX-License-Identifier: Apache-2.0
 * From text to objects: YAML or JSON, Lists unrolled, identity read, namespace defaulted. */
#include "object_internal.h"

#include <stdio.h>
#include <time.h>
#include <weft/base/alloc.h>
#include <weft/base/limits.h>

static const char *const cluster_scoped[] = {
    "Namespace",
    "Node",
    "PersistentVolume",
    "ClusterRole",
    "ClusterRoleBinding",
    "StorageClass",
    "IngressClass",
    "CustomResourceDefinition",
    "GatewayClass",
    "PriorityClass",
    "RuntimeClass",
    "MutatingWebhookConfiguration",
    "APIService",
    "CSIDriver",
    "XMesh",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "FlowSchema",
    "ClusterTrustBundle",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
};

static bool is_cluster_scoped(const char *kind) {
    for (size_t i = 0; i < WEFT_LEN(cluster_scoped); i++)
        if (!strcmp(kind, cluster_scoped[i])) return true;
    return false;
}

void weft_object_free(struct weft_object *o) {
    if (!o) return;
    free(o->group);
    free(o->version);
    free(o->kind);
    free(o->ns);
    free(o->name);
    free(o->source);
    json_decref(o->json);
    json_decref(o->lines);
    free(o);
}

/* RFC 3339 in UTC, as the API server writes it; 0 when it is anything else. */
static int64_t parse_time(struct weft_slice s) {
    struct tm tm = {0};
    char text[32];
    if (s.len < 20 || s.len >= sizeof text) return 0;
    memcpy(text, s.base, s.len);
    text[s.len] = 0;
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || (*end != 'Z' && *end != '.')) return 0;
    return (int64_t)timegm(&tm);
}

static void read_api_version(struct weft_object *o, struct weft_slice v) {
    size_t slash = weft_slice_find(v, '/');
    bool core = slash == v.len;
    o->group = weft_slice_dup(core ? WEFT_SLICE_EMPTY : weft_slice_head(v, slash));
    o->version = weft_slice_dup(core ? v : weft_slice_from(v, slash + 1));
}

static enum weft_status read_identity(struct weft_object *o, struct weft_error *err) {
    struct weft_slice version = weft_js_str(o->json, "apiVersion");
    struct weft_slice kind = weft_js_str(o->json, "kind");
    json_t *meta = json_object_get(o->json, "metadata");
    if (!json_is_object(o->json))
        return weft_error_set(err, WEFT_INVALID, "", "a Kubernetes object must be a mapping");
    if (!version.len)
        return weft_error_set(err, WEFT_INVALID, "apiVersion", "missing, e.g. \"v1\"");
    if (!kind.len) return weft_error_set(err, WEFT_INVALID, "kind", "missing, e.g. \"Service\"");
    if (!json_is_object(meta))
        return weft_error_set(err, WEFT_INVALID, "metadata", "missing: give it a name");
    struct weft_slice name = weft_js_str(meta, "name");
    if (json_object_get(meta, "name") && !json_is_string(json_object_get(meta, "name")))
        return weft_error_set(err, WEFT_INVALID, "metadata.name", "must be text; put it in quotes");
    if (!name.len)
        return weft_error_set(err, WEFT_INVALID, "metadata.name", "missing: give it a name");
    const json_t *ns = json_object_get(meta, "namespace");
    if (ns && !json_is_string(ns) && !json_is_null(ns)) /* not silently "default" */
        return weft_error_set(err, WEFT_INVALID, "metadata.namespace",
                              "must be text; put it in quotes");
    read_api_version(o, version);
    o->kind = weft_slice_dup(kind);
    o->name = weft_slice_dup(name);
    if (is_cluster_scoped(o->kind))
        json_object_del(meta, "namespace");
    else if (!weft_js_str(meta, "namespace").len)
        json_object_set_new(meta, "namespace", json_string("default"));
    o->ns = weft_slice_dup(weft_js_str(meta, "namespace"));
    o->created = parse_time(weft_js_str(meta, "creationTimestamp"));
    o->generation = weft_js_int(meta, "generation", 0, INT64_MAX, 0);
    return WEFT_OK;
}

enum weft_status weft_object_from_json(json_t *json, const char *source, struct weft_object **ret,
                                       struct weft_error *err) {
    struct weft_object *o = weft_new0(struct weft_object);
    o->json = json;
    o->source = source ? weft_strdup(source) : NULL;
    enum weft_status st = read_identity(o, err);
    if (st == WEFT_OK) *ret = weft_take(&o);
    weft_object_free(o);
    return st;
}

struct parse {
    const char *source;
    void (*fn)(void *ud, struct weft_object *o);
    void *ud;
    struct weft_error *err;
    enum weft_status status;
};

/* kustomization.yaml lies among manifests, but is for kustomize and has no name. */
static bool is_for_tools(const json_t *value) {
    return weft_slice_starts(weft_js_str(value, "apiVersion"),
                             WEFT_SLICE_LIT("kustomize.config.k8s.io/"));
}

static void emit(struct parse *p, json_t *value, json_t *lines, int line) {
    if (is_for_tools(value)) {
        json_decref(value);
        json_decref(lines);
        return;
    }
    struct weft_object *o;
    json_t *keep = lines;
    enum weft_status st = weft_object_from_json(value, p->source, &o, p->err);
    if (st != WEFT_OK) {
        p->status = st;
        if (p->err) p->err->line = line;
        json_decref(keep);
        return;
    }
    o->lines = keep;
    o->line = line;
    p->fn(p->ud, o);
}

static int line_of(const json_t *lines) {
    const json_t *at = json_is_array(lines)    ? json_array_get(lines, 0)
                       : json_is_object(lines) ? json_object_get(lines, "")
                                               : lines;
    return json_is_integer(at) ? (int)json_integer_value(at) : 0;
}

/* A v1 List (or ServiceList, ...) stands for its items. */
static void on_document(void *ud, json_t *value, json_t *lines, int line) {
    struct parse *p = ud;
    json_t *items = json_object_get(value, "items"), *item;
    if (p->status != WEFT_OK) {
        json_decref(value);
        json_decref(lines);
        return;
    }
    if (!weft_slice_ends(weft_js_str(value, "kind"), WEFT_SLICE_LIT("List")) ||
        !(json_is_array(items) || json_is_null(items))) {
        emit(p, value, lines, line);
        return;
    }
    json_t *item_lines = json_object_get(lines, "items");
    size_t i;
    json_array_foreach(items, i, item) {
        json_t *at = json_array_get(item_lines, i + 1);
        int item_line = at ? line_of(at) : line;
        if (p->status == WEFT_OK) emit(p, json_incref(item), json_incref(at), item_line);
    }
    json_decref(value);
    json_decref(lines);
}

/* One or more JSON texts after each other. */
static enum weft_status parse_json(struct weft_slice text, struct parse *p) {
    int line = 1;
    for (;;) {
        while (text.len && strchr(" \t\r\n", text.base[0])) {
            line += text.base[0] == '\n';
            text = weft_slice_from(text, 1);
        }
        if (!text.len) return WEFT_OK;
        json_error_t e;
        json_t *j =
            json_loadb(text.base, text.len, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &e);
        if (!j) {
            weft_error_set(p->err, WEFT_INVALID, "", "%s", e.text);
            if (p->err) p->err->line = line + (e.line > 0 ? e.line - 1 : 0);
            return WEFT_INVALID;
        }
        size_t used = e.position > 0 ? (size_t)e.position : text.len;
        on_document(p, j, NULL, line);
        for (size_t i = 0; i < used && i < text.len; i++) line += text.base[i] == '\n';
        text = weft_slice_from(text, used);
    }
}

static bool looks_like_json(struct weft_slice s) {
    size_t i = 0;
    while (i < s.len && strchr(" \t\r\n", s.base[i])) i++;
    if (i == s.len || s.base[i] != '{') return false;
    i++;
    while (i < s.len && strchr(" \t\r\n", s.base[i])) i++;
    return i < s.len && (s.base[i] == '"' || s.base[i] == '}');
}

enum weft_status weft_object_parse(struct weft_slice text, const char *source,
                                   void (*fn)(void *ud, struct weft_object *o), void *ud,
                                   struct weft_error *err) {
    struct parse p = {source, fn, ud, err, WEFT_OK};
    if (err) *err = (struct weft_error){0};
    if (text.len > WEFT_MAX_MANIFEST_BYTES)
        return weft_error_set(err, WEFT_LIMIT, "", "larger than 4 MiB: split the file");
    enum weft_status st =
        looks_like_json(text) ? parse_json(text, &p) : weft_yaml_parse(text, on_document, &p, err);
    return p.status != WEFT_OK ? p.status : st;
}

/* One step of a path: "name" or "[3]"; returns what is left. */
static const char *step(const char *path, const json_t **lines) {
    size_t n = strcspn(path, ".[");
    if (*path == '[') {
        size_t digits = strspn(path + 1, "0123456789");
        uint64_t i = 0;
        bool ok = weft_slice_u64(weft_slice(path + 1, digits), UINT32_MAX, &i);
        *lines = ok && json_is_array(*lines) ? json_array_get(*lines, i + 1) : NULL;
        path += 1 + digits;
        if (*path == ']') path++;
    } else {
        *lines = json_is_object(*lines) ? json_object_getn(*lines, path, n) : NULL;
        path += n;
    }
    return *path == '.' ? path + 1 : path;
}

int weft_object_line(const struct weft_object *o, const char *path) {
    const json_t *at = o->lines;
    int line = o->line;
    while (*path && at) {
        const char *rest = step(path, &at);
        if (rest == path) break;
        path = rest;
        int here = line_of(at);
        if (here) line = here;
    }
    return line;
}

/* SPDX-License-Identifier: Apache-2.0
 * The little of a Kubernetes API server that controllers write to: objects by path, guarded by
 * resourceVersion, with status subresources, merge patches, lists and watches. */
#pragma once
#include "fake_kube.h"

#include <jansson.h>
#include <string.h>

enum { CLUSTER_MAX = 64 };

struct cluster_object {
    char path[256]; /* "/api/v1/namespaces/x/secrets/y" */
    json_t *json;   /* NULL: the place is free */
};
struct fake_cluster {
    struct fake_kube *fake;
    struct cluster_object objects[CLUSTER_MAX];
    int version;
    int gets, posts, puts, patches, conflicts; /* answered, of objects */
    /* Status to answer with instead, or 0; after it may come the real thing. */
    unsigned (*script)(void *ud, const struct fake_request *r);
    void *ud;
    bool silent;        /* nothing is answered */
    const char *absent; /* paths that begin so are not served: the CRD is not there */
};

static inline struct cluster_object *cluster_find(struct fake_cluster *c, const char *path,
                                                  size_t n) {
    for (size_t i = 0; i < CLUSTER_MAX; i++) {
        struct cluster_object *o = &c->objects[i];
        if (o->json && strlen(o->path) == n && !strncmp(o->path, path, n)) return o;
    }
    return NULL;
}
static inline json_t *cluster_get(struct fake_cluster *c, const char *path) {
    struct cluster_object *o = cluster_find(c, path, strlen(path));
    return o ? o->json : NULL;
}

static inline void cluster_say(struct fake_request *r, unsigned status, const json_t *body) {
    char *text = json_dumps(body, JSON_COMPACT);
    fake_answer(r, status, text);
    free(text);
}
static inline void cluster_refuse(struct fake_request *r, unsigned status) {
    char text[128];
    snprintf(text, sizeof text, "{\"kind\":\"Status\",\"message\":\"scripted %u\"}", status);
    fake_answer(r, status, text);
}

/* Is the object at `path` in the collection `target` (n bytes), of one namespace or of all? */
static inline bool cluster_in(const char *target, size_t n, const char *path) {
    size_t plural = n;
    while (plural > 0 && target[plural - 1] != '/') plural--;
    const char *slash = strrchr(path, '/');
    size_t up = slash ? (size_t)(slash - path) : 0;
    if (up == n && !strncmp(path, target, n)) return true;
    if (up < n - plural + 1 || strncmp(path, target, plural - 1) != 0) return false;
    return !strncmp(path + plural - 1, "/namespaces/", 12) &&
           !strncmp(slash - (n - plural + 1), target + plural - 1, n - plural + 1);
}

static inline bool cluster_watches(const struct fake_request *r, const char *path) {
    if (!r->stream || !fake_watches(r) || !cluster_in(r->target, strcspn(r->target, "?"), path))
        return false;
    const char *sel = strstr(r->target, "metadata.name%3D"), *name = strrchr(path, '/') + 1;
    size_t len = strlen(name);
    return !sel || (!strncmp(sel + 16, name, len) && strchr("&", sel[16 + len]));
}
static inline void cluster_tell(struct fake_cluster *c, const char *type,
                                const struct cluster_object *o) {
    char *text = json_dumps(o->json, JSON_COMPACT);
    WEFT_FREE char *line = weft_asprintf("{\"type\":\"%s\",\"object\":%s}\n", type, text);
    free(text);
    for (size_t i = 0; i < c->fake->n; i++)
        if (cluster_watches(c->fake->requests[i], o->path)) fake_write(c->fake->requests[i], line);
}

static inline void cluster_stamp(struct fake_cluster *c, struct cluster_object *o,
                                 const char *type) {
    char version[16];
    snprintf(version, sizeof version, "%d", ++c->version);
    json_object_set_new(json_object_get(o->json, "metadata"), "resourceVersion",
                        json_string(version));
    cluster_tell(c, type, o);
}

/* Takes over `json`; makes or replaces without asking. */
static inline void cluster_put(struct fake_cluster *c, const char *path, json_t *json) {
    struct cluster_object *o = cluster_find(c, path, strlen(path));
    bool fresh = !o;
    assert_non_null(json);
    for (size_t i = 0; !o && i < CLUSTER_MAX; i++)
        if (!c->objects[i].json) o = &c->objects[i];
    assert_non_null(o);
    snprintf(o->path, sizeof o->path, "%s", path);
    json_decref(o->json);
    o->json = json;
    cluster_stamp(c, o, fresh ? "ADDED" : "MODIFIED");
}
static inline void cluster_remove(struct fake_cluster *c, const char *path) {
    struct cluster_object *o = cluster_find(c, path, strlen(path));
    assert_non_null(o);
    cluster_stamp(c, o, "DELETED");
    json_decref(o->json);
    o->json = NULL;
}

/* RFC 7396 */
static inline void cluster_merge(json_t *to, const json_t *patch) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)patch, key, v) {
        json_t *old = json_object_get(to, key);
        if (json_is_null(v))
            json_object_del(to, key);
        else if (json_is_object(v) && json_is_object(old))
            cluster_merge(old, v);
        else
            json_object_set_new(to, key, json_deep_copy(v));
    }
}

static inline const char *cluster_version(const json_t *o) {
    const char *v =
        json_string_value(json_object_get(json_object_get(o, "metadata"), "resourceVersion"));
    return v ? v : "";
}

/* An older version than the stored one is refused; none at all is not. */
static inline bool cluster_conflicts(struct fake_cluster *c, struct fake_request *r,
                                     const struct cluster_object *o, const json_t *body) {
    const char *v = cluster_version(body);
    if (!v[0] || !strcmp(v, cluster_version(o->json))) return false;
    c->conflicts++;
    cluster_refuse(r, 409);
    return true;
}

static inline void cluster_create(struct fake_cluster *c, struct fake_request *r, json_t *body) {
    char path[320];
    const char *name =
        json_string_value(json_object_get(json_object_get(body, "metadata"), "name"));
    c->posts++;
    assert_non_null(name);
    snprintf(path, sizeof path, "%.*s/%s", (int)strcspn(r->target, "?"), r->target, name);
    if (cluster_get(c, path)) {
        cluster_refuse(r, 409);
        return;
    }
    cluster_put(c, path, json_incref(body));
    cluster_say(r, 201, cluster_get(c, path));
}

static inline void cluster_change(struct fake_cluster *c, struct fake_request *r, json_t *body) {
    size_t n = strcspn(r->target, "?");
    bool status = n > 7 && !strncmp(r->target + n - 7, "/status", 7);
    struct cluster_object *o = cluster_find(c, r->target, status ? n - 7 : n);
    bool patch = !strcmp(r->method, "PATCH");
    *(patch ? &c->patches : &c->puts) += 1;
    if (!o) {
        cluster_refuse(r, 404);
        return;
    }
    if (cluster_conflicts(c, r, o, body)) return;
    if (patch) {
        assert_string_equal(r->content_type, "application/merge-patch+json");
        cluster_merge(o->json, body);
    } else {
        json_object_update(o->json, body);
    }
    cluster_stamp(c, o, "MODIFIED");
    cluster_say(r, 200, o->json);
}

static inline void cluster_list(struct fake_cluster *c, struct fake_request *r) {
    json_t *items = json_array();
    size_t n = strcspn(r->target, "?");
    for (size_t i = 0; i < CLUSTER_MAX; i++) {
        const struct cluster_object *o = &c->objects[i];
        if (o->json && cluster_in(r->target, n, o->path)) json_array_append(items, o->json);
    }
    char version[16];
    snprintf(version, sizeof version, "%d", c->version);
    json_t *list = json_pack("{s:s, s:{s:s}, s:o}", "kind", "List", "metadata", "resourceVersion",
                             version, "items", items);
    cluster_say(r, 200, list);
    json_decref(list);
}

static inline bool cluster_is_collection(const char *path, size_t n) {
    size_t parts = 0;
    for (size_t i = 0; i < n; i++) parts += path[i] == '/';
    bool core = !strncmp(path, "/api/", 5);
    bool namespaced = strstr(path, "/namespaces/") != NULL;
    return parts == (core ? 3u : 4u) + (namespaced ? 2u : 0u);
}

static inline void cluster_read(struct fake_cluster *c, struct fake_request *r) {
    size_t n = strcspn(r->target, "?");
    if (fake_watches(r)) {
        fake_start(r, 200);
        return;
    }
    if (cluster_is_collection(r->target, n)) {
        cluster_list(c, r);
        return;
    }
    c->gets++;
    struct cluster_object *o = cluster_find(c, r->target, n);
    if (o)
        cluster_say(r, 200, o->json);
    else
        cluster_refuse(r, 404);
}

static inline void cluster_on_request(void *ud, struct fake_request *r) {
    struct fake_cluster *c = ud;
    if (c->silent) return;
    unsigned status = c->script ? c->script(c->ud, r) : 0;
    if (!status && c->absent && !strncmp(r->target, c->absent, strlen(c->absent))) status = 404;
    if (status) {
        cluster_refuse(r, status);
        return;
    }
    if (!strcmp(r->method, "GET")) {
        cluster_read(c, r);
        return;
    }
    struct weft_slice text = weft_buf_slice(&r->body);
    json_t *body = json_loadb(text.base, text.len, 0, NULL);
    assert_non_null(body);
    if (!strcmp(r->method, "POST"))
        cluster_create(c, r, body);
    else
        cluster_change(c, r, body);
    json_decref(body);
}

static inline struct fake_cluster *fake_cluster_new(struct weft_loop *l) {
    struct fake_cluster *c = weft_new0(struct fake_cluster);
    c->fake = fake_kube_new(l, cluster_on_request, c);
    return c;
}
static inline struct fake_cluster *fake_cluster_free(struct fake_cluster *c) {
    fake_kube_free(c->fake);
    for (size_t i = 0; i < CLUSTER_MAX; i++) json_decref(c->objects[i].json);
    free(c);
    return NULL;
}

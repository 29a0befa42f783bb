/* SPDX-License-Identifier: Apache-2.0
 * List and watch as the Kubernetes API means them ("Efficient detection of changes"): a list is the
 * truth at its resourceVersion, events are what happened since. */
#include "watch_state.h"
#include "client_internal.h"

#include <weft/base/alloc.h>
#include <weft/object/json.h>

struct kube_known {
    UT_hash_handle hh;
    char *key; /* "namespace/name" */
    uint64_t pass;
    json_t *type; /* {"kind", "apiVersion"}, shared by those of one list */
};

void kube_state_init(struct kube_state *s, const struct weft_kube_watch_cb *cb) {
    *s = (struct kube_state){.cb = *cb};
}

static void forget(struct kube_state *s, struct kube_known *k) {
    HASH_DEL(s->known, k);
    json_decref(k->type);
    free(k->key);
    free(k);
}

void kube_state_restart(struct kube_state *s) {
    free(s->version);
    free(s->cont);
    s->version = s->cont = NULL;
}

void kube_state_done(struct kube_state *s) {
    struct kube_known *k, *next;
    HASH_ITER(hh, s->known, k, next) forget(s, k);
    kube_state_restart(s);
}

static char *key_of(const json_t *object) {
    const json_t *meta = json_object_get(object, "metadata");
    struct weft_slice ns = weft_js_str(meta, "namespace"), name = weft_js_str(meta, "name");
    if (!name.len) return NULL;
    return weft_asprintf(WEFT_SLICE_FMT "/" WEFT_SLICE_FMT, WEFT_SLICE_ARG(ns),
                         WEFT_SLICE_ARG(name));
}

static struct kube_known *find(const struct kube_state *s, const char *key) {
    struct kube_known *k;
    HASH_FIND(hh, s->known, key, strlen(key), k);
    return k;
}

static json_t *type_of(const json_t *object) {
    json_t *type = json_object();
    json_object_set(type, "kind", json_object_get(object, "kind"));
    json_object_set(type, "apiVersion", json_object_get(object, "apiVersion"));
    return type;
}

static void tell(struct kube_state *s, enum weft_kube_event event, const json_t *object) {
    if (!s->stopped && s->cb.on_object) s->cb.on_object(s->cb.ud, event, object);
}

/* `type` is borrowed; NULL: taken from the object. */
static bool put(struct kube_state *s, const json_t *object, json_t *type) {
    char *key = key_of(object);
    if (!key) return false;
    struct kube_known *k = find(s, key);
    if (!k) {
        k = weft_new0(struct kube_known);
        k->key = weft_take(&key);
        k->type = type ? json_incref(type) : type_of(object);
        HASH_ADD_KEYPTR(hh, s->known, k->key, strlen(k->key), k);
    }
    free(key);
    k->pass = s->pass;
    tell(s, WEFT_KUBE_PUT, object);
    return true;
}

static bool drop(struct kube_state *s, const json_t *object) {
    WEFT_FREE char *key = key_of(object);
    if (!key) return false;
    struct kube_known *k = find(s, key);
    if (k) forget(s, k);
    tell(s, WEFT_KUBE_DELETE, object);
    return true;
}

/* An object that a list no longer holds: there is no body to show. */
static void tell_gone(struct kube_state *s, struct kube_known *k) {
    struct weft_slice name = weft_slice_str(k->key), ns = weft_slice_cut(&name, '/');
    json_t *object = json_copy(k->type), *meta = json_object();
    if (ns.len) json_object_set_new(meta, "namespace", json_stringn(ns.base, ns.len));
    json_object_set_new(meta, "name", json_stringn(name.base, name.len));
    json_object_set_new(object, "metadata", meta);
    forget(s, k);
    tell(s, WEFT_KUBE_DELETE, object);
    json_decref(object);
}

static void sweep(struct kube_state *s) {
    struct kube_known *k, *next;
    HASH_ITER(hh, s->known, k, next) {
        if (s->stopped) return;
        if (k->pass != s->pass) tell_gone(s, k);
    }
}

void kube_state_gone(struct kube_state *s) {
    kube_state_restart(s);
    s->pass++;
    sweep(s);
}

/* Items of a list of a built-in kind do not say what they are; the list does. */
static json_t *type_of_list(const json_t *page) {
    struct weft_slice kind = weft_js_str(page, "kind");
    if (weft_slice_ends(kind, WEFT_SLICE_LIT("List"))) kind.len -= 4;
    json_t *type = json_object();
    json_object_set_new(type, "kind", json_stringn(kind.base ? kind.base : "", kind.len));
    json_object_set(type, "apiVersion", json_object_get(page, "apiVersion"));
    return type;
}

static void take(char **to, struct weft_slice s) {
    free(*to);
    *to = s.len ? weft_slice_dup(s) : NULL;
}

static enum weft_status end_page(struct kube_state *s, const json_t *meta, struct weft_error *err) {
    struct weft_slice version = weft_js_str(meta, "resourceVersion");
    take(&s->cont, weft_js_str(meta, "continue"));
    if (s->cont) return WEFT_OK;
    if (!version.len)
        return weft_error_set(err, WEFT_INVALID, "metadata.resourceVersion", "a list without it");
    take(&s->version, version);
    sweep(s);
    return WEFT_OK;
}

enum weft_status kube_state_page(struct kube_state *s, json_t *page, struct weft_error *err) {
    json_t *items = json_object_get(page, "items"), *item;
    const json_t *meta = json_object_get(page, "metadata");
    size_t i;
    if (!json_is_object(meta) || !(json_is_array(items) || json_is_null(items)))
        return weft_error_set(err, WEFT_INVALID, "", "the server's answer is no list");
    if (!s->cont) s->pass++;
    json_t *type = type_of_list(page);
    json_array_foreach(items, i, item) {
        if (s->stopped) break;
        if (json_is_object(item)) {
            json_object_update_missing(item, type);
            (void)put(s, item, type); /* one without a name cannot be kept by anybody */
        }
    }
    json_decref(type);
    return s->stopped ? WEFT_OK : end_page(s, meta, err);
}

static enum weft_status server_error(const json_t *status, struct weft_error *err) {
    int64_t code = weft_js_int(status, "code", 0, 999, 0);
    struct weft_slice text = weft_js_str(status, "message");
    return weft_error_set(err, code == 410 ? WEFT_NOT_FOUND : WEFT_IO, "",
                          "the watch ended with status %d: " WEFT_SLICE_FMT, (int)code,
                          WEFT_SLICE_ARG(weft_slice_head(text, 300)));
}

static enum weft_status apply(struct kube_state *s, const json_t *event, struct weft_error *err) {
    struct weft_slice type = weft_js_str(event, "type");
    const json_t *object = json_object_get(event, "object");
    struct weft_slice version = weft_js_str(json_object_get(object, "metadata"), "resourceVersion");
    bool ok;
    if (weft_slice_is(type, "ERROR")) return server_error(object, err);
    if (weft_slice_is(type, "BOOKMARK"))
        ok = version.len > 0;
    else if (weft_slice_is(type, "ADDED") || weft_slice_is(type, "MODIFIED"))
        ok = version.len > 0 && put(s, object, NULL);
    else if (weft_slice_is(type, "DELETED"))
        ok = version.len > 0 && drop(s, object);
    else
        ok = false;
    if (!ok)
        return weft_error_set(err, WEFT_INVALID, "", "the watch told something that is no event");
    if (!s->stopped) take(&s->version, version);
    return WEFT_OK;
}

enum weft_status kube_state_line(struct kube_state *s, struct weft_slice line,
                                 struct weft_error *err) {
    json_t *event = kube_json(line, err);
    if (!event) return WEFT_INVALID;
    enum weft_status st = apply(s, event, err);
    json_decref(event);
    return st;
}

enum weft_status kube_state_feed(struct kube_state *s, struct weft_buf *body,
                                 struct weft_error *err) {
    enum weft_status st = WEFT_OK;
    while (st == WEFT_OK && !s->stopped) {
        struct weft_slice all = weft_buf_slice(body);
        size_t n = weft_slice_find(all, '\n');
        if (n == all.len) break;
        struct weft_slice line = weft_slice_trim(weft_slice_head(all, n));
        if (line.len && line.base[line.len - 1] == '\r') line.len--;
        if (line.len) st = kube_state_line(s, line, err);
        weft_buf_consume(body, n + 1);
    }
    return st;
}

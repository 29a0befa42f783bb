/* SPDX-License-Identifier: Apache-2.0
 * The difference of two JSON values as a patch: objects member by member, lists of named things
 * item by item. */
#include <weft/object/json_patch.h>

#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/object/json.h>

struct differ {
    json_t *ops;
    struct weft_buf path; /* JSON Pointer (RFC 6901) of what is compared now */
};

static void diff(struct differ *d, json_t *from, json_t *to);

static size_t push(struct differ *d, const char *key) {
    size_t before = weft_buf_size(&d->path);
    weft_buf_char(&d->path, '/');
    for (; *key; key++) {
        if (*key == '~')
            weft_buf_str(&d->path, "~0");
        else if (*key == '/')
            weft_buf_str(&d->path, "~1");
        else
            weft_buf_char(&d->path, *key);
    }
    return before;
}

static size_t push_index(struct differ *d, size_t i) {
    size_t before = weft_buf_size(&d->path);
    weft_buf_printf(&d->path, "/%zu", i);
    return before;
}

static void pop(struct differ *d, size_t before) {
    d->path.len = d->path.off + before;
}

static void emit(struct differ *d, const char *op, const json_t *value) {
    WEFT_FREE char *path = weft_slice_dup(weft_buf_slice(&d->path));
    json_t *o = json_pack("{s:s, s:s}", "op", op, "path", path);
    if (value) json_object_set_new(o, "value", json_deep_copy(value));
    json_array_append_new(d->ops, o);
}

static void diff_objects(struct differ *d, json_t *from, json_t *to) {
    const char *key;
    json_t *value;
    json_object_foreach(to, key, value) {
        size_t before = push(d, key);
        json_t *old = json_object_get(from, key);
        if (old)
            diff(d, old, value);
        else
            emit(d, "add", value);
        pop(d, before);
    }
    json_object_foreach(from, key, value) {
        if (json_object_get(to, key)) continue;
        size_t before = push(d, key);
        emit(d, "remove", NULL);
        pop(d, before);
    }
}

static bool same_item(const json_t *a, const json_t *b) {
    struct weft_slice name = weft_js_str(a, "name");
    return name.len ? weft_slice_eq(name, weft_js_str(b, "name")) : json_equal(a, b);
}

/* Where the old items stand in the new list; -1: not together. */
static int offset_of(const json_t *from, const json_t *to) {
    size_t n = json_array_size(from), m = json_array_size(to);
    for (size_t k = 0; k + n <= m; k++) {
        size_t i = 0;
        while (i < n && same_item(json_array_get(from, i), json_array_get(to, k + i))) i++;
        if (i == n) return (int)k;
    }
    return -1;
}

static void diff_arrays(struct differ *d, json_t *from, json_t *to) {
    int offset = offset_of(from, to);
    size_t n = json_array_size(from), m = json_array_size(to);
    if (offset < 0) {
        emit(d, "replace", to);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t before = push_index(d, i);
        diff(d, json_array_get(from, i), json_array_get(to, i + (size_t)offset));
        pop(d, before);
    }
    for (size_t i = 0; i < m; i++) {
        if (i == (size_t)offset) i += n;
        if (i >= m) break;
        size_t before = push_index(d, i);
        emit(d, "add", json_array_get(to, i));
        pop(d, before);
    }
}

static void diff(struct differ *d, json_t *from, json_t *to) {
    if (json_equal(from, to)) return;
    if (json_is_object(from) && json_is_object(to))
        diff_objects(d, from, to);
    else if (json_is_array(from) && json_is_array(to))
        diff_arrays(d, from, to);
    else
        emit(d, "replace", to);
}

json_t *weft_json_patch(json_t *from, json_t *to) {
    struct differ d = {.ops = json_array()};
    weft_buf_init(&d.path, 0);
    diff(&d, from, to);
    weft_buf_done(&d.path);
    return d.ops;
}

/* SPDX-License-Identifier: Apache-2.0
 * Short ways into Kubernetes objects held as JSON. */
#include <cli/local/jsonx.h>
#include <stdio.h>
#include <string.h>

/* Calls down one step: the key up to the next dot; *path moves on, NULL at the end. */
static bool next_key(const char **path, char key[64]) {
    const char *dot = strchr(*path, '.');
    size_t len = dot ? (size_t)(dot - *path) : strlen(*path);
    if (len >= 64) return false;
    memcpy(key, *path, len);
    key[len] = 0;
    *path = dot ? dot + 1 : NULL;
    return true;
}

json_t *local_get(const json_t *o, const char *path) {
    char key[64];
    json_t *at = NULL;
    while (path && next_key(&path, key)) {
        at = json_object_get(o, key);
        if (!at) return NULL;
        o = at;
    }
    return at;
}

const char *local_str(const json_t *o, const char *path, const char *otherwise) {
    const char *s = json_string_value(local_get(o, path));
    return s ? s : otherwise;
}

json_int_t local_int(const json_t *o, const char *path, json_int_t otherwise) {
    json_t *v = local_get(o, path);
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

const char *local_label(const json_t *o, const char *path, const char *key) {
    return json_string_value(json_object_get(local_get(o, path), key));
}

void local_set(json_t *o, const char *path, const char *key, json_t *value) {
    char step[64];
    while (path && *path && next_key(&path, step)) {
        json_t *in = json_object_get(o, step);
        if (!json_is_object(in)) {
            in = json_object();
            json_object_set_new(o, step, in);
        }
        o = in;
    }
    json_object_set_new(o, key, value);
}

bool local_selects(const json_t *selector, const json_t *labels) {
    if (!json_is_object(selector) || json_object_size(selector) == 0) return false;
    const char *key;
    json_t *want;
    json_object_foreach((json_t *)(uintptr_t)selector, key, want) {
        json_t *have = json_object_get(labels, key);
        if (!have || !json_equal(have, want)) return false;
    }
    return true;
}

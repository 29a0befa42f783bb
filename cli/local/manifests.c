/* SPDX-License-Identifier: Apache-2.0
 * A folder of manifests kept equal to a set of objects. */
#include <cli/local/files.h>
#include <cli/local/jsonx.h>
#include <cli/local/manifests.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/obs/log.h>

char *manifests_file(const json_t *object) {
    char *name = weft_asprintf("%s.%s.%s.json", local_str(object, "kind", "object"),
                               local_str(object, "metadata.namespace", ""),
                               local_str(object, "metadata.name", ""));
    for (char *p = name; *p; p++) *p = *p == '/' ? '_' : weft_lower(*p);
    return name;
}

void manifests_add(json_t *set, const json_t *objects) {
    size_t i;
    json_t *o;
    json_array_foreach(objects, i, o) {
        WEFT_FREE char *name = manifests_file(o);
        json_object_set_new(set, name, json_deep_copy(o));
    }
}

static void write_one(const char *dir, const char *name, const json_t *o) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", dir, name);
    WEFT_FREE char *text = json_dumps(o, JSON_INDENT(2));
    struct weft_error err;
    if (local_write_file(path, weft_slice_str(text), 0644, (uid_t)-1, &err) != WEFT_OK)
        weft_error("local", "%s: %s", err.path, err.message);
}

void manifests_sync(const char *dir, json_t *published, json_t *now) {
    const char *name;
    json_t *o;
    void *next;
    json_object_foreach(now, name, o) {
        json_t *old = json_object_get(published, name);
        if (old && json_equal(old, o)) continue;
        write_one(dir, name, o);
        json_object_set(published, name, o);
    }
    json_object_foreach_safe(published, next, name, o) {
        if (json_object_get(now, name)) continue;
        WEFT_FREE char *path = weft_asprintf("%s/%s", dir, name);
        (void)unlink(path);
        json_object_del(published, name);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * What is kept of an object: the fields that somebody here reads. Most of a Pod, and who last wrote
 * what (managedFields), would otherwise be most of the controller's memory. */
#include "source_internal.h"

#include <weft/object/json.h>

static void copy(json_t *to, const json_t *from, const char *key) {
    json_t *value = json_object_get(from, key);
    if (value) json_object_set_new(to, key, json_deep_copy(value));
}

static void copy_all(json_t *to, const json_t *from, const char *const *keys, size_t n) {
    for (size_t i = 0; i < n; i++) copy(to, from, keys[i]);
}

/* kubectl keeps the whole object once more in an annotation. */
static void drop_noise(json_t *meta) {
    json_t *annotations = json_object_get(meta, "annotations");
    json_object_del(meta, "managedFields");
    json_object_del(annotations, "kubectl.kubernetes.io/last-applied-configuration");
}

static json_t *trim_meta(const json_t *object) {
    static const char *const keys[] = {"name",        "namespace",  "labels",
                                       "annotations", "generation", "creationTimestamp"};
    json_t *meta = json_object();
    copy_all(meta, json_object_get(object, "metadata"), keys, WEFT_LEN(keys));
    drop_noise(meta);
    return meta;
}

/* Other people's annotations of pods are many and long (networks, checksums). */
static void own_annotations(json_t *meta) {
    static const struct weft_slice own = WEFT_SLICE_LIT("weftmesh.io/");
    json_t *annotations = json_object_get(meta, "annotations"), *value;
    const char *key;
    void *next;
    json_object_foreach_safe(annotations, next, key, value) {
        if (!weft_slice_starts(weft_slice_str(key), own)) json_object_del(annotations, key);
    }
}

static json_t *trim_part(const json_t *object, const char *part, const char *const *keys,
                         size_t n) {
    json_t *out = json_object();
    copy_all(out, json_object_get(object, part), keys, n);
    return out;
}

static json_t *trim_list(const json_t *list, const char *const *keys, size_t n) {
    json_t *out = json_array(), *item;
    size_t i;
    json_array_foreach(list, i, item) {
        json_t *kept = json_object();
        copy_all(kept, item, keys, n);
        json_array_append_new(out, kept);
    }
    return out;
}

static void trim_service(json_t *to, const json_t *object) {
    static const char *const keys[] = {"type",  "clusterIP",    "clusterIPs",         "selector",
                                       "ports", "externalName", "trafficDistribution"};
    json_object_set_new(to, "spec", trim_part(object, "spec", keys, WEFT_LEN(keys)));
}

static void trim_slice(json_t *to, const json_t *object) {
    static const char *const keys[] = {"addresses", "conditions", "targetRef", "zone", "nodeName"};
    static const char *const ref[] = {"kind", "namespace", "name"};
    json_t *endpoints = trim_list(json_object_get(object, "endpoints"), keys, WEFT_LEN(keys)), *e;
    size_t i;
    json_array_foreach(endpoints, i, e) {
        if (json_object_get(e, "targetRef"))
            json_object_set_new(e, "targetRef", trim_part(e, "targetRef", ref, WEFT_LEN(ref)));
    }
    copy(to, object, "addressType");
    copy(to, object, "ports");
    json_object_set_new(to, "endpoints", endpoints);
}

static void trim_pod(json_t *to, const json_t *object) {
    static const char *const containers[] = {"containers", "initContainers"};
    static const char *const container[] = {"name", "ports"};
    static const char *const spec_keys[] = {"hostNetwork", "serviceAccountName", "nodeName"};
    static const char *const status_keys[] = {"podIP", "podIPs", "phase"};
    json_t *spec = trim_part(object, "spec", spec_keys, WEFT_LEN(spec_keys));
    for (size_t i = 0; i < WEFT_LEN(containers); i++) {
        const json_t *list = weft_js_in(object, "spec", containers[i]);
        if (list)
            json_object_set_new(spec, containers[i],
                                trim_list(list, container, WEFT_LEN(container)));
    }
    json_object_set_new(to, "spec", spec);
    json_object_set_new(to, "status",
                        trim_part(object, "status", status_keys, WEFT_LEN(status_keys)));
    own_annotations(json_object_get(to, "metadata"));
}

json_t *source_trim(enum source_keep keep, const json_t *object) {
    if (keep == KEEP_ALL) { /* routes: status is written by their resourceVersion */
        json_t *all = json_deep_copy(object);
        drop_noise(json_object_get(all, "metadata"));
        return all;
    }
    json_t *out = json_object();
    copy(out, object, "apiVersion");
    copy(out, object, "kind");
    json_object_set_new(out, "metadata", trim_meta(object));
    if (keep == KEEP_SERVICE) trim_service(out, object);
    if (keep == KEEP_SLICE) trim_slice(out, object);
    if (keep == KEEP_POD) trim_pod(out, object);
    return out;
}

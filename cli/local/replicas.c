/* SPDX-License-Identifier: Apache-2.0
 * Numbers of pods that were asked for by hand. */
#include <cli/local/jsonx.h>
#include <cli/local/replicas.h>
#include <weft/base/alloc.h>

static const char *const kinds[] = {"Deployment", "ReplicaSet", "StatefulSet"};

struct search {
    struct weft_slice ns, name; /* ns empty: any */
    const struct weft_object *found;
    unsigned n;
};

static void on_workload(void *ud, const struct weft_object *o) {
    struct search *s = ud;
    if (!weft_slice_is(s->name, o->name) || (s->ns.len && !weft_slice_is(s->ns, o->ns))) return;
    s->found = o;
    s->n++;
}

enum weft_status replicas_note(json_t *wanted, const struct weft_store *store, const char *workload,
                               json_int_t n, struct weft_error *err) {
    struct weft_slice rest = weft_slice_str(workload), first = weft_slice_cut(&rest, '/');
    struct search s = {.ns = rest.base ? first : WEFT_SLICE_EMPTY,
                       .name = rest.base ? rest : first};
    for (size_t i = 0; i < WEFT_LEN(kinds); i++)
        weft_store_each(store, kinds[i], NULL, on_workload, &s);
    if (s.n == 0)
        return weft_error_set(err, WEFT_NOT_FOUND, workload,
                              "there is no Deployment, StatefulSet or ReplicaSet of that name");
    if (s.n > 1)
        return weft_error_set(err, WEFT_INVALID, workload,
                              "%u workloads have that name; say NAMESPACE/NAME", s.n);
    WEFT_FREE char *key = weft_asprintf("%s/%s/%s", s.found->kind, s.found->ns, s.found->name);
    json_object_set_new(wanted, key, json_integer(n));
    return WEFT_OK;
}

void replicas_apply(const json_t *wanted, const struct weft_store *store) {
    const char *key;
    json_t *n;
    json_object_foreach((json_t *)(uintptr_t)wanted, key, n) {
        struct weft_slice name = weft_slice_str(key), kind = weft_slice_cut(&name, '/'),
                          ns = weft_slice_cut(&name, '/');
        WEFT_FREE char *k = weft_slice_dup(kind), *s = weft_slice_dup(ns),
                       *w = weft_slice_dup(name);
        const struct weft_object *o = weft_store_get(store, k, s, w);
        if (o) local_set(o->json, "spec", "replicas", json_incref(n));
    }
}

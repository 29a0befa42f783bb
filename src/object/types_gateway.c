/* SPDX-License-Identifier: Apache-2.0
 * Views of Routes: who their parents are; rules stay JSON, gamma translates them one by one. And of
 * what is said about references to Services. */
#include <weft/object/types.h>

static void read_parent(const json_t *j, struct weft_slice route_ns, struct weft_parent_ref *ret) {
    const json_t *group = json_object_get(j, "group");
    struct weft_slice g = weft_js_slice(group);
    *ret = (struct weft_parent_ref){
        .json = j,
        /* The CRD's default for group is gateway.networking.k8s.io, for kind Gateway: a Service
         * ref must say both. */
        .service = json_is_string(group) && (g.len == 0 || weft_slice_is(g, "core")) &&
                   weft_slice_is(weft_js_str(j, "kind"), "Service"),
        .ns = weft_js_str(j, "namespace"),
        .name = weft_js_str(j, "name"),
        .section = weft_js_str(j, "sectionName"),
        .port = (uint16_t)weft_js_int(j, "port", 1, 65535, 0),
    };
    if (!ret->ns.len) ret->ns = route_ns;
}

void weft_route_view(const struct weft_object *o, struct weft_arena *a, struct weft_route *ret) {
    *ret = (struct weft_route){.created = o->created, .generation = o->generation};
    weft_view_meta(o, &ret->meta);
    const json_t *spec = json_object_get(o->json, "spec");
    const json_t *parents = json_object_get(spec, "parentRefs"), *p;
    ret->parents = weft_arena_array(a, struct weft_parent_ref, json_array_size(parents));
    size_t i;
    json_array_foreach(parents, i, p) read_parent(p, ret->meta.ns, &ret->parents[ret->n_parents++]);
    const json_t *rules = json_object_get(spec, "rules");
    ret->rules = json_is_array(rules) ? rules : NULL;
    ret->hostnames = json_array_size(json_object_get(spec, "hostnames")) > 0;
}

void weft_reference_grant_view(const struct weft_object *o, struct weft_arena *a,
                               struct weft_reference_grant *ret) {
    *ret = (struct weft_reference_grant){0};
    weft_view_meta(o, &ret->meta);
    const json_t *from = weft_js_in(o->json, "spec", "from"),
                 *to = weft_js_in(o->json, "spec", "to");
    ret->from = weft_arena_array(a, struct weft_grant_from, json_array_size(from));
    ret->to = weft_arena_array(a, struct weft_grant_to, json_array_size(to));
    size_t i;
    json_t *j;
    json_array_foreach(from, i, j) ret->from[ret->n_from++] = (struct weft_grant_from){
        weft_js_str(j, "group"), weft_js_str(j, "kind"), weft_js_str(j, "namespace")};
    json_array_foreach(to, i, j) ret->to[ret->n_to++] = (struct weft_grant_to){
        weft_js_str(j, "group"), weft_js_str(j, "kind"), weft_js_str(j, "name")};
}

void weft_backend_tls_policy_view(const struct weft_object *o, struct weft_arena *a,
                                  struct weft_backend_tls_policy *ret) {
    *ret = (struct weft_backend_tls_policy){0};
    weft_view_meta(o, &ret->meta);
    const json_t *list = weft_js_in(o->json, "spec", "targetRefs");
    ret->targets = weft_arena_array(a, struct weft_policy_target, json_array_size(list));
    size_t i;
    json_t *j;
    json_array_foreach(list, i, j) ret->targets[ret->n_targets++] =
        (struct weft_policy_target){weft_js_str(j, "group"), weft_js_str(j, "kind"),
                                    weft_js_str(j, "name"), weft_js_str(j, "sectionName")};
}

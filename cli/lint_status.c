/* SPDX-License-Identifier: Apache-2.0
 * What the translation itself finds wrong, at the field that it names (REQ-144 to 146, 201). */
#include <cli/lint.h>

#include <weft/base/alloc.h>
#include <weft/object/json.h>

/* The JSON at "spec.rules[0].backendRefs[1]" of the object. */
static const json_t *at_path(const json_t *j, struct weft_slice path) {
    while (path.len && j) {
        struct weft_slice step = weft_slice_cut(&path, '.');
        size_t bracket = weft_slice_find(step, '[');
        j = json_object_getn(j, step.base, bracket);
        uint64_t i;
        struct weft_slice index = weft_slice_from(step, bracket + 1);
        if (index.len && weft_slice_u64(weft_slice_head(index, index.len - 1), 100000, &i))
            j = json_array_get(j, i);
    }
    return j;
}

static bool is_path(struct weft_slice s) {
    return weft_slice_starts(s, WEFT_SLICE_LIT("spec.")) ||
           weft_slice_starts(s, WEFT_SLICE_LIT("metadata."));
}

/* "spec.rules[0].backendRefs[1]: text" as a finding at that field. */
static void add_fault(struct lint *l, const struct weft_object *o, const char *rule,
                      struct weft_slice item) {
    struct weft_slice text = item, path = weft_slice_cut(&text, ':');
    if (!is_path(path)) text = item, path = WEFT_SLICE_EMPTY;
    WEFT_FREE char *field = weft_slice_dup(path);
    struct weft_slice what = weft_slice_trim(text);
    const json_t *ref = at_path(o->json, path);
    bool grpc = !strcmp(o->kind, "GRPCRoute");
    bool unused = weft_slice_search(path, WEFT_SLICE_LIT("backendRefs")) < path.len &&
                  weft_js_int(ref, "weight", 0, 1000000, 1) == 0;
    if (unused)
        lint_add(l, LINT_WARNING, rule, o, field,
                 WEFT_SLICE_FMT "; with weight 0 it takes no request, but ResolvedRefs is False",
                 WEFT_SLICE_ARG(what));
    else
        lint_add(l, LINT_ERROR, rule, o, field, WEFT_SLICE_FMT "%s", WEFT_SLICE_ARG(what),
                 weft_slice_search(path, WEFT_SLICE_LIT("backendRefs")) < path.len
                     ? (grpc ? "; its share of requests gets UNAVAILABLE"
                             : "; its share of requests gets 500")
                     : "");
}

/* Messages join several faults with "; spec.". */
static void add_faults(struct lint *l, const struct weft_object *o, const char *rule,
                       struct weft_slice message) {
    const struct weft_slice sep = WEFT_SLICE_LIT("; spec.");
    if (weft_slice_starts(message, WEFT_SLICE_LIT("Dropped Rule: ")))
        message = weft_slice_from(message, 14);
    while (message.len) {
        size_t end = weft_slice_search(message, sep);
        add_fault(l, o, rule, weft_slice_head(message, end));
        message = weft_slice_from(message, end < message.len ? end + 2 : end);
    }
}

static void lint_condition(struct lint *l, const struct weft_object *o, const json_t *c,
                           size_t parent) {
    struct weft_slice type = weft_js_str(c, "type"), message = weft_js_str(c, "message");
    bool yes = weft_slice_is(weft_js_str(c, "status"), "True");
    if (weft_slice_is(type, "PartiallyInvalid")) {
        add_faults(l, o, "partially-invalid", message);
    } else if (weft_slice_is(type, "ResolvedRefs") && !yes) {
        add_faults(l, o, "unresolved", message);
    } else if (weft_slice_is(type, "Accepted") && !yes && is_path(message)) {
        add_faults(l, o, "unsupported", message);
    } else if (weft_slice_is(type, "Accepted")) {
        struct weft_slice reason = weft_js_str(c, "reason");
        bool lost = weft_slice_search(message, WEFT_SLICE_LIT(" is ruled by ")) < message.len;
        char field[48];
        if (yes && !lost) return;
        snprintf(field, sizeof field, "spec.parentRefs[%zu]", parent);
        lint_add(l, yes ? LINT_WARNING : LINT_ERROR,
                 yes || weft_slice_is(reason, "Conflicted")  ? "conflicted"
                 : weft_slice_is(reason, "UnsupportedValue") ? "unsupported"
                                                             : "no-matching-parent",
                 o, field, WEFT_SLICE_FMT, WEFT_SLICE_ARG(message));
    }
}

/* Where in spec.parentRefs the n-th entry of status stands. */
static size_t parent_index(const struct weft_object *o, const json_t *ref) {
    size_t i;
    json_t *p;
    json_array_foreach(weft_js_in(o->json, "spec", "parentRefs"), i, p) {
        if (json_equal(p, ref)) return i;
    }
    return 0;
}

void lint_status(struct lint *l) {
    json_t *all = weft_gamma_status(l->in->gamma), *route, *parent, *c;
    size_t i, k, n;
    json_array_foreach(all, i, route) {
        const struct weft_object *o =
            weft_store_get(l->in->store, json_string_value(json_object_get(route, "kind")),
                           json_string_value(json_object_get(route, "namespace")),
                           json_string_value(json_object_get(route, "name")));
        json_array_foreach(weft_js_in(route, "status", "parents"), k, parent) {
            size_t at = o ? parent_index(o, json_object_get(parent, "parentRef")) : 0;
            json_array_foreach(json_object_get(parent, "conditions"), n, c) {
                if (o) lint_condition(l, o, c, at);
            }
        }
    }
    json_decref(all);
}

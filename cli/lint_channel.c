/* SPDX-License-Identifier: Apache-2.0
 * Fields that vanish without a word: unknown ones, and those of the experimental channel where the
 * standard one is installed. Kinds of routes that are not read yet (REQ-006, 200). */
#include <cli/lint.h>

#include <weft/base/alloc.h>
#include <weft/kube/dir.h>
#include <weft/object/json.h>

struct place {
    struct lint *l;
    const struct weft_object *o;
};

static void on_unknown(void *ud, const char *path) {
    const struct place *p = ud;
    lint_add(p->l, LINT_WARNING, "unknown-field", p->o, path,
             "is no field of %s: the API server drops it. Check the spelling and the indentation",
             !strcmp(p->o->kind, "HTTPRoute") ? "an HTTPRoute" : "a GRPCRoute");
}

static void on_experimental(void *ud, const char *path) {
    const struct place *p = ud;
    lint_add(p->l, LINT_WARNING, "experimental-field", p->o, path,
             "exists in the experimental channel only: with the standard channel it is dropped "
             "and has no effect");
}

static void on_known(void *ud, const struct weft_object *o) {
    struct place p = {ud, o};
    weft_object_unknown_fields(o, true, on_unknown, &p);
}

static void on_pruned(void *ud, const struct weft_object *o) {
    struct place p = {ud, o};
    weft_object_experimental_fields(o, on_experimental, &p);
}

static void on_stranger(void *ud, const struct weft_object *o) {
    lint_add(ud, LINT_WARNING, "kind-not-read", o, "apiVersion",
             "%s of group \"%s\" has no effect here. Write gateway.networking.k8s.io/v1", o->kind,
             o->group);
}

static void on_kind(void *ud, const char *kind) {
    struct lint *l = ud;
    if (weft_slice_starts(weft_slice_str(kind), WEFT_SLICE_LIT("HTTPRoute.")) ||
        weft_slice_starts(weft_slice_str(kind), WEFT_SLICE_LIT("GRPCRoute.")))
        weft_store_each(l->in->store, kind, NULL, on_stranger, l);
}

/* The first reading dropped these fields: read again as experimental, only to name them. */
static void lint_pruned(struct lint *l) {
    struct weft_store *s = weft_store_new();
    struct weft_dir *d = NULL;
    const struct weft_dir_cb cb = {0};
    if (weft_dir_new(NULL, l->opt->paths, l->opt->n_paths, true, false, s, &cb, &d, NULL) ==
        WEFT_OK) {
        weft_store_each(s, "HTTPRoute", NULL, on_pruned, l);
        weft_store_each(s, "GRPCRoute", NULL, on_pruned, l);
    }
    weft_dir_free(d);
    weft_store_free(s);
}

void lint_channel(struct lint *l) {
    weft_store_each(l->in->store, "HTTPRoute", NULL, on_known, l);
    weft_store_each(l->in->store, "GRPCRoute", NULL, on_known, l);
    if (!l->opt->experimental) lint_pruned(l);
    weft_store_each_kind(l->in->store, on_kind, l);
}

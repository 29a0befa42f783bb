/* SPDX-License-Identifier: Apache-2.0
 * Filters as JSON: an object with one member that names the kind. */
#include "dump_internal.h"

static json_t *dump_kvs(const struct weft_kv *kv, uint32_t n) {
    json_t *a = json_array();
    for (uint32_t i = 0; i < n; i++) {
        json_t *o = json_object();
        weft_dump_put(o, "name", kv[i].name);
        json_object_set_new(o, "value", weft_dump_slice(kv[i].value));
        json_array_append_new(a, o);
    }
    return a;
}

static json_t *dump_mods(const struct weft_header_mods *m) {
    json_t *o = json_object(), *removed = json_array();
    weft_dump_put_json(o, "set", dump_kvs(m->set, m->n_set));
    weft_dump_put_json(o, "add", dump_kvs(m->add, m->n_add));
    for (uint32_t i = 0; i < m->n_remove; i++)
        json_array_append_new(removed, weft_dump_slice(m->remove[i]));
    weft_dump_put_json(o, "remove", removed);
    return o;
}

/* An empty replacement means something, so it is not left out. */
static void put_path(json_t *o, const struct weft_path_mod *p) {
    if (p->kind == WEFT_PATH_KEEP) return;
    const char *key = p->kind == WEFT_PATH_FULL ? "replace_full_path" : "replace_prefix_match";
    json_object_set_new(o, key, weft_dump_slice(p->value));
}

static json_t *dump_redirect(const struct weft_filter *f) {
    json_t *o = json_object();
    weft_dump_put(o, "scheme", f->redirect.scheme);
    weft_dump_put(o, "hostname", f->redirect.hostname);
    put_path(o, &f->redirect.path);
    weft_dump_put_u64(o, "port", f->redirect.port);
    weft_dump_put_u64(o, "status", f->redirect.status);
    return o;
}

static json_t *dump_rewrite(const struct weft_filter *f) {
    json_t *o = json_object();
    weft_dump_put(o, "hostname", f->rewrite.hostname);
    put_path(o, &f->rewrite.path);
    return o;
}

static json_t *dump_filter(const struct weft_filter *f) {
    json_t *o = json_object();
    switch (f->kind) {
    case WEFT_FILTER_REQUEST_HEADERS:
        json_object_set_new(o, "request_headers", dump_mods(&f->headers));
        break;
    case WEFT_FILTER_RESPONSE_HEADERS:
        json_object_set_new(o, "response_headers", dump_mods(&f->headers));
        break;
    case WEFT_FILTER_REDIRECT:
        json_object_set_new(o, "redirect", dump_redirect(f));
        break;
    case WEFT_FILTER_REWRITE:
        json_object_set_new(o, "rewrite", dump_rewrite(f));
        break;
    case WEFT_FILTER_INVALID:
        json_object_set_new(o, "invalid", weft_dump_slice(f->invalid));
        break;
    }
    return o;
}

json_t *weft_dump_filters(const struct weft_filter *filters, uint32_t n) {
    json_t *a = json_array();
    for (uint32_t i = 0; i < n; i++) json_array_append_new(a, dump_filter(&filters[i]));
    return a;
}

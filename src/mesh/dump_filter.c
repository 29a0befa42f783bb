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

static json_t *dump_mirror(const struct weft_mirror *m) {
    json_t *o = json_object();
    const struct weft_backend *b = m->backend;
    weft_dump_put(o, "namespace", b->ns);
    weft_dump_put(o, "service", b->service);
    weft_dump_put_u64(o, "port", b->port);
    weft_dump_put(o, "invalid", b->invalid);
    json_object_set_new(o, "numerator", json_integer(m->numerator));
    json_object_set_new(o, "denominator", json_integer(m->denominator));
    return o;
}

static json_t *dump_cors(const struct weft_cors *c) {
    json_t *o = json_object(), *origins = json_array();
    for (uint32_t i = 0; i < c->n_origins; i++)
        json_array_append_new(origins, weft_dump_slice(c->origins[i]));
    weft_dump_put_json(o, "allow_origins", origins);
    weft_dump_put(o, "allow_methods", c->methods);
    weft_dump_put(o, "allow_headers", c->allow_headers);
    weft_dump_put(o, "expose_headers", c->expose_headers);
    json_object_set_new(o, "allow_credentials", json_boolean(c->credentials));
    json_object_set_new(o, "max_age_s", json_integer(c->max_age_s));
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
    case WEFT_FILTER_MIRROR:
        json_object_set_new(o, "mirror", dump_mirror(&f->mirror));
        break;
    case WEFT_FILTER_CORS:
        json_object_set_new(o, "cors", dump_cors(&f->cors));
        break;
    }
    return o;
}

json_t *weft_dump_filters(const struct weft_filter *filters, uint32_t n) {
    json_t *a = json_array();
    for (uint32_t i = 0; i < n; i++) json_array_append_new(a, dump_filter(&filters[i]));
    return a;
}

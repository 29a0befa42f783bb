/* SPDX-License-Identifier: Apache-2.0
 * From a filled-in struct to something the data plane may trust blindly: everything is checked
 * here once, normalised (trailing slashes, lower-case names, equivalent entries) and compiled. */
#include <stdlib.h>
#include <stdio.h>
#include <weft/base/buf.h>
#include <weft/base/check.h>
#include <weft/mesh/cors.h>
#include <weft/mesh/regex.h>

#include "match_internal.h"

enum { MAX_WEIGHT = 1000000 }; /* REQ-046 */

struct sealing {
    struct weft_destination *d;
    struct weft_error *err;
    /* The element being looked at, e.g. rules[1].matches[0]; made a text only for a message. */
    struct {
        const char *name;
        uint32_t index; /* or NO_INDEX */
    } at[3];
    unsigned depth;
};
enum { NO_INDEX = UINT32_MAX };

static enum weft_status reject_as(struct sealing *s, enum weft_status st, const char *member,
                                  const char *what) {
    char path[256];
    struct weft_buf b;
    weft_buf_init(&b, sizeof path - 1);
    for (unsigned i = 0; i < s->depth; i++) {
        (void)weft_buf_printf(&b, "%s%s", i ? "." : "", s->at[i].name);
        if (s->at[i].index != NO_INDEX) (void)weft_buf_printf(&b, "[%u]", s->at[i].index);
    }
    snprintf(path, sizeof path, WEFT_SLICE_FMT "%s%s", WEFT_SLICE_ARG(weft_buf_slice(&b)),
             s->depth && *member ? "." : "", member);
    weft_buf_done(&b);
    return weft_error_set(s->err, st, path, "%s", what);
}

static enum weft_status reject(struct sealing *s, const char *member, const char *what) {
    return reject_as(s, WEFT_INVALID, member, what);
}

/* The step of the path at `depth`; what was deeper is left. */
static void at(struct sealing *s, unsigned depth, const char *name, uint32_t index) {
    WEFT_ASSERT(depth < WEFT_LEN(s->at));
    s->at[depth].name = name;
    s->at[depth].index = index;
    s->depth = depth + 1;
}

static struct weft_slice lower(struct weft_arena *a, struct weft_slice s) {
    size_t i = 0;
    while (i < s.len && s.base[i] == weft_lower(s.base[i])) i++;
    if (i == s.len) return s;
    char *p = weft_arena_must(a, s.len + 1);
    for (i = 0; i < s.len; i++) p[i] = weft_lower(s.base[i]);
    return weft_slice(p, s.len);
}

static void regex_release(void *r) {
    weft_regex_free(r);
}

static enum weft_status seal_regex(struct sealing *s, const char *member, struct weft_slice pattern,
                                   const struct weft_regex **ret) {
    struct weft_regex *r = NULL;
    struct weft_error why = {0};
    enum weft_status st = weft_regex_new(pattern, &r, &why);
    if (st != WEFT_OK) return reject_as(s, WEFT_PATTERN, member, why.message);
    weft_arena_defer(&s->d->arena, regex_release, r);
    *ret = r;
    return WEFT_OK;
}

static enum weft_status seal_path(struct sealing *s, struct weft_match *m) {
    switch (m->path_kind) {
    case WEFT_PATH_REGEX:
    case WEFT_PATH_SERVICE_REGEX:
    case WEFT_PATH_METHOD_REGEX:
        return seal_regex(s, "path", m->path, &m->path_regex);
    case WEFT_PATH_METHOD:
        if (m->path.len && weft_slice_find(m->path, '/') == m->path.len) return WEFT_OK;
        return reject(s, "path", "a method is one element of a path");
    case WEFT_PATH_ANY:
        return m->path.len ? reject(s, "path", "any path has no value") : WEFT_OK;
    case WEFT_PATH_EXACT:
        if (!m->path.len) return reject(s, "path", "an exact path cannot be empty");
        break;
    case WEFT_PATH_PREFIX:
        while (m->path.len && m->path.base[m->path.len - 1] == '/') m->path.len--;
        break;
    default:
        return reject(s, "path", "this kind of path match is not known");
    }
    if (m->path.len && m->path.base[0] != '/') return reject(s, "path", "must start with '/'");
    return WEFT_OK;
}

static bool named_before(const struct weft_text_match *items, uint32_t n, struct weft_slice name) {
    for (uint32_t i = 0; i < n; i++)
        if (weft_slice_eq(items[i].name, name)) return true;
    return false;
}

/* Of entries with the same name only the first stays (REQ-067, 068). */
static enum weft_status seal_texts(struct sealing *s, const char *member,
                                   struct weft_text_match *items, uint32_t *n, bool header) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *n; i++) {
        struct weft_text_match t = items[i];
        if (!t.name.len) return reject(s, member, "the name is empty");
        if (header) t.name = lower(&s->d->arena, t.name);
        if (named_before(items, kept, t.name)) continue;
        if (t.kind != WEFT_TEXT_EXACT && t.kind != WEFT_TEXT_REGEX)
            return reject(s, member, "this kind of match is not known");
        enum weft_status st = WEFT_OK;
        if (t.kind == WEFT_TEXT_REGEX) st = seal_regex(s, member, t.value, &t.regex);
        if (st != WEFT_OK) return st;
        items[kept++] = t;
    }
    *n = kept;
    return WEFT_OK;
}

static enum weft_status seal_match(struct sealing *s, struct weft_match *m) {
    enum weft_status st = seal_path(s, m);
    if (st == WEFT_OK) st = seal_texts(s, "headers", m->headers, &m->n_headers, true);
    if (st == WEFT_OK) st = seal_texts(s, "queryParams", m->queries, &m->n_queries, false);
    return st;
}

static enum weft_status seal_mods(struct sealing *s, struct weft_header_mods *h) {
    for (uint32_t i = 0; i < h->n_set + h->n_add + h->n_remove; i++) {
        struct weft_slice *name = i < h->n_set              ? &h->set[i].name
                                  : i < h->n_set + h->n_add ? &h->add[i - h->n_set].name
                                                            : &h->remove[i - h->n_set - h->n_add];
        if (!name->len) return reject(s, "", "a header without a name");
        *name = lower(&s->d->arena, *name);
    }
    return WEFT_OK;
}

static bool is_redirect_status(uint16_t status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static enum weft_status seal_redirect(struct sealing *s, const struct weft_filter *f) {
    if (!is_redirect_status(f->redirect.status))
        return reject(s, "statusCode", "must be one of 301, 302, 303, 307, 308");
    struct weft_slice scheme = f->redirect.scheme;
    if (scheme.len && !weft_slice_is(scheme, "http") && !weft_slice_is(scheme, "https"))
        return reject(s, "scheme", "must be http or https");
    if (f->redirect.path.kind > WEFT_PATH_REPLACE_PREFIX)
        return reject(s, "path", "this kind of change is not known");
    return WEFT_OK;
}

static enum weft_status seal_backend(struct sealing *s, struct weft_backend *b);

static enum weft_status seal_mirror(struct sealing *s, const struct weft_mirror *m) {
    if (!m->denominator || m->numerator > m->denominator)
        return reject(s, "fraction", "must lie between 0 and 1");
    if (!m->backend || m->backend->n_filters)
        return reject(s, "backend", "a mirror has one, without filters");
    return seal_backend(s, m->backend);
}

static enum weft_status seal_cors(struct sealing *s, const struct weft_cors *c) {
    for (uint32_t i = 0; i < c->n_origins; i++) {
        const char *fault = weft_cors_origin_fault(c->origins[i]);
        if (fault) return reject(s, "allow_origins", fault);
    }
    return WEFT_OK;
}

static enum weft_status seal_filter(struct sealing *s, struct weft_filter *f) {
    switch (f->kind) {
    case WEFT_FILTER_REQUEST_HEADERS:
    case WEFT_FILTER_RESPONSE_HEADERS:
        return seal_mods(s, &f->headers);
    case WEFT_FILTER_REDIRECT:
        return seal_redirect(s, f);
    case WEFT_FILTER_REWRITE:
        if (f->rewrite.path.kind <= WEFT_PATH_REPLACE_PREFIX) return WEFT_OK;
        return reject(s, "path", "this kind of change is not known");
    case WEFT_FILTER_INVALID:
        return WEFT_OK;
    case WEFT_FILTER_MIRROR:
        return seal_mirror(s, &f->mirror);
    case WEFT_FILTER_CORS:
        return seal_cors(s, &f->cors);
    default:
        return reject(s, "type", "this filter is not known");
    }
}

static enum weft_status seal_backend(struct sealing *s, struct weft_backend *b) {
    if (b->weight > MAX_WEIGHT) return reject(s, "weight", "must be at most 1000000");
    if (b->endpoints != WEFT_NO_ENDPOINTS && b->endpoints >= s->d->n_endpoints)
        return reject(s, "endpoints", "names no entry of the list of endpoints");
    if (b->endpoints == WEFT_NO_ENDPOINTS && !b->invalid.len)
        return reject(s, "endpoints", "a valid backend needs endpoints");
    const unsigned depth = s->depth;
    for (uint32_t i = 0; i < b->n_filters; i++) {
        at(s, depth, "filters", i);
        enum weft_status st = seal_filter(s, &b->filters[i]);
        if (st != WEFT_OK) return st;
    }
    return WEFT_OK;
}

static enum weft_status seal_rule(struct sealing *s, struct weft_rule *r, uint32_t n) {
    enum weft_status st = WEFT_OK;
    at(s, 0, "rules", n);
    for (uint32_t i = 0; st == WEFT_OK && i < r->n_matches; i++) {
        at(s, 1, "matches", i);
        st = seal_match(s, &r->matches[i]);
    }
    for (uint32_t i = 0; st == WEFT_OK && i < r->n_filters; i++) {
        at(s, 1, "filters", i);
        st = seal_filter(s, &r->filters[i]);
    }
    for (uint32_t i = 0; st == WEFT_OK && i < r->n_backends; i++) {
        at(s, 1, "backends", i);
        st = seal_backend(s, &r->backends[i]);
    }
    return st;
}

static enum weft_status seal_names(struct sealing *s) {
    if (!s->d->name.len) return reject(s, "name", "is empty");
    for (uint32_t i = 0; i < s->d->n_endpoints; i++) {
        at(s, 0, "endpoints", i);
        if (!s->d->endpoints[i].len) return reject(s, "", "the name is empty");
    }
    return WEFT_OK;
}

enum weft_status weft_destination_seal(struct weft_destination *d, struct weft_error *err) {
    WEFT_CHECK(!d->index && "sealed once");
    struct sealing s = {.d = d, .err = err};
    enum weft_status st = seal_names(&s);
    for (uint32_t i = 0; st == WEFT_OK && i < d->n_rules; i++) st = seal_rule(&s, &d->rules[i], i);
    at(&s, 0, "default_backend", NO_INDEX);
    if (st == WEFT_OK && d->kind != WEFT_DEST_NONE) st = seal_backend(&s, &d->default_backend);
    if (st == WEFT_OK) d->index = weft_match_index_new(d);
    return st;
}

static int by_addr(const void *pa, const void *pb) {
    const struct weft_addr *a = &((const struct weft_endpoint *)pa)->addr;
    const struct weft_addr *b = &((const struct weft_endpoint *)pb)->addr;
    if (a->family != b->family) return a->family < b->family ? -1 : 1;
    int c = memcmp(a->ip, b->ip, sizeof a->ip);
    return c ? c : (int)a->port - (int)b->port;
}

static enum weft_status seal_endpoint(const struct weft_endpoint *ep, uint32_t i,
                                      struct weft_error *err) {
    char path[40];
    snprintf(path, sizeof path, "items[%u]", i);
    if ((ep->addr.family != 4 && ep->addr.family != 6) || !ep->addr.port)
        return weft_error_set(err, WEFT_INVALID, path, "the endpoint has no address or port");
    if (ep->meshed && !ep->spiffe_id.len)
        return weft_error_set(err, WEFT_INVALID, path, "a meshed endpoint needs a SPIFFE ID");
    return WEFT_OK;
}

/* An endpoint that moves between slices may stand in two of them for a moment. */
static void drop_repeated(struct weft_endpoints *e) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < e->n; i++)
        if (!kept || !weft_addr_eq(&e->items[kept - 1].addr, &e->items[i].addr))
            e->items[kept++] = e->items[i];
    e->n = kept;
}

enum weft_status weft_endpoints_seal(struct weft_endpoints *e, struct weft_error *err) {
    if (!e->name.len) return weft_error_set(err, WEFT_INVALID, "name", "is empty");
    for (uint32_t i = 0; i < e->n; i++) {
        enum weft_status st = seal_endpoint(&e->items[i], i, err);
        if (st != WEFT_OK) return st;
    }
    if (e->n) qsort(e->items, e->n, sizeof *e->items, by_addr);
    drop_repeated(e);
    return WEFT_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * A request as the criteria of a match see it: header values with repeated fields joined (REQ-067),
 * Host for either protocol (REQ-043), query parameters decoded (REQ-068). Made at most once a
 * request and only when asked for. */
#include <weft/mesh/regex.h>

#include "match_internal.h"

struct weft_joined {
    struct weft_joined *next;
    struct weft_slice name, value;
};

void weft_match_request_init(struct weft_match_request *q, const struct weft_head *head,
                             struct weft_arena *scratch) {
    *q = (struct weft_match_request){
        .head = head, .scratch = scratch, .path = weft_head_path_only(head)};
}

static const struct weft_field *field_from(const struct weft_fields *f, uint32_t *at,
                                           struct weft_slice name) {
    while (*at < f->n) {
        const struct weft_field *field = &f->items[(*at)++];
        if (weft_slice_eq(field->name, name)) return field;
    }
    return NULL;
}

/* Not weft_fields_joined: without memory that yields the first value, and here a wrong value could
 * mean a broader rule. */
static bool join_values(const struct weft_match_request *q, struct weft_slice name,
                        struct weft_slice *ret) {
    const struct weft_fields *f = &q->head->fields;
    const struct weft_field *field;
    size_t size = 0, n = 0;
    for (uint32_t at = 0; (field = field_from(f, &at, name));) size += field->value.len + 1;
    char *to = weft_arena_alloc(q->scratch, size);
    if (!to) return false;
    for (uint32_t at = 0; (field = field_from(f, &at, name));) {
        if (field->value.len) memcpy(to + n, field->value.base, field->value.len);
        n += field->value.len;
        to[n++] = ',';
    }
    *ret = weft_slice(to, n - 1);
    return true;
}

static enum weft_status joined(struct weft_match_request *q, struct weft_slice name,
                               struct weft_slice *ret) {
    struct weft_joined *j = q->joined;
    while (j && !weft_slice_eq(j->name, name)) j = j->next;
    if (!j) {
        j = weft_arena_alloc(q->scratch, sizeof *j);
        if (!j) return WEFT_LIMIT;
        *j = (struct weft_joined){.next = q->joined, .name = name};
        if (!join_values(q, name, &j->value)) return WEFT_LIMIT;
        q->joined = j;
    }
    *ret = j->value;
    return WEFT_OK;
}

enum weft_status weft_match_request_header(struct weft_match_request *q, struct weft_slice name,
                                           struct weft_slice *ret) {
    if (weft_slice_is(name, "host")) {
        *ret = q->head->authority;
        return q->head->authority.base ? WEFT_OK : WEFT_NOT_FOUND;
    }
    uint32_t at = 0;
    const struct weft_field *first = field_from(&q->head->fields, &at, name);
    if (!first) return WEFT_NOT_FOUND;
    if (field_from(&q->head->fields, &at, name)) return joined(q, name, ret);
    *ret = first->value;
    return WEFT_OK;
}

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = weft_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes to `to`, which has room for s.len bytes. A bad escape stands for itself. */
static struct weft_slice decode(struct weft_slice s, char *to) {
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && i + 2 < s.len && hex(s.base[i + 1]) >= 0 &&
                   hex(s.base[i + 2]) >= 0) {
            c = (char)(hex(s.base[i + 1]) * 16 + hex(s.base[i + 2]));
            i += 2;
        }
        to[n++] = c;
    }
    return weft_slice(to, n);
}

static enum weft_status parse_query(struct weft_match_request *q) {
    if (q->parsed) return WEFT_OK;
    struct weft_slice query = weft_head_query(q->head);
    uint32_t n = query.len != 0;
    for (size_t i = 0; i < query.len; i++) n += query.base[i] == '&';
    char *text = weft_arena_alloc(q->scratch, query.len + 1);
    q->params = weft_arena_alloc(q->scratch, sizeof *q->params * (n + (size_t)1));
    if (!text || !q->params) return WEFT_LIMIT;
    while (query.len) {
        struct weft_slice value = weft_slice_cut(&query, '&');
        struct weft_slice name = weft_slice_cut(&value, '=');
        struct weft_param *p = &q->params[q->n_params++];
        p->name = decode(name, text);
        text += name.len;
        p->value = decode(value, text);
        text += value.len;
    }
    q->parsed = true;
    return WEFT_OK;
}

enum weft_status weft_match_request_param(struct weft_match_request *q, struct weft_slice name,
                                          struct weft_slice *ret) {
    enum weft_status st = parse_query(q);
    if (st != WEFT_OK) return st;
    for (uint32_t i = 0; i < q->n_params; i++)
        if (weft_slice_eq(q->params[i].name, name)) return *ret = q->params[i].value, WEFT_OK;
    return WEFT_NOT_FOUND;
}

enum weft_status weft_match_text_holds(const struct weft_text_match *t, struct weft_slice value) {
    if (t->kind == WEFT_TEXT_REGEX) return weft_regex_match(t->regex, value);
    return weft_slice_eq(t->value, value) ? WEFT_OK : WEFT_NOT_FOUND;
}

static struct weft_slice last_element(struct weft_slice path) {
    size_t i = path.len;
    while (i && path.base[i - 1] != '/') i--;
    return weft_slice_from(path, i);
}

enum weft_status weft_match_path_holds(const struct weft_match *m, struct weft_slice path) {
    if (m->path_regex) return weft_regex_match(m->path_regex, path);
    bool ok = m->path_kind == WEFT_PATH_ANY ||
              (m->path_kind == WEFT_PATH_METHOD && weft_slice_eq(m->path, last_element(path)));
    return ok ? WEFT_OK : WEFT_NOT_FOUND;
}

bool weft_match_prefix_holds(struct weft_slice prefix, struct weft_slice path) {
    if (!prefix.len) return true;
    return weft_slice_starts(path, prefix) &&
           (path.len == prefix.len || path.base[prefix.len] == '/');
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/http/head.h>
#include <weft/base/check.h>
#include "message.h"

void weft_fields_init(struct weft_fields *f, struct weft_arena *arena) {
    *f = (struct weft_fields){.arena = arena};
}

bool http_fields_reserve(struct weft_fields *f, uint32_t cap) {
    if (cap <= f->cap) return true;
    struct weft_field *items = weft_arena_alloc(f->arena, cap * sizeof *items);
    if (!items) return false;
    if (f->n) memcpy(items, f->items, f->n * sizeof *items);
    f->items = items;
    f->cap = cap;
    return true;
}

enum weft_status weft_fields_add_ref(struct weft_fields *f, enum weft_token token,
                                     struct weft_slice name, struct weft_slice value) {
    if (f->n == f->cap && !http_fields_reserve(f, f->cap ? f->cap * 2 : 16)) return WEFT_LIMIT;
    f->items[f->n++] = (struct weft_field){.name = name, .value = value, .token = (uint16_t)token};
    return WEFT_OK;
}

static char *copy_lower(char *to, struct weft_slice s) {
    for (size_t i = 0; i < s.len; i++) to[i] = weft_lower(s.base[i]);
    return to + s.len;
}

enum weft_status weft_fields_add(struct weft_fields *f, struct weft_slice name,
                                 struct weft_slice value) {
    return http_fields_add(f, weft_token_of(name), name, value);
}

enum weft_status http_fields_add(struct weft_fields *f, enum weft_token t, struct weft_slice name,
                                 struct weft_slice value) {
    size_t own = t == WEFT_TOKEN_OTHER ? name.len : 0;
    char *p = weft_arena_alloc(f->arena, own + value.len + 1);
    if (!p) return WEFT_LIMIT;
    char *v = own ? copy_lower(p, name) : p;
    if (value.len) memcpy(v, value.base, value.len);
    struct weft_slice n = t == WEFT_TOKEN_OTHER ? weft_slice(p, own) : http_token_slice(t);
    return weft_fields_add_ref(f, t, n, weft_slice(v, value.len));
}

static bool is_named(const struct weft_field *f, enum weft_token t, struct weft_slice name) {
    return f->token == t && (t != WEFT_TOKEN_OTHER || weft_slice_eq(f->name, name));
}

const struct weft_field *weft_fields_get(const struct weft_fields *f, struct weft_slice name) {
    enum weft_token t = weft_token_of(name);
    for (uint32_t i = 0; i < f->n; i++)
        if (is_named(&f->items[i], t, name)) return &f->items[i];
    return NULL;
}

const struct weft_field *weft_fields_token(const struct weft_fields *f, enum weft_token t) {
    for (uint32_t i = 0; i < f->n; i++)
        if (f->items[i].token == t) return &f->items[i];
    return NULL;
}

static uint32_t remove_named(struct weft_fields *f, enum weft_token t, struct weft_slice name) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->n; i++)
        if (!is_named(&f->items[i], t, name)) f->items[kept++] = f->items[i];
    uint32_t removed = f->n - kept;
    f->n = kept;
    return removed;
}

uint32_t weft_fields_remove(struct weft_fields *f, struct weft_slice name) {
    return remove_named(f, weft_token_of(name), name);
}

uint32_t weft_fields_remove_token(struct weft_fields *f, enum weft_token t) {
    return t == WEFT_TOKEN_OTHER ? 0 : remove_named(f, t, WEFT_SLICE_EMPTY);
}

bool weft_fields_joined(const struct weft_fields *f, struct weft_slice name,
                        struct weft_arena *arena, struct weft_slice *ret) {
    enum weft_token t = weft_token_of(name);
    const struct weft_field *first = NULL;
    size_t total = 0, count = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        if (!is_named(&f->items[i], t, name)) continue;
        if (!first) first = &f->items[i];
        total += f->items[i].value.len + 1;
        count++;
    }
    if (!first) return false;
    *ret = first->value;
    char *p = count > 1 ? weft_arena_alloc(arena, total) : NULL;
    if (!p) return true; /* one value; or, beyond the arena's limit, the first */
    size_t at = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        struct weft_slice v = f->items[i].value;
        if (!is_named(&f->items[i], t, name)) continue;
        if (v.len) memcpy(p + at, v.base, v.len);
        at += v.len;
        p[at++] = ',';
    }
    *ret = weft_slice(p, at - 1);
    return true;
}

void weft_head_init(struct weft_head *h, struct weft_arena *arena) {
    *h = (struct weft_head){.scheme = WEFT_SLICE_LIT("http"), .version = WEFT_HTTP_11};
    weft_fields_init(&h->fields, arena);
}

static bool dup_part(struct weft_arena *a, struct weft_slice *s) {
    if (!s->base) return true;
    *s = weft_arena_dup(a, *s);
    return s->base != NULL;
}

enum weft_status http_fields_copy(struct weft_fields *to, const struct weft_fields *from) {
    if (!http_fields_reserve(to, to->n + from->n)) return WEFT_LIMIT;
    for (uint32_t i = 0; i < from->n; i++) {
        const struct weft_field *f = &from->items[i];
        enum weft_status st = weft_fields_add(to, f->name, f->value);
        if (st != WEFT_OK) return st;
    }
    return WEFT_OK;
}

enum weft_status weft_head_copy(struct weft_head *to, const struct weft_head *from,
                                struct weft_arena *arena) {
    *to = *from;
    weft_fields_init(&to->fields, arena);
    if (!dup_part(arena, &to->method) || !dup_part(arena, &to->scheme) ||
        !dup_part(arena, &to->authority) || !dup_part(arena, &to->path) ||
        !dup_part(arena, &to->upgrade))
        return WEFT_LIMIT;
    return http_fields_copy(&to->fields, &from->fields);
}

struct weft_slice weft_head_path_only(const struct weft_head *h) {
    return weft_slice_head(h->path, weft_slice_find(h->path, '?'));
}

struct weft_slice weft_head_query(const struct weft_head *h) {
    size_t q = weft_slice_find(h->path, '?');
    if (q == h->path.len) return WEFT_SLICE_EMPTY;
    return weft_slice(h->path.base + q + 1, h->path.len - q - 1);
}

bool weft_head_is_grpc(const struct weft_head *h) {
    static const struct weft_slice grpc = WEFT_SLICE_LIT("application/grpc");
    const struct weft_field *f = weft_fields_token(&h->fields, WEFT_TOKEN_CONTENT_TYPE);
    if (!f || f->value.len < grpc.len) return false;
    if (!weft_slice_ieq(weft_slice_head(f->value, grpc.len), grpc)) return false;
    if (f->value.len == grpc.len) return true;
    char next = f->value.base[grpc.len];
    return next == '+' || next == ';' || next == ' ';
}

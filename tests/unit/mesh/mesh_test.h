/* SPDX-License-Identifier: Apache-2.0
 * Short ways to write destinations and requests in tests of the mesh layer. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <weft/http/head.h>
#include <weft/mesh/match.h>
#include <weft/mesh/model.h>

#include "match_text.h"

static inline void assert_slice(struct weft_slice s, const char *want) {
    char got[2048];
    snprintf(got, sizeof got, WEFT_SLICE_FMT, WEFT_SLICE_ARG(s));
    assert_string_equal(got, want);
}

static inline struct weft_destination *dest_new(uint32_t n_rules) {
    struct weft_destination *d = weft_destination_new();
    d->name = sl("dest/10.0.0.1:80");
    d->kind = WEFT_DEST_SERVICE;
    d->ns = sl("default");
    d->service = sl("web");
    d->port = 80;
    d->routes = WEFT_ROUTES_HTTP;
    d->endpoints = weft_arena_array(&d->arena, struct weft_slice, 1);
    d->endpoints[0] = sl("endpoints/default/web:80");
    d->n_endpoints = 1;
    d->rules = weft_arena_array(&d->arena, struct weft_rule, n_rules ? n_rules : 1);
    d->n_rules = n_rules;
    for (uint32_t i = 0; i < n_rules; i++) {
        struct weft_rule *r = &d->rules[i];
        r->route_ns = sl("default");
        r->route = sl("r");
        r->index = i;
        r->matches = weft_arena_array(&d->arena, struct weft_match, 1);
        r->n_matches = 1;
    }
    return d;
}

static inline void dest_seal(struct weft_destination *d) {
    struct weft_error err = {0};
    enum weft_status st = weft_destination_seal(d, &err);
    if (st != WEFT_OK) fail_msg("%s: %s", err.path, err.message);
}

static inline struct weft_destination *dest_of(const char *const *matches, uint32_t n) {
    struct weft_destination *d = dest_new(n);
    for (uint32_t i = 0; i < n; i++) match_set(&d->arena, d->rules[i].matches, matches[i]);
    return d;
}

/* "GET /path?query" with headers "name: value" separated by newlines; "host" sets the authority. */
static inline void request_set(struct weft_head *h, struct weft_arena *a, const char *line,
                               const char *headers) {
    weft_head_init(h, a);
    struct weft_slice rest = sl(line);
    h->method = weft_slice_cut(&rest, ' ');
    h->path = rest;
    struct weft_slice fields = sl(headers ? headers : "");
    while (fields.len) {
        struct weft_slice value = weft_slice_cut(&fields, '\n');
        struct weft_slice name = weft_slice_cut(&value, ':');
        value = weft_slice_trim(value);
        if (weft_slice_ieq(name, sl("host")))
            h->authority = value;
        else
            assert_int_equal(weft_fields_add(&h->fields, name, value), WEFT_OK);
    }
}

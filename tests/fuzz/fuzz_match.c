/* SPDX-License-Identifier: Apache-2.0
 * A request and rules as text; the index must not crash and must decide as a plain scan does.
 *   GET /path?query
 *   name: value            header fields (host: the authority), until an empty line
 *
 *   3b=/path GET h:a=1     rule: age, namespace, match as in match_text.h
 *   +/other                one more match of the rule above */
#include <stdio.h>
#include <stdlib.h>

#include <weft/base/alloc.h>

#include "tests/unit/mesh/match_text.h"
#include "tests/unit/mesh/naive_match.h"

enum { MAX_INPUT = 4096, MAX_RULES = 64, MAX_MATCHES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_request(struct weft_slice *in, struct weft_head *h) {
    struct weft_slice line = weft_slice_cut(in, '\n');
    h->method = weft_slice_cut(&line, ' ');
    h->path = line;
    while ((line = weft_slice_cut(in, '\n')).len) {
        struct weft_slice name = weft_slice_cut(&line, ':');
        struct weft_slice value = weft_slice_trim(line);
        if (weft_slice_ieq(name, sl("host")))
            h->authority = value;
        else if (name.len)
            (void)weft_fields_add(&h->fields, name, value);
    }
}

static void set_match(struct weft_destination *d, struct weft_rule *r, struct weft_slice text) {
    if (r->n_matches == MAX_MATCHES) return;
    WEFT_FREE char *copy = weft_slice_dup(text);
    match_set(&d->arena, &r->matches[r->n_matches++], copy);
}

static void read_rules(struct weft_slice in, struct weft_destination *d) {
    static const char *const namespaces[] = {"a", "a-b", "b"};
    d->rules = weft_arena_array(&d->arena, struct weft_rule, MAX_RULES);
    while (in.len) {
        struct weft_slice line = weft_slice_cut(&in, '\n');
        if (line.len && line.base[0] == '+' && d->n_rules) {
            set_match(d, &d->rules[d->n_rules - 1], weft_slice_from(line, 1));
        } else if (line.len >= 2 && d->n_rules < MAX_RULES) {
            struct weft_rule *r = &d->rules[d->n_rules++];
            r->created = line.base[0];
            r->route_ns = sl(namespaces[(unsigned char)line.base[1] % 3]);
            r->route = sl("r");
            r->index = d->n_rules / 2; /* ties, now and then */
            r->matches = weft_arena_array(&d->arena, struct weft_match, MAX_MATCHES);
            set_match(d, r, weft_slice_from(line, 2));
        }
    }
}

static void ignore(void *ud, const struct weft_rule *rule, const struct weft_match *match,
                   struct weft_slice failed) {
    (void)ud;
}

static void compare(const struct weft_destination *d, const struct weft_head *h) {
    struct weft_arena scratch;
    weft_arena_init(&scratch, 0);
    struct weft_match_result got, want = naive_match(d, h);
    weft_match(d, h, &scratch, &got);
    if (got.rule != want.rule || got.match != want.match || got.regex_limit != want.regex_limit) {
        fprintf(stderr, "index: rule %td, scan: rule %td\n", got.rule ? got.rule - d->rules : -1,
                want.rule ? want.rule - d->rules : -1);
        abort();
    }
    weft_match_explain(d, h, &scratch, ignore, NULL);
    weft_arena_done(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > MAX_INPUT) return 0;
    struct weft_slice in = weft_slice((const char *)data, size);
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_head h;
    weft_head_init(&h, &a);
    read_request(&in, &h);
    struct weft_destination *d = weft_destination_new();
    d->name = sl("dest/10.0.0.1:80");
    read_rules(in, d);
    if (weft_destination_seal(d, NULL) == WEFT_OK) compare(d, &h);
    weft_destination_unref(d);
    weft_arena_done(&a);
    return 0;
}

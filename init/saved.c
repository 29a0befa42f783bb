/* SPDX-License-Identifier: Apache-2.0
 * Reads iptables-save text line by line. */
#include <init/saved.h>

struct parse {
    struct init_saved *out;
    struct weft_slice last_chain; /* of the rule before, to know which rule is a chain's first */
    bool nat;
};

static bool ours(struct weft_slice chain) {
    return weft_slice_starts(chain, WEFT_SLICE_LIT(INIT_PREFIX));
}

/* The next word; a quoted one (a comment) is returned without meaning, as a whole. */
static struct weft_slice next_word(struct weft_slice *s) {
    while (s->len && s->base[0] == ' ') *s = weft_slice_from(*s, 1);
    if (!s->len || s->base[0] != '"') return weft_slice_cut(s, ' ');
    size_t end = 1;
    while (end < s->len && s->base[end] != '"') end += s->base[end] == '\\' ? 2 : 1;
    end = end < s->len ? end + 1 : s->len;
    struct weft_slice word = weft_slice_head(*s, end);
    *s = weft_slice_from(*s, end);
    return word;
}

static struct weft_slice target_of(struct weft_slice spec) {
    while (spec.len) {
        struct weft_slice w = next_word(&spec);
        if (weft_slice_is(w, "-j") || weft_slice_is(w, "-g")) return next_word(&spec);
    }
    return WEFT_SLICE_EMPTY;
}

static void on_chain(struct parse *p, struct weft_slice line) {
    struct weft_slice rest = weft_slice_from(line, 1);
    struct weft_slice name = weft_slice_cut(&rest, ' ');
    bool user_made = rest.len && rest.base[0] == '-';
    if (p->nat && ours(name))
        p->out->chains[p->out->n_chains++] = name;
    else if (user_made)
        p->out->foreign++;
}

static void on_rule(struct parse *p, struct weft_slice spec) {
    struct weft_slice rest = spec;
    struct weft_slice chain = weft_slice_cut(&rest, ' ');
    bool first = !weft_slice_eq(chain, p->last_chain);
    p->last_chain = chain;
    if (p->nat && ours(chain)) {
        p->out->rules[p->out->n_rules++] = (struct init_saved_rule){chain, spec};
        return;
    }
    if (p->nat && ours(target_of(rest)))
        p->out->jumps[p->out->n_jumps++] = (struct init_jump){chain, spec, first};
    else
        p->out->foreign++;
}

static void on_line(struct parse *p, struct weft_slice line) {
    if (!line.len) return;
    if (line.base[0] == '*') {
        p->nat = weft_slice_is(line, "*nat");
        p->last_chain = WEFT_SLICE_EMPTY;
    } else if (line.base[0] == ':') {
        on_chain(p, line);
    } else if (weft_slice_starts(line, WEFT_SLICE_LIT("-A "))) {
        on_rule(p, weft_slice_from(line, 3));
    }
}

static size_t count_lines(struct weft_slice text) {
    size_t n = 1;
    for (size_t i = 0; i < text.len; i++) n += text.base[i] == '\n';
    return n;
}

void init_saved_parse(struct weft_arena *a, struct weft_slice text, struct init_saved *ret) {
    size_t lines = count_lines(text);
    *ret = (struct init_saved){.chains = weft_arena_array(a, struct weft_slice, lines),
                               .rules = weft_arena_array(a, struct init_saved_rule, lines),
                               .jumps = weft_arena_array(a, struct init_jump, lines)};
    struct parse p = {.out = ret};
    while (text.len) on_line(&p, weft_slice_trim(weft_slice_cut(&text, '\n')));
}

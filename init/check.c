/* SPDX-License-Identifier: Apache-2.0
 * Per address family: the rules in force against those that would be written, and one connection
 * outwards. Inbound cannot be tried: a pod cannot send itself a packet through PREROUTING. */
#include <init/check.h>

#include <init/backend.h>
#include <init/compare.h>
#include <init/probe.h>

#include <stdio.h>
#include <unistd.h>

struct check {
    const struct init_options *o;
    struct weft_arena arena;
    struct init_places places;
    int wrong;             /* findings */
    int covered, unproven; /* families whose rules were found; those where nothing could be tried */
};

static const char *name_of(int family) {
    return family == 4 ? "IPv4" : "IPv6";
}

static void wrong(struct check *c, int family, struct weft_slice what) {
    c->wrong++;
    fprintf(stderr, "weft-init: %s: " WEFT_SLICE_FMT "\n", name_of(family), WEFT_SLICE_ARG(what));
}

static void wrong_lines(struct check *c, int family, struct weft_slice lines) {
    while (lines.len) wrong(c, family, weft_slice_cut(&lines, '\n'));
}

static void note(int family, const char *what, const char *why) {
    fprintf(stderr, "weft-init: %s: %s: %s\n", name_of(family), what, why);
}

/* The place that holds our rules; else any that can be read; else NULL. */
static const struct init_place *place_of(struct check *c, int f) {
    const struct init_place *res = NULL;
    int holders = 0;
    for (int b = 0; b < INIT_BACKENDS; b++) {
        const struct init_place *p = &c->places.at[f][b];
        if (!p->usable) continue;
        bool ours = init_saved_ours(&p->saved);
        holders += ours;
        if (ours || !res) res = p;
    }
    if (holders == INIT_BACKENDS)
        wrong(c, f ? 6 : 4, WEFT_SLICE_LIT("both back ends hold rules of weft-init"));
    return res;
}

static bool check_rules(struct check *c, int f) {
    int family = f ? 6 : 4, before = c->wrong;
    const struct init_place *p = place_of(c, f);
    if (!p) {
        const struct init_place *first = &c->places.at[f][c->o->backend];
        if (first->absent)
            note(family, "absent", first->why);
        else
            wrong(c, family, weft_slice_str(first->why));
        return false;
    }
    struct weft_buf lines;
    weft_buf_init(&lines, 0);
    init_compare(&c->arena, c->o, &p->saved, family, &lines);
    wrong_lines(c, family, weft_buf_slice(&lines));
    weft_buf_done(&lines);
    if (c->wrong == before)
        printf("weft-init: %s (%s): the rules are as asked\n", name_of(family),
               init_backend_name(p->backend));
    return true;
}

static void report(struct check *c, const struct weft_addr *to, enum init_probed res,
                   const char *why) {
    char text[WEFT_ADDR_STR], line[512];
    weft_addr_format(to, text);
    switch (res) {
    case INIT_PROBED_OK:
        printf("weft-init: %s: a connection to %s came to port %llu\n", name_of(to->family), text,
               (unsigned long long)c->o->outbound_port);
        return;
    case INIT_PROBED_NO_ROUTE:
        c->unproven++;
        note(to->family, "outgoing connections could not be tried, there is no route", why);
        return;
    case INIT_PROBED_ASTRAY:
        snprintf(line, sizeof line, "a connection to %s was not redirected: %s", text, why);
        wrong(c, to->family, weft_slice_str(line));
        return;
    }
}

static void check_outgoing(struct check *c, int family) {
    struct weft_addr to;
    struct init_probe probe;
    char why[256] = "";
    const char *exempt = init_compare_target(c->o, family, geteuid(), getegid(), &to);
    if (exempt) {
        note(family, "outgoing connections were not tried", exempt);
        return;
    }
    if (!init_probe_open(&probe, family, c->o->outbound_port, c->o->inbound_port, why,
                         sizeof why)) {
        wrong(c, family, weft_slice_str(why));
        return;
    }
    enum init_probed res = init_probe_connect(&probe, &to, why, sizeof why);
    init_probe_close(&probe);
    report(c, &to, res, why);
}

int init_check(const struct init_options *o) {
    struct check c = {.o = o};
    weft_arena_init(&c.arena, 0);
    init_places_survey(&c.places, &c.arena);
    for (int f = 0; f < 2; f++) {
        if (!check_rules(&c, f)) continue;
        c.covered++;
        check_outgoing(&c, f ? 6 : 4);
    }
    if (!c.covered && !c.wrong) {
        c.wrong++;
        fprintf(stderr, "weft-init: neither IPv4 nor IPv6 rules can be read here\n");
    } else if (c.covered && c.unproven == c.covered) {
        c.wrong++;
        fprintf(stderr, "weft-init: no outgoing connection could be tried in any family\n");
    }
    init_places_done(&c.places);
    weft_arena_done(&c.arena);
    if (fflush(stdout) != 0) c.wrong++;
    return c.wrong ? 1 : 0;
}

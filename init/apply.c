/* SPDX-License-Identifier: Apache-2.0
 * Survey, choose, plan, render, restore: per address family one atomic write. */
#include <init/apply.h>
#include <init/backend.h>
#include <init/plan.h>
#include <init/render.h>

#include <inttypes.h>
#include <stdio.h>

struct run {
    const struct init_options *o;
    struct weft_arena arena;
    struct init_places places;
    enum init_backend first;
    bool only; /* never the other back end, unless the first is absent for a family */
};

static const char *family_name(const struct init_place *p) {
    return p->family == 4 ? "IPv4" : "IPv6";
}

static void note(const struct init_place *p, const char *what, const char *why) {
    fprintf(stderr, "weft-init: %s (%s): %s%s%s\n", family_name(p), init_backend_name(p->backend),
            what, *why ? ": " : "", why);
}

static void print_text(const struct init_place *p, const struct weft_buf *text) {
    printf("# %s-%s-restore --noflush\n" WEFT_SLICE_FMT, p->family == 4 ? "iptables" : "ip6tables",
           init_backend_name(p->backend), WEFT_SLICE_ARG(weft_buf_slice(text)));
}

/* Writes one plan, or prints it. */
static enum init_outcome write_plan(struct run *r, const struct init_place *p,
                                    const struct init_plan *plan, char *why, size_t why_size) {
    struct weft_buf text;
    weft_buf_init(&text, 0);
    init_render(plan, &text);
    enum init_outcome res = INIT_DONE;
    *why = 0;
    if (weft_buf_size(&text) == 0) {
        /* nothing of ours there, nothing to undo */
    } else if (r->o->dry_run) {
        print_text(p, &text);
    } else {
        res = init_place_restore(p, weft_buf_slice(&text), r->o->lock_wait_s, why, why_size);
    }
    weft_buf_done(&text);
    return res;
}

static bool cleanup_place(struct run *r, const struct init_place *p) {
    if (!init_saved_ours(&p->saved)) return true;
    struct init_plan plan;
    char why[512];
    init_plan_cleanup(&r->arena, &p->saved, p->family, &plan);
    if (write_plan(r, p, &plan, why, sizeof why) != INIT_DONE) {
        note(p, "our rules could not be removed", why);
        return false;
    }
    if (!r->o->dry_run)
        printf("weft-init: %s (%s): removed\n", family_name(p), init_backend_name(p->backend));
    return true;
}

static enum init_outcome apply_place(struct run *r, const struct init_place *p) {
    struct init_plan plan;
    char why[512] = "";
    if (!p->usable && (p->absent || !r->o->dry_run)) {
        note(p, p->absent ? "absent" : "failed", p->why);
        return p->absent ? INIT_ABSENT : INIT_FAILED;
    }
    if (!p->usable) note(p, "what is there cannot be read, taken as empty", p->why);
    init_plan_apply(&r->arena, r->o, &p->saved, p->family, &plan);
    enum init_outcome res = write_plan(r, p, &plan, why, sizeof why);
    if (res != INIT_DONE)
        note(p, res == INIT_ABSENT ? "absent" : "failed", why);
    else if (!r->o->dry_run)
        printf(
            "weft-init: %s (%s): outgoing TCP goes to port %" PRIu64 ", incoming to %" PRIu64 "\n",
            family_name(p), init_backend_name(p->backend), r->o->outbound_port, r->o->inbound_port);
    return res;
}

/* The first back end, then perhaps the other; what the loser still holds of ours is removed. */
static enum init_outcome apply_family(struct run *r, int f) {
    struct init_place *first = &r->places.at[f][r->first];
    struct init_place *other = &r->places.at[f][INIT_BACKENDS - 1 - r->first];
    enum init_outcome res = apply_place(r, first);
    if (res == INIT_DONE) return cleanup_place(r, other) ? INIT_DONE : INIT_FAILED;
    if (r->o->backend_forced || (r->only && res == INIT_FAILED)) return res;
    enum init_outcome second = apply_place(r, other);
    if (second == INIT_DONE) return cleanup_place(r, first) ? INIT_DONE : INIT_FAILED;
    return res == INIT_FAILED ? res : second;
}

static int apply(struct run *r) {
    r->first = init_places_choose(&r->places, r->o, &r->only);
    enum init_outcome v4 = apply_family(r, 0), v6 = apply_family(r, 1);
    if (v4 == INIT_FAILED || v6 == INIT_FAILED) return 1;
    if (v4 == INIT_ABSENT && v6 == INIT_ABSENT) {
        fprintf(stderr, "weft-init: neither IPv4 nor IPv6 can be redirected here\n");
        return 1;
    }
    if (v4 == INIT_ABSENT || v6 == INIT_ABSENT)
        fprintf(stderr, "weft-init: %s connections are not redirected, only %s\n",
                v4 == INIT_ABSENT ? "IPv4" : "IPv6", v4 == INIT_ABSENT ? "IPv6" : "IPv4");
    return 0;
}

static int cleanup(struct run *r) {
    int res = 0, seen = 0;
    for (int f = 0; f < 2; f++)
        for (int b = 0; b < INIT_BACKENDS; b++) {
            struct init_place *p = &r->places.at[f][b];
            seen += p->usable;
            if (!p->usable && !p->absent) {
                note(p, "failed", p->why);
                res = 1;
            } else if (!cleanup_place(r, p)) {
                res = 1;
            }
        }
    if (!seen && !res) fprintf(stderr, "weft-init: no iptables back end here, nothing to remove\n");
    return res;
}

int init_run(const struct init_options *o) {
    struct run r = {.o = o};
    weft_arena_init(&r.arena, 0);
    init_places_survey(&r.places, &r.arena);
    int res = o->cleanup ? cleanup(&r) : apply(&r);
    if (fflush(stdout) != 0) res = 1;
    init_places_done(&r.places);
    weft_arena_done(&r.arena);
    return res;
}

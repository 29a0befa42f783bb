/* SPDX-License-Identifier: Apache-2.0
 * Which routes have to be written, and when. */
#include "status_internal.h"

#include <weft/base/alloc.h>
#include <weft/object/json.h>
#include <weft/obs/log.h>

enum { PER_SECOND = 20, BURST = 50, MAX_SENT = 8 };
#define SETTLE_US UINT64_C(100000)   /* changes of this long are compared together */
#define RESYNC_US UINT64_C(60000000) /* what nobody told us of */

static const char *const kinds[] = {"HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"};

/* === what is wanted === */

static void index_done(struct controller_status *s) {
    struct status_wanted *w, *next;
    HASH_ITER(hh, s->index, w, next) {
        HASH_DEL(s->index, w);
        free(w);
    }
    json_decref(s->wanted);
    s->wanted = NULL;
}

static void index_wanted(struct controller_status *s, json_t *list) {
    size_t i;
    json_t *route;
    index_done(s);
    s->wanted = list;
    json_array_foreach(list, i, route) {
        struct weft_slice kind = weft_js_str(route, "kind"), ns = weft_js_str(route, "namespace"),
                          name = weft_js_str(route, "name");
        WEFT_FREE char *key =
            weft_asprintf(WEFT_SLICE_FMT "/" WEFT_SLICE_FMT "/" WEFT_SLICE_FMT,
                          WEFT_SLICE_ARG(kind), WEFT_SLICE_ARG(ns), WEFT_SLICE_ARG(name));
        struct status_wanted *w = weft_alloc0(sizeof *w + strlen(key) + 1);
        w->route = route;
        memcpy(w->key, key, strlen(key));
        HASH_ADD_STR(s->index, key, w);
    }
}

json_t *status_wanted(const struct controller_status *s, const char *key) {
    struct status_wanted *w = NULL;
    HASH_FIND_STR(s->index, key, w);
    return w ? w->route : NULL;
}

/* === targets === */

static void target_free(struct status_target *t) {
    struct controller_status *s = t->status;
    if (t->phase == STATUS_SENT) s->n_sent--;
    if (t->phase != STATUS_IDLE) weft_gauge_add(s->opt.metrics->status_queue, -1);
    HASH_DEL(s->targets, t);
    weft_timer_stop(&t->retry);
    weft_kube_cancel(t->call);
    json_decref(t->fresh);
    free(t->based);
    free(t->refused);
    free(t->key);
    free(t->kind);
    free(t->ns);
    free(t->name);
    free(t);
}

static void set_phase(struct status_target *t, enum status_phase phase) {
    struct controller_status *s = t->status;
    s->n_sent += (size_t)(phase == STATUS_SENT) - (size_t)(t->phase == STATUS_SENT);
    weft_gauge_add(s->opt.metrics->status_queue,
                   (phase != STATUS_IDLE) - (t->phase != STATUS_IDLE));
    t->phase = phase;
}

static void on_retry(void *arg) {
    struct status_target *t = arg;
    status_pump(t->status);
}

static struct status_target *target_of(struct controller_status *s, const struct weft_object *o,
                                       const char *key) {
    struct status_target *t = NULL;
    HASH_FIND_STR(s->targets, key, t);
    if (t) return t;
    t = weft_new0(struct status_target);
    t->status = s;
    t->phase = STATUS_IDLE;
    t->key = weft_strdup(key);
    t->kind = weft_strdup(o->kind);
    t->ns = weft_strdup(o->ns);
    t->name = weft_strdup(o->name);
    weft_timer_init(&t->retry, s->loop, on_retry, t);
    HASH_ADD_KEYPTR(hh, s->targets, t->key, strlen(t->key), t);
    return t;
}

void status_done(struct status_target *t) {
    t->attempts = 0;
    if (t->fresh || t->refused)
        set_phase(t, STATUS_IDLE);
    else
        target_free(t);
}

void status_later(struct status_target *t, uint64_t after_us) {
    set_phase(t, STATUS_QUEUED);
    weft_timer_start(&t->retry, after_us);
}

void status_count(struct controller_status *s, const char *result) {
    struct weft_slice value = weft_slice_str(result);
    weft_counter_add(controller_metrics_status_write(s->opt.metrics, value), 1);
}

/* === the queue === */

static bool take_allowance(struct controller_status *s) {
    uint64_t now = weft_loop_now_us(s->loop);
    s->allowance += (double)(now - s->allowance_at_us) * PER_SECOND / 1e6;
    s->allowance_at_us = now;
    if (s->allowance > BURST) s->allowance = BURST;
    if (s->allowance < 1) return false;
    s->allowance -= 1;
    return true;
}

void status_pump(struct controller_status *s) {
    struct status_target *t, *next;
    HASH_ITER(hh, s->targets, t, next) {
        if (s->n_sent >= MAX_SENT) return; /* the next answer comes here again */
        if (t->phase != STATUS_QUEUED || weft_timer_active(&t->retry)) continue;
        if (!take_allowance(s)) {
            weft_timer_start(&s->pump, 1000000 / PER_SECOND);
            return;
        }
        set_phase(t, STATUS_SENT);
        status_write(t);
    }
}

static void on_pump(void *arg) {
    status_pump(arg);
}

/* === comparing === */

static void compare(void *ud, const struct weft_object *o) {
    struct controller_status *s = ud;
    if (strcmp(o->group, "gateway.networking.k8s.io") != 0) return;
    WEFT_FREE char *key = weft_asprintf("%s/%s/%s", o->kind, o->ns, o->name);
    struct status_target *t = target_of(s, o, key);
    if (t->phase != STATUS_IDLE) return; /* is compared when its turn comes */
    struct controller_status_merge m = {0};
    if (status_plan(t, o, &m) && m.changed)
        set_phase(t, STATUS_QUEUED);
    else
        status_done(t);
    json_decref(m.parents);
}

/* Routes that are gone take their targets along. */
static void forget_gone(struct controller_status *s) {
    struct status_target *t, *next;
    HASH_ITER(hh, s->targets, t, next)
    if (t->phase != STATUS_SENT && !weft_store_get(s->opt.store, t->kind, t->ns, t->name))
        target_free(t);
}

static void look(struct controller_status *s) {
    weft_timer_start(&s->look, RESYNC_US);
    json_t *wanted = s->leads ? s->opt.wanted(s->opt.ud) : NULL;
    if (!wanted) return;
    index_wanted(s, wanted);
    forget_gone(s);
    for (size_t i = 0; i < WEFT_LEN(kinds); i++)
        weft_store_each(s->opt.store, kinds[i], NULL, compare, s);
    status_pump(s);
}

static void on_look(void *arg) {
    look(arg);
}

void controller_status_look(struct controller_status *s) {
    uint64_t soon = weft_loop_now_us(s->loop) + SETTLE_US;
    if (s->leads && s->look.due_us > soon) weft_timer_start(&s->look, SETTLE_US);
}

void controller_status_lead(struct controller_status *s, bool leads) {
    if (s->leads == leads) return;
    s->leads = leads;
    struct status_target *t, *next;
    HASH_ITER(hh, s->targets, t, next) target_free(t); /* what is under way is the next one's */
    weft_timer_stop(&s->pump);
    if (leads)
        weft_timer_start(&s->look, SETTLE_US);
    else
        weft_timer_stop(&s->look);
}

struct controller_status *controller_status_new(struct weft_loop *l,
                                                const struct controller_status_options *opt) {
    struct controller_status *s = weft_new0(struct controller_status);
    s->loop = l;
    s->opt = *opt;
    s->allowance = BURST;
    s->allowance_at_us = weft_loop_now_us(l);
    weft_rng_seed_system(&s->rng);
    weft_timer_init(&s->look, l, on_look, s);
    weft_timer_init(&s->pump, l, on_pump, s);
    return s;
}

struct controller_status *controller_status_free(struct controller_status *s) {
    if (!s) return NULL;
    controller_status_lead(s, false);
    index_done(s);
    free(s);
    return NULL;
}

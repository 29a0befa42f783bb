/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/review.h>

#include <controller/allowance.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/list.h>
#include <weft/net/tls.h>
#include <weft/object/format.h>
#include <weft/object/json.h>
#include <weft/obs/log.h>

#include <uthash.h>

enum {
    MAX_KNOWN = 4096,
    MAX_WAITING = 4096,
    MAX_WAITING_FOR_ONE = 32, /* a pod has its own token, and few calls at a time */
    MAX_ASKING = 16,
    MAX_TOKEN = 16 * 1024
};
#define SECOND      UINT64_C(1000000)
#define KNOWN_US    (10 * SECOND) /* a token revoked meanwhile still counts */
#define DENIED_US   (2 * SECOND)
#define UNKNOWN_US  (SECOND / 10) /* the API server did not answer */
#define DEADLINE_US (5 * SECOND)

enum phase { QUEUED, ASKING, ANSWERED };

struct known { /* one token, by its SHA-256 */
    UT_hash_handle hh;
    unsigned char hash[32];
    enum phase phase;
    struct controller_review *review;
    struct weft_list queue; /* review->queue */
    char *token;            /* while queued */
    struct weft_kube_call *call;
    struct weft_timer end;
    enum weft_status status;
    bool away; /* the API server, when it was asked */
    char *ns, *service_account, *pod, *why;
    struct weft_list waiting;
};

struct controller_review {
    struct weft_loop *loop;
    struct weft_kube *kube;
    char *audience;
    struct controller_metrics *metrics;
    struct known *known;    /* oldest first */
    struct weft_list queue; /* known that are to be asked about */
    size_t n_waiting, n_asking;
    bool freed; /* goes with the last that waits */
    struct controller_allowance allowance;
};

struct controller_review_wait {
    struct weft_list node; /* known->waiting, or alone */
    struct controller_review *review;
    struct known *known; /* NULL: turned away */
    struct weft_task soon;
    void (*fn)(void *ud, const struct controller_review_answer *a);
    void *ud;
};

/* === what is known === */

static void forget_token(struct known *k) {
    if (k->token) explicit_bzero(k->token, strlen(k->token));
    free(weft_take(&k->token));
    weft_list_remove(&k->queue);
}

static void known_free(struct known *k) {
    HASH_DEL(k->review->known, k);
    forget_token(k);
    if (k->phase == ASKING) k->review->n_asking--;
    weft_timer_stop(&k->end);
    weft_kube_cancel(k->call);
    free(k->ns);
    free(k->service_account);
    free(k->pod);
    free(k->why);
    free(k);
}

static void on_known_end(void *arg) {
    struct known *k = arg;
    if (weft_list_empty(&k->waiting))
        known_free(k);
    else
        weft_timer_start(&k->end, SECOND); /* they are told in this turn */
}

/* Room for one more: the oldest that nobody waits for goes. */
static bool make_room(struct controller_review *r) {
    if (HASH_COUNT(r->known) < MAX_KNOWN) return true;
    for (struct known *k = r->known; k; k = k->hh.next) {
        if (!weft_list_empty(&k->waiting)) continue;
        known_free(k);
        return true;
    }
    return false;
}

/* === telling === */

static void free_if_done(struct controller_review *r) {
    if (!r->freed || r->n_waiting) return;
    free(r->audience);
    free(r);
}

static void tell(struct controller_review_wait *w) {
    const struct known *k = w->known;
    struct controller_review_answer a = {.status = WEFT_AGAIN, .why = "too many at once"};
    if (k)
        a = (struct controller_review_answer){.status = k->status,
                                              .away = k->away,
                                              .ns = weft_slice_str(k->ns),
                                              .service_account = weft_slice_str(k->service_account),
                                              .pod = weft_slice_str(k->pod),
                                              .why = k->why};
    void (*fn)(void *, const struct controller_review_answer *) = w->fn;
    void *ud = w->ud;
    weft_list_remove(&w->node);
    w->review->n_waiting--;
    weft_task_cancel(&w->soon);
    struct controller_review *r = w->review;
    free(w);
    fn(ud, &a);
    free_if_done(r); /* fn may have been the last that asks */
}

static void on_soon(void *arg) {
    tell(arg);
}

static void answered(struct known *k, enum weft_status st, const char *why) {
    if (k->phase == ASKING) k->review->n_asking--;
    k->phase = ANSWERED;
    k->status = st;
    k->why = why ? weft_strdup(why) : NULL;
    weft_timer_start(&k->end, st == WEFT_OK       ? KNOWN_US
                              : st == WEFT_DENIED ? DENIED_US
                                                  : UNKNOWN_US);
    weft_list_each(it, &k->waiting) /* one by one: they may cancel one another */
        weft_task_queue(k->review->loop,
                        &WEFT_CONTAINER(it, struct controller_review_wait, node)->soon);
}

/* === asking === */

bool controller_review_user(struct weft_slice user, struct weft_slice *ret_ns,
                            struct weft_slice *ret_service_account) {
    static const struct weft_slice prefix = WEFT_SLICE_LIT("system:serviceaccount:");
    if (!weft_slice_starts(user, prefix)) return false;
    struct weft_slice rest = weft_slice_from(user, prefix.len);
    *ret_ns = weft_slice_cut(&rest, ':');
    *ret_service_account = rest;
    return weft_fmt_label(*ret_ns) && weft_fmt_subdomain(*ret_service_account);
}

static bool has_audience(const json_t *status, const char *audience) {
    const json_t *list = json_object_get(status, "audiences");
    size_t i;
    json_t *j;
    json_array_foreach(list, i, j) if (weft_slice_is(weft_js_slice(j), audience)) return true;
    return false;
}

static void judge(struct known *k, const json_t *review) {
    const json_t *status = json_object_get(review, "status");
    const json_t *user = json_object_get(status, "user");
    struct weft_slice ns, sa, error = weft_js_str(status, "error");
    if (!weft_js_bool(status, "authenticated", false)) {
        WEFT_FREE char *why =
            weft_asprintf("the token is not valid%s" WEFT_SLICE_FMT, error.len ? ": " : "",
                          WEFT_SLICE_ARG(weft_slice_head(error, 256)));
        answered(k, WEFT_DENIED, why);
    } else if (!has_audience(status, k->review->audience)) {
        answered(k, WEFT_DENIED, "the token is for another audience");
    } else if (!controller_review_user(weft_js_str(user, "username"), &ns, &sa)) {
        answered(k, WEFT_DENIED, "the token is not that of a ServiceAccount");
    } else {
        const json_t *pod = weft_js_in(user, "extra", "authentication.kubernetes.io/pod-name");
        k->ns = weft_slice_dup(ns);
        k->service_account = weft_slice_dup(sa);
        k->pod = weft_slice_dup(weft_js_slice(json_array_get(pod, 0)));
        answered(k, WEFT_OK, NULL);
    }
}

static void ask_next(struct controller_review *r);

static void on_reply(void *ud, const struct weft_kube_reply *r) {
    struct known *k = ud;
    struct controller_review *review = k->review;
    k->call = NULL;
    if (r->status == 200 || r->status == 201) {
        judge(k, r->body);
    } else {
        weft_warn("ca", "no TokenReview: %s", r->error);
        weft_counter_add(review->metrics->review_errors, 1);
        k->away = r->status == 0 || r->status >= 500;
        answered(k, WEFT_AGAIN, "the API server could not be asked");
    }
    ask_next(review);
}

static void ask(struct known *k) {
    json_t *body =
        json_pack("{s:s, s:s, s:{s:s, s:[s]}}", "apiVersion", "authentication.k8s.io/v1", "kind",
                  "TokenReview", "spec", "token", k->token, "audiences", k->review->audience);
    forget_token(k);
    if (!body) { /* not UTF-8 */
        answered(k, WEFT_DENIED, "the token is not valid");
        return;
    }
    k->phase = ASKING;
    k->review->n_asking++;
    k->call = weft_kube_send(
        k->review->kube,
        &(struct weft_kube_request){.method = "POST",
                                    .path = "/apis/authentication.k8s.io/v1/tokenreviews",
                                    .body = body,
                                    .timeout_us = DEADLINE_US,
                                    .on_reply = on_reply,
                                    .ud = k});
    json_decref(body);
    weft_counter_add(k->review->metrics->reviews, 1);
}

static void ask_next(struct controller_review *r) {
    while (r->n_asking < MAX_ASKING && !weft_list_empty(&r->queue))
        ask(WEFT_CONTAINER(r->queue.next, struct known, queue));
}

static bool has_room(const struct known *k) {
    size_t n = 0;
    weft_list_each(it, &k->waiting) n++;
    return n < MAX_WAITING_FOR_ONE;
}

/* NULL: too many at once. */
static struct known *find_or_ask(struct controller_review *r, const struct weft_addr *from,
                                 struct weft_slice token) {
    unsigned char hash[32];
    struct known *k = NULL;
    weft_pki_sha256(token, hash);
    HASH_FIND(hh, r->known, hash, sizeof hash, k);
    if (k) return has_room(k) ? k : NULL;
    if (token.len > MAX_TOKEN || r->n_waiting >= MAX_WAITING ||
        !controller_allowance_take(&r->allowance, from, weft_loop_now_us(r->loop)) || !make_room(r))
        return NULL;
    k = weft_new0(struct known);
    memcpy(k->hash, hash, sizeof hash);
    k->review = r;
    weft_list_init(&k->waiting);
    weft_list_init(&k->queue);
    weft_timer_init(&k->end, r->loop, on_known_end, k);
    HASH_ADD(hh, r->known, hash, sizeof k->hash, k);
    k->token = weft_slice_dup(token);
    weft_list_push(&r->queue, &k->queue);
    ask_next(r);
    return k;
}

struct controller_review_wait *
controller_review_ask(struct controller_review *r, const struct weft_addr *from,
                      struct weft_slice token,
                      void (*fn)(void *ud, const struct controller_review_answer *a), void *ud) {
    struct controller_review_wait *w = weft_new0(struct controller_review_wait);
    w->review = r;
    w->fn = fn;
    w->ud = ud;
    w->known = find_or_ask(r, from, token);
    weft_list_init(&w->node);
    weft_task_init(&w->soon, on_soon, w);
    r->n_waiting++;
    if (w->known) weft_list_push(&w->known->waiting, &w->node);
    if (!w->known || w->known->phase == ANSWERED) weft_task_queue(r->loop, &w->soon);
    return w;
}

void controller_review_cancel(struct controller_review_wait *w) {
    if (!w) return;
    struct controller_review *r = w->review;
    weft_list_remove(&w->node);
    weft_task_cancel(&w->soon);
    r->n_waiting--;
    free(w);
    free_if_done(r);
}

struct controller_review *controller_review_new(struct weft_loop *l, struct weft_kube *k,
                                                const char *audience,
                                                struct controller_metrics *m) {
    struct controller_review *r = weft_new0(struct controller_review);
    r->loop = l;
    r->kube = k;
    r->audience = weft_strdup(audience);
    r->metrics = m;
    weft_list_init(&r->queue);
    controller_allowance_init(&r->allowance, weft_loop_now_us(l));
    return r;
}

struct controller_review *controller_review_free(struct controller_review *r) {
    if (!r) return NULL;
    struct known *k, *next;
    HASH_ITER(hh, r->known, k, next) {
        weft_list_each(it, &k->waiting) {
            weft_list_remove(it);
            weft_task_cancel(&WEFT_CONTAINER(it, struct controller_review_wait, node)->soon);
        }
        known_free(k);
    }
    controller_allowance_done(&r->allowance);
    r->freed = true;
    free_if_done(r);
    return NULL;
}

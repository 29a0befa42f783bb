/* SPDX-License-Identifier: Apache-2.0
 * A collection kept by list and watch: which request comes next, and when. */
#include "client_internal.h"
#include "watch_state.h"

#include <weft/base/alloc.h>

#define SECOND 1000000ull

enum {
    PAGE = 500,
    BACKOFF_MIN_US = 100 * 1000,
    BACKOFF_MAX_US = 30 * 1000 * 1000,
    ABSENT_US = 3 * 1000 * 1000, /* how often a kind that is not served is looked for */
    LIST_TIMEOUT_US = 60 * 1000 * 1000,
    WATCH_MIN_S = 300, /* a watch lasts 5 to 10 minutes, so that not all of them end at once */
    WATCH_GRACE_S = 30,
};

struct weft_kube_watch {
    struct weft_list link; /* kube->watches */
    struct weft_kube *kube;
    char *path, *query;
    struct kube_state state;
    struct kube_transfer *transfer;
    struct weft_timer again;
    unsigned failures;
    uint64_t seen_us, began_us;
    bool progress; /* the request under way has told something */
    bool absent;   /* on_synced(false) was said last */
    bool relisted; /* as a version was too old, and no watch has told anything since */
};

static void next(struct weft_kube_watch *w);

static void on_again(void *arg) {
    next(arg);
}

/* Half of it is chance, so that many clients of a server that comes back do not come at once. */
static uint64_t jitter(struct weft_kube_watch *w, uint64_t us) {
    return us / 2 + weft_rng_below(&w->kube->rng, (uint32_t)(us / 2) + 1);
}

static void retry(struct weft_kube_watch *w) {
    unsigned shift = w->failures < 16 ? w->failures : 16;
    uint64_t us = (uint64_t)BACKOFF_MIN_US << shift;
    w->failures++;
    weft_timer_start(&w->again, jitter(w, us < BACKOFF_MAX_US ? us : BACKOFF_MAX_US));
}

static void alive(struct weft_kube_watch *w) {
    w->seen_us = weft_loop_now_us(w->kube->loop);
    w->progress = true;
    if (!w->relisted) w->failures = 0;
}

static void fail(struct weft_kube_watch *w, const char *error) {
    retry(w);
    if (w->state.cb.on_failure) w->state.cb.on_failure(w->state.cb.ud, error);
}

static void fail_with(struct weft_kube_watch *w, const struct weft_error *err) {
    WEFT_FREE char *text = weft_asprintf("%s%s: %s", w->kube->config.server, w->path, err->message);
    fail(w, text);
}

/* The server does not know the kind: its objects are gone, if there were any. */
static void absent(struct weft_kube_watch *w) {
    bool tell = !w->absent;
    w->absent = true;
    w->seen_us = weft_loop_now_us(w->kube->loop);
    w->failures = 0;
    weft_timer_start(&w->again, jitter(w, ABSENT_US));
    kube_state_gone(&w->state);
    if (tell && !w->state.stopped && w->state.cb.on_synced)
        w->state.cb.on_synced(w->state.cb.ud, false);
}

/* At once, unless the server said the same just before: also of what it had just listed. */
static void relist(struct weft_kube_watch *w) {
    kube_state_restart(&w->state);
    if (!w->relisted && w->failures++ == 0)
        next(w);
    else
        retry(w);
    w->relisted = true;
}

static void bad_status(struct weft_kube_watch *w, long status, const struct weft_buf *body) {
    if (status == 404) {
        absent(w);
        return;
    }
    if (status == 410) {
        relist(w);
        return;
    }
    struct weft_error err = {0};
    json_t *json = kube_json(weft_buf_slice(body), &err);
    WEFT_FREE char *fault = kube_reply_fault(w->kube, status, json);
    json_decref(json);
    fail(w, fault);
}

/* === list === */

static void page_arrived(struct weft_kube_watch *w, struct weft_buf *body) {
    struct weft_error err = {0};
    json_t *page = kube_json(weft_buf_slice(body), &err);
    enum weft_status st = page ? kube_state_page(&w->state, page, &err) : WEFT_INVALID;
    json_decref(page);
    if (w->state.stopped) return;
    if (st != WEFT_OK) {
        kube_state_restart(&w->state);
        fail_with(w, &err);
        return;
    }
    alive(w);
    next(w);
    if (w->state.cont) return;
    w->absent = false;
    if (w->state.cb.on_synced) w->state.cb.on_synced(w->state.cb.ud, true);
}

static void on_list_done(void *ud, long status, struct weft_buf *body, const char *error) {
    struct weft_kube_watch *w = ud;
    w->transfer = NULL;
    if (error)
        fail(w, error);
    else if (status != 200)
        bad_status(w, status, body);
    else
        page_arrived(w, body);
}

static void send_list(struct weft_kube_watch *w) {
    char *cont = w->state.cont ? curl_easy_escape(NULL, w->state.cont, 0) : NULL;
    WEFT_FREE char *path =
        weft_asprintf("%s?%s%slimit=%d%s%s", w->path, w->query ? w->query : "", w->query ? "&" : "",
                      PAGE, cont ? "&continue=" : "", cont ? cont : "");
    curl_free(cont);
    const struct kube_transfer_spec spec = {
        .method = "GET",
        .path = path,
        .timeout_us = LIST_TIMEOUT_US,
        .max_body = KUBE_MAX_REPLY,
        .cb = {.ud = w, .on_done = on_list_done},
    };
    w->transfer = kube_transfer_new(w->kube, &spec);
}

/* === watch === */

static void bad_event(struct weft_kube_watch *w, enum weft_status st,
                      const struct weft_error *err) {
    w->transfer = kube_transfer_free(w->transfer);
    if (st == WEFT_NOT_FOUND) {
        relist(w);
        return;
    }
    if (st == WEFT_INVALID) kube_state_restart(&w->state); /* what was missed is unknown */
    fail_with(w, err);
}

static void on_watch_data(void *ud, long status, struct weft_buf *body) {
    struct weft_kube_watch *w = ud;
    struct weft_error err = {0};
    if (status != 200) return; /* on_watch_done reads it */
    enum weft_status st = kube_state_feed(&w->state, body, &err);
    if (w->state.stopped) return;
    if (st == WEFT_OK) {
        w->relisted = false;
        alive(w);
    } else {
        bad_event(w, st, &err);
    }
}

/* A server that ends every watch at once is not asked again at once. */
static void watch_ended(struct weft_kube_watch *w, const char *error) {
    bool lasted = weft_loop_now_us(w->kube->loop) - w->began_us >= SECOND;
    if (!error && (w->progress || lasted)) {
        w->failures = 0;
        w->relisted = false;
        next(w);
    } else if (!error || w->progress || lasted) {
        retry(w);
    } else {
        fail(w, error);
    }
}

static void on_watch_done(void *ud, long status, struct weft_buf *body, const char *error) {
    struct weft_kube_watch *w = ud;
    w->transfer = NULL;
    if (error || status == 200)
        watch_ended(w, error);
    else
        bad_status(w, status, body);
}

static void send_watch(struct weft_kube_watch *w) {
    unsigned seconds = WATCH_MIN_S + weft_rng_below(&w->kube->rng, WATCH_MIN_S + 1);
    char *version = curl_easy_escape(NULL, w->state.version, 0);
    WEFT_FREE char *path = weft_asprintf(
        "%s?%s%swatch=1&allowWatchBookmarks=true&resourceVersion=%s&timeoutSeconds=%u", w->path,
        w->query ? w->query : "", w->query ? "&" : "", version, seconds);
    curl_free(version);
    const struct kube_transfer_spec spec = {
        .method = "GET",
        .path = path,
        .timeout_us = (seconds + WATCH_GRACE_S) * SECOND,
        .max_body = KUBE_MAX_EVENT,
        .cb = {.ud = w, .on_data = on_watch_data, .on_done = on_watch_done},
    };
    w->transfer = kube_transfer_new(w->kube, &spec);
}

static void next(struct weft_kube_watch *w) {
    weft_timer_stop(&w->again);
    w->progress = false;
    w->began_us = weft_loop_now_us(w->kube->loop);
    if (w->state.version)
        send_watch(w);
    else
        send_list(w);
}

struct weft_kube_watch *weft_kube_watch_new(struct weft_kube *k, const char *path,
                                            const char *query,
                                            const struct weft_kube_watch_cb *cb) {
    struct weft_kube_watch *w = weft_new0(struct weft_kube_watch);
    w->kube = k;
    w->path = weft_strdup(path);
    w->query = query && *query ? weft_strdup(query) : NULL;
    w->seen_us = weft_loop_now_us(k->loop);
    kube_state_init(&w->state, cb);
    weft_timer_init(&w->again, k->loop, on_again, w);
    weft_list_push(&k->watches, &w->link);
    next(w);
    return w;
}

static void destroy(void *arg) {
    struct weft_kube_watch *w = arg;
    kube_state_done(&w->state);
    free(w->path);
    free(w->query);
    free(w);
}

struct weft_kube_watch *weft_kube_watch_free(struct weft_kube_watch *w) {
    if (!w) return NULL;
    w->state.stopped = true;
    weft_list_remove(&w->link);
    weft_timer_stop(&w->again);
    w->transfer = kube_transfer_free(w->transfer);
    weft_loop_defer(w->kube->loop, destroy, w);
    return NULL;
}

void kube_watch_drop(struct weft_list *link) {
    weft_kube_watch_free(WEFT_CONTAINER(link, struct weft_kube_watch, link));
}

void kube_watch_again(struct weft_list *link) {
    struct weft_kube_watch *w = WEFT_CONTAINER(link, struct weft_kube_watch, link);
    if (!w->transfer) return; /* it waits for its next try */
    w->transfer = kube_transfer_free(w->transfer);
    next(w);
}

uint64_t weft_kube_watch_seen_us(const struct weft_kube_watch *w) {
    return w->seen_us;
}

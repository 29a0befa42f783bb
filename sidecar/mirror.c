/* SPDX-License-Identifier: Apache-2.0 */
#include <sidecar/mirror.h>

#include <weft/base/alloc.h>
#include <weft/base/limits.h>

#define proxy_mirror_MAGIC 0x4d495252u

enum {
    MAX_MIRRORS = 1024,            /* copies of one worker at a time */
    MAX_BEHIND = WEFT_STREAM_HIGH, /* bytes that a copy may have waiting */
    ANSWER_US = 15000000,          /* for the answer, once the copy is sent */
};

struct proxy_mirror {
    WEFT_OBJ;
    struct proxy_worker *w;
    struct proxy_exchange *x;  /* NULL: on its own */
    struct proxy_mirror *next; /* of the same exchange */
    struct proxy_bound *bound; /* owns the endpoint and its load */
    struct proxy_load *load;
    struct weft_arena arena;
    struct weft_head head;
    bool bodyless, end, over;
    const struct weft_fields *trailers; /* the exchange's */
    struct weft_pool_wait *wait;
    struct weft_stream *up;
    struct weft_buf body; /* until there is a connection */
    struct weft_timer timer;
    struct weft_task release;
};

/* ---- the end ---- */

static void forget(struct proxy_mirror *m) {
    for (struct proxy_mirror **p = m->x ? &m->x->mirrors : NULL; p && *p; p = &(*p)->next) {
        if (*p != m) continue;
        *p = m->next;
        break;
    }
    m->x = NULL;
}

/* At the end of the turn, as the codec may be in the middle of a call about it. */
static void let_go(void *arg) {
    struct proxy_mirror *m = WEFT_CAST(proxy_mirror, arg);
    struct proxy_worker *w = m->w;
    if (m->up) weft_stream_release(m->up);
    proxy_bound_unref(m->bound);
    weft_buf_done(&m->body);
    weft_arena_done(&m->arena);
    WEFT_OBJ_DONE(m);
    free(m);
    w->n_mirrors--;
    proxy_worker_ended(w);
}

static void finish(struct proxy_mirror *m, const char *outcome) {
    if (m->over) return;
    m->over = true;
    forget(m);
    if (m->wait) weft_pool_cancel(m->wait);
    m->wait = NULL;
    weft_timer_stop(&m->timer);
    proxy_load_end(m->load);
    proxy_stats_count(&m->w->stats, PROXY_METRIC_MIRRORS, outcome, NULL);
    if (m->up) weft_stream_reset(m->up, WEFT_CANCELED); /* no effect on a complete one */
    weft_task_queue(m->w->loop, &m->release);
}

static void on_late(void *arg) {
    finish(WEFT_CAST(proxy_mirror, arg), "failed");
}

/* ---- what it is answered ---- */

static void on_up_head(void *ud, struct weft_head *head, bool end) {
    (void)head;
    if (end) finish(WEFT_CAST(proxy_mirror, ud), "answered");
}

static void on_up_data(void *ud, struct weft_slice data) {
    (void)ud;
    (void)data;
}

static void on_up_trailers(void *ud, struct weft_fields *trailers) {
    (void)ud;
    (void)trailers;
}

static void on_up_end(void *ud) {
    finish(WEFT_CAST(proxy_mirror, ud), "answered");
}

static void on_up_reset(void *ud, struct weft_reset r) {
    (void)r;
    finish(WEFT_CAST(proxy_mirror, ud), "failed");
}

static const struct weft_stream_cb up_cb = {.on_head = on_up_head,
                                            .on_data = on_up_data,
                                            .on_trailers = on_up_trailers,
                                            .on_end = on_up_end,
                                            .on_reset = on_up_reset};

/* ---- sending ---- */

static void send_end(struct proxy_mirror *m) {
    (void)weft_stream_end(m->up, m->trailers);
    m->trailers = NULL;
    if (!m->over) weft_timer_start(&m->timer, ANSWER_US);
}

static void send_kept(struct proxy_mirror *m) {
    if (weft_buf_size(&m->body)) (void)weft_stream_data(m->up, weft_buf_slice(&m->body));
    weft_buf_done(&m->body);
    weft_buf_init(&m->body, 0);
    if (m->over) return;
    if (m->bodyless)
        weft_timer_start(&m->timer, ANSWER_US);
    else if (m->end)
        send_end(m);
}

static void on_connection(void *ud, enum weft_status st, struct weft_client_conn *c, bool reused) {
    struct proxy_mirror *m = WEFT_CAST(proxy_mirror, ud);
    (void)reused;
    m->wait = NULL;
    weft_timer_stop(&m->timer);
    if (st == WEFT_OK) m->up = weft_client_conn_request(c, &m->head, m->bodyless, &up_cb, m);
    if (!m->up)
        finish(m, "failed");
    else if (!m->over)
        send_kept(m);
}

static void data(struct proxy_mirror *m, struct weft_slice bytes) {
    size_t behind = m->up ? weft_stream_queued(m->up) : weft_buf_size(&m->body);
    if (behind + bytes.len > MAX_BEHIND)
        finish(m, "dropped");
    else if (m->up)
        (void)weft_stream_data(m->up, bytes);
    else
        weft_buf_append(&m->body, bytes);
}

void proxy_mirrors_data(struct proxy_exchange *x, struct weft_slice bytes) {
    for (struct proxy_mirror *m = x->mirrors, *next; m; m = next) {
        next = m->next;
        data(m, bytes);
    }
}

void proxy_mirrors_end(struct proxy_exchange *x, const struct weft_fields *trailers) {
    for (struct proxy_mirror *m = x->mirrors, *next; m; m = next) {
        next = m->next;
        m->end = true;
        m->trailers = trailers;
        if (m->up) send_end(m);
    }
}

void proxy_mirrors_leave(struct proxy_exchange *x) {
    for (struct proxy_mirror *m = x->mirrors, *next; m; m = next) {
        next = m->next;
        m->x = NULL;
        m->trailers =
            NULL; /* they die with the exchange; a copy without a connection goes without */
        if (!m->end && !m->bodyless) finish(m, "dropped");
    }
    x->mirrors = NULL;
}

/* ---- the beginning ---- */

struct choice {
    const struct proxy_bound *bound;
    uint32_t set;
};

static void view_of(void *ud, uint32_t i, struct weft_endpoint_view *ret) {
    const struct choice *c = ud;
    proxy_load_view(c->bound->loads[c->set][i], c->bound->w, ret);
    ret->full = false; /* the pool says so in time */
}

static bool drawn(struct proxy_worker *w, const struct weft_mirror *m) {
    return m->numerator >= m->denominator || weft_rng_next(&w->rng) % m->denominator < m->numerator;
}

static struct proxy_mirror *mirror_new(struct proxy_exchange *x, struct proxy_load *load) {
    struct proxy_mirror *m = weft_new0(struct proxy_mirror);
    WEFT_OBJ_INIT(proxy_mirror, m);
    m->w = x->w;
    m->x = x;
    m->bound = proxy_bound_ref(x->bound);
    m->load = load;
    m->bodyless = x->bodyless;
    m->end = x->req_end;
    m->next = x->mirrors;
    x->mirrors = m;
    x->w->n_mirrors++;
    proxy_load_begin(load);
    weft_arena_init(&m->arena, proxy_options_request_memory(x->w->opt));
    weft_buf_init(&m->body, 0);
    weft_timer_init(&m->timer, x->w->loop, on_late, m);
    weft_task_init(&m->release, let_go, m);
    return m;
}

static void send_to(struct proxy_mirror *m, const struct weft_endpoint *ep,
                    enum weft_protocol protocol) {
    struct weft_pool_target t;
    enum weft_version app = proxy_app_version(protocol, m->head.version);
    m->head.expect_continue = false;
    if (proxy_aim(m->w, ep, app, false, &t))
        proxy_hop_set_request(&m->head, app);
    else
        weft_fields_remove_token(&m->head.fields, WEFT_TOKEN_WEFT_HOP);
    m->head.version = app;
    weft_timer_start(&m->timer, 2 * m->w->opt->connect_timeout_us);
    struct weft_pool_wait *wait = weft_pool_get(m->w->pool, &t, false, on_connection, m);
    if (!m->over && !m->up) m->wait = wait;
}

void proxy_mirror_start(struct proxy_exchange *x, const struct weft_mirror *m,
                        const struct weft_head *request) {
    struct proxy_stats *stats = &x->w->stats;
    const struct weft_backend *be = m->backend;
    if (request->upgrade.len || !drawn(x->w, m)) return; /* a tunnel has no copy */
    if (be->invalid.len || be->endpoints == WEFT_NO_ENDPOINTS) {
        proxy_stats_count(stats, PROXY_METRIC_MIRRORS, "invalid", NULL);
        return;
    }
    struct choice c = {.bound = x->bound, .set = be->endpoints};
    const struct weft_endpoints *eps = x->bound->bound->endpoints[be->endpoints];
    int i = weft_endpoint_choose_near(eps, &x->bound->near[be->endpoints], view_of, &c, NULL, 0,
                                      &x->w->rng);
    if (i < 0 || x->w->n_mirrors >= MAX_MIRRORS) {
        proxy_stats_count(stats, PROXY_METRIC_MIRRORS, i < 0 ? "failed" : "dropped", NULL);
        return;
    }
    struct proxy_mirror *copy = mirror_new(x, x->bound->loads[be->endpoints][i]);
    weft_head_init(&copy->head, &copy->arena);
    if (weft_head_copy(&copy->head, request, &copy->arena) == WEFT_OK)
        send_to(copy, &eps->items[i], be->protocol);
    else
        finish(copy, "failed");
}

/* SPDX-License-Identifier: Apache-2.0
 * Attempts: an endpoint is picked, a connection asked for, the request opened on it. And what
 * follows when that fails: DESIGN's four cases in which no app saw the request, then the rule's
 * retry stanza (REQ-109 to 116), then an answer. */
#include <sidecar/stream.h>

#include <sidecar/limits.h>

/* ---- which endpoint ---- */

static bool is_mesh(const struct proxy_worker *w, const struct weft_endpoint *ep) {
    return ep->meshed && !proxy_is_own_ip(w, &ep->addr);
}

static void view_of(void *ud, uint32_t i, struct weft_endpoint_view *ret) {
    struct proxy_exchange *x = ud;
    proxy_load_view(x->bound->loads[x->be->endpoints][i], x->w, ret);
    if (ret->full && (x->app == WEFT_HTTP_2 || is_mesh(x->w, &x->eps->items[i])))
        ret->full = false; /* many requests share a connection */
}

static void remember_tried(struct proxy_exchange *x, uint32_t i) {
    for (uint32_t k = 0; k < x->n_tried; k++)
        if (x->tried[k] == i) return;
    if (x->n_tried < PROXY_MAX_TRIED) x->tried[x->n_tried++] = i;
}

static enum weft_reason pick(struct proxy_exchange *x) {
    struct weft_endpoint_view v;
    int i = weft_endpoint_choose_near(x->eps, &x->bound->near[x->be->endpoints], view_of, x,
                                      x->tried, x->n_tried, &x->w->rng);
    if (i < 0) return WEFT_REASON_NO_ENDPOINTS;
    view_of(x, (uint32_t)i, &v);
    if (v.full) return WEFT_REASON_OVERLOAD;
    remember_tried(x, (uint32_t)i);
    x->ep = &x->eps->items[i];
    x->endpoint = x->ep->addr;
    x->load = x->bound->loads[x->be->endpoints][i];
    proxy_load_begin(x->load);
    x->attempt_us = weft_loop_now_us(x->w->loop);
    x->waiting = true;
    weft_latency_start(&x->load->latency, x->attempt_us);
    return WEFT_REASON_NONE;
}

/* ---- what is learned of it ---- */

void proxy_exchange_heard(struct proxy_exchange *x, uint16_t status) {
    if (!x->load || !x->waiting) return;
    uint64_t now = weft_loop_now_us(x->w->loop), took = now - x->attempt_us;
    x->waiting = false;
    if (status >= 500) { /* failing fast is not being fast */
        weft_latency_give_up(&x->load->latency, now, took);
        proxy_load_failed(x->load, x->bound, x->be->endpoints, PROXY_FAILED_STATUS);
        return;
    }
    weft_latency_answer(&x->load->latency, now, took);
    x->unjudged = x->grpc; /* its 200 says nothing yet */
    if (!x->unjudged) proxy_load_worked(x->load, x->w);
}

void proxy_exchange_heard_grpc(struct proxy_exchange *x) {
    if (!x->load || !x->unjudged) return;
    x->unjudged = false;
    if (proxy_grpc_broken(x->grpc_status))
        proxy_load_failed(x->load, x->bound, x->be->endpoints, PROXY_FAILED_STATUS);
    else
        proxy_load_worked(x->load, x->w);
}

/* The attempt failed before an answer: is the endpoint to blame, and for what? */
static void blame(struct proxy_exchange *x, enum weft_reason reason, bool unprocessed) {
    enum proxy_failure why = PROXY_FAILED_CONNECT;
    if (!x->load || reason == WEFT_REASON_OVERLOAD) return;
    if (reason == WEFT_REASON_BACKEND_TIMEOUT || reason == WEFT_REASON_UPSTREAM_STALLED)
        why = PROXY_FAILED_TIMEOUT;
    else if (reason == WEFT_REASON_UPSTREAM_RESET || reason == WEFT_REASON_UPSTREAM_PROTOCOL)
        why = PROXY_FAILED_RESET;
    if (why == PROXY_FAILED_RESET && unprocessed) return; /* a connection that is being retired */
    proxy_load_failed(x->load, x->bound, x->be->endpoints, why);
}

enum weft_version proxy_app_version(enum weft_protocol p, enum weft_version caller) {
    if (p == WEFT_PROTO_H2C || p == WEFT_PROTO_GRPC) return WEFT_HTTP_2;
    return p == WEFT_PROTO_HTTP1 && caller == WEFT_HTTP_2 ? WEFT_HTTP_11 : caller;
}

/* What may become a tunnel goes by HTTP/1.1. */
bool proxy_aim(const struct proxy_worker *w, const struct weft_endpoint *ep, enum weft_version app,
               bool upgrade, struct weft_pool_target *ret) {
    *ret = (struct weft_pool_target){.addr = ep->addr, .h2 = app == WEFT_HTTP_2};
    if (!is_mesh(w, ep)) return false;
    ret->h2 = !upgrade;
    ret->alpn = upgrade ? PROXY_ALPN_H1 : PROXY_ALPN_H2;
    ret->peer_id = ep->spiffe_id;
    return true;
}

static void aim(struct proxy_exchange *x, struct weft_pool_target *t) {
    *t = (struct weft_pool_target){.addr = x->endpoint, .h2 = x->app == WEFT_HTTP_2};
    x->mesh = x->ep && proxy_aim(x->w, x->ep, x->app, x->req->upgrade.len > 0, t);
}

/* ---- an attempt ---- */

static void on_backend_timeout(void *arg) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, arg);
    proxy_series_add(proxy_exchange_series(x), PROXY_SERIES_TIMEOUT_BACKEND, 1);
    if (x->resp_started)
        proxy_exchange_reply(x, WEFT_REASON_BACKEND_TIMEOUT, WEFT_SLICE_EMPTY);
    else
        proxy_exchange_attempt_failed(x, WEFT_REASON_BACKEND_TIMEOUT, false);
}

static void start_attempt_clock(struct proxy_exchange *x) {
    uint64_t us = x->rule >= 0 ? x->match.rule->backend_timeout_us : 0;
    if (!us) return;
    x->attempt_timer.fn = on_backend_timeout;
    weft_timer_start(&x->attempt_timer, us);
}

static void prepare_head(struct proxy_exchange *x) {
    x->req->authority = x->sent_authority; /* without the stand-in of an attempt before */
    if (x->mesh)
        proxy_hop_set_request(x->req, x->app);
    else
        weft_fields_remove_token(&x->req->fields, WEFT_TOKEN_WEFT_HOP);
    x->req->version = x->app;
}

static enum weft_reason connect_reason(enum weft_status st) {
    switch (st) {
    case WEFT_TIMEOUT:
        return WEFT_REASON_CONNECT_TIMEOUT;
    case WEFT_TLS:
        return WEFT_REASON_UPSTREAM_TLS;
    case WEFT_IDENTITY:
        return WEFT_REASON_UPSTREAM_IDENTITY;
    case WEFT_LIMIT:
        return WEFT_REASON_OVERLOAD;
    default:
        return WEFT_REASON_CONNECT_FAILED;
    }
}

static void hit_endpoint_connections(struct proxy_exchange *x) {
    proxy_limits_hit(x->w, x->conn->dir, WEFT_CAP_ENDPOINT_CONNECTIONS);
}

static void ask_connection(struct proxy_exchange *x);

static void on_connection(void *ud, enum weft_status st, struct weft_client_conn *c, bool reused) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    x->wait = NULL;
    weft_timer_stop(&x->wait_timer);
    if (st != WEFT_OK) {
        if (st == WEFT_LIMIT) hit_endpoint_connections(x);
        proxy_exchange_attempt_failed(x, connect_reason(st), true);
        return;
    }
    prepare_head(x);
    x->reused = reused;
    x->attempt_us = weft_loop_now_us(x->w->loop); /* connecting is no part of the latency */
    x->marks.connected_us = proxy_exchange_age_us(x);
    x->up = weft_client_conn_request(c, x->req, x->bodyless, &proxy_up_cb, x);
    if (!x->up) { /* lost its room in between */
        proxy_exchange_attempt_failed(x, WEFT_REASON_CONNECT_FAILED, true);
        return;
    }
    proxy_exchange_goto(x, PROXY_ST_SEND);
    proxy_exchange_send_body(x);
}

/* Dials end by themselves; this is every connection to the endpoint being full. */
static void on_no_room(void *arg) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, arg);
    hit_endpoint_connections(x);
    proxy_exchange_attempt_failed(x, WEFT_REASON_OVERLOAD, true);
}

static void ask_connection(struct proxy_exchange *x) {
    struct weft_pool_target t;
    aim(x, &t);
    bool fresh = x->want_fresh;
    x->want_fresh = false;
    struct weft_pool_wait *w = weft_pool_get(x->w->pool, &t, fresh, on_connection, x);
    if (!w) return; /* on_connection was called already */
    x->wait = w;
    x->wait_timer.fn = on_no_room;
    weft_timer_start(&x->wait_timer, 2 * x->w->opt->connect_timeout_us);
}

static void first_attempt(struct proxy_exchange *x) {
    x->sent_authority = x->req->authority;
    if (x->bound) weft_retry_budget_request(&x->bound->budget, &x->w->budget_policy);
}

void proxy_exchange_connect(struct proxy_exchange *x) {
    proxy_exchange_goto(x, PROXY_ST_CONNECT);
    proxy_exchange_pause_down(x, true);
    if (x->attempts == 0) x->marks.routed_us = proxy_exchange_age_us(x);
    x->marks.connected_us = PROXY_NOT_YET;
    enum weft_reason why = WEFT_REASON_NONE;
    if (x->be)
        why = pick(x);
    else
        x->endpoint = x->conn->dst;
    if (why != WEFT_REASON_NONE) {
        if (why == WEFT_REASON_OVERLOAD) hit_endpoint_connections(x);
        proxy_exchange_reply(x, why, proxy_backend_name(x->be, x->req->fields.arena));
        return;
    }
    if (x->attempts++ == 0) first_attempt(x);
    x->counted++;
    start_attempt_clock(x);
    ask_connection(x);
}

static void let_load_go(struct proxy_exchange *x) {
    uint64_t now = weft_loop_now_us(x->w->loop);
    if (x->waiting) weft_latency_give_up(&x->load->latency, now, now - x->attempt_us);
    x->waiting = x->unjudged = false;
    proxy_load_end(x->load);
    x->load = NULL;
}

void proxy_exchange_stop_waiting(struct proxy_exchange *x) {
    if (x->wait) weft_pool_cancel(x->wait);
    x->wait = NULL;
    weft_timer_stop(&x->wait_timer);
}

void proxy_exchange_drop_up(struct proxy_exchange *x) {
    proxy_exchange_stop_waiting(x);
    if (x->up) {
        weft_stream_reset(x->up, WEFT_CANCELED); /* no effect on a complete one */
        weft_stream_release(x->up);
    }
    x->up = NULL;
    x->up_paused = false;
    if (x->load) let_load_go(x);
}

void proxy_exchange_drop_attempt(struct proxy_exchange *x) {
    proxy_exchange_drop_up(x);
    weft_timer_stop(&x->attempt_timer);
}

/* ---- once more? ---- */

static bool replayable(const struct proxy_exchange *x) {
    return !x->replay_lost && !x->resp_started;
}

/* Cases (a) to (c): another endpoint, at once. Without one there is nothing to be gained. */
static bool may_move(const struct proxy_exchange *x) {
    return x->eps && x->n_tried < x->eps->n && x->n_tried < PROXY_MAX_TRIED;
}

/* Case (d): an idle HTTP/1 connection was closed while the request was on its way. */
static bool may_refresh(struct proxy_exchange *x, bool response_started) {
    if (x->fresh_used || !x->reused || response_started || !x->bodyless) return false;
    if (x->mesh || x->app == WEFT_HTTP_2) return false;
    return weft_slice_is(x->method, "GET") || x->head_only || weft_slice_is(x->method, "OPTIONS");
}

static bool take_budget(struct proxy_exchange *x) {
    struct proxy_worker *w = x->w;
    bool left =
        weft_retry_budget_take(&x->bound->budget, &w->budget_policy, weft_loop_now_us(w->loop));
    if (!left) weft_counter_add(w->stats.budget_spent, 1);
    return left;
}

static void on_backoff(void *arg) {
    proxy_exchange_connect(WEFT_CAST(proxy_exchange, arg));
}

/* The stanza's turn: true when a further attempt is under way. */
static bool retry_by_policy(struct proxy_exchange *x, uint16_t status, uint32_t grpc_status) {
    if (x->rule < 0 || !x->match.rule->retry.present || !replayable(x)) return false;
    const struct weft_retry *r = &x->match.rule->retry;
    struct weft_retry_facts facts = {
        .done = x->counted, .status = status, .grpc_status = grpc_status, .body_replayable = true};
    if (!weft_retry_allowed(r, &facts) || !take_budget(x)) return false;
    proxy_series_add(proxy_exchange_series(x), PROXY_SERIES_RETRY_POLICY, 1);
    proxy_exchange_drop_attempt(x);
    x->grpc_status = x->grpc ? PROXY_GRPC_NONE : PROXY_GRPC_NOT; /* that answer is no longer ours */
    proxy_exchange_goto(x, PROXY_ST_BACKOFF);
    proxy_exchange_pause_down(x, true);
    x->attempt_timer.fn = on_backoff;
    weft_timer_start(&x->attempt_timer, weft_retry_backoff_us(r, x->counted, &x->w->rng));
    return true;
}

/* In the head only when nothing else follows ("Trailers-Only"): no message has been sent. */
static uint32_t grpc_status_of(const struct weft_head *head) {
    const struct weft_field *f = weft_fields_token(&head->fields, WEFT_TOKEN_GRPC_STATUS);
    uint64_t status;
    return f && weft_slice_u64(f->value, 31, &status) ? (uint32_t)status : 0;
}

bool proxy_exchange_retry_answer(struct proxy_exchange *x, const struct weft_head *head) {
    uint32_t grpc_status = x->grpc ? grpc_status_of(head) : 0;
    if (head->status < 400 && !grpc_status) return false;
    return retry_by_policy(x, head->status, grpc_status);
}

void proxy_exchange_attempt_failed(struct proxy_exchange *x, enum weft_reason reason,
                                   bool unprocessed) {
    blame(x, reason, unprocessed);
    if (unprocessed && replayable(x) && may_move(x)) {
        proxy_series_add(proxy_exchange_series(x), PROXY_SERIES_RETRY_UNPROCESSED, 1);
        x->counted--;
        proxy_exchange_drop_attempt(x);
        proxy_exchange_connect(x);
        return;
    }
    if (!unprocessed) x->seen = true;
    x->untouched = unprocessed;
    if (retry_by_policy(x, 0, 0)) return;
    proxy_exchange_drop_attempt(x);
    proxy_exchange_reply(x, reason, proxy_backend_name(x->be, x->req->fields.arena));
}

/* TIMEOUT: it took nothing of what is queued; AGAIN: too much was queued for all endpoints. */
static enum weft_reason reset_reason(struct weft_reset r) {
    switch (r.status) {
    case WEFT_TIMEOUT:
        return WEFT_REASON_UPSTREAM_STALLED;
    case WEFT_AGAIN:
        return WEFT_REASON_OVERLOAD;
    case WEFT_PROTOCOL:
    case WEFT_LIMIT:
        return WEFT_REASON_UPSTREAM_PROTOCOL;
    default:
        return WEFT_REASON_UPSTREAM_RESET;
    }
}

void proxy_exchange_reset_by_endpoint(struct proxy_exchange *x, struct weft_reset r) {
    enum weft_reason why = reset_reason(r);
    if (x->resp_started) {
        if (why == WEFT_REASON_UPSTREAM_PROTOCOL) why = WEFT_REASON_UPSTREAM_RESET;
        blame(x, why, false);
        proxy_exchange_reply(x, why, WEFT_SLICE_EMPTY);
        return;
    }
    bool stale = !r.unprocessed && replayable(x) && may_refresh(x, r.response_started);
    /* A reused connection that took nothing: the endpoint itself is still good for another try. */
    bool again = r.unprocessed && replayable(x) && !x->fresh_used && !may_move(x);
    if (stale || again) {
        proxy_series_add(proxy_exchange_series(x), PROXY_SERIES_RETRY_REUSED, 1);
        x->fresh_used = x->want_fresh = true;
        x->counted--;
        if (x->n_tried) x->n_tried--;
        proxy_exchange_drop_attempt(x);
        proxy_exchange_connect(x);
        return;
    }
    if (why == WEFT_REASON_OVERLOAD) { /* another attempt would be as much again */
        proxy_exchange_reply(x, why, WEFT_SLICE_EMPTY);
        return;
    }
    proxy_exchange_attempt_failed(x, why, r.unprocessed);
}

/* SPDX-License-Identifier: Apache-2.0
 * Answers of our own, and the end of every exchange: one place that counts it, writes its line and
 * lets go of what it held. Freeing waits for the end of the turn, so that no caller is left with
 * an exchange that is gone. */
#include <sidecar/stream.h>

#include <weft/mesh/filter.h>

void proxy_exchange_answer(struct proxy_exchange *x, enum weft_reason why, struct weft_head *head,
                           struct weft_slice body) {
    proxy_exchange_drop_attempt(x);
    x->reason = why;
    x->status = head->status;
    x->resp_started = true;
    if (why == WEFT_REASON_REDIRECT && x->match.rule)
        weft_filters_response(x->match.rule->filters, x->match.rule->n_filters, head);
    bool empty = body.len == 0;
    if (weft_stream_head(x->down, head, empty) == WEFT_OK && !empty &&
        x->state != PROXY_ST_FINISH) {
        x->bytes_out = x->head_only ? 0 : body.len;
        (void)weft_stream_data(x->down, body);
        (void)weft_stream_end(x->down, NULL);
    }
    if (x->state == PROXY_ST_FINISH) return;                    /* the caller went away meanwhile */
    if (x->req->refused != WEFT_REASON_NONE) x->req_end = true; /* no body of it can be read */
    proxy_exchange_response_done(x);
}

/* To a peer's sidecar: no app saw it, so it may go elsewhere; or the app broke the connection,
 * which a retry stanza there counts as a connection error (REQ-109) and not as a status. */
static void tell_peer(const struct proxy_exchange *x, enum weft_reason why,
                      struct weft_head *head) {
    if (x->conn->dir != PROXY_INBOUND || !x->conn->peer_id.len) return;
    bool connect = why == WEFT_REASON_CONNECT_FAILED || why == WEFT_REASON_CONNECT_TIMEOUT;
    if (connect && !x->seen)
        proxy_hop_set_unprocessed(head);
    else if (connect || why == WEFT_REASON_UPSTREAM_RESET || why == WEFT_REASON_UPSTREAM_PROTOCOL)
        proxy_hop_set_failed(head);
}

void proxy_exchange_reply(struct proxy_exchange *x, enum weft_reason why,
                          struct weft_slice detail) {
    if (x->state == PROXY_ST_FINISH) return;
    if (x->resp_started) { /* too late for an answer: cut it, so that nobody takes it for whole */
        proxy_exchange_drop_attempt(x);
        weft_stream_reset(x->down, WEFT_INTERNAL);
        proxy_exchange_finish(x, why);
        return;
    }
    struct weft_head *head = weft_arena_alloc(x->req->fields.arena, sizeof *head);
    struct weft_slice body = WEFT_SLICE_EMPTY;
    if (!head) {
        weft_stream_reset(x->down, WEFT_INTERNAL);
        proxy_exchange_finish(x, why);
        return;
    }
    weft_local_reply(why, detail, x->grpc, x->w->opt->reason_header, x->req->fields.arena, head,
                     &body);
    tell_peer(x, why, head);
    proxy_exchange_answer(x, why, head, body);
}

/* ---- the end ---- */

static struct proxy_series *series_of(struct proxy_exchange *x, unsigned status_class) {
    if (x->bound) return proxy_bound_series(x->bound, x->rule, x->backend, status_class);
    if (x->conn->dir == PROXY_OUTBOUND) return NULL;
    return proxy_inbound_series(x->w, x->conn->dst.port, status_class);
}

static void count(struct proxy_exchange *x, uint64_t duration_us) {
    struct proxy_stats *s = &x->w->stats;
    enum proxy_dir d = x->conn->dir;
    unsigned status_class = x->status < 600 ? x->status / 100 : 0;
    struct proxy_series *r = series_of(x, status_class);
    if (r) {
        weft_counter_add(r->by_class[status_class], 1);
        weft_histogram_add(r->duration, duration_us);
    }
    if (x->reason != WEFT_REASON_NONE) weft_counter_add(s->reasons[d][x->reason], 1);
    weft_counter_add(s->body_in[d], x->bytes_in);
    weft_counter_add(s->body_out[d], x->bytes_out);
    weft_gauge_add(s->active[d], -1);
}

static const char *protocol_name(enum weft_version v) {
    return v == WEFT_HTTP_2 ? "h2" : v == WEFT_HTTP_10 ? "h1.0" : "h1";
}

static void write_line(struct proxy_exchange *x, uint64_t duration_us) {
    const struct weft_rule *r = x->rule >= 0 ? x->match.rule : NULL;
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct proxy_log_line line = {
        .dir = x->conn->dir,
        .request_id = x->request_id,
        .method = x->method,
        .authority = x->authority,
        .path = x->path,
        .protocol = protocol_name(x->version),
        .status = x->status,
        .reason = x->reason,
        .backend = proxy_backend_name(x->be, &a),
        .client = &x->conn->client,
        .endpoint = &x->endpoint,
        .peer_id = x->conn->dir == PROXY_INBOUND ? x->conn->peer_id
                   : x->mesh && x->ep            ? x->ep->spiffe_id
                                                 : WEFT_SLICE_EMPTY,
        .attempts = x->attempts,
        .duration_us = duration_us,
        .bytes_in = x->bytes_in,
        .bytes_out = x->bytes_out,
    };
    if (r) {
        line.route = weft_arena_printf(&a, WEFT_SLICE_FMT "/" WEFT_SLICE_FMT,
                                       WEFT_SLICE_ARG(r->route_ns), WEFT_SLICE_ARG(r->route));
        line.rule = r->name.len ? r->name : weft_arena_printf(&a, "%u", r->index);
    }
    proxy_log_write(&x->w->log, &line);
    weft_arena_done(&a);
}

/* At the end of the turn; the arena that x lives in goes with `down`. */
static void let_go(void *arg) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, arg);
    struct proxy_conn *c = x->conn;
    struct proxy_worker *w = x->w;
    struct weft_stream *down = x->down;
    proxy_exchange_drop_attempt(x);
    proxy_bound_unref(x->bound);
    weft_buf_done(&x->body);
    weft_list_remove(&x->link);
    w->n_exchanges--;
    WEFT_OBJ_DONE(x);
    weft_stream_release(down);
    proxy_conn_unref(c);
    proxy_worker_ended(w);
}

void proxy_exchange_finish(struct proxy_exchange *x, enum weft_reason why) {
    if (x->state == PROXY_ST_FINISH) return;
    proxy_exchange_goto(x, PROXY_ST_FINISH);
    x->reason = why;
    weft_timer_stop(&x->request_timer);
    weft_timer_stop(&x->attempt_timer);
    weft_timer_stop(&x->wait_timer);
    uint64_t duration_us = weft_loop_now_us(x->w->loop) - x->started_us;
    count(x, duration_us);
    if (proxy_log_wants(&x->w->log, x->status, why)) write_line(x, duration_us);
    weft_task_init(&x->release, let_go, x);
    weft_task_queue(x->w->loop, &x->release);
}

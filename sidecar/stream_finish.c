/* SPDX-License-Identifier: Apache-2.0
 * Answers of our own, and the end of every exchange: one place that counts it, writes its line and
 * lets go of what it held. Freeing waits for the end of the turn, so that no caller is left with
 * an exchange that is gone. */
#include <sidecar/mirror.h>

void proxy_exchange_answer(struct proxy_exchange *x, enum weft_reason why, struct weft_head *head,
                           struct weft_slice body) {
    proxy_exchange_drop_attempt(x);
    x->reason = why;
    x->status = head->status;
    x->resp_started = true;
    x->marks.first_byte_us = proxy_exchange_age_us(x);
    proxy_exchange_note_grpc(x, &head->fields);
    if ((why == WEFT_REASON_REDIRECT || why == WEFT_REASON_PREFLIGHT) && x->match.rule)
        weft_filters_response(x->match.rule->filters, x->match.rule->n_filters, x->cors, head);
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
    bool broke = why == WEFT_REASON_UPSTREAM_RESET || why == WEFT_REASON_UPSTREAM_PROTOCOL;
    if (!x->seen && (connect || (broke && x->untouched)))
        proxy_hop_set_unprocessed(head);
    else if (connect || broke)
        proxy_hop_set_failed(head);
}

/* REQ-115: when a stanza's retries were cut as well, this is a service that is not there, rather
 * than one bad answer. gRPC says UNAVAILABLE for either. */
static bool is_used_up(const struct proxy_exchange *x, enum weft_reason why) {
    return why == WEFT_REASON_UPSTREAM_RESET && x->rule >= 0 && x->match.rule->retry.present &&
           x->counted > 1 && !x->grpc;
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
    if (is_used_up(x, why)) head->status = 503;
    tell_peer(x, why, head);
    proxy_exchange_answer(x, why, head, body);
}

/* ---- the end ---- */

struct proxy_series *proxy_exchange_series(struct proxy_exchange *x) {
    return x->bound ? proxy_bound_series(x->bound, x->rule, x->backend)
                    : proxy_conn_series(x->conn);
}

void proxy_exchange_note_grpc(struct proxy_exchange *x, const struct weft_fields *f) {
    uint64_t v;
    if (!x->grpc) return;
    const struct weft_field *field = weft_fields_token(f, WEFT_TOKEN_GRPC_STATUS);
    if (!field) return;
    bool known = weft_slice_u64(field->value, PROXY_GRPC_OTHER - 1, &v);
    x->grpc_status = known ? (int8_t)v : PROXY_GRPC_OTHER;
    proxy_exchange_heard_grpc(x);
}

static void count(struct proxy_exchange *x, struct proxy_series *r, uint64_t duration_us) {
    struct proxy_stats *s = &x->w->stats;
    enum proxy_dir d = x->conn->dir;
    /* A call that was cut: what the reason means to a gRPC caller. */
    if (x->grpc_status == PROXY_GRPC_NONE && x->reason != WEFT_REASON_NONE)
        x->grpc_status = (int8_t)weft_reason_grpc(x->reason);
    proxy_series_ended(r, x->status, x->grpc_status, duration_us);
    if (x->reason != WEFT_REASON_NONE) weft_counter_add(s->reasons[d][x->reason], 1);
    if (x->bytes_in) proxy_series_add(r, PROXY_SERIES_BODY_IN, x->bytes_in);
    if (x->bytes_out) proxy_series_add(r, PROXY_SERIES_BODY_OUT, x->bytes_out);
    weft_gauge_add(s->active[d], -1);
}

static const char *protocol_name(enum weft_version v) {
    return v == WEFT_HTTP_2 ? "h2" : v == WEFT_HTTP_10 ? "h1.0" : "h1";
}

static void write_line(struct proxy_exchange *x, const struct proxy_series *r,
                       uint64_t duration_us) {
    struct proxy_log_line line = {
        .labels = proxy_series_labels(r),
        .request_id = x->request_id,
        .method = x->method,
        .authority = x->authority,
        .path = x->path,
        .protocol = protocol_name(x->version),
        .status = x->status,
        .grpc_status = x->grpc_status,
        .reason = x->reason,
        .client = &x->conn->client,
        .endpoint = &x->endpoint,
        .peer_id = x->conn->dir == PROXY_INBOUND ? x->conn->peer_id
                   : x->mesh && x->ep            ? x->ep->spiffe_id
                                                 : WEFT_SLICE_EMPTY,
        .attempts = x->attempts,
        .duration_us = duration_us,
        .marks = &x->marks,
        .bytes_in = x->bytes_in,
        .bytes_out = x->bytes_out,
    };
    proxy_log_write(&x->w->log, &line);
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
    if (x->mirrors) proxy_mirrors_leave(x);
    weft_timer_stop(&x->request_timer);
    weft_timer_stop(&x->attempt_timer);
    proxy_exchange_stop_waiting(x); /* a dial may end in this very turn */
    uint64_t duration_us = weft_loop_now_us(x->w->loop) - x->started_us;
    struct proxy_series *r = proxy_exchange_series(x);
    count(x, r, duration_us);
    if (proxy_log_wants(&x->w->log, x->status, x->grpc_status, why)) write_line(x, r, duration_us);
    weft_task_init(&x->release, let_go, x);
    weft_task_queue(x->w->loop, &x->release);
}

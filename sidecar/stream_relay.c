/* SPDX-License-Identifier: Apache-2.0
 * Bodies, trailers and interim responses, both ways. A side that cannot take more pauses the other
 * one's source; what may still have to be repeated is kept up to --max-retry-body. */
#include <sidecar/limits.h>
#include <sidecar/mirror.h>

enum { LINGER_US = 5000000 };

static bool over(const struct proxy_exchange *x) {
    return x->state == PROXY_ST_FINISH;
}

void proxy_exchange_pause_down(struct proxy_exchange *x, bool pause) {
    if (x->down_paused == pause || x->req_end) return;
    x->down_paused = pause;
    if (pause)
        weft_stream_pause(x->down);
    else
        weft_stream_resume(x->down);
}

static void pause_up(struct proxy_exchange *x, bool pause) {
    if (x->up_paused == pause || !x->up) return;
    x->up_paused = pause;
    if (pause)
        weft_stream_pause(x->up);
    else
        weft_stream_resume(x->up);
}

/* ---- the request's body ---- */

static void drop_kept(struct proxy_exchange *x) {
    weft_buf_done(&x->body);
    weft_buf_init(&x->body, 0);
}

static void lose_replay(struct proxy_exchange *x) {
    if (!x->replay_lost && x->match.rule && x->match.rule->retry.present)
        proxy_limits_hit(x->w, x->conn->dir, WEFT_CAP_RETRY_BODY);
    x->replay_lost = true;
}

static void keep(struct proxy_exchange *x, struct weft_slice data) {
    if (x->replay_lost && x->up) return;
    weft_buf_append(&x->body, data);
    if (!x->up || weft_buf_size(&x->body) <= x->w->opt->max_retry_body) return;
    lose_replay(x); /* not before it was sent once */
    drop_kept(x);
}

void proxy_exchange_send_body(struct proxy_exchange *x) {
    bool full = false;
    if (weft_buf_size(&x->body))
        full = weft_stream_data(x->up, weft_buf_slice(&x->body)) == WEFT_AGAIN;
    if (weft_buf_size(&x->body) > x->w->opt->max_retry_body) lose_replay(x);
    if (x->replay_lost) drop_kept(x);
    if (over(x) || !x->up) return;
    if (x->req_end && !x->bodyless)
        weft_stream_end(x->up, x->req_trailers);
    else
        proxy_exchange_pause_down(x, full);
}

static void on_down_data(void *ud, struct weft_slice data) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    x->bytes_in += data.len;
    if (over(x)) return;
    if (x->mirrors) proxy_mirrors_data(x, data);
    if (x->state == PROXY_ST_LINGER && !x->up) return; /* answered: nobody wants it */
    if (!x->resp_started) keep(x, data);
    if (!x->up || x->state == PROXY_ST_BACKOFF || x->state == PROXY_ST_CONNECT) return;
    if (weft_stream_data(x->up, data) == WEFT_AGAIN && !over(x)) proxy_exchange_pause_down(x, true);
}

static void on_down_trailers(void *ud, struct weft_fields *trailers) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    weft_fields_remove_token(trailers, WEFT_TOKEN_WEFT_HOP);
    x->req_trailers = trailers;
}

static void on_down_end(void *ud) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    if (over(x)) return;
    x->req_end = true;
    x->down_paused = false;
    if (x->mirrors) proxy_mirrors_end(x, x->req_trailers);
    if (x->up && x->state != PROXY_ST_CONNECT) weft_stream_end(x->up, x->req_trailers);
    if (x->state == PROXY_ST_LINGER) proxy_exchange_finish(x, x->reason);
    if (x->tunnel_end && !over(x)) proxy_exchange_response_done(x);
}

static void on_down_reset(void *ud, struct weft_reset r) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    proxy_limits_hit(x->w, x->conn->dir, weft_stream_cap(x->down));
    if (over(x)) return;
    if (x->state == PROXY_ST_LINGER) {
        proxy_exchange_finish(x, x->reason);
        return;
    }
    bool broken = r.status == WEFT_PROTOCOL || r.status == WEFT_LIMIT;
    proxy_exchange_finish(x, broken ? WEFT_REASON_CLIENT_PROTOCOL : WEFT_REASON_CLIENT_GONE);
}

static void on_down_writable(void *ud) {
    pause_up(WEFT_CAST(proxy_exchange, ud), false);
}

const struct weft_stream_cb proxy_down_cb = {.on_data = on_down_data,
                                             .on_trailers = on_down_trailers,
                                             .on_end = on_down_end,
                                             .on_reset = on_down_reset,
                                             .on_writable = on_down_writable};

/* ---- the response ---- */

static void on_linger(void *arg) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, arg);
    proxy_exchange_finish(x, x->reason);
}

void proxy_exchange_response_done(struct proxy_exchange *x) {
    weft_timer_stop(&x->request_timer);
    weft_timer_stop(&x->attempt_timer);
    if (x->req_end) {
        proxy_exchange_finish(x, x->reason);
        return;
    }
    proxy_exchange_goto(x, PROXY_ST_LINGER);
    proxy_exchange_pause_down(x, false);
    x->attempt_timer.fn = on_linger;
    weft_timer_start(&x->attempt_timer, LINGER_US);
}

static void on_up_info(void *ud, struct weft_head *head) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    if (x->state != PROXY_ST_SEND) return;
    weft_fields_remove_token(&head->fields, WEFT_TOKEN_WEFT_HOP);
    (void)weft_stream_head(x->down, head, false);
}

/* What the other sidecar says of its app, believed only over mutual TLS; gone in any case. True:
 * this is no answer of an app, and the attempt has ended. */
static bool take_hop(struct proxy_exchange *x, struct weft_head *head) {
    struct proxy_hop hop;
    proxy_hop_take(&head->fields, &hop);
    if (!x->mesh || !hop.valid || !(hop.unprocessed || hop.failed)) return false;
    const struct weft_field *f = weft_fields_token(&head->fields, WEFT_TOKEN_WEFT_REASON);
    bool protocol = f && weft_slice_is(f->value, weft_reason_word(WEFT_REASON_UPSTREAM_PROTOCOL));
    if (hop.unprocessed)
        proxy_exchange_attempt_failed(x, WEFT_REASON_UNPROCESSED, true);
    else
        proxy_exchange_attempt_failed(
            x, protocol ? WEFT_REASON_UPSTREAM_PROTOCOL : WEFT_REASON_UPSTREAM_RESET, false);
    return true;
}

static void filter_response(struct proxy_exchange *x, struct weft_head *head) {
    if (x->be) weft_filters_response(x->be->filters, x->be->n_filters, x->cors, head);
    if (x->rule < 0) return;
    const struct weft_rule *r = x->match.rule;
    weft_filters_response(r->filters, r->n_filters, x->cors, head);
}

/* REQ-108: timeouts count until the 101. The request, complete so far, goes on as the caller's side
 * of the tunnel. */
static void open_tunnel(struct proxy_exchange *x) {
    x->tunnel = true;
    x->req_end = x->bodyless = false;
    weft_timer_stop(&x->request_timer);
    weft_timer_stop(&x->attempt_timer);
}

static void forward_head(struct proxy_exchange *x, struct weft_head *head, bool end) {
    filter_response(x, head);
    if (head->status == 101) open_tunnel(x);
    if (head->framing == WEFT_BODY_CLOSE) head->framing = WEFT_BODY_CHUNKED;
    x->status = head->status;
    x->resp_started = true;
    x->marks.first_byte_us = proxy_exchange_age_us(x);
    drop_kept(x);
    proxy_exchange_goto(x, PROXY_ST_RELAY);
    if (weft_stream_head(x->down, head, end) != WEFT_OK && !over(x)) {
        proxy_exchange_reply(x, WEFT_REASON_UPSTREAM_PROTOCOL, WEFT_SLICE_EMPTY);
        return;
    }
    if (end && !over(x)) proxy_exchange_response_done(x);
}

static void on_up_head(void *ud, struct weft_head *head, bool end) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    if (x->state != PROXY_ST_SEND) return;
    if (take_hop(x, head)) return;
    x->seen = true;
    proxy_exchange_heard(x, head->status);
    proxy_exchange_note_grpc(x, &head->fields);
    if (proxy_exchange_retry_answer(x, head)) return;
    forward_head(x, head, end);
}

static void on_up_data(void *ud, struct weft_slice data) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    if (x->state != PROXY_ST_RELAY) return;
    x->bytes_out += data.len;
    if (weft_stream_data(x->down, data) == WEFT_AGAIN && !over(x)) pause_up(x, true);
}

static void on_up_trailers(void *ud, struct weft_fields *trailers) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    weft_fields_remove_token(trailers, WEFT_TOKEN_WEFT_HOP);
    x->resp_trailers = trailers;
    proxy_exchange_note_grpc(x, trailers);
}

static void on_up_end(void *ud) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    if (x->state != PROXY_ST_RELAY) return;
    (void)weft_stream_end(x->down, x->resp_trailers);
    x->tunnel_end = x->tunnel;
    if (x->tunnel && !x->req_end) return; /* the caller's side is open still */
    if (!over(x)) proxy_exchange_response_done(x);
}

static void on_up_reset(void *ud, struct weft_reset r) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    if (over(x) || !x->up) return;
    proxy_limits_hit(x->w, x->conn->dir, weft_stream_cap(x->up));
    if (r.status == WEFT_AGAIN) proxy_limits_hit(x->w, x->conn->dir, WEFT_CAP_BUFFERED);
    if (x->state == PROXY_ST_LINGER) /* the answer is out; the rest of the request is let go */
        proxy_exchange_drop_up(x);
    else
        proxy_exchange_reset_by_endpoint(x, r);
}

static void on_up_writable(void *ud) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, ud);
    if (!over(x)) proxy_exchange_pause_down(x, false);
}

const struct weft_stream_cb proxy_up_cb = {.on_info = on_up_info,
                                           .on_head = on_up_head,
                                           .on_data = on_up_data,
                                           .on_trailers = on_up_trailers,
                                           .on_end = on_up_end,
                                           .on_reset = on_up_reset,
                                           .on_writable = on_up_writable};

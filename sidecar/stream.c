/* SPDX-License-Identifier: Apache-2.0
 * The exchange's state machine and its beginning: what is taken off a request head before anything
 * is decided, and what the inbound side puts on. */
#include <sidecar/stream.h>

#include <sidecar/limits.h>
#include <weft/obs/log.h>

static const char *const names[PROXY_ST_COUNT] = {
#define X(id, name, to) name,
    PROXY_STREAM_STATES(X)
#undef X
};
static const uint16_t allowed[PROXY_ST_COUNT] = {
#define TO(id)          (1u << PROXY_ST_##id)
#define X(id, name, to) to,
    PROXY_STREAM_STATES(X)
#undef X
#undef TO
};

const char *proxy_stream_state_name(enum proxy_stream_state s) {
    return names[s];
}

unsigned proxy_stream_allowed(enum proxy_stream_state from) {
    return allowed[from];
}

void proxy_exchange_goto(struct proxy_exchange *x, enum proxy_stream_state to) {
    WEFT_CHECK(allowed[x->state] & (1u << to));
    weft_debug("stream", "request " WEFT_SLICE_FMT ": %s -> %s", WEFT_SLICE_ARG(x->request_id),
               names[x->state], names[to]);
    x->state = (uint8_t)to;
}

/* ---- the head ---- */

/* A UUID of version 4 (RFC 9562 §5.4) from 128 random bits. */
static size_t put_uuid(char *at, uint64_t a, uint64_t b) {
    static const char hex[] = "0123456789abcdef";
    const char *start = at;
    a = (a & ~0xf000ull) | 0x4000;
    b = (b & ~(3ull << 62)) | 1ull << 63;
    for (unsigned i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) *at++ = '-';
        *at++ = hex[(i < 16 ? a >> (60 - 4 * i) : b >> (124 - 4 * i)) & 15];
    }
    return (size_t)(at - start);
}

static void take_request_id(struct proxy_exchange *x) {
    const struct weft_field *f = weft_fields_token(&x->req->fields, WEFT_TOKEN_X_REQUEST_ID);
    if (f && f->value.len) {
        x->request_id = f->value;
        return;
    }
    uint64_t a = weft_rng_next(&x->w->rng), b = weft_rng_next(&x->w->rng);
    char *id = weft_arena_alloc(x->req->fields.arena, 40);
    if (!id) return;
    x->request_id = weft_slice(id, put_uuid(id, a, b));
    weft_fields_remove_token(&x->req->fields, WEFT_TOKEN_X_REQUEST_ID);
    weft_fields_add_ref(&x->req->fields, WEFT_TOKEN_X_REQUEST_ID, WEFT_SLICE_LIT("x-request-id"),
                        x->request_id);
}

/* By and URI as Envoy writes them; only what mutual TLS proved. */
static void set_xfcc(struct proxy_exchange *x) {
    struct weft_slice peer = x->conn->peer_id;
    if (!peer.len) return;
    struct weft_slice own = proxy_own_id(x->w);
    struct weft_slice parts[] = {WEFT_SLICE_LIT("By="), own, WEFT_SLICE_LIT(";URI="), peer};
    struct weft_slice v = weft_arena_join(x->req->fields.arena, parts, WEFT_LEN(parts));
    weft_fields_add_ref(&x->req->fields, WEFT_TOKEN_XFCC, WEFT_SLICE_LIT("x-forwarded-client-cert"),
                        v);
}

/* No caller says who he is or how he came; a verified peer says what its app spoke. */
static void clean_head(struct proxy_exchange *x) {
    struct weft_fields *f = &x->req->fields;
    proxy_hop_take(f, &x->hop);
    weft_fields_remove_token(f, WEFT_TOKEN_XFCC);
    x->app = x->req->version;
    if (x->conn->dir == PROXY_OUTBOUND) {
        x->hop.valid = false;
        return;
    }
    if (!x->conn->peer_id.len) x->hop.valid = false;
    if (x->hop.valid) {
        x->app = x->hop.app;
        proxy_hop_restore_host(&x->hop, x->req);
        x->authority = x->req->authority;
    }
    set_xfcc(x);
}

static struct proxy_exchange *exchange_new(struct proxy_conn *c, struct weft_stream *s,
                                           struct weft_head *head, bool end) {
    struct proxy_exchange *x = weft_arena_alloc(weft_stream_arena(s), sizeof *x);
    if (!x) return NULL;
    WEFT_OBJ_INIT(proxy_exchange, x);
    x->w = c->w;
    x->conn = c;
    x->down = s;
    x->req = head;
    x->req_end = x->bodyless = end;
    x->rule = x->backend = -1;
    x->started_us = x->body_moved_us = weft_loop_now_us(c->w->loop);
    x->method = head->method;
    x->authority = head->authority;
    x->path = head->path;
    x->version = head->version;
    x->grpc = weft_head_is_grpc(head);
    x->grpc_status = x->grpc ? PROXY_GRPC_NONE : PROXY_GRPC_NOT;
    x->marks = PROXY_LOG_NO_MARKS;
    x->head_only = weft_slice_is(head->method, "HEAD");
    weft_buf_init(&x->body, 0); /* bounded by the stream's window: the caller is paused meanwhile */
    proxy_conn_ref(c);
    weft_list_push(&c->w->exchanges, &x->link);
    c->w->n_exchanges++;
    weft_gauge_add(c->w->stats.active[c->dir], 1);
    return x;
}

void proxy_exchange_start(struct proxy_conn *c, struct weft_stream *s, struct weft_head *head,
                          bool end) {
    struct proxy_exchange *x = exchange_new(c, s, head, end);
    if (!x) {
        weft_stream_release(s);
        return;
    }
    weft_stream_set_cb(s, &proxy_down_cb, x);
    weft_timer_init(&x->request_timer, c->w->loop, NULL, x);
    weft_timer_init(&x->attempt_timer, c->w->loop, NULL, x);
    weft_timer_init(&x->wait_timer, c->w->loop, NULL, x);
    if (head->refused != WEFT_REASON_NONE) {
        proxy_limits_hit(c->w, c->dir, weft_stream_cap(s));
        proxy_exchange_reply(x, head->refused, WEFT_SLICE_EMPTY);
        return;
    }
    take_request_id(x);
    clean_head(x);
    proxy_exchange_goto(x, PROXY_ST_ROUTE);
    proxy_exchange_route(x);
}

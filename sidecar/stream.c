/* SPDX-License-Identifier: Apache-2.0
 * The exchange's state machine and its beginning: what is taken off a request head before anything
 * is decided, and what the inbound side puts on. */
#include <sidecar/stream.h>

#include <endian.h>

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

/* Eight digits at once: each half of a byte spread to a byte, and 39 more where it is a letter. */
static void put_hex(char at[8], uint64_t v) {
    const uint64_t ones = UINT64_MAX / 255;
    v = (v << 16 | v) & 0x0000ffff0000ffffull;
    v = (v << 8 | v) & 0x00ff00ff00ff00ffull;
    v = (v << 4 | v) & 0x0f0f0f0f0f0f0f0full;
    v += ones * '0' + ((v + ones * 6) >> 4 & ones) * ('a' - '0' - 10);
    v = htobe64(v);
    memcpy(at, &v, sizeof v);
}

enum { UUID_LEN = 36 };

/* A UUID of version 4 (RFC 9562 §5.4) from 128 random bits. */
static void put_uuid(char at[UUID_LEN], uint64_t a, uint64_t b) {
    char low[8];
    a = (a & ~0xf000ull) | 0x4000;
    b = (b & ~(3ull << 62)) | 1ull << 63;
    put_hex(at, a >> 32);
    put_hex(low, a & UINT32_MAX);
    memcpy(at + 9, low, 4);
    memcpy(at + 14, low + 4, 4);
    put_hex(low, b >> 32);
    memcpy(at + 19, low, 4);
    memcpy(at + 24, low + 4, 4);
    put_hex(at + 28, b & UINT32_MAX);
    at[8] = at[13] = at[18] = at[23] = '-';
}

static void take_request_id(struct proxy_exchange *x) {
    const struct weft_field *f = weft_fields_token(&x->req->fields, WEFT_TOKEN_X_REQUEST_ID);
    if (f && f->value.len) {
        x->request_id = f->value;
        return;
    }
    uint64_t a = weft_rng_next(&x->w->rng), b = weft_rng_next(&x->w->rng);
    char *id = weft_arena_alloc(x->req->fields.arena, UUID_LEN);
    if (!id) return;
    put_uuid(id, a, b);
    x->request_id = weft_slice(id, UUID_LEN);
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

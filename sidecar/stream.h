/* SPDX-License-Identifier: Apache-2.0
 * An exchange: one request and its response, from head to log line. It lives in the arena of the
 * caller's stream. The acts of its story, one file each: stream_route.c (what the request falls
 * under), stream_connect.c (attempts and retries), stream_relay.c (bodies both ways),
 * stream_finish.c (the one place where it ends). */
#pragma once
#include <sidecar/conn.h>
#include <sidecar/hop.h>
#include <weft/http/codec.h>
#include <weft/http/local_reply.h>
#include <weft/mesh/filter.h>

#define proxy_exchange_MAGIC 0x45584348u

/* id, name, where it may go next */
#define PROXY_STREAM_STATES(X)                                                                     \
    X(HEAD, "head", TO(ROUTE) | TO(LINGER) | TO(FINISH))                                           \
    X(ROUTE, "route", TO(CONNECT) | TO(LINGER) | TO(FINISH))                                       \
    X(CONNECT, "connect", TO(SEND) | TO(CONNECT) | TO(BACKOFF) | TO(LINGER) | TO(FINISH))          \
    X(SEND, "send", TO(RELAY) | TO(CONNECT) | TO(BACKOFF) | TO(LINGER) | TO(FINISH))               \
    X(BACKOFF, "backoff", TO(CONNECT) | TO(LINGER) | TO(FINISH))                                   \
    X(RELAY, "relay", TO(LINGER) | TO(FINISH))                                                     \
    X(LINGER, "linger", TO(FINISH))                                                                \
    X(FINISH, "finish", 0)

enum proxy_stream_state {
#define X(id, name, to) PROXY_ST_##id,
    PROXY_STREAM_STATES(X)
#undef X
        PROXY_ST_COUNT
};

enum { PROXY_MAX_TRIED = 8 };

struct proxy_exchange {
    WEFT_OBJ;
    uint8_t state;
    bool req_end;      /* the caller's message is complete */
    bool bodyless;     /* ... already with its head */
    bool resp_started; /* a final response head went to the caller */
    bool replay_lost;  /* the body is no longer there in full */
    bool down_paused, up_paused;
    bool mesh;       /* this attempt runs over mutual TLS: its weft-hop is believed */
    bool reused;     /* ... on a connection that served before */
    bool want_fresh; /* the next attempt asks for a connection that never served */
    bool fresh_used; /* case (d) happens once */
    bool waiting;    /* ... for the response head, as x->load knows */
    bool unjudged;   /* ... for the grpc-status: only that tells how x->load did */
    bool seen;       /* an app may have seen it */
    bool untouched;  /* ... but surely not in the attempt that failed last */
    bool grpc, head_only;
    bool tunnel;     /* an upgrade was answered by 101: raw bytes, each side ends on its own */
    bool tunnel_end; /* ... the endpoint's has */
    struct proxy_worker *w;
    struct proxy_conn *conn;
    struct weft_list link;
    struct weft_stream *down, *up;
    struct weft_pool_wait *wait;

    struct weft_head *req; /* the caller's head, changed by filters */
    struct weft_slice request_id, method, authority, path; /* as they came */
    struct weft_slice sent_authority;                      /* after the filters */
    struct proxy_hop hop;                                  /* inbound: what the peer says */
    enum weft_version version;                             /* what the caller spoke */
    enum weft_version app; /* what the endpoint's app is to be spoken to with */
    const struct weft_fields *req_trailers, *resp_trailers;
    struct weft_buf body; /* request bytes kept for an attempt to come */
    struct weft_match_result match;

    struct proxy_bound *bound;      /* NULL: straight to conn->dst */
    struct proxy_mirror *mirrors;   /* copies whose body is still to come */
    struct weft_cors_request *cors; /* once a filter asked for it */
    int rule, backend;              /* indexes, or -1 */
    const struct weft_backend *be;
    const struct weft_endpoints *eps;
    const struct weft_endpoint *ep; /* of this attempt; NULL when direct */
    struct proxy_load *load;
    uint64_t attempt_us; /* when this attempt began, or was sent */
    struct weft_addr endpoint;
    uint32_t tried[PROXY_MAX_TRIED], n_tried;
    uint32_t attempts; /* all of them, for the log */
    uint32_t counted;  /* those that an app may have seen, for the retry stanza */

    struct weft_timer wait_timer;                   /* for a connection with room */
    struct weft_timer request_timer, attempt_timer; /* backendRequest, backoff, or lingering */
    uint64_t started_us, bytes_in, bytes_out;
    struct proxy_log_marks marks;
    uint64_t body_mark, body_moved_us; /* bytes_in when it was looked at, and moved last */
    uint16_t status;
    int8_t grpc_status; /* as the answer says it, or PROXY_GRPC_* */
    enum weft_reason reason;
    struct weft_task release;
};

const char *proxy_stream_state_name(enum proxy_stream_state s);
/* Bit n: may go to state n. For the test that draws the machine. */
unsigned proxy_stream_allowed(enum proxy_stream_state from);
/* The only writer of x->state. */
void proxy_exchange_goto(struct proxy_exchange *x, enum proxy_stream_state to);

void proxy_exchange_start(struct proxy_conn *c, struct weft_stream *s, struct weft_head *head,
                          bool end);

/* stream_route.c: ends in CONNECT or in an answer of our own. */
void proxy_exchange_route(struct proxy_exchange *x);

/* stream_connect.c */
/* How this endpoint is called: mutual TLS where it is meshed and not this very pod (true), plain
 * otherwise. */
bool proxy_aim(const struct proxy_worker *w, const struct weft_endpoint *ep, enum weft_version app,
               bool upgrade, struct weft_pool_target *ret);
/* What the backend's app is spoken to with: as the caller spoke, unless its port says that it knows
 * only the other (REQ-057). */
enum weft_version proxy_app_version(enum weft_protocol p, enum weft_version caller);
void proxy_exchange_connect(struct proxy_exchange *x); /* the next attempt */
/* The attempt under way failed: another one, or an answer with `reason`. `unprocessed`: surely no
 * app saw it. `status`: of a response that the retry stanza may want repeated, else 0. */
void proxy_exchange_attempt_failed(struct proxy_exchange *x, enum weft_reason reason,
                                   bool unprocessed);
/* Does the retry stanza ask for another attempt after this response? Then it is under way. */
bool proxy_exchange_retry_answer(struct proxy_exchange *x, const struct weft_head *head);
/* The head of an endpoint's response, as a fact about the endpoint. */
void proxy_exchange_heard(struct proxy_exchange *x, uint16_t status);
/* The same for a gRPC call's status; once. */
void proxy_exchange_heard_grpc(struct proxy_exchange *x);
void proxy_exchange_drop_attempt(struct proxy_exchange *x);
void proxy_exchange_stop_waiting(struct proxy_exchange *x); /* for a connection */
void proxy_exchange_drop_up(struct proxy_exchange *x);      /* the same, its timer goes on */
/* The endpoint cut the stream: one of the four cases, the stanza, or an answer. */
void proxy_exchange_reset_by_endpoint(struct proxy_exchange *x, struct weft_reset r);

/* stream_relay.c */
extern const struct weft_stream_cb proxy_down_cb, proxy_up_cb;
void proxy_exchange_send_body(struct proxy_exchange *x); /* what was kept, to a new attempt */
void proxy_exchange_pause_down(struct proxy_exchange *x, bool pause);
/* The response is complete at the caller's side: done, or the rest of the request follows. */
void proxy_exchange_response_done(struct proxy_exchange *x);

/* stream_finish.c */
/* What it is counted under, as far as it was routed by now. */
struct proxy_series *proxy_exchange_series(struct proxy_exchange *x);
/* The grpc-status of an answer: in its trailers, or in its head when it has nothing else. */
void proxy_exchange_note_grpc(struct proxy_exchange *x, const struct weft_fields *f);
/* Since the request's head was there. */
static inline uint32_t proxy_exchange_age_us(const struct proxy_exchange *x) {
    uint64_t us = weft_loop_now_us(x->w->loop) - x->started_us;
    return us < PROXY_NOT_YET ? (uint32_t)us : PROXY_NOT_YET - 1;
}
/* An answer of our own; after a response head was sent the stream is cut instead. */
void proxy_exchange_reply(struct proxy_exchange *x, enum weft_reason why, struct weft_slice detail);
/* Sends a head without a body as the answer (redirect). */
void proxy_exchange_answer(struct proxy_exchange *x, enum weft_reason why, struct weft_head *head,
                           struct weft_slice body);
/* The one place where a request ends: counted, logged, let go. */
void proxy_exchange_finish(struct proxy_exchange *x, enum weft_reason why);

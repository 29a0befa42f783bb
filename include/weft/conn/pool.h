/* SPDX-License-Identifier: Apache-2.0
 * Client side: connections to endpoints, kept and shared. One pool per worker. */
#pragma once
#include <weft/http/codec.h>
#include <weft/net/tls.h>
#include <weft/net/xport.h>

struct weft_pool;
struct weft_client_conn;
struct weft_pool_wait;

struct weft_pool_target {
    struct weft_addr addr;
    bool h2;                   /* codec: HTTP/2 with many streams, or HTTP/1 with one */
    const char *alpn;          /* static string; NULL: plain connection */
    struct weft_slice peer_id; /* with alpn: the SPIFFE ID that the peer must prove */
    struct weft_addr bind_ip;  /* family 0: any */
};
struct weft_pool_options {
    uint64_t connect_timeout_us; /* TCP and TLS together */
    uint64_t idle_timeout_us;
    /* Connections, when the others have no capacity. Retired ones (GOAWAY, another certificate),
     * which only end what they have begun, are not counted: a thousand of them may be. */
    uint32_t max_h2_per_target;
    uint32_t max_h1_per_target;
    struct weft_codec_limits limits;
    struct weft_output_budget *budget; /* of all connections together; may be NULL */
};
struct weft_pool_options weft_pool_options_default(void);

struct weft_pool *weft_pool_new(struct weft_loop *l, const struct weft_pool_options *opt);
/* Closes every connection; waits are cancelled with CANCELED. Returns NULL. */
struct weft_pool *weft_pool_free(struct weft_pool *p);
/* Context for targets with alpn; referenced. NULL: such targets fail with TLS. Connections made
 * under an older context take no new requests. */
void weft_pool_set_tls(struct weft_pool *p, struct weft_tls_ctx *ctx);
void weft_pool_drain(struct weft_pool *p); /* idle connections close; busy ones when done */

/* To be called every second or so. Streams whose endpoint keeps their window shut for write_us are
 * reset, with bytes queued, and connections of which nothing that is queued moves for as long, or
 * whose host acknowledges nothing of what was sent for dead_us: on_reset with TIMEOUT. 0: never. */
void weft_pool_check(struct weft_pool *p, uint64_t write_us, uint64_t dead_us);
/* Memory of the longest queue to an endpoint, and whose it is. */
uint64_t weft_pool_longest(struct weft_pool *p, struct weft_client_conn **ret);
/* Lets go of it, with on_reset AGAIN: over HTTP/2 that of one stream, where streams have any. How
 * much less is counted. */
uint64_t weft_client_conn_shed(struct weft_client_conn *longest);

/* How connections are made; weft_xport_dial unless a test says otherwise. */
typedef struct weft_xport *(*weft_pool_dial_fn)(void *ud, struct weft_loop *l,
                                                const struct weft_addr *to,
                                                const struct weft_addr *bind_ip,
                                                uint64_t timeout_us);
void weft_pool_set_dial(struct weft_pool *p, weft_pool_dial_fn fn, void *ud);

/* Asks for a connection with room for one request. cb is called once, possibly before this returns
 * (then the result is NULL): OK with a connection to open a stream on right away, or why not
 * (REFUSED, TIMEOUT, TLS, IDENTITY, UNREACHABLE, RESET, LIMIT). `reused`: it served a request
 * before. `fresh` asks for one that never did. */
typedef void (*weft_pool_fn)(void *ud, enum weft_status st, struct weft_client_conn *c,
                             bool reused);
struct weft_pool_wait *weft_pool_get(struct weft_pool *p, const struct weft_pool_target *t,
                                     bool fresh, weft_pool_fn cb, void *ud);
void weft_pool_cancel(struct weft_pool_wait *w); /* cb will not be called */

/* NULL when the connection lost its capacity in between: ask again. */
struct weft_stream *weft_client_conn_request(struct weft_client_conn *c,
                                             const struct weft_head *head, bool end,
                                             const struct weft_stream_cb *cb, void *ud);
struct weft_xport *weft_client_conn_xport(struct weft_client_conn *c);
/* A connection alone, outside any pool (ADS, health checks). Owns x; closes itself when the codec
 * is finished; on_closed is the last event. */
struct weft_client_conn *weft_client_conn_new(struct weft_xport *x, bool h2,
                                              const struct weft_codec_limits *limits,
                                              void (*on_closed)(void *ud), void *ud);
void weft_client_conn_close(struct weft_client_conn *c);
/* HTTP/2: a PING (RFC 9113 §6.7), which a living peer answers at once. */
void weft_client_conn_ping(struct weft_client_conn *c);
/* For a connection outside any pool, over HTTP/2: a PING every `every_us`; closed (on_closed
 * follows) when nothing at all has come for `dead_us` at the time of one. */
void weft_client_conn_keepalive(struct weft_client_conn *c, uint64_t every_us, uint64_t dead_us);
struct weft_pool_stats {
    uint64_t connects, connect_failures, tls_handshakes, tls_failures;
    uint32_t connections, waiting;
};
struct weft_pool_stats weft_pool_stats(const struct weft_pool *p);

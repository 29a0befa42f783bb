/* SPDX-License-Identifier: Apache-2.0
 * Server side of an HTTP connection: a codec over a transport. Request heads that the codec refused
 * arrive like any other, with head->refused set. */
#pragma once
#include <weft/http/codec.h>
#include <weft/net/xport.h>

struct weft_server_conn;

struct weft_server_options {
    bool h2;
    struct weft_codec_limits limits;
    uint64_t head_timeout_us;  /* first byte of a head to its end; 0: none */
    uint64_t idle_timeout_us;  /* no stream in flight; 0: none */
    uint64_t write_timeout_us; /* nothing queued moves; 0: none; see weft_server_conn_check */
    /* HTTP/1: the peer sends nothing more and gets nothing of its answer; 0: none. Not tunnels. */
    uint64_t half_close_timeout_us;
    bool checks_itself;                /* nobody calls weft_server_conn_check: small servers */
    struct weft_output_budget *budget; /* of all connections together; may be NULL */
};
struct weft_server_cb {
    void (*on_request)(void *ud, struct weft_server_conn *c, struct weft_stream *s,
                       struct weft_head *head, bool end);
    /* The peer ran into a limit; the connection ends, or has ended. May be NULL. */
    void (*on_limit)(void *ud, struct weft_server_conn *c, enum weft_cap cap);
    void (*on_closed)(void *ud, struct weft_server_conn *c); /* the last event; may be NULL */
};
/* Owns x, which must be open; bytes already read go back by weft_xport_unread before. */
struct weft_server_conn *weft_server_conn_new(struct weft_xport *x,
                                              const struct weft_server_options *opt,
                                              const struct weft_server_cb *cb, void *ud);
struct weft_xport *weft_server_conn_xport(struct weft_server_conn *c);
struct weft_server_conn *weft_server_conn_of(struct weft_stream *s); /* NULL once it is closed */
/* To be called every second or so, unless it checks itself: resets streams whose reader did not
 * open their window for the write timeout, aborts a connection of which nothing that is queued
 * moved for as long, or whose half-closed peer got nothing for so long; notices a reset that
 * reading did not; and brings its queue to the budget's account. */
void weft_server_conn_check(struct weft_server_conn *c);
/* It holds more queued output than one connection should. */
bool weft_server_conn_over_queued(const struct weft_server_conn *c);
/* Memory of its queue, brought to the budget's account. */
uint64_t weft_server_conn_queued(struct weft_server_conn *c);
/* RST, counted as `why` by on_limit. */
void weft_server_conn_cut(struct weft_server_conn *c, enum weft_cap why);
/* GOAWAY or Connection: close; closes when the last stream ends. */
void weft_server_conn_drain(struct weft_server_conn *c);
/* HTTP/2 that drains and is still open: what the peer sent before it heard of that may still come.
 * One round trip with the peer, or 5 s without one, after the last stream. */
bool weft_server_conn_leaving(const struct weft_server_conn *c);
/* HTTP/1: a request has come, or begun to, that nobody was told of yet; so draining now would be
 * closing under it. */
bool weft_server_conn_asked(const struct weft_server_conn *c);
/* Streams are reset, the transport closed (RST where something was in flight or queued); on_closed
 * follows at the end of the turn. Idempotent. */
void weft_server_conn_close(struct weft_server_conn *c);

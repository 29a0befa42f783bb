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
    uint64_t head_timeout_us; /* first byte of a head to its end; 0: none */
    uint64_t idle_timeout_us; /* no stream in flight; 0: none */
};
struct weft_server_cb {
    void (*on_request)(void *ud, struct weft_server_conn *c, struct weft_stream *s,
                       struct weft_head *head, bool end);
    void (*on_closed)(void *ud, struct weft_server_conn *c); /* the last event; may be NULL */
};
/* Owns x, which must be open; bytes already read go back by weft_xport_unread before. */
struct weft_server_conn *weft_server_conn_new(struct weft_xport *x,
                                              const struct weft_server_options *opt,
                                              const struct weft_server_cb *cb, void *ud);
struct weft_xport *weft_server_conn_xport(struct weft_server_conn *c);
struct weft_server_conn *weft_server_conn_of(struct weft_stream *s); /* NULL once it is closed */
/* GOAWAY or Connection: close; closes when the last stream ends. */
void weft_server_conn_drain(struct weft_server_conn *c);
/* Streams are reset, the transport closed; on_closed follows at the end of the turn. Idempotent. */
void weft_server_conn_close(struct weft_server_conn *c);

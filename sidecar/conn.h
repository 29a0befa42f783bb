/* SPDX-License-Identifier: Apache-2.0
 * One accepted connection, of either direction, from its first byte to its end: sniffed, then
 * either a server of HTTP exchanges or an opaque relay. */
#pragma once
#include <sidecar/worker.h>
#include <weft/conn/relay.h>
#include <weft/http/sniff.h>

#define proxy_conn_MAGIC 0x434f4e4eu

struct proxy_conn {
    WEFT_OBJ;
    uint32_t refs; /* one while it is open, one for each exchange */
    struct proxy_worker *w;
    struct weft_list link;
    enum proxy_dir dir;
    const char *phase; /* for logs: "lookup", "sniff", "tls", "http", "dial", "relay" */
    bool busy;         /* not (yet) an HTTP connection: counts as in flight */
    bool closed;

    struct weft_xport *x; /* until a server connection or a relay owns it */
    struct weft_server_conn *server;
    struct weft_relay *relay;
    struct weft_addr dst;      /* what the client meant; inbound: the app */
    struct weft_addr client;   /* who called */
    struct weft_slice peer_id; /* inbound over mTLS: verified; owned */
    char *server_name;         /* of the caller's own TLS, once seen; clean; owned */
    struct proxy_dest *dest;   /* outbound: what dst means */
    struct proxy_bound *fixed; /* outbound without dest: none */
    struct proxy_park park;
    bool direct; /* requests go to dst itself, unrouted */

    /* sniffing */
    struct weft_buf first;
    struct weft_timer timer;
    void (*on_sniffed)(struct proxy_conn *c, enum weft_sniff what);
    bool want_hello; /* decide on TLS only with the whole ClientHello */
    bool late_hello; /* opaque for its silence: may still be a peer whose ClientHello is late */

    /* opaque relay */
    struct proxy_load *load;
    struct weft_xport *up;
    bool securing;
    uint32_t tried[4], n_tried;
    struct weft_addr endpoint;
    struct weft_slice up_id;
    const char *why;      /* label of the passthrough metric */
    enum weft_reason cut; /* why we ourselves ended it; or NONE */
    uint64_t cert_end_us; /* mutual TLS: when the first of both certificates ends, loop time */
    uint64_t started_us;
};

struct proxy_conn *proxy_conn_new(struct proxy_worker *w, struct weft_xport *x, enum proxy_dir d);
/* No events of c->x any more, until it has a new owner. */
void proxy_conn_hush(struct proxy_conn *c);
/* What its connection is counted as: the Service dialled, or the app's port. */
struct proxy_series *proxy_conn_series(struct proxy_conn *c);
void proxy_conn_ref(struct proxy_conn *c);
void proxy_conn_unref(struct proxy_conn *c);
/* Closes whatever stage it is in. Idempotent. */
void proxy_conn_close(struct proxy_conn *c);
/* The worker drains: ends when what was asked on it, or is about to be, is answered. */
void proxy_conn_drain(struct proxy_conn *c);
/* Closes at once so that the client sees it (RST), counted and logged with the reason. */
void proxy_conn_refuse(struct proxy_conn *c, enum weft_reason why);

/* Reads until the first bytes tell the protocol. OPAQUE also after `timeout_us` of silence (0: a
 * silent client is closed after the idle time of callers). With late_hello only TLS is waited for,
 * and `timeout_us` closes. */
void proxy_conn_sniff(struct proxy_conn *c, uint64_t timeout_us,
                      void (*fn)(struct proxy_conn *c, enum weft_sniff what));
/* Nothing more is waited for: OPAQUE. */
void proxy_conn_sniff_end(struct proxy_conn *c);
/* From here on requests; the sniffed bytes go first. */
void proxy_conn_serve(struct proxy_conn *c, bool h2);
/* From here on opaque bytes to c->dst in plain (`to` NULL) or to an endpoint of a Service's
 * default backend; `why` for the metrics. */
void proxy_opaque_start(struct proxy_conn *c, struct proxy_bound *to, const char *why);
/* With late_hello set before, proxy_opaque_start connects, and then waits who speaks first: the
 * app, then bytes go both ways; or the caller, then c->on_sniffed decides between proxy_opaque_go
 * and something else (after proxy_opaque_close). */
void proxy_opaque_go(struct proxy_conn *c);
void proxy_opaque_close(struct proxy_conn *c);
void proxy_opaque_cut(struct proxy_conn *c, enum weft_reason why); /* both sides see a reset */
void proxy_opaque_check(struct proxy_conn *c);                     /* its timeouts; now and then */

/* server_name.c: the name in a ClientHello, kept for the log line. */
void proxy_server_name_note(struct proxy_conn *c, struct weft_slice first);
void proxy_server_name_drop(struct proxy_conn *c); /* the TLS was the mesh's own */
/* Of a relay that begins: looks for it in the caller's first bytes as they pass, and counts. */
void proxy_server_name_watch(struct proxy_conn *c);

/* expiry.c: the connection, or what must not outlive them, ends with the own certificate or the
 * peer's (Unix seconds). Uses c->timer. */
void proxy_conn_watch_expiry(struct proxy_conn *c, int64_t peer_not_after);
/* To be called when opaque bytes begin on it. */
void proxy_conn_check_expiry(struct proxy_conn *c);

/* SPDX-License-Identifier: Apache-2.0
 * One loop of traffic: its listeners, its connections, its pool, its view of the configuration.
 * Everything here belongs to the worker's thread; the main thread reaches it by posting. */
#pragma once
#include <sidecar/access_log.h>
#include <sidecar/dest_table.h>
#include <sidecar/options.h>
#include <weft/base/check.h>
#include <weft/conn/pool.h>
#include <weft/conn/server.h>

#define proxy_worker_MAGIC 0x574f524bu

struct proxy_worker_hooks { /* called on the worker's thread; all may be NULL */
    void *ud;
    void (*want)(void *ud, struct proxy_worker *w, const struct weft_addr *addr);
    void (*unwant)(void *ud, struct proxy_worker *w, const struct weft_addr *addr);
    /* Draining, and nothing is in flight any more. Called once. */
    void (*drained)(void *ud, struct proxy_worker *w);
};

struct proxy_worker {
    WEFT_OBJ;
    unsigned id;
    const struct proxy_options *opt;
    struct proxy_worker_hooks hooks;
    struct weft_loop *loop;
    struct weft_pool *pool;
    weft_pool_dial_fn dial; /* for opaque connections; the pool has it too */
    void *dial_ud;
    struct weft_rng rng;
    struct proxy_dests dests;
    struct proxy_stats stats;
    struct proxy_log log;

    struct weft_identity *identity;
    struct weft_tls_ctx *server_tls, *client_tls;
    const struct weft_inbound *inbound; /* NULL: options only */

    struct weft_addr *listen_dst;     /* of each --listen: where its Service was found last */
    struct proxy_listener *listeners; /* listeners.c */
    size_t n_listeners;
    struct proxy_port_series {
        struct proxy_port_series *next;
        uint16_t port;
        struct proxy_series *series;
    } * port_series;              /* inbound.c */
    struct proxy_series *foreign; /* outbound, to nothing of ours */
    struct weft_list conns;       /* struct proxy_conn.link */
    struct weft_list exchanges;   /* struct proxy_exchange.link */
    uint32_t n_exchanges, n_busy_conns, n_mirrors;
    uint64_t n_conns, max_conns;
    bool memory_short;                /* of the whole process: no new connections */
    struct weft_output_budget output; /* queued for callers and endpoints */
    struct weft_task evict;
    bool draining, drained;

    struct proxy_health *health; /* shared with the other workers */
    struct weft_retry_budget_policy budget_policy;
    struct weft_pool_stats pool_seen; /* as last added to the metrics */
    struct weft_timer housekeeping;
};

/* `loop` is the caller's and outlives the worker. Connections are dialled by weft_xport_dial
 * unless proxy_worker_set_dial says otherwise. `log_fd`: see proxy_log_init. */
struct proxy_worker *proxy_worker_new(struct weft_loop *loop, unsigned id,
                                      const struct proxy_options *opt,
                                      const struct proxy_worker_hooks *hooks, int log_fd);
/* Closes everything; turns the loop until it is gone. Only after the loop stopped running. */
struct proxy_worker *proxy_worker_free(struct proxy_worker *w);
/* Before any configuration: ejections are shared with `other` from here on. */
void proxy_worker_share_health(struct proxy_worker *w, struct proxy_worker *other);
void proxy_worker_set_dial(struct proxy_worker *w, weft_pool_dial_fn dial, void *ud);
/* Opens what the options name. */
enum weft_status proxy_worker_listen(struct proxy_worker *w, struct weft_error *err);
/* Contexts for the pool and the inbound side from this identity (referenced). */
enum weft_status proxy_worker_set_identity(struct proxy_worker *w, struct weft_identity *id,
                                           struct weft_error *err);
void proxy_worker_set_inbound(struct proxy_worker *w, const struct weft_inbound *i); /* refs it */
/* Readiness is off already: finish what is in flight, then hooks.drained. */
void proxy_worker_drain(struct proxy_worker *w);
/* At the end of the drain time: cut what is left. */
void proxy_worker_stop(struct proxy_worker *w);
/* Called whenever something ended. */
void proxy_worker_ended(struct proxy_worker *w);

/* An accepted connection. `listen` >= 0: it came in on that --listen or --listen-inbound. */
void proxy_outbound_accept(struct proxy_worker *w, struct weft_xport *x, int listen);
void proxy_inbound_accept(struct proxy_worker *w, struct weft_xport *x, int listen);
/* Seconds that a connection may be used whose certificates end in `left` and live for `life`. */
int64_t proxy_inbound_use_s(int64_t left, int64_t life);
/* Of the app's port; beyond PROXY_MAX_PORT_SERIES one for all that the inbound configuration does
 * not name. */
enum { PROXY_MAX_PORT_SERIES = 64 };
struct proxy_series *proxy_inbound_series(struct proxy_worker *w, uint16_t port);
/* An original destination that is one of the proxy's own ports on an address of its own. */
bool proxy_is_own_port(const struct proxy_worker *w, struct weft_xport *x,
                       const struct weft_addr *dst);
struct weft_slice proxy_own_id(const struct proxy_worker *w); /* empty: none */
bool proxy_is_own_ip(const struct proxy_worker *w, const struct weft_addr *ip);

/* Which of its endpoints are in this pod's zone, told anew. */
void proxy_bound_set_near(struct proxy_bound *b);
struct proxy_bound *proxy_bound_new(struct proxy_worker *w, struct weft_bound *bound);

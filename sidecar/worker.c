/* SPDX-License-Identifier: Apache-2.0
 * A worker: made, given an identity and an inbound configuration, drained, stopped. */
#include <sidecar/worker.h>

#include <sidecar/conn.h>
#include <sidecar/hop.h>
#include <sidecar/limits.h>
#include <sidecar/listeners.h>
#include <sidecar/stream.h>
#include <weft/base/alloc.h>

enum { HOUSEKEEPING_US = 1000000, H2_CONNECTIONS = 4 };

static struct weft_xport *dial_socket(void *ud, struct weft_loop *l, const struct weft_addr *to,
                                      const struct weft_addr *bind_ip, uint64_t timeout_us) {
    return weft_xport_dial(l, to, bind_ip, timeout_us);
}

static void publish_pool(struct proxy_worker *w) {
    struct weft_pool_stats now = weft_pool_stats(w->pool), *old = &w->pool_seen;
    weft_counter_add(w->stats.connects, now.connects - old->connects);
    weft_counter_add(w->stats.connect_failures, now.connect_failures - old->connect_failures);
    weft_counter_add(w->stats.tls_started, now.tls_handshakes - old->tls_handshakes);
    weft_counter_add(w->stats.tls_start_failed, now.tls_failures - old->tls_failures);
    weft_gauge_set(w->stats.upstream_open, now.connections);
    *old = now;
}

static void on_housekeeping(void *arg) {
    struct proxy_worker *w = WEFT_CAST(proxy_worker, arg);
    publish_pool(w);
    proxy_limits_check(w);
    proxy_worker_ended(w);
    weft_timer_start(&w->housekeeping, HOUSEKEEPING_US);
}

static struct weft_pool *make_pool(struct proxy_worker *w) {
    struct weft_pool_options p = weft_pool_options_default();
    p.connect_timeout_us = w->opt->connect_timeout_us;
    p.idle_timeout_us = w->opt->idle_timeout_us;
    p.max_h1_per_target = (uint32_t)w->opt->endpoint_connections;
    if (p.max_h1_per_target < H2_CONNECTIONS) p.max_h2_per_target = p.max_h1_per_target;
    proxy_limits_of_codec(w, &p.limits);
    p.budget = &w->output;
    return weft_pool_new(w->loop, &p);
}

struct proxy_worker *proxy_worker_new(struct weft_loop *loop, unsigned id,
                                      const struct proxy_options *opt,
                                      const struct proxy_worker_hooks *hooks, int log_fd) {
    struct proxy_worker *w = weft_new0(struct proxy_worker);
    WEFT_OBJ_INIT(proxy_worker, w);
    w->id = id;
    w->opt = opt;
    w->hooks = *hooks;
    w->loop = loop;
    w->dial = dial_socket;
    w->health = proxy_health_new();
    w->budget_policy = (struct weft_retry_budget_policy){
        .percent = (uint32_t)opt->retry_percent, .min_per_s = (uint32_t)opt->retry_min_per_s};
    weft_list_init(&w->conns);
    proxy_limits_share(w, 1);
    weft_task_init(&w->evict, proxy_limits_evict, w);
    w->output.over = &w->evict;
    weft_list_init(&w->exchanges);
    weft_rng_seed_system(&w->rng);
    proxy_stats_init(&w->stats);
    w->foreign = proxy_series_new(&w->stats, &(struct proxy_series_labels){.dir = PROXY_OUTBOUND});
    proxy_log_init(&w->log, loop, &w->stats, opt->access_log, log_fd);
    w->log.worker = id;
    proxy_dests_init(&w->dests, w, opt->snapshot != NULL);
    w->pool = make_pool(w);
    w->listen_dst = weft_alloc0((opt->n_listens + 1) * sizeof *w->listen_dst);
    weft_timer_init(&w->housekeeping, loop, on_housekeeping, w);
    weft_timer_start(&w->housekeeping, HOUSEKEEPING_US);
    return w;
}

void proxy_worker_share_health(struct proxy_worker *w, struct proxy_worker *other) {
    struct proxy_health *own = w->health;
    w->health = proxy_health_ref(other->health);
    proxy_health_unref(own);
}

void proxy_worker_set_dial(struct proxy_worker *w, weft_pool_dial_fn dial, void *ud) {
    w->dial = dial;
    w->dial_ud = ud;
    weft_pool_set_dial(w->pool, dial, ud);
}

static void close_conns(struct proxy_worker *w) {
    weft_list_each(it, &w->conns) {
        struct proxy_conn *c = WEFT_CONTAINER(it, struct proxy_conn, link);
        proxy_conn_close(c);
    }
}

struct proxy_worker *proxy_worker_free(struct proxy_worker *w) {
    if (!w) return NULL;
    w->hooks = (struct proxy_worker_hooks){0};
    proxy_listeners_close(w);
    close_conns(w);
    weft_pool_drain(w->pool);
    while (weft_loop_turn(w->loop) && (!weft_list_empty(&w->conns) || w->n_exchanges)) {
    }
    w->pool = weft_pool_free(w->pool);
    while ((w->n_exchanges || w->n_mirrors) && weft_loop_turn(w->loop)) {
    }
    weft_timer_stop(&w->housekeeping);
    weft_task_cancel(&w->evict);
    proxy_dests_done(&w->dests);
    proxy_health_unref(w->health);
    proxy_log_done(&w->log);
    weft_tls_ctx_unref(w->server_tls);
    weft_tls_ctx_unref(w->client_tls);
    weft_identity_unref(w->identity);
    weft_inbound_unref((struct weft_inbound *)(uintptr_t)w->inbound);
    proxy_stats_done(&w->stats);
    while (w->port_series) {
        struct proxy_port_series *p = w->port_series;
        w->port_series = p->next;
        proxy_series_free(p->series);
        free(p);
    }
    proxy_series_free(w->foreign);
    proxy_listeners_free(w);
    free(w->listen_dst);
    WEFT_OBJ_DONE(w);
    free(w);
    return NULL;
}

enum weft_status proxy_worker_set_identity(struct proxy_worker *w, struct weft_identity *id,
                                           struct weft_error *err) {
    static const char *const alpns[] = {PROXY_ALPN_H2, PROXY_ALPN_H1, PROXY_ALPN_TCP, NULL};
    struct weft_tls_ctx *server = NULL, *client = NULL;
    enum weft_status st = weft_tls_ctx_new(WEFT_TLS_MESH_SERVER, id, alpns, &server, err);
    if (st == WEFT_OK) st = weft_tls_ctx_new(WEFT_TLS_MESH_CLIENT, id, alpns, &client, err);
    if (st != WEFT_OK) {
        weft_tls_ctx_unref(server);
        return st;
    }
    weft_tls_ctx_unref(w->server_tls);
    weft_tls_ctx_unref(w->client_tls);
    weft_identity_unref(w->identity);
    w->server_tls = server;
    w->client_tls = client;
    w->identity = weft_identity_ref(id);
    weft_pool_set_tls(w->pool, client);
    return WEFT_OK;
}

static struct weft_slice zone_in(const struct weft_inbound *i) {
    return i ? i->zone : WEFT_SLICE_EMPTY;
}

void proxy_worker_set_inbound(struct proxy_worker *w, const struct weft_inbound *i) {
    struct weft_inbound *old = (struct weft_inbound *)(uintptr_t)w->inbound;
    w->inbound = i ? weft_inbound_ref(i) : NULL;
    if (!weft_slice_eq(zone_in(old), zone_in(i))) proxy_dests_set_near(&w->dests);
    weft_inbound_unref(old);
}

/* ---- the end ---- */

static void report_drained(void *arg) {
    struct proxy_worker *w = WEFT_CAST(proxy_worker, arg);
    publish_pool(w);
    if (w->hooks.drained) w->hooks.drained(w->hooks.ud, w);
}

/* What a caller has not taken yet is in flight too, and so is what he sent before he heard that
 * this ends, were it to a port only. */
static bool sends_or_hears(const struct proxy_worker *w) {
    weft_list_each(it, &w->conns) {
        struct proxy_conn *c = WEFT_CONTAINER(it, struct proxy_conn, link);
        if (!c->server) continue;
        if (weft_server_conn_queued(c->server) || weft_server_conn_leaving(c->server)) return true;
        if (weft_server_conn_asked(c->server)) return true;
    }
    return weft_loop_lingers(w->loop) || proxy_listeners_waiting(w);
}

void proxy_worker_ended(struct proxy_worker *w) {
    if (!w->draining || w->drained || w->n_exchanges || w->n_busy_conns || w->n_mirrors ||
        sends_or_hears(w))
        return;
    w->drained = true;
    proxy_listeners_close(w);
    close_conns(w);
    weft_loop_defer(w->loop, report_drained, w);
}

/* Ports stay open until nothing is in flight: an app that finishes its own requests may still need
 * to call others. What comes in meanwhile is served once and not kept. */
void proxy_worker_drain(struct proxy_worker *w) {
    if (w->draining) return;
    weft_list_each(it, &w->conns) {
        struct proxy_conn *c = WEFT_CONTAINER(it, struct proxy_conn, link);
        proxy_conn_drain(c);
    }
    w->draining = true; /* not before: with the last one that closes, all would go at once */
    proxy_worker_ended(w);
}

void proxy_worker_stop(struct proxy_worker *w) {
    w->draining = w->drained = true;
    proxy_listeners_close(w);
    close_conns(w);
    weft_loop_defer(w->loop, report_drained, w);
}

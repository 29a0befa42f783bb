/* SPDX-License-Identifier: Apache-2.0
 * Connections by target: a group per (address, protocol, identity) holds its connections, the
 * dials under way and those who wait. A dial that fails answers the waits that hoped for it. */
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/base/limits.h>
#include <weft/base/slice.h>

#define HASH_FUNCTION(key, len, ret) (ret) = (unsigned)weft_slice_hash(weft_slice((key), (len)))
#include <uthash.h>

#include "client_internal.h"

enum {
    MAX_WAITING = 4096,
    MAX_RETIRED = 1024,
    KEY_BYTES = 512,
    LOOK_AFTER_US = 1000000, /* what was used just now is not about to be closed for its idleness */
};

struct weft_pool_wait {
    struct weft_list node;
    struct weft_pool_group *group;
    bool fresh;
    weft_pool_fn cb;
    void *ud;
};

struct weft_pool_group {
    struct weft_pool *pool;
    struct weft_pool_target target; /* peer_id points into key storage */
    char *peer_id;
    size_t key_len;
    char *key;
    struct weft_list conns, waits, dials;
    uint32_t n_conns, n_retired, n_waits, n_dials;
    uint32_t holds; /* callbacks are running: not to be freed */
    UT_hash_handle hh;
};

struct dial {
    struct weft_list node;
    struct weft_pool_group *group;
    struct weft_xport *xport;
    struct weft_tls_ctx *tls; /* the one in force when it began */
    uint64_t deadline_us;
    bool securing;
};

struct weft_pool {
    struct weft_loop *loop;
    struct weft_pool_options opt;
    struct weft_pool_group *groups;
    struct weft_tls_ctx *tls;
    struct weft_pool_stats stats;
    weft_pool_dial_fn dial;
    void *dial_ud;
    bool draining, freeing;
};

struct weft_pool_options weft_pool_options_default(void) {
    return (struct weft_pool_options){.connect_timeout_us = 5000000,
                                      .idle_timeout_us = 60000000,
                                      .max_h2_per_target = 4,
                                      .max_h1_per_target = 1024,
                                      .limits = weft_codec_limits_default()};
}

static struct weft_xport *dial_socket(void *ud, struct weft_loop *l, const struct weft_addr *to,
                                      const struct weft_addr *bind_ip, uint64_t timeout_us) {
    (void)ud;
    return weft_xport_dial(l, to, bind_ip, timeout_us);
}

struct weft_pool *weft_pool_new(struct weft_loop *l, const struct weft_pool_options *opt) {
    struct weft_pool *p = weft_new0(struct weft_pool);
    p->loop = l;
    p->opt = *opt;
    p->dial = dial_socket;
    return p;
}

void weft_pool_set_dial(struct weft_pool *p, weft_pool_dial_fn fn, void *ud) {
    p->dial = fn;
    p->dial_ud = ud;
}

/* ---- groups ---- */

/* Everything that makes two connections interchangeable, as bytes; 0 when it does not fit. */
static size_t build_key(const struct weft_pool_target *t, char key[KEY_BYTES]) {
    size_t alpn = t->alpn ? strlen(t->alpn) : 0, n = 2 * sizeof t->addr + 2;
    if (n + alpn + 1 + t->peer_id.len > KEY_BYTES) return 0;
    memcpy(key, &t->addr, sizeof t->addr);
    memcpy(key + sizeof t->addr, &t->bind_ip, sizeof t->bind_ip);
    key[n - 2] = t->h2;
    key[n - 1] = t->alpn != NULL;
    if (alpn) memcpy(key + n, t->alpn, alpn);
    key[n + alpn] = 0;
    if (t->peer_id.len) memcpy(key + n + alpn + 1, t->peer_id.base, t->peer_id.len);
    return n + alpn + 1 + t->peer_id.len;
}

static struct weft_pool_group *group_get(struct weft_pool *p, const struct weft_pool_target *t) {
    char key[KEY_BYTES];
    size_t n = build_key(t, key);
    if (n == 0) return NULL;
    struct weft_pool_group *g = NULL;
    HASH_FIND(hh, p->groups, key, n, g);
    if (g) return g;
    g = weft_new0(struct weft_pool_group);
    g->pool = p;
    g->target = *t;
    g->peer_id = weft_slice_dup(t->peer_id);
    g->target.peer_id = weft_slice(g->peer_id, t->peer_id.len);
    g->key = weft_alloc(n);
    memcpy(g->key, key, n);
    g->key_len = n;
    weft_list_init(&g->conns);
    weft_list_init(&g->waits);
    weft_list_init(&g->dials);
    HASH_ADD_KEYPTR(hh, p->groups, g->key, g->key_len, g);
    return g;
}

static void group_maybe_free(struct weft_pool_group *g) {
    if (g->n_conns || g->n_waits || g->n_dials || g->holds || g->pool->freeing) return;
    HASH_DELETE(hh, g->pool->groups, g);
    free(g->peer_id);
    free(g->key);
    free(g);
}

/* ---- waits ---- */

static void wait_unlink(struct weft_pool_wait *w) {
    weft_list_remove(&w->node);
    w->group->n_waits--;
    w->group->pool->stats.waiting--;
}

static void wait_answer(struct weft_pool_wait *w, enum weft_status st, struct weft_client_conn *c) {
    weft_pool_fn cb = w->cb;
    void *ud = w->ud;
    wait_unlink(w);
    free(w);
    cb(ud, st, c, c && c->served > 0);
}

/* The first wait that this connection may serve. */
static struct weft_pool_wait *wait_for_conn(struct weft_pool_group *g,
                                            const struct weft_client_conn *c) {
    weft_list_each(it, &g->waits) {
        struct weft_pool_wait *w = WEFT_CONTAINER(it, struct weft_pool_wait, node);
        if (!w->fresh || c->served == 0) return w;
    }
    return NULL;
}

static void serve_waits(struct weft_client_conn *c) {
    struct weft_pool_group *g = c->group;
    struct weft_pool_wait *w;
    while ((w = wait_for_conn(g, c)) && weft_client_conn_room(c) > 0) wait_answer(w, WEFT_OK, c);
}

/* HTTP/1: one dial answers one wait. HTTP/2: all of them hoped for the same connection. */
static void fail_waits(struct weft_pool_group *g, enum weft_status st) {
    bool all = g->target.h2 && g->n_dials == 0;
    uint32_t n = all ? g->n_waits : (g->n_waits > g->n_dials ? 1 : 0);
    while (n-- > 0 && !weft_list_empty(&g->waits))
        wait_answer(WEFT_CONTAINER(g->waits.next, struct weft_pool_wait, node), st, NULL);
}

void weft_pool_cancel(struct weft_pool_wait *w) {
    if (!w) return;
    struct weft_pool_group *g = w->group;
    wait_unlink(w);
    free(w);
    group_maybe_free(g);
}

/* ---- connections ---- */

static void on_conn_room(struct weft_client_conn *c) {
    serve_waits(c);
}

static void start_dials(struct weft_pool_group *g);

static void on_conn_gone(struct weft_client_conn *c) {
    struct weft_pool_group *g = c->group;
    weft_list_remove(&c->node);
    g->n_conns--;
    g->n_retired -= c->retired;
    g->pool->stats.connections--;
    if (g->pool->freeing) return;
    start_dials(g);
    group_maybe_free(g);
}

/* Its streams may go on for hours; who waits now needs another one. */
static void on_conn_retired(struct weft_client_conn *c) {
    c->group->n_retired++;
    start_dials(c->group);
}

static struct weft_client_conn *adopt(struct weft_pool_group *g, struct weft_xport *x) {
    struct weft_pool *p = g->pool;
    struct weft_client_conn *c = weft_client_conn_new(x, g->target.h2, &p->opt.limits, NULL, NULL);
    c->group = g;
    c->link.budget = p->opt.budget;
    c->on_room = on_conn_room;
    c->on_gone = on_conn_gone;
    c->on_retired = on_conn_retired;
    c->idle_timeout_us = p->opt.idle_timeout_us;
    if (c->idle_timeout_us) weft_timer_start(&c->idle, c->idle_timeout_us);
    weft_list_push_front(&g->conns, &c->node);
    g->n_conns++;
    p->stats.connections++;
    serve_waits(c);
    if (p->draining) weft_client_conn_retire(c);
    return c;
}

/* ---- dialling ---- */

static void dial_end(struct dial *d) {
    weft_list_remove(&d->node);
    d->group->n_dials--;
    weft_tls_ctx_unref(d->tls);
    free(d);
}

static void dial_failed(struct dial *d, enum weft_status st) {
    struct weft_pool_group *g = d->group;
    g->pool->stats.tls_failures += d->securing;
    weft_xport_close(d->xport);
    dial_end(d);
    g->pool->stats.connect_failures++;
    g->holds++;
    fail_waits(g, st);
    start_dials(g);
    g->holds--;
    group_maybe_free(g);
}

static void on_dial_open(void *ud, enum weft_status st);
static void on_dial_error(void *ud, enum weft_status st) {
    dial_failed(ud, st);
}
static void on_dial_eof(void *ud) {
    dial_failed(ud, WEFT_RESET);
}

static const struct weft_xport_cb dial_cb = {
    .on_open = on_dial_open, .on_error = on_dial_error, .on_eof = on_dial_eof};

static void secure(struct dial *d) {
    struct weft_pool_group *g = d->group;
    uint64_t now = weft_loop_now_us(g->pool->loop);
    uint64_t left = g->pool->opt.connect_timeout_us == 0 ? 0
                    : d->deadline_us > now               ? d->deadline_us - now
                                                         : 1;
    d->securing = true;
    g->pool->stats.tls_handshakes++;
    d->xport =
        weft_xport_tls_client(d->xport, d->tls, g->target.peer_id, g->target.alpn, NULL, left);
    weft_xport_set_cb(d->xport, &dial_cb, d);
}

static void on_dial_open(void *ud, enum weft_status st) {
    struct dial *d = ud;
    struct weft_pool_group *g = d->group;
    if (st != WEFT_OK) {
        dial_failed(d, st);
        return;
    }
    if (g->target.alpn && !d->securing) {
        secure(d);
        return;
    }
    if (g->target.alpn && !weft_slice_is(weft_xport_info(d->xport)->alpn, g->target.alpn)) {
        dial_failed(d, WEFT_TLS);
        return;
    }
    struct weft_xport *x = d->xport;
    bool stale = d->tls && d->tls != g->pool->tls;
    dial_end(d);
    struct weft_client_conn *c = adopt(g, x);
    if (stale) weft_client_conn_retire(c);
}

static void start_dial(struct weft_pool_group *g) {
    struct weft_pool *p = g->pool;
    struct dial *d = weft_new0(struct dial);
    d->group = g;
    d->deadline_us = weft_loop_now_us(p->loop) + p->opt.connect_timeout_us;
    if (g->target.alpn) d->tls = weft_tls_ctx_ref(p->tls);
    weft_list_push(&g->dials, &d->node);
    g->n_dials++;
    p->stats.connects++;
    const struct weft_addr *from = g->target.bind_ip.family ? &g->target.bind_ip : NULL;
    d->xport = p->dial(p->dial_ud, p->loop, &g->target.addr, from, p->opt.connect_timeout_us);
    weft_xport_set_cb(d->xport, &dial_cb, d);
}

/* Over HTTP/2 connections that only end what they have begun make room for others. */
static bool may_dial(const struct weft_pool_group *g) {
    const struct weft_pool_options *o = &g->pool->opt;
    if (!g->target.h2) return g->n_dials + g->n_conns < o->max_h1_per_target;
    return g->n_conns - g->n_retired < o->max_h2_per_target && g->n_retired < MAX_RETIRED;
}

/* As many dials as there are waits without one (HTTP/1), or one at a time (HTTP/2). */
static void start_dials(struct weft_pool_group *g) {
    if (g->pool->freeing) return;
    uint32_t want = g->target.h2 && g->n_waits ? 1 : g->n_waits;
    while (g->n_dials < want && may_dial(g)) start_dial(g);
}

/* ---- the pool ---- */

/* Closed by a server that kept it long enough, which this loop was not told yet: a request written
 * to it would be lost, and one with a body is not sent twice. */
static bool is_stale(const struct weft_pool_group *g, const struct weft_client_conn *c) {
    if (g->target.h2 || weft_loop_now_us(g->pool->loop) - c->last_used_us < LOOK_AFTER_US)
        return false;
    return weft_xport_ended(c->link.xport);
}

static struct weft_client_conn *find_room(struct weft_pool_group *g, bool fresh) {
    weft_list_each(it, &g->conns) {
        struct weft_client_conn *c = WEFT_CONTAINER(it, struct weft_client_conn, node);
        if ((!fresh || c->served == 0) && weft_client_conn_room(c) > 0 && !is_stale(g, c)) return c;
    }
    return NULL;
}

struct weft_pool_wait *weft_pool_get(struct weft_pool *p, const struct weft_pool_target *t,
                                     bool fresh, weft_pool_fn cb, void *ud) {
    if (t->alpn && !p->tls) {
        cb(ud, WEFT_TLS, NULL, false);
        return NULL;
    }
    struct weft_pool_group *g = group_get(p, t);
    if (!g || p->stats.waiting >= MAX_WAITING) {
        cb(ud, WEFT_LIMIT, NULL, false);
        return NULL;
    }
    struct weft_client_conn *c = find_room(g, fresh);
    if (c) {
        cb(ud, WEFT_OK, c, c->served > 0);
        return NULL;
    }
    struct weft_pool_wait *w = weft_new0(struct weft_pool_wait);
    *w = (struct weft_pool_wait){.group = g, .fresh = fresh, .cb = cb, .ud = ud};
    weft_list_push(&g->waits, &w->node);
    g->n_waits++;
    p->stats.waiting++;
    start_dials(g);
    return w;
}

static void retire_group(struct weft_pool_group *g) {
    weft_list_each(it, &g->conns)
        weft_client_conn_retire(WEFT_CONTAINER(it, struct weft_client_conn, node));
}

void weft_pool_set_tls(struct weft_pool *p, struct weft_tls_ctx *ctx) {
    struct weft_tls_ctx *old = p->tls;
    p->tls = ctx ? weft_tls_ctx_ref(ctx) : NULL;
    weft_tls_ctx_unref(old);
    struct weft_pool_group *g, *tmp;
    HASH_ITER(hh, p->groups, g, tmp)
    if (g->target.alpn) retire_group(g);
}

void weft_pool_check(struct weft_pool *p, uint64_t write_us, uint64_t dead_us) {
    struct weft_pool_group *g, *tmp;
    HASH_ITER(hh, p->groups, g, tmp)
    weft_list_each(it, &g->conns) {
        weft_client_conn_check(WEFT_CONTAINER(it, struct weft_client_conn, node), write_us,
                               dead_us);
    }
}

uint64_t weft_pool_longest(struct weft_pool *p, struct weft_client_conn **ret) {
    struct weft_pool_group *g, *tmp;
    uint64_t most = 0;
    HASH_ITER(hh, p->groups, g, tmp)
    weft_list_each(it, &g->conns) {
        struct weft_client_conn *c = WEFT_CONTAINER(it, struct weft_client_conn, node);
        weft_link_count(&c->link);
        if (c->link.counted <= most) continue;
        most = c->link.counted;
        *ret = c;
    }
    return most;
}

void weft_pool_drain(struct weft_pool *p) {
    p->draining = true;
    struct weft_pool_group *g, *tmp;
    HASH_ITER(hh, p->groups, g, tmp) retire_group(g);
}

static void forget_group(struct weft_pool_group *g) {
    weft_list_each(it, &g->dials) {
        struct dial *d = WEFT_CONTAINER(it, struct dial, node);
        weft_xport_close(d->xport);
        dial_end(d);
    }
    while (!weft_list_empty(&g->waits))
        wait_answer(WEFT_CONTAINER(g->waits.next, struct weft_pool_wait, node), WEFT_CANCELED,
                    NULL);
    weft_list_each(it, &g->conns) {
        struct weft_client_conn *c = WEFT_CONTAINER(it, struct weft_client_conn, node);
        weft_list_remove(&c->node);
        c->group = NULL;
        c->on_room = c->on_gone = c->on_retired = NULL;
        weft_client_conn_close(c);
    }
}

struct weft_pool *weft_pool_free(struct weft_pool *p) {
    if (!p) return NULL;
    p->freeing = true;
    struct weft_pool_group *g, *tmp;
    HASH_ITER(hh, p->groups, g, tmp) {
        forget_group(g);
        HASH_DELETE(hh, p->groups, g);
        free(g->peer_id);
        free(g->key);
        free(g);
    }
    weft_tls_ctx_unref(p->tls);
    free(p);
    return NULL;
}

struct weft_pool_stats weft_pool_stats(const struct weft_pool *p) {
    return p->stats;
}

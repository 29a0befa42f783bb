/* SPDX-License-Identifier: Apache-2.0
 * The stages of an accepted connection that both directions share: made, sniffed, serving, closed.
 * It is freed when it is closed and its last exchange has let go of it. */
#include <sidecar/conn.h>

#include <sidecar/limits.h>
#include <sidecar/stream.h>
#include <weft/base/alloc.h>
#include <weft/base/keep.h>
#include <weft/obs/log.h>

enum {
    MAX_FIRST = 16 * 1024,
    UNDECIDED_US = 1000000,
    HELLO_US = 10000000, /* as long as a peer's silence is waited for */
    LATE_US = 1000000,   /* of who has just come when the proxy drains, for his first byte */
    TLS_HANDSHAKE = 22,
};

struct proxy_conn *proxy_conn_new(struct proxy_worker *w, struct weft_xport *x,
                                  enum proxy_dir dir) {
    struct proxy_conn *c = weft_keep_new0(struct proxy_conn);
    WEFT_OBJ_INIT(proxy_conn, c);
    c->refs = 1;
    c->w = w;
    c->x = x;
    c->dir = dir;
    c->phase = "lookup";
    c->busy = true;
    c->client = weft_xport_info(x)->peer;
    c->started_us = weft_loop_now_us(w->loop);
    weft_list_init(&c->park.link);
    weft_buf_init(&c->first, MAX_FIRST);
    weft_timer_init(&c->timer, w->loop, NULL, c);
    weft_list_push(&w->conns, &c->link);
    w->n_busy_conns++;
    w->n_conns++;
    weft_gauge_add(w->stats.open[dir], 1);
    return c;
}

struct proxy_series *proxy_conn_series(struct proxy_conn *c) {
    if (c->dir == PROXY_INBOUND) return proxy_inbound_series(c->w, c->dst.port);
    struct proxy_bound *b = c->fixed ? c->fixed : c->dest ? c->dest->cur : NULL;
    bool ours = b && b->bound->dest->kind != WEFT_DEST_NONE;
    return ours ? proxy_bound_series(b, -1, c->fixed ? 0 : -1) : c->w->foreign;
}

void proxy_conn_ref(struct proxy_conn *c) {
    c->refs++;
}

void proxy_conn_unref(struct proxy_conn *c) {
    if (--c->refs) return;
    weft_buf_done(&c->first);
    proxy_dest_unref(c->dest);
    proxy_bound_unref(c->fixed);
    free((char *)(uintptr_t)c->peer_id.base);
    free(c->server_name);
    WEFT_OBJ_DONE(c);
    weft_keep_drop(c);
}

static void set_busy(struct proxy_conn *c, bool busy) {
    if (c->busy == busy) return;
    c->busy = busy;
    if (busy)
        c->w->n_busy_conns++;
    else
        c->w->n_busy_conns--;
}

/* The last event of the connection. */
static void gone(struct proxy_conn *c) {
    if (c->closed) return;
    c->closed = true;
    weft_timer_stop(&c->timer);
    if (c->dest) proxy_dest_unpark(c->dest, &c->park);
    weft_list_remove(&c->link);
    set_busy(c, false);
    c->w->n_conns--;
    weft_gauge_add(c->w->stats.open[c->dir], -1);
    struct proxy_worker *w = c->w;
    proxy_conn_unref(c);
    proxy_worker_ended(w);
}

void proxy_conn_close(struct proxy_conn *c) {
    if (c->closed) return;
    if (c->server) {
        weft_server_conn_close(c->server); /* on_closed follows */
        return;
    }
    if (c->relay) {
        weft_relay_close(c->relay); /* its end follows */
        return;
    }
    proxy_opaque_close(c);
    if (c->x) weft_xport_close(c->x);
    c->x = NULL;
    gone(c);
}

static void log_refused(struct proxy_conn *c, enum weft_reason why) {
    struct proxy_log *log = &c->w->log;
    if (!proxy_log_wants(log, 0, PROXY_GRPC_NOT, why)) return;
    char dst[WEFT_ADDR_STR];
    weft_addr_format(&c->dst, dst);
    struct proxy_log_line line = {
        .labels = proxy_series_labels(proxy_conn_series(c)),
        .protocol = "refused",
        .grpc_status = PROXY_GRPC_NOT,
        .authority = weft_slice_str(dst),
        .sni = weft_slice_str(c->server_name),
        .reason = why,
        .client = &c->client,
        .duration_us = weft_loop_now_us(c->w->loop) - c->started_us,
    };
    proxy_log_write(log, &line);
}

void proxy_conn_refuse(struct proxy_conn *c, enum weft_reason why) {
    if (c->closed) return;
    proxy_stats_count(&c->w->stats, PROXY_METRIC_REFUSED, proxy_dir_name(c->dir),
                      weft_reason_word(why));
    proxy_series_add(proxy_conn_series(c), PROXY_SERIES_CONN_REFUSED, 1);
    log_refused(c, why);
    if (c->x && !c->server && !c->relay) {
        weft_xport_abort(c->x);
        c->x = NULL;
    }
    proxy_conn_close(c);
}

void proxy_conn_hush(struct proxy_conn *c) {
    static const struct weft_xport_cb none = {0};
    weft_xport_set_cb(c->x, &none, NULL);
}

/* ---- sniffing ---- */

static void sniffed(struct proxy_conn *c, enum weft_sniff what, struct weft_slice bytes) {
    weft_timer_stop(&c->timer);
    weft_xport_read_stop(c->x);
    proxy_conn_hush(c);
    set_busy(c, true); /* what is not served as HTTP is in flight */
    if (what == WEFT_SNIFF_TLS) proxy_server_name_note(c, bytes);
    weft_xport_unread(c->x, bytes);
    c->on_sniffed(c, what);
}

/* Whole, or never to be read: a peer's comes in one record. */
static bool hello_complete(const struct proxy_conn *c) {
    struct weft_client_hello hello;
    struct weft_slice first = weft_buf_slice(&c->first);
    return weft_sniff_record_whole(first) || first.len >= MAX_FIRST ||
           weft_sniff_client_hello(first, &hello);
}

/* The usual case: the first read tells, and nobody asks for its bytes again but who reads next. */
static bool decided_at_once(struct proxy_conn *c, struct weft_slice data) {
    if (c->want_hello || weft_buf_size(&c->first) || data.len >= MAX_FIRST) return false;
    enum weft_sniff what = weft_sniff(data);
    if (what == WEFT_SNIFF_MORE) return false;
    sniffed(c, what, data);
    return true;
}

/* Something came: an undecided beginning gets more time than silence does, also where silence is
 * not waited for (0); half a ClientHello most of all, as taking it for an app's would fail a peer.
 * Once: drops would keep the connection for hours. */
static uint64_t time_for_rest(const struct proxy_conn *c) {
    uint64_t us = 10 * c->w->opt->detect_timeout_us;
    if (c->want_hello && weft_buf_slice(&c->first).base[0] == TLS_HANDSHAKE) return HELLO_US;
    return us ? us : UNDECIDED_US;
}

static void on_first_bytes(void *ud, struct weft_slice data) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, ud);
    if (decided_at_once(c, data)) return;
    size_t room = MAX_FIRST - weft_buf_size(&c->first);
    bool full = data.len > room, begun = weft_buf_size(&c->first) > 0;
    weft_buf_append(&c->first, weft_slice_head(data, room));
    enum weft_sniff what = weft_sniff(weft_buf_slice(&c->first));
    if (c->late_hello && data.base[0] != TLS_HANDSHAKE && !begun) what = WEFT_SNIFF_OPAQUE;
    if (what == WEFT_SNIFF_TLS && c->want_hello && !hello_complete(c)) what = WEFT_SNIFF_MORE;
    if (full && what == WEFT_SNIFF_MORE) what = WEFT_SNIFF_OPAQUE;
    if (what == WEFT_SNIFF_MORE) {
        if (!begun) weft_timer_start(&c->timer, time_for_rest(c));
        return;
    }
    if (!full) {
        sniffed(c, what, weft_buf_slice(&c->first));
        return;
    }
    weft_xport_read_stop(c->x); /* give back in order: what did not fit comes second */
    weft_timer_stop(&c->timer);
    proxy_conn_hush(c);
    set_busy(c, true);
    weft_xport_unread(c->x, weft_slice_from(data, room));
    weft_xport_unread(c->x, weft_buf_slice(&c->first));
    c->on_sniffed(c, what);
}

static void sniffed_late(struct proxy_conn *c) {
    struct weft_slice bytes = weft_buf_slice(&c->first);
    sniffed(c, weft_sniff_stalled(bytes), bytes);
}

void proxy_conn_sniff_end(struct proxy_conn *c) {
    sniffed(c, WEFT_SNIFF_OPAQUE, weft_buf_slice(&c->first));
}

/* Nothing more will come: what came is judged as it is, and the end goes on behind it. */
static void on_first_end(void *ud) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, ud);
    if (weft_buf_size(&c->first) || c->late_hello)
        sniffed_late(c);
    else
        proxy_conn_close(c);
}
static void on_first_error(void *ud, enum weft_status st) {
    proxy_conn_close(WEFT_CAST(proxy_conn, ud));
}
static const struct weft_xport_cb first_cb = {
    .on_read = on_first_bytes, .on_eof = on_first_end, .on_error = on_first_error};

static void on_silence(void *arg) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, arg);
    sniffed_late(c);
}
static void close_idle(struct proxy_conn *c) {
    if (!c->w->draining) proxy_limits_hit(c->w, c->dir, WEFT_CAP_IDLE_TIMEOUT);
    proxy_conn_close(c);
}
static void on_idle(void *arg) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, arg);
    if (weft_buf_size(&c->first))
        on_silence(c); /* from here on the head's own timeout counts */
    else
        close_idle(c);
}

void proxy_conn_sniff(struct proxy_conn *c, uint64_t timeout_us,
                      void (*fn)(struct proxy_conn *c, enum weft_sniff what)) {
    c->phase = "sniff";
    c->on_sniffed = fn;
    c->timer.fn = timeout_us && !c->late_hello ? on_silence : on_idle;
    if (!timeout_us && !c->late_hello) {
        set_busy(c, c->w->draining); /* it may stay silent: not in flight */
        timeout_us = c->w->draining ? LATE_US : c->w->opt->caller_idle_timeout_us;
    }
    if (timeout_us) weft_timer_start(&c->timer, timeout_us);
    weft_xport_set_cb(c->x, &first_cb, c);
    weft_xport_read_start(c->x);
}

/* ---- the drain ---- */

/* A caller who is silent as yet: his first request may be on its way. */
static void drain_silent(struct proxy_conn *c) {
    uint64_t age = weft_loop_now_us(c->w->loop) - c->started_us;
    bool begun = weft_buf_size(&c->first) || weft_xport_waiting(c->x);
    if (!begun && age >= LATE_US) {
        proxy_conn_close(c);
        return;
    }
    set_busy(c, true);
    if (!begun) weft_timer_start(&c->timer, LATE_US - age);
}

void proxy_conn_drain(struct proxy_conn *c) {
    if (!weft_list_empty(&c->park.link))
        proxy_conn_close(c);
    else if (c->server && !weft_server_conn_asked(c->server)) /* else with the answer */
        weft_server_conn_drain(c->server);
    else if (!c->server && !c->busy)
        drain_silent(c);
}

/* ---- serving ---- */

static void on_request(void *ud, struct weft_server_conn *sc, struct weft_stream *s,
                       struct weft_head *head, bool end) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, ud);
    if (c->w->draining) weft_server_conn_drain(sc);
    set_busy(c, false); /* from here on its exchanges are counted */
    if (head->refused == WEFT_REASON_NONE && !proxy_limits_admit_request(c))
        head->refused = WEFT_REASON_OVERLOAD;
    proxy_exchange_start(c, s, head, end);
}

static void on_closed(void *ud, struct weft_server_conn *sc) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, ud);
    c->server = NULL;
    gone(c);
}

static void on_limit(void *ud, struct weft_server_conn *sc, enum weft_cap cap) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, ud);
    proxy_limits_hit(c->w, c->dir, cap);
}

static const struct weft_server_cb server_cb = {
    .on_request = on_request, .on_limit = on_limit, .on_closed = on_closed};

void proxy_conn_serve(struct proxy_conn *c, bool h2) {
    struct weft_server_options opt = {.h2 = h2};
    proxy_limits_of_conn(c, &opt);
    c->phase = "http";
    set_busy(c, c->w->draining); /* who came so late has something to ask */
    weft_buf_done(&c->first);
    weft_buf_init(&c->first, 0);
    proxy_series_add(proxy_conn_series(c), h2 ? PROXY_SERIES_CONN_H2 : PROXY_SERIES_CONN_H1, 1);
    struct weft_xport *x = c->x;
    c->x = NULL;
    c->server = weft_server_conn_new(x, &opt, &server_cb, c);
}

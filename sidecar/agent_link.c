/* SPDX-License-Identifier: Apache-2.0 */
#include <sidecar/agent_link.h>
#include <weft/base/alloc.h>
#include <weft/obs/log.h>

#define RESOLVE_US   (5 * UINT64_C(1000000))
#define CONNECT_US   (3 * UINT64_C(1000000))
#define HANDSHAKE_US (5 * UINT64_C(1000000))
#define PING_US      (10 * UINT64_C(1000000))
#define DEAD_US      (20 * UINT64_C(1000000)) /* a partition is silent: nothing else would end it */

struct agent_link {
    struct agent_link_cb cb; /* zeroed by close */
    struct weft_tls_ctx *tls;
    char *server_name, *server_id;
    bool securing;
    struct weft_loop *loop;
    struct weft_resolve *resolve;  /* first */
    struct weft_xport *xport;      /* until the connection is up */
    struct weft_client_conn *conn; /* then */
};

static void link_free(struct agent_link *l) {
    weft_tls_ctx_unref(l->tls);
    free(l->server_name);
    free(l->server_id);
    free(l);
}

static void down(struct agent_link *l, enum weft_status st) {
    struct agent_link_cb cb = l->cb;
    weft_resolve_cancel(l->resolve);
    if (l->xport) weft_xport_close(l->xport);
    link_free(l);
    if (cb.on_down) cb.on_down(cb.ud, st);
}

static void on_conn_closed(void *ud) {
    down(ud, WEFT_CLOSED);
}

static const struct weft_xport_cb xport_cb;

static void secure(struct agent_link *l) {
    l->securing = true;
    l->xport = weft_xport_tls_client(l->xport, l->tls, weft_slice_str(l->server_id), "h2",
                                     l->server_name, HANDSHAKE_US);
    weft_xport_set_cb(l->xport, &xport_cb, l);
}

static void up(struct agent_link *l) {
    struct weft_codec_limits limits = weft_codec_limits_default();
    l->conn = weft_client_conn_new(weft_take(&l->xport), true, &limits, on_conn_closed, l);
    weft_client_conn_keepalive(l->conn, PING_US, DEAD_US);
    l->cb.on_up(l->cb.ud, l->conn);
}

static void on_open(void *ud, enum weft_status st) {
    struct agent_link *l = ud;
    if (st != WEFT_OK)
        down(l, st);
    else if (!l->securing)
        secure(l);
    else
        up(l);
}
static void on_error(void *ud, enum weft_status st) {
    down(ud, st);
}
static void on_eof(void *ud) {
    down(ud, WEFT_RESET);
}

static const struct weft_xport_cb xport_cb = {
    .on_open = on_open, .on_error = on_error, .on_eof = on_eof};

/* Any of the addresses: behind a name stand replicas, and the next attempt looks again. */
static void on_resolved(void *ud, enum weft_status st, const struct weft_addr *addrs, size_t n) {
    struct agent_link *l = ud;
    l->resolve = NULL;
    if (st != WEFT_OK) {
        down(l, st);
        return;
    }
    struct weft_rng rng;
    weft_rng_seed_system(&rng);
    l->xport =
        weft_xport_dial(l->loop, &addrs[weft_rng_below(&rng, (uint32_t)n)], NULL, CONNECT_US);
    weft_xport_set_cb(l->xport, &xport_cb, l);
}

struct agent_link *agent_link_open(struct weft_loop *loop, const struct agent_link_options *opt,
                                   const struct agent_link_cb *cb) {
    static const char *const alpns[] = {"h2", NULL};
    struct weft_error err = {0};
    struct weft_tls_ctx *tls = NULL;
    if (weft_tls_ctx_new(WEFT_TLS_CONTROL_CLIENT, opt->identity, alpns, &tls, &err) != WEFT_OK) {
        weft_error("agent", "no TLS towards the controller: %s", err.message);
        return NULL;
    }
    struct agent_link *l = weft_new0(struct agent_link);
    l->cb = *cb;
    l->tls = tls;
    l->server_name = weft_strdup(opt->server_name);
    l->server_id = weft_slice_dup(opt->server_id);
    l->loop = loop;
    l->resolve = weft_resolve_start(loop, opt->host, opt->port, RESOLVE_US, on_resolved, l);
    return l;
}

void agent_link_close(struct agent_link *l) {
    if (!l) return;
    l->cb = (struct agent_link_cb){0};
    if (l->conn)
        weft_client_conn_close(l->conn); /* on_conn_closed follows */
    else
        down(l, WEFT_CANCELED);
}

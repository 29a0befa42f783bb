/* SPDX-License-Identifier: Apache-2.0
 * The test world: loop, workers, dials, time, log and metrics. */
#include "support/world_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <weft/net/tls.h>

enum { TURNS = 2000 };

void world_settle(struct world *w) {
    for (int i = 0; i < TURNS; i++)
        if (!weft_loop_turn(w->loop)) return;
    fail_msg("the loop does not come to rest");
}

void world_advance(struct world *w, uint64_t ms) {
    weft_loop_advance(w->loop, ms * 1000);
    world_settle(w);
}

static void set_addrs(struct weft_xport *x, const char *local, const char *peer, const char *dst) {
    struct weft_addr l, p, d;
    assert_true(weft_addr_parse(weft_slice_str(local), &l));
    assert_true(weft_addr_parse(weft_slice_str(peer), &p));
    assert_true(weft_addr_parse(weft_slice_str(dst), &d));
    weft_xport_pipe_addrs(x, &l, &p, &d);
}

struct weft_xport *world_pipe(struct world *w, const char *dst, struct weft_xport **ret_server) {
    struct weft_xport *client;
    weft_xport_pipe(w->loop, &client, ret_server);
    set_addrs(*ret_server, "127.0.0.1:15001", "10.0.9.1:40000", dst);
    return client;
}

/* ---- dials ---- */

static struct weft_xport *dial(void *ud, struct weft_loop *l, const struct weft_addr *to,
                               const struct weft_addr *bind_ip, uint64_t timeout_us) {
    struct world *w = ud;
    struct weft_xport *near, *far;
    for (int i = 0; i < w->n_apps; i++) {
        struct app *a = &w->apps[i];
        if (!weft_addr_eq(&a->addr, to)) continue;
        if (a->mode == APP_REFUSE) {
            a->dials++;
            return weft_xport_pipe_dialed(l, WEFT_REFUSED, timeout_us, &far);
        }
        if (a->mode == APP_MUTE) {
            a->dials++;
            return weft_xport_pipe_dialed(l, WEFT_AGAIN, timeout_us, &far);
        }
        near = weft_xport_pipe_dialed(l, WEFT_OK, timeout_us, &far);
        char text[WEFT_ADDR_STR];
        weft_addr_format(to, text);
        set_addrs(far, text, "10.0.9.1:40001", text);
        world_app_accept(a, far);
        return near;
    }
    return weft_xport_pipe_dialed(l, WEFT_UNREACHABLE, timeout_us, &far);
}

/* The pod's own loopback behind a peer's sidecar is the app at the same address. */
static struct weft_xport *dial_app(void *ud, struct weft_loop *l, const struct weft_addr *to,
                                   const struct weft_addr *bind_ip, uint64_t timeout_us) {
    struct weft_addr local = *to;
    local.ip[0] = 127; /* world_app(w, "127.0.0.1:8080") is the app of 10.0.0.1:8080 */
    return dial(ud, l, &local, bind_ip, timeout_us);
}

/* ---- set-up ---- */

static void on_bound(void *ud, const struct weft_addr *addr, struct weft_bound *b) {
    struct world *w = ud;
    proxy_dests_put(&w->proxy->dests, addr, b);
}
static void on_inbound(void *ud, const struct weft_inbound *i) {}
static void on_trust(void *ud, const struct weft_trust *t) {}

static void on_want(void *ud, struct proxy_worker *worker, const struct weft_addr *addr) {
    struct world *w = ud;
    if (w->n_wanted < (int)WEFT_LEN(w->wanted)) w->wanted[w->n_wanted++] = *addr;
}
static void on_drained(void *ud, struct proxy_worker *worker) {
    ((struct world *)ud)->drained = true;
}

static struct proxy_worker *make_worker(struct world *w, struct proxy_options *opt) {
    struct proxy_worker_hooks hooks = {.ud = w, .want = on_want, .drained = on_drained};
    return proxy_worker_new(w->loop, 0, opt, &hooks, w->log_fd);
}

static void make_options(struct proxy_options *o, bool on_demand) {
    proxy_options_default(o);
    o->snapshot = on_demand ? NULL : "test";
    o->outbound_port = 15001;
    o->inbound_port = 15006;
    o->access_log = PROXY_LOG_ALL;
}

static int setup(void **state, bool on_demand) {
    struct world *w = weft_new0(struct world);
    struct proxy_config_cb cb = {w, on_bound, on_inbound, on_trust};
    w->loop = weft_loop_new_fake();
    make_options(&w->opt, on_demand);
    w->log_fd = memfd_create("access-log", MFD_CLOEXEC);
    w->proxy = make_worker(w, &w->opt);
    proxy_worker_set_dial(w->proxy, dial, w);
    w->config = proxy_config_new(&cb);
    weft_buf_init(&w->yaml, 0);
    weft_buf_init(&w->ca_key, 0);
    weft_buf_init(&w->ca_cert, 0);
    *state = w;
    return 0;
}

int world_setup(void **state) {
    return setup(state, false);
}
int world_setup_on_demand(void **state) {
    return setup(state, true);
}

int world_teardown(void **state) {
    struct world *w = *state;
    world_clients_close(w);
    world_settle(w);
    bool leak = w->proxy->n_exchanges || (w->peer && w->peer->n_exchanges);
    proxy_worker_free(w->proxy);
    proxy_worker_free(w->peer);
    for (int i = 0; i < w->n_apps; i++) world_app_close(&w->apps[i]);
    world_settle(w);
    for (int i = 0; i < w->n_apps; i++) world_app_done(&w->apps[i]);
    world_clients_done(w);
    proxy_config_free(w->config);
    weft_loop_free(w->loop);
    weft_buf_done(&w->yaml);
    weft_buf_done(&w->ca_key);
    weft_buf_done(&w->ca_cert);
    free(w->log_text);
    close(w->log_fd);
    free(w);
    if (leak) print_error("requests are left over\n");
    return leak ? -1 : 0;
}

/* ---- mutual TLS ---- */

static struct weft_slice pem(struct weft_buf *b) {
    return weft_buf_slice(b);
}

static void make_ca(struct world *w) {
    struct weft_error err = {0};
    int64_t now = (int64_t)(weft_clock_unix_us() / 1000000);
    if (weft_buf_size(&w->ca_key)) return;
    assert_int_equal(weft_pki_key(&w->ca_key), WEFT_OK);
    assert_int_equal(weft_pki_root(pem(&w->ca_key), WEFT_SLICE_LIT("cluster.local"), now, 86400,
                                   &w->ca_cert, &err),
                     WEFT_OK);
}

void world_identity(struct world *w, struct proxy_worker *worker, const char *sa) {
    struct weft_error err = {0};
    struct weft_buf key, csr, chain;
    struct weft_identity *id;
    int64_t now = (int64_t)(weft_clock_unix_us() / 1000000);
    make_ca(w);
    weft_buf_init(&key, 0);
    weft_buf_init(&csr, 0);
    weft_buf_init(&chain, 0);
    WEFT_FREE char *name = weft_asprintf("spiffe://cluster.local/ns/default/sa/%s", sa);
    struct weft_slice spiffe = weft_slice_str(name);
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_csr(pem(&key), spiffe, &csr, &err), WEFT_OK);
    assert_int_equal(weft_pki_sign(pem(&w->ca_key), pem(&w->ca_cert), pem(&csr), spiffe, NULL, now,
                                   3600, &chain, &err),
                     WEFT_OK);
    assert_int_equal(
        weft_identity_new(pem(&key), pem(&chain), pem(&w->ca_cert), NULL, 0, now, &id, &err),
        WEFT_OK);
    assert_int_equal(proxy_worker_set_identity(worker, id, &err), WEFT_OK);
    weft_identity_unref(id);
    weft_buf_done(&key);
    weft_buf_done(&csr);
    weft_buf_done(&chain);
}

void world_peer(struct world *w, const char *ip, bool strict) {
    if (!w->peer) {
        make_options(&w->peer_opt, false);
        w->peer_opt.strict = strict;
        w->peer = make_worker(w, &w->peer_opt);
        proxy_worker_set_dial(w->peer, dial_app, w);
        world_identity(w, w->proxy, "client");
        world_identity(w, w->peer, "server");
    }
    WEFT_FREE char *at = weft_asprintf("%s:8080", ip);
    struct app *a = world_app(w, at);
    a->mode = APP_PROXY;
    a->proxy = w->peer;
}

/* ---- what can be seen ---- */

const char *world_log(struct world *w) {
    world_advance(w, 200);
    off_t n = lseek(w->log_fd, 0, SEEK_END);
    free(w->log_text);
    w->log_text = weft_alloc0((size_t)n + 1);
    assert_int_equal(pread(w->log_fd, w->log_text, (size_t)n, 0), n);
    assert_int_equal(ftruncate(w->log_fd, 0), 0);
    lseek(w->log_fd, 0, SEEK_SET);
    return w->log_text;
}

uint64_t world_metric(struct world *w, const char *line_prefix) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    weft_metrics_text(&w->proxy->stats.set, 1, &b);
    weft_buf_char(&b, 0);
    const char *text = weft_buf_slice(&b).base, *at = text;
    uint64_t sum = 0;
    while ((at = strstr(at, line_prefix))) {
        const char *value = strchr(at, ' '), *line_end = strchr(at, '\n');
        if ((at == text || at[-1] == '\n') && value && value < line_end)
            sum += strtoull(value, NULL, 10);
        at = line_end;
    }
    weft_buf_done(&b);
    return sum;
}

/* SPDX-License-Identifier: Apache-2.0
 * The controller's port without sockets: how long who may stay, and what an expired certificate is
 * still good for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <controller/ca.h>
#include <controller/server.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/conn/grpc_call.h>
#include <weft/obs/log.h>
#include <weft/xds/ads.h>
#include <weft/xds/sign.h>

#define LIT(s) WEFT_SLICE_LIT(s)
#define MINUTE (60 * UINT64_C(1000000))

struct world {
    char dir[64];
    struct weft_loop *loop;
    struct controller_ca *ca;
    struct controller_metrics metrics;
    struct controller_sign sign;
    struct controller_discovery *discovery;
    struct controller_server *server;
    struct weft_identity *id;
    /* the caller */
    struct weft_xport *x;
    struct weft_client_conn *conn;
    struct weft_grpc_call *call;
    bool up, down;
    uint32_t status;
    /* a Sign method without a server around it */
    struct weft_server_conn *plain;
    struct weft_xport_info peer;
};

static int64_t now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

static void turns(struct world *w) {
    while (weft_loop_turn(w->loop)) {
    }
}

/* === setting up === */

static void open_server(struct world *w) {
    struct weft_error err = {0};
    struct controller_server_options o = {.name = "weft-controller",
                                          .write_timeout_us = 20 * MINUTE / 60};
    assert_true(weft_addr_parse(LIT("127.0.0.1:0"), &o.listen));
    w->discovery = controller_discovery_new(w->loop, "cluster.local", &w->metrics);
    assert_int_equal(controller_server_new(w->loop, &o, &w->sign, w->discovery, &w->server, &err),
                     WEFT_OK);
}

static int setup(void **state) {
    static struct world world;
    struct world *w = &world;
    *w = (struct world){.status = UINT32_MAX};
    snprintf(w->dir, sizeof w->dir, "/tmp/weft-server-XXXXXX");
    if (!mkdtemp(w->dir)) return 1;
    w->loop = weft_loop_new_fake();
    controller_metrics_init(&w->metrics);
    char ca[80];
    snprintf(ca, sizeof ca, "%s/ca", w->dir);
    struct weft_error err = {0};
    const struct controller_ca_options o = {
        .dir = ca, .trust_domain = "cluster.local", .max_ttl_s = 24 * 3600};
    assert_int_equal(controller_ca_new(&o, now(), &w->ca, &err), WEFT_OK);
    w->sign = (struct controller_sign){.ca = w->ca, .metrics = &w->metrics};
    assert_int_equal(controller_ca_serving(w->ca, "x", now(), &w->id, &err), WEFT_OK);
    *state = w;
    return 0;
}

static int remove_one(const char *path, const struct stat *s, int flag, struct FTW *f) {
    (void)s;
    (void)flag;
    (void)f;
    return remove(path);
}

static int teardown(void **state) {
    struct world *w = *state;
    w->call = weft_grpc_call_free(w->call);
    if (w->conn && !w->down) weft_client_conn_close(w->conn);
    turns(w);
    if (w->plain) weft_server_conn_close(w->plain);
    controller_discovery_free(w->discovery);
    controller_server_close(w->server);
    turns(w);
    weft_identity_unref(w->id);
    controller_ca_free(w->ca);
    controller_metrics_done(&w->metrics);
    weft_loop_free(w->loop);
    return nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* === a caller over TLS === */

static void on_down(void *ud) {
    ((struct world *)ud)->down = true;
}

static void on_open(void *ud, enum weft_status st) {
    struct world *w = ud;
    assert_int_equal(st, WEFT_OK);
    w->up = true;
}
static const struct weft_xport_cb xport_cb = {.on_open = on_open};

static void open_as(struct world *w, struct weft_identity *id) {
    static const char *const alpns[] = {"h2", NULL};
    struct weft_error err = {0};
    struct weft_tls_ctx *tls = NULL;
    struct weft_xport *a, *b;
    assert_int_equal(weft_tls_ctx_new(WEFT_TLS_CONTROL_CLIENT, id, alpns, &tls, &err), WEFT_OK);
    weft_xport_pipe(w->loop, &a, &b);
    w->x = weft_xport_tls_client(a, tls, WEFT_SLICE_EMPTY, "h2", NULL, 0);
    weft_xport_set_cb(w->x, &xport_cb, w);
    weft_tls_ctx_unref(tls);
    controller_server_adopt(w->server, b);
    turns(w);
    assert_true(w->up);
}

static void connect_as(struct world *w, struct weft_identity *id) {
    struct weft_codec_limits limits = weft_codec_limits_default();
    open_as(w, id);
    w->conn = weft_client_conn_new(w->x, true, &limits, on_down, w);
}

static void on_end(void *ud, uint32_t status, struct weft_slice text) {
    struct world *w = ud;
    (void)text;
    w->status = status;
    w->call = weft_grpc_call_free(w->call);
}
static void on_message(void *ud, struct weft_slice message) {
    (void)ud;
    (void)message;
}
static const struct weft_grpc_cb grpc_cb = {.on_message = on_message, .on_end = on_end};

static void begin(struct world *w, const char *path) {
    w->call = weft_grpc_call_new(w->conn,
                                 &(struct weft_grpc_request){.authority = LIT("weft-controller"),
                                                             .path = weft_slice_str(path),
                                                             .max_message = 1 << 20},
                                 &grpc_cb, w);
    assert_non_null(w->call);
    turns(w);
}

/* Whoever has proved nothing cannot hold one of the limited places by asking slowly. */
static void test_a_stranger_who_never_asks_is_sent_away(void **state) {
    struct world *w = *state;
    struct weft_identity *trust = NULL;
    struct weft_error err = {0};
    open_server(w);
    assert_int_equal(weft_identity_trust_only(controller_ca_bundle(w->ca), &trust, &err), WEFT_OK);
    connect_as(w, trust);
    weft_identity_unref(trust);
    begin(w, WEFT_SIGN_PATH); /* and then nothing */
    weft_loop_advance(w->loop, 20 * MINUTE / 60);
    turns(w);
    assert_false(w->down);
    weft_loop_advance(w->loop, MINUTE);
    turns(w);
    assert_true(w->down);
}

/* Nor by leaving the request open after it was refused. */
static void test_a_refused_call_does_not_keep_a_stranger(void **state) {
    struct world *w = *state;
    struct weft_identity *trust = NULL;
    struct weft_error err = {0};
    open_server(w);
    assert_int_equal(weft_identity_trust_only(controller_ca_bundle(w->ca), &trust, &err), WEFT_OK);
    connect_as(w, trust);
    weft_identity_unref(trust);
    begin(w, WEFT_ADS_PATH);
    assert_int_equal(w->status, WEFT_GRPC_UNAUTHENTICATED);
    weft_loop_advance(w->loop, 2 * MINUTE);
    turns(w);
    assert_true(w->down);
}

static void test_who_has_a_certificate_stays(void **state) {
    struct world *w = *state;
    open_server(w);
    connect_as(w, w->id);
    begin(w, WEFT_ADS_PATH);
    weft_loop_advance(w->loop, 30 * MINUTE);
    turns(w);
    assert_false(w->down);
    assert_int_equal(w->status, UINT32_MAX);
    weft_loop_advance(w->loop, 24 * 60 * MINUTE); /* until it has expired */
    turns(w);
    assert_true(w->down);
}

static unsigned cut(const struct world *w) {
    static const char series[] = "\nweft_controller_limits_hit_total{limit=\"write_timeout\"} ";
    struct weft_buf text;
    weft_buf_init(&text, 0);
    controller_metrics_text(&w->metrics, &text);
    weft_buf_char(&text, 0);
    const char *at = strstr(text.base, series);
    unsigned n = at ? (unsigned)strtoul(at + strlen(series), NULL, 10) : 0;
    weft_buf_done(&text);
    return n;
}

static void pass(struct world *w, int seconds) {
    while (seconds--) {
        weft_loop_advance(w->loop, 1000000);
        turns(w);
    }
}

/* What it is sent would be kept for it, and so would its place, until its certificate ends. */
static void test_a_proxy_that_takes_nothing_is_cut(void **state) {
    static const char hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    struct world *w = *state;
    open_server(w);
    open_as(w, w->id);
    weft_xport_write(w->x, weft_slice(hello, sizeof hello - 1)); /* SETTINGS want an answer */
    turns(w);
    pass(w, 19);
    assert_int_equal(cut(w), 0);
    pass(w, 3);
    assert_int_equal(cut(w), 1);
    weft_xport_close(w->x);
}

/* Nothing is queued for who is silent because nothing changes. */
static void test_a_proxy_that_takes_all_is_not_cut(void **state) {
    struct world *w = *state;
    open_server(w);
    connect_as(w, w->id);
    begin(w, WEFT_ADS_PATH);
    pass(w, 60);
    assert_int_equal(cut(w), 0);
    assert_false(w->down);
}

/* === renewing === */

static void serve_sign(void *ud, struct weft_server_conn *c, struct weft_stream *s,
                       struct weft_head *head, bool end) {
    struct world *w = ud;
    (void)c;
    controller_sign_serve(&w->sign, s, head, end, &w->peer);
}
static void on_plain_closed(void *ud, struct weft_server_conn *c) {
    (void)c;
    ((struct world *)ud)->plain = NULL;
}
static const struct weft_server_cb plain_cb = {.on_request = serve_sign,
                                               .on_closed = on_plain_closed};

static uint32_t renew_at(struct world *w, int64_t not_after) {
    struct weft_xport *a, *b;
    struct weft_codec_limits limits = weft_codec_limits_default();
    weft_xport_pipe(w->loop, &a, &b);
    w->peer = (struct weft_xport_info){.peer_id = LIT("spiffe://cluster.local/ns/shop/sa/web"),
                                       .peer_not_after = not_after};
    w->plain = weft_server_conn_new(b, &(struct weft_server_options){.h2 = true, .limits = limits},
                                    &plain_cb, w);
    w->conn = weft_client_conn_new(a, true, &limits, on_down, w);
    begin(w, WEFT_SIGN_PATH);
    struct weft_buf key = {0}, csr = {0}, out = {0};
    struct weft_error err = {0};
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_csr(weft_buf_slice(&key), w->peer.peer_id, &csr, &err), WEFT_OK);
    weft_sign_request_encode(&(struct weft_sign_request){.csr_pem = weft_buf_slice(&csr)}, &out);
    (void)weft_grpc_call_send(w->call, weft_buf_slice(&out));
    weft_grpc_call_half_close(w->call);
    turns(w);
    weft_buf_done(&key);
    weft_buf_done(&csr);
    weft_buf_done(&out);
    return w->status;
}

static void test_a_certificate_renews_itself(void **state) {
    assert_int_equal(renew_at(*state, now() + 3600), WEFT_GRPC_OK);
}

/* The connection may be older than the certificate's end. */
static void test_an_expired_certificate_does_not(void **state) {
    assert_int_equal(renew_at(*state, now() - 1), WEFT_GRPC_UNAUTHENTICATED);
}

int main(void) {
    (void)weft_log_set_level("error");
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_a_stranger_who_never_asks_is_sent_away),
        T(test_a_refused_call_does_not_keep_a_stranger),
        T(test_who_has_a_certificate_stays),
        T(test_a_proxy_that_takes_nothing_is_cut),
        T(test_a_proxy_that_takes_all_is_not_cut),
        T(test_a_certificate_renews_itself),
        T(test_an_expired_certificate_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

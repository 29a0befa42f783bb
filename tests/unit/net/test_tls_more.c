/* SPDX-License-Identifier: Apache-2.0
 * What a handshake must insist on even when the other side does not: TLS 1.3, a common protocol, a
 * chain to the bundle. */
#include "pki_test.h"

#include <malloc.h>

struct world {
    struct weft_loop *l;
    struct ca ca;
    struct weft_identity *client_id, *server_id;
    struct weft_tls_ctx *client_ctx, *server_ctx;
    struct weft_xport *near, *far;
    struct peer client, server;
};

static void world_init(struct world *w, const char *const *server_alpns) {
    *w = (struct world){.l = weft_loop_new_fake()};
    ca_make(&w->ca, "cluster.local", NOW - DAY, DAY * 9);
    w->client_id = identity_make(&w->ca, &w->ca, ID_A, NOW);
    w->server_id = identity_make(&w->ca, &w->ca, ID_B, NOW);
    assert_int_equal(
        weft_tls_ctx_new(WEFT_TLS_MESH_CLIENT, w->client_id, NULL, &w->client_ctx, NULL), WEFT_OK);
    assert_int_equal(
        weft_tls_ctx_new(WEFT_TLS_MESH_SERVER, w->server_id, server_alpns, &w->server_ctx, NULL),
        WEFT_OK);
    weft_xport_pipe(w->l, &w->near, &w->far);
    peer_take(&w->server, weft_xport_tls_server(w->far, w->server_ctx, 1000000));
}
static void world_done(struct world *w) {
    peer_done(&w->client);
    peer_done(&w->server);
    weft_tls_ctx_unref(w->client_ctx);
    weft_tls_ctx_unref(w->server_ctx);
    weft_identity_unref(w->client_id);
    weft_identity_unref(w->server_id);
    weft_loop_free(w->l);
    ca_done(&w->ca);
}
static void turns(struct world *w) {
    while (weft_loop_turn(w->l)) {
    }
}

/* A ClientHello of a good TLS 1.2 client, without supported_versions: ECDHE-ECDSA with AES-GCM, the
 * extensions that go with it, and our ALPN. */
static const char hello_of_tls12[] =
    "\x16\x03\x01\x00\x5a"                     /* record */
    "\x01\x00\x00\x56\x03\x03"                 /* ClientHello, TLS 1.2 */
    "0123456789abcdef0123456789abcdef"         /* random */
    "\x00"                                     /* no session */
    "\x00\x04\xc0\x2b\x00\xff"                 /* suites */
    "\x01\x00"                                 /* no compression */
    "\x00\x29"                                 /* extensions */
    "\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17" /* groups: X25519, P-256 */
    "\x00\x0b\x00\x02\x01\x00"                 /* point formats */
    "\x00\x0d\x00\x04\x00\x02\x04\x03"         /* ECDSA with SHA-256 */
    "\x00\x10\x00\x0d\x00\x0b\x0a"             /* ALPN */
    "weft-old/1";

static void test_tls12_is_refused(void **state) {
    static const char *const alpns[] = {"weft-old/1", NULL};
    struct world w;
    world_init(&w, alpns);
    peer_take(&w.client, w.near);
    weft_xport_write(w.near, weft_slice(hello_of_tls12, sizeof hello_of_tls12 - 1));
    turns(&w);
    assert_int_equal(w.server.open_st, WEFT_TLS);
    struct weft_slice got = peer_got(&w.client);
    assert_int_equal(got.len, 7); /* alert, fatal, protocol_version */
    assert_memory_equal(got.base, "\x15\x03", 2);
    assert_memory_equal(got.base + 3, "\x00\x02\x02\x46", 4);
    world_done(&w);
}

/* A server that does not know ALPN at all ends well for TLS, not for us. */
static void test_server_without_protocols(void **state) {
    struct world w;
    world_init(&w, NULL);
    peer_take(&w.client, weft_xport_tls_client(w.near, w.client_ctx, WEFT_SLICE_LIT(ID_B),
                                               "weft-h2", NULL, 1000000));
    turns(&w);
    assert_int_equal(w.client.opens, 1);
    assert_int_equal(w.client.open_st, WEFT_TLS);
    world_done(&w);
}

static enum weft_status load(const struct ca *signer, const struct ca *trust, int64_t at) {
    struct weft_buf key = {0}, chain = {0};
    struct weft_identity *i = NULL;
    struct weft_error err = {0};
    leaf_make(signer, ID_A, NOW, DAY, &key, &chain);
    enum weft_status st = weft_identity_new(weft_buf_slice(&key), weft_buf_slice(&chain),
                                            weft_buf_slice(&trust->cert), NULL, 0, at, &i, &err);
    weft_identity_unref(i);
    weft_buf_done(&key);
    weft_buf_done(&chain);
    return st;
}

/* DESIGN: a kept certificate that expired or does not chain to the kept bundle is discarded. */
static void test_identity_must_be_good_when_loaded(void **state) {
    struct ca a, b;
    ca_make(&a, "cluster.local", NOW - DAY, DAY * 90);
    ca_make(&b, "cluster.local", NOW - DAY, DAY * 90);
    assert_int_equal(load(&a, &a, NOW), WEFT_OK);
    assert_int_equal(load(&a, &a, NOW + DAY - 1), WEFT_OK);
    assert_int_equal(load(&a, &a, NOW + DAY), WEFT_INVALID);
    assert_int_equal(load(&a, &a, NOW - DAY / 2), WEFT_INVALID);
    assert_int_equal(load(&a, &b, NOW), WEFT_INVALID);
    ca_done(&a);
    ca_done(&b);
}

static void talk(struct world *w, const char *text) {
    weft_buf_clear(&w->client.in);
    weft_xport_write(w->client.x, weft_slice_str(text));
    turns(w);
    assert_got(&w->client, text);
}

/* OpenSSL's buffers are what `busy` is about: 16 KiB each way and side. The sanitizers' malloc does
 * not count. */
static void test_busy_keeps_buffers(void **state) {
    static const char *const alpns[] = {"weft-h2", NULL};
    enum { BUFFERS = 2 * 2 * 16 * 1024 };
    struct world w;
    world_init(&w, alpns);
    peer_take(&w.client, weft_xport_tls_client(w.near, w.client_ctx, WEFT_SLICE_LIT(ID_B),
                                               "weft-h2", NULL, 0));
    w.server.echo = true;
    talk(&w, "idle");
    const size_t idle = mallinfo2().uordblks;
    weft_xport_busy(w.client.x, true);
    weft_xport_busy(w.server.x, true);
    talk(&w, "busy");
    talk(&w, "still");
    if (idle) assert_true(mallinfo2().uordblks >= idle + BUFFERS);
    weft_xport_busy(w.client.x, false);
    weft_xport_busy(w.server.x, false);
    if (idle) assert_true(mallinfo2().uordblks < idle + BUFFERS / 8);
    talk(&w, "idle again");
    if (idle) assert_true(mallinfo2().uordblks < idle + BUFFERS / 8);
    world_done(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls12_is_refused),
        cmocka_unit_test(test_server_without_protocols),
        cmocka_unit_test(test_identity_must_be_good_when_loaded),
        cmocka_unit_test(test_busy_keeps_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

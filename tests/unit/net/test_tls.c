/* SPDX-License-Identifier: Apache-2.0
 * TLS over memory pipes and over TCP: who is let in, who is not, and how it ends. */
#include "pki_test.h"
#include <weft/base/limits.h>

struct tls_world {
    struct weft_loop *l;
    struct ca ca;
    struct weft_identity *client_id, *server_id;
    struct weft_tls_ctx *client_ctx, *server_ctx;
    struct peer client, server;
    struct weft_xport *below_client, *below_server;
};

static const char *const mesh_alpns[] = {"weft-h2", "weft-h1", NULL};

static void world_init(struct tls_world *w) {
    *w = (struct tls_world){.l = weft_loop_new_fake()};
    ca_make(&w->ca, "cluster.local", NOW - DAY * 100, DAY * 200);
    w->client_id = identity_make(&w->ca, &w->ca, ID_A, NOW);
    w->server_id = identity_make(&w->ca, &w->ca, ID_B, NOW);
}
static void world_ctx(struct tls_world *w, enum weft_tls_kind client, enum weft_tls_kind server) {
    assert_int_equal(weft_tls_ctx_new(client, w->client_id, NULL, &w->client_ctx, NULL), WEFT_OK);
    assert_int_equal(weft_tls_ctx_new(server, w->server_id, mesh_alpns, &w->server_ctx, NULL),
                     WEFT_OK);
}
static void world_connect(struct tls_world *w, const char *expect, const char *alpn) {
    if (!w->client_ctx) world_ctx(w, WEFT_TLS_MESH_CLIENT, WEFT_TLS_MESH_SERVER);
    weft_xport_pipe(w->l, &w->below_client, &w->below_server);
    peer_take(&w->client, weft_xport_tls_client(w->below_client, w->client_ctx,
                                                weft_slice_str(expect), alpn, NULL, 1000000));
    peer_take(&w->server, weft_xport_tls_server(w->below_server, w->server_ctx, 1000000));
    assert_int_equal(w->client.opens + w->server.opens, 0);
}
static void turns(struct tls_world *w) {
    while (weft_loop_turn(w->l)) {
    }
}
static void world_done(struct tls_world *w) {
    peer_done(&w->client);
    peer_done(&w->server);
    weft_tls_ctx_unref(w->client_ctx);
    weft_tls_ctx_unref(w->server_ctx);
    weft_identity_unref(w->client_id);
    weft_identity_unref(w->server_id);
    weft_loop_free(w->l);
    ca_done(&w->ca);
}
static void write_str(struct peer *p, const char *s) {
    weft_xport_write(p->x, weft_slice_str(s));
}

static void test_mutual(void **state) {
    struct tls_world w;
    world_init(&w);
    world_connect(&w, ID_B, "weft-h1");
    w.server.echo = true;
    write_str(&w.client, "before open, ");
    turns(&w);
    assert_int_equal(w.client.opens, 1);
    assert_int_equal(w.server.opens, 1);
    assert_int_equal(w.client.open_st, WEFT_OK);
    assert_int_equal(w.server.open_st, WEFT_OK);
    const struct weft_xport_info *c = weft_xport_info(w.client.x), *s = weft_xport_info(w.server.x);
    assert_true(c->tls && s->tls);
    assert_true(weft_slice_is(c->peer_id, ID_B));
    assert_true(weft_slice_is(s->peer_id, ID_A));
    assert_true(weft_slice_is(c->alpn, "weft-h1") && weft_slice_is(s->alpn, "weft-h1"));
    assert_int_equal(s->peer_not_after, weft_identity_not_after(w.client_id));
    write_str(&w.client, "after");
    turns(&w);
    assert_got(&w.client, "before open, after");
    weft_xport_shutdown(w.client.x); /* close_notify; the echo answers with its own */
    turns(&w);
    assert_int_equal(w.server.eofs, 1);
    assert_int_equal(w.client.eofs, 1);
    assert_int_equal(w.client.errors + w.server.errors, 0);
    world_done(&w);
}

static void test_wrong_identity(void **state) {
    struct tls_world w;
    world_init(&w);
    world_connect(&w, ID_A, "weft-h1"); /* a good certificate of somebody else */
    turns(&w);
    assert_int_equal(w.client.open_st, WEFT_IDENTITY);
    assert_int_equal(w.server.open_st, WEFT_TLS); /* the alert; it never thought it was open */
    assert_int_equal(w.client.opens + w.server.opens, 2);
    world_done(&w);
}

static void test_prefix_of_an_identity_is_not_it(void **state) {
    struct tls_world w;
    world_init(&w);
    world_connect(&w, "spiffe://cluster.local/ns/shop/sa/review", "weft-h1");
    turns(&w);
    assert_int_equal(w.client.open_st, WEFT_IDENTITY);
    world_done(&w);
}

static void test_server_of_another_ca(void **state) {
    struct tls_world w;
    world_init(&w);
    struct ca other;
    ca_make(&other, "cluster.local", NOW, DAY * 10);
    weft_identity_unref(w.server_id);
    w.server_id = identity_make(&other, &w.ca, ID_B, NOW);
    world_connect(&w, ID_B, "weft-h1");
    turns(&w);
    assert_int_equal(w.client.open_st, WEFT_TLS);
    world_done(&w);
    ca_done(&other);
}

/* With TLS 1.3 the client is done before the server has looked at its certificate: it sees open,
 * then an error. */
static void expect_client_refused(struct tls_world *w, enum weft_status at_server) {
    turns(w);
    assert_int_equal(w->server.opens, 1);
    assert_int_equal(w->server.open_st, at_server);
    assert_int_equal(w->client.open_st, WEFT_OK);
    assert_int_equal(w->client.errors, 1);
    assert_int_equal(w->client.error_st, WEFT_TLS);
    assert_int_equal(w->server.reads + w->client.reads, 0);
}

static void test_client_of_another_ca(void **state) {
    struct tls_world w;
    world_init(&w);
    struct ca other;
    ca_make(&other, "cluster.local", NOW, DAY * 10);
    weft_identity_unref(w.client_id);
    w.client_id = identity_make(&other, &w.ca, ID_A, NOW);
    world_connect(&w, ID_B, "weft-h1");
    write_str(&w.client, "not to be read");
    expect_client_refused(&w, WEFT_TLS);
    world_done(&w);
    ca_done(&other);
}

static void test_client_of_another_trust_domain(void **state) {
    struct tls_world w;
    world_init(&w);
    weft_identity_unref(w.client_id);
    w.client_id = identity_make(&w.ca, &w.ca, "spiffe://elsewhere.org/ns/shop/sa/web", NOW);
    world_connect(&w, ID_B, "weft-h1");
    expect_client_refused(&w, WEFT_IDENTITY);
    world_done(&w);
}

static void test_expired_certificates(void **state) {
    struct tls_world w;
    world_init(&w);
    weft_identity_unref(w.client_id);
    w.client_id = identity_make(&w.ca, &w.ca, ID_A, NOW - DAY * 50);
    world_connect(&w, ID_B, "weft-h1");
    expect_client_refused(&w, WEFT_TLS);
    world_done(&w);

    world_init(&w);
    weft_identity_unref(w.server_id);
    w.server_id = identity_make(&w.ca, &w.ca, ID_B, NOW - DAY * 50);
    world_connect(&w, ID_B, "weft-h1");
    turns(&w);
    assert_int_equal(w.client.open_st, WEFT_TLS);
    world_done(&w);
}

static struct weft_identity *trust_only(struct tls_world *w) {
    struct weft_identity *i;
    assert_int_equal(weft_identity_trust_only(weft_buf_slice(&w->ca.cert), &i, NULL), WEFT_OK);
    return i;
}

static void test_no_client_certificate(void **state) {
    struct tls_world w;
    world_init(&w);
    weft_identity_unref(w.client_id);
    w.client_id = trust_only(&w);
    struct weft_tls_ctx *none;
    assert_int_equal(weft_tls_ctx_new(WEFT_TLS_MESH_CLIENT, w.client_id, NULL, &none, NULL),
                     WEFT_INVALID);
    world_ctx(&w, WEFT_TLS_CONTROL_CLIENT, WEFT_TLS_MESH_SERVER);
    world_connect(&w, ID_B, "weft-h1");
    expect_client_refused(&w, WEFT_TLS);
    world_done(&w);
}

static void test_control_port(void **state) {
    struct tls_world w;
    world_init(&w);
    world_ctx(&w, WEFT_TLS_CONTROL_CLIENT, WEFT_TLS_CONTROL_SERVER);
    world_connect(&w, "", "weft-h2");
    turns(&w);
    assert_int_equal(w.server.open_st, WEFT_OK);
    assert_true(weft_slice_is(weft_xport_info(w.server.x)->peer_id, ID_A));
    world_done(&w);

    world_init(&w); /* first contact */
    weft_identity_unref(w.client_id);
    w.client_id = trust_only(&w);
    world_ctx(&w, WEFT_TLS_CONTROL_CLIENT, WEFT_TLS_CONTROL_SERVER);
    world_connect(&w, ID_B, "weft-h2");
    turns(&w);
    assert_int_equal(w.server.open_st, WEFT_OK);
    assert_int_equal(weft_xport_info(w.server.x)->peer_id.len, 0);
    assert_true(weft_slice_is(weft_xport_info(w.client.x)->peer_id, ID_B));
    world_done(&w);

    world_init(&w); /* one that is shown must be good */
    weft_identity_unref(w.client_id);
    w.client_id = identity_make(&w.ca, &w.ca, ID_A, NOW - DAY * 50);
    world_ctx(&w, WEFT_TLS_CONTROL_CLIENT, WEFT_TLS_CONTROL_SERVER);
    world_connect(&w, ID_B, "weft-h2");
    expect_client_refused(&w, WEFT_TLS);
    world_done(&w);
}

static void test_no_common_protocol(void **state) {
    struct tls_world w;
    world_init(&w);
    world_connect(&w, ID_B, "http/1.1");
    turns(&w);
    assert_int_equal(w.client.open_st, WEFT_TLS);
    assert_int_equal(w.server.open_st, WEFT_TLS);
    world_done(&w);

    world_init(&w); /* none offered */
    world_connect(&w, ID_B, NULL);
    turns(&w);
    assert_int_equal(w.server.open_st, WEFT_TLS);
    world_done(&w);
}

static void test_cut_is_not_an_end(void **state) {
    struct tls_world w;
    world_init(&w);
    world_connect(&w, ID_B, "weft-h1");
    turns(&w);
    peer_close(&w.client); /* FIN without close_notify */
    turns(&w);
    assert_int_equal(w.server.eofs, 0);
    assert_int_equal(w.server.errors, 1);
    assert_int_equal(w.server.error_st, WEFT_RESET);
    world_done(&w);
}

static void test_cut_while_paused(void **state) {
    struct tls_world w;
    world_init(&w);
    world_connect(&w, ID_B, "weft-h1");
    turns(&w);
    weft_xport_read_stop(w.server.x);
    write_str(&w.client, "a");
    turns(&w);
    peer_close(&w.client);
    turns(&w);
    assert_int_equal(w.server.reads + w.server.errors, 0);
    weft_xport_read_start(w.server.x);
    turns(&w);
    assert_got(&w.server, "a");
    assert_int_equal(w.server.error_st, WEFT_RESET);
    world_done(&w);
}

static void test_abort_is_a_reset(void **state) {
    struct tls_world w;
    world_init(&w);
    world_connect(&w, ID_B, "weft-h1");
    turns(&w);
    weft_xport_abort(w.client.x);
    w.client.x = NULL;
    turns(&w);
    assert_int_equal(w.server.error_st, WEFT_RESET);
    world_done(&w);
}

static void test_close_flush_ends_cleanly(void **state) {
    struct tls_world w;
    world_init(&w);
    world_connect(&w, ID_B, "weft-h1");
    turns(&w);
    write_str(&w.client, "last words");
    weft_xport_close_flush(w.client.x);
    w.client.x = NULL;
    turns(&w);
    assert_got(&w.server, "last words");
    assert_int_equal(w.server.eofs, 1);
    assert_int_equal(w.server.errors, 0);
    world_done(&w);
}

static void test_handshake_deadline(void **state) {
    struct tls_world w;
    world_init(&w);
    world_ctx(&w, WEFT_TLS_MESH_CLIENT, WEFT_TLS_MESH_SERVER);
    weft_xport_pipe(w.l, &w.below_client, &w.below_server);
    peer_take(&w.server, weft_xport_tls_server(w.below_server, w.server_ctx, 5000));
    turns(&w);
    weft_loop_advance(w.l, 5000);
    assert_int_equal(w.server.open_st, WEFT_TIMEOUT);
    weft_xport_close(w.below_client);
    world_done(&w);
}

static void test_plain_text_is_refused(void **state) {
    struct tls_world w;
    world_init(&w);
    world_ctx(&w, WEFT_TLS_MESH_CLIENT, WEFT_TLS_MESH_SERVER);
    weft_xport_pipe(w.l, &w.below_client, &w.below_server);
    w.server.close_on_open = true;
    peer_take(&w.server, weft_xport_tls_server(w.below_server, w.server_ctx, 0));
    peer_take(&w.client, w.below_client);
    write_str(&w.client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    turns(&w);
    assert_int_equal(w.server.open_st, WEFT_TLS);
    assert_true(w.client.eofs || w.client.errors);
    world_done(&w);
}

/* The first bytes were looked at and given back before TLS was put on top. */
static void test_over_a_sniffed_transport(void **state) {
    struct tls_world w;
    world_init(&w);
    world_ctx(&w, WEFT_TLS_MESH_CLIENT, WEFT_TLS_MESH_SERVER);
    weft_xport_pipe(w.l, &w.below_client, &w.below_server);
    peer_take(&w.client, weft_xport_tls_client(w.below_client, w.client_ctx, WEFT_SLICE_LIT(ID_B),
                                               "weft-h2", "reviews", 0));
    struct peer sniff = {0};
    peer_take(&sniff, w.below_server);
    turns(&w);
    assert_int_equal(sniff.in.base[0], 0x16);
    weft_xport_unread(w.below_server, weft_slice(sniff.in.base + 7, sniff.in.len - 7));
    weft_xport_unread(w.below_server, weft_slice(sniff.in.base, 7));
    peer_take(&w.server, weft_xport_tls_server(w.below_server, w.server_ctx, 0));
    turns(&w);
    assert_int_equal(w.server.open_st, WEFT_OK);
    assert_int_equal(w.client.open_st, WEFT_OK);
    sniff.x = NULL;
    peer_done(&sniff);
    world_done(&w);
}

static void test_unread_on_top(void **state) {
    struct tls_world w;
    world_init(&w);
    world_connect(&w, ID_B, "weft-h1");
    write_str(&w.client, "abc");
    turns(&w);
    weft_xport_unread(w.server.x, WEFT_SLICE_LIT("123"));
    write_str(&w.client, "def");
    turns(&w);
    assert_got(&w.server, "abc123def");
    world_done(&w);
}

static void test_marks_and_big_transfer_over_tcp(void **state) {
    struct tls_world w;
    world_init(&w);
    world_ctx(&w, WEFT_TLS_MESH_CLIENT, WEFT_TLS_MESH_SERVER);
    struct weft_addr at = loopback();
    struct peer raw = {0};
    struct weft_listener *ln;
    assert_int_equal(weft_listener_new(w.l, &at, NULL, peer_on_accept, &raw, &ln, NULL), WEFT_OK);
    struct weft_xport *tcp = weft_xport_dial(w.l, weft_listener_addr(ln), NULL, 0);
    peer_take(&w.client,
              weft_xport_tls_client(tcp, w.client_ctx, WEFT_SLICE_LIT(ID_B), "weft-h2", NULL, 0));
    UNTIL(w.l, raw.x);
    peer_take(&w.server, weft_xport_tls_server(raw.x, w.server_ctx, 0));
    UNTIL(w.l, w.client.opens && w.server.opens);
    assert_int_equal(w.client.open_st, WEFT_OK);
    assert_true(weft_addr_eq(&weft_xport_info(w.client.x)->peer, weft_listener_addr(ln)));

    weft_xport_read_stop(w.server.x);
    char block[30000];
    size_t sent = 0;
    while (weft_xport_queued(w.client.x) < WEFT_XPORT_HIGH) {
        memset(block, (int)(sent / sizeof block), sizeof block);
        weft_xport_write(w.client.x, weft_slice(block, sizeof block));
        sent += sizeof block;
    }
    for (int i = 0; i < 10; i++) weft_loop_turn(w.l);
    assert_int_equal(w.client.drains + w.server.reads, 0);
    weft_xport_read_start(w.server.x);
    UNTIL(w.l, w.client.drains);
    weft_xport_shutdown(w.client.x);
    UNTIL(w.l, w.server.eofs);
    assert_int_equal(weft_buf_size(&w.server.in), sent);
    for (size_t i = 0; i < sent; i += sizeof block)
        assert_int_equal((uint8_t)w.server.in.base[i], (uint8_t)(i / sizeof block));
    assert_int_equal(w.client.drains, 1);
    weft_listener_close(ln);
    world_done(&w);
}

static void test_dial_failure_reaches_the_top(void **state) {
    struct tls_world w;
    world_init(&w);
    world_ctx(&w, WEFT_TLS_MESH_CLIENT, WEFT_TLS_MESH_SERVER);
    struct weft_xport *x = weft_xport_dial_unix(w.l, "/nonexistent/socket");
    peer_take(&w.client,
              weft_xport_tls_client(x, w.client_ctx, WEFT_SLICE_LIT(ID_B), "weft-h2", NULL, 0));
    UNTIL(w.l, w.client.opens);
    assert_int_equal(w.client.open_st, WEFT_NOT_FOUND);
    world_done(&w);
}

static void test_callbacks_may_close(void **state) {
    for (int i = 0; i < 3; i++) {
        struct tls_world w;
        world_init(&w);
        w.server.close_on_open = i == 0;
        w.server.close_on_read = i == 1;
        w.server.close_on_eof = i == 2;
        world_connect(&w, ID_B, "weft-h1");
        write_str(&w.client, "x");
        weft_xport_shutdown(w.client.x);
        turns(&w);
        assert_null(w.server.x);
        world_done(&w);
    }
}

struct worker {
    struct weft_identity *id;
    int opens;
};
static void work(void *arg) {
    struct worker *k = arg;
    for (int i = 0; i < 5; i++) {
        struct tls_world w = {.l = weft_loop_new_fake(),
                              .client_id = weft_identity_ref(k->id),
                              .server_id = weft_identity_ref(k->id)};
        world_connect(&w, ID_A, "weft-h1");
        turns(&w);
        k->opens += w.client.open_st == WEFT_OK && w.server.open_st == WEFT_OK;
        world_done(&w);
    }
}

/* Workers have contexts of their own over one shared identity. */
static void test_workers_share_an_identity(void **state) {
    struct ca ca;
    ca_make(&ca, "cluster.local", NOW, DAY * 10);
    struct weft_identity *id = identity_make(&ca, &ca, ID_A, NOW);
    struct worker w[2] = {{.id = weft_identity_ref(id)}, {.id = weft_identity_ref(id)}};
    struct weft_thread *t[2];
    for (int i = 0; i < 2; i++) t[i] = weft_thread_start(work, &w[i]);
    weft_identity_unref(id);
    for (int i = 0; i < 2; i++) {
        weft_thread_join(t[i]);
        assert_int_equal(w[i].opens, 5);
        weft_identity_unref(w[i].id);
    }
    ca_done(&ca);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutual),
        cmocka_unit_test(test_wrong_identity),
        cmocka_unit_test(test_prefix_of_an_identity_is_not_it),
        cmocka_unit_test(test_server_of_another_ca),
        cmocka_unit_test(test_client_of_another_ca),
        cmocka_unit_test(test_client_of_another_trust_domain),
        cmocka_unit_test(test_expired_certificates),
        cmocka_unit_test(test_no_client_certificate),
        cmocka_unit_test(test_control_port),
        cmocka_unit_test(test_no_common_protocol),
        cmocka_unit_test(test_cut_is_not_an_end),
        cmocka_unit_test(test_cut_while_paused),
        cmocka_unit_test(test_abort_is_a_reset),
        cmocka_unit_test(test_close_flush_ends_cleanly),
        cmocka_unit_test(test_handshake_deadline),
        cmocka_unit_test(test_plain_text_is_refused),
        cmocka_unit_test(test_over_a_sniffed_transport),
        cmocka_unit_test(test_unread_on_top),
        cmocka_unit_test(test_marks_and_big_transfer_over_tcp),
        cmocka_unit_test(test_dial_failure_reaches_the_top),
        cmocka_unit_test(test_callbacks_may_close),
        cmocka_unit_test(test_workers_share_an_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

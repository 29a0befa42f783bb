/* SPDX-License-Identifier: Apache-2.0
 * Two sidecars: mutual TLS between them, who may be believed what, strict and permissive, and the
 * inbound side's way to its app. */
#include "support/world.h"

#include <sidecar/conn.h>

#include <string.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"
#define CLIENT_ID "spiffe://cluster.local/ns/default/sa/client"
#define SERVER_ID "spiffe://cluster.local/ns/default/sa/server"

/* web has one meshed endpoint, 10.0.0.1; the app behind that sidecar is 127.0.0.1:8080. */
static struct app *mesh(struct world *w, bool strict) {
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_pod(w, "web-1", "10.0.0.1", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", strict);
    return world_app(w, "127.0.0.1:8080");
}

static void end_raw(struct app *a) {
    weft_xport_close(a->raw);
    a->raw = NULL;
    world_settle(a->w);
}

static void request_over_mutual_tls(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, "POST /p HTTP/1.1\r\nHost: web\r\nContent-Length: "
                                  "5\r\nX-Forwarded-Client-Cert: forged\r\n\r\nhello");
    assert_has(t, "HTTP/1.1 200");
    assert_has(t, "\r\n\r\nhello");
    assert_hasnt(t, "weft-hop");
    assert_string_equal(a->seen.protocol, "h1");
    assert_string_equal(a->seen.authority, "web");
    assert_string_equal(world_app_field(a, "x-forwarded-client-cert"),
                        "By=" SERVER_ID ";URI=" CLIENT_ID);
    assert_null(world_app_field(a, "weft-hop"));
    const char *log = world_log(w);
    assert_has(log, "\"direction\":\"outbound\"");
    assert_has(log, "\"peer_id\":\"" SERVER_ID "\"");
    assert_has(log, "\"direction\":\"inbound\"");
    assert_has(log, "\"peer_id\":\"" CLIENT_ID "\"");
}

/* An answer of hours: GOAWAY came long ago, the certificates of an hour end. */
static void streams_end_with_the_certificate(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    a->hold_all = true;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/watch"));
    world_advance(w, 3590 * 1000);
    assert_int_equal(a->requests, 1);
    assert_string_equal(client_text(c), "");
    assert_int_equal(w->peer->n_exchanges, 1);
    world_advance(w, 11 * 1000);
    assert_int_equal(w->peer->n_exchanges, 0);
    assert_true(weft_list_empty(&w->peer->conns));
    assert_has(client_text(c), "HTTP/1.1 502");
    assert_has(world_log(w), "\"reason\":\"certificate_expired\"");
}

/* HTTP/1.1 callers share one HTTP/2 connection between the sidecars. */
static void callers_share_a_connection(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    struct client *c[5];
    for (int i = 0; i < 5; i++) c[i] = world_connect(w, "10.96.0.1:80");
    for (int i = 0; i < 5; i++) assert_has(client_ask(c[i], GET("/")), "HTTP/1.1 200");
    assert_int_equal(world_app(w, "10.0.0.1:8080")->dials, 1);
    assert_int_equal(a->requests, 5);
}

static void old_and_new_protocols_survive_the_hop(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, "GET / HTTP/1.0\r\nHost: web\r\n\r\n");
    assert_has(t, "200");
    assert_true(c->eof);
    a->h2 = true;
    world_app(w, "127.0.0.1:8080");
    struct weft_client_conn *h2 = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    struct h2_call call;
    a->reply_trailers = "grpc-status: 0\n";
    world_call(h2, "POST", "/svc/Method", "content-type: application/grpc\nte: trailers\n", "abc",
               &call);
    world_settle(w);
    assert_int_equal(call.status, 200);
    assert_has(call.trailers, "grpc-status: 0");
    assert_string_equal(a->seen.protocol, "h2");
    assert_true(a->seen.te_trailers);
    world_call_done(&call);
}

static void absent_host_survives_the_hop(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, "GET /none HTTP/1.0\r\n\r\n");
    (void)weft_buf_char(&a->raw_in, 0);
    assert_has(weft_buf_slice(&a->raw_in).base, "GET /none HTTP/1.0\r\n");
    assert_hasnt(weft_buf_slice(&a->raw_in).base, "host");
    assert_hasnt(weft_buf_slice(&a->raw_in).base, "invalid");
    world_app_send(a, "HTTP/1.0 200 OK\r\n\r\nold");
    end_raw(a);
    assert_has(client_text(c), "200");
    assert_has(client_text(c), "\r\n\r\nold");
}

static void framing_survives_the_hop(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "2\r\nab\r\n0\r\nx-t: 1\r\n\r\n");
    assert_string_equal(a->seen.body, "ab");
    assert_true(a->seen.chunked);
    assert_has(a->seen.trailers, "x-t: 1");
    client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\ncd");
    assert_true(a->seen.has_length);
    const char *t = client_ask(c, "HEAD / HTTP/1.1\r\nHost: web\r\n\r\n");
    assert_has(t, "HTTP/1.1 200");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
}

static void expect_continue_over_the_hop(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    a->script[0] = ACT_CONTINUE;
    a->n_script = 1;
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(
        c, "POST / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_has(t, "HTTP/1.1 100");
    assert_has(client_ask(c, "ok"), "HTTP/1.1 200");
    assert_string_equal(a->seen.body, "ok");
}

/* Case (c): the app behind the endpoint refuses: another endpoint, whatever the method. */
static void unprocessed_moves_on(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1 10.0.0.2");
    world_pod(w, "web-1", "10.0.0.1", "server", true, NULL);
    world_pod(w, "web-2", "10.0.0.2", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    world_peer(w, "10.0.0.2", true);
    struct app *bad = world_app(w, "127.0.0.1:8080");
    bad->mode = APP_REFUSE;

    struct app *good = world_app(w, "127.0.0.2:8080");
    struct client *c = world_connect(w, "10.96.0.1:80");
    for (int i = 0; i < 6; i++) {
        const char *t =
            client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\nab");
        assert_has(t, "HTTP/1.1 200");
    }
    assert_int_equal(good->requests, 6);
    assert_string_equal(good->seen.body, "ab");
}

/* An app that refuses streams (it is about to end) has not seen them: case (b), told by (c). */
static void refused_streams_move_on(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "kubernetes.io/h2c", "10.0.0.1 10.0.0.2");
    world_pod(w, "web-1", "10.0.0.1", "server", true, NULL);
    world_pod(w, "web-2", "10.0.0.2", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    world_peer(w, "10.0.0.2", true);
    struct app *bad = world_app(w, "127.0.0.1:8080"), *good = world_app(w, "127.0.0.2:8080");
    bad->h2 = good->h2 = true;
    for (int i = 0; i < WORLD_SCRIPT; i++) bad->script[bad->n_script++] = ACT_REFUSE;
    struct weft_client_conn *c = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    int calls = 0;
    while (calls < 6 ||
           (!bad->requests && calls < 64)) { /* which is asked first is a coin's throw */
        struct h2_call call;
        world_call(c, "POST", "/", NULL, "ab", &call);
        world_settle(w);
        assert_int_equal(call.status, 200);
        world_call_done(&call);
        calls++;
    }
    assert_int_equal(good->requests, calls);
    assert_true(bad->requests > 0);
}

/* The same for gRPC, whose answers of our own are 200 with a grpc-status. */
static void unprocessed_grpc_moves_on(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1 10.0.0.2");
    world_pod(w, "web-1", "10.0.0.1", "server", true, NULL);
    world_pod(w, "web-2", "10.0.0.2", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    world_peer(w, "10.0.0.2", true);
    world_app(w, "127.0.0.1:8080")->mode = APP_REFUSE;
    struct app *good = world_app(w, "127.0.0.2:8080");
    good->h2 = true;
    good->reply_trailers = "grpc-status: 0\n";
    struct weft_client_conn *c = world_connect_h2(w->proxy, PROXY_OUTBOUND, "10.96.0.1:80");
    for (int i = 0; i < 6; i++) {
        struct h2_call call;
        world_call(c, "POST", "/s/M", "content-type: application/grpc\nte: trailers\n", "abc",
                   &call);
        world_settle(w);
        assert_has(call.trailers, "grpc-status: 0");
        world_call_done(&call);
    }
    assert_int_equal(good->requests, 6);
}

/* REQ-109, REQ-115: an app that resets is a connection error to the caller's sidecar, too. */
static void reset_behind_the_hop_is_retried(void **state) {
    struct world *w = *state;
    world_route(w, "r", "web",
                "  - backendRefs: [{name: web, port: 80}]\n    retry: {attempts: 3}\n");
    struct app *a = mesh(w, true);
    a->script[0] = a->script[1] = ACT_RESET;
    a->n_script = 2;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\nab");
    for (int i = 0; i < 5; i++) world_advance(w, 300);
    assert_has(client_text(c), "HTTP/1.1 200");
    assert_int_equal(a->requests, 3);
}

/* REQ-115: the same word from the other sidecar, until no retry is left. */
static void resets_behind_the_hop_end_in_503(void **state) {
    struct world *w = *state;
    world_route(w, "r", "web",
                "  - backendRefs: [{name: web, port: 80}]\n    retry: {attempts: 1}\n");
    struct app *a = mesh(w, true);
    a->script[0] = a->script[1] = ACT_RESET;
    a->n_script = 2;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    for (int i = 0; i < 3; i++) world_advance(w, 300);
    assert_has(client_text(c), "HTTP/1.1 503");
    assert_has(client_text(c), "weft-reason: upstream_reset");
    assert_int_equal(a->requests, 2);
}

static void reset_behind_the_hop_is_502(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    a->script[0] = ACT_RESET;
    a->n_script = 1;
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 502");
    assert_has(t, "weft-reason: upstream_reset");
    assert_hasnt(t, "weft-hop");
    assert_int_equal(a->requests, 1);
}

static void unprocessed_everywhere_is_503(void **state) {
    struct world *w = *state;
    mesh(w, true)->mode = APP_REFUSE;
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 503");
    assert_has(t, "weft-reason: unprocessed");
    assert_hasnt(t, "weft-hop");
}

static struct weft_xport *hop_of(struct proxy_worker *w) {
    struct proxy_conn *c = WEFT_CONTAINER(w->conns.next, struct proxy_conn, link);
    assert_false(weft_list_empty(&w->conns));
    return weft_server_conn_xport(c->server);
}

/* A peer that drains with nothing under way has not heard yet of what is on the wire: it says how
 * far it got, and goes when that round trip is over. */
static void a_drain_hears_what_is_on_the_wire(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    struct weft_xport *hop = hop_of(w->peer);
    weft_xport_read_stop(hop);
    weft_buf_clear(&c->in);
    client_send(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\nab");
    assert_int_equal(w->peer->n_exchanges, 0);
    proxy_worker_drain(w->peer);
    weft_xport_read_start(hop);
    world_settle(w);
    assert_has(client_text(c), "HTTP/1.1 200");
    assert_int_equal(a->requests, 2);
    assert_string_equal(a->seen.body, "ab");
    assert_true(w->peer->drained);
}

/* The same for a connection that was made meanwhile and has not been asked yet. */
static void a_drain_hears_who_has_just_come(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, false);
    struct client *busy = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    a->script[0] = ACT_HOLD;
    a->n_script = 1;
    client_send(busy, GET("/"));
    proxy_worker_drain(w->peer);
    struct weft_client_conn *c = world_connect_h2(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    world_settle(w);
    world_app_answer(a, 200);
    assert_has(client_text(busy), "HTTP/1.1 200");
    a->h2 = true;
    struct h2_call call;
    world_call(c, "GET", "/", "", NULL, &call);
    world_settle(w);
    assert_int_equal(call.status, 200);
    world_call_done(&call);
    assert_true(w->peer->drained);
}

/* Not for ever: who does not answer is not waited for longer than five seconds. */
static void a_drain_does_not_wait_for_the_mute(void **state) {
    struct world *w = *state;
    mesh(w, false);
    struct client *c = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    weft_xport_write(c->x, WEFT_SLICE_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
    world_settle(w);
    proxy_worker_drain(w->peer);
    world_advance(w, 4900);
    assert_false(w->peer->drained);
    world_advance(w, 200);
    assert_true(w->peer->drained);
}

/* The endpoint must prove the very identity that it is published with. */
static void wrong_identity_is_refused(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    world_identity(w, w->peer, "impostor");
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 503");
    assert_has(t, "weft-reason: upstream_identity");
    assert_int_equal(a->requests, 0);
}

/* Never plain towards a meshed endpoint, also without an identity of one's own. */
static void never_plain_to_a_meshed_endpoint(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, false);
    weft_pool_set_tls(w->proxy->pool, NULL);
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "weft-reason: upstream_tls");
    assert_int_equal(a->requests, 0);
}

/* Rotation: connections under the new certificate, none lost. */
static void rotation_keeps_requests(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    struct client *c = world_connect(w, "10.96.0.1:80");
    a->script[1] = ACT_HOLD;
    a->n_script = 2;
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    client_send(c, GET("/held"));
    world_identity(w, w->proxy, "client");
    world_identity(w, w->peer, "server");
    struct client *d = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(d, GET("/")), "HTTP/1.1 200");
    assert_int_equal(world_app(w, "10.0.0.1:8080")->dials, 2);
    world_app_answer(a, 200);
    assert_has(client_text(c), "HTTP/1.1 200");
}

/* Before a certificate ends its connections take no new requests; what is in flight goes on. */
static void connections_end_before_their_certificate(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    struct app *sidecar = world_app(w, "10.0.0.1:8080");
    a->script[0] = ACT_HOLD;
    a->n_script = 1;
    struct client *c = world_connect(w, "10.96.0.1:80"), *d = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    assert_has(client_ask(d, GET("/")), "HTTP/1.1 200");
    assert_int_equal(sidecar->dials, 1);
    world_advance(w, (3600 - 29) * 1000); /* world_identity: an hour; margin: 30 s */
    assert_has(client_ask(d, GET("/")), "HTTP/1.1 200");
    assert_int_equal(sidecar->dials, 2);
    world_app_answer(a, 200);
    assert_has(client_text(c), "HTTP/1.1 200");
}

/* A backend that is this very pod is called directly, in plain. */
static void own_pod_is_called_in_plain(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    struct app *self = world_app(w, "10.0.0.1:8080");
    self->mode = APP_HTTP;
    weft_addr_parse_ip(WEFT_SLICE_LIT("10.0.0.1"), &w->opt.pod_ips[0]);
    w->opt.n_pod_ips = 1;
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, GET("/")), "HTTP/1.1 200");
    assert_int_equal(self->requests, 1);
    assert_int_equal(a->requests, 0);
}

/* ---- the inbound side alone ---- */

static void permissive_takes_plain(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, false);
    struct client *c = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    const char *t =
        client_ask(c, "GET /x HTTP/1.1\r\nHost: web\r\nX-Forwarded-Client-Cert: URI=" CLIENT_ID
                      "\r\nWeft-Hop: 1;app=h2\r\n\r\n");
    assert_has(t, "HTTP/1.1 200");
    assert_null(world_app_field(a, "x-forwarded-client-cert"));
    assert_null(world_app_field(a, "weft-hop"));
    assert_string_equal(a->seen.protocol, "h1"); /* its weft-hop was not believed */
}

static void strict_refuses_plain(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    struct client *c = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    client_send(c, GET("/"));
    assert_true(c->broken || c->eof);
    assert_int_equal(a->requests, 0);
    const char *log = world_log(w);
    assert_has(log, "\"direction\":\"inbound\"");
    assert_has(log, "\"reason\":\"denied\"");
}

/* Strictness may be the port's alone. */
static void mode_of_a_port(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, false);
    struct weft_inbound *in = weft_inbound_new();
    in->name = WEFT_SLICE_LIT("inbound/default/web-1");
    in->mode = WEFT_MTLS_PERMISSIVE;
    in->ports = weft_arena_array(&in->arena, struct weft_inbound_port, 1);
    in->n_ports = 1;
    in->ports[0] = (struct weft_inbound_port){.port = 8080, .mode = WEFT_MTLS_STRICT};
    proxy_worker_set_inbound(w->peer, in);
    weft_inbound_unref(in);
    struct client *c = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    client_send(c, GET("/"));
    assert_int_equal(a->requests, 0);
    struct app *other = world_app(w, "127.0.0.1:9090");
    struct client *d = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:9090");
    /* dial_app maps 10.0.0.1 to 127.0.0.1 */
    assert_has(client_ask(d, GET("/")), "HTTP/1.1 200");
    assert_int_equal(other->requests, 1);
}

static void plain_answers_do_not_leak_the_hop(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, false);
    a->reply_fields = "weft-hop: 1;unprocessed\n";
    struct client *c = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    assert_hasnt(client_ask(c, GET("/")), "weft-hop");
    a->mode = APP_REFUSE;
    world_settle(w);
    struct client *d = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:9999");
    const char *t = client_ask(d, GET("/"));
    assert_has(t, "HTTP/1.1 503");
    assert_hasnt(t, "weft-hop");
}

static void inbound_opaque_is_passed(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, false);
    a->mode = APP_RAW;
    struct client *c = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    client_send(c, "\x01\x02raw");
    assert_int_equal(weft_buf_size(&a->raw_in), 5);
    world_app_send(a, "back");
    assert_has(client_text(c), "back");
}

/* Opaque bytes to a meshed endpoint travel inside mutual TLS, too. */
static void opaque_over_mutual_tls(void **state) {
    struct world *w = *state;
    struct app *a = mesh(w, true);
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, "\x01\x02raw");
    assert_int_equal(weft_buf_size(&a->raw_in), 5);
    world_app_send(a, "back");
    assert_has(client_text(c), "back");
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(request_over_mutual_tls),
        T(streams_end_with_the_certificate),
        T(callers_share_a_connection),
        T(old_and_new_protocols_survive_the_hop),
        T(absent_host_survives_the_hop),
        T(framing_survives_the_hop),
        T(expect_continue_over_the_hop),
        T(unprocessed_moves_on),
        T(refused_streams_move_on),
        T(unprocessed_grpc_moves_on),
        T(reset_behind_the_hop_is_retried),
        T(resets_behind_the_hop_end_in_503),
        T(reset_behind_the_hop_is_502),
        T(a_drain_hears_what_is_on_the_wire),
        T(a_drain_hears_who_has_just_come),
        T(a_drain_does_not_wait_for_the_mute),
        T(unprocessed_everywhere_is_503),
        T(wrong_identity_is_refused),
        T(never_plain_to_a_meshed_endpoint),
        T(rotation_keeps_requests),
        T(connections_end_before_their_certificate),
        T(own_pod_is_called_in_plain),
        T(permissive_takes_plain),
        T(strict_refuses_plain),
        T(mode_of_a_port),
        T(plain_answers_do_not_leak_the_hop),
        T(inbound_opaque_is_passed),
        T(opaque_over_mutual_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Where a wrong answer would look right: messages cut short, patterns that give up, peers that
 * nobody has proved. */
#include "support/world.h"

#include <string.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"

static struct app *raw_app(struct world *w) {
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->mode = APP_RAW;
    return a;
}
static void raw_ends(struct world *w, struct app *a, bool abort) {
    if (abort)
        weft_xport_abort(a->raw);
    else
        weft_xport_close(a->raw);
    a->raw = NULL;
    world_settle(w);
}

/* A chunked answer without its last chunk must not get one on the way. */
static void cut_chunked_response(struct world *w, bool abort) {
    struct app *a = raw_app(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    (void)client_ask(c, GET("/"));
    world_app_send(a, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    world_settle(w);
    assert_has(client_text(c), "5\r\nhello\r\n");
    raw_ends(w, a, abort);
    assert_hasnt(client_text(c), "\r\n0\r\n");
    assert_true(c->broken);
    assert_has(world_log(w), "\"reason\":\"upstream_reset\"");
}
static void chunked_response_ended_by_fin_is_cut(void **state) {
    cut_chunked_response(*state, false);
}
static void chunked_response_ended_by_reset_is_cut(void **state) {
    cut_chunked_response(*state, true);
}

/* DESIGN: a limit that is hit is 500, never "no match", which would fall to a broader rule. */
static void regex_that_gives_up_is_500(void **state) {
    struct world *w = *state;
    world_web(w, "  - matches: [{path: {type: RegularExpression, value: \"/(a+)+\"}}]\n"
                 "    backendRefs: [{name: web, port: 80}]\n"
                 "  - backendRefs: [{name: web, port: 80}]\n");
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"));
    assert_has(t, "HTTP/1.1 500");
    assert_has(t, "weft-reason: regex_limit");
    assert_has(client_ask(c, GET("/aaa")), "HTTP/1.1 200");
    assert_has(client_ask(c, GET("/x")), "HTTP/1.1 200");
    assert_int_equal(
        world_app(w, "10.0.0.1:8080")->requests + world_app(w, "10.0.0.2:8080")->requests, 2);
}

/* ---- trust ---- */

/* A meshed endpoint and a proxy without a certificate of its own yet: nothing leaves in plain. */
static struct app *meshed_without_identity(struct world *w, const char *app_protocol) {
    world_service(w, "web", "10.96.0.1", app_protocol, "10.0.0.1");
    world_pod(w, "web-1", "10.0.0.1", "server", true, NULL);
    world_apply(w);
    return world_app(w, "10.0.0.1:8080");
}

static void without_identity_no_request_to_a_meshed_endpoint(void **state) {
    struct world *w = *state;
    struct app *a = meshed_without_identity(w, "http");
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, GET("/"));
    assert_has(t, "HTTP/1.1 503");
    assert_has(t, "weft-reason: upstream_tls");
    assert_int_equal(a->requests + a->dials, 0);
}

static void without_identity_no_bytes_to_a_meshed_endpoint(void **state) {
    struct world *w = *state;
    struct app *a = meshed_without_identity(w, "tcp");
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    (void)client_ask(c, "secret");
    assert_int_equal(weft_buf_size(&a->raw_in), 0);
    assert_true(c->broken || c->eof);
    assert_has(world_log(w), "\"reason\":\"upstream_tls\"");
}

/* An app that talks like a sidecar: its word is not taken for one, or a POST would run twice. */
static void unprocessed_is_not_believed_in_plain(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    struct app *apps[] = {world_app(w, "10.0.0.1:8080"), world_app(w, "10.0.0.2:8080")};
    for (int i = 0; i < 2; i++) {
        apps[i]->script[0] = ACT_503;
        apps[i]->n_script = 1;
        apps[i]->reply_fields = "weft-hop: 1;unprocessed\n";
    }
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\n\r\nx");
    assert_has(t, "HTTP/1.1 503");
    assert_hasnt(t, "weft-hop");
    assert_hasnt(t, "weft-reason");
    assert_int_equal(apps[0]->requests + apps[1]->requests, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(chunked_response_ended_by_fin_is_cut),
        T(chunked_response_ended_by_reset_is_cut),
        T(regex_that_gives_up_is_500),
        T(without_identity_no_request_to_a_meshed_endpoint),
        T(without_identity_no_bytes_to_a_meshed_endpoint),
        T(unprocessed_is_not_believed_in_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

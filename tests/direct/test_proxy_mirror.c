/* SPDX-License-Identifier: Apache-2.0
 * RequestMirror and CORS on the wire: copies that disturb nobody, and browsers' questions answered
 * on the way. */
#include "support/world.h"

#include <string.h>

#define MIRROR(more)                                                                               \
    "{type: RequestMirror, requestMirror: {backendRef: {name: shadow, port: 80}" more "}}"

static struct app *shadow(struct world *w) {
    world_service(w, "shadow", "10.96.0.7", NULL, "10.0.7.1");
    return world_app(w, "10.0.7.1:8080");
}

static void web_with(struct world *w, const char *filters) {
    WEFT_FREE char *rules =
        weft_asprintf("  - filters: [%s]\n    backendRefs: [{name: web, port: 80}]\n", filters);
    world_web(w, rules);
}

static int served(struct world *w) {
    return world_app(w, "10.0.0.1:8080")->requests + world_app(w, "10.0.0.2:8080")->requests;
}

/* REQ-095, REQ-175: the copy goes to one endpoint with body and all; its answer is ignored.
 * REQ-079: header changes listed before the mirror are in it, later ones are not. */
static void copy_is_whole(void **state) {
    struct world *w = *state;
    struct app *s = shadow(w);
    s->script[s->n_script++] = ACT_500;
    web_with(w,
             "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-before, "
             "value: '1'}]}}, " MIRROR("") ", {type: URLRewrite, urlRewrite: {hostname: after}}");
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t =
        client_ask(c, "POST /p?q=1 HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\nhello");
    assert_has(t, "HTTP/1.1 200");
    assert_has(t, "hello");
    assert_int_equal(served(w), 1);
    assert_int_equal(s->requests, 1);
    assert_string_equal(s->seen.method, "POST");
    assert_string_equal(s->seen.path, "/p?q=1");
    assert_string_equal(s->seen.authority, "web");
    assert_string_equal(s->seen.body, "hello");
    assert_string_equal(world_app_field(s, "x-before"), "1");
    assert_int_equal(world_metric(w, "weft_mirrored_requests_total{outcome=\"answered\"}"), 1);
}

/* REQ-095: the request neither waits for the copy nor fails with it. */
static void a_mirror_that_hangs_or_dies(void **state) {
    struct world *w = *state;
    struct app *s = shadow(w);
    web_with(w, MIRROR(""));
    static const enum app_mode modes[] = {APP_MUTE, APP_REFUSE};
    for (size_t i = 0; i < WEFT_LEN(modes); i++) {
        s->mode = modes[i];
        struct client *c = world_connect(w, "10.96.0.1:80");
        assert_has(client_ask(c, "GET / HTTP/1.1\r\nHost: web\r\n\r\n"), "HTTP/1.1 200");
    }
    s->mode = APP_HTTP;
    s->hold_all = true;
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, "GET / HTTP/1.1\r\nHost: web\r\n\r\n"), "HTTP/1.1 200");
    world_advance(w, 60000);
    assert_int_equal(world_metric(w, "weft_mirrored_requests_total{outcome=\"failed\"}"), 3);
}

/* Copies under way are in flight, too; one that is never answered ends by its own time. */
static void a_drain_waits_for_copies(void **state) {
    struct world *w = *state;
    struct app *s = shadow(w);
    web_with(w, MIRROR(""));
    s->hold_all = true;
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, "GET / HTTP/1.1\r\nHost: web\r\n\r\n"), "HTTP/1.1 200");
    proxy_worker_drain(w->proxy);
    world_advance(w, 2000);
    assert_false(w->drained);
    world_app_answer(s, 200);
    world_settle(w);
    assert_true(w->drained);
    assert_int_equal(world_metric(w, "weft_mirrored_requests_total{outcome=\"answered\"}"), 1);
}

/* A copy that cannot keep up with the body is dropped; the request is not slowed. */
static void a_slow_mirror_is_dropped(void **state) {
    struct world *w = *state;
    struct app *s = shadow(w);
    s->mode = APP_MUTE;
    web_with(w, MIRROR(""));
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 400000\r\n\r\n");
    WEFT_FREE char *block = weft_alloc(10001);
    memset(block, 'x', 10000);
    block[10000] = 0;
    for (int i = 0; i < 40; i++) client_ask(c, block);
    assert_has(client_text(c), "HTTP/1.1 200");
    assert_int_equal(world_metric(w, "weft_mirrored_requests_total{outcome=\"dropped\"}"), 1);
}

/* REQ-095: a mirror that does not resolve is left out; the rest of the rule is in force. */
static void an_invalid_mirror_is_left_out(void **state) {
    struct world *w = *state;
    web_with(w, "{type: RequestMirror, requestMirror: {backendRef: {name: gone, port: 80}}}");
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, "GET / HTTP/1.1\r\nHost: web\r\n\r\n"), "HTTP/1.1 200");
    assert_int_equal(world_metric(w, "weft_mirrored_requests_total{outcome=\"invalid\"}"), 1);
}

/* REQ-096, REQ-175: several mirrors draw lots on their own; 0 and 100 percent are exact. */
static void percentages(void **state) {
    struct world *w = *state;
    struct app *s = shadow(w);
    world_service(w, "third", "10.96.0.8", NULL, "10.0.8.1");
    struct app *third = world_app(w, "10.0.8.1:8080");
    web_with(w, MIRROR(", percent: 0") ", " MIRROR(
                    ", fraction: {numerator: 25, denominator: 50}") ", "
                                                                    "{type: RequestMirror, "
                                                                    "requestMirror: {backendRef: "
                                                                    "{name: third, port: 80}}}");
    struct client *c = world_connect(w, "10.96.0.1:80");
    for (int i = 0; i < 500; i++)
        assert_has(client_ask(c, "GET / HTTP/1.1\r\nHost: web\r\n\r\n"), "HTTP/1.1 200");
    assert_int_equal(third->requests, 500);
    assert_in_range(s->requests, 180, 320); /* 6 sigma around 250 */
}

/* A caller that goes away half-way leaves no half copy that looks whole. */
static void a_cut_request_cuts_its_copy(void **state) {
    struct world *w = *state;
    struct app *s = shadow(w);
    web_with(w, MIRROR(""));
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 50\r\n\r\nhello");
    client_abort(c);
    world_settle(w);
    assert_int_equal(s->ended, 1); /* its connection was cut */
    assert_int_equal(world_metric(w, "weft_mirrored_requests_total{outcome=\"dropped\"}"), 1);
}

/* REQ-096: over mutual TLS, as any other request. */
static void mirror_to_a_meshed_endpoint(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", NULL, "");
    world_service(w, "plain", "10.96.0.8", NULL, "10.0.0.2");
    world_service(w, "shadow", "10.96.0.7", NULL, "10.0.0.1");
    world_pod(w, "shadow-0", "10.0.0.1", "server", true, NULL);
    world_route(w, "r", "web",
                "  - filters: [" MIRROR("") "]\n    backendRefs: [{name: plain, port: 80}]\n");
    world_app(w, "10.0.0.2:8080");
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    struct app *s = world_app(w, "127.0.0.1:8080");
    struct client *c = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(c, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 2\r\n\r\nhi"),
               "HTTP/1.1 200");
    assert_int_equal(s->requests, 1);
    assert_string_equal(s->seen.body, "hi");
    assert_string_equal(s->seen.protocol, "h1"); /* as the caller spoke */
    assert_null(world_app_field(s, "weft-hop"));
    assert_int_equal(world_metric(w, "weft_mirrored_requests_total{outcome=\"answered\"}"), 1);
}

#define CORS                                                                                       \
    "{type: CORS, cors: {allowOrigins: ['https://*.example.org'], allowMethods: [PUT], maxAge: "   \
    "9}}"
#define PREFLIGHT(origin)                                                                          \
    "OPTIONS / HTTP/1.1\r\nHost: web\r\nOrigin: " origin                                           \
    "\r\nAccess-Control-Request-Method: PUT\r\n\r\n"

/* REQ-099, REQ-176: the proxy answers preflights, allowed or not; no app sees them. */
static void preflights_end_here(void **state) {
    struct world *w = *state;
    web_with(w, CORS);
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t = client_ask(c, PREFLIGHT("https://a.example.org"));
    assert_has(t, "HTTP/1.1 204");
    assert_has(t, "access-control-allow-origin: https://a.example.org");
    assert_has(t, "access-control-allow-methods: PUT");
    assert_has(t, "access-control-max-age: 9");
    assert_has(world_log(w), "\"reason\":\"preflight\"");
    t = client_ask(c, PREFLIGHT("https://evil.example"));
    assert_has(t, "HTTP/1.1 204");
    assert_hasnt(t, "access-control");
    assert_int_equal(served(w), 0);
    assert_has(client_ask(c, "OPTIONS / HTTP/1.1\r\nHost: web\r\n\r\n"), "HTTP/1.1 200");
    assert_int_equal(served(w), 1);
}

/* REQ-099, REQ-100, REQ-176: other requests go on whatever their Origin; only an allowed one is
 * told so. */
static void responses_tell_the_origin(void **state) {
    struct world *w = *state;
    web_with(w, "{type: RequestHeaderModifier, requestHeaderModifier: {remove: [origin]}}, " CORS);
    world_app(w, "10.0.0.1:8080")->reply_fields = world_app(w, "10.0.0.2:8080")->reply_fields =
        "access-control-allow-origin: *\n";
    struct client *c = world_connect(w, "10.96.0.1:80");
    const char *t =
        client_ask(c, "PUT / HTTP/1.1\r\nHost: web\r\nOrigin: https://b.example.org\r\n\r\n");
    assert_has(t, "HTTP/1.1 200");
    assert_has(t, "access-control-allow-origin: https://b.example.org");
    t = client_ask(c, "PUT / HTTP/1.1\r\nHost: web\r\nOrigin: https://evil.example\r\n\r\n");
    assert_has(t, "HTTP/1.1 200");
    assert_hasnt(t, "access-control");
    assert_int_equal(served(w), 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(copy_is_whole),
        T(a_mirror_that_hangs_or_dies),
        T(a_drain_waits_for_copies),
        T(a_slow_mirror_is_dropped),
        T(an_invalid_mirror_is_left_out),
        T(percentages),
        T(a_cut_request_cuts_its_copy),
        T(mirror_to_a_meshed_endpoint),
        T(preflights_end_here),
        T(responses_tell_the_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

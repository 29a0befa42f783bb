/* SPDX-License-Identifier: Apache-2.0
 * Limits on what one message may be and hold: its option decides, its answer comes, it is counted.
 */
#include "support/world.h"

#include <string.h>

#define GET(path)   "GET " path " HTTP/1.1\r\nHost: web\r\n\r\n"
#define LIMIT(word) "weft_limits_hit_total{direction=\"outbound\",limit=\"" word "\"}"

/* `n` times `unit` between two texts; free() it. */
static char *text_of(const char *before, const char *unit, size_t n, const char *after) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    weft_buf_str(&b, before);
    while (n--) weft_buf_str(&b, unit);
    weft_buf_str(&b, after);
    weft_buf_char(&b, 0);
    char *text = weft_strdup(weft_buf_slice(&b).base);
    weft_buf_done(&b);
    return text;
}

static void assert_counted_once(struct world *w, const char *limit) {
    char line[128];
    snprintf(line, sizeof line, "weft_limits_hit_total{direction=\"outbound\",limit=\"%s\"}",
             limit);
    assert_int_equal(world_metric(w, line), 1);
    assert_int_equal(world_metric(w, "weft_limits_hit_total"), 1); /* and as nothing else */
}

/* What just fits is served, the next size is refused with `status`. */
static void check(struct world *w, const char *before, const char *unit, size_t fits,
                  const char *after, const char *status, const char *limit) {
    WEFT_FREE char *good = text_of(before, unit, fits, after);
    WEFT_FREE char *bad = text_of(before, unit, fits + 1, after);
    assert_has(client_ask(world_connect(w, "10.96.0.1:80"), good), "HTTP/1.1 200");
    assert_int_equal(world_metric(w, "weft_limits_hit_total"), 0);
    assert_has(client_ask(world_connect(w, "10.96.0.1:80"), bad), status);
    world_advance(w, 10);
    assert_counted_once(w, limit);
}

static void fields_of_a_request(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    w->opt.max_head_fields = 10;
    check(w, "GET / HTTP/1.1\r\nHost: web\r\n", "a: b\r\n", 9, "\r\n", "HTTP/1.1 431", "fields");
    assert_has(world_log(w), "\"reason\":\"head_too_large\"");
}

static void bytes_of_a_request_head(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    w->opt.max_head_bytes = 2048;
    static const char before[] = "GET / HTTP/1.1\r\nHost: web\r\na: ";
    check(w, before, "x", 2048 - (sizeof before - 1) - 4, "\r\n\r\n", "HTTP/1.1 431", "head");
}

static void a_request_target(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    w->opt.max_target_bytes = 100;
    check(w, "GET /", "x", 99, " HTTP/1.1\r\nHost: web\r\n\r\n", "HTTP/1.1 414", "target");
    assert_has(world_log(w), "\"reason\":\"target_too_long\"");
}

static void chunk_extensions_of_a_request(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    w->opt.max_chunk_extensions = 50;
    check(w, "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x", 50,
          "\r\na\r\n0\r\n\r\n", "HTTP/1.1 400", "extensions");
    assert_has(world_log(w), "\"reason\":\"client_protocol\"");
}

static void memory_of_a_request(void **state) {
    struct world *w = *state;
    world_web(w, NULL);
    w->opt.max_request_memory = 128 * 1024 + 6 * 1024;
    WEFT_FREE char *large =
        text_of("GET / HTTP/1.1\r\nHost: web\r\na: ", "x", 7 * 1024, "\r\n\r\n");
    assert_has(client_ask(world_connect(w, "10.96.0.1:80"), GET("/")), "HTTP/1.1 200");
    assert_has(client_ask(world_connect(w, "10.96.0.1:80"), large), "HTTP/1.1 431");
    assert_counted_once(w, "request_memory");
}

/* An answer beyond them is the endpoint's fault: 502. */
static void refuse_answer(struct world *w, const char *before, const char *unit, size_t n,
                          const char *after, const char *limit) {
    WEFT_FREE char *answer = text_of(before, unit, n, after);
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_app_send(a, answer);
    world_settle(w);
    assert_has(client_text(c), "HTTP/1.1 502");
    assert_has(client_text(c), "weft-reason: upstream_protocol");
    assert_counted_once(w, limit);
}

static void fields_of_a_response(void **state) {
    refuse_answer(*state, "HTTP/1.1 200 OK\r\n", "a: b\r\n", 129, "\r\n", "fields");
}

static void bytes_of_a_response_head(void **state) {
    refuse_answer(*state, "HTTP/1.1 200 OK\r\na: ", "x", 64 * 1024, "\r\n\r\n", "head");
}

/* Too late for an answer: the caller's connection is cut. */
static void chunk_extensions_of_a_response(void **state) {
    struct world *w = *state;
    WEFT_FREE char *chunk = text_of("1;", "x", 4097, "\r\na\r\n0\r\n\r\n");
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, GET("/"));
    world_app_send(a, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    world_settle(w);
    world_app_send(a, chunk);
    world_settle(w);
    assert_true(c->broken);
    assert_counted_once(w, "extensions");
}

static struct app *retrying_app(struct world *w) {
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_route(w, "web", "web",
                "  - backendRefs: [{name: web, port: 80}]\n"
                "    retry: {attempts: 2, codes: [503], backoff: 1ms}\n");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->script[0] = ACT_503;
    a->n_script = 1;
    return a;
}

#define POST "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 20\r\n\r\n01234567890123456789"

static void a_body_that_is_kept_for_retries(void **state) {
    struct world *w = *state;
    struct app *a = retrying_app(w);
    w->opt.max_retry_body = 20;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, POST);
    world_advance(w, 100);
    assert_has(client_text(c), "HTTP/1.1 200");
    assert_int_equal(a->requests, 2);
    assert_int_equal(world_metric(w, "weft_limits_hit_total"), 0);
}

static void a_body_too_large_for_that(void **state) {
    struct world *w = *state;
    struct app *a = retrying_app(w);
    w->opt.max_retry_body = 19;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, POST);
    world_advance(w, 100);
    assert_has(client_text(c), "HTTP/1.1 503");
    assert_int_equal(a->requests, 1);
    assert_counted_once(w, "retry_body");
}

static void connections_to_an_endpoint(void **state) {
    struct world *w = *state;
    world_service(w, "web", "10.96.0.1", "http", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    w->opt.endpoint_connections = 1;
    a->hold_all = true;
    struct client *first = world_connect(w, "10.96.0.1:80");
    client_send(first, GET("/"));
    world_settle(w);
    const char *second = client_ask(world_connect(w, "10.96.0.1:80"), GET("/"));
    assert_has(second, "HTTP/1.1 503");
    assert_has(second, "weft-reason: overload");
    world_app_answer(a, 200);
    assert_has(client_text(first), "HTTP/1.1 200");
    assert_counted_once(w, "endpoint_connections");
}

/* A request for / with nothing but the pseudo-fields (RFC 9113, RFC 7541 6.1). */
static void send_get(struct client *c, uint8_t id) {
    const char frame[] = {0,        0,          7,          1,          5,    0, 0,   0,
                          (char)id, (char)0x82, (char)0x86, (char)0x84, 0x41, 2, 'w', 'b'};
    weft_xport_write(c->x, weft_slice(frame, sizeof frame));
    world_settle(c->w);
}

/* The reader opens no window: what is asked for further is refused from the option's size on. */
static void ask_without_reading(struct world *w, unsigned refused) {
    static const char hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    WEFT_FREE char *body = text_of("", "x", 100 * 1024, "");
    world_service(w, "web", "10.96.0.1", "kubernetes.io/h2c", "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->h2 = true;
    a->reply_body = body;
    struct client *c = world_connect(w, "10.96.0.1:80");
    weft_xport_write(c->x, weft_slice(hello, sizeof hello - 1));
    for (uint8_t i = 0; i < 4; i++) send_get(c, (uint8_t)(2 * i + 1));
    assert_int_equal(a->requests, 4 - refused);
    assert_int_equal(world_metric(w, LIMIT("buffered")), refused);
    assert_int_equal(world_metric(w, "weft_request_reasons_total{direction=\"outbound\","
                                     "reason=\"overload\"}"),
                     refused);
}

static void queue_of_a_connection(void **state) {
    ask_without_reading(*state, 0);
}

static void queue_of_a_connection_that_is_small(void **state) {
    struct world *w = *state;
    w->opt.max_conn_buffered = 100 * 1024; /* one answer less a window, and most of another */
    ask_without_reading(w, 2);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(fields_of_a_request),
        T(bytes_of_a_request_head),
        T(a_request_target),
        T(chunk_extensions_of_a_request),
        T(memory_of_a_request),
        T(fields_of_a_response),
        T(bytes_of_a_response_head),
        T(chunk_extensions_of_a_response),
        T(a_body_that_is_kept_for_retries),
        T(a_body_too_large_for_that),
        T(connections_to_an_endpoint),
        T(queue_of_a_connection),
        T(queue_of_a_connection_that_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * A drain and what callers have sent already, or are about to: served once, or refused before a
 * byte was taken. */
#include "support/world.h"

#include <string.h>

#define HEAD(path)  "GET " path " HTTP/1.1\r\nHost: web\r\n"
#define GET(path)   HEAD(path) "\r\n"
#define LIMIT(word) "weft_limits_hit_total{direction=\"outbound\",limit=\"" word "\"}"

/* HTTP is certain here, so nothing limits how long a caller may be silent first. */
static struct app *web(struct world *w) {
    world_web(w, "  - backendRefs: [{name: web, port: 80}]\n");
    return world_app(w, "10.0.0.1:8080");
}

static void assert_served_last(struct client *c) {
    assert_has(client_text(c), "HTTP/1.1 200");
    assert_has(client_text(c), "connection: close");
    assert_true(c->eof);
    assert_true(c->w->drained);
}

static void a_head_that_has_begun_is_heard(void **state) {
    struct world *w = *state;
    web(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, HEAD("/"));
    proxy_worker_drain(w->proxy);
    world_settle(w);
    assert_false(w->drained);
    client_send(c, "\r\n");
    assert_served_last(c);
}

/* What is on its way when the drain begins; on a connection that was silent for long, or was kept
 * after an answer. */
static void bytes_on_the_wire_are_heard(void **state) {
    struct world *w = *state;
    web(w);
    struct client *silent = world_connect(w, "10.96.0.1:80");
    struct client *kept = world_connect(w, "10.96.0.1:80");
    assert_has(client_ask(kept, GET("/")), "HTTP/1.1 200");
    weft_buf_clear(&kept->in);
    world_advance(w, 5000);
    weft_xport_write(silent->x, WEFT_SLICE_LIT(GET("/a")));
    weft_xport_write(kept->x, WEFT_SLICE_LIT(GET("/b")));
    proxy_worker_drain(w->proxy);
    world_settle(w);
    assert_served_last(silent);
    assert_served_last(kept);
}

/* Connected just before the drain: the request follows a moment later. */
static void who_has_just_come_is_heard(void **state) {
    struct world *w = *state;
    web(w);
    struct client *c = world_connect(w, "10.96.0.1:80");
    proxy_worker_drain(w->proxy);
    world_settle(w);
    assert_false(c->eof || w->drained);
    client_send(c, GET("/"));
    assert_served_last(c);
}

/* The same after it, when what held the drain ends in between. */
static void who_comes_late_is_heard(void **state) {
    struct world *w = *state;
    struct app *a = web(w);
    a->script[0] = ACT_HOLD;
    a->n_script = 1;
    world_app(w, "10.0.0.2:8080")->mode = APP_REFUSE;
    struct client *busy = world_connect(w, "10.96.0.1:80");
    client_send(busy, GET("/"));
    assert_int_equal(a->requests, 1);
    proxy_worker_drain(w->proxy);
    world_settle(w);
    struct client *late = world_connect(w, "10.96.0.1:80");
    world_app_answer(a, 200);
    assert_has(client_text(busy), "HTTP/1.1 200");
    assert_false(late->eof || late->broken || w->drained);
    client_send(late, GET("/"));
    assert_served_last(late);
}

/* Not for long, and those who were silent before are not waited for at all. */
static void the_silent_are_not_waited_for(void **state) {
    struct world *w = *state;
    web(w);
    struct client *old = world_connect(w, "10.96.0.1:80");
    world_advance(w, 5000);
    struct client *fresh = world_connect(w, "10.96.0.1:80");
    proxy_worker_drain(w->proxy);
    world_settle(w);
    assert_true(old->eof);
    world_advance(w, 900);
    assert_false(fresh->eof || w->drained);
    world_advance(w, 200);
    assert_true(fresh->eof && w->drained);
    assert_int_equal(world_metric(w, LIMIT("idle_timeout")), 0);
}

/* Several that end in the very call. */
static void many_silent_ones_end_at_once(void **state) {
    struct world *w = *state;
    struct client *c[5];
    web(w);
    for (int i = 0; i < 5; i++) c[i] = world_connect(w, "10.96.0.1:80");
    world_advance(w, 5000);
    proxy_worker_drain(w->proxy);
    world_settle(w);
    for (int i = 0; i < 5; i++) assert_true(c[i]->eof);
    assert_true(w->drained);
}

/* Where silence is not waited for either, what is passed through is in flight as elsewhere. */
static void opaque_bytes_are_in_flight(void **state) {
    struct world *w = *state;
    w->opt.detect_timeout_us = 0;
    world_service(w, "web", "10.96.0.1", NULL, "10.0.0.1");
    world_apply(w);
    struct app *a = world_app(w, "10.0.0.1:8080");
    a->mode = APP_RAW;
    struct client *c = world_connect(w, "10.96.0.1:80");
    client_send(c, "\1\2\3\4");
    assert_non_null(a->raw);
    proxy_worker_drain(w->proxy);
    world_settle(w);
    assert_false(w->drained);
    world_app_send(a, "still");
    assert_string_equal(client_text(c), "still");
    client_close(c);
    weft_xport_close(a->raw);
    a->raw = NULL;
    world_settle(w);
    assert_true(w->drained);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(a_head_that_has_begun_is_heard), T(bytes_on_the_wire_are_heard),
        T(who_has_just_come_is_heard),     T(who_comes_late_is_heard),
        T(the_silent_are_not_waited_for),  T(many_silent_ones_end_at_once),
        T(opaque_bytes_are_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

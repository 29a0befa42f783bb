/* SPDX-License-Identifier: Apache-2.0
 * gRPC calls over HTTP/2 over a memory pipe: both ends, the rules of the wire, and freeing inside
 * callbacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <weft/conn/grpc_call.h>
#include <weft/conn/server.h>

#define LIT(s) WEFT_SLICE_LIT(s)

struct world {
    struct weft_loop *loop;
    struct weft_client_conn *client;
    struct weft_server_conn *server;
    struct weft_grpc_call *call, *method;
    bool refuse, free_in_message, closed;
    int opened, half_closed, messages;
    uint32_t max_message;
    char got[128];   /* by the method, or the caller: the last message */
    char token[64];  /* authorization that the method saw */
    uint32_t status; /* at the caller; UINT32_MAX until it ended */
    uint32_t lost;   /* at the method */
    char text[128];
};

static void turn(struct world *w) {
    while (weft_loop_turn(w->loop)) {
    }
}

static void keep(char *to, size_t n, struct weft_slice s) {
    snprintf(to, n, "%.*s", WEFT_SLICE_ARG(s));
}

/* === the method === */

static void method_message(void *ud, struct weft_slice m) {
    struct world *w = ud;
    w->messages++;
    keep(w->got, sizeof w->got, m);
    if (w->free_in_message) w->method = weft_grpc_call_free(w->method);
}
static void method_half_close(void *ud) {
    ((struct world *)ud)->half_closed++;
}
static void method_end(void *ud, uint32_t status, struct weft_slice text) {
    struct world *w = ud;
    w->lost = status;
    keep(w->text, sizeof w->text, text);
    w->method = weft_grpc_call_free(w->method);
}
static const struct weft_grpc_cb method_cb = {
    .on_message = method_message, .on_half_close = method_half_close, .on_end = method_end};

static void on_request(void *ud, struct weft_server_conn *c, struct weft_stream *s,
                       struct weft_head *head, bool end) {
    struct world *w = ud;
    (void)c;
    assert_true(weft_grpc_is_call(head));
    const struct weft_field *f = weft_fields_get(&head->fields, LIT("authorization"));
    keep(w->token, sizeof w->token, f ? f->value : LIT(""));
    if (w->refuse)
        weft_grpc_refuse(s, end, WEFT_GRPC_PERMISSION_DENIED, LIT("100 % no\n"));
    else
        w->method = weft_grpc_call_accept(s, end, w->max_message, &method_cb, w);
}
static void on_server_closed(void *ud, struct weft_server_conn *c) {
    (void)c;
    ((struct world *)ud)->server = NULL;
}
static const struct weft_server_cb server_cb = {.on_request = on_request,
                                                .on_closed = on_server_closed};

/* === the caller === */

static void caller_open(void *ud) {
    ((struct world *)ud)->opened++;
}
static void caller_message(void *ud, struct weft_slice m) {
    struct world *w = ud;
    w->messages++;
    keep(w->got, sizeof w->got, m);
    if (w->free_in_message) w->call = weft_grpc_call_free(w->call);
}
static void caller_end(void *ud, uint32_t status, struct weft_slice text) {
    struct world *w = ud;
    w->status = status;
    keep(w->text, sizeof w->text, text);
    w->call = weft_grpc_call_free(w->call);
}
static const struct weft_grpc_cb caller_cb = {
    .on_open = caller_open, .on_message = caller_message, .on_end = caller_end};

static void on_client_closed(void *ud) {
    struct world *w = ud;
    w->client = NULL;
    w->closed = true;
}

static void begin(struct world *w) {
    w->call = weft_grpc_call_new(w->client,
                                 &(struct weft_grpc_request){.authority = LIT("x"),
                                                             .path = LIT("/a.B/C"),
                                                             .authorization = LIT("Bearer t"),
                                                             .max_message = 1000},
                                 &caller_cb, w);
    assert_non_null(w->call);
    turn(w);
}

static int setup(void **state) {
    static struct world world;
    struct world *w = &world;
    *w = (struct world){.status = UINT32_MAX, .lost = UINT32_MAX, .max_message = 1000};
    w->loop = weft_loop_new_fake();
    struct weft_xport *a, *b;
    weft_xport_pipe(w->loop, &a, &b);
    struct weft_codec_limits limits = weft_codec_limits_default();
    w->server = weft_server_conn_new(b, &(struct weft_server_options){.h2 = true, .limits = limits},
                                     &server_cb, w);
    w->client = weft_client_conn_new(a, true, &limits, on_client_closed, w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    w->call = weft_grpc_call_free(w->call);
    w->method = weft_grpc_call_free(w->method);
    if (w->client) weft_client_conn_close(w->client);
    turn(w);
    if (w->server) weft_server_conn_close(w->server);
    turn(w);
    w->loop = weft_loop_free(w->loop);
    return 0;
}

static void test_messages_go_both_ways(void **state) {
    struct world *w = *state;
    begin(w);
    assert_string_equal(w->token, "Bearer t");
    assert_int_equal(weft_grpc_call_send(w->call, LIT("one")), WEFT_OK);
    turn(w);
    assert_string_equal(w->got, "one");
    assert_int_equal(w->opened, 0);
    weft_grpc_call_open(w->method);
    turn(w);
    assert_int_equal(w->opened, 1);
    assert_int_equal(weft_grpc_call_send(w->method, LIT("two")), WEFT_OK);
    assert_int_equal(weft_grpc_call_send(w->method, LIT("")), WEFT_OK);
    turn(w);
    assert_int_equal(w->messages, 3);
    assert_string_equal(w->got, "");
    weft_grpc_call_half_close(w->call);
    turn(w);
    assert_int_equal(w->half_closed, 1);
    weft_grpc_call_finish(w->method, WEFT_GRPC_OK, LIT(""));
    w->method = weft_grpc_call_free(w->method);
    turn(w);
    assert_int_equal(w->status, WEFT_GRPC_OK);
    assert_false(w->closed);
}

static void test_an_early_answer_arrives_though_the_caller_goes_on(void **state) {
    struct world *w = *state;
    begin(w);
    (void)weft_grpc_call_send(w->method, LIT("last words"));
    weft_grpc_call_finish(w->method, WEFT_GRPC_INVALID_ARGUMENT, LIT(" why "));
    assert_int_equal(weft_grpc_call_send(w->method, LIT("more")), WEFT_CLOSED);
    w->method = weft_grpc_call_free(w->method);
    turn(w);
    assert_string_equal(w->got, "last words");
    assert_int_equal(w->status, WEFT_GRPC_INVALID_ARGUMENT);
    assert_string_equal(w->text, "why");
}

static void test_refused_calls_say_why(void **state) {
    struct world *w = *state;
    w->refuse = true;
    begin(w);
    turn(w);
    assert_int_equal(w->status, WEFT_GRPC_PERMISSION_DENIED);
    assert_string_equal(w->text, "100 % no\n");
    assert_false(w->closed);
}

static void test_too_long_a_message_ends_the_call(void **state) {
    struct world *w = *state;
    w->max_message = 10;
    begin(w);
    (void)weft_grpc_call_send(w->call, LIT("eleven bytes"));
    turn(w);
    assert_int_equal(w->lost, WEFT_GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(w->status, WEFT_GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(w->messages, 0);
}

static void test_the_caller_going_away_is_told(void **state) {
    struct world *w = *state;
    begin(w);
    w->call = weft_grpc_call_free(w->call);
    turn(w);
    assert_int_equal(w->lost, WEFT_GRPC_CANCELLED);
    assert_null(w->method);
}

static void test_the_connection_breaking_is_unavailable(void **state) {
    struct world *w = *state;
    begin(w);
    weft_server_conn_close(w->server);
    turn(w);
    assert_int_equal(w->status, WEFT_GRPC_UNAVAILABLE);
    assert_int_equal(w->lost, WEFT_GRPC_CANCELLED);
}

static void test_a_call_may_be_freed_in_its_own_message(void **state) {
    struct world *w = *state;
    w->free_in_message = true;
    begin(w);
    (void)weft_grpc_call_send(w->call, LIT("one"));
    (void)weft_grpc_call_send(w->call, LIT("two"));
    turn(w);
    assert_int_equal(w->messages, 1);
    assert_null(w->method);
    assert_int_equal(w->status, WEFT_GRPC_UNAVAILABLE); /* it went without an answer */
}

static void test_a_paused_call_holds_its_messages_back(void **state) {
    struct world *w = *state;
    begin(w);
    weft_grpc_call_pause(w->method);
    int sent = 0;
    char big[1000] = {0};
    while (sent < 10000 && weft_grpc_call_send(w->call, weft_slice(big, sizeof big)) == WEFT_OK) {
        sent++;
        turn(w);
    }
    assert_true(sent < 10000); /* backpressure reached the caller */
    weft_grpc_call_resume(w->method);
    turn(w);
    assert_int_equal(w->messages, sent + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_messages_go_both_ways),
        T(test_an_early_answer_arrives_though_the_caller_goes_on),
        T(test_refused_calls_say_why),
        T(test_too_long_a_message_ends_the_call),
        T(test_the_caller_going_away_is_told),
        T(test_the_connection_breaking_is_unavailable),
        T(test_a_call_may_be_freed_in_its_own_message),
        T(test_a_paused_call_holds_its_messages_back),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Upgrades of HTTP/1.1 (RFC 9110 7.8): who may ask, who may switch, and the raw bytes behind a 101
 * with a half-close each way. */
#include "harness.h"

#define H "Host: web\r\n"
#define ASK                                                                                        \
    "GET /chat HTTP/1.1\r\n" H "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"         \
    "Sec-WebSocket-Key: k\r\n\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"

static void pull_is(struct side *t, const char *want) {
    struct weft_buf out;
    weft_buf_init(&out, 0);
    side_pull(t, &out);
    if (!weft_slice_is(weft_buf_slice(&out), want))
        fail_msg("sent %.*s\nwant %s", WEFT_SLICE_ARG(weft_buf_slice(&out)), want);
    weft_buf_done(&out);
}

static void receive(struct side *t, const char *bytes) {
    weft_buf_str(&t->in, bytes);
    side_feed(t, SIZE_MAX);
}

static enum weft_status switch_to(struct weft_stream *s, const char *protocol) {
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(s));
    h.status = 101;
    h.upgrade = weft_slice_str(protocol);
    return weft_stream_head(s, &h, false);
}

static void server_init(struct side *t, const char *request) {
    side_init(t, false, WEFT_SERVER, NULL);
    t->no_reply = t->keep = true;
    receive(t, request);
    assert_non_null(t->last);
}

/* ---- who asks ---- */

struct asks {
    const char *name, *request;
    bool may;
};
static const struct asks asks[] = {
    {"websocket", ASK, true},
    {"empty body",
     "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\nConnection: upgrade\r\n"
     "Upgrade: x/1, y\r\n\r\n",
     true},
    {"not named by connection", "GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\n\r\n", false},
    {"nothing to switch to", "GET / HTTP/1.1\r\n" H "Connection: upgrade\r\n\r\n", false},
    {"http/1.0", "GET / HTTP/1.0\r\n" H "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", false},
    {"h2c",
     "GET / HTTP/1.1\r\n" H "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
     false},
    {"h2c among others",
     "GET / HTTP/1.1\r\n" H "Connection: upgrade\r\n"
     "Upgrade: websocket, H2C\r\n\r\n",
     false},
};

static void test_who_may_ask(void **state) {
    for (size_t i = 0; i < WEFT_LEN(asks); i++) {
        struct side t;
        server_init(&t, asks[i].request);
        bool may = switch_to(t.last, "websocket") == WEFT_OK;
        if (may != asks[i].may) fail_msg("%s", asks[i].name);
        side_done(&t);
    }
}

/* With a body on its way it is an ordinary request. */
static void test_body_forbids(void **state) {
    struct side t;
    server_init(&t, "POST / HTTP/1.1\r\n" H "Content-Length: 2\r\nConnection: upgrade\r\n"
                    "Upgrade: websocket\r\n\r\nab");
    assert_int_equal(switch_to(t.last, "websocket"), WEFT_UNSUPPORTED);
    side_done(&t);
}

static void test_switch_names_its_protocol(void **state) {
    struct side t;
    server_init(&t, ASK);
    assert_int_equal(switch_to(t.last, ""), WEFT_UNSUPPORTED);
    assert_int_equal(switch_to(t.last, "a\r\nb: c"), WEFT_INVALID);
    side_done(&t);
}

/* ---- the server's side ---- */

static void test_server(void **state) {
    struct side t;
    server_init(&t, ASK "early");
    struct weft_stream *s = t.last;
    assert_string_equal(side_log(&t), "GET /chat @web sec-websocket-key=k end");
    assert_int_equal(switch_to(s, "websocket"), WEFT_OK);
    side_feed(&t, SIZE_MAX);
    pull_is(&t, SWITCH "\r\n");
    receive(&t, " GET / HTTP/1.1\r\n\r\n");
    assert_string_equal(side_log(&t), "GET /chat @web sec-websocket-key=k end "
                                      "(early GET / HTTP/1.1\r\n\r\n)");
    assert_int_equal(weft_stream_data(s, S("0\r\n\r\n")), WEFT_OK);
    pull_is(&t, "0\r\n\r\n");
    assert_false(weft_codec_out_ended(t.codec));
    int told = t.output;
    assert_int_equal(weft_stream_end(s, NULL), WEFT_OK);
    assert_int_equal(t.output, told + 1);
    assert_true(weft_codec_out_ended(t.codec));
    pull_is(&t, "");
    assert_int_equal(weft_stream_data(s, S("x")), WEFT_CLOSED);
    assert_false(weft_codec_finished(t.codec));
    receive(&t, "still");
    weft_codec_eof(t.codec);
    assert_true(weft_stream_complete(s));
    assert_true(weft_codec_finished(t.codec));
    assert_false(weft_codec_broken(t.codec));
    side_done(&t);
}

static void test_server_peer_ends_first(void **state) {
    struct side t;
    server_init(&t, ASK);
    struct weft_stream *s = t.last;
    assert_int_equal(switch_to(s, "websocket"), WEFT_OK);
    weft_codec_eof(t.codec);
    assert_false(weft_stream_complete(s));
    assert_int_equal(weft_stream_data(s, S("rest")), WEFT_OK);
    assert_int_equal(weft_stream_end(s, NULL), WEFT_OK);
    pull_is(&t, SWITCH "\r\nrest");
    assert_true(weft_codec_finished(t.codec));
    side_done(&t);
}

/* Any other answer, and the connection goes on. */
static void test_not_switched(void **state) {
    struct side t;
    side_init(&t, false, WEFT_SERVER, NULL);
    receive(&t, ASK ASK);
    pull_is(&t, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert_false(weft_codec_finished(t.codec));
    side_done(&t);
}

static void test_pause_and_reset(void **state) {
    struct side t;
    server_init(&t, ASK);
    struct weft_stream *s = t.last;
    assert_int_equal(switch_to(s, "websocket"), WEFT_OK);
    weft_stream_pause(s);
    assert_false(weft_codec_wants_input(t.codec));
    receive(&t, "held");
    assert_int_equal(weft_buf_size(&t.in), 4);
    weft_stream_resume(s);
    side_feed(&t, SIZE_MAX);
    assert_int_equal(weft_buf_size(&t.in), 0);
    weft_stream_reset(s, WEFT_CANCELED);
    assert_true(weft_codec_broken(t.codec));
    side_done(&t);
}

/* ---- the client's side ---- */

static struct weft_stream *ask_switch(struct side *t, const char *upgrade) {
    struct weft_arena a;
    struct weft_head h;
    weft_arena_init(&a, 0);
    weft_head_init(&h, &a);
    h.method = S("GET");
    h.path = S("/chat");
    h.authority = S("web");
    h.version = WEFT_HTTP_11;
    h.upgrade = weft_slice_str(upgrade);
    static struct exchange x;
    struct weft_stream *s = weft_codec_request(t->codec, &h, true, &exchange_cb, &x);
    x = (struct exchange){.side = t, .s = s};
    t->keep = true;
    t->last = s;
    weft_arena_done(&a);
    return s;
}

static void test_client(void **state) {
    struct side t;
    side_init(&t, false, WEFT_CLIENT, NULL);
    struct weft_stream *s = ask_switch(&t, "websocket");
    pull_is(&t, "GET /chat HTTP/1.1\r\nhost: web\r\nconnection: upgrade\r\n"
                "upgrade: websocket\r\n\r\n");
    receive(&t, "HTTP/1.1 103 Early Hints\r\n\r\n" SWITCH "Sec-WebSocket-Accept: a\r\n\r\nhello");
    assert_string_equal(side_log(&t), "info:103 101 sec-websocket-accept=a (hello)");
    assert_int_equal(t.retired, 1);
    assert_int_equal(weft_codec_capacity(t.codec), 0);
    assert_int_equal(weft_stream_data(s, S("GET")), WEFT_OK);
    pull_is(&t, "GET");
    weft_codec_eof(t.codec);
    assert_false(weft_stream_complete(s));
    assert_int_equal(weft_stream_data(s, S("!")), WEFT_OK);
    pull_is(&t, "!");
    assert_int_equal(weft_stream_end(s, NULL), WEFT_OK);
    assert_true(weft_codec_finished(t.codec));
    side_done(&t);
}

static void test_client_ordinary_answer(void **state) {
    struct side t;
    side_init(&t, false, WEFT_CLIENT, NULL);
    ask_switch(&t, "websocket");
    struct weft_buf out;
    weft_buf_init(&out, 0);
    side_pull(&t, &out);
    weft_buf_done(&out);
    receive(&t, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
    assert_string_equal(side_log(&t), "403 length:2 (no) end");
    assert_int_equal(weft_codec_capacity(t.codec), 1);
    side_done(&t);
}

static const char *const not_switches[] = {
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n",
    "HTTP/1.0 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
};

static void test_client_bad_switch(void **state) {
    for (size_t i = 0; i < WEFT_LEN(not_switches); i++) {
        struct side t;
        side_init(&t, false, WEFT_CLIENT, NULL);
        ask_switch(&t, "websocket");
        struct weft_buf out;
        weft_buf_init(&out, 0);
        side_pull(&t, &out);
        weft_buf_done(&out);
        receive(&t, not_switches[i]);
        assert_string_equal(side_log(&t), "reset:protocol,started");
        side_done(&t);
    }
}

/* The connection breaks under a tunnel: a reset, not an end. */
static void test_client_broken(void **state) {
    struct side t;
    side_init(&t, false, WEFT_CLIENT, NULL);
    ask_switch(&t, "websocket");
    struct weft_buf out;
    weft_buf_init(&out, 0);
    side_pull(&t, &out);
    weft_buf_done(&out);
    receive(&t, SWITCH "\r\n");
    t.codec = weft_codec_free(t.codec);
    assert_string_equal(side_log(&t), "101 reset:closed,started");
    weft_stream_release(t.last);
    weft_buf_done(&t.log);
    weft_buf_done(&t.in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_ask),
        cmocka_unit_test(test_body_forbids),
        cmocka_unit_test(test_switch_names_its_protocol),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_server_peer_ends_first),
        cmocka_unit_test(test_not_switched),
        cmocka_unit_test(test_pause_and_reset),
        cmocka_unit_test(test_client),
        cmocka_unit_test(test_client_ordinary_answer),
        cmocka_unit_test(test_client_bad_switch),
        cmocka_unit_test(test_client_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * HTTP/2: both codecs back to back. */
#include "harness.h"

static const size_t steps[] = {SIZE_MAX, 7, 1};

static void pair_init(struct side *c, struct side *s, const struct weft_codec_limits *limits) {
    side_init(c, true, WEFT_CLIENT, limits);
    side_init(s, true, WEFT_SERVER, limits);
}
static void pair_done(struct side *c, struct side *s) {
    side_done(c);
    side_done(s);
}
static enum weft_status send_head(struct weft_stream *s, uint16_t status, enum weft_framing framing,
                                  uint64_t length, bool end) {
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(s));
    h.status = status;
    h.framing = framing;
    h.content_length = length;
    h.has_content_length = framing == WEFT_BODY_LENGTH;
    return weft_stream_head(s, &h, end);
}

/* === both ends === */

static void test_echo(void **state) {
    for (size_t k = 0; k < WEFT_LEN(steps); k++) {
        struct side c, s;
        pair_init(&c, &s, NULL);
        s.echo = true;
        struct weft_stream *one =
            ask(&c, (struct request){"POST", "/a?b", "web:80", WEFT_BODY_CHUNKED, 0}, false);
        shuttle(&c, &s, steps[k]);
        weft_stream_data(one, S("hello "));
        shuttle(&c, &s, steps[k]);
        weft_stream_data(one, S("world"));
        weft_stream_end(one, NULL);
        shuttle(&c, &s, steps[k]);
        assert_string_equal(side_log(&s), "POST /a?b @web:80 chunked (hello world) end");
        assert_string_equal(side_log(&c), "200 chunked (hello world) end");
        assert_int_equal(weft_codec_streams(c.codec) + weft_codec_streams(s.codec), 0);
        pair_done(&c, &s);
    }
}

static void test_lengths(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.echo = true;
    struct weft_stream *one =
        ask(&c, (struct request){.method = "PUT", .framing = WEFT_BODY_LENGTH, .length = 3}, false);
    weft_stream_data(one, S("abc"));
    weft_stream_end(one, NULL);
    shuttle(&c, &s, 1);
    ask(&c, (struct request){.method = "PUT", .framing = WEFT_BODY_LENGTH}, true);
    ask(&c, (struct request){.method = "PUT"}, true);
    shuttle(&c, &s, 1);
    assert_string_equal(side_log(&s), "PUT / @web length:3 (abc) end PUT / @web length:0 end "
                                      "PUT / @web end");
    pair_done(&c, &s);
}

static void test_head_request(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = true;
    ask(&c, (struct request){.method = "HEAD"}, true);
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(send_head(s.last, 200, WEFT_BODY_LENGTH, 5, false), WEFT_OK);
    assert_int_equal(weft_stream_data(s.last, S("hello")), WEFT_OK);
    assert_int_equal(weft_stream_end(s.last, NULL), WEFT_OK);
    shuttle(&c, &s, SIZE_MAX);
    assert_string_equal(side_log(&c), "200 none:5 end");
    pair_done(&c, &s);
}

static void test_fields_trailers_interim(void **state) {
    struct side c, s;
    struct weft_head h;
    struct weft_fields tr;
    struct weft_arena a;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = true;
    weft_arena_init(&a, 0);
    weft_head_init(&h, &a);
    h.method = S("POST");
    h.path = S("/");
    h.authority = S("web");
    h.framing = WEFT_BODY_CHUNKED;
    h.te_trailers = h.expect_continue = true;
    weft_fields_add(&h.fields, S("Connection"), S("close")); /* must not go out */
    weft_fields_add(&h.fields, S("Transfer-Encoding"), S("chunked"));
    weft_fields_add(&h.fields, S("X-Long"), S("v"));
    weft_fields_init(&tr, &a);
    weft_fields_add(&tr, S("X-Sum"), S("1"));
    struct weft_stream *q = weft_codec_request(c.codec, &h, false, NULL, NULL);
    struct exchange *x = weft_arena_new(weft_stream_arena(q), struct exchange);
    *x = (struct exchange){.side = &c, .s = q};
    weft_stream_set_cb(q, &exchange_cb, x);
    weft_arena_done(&a); /* the head was copied */
    shuttle(&c, &s, 1);
    send_head(s.last, 100, 0, 0, false);
    assert_int_equal(send_head(s.last, 101, 0, 0, false), WEFT_UNSUPPORTED);
    shuttle(&c, &s, 1);
    weft_stream_data(q, S("x"));
    weft_arena_init(&a, 0);
    weft_fields_init(&tr, &a);
    weft_fields_add(&tr, S("X-Sum"), S("1"));
    weft_stream_end(q, &tr);
    weft_arena_done(&a);
    shuttle(&c, &s, 1);
    weft_arena_init(&a, 0);
    weft_fields_init(&tr, &a);
    weft_fields_add(&tr, S("grpc-status"), S("0"));
    send_head(s.last, 200, WEFT_BODY_CHUNKED, 0, false);
    weft_stream_end(s.last, &tr);
    weft_arena_done(&a);
    shuttle(&c, &s, 1);
    assert_string_equal(side_log(&s),
                        "POST / @web chunked expect te x-long=v (x) trailers x-sum=1 end");
    assert_string_equal(side_log(&c), "info:100 200 chunked trailers grpc-status=0 end");
    pair_done(&c, &s);
}

static void test_concurrent(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.echo = true;
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(weft_codec_capacity(c.codec), WEFT_MAX_STREAMS);
    struct weft_stream *all[50];
    for (int i = 0; i < 50; i++) {
        all[i] = ask(&c, (struct request){.method = "POST", .framing = WEFT_BODY_CHUNKED}, false);
        assert_non_null(all[i]);
    }
    assert_int_equal(weft_codec_capacity(c.codec), WEFT_MAX_STREAMS - 50);
    shuttle(&c, &s, SIZE_MAX);
    for (int i = 49; i >= 0; i--) {
        weft_stream_data(all[i], S("z"));
        weft_stream_end(all[i], NULL);
    }
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(weft_codec_streams(c.codec), 0);
    assert_int_equal(weft_codec_capacity(c.codec), WEFT_MAX_STREAMS);
    pair_done(&c, &s);
}

static void test_peer_limit_is_capacity(void **state) {
    struct weft_codec_limits l = weft_codec_limits_default();
    l.streams = 2;
    struct side c, s;
    side_init(&c, true, WEFT_CLIENT, NULL);
    side_init(&s, true, WEFT_SERVER, &l);
    s.no_reply = s.keep = true;
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(weft_codec_capacity(c.codec), 2);
    assert_non_null(ask(&c, (struct request){.method = "GET"}, true));
    assert_non_null(ask(&c, (struct request){.method = "GET"}, true));
    assert_int_equal(weft_codec_capacity(c.codec), 0);
    assert_null(ask(&c, (struct request){.method = "GET"}, true));
    pair_done(&c, &s);
}

/* === flow control === */

static void pump(struct weft_stream *s, size_t n) {
    static const char block[16 * 1024];
    for (; n; n -= n < sizeof block ? n : sizeof block)
        (void)weft_stream_data(s, weft_slice(block, n < sizeof block ? n : sizeof block));
}

static void test_paused_stream_shuts_its_window_only(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = true;
    struct weft_stream *slow =
        ask(&c, (struct request){.method = "POST", .framing = WEFT_BODY_CHUNKED}, false);
    shuttle(&c, &s, SIZE_MAX);
    struct weft_stream *paused = s.last;
    weft_stream_pause(paused);
    pump(slow, 2 * WEFT_STREAM_WINDOW);
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(weft_stream_queued(slow), WEFT_STREAM_WINDOW); /* the rest must wait */
    weft_stream_pause(paused);
    weft_stream_resume(paused); /* still paused once */
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(weft_stream_queued(slow), WEFT_STREAM_WINDOW);
    s.keep = false;
    s.echo = true, s.no_reply = false; /* another stream is not held up */
    struct weft_stream *fast =
        ask(&c, (struct request){.method = "POST", .framing = WEFT_BODY_CHUNKED}, false);
    pump(fast, WEFT_STREAM_WINDOW);
    weft_stream_end(fast, NULL);
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(weft_codec_streams(c.codec), 1);
    s.keep = true, s.echo = false, s.no_reply = true;
    weft_stream_resume(paused);
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(weft_stream_queued(slow), 0);
    s.last = paused;
    pair_done(&c, &s);
}

static void test_held_window_takes_capacity(void **state) {
    struct weft_codec_limits l = weft_codec_limits_default();
    l.conn_window = 2 * l.stream_window;
    struct side c, s;
    pair_init(&c, &s, &l);
    s.no_reply = s.keep = true;
    struct weft_stream *q[2], *a[2];
    for (int i = 0; i < 2; i++) {
        q[i] = ask(&c, (struct request){.method = "GET"}, true);
        shuttle(&c, &s, SIZE_MAX);
        a[i] = s.last;
        send_head(a[i], 200, WEFT_BODY_CHUNKED, 0, false);
        weft_stream_pause(q[i]);
    }
    c.keep = true;
    pump(a[0], l.stream_window);
    shuttle(&c, &s, SIZE_MAX);
    assert_int_not_equal(weft_codec_capacity(c.codec), 0); /* half is not more than half */
    pump(a[1], 20000);
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(weft_codec_capacity(c.codec), 0);
    weft_stream_resume(q[0]);
    assert_int_not_equal(weft_codec_capacity(c.codec), 0);
    weft_stream_reset(q[1], WEFT_CANCELED); /* what it held goes back as well */
    shuttle(&c, &s, SIZE_MAX);
    pump(a[0], 2 * l.conn_window);
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(weft_stream_queued(a[0]), 0);
    c.last = NULL;
    weft_stream_release(q[0]);
    weft_stream_release(q[1]);
    weft_stream_release(a[0]);
    s.last = a[1];
    pair_done(&c, &s);
}

static void test_high_water(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = true;
    ask(&c, (struct request){.method = "GET"}, true);
    shuttle(&c, &s, SIZE_MAX);
    send_head(s.last, 200, WEFT_BODY_CHUNKED, 0, false);
    static const char block[WEFT_STREAM_HIGH];
    assert_int_equal(weft_stream_data(s.last, S("x")), WEFT_OK);
    assert_int_equal(weft_stream_data(s.last, weft_slice(block, sizeof block)), WEFT_AGAIN);
    assert_int_equal(s.writable, 0);
    struct weft_buf out;
    weft_buf_init(&out, 0);
    assert_true(weft_codec_pull(s.codec, &out, 32768) >= 32768);
    assert_true(weft_buf_size(&out) < 32768 + 20000);
    assert_true(weft_codec_has_output(s.codec));
    assert_int_equal(s.writable, 0);
    side_pull(&s, &out);
    assert_int_equal(s.writable, 1);
    weft_buf_done(&out);
    pair_done(&c, &s);
}

/* === resets === */

static void test_reset_codes(void **state) {
    static const struct {
        enum weft_status sent;
        const char *log;
    } cases[] = {
        {WEFT_CANCELED, "reset:canceled"},    {WEFT_PROTOCOL, "reset:protocol"},
        {WEFT_INTERNAL, "reset:internal"},    {WEFT_REFUSED, "reset:refused,unprocessed"},
        {WEFT_LIMIT, "reset:limit"},          {WEFT_TIMEOUT, "reset:canceled"},
        {WEFT_UNREACHABLE, "reset:internal"},
    };
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        struct side c, s;
        pair_init(&c, &s, NULL);
        s.no_reply = s.keep = true;
        ask(&c, (struct request){.method = "GET"}, true);
        shuttle(&c, &s, SIZE_MAX);
        weft_stream_reset(s.last, cases[i].sent);
        shuttle(&c, &s, SIZE_MAX);
        assert_string_equal(side_log(&c), cases[i].log);
        assert_string_equal(side_log(&s), "GET / @web end");
        assert_int_equal(weft_codec_streams(s.codec), 0);
        pair_done(&c, &s);
    }
}

static void test_reset_behind_head(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = true;
    ask(&c, (struct request){.method = "GET"}, true);
    shuttle(&c, &s, SIZE_MAX);
    send_head(s.last, 200, WEFT_BODY_CHUNKED, 0, false);
    weft_stream_data(s.last, S("ab"));
    shuttle(&c, &s, SIZE_MAX);
    weft_stream_reset(s.last, WEFT_INTERNAL);
    shuttle(&c, &s, SIZE_MAX);
    assert_string_equal(side_log(&c), "200 chunked (ab) reset:internal,started");
    pair_done(&c, &s);
}

static void test_client_cancel(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = true;
    c.keep = true;
    struct weft_stream *q =
        ask(&c, (struct request){.method = "POST", .framing = WEFT_BODY_CHUNKED}, false);
    shuttle(&c, &s, SIZE_MAX);
    c.last = NULL;
    weft_stream_release(q); /* not complete: resets */
    shuttle(&c, &s, SIZE_MAX);
    assert_string_equal(side_log(&s), "POST / @web chunked reset:canceled");
    assert_string_equal(side_log(&c), "");
    pair_done(&c, &s);
}

/* Output that was told of and then went away with its stream: the next one is told of again. */
static void test_output_lost_with_its_stream(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = c.keep = true;
    ask(&c, (struct request){.method = "GET"}, true);
    shuttle(&c, &s, SIZE_MAX);
    send_head(s.last, 200, WEFT_BODY_CHUNKED, 0, false);
    shuttle(&c, &s, SIZE_MAX);
    weft_stream_data(s.last, S("nobody wants this"));
    assert_true(weft_codec_has_output(s.codec));
    weft_stream_release(c.last);
    c.last = NULL;
    side_pull(&c, &s.in);
    side_feed(&s, SIZE_MAX);
    side_pull(&s, &c.in);
    s.no_reply = c.keep = false;
    ask(&c, (struct request){.method = "GET"}, true);
    side_pull(&c, &s.in);
    int before = s.output;
    side_feed(&s, SIZE_MAX);
    assert_int_equal(s.output, before + 1);
    shuttle(&c, &s, SIZE_MAX);
    assert_string_equal(side_log(&c), "200 chunked 200 end");
    pair_done(&c, &s);
}

/* Cancelled before anything left: the server never hears of it. */
static void test_cancel_unsent(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    ask(&c, (struct request){.method = "GET"}, true);
    weft_stream_release(c.last);
    c.last = NULL;
    shuttle(&c, &s, SIZE_MAX);
    assert_string_equal(side_log(&s), "");
    ask(&c, (struct request){.method = "GET"}, true);
    shuttle(&c, &s, SIZE_MAX);
    assert_string_equal(side_log(&c), "200 end");
    pair_done(&c, &s);
}

static void test_unprocessed_when_never_pulled(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    ask(&c, (struct request){.method = "GET"}, true);
    weft_codec_eof(c.codec);
    assert_string_equal(side_log(&c), "reset:reset,unprocessed");
    assert_true(weft_codec_finished(c.codec));
    pair_done(&c, &s);
}

static void test_body_held_to_its_length(void **state) {
    for (int over = 0; over < 2; over++) {
        struct side c, s;
        pair_init(&c, &s, NULL);
        s.no_reply = s.keep = true;
        ask(&c, (struct request){.method = "GET"}, true);
        shuttle(&c, &s, SIZE_MAX);
        send_head(s.last, 200, WEFT_BODY_LENGTH, 3, false);
        weft_stream_data(s.last, S("ab"));
        assert_int_equal(over ? weft_stream_data(s.last, S("cd")) : weft_stream_end(s.last, NULL),
                         WEFT_PROTOCOL);
        shuttle(&c, &s, SIZE_MAX);
        struct weft_slice log = weft_slice_str(side_log(&c));
        assert_true(weft_slice_search(log, S("reset:protocol")) < log.len);
        pair_done(&c, &s);
    }
}

/* RFC 9113 8.1: a complete answer, then RST_STREAM(NO_ERROR); the client sees the answer. */
static void test_early_answer(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = true;
    c.keep = true;
    struct weft_stream *q =
        ask(&c, (struct request){.method = "POST", .framing = WEFT_BODY_CHUNKED}, false);
    shuttle(&c, &s, SIZE_MAX);
    struct weft_stream *a = s.last;
    static char block[100000];
    memset(block, 'z', sizeof block);
    send_head(a, 413, WEFT_BODY_LENGTH, sizeof block, false);
    weft_stream_data(a, weft_slice(block, sizeof block));
    weft_stream_end(a, NULL);
    s.last = NULL;
    weft_stream_release(a); /* flows out on its own */
    shuttle(&c, &s, SIZE_MAX);
    struct weft_slice log = weft_slice_str(side_log(&c));
    assert_true(weft_slice_ends(log, S(") end")));
    assert_int_equal(weft_stream_data(q, S("more")), WEFT_CLOSED);
    assert_int_equal(weft_codec_streams(s.codec), 0);
    assert_int_equal(weft_codec_streams(c.codec), 0);
    pair_done(&c, &s);
}

/* === the end of a connection === */

static void test_server_drain(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = true;
    ask(&c, (struct request){.method = "GET"}, true);
    shuttle(&c, &s, SIZE_MAX);
    struct weft_stream *first = s.last;
    weft_codec_drain(s.codec);
    ask(&c, (struct request){.method = "GET"}, true); /* under way: still served */
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(c.retired, 1);
    assert_int_equal(weft_codec_capacity(c.codec), 0);
    assert_false(weft_codec_finished(s.codec));
    send_head(s.last, 204, 0, 0, true);
    send_head(first, 204, 0, 0, true);
    shuttle(&c, &s, SIZE_MAX);
    assert_string_equal(side_log(&c), "204 end 204 end");
    assert_true(weft_codec_finished(s.codec));
    assert_true(weft_codec_finished(c.codec));
    weft_stream_release(first);
    pair_done(&c, &s);
}

static void test_client_drain(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = true;
    ask(&c, (struct request){.method = "GET"}, true);
    shuttle(&c, &s, SIZE_MAX);
    weft_codec_drain(c.codec);
    shuttle(&c, &s, SIZE_MAX);
    assert_int_equal(weft_codec_capacity(c.codec), 0);
    assert_false(weft_codec_finished(c.codec));
    send_head(s.last, 204, 0, 0, true);
    shuttle(&c, &s, SIZE_MAX);
    assert_true(weft_codec_finished(c.codec));
    assert_true(weft_codec_finished(s.codec));
    pair_done(&c, &s);
}

static void test_ping(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    shuttle(&c, &s, SIZE_MAX);
    int told = c.output;
    weft_codec_ping(c.codec);
    assert_int_equal(c.output, told + 1);
    shuttle(&c, &s, SIZE_MAX);
    pair_done(&c, &s);
}

static void test_free_under_streams(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = c.keep = true;
    ask(&c, (struct request){.method = "GET"}, true);
    shuttle(&c, &s, SIZE_MAX);
    c.codec = weft_codec_free(c.codec);
    s.codec = weft_codec_free(s.codec);
    assert_string_equal(side_log(&c), "reset:closed");
    assert_string_equal(side_log(&s), "GET / @web end reset:closed");
    assert_true(weft_stream_sent_any(c.last));
    assert_int_equal(send_head(s.last, 200, 0, 0, true), WEFT_CLOSED);
    assert_non_null(weft_arena_alloc(weft_stream_arena(s.last), 10));
    pair_done(&c, &s);
}

static void write_more(void *ud) {
    assert_int_equal(weft_stream_data(ud, S("more")), WEFT_OK);
}

/* Who may write again does so while the last bytes are pulled: the owner hears of the new ones. */
static void test_output_written_while_pulled(void **state) {
    static const char block[100000];
    static const struct weft_stream_cb cb = {.on_writable = write_more};
    struct weft_codec_limits l = weft_codec_limits_default();
    l.queued = sizeof block;
    struct side c, s;
    pair_init(&c, &s, &l);
    s.no_reply = s.keep = true;
    ask(&c, (struct request){.method = "GET"}, true);
    shuttle(&c, &s, SIZE_MAX);
    send_head(s.last, 200, WEFT_BODY_CHUNKED, 0, false);
    weft_stream_set_cb(s.last, &cb, s.last);
    assert_int_equal(weft_stream_data(s.last, weft_slice(block, sizeof block)), WEFT_AGAIN);
    struct weft_buf out;
    weft_buf_init(&out, 0);
    int told = s.output;
    assert_true(weft_codec_pull(s.codec, &out, SIZE_MAX) > sizeof block);
    assert_int_equal(weft_stream_queued(s.last), sizeof "more" - 1);
    assert_true(weft_codec_has_output(s.codec));
    assert_int_equal(s.output, told + 1);
    weft_buf_done(&out);
    pair_done(&c, &s);
}

/* A frame that kills the connection: every stream is told, a GOAWAY goes out, then the end. */
static void test_connection_error(void **state) {
    struct side c, s;
    pair_init(&c, &s, NULL);
    s.no_reply = s.keep = true;
    ask(&c, (struct request){.method = "GET"}, true);
    shuttle(&c, &s, SIZE_MAX);
    weft_buf_append(&s.in, weft_slice("\0\0\1\0\0\0\0\0\0x", 10)); /* DATA on stream 0 */
    shuttle(&c, &s, SIZE_MAX);
    assert_string_equal(side_log(&s), "GET / @web end reset:protocol");
    assert_true(weft_codec_finished(s.codec));
    pair_done(&c, &s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_head_request),
        cmocka_unit_test(test_fields_trailers_interim),
        cmocka_unit_test(test_concurrent),
        cmocka_unit_test(test_peer_limit_is_capacity),
        cmocka_unit_test(test_paused_stream_shuts_its_window_only),
        cmocka_unit_test(test_held_window_takes_capacity),
        cmocka_unit_test(test_high_water),
        cmocka_unit_test(test_reset_codes),
        cmocka_unit_test(test_reset_behind_head),
        cmocka_unit_test(test_client_cancel),
        cmocka_unit_test(test_cancel_unsent),
        cmocka_unit_test(test_output_lost_with_its_stream),
        cmocka_unit_test(test_output_written_while_pulled),
        cmocka_unit_test(test_unprocessed_when_never_pulled),
        cmocka_unit_test(test_body_held_to_its_length),
        cmocka_unit_test(test_early_answer),
        cmocka_unit_test(test_server_drain),
        cmocka_unit_test(test_client_drain),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_free_under_streams),
        cmocka_unit_test(test_connection_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

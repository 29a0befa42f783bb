/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1, client side: raw responses, requests as written, and both codecs back to back. */
#include "harness.h"

struct vector {
    const char *name, *in, *log;
    bool eof;    /* the server closes behind it */
    bool reused; /* the connection can take another request */
};

#define OK      "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static const struct vector accepted[] = {
    {"length", OK "Content-Length: 2\r\nX: y\r\n\r\nhi", "200 length:2 x=y (hi) end", 0, 1},
    {"length zero", OK "Content-Length: 0\r\n\r\n", "200 length:0 end", 0, 1},
    {"chunked", CHUNKED "2\r\nhi\r\n0\r\n\r\n", "200 chunked (hi) end", 0, 1},
    {"trailers", CHUNKED "2\r\nhi\r\n0\r\nA: b\r\n\r\n", "200 chunked (hi) trailers a=b end", 0, 1},
    {"until close", OK "\r\nhi", "200 close (hi) end", 1, 0},
    {"until close, empty", OK "\r\n", "200 close end", 1, 0},
    {"no reason phrase", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 length:0 end", 0, 1},
    {"empty reason phrase", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200 length:0 end", 0, 1},
    {"obs-text in the phrase", "HTTP/1.1 200 \xe4\r\nContent-Length: 0\r\n\r\n", "200 length:0 end",
     0, 1},
    {"unusual status", "HTTP/1.1 799 X\r\nContent-Length: 0\r\n\r\n", "799 length:0 end", 0, 1},
    {"204", "HTTP/1.1 204 No Content\r\n\r\n", "204 end", 0, 1},
    {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", "204 end", 0, 1},
    {"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
     "304 none:3 end", 0, 1},
    {"interim", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK "Content-Length: 0\r\n\r\n",
     "info:103 link=x 200 length:0 end", 0, 1},
    {"continue",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
     "HTTP/1.1 204 No Content\r\n\r\n",
     "info:100 info:102 204 end", 0, 1},
    {"closing", OK "Content-Length: 2\r\nConnection: close\r\n\r\nhi", "200 length:2 (hi) end", 0,
     0},
    {"http/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200/1.0 length:2 (hi) end", 0,
     0},
    {"http/1.0 kept alive",
     "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nhi",
     "200/1.0 length:2 (hi) end", 0, 1},
    {"http/1.0 until close", "HTTP/1.0 200 OK\r\n\r\nhi", "200/1.0 close (hi) end", 1, 0},
    {"hop-by-hop",
     OK "Content-Length: 0\r\nConnection: x-a\r\nX-A: 1\r\nKeep-Alive: 5\r\n"
        "Upgrade: h2c\r\nX-B: 2\r\n\r\n",
     "200 length:0 x-b=2 end", 0, 1},
    {"two cookies", OK "Content-Length: 0\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n",
     "200 length:0 set-cookie=a set-cookie=b end", 0, 1},
};

#define PROTOCOL "reset:protocol,started"
static const struct vector refused[] = {
    {"other version", "HTTP/2.0 200 OK\r\n\r\n", PROTOCOL},
    {"icy", "ICY 200 OK\r\n\r\n", PROTOCOL},
    {"rtsp", "RTSP/1.0 200 OK\r\n\r\n", PROTOCOL},
    {"two digits", "HTTP/1.1 20 OK\r\n\r\n", PROTOCOL},
    {"four digits", "HTTP/1.1 2000 OK\r\n\r\n", PROTOCOL},
    {"status 099", "HTTP/1.1 099 OK\r\n\r\n", PROTOCOL},
    {"signed status", "HTTP/1.1 +20 OK\r\n\r\n", PROTOCOL},
    {"two spaces", "HTTP/1.1  200 OK\r\n\r\n", PROTOCOL},
    {"switching", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
     PROTOCOL},
    {"bare lf", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", PROTOCOL},
    {"bare lf field", OK "Content-Length: 0\n\r\n", PROTOCOL},
    {"bare cr", OK "X: a\rb\r\n\r\n", PROTOCOL},
    {"obs-fold", OK "X: a\r\n b\r\n\r\n", PROTOCOL},
    {"space before the colon", OK "Content-Length : 0\r\n\r\n", PROTOCOL},
    {"no colon", OK "abc\r\n\r\n", PROTOCOL},
    {"length and chunked", OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", PROTOCOL},
    {"two lengths", OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", PROTOCOL},
    {"list of lengths", OK "Content-Length: 1, 1\r\n\r\n", PROTOCOL},
    {"negative length", OK "Content-Length: -1\r\n\r\n", PROTOCOL},
    {"length beyond 63 bits", OK "Content-Length: 9223372036854775808\r\n\r\n", PROTOCOL},
    {"gzip coding", OK "Transfer-Encoding: gzip\r\n\r\n", PROTOCOL},
    {"gzip, chunked", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", PROTOCOL},
    {"chunked in http/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", PROTOCOL},
    {"coding with a tab behind it", OK "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n", PROTOCOL},
    {"control character in the phrase", "HTTP/1.1 200 a\x01 b\r\n\r\n", PROTOCOL},
    {"bad chunk size", CHUNKED "z\r\n", "200 chunked " PROTOCOL},
    {"bad chunk end", CHUNKED "1\r\nxy0\r\n\r\n", "200 chunked (x) " PROTOCOL},
    {"bad trailer", CHUNKED "0\r\n a: b\r\n\r\n", "200 chunked " PROTOCOL},
    {"another protocol, no empty line", "220 mail ESMTP\r\n", PROTOCOL},
    {"no http", "hello world\r\n\r\n", PROTOCOL},
    {"binary", "\x15\x03\x01\x00", PROTOCOL},
    {"cut before the head", "", "reset:reset", 1},
    {"cut in the head", "HTTP/1.1 200 OK\r\nX:", "reset:reset,started", 1},
    {"cut behind an interim head", "HTTP/1.1 100 Continue\r\n\r\n", "info:100 reset:reset,started",
     1},
    {"cut in the body", OK "Content-Length: 3\r\n\r\nab", "200 length:3 (ab) reset:reset,started",
     1},
    {"cut in a chunk", CHUNKED "3\r\nab", "200 chunked (ab) reset:reset,started", 1},
    {"cut behind a chunk", CHUNKED "2\r\nab\r\n", "200 chunked (ab) reset:reset,started", 1},
    {"cut in the trailers", CHUNKED "0\r\n", "200 chunked reset:reset,started", 1},
};

static const size_t steps[] = {SIZE_MAX, 3, 1};

static void sent_request(struct side *t, struct request q, bool end) {
    struct weft_buf out;
    side_init(t, false, WEFT_CLIENT, NULL);
    assert_int_equal(weft_codec_capacity(t->codec), 1);
    assert_non_null(ask(t, q, end));
    assert_int_equal(weft_codec_capacity(t->codec), 0);
    weft_buf_init(&out, 0);
    side_pull(t, &out);
    weft_buf_done(&out);
}

static void check_vector(const struct vector *v, size_t step, bool good) {
    struct side t;
    sent_request(&t, (struct request){.method = "GET"}, true);
    weft_buf_str(&t.in, v->in);
    side_feed(&t, step);
    if (v->eof) weft_codec_eof(t.codec);
    if (strcmp(side_log(&t), v->log) != 0)
        fail_msg("%s (step %zu):\n  got  %s\n  want %s", v->name, step, side_log(&t), v->log);
    bool reused = good && v->reused;
    if (weft_codec_capacity(t.codec) != reused) fail_msg("%s: reuse is wrong", v->name);
    if (weft_codec_finished(t.codec) == reused) fail_msg("%s: finish is wrong", v->name);
    assert_int_equal(t.retired, !reused);
    side_done(&t);
}

static void test_accepted(void **state) {
    for (size_t i = 0; i < WEFT_LEN(accepted); i++)
        for (size_t k = 0; k < WEFT_LEN(steps); k++) check_vector(&accepted[i], steps[k], true);
}

static void test_refused(void **state) {
    for (size_t i = 0; i < WEFT_LEN(refused); i++)
        for (size_t k = 0; k < WEFT_LEN(steps); k++) check_vector(&refused[i], steps[k], false);
}

static void test_head_has_no_body(void **state) {
    static const char *const in[] = {OK "Content-Length: 9\r\n\r\n", CHUNKED, OK "\r\n"};
    static const char *const log[] = {"200 none:9 end", "200 end", "200 end"};
    for (int i = 0; i < 3; i++) {
        struct side t;
        sent_request(&t, (struct request){.method = "HEAD"}, true);
        weft_buf_str(&t.in, in[i]);
        side_feed(&t, 1);
        assert_string_equal(side_log(&t), log[i]);
        assert_int_equal(weft_codec_capacity(t.codec), 1);
        side_done(&t);
    }
}

static void test_unsolicited(void **state) {
    struct side t;
    side_init(&t, false, WEFT_CLIENT, NULL); /* idle */
    weft_buf_str(&t.in, OK "Content-Length: 0\r\n\r\n");
    side_feed(&t, SIZE_MAX);
    assert_int_equal(t.status, WEFT_CLOSED);
    assert_true(weft_codec_finished(t.codec));
    assert_int_equal(t.retired, 1);
    side_done(&t);
    side_init(&t, false, WEFT_CLIENT, NULL); /* asked, but nothing sent yet */
    ask(&t, (struct request){.method = "GET"}, true);
    weft_buf_str(&t.in, OK "Content-Length: 0\r\n\r\n");
    side_feed(&t, SIZE_MAX);
    assert_string_equal(side_log(&t), "reset:protocol,unprocessed");
    side_done(&t);
    sent_request(&t, (struct request){.method = "GET"}, true); /* a second response */
    weft_buf_str(&t.in, OK "Content-Length: 0\r\n\r\n" OK "Content-Length: 0\r\n\r\n");
    side_feed(&t, SIZE_MAX);
    assert_string_equal(side_log(&t), "200 length:0 end");
    assert_true(weft_codec_finished(t.codec));
    side_done(&t);
}

static void test_unprocessed(void **state) {
    struct side t;
    side_init(&t, false, WEFT_CLIENT, NULL);
    ask(&t, (struct request){.method = "GET"}, true);
    t.codec = weft_codec_free(t.codec);
    assert_string_equal(side_log(&t), "reset:closed,unprocessed");
    side_done(&t);
    sent_request(&t, (struct request){.method = "GET"}, true);
    t.codec = weft_codec_free(t.codec);
    assert_string_equal(side_log(&t), "reset:closed");
    side_done(&t);
}

static void test_requests_written(void **state) {
    static const struct {
        struct request q;
        const char *out;
    } cases[] = {
        {{"GET", "/a?b", "web:80", WEFT_BODY_NONE, 0}, "GET /a?b HTTP/1.1\r\nhost: web:80\r\n\r\n"},
        {{"POST", "/", "web", WEFT_BODY_NONE, 0}, "POST / HTTP/1.1\r\nhost: web\r\n\r\n"},
        {{"POST", "/", "web", WEFT_BODY_LENGTH, 0},
         "POST / HTTP/1.1\r\nhost: web\r\ncontent-length: 0\r\n\r\n"},
        {{"PUT", "/", "web", WEFT_BODY_CHUNKED, 0},
         "PUT / HTTP/1.1\r\nhost: web\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"},
        {{"OPTIONS", "*", "", WEFT_BODY_NONE, 0}, "OPTIONS * HTTP/1.1\r\nhost: \r\n\r\n"},
    };
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        struct side t;
        struct weft_buf out;
        side_init(&t, false, WEFT_CLIENT, NULL);
        weft_buf_init(&out, 0);
        assert_non_null(ask(&t, cases[i].q, true));
        side_pull(&t, &out);
        weft_buf_char(&out, 0);
        assert_string_equal(weft_buf_slice(&out).base, cases[i].out);
        weft_buf_done(&out);
        side_done(&t);
    }
}

static void test_http10_and_flags_written(void **state) {
    struct side t;
    struct weft_arena a;
    struct weft_head h;
    struct weft_buf out;
    weft_arena_init(&a, 0);
    weft_buf_init(&out, 0);
    weft_head_init(&h, &a);
    h.method = S("GET");
    h.path = S("/");
    h.version = WEFT_HTTP_10;
    side_init(&t, false, WEFT_CLIENT, NULL);
    struct weft_stream *s = weft_codec_request(t.codec, &h, true, NULL, NULL);
    side_pull(&t, &out);
    assert_true(weft_slice_is(weft_buf_slice(&out), "GET / HTTP/1.0\r\n\r\n"));
    weft_stream_release(s);
    side_done(&t);
    weft_buf_clear(&out);
    h.version = WEFT_HTTP_2;
    h.method = S("POST");
    h.authority = S("web");
    h.framing = WEFT_BODY_CHUNKED;
    h.te_trailers = h.expect_continue = true;
    side_init(&t, false, WEFT_CLIENT, NULL);
    s = weft_codec_request(t.codec, &h, false, NULL, NULL);
    side_pull(&t, &out);
    assert_true(weft_slice_is(weft_buf_slice(&out),
                              "POST / HTTP/1.1\r\nhost: web\r\ntransfer-encoding: chunked\r\n"
                              "te: trailers\r\nconnection: te\r\nexpect: 100-continue\r\n\r\n"));
    weft_stream_release(s); /* not complete: the connection must not look orderly */
    assert_true(weft_codec_broken(t.codec));
    side_done(&t);
    weft_buf_done(&out);
    weft_arena_done(&a);
}

/* A head that must not reach the wire leaves the connection as it was. */
static void test_bad_requests_not_written(void **state) {
    static const struct request bad[] = {
        {"GE T", "/", "web", 0, 0},        {"GET", "/ HTTP/1.1\r\nX: y", "web", 0, 0},
        {"GET", "/", "web\r\nx: y", 0, 0}, {"", "/", "web", 0, 0},
        {"GET", "", "web", 0, 0},
    };
    struct side t;
    side_init(&t, false, WEFT_CLIENT, NULL);
    for (size_t i = 0; i < WEFT_LEN(bad); i++) assert_null(ask(&t, bad[i], true));
    assert_false(weft_codec_has_output(t.codec));
    assert_int_equal(weft_codec_capacity(t.codec), 1);
    side_done(&t);
}

/* The response is complete before the request: usable again only if the request ends as well. */
static void test_early_response(void **state) {
    for (int ends = 0; ends < 2; ends++) {
        struct side t;
        sent_request(&t, (struct request){.method = "POST", .framing = WEFT_BODY_CHUNKED}, false);
        t.keep = true;
        struct weft_stream *s = t.last;
        weft_buf_str(&t.in, OK "Content-Length: 0\r\n\r\n");
        side_feed(&t, SIZE_MAX);
        assert_string_equal(side_log(&t), "200 length:0 end");
        assert_int_equal(weft_codec_capacity(t.codec), 0);
        if (ends) assert_int_equal(weft_stream_end(s, NULL), WEFT_OK);
        assert_int_equal(weft_stream_complete(s), ends);
        t.last = NULL;
        weft_stream_release(s);
        assert_int_equal(weft_codec_capacity(t.codec), ends);
        side_done(&t);
    }
}

static void test_client_reset(void **state) {
    struct side t;
    sent_request(&t, (struct request){.method = "GET"}, true);
    t.keep = true;
    weft_stream_reset(t.last, WEFT_CANCELED);
    assert_string_equal(side_log(&t), "");
    assert_true(weft_codec_broken(t.codec) && weft_codec_finished(t.codec));
    assert_int_equal(t.retired, 1);
    side_done(&t);
}

static void test_client_pause(void **state) {
    struct side t;
    sent_request(&t, (struct request){.method = "GET"}, true);
    struct weft_stream *s = t.last;
    weft_buf_str(&t.in, OK "Content-Length: 4\r\n\r\nab");
    side_feed(&t, SIZE_MAX);
    weft_stream_pause(s);
    assert_false(weft_codec_wants_input(t.codec));
    weft_buf_str(&t.in, "cd");
    side_feed(&t, SIZE_MAX);
    assert_string_equal(side_log(&t), "200 length:4 (ab)");
    weft_stream_resume(s);
    assert_int_equal(t.input, 1);
    side_feed(&t, SIZE_MAX);
    assert_int_equal(weft_codec_capacity(t.codec), 1);
    side_done(&t);
}

static void test_too_many_interim(void **state) {
    struct side t;
    sent_request(&t, (struct request){.method = "GET"}, true);
    for (int i = 0; i < 100; i++) weft_buf_str(&t.in, "HTTP/1.1 102 Processing\r\n\r\n");
    side_feed(&t, SIZE_MAX);
    assert_int_equal(t.status, WEFT_PROTOCOL);
    side_done(&t);
}

/* === both ends === */

static void test_back_to_back(void **state) {
    for (size_t k = 0; k < WEFT_LEN(steps); k++) {
        struct side c, s;
        side_init(&c, false, WEFT_CLIENT, NULL);
        side_init(&s, false, WEFT_SERVER, NULL);
        s.echo = true;
        for (int i = 0; i < 3; i++) {
            struct weft_stream *one =
                ask(&c, (struct request){.method = "POST", .framing = WEFT_BODY_CHUNKED}, false);
            assert_non_null(one);
            weft_stream_data(one, S("hello "));
            shuttle(&c, &s, steps[k]);
            weft_stream_data(one, S("world"));
            weft_stream_end(one, NULL);
            shuttle(&c, &s, steps[k]);
        }
        assert_string_equal(side_log(&s), "POST / @web chunked (hello world) end "
                                          "POST / @web chunked (hello world) end "
                                          "POST / @web chunked (hello world) end");
        assert_string_equal(side_log(&c), "200 chunked (hello world) end "
                                          "200 chunked (hello world) end "
                                          "200 chunked (hello world) end");
        assert_int_equal(weft_codec_streams(c.codec) + weft_codec_streams(s.codec), 0);
        weft_codec_drain(s.codec);
        weft_codec_drain(c.codec);
        assert_true(weft_codec_finished(c.codec) && weft_codec_finished(s.codec));
        side_done(&c);
        side_done(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_unsolicited),
        cmocka_unit_test(test_unprocessed),
        cmocka_unit_test(test_requests_written),
        cmocka_unit_test(test_http10_and_flags_written),
        cmocka_unit_test(test_bad_requests_not_written),
        cmocka_unit_test(test_early_response),
        cmocka_unit_test(test_client_reset),
        cmocka_unit_test(test_client_pause),
        cmocka_unit_test(test_too_many_interim),
        cmocka_unit_test(test_back_to_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

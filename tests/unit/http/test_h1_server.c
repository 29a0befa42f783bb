/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1, server side: answers, backpressure, and the ends of exchanges and connections. */
#include "harness.h"

#define H       "Host: web\r\n"
#define POST    "POST / HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const size_t steps[] = {SIZE_MAX, 3, 1};

/* === answers === */

struct answer {
    const char *request;
    uint16_t status;
    enum weft_framing framing;
    uint64_t length;
    const char *body; /* NULL: head with end */
    const char *out;
};

static const struct answer answers[] = {
    {"GET / HTTP/1.1\r\n" H "\r\n", 200, WEFT_BODY_LENGTH, 2, "hi",
     "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"},
    {"GET / HTTP/1.1\r\n" H "\r\n", 200, WEFT_BODY_CHUNKED, 0, "hi",
     "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
    {"GET / HTTP/1.1\r\n" H "\r\n", 200, WEFT_BODY_CHUNKED, 0, "",
     "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"GET / HTTP/1.1\r\n" H "\r\n", 200, WEFT_BODY_CHUNKED, 0, NULL,
     "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"},
    {"GET / HTTP/1.1\r\n" H "\r\n", 404, WEFT_BODY_NONE, 0, NULL,
     "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"},
    {"GET / HTTP/1.1\r\n" H "\r\n", 299, WEFT_BODY_NONE, 0, NULL,
     "HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n"},
    {"GET / HTTP/1.1\r\n" H "\r\n", 204, WEFT_BODY_NONE, 0, NULL,
     "HTTP/1.1 204 No Content\r\n\r\n"},
    {"GET / HTTP/1.1\r\n" H "\r\n", 204, WEFT_BODY_LENGTH, 2, "hi",
     "HTTP/1.1 204 No Content\r\n\r\n"},
    {"GET / HTTP/1.1\r\n" H "\r\n", 304, WEFT_BODY_LENGTH, 9, NULL,
     "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"},
    {"HEAD / HTTP/1.1\r\n" H "\r\n", 200, WEFT_BODY_LENGTH, 7, "swallow",
     "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"},
    {"HEAD / HTTP/1.1\r\n" H "\r\n", 200, WEFT_BODY_CHUNKED, 0, "x", "HTTP/1.1 200 OK\r\n\r\n"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, WEFT_BODY_LENGTH, 2, "hi",
     "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nhi"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, WEFT_BODY_CHUNKED, 0, "hi",
     "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhi"},
};

static struct weft_stream *request_of(struct side *t, const char *request) {
    t->no_reply = t->keep = true;
    weft_buf_str(&t->in, request);
    side_feed(t, SIZE_MAX);
    assert_non_null(t->last);
    return t->last;
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

static void expect_output(struct side *t, const char *want) {
    struct weft_buf out;
    weft_buf_init(&out, 0);
    side_pull(t, &out);
    if (!weft_slice_is(weft_buf_slice(&out), want))
        fail_msg("sent %.*s\nwant %s", WEFT_SLICE_ARG(weft_buf_slice(&out)), want);
    weft_buf_done(&out);
}

static void test_answers(void **state) {
    for (size_t i = 0; i < WEFT_LEN(answers); i++) {
        const struct answer *a = &answers[i];
        struct side t;
        side_init(&t, false, WEFT_SERVER, NULL);
        struct weft_stream *s = request_of(&t, a->request);
        assert_int_equal(send_head(s, a->status, a->framing, a->length, !a->body), WEFT_OK);
        if (a->body) {
            assert_int_equal(weft_stream_data(s, weft_slice_str(a->body)), WEFT_OK);
            assert_int_equal(weft_stream_end(s, NULL), WEFT_OK);
        }
        assert_true(weft_stream_complete(s));
        expect_output(&t, a->out);
        bool closes = weft_slice_search(weft_slice_str(a->out), S("close")) < strlen(a->out);
        assert_int_equal(weft_codec_finished(t.codec), closes);
        side_done(&t);
    }
}

static void test_trailers_and_hop_fields_out(void **state) {
    struct side t;
    side_init(&t, false, WEFT_SERVER, NULL);
    struct weft_stream *s = request_of(&t, "GET / HTTP/1.1\r\n" H "\r\n");
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(s));
    h.status = 200;
    h.framing = WEFT_BODY_CHUNKED;
    weft_fields_add(&h.fields, S("Connection"), S("x"));
    weft_fields_add(&h.fields, S("Transfer-Encoding"), S("gzip"));
    weft_fields_add(&h.fields, S("Content-Length"), S("9"));
    weft_fields_add(&h.fields, S("X-Kept"), S("1"));
    struct weft_fields tr;
    weft_fields_init(&tr, weft_stream_arena(s));
    weft_fields_add(&tr, S("Grpc-Status"), S("0"));
    weft_stream_head(s, &h, false);
    weft_stream_end(s, &tr);
    expect_output(&t, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-kept: 1\r\n\r\n"
                      "0\r\ngrpc-status: 0\r\n\r\n");
    side_done(&t);
}

static void test_response_splitting(void **state) {
    /* whole words are looked at otherwise than the bytes behind them */
    static const char *const values[] = {"1\r\nset-cookie: a", "1\nb: c", "1\rb", "12345678\nb: c"};
    for (size_t i = 0; i < WEFT_LEN(values); i++) {
        struct side t;
        side_init(&t, false, WEFT_SERVER, NULL);
        struct weft_stream *s = request_of(&t, "GET / HTTP/1.1\r\n" H "\r\n");
        struct weft_head h;
        weft_head_init(&h, weft_stream_arena(s));
        h.status = 200;
        weft_fields_add(&h.fields, S("x"), weft_slice_str(values[i]));
        assert_int_equal(weft_stream_head(s, &h, true), WEFT_INVALID);
        assert_true(weft_codec_broken(t.codec));
        expect_output(&t, "");
        side_done(&t);
    }
}

static void test_interim(void **state) {
    struct side t;
    side_init(&t, false, WEFT_SERVER, NULL);
    struct weft_stream *s =
        request_of(&t, POST "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    expect_output(&t, "");
    assert_int_equal(send_head(s, 100, WEFT_BODY_NONE, 0, false), WEFT_OK);
    expect_output(&t, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(send_head(s, 101, WEFT_BODY_NONE, 0, false), WEFT_UNSUPPORTED);
    weft_buf_str(&t.in, "x");
    side_feed(&t, 1);
    assert_int_equal(send_head(s, 200, WEFT_BODY_NONE, 0, true), WEFT_OK);
    expect_output(&t, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert_false(weft_codec_finished(t.codec));
    side_done(&t);
}

static void test_no_interim_for_http10(void **state) {
    struct side t;
    side_init(&t, false, WEFT_SERVER, NULL);
    struct weft_stream *s = request_of(&t, "GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(send_head(s, 103, WEFT_BODY_NONE, 0, false), WEFT_OK);
    expect_output(&t, "");
    side_done(&t);
}

/* The answer comes, the connection ends; the rest of the request is not waited for. */
static void test_early_answer(void **state) {
    const char *expect[] = {"", "Expect: 100-continue\r\n"};
    for (int i = 0; i < 2; i++) {
        struct side t;
        char request[256];
        side_init(&t, false, WEFT_SERVER, NULL);
        snprintf(request, sizeof request, POST "Content-Length: 100\r\n%s\r\nabc", expect[i]);
        struct weft_stream *s = request_of(&t, request);
        assert_int_equal(send_head(s, 413, WEFT_BODY_NONE, 0, true), WEFT_OK);
        assert_false(weft_stream_complete(s));
        t.last = NULL;
        weft_stream_release(s);
        assert_false(weft_codec_finished(t.codec));
        expect_output(&t, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n"
                          "connection: close\r\n\r\n");
        assert_true(weft_codec_finished(t.codec));
        assert_false(weft_codec_broken(t.codec));
        weft_buf_str(&t.in, "GET / HTTP/1.1\r\n" H "\r\n");
        side_feed(&t, SIZE_MAX);
        assert_int_equal(weft_buf_size(&t.in), 0); /* swallowed */
        side_done(&t);
    }
}

static void test_body_held_to_its_length(void **state) {
    for (int i = 0; i < 3; i++) {
        struct side t;
        side_init(&t, false, WEFT_SERVER, NULL);
        struct weft_stream *s = request_of(&t, "GET / HTTP/1.1\r\n" H "\r\n");
        if (i == 2) {
            assert_int_equal(send_head(s, 200, WEFT_BODY_LENGTH, 3, true), WEFT_PROTOCOL);
        } else {
            assert_int_equal(send_head(s, 200, WEFT_BODY_LENGTH, 3, false), WEFT_OK);
            assert_int_equal(weft_stream_data(s, S("ab")), WEFT_OK);
            assert_int_equal(i ? weft_stream_data(s, S("cd")) : weft_stream_end(s, NULL),
                             WEFT_PROTOCOL);
        }
        assert_true(weft_codec_broken(t.codec));
        assert_true(weft_codec_finished(t.codec));
        assert_false(weft_stream_complete(s));
        assert_int_equal(weft_stream_data(s, S("x")), WEFT_CLOSED);
        assert_true(t.output > 0);
        side_done(&t);
    }
}

static void test_reset_breaks(void **state) {
    struct side t;
    side_init(&t, false, WEFT_SERVER, NULL);
    struct weft_stream *s = request_of(&t, "GET / HTTP/1.1\r\n" H "\r\n");
    send_head(s, 200, WEFT_BODY_CHUNKED, 0, false);
    expect_output(&t, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    int told = t.output;
    weft_stream_reset(s, WEFT_INTERNAL);
    assert_int_equal(t.output, told + 1);
    assert_true(weft_codec_finished(t.codec) && weft_codec_broken(t.codec));
    assert_string_equal(side_log(&t), "GET / @web end");
    side_done(&t);
}

static void test_pause(void **state) {
    for (size_t k = 0; k < WEFT_LEN(steps); k++) {
        struct side t;
        side_init(&t, false, WEFT_SERVER, NULL);
        struct weft_stream *s = request_of(&t, CHUNKED);
        weft_stream_pause(s);
        weft_stream_pause(s);
        weft_buf_str(&t.in, "2\r\nab\r\n0\r\n\r\n");
        assert_false(weft_codec_wants_input(t.codec));
        side_feed(&t, steps[k]);
        assert_int_equal(weft_buf_size(&t.in), 12);
        weft_stream_resume(s);
        assert_int_equal(t.input, 0);
        weft_stream_resume(s);
        assert_int_equal(t.input, 1);
        side_feed(&t, steps[k]);
        assert_string_equal(side_log(&t), "POST / @web chunked (ab) end");
        side_done(&t);
    }
}

static void test_pipelined_waits(void **state) {
    struct side t;
    side_init(&t, false, WEFT_SERVER, NULL);
    struct weft_stream *s =
        request_of(&t, "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n");
    assert_string_equal(side_log(&t), "GET /1 @web end");
    assert_false(weft_codec_wants_input(t.codec));
    assert_int_equal(t.input, 0);
    send_head(s, 200, WEFT_BODY_NONE, 0, true);
    assert_int_equal(t.input, 1);
    side_feed(&t, SIZE_MAX);
    assert_string_equal(side_log(&t), "GET /1 @web end GET /2 @web end");
    weft_stream_release(s); /* the first: still ours, inert */
    side_done(&t);
}

static void test_high_water(void **state) {
    struct side t;
    side_init(&t, false, WEFT_SERVER, NULL);
    struct weft_stream *s = request_of(&t, "GET / HTTP/1.1\r\n" H "\r\n");
    static const char block[64 * 1024];
    send_head(s, 200, WEFT_BODY_CHUNKED, 0, false);
    enum weft_status st = WEFT_OK;
    for (int i = 0; i < 100 && st == WEFT_OK; i++)
        st = weft_stream_data(s, weft_slice(block, sizeof block));
    assert_int_equal(st, WEFT_AGAIN);
    assert_true(weft_stream_queued(s) >= WEFT_STREAM_HIGH);
    assert_false(weft_stream_sent_any(s));
    struct weft_buf out;
    weft_buf_init(&out, 0);
    weft_codec_pull(t.codec, &out, 1024);
    assert_true(weft_stream_sent_any(s));
    assert_int_equal(t.writable, 0);
    side_pull(&t, &out);
    assert_int_equal(t.writable, 1);
    weft_buf_done(&out);
    side_done(&t);
}

static void test_drain(void **state) {
    struct side t;
    side_init(&t, false, WEFT_SERVER, NULL);
    weft_codec_drain(t.codec);
    assert_true(weft_codec_finished(t.codec));
    assert_int_equal(t.output, 1); /* told */
    side_done(&t);
    side_init(&t, false, WEFT_SERVER, NULL);
    struct weft_stream *s = request_of(&t, "GET / HTTP/1.1\r\n" H "\r\n");
    weft_codec_drain(t.codec);
    assert_false(weft_codec_finished(t.codec));
    send_head(s, 200, WEFT_BODY_NONE, 0, true);
    expect_output(&t, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert_true(weft_codec_finished(t.codec));
    side_done(&t);
}

static void test_eof(void **state) {
    static const struct {
        const char *in, *log;
        bool finished;
    } cases[] = {
        {"", "", true},
        {"GET / HT", "", true},
        {POST "Content-Length: 3\r\n\r\nab", "POST / @web length:3 (ab) reset:reset", true},
        {CHUNKED "5\r\nab", "POST / @web chunked (ab) reset:reset", true},
        {CHUNKED "0\r\nA: b\r\n", "POST / @web chunked reset:reset", true},
        {"GET / HTTP/1.1\r\n" H "\r\n", "GET / @web end", false}, /* half-closed: answer first */
    };
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        struct side t;
        side_init(&t, false, WEFT_SERVER, NULL);
        t.no_reply = t.keep = true;
        weft_buf_str(&t.in, cases[i].in);
        side_feed(&t, SIZE_MAX);
        weft_codec_eof(t.codec);
        assert_string_equal(side_log(&t), cases[i].log);
        assert_int_equal(weft_codec_finished(t.codec), cases[i].finished);
        if (!cases[i].finished) {
            send_head(t.last, 200, WEFT_BODY_NONE, 0, true);
            expect_output(&t, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            assert_true(weft_codec_finished(t.codec));
        }
        side_done(&t);
    }
}

static void test_in_head(void **state) {
    struct side t;
    side_init(&t, false, WEFT_SERVER, NULL);
    assert_false(weft_codec_in_head(t.codec));
    weft_buf_str(&t.in, "GET / HTTP/1.1\r\nHo");
    side_feed(&t, 1);
    assert_true(weft_codec_in_head(t.codec));
    weft_buf_str(&t.in, "st: web\r\n\r\n");
    side_feed(&t, 1);
    assert_false(weft_codec_in_head(t.codec));
    side_done(&t);
}

/* The stream, its arena and its slices outlive the codec. */
static void test_free_under_stream(void **state) {
    struct side t;
    side_init(&t, false, WEFT_SERVER, NULL);
    struct weft_stream *s = request_of(&t, POST "Content-Length: 3\r\n\r\n");
    t.codec = weft_codec_free(t.codec);
    assert_string_equal(side_log(&t), "POST / @web length:3 reset:closed");
    assert_null(weft_stream_codec(s));
    assert_non_null(weft_arena_alloc(weft_stream_arena(s), 100));
    assert_int_equal(send_head(s, 200, WEFT_BODY_NONE, 0, true), WEFT_CLOSED);
    assert_int_equal(weft_stream_data(s, S("x")), WEFT_CLOSED);
    assert_int_equal(weft_stream_end(s, NULL), WEFT_CLOSED);
    weft_stream_reset(s, WEFT_CANCELED);
    weft_stream_pause(s);
    weft_stream_resume(s);
    assert_int_equal(weft_stream_queued(s), 0);
    weft_stream_release(s);
    t.last = NULL;
    side_done(&t);
}

/* Release from inside events, in every event. */
static void release_on_data(void *ud, struct weft_slice d) {
    weft_stream_release(ud);
}
static void request_release(void *owner, struct weft_stream *s, struct weft_head *h, bool end) {
    static const struct weft_stream_cb cb = {.on_data = release_on_data};
    weft_stream_set_cb(s, &cb, s);
    if (end) weft_stream_release(s);
}
static void test_release_inside(void **state) {
    const struct weft_codec_cb cb = {.on_request = request_release};
    const char *in[] = {"GET / HTTP/1.1\r\n" H "\r\n", POST "Content-Length: 3\r\n\r\nabc",
                        CHUNKED "3\r\nabc\r\n0\r\n\r\n"};
    for (int i = 0; i < 3; i++) {
        struct weft_codec *c = weft_h1_new(WEFT_SERVER, NULL, &cb, NULL);
        size_t used;
        assert_int_equal(weft_codec_feed(c, weft_slice_str(in[i]), &used), WEFT_OK);
        assert_int_equal(used, strlen(in[i]));
        assert_true(weft_codec_broken(c));
        assert_int_equal(weft_codec_streams(c), 0);
        weft_codec_free(c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_trailers_and_hop_fields_out),
        cmocka_unit_test(test_response_splitting),
        cmocka_unit_test(test_interim),
        cmocka_unit_test(test_no_interim_for_http10),
        cmocka_unit_test(test_early_answer),
        cmocka_unit_test(test_body_held_to_its_length),
        cmocka_unit_test(test_reset_breaks),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_pipelined_waits),
        cmocka_unit_test(test_high_water),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_eof),
        cmocka_unit_test(test_in_head),
        cmocka_unit_test(test_free_under_stream),
        cmocka_unit_test(test_release_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

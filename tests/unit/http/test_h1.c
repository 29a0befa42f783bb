/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1, server side: raw requests, each fed whole, in threes and byte by byte. */
#include "harness.h"

struct vector {
    const char *name, *in, *log;
    const char *out; /* how the output begins, or NULL */
};

#define H       "Host: web\r\n"
#define POST    "POST / HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct vector accepted[] = {
    {"plain", "GET /a?b=c HTTP/1.1\r\n" H "\r\n", "GET /a?b=c @web end",
     "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"},
    {"fields", "GET / HTTP/1.1\r\n" H "X-Y:  a b \t\r\nEmpty:\r\nx-y: 2\r\n\r\n",
     "GET / @web x-y=a b empty= x-y=2 end", NULL},
    {"empty lines in front", "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET / @web end", NULL},
    {"pipelined", "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
     "GET /1 @web end GET /2 @web end", NULL},
    {"length", POST "Content-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\n" H "\r\n",
     "POST / @web length:5 (hello) end GET /2 @web end", NULL},
    {"length zero", POST "Content-Length: 0\r\n\r\n", "POST / @web length:0 end", NULL},
    {"bodyless post", POST "\r\n", "POST / @web end", NULL},
    {"get with a body", "GET / HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi",
     "GET / @web length:2 (hi) end", NULL},
    {"chunked", CHUNKED "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
     "POST / @web chunked (hello!) end GET /2 @web end", NULL},
    {"chunked, empty", CHUNKED "0\r\n\r\n", "POST / @web chunked end", NULL},
    {"chunk extension", CHUNKED "5;a=b\r\nhello\r\n0;c\r\n\r\n", "POST / @web chunked (hello) end",
     NULL},
    {"hex in any case, zeros", CHUNKED "00A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n",
     "POST / @web chunked (01234567890123456789) end", NULL},
    {"trailers", CHUNKED "1\r\nx\r\n0\r\nA: b \r\nC:d\r\n\r\n",
     "POST / @web chunked (x) trailers a=b c=d end", NULL},
    {"trailers that frame are dropped",
     CHUNKED "0\r\nContent-Length: 5\r\nHost: evil\r\nConnection: close\r\nX: y\r\n\r\n",
     "POST / @web chunked trailers x=y end", NULL},
    {"coding name in any case", POST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
     "POST / @web chunked end", NULL},
    {"hop-by-hop fields",
     "GET / HTTP/1.1\r\n" H "Connection: Keep-Alive, X-Secret , close\r\nx-secret: 1\r\n"
     "Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
     "X-Kept: 2\r\n\r\n",
     "GET / @web x-kept=2 end", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n"},
    {"two connection fields",
     "GET / HTTP/1.1\r\n" H "A: 1\r\nConnection: a\r\nB: 2\r\nConnection: b, c\r\nC: 3\r\nD: 4\r\n"
     "\r\n",
     "GET / @web d=4 end", NULL},
    {"upgrade is an ordinary request",
     "GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: websocket\r\n\r\nGET /2 HTTP/1.1\r\n" H
     "\r\n",
     "GET / @web end GET /2 @web end", NULL},
    {"te", "GET / HTTP/1.1\r\n" H "TE: gzip, Trailers\r\nConnection: te\r\n\r\n",
     "GET / @web te end", NULL},
    {"expect", POST "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\nx",
     "POST / @web length:1 expect (x) end", NULL},
    {"expect without a body", "GET / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n",
     "GET / @web end", NULL},
    {"http/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / /1.0 end",
     "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"},
    {"http/1.0 ends after one", "GET / HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", "GET / /1.0 end",
     NULL},
    {"http/1.0 kept alive",
     "GET / HTTP/1.0\r\n" H "Connection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n",
     "GET / @web /1.0 end GET /2 /1.0 end",
     "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n"},
    {"http/1.0 with a body", "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
     "POST / /1.0 length:2 (ab) end", NULL},
    {"close ends the connection", "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\nGET /2",
     "GET / @web end", NULL},
    {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / @ end", NULL},
    {"ipv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / @[::1]:80 end", NULL},
    {"absolute form", "GET http://Web:80/p?q HTTP/1.1\r\nHost: web:80\r\n\r\n",
     "GET /p?q @Web:80 end", NULL},
    {"absolute form without a path", "GET http://web HTTP/1.1\r\n" H "\r\n", "GET / @web end",
     NULL},
    {"absolute form, query alone", "GET http://web?q HTTP/1.1\r\n" H "\r\n", "GET /?q @web end",
     NULL},
    {"options *", "OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * @web end", NULL},
    {"options absolute", "OPTIONS http://web HTTP/1.1\r\n" H "\r\n", "OPTIONS * @web end", NULL},
    {"head", "HEAD / HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
     "HEAD / @web end GET /2 @web end", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200"},
    {"obs-text in a value", "GET / HTTP/1.1\r\n" H "X: \xe4\xff\r\n\r\n",
     "GET / @web x=\xe4\xff end", NULL},
    {"path kept as it is", "GET //a/../%2f;x=1/ HTTP/1.1\r\n" H "\r\n",
     "GET //a/../%2f;x=1/ @web end", NULL},
};

#define BAD(name, in, line)                                                                        \
    { name, in, line " refused:bad_request", "HTTP/1.1 400 Bad Request\r\n" }
static const struct vector refused[] = {
    BAD("no host", "GET / HTTP/1.1\r\n\r\n", "GET /"),
    BAD("two hosts", "GET / HTTP/1.1\r\n" H "Host: web\r\n\r\n", "GET /"),
    BAD("host with user info", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "GET /"),
    BAD("host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET /"),
    BAD("host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET /"),
    BAD("host against absolute form", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "GET /"),
    BAD("absolute form without host", "GET http://a/ HTTP/1.1\r\n\r\n", "GET /"),
    BAD("absolute form with user info", "GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n", "GET /"),
    BAD("absolute form without authority", "GET http:///x HTTP/1.1\r\n" H "\r\n", "GET /x"),
    BAD("absolute form of another scheme", "GET ftp://web/ HTTP/1.1\r\n" H "\r\n",
        "GET ftp://web/"),
    BAD("relative target", "GET a HTTP/1.1\r\n" H "\r\n", "GET a"),
    BAD("star without options", "GET * HTTP/1.1\r\n" H "\r\n", "GET *"),
    BAD("fragment", "GET /#a HTTP/1.1\r\n" H "\r\n", " "),
    BAD("control in the target", "GET /\x01 HTTP/1.1\r\n" H "\r\n", " "),
    BAD("eight bit in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", " "),
    BAD("space in the target", "GET /a b HTTP/1.1\r\n" H "\r\n", "GET /a"),
    BAD("two spaces", "GET  / HTTP/1.1\r\n" H "\r\n", " "),
    BAD("tab for a space", "GET\t/ HTTP/1.1\r\n" H "\r\n", " "),
    BAD("http/0.9", "GET /\r\n\r\n", " "),
    BAD("http/2.0", "GET / HTTP/2.0\r\n" H "\r\n", "GET /"),
    BAD("http/1.2", "GET / HTTP/1.2\r\n" H "\r\n", "GET /"),
    BAD("http/1.10", "GET / HTTP/1.10\r\n" H "\r\n", "GET /"),
    BAD("lower-case http", "GET / http/1.1\r\n" H "\r\n", "GET /"),
    BAD("rtsp", "DESCRIBE / RTSP/1.0\r\n" H "\r\n", "DESCRIBE /"),
    BAD("icecast", "SOURCE / ICE/1.0\r\n" H "\r\n", "SOURCE /"),
    BAD("space behind the version", "GET / HTTP/1.1 \r\n" H "\r\n", "GET /"),
    BAD("the preface of http/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI *"),
    BAD("bare lf, first line", "GET / HTTP/1.1\nHost: web\r\n\r\n", "GET /"),
    BAD("bare lf, field", "GET / HTTP/1.1\r\nHost: web\n\r\n", "GET /"),
    BAD("bare lf at the end", "GET / HTTP/1.1\r\nHost: web\r\n\n", "GET /"),
    BAD("bare cr in a value", "GET / HTTP/1.1\r\nHost: web\r\nX: a\rb\r\n\r\n", "GET /"),
    BAD("bare cr as a line end", "GET / HTTP/1.1\r\nHost: web\rX: a\r\n\r\n", "GET /"),
    BAD("two crs", "GET / HTTP/1.1\r\nHost: web\r\r\n\r\n", "GET /"),
    BAD("nul in a value", "GET / HTTP/1.1\r\nHost: web\r\nX: a\1b\r\n\r\n", "GET /"),
    BAD("delete in a value", "GET / HTTP/1.1\r\nHost: web\r\nX: a\x7f\r\n\r\n", "GET /"),
    BAD("obs-fold", "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", "GET /"),
    BAD("obs-fold of an empty value", "GET / HTTP/1.1\r\n" H "X:\r\n\tb\r\n\r\n", "GET /"),
    BAD("obs-fold of the first line", "GET / HTTP/1.1\r\n Host: web\r\n\r\n", "GET /"),
    BAD("space before the colon", "GET / HTTP/1.1\r\nHost : web\r\n\r\n", "GET /"),
    BAD("space in a name", "GET / HTTP/1.1\r\n" H "X Y: 1\r\n\r\n", "GET /"),
    BAD("empty name", "GET / HTTP/1.1\r\n" H ": 1\r\n\r\n", "GET /"),
    BAD("no colon", "GET / HTTP/1.1\r\n" H "abc\r\n\r\n", "GET /"),
    BAD("quote in a name", "GET / HTTP/1.1\r\n" H "a\"b: 1\r\n\r\n", "GET /"),
    BAD("eight bit in a name", "GET / HTTP/1.1\r\n" H "\xe4: 1\r\n\r\n", "GET /"),
    BAD("garbage", "\x16\x03\x01\x02", " "),
    BAD("brace", "{\"a\":1}\r\n\r\n", " "),
    /* smuggling: everything in which two readers could find different ends */
    BAD("length and chunked",
        POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST /"),
    BAD("chunked and length",
        POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", "POST /"),
    BAD("two lengths", POST "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", "POST /"),
    BAD("the same length twice", POST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /"),
    BAD("a list of lengths", POST "Content-Length: 4, 4\r\n\r\nabcd", "POST /"),
    BAD("signed length", POST "Content-Length: +4\r\n\r\nabcd", "POST /"),
    BAD("negative length", POST "Content-Length: -1\r\n\r\n", "POST /"),
    BAD("hexadecimal length", POST "Content-Length: 0x4\r\n\r\nabcd", "POST /"),
    BAD("empty length", POST "Content-Length:\r\n\r\n", "POST /"),
    BAD("length with a space", POST "Content-Length: 4 2\r\n\r\nabcd", "POST /"),
    BAD("length beyond 64 bits", POST "Content-Length: 18446744073709551617\r\n\r\na", "POST /"),
    BAD("length beyond 63 bits", POST "Content-Length: 9223372036854775808\r\n\r\na", "POST /"),
    BAD("gzip", POST "Transfer-Encoding: gzip\r\n\r\n", "POST /"),
    BAD("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "POST /"),
    BAD("chunked, gzip", POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "POST /"),
    BAD("chunked twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /"),
    BAD("chunked, chunked", POST "Transfer-Encoding: chunked, chunked\r\n\r\n", "POST /"),
    BAD("identity", POST "Transfer-Encoding: identity\r\n\r\n", "POST /"),
    BAD("xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "POST /"),
    BAD("chunked with a parameter", POST "Transfer-Encoding: chunked;a=b\r\n\r\n", "POST /"),
    BAD("quoted chunked", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", "POST /"),
    BAD("empty coding", POST "Transfer-Encoding:\r\n\r\n", "POST /"),
    BAD("coding with vertical tab",
        POST "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n",
        "POST /"),
    BAD("coding with a tab behind it", POST "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
        "POST /"),
    BAD("coding with a space before the colon", POST "Transfer-Encoding : chunked\r\n\r\n",
        "POST /"),
    BAD("chunked in http/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /"),
    {"unknown method", "BREW /pot HTTP/1.1\r\n" H "\r\n", "BREW /pot refused:method_unknown",
     "HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"},
    {"method in lower case", "get / HTTP/1.1\r\n" H "\r\n", "get / refused:method_unknown", NULL},
    {"connect", "CONNECT web:443 HTTP/1.1\r\nHost: web:443\r\n\r\n",
     "CONNECT web:443 refused:method_unknown", NULL},
    {"input behind a refusal is ignored", "BREW / HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\n",
     "BREW / refused:method_unknown", NULL},
};

/* Behind a good head. */
static const struct vector broken_bodies[] = {
    {"chunk size is no number", CHUNKED "x\r\n", "", NULL},
    {"chunk size with a sign", CHUNKED "+1\r\nx\r\n", "", NULL},
    {"chunk size with 0x", CHUNKED "0x1\r\nx\r\n", "", NULL},
    {"chunk size behind a space", CHUNKED " 1\r\nx\r\n", "", NULL},
    {"chunk size before a space", CHUNKED "1 \r\nx\r\n", "", NULL},
    {"chunk size beyond 64 bits", CHUNKED "10000000000000001\r\nx", "", NULL},
    {"no chunk size", CHUNKED "\r\nx\r\n", "", NULL},
    {"bare lf behind a chunk size", CHUNKED "1\nx\r\n", "", NULL},
    {"bare lf in an extension", CHUNKED "1;a\nb\r\nx\r\n", "", NULL},
    {"bare cr in an extension", CHUNKED "1;a\rb\r\nx\r\n", "", NULL},
    {"chunk longer than told", CHUNKED "1\r\nxy\r\n0\r\n\r\n", "(x) ", NULL},
    {"bare lf behind a chunk", CHUNKED "1\r\nx\n0\r\n\r\n", "(x) ", NULL},
    {"bare lf in trailers", CHUNKED "0\r\nA: b\n\r\n", "", NULL},
    {"bare cr in trailers", CHUNKED "0\r\nA: b\rc\r\n\r\n", "", NULL},
    {"obs-fold in trailers", CHUNKED "0\r\nA: b\r\n c\r\n\r\n", "", NULL},
    {"obs-fold begins trailers", CHUNKED "0\r\n A: b\r\n\r\n", "", NULL},
    {"no colon in trailers", CHUNKED "0\r\nGET / HTTP/1.1\r\n\r\n", "", NULL},
    {"space before a trailer's colon", CHUNKED "0\r\nA : b\r\n\r\n", "", NULL},
};

/* Feeds a server; returns its log (in `t`) and its output (in `out`). */
static void serve(struct side *t, struct weft_buf *out, struct weft_slice in, size_t step) {
    weft_buf_append(&t->in, in);
    side_feed(t, step);
    side_pull(t, out);
    side_feed(t, step);
    side_pull(t, out);
}

static void check_vector(const struct vector *v, const char *log, size_t step) {
    struct side t;
    struct weft_buf out;
    side_init(&t, false, WEFT_SERVER, NULL);
    weft_buf_init(&out, 0);
    serve(&t, &out, weft_slice_str(v->in), step);
    if (strcmp(side_log(&t), log) != 0)
        fail_msg("%s (step %zu):\n  got  %s\n  want %s", v->name, step, side_log(&t), log);
    if (v->out && !weft_slice_starts(weft_buf_slice(&out), weft_slice_str(v->out)))
        fail_msg("%s: sent %.*s", v->name, WEFT_SLICE_ARG(weft_buf_slice(&out)));
    weft_buf_done(&out);
    side_done(&t);
}

static const size_t steps[] = {SIZE_MAX, 3, 1};

static void test_accepted(void **state) {
    for (size_t i = 0; i < WEFT_LEN(accepted); i++)
        for (size_t k = 0; k < WEFT_LEN(steps); k++)
            check_vector(&accepted[i], accepted[i].log, steps[k]);
}

static void test_refused(void **state) {
    for (size_t i = 0; i < WEFT_LEN(refused); i++)
        for (size_t k = 0; k < WEFT_LEN(steps); k++)
            check_vector(&refused[i], refused[i].log, steps[k]);
}

/* REQ: after a refusal the connection ends, and says so. */
static void test_refusal_ends_connection(void **state) {
    for (size_t i = 0; i < WEFT_LEN(refused); i++) {
        struct side t;
        struct weft_buf out;
        side_init(&t, false, WEFT_SERVER, NULL);
        weft_buf_init(&out, 0);
        weft_buf_str(&t.in, refused[i].in);
        side_feed(&t, SIZE_MAX);
        assert_false(weft_codec_finished(t.codec)); /* the answer is not pulled yet */
        side_pull(&t, &out);
        assert_true(weft_slice_search(weft_buf_slice(&out), S("\r\nconnection: close\r\n")) <
                    weft_buf_size(&out));
        assert_true(weft_codec_finished(t.codec));
        assert_false(weft_codec_broken(t.codec));
        weft_buf_done(&out);
        side_done(&t);
    }
}

static void test_broken_bodies(void **state) {
    for (size_t i = 0; i < WEFT_LEN(broken_bodies); i++) {
        const struct vector *v = &broken_bodies[i];
        char log[256];
        snprintf(log, sizeof log, "POST / @web chunked %sreset:protocol", v->log);
        struct vector with = *v;
        with.out = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n";
        for (size_t k = 0; k < WEFT_LEN(steps); k++) check_vector(&with, log, steps[k]);
    }
}

/* === limits === */

static struct weft_codec_limits small_limits(void) {
    struct weft_codec_limits l = weft_codec_limits_default();
    l.head_bytes = 512;
    l.fields = 4;
    l.target_bytes = 64;
    l.extension_bytes = 100;
    return l;
}

/* A refused head tells its limit with the stream, a broken message with the connection. */
static void check_limit(struct weft_slice in, const char *word, enum weft_cap cap, size_t step) {
    struct weft_codec_limits l = small_limits();
    struct side t;
    struct weft_buf out;
    side_init(&t, false, WEFT_SERVER, &l);
    weft_buf_init(&out, 0);
    serve(&t, &out, in, step);
    struct weft_slice log = weft_slice_str(side_log(&t));
    if (weft_slice_search(log, weft_slice_str(word)) == log.len)
        fail_msg("step %zu: got %s, want %s", step, log.base, word);
    bool reset = !strncmp(word, "reset", 5);
    assert_string_equal(weft_cap_word(t.cap), weft_cap_word(reset ? WEFT_CAP_NONE : cap));
    assert_string_equal(weft_cap_word(weft_codec_cap(t.codec)),
                        weft_cap_word(reset ? cap : WEFT_CAP_NONE));
    weft_buf_done(&out);
    side_done(&t);
}

static struct weft_slice fill(struct weft_buf *b, const char *before, size_t n, const char *after) {
    weft_buf_clear(b);
    weft_buf_str(b, before);
    for (size_t i = 0; i < n; i++) weft_buf_char(b, 'a');
    weft_buf_str(b, after);
    return weft_buf_slice(b);
}

static void test_limits(void **state) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    const char *after = " HTTP/1.1\r\n" H "\r\n";
    static const char long_target[] = "refused:target_too_long", large[] = "refused:head_too_large";
    static const char broken[] = "reset:protocol", head[] = "GET / HTTP/1.1\r\n";
    for (size_t k = 0; k < WEFT_LEN(steps); k++) {
        size_t step = steps[k];
        check_limit(fill(&b, "GET /", 63, after), "aaa @web end", WEFT_CAP_NONE, step);
        check_limit(fill(&b, "GET /", 64, after), long_target, WEFT_CAP_TARGET, step);
        check_limit(fill(&b, "GET /", 300, after), long_target, WEFT_CAP_TARGET, step);
        check_limit(fill(&b, "GET /", 300, ""), long_target, WEFT_CAP_TARGET, step);
        check_limit(fill(&b, "GET / HTTP/1.1\r\nHost: ", 600, "\r\n\r\n"), large, WEFT_CAP_HEAD,
                    step);
        check_limit(fill(&b, "GET / HTTP/1.1\r\nHost: ", 600, ""), large, WEFT_CAP_HEAD, step);
        check_limit(fill(&b, head, 0, H "a:1\r\nb:2\r\nc:3\r\n\r\n"), "c=3 end", WEFT_CAP_NONE,
                    step);
        check_limit(fill(&b, head, 0, H "a:1\r\nb:2\r\nc:3\r\nd:4\r\n\r\n"), large, WEFT_CAP_FIELDS,
                    step);
        check_limit(fill(&b, head, 0, "a b: 1\r\n\r\n"), "refused:bad_request", WEFT_CAP_NONE,
                    step);
        check_limit(fill(&b, CHUNKED "0\r\nX: ", 600, "\r\n\r\n"), broken, WEFT_CAP_HEAD, step);
        check_limit(S(CHUNKED "0\r\na:1\r\nb:2\r\nc:3\r\nd:4\r\ne:5\r\n\r\n"), broken,
                    WEFT_CAP_FIELDS, step);
        check_limit(fill(&b, CHUNKED "1;", 100, "\r\nx\r\n0\r\n\r\n"), "(x) end", WEFT_CAP_NONE,
                    step);
        check_limit(fill(&b, CHUNKED "1;", 101, "\r\nx\r\n0\r\n\r\n"), broken, WEFT_CAP_EXTENSIONS,
                    step);
        check_limit(S(CHUNKED "z\r\n"), broken, WEFT_CAP_NONE, step);
    }
    weft_buf_done(&b);
}

/* A head that fits its own limit, but not what a request may allocate. */
static void test_request_memory(void **state) {
    struct weft_codec_limits l = weft_codec_limits_default();
    struct weft_buf b, out;
    struct side t;
    weft_buf_init(&b, 0);
    for (int small = 0; small < 2; small++) {
        if (small) l.request_bytes = WEFT_ARENA_RESERVE + 8 * 1024;
        weft_buf_init(&out, 0);
        side_init(&t, false, WEFT_SERVER, &l);
        serve(&t, &out, fill(&b, "GET / HTTP/1.1\r\n" H "X: ", 10000, "\r\n\r\n"), SIZE_MAX);
        assert_int_equal(t.cap, small ? WEFT_CAP_REQUEST_MEMORY : WEFT_CAP_NONE);
        side_done(&t);
        weft_buf_done(&out);
    }
    weft_buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refusal_ends_connection),
        cmocka_unit_test(test_broken_bodies),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_request_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

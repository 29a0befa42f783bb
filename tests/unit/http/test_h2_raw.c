/* SPDX-License-Identifier: Apache-2.0
 * HTTP/2: each codec against a plain nghttp2 session that misbehaves. */
#include "harness.h"

#include <nghttp2/nghttp2.h>

/* === raw peers === */

struct raw { /* a client or a server without manners */
    nghttp2_session *session;
    char log[4096];
};

static void raw_note(struct raw *r, const char *fmt, ...) WEFT_PRINTF(2, 3);
static void raw_note(struct raw *r, const char *fmt, ...) {
    size_t n = strlen(r->log);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->log + n, sizeof r->log - n, fmt, ap);
    va_end(ap);
}
static int raw_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name,
                      size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *ud) {
    if (name_len == 7 && memcmp(name, ":status", 7) == 0)
        raw_note(ud, "%.*s ", (int)len, (const char *)value);
    return 0;
}
static int raw_frame(nghttp2_session *session, const nghttp2_frame *f, void *ud) {
    if (f->hd.type == NGHTTP2_RST_STREAM) raw_note(ud, "rst:%u ", f->rst_stream.error_code);
    if (f->hd.type == NGHTTP2_GOAWAY) raw_note(ud, "goaway:%u ", f->goaway.error_code);
    return 0;
}
static void raw_init(struct raw *r, bool server) {
    *r = (struct raw){0};
    nghttp2_session_callbacks *cbs;
    nghttp2_option *opt;
    nghttp2_option_new(&opt);
    nghttp2_option_set_no_http_messaging(opt, 1);
    nghttp2_option_set_max_send_header_block_length(opt, 1024 * 1024);
    nghttp2_session_callbacks_new(&cbs);
    nghttp2_session_callbacks_set_on_header_callback(cbs, raw_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cbs, raw_frame);
    (server ? nghttp2_session_server_new2 : nghttp2_session_client_new2)(&r->session, cbs, r, opt);
    nghttp2_session_callbacks_del(cbs);
    nghttp2_option_del(opt);
    nghttp2_submit_settings(r->session, 0, NULL, 0);
}
static void raw_shuttle(struct raw *r, struct side *t) {
    for (int i = 0; i < 4; i++) {
        const uint8_t *p;
        ssize_t n;
        while ((n = nghttp2_session_mem_send(r->session, &p)) > 0)
            weft_buf_append(&t->in, weft_slice((const char *)p, (size_t)n));
        side_feed(t, 5);
        struct weft_buf out;
        weft_buf_init(&out, 0);
        side_pull(t, &out);
        struct weft_slice o = weft_buf_slice(&out);
        if (o.len) nghttp2_session_mem_recv(r->session, (const uint8_t *)o.base, o.len);
        weft_buf_done(&out);
    }
}
static size_t raw_fields(const char *text, nghttp2_nv *nv, char *copy) { /* "name=value name=..." */
    size_t n = 0;
    for (char *p = strtok(strcpy(copy, text), " "); p; p = strtok(NULL, " ")) {
        char *eq = strchr(p + 1, '=');
        for (char *u = p; *u; u++)
            if (*u == '~') *u = ' '; /* a space, written */
        nv[n++] =
            (nghttp2_nv){(uint8_t *)p, (uint8_t *)eq + 1, (size_t)(eq - p), strlen(eq + 1), 0};
    }
    return n;
}

#define PSEUDO ":method=GET :scheme=http :path=/ :authority=web"
static const struct {
    const char *name, *fields, *log, *raw;
} raw_requests[] = {
    {"plain", PSEUDO " x=y", "GET / @web x=y end", "200 "},
    {"host alone", ":method=GET :scheme=http :path=/ host=web", "GET / @web end", "200 "},
    {"host the same", PSEUDO " host=WEB", "GET / @web end", "200 "},
    {"host another", PSEUDO " host=evil", "GET / refused:bad_request", "400 "},
    {"no authority", ":method=GET :scheme=http :path=/", "", "rst:1 "},
    {"bad authority", ":method=GET :scheme=http :path=/ :authority=a@b",
     "GET / refused:bad_request", "400 "},
    {"no path", ":method=GET :scheme=http :authority=web", "", "rst:1 "},
    {"empty path", ":method=GET :scheme=http :path= :authority=web", "", "rst:1 "},
    {"relative path", ":method=GET :scheme=http :path=a :authority=web", "", "rst:1 "},
    {"fragment", ":method=GET :scheme=http :path=/#a :authority=web", "GET /#a refused:bad_request",
     "400 "},
    {"space in the path", ":method=GET :scheme=http :path=/a~HTTP/1.1 :authority=web", "",
     "rst:1 "},
    {"star", ":method=OPTIONS :scheme=http :path=* :authority=web", "OPTIONS * @web end", "200 "},
    {"star without options", ":method=GET :scheme=http :path=* :authority=web", "", "rst:1 "},
    {"unknown method", ":method=BREW :scheme=http :path=/ :authority=web",
     "BREW / refused:method_unknown", "501 "},
    {"connect", ":method=CONNECT :authority=web:443", "CONNECT  refused:method_unknown", "501 "},
    {"connection field", PSEUDO " connection=close", "", "rst:1 "},
    {"transfer-encoding", PSEUDO " transfer-encoding=chunked", "", "rst:1 "},
    {"te gzip", PSEUDO " te=gzip", "", "rst:1 "},
    {"te trailers", PSEUDO " te=trailers", "GET / @web te end", "200 "},
    {"bad value", PSEUDO " x=a\nb", "", "rst:1 "},
    {"bad name", PSEUDO " a:b=c", "", "rst:1 "},
    {"two methods", PSEUDO " :method=GET", "", "rst:1 "},
    {"unknown pseudo field", PSEUDO " :x=y", "", "rst:1 "},
    {"pseudo field behind a field", ":method=GET :scheme=http x=y :path=/ :authority=web", "",
     "rst:1 "},
    {"content-length without a body", PSEUDO " content-length=5", "", "rst:1 "},
    {"two content-lengths", PSEUDO " content-length=0 content-length=0", "", "rst:1 "},
    {"crumbs", PSEUDO " cookie=a=1 x=y cookie=b=2 cookie=c=3",
     "GET / @web cookie=a=1;~b=2;~c=3 "
     "x=y end",
     "200 "},
};

static void test_raw_requests(void **state) {
    for (size_t i = 0; i < WEFT_LEN(raw_requests); i++) {
        struct raw r;
        struct side s;
        nghttp2_nv nv[16];
        char copy[512], log[256];
        raw_init(&r, false);
        side_init(&s, true, WEFT_SERVER, NULL);
        size_t n = raw_fields(raw_requests[i].fields, nv, copy);
        nghttp2_submit_request(r.session, NULL, nv, n, NULL, NULL);
        raw_shuttle(&r, &s);
        snprintf(log, sizeof log, "%s", raw_requests[i].log);
        for (char *u = log; *u; u++)
            if (*u == '~') *u = ' ';
        if (strcmp(side_log(&s), log) != 0)
            fail_msg("%s:\n  got  %s\n  want %s", raw_requests[i].name, side_log(&s), log);
        if (strcmp(r.log, raw_requests[i].raw) != 0)
            fail_msg("%s: peer got %s", raw_requests[i].name, r.log);
        assert_int_equal(weft_codec_streams(s.codec), 0);
        nghttp2_session_del(r.session);
        side_done(&s);
    }
}

static void test_head_limits(void **state) {
    struct weft_codec_limits l = weft_codec_limits_default();
    l.head_bytes = 2000, l.fields = 8, l.target_bytes = 100;
    for (int i = 0; i < 4; i++) {
        struct raw r;
        struct side s;
        nghttp2_nv nv[32];
        char copy[256], many[8000] = {0}, path[200] = "/", x[] = "x", cookie[] = "cookie";
        raw_init(&r, false);
        side_init(&s, true, WEFT_SERVER, &l);
        size_t n = raw_fields(PSEUDO, nv, copy);
        memset(many, 'a', sizeof many);
        memset(path + 1, 'b', 150);
        if (i == 0) nv[n++] = (nghttp2_nv){(uint8_t *)x, (uint8_t *)many, 1, 3000, 0};
        for (int k = 0; i == 1 && k < 9; k++)
            nv[n++] = (nghttp2_nv){(uint8_t *)x, (uint8_t *)many, 1, 1, 0};
        for (int k = 0; i == 2 && k < 20; k++)
            nv[n++] = (nghttp2_nv){(uint8_t *)cookie, (uint8_t *)many, 6, 100, 0};
        if (i == 3) nv[2].value = (uint8_t *)path, nv[2].valuelen = 151;
        nghttp2_submit_request(r.session, NULL, nv, n, NULL, NULL);
        raw_shuttle(&r, &s);
        static const enum weft_cap caps[] = {WEFT_CAP_HEAD, WEFT_CAP_FIELDS, WEFT_CAP_FIELDS,
                                             WEFT_CAP_TARGET};
        assert_string_equal(r.log, i == 3 ? "414 " : "431 ");
        assert_string_equal(weft_cap_word(s.cap), weft_cap_word(caps[i]));
        assert_int_equal(weft_codec_cap(s.codec), WEFT_CAP_NONE); /* it goes on */
        nghttp2_session_del(r.session);
        side_done(&s);
    }
}

static ssize_t raw_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                        uint32_t *flags, nghttp2_data_source *source, void *ud) {
    size_t n = length < 10 ? length : 10;
    memset(buf, 'x', n);
    if (--source->fd <= 0) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

/* However large the head, the user's own allocations still fit: they may not fail. */
static void test_arena_reserve(void **state) {
    struct weft_codec_limits l = weft_codec_limits_default();
    l.head_bytes = 4 * 1024 * 1024, l.fields = 10000;
    struct raw r;
    struct side s;
    nghttp2_nv nv[160];
    char copy[256], x[] = "x", cookie[] = "cookie";
    static char many[3000];
    memset(many, 'a', sizeof many);
    for (int kind = 0; kind < 2; kind++) {
        raw_init(&r, false);
        side_init(&s, true, WEFT_SERVER, &l);
        s.keep = true;
        size_t n = raw_fields(PSEUDO, nv, copy);
        for (int k = 0; k < 150; k++) /* HPACK makes a byte of each repetition */
            nv[n++] = (nghttp2_nv){(uint8_t *)(kind ? cookie : x), (uint8_t *)many, kind ? 6 : 1,
                                   kind ? 2000 : 3000, 0};
        nghttp2_submit_request(r.session, NULL, nv, n, NULL, NULL);
        raw_shuttle(&r, &s);
        assert_non_null(s.last);
        assert_non_null(weft_arena_alloc(weft_stream_arena(s.last), 100 * 1024));
        assert_string_equal(r.log, "431 ");
        assert_string_equal(weft_cap_word(s.cap), "request_memory");
        nghttp2_session_del(r.session);
        side_done(&s);
    }
}

/* The body of a refused request goes nowhere; the answer is whole. */
static void test_refused_with_body(void **state) {
    struct raw r;
    struct side s;
    nghttp2_nv nv[16];
    char copy[256];
    raw_init(&r, false);
    side_init(&s, true, WEFT_SERVER, NULL);
    size_t n = raw_fields(":method=BREW :scheme=http :path=/ :authority=web", nv, copy);
    nghttp2_data_provider body = {.source.fd = 3, .read_callback = raw_body};
    nghttp2_submit_request(r.session, NULL, nv, n, &body, NULL);
    raw_shuttle(&r, &s);
    assert_string_equal(side_log(&s), "BREW / refused:method_unknown");
    assert_true(weft_slice_starts(weft_slice_str(r.log), S("501 ")));
    nghttp2_session_del(r.session);
    side_done(&s);
}

static void test_content_length_mismatch(void **state) {
    for (int more = 0; more < 2; more++) {
        struct raw r;
        struct side s;
        nghttp2_nv nv[16];
        char copy[256];
        raw_init(&r, false);
        side_init(&s, true, WEFT_SERVER, NULL);
        s.no_reply = true;
        size_t n =
            raw_fields(more ? PSEUDO " content-length=15" : PSEUDO " content-length=25", nv, copy);
        nghttp2_data_provider body = {.source.fd = 2, .read_callback = raw_body};
        nghttp2_submit_request(r.session, NULL, nv, n, &body, NULL);
        raw_shuttle(&r, &s);
        struct weft_slice log = weft_slice_str(side_log(&s));
        assert_true(weft_slice_ends(log, S("reset:protocol")));
        nghttp2_session_del(r.session);
        side_done(&s);
    }
}

static const struct {
    const char *fields, *log;
    bool trailers;
} raw_responses[] = {
    {":status=200 x=y", "200 x=y end", 0},
    {":status=200 content-length=0", "200 length:0 end", 0},
    {":status=204 content-length=0", "204 end", 0},
    {":status=304 content-length=7", "304 none:7 end", 0},
    {":status=20", "reset:protocol", 0},
    {":status=200 content-length=5", "reset:protocol", 0},
    {":status=200 connection=close", "reset:protocol", 0},
    {":status=200 x=a\nb", "reset:protocol", 0},
    {"x=y", "reset:protocol", 0},
    {":status=101", "reset:protocol", 0},
    {":status=100", "reset:protocol", 0}, /* the end of an interim response */
};

static void test_raw_responses(void **state) {
    for (size_t i = 0; i < WEFT_LEN(raw_responses); i++) {
        struct raw r;
        struct side c;
        nghttp2_nv nv[16];
        char copy[512];
        raw_init(&r, true);
        side_init(&c, true, WEFT_CLIENT, NULL);
        ask(&c, (struct request){.method = "GET"}, true);
        raw_shuttle(&r, &c);
        size_t n = raw_fields(raw_responses[i].fields, nv, copy);
        nghttp2_submit_response(r.session, 1, nv, n, NULL);
        raw_shuttle(&r, &c);
        if (strncmp(side_log(&c), raw_responses[i].log, strlen(raw_responses[i].log)) != 0)
            fail_msg("%s:\n  got  %s\n  want %s", raw_responses[i].fields, side_log(&c),
                     raw_responses[i].log);
        nghttp2_session_del(r.session);
        side_done(&c);
    }
}

/* Streams above the last one that GOAWAY names were surely not processed. */
static void test_goaway_unprocessed(void **state) {
    struct raw r;
    struct side c;
    nghttp2_nv nv[4];
    char copy[64];
    raw_init(&r, true);
    side_init(&c, true, WEFT_CLIENT, NULL);
    ask(&c, (struct request){.method = "GET"}, true);
    ask(&c, (struct request){.method = "GET"}, true);
    raw_shuttle(&r, &c);
    ask(&c, (struct request){.method = "GET"}, true); /* not pulled when the GOAWAY comes */
    nghttp2_submit_goaway(r.session, 0, 1, NGHTTP2_NO_ERROR, NULL, 0);
    raw_shuttle(&r, &c);
    assert_string_equal(side_log(&c), "reset:refused,unprocessed reset:refused,unprocessed");
    assert_int_equal(c.retired, 1);
    nghttp2_submit_response(r.session, 1, nv, raw_fields(":status=200", nv, copy), NULL);
    raw_shuttle(&r, &c);
    assert_string_equal(side_log(&c),
                        "reset:refused,unprocessed reset:refused,unprocessed 200 end");
    assert_true(weft_codec_finished(c.codec));
    nghttp2_session_del(r.session);
    side_done(&c);
}

/* Frames by hand: nghttp2 as a client would not send these. */
#define GET_WEB        "\x82\x86\x84\x41\x03web"
#define HEADERS_ON(id) "\x00\x00\x08\x01\x05\x00\x00\x00" id GET_WEB
#define DATA_ON(id)    "\x00\x00\x01\x00\x00\x00\x00\x00" id "x"
#define RST_ON(id)     "\x00\x00\x04\x03\x00\x00\x00\x00" id "\x00\x00\x00\x08"
static const struct {
    const char *name;
    struct weft_slice opens, then;
    uint32_t goaway; /* error code, 0: the connection goes on */
} after_close[] = {
    {"data", S(HEADERS_ON("\x01")), S(DATA_ON("\x01")), NGHTTP2_STREAM_CLOSED},
    {"head", S(HEADERS_ON("\x01")), S(HEADERS_ON("\x01")), NGHTTP2_STREAM_CLOSED},
    {"data behind a reset", S(HEADERS_ON("\x01")), S(RST_ON("\x01") DATA_ON("\x01")),
     NGHTTP2_STREAM_CLOSED},
    {"head, reset and data at once", S(""), S(HEADERS_ON("\x01") RST_ON("\x01") DATA_ON("\x01")),
     NGHTTP2_STREAM_CLOSED},
    {"smaller id", S(HEADERS_ON("\x05")), S(HEADERS_ON("\x03")), NGHTTP2_PROTOCOL_ERROR},
    {"next id", S(HEADERS_ON("\x01")), S(HEADERS_ON("\x03")), 0},
};

static uint32_t goaway_code(struct weft_slice out) {
    while (out.len >= 17) { /* the last frame decides */
        const uint8_t *p = (const uint8_t *)out.base;
        size_t n = 9 + ((size_t)p[1] << 8 | p[2]);
        if (p[3] == NGHTTP2_GOAWAY) return p[16];
        out = weft_slice_from(out, n);
    }
    return 0;
}

static void check_after_close(size_t i, size_t step) {
    struct side s;
    struct weft_buf out;
    side_init(&s, true, WEFT_SERVER, NULL);
    weft_buf_init(&out, 0);
    weft_buf_str(&s.in, NGHTTP2_CLIENT_MAGIC);
    weft_buf_append(&s.in, S("\x00\x00\x00\x04\x00\x00\x00\x00\x00"));
    weft_buf_append(&s.in, after_close[i].opens);
    side_feed(&s, step);
    side_pull(&s, &out);
    weft_buf_clear(&out);
    weft_buf_append(&s.in, after_close[i].then);
    side_feed(&s, step);
    side_pull(&s, &out);
    uint32_t code = goaway_code(weft_buf_slice(&out));
    if (code != after_close[i].goaway || weft_codec_finished(s.codec) != (code != 0))
        fail_msg("%s, step %zu: GOAWAY %u", after_close[i].name, step, code);
    weft_buf_done(&out);
    side_done(&s);
}

/* RFC 9113 5.1, 5.1.1. */
static void test_after_close(void **state) {
    for (size_t i = 0; i < WEFT_LEN(after_close); i++) {
        check_after_close(i, SIZE_MAX);
        check_after_close(i, 1);
    }
}

static void test_bad_preface(void **state) {
    struct side s;
    struct weft_buf out;
    side_init(&s, true, WEFT_SERVER, NULL);
    weft_buf_init(&out, 0);
    weft_buf_str(&s.in, "GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    side_feed(&s, SIZE_MAX);
    assert_int_equal(s.status, WEFT_PROTOCOL);
    side_pull(&s, &out);
    assert_true(weft_buf_size(&out) > 0);
    assert_true(weft_codec_finished(s.codec));
    weft_buf_done(&out);
    side_done(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw_requests),
        cmocka_unit_test(test_head_limits),
        cmocka_unit_test(test_arena_reserve),
        cmocka_unit_test(test_refused_with_body),
        cmocka_unit_test(test_content_length_mismatch),
        cmocka_unit_test(test_raw_responses),
        cmocka_unit_test(test_goaway_unprocessed),
        cmocka_unit_test(test_after_close),
        cmocka_unit_test(test_bad_preface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

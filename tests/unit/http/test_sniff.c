/* SPDX-License-Identifier: Apache-2.0
 * REQ-057, REQ-059: what the first bytes say where nothing else does. */
#include <weft/base/buf.h>
#include <weft/http/sniff.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define S(lit) WEFT_SLICE_LIT(lit)

static const struct {
    struct weft_slice in;
    enum weft_sniff is;
} cases[] = {
    {S(""), WEFT_SNIFF_MORE},
    {S("G"), WEFT_SNIFF_MORE},
    {S("GET "), WEFT_SNIFF_MORE},
    {S("GET /"), WEFT_SNIFF_H1},
    {S("GET /a HTTP/1.1\r\n"), WEFT_SNIFF_H1},
    {S("\r\nGET /"), WEFT_SNIFF_H1},
    {S("OPTIONS *"), WEFT_SNIFF_H1},
    {S("GET\t/"), WEFT_SNIFF_H1}, /* answered 400, but never passed on unread */
    {S(" GET /"), WEFT_SNIFF_H1},
    {S("GET  /"), WEFT_SNIFF_H1},
    {S("GET \v\f\r/"), WEFT_SNIFF_H1},
    {S("GET key\r\n"), WEFT_SNIFF_OPAQUE}, /* Redis */
    {S("get\tkey\r\n"), WEFT_SNIFF_OPAQUE},
    {S("GET http://a"), WEFT_SNIFF_H1},
    {S("GET http"), WEFT_SNIFF_MORE},
    {S("BREW /pot"), WEFT_SNIFF_MORE},
    {S("BREW /pot HTTP/1.1\r\n"), WEFT_SNIFF_H1},
    {S("BREW /pot HTTP/1."), WEFT_SNIFF_H1},
    {S("BREW /pot HTCPCP/1.0\r\n"), WEFT_SNIFF_OPAQUE},
    {S("CONNECT a:443 HTTP/1.1\r\n"), WEFT_SNIFF_H1},
    {S("get key\r\n"), WEFT_SNIFF_OPAQUE}, /* memcached */
    {S("*1\r\n$4\r\nPING\r\n"), WEFT_SNIFF_OPAQUE},
    {S("EHLO mail\r\n"), WEFT_SNIFF_OPAQUE},
    {S("USER a\r\n"), WEFT_SNIFF_OPAQUE},
    {S("SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), WEFT_SNIFF_OPAQUE},
    {S("\0\0\0\x08\x04\xd2\x16\x2f"), WEFT_SNIFF_OPAQUE}, /* PostgreSQL */
    {S("{\"a\":1}"), WEFT_SNIFF_OPAQUE},
    {S("PRI"), WEFT_SNIFF_MORE},
    {S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r"), WEFT_SNIFF_MORE},
    {S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), WEFT_SNIFF_H2},
    {S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore"), WEFT_SNIFF_H2},
    {S("PRI * HTTP/1.1\r\n"), WEFT_SNIFF_H1},
    {S("\x16"), WEFT_SNIFF_MORE},
    {S("\x16\x03\x01\x02\x00"), WEFT_SNIFF_MORE},
    {S("\x16\x03\x01\x02\x00\x01"), WEFT_SNIFF_TLS},
    {S("\x16\x03\x01\x02\x00\x02"), WEFT_SNIFF_OPAQUE}, /* a ServerHello */
    {S("\x16\x04"), WEFT_SNIFF_OPAQUE},
    {S("\x17\x03\x03"), WEFT_SNIFF_OPAQUE},
    {S("\xff"), WEFT_SNIFF_OPAQUE},
};

static void test_table(void **state) {
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        enum weft_sniff got = weft_sniff(cases[i].in);
        if (got != cases[i].is)
            fail_msg("%.*s is %d, not %d", WEFT_SLICE_ARG(cases[i].in), got, cases[i].is);
    }
}

static const struct {
    struct weft_slice in;
    enum weft_sniff is;
} stalled[] = {
    {S(""), WEFT_SNIFF_OPAQUE},      {S("G"), WEFT_SNIFF_H1},
    {S("\r\n GE"), WEFT_SNIFF_H1},   {S("GET "), WEFT_SNIFF_H1},
    {S("GET http:"), WEFT_SNIFF_H1}, {S("PRI"), WEFT_SNIFF_H1},
    {S("BREW /"), WEFT_SNIFF_H1},    {S("PRI * HT"), WEFT_SNIFF_H2},
    {S("HELLO"), WEFT_SNIFF_OPAQUE}, {S("\x16\x03"), WEFT_SNIFF_OPAQUE},
};

static void test_stalled(void **state) {
    for (size_t i = 0; i < WEFT_LEN(stalled); i++)
        assert_int_equal(weft_sniff_stalled(stalled[i].in), stalled[i].is);
}

/* A decision never changes with more bytes. */
static void test_stable(void **state) {
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        enum weft_sniff last = WEFT_SNIFF_MORE;
        for (size_t n = 0; n <= cases[i].in.len; n++) {
            enum weft_sniff now = weft_sniff(weft_slice_head(cases[i].in, n));
            if (last != WEFT_SNIFF_MORE) assert_int_equal(now, last);
            last = now;
        }
    }
}

static void test_bounded(void **state) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    weft_buf_str(&b, "BREW /");
    while (weft_buf_size(&b) < 8191) weft_buf_char(&b, 'a');
    assert_int_equal(weft_sniff(weft_buf_slice(&b)), WEFT_SNIFF_MORE);
    weft_buf_char(&b, 'a');
    assert_int_equal(weft_sniff(weft_buf_slice(&b)), WEFT_SNIFF_H1);
    weft_buf_clear(&b);
    for (int i = 0; i < 9000; i++) weft_buf_char(&b, '\n');
    assert_int_equal(weft_sniff(weft_buf_slice(&b)), WEFT_SNIFF_OPAQUE);
    weft_buf_done(&b);
}

/* A hello as OpenSSL writes it, with SNI "web.shop" and ALPN "h2", "http/1.1". */
static void hello(struct weft_buf *b) {
    static const char alpn[] = "\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1";
    static const char sni[] = "\0\0\0\x0d\0\x0b\0\0\x08web.shop";
    weft_buf_append(b, S("\x16\x03\x01\0\0\x01\0\0\0\x03\x03"));
    for (int i = 0; i < 32; i++) weft_buf_char(b, 'r');
    weft_buf_append(b, S("\x04sess\0\x02\x13\x01\x01\0\0\0"));
    size_t ext = weft_buf_size(b);
    weft_buf_append(b, S("\0\x2b\0\x03\x02\x03\x04"));
    weft_buf_append(b, weft_slice(sni, sizeof sni - 1));
    weft_buf_append(b, weft_slice(alpn, sizeof alpn - 1));
    size_t n = weft_buf_size(b);
    b->base[ext - 1] = (char)(n - ext);
    b->base[4] = (char)(n - 5);
    b->base[8] = (char)(n - 9);
}

static void test_client_hello(void **state) {
    struct weft_buf b;
    struct weft_client_hello h;
    weft_buf_init(&b, 0);
    hello(&b);
    assert_int_equal(weft_sniff(weft_buf_slice(&b)), WEFT_SNIFF_TLS);
    assert_true(weft_sniff_client_hello(weft_buf_slice(&b), &h));
    assert_true(weft_slice_is(h.sni, "web.shop"));
    assert_true(weft_sniff_alpn_has(h.alpn, S("h2")));
    assert_true(weft_sniff_alpn_has(h.alpn, S("http/1.1")));
    assert_false(weft_sniff_alpn_has(h.alpn, S("h")));
    assert_false(weft_sniff_alpn_has(h.alpn, S("weft-h2")));
    for (size_t n = 0; n < weft_buf_size(&b); n++)
        assert_false(weft_sniff_client_hello(weft_slice_head(weft_buf_slice(&b), n), &h));
    weft_buf_str(&b, "more");
    assert_true(weft_sniff_client_hello(weft_buf_slice(&b), &h));
    weft_buf_done(&b);
}

static void test_hello_without_extensions(void **state) {
    struct weft_client_hello h;
    char in[5 + 4 + 34 + 1 + 4 + 2] = {22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3};
    in[44] = 0, in[45] = 2; /* suites: behind the empty session id at 43 */
    in[48] = 1;
    assert_true(weft_sniff_client_hello(weft_slice(in, sizeof in), &h));
    assert_null(h.sni.base);
    assert_null(h.alpn.base);
    assert_false(weft_sniff_alpn_has(h.alpn, S("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),        cmocka_unit_test(test_stalled),
        cmocka_unit_test(test_stable),       cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_client_hello), cmocka_unit_test(test_hello_without_extensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

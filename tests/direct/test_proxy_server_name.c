/* SPDX-License-Identifier: Apache-2.0
 * The name that an app's own TLS asks for: in the log line of whatever passes it on or refuses it,
 * clean and bounded, and in no metric. */
#include "support/world.h"

#include <string.h>

/* A ClientHello as a client of `name` writes it; NULL: none. */
static void hello(struct weft_buf *b, const char *name, size_t len) {
    weft_buf_init(b, 0);
    weft_buf_append(b, WEFT_SLICE_LIT("\x16\x03\x01\0\0\x01\0\0\0\x03\x03"));
    for (int i = 0; i < 32; i++) weft_buf_char(b, 'r');
    weft_buf_append(b, WEFT_SLICE_LIT("\x04sess\0\x02\x13\x01\x01\0\0\0"));
    size_t ext = weft_buf_size(b);
    weft_buf_append(b, WEFT_SLICE_LIT("\0\x2b\0\x03\x02\x03\x04"));
    if (name) {
        const size_t sizes[] = {len + 5, len + 3};
        weft_buf_append(b, WEFT_SLICE_LIT("\0\0"));
        for (int i = 0; i < 2; i++) {
            weft_buf_char(b, (char)(sizes[i] >> 8));
            weft_buf_char(b, (char)sizes[i]);
        }
        weft_buf_char(b, 0);
        weft_buf_char(b, (char)(len >> 8));
        weft_buf_char(b, (char)len);
        weft_buf_append(b, weft_slice(name, len));
    }
    const size_t at[] = {ext - 2, 3, 7}, n = weft_buf_size(b);
    for (int i = 0; i < 3; i++) {
        b->base[at[i]] = (char)((n - at[i] - 2) >> 8);
        b->base[at[i] + 1] = (char)(n - at[i] - 2);
    }
}

/* Connects, sends it in pieces, and ends both sides. */
static const char *pass(struct world *w, struct client *c, struct app *a, struct weft_buf *b,
                        size_t piece) {
    size_t before = a ? weft_buf_size(&a->raw_in) : 0, n = weft_buf_size(b);
    for (size_t i = 0; i < n; i += piece) {
        weft_xport_write(c->x, weft_slice_head(weft_slice_from(weft_buf_slice(b), i), piece));
        world_settle(w);
    }
    if (a) {
        struct weft_slice in = weft_slice_from(weft_buf_slice(&a->raw_in), before);
        assert_true(weft_slice_eq(in, weft_buf_slice(b)));
        weft_xport_close(a->raw);
        a->raw = NULL;
    }
    client_close(c);
    weft_buf_done(b);
    return world_log(w);
}

static struct app *raw(struct world *w, const char *addr) {
    struct app *a = world_app(w, addr);
    a->mode = APP_RAW;
    return a;
}

#define COUNT(direction, name)                                                                     \
    "weft_app_tls_connections_total{direction=\"" direction "\",server_name=\"" name "\"}"

/* Whatever is known of the address beforehand, and in whatever pieces it comes. */
static void told_wherever_it_passes(void **state) {
    struct world *w = *state;
    world_service(w, "undeclared", "10.96.0.1", NULL, "10.0.0.1");
    world_service(w, "declared", "10.96.0.2", "https", "10.0.0.2");
    world_service(w, "tcp", "10.96.0.3", "tcp", "10.0.0.3");
    world_apply(w);
    static const char *const rows[][2] = {{"10.96.0.1:80", "10.0.0.1:8080"},
                                          {"10.96.0.2:80", "10.0.0.2:8080"},
                                          {"10.96.0.3:80", "10.0.0.3:8080"},
                                          {"93.184.216.34:443", "93.184.216.34:443"}};
    static const size_t pieces[] = {4096, 1, 70};
    struct weft_buf b;
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        for (size_t k = 0; k < WEFT_LEN(pieces); k++) {
            hello(&b, "Web.Example", 11);
            struct app *a = raw(w, rows[i][1]);
            const char *log = pass(w, world_connect(w, rows[i][0]), a, &b, pieces[k]);
            assert_has(log, "\"sni\":\"web.example\",\"protocol\":\"opaque\"");
        }
    }
    assert_int_equal(world_metric(w, COUNT("outbound", "named")), 12);
    assert_int_equal(world_metric(w, COUNT("outbound", "none")), 0);
}

static void without_a_name(void **state) {
    struct world *w = *state;
    struct weft_buf b;
    struct app *a = raw(w, "93.184.216.34:443");
    hello(&b, NULL, 0);
    assert_hasnt(pass(w, world_connect(w, "93.184.216.34:443"), a, &b, 4096), "\"sni\"");
    assert_int_equal(world_metric(w, COUNT("outbound", "none")), 1);
    static const char *const others[] = {"GET / HTTP/1.1\r\n", "\x16", "\x16\x03\x01\x02",
                                         "\x16xyzabc"};
    for (size_t i = 0; i < WEFT_LEN(others); i++) {
        weft_buf_init(&b, 0);
        weft_buf_str(&b, others[i]);
        assert_hasnt(pass(w, world_connect(w, "93.184.216.34:443"), a, &b, 3), "\"sni\"");
    }
    assert_int_equal(world_metric(w, COUNT("outbound", "none")), 1);
    assert_int_equal(world_metric(w, COUNT("outbound", "named")), 0);
}

/* It is the caller's to choose: nothing but letters of host names reaches the log. */
static void name_is_clean_and_bounded(void **state) {
    struct world *w = *state;
    struct weft_buf b;
    struct app *a = raw(w, "93.184.216.34:443");
    hello(&b, "a\"\n\\\0\xff\xc3\xa9_-.b", 12);
    assert_has(pass(w, world_connect(w, "93.184.216.34:443"), a, &b, 4096),
               "\"sni\":\"a???????_-.b\"");
    char longer[400];
    memset(longer, 'x', sizeof longer);
    hello(&b, longer, sizeof longer);
    longer[253] = 0;
    const char *log = pass(w, world_connect(w, "93.184.216.34:443"), a, &b, 4096);
    WEFT_FREE char *want = weft_asprintf("\"sni\":\"%s\",", longer);
    assert_has(log, want);
}

/* Both sidecars' lines have the name of the TLS inside; the mesh's own TLS has none. */
static void inside_mutual_tls(void **state) {
    struct world *w = *state;
    world_service(w, "db", "10.96.0.5", "tls", "10.0.0.1");
    world_pod(w, "db-1", "10.0.0.1", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    struct app *a = raw(w, "127.0.0.1:8080");
    struct weft_buf b;
    hello(&b, "db.shop", 7);
    const char *log = pass(w, world_connect(w, "10.96.0.5:80"), a, &b, 4096);
    const char *one = strstr(log, "\"sni\":\"db.shop\"");
    assert_non_null(one);
    assert_non_null(strstr(one + 1, "\"sni\":\"db.shop\""));
}

/* A strict pod refuses an app's TLS: whom it was meant for stands in the line. */
static void refused_by_strict(void **state) {
    struct world *w = *state;
    world_pod(w, "web-1", "10.0.0.1", "server", true, NULL);
    world_apply(w);
    world_peer(w, "10.0.0.1", true);
    struct weft_buf b;
    hello(&b, "web.shop", 8);
    struct client *c = world_connect_to(w->peer, PROXY_INBOUND, "10.0.0.1:8080");
    const char *log = pass(w, c, NULL, &b, 4096);
    assert_has(log, "\"sni\":\"web.shop\",\"protocol\":\"refused\"");
    assert_has(log, "\"reason\":\"denied\"");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(told_wherever_it_passes), T(without_a_name),    T(name_is_clean_and_bounded),
        T(inside_mutual_tls),       T(refused_by_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

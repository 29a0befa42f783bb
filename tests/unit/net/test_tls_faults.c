/* SPDX-License-Identifier: Apache-2.0
 * TLS with a hostile wire in the middle: at every place of a whole conversation a byte is changed,
 * or the wire is cut. What arrives is never anything but a beginning of what was sent, and an end
 * is only told when it is the end. */
#include "pki_test.h"

#define TEXT "POST /checkout HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello"

/* Passes bytes from one pipe to another, one at a time where `dribble`. */
struct wire {
    struct weft_xport *from, *to;
    struct fault *fault;
};
struct fault {
    size_t at, passed; /* counts both directions */
    bool flip, cut, done, dribble;
    struct wire ab, ba;
};

static void wire_cut(struct fault *f) {
    f->done = true;
    weft_xport_close_flush(f->ab.from);
    weft_xport_close_flush(f->ba.from);
}
static void wire_pass(struct wire *w, struct weft_slice s) {
    struct fault *f = w->fault;
    for (size_t i = 0; i < s.len && !f->done; i++, f->passed++) {
        char c = s.base[i];
        bool here = f->passed == f->at;
        if (here && f->flip) c ^= 0x20;
        if (here && f->cut)
            wire_cut(f);
        else
            weft_xport_write(w->to, weft_slice(&c, 1));
    }
}
static void on_wire(void *ud, struct weft_slice s) {
    struct wire *w = ud;
    if (!w->fault->dribble || s.len < 2) {
        wire_pass(w, s);
        return;
    }
    wire_pass(w, weft_slice_head(s, 1));
    if (!w->fault->done) weft_xport_unread(w->from, weft_slice_from(s, 1));
}
static void on_wire_eof(void *ud) {
    struct wire *w = ud;
    weft_xport_shutdown(w->to);
}
static void wire_init(struct wire *w, struct fault *f, struct weft_xport *from,
                      struct weft_xport *to) {
    static const struct weft_xport_cb cb = {.on_read = on_wire, .on_eof = on_wire_eof};
    *w = (struct wire){from, to, f};
    weft_xport_set_cb(from, &cb, w);
    weft_xport_read_start(from);
}

struct setup {
    struct ca ca;
    struct weft_loop *l;
    struct weft_identity *id;
    struct weft_tls_ctx *client, *server;
};
static void setup_init(struct setup *s) {
    static const char *const alpns[] = {"weft-h1", NULL};
    s->l = weft_loop_new_fake();
    ca_make(&s->ca, "cluster.local", NOW, DAY * 10);
    s->id = identity_make(&s->ca, &s->ca, ID_A, NOW);
    assert_int_equal(weft_tls_ctx_new(WEFT_TLS_MESH_CLIENT, s->id, NULL, &s->client, NULL), 0);
    assert_int_equal(weft_tls_ctx_new(WEFT_TLS_MESH_SERVER, s->id, alpns, &s->server, NULL), 0);
}
static void setup_done(struct setup *s) {
    weft_tls_ctx_unref(s->client);
    weft_tls_ctx_unref(s->server);
    weft_identity_unref(s->id);
    weft_loop_free(s->l);
    ca_done(&s->ca);
}

/* One conversation with the fault; returns the bytes that went over the wire. */
static size_t converse(struct setup *s, struct fault f, bool *ret_whole) {
    struct weft_xport *c, *c_wire, *v, *v_wire;
    weft_xport_pipe(s->l, &c, &c_wire);
    weft_xport_pipe(s->l, &v, &v_wire);
    wire_init(&f.ab, &f, c_wire, v_wire);
    wire_init(&f.ba, &f, v_wire, c_wire);
    struct peer client = {0}, server = {.echo = true};
    peer_take(&client,
              weft_xport_tls_client(c, s->client, WEFT_SLICE_LIT(ID_A), "weft-h1", NULL, 1000000));
    peer_take(&server, weft_xport_tls_server(v, s->server, 1000000));
    weft_xport_write(client.x, WEFT_SLICE_LIT(TEXT));
    weft_xport_shutdown(client.x);
    while (weft_loop_turn(s->l)) {
    }
    weft_loop_advance(s->l, 1000000); /* a flipped length may wait for more until the deadline */
    const struct peer *both[] = {&client, &server};
    *ret_whole = true;
    for (int i = 0; i < 2; i++) {
        struct weft_slice got = peer_got(both[i]);
        assert_true(weft_slice_starts(WEFT_SLICE_LIT(TEXT), got));
        bool whole = weft_slice_is(got, TEXT);
        if (both[i]->eofs) assert_true(whole);
        *ret_whole = *ret_whole && whole && both[i]->eofs;
    }
    size_t passed = f.passed;
    peer_done(&client);
    peer_done(&server);
    if (!f.done) weft_xport_close(c_wire);
    if (!f.done) weft_xport_close(v_wire);
    while (weft_loop_turn(s->l)) {
    }
    return passed;
}

static void test_every_byte(void **state) {
    struct setup s;
    setup_init(&s);
    bool whole;
    size_t total = converse(&s, (struct fault){.at = SIZE_MAX}, &whole);
    assert_true(whole);
    assert_true(total > 1000);
    for (size_t at = 0; at < total - 40; at += 17) {
        converse(&s, (struct fault){.at = at, .flip = true}, &whole);
        assert_false(whole);
        converse(&s, (struct fault){.at = at, .cut = true}, &whole);
        assert_false(whole);
    }
    setup_done(&s);
}

static void test_one_byte_at_a_time(void **state) {
    struct setup s;
    setup_init(&s);
    bool whole;
    converse(&s, (struct fault){.at = SIZE_MAX, .dribble = true}, &whole);
    assert_true(whole);
    setup_done(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_one_byte_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

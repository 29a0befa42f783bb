/* SPDX-License-Identifier: Apache-2.0
 * HTTP/2 codec behind a good preface. The first byte picks role and chunk size, the second seeds
 * what the user does in between. */
#include <weft/base/check.h>
#include <weft/http/codec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 8 };
struct user {
    struct weft_codec *codec;
    uint64_t seed;
    struct one {
        struct user *u;
        struct weft_stream *s;
        uint32_t pauses;
    } all[MOST];
};

static unsigned chance(struct user *u) {
    u->seed = u->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(u->seed >> 33);
}

static void let_go(struct one *o) {
    if (o->s) weft_stream_release(o->s);
    o->s = NULL;
    o->pauses = 0;
}

static void answer(struct one *o, uint16_t status, unsigned how) {
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(o->s));
    h.status = status;
    h.framing = (enum weft_framing)(how % 3);
    h.content_length = 4;
    (void)weft_stream_head(o->s, &h, how & 4);
}

static void act(struct user *u) {
    struct one *o = &u->all[chance(u) % MOST];
    if (!o->s) return;
    switch (chance(u) % 12) {
    case 0:
        weft_stream_reset(o->s, WEFT_REFUSED);
        return;
    case 1:
        let_go(o);
        return;
    case 2:
        weft_stream_pause(o->s);
        o->pauses++;
        return;
    case 3:
        if (o->pauses) weft_stream_resume(o->s), o->pauses--;
        return;
    case 4:
    case 5:
        answer(o, chance(u) & 1 ? 200 : 103, chance(u));
        return;
    case 6:
    case 7:
        (void)weft_stream_data(o->s, WEFT_SLICE_LIT("data"));
        return;
    case 8:
        (void)weft_stream_end(o->s, NULL);
        return;
    default:
        return;
    }
}

static void on_head(void *ud, struct weft_head *h, bool end) {
    struct one *o = ud;
    (void)end;
    WEFT_CHECK(h->status >= 100 && h->status <= 999);
    act(o->u);
}
static void on_info(void *ud, struct weft_head *h) {
    on_head(ud, h, false);
}
static void on_data(void *ud, struct weft_slice d) {
    (void)d;
    act(((struct one *)ud)->u);
}
static void on_trailers(void *ud, struct weft_fields *f) {
    struct one *o = ud;
    for (uint32_t i = 0; i < f->n; i++) WEFT_CHECK(f->items[i].name.len > 0);
    act(o->u);
}
static void on_end(void *ud) {
    act(((struct one *)ud)->u);
}
static void on_reset(void *ud, struct weft_reset r) {
    struct one *o = ud;
    (void)r;
    act(o->u);
    let_go(o);
}
static const struct weft_stream_cb stream_cb = {
    on_info, on_head, on_data, on_trailers, on_end, on_reset, on_end,
};

static struct one *slot(struct user *u) {
    struct one *o = &u->all[chance(u) % MOST];
    let_go(o);
    o->u = u;
    return o;
}

static void on_request(void *owner, struct weft_stream *s, struct weft_head *h, bool end) {
    struct one *o = slot(owner);
    o->s = s;
    weft_stream_set_cb(s, &stream_cb, o);
    WEFT_CHECK(!h->refused || end);
    for (size_t i = 0; !h->refused && i < h->path.len; i++)
        WEFT_CHECK(h->path.base[i] > ' ' && h->path.base[i] < 0x7f);
    act(owner);
}
static void on_change(void *owner) {
    (void)owner;
}
static void on_output(void *owner) { /* pulling from here is allowed */
    struct user *u = owner;
    struct weft_buf out;
    if (chance(u) & 1) return;
    weft_buf_init(&out, 0);
    (void)weft_codec_pull(u->codec, &out, 100);
    weft_buf_done(&out);
}
static const struct weft_codec_cb codec_cb = {on_request, on_output, on_change, on_change};

static void ask(struct user *u) {
    struct weft_arena a;
    struct weft_head h;
    weft_arena_init(&a, 0);
    weft_head_init(&h, &a);
    h.method = chance(u) & 1 ? WEFT_SLICE_LIT("HEAD") : WEFT_SLICE_LIT("POST");
    h.path = WEFT_SLICE_LIT("/");
    h.authority = WEFT_SLICE_LIT("web");
    h.framing = WEFT_BODY_CHUNKED;
    struct one *o = slot(u);
    o->s = weft_codec_request(u->codec, &h, chance(u) & 1, &stream_cb, o);
    weft_arena_done(&a);
}

static enum weft_status feed(struct user *u, struct weft_slice in) {
    size_t used;
    enum weft_status st = weft_codec_feed(u->codec, in, &used);
    WEFT_CHECK(st != WEFT_OK || used == in.len);
    struct weft_buf out;
    weft_buf_init(&out, 0);
    while (weft_codec_has_output(u->codec))
        if (!weft_codec_pull(u->codec, &out, 4096)) break;
    weft_buf_done(&out);
    act(u);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return 0;
    bool client = data[0] & 1;
    size_t step = 1 + (data[0] >> 1);
    struct user u = {.seed = data[1]};
    struct weft_slice in = {(const char *)data + 2, size - 2};
    u.codec = weft_h2_new(client ? WEFT_CLIENT : WEFT_SERVER, NULL, &codec_cb, &u);
    if (!client) (void)feed(&u, WEFT_SLICE_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    (void)feed(&u, WEFT_SLICE_LIT("\0\0\0\4\0\0\0\0\0")); /* SETTINGS */
    for (int i = 0; client && i < 4; i++) ask(&u);
    while (in.len) {
        struct weft_slice part = weft_slice_head(in, step);
        if (feed(&u, part) != WEFT_OK) break;
        in = weft_slice_from(in, part.len);
        if (part.base[0] == 'd') weft_codec_drain(u.codec);
    }
    if (data[1] & 1) weft_codec_eof(u.codec);
    u.codec = weft_codec_free(u.codec);
    for (int i = 0; i < MOST; i++) let_go(&u.all[i]);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1 codec. The first byte picks the role (bit 0) and what the user does (bit 1: unruly things;
 * else he behaves, and then the events must not depend on how the input was cut; bit 2: he asks for
 * upgrades, and grants them). */
#include <weft/base/check.h>
#include <weft/http/codec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct user {
    struct weft_codec *codec;
    struct weft_buf log;
    uint64_t seed; /* 0: well behaved */
    struct weft_stream *s;
    bool paused, upgrades, tunnel;
};

static void note(struct user *u, char what, struct weft_slice s) {
    weft_buf_char(&u->log, what);
    weft_buf_append(&u->log, s);
    weft_buf_char(&u->log, '\n');
}

static unsigned chance(struct user *u) {
    u->seed = u->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(u->seed >> 33);
}

static void let_go(struct user *u) {
    if (u->s) weft_stream_release(u->s);
    u->s = NULL;
    u->paused = u->tunnel = false;
}

static void answer(struct user *u, uint16_t status, bool end) {
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(u->s));
    h.status = status;
    h.framing = end ? WEFT_BODY_NONE : WEFT_BODY_CHUNKED;
    (void)weft_stream_head(u->s, &h, end);
}

static void grant(struct user *u, struct weft_slice upgrade) {
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(u->s));
    h.status = 101;
    h.upgrade = upgrade;
    u->tunnel = weft_stream_head(u->s, &h, false) == WEFT_OK;
    (void)weft_stream_data(u->s, WEFT_SLICE_LIT("behind it"));
}

static void unruly(struct user *u) {
    if (!u->s || !u->seed) return;
    switch (chance(u) % 12) {
    case 0:
        weft_stream_reset(u->s, WEFT_CANCELED);
        return;
    case 1:
        let_go(u);
        return;
    case 2:
        if (!u->paused) weft_stream_pause(u->s);
        u->paused = true;
        return;
    case 3:
        if (u->paused) weft_stream_resume(u->s);
        u->paused = false;
        return;
    case 4:
        answer(u, 200, chance(u) & 1);
        return;
    case 5:
        answer(u, 103, false);
        return;
    case 6:
        (void)weft_stream_data(u->s, WEFT_SLICE_LIT("data"));
        return;
    case 7:
        (void)weft_stream_end(u->s, NULL);
        return;
    default:
        return;
    }
}

static void finish(struct user *u) {
    if (!u->s || u->seed) return;
    if (u->tunnel) (void)weft_stream_end(u->s, NULL);
    if (weft_codec_capacity(u->codec) == 0 && !weft_stream_complete(u->s)) answer(u, 200, true);
    let_go(u);
}

static void on_data(void *ud, struct weft_slice d) {
    struct user *u = ud;
    WEFT_CHECK(d.len > 0);
    weft_buf_append(&u->log, d); /* joined */
    unruly(u);
}
static void on_fields(struct user *u, const struct weft_fields *f) {
    for (uint32_t i = 0; i < f->n; i++) {
        WEFT_CHECK(f->items[i].token == weft_token_of(f->items[i].name));
        note(u, 'f', f->items[i].name);
        note(u, 'v', f->items[i].value);
    }
}
static void on_head(void *ud, struct weft_head *h, bool end) {
    struct user *u = ud;
    u->tunnel = h->status == 101;
    WEFT_CHECK((h->status >= 200 && h->status <= 999) || (u->tunnel && u->upgrades && !end));
    note(u, 'H', h->path);
    on_fields(u, &h->fields);
    unruly(u);
    if (end) finish(u);
}
static void on_info(void *ud, struct weft_head *h) {
    struct user *u = ud;
    WEFT_CHECK(h->status >= 100 && h->status < 200);
    note(u, 'I', WEFT_SLICE_EMPTY);
    on_fields(u, &h->fields);
    unruly(u);
}
static void on_trailers(void *ud, struct weft_fields *f) {
    struct user *u = ud;
    note(u, 'T', WEFT_SLICE_EMPTY);
    on_fields(u, f);
    unruly(u);
}
static void on_end(void *ud) {
    struct user *u = ud;
    note(u, 'E', WEFT_SLICE_EMPTY);
    unruly(u);
    finish(u);
}
static void on_reset(void *ud, struct weft_reset r) {
    struct user *u = ud;
    (void)r;
    note(u, 'R', WEFT_SLICE_EMPTY);
    let_go(u);
}
static void on_writable(void *ud) {
    unruly(ud);
}
static const struct weft_stream_cb stream_cb = {
    on_info, on_head, on_data, on_trailers, on_end, on_reset, on_writable,
};

static void on_request(void *owner, struct weft_stream *s, struct weft_head *h, bool end) {
    struct user *u = owner;
    let_go(u); /* an unruly one may have left it */
    u->s = s;
    weft_stream_set_cb(s, &stream_cb, u);
    note(u, h->refused ? 'X' : 'Q', h->path);
    note(u, 'a', h->authority);
    WEFT_CHECK(h->refused || h->path.len > 0);
    WEFT_CHECK(!h->refused || end);
    on_fields(u, &h->fields);
    WEFT_CHECK(!h->upgrade.len || end);
    if (u->upgrades && h->upgrade.len) grant(u, h->upgrade);
    unruly(u);
    if (end && !u->tunnel) finish(u);
}
static void ignore(void *owner) {
    (void)owner;
}
static const struct weft_codec_cb codec_cb = {on_request, ignore, ignore, ignore};

static void drain_output(struct user *u) {
    struct weft_buf out;
    weft_buf_init(&out, 0);
    while (weft_codec_has_output(u->codec))
        if (!weft_codec_pull(u->codec, &out, 4096)) break;
    weft_buf_done(&out);
}

static void ask(struct user *u) {
    struct weft_arena a;
    struct weft_head h;
    if (weft_codec_capacity(u->codec) == 0) return;
    let_go(u);
    weft_arena_init(&a, 0);
    weft_head_init(&h, &a);
    h.method = WEFT_SLICE_LIT("GET");
    h.path = WEFT_SLICE_LIT("/");
    h.authority = WEFT_SLICE_LIT("web");
    if (u->upgrades) h.upgrade = WEFT_SLICE_LIT("x");
    u->s = weft_codec_request(u->codec, &h, true, &stream_cb, u);
    weft_arena_done(&a);
    drain_output(u);
}

static void feed(struct user *u, struct weft_slice in, size_t step, bool client) {
    while (in.len && !weft_codec_finished(u->codec)) {
        size_t used, n = in.len < step ? in.len : step;
        if (client) ask(u);
        enum weft_status st = weft_codec_feed(u->codec, weft_slice_head(in, n), &used);
        WEFT_CHECK(used <= n);
        drain_output(u);
        if (st != WEFT_OK) return;
        in = weft_slice_from(in, used);
        if (used) continue;
        WEFT_CHECK(!weft_codec_wants_input(u->codec) || u->seed);
        if (u->paused) weft_stream_resume(u->s);
        u->paused = false;
        if (!weft_codec_wants_input(u->codec)) let_go(u);
    }
}

static void run(struct user *u, struct weft_slice in, size_t step, bool client, bool upgrades,
                uint64_t seed) {
    *u = (struct user){.seed = seed, .upgrades = upgrades};
    weft_buf_init(&u->log, 0);
    u->codec = weft_h1_new(client ? WEFT_CLIENT : WEFT_SERVER, NULL, &codec_cb, u);
    feed(u, in, step, client);
    weft_codec_eof(u->codec);
    drain_output(u);
    let_go(u);
    weft_codec_free(u->codec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct weft_slice in = {(const char *)data + 1, size - 1};
    bool client = data[0] & 1, up = data[0] & 4;
    struct user whole, bytes;
    if (data[0] & 2) {
        run(&whole, in, 1 + (data[0] >> 4), client, up, data[0] + 1u);
        weft_buf_done(&whole.log);
        return 0;
    }
    run(&whole, in, SIZE_MAX, client, up, 0);
    run(&bytes, in, 1, client, up, 0);
    /* A client is asked again between feeds, so that only its first exchange can be compared. */
    if (!client) WEFT_CHECK(weft_slice_eq(weft_buf_slice(&whole.log), weft_buf_slice(&bytes.log)));
    weft_buf_done(&whole.log);
    weft_buf_done(&bytes.log);
    return 0;
}

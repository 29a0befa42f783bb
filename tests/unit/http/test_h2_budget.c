/* SPDX-License-Identifier: Apache-2.0
 * Floods on an HTTP/2 server codec, frame by frame: how many are borne, what the last one costs,
 * and that a good peer's frames are paid for. Also queues that shrink when there is too much. */
#include "harness.h"

#include <nghttp2/nghttp2.h>

struct flood {
    struct side t;
    uint32_t next; /* stream to be opened */
};

static void begin(struct flood *f) {
    struct weft_codec_limits l = weft_codec_limits_default();
    l.frames = 100;
    l.resets = 20;
    *f = (struct flood){.next = 1};
    side_init(&f->t, true, WEFT_SERVER, &l);
    weft_buf_append(&f->t.in, weft_slice(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN));
}

static void frame(struct flood *f, uint8_t type, uint8_t flags, uint32_t id, struct weft_slice p) {
    const unsigned char head[9] = {(unsigned char)(p.len >> 16),
                                   (unsigned char)(p.len >> 8),
                                   (unsigned char)p.len,
                                   type,
                                   flags,
                                   (unsigned char)(id >> 24),
                                   (unsigned char)(id >> 16),
                                   (unsigned char)(id >> 8),
                                   (unsigned char)id};
    weft_buf_append(&f->t.in, weft_slice((const char *)head, 9));
    weft_buf_append(&f->t.in, p);
}

/* GET / of authority "a", from the static table. */
#define REQUEST                                                                                    \
    S("\x82\x86\x84\x41\x01"                                                                       \
      "a")
static uint32_t open_stream(struct flood *f, bool whole) {
    uint32_t id = f->next;
    f->next += 2;
    frame(f, NGHTTP2_HEADERS, (whole ? NGHTTP2_FLAG_END_STREAM : 0) | NGHTTP2_FLAG_END_HEADERS, id,
          REQUEST);
    return id;
}

static void pull_all(struct flood *f) {
    struct weft_buf out;
    weft_buf_init(&out, 0);
    while (weft_codec_pull(f->t.codec, &out, 65536)) {
    }
    weft_buf_done(&out);
}

static enum weft_cap run(struct flood *f) {
    side_feed(&f->t, 1000);
    pull_all(f);
    enum weft_cap cap = weft_codec_cap(f->t.codec);
    assert_int_equal(f->t.status != WEFT_OK, cap != WEFT_CAP_NONE);
    return cap;
}

static const struct {
    const char *name;
    uint8_t type;
    struct weft_slice payload;
} empties[] = {
    {"SETTINGS", NGHTTP2_SETTINGS, {"", 0}},
    {"PING", NGHTTP2_PING, {"12345678", 8}},
    {"WINDOW_UPDATE", NGHTTP2_WINDOW_UPDATE, {"\0\0\0\1", 4}},
    {"unknown", 0x77, {"x", 1}},
};

static void frames_without_content(void **state) {
    for (size_t i = 0; i < WEFT_LEN(empties); i++) {
        struct flood f;
        begin(&f);
        frame(&f, NGHTTP2_SETTINGS, 0, 0, WEFT_SLICE_EMPTY);
        for (int k = 1; k < 100; k++) frame(&f, empties[i].type, 0, 0, empties[i].payload);
        assert_int_equal(run(&f), WEFT_CAP_NONE);
        frame(&f, empties[i].type, 0, 0, empties[i].payload);
        assert_int_equal(run(&f), WEFT_CAP_FRAMES);
        side_done(&f.t);
    }
}

static void empty_data(void **state) {
    struct flood f;
    begin(&f);
    frame(&f, NGHTTP2_SETTINGS, 0, 0, WEFT_SLICE_EMPTY);
    uint32_t id = open_stream(&f, false);
    for (int k = 0; k < 115; k++) frame(&f, NGHTTP2_DATA, 0, id, WEFT_SLICE_EMPTY);
    assert_int_equal(run(&f), WEFT_CAP_NONE); /* the request paid for 16 */
    frame(&f, NGHTTP2_DATA, 0, id, WEFT_SLICE_EMPTY);
    assert_int_equal(run(&f), WEFT_CAP_FRAMES);
    side_done(&f.t);
}

static void a_window_ends(void **state) {
    struct flood f;
    begin(&f);
    frame(&f, NGHTTP2_SETTINGS, 0, 0, WEFT_SLICE_EMPTY);
    for (uint64_t turn = 1; turn < 5; turn++) {
        weft_codec_at(f.t.codec, turn * 10000000);
        for (int k = 0; k < 90; k++) frame(&f, NGHTTP2_PING, 0, 0, S("12345678"));
        assert_int_equal(run(&f), WEFT_CAP_NONE);
    }
    side_done(&f.t);
}

static void data_pays_for_pings(void **state) {
    struct flood f;
    begin(&f);
    frame(&f, NGHTTP2_SETTINGS, 0, 0, WEFT_SLICE_EMPTY);
    uint32_t id = open_stream(&f, false);
    for (int k = 0; k < 1000; k++) {
        frame(&f, NGHTTP2_DATA, 0, id, S("x"));
        frame(&f, NGHTTP2_PING, 0, 0, S("12345678"));
    }
    assert_int_equal(run(&f), WEFT_CAP_NONE);
    side_done(&f.t);
}

static void rapid_reset(void **state) {
    struct flood f;
    begin(&f);
    frame(&f, NGHTTP2_SETTINGS, 0, 0, WEFT_SLICE_EMPTY);
    f.t.no_reply = true;
    for (int k = 0; k < 20; k++)
        frame(&f, NGHTTP2_RST_STREAM, 0, open_stream(&f, true), S("\0\0\0\10"));
    assert_int_equal(run(&f), WEFT_CAP_NONE);
    frame(&f, NGHTTP2_RST_STREAM, 0, open_stream(&f, true), S("\0\0\0\10"));
    assert_int_equal(run(&f), WEFT_CAP_RESETS);
    side_done(&f.t);
}

/* The peer's own errors make the server send RST_STREAM. */
static void made_to_reset(void **state) {
    struct flood f;
    begin(&f);
    frame(&f, NGHTTP2_SETTINGS, 0, 0, WEFT_SLICE_EMPTY);
    f.t.no_reply = true;
    for (int k = 0; k < 21; k++) {
        frame(&f, NGHTTP2_WINDOW_UPDATE, 0, open_stream(&f, false), S("\x7f\xff\xff\xff"));
        side_feed(&f.t, 1000);
        pull_all(&f);
        assert_int_equal(weft_codec_cap(f.t.codec), k < 20 ? WEFT_CAP_NONE : WEFT_CAP_RESETS);
    }
    assert_true(weft_codec_finished(f.t.codec));
    side_done(&f.t);
}

static void endless_head(void **state) {
    struct flood f;
    begin(&f);
    frame(&f, NGHTTP2_SETTINGS, 0, 0, WEFT_SLICE_EMPTY);
    frame(&f, NGHTTP2_HEADERS, 0, 1, REQUEST);
    assert_int_equal(run(&f), WEFT_CAP_NONE);
    assert_true(weft_codec_in_head(f.t.codec));
    for (int k = 0; k < 9; k++) frame(&f, NGHTTP2_CONTINUATION, 0, 1, S("\x82"));
    assert_int_equal(run(&f), WEFT_CAP_HEAD);
    side_done(&f.t);
}

/* One entry of the dynamic table, named again and again. */
static void hpack_bomb(void **state) {
    struct flood f;
    char entry[4000] = "\x82\x86\x84\x41\x01"
                       "a\x40\x01x\x7f\x81\x1e"; /* x: 4000 bytes less 16 */
    size_t at = 12, value = 127 + 1 + (0x1e << 7);
    begin(&f);
    frame(&f, NGHTTP2_SETTINGS, 0, 0, WEFT_SLICE_EMPTY);
    struct weft_buf block;
    weft_buf_init(&block, 0);
    weft_buf_append(&block, weft_slice(entry, at));
    memset(entry, 'v', sizeof entry);
    weft_buf_append(&block, weft_slice(entry, value));
    frame(&f, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS, 1,
          weft_buf_slice(&block));
    assert_int_equal(run(&f), WEFT_CAP_NONE);
    memset(entry, 0xbf, sizeof entry); /* index 63: the newest is :authority */
    memcpy(entry,
           "\x82\x86\x84\x41\x01"
           "a",
           6);
    frame(&f, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS, 3,
          weft_slice(entry, sizeof entry));
    assert_int_equal(run(&f), WEFT_CAP_HEAD);
    weft_buf_done(&block);
    side_done(&f.t);
}

/* Half a frame of a head is a head that has begun; so is half a preface. */
static void slow_heads_are_seen(void **state) {
    struct flood f;
    begin(&f);
    assert_true(weft_codec_in_head(f.t.codec));
    frame(&f, NGHTTP2_SETTINGS, 0, 0, WEFT_SLICE_EMPTY);
    assert_int_equal(run(&f), WEFT_CAP_NONE);
    assert_false(weft_codec_in_head(f.t.codec));
    weft_buf_append(&f.t.in, S("\0\0\x06\1\5\0\0\0\1\x82"));
    assert_int_equal(run(&f), WEFT_CAP_NONE);
    assert_true(weft_codec_in_head(f.t.codec));
    weft_codec_calm(f.t.codec, WEFT_CAP_HEAD_TIMEOUT);
    pull_all(&f);
    assert_true(weft_codec_finished(f.t.codec));
    side_done(&f.t);
}

/* A stream may queue WEFT_STREAM_HIGH; where there is too much already, WEFT_STREAM_FLOOR. */
static void queues_shrink(void **state) {
    static char piece[WEFT_STREAM_FLOOR];
    struct weft_output_budget budget = {.used = 0, .max = 100};
    struct weft_codec_limits l = weft_codec_limits_default();
    l.budget = &budget;
    struct flood f = {.next = 1};
    side_init(&f.t, true, WEFT_SERVER, &l);
    f.t.no_reply = f.t.keep = true;
    weft_buf_append(&f.t.in, weft_slice(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN));
    frame(&f, NGHTTP2_SETTINGS, 0, 0, WEFT_SLICE_EMPTY);
    open_stream(&f, true);
    side_feed(&f.t, 1000);
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(f.t.last));
    h.status = 200;
    h.framing = WEFT_BODY_CHUNKED;
    assert_int_equal(weft_stream_head(f.t.last, &h, false), WEFT_OK);
    assert_int_equal(weft_stream_data(f.t.last, weft_slice(piece, sizeof piece)), WEFT_OK);
    assert_int_equal(weft_codec_queued(f.t.codec), sizeof piece);
    budget.used = 100;
    assert_int_equal(weft_stream_data(f.t.last, weft_slice(piece, sizeof piece)), WEFT_AGAIN);
    assert_int_equal(f.t.writable, 0);
    pull_all(&f); /* the first 64 KiB window takes all of it */
    assert_int_equal(f.t.writable, 1);
    assert_int_equal(weft_codec_queued(f.t.codec), 0);
    assert_int_equal(weft_codec_sent(f.t.codec), 2 * sizeof piece);
    side_done(&f.t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_without_content),
        cmocka_unit_test(empty_data),
        cmocka_unit_test(a_window_ends),
        cmocka_unit_test(data_pays_for_pings),
        cmocka_unit_test(rapid_reset),
        cmocka_unit_test(made_to_reset),
        cmocka_unit_test(endless_head),
        cmocka_unit_test(hpack_bomb),
        cmocka_unit_test(slow_heads_are_seen),
        cmocka_unit_test(queues_shrink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

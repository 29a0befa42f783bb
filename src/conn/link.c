/* SPDX-License-Identifier: Apache-2.0 */
#include "link_internal.h"

#include <weft/base/limits.h>

enum { PULL_BYTES = 64 * 1024, KEEP_BYTES = 16 * 1024, BUSY_READS = 32 };

/* Buffers grow by doubling: bytes count twice. What is closing is as good as gone: whoever evicts
 * must not look further for what it has cut already. */
void weft_link_count(struct weft_link *l) {
    struct weft_output_budget *b = l->budget;
    if (!b) return;
    uint64_t before = l->counted;
    l->counted = l->closing ? 0 : 2 * (weft_codec_queued(l->codec) + weft_xport_queued(l->xport));
    b->used += l->counted - before;
    if (l->counted > before && b->over && b->used / 2 >= b->max) weft_task_queue(l->loop, b->over);
}

static bool stands_still(struct weft_link *l, uint64_t now) {
    uint64_t queued = weft_xport_queued(l->xport), codec = weft_codec_sent(l->codec);
    uint64_t wire = weft_xport_info(l->xport)->bytes_out - queued;
    bool stands =
        (weft_codec_blocked(l->codec) && codec == l->at_codec) || (queued && wire == l->at_wire);
    if (wire != l->at_wire) l->wrote_us = now;
    l->at_codec = codec;
    l->at_wire = wire;
    return stands;
}

/* Of many connections few are: so the memory that these keep is little. */
static void tell_busy(struct weft_link *l) {
    bool busy = l->reads >= BUSY_READS;
    l->reads = 0;
    if (busy == l->busy) return;
    l->busy = busy;
    weft_xport_busy(l->xport, busy);
}

uint32_t weft_link_check(struct weft_link *l, uint64_t timeout_us, bool *ret_stuck) {
    uint64_t now = weft_loop_now_us(l->loop);
    tell_busy(l);
    weft_link_count(l);
    uint32_t n = timeout_us ? weft_codec_expire(l->codec, now, timeout_us) : 0;
    if (!stands_still(l, now) || n) l->moved_us = now;
    *ret_stuck = timeout_us && now - l->moved_us >= timeout_us;
    return n;
}

static void begin_close(struct weft_link *l, int how) {
    if (l->closing) return;
    l->closing = true;
    l->how = how;
    weft_link_count(l);
    weft_xport_read_stop(l->xport);
    weft_task_queue(l->loop, &l->teardown);
}

void weft_link_close(struct weft_link *l) {
    begin_close(l, WEFT_LINK_FIN);
}
void weft_link_close_flush(struct weft_link *l) {
    begin_close(l, WEFT_LINK_FLUSH);
}

void weft_link_finish(struct weft_link *l) {
    if (l->closing) return;
    if (!l->patient || weft_xport_queued(l->xport) == 0) {
        begin_close(l, WEFT_LINK_FLUSH);
        return;
    }
    l->ending = true; /* on_drain leads back here */
    l->reading = false;
    weft_xport_read_stop(l->xport);
    weft_xport_want_empty(l->xport);
}

void weft_link_abort(struct weft_link *l) {
    begin_close(l, WEFT_LINK_RST);
}

void weft_link_fail(struct weft_link *l, enum weft_status why) {
    if (l->closing) return;
    l->why = why;
    begin_close(l, WEFT_LINK_RST);
}

static void set_reading(struct weft_link *l, bool on) {
    if (l->reading == on || l->closing || (on && l->ending)) return;
    l->reading = on;
    if (on)
        weft_xport_read_start(l->xport);
    else
        weft_xport_read_stop(l->xport);
}

/* Moves what the codec has into the transport, as far as that takes it. */
static void pull(struct weft_link *l) {
    const struct weft_output_budget *b = l->budget;
    size_t high = b && b->used >= b->max ? WEFT_XPORT_FLOOR : WEFT_XPORT_HIGH;
    while (weft_codec_has_output(l->codec)) {
        size_t queued = weft_xport_queued(l->xport);
        if (queued >= high) {
            weft_xport_want_drain(l->xport);
            break;
        }
        size_t room = high - queued;
        if (weft_codec_pull(l->codec, &l->out, room < PULL_BYTES ? room : PULL_BYTES) == 0) break;
        weft_xport_write(l->xport, weft_buf_slice(&l->out));
        weft_buf_clear(&l->out);
    }
    if (l->out.cap > KEEP_BYTES) weft_buf_done(&l->out); /* connections are many */
}

static void after_move(struct weft_link *l) {
    if (l->closing) return;
    if (weft_codec_broken(l->codec)) {
        begin_close(l, WEFT_LINK_RST);
        return;
    }
    if (weft_codec_finished(l->codec) && !weft_codec_has_output(l->codec)) {
        weft_link_finish(l);
        return;
    }
    if (weft_codec_out_ended(l->codec) && !weft_codec_has_output(l->codec) && !l->shut) {
        l->shut = true;
        weft_xport_shutdown(l->xport);
    }
    if (l->cb->on_activity) l->cb->on_activity(l->ud);
}

static void flush(void *arg) {
    struct weft_link *l = arg;
    if (l->closing) return;
    if (!l->ending) pull(l);
    if (weft_codec_streams(l->codec) == 0) weft_buf_done(&l->out); /* idle: holds nothing */
    weft_link_count(l);
    if (l->ending)
        weft_link_finish(l);
    else
        after_move(l);
}

/* The codec gave up on the input: what it still says (an error answer, GOAWAY) goes out, then the
 * end. A codec whose message was cut must not end with an orderly FIN. */
static void give_up(struct weft_link *l) {
    pull(l);
    begin_close(l, weft_codec_broken(l->codec) ? WEFT_LINK_RST : WEFT_LINK_FLUSH);
}

static void feed(struct weft_link *l, struct weft_slice data) {
    size_t used = 0;
    weft_codec_at(l->codec, weft_loop_now_us(l->loop));
    enum weft_status st = weft_codec_feed(l->codec, data, &used);
    if (l->closing) return;
    if (st != WEFT_OK) {
        give_up(l);
        return;
    }
    if (used < data.len) {
        (void)weft_buf_append(&l->rest, weft_slice_from(data, used));
        set_reading(l, false);
        weft_xport_read_halt(l->xport); /* it will not be a short pause: not another bufferful */
    } else {
        set_reading(l, weft_codec_wants_input(l->codec));
    }
    after_move(l);
}

static void feed_rest(struct weft_link *l) {
    struct weft_buf held = l->rest;
    weft_buf_init(&l->rest, 0);
    feed(l, weft_buf_slice(&held));
    weft_buf_done(&held);
}

static void take_eof(struct weft_link *l) {
    weft_codec_eof(l->codec);
    if (!l->closing) weft_task_queue(l->loop, &l->flush);
}

static void on_input_task(void *arg) {
    struct weft_link *l = arg;
    if (l->closing) return;
    if (weft_buf_size(&l->rest) > 0)
        feed_rest(l);
    else
        set_reading(l, weft_codec_wants_input(l->codec));
    if (!l->closing && l->eof && weft_buf_size(&l->rest) == 0) take_eof(l);
}

void weft_link_on_output(void *link) {
    struct weft_link *l = link;
    if (l->closing) return;
    /* Now: a source may bring megabytes before the end of the turn. */
    if (weft_codec_queued(l->codec) >= WEFT_STREAM_FLOOR) weft_link_count(l);
    weft_task_queue(l->loop, &l->flush);
}

void weft_link_on_input(void *link) {
    struct weft_link *l = link;
    if (!l->closing) weft_task_queue(l->loop, &l->input);
}

static void on_read(void *ud, struct weft_slice data) {
    struct weft_link *l = ud;
    if (l->closing) return;
    l->heard_us = weft_loop_now_us(l->loop);
    l->reads++;
    if (weft_buf_size(&l->rest) > 0)
        (void)weft_buf_append(&l->rest, data);
    else
        feed(l, data);
}

static void on_eof(void *ud) {
    struct weft_link *l = ud;
    l->eof = true;
    l->heard_us = weft_loop_now_us(l->loop);
    if (!l->closing && weft_buf_size(&l->rest) == 0) take_eof(l);
}

static void on_error(void *ud, enum weft_status st) {
    struct weft_link *l = ud;
    (void)st;
    begin_close(l, WEFT_LINK_FIN);
}

static void on_drain(void *ud) {
    struct weft_link *l = ud;
    weft_link_on_output(l);
}

static const struct weft_xport_cb xport_cb = {
    .on_read = on_read, .on_eof = on_eof, .on_error = on_error, .on_drain = on_drain};

static void close_flush(struct weft_link *l) {
    if (weft_codec_peer_ended(l->codec) && weft_buf_size(&l->rest) == 0)
        weft_xport_input_over(l->xport);
    weft_xport_close_flush(l->xport);
}

static void teardown(void *arg) {
    struct weft_link *l = arg;
    if (l->dead) return;
    l->dead = true;
    if (l->why != WEFT_OK) weft_codec_fail(l->codec, l->why);
    l->cap = weft_codec_cap(l->codec);
    l->refused = weft_codec_take_refused(l->codec);
    weft_task_cancel(&l->flush);
    weft_task_cancel(&l->input);
    if (l->how == WEFT_LINK_RST)
        weft_xport_abort(l->xport);
    else if (l->how == WEFT_LINK_FLUSH)
        close_flush(l);
    else
        weft_xport_close(l->xport);
    l->xport = NULL;
    l->codec = weft_codec_free(l->codec);
    weft_buf_done(&l->rest);
    weft_buf_done(&l->out);
    l->cb->on_dead(l->ud);
}

void weft_link_init(struct weft_link *l, struct weft_xport *x, const struct weft_link_cb *cb,
                    void *ud) {
    *l = (struct weft_link){.xport = x, .loop = weft_xport_loop(x), .cb = cb, .ud = ud};
    weft_buf_init(&l->rest, 0);
    weft_buf_init(&l->out, 0);
    weft_task_init(&l->flush, flush, l);
    weft_task_init(&l->input, on_input_task, l);
    weft_task_init(&l->teardown, teardown, l);
}

void weft_link_start(struct weft_link *l, struct weft_codec *codec) {
    l->codec = codec;
    l->heard_us = l->moved_us = weft_loop_now_us(l->loop);
    weft_xport_set_cb(l->xport, &xport_cb, l);
    set_reading(l, true);
    if (weft_codec_has_output(codec)) weft_link_on_output(l);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/base/limits.h>
#include <weft/conn/relay.h>

struct side {
    struct weft_relay *relay;
    struct side *other;
    struct weft_xport *xport;
    uint64_t sent; /* bytes read here and written to the other */
    bool eof;
    /* As the last check saw it. */
    uint64_t sent_seen, sent_us;       /* ... and when that moved last */
    uint64_t written_seen, written_us; /* of the other side's bytes, what this one took */
};

struct weft_relay {
    struct side a, b;
    struct weft_task end;
    void (*on_done)(void *ud, const struct weft_relay_result *r);
    bool (*peek)(void *ud, struct weft_slice data); /* of a, or NULL */
    void *ud;
    enum weft_status status;
    bool ending, by_b;
};

static void finish(struct weft_relay *r, enum weft_status st) {
    if (r->ending) return;
    r->ending = true;
    r->status = st;
    weft_task_queue(weft_xport_loop(r->a.xport), &r->end);
}

static void on_end(void *arg) {
    struct weft_relay *r = arg;
    /* A side that broke must look broken to the other one too, not like an orderly end. */
    void (*close)(struct weft_xport *) = r->status == WEFT_OK || r->status == WEFT_CANCELED
                                             ? weft_xport_close_flush
                                             : weft_xport_abort;
    close(r->a.xport);
    close(r->b.xport);
    struct weft_relay_result result = {r->a.sent, r->b.sent, r->status, r->by_b};
    r->on_done(r->ud, &result);
    free(r);
}

static void on_read(void *ud, struct weft_slice data) {
    struct side *s = ud;
    struct weft_relay *r = s->relay;
    if (r->peek && s == &r->a && !r->peek(r->ud, data)) r->peek = NULL;
    s->sent += data.len;
    weft_xport_write(s->other->xport, data);
    if (weft_xport_queued(s->other->xport) >= WEFT_XPORT_HIGH) weft_xport_read_stop(s->xport);
}

static void on_eof(void *ud) {
    struct side *s = ud;
    s->eof = true;
    weft_xport_shutdown(s->other->xport);
    if (s->other->eof) finish(s->relay, WEFT_OK);
}

static void on_error(void *ud, enum weft_status st) {
    struct side *s = ud;
    if (!s->relay->ending) s->relay->by_b = s == &s->relay->b;
    finish(s->relay, st);
}

static void on_drain(void *ud) {
    struct side *s = ud;
    if (!s->relay->ending && !s->other->eof) weft_xport_read_start(s->other->xport);
}

static const struct weft_xport_cb relay_cb = {
    .on_read = on_read, .on_eof = on_eof, .on_error = on_error, .on_drain = on_drain};

struct weft_relay *weft_relay_new(struct weft_xport *a, struct weft_xport *b,
                                  void (*on_done)(void *ud, const struct weft_relay_result *r),
                                  void *ud) {
    struct weft_relay *r = weft_new0(struct weft_relay);
    r->a = (struct side){.relay = r, .other = &r->b, .xport = a};
    r->b = (struct side){.relay = r, .other = &r->a, .xport = b};
    r->on_done = on_done;
    r->ud = ud;
    weft_task_init(&r->end, on_end, r);
    r->a.sent_us = r->a.written_us = r->b.sent_us = r->b.written_us =
        weft_loop_now_us(weft_xport_loop(a));
    weft_xport_set_cb(a, &relay_cb, &r->a);
    weft_xport_set_cb(b, &relay_cb, &r->b);
    weft_xport_read_start(a);
    weft_xport_read_start(b);
    return r;
}

void weft_relay_peek(struct weft_relay *r, bool (*fn)(void *ud, struct weft_slice data)) {
    r->peek = fn;
}

void weft_relay_close(struct weft_relay *r) {
    finish(r, WEFT_CANCELED);
}

void weft_relay_cut(struct weft_relay *r) {
    finish(r, WEFT_TIMEOUT);
}

/* ---- timeouts ---- */

static void note_moves(struct side *s, uint64_t now) {
    uint64_t queued = weft_xport_queued(s->xport), written = s->other->sent - queued;
    if (s->sent != s->sent_seen) s->sent_us = now;
    if (written != s->written_seen || !queued) s->written_us = now;
    s->sent_seen = s->sent;
    s->written_seen = written;
}

static bool past(uint64_t since, uint64_t limit_us, uint64_t now) {
    return limit_us && now - since >= limit_us;
}

enum weft_cap weft_relay_check(struct weft_relay *r, uint64_t idle_us, uint64_t write_us) {
    uint64_t now = weft_loop_now_us(weft_xport_loop(r->a.xport));
    note_moves(&r->a, now);
    note_moves(&r->b, now);
    if (past(r->a.written_us, write_us, now) || past(r->b.written_us, write_us, now))
        return WEFT_CAP_WRITE_TIMEOUT;
    bool idle = past(r->a.sent_us, idle_us, now) && past(r->b.sent_us, idle_us, now);
    return idle ? WEFT_CAP_IDLE_TIMEOUT : WEFT_CAP_NONE;
}

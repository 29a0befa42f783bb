/* SPDX-License-Identifier: Apache-2.0
 * The server role: a link with timers for slow heads and idle connections. */
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/base/keep.h>
#include <weft/conn/server.h>

#include "link_internal.h"

#define weft_server_conn_MAGIC 0x53525643u

enum { DRAIN_US = 5000000, CHECK_US = 1000000 };

struct weft_server_conn {
    WEFT_OBJ;
    struct weft_link link;
    struct weft_server_options opt;
    const struct weft_server_cb *cb;
    void *ud;
    struct weft_timer timer;
    enum { TIMER_OFF, TIMER_HEAD, TIMER_IDLE, TIMER_DRAIN } timing;
    bool draining;
    struct weft_timer *watch; /* of who checks itself */
};

static struct weft_server_conn *of_link(void *link) {
    return WEFT_CAST(weft_server_conn, WEFT_CONTAINER(link, struct weft_server_conn, link));
}

static void set_timing(struct weft_server_conn *c, int want, uint64_t after_us) {
    if (after_us == 0) want = TIMER_OFF;
    if ((int)c->timing == want) return;
    c->timing = want;
    if (want == TIMER_OFF)
        weft_timer_stop(&c->timer);
    else
        weft_timer_start(&c->timer, after_us);
}

static void hit(struct weft_server_conn *c, enum weft_cap cap) {
    if (c->cb->on_limit) c->cb->on_limit(c->ud, c, cap);
}

static void report_refused(struct weft_server_conn *c, uint32_t n) {
    while (n--) hit(c, WEFT_CAP_STREAMS);
}

/* HTTP/1: a head that has begun must end in time. No stream at all, nothing to take: idle; while
 * draining, only the peer's answer to the last PING is waited for, and not for long. */
static void choose_timer(struct weft_server_conn *c) {
    if (weft_codec_in_head(c->link.codec))
        set_timing(c, TIMER_HEAD, c->opt.head_timeout_us);
    else if (weft_codec_streams(c->link.codec) == 0 && weft_codec_queued(c->link.codec) == 0)
        set_timing(c, c->draining ? TIMER_DRAIN : TIMER_IDLE,
                   c->draining ? DRAIN_US : c->opt.idle_timeout_us);
    else
        set_timing(c, TIMER_OFF, 0);
}

static void on_timer(void *arg) {
    struct weft_server_conn *c = WEFT_CAST(weft_server_conn, arg);
    bool head = c->timing == TIMER_HEAD, drained = c->timing == TIMER_DRAIN;
    c->timing = TIMER_OFF;
    if (!drained) hit(c, head ? WEFT_CAP_HEAD_TIMEOUT : WEFT_CAP_IDLE_TIMEOUT);
    if (head && c->opt.h2) {
        weft_codec_calm(c->link.codec, WEFT_CAP_NONE);
        weft_link_on_output(&c->link); /* the GOAWAY, and then the end */
        return;
    }
    if (head && !c->opt.h2)
        weft_xport_write(
            c->link.xport,
            WEFT_SLICE_LIT("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n"
                           "weft-reason: request_head_timeout\r\ncontent-length: 0\r\n\r\n"));
    if (drained)
        weft_link_finish(&c->link);
    else if (head || !c->opt.h2)
        weft_link_close_flush(&c->link);
    else
        weft_server_conn_drain(c);
}

static void on_activity(void *ud) {
    choose_timer(WEFT_CAST(weft_server_conn, ud));
}

static void on_dead(void *ud) {
    struct weft_server_conn *c = WEFT_CAST(weft_server_conn, ud);
    weft_timer_stop(&c->timer);
    if (c->watch) weft_timer_stop(c->watch);
    free(c->watch);
    report_refused(c, c->link.refused);
    if (c->link.cap != WEFT_CAP_NONE) hit(c, c->link.cap);
    if (c->cb->on_closed) c->cb->on_closed(c->ud, c);
    WEFT_OBJ_DONE(c);
    weft_keep_drop(c);
}

static const struct weft_link_cb link_cb = {.on_activity = on_activity, .on_dead = on_dead};

static void on_request(void *owner, struct weft_stream *s, struct weft_head *head, bool end) {
    struct weft_server_conn *c = of_link(owner);
    c->cb->on_request(c->ud, c, s, head, end);
}

static const struct weft_codec_cb codec_cb = {
    .on_request = on_request, .on_output = weft_link_on_output, .on_input = weft_link_on_input};

static void on_watch(void *arg) {
    struct weft_server_conn *c = WEFT_CAST(weft_server_conn, arg);
    weft_timer_start(c->watch, CHECK_US);
    weft_server_conn_check(c);
}

static void start_watch(struct weft_server_conn *c) {
    c->watch = weft_new0(struct weft_timer);
    weft_timer_init(c->watch, c->link.loop, on_watch, c);
    weft_timer_start(c->watch, CHECK_US);
}

struct weft_server_conn *weft_server_conn_new(struct weft_xport *x,
                                              const struct weft_server_options *opt,
                                              const struct weft_server_cb *cb, void *ud) {
    struct weft_server_conn *c = weft_keep_new0(struct weft_server_conn);
    WEFT_OBJ_INIT(weft_server_conn, c);
    c->opt = *opt;
    c->cb = cb;
    c->ud = ud;
    weft_link_init(&c->link, x, &link_cb, c);
    c->link.budget = opt->budget;
    c->link.patient = true;
    weft_timer_init(&c->timer, c->link.loop, on_timer, c);
    struct weft_codec *codec = opt->h2
                                   ? weft_h2_new(WEFT_SERVER, &opt->limits, &codec_cb, &c->link)
                                   : weft_h1_new(WEFT_SERVER, &opt->limits, &codec_cb, &c->link);
    weft_link_start(&c->link, codec);
    choose_timer(c);
    if (opt->checks_itself) start_watch(c);
    return c;
}

struct weft_xport *weft_server_conn_xport(struct weft_server_conn *c) {
    return c->link.xport;
}

struct weft_server_conn *weft_server_conn_of(struct weft_stream *s) {
    struct weft_codec *codec = weft_stream_codec(s);
    return codec ? of_link(weft_codec_owner(codec)) : NULL;
}

void weft_server_conn_drain(struct weft_server_conn *c) {
    if (c->draining || c->link.closing) return;
    c->draining = true;
    weft_codec_drain(c->link.codec);
    weft_link_on_output(&c->link); /* an idle HTTP/1 connection is finished now */
    choose_timer(c);
}

bool weft_server_conn_leaving(const struct weft_server_conn *c) {
    return c->opt.h2 && c->draining && !c->link.closing;
}

bool weft_server_conn_asked(const struct weft_server_conn *c) {
    const struct weft_link *l = &c->link;
    if (c->opt.h2 || l->closing || l->ending || l->eof || weft_codec_streams(l->codec))
        return false;
    return weft_codec_in_head(l->codec) || weft_xport_waiting(l->xport);
}

void weft_server_conn_cut(struct weft_server_conn *c, enum weft_cap why) {
    hit(c, why);
    weft_link_abort(&c->link);
}

/* Who has closed his socket looks like who waits for his answer, until something is sent to him. */
static bool half_closed_too_long(const struct weft_server_conn *c, uint64_t now) {
    const struct weft_link *l = &c->link;
    if (!c->opt.half_close_timeout_us || !l->eof || weft_codec_is_tunnel(l->codec)) return false;
    uint64_t since = l->wrote_us > l->heard_us ? l->wrote_us : l->heard_us;
    return weft_codec_streams(l->codec) && now - since >= c->opt.half_close_timeout_us;
}

/* What is not read does not tell of a reset. */
static bool peer_gone(const struct weft_link *l) {
    return (l->eof || !l->reading) && weft_xport_gone(l->xport);
}

void weft_server_conn_check(struct weft_server_conn *c) {
    struct weft_link *l = &c->link;
    bool stuck;
    if (l->closing) return;
    report_refused(c, weft_codec_take_refused(l->codec));
    uint32_t streams = weft_link_check(l, c->opt.write_timeout_us, &stuck);
    while (streams--) hit(c, WEFT_CAP_WRITE_TIMEOUT);
    if (peer_gone(l))
        weft_link_abort(l);
    else if (half_closed_too_long(c, weft_loop_now_us(l->loop)))
        weft_server_conn_cut(c, WEFT_CAP_HALF_CLOSE);
    else if (stuck)
        weft_server_conn_cut(c, WEFT_CAP_WRITE_TIMEOUT);
}

bool weft_server_conn_over_queued(const struct weft_server_conn *c) {
    return weft_codec_over_queued(c->link.codec);
}

uint64_t weft_server_conn_queued(struct weft_server_conn *c) {
    if (c->link.closing) return 0;
    weft_link_count(&c->link);
    return c->link.counted;
}

void weft_server_conn_close(struct weft_server_conn *c) {
    struct weft_link *l = &c->link;
    if (!l->closing && (weft_codec_streams(l->codec) || weft_server_conn_queued(c)))
        weft_link_abort(l); /* half an answer with a FIN could look whole */
    else
        weft_link_close(l);
}

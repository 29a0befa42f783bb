/* SPDX-License-Identifier: Apache-2.0
 * The client role: a link on which requests are opened. */
#include <weft/base/alloc.h>
#include <weft/base/check.h>

#include "client_internal.h"

enum { UNHEARD_US = 1000000 };

static struct weft_client_conn *of_link(void *link) {
    return WEFT_CAST(weft_client_conn, WEFT_CONTAINER(link, struct weft_client_conn, link));
}

uint32_t weft_client_conn_room(const struct weft_client_conn *c) {
    return c->retired || c->link.closing ? 0 : weft_codec_capacity(c->link.codec);
}

static void set_retired(struct weft_client_conn *c) {
    if (c->retired) return;
    c->retired = true;
    if (c->on_retired) c->on_retired(c);
}

void weft_client_conn_retire(struct weft_client_conn *c) {
    if (c->retired || c->link.closing) return;
    set_retired(c);
    weft_codec_drain(c->link.codec);
    weft_link_on_output(&c->link);
}

/* The timer is not moved with every request: when it fires it looks how long ago the last one was.
 */
static void on_idle(void *arg) {
    struct weft_client_conn *c = WEFT_CAST(weft_client_conn, arg);
    uint64_t quiet = weft_loop_now_us(c->link.loop) - c->last_used_us;
    if (weft_codec_streams(c->link.codec) > 0)
        weft_timer_start(&c->idle, c->idle_timeout_us);
    else if (quiet < c->idle_timeout_us)
        weft_timer_start(&c->idle, c->idle_timeout_us - quiet);
    else
        weft_client_conn_retire(c);
}

static void on_activity(void *ud) {
    struct weft_client_conn *c = WEFT_CAST(weft_client_conn, ud);
    if (c->on_room) c->on_room(c);
}

static void on_dead(void *ud) {
    struct weft_client_conn *c = WEFT_CAST(weft_client_conn, ud);
    weft_timer_stop(&c->idle);
    if (c->on_gone) c->on_gone(c);
    if (c->on_closed) c->on_closed(c->ud);
    WEFT_OBJ_DONE(c);
    free(c);
}

static const struct weft_link_cb link_cb = {.on_activity = on_activity, .on_dead = on_dead};

static void on_retire(void *owner) {
    set_retired(of_link(owner));
}

static const struct weft_codec_cb codec_cb = {
    .on_output = weft_link_on_output, .on_input = weft_link_on_input, .on_retire = on_retire};

struct weft_client_conn *weft_client_conn_new(struct weft_xport *x, bool h2,
                                              const struct weft_codec_limits *limits,
                                              void (*on_closed)(void *ud), void *ud) {
    struct weft_client_conn *c = weft_new0(struct weft_client_conn);
    WEFT_OBJ_INIT(weft_client_conn, c);
    c->on_closed = on_closed;
    c->ud = ud;
    weft_list_init(&c->node);
    weft_link_init(&c->link, x, &link_cb, c);
    weft_timer_init(&c->idle, c->link.loop, on_idle, c);
    c->last_used_us = weft_loop_now_us(c->link.loop);
    weft_link_start(&c->link, h2 ? weft_h2_new(WEFT_CLIENT, limits, &codec_cb, &c->link)
                                 : weft_h1_new(WEFT_CLIENT, limits, &codec_cb, &c->link));
    return c;
}

struct weft_stream *weft_client_conn_request(struct weft_client_conn *c,
                                             const struct weft_head *head, bool end,
                                             const struct weft_stream_cb *cb, void *ud) {
    if (c->retired || c->link.closing) return NULL;
    struct weft_stream *s = weft_codec_request(c->link.codec, head, end, cb, ud);
    if (!s) return NULL;
    c->served++;
    c->last_used_us = weft_loop_now_us(c->link.loop);
    return s;
}

struct weft_xport *weft_client_conn_xport(struct weft_client_conn *c) {
    return c->link.xport;
}
void weft_client_conn_ping(struct weft_client_conn *c) {
    if (c->link.closing) return;
    weft_codec_ping(c->link.codec);
    weft_link_on_output(&c->link);
}

static void on_beat(void *arg) {
    struct weft_client_conn *c = WEFT_CAST(weft_client_conn, arg);
    if (weft_loop_now_us(c->link.loop) - c->link.heard_us >= c->dead_us) {
        weft_client_conn_close(c);
        return;
    }
    weft_client_conn_ping(c);
    weft_timer_start(&c->idle, c->beat_us);
}

void weft_client_conn_keepalive(struct weft_client_conn *c, uint64_t every_us, uint64_t dead_us) {
    WEFT_CHECK(!c->group);
    c->beat_us = every_us;
    c->dead_us = dead_us;
    weft_timer_stop(&c->idle);
    weft_timer_init(&c->idle, c->link.loop, on_beat, c);
    weft_timer_start(&c->idle, every_us);
}

static bool is_dead(struct weft_client_conn *c, uint64_t dead_us) {
    uint64_t now = weft_loop_now_us(c->link.loop);
    bool unheard =
        dead_us && now - c->link.heard_us >= UNHEARD_US && weft_xport_unheard(c->link.xport);
    if (!unheard)
        c->unheard_us = 0;
    else if (!c->unheard_us)
        c->unheard_us = now;
    return unheard && now - c->unheard_us >= dead_us;
}

void weft_client_conn_check(struct weft_client_conn *c, uint64_t write_us, uint64_t dead_us) {
    bool stuck;
    if (c->link.closing) return;
    (void)weft_link_check(&c->link, write_us, &stuck);
    if (stuck || is_dead(c, dead_us)) weft_link_fail(&c->link, WEFT_TIMEOUT);
}

uint64_t weft_client_conn_shed(struct weft_client_conn *c) {
    uint64_t before = c->link.counted;
    if (!weft_codec_shed(c->link.codec)) weft_link_fail(&c->link, WEFT_AGAIN);
    weft_link_count(&c->link);
    return before - c->link.counted;
}

void weft_client_conn_close(struct weft_client_conn *c) {
    weft_link_close(&c->link);
}

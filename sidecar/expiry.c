/* SPDX-License-Identifier: Apache-2.0
 * The end of certificates: whoever proved himself with one is not believed longer than it is valid.
 * New requests move to another connection by GOAWAY in time; what cannot move, opaque bytes,
 * tunnels and requests still under way, is cut when the first of the two certificates ends. */
#include <sidecar/stream.h>

#include <weft/base/clock.h>

enum { MARGIN_S = 30, MARGIN_PART = 6 };

/* Renewal is due at two thirds of a life; a sixth before the end, at most MARGIN_S, there should be
 * a new one. Is it late, the old one goes on in ever shorter turns. */
int64_t proxy_inbound_use_s(int64_t left, int64_t life) {
    int64_t margin = life / MARGIN_PART < MARGIN_S ? life / MARGIN_PART : MARGIN_S;
    int64_t use = left > 2 * margin ? left - margin : left / 2;
    return use > 1 ? use : 1;
}

/* The connection, with what is under way on it. */
static void cut_requests(struct proxy_conn *c) {
    weft_list_each(it, &c->w->exchanges) {
        struct proxy_exchange *x = WEFT_CONTAINER(it, struct proxy_exchange, link);
        if (x->conn != c || x->state == PROXY_ST_FINISH) continue;
        proxy_exchange_drop_attempt(x);
        weft_stream_reset(x->down, WEFT_CANCELED);
        proxy_exchange_finish(x, WEFT_REASON_CERTIFICATE_EXPIRED);
    }
    if (c->server) weft_server_conn_close(c->server);
}

static void on_end(void *arg) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, arg);
    if (c->relay)
        proxy_opaque_cut(c, WEFT_REASON_CERTIFICATE_EXPIRED);
    else
        cut_requests(c);
}

static void wait_for_end(struct proxy_conn *c) {
    uint64_t now = weft_loop_now_us(c->w->loop);
    c->timer.fn = on_end;
    weft_timer_start(&c->timer, c->cert_end_us > now ? c->cert_end_us - now : 1);
}

/* The end may have come while the app was dialled. */
void proxy_conn_check_expiry(struct proxy_conn *c) {
    if (c->cert_end_us && weft_loop_now_us(c->w->loop) >= c->cert_end_us) wait_for_end(c);
}

static void on_near(void *arg) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, arg);
    if (c->server) weft_server_conn_drain(c->server); /* the peer comes back with its new one */
    wait_for_end(c);
}

void proxy_conn_watch_expiry(struct proxy_conn *c, int64_t peer_not_after) {
    if (!c->w->identity) return;
    int64_t own = weft_identity_not_after(c->w->identity);
    int64_t end = peer_not_after && peer_not_after < own ? peer_not_after : own;
    int64_t left_us = end * 1000000 - (int64_t)weft_clock_unix_us();
    uint64_t left = left_us > 1 ? (uint64_t)left_us : 1;
    c->cert_end_us = weft_loop_now_us(c->w->loop) + left;
    if (!c->server) {
        wait_for_end(c);
        return;
    }
    int64_t life = own - weft_identity_not_before(c->w->identity);
    c->timer.fn = on_near;
    weft_timer_start(&c->timer,
                     (uint64_t)proxy_inbound_use_s((int64_t)(left / 1000000), life) * 1000000);
}

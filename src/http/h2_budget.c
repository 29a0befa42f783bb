/* SPDX-License-Identifier: Apache-2.0
 * Floods on an HTTP/2 connection: rapid reset and its relatives, CONTINUATION, SETTINGS, PING,
 * PRIORITY, WINDOW_UPDATE and empty DATA, heads that decompress to far more than they are. */
#include "h2_internal.h"

enum { HEAD_SLACK = 16 * 1024, PER_REQUEST = 16, MAX_CONTINUATIONS = 8 };

static bool refuse(struct h2 *h, enum weft_cap why) {
    if (h->base.cap == WEFT_CAP_NONE) h->base.cap = why;
    h->lose_code = NGHTTP2_ENHANCE_YOUR_CALM;
    return false;
}

void h2_budget_flooded(struct h2 *h) {
    (void)refuse(h, WEFT_CAP_FRAMES);
}

static void turn_window(struct h2 *h) {
    struct h2_budget *b = &h->budget;
    if (h->base.now_us - b->since_us < H2_BUDGET_WINDOW_US) return;
    b->since_us = h->base.now_us;
    b->frames = b->resets = b->earned = 0;
}

static bool spend_frame(struct h2 *h) {
    struct h2_budget *b = &h->budget;
    turn_window(h);
    if (++b->frames <= h->base.limits.frames + (uint64_t)b->earned) return true;
    return refuse(h, WEFT_CAP_FRAMES);
}

static bool spend_reset(struct h2 *h) {
    turn_window(h);
    return ++h->budget.resets <= h->base.limits.resets || refuse(h, WEFT_CAP_RESETS);
}

/* A block on the wire is never much longer than what it says. */
static bool spend_head(struct h2 *h, uint32_t length, bool begins) {
    struct h2_budget *b = &h->budget;
    b->continuations = begins ? 0 : (uint8_t)(b->continuations + 1);
    b->head_bytes = begins ? length : b->head_bytes + length;
    bool fits = b->continuations <= MAX_CONTINUATIONS &&
                b->head_bytes <= (uint64_t)h->base.limits.head_bytes + HEAD_SLACK;
    return fits || refuse(h, WEFT_CAP_HEAD);
}

bool h2_budget_frame(struct h2 *h, const uint8_t head[9]) {
    uint32_t length = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    uint8_t flags = head[4];
    h->budget.head_frame = head[3] == NGHTTP2_HEADERS || head[3] == NGHTTP2_CONTINUATION;
    switch (head[3]) {
    case NGHTTP2_DATA:
        if (length == 0 && !(flags & NGHTTP2_FLAG_END_STREAM)) return spend_frame(h);
        h->budget.earned++;
        return true;
    case NGHTTP2_HEADERS:
        h->budget.earned += PER_REQUEST;
        h->budget.in_head = !(flags & NGHTTP2_FLAG_END_HEADERS);
        return spend_head(h, length, /* begins= */ true);
    case NGHTTP2_CONTINUATION:
        h->budget.in_head = !(flags & NGHTTP2_FLAG_END_HEADERS);
        return spend_head(h, length, /* begins= */ false);
    case NGHTTP2_RST_STREAM:
        return spend_reset(h);
    case NGHTTP2_GOAWAY:
        return true;
    default: /* SETTINGS, PING, PRIORITY, WINDOW_UPDATE, and what nobody knows */
        return spend_frame(h);
    }
}

/* A few bytes that name a large entry again and again (HPACK bomb): the request is answered with
 * 431 at the first byte too many; decompressing on is ended soon after. */
bool h2_budget_field(struct h2 *h, uint64_t bytes) {
    h->budget.plain_bytes += bytes;
    return h->budget.plain_bytes <= 4 * (uint64_t)h->base.limits.head_bytes ||
           refuse(h, WEFT_CAP_HEAD);
}

/* Errors of the peer that make us reset its stream cost us as much as its own RST_STREAM. */
bool h2_budget_reset_sent(struct h2 *h, uint32_t code) {
    switch (code) {
    case NGHTTP2_NO_ERROR:
    case NGHTTP2_CANCEL:
    case NGHTTP2_INTERNAL_ERROR:
        return true;
    default:
        return spend_reset(h);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * Frames for streams that are over. nghttp2 would have to remember closed streams to tell them from
 * frames that were under way when we reset one; three numbers a connection say enough. */
#include "h2_internal.h"

void h2_guard_reset(struct h2 *h, int32_t id) {
    if ((uint32_t)id > h->reset_last) h->reset_last = (uint32_t)id;
}

/* RFC 9113 5.1.1: an id that was passed over, rather than one whose stream has ended. */
static uint32_t code_for_headers(const struct h2 *h) {
    bool gaps = h->peer_last != 2 * h->peer_opened - 1;
    return gaps ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_STREAM_CLOSED;
}

/* Up to the highest stream that we have reset ourselves, frames may have crossed with that. */
static bool is_tolerated(const struct h2 *h, uint32_t id) {
    return id <= h->reset_last || h->base.closing || h->last_goaway ||
           nghttp2_session_find_stream(h->session, (int32_t)id);
}

int h2_guard_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *ud) {
    (void)session;
    struct h2 *h = h2_cast(ud);
    uint32_t id = (uint32_t)hd->stream_id;
    if (h->base.role != WEFT_SERVER || id % 2 == 0) return 0;
    if (hd->type != NGHTTP2_HEADERS) return 0;
    if (id > h->peer_last) {
        h->peer_last = id;
        h->peer_opened++;
        return 0;
    }
    if (is_tolerated(h, id)) return 0;
    h->lose_code = code_for_headers(h);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* One stream too many: nghttp2 refuses it while our SETTINGS are on their way, and gives the
 * connection up once the peer has acknowledged them (RFC 9113 5.1.2). */
static void note_excess(struct h2 *h, const nghttp2_frame *frame, int error) {
    bool opens = h->base.role == WEFT_SERVER && frame->hd.type == NGHTTP2_HEADERS &&
                 frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    if (!opens || h->wires < h->base.limits.streams) return;
    if (error == NGHTTP2_ERR_REFUSED_STREAM) h->base.refused++;
    if (error == NGHTTP2_ERR_PROTO && h->base.cap == WEFT_CAP_NONE) h->base.cap = WEFT_CAP_STREAMS;
}

int h2_guard_invalid(nghttp2_session *session, const nghttp2_frame *frame, int error, void *ud) {
    (void)session;
    note_excess(h2_cast(ud), frame, error);
    h2_guard_reset(h2_cast(ud), frame->hd.stream_id); /* nghttp2 resets it, or the connection */
    return 0;
}

/* ---- DATA, of which nghttp2 says nothing when it ignores it ---- */

static bool data_ok(const struct h2 *h, uint32_t id) {
    if (id % 2 == 0) return true;          /* nghttp2's to judge */
    if (id == h->peer_reset) return false; /* also when all of it came at once */
    return id > h->peer_last || is_tolerated(h, id);
}

static bool walk_frame(struct h2 *h, const uint8_t *head) {
    h->walk_left = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    uint32_t id =
        ((uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8]) &
        INT32_MAX;
    if (head[3] == NGHTTP2_RST_STREAM) h->peer_reset = id;
    if (!h2_budget_frame(h, head)) return false;
    if (head[3] != NGHTTP2_DATA || data_ok(h, id)) return true;
    h->lose_code = NGHTTP2_STREAM_CLOSED;
    return false;
}

bool h2_guard_input(struct h2 *h, struct weft_slice in) {
    const size_t head = sizeof h->walk_head;
    if (h->base.role != WEFT_SERVER) return true;
    while (in.len) {
        if (h->walk_left) {
            size_t n = in.len < h->walk_left ? in.len : h->walk_left;
            h->walk_left -= (uint32_t)n;
            in = weft_slice_from(in, n);
            continue;
        }
        size_t n = in.len < head - h->walk_have ? in.len : head - h->walk_have;
        memcpy(h->walk_head + h->walk_have, in.base, n);
        h->walk_have += (uint8_t)n;
        in = weft_slice_from(in, n);
        if (h->walk_have < head) return true;
        h->walk_have = 0;
        if (walk_frame(h, h->walk_head)) continue;
        return false;
    }
    return true;
}

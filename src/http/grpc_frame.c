/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/http/grpc_frame.h>
#include "message.h"

void weft_grpc_reader_init(struct weft_grpc_reader *r, uint32_t max_message) {
    *r = (struct weft_grpc_reader){.max = max_message};
    weft_buf_init(&r->buf, 0);
}

void weft_grpc_reader_done(struct weft_grpc_reader *r) {
    weft_buf_done(&r->buf);
    r->lent = 0;
}

static enum weft_status check_prefix(const struct weft_grpc_reader *r, const char *p,
                                     uint32_t *ret_len) {
    const uint8_t *u = (const uint8_t *)p;
    *ret_len = (uint32_t)u[1] << 24 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 8 | u[4];
    if (u[0] > 1) return WEFT_PROTOCOL;
    if (u[0] == 1) return WEFT_UNSUPPORTED;
    return *ret_len > r->max ? WEFT_LIMIT : WEFT_OK;
}

/* Moves bytes from *in until the buffer holds `want`; true when it does. */
static bool fill(struct weft_grpc_reader *r, struct weft_slice *in, size_t want) {
    size_t have = weft_buf_size(&r->buf);
    if (have >= want) return true;
    struct weft_slice part = weft_slice_head(*in, want - have);
    (void)weft_buf_append(&r->buf, part); /* no maximum of its own: `want` is bounded */
    *in = weft_slice_from(*in, part.len);
    return have + part.len == want;
}

/* The whole message lies in *in: no copy. */
static enum weft_status next_in_place(struct weft_grpc_reader *r, struct weft_slice *in,
                                      struct weft_slice *ret_message) {
    uint32_t len;
    enum weft_status st = check_prefix(r, in->base, &len);
    if (st != WEFT_OK) return st;
    if (in->len - WEFT_GRPC_PREFIX < len) return WEFT_AGAIN;
    *ret_message = weft_slice(in->base + WEFT_GRPC_PREFIX, len);
    *in = weft_slice_from(*in, WEFT_GRPC_PREFIX + (size_t)len);
    return WEFT_OK;
}

enum weft_status weft_grpc_reader_next(struct weft_grpc_reader *r, struct weft_slice *in,
                                       struct weft_slice *ret_message) {
    if (r->lent) weft_buf_consume(&r->buf, r->lent);
    r->lent = 0;
    if (weft_buf_size(&r->buf) == 0 && in->len >= WEFT_GRPC_PREFIX) {
        enum weft_status st = next_in_place(r, in, ret_message);
        if (st != WEFT_AGAIN) return st;
    }
    if (!fill(r, in, WEFT_GRPC_PREFIX)) return WEFT_AGAIN;
    uint32_t len;
    enum weft_status st = check_prefix(r, weft_buf_slice(&r->buf).base, &len);
    if (st != WEFT_OK) return st;
    if (!fill(r, in, WEFT_GRPC_PREFIX + (size_t)len)) return WEFT_AGAIN;
    *ret_message = weft_slice(weft_buf_slice(&r->buf).base + WEFT_GRPC_PREFIX, len);
    r->lent = WEFT_GRPC_PREFIX + (size_t)len;
    return WEFT_OK;
}

bool weft_grpc_reader_partial(const struct weft_grpc_reader *r) {
    return weft_buf_size(&r->buf) > r->lent;
}

void weft_grpc_prefix(uint32_t len, uint8_t ret[WEFT_GRPC_PREFIX]) {
    ret[0] = 0;
    ret[1] = (uint8_t)(len >> 24);
    ret[2] = (uint8_t)(len >> 16);
    ret[3] = (uint8_t)(len >> 8);
    ret[4] = (uint8_t)len;
}

enum weft_status weft_grpc_append(struct weft_buf *out, struct weft_slice message) {
    if (message.len > UINT32_MAX) return WEFT_LIMIT;
    char *p = weft_buf_reserve(out, WEFT_GRPC_PREFIX + message.len);
    if (!p) return WEFT_LIMIT;
    uint8_t prefix[WEFT_GRPC_PREFIX];
    weft_grpc_prefix((uint32_t)message.len, prefix);
    memcpy(p, prefix, sizeof prefix);
    if (message.len) memcpy(p + sizeof prefix, message.base, message.len);
    weft_buf_commit(out, sizeof prefix + message.len);
    return WEFT_OK;
}

static bool needs_escape(unsigned char c) {
    return c < 0x20 || c > 0x7e || c == '%';
}

struct weft_slice weft_grpc_message_encode(struct weft_arena *a, struct weft_slice s) {
    size_t escapes = 0;
    for (size_t i = 0; i < s.len; i++) escapes += needs_escape((unsigned char)s.base[i]);
    if (!escapes) return s;
    char *p = weft_arena_alloc(a, s.len + 2 * escapes);
    if (!p) return WEFT_SLICE_EMPTY;
    size_t at = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.base[i];
        if (!needs_escape(c)) {
            p[at++] = (char)c;
            continue;
        }
        p[at++] = '%';
        p[at++] = "0123456789ABCDEF"[c >> 4];
        p[at++] = "0123456789ABCDEF"[c & 15];
    }
    return weft_slice(p, at);
}

struct weft_slice weft_grpc_message_decode(struct weft_arena *a, struct weft_slice s) {
    if (weft_slice_find(s, '%') == s.len) return s;
    char *p = weft_arena_alloc(a, s.len);
    if (!p) return WEFT_SLICE_EMPTY;
    size_t at = 0;
    for (size_t i = 0; i < s.len; i++) {
        int hi = s.len - i > 2 ? http_hex_value(s.base[i + 1]) : -1;
        int lo = s.len - i > 2 ? http_hex_value(s.base[i + 2]) : -1;
        bool escape = s.base[i] == '%' && hi >= 0 && lo >= 0;
        p[at++] = escape ? (char)(hi * 16 + lo) : s.base[i];
        if (escape) i += 2;
    }
    return weft_slice(p, at);
}

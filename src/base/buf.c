/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/buf.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/base/keep.h>

#include <stdarg.h>
#include <stdio.h>

void weft_buf_init(struct weft_buf *b, size_t max) {
    *b = (struct weft_buf){.max = max};
}

void weft_buf_done(struct weft_buf *b) {
    weft_keep_free(b->base, b->cap);
    *b = (struct weft_buf){.max = b->max};
}

void weft_buf_clear(struct weft_buf *b) {
    b->off = b->len = 0;
}

char *weft_buf_reserve(struct weft_buf *b, size_t n) {
    size_t used = b->len - b->off;
    if (b->max && (n > b->max || used > b->max - n)) return NULL;
    if (b->cap - b->len >= n)
        return b->base ? b->base + b->len : (b->base = weft_alloc(b->cap = n ? n : 64));
    if (b->off) {
        memmove(b->base, b->base + b->off, used);
        b->off = 0;
        b->len = used;
        if (b->cap - b->len >= n) return b->base + b->len;
    }
    size_t cap = b->cap ? b->cap : 256;
    while (cap - used < n) cap *= 2;
    b->base = b->base ? weft_realloc(b->base, cap) : weft_keep_alloc(cap);
    b->cap = cap;
    return b->base + b->len;
}

void weft_buf_commit(struct weft_buf *b, size_t n) {
    WEFT_CHECK(n <= b->cap - b->len);
    b->len += n;
}

enum weft_status weft_buf_append(struct weft_buf *b, struct weft_slice s) {
    if (s.len == 0) return WEFT_OK;
    char *p = weft_buf_reserve(b, s.len);
    if (!p) return WEFT_LIMIT;
    memcpy(p, s.base, s.len);
    b->len += s.len;
    return WEFT_OK;
}

enum weft_status weft_buf_str(struct weft_buf *b, const char *s) {
    return weft_buf_append(b, weft_slice_str(s));
}

enum weft_status weft_buf_char(struct weft_buf *b, char c) {
    return weft_buf_append(b, weft_slice(&c, 1));
}

enum weft_status weft_buf_u64(struct weft_buf *b, uint64_t v) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return weft_buf_append(b, weft_slice(digits + at, sizeof digits - at));
}

enum weft_status weft_buf_printf(struct weft_buf *b, const char *fmt, ...) {
    char small[512];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    enum weft_status st = WEFT_OK;
    if (n < (int)sizeof small) {
        st = weft_buf_append(b, weft_slice(small, (size_t)n));
    } else {
        char *p = weft_buf_reserve(b, (size_t)n + 1);
        if (p) {
            vsnprintf(p, (size_t)n + 1, fmt, again);
            b->len += (size_t)n;
        } else {
            st = WEFT_LIMIT;
        }
    }
    va_end(again);
    return st;
}

void weft_buf_consume(struct weft_buf *b, size_t n) {
    WEFT_CHECK(n <= b->len - b->off);
    b->off += n;
    if (b->off == b->len) b->off = b->len = 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * Growable bytes with a named maximum: appended at the end, consumed at the front. */
#pragma once
#include <weft/base/slice.h>
#include <weft/base/status.h>

struct weft_buf {
    char *base;
    size_t off; /* consumed bytes at the front */
    size_t len; /* end of the content; readable is [off, len) */
    size_t cap;
    size_t max; /* readable bytes never exceed this; 0 = no limit (only for our own output) */
};

void weft_buf_init(struct weft_buf *b, size_t max);
void weft_buf_done(struct weft_buf *b);  /* frees the memory; usable again after init */
void weft_buf_clear(struct weft_buf *b); /* empty, memory kept */
static inline size_t weft_buf_size(const struct weft_buf *b) {
    return b->len - b->off;
}
static inline struct weft_slice weft_buf_slice(const struct weft_buf *b) {
    return weft_slice(b->base ? b->base + b->off : NULL, b->len - b->off);
}
/* Room for n more bytes at the returned pointer; NULL when that would pass `max`.
 * Follow with weft_buf_commit(b, n_used). */
char *weft_buf_reserve(struct weft_buf *b, size_t n);
void weft_buf_commit(struct weft_buf *b, size_t n);
/* WEFT_LIMIT when it would pass `max` (nothing is appended then). */
enum weft_status weft_buf_append(struct weft_buf *b, struct weft_slice s);
enum weft_status weft_buf_str(struct weft_buf *b, const char *s);
enum weft_status weft_buf_char(struct weft_buf *b, char c);
enum weft_status weft_buf_u64(struct weft_buf *b, uint64_t v); /* decimal */
enum weft_status weft_buf_printf(struct weft_buf *b, const char *fmt, ...) WEFT_PRINTF(2, 3);
void weft_buf_consume(struct weft_buf *b, size_t n);

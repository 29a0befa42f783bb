/* SPDX-License-Identifier: Apache-2.0 */
#include "decode_util.h"

void weft_decode_enter(struct weft_decode *d, struct weft_decode_at *at, const char *field,
                       size_t index) {
    *at = (struct weft_decode_at){.up = d->at, .field = field, .index = index};
    d->at = at;
}

void weft_decode_leave(struct weft_decode *d) {
    d->at = d->at->up;
}

static void path_of(const struct weft_decode_at *at, struct weft_buf *out) {
    if (!at) return;
    path_of(at->up, out);
    (void)weft_buf_str(out, at->field);
    if (at->index != WEFT_DECODE_SINGLE) (void)weft_buf_printf(out, "[%zu]", at->index);
    (void)weft_buf_char(out, '.');
}

void weft_decode_fail(struct weft_decode *d, enum weft_status st, const char *field,
                      const char *what) {
    if (d->st != WEFT_OK) return;
    struct weft_buf path;
    weft_buf_init(&path, 0);
    path_of(d->at, &path);
    (void)weft_buf_str(&path, field);
    (void)weft_buf_append(&path, weft_slice("", 1));
    d->st = weft_error_set(d->err, st, weft_buf_slice(&path).base, "%s", what);
    weft_buf_done(&path);
}

struct weft_slice weft_decode_text(struct weft_decode *d, ProtobufCBinaryData in, const char *field,
                                   size_t max) {
    struct weft_slice s = weft_pb_slice(in);
    if (s.len > max) weft_decode_fail(d, WEFT_LIMIT, field, "is too long");
    if (weft_slice_find(s, '\0') < s.len) weft_decode_fail(d, WEFT_INVALID, field, "contains NUL");
    if (d->st != WEFT_OK || s.len == 0) return WEFT_SLICE_EMPTY;
    return weft_arena_dup(d->arena, s);
}

struct weft_slice weft_decode_line(struct weft_decode *d, ProtobufCBinaryData in,
                                   const char *field) {
    struct weft_slice s = weft_decode_text(d, in, field, WEFT_XDS_MAX_TEXT);
    if (weft_slice_find(s, '\n') < s.len || weft_slice_find(s, '\r') < s.len)
        weft_decode_fail(d, WEFT_INVALID, field, "contains a line break");
    return s;
}

struct weft_slice weft_decode_name(struct weft_decode *d, ProtobufCBinaryData in,
                                   const char *field) {
    if (in.len == 0) weft_decode_fail(d, WEFT_INVALID, field, "is empty");
    return weft_decode_line(d, in, field);
}

uint32_t weft_decode_enum(struct weft_decode *d, int value, int last, const char *field) {
    if (value >= 0 && value <= last) return (uint32_t)value;
    weft_decode_fail(d, WEFT_UNSUPPORTED, field, "has a value that this version does not know");
    return 0;
}

uint16_t weft_decode_u16(struct weft_decode *d, uint32_t value, const char *field) {
    if (value <= UINT16_MAX) return (uint16_t)value;
    weft_decode_fail(d, WEFT_INVALID, field, "is above 65535");
    return 0;
}

void *weft_decode_array(struct weft_decode *d, size_t n, size_t element_size, uint32_t *ret_n,
                        const char *field) {
    *ret_n = 0;
    if (n > WEFT_XDS_MAX_ITEMS) weft_decode_fail(d, WEFT_LIMIT, field, "has too many elements");
    if (n == 0 || d->st != WEFT_OK) return NULL;
    *ret_n = (uint32_t)n;
    return weft_arena_must(d->arena, n * element_size);
}

struct weft_slice weft_decode_version(struct weft_decode *d, struct weft_slice bytes) {
    char hex[17];
    weft_slice_hash_hex(bytes, hex);
    return weft_arena_dup_str(d->arena, hex);
}

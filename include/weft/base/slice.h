/* SPDX-License-Identifier: Apache-2.0
 * Views of bytes by value: pointer and length, no NUL assumed. */
#pragma once
#include <weft/base/forward.h>
#include <string.h>

struct weft_slice {
    const char *base; /* may be NULL when len is 0 */
    size_t len;
};

#define WEFT_SLICE_LIT(s) ((struct weft_slice){("" s), sizeof(s) - 1})
#define WEFT_SLICE_EMPTY  ((struct weft_slice){NULL, 0})
#define WEFT_SLICE_FMT    "%.*s"
#define WEFT_SLICE_ARG(s) (int)(s).len, (s).base ? (s).base : ""

static inline struct weft_slice weft_slice(const char *base, size_t len) {
    return (struct weft_slice){base, len};
}
static inline struct weft_slice weft_slice_str(const char *s) {
    return (struct weft_slice){s, s ? strlen(s) : 0};
}
static inline bool weft_slice_eq(struct weft_slice a, struct weft_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}
static inline bool weft_slice_is(struct weft_slice a, const char *s) {
    return weft_slice_eq(a, weft_slice_str(s));
}
static inline struct weft_slice weft_slice_from(struct weft_slice s, size_t off) {
    return off >= s.len ? WEFT_SLICE_EMPTY : weft_slice(s.base + off, s.len - off);
}
static inline struct weft_slice weft_slice_head(struct weft_slice s, size_t n) {
    return weft_slice(s.base, n < s.len ? n : s.len);
}
/* The same of UTF-8, not cut inside a character: half a one would make the whole no JSON text. */
static inline struct weft_slice weft_slice_head_text(struct weft_slice s, size_t n) {
    if (n >= s.len) return s;
    while (n && ((unsigned char)s.base[n] & 0xc0) == 0x80) n--;
    return weft_slice_head(s, n);
}

/* ASCII letters compared without case. */
bool weft_slice_ieq(struct weft_slice a, struct weft_slice b);
/* memcmp order, shorter first on a common prefix: <0, 0, >0. */
int weft_slice_cmp(struct weft_slice a, struct weft_slice b);
bool weft_slice_starts(struct weft_slice s, struct weft_slice prefix);
bool weft_slice_ends(struct weft_slice s, struct weft_slice suffix);
/* Index of the first `c`, or s.len. */
size_t weft_slice_find(struct weft_slice s, char c);
/* Index of `needle`, or s.len. */
size_t weft_slice_search(struct weft_slice s, struct weft_slice needle);
/* Cuts at the first `sep`: returns what stands before it and leaves the rest (without sep) in *s.
 * Without sep everything is returned and *s becomes empty with base NULL. */
struct weft_slice weft_slice_cut(struct weft_slice *s, char sep);
/* Without spaces and tabs at both ends. */
struct weft_slice weft_slice_trim(struct weft_slice s);
/* Decimal digits only, no sign; false on anything else, on overflow, or above `max`. */
bool weft_slice_u64(struct weft_slice s, uint64_t max, uint64_t *ret);
/* A NUL-terminated copy; free() it. */
char *weft_slice_dup(struct weft_slice s);
static inline char weft_lower(char c) {
    return (c >= 'A' && c <= 'Z') ? (char)(c + 32) : c;
}
/* 64-bit hash (XXH3) of the bytes. */
uint64_t weft_slice_hash(struct weft_slice s);
/* Hash as 16 lower-case hex digits plus NUL; used as content version. */
void weft_slice_hash_hex(struct weft_slice s, char ret_hex[17]);

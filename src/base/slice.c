/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/slice.h>
#include <weft/base/alloc.h>

#include <stdio.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

bool weft_slice_ieq(struct weft_slice a, struct weft_slice b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (weft_lower(a.base[i]) != weft_lower(b.base[i])) return false;
    return true;
}

int weft_slice_cmp(struct weft_slice a, struct weft_slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.base, b.base, n) : 0;
    if (c) return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool weft_slice_starts(struct weft_slice s, struct weft_slice p) {
    return s.len >= p.len && (p.len == 0 || memcmp(s.base, p.base, p.len) == 0);
}

bool weft_slice_ends(struct weft_slice s, struct weft_slice p) {
    return s.len >= p.len && (p.len == 0 || memcmp(s.base + s.len - p.len, p.base, p.len) == 0);
}

size_t weft_slice_find(struct weft_slice s, char c) {
    const char *p = s.len ? memchr(s.base, c, s.len) : NULL;
    return p ? (size_t)(p - s.base) : s.len;
}

size_t weft_slice_search(struct weft_slice s, struct weft_slice needle) {
    if (needle.len == 0) return 0;
    const char *p = s.len ? memmem(s.base, s.len, needle.base, needle.len) : NULL;
    return p ? (size_t)(p - s.base) : s.len;
}

struct weft_slice weft_slice_cut(struct weft_slice *s, char sep) {
    size_t i = weft_slice_find(*s, sep);
    struct weft_slice first = weft_slice(s->base, i);
    *s = i < s->len ? weft_slice(s->base + i + 1, s->len - i - 1) : WEFT_SLICE_EMPTY;
    return first;
}

struct weft_slice weft_slice_trim(struct weft_slice s) {
    while (s.len && (s.base[0] == ' ' || s.base[0] == '\t')) s.base++, s.len--;
    while (s.len && (s.base[s.len - 1] == ' ' || s.base[s.len - 1] == '\t')) s.len--;
    return s;
}

bool weft_slice_u64(struct weft_slice s, uint64_t max, uint64_t *ret) {
    if (s.len == 0) return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.base[i] < '0' || s.base[i] > '9') return false;
        uint64_t d = (uint64_t)(s.base[i] - '0');
        if (v > (UINT64_MAX - d) / 10) return false;
        v = v * 10 + d;
    }
    if (v > max) return false;
    *ret = v;
    return true;
}

char *weft_slice_dup(struct weft_slice s) {
    char *p = weft_alloc(s.len + 1);
    if (s.len) memcpy(p, s.base, s.len);
    p[s.len] = 0;
    return p;
}

uint64_t weft_slice_hash(struct weft_slice s) {
    return XXH3_64bits(s.base ? s.base : "", s.len);
}

void weft_slice_hash_hex(struct weft_slice s, char ret_hex[17]) {
    snprintf(ret_hex, 17, "%016llx", (unsigned long long)weft_slice_hash(s));
}

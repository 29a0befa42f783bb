/* SPDX-License-Identifier: Apache-2.0
 * One pass over the path: decode, judge, and resolve dot segments as each segment ends. */
#include <weft/http/path.h>
#include "message.h"

static bool is_unreserved(int c) { /* RFC 3986 2.3 */
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static bool is_plain(char c) {
    return c > ' ' && c < 0x7f && c != '#';
}

/* Nothing to decode, no segment that begins with a dot, no character that is refused. */
static bool is_normal(struct weft_slice p) {
    for (size_t i = 0; i < p.len; i++) {
        char c = p.base[i];
        if (!is_plain(c) || c == '%' || c == '\\') return false;
        if (c == '.' && p.base[i - 1] == '/') return false;
    }
    return true;
}

/* Reads one character of the path at *i; writes one or three bytes; false: refused. */
static bool take_char(struct weft_slice p, bool keep_slashes, size_t *i, char *out, size_t *at) {
    char c = p.base[(*i)++];
    if (c != '%') {
        out[(*at)++] = c;
        return is_plain(c) && c != '\\';
    }
    if (p.len - *i < 2) return false;
    int hi = http_hex_value(p.base[*i]), lo = http_hex_value(p.base[*i + 1]);
    if (hi < 0 || lo < 0) return false;
    *i += 2;
    int v = hi * 16 + lo;
    if (v == 0 || (!keep_slashes && (v == '/' || v == '\\'))) return false;
    if (is_unreserved(v)) {
        out[(*at)++] = (char)v;
        return true;
    }
    out[(*at)++] = '%';
    out[(*at)++] = "0123456789ABCDEF"[hi];
    out[(*at)++] = "0123456789ABCDEF"[lo];
    return true;
}

/* The segment out[start, *at) is complete (start is behind its slash): "." and ".." take
 * themselves, and the latter its parent, out again. False above the root. */
static bool end_segment(char *out, size_t start, size_t *at) {
    size_t n = *at - start;
    if (n == 1 && out[start] == '.') {
        *at = start;
    } else if (n == 2 && out[start] == '.' && out[start + 1] == '.') {
        if (start < 2) return false;
        *at = start - 1; /* onto the slash that ends the parent */
        while (out[*at - 1] != '/') --*at;
    }
    return true;
}

/* Writes the normal form of `p` (no longer than it) to `out`. */
static bool normalize(struct weft_slice p, bool keep_slashes, char *out, size_t *ret_len) {
    size_t at = 0, start = 1;
    out[at++] = '/';
    for (size_t i = 1; i < p.len;) {
        if (p.base[i] != '/') {
            if (!take_char(p, keep_slashes, &i, out, &at)) return false;
            continue;
        }
        i++;
        size_t before = at;
        if (!end_segment(out, start, &at)) return false;
        if (at == before) out[at++] = '/'; /* a dot segment took its slash along */
        start = at;
    }
    *ret_len = at;
    if (!end_segment(out, start, ret_len)) return false;
    return true;
}

static bool query_ok(struct weft_slice q) {
    for (size_t i = 0; i < q.len; i++)
        if (!is_plain(q.base[i])) return false;
    return true;
}

enum weft_reason weft_path_normalize(struct weft_slice target, bool keep_slashes,
                                     struct weft_arena *arena, struct weft_slice *ret) {
    *ret = target;
    if (target.len == 0 || weft_slice_is(target, "*")) return WEFT_REASON_NONE;
    if (target.base[0] != '/') return WEFT_REASON_PATH_REFUSED;
    struct weft_slice path = weft_slice_head(target, weft_slice_find(target, '?'));
    struct weft_slice query = weft_slice(target.base + path.len, target.len - path.len);
    if (!query_ok(query)) return WEFT_REASON_PATH_REFUSED;
    if (is_normal(path)) return WEFT_REASON_NONE;
    char *out = weft_arena_alloc(arena, target.len + 1);
    if (!out) return WEFT_REASON_HEAD_TOO_LARGE;
    size_t n;
    if (!normalize(path, keep_slashes, out, &n)) return WEFT_REASON_PATH_REFUSED;
    memcpy(out + n, query.base, query.len);
    *ret = weft_slice(out, n + query.len);
    return WEFT_REASON_NONE;
}

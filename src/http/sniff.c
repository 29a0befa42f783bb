/* SPDX-License-Identifier: Apache-2.0
 * Each protocol says yes, no, or "a longer prefix would tell". */
#include <weft/http/sniff.h>
#include "message.h"

enum { SNIFF_MAX = 8 * 1024, METHOD_MAX = 32 };

static enum weft_sniff sniff_h2(struct weft_slice s) {
    static const struct weft_slice preface = WEFT_SLICE_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    size_t n = s.len < preface.len ? s.len : preface.len;
    if (n && memcmp(s.base, preface.base, n) != 0) return WEFT_SNIFF_OPAQUE;
    return n == preface.len ? WEFT_SNIFF_H2 : WEFT_SNIFF_MORE;
}

/* A handshake record of a version that exists, holding a ClientHello (RFC 8446 5.1, 4). */
static enum weft_sniff sniff_tls(struct weft_slice s) {
    const uint8_t *p = (const uint8_t *)s.base;
    if (s.len > 0 && p[0] != 22) return WEFT_SNIFF_OPAQUE;
    if (s.len > 1 && p[1] != 3) return WEFT_SNIFF_OPAQUE;
    if (s.len > 2 && p[2] > 4) return WEFT_SNIFF_OPAQUE;
    if (s.len > 4 && (p[3] << 8 | p[4]) < 4) return WEFT_SNIFF_OPAQUE;
    if (s.len > 5) return p[5] == 1 ? WEFT_SNIFF_TLS : WEFT_SNIFF_OPAQUE;
    return WEFT_SNIFF_MORE;
}

static bool is_prefix_of(struct weft_slice s, const char *whole) {
    size_t n = strlen(whole);
    return s.len == 0 || memcmp(s.base, whole, s.len < n ? s.len : n) == 0;
}

/* What follows the method of a known one: only HTTP writes a path or a URI there. */
static bool target_begins(struct weft_slice t) {
    return t.base[0] == '/' || t.base[0] == '*' || (t.len >= 7 && is_prefix_of(t, "http://")) ||
           (t.len >= 8 && is_prefix_of(t, "https://"));
}

/* "SP HTTP/1.1 CRLF" behind the target. */
static enum weft_sniff sniff_version(struct weft_slice v) {
    if (!is_prefix_of(v, "HTTP/")) return WEFT_SNIFF_OPAQUE;
    if (v.len > 5 && (v.base[5] < '0' || v.base[5] > '9')) return WEFT_SNIFF_OPAQUE;
    if (v.len > 6 && v.base[6] != '.') return WEFT_SNIFF_OPAQUE;
    return v.len > 6 ? WEFT_SNIFF_H1 : WEFT_SNIFF_MORE;
}

static enum weft_sniff sniff_h1(struct weft_slice s) {
    while (s.len && (s.base[0] == '\r' || s.base[0] == '\n')) /* RFC 9112 2.2 */
        s = weft_slice_from(s, 1);
    size_t m = 0;
    while (m < s.len && m <= METHOD_MAX && http_is_token_char((unsigned char)s.base[m])) m++;
    if (m > METHOD_MAX) return WEFT_SNIFF_OPAQUE;
    if (m == s.len) return WEFT_SNIFF_MORE;
    if (m == 0 || s.base[m] != ' ') return WEFT_SNIFF_OPAQUE;
    struct weft_slice method = weft_slice_head(s, m), target = weft_slice_from(s, m + 1);
    if (target.len == 0) return WEFT_SNIFF_MORE;
    if (http_method_known(method) && target_begins(target)) return WEFT_SNIFF_H1;
    size_t t = 0;
    while (t < target.len && target.base[t] > ' ' && target.base[t] < 0x7f) t++;
    if (t == target.len) return WEFT_SNIFF_MORE;
    if (t == 0 || target.base[t] != ' ') return WEFT_SNIFF_OPAQUE;
    return sniff_version(weft_slice_from(target, t + 1));
}

enum weft_sniff weft_sniff(struct weft_slice first) {
    if (first.len == 0) return WEFT_SNIFF_MORE;
    enum weft_sniff is = sniff_h2(first); /* first: its preface looks like a request line */
    if (is == WEFT_SNIFF_OPAQUE) is = sniff_tls(first);
    if (is == WEFT_SNIFF_OPAQUE) is = sniff_h1(first);
    if (is != WEFT_SNIFF_MORE || first.len < SNIFF_MAX) return is;
    /* Only a request line can be this long and still undecided: a method and an endless target. */
    return weft_slice_find(first, ' ') < first.len ? WEFT_SNIFF_H1 : WEFT_SNIFF_OPAQUE;
}

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

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static struct weft_slice skip_blank(struct weft_slice s, bool lines) {
    while (s.len && (is_blank(s.base[0]) || (lines && s.base[0] == '\n')))
        s = weft_slice_from(s, 1);
    return s;
}

static size_t method_len(struct weft_slice s) {
    size_t m = 0;
    while (m < s.len && m <= METHOD_MAX && http_is_token_char((unsigned char)s.base[m])) m++;
    return m;
}

/* Blanks where none belong are seen through: an app may be lenient, and no request may reach it
 * around our reading of it. */
static enum weft_sniff sniff_h1(struct weft_slice s) {
    s = skip_blank(s, /* lines= */ true);
    size_t m = method_len(s);
    if (m > METHOD_MAX) return WEFT_SNIFF_OPAQUE;
    if (m == s.len) return WEFT_SNIFF_MORE;
    if (m == 0 || !is_blank(s.base[m])) return WEFT_SNIFF_OPAQUE;
    struct weft_slice method = weft_slice_head(s, m), target = weft_slice_from(s, m + 1);
    if (http_method_known(method)) {
        struct weft_slice seen = skip_blank(target, /* lines= */ false);
        if (seen.len == 0) return WEFT_SNIFF_MORE;
        if (target_begins(seen)) return WEFT_SNIFF_H1;
        if (is_prefix_of(seen, "http://") || is_prefix_of(seen, "https://")) return WEFT_SNIFF_MORE;
    }
    if (s.base[m] != ' ') return WEFT_SNIFF_OPAQUE;
    if (target.len == 0) return WEFT_SNIFF_MORE;
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

/* A method that is usual, as far as it came; behind any method a request line goes on. */
static bool begins_request(struct weft_slice s) {
    static const char *const usual[] = {"GET",   "POST",    "PUT",   "HEAD",    "DELETE",
                                        "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI"};
    size_t m = method_len(s);
    if (m < s.len) return m > 0;
    for (size_t i = 0; i < WEFT_LEN(usual); i++)
        if (m > 0 && m <= strlen(usual[i]) && is_prefix_of(s, usual[i])) return true;
    return http_method_known(s);
}

enum weft_sniff weft_sniff_stalled(struct weft_slice first) {
    enum weft_sniff is = weft_sniff(first);
    if (is != WEFT_SNIFF_MORE) return is;
    if (first.len > 4 && sniff_h2(first) == WEFT_SNIFF_MORE) return WEFT_SNIFF_H2;
    if (sniff_tls(first) == WEFT_SNIFF_MORE) return WEFT_SNIFF_OPAQUE;
    bool http = begins_request(skip_blank(first, /* lines= */ true));
    return http ? WEFT_SNIFF_H1 : WEFT_SNIFF_OPAQUE;
}

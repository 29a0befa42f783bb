/* SPDX-License-Identifier: Apache-2.0
 * The line discipline of RFC 9112 2.2 and 5.2: lines end in CRLF, a CR stands nowhere else, no line
 * continues the one before. Everything that could make two parsers disagree is refused here. */
#include "h1_internal.h"

enum { LINE_EXTRA = 64 }; /* method, version and spaces around the longest target */

/* line: without its LF. True when it ends in the only CR. */
static bool ends_in_cr(struct weft_slice line) {
    return line.len > 0 && weft_slice_find(line, '\r') == line.len - 1;
}

static bool first_line_too_long(const struct h1_scan *sc, const struct weft_codec_limits *limits,
                                size_t end) {
    return sc->lines == 0 && !sc->trailer &&
           end - sc->line > (size_t)limits->target_bytes + LINE_EXTRA;
}

static enum weft_reason too_much(struct h1_scan *sc, enum weft_cap cap) {
    sc->cap = cap;
    return cap == WEFT_CAP_TARGET ? WEFT_REASON_TARGET_TOO_LONG : WEFT_REASON_HEAD_TOO_LARGE;
}

static enum weft_reason check_line(struct h1_scan *sc, const struct weft_codec_limits *limits,
                                   struct weft_slice line) {
    if (first_line_too_long(sc, limits, sc->line + line.len)) return too_much(sc, WEFT_CAP_TARGET);
    if (!ends_in_cr(line)) return WEFT_REASON_BAD_REQUEST;
    if (line.base[0] == ' ' || line.base[0] == '\t') return WEFT_REASON_BAD_REQUEST; /* obs-fold */
    uint32_t most = limits->fields + (sc->trailer ? 0 : 1);
    if (sc->lines >= most && line.len > 1) return too_much(sc, WEFT_CAP_FIELDS);
    return WEFT_REASON_NONE;
}

/* The current line ends at `nl`. True when that decides. */
static bool take_line(struct h1_scan *sc, const struct weft_codec_limits *limits,
                      struct weft_slice block, size_t nl, size_t *ret_end,
                      enum weft_reason *ret_refused) {
    struct weft_slice line = weft_slice(block.base + sc->line, nl - sc->line);
    *ret_refused = check_line(sc, limits, line);
    if (*ret_refused != WEFT_REASON_NONE) return true;
    sc->line = sc->seen = nl + 1;
    if (line.len > 1) {
        sc->lines++;
        return false;
    }
    if (sc->lines == 0 && !sc->trailer) { /* empty lines before a message are skipped */
        sc->start = nl + 1;
        return false;
    }
    *ret_end = nl + 1;
    return true;
}

/* First bytes that no head can begin with are refused at once: who speaks another protocol may wait
 * for an answer. */
static bool first_bytes_bad(const struct h1_scan *sc, struct weft_slice block) {
    static const struct weft_slice version = WEFT_SLICE_LIT("HTTP/1.");
    if (sc->lines || sc->trailer || sc->line >= block.len) return false;
    struct weft_slice line = weft_slice_from(block, sc->line);
    unsigned char c = (unsigned char)line.base[0];
    if (c == '\r' || c == '\n') return false;
    if (!sc->response) return !http_is_token_char(c);
    return memcmp(line.base, version.base, line.len < version.len ? line.len : version.len) != 0;
}

bool h1_scan(struct h1_scan *sc, const struct weft_codec_limits *limits, struct weft_slice block,
             size_t *ret_end, enum weft_reason *ret_refused) {
    size_t n = block.len < limits->head_bytes ? block.len : limits->head_bytes;
    *ret_end = 0;
    *ret_refused = WEFT_REASON_NONE;
    for (;;) {
        if (first_bytes_bad(sc, weft_slice_head(block, n))) {
            *ret_refused = WEFT_REASON_BAD_REQUEST;
            return true;
        }
        const char *nl = sc->seen < n ? memchr(block.base + sc->seen, '\n', n - sc->seen) : NULL;
        if (!nl) break;
        if (take_line(sc, limits, block, (size_t)(nl - block.base), ret_end, ret_refused))
            return true;
    }
    sc->seen = n;
    if (first_line_too_long(sc, limits, n))
        *ret_refused = too_much(sc, WEFT_CAP_TARGET);
    else if (n == limits->head_bytes)
        *ret_refused = too_much(sc, WEFT_CAP_HEAD);
    return *ret_refused != WEFT_REASON_NONE;
}

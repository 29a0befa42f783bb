/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <llhttp.h>

char *http_put_number(char *p, uint64_t v) {
    char digits[20];
    int n = 0;
    do digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n) *p++ = digits[--n];
    return p;
}

/* tchar of RFC 9110 5.6.2. */
static const uint8_t token_chars[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1};

bool http_is_token_char(unsigned char c) {
    return token_chars[c];
}

bool http_is_token(struct weft_slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!token_chars[(unsigned char)s.base[i]]) return false;
    return s.len > 0;
}

/* Exactly the methods that the HTTP/1 parser knows, so that both wires agree. */
bool http_method_known(struct weft_slice m) {
    static const struct weft_slice known[] = {WEFT_SLICE_LIT("GET"),
                                              WEFT_SLICE_LIT("POST"), /* the usual ones first */
#define X(number, name, text) WEFT_SLICE_LIT(#text),
                                              HTTP_METHOD_MAP(X)
#undef X
    };
    for (size_t i = 0; i < WEFT_LEN(known); i++)
        if (weft_slice_eq(m, known[i])) return !weft_slice_is(m, "CONNECT");
    return false;
}

bool http_target_chars_ok(struct weft_slice t) {
    for (size_t i = 0; i < t.len; i++)
        if (t.base[i] <= ' ' || t.base[i] >= 0x7f || t.base[i] == '#') return false;
    return t.len > 0;
}

bool http_authority_ok(struct weft_slice a) {
    for (size_t i = 0; i < a.len; i++) {
        unsigned char c = (unsigned char)a.base[i];
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!alnum && (c == 0 || !strchr("-._~%!$&'()*+,;=:[]", c))) return false;
    }
    return true;
}

bool http_list_has(struct weft_slice list, struct weft_slice word) {
    while (list.len) {
        struct weft_slice item = weft_slice_trim(weft_slice_cut(&list, ','));
        if (weft_slice_ieq(item, word)) return true;
    }
    return false;
}

bool http_content_length(struct weft_slice value, uint64_t *ret) {
    return weft_slice_u64(value, INT64_MAX, ret);
}

/* Some byte of v is zero: the lowest borrow starts at one. */
static bool has_zero(uint64_t v) {
    const uint64_t ones = UINT64_MAX / 255;
    return (v - ones) & ~v & ones << 7;
}

static bool word_clean(uint64_t v) {
    const uint64_t ones = UINT64_MAX / 255;
    return !has_zero(v) && !has_zero(v ^ ones * '\r') && !has_zero(v ^ ones * '\n');
}

/* No byte of v is below 16: three tests in one. A tab is, so a false says nothing yet. */
static bool word_plain(uint64_t v) {
    const uint64_t ones = UINT64_MAX / 255;
    return !((v - ones * 16) & ~v & ones << 7);
}

static bool word_ok(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word_plain(word) || word_clean(word);
}

bool http_value_clean(struct weft_slice s) {
    size_t i = 0;
    for (; i + sizeof(uint64_t) <= s.len; i += sizeof(uint64_t))
        if (!word_ok(s.base + i)) return false;
    if (i && i < s.len) return word_ok(s.base + s.len - sizeof(uint64_t)); /* some of it again */
    for (; i < s.len; i++)
        if (s.base[i] == '\r' || s.base[i] == '\n' || s.base[i] == 0) return false;
    return true;
}

/* Names that have a number are literals of ours. */
static bool name_clean(const struct weft_field *f) {
    return f->token != WEFT_TOKEN_OTHER || http_is_token(f->name);
}

bool http_fields_clean(const struct weft_fields *f) {
    for (uint32_t i = 0; i < f->n; i++)
        if (!http_value_clean(f->items[i].value) || !name_clean(&f->items[i])) return false;
    return true;
}

void http_trailers_clean(struct weft_fields *f) {
    const uint64_t drop = HTTP_HOP_BITS | HTTP_BIT(TRAILER) | HTTP_BIT(EXPECT) | HTTP_BIT(COOKIE) |
                          HTTP_BIT(CONTENT_TYPE) | HTTP_BIT(XFCC) | HTTP_BIT(WEFT_HOP);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->n; i++)
        if (!((drop >> f->items[i].token) & 1)) f->items[kept++] = f->items[i];
    f->n = kept;
}

/* The IANA registry of status codes. */
const char *http_reason_phrase(unsigned status) {
    switch (status) {
#define R(code, text)                                                                              \
    case code:                                                                                     \
        return text;
        R(100, "Continue")
        R(101, "Switching Protocols")
        R(102, "Processing")
        R(103, "Early Hints")
        R(200, "OK")
        R(201, "Created")
        R(202, "Accepted")
        R(203, "Non-Authoritative Information")
        R(204, "No Content")
        R(205, "Reset Content")
        R(206, "Partial Content")
        R(207, "Multi-Status")
        R(208, "Already Reported")
        R(226, "IM Used")
        R(300, "Multiple Choices")
        R(301, "Moved Permanently")
        R(302, "Found")
        R(303, "See Other")
        R(304, "Not Modified")
        R(305, "Use Proxy")
        R(307, "Temporary Redirect")
        R(308, "Permanent Redirect")
        R(400, "Bad Request")
        R(401, "Unauthorized")
        R(402, "Payment Required")
        R(403, "Forbidden")
        R(404, "Not Found")
        R(405, "Method Not Allowed")
        R(406, "Not Acceptable")
        R(407, "Proxy Authentication Required")
        R(408, "Request Timeout")
        R(409, "Conflict")
        R(410, "Gone")
        R(411, "Length Required")
        R(412, "Precondition Failed")
        R(413, "Content Too Large")
        R(414, "URI Too Long")
        R(415, "Unsupported Media Type")
        R(416, "Range Not Satisfiable")
        R(417, "Expectation Failed")
        R(421, "Misdirected Request")
        R(422, "Unprocessable Content")
        R(423, "Locked")
        R(424, "Failed Dependency")
        R(425, "Too Early")
        R(426, "Upgrade Required")
        R(428, "Precondition Required")
        R(429, "Too Many Requests")
        R(431, "Request Header Fields Too Large")
        R(451, "Unavailable For Legal Reasons")
        R(500, "Internal Server Error")
        R(501, "Not Implemented")
        R(502, "Bad Gateway")
        R(503, "Service Unavailable")
        R(504, "Gateway Timeout")
        R(505, "HTTP Version Not Supported")
        R(506, "Variant Also Negotiates")
        R(507, "Insufficient Storage")
        R(508, "Loop Detected")
        R(511, "Network Authentication Required")
#undef R
    default:
        return "";
    }
}

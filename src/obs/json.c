/* SPDX-License-Identifier: Apache-2.0
 * Written by hand, without printf: a log line is on the way of a request. */
#include <weft/obs/json.h>

static const char hex[] = "0123456789abcdef";

/* Length of the well-formed UTF-8 sequence at s, or 0 (RFC 3629). */
static size_t utf8_len(struct weft_slice s) {
    const unsigned char *p = (const unsigned char *)s.base;
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
               : (p[0] & 0xf0) == 0xe0        ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : 0;
    if (n == 0 || s.len < n) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)) return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) return 0;
    return n;
}

static size_t escape_one(struct weft_buf *out, struct weft_slice s) {
    unsigned char c = (unsigned char)s.base[0];
    if (c == '"' || c == '\\') {
        (void)weft_buf_append(out, weft_slice((const char[]){'\\', (char)c}, 2));
    } else if (c < 0x20 || c == 0x7f) {
        const char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        (void)weft_buf_append(out, weft_slice(text, sizeof text));
    } else {
        size_t n = utf8_len(s);
        if (n == 0) {
            (void)weft_buf_str(out, "\\ufffd");
            return 1;
        }
        (void)weft_buf_append(out, weft_slice_head(s, n));
        return n;
    }
    return 1;
}

void weft_json_escape(struct weft_buf *out, struct weft_slice s) {
    size_t plain = 0;
    while (plain < s.len) {
        unsigned char c = (unsigned char)s.base[plain];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            plain++;
            continue;
        }
        (void)weft_buf_append(out, weft_slice_head(s, plain));
        s = weft_slice_from(s, plain);
        s = weft_slice_from(s, escape_one(out, s));
        plain = 0;
    }
    (void)weft_buf_append(out, s);
}

void weft_json_begin(struct weft_json *j, struct weft_buf *out) {
    *j = (struct weft_json){.out = out, .first = true};
    (void)weft_buf_char(out, '{');
}

void weft_json_end(struct weft_json *j) {
    (void)weft_buf_str(j->out, "}\n");
}

static void key_of(struct weft_json *j, const char *key) {
    if (!j->first) (void)weft_buf_char(j->out, ',');
    j->first = false;
    (void)weft_buf_char(j->out, '"');
    (void)weft_buf_str(j->out, key);
    (void)weft_buf_str(j->out, "\":");
}

void weft_json_str(struct weft_json *j, const char *key, struct weft_slice value) {
    key_of(j, key);
    (void)weft_buf_char(j->out, '"');
    weft_json_escape(j->out, value);
    (void)weft_buf_char(j->out, '"');
}

void weft_json_u64(struct weft_json *j, const char *key, uint64_t value) {
    key_of(j, key);
    (void)weft_buf_u64(j->out, value);
}

void weft_json_bool(struct weft_json *j, const char *key, bool value) {
    key_of(j, key);
    (void)weft_buf_str(j->out, value ? "true" : "false");
}

void weft_json_null(struct weft_json *j, const char *key) {
    key_of(j, key);
    (void)weft_buf_str(j->out, "null");
}

static void digits(char *at, unsigned n, uint64_t v) {
    while (n--) {
        at[n] = (char)('0' + v % 10);
        v /= 10;
    }
}

/* The date of a day since 1970-01-01, reckoned in years that begin in March: then a leap day is the
 * last one of its year, and months have 153 days in every five. */
static void date(char *at, uint64_t day) {
    enum { ERA = 146097, SHIFT = 719468 }; /* days of 400 years; from 0000-03-01 to 1970-01-01 */
    uint64_t n = day + SHIFT, era = n / ERA, d = n % ERA;
    uint64_t year = (d - d / 1460 + d / 36524 - d / (ERA - 1)) / 365;
    uint64_t of_year = d - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153, of_month = of_year - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    digits(at, 4, year + era * 400 + (month <= 2));
    digits(at + 5, 2, month);
    digits(at + 8, 2, of_month);
}

void weft_json_time(struct weft_buf *out, uint64_t unix_us) {
    char text[] = "0000-00-00T00:00:00.000000Z";
    uint64_t s = unix_us / 1000000u, of_day = s % 86400;
    date(text, s / 86400);
    digits(text + 11, 2, of_day / 3600);
    digits(text + 14, 2, of_day / 60 % 60);
    digits(text + 17, 2, of_day % 60);
    digits(text + 20, 6, unix_us % 1000000u);
    (void)weft_buf_append(out, weft_slice(text, sizeof text - 1));
}

void weft_json_stamp(struct weft_json *j, const char *key, uint64_t unix_us) {
    key_of(j, key);
    (void)weft_buf_char(j->out, '"');
    weft_json_time(j->out, unix_us);
    (void)weft_buf_char(j->out, '"');
}

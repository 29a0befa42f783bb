/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/obs/json.h>

#include <stdio.h>
#include <time.h>

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
        (void)weft_buf_printf(out, "\\%c", c);
    } else if (c < 0x20 || c == 0x7f) {
        (void)weft_buf_printf(out, "\\u%04x", c);
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
    (void)weft_buf_printf(j->out, "%llu", (unsigned long long)value);
}

void weft_json_bool(struct weft_json *j, const char *key, bool value) {
    key_of(j, key);
    (void)weft_buf_str(j->out, value ? "true" : "false");
}

void weft_json_null(struct weft_json *j, const char *key) {
    key_of(j, key);
    (void)weft_buf_str(j->out, "null");
}

void weft_json_time(struct weft_buf *out, uint64_t unix_us) {
    time_t s = (time_t)(unix_us / 1000000u);
    struct tm tm;
    gmtime_r(&s, &tm);
    (void)weft_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", tm.tm_year + 1900,
                          tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                          (unsigned)(unix_us % 1000000u));
}

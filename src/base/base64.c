/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/base64.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool only_space(struct weft_slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_space(s.base[i])) return false;
    return true;
}

/* Four characters, of which the last `pad` were '='. */
static enum weft_status put_group(uint32_t bits, int pad, struct weft_buf *ret) {
    const char out[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
    return weft_buf_append(ret, weft_slice(out, 3 - (size_t)pad));
}

enum weft_status weft_base64_decode(struct weft_slice text, struct weft_buf *ret) {
    uint32_t bits = 0;
    int n = 0, pad = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.base[i];
        int v = value_of(c);
        if (is_space(c)) continue;
        if (v < 0 && c != '=') return WEFT_INVALID;
        if (c == '=' ? n < 2 : pad > 0) return WEFT_INVALID;
        pad += c == '=';
        bits = bits << 6 | (c == '=' ? 0 : (uint32_t)v);
        if (++n < 4) continue;
        enum weft_status st = put_group(bits, pad, ret);
        if (st != WEFT_OK) return st;
        if (pad) return only_space(weft_slice_from(text, i + 1)) ? WEFT_OK : WEFT_INVALID;
        bits = 0;
        n = 0;
    }
    return n == 0 ? WEFT_OK : WEFT_INVALID;
}

enum weft_status weft_base64_encode(struct weft_slice bytes, struct weft_buf *ret) {
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t bits = 0;
        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < n ? (unsigned char)bytes.base[i + j] : 0u);
        char out[4];
        for (size_t j = 0; j < 4; j++) out[j] = alphabet[bits >> (18 - 6 * j) & 63];
        if (n < 3) out[3] = '=';
        if (n < 2) out[2] = '=';
        enum weft_status st = weft_buf_append(ret, weft_slice(out, 4));
        if (st != WEFT_OK) return st;
    }
    return WEFT_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/http/reason.h>

static const struct {
    const char *word, *text;
    uint16_t http;
    uint8_t grpc;
} rows[] = {
#define X(name, w, h, g, t) {.word = (w), .text = (t), .http = (h), .grpc = (g)},
    WEFT_REASON_MAP(X)
#undef X
};

static enum weft_reason known(enum weft_reason r) {
    return (unsigned)r < WEFT_REASON_COUNT ? r : WEFT_REASON_NONE;
}

const char *weft_reason_word(enum weft_reason r) {
    return rows[known(r)].word;
}

uint16_t weft_reason_http(enum weft_reason r) {
    return rows[known(r)].http;
}

uint8_t weft_reason_grpc(enum weft_reason r) {
    return rows[known(r)].grpc;
}

const char *weft_reason_text(enum weft_reason r) {
    return rows[known(r)].text;
}

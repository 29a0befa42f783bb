/* SPDX-License-Identifier: Apache-2.0
 * Field names to numbers: the length picks a handful of candidates, one comparison decides. */
#include "message.h"

static const struct weft_slice names[] = {
#define X(name, text) {(text), sizeof(text) - 1},
    WEFT_TOKEN_MAP(X)
#undef X
};

enum { LONGEST = 23, PER_LENGTH = 4 };
#define T(name) WEFT_TOKEN_##name
static const uint8_t by_length[LONGEST + 1][PER_LENGTH] = {
    [2] = {T(TE)},
    [4] = {T(HOST), T(DATE)},
    [6] = {T(COOKIE), T(ACCEPT), T(EXPECT), T(SERVER)},
    [7] = {T(TRAILER), T(UPGRADE)},
    [8] = {T(LOCATION), T(WEFT_HOP)},
    [10] = {T(CONNECTION), T(USER_AGENT), T(KEEP_ALIVE)},
    [11] = {T(TRACEPARENT), T(GRPC_STATUS), T(WEFT_REASON), T(RETRY_AFTER)},
    [12] = {T(CONTENT_TYPE), T(X_REQUEST_ID), T(GRPC_TIMEOUT), T(GRPC_MESSAGE)},
    [14] = {T(CONTENT_LENGTH), T(HTTP2_SETTINGS)},
    [16] = {T(PROXY_CONNECTION)},
    [17] = {T(TRANSFER_ENCODING)},
    [23] = {T(XFCC)},
};
#undef T

/* Most candidates differ in their first or last character. Lengths are equal and not zero. */
static bool is_name(struct weft_slice name, struct weft_slice known) {
    size_t last = known.len - 1;
    return weft_lower(name.base[0]) == known.base[0] &&
           weft_lower(name.base[last]) == known.base[last] &&
           (memcmp(name.base, known.base, known.len) == 0 || weft_slice_ieq(name, known));
}

enum weft_token weft_token_of(struct weft_slice name) {
    if (name.len > LONGEST) return WEFT_TOKEN_OTHER;
    const uint8_t *row = by_length[name.len];
    for (int i = 0; i < PER_LENGTH && row[i]; i++)
        if (is_name(name, names[row[i]])) return (enum weft_token)row[i];
    return WEFT_TOKEN_OTHER;
}

struct weft_slice http_token_slice(enum weft_token t) {
    return (unsigned)t < WEFT_TOKEN_COUNT ? names[t] : names[0];
}

const char *weft_token_name(enum weft_token t) {
    return http_token_slice(t).base;
}

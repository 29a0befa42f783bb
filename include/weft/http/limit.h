/* SPDX-License-Identifier: Apache-2.0
 * The limits of a caller's connection and of the proxy. The same word stands in the metric
 * weft_limits_hit_total and in docs/reference/limits.md. */
#pragma once
#include <weft/base/forward.h>

#define WEFT_CAP_MAP(X)                                                                            \
    X(NONE, "")                                                                                    \
    X(CONNECTIONS, "connections")                                                                  \
    X(MEMORY, "memory")                                                                            \
    X(FILES, "files")                                                                              \
    X(BUFFERED, "buffered")                                                                        \
    X(HEAD_TIMEOUT, "head_timeout")                                                                \
    X(BODY_TIMEOUT, "body_timeout")                                                                \
    X(WRITE_TIMEOUT, "write_timeout")                                                              \
    X(IDLE_TIMEOUT, "idle_timeout")                                                                \
    X(HALF_CLOSE, "half_close")                                                                    \
    X(HEAD, "head")                                                                                \
    X(FIELDS, "fields")                                                                            \
    X(TARGET, "target")                                                                            \
    X(REQUEST_MEMORY, "request_memory")                                                            \
    X(STREAMS, "streams")                                                                          \
    X(RESETS, "resets")                                                                            \
    X(FRAMES, "frames")                                                                            \
    X(EXTENSIONS, "extensions")                                                                    \
    X(RETRY_BODY, "retry_body")                                                                    \
    X(ENDPOINT_CONNECTIONS, "endpoint_connections")

enum weft_cap {
#define X(id, word) WEFT_CAP_##id,
    WEFT_CAP_MAP(X)
#undef X
        WEFT_CAP_COUNT
};
const char *weft_cap_word(enum weft_cap c);

/* SPDX-License-Identifier: Apache-2.0
 * One status type for all fallible functions. */
#pragma once
#include <weft/base/forward.h>

/* name, text */
#define WEFT_STATUS_MAP(X)                                                                         \
    X(OK, "ok")                                                                                    \
    X(AGAIN, "try again later")                                                                    \
    X(EOF, "end of stream")                                                                        \
    X(INVALID, "invalid input")                                                                    \
    X(LIMIT, "a limit was reached")                                                                \
    X(NOT_FOUND, "not found")                                                                      \
    X(EXISTS, "exists already")                                                                    \
    X(UNSUPPORTED, "not supported")                                                                \
    X(DENIED, "denied")                                                                            \
    X(TIMEOUT, "timed out")                                                                        \
    X(REFUSED, "connection refused")                                                               \
    X(RESET, "connection reset")                                                                   \
    X(UNREACHABLE, "unreachable")                                                                  \
    X(CLOSED, "closed")                                                                            \
    X(TLS, "TLS failure")                                                                          \
    X(IDENTITY, "peer identity mismatch")                                                          \
    X(PATTERN, "regular expression that cannot be used")                                           \
    X(PROTOCOL, "protocol error")                                                                  \
    X(IO, "input/output error")                                                                    \
    X(CANCELED, "canceled")                                                                        \
    X(INTERNAL, "internal error")

enum weft_status {
#define X(name, text) WEFT_##name,
    WEFT_STATUS_MAP(X)
#undef X
};

/* The name as written above and a short text; static strings. */
const char *weft_status_name(enum weft_status st);
const char *weft_status_text(enum weft_status st);
/* From a positive errno value. */
enum weft_status weft_status_from_errno(int err);

/* Where in the input and what is wrong: filled by control-plane code and option parsers. */
struct weft_error {
    char path[256];    /* e.g. "spec.rules[0].matches[1].path.value" or "--outbound-port" */
    char message[512]; /* what is wrong and what to do */
    int line;          /* 1-based line of the file, 0 if unknown */
};
/* Fills `err` (NULL is allowed) and returns `st`, so that it can end a function. */
enum weft_status weft_error_set(struct weft_error *err, enum weft_status st, const char *path,
                                const char *fmt, ...) WEFT_PRINTF(4, 5);

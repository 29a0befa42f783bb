/* SPDX-License-Identifier: Apache-2.0
 * Why the proxy itself answered or cut a request. The same word stands in the access log, in the
 * metrics, in the response body and in the response header `weft-reason`. */
#pragma once
#include <weft/base/forward.h>

/* name, word, HTTP status (0: nothing can be sent), gRPC status, text for people */
#define WEFT_REASON_MAP(X)                                                                         \
    X(NONE, "", 0, 0, "")                                                                          \
    X(BAD_REQUEST, "bad_request", 400, 13, "the request is malformed")                             \
    X(PATH_REFUSED, "path_refused", 400, 13,                                                       \
      "the path is ambiguous: encoded slash, backslash or NUL")                                    \
    X(REQUEST_HEAD_TIMEOUT, "request_head_timeout", 408, 4, "the request head took too long")      \
    X(REQUEST_BODY_TIMEOUT, "request_body_timeout", 408, 4, "the request body did not go on")      \
    X(TARGET_TOO_LONG, "target_too_long", 414, 13, "the request target is too long")               \
    X(HEAD_TOO_LARGE, "head_too_large", 431, 13, "the request head is too large")                  \
    X(METHOD_UNKNOWN, "method_unknown", 501, 12, "the method is not known")                        \
    X(UNSUPPORTED_UPGRADE, "unsupported_upgrade", 501, 12, "this upgrade is not supported")        \
    X(NO_ROUTE, "no_route", 404, 12, "no rule of the routes attached to this Service matches")     \
    X(NO_BACKEND, "no_backend", 500, 14, "the rule names no backend with a weight above zero")     \
    X(INVALID_BACKEND, "invalid_backend", 500, 14, "the chosen backendRef is invalid")             \
    X(INVALID_FILTER, "invalid_filter", 500, 14, "the rule has a filter that cannot be applied")   \
    X(INVALID_RULE, "invalid_rule", 500, 14, "the matching rule was dropped as invalid")           \
    X(REGEX_LIMIT, "regex_limit", 500, 14, "a regular expression hit its limit")                   \
    X(NO_ENDPOINTS, "no_endpoints", 503, 14, "the backend has no ready endpoints")                 \
    X(NO_CONFIG, "no_config", 503, 14, "the configuration of this destination has not arrived")    \
    X(LOOP, "loop", 508, 14, "the destination is the proxy itself")                                \
    X(OVERLOAD, "overload", 503, 14, "a limit of the proxy was reached")                           \
    X(DRAINING, "draining", 503, 14, "the proxy is shutting down")                                 \
    X(DENIED, "denied", 403, 7, "the caller is not allowed")                                       \
    X(CONNECT_FAILED, "connect_failed", 503, 14, "no endpoint accepted a connection")              \
    X(CONNECT_TIMEOUT, "connect_timeout", 503, 14, "connecting to the endpoint took too long")     \
    X(UPSTREAM_TLS, "upstream_tls", 503, 14, "mutual TLS with the endpoint failed")                \
    X(UPSTREAM_IDENTITY, "upstream_identity", 503, 14, "the endpoint proved another identity")     \
    X(UPSTREAM_RESET, "upstream_reset", 502, 14, "the endpoint cut the request")                   \
    X(UPSTREAM_PROTOCOL, "upstream_protocol", 502, 14, "the endpoint's response is malformed")     \
    X(UPSTREAM_STALLED, "upstream_stalled", 504, 14, "the endpoint took nothing of the request")   \
    X(UNPROCESSED, "unprocessed", 503, 14, "the app behind the endpoint refused the connection")   \
    X(REQUEST_TIMEOUT, "request_timeout", 504, 4, "timeouts.request passed")                       \
    X(BACKEND_TIMEOUT, "backend_timeout", 504, 4, "timeouts.backendRequest passed")                \
    X(CLIENT_GONE, "client_gone", 0, 1, "the caller went away")                                    \
    X(CLIENT_PROTOCOL, "client_protocol", 0, 13, "the caller broke the protocol in its body")      \
    X(CONNECTION_TIMEOUT, "connection_timeout", 0, 14, "opaque bytes stood still for too long")    \
    X(CERTIFICATE_EXPIRED, "certificate_expired", 0, 14, "a certificate of the connection ended")  \
    X(REDIRECT, "redirect", 0, 0, "a RequestRedirect filter answered")                             \
    X(PREFLIGHT, "preflight", 0, 0, "a CORS filter answered a preflight")

enum weft_reason {
#define X(name, word, http, grpc, text) WEFT_REASON_##name,
    WEFT_REASON_MAP(X)
#undef X
        WEFT_REASON_COUNT
};

const char *weft_reason_word(enum weft_reason r);
uint16_t weft_reason_http(enum weft_reason r);
uint8_t weft_reason_grpc(enum weft_reason r);
const char *weft_reason_text(enum weft_reason r);

/* SPDX-License-Identifier: Apache-2.0
 * One message head, whatever wire it came over. Slices live in the arena given at init (the codec
 * stream's own) and stay valid until that stream is released. */
#pragma once
#include <weft/base/arena.h>
#include <weft/base/status.h>
#include <weft/http/reason.h>

/* Field names that the proxy itself looks at, so that it compares numbers. */
#define WEFT_TOKEN_MAP(X)                                                                          \
    X(OTHER, "")                                                                                   \
    X(HOST, "host")                                                                                \
    X(CONNECTION, "connection")                                                                    \
    X(KEEP_ALIVE, "keep-alive")                                                                    \
    X(PROXY_CONNECTION, "proxy-connection")                                                        \
    X(TE, "te")                                                                                    \
    X(TRAILER, "trailer")                                                                          \
    X(TRANSFER_ENCODING, "transfer-encoding")                                                      \
    X(UPGRADE, "upgrade")                                                                          \
    X(CONTENT_LENGTH, "content-length")                                                            \
    X(CONTENT_TYPE, "content-type")                                                                \
    X(EXPECT, "expect")                                                                            \
    X(DATE, "date")                                                                                \
    X(SERVER, "server")                                                                            \
    X(LOCATION, "location")                                                                        \
    X(COOKIE, "cookie")                                                                            \
    X(USER_AGENT, "user-agent")                                                                    \
    X(ACCEPT, "accept")                                                                            \
    X(RETRY_AFTER, "retry-after")                                                                  \
    X(GRPC_STATUS, "grpc-status")                                                                  \
    X(GRPC_MESSAGE, "grpc-message")                                                                \
    X(GRPC_TIMEOUT, "grpc-timeout")                                                                \
    X(X_REQUEST_ID, "x-request-id")                                                                \
    X(TRACEPARENT, "traceparent")                                                                  \
    X(XFCC, "x-forwarded-client-cert")                                                             \
    X(WEFT_HOP, "weft-hop")                                                                        \
    X(WEFT_REASON, "weft-reason")                                                                  \
    X(HTTP2_SETTINGS, "http2-settings")

enum weft_token {
#define X(name, text) WEFT_TOKEN_##name,
    WEFT_TOKEN_MAP(X)
#undef X
        WEFT_TOKEN_COUNT
};
/* `name` in any case. */
enum weft_token weft_token_of(struct weft_slice name);
const char *weft_token_name(enum weft_token t);

struct weft_field {
    struct weft_slice name; /* lower case */
    struct weft_slice value;
    uint16_t token; /* enum weft_token */
};

struct weft_fields { /* in wire order; repeated names allowed */
    struct weft_arena *arena;
    struct weft_field *items;
    uint32_t n, cap;
};

void weft_fields_init(struct weft_fields *f, struct weft_arena *arena);
/* Copies name (lower-cased) and value into the arena; WEFT_LIMIT beyond the arena's limit. */
enum weft_status weft_fields_add(struct weft_fields *f, struct weft_slice name,
                                 struct weft_slice value);
/* The same for bytes that outlive the head (literals, the same arena); name must be lower case. */
enum weft_status weft_fields_add_ref(struct weft_fields *f, enum weft_token token,
                                     struct weft_slice name, struct weft_slice value);
/* First field of that name, or NULL. `name` is lower case. */
const struct weft_field *weft_fields_get(const struct weft_fields *f, struct weft_slice name);
const struct weft_field *weft_fields_token(const struct weft_fields *f, enum weft_token t);
uint32_t weft_fields_remove(struct weft_fields *f, struct weft_slice name); /* returns how many */
uint32_t weft_fields_remove_token(struct weft_fields *f, enum weft_token t);
/* All fields of that name joined by "," in order (REQ-067); in `arena` if there are several. */
bool weft_fields_joined(const struct weft_fields *f, struct weft_slice name,
                        struct weft_arena *arena, struct weft_slice *ret);

enum weft_version { WEFT_HTTP_10, WEFT_HTTP_11, WEFT_HTTP_2 };
enum weft_framing {
    WEFT_BODY_NONE,    /* no body follows */
    WEFT_BODY_LENGTH,  /* content_length bytes */
    WEFT_BODY_CHUNKED, /* length unknown, ended by the protocol (chunked, END_STREAM) */
    WEFT_BODY_CLOSE,   /* HTTP/1 response that ends with the connection */
};

struct weft_head {
    /* request */
    struct weft_slice method;
    struct weft_slice scheme;    /* "http" unless the wire said otherwise */
    struct weft_slice authority; /* Host or :authority, as sent; base NULL when absent */
    struct weft_slice path;      /* origin form with query, e.g. "/a?b=c"; "*" for OPTIONS * */
    /* response */
    uint16_t status;
    /* both */
    enum weft_version version;
    enum weft_framing framing;
    uint64_t content_length; /* valid with WEFT_BODY_LENGTH, and for responses to HEAD if given */
    bool has_content_length;
    /* HTTP/1.1. Request: the protocols that the sender would switch to ("websocket"), empty when it
     * asks for none, has a body, or asks for h2c. Response 101: the one that was switched to. */
    struct weft_slice upgrade;
    bool expect_continue;
    bool te_trailers; /* the sender accepts trailers */
    enum weft_reason
        refused; /* codec could not accept this head: answer with this and nothing else */
    /* Without: Host, Connection and what it names, Keep-Alive, Proxy-Connection, Transfer-Encoding,
     * Upgrade, TE, HTTP2-Settings, Content-Length, Expect: 100-continue. The codec that sends adds
     * what its wire needs from the members above. */
    struct weft_fields fields;
};

void weft_head_init(struct weft_head *h, struct weft_arena *arena);
/* Deep copy into another arena. */
enum weft_status weft_head_copy(struct weft_head *to, const struct weft_head *from,
                                struct weft_arena *arena);
/* Path without query; query without '?', base NULL when there is none. */
struct weft_slice weft_head_path_only(const struct weft_head *h);
struct weft_slice weft_head_query(const struct weft_head *h);
bool weft_head_is_grpc(const struct weft_head *h); /* content-type application/grpc[+;]... */

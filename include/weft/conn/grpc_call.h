/* SPDX-License-Identifier: Apache-2.0
 * One gRPC call, unary or streaming, over an HTTP/2 connection of ours: the caller's end and the
 * method's end. No compression, no deadlines of its own (grpc: PROTOCOL-HTTP2). */
#pragma once
#include <weft/conn/pool.h>

struct weft_grpc_call;

enum weft_grpc_status { /* the ones we use */
                        WEFT_GRPC_OK = 0,
                        WEFT_GRPC_CANCELLED = 1,
                        WEFT_GRPC_UNKNOWN = 2,
                        WEFT_GRPC_INVALID_ARGUMENT = 3,
                        WEFT_GRPC_PERMISSION_DENIED = 7,
                        WEFT_GRPC_RESOURCE_EXHAUSTED = 8,
                        WEFT_GRPC_UNIMPLEMENTED = 12,
                        WEFT_GRPC_INTERNAL = 13,
                        WEFT_GRPC_UNAVAILABLE = 14,
                        WEFT_GRPC_UNAUTHENTICATED = 16,
};

/* A call may be freed from inside any of these; none follows then. */
struct weft_grpc_cb {
    void (*on_open)(void *ud); /* caller's end: the method took the call; may be NULL */
    void (*on_message)(void *ud, struct weft_slice message); /* valid for the call */
    void (*on_half_close)(void *ud); /* method's end: no more messages come; may be NULL */
    /* The last event. Caller's end: the method's status, or UNAVAILABLE when the connection broke.
     * Method's end: the caller went away, or broke the protocol (it has been answered). */
    void (*on_end)(void *ud, uint32_t status, struct weft_slice text);
    void (*on_writable)(void *ud); /* after weft_grpc_call_send returned AGAIN; may be NULL */
};

struct weft_grpc_request {
    struct weft_slice authority;
    struct weft_slice path;          /* "/package.Service/Method" */
    struct weft_slice authorization; /* value of that metadata field; empty: none */
    uint32_t max_message;            /* longer incoming messages end the call */
};
/* Opens the call; NULL when the connection takes no requests (any more). */
struct weft_grpc_call *weft_grpc_call_new(struct weft_client_conn *c,
                                          const struct weft_grpc_request *r,
                                          const struct weft_grpc_cb *cb, void *ud);

/* Method's end, in on_request of a server connection. False: not a gRPC request. */
bool weft_grpc_is_call(const struct weft_head *head);
/* Takes over the stream; `end_seen` as on_request said. The response head goes out with the first
 * message, or by weft_grpc_call_open. */
struct weft_grpc_call *weft_grpc_call_accept(struct weft_stream *s, bool end_seen,
                                             uint32_t max_message, const struct weft_grpc_cb *cb,
                                             void *ud);
void weft_grpc_call_open(struct weft_grpc_call *c); /* the caller's on_open follows */
/* Ends the method: trailers with the status. Nothing but weft_grpc_call_free may follow. */
void weft_grpc_call_finish(struct weft_grpc_call *c, uint32_t status, struct weft_slice text);
/* Answers a stream that nobody takes, and releases it. */
void weft_grpc_refuse(struct weft_stream *s, bool end_seen, uint32_t status,
                      struct weft_slice text);

/* OK; AGAIN: taken, but stop until on_writable; LIMIT: above 4 GiB; CLOSED: the call is over. */
enum weft_status weft_grpc_call_send(struct weft_grpc_call *c, struct weft_slice message);
void weft_grpc_call_half_close(struct weft_grpc_call *c); /* caller's end: no more messages */
/* Counted: incoming messages stop soon (those already received may still come). */
void weft_grpc_call_pause(struct weft_grpc_call *c);
void weft_grpc_call_resume(struct weft_grpc_call *c);
/* Cancels what is not over. Takes NULL, returns NULL. */
struct weft_grpc_call *weft_grpc_call_free(struct weft_grpc_call *c);

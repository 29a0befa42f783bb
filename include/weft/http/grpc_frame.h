/* SPDX-License-Identifier: Apache-2.0
 * gRPC over HTTP/2, the framing alone: length-prefixed messages and the encoding of grpc-message
 * (gRPC "PROTOCOL-HTTP2"). */
#pragma once
#include <weft/base/arena.h>
#include <weft/base/buf.h>

enum { WEFT_GRPC_PREFIX = 5 }; /* compressed flag and 32-bit big-endian length */

struct weft_grpc_reader { /* cuts a byte stream into messages */
    struct weft_buf buf;
    uint32_t max;
    size_t lent; /* bytes of buf that the last returned message occupies */
};
/* Messages longer than `max_message` bytes are refused. */
void weft_grpc_reader_init(struct weft_grpc_reader *r, uint32_t max_message);
void weft_grpc_reader_done(struct weft_grpc_reader *r);
/* Takes bytes off the front of *in. OK: one message, valid until the next call and as long as the
 * bytes of *in are; call again, there may be more. AGAIN: *in is used up. LIMIT: too long.
 * UNSUPPORTED: compressed. PROTOCOL: neither 0 nor 1 in the flag byte. */
enum weft_status weft_grpc_reader_next(struct weft_grpc_reader *r, struct weft_slice *in,
                                       struct weft_slice *ret_message);
/* True in the middle of a message: the end of the stream is then an error. */
bool weft_grpc_reader_partial(const struct weft_grpc_reader *r);

/* The prefix of an uncompressed message of `len` bytes. */
void weft_grpc_prefix(uint32_t len, uint8_t ret[WEFT_GRPC_PREFIX]);
/* Prefix and message; LIMIT when it would pass the buffer's maximum. */
enum weft_status weft_grpc_append(struct weft_buf *out, struct weft_slice message);

/* grpc-message percent-encoded (everything outside 0x20..0x7e, and '%'); `s` itself when nothing
 * needs it; base NULL beyond the arena's limit. */
struct weft_slice weft_grpc_message_encode(struct weft_arena *a, struct weft_slice s);
/* The reverse; broken escapes stay as they are (the specification forbids to fail here). */
struct weft_slice weft_grpc_message_decode(struct weft_arena *a, struct weft_slice s);

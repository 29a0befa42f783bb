/* SPDX-License-Identifier: Apache-2.0
 * Between the model's slices and arenas and protobuf-c's structs. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <weft/base/arena.h>
#include <weft/base/buf.h>
#include <weft/base/status.h>

static inline ProtobufCBinaryData weft_pb_bytes(struct weft_slice s) {
    return (ProtobufCBinaryData){.len = s.len, .data = (uint8_t *)(uintptr_t)s.base};
}
static inline struct weft_slice weft_pb_slice(ProtobufCBinaryData b) {
    return weft_slice((const char *)b.data, b.len);
}

/* A fresh message of that type in `a`; the arena must be without a limit. */
void *weft_pb_new(struct weft_arena *a, const ProtobufCMessageDescriptor *type);
/* n of them, as the pointer array that repeated fields want; NULL when n is 0. */
void *weft_pb_array(struct weft_arena *a, const ProtobufCMessageDescriptor *type, size_t n);
/* Appends the encoded message; LIMIT when it does not fit. */
enum weft_status weft_pb_pack(const void *message, struct weft_buf *out);
/* Decodes into `scratch`, whose limit bounds what hostile bytes can make us allocate; everything
 * lives until it is done. NULL: malformed or beyond the limit. */
void *weft_pb_unpack(const ProtobufCMessageDescriptor *type, struct weft_slice in,
                     struct weft_arena *scratch);
/* Scratch limit for a message of `len` bytes: an element of a repeated field costs two bytes on the
 * wire and a struct in memory. */
size_t weft_pb_scratch_limit(size_t len);

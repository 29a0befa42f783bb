/* SPDX-License-Identifier: Apache-2.0 */
#include "proto_util.h"

void *weft_pb_new(struct weft_arena *a, const ProtobufCMessageDescriptor *type) {
    void *m = weft_arena_must(a, type->sizeof_message);
    protobuf_c_message_init(type, m);
    return m;
}

void *weft_pb_array(struct weft_arena *a, const ProtobufCMessageDescriptor *type, size_t n) {
    if (n == 0) return NULL;
    void **list = weft_arena_array(a, void *, n);
    for (size_t i = 0; i < n; i++) list[i] = weft_pb_new(a, type);
    return list;
}

enum weft_status weft_pb_pack(const void *message, struct weft_buf *out) {
    size_t n = protobuf_c_message_get_packed_size(message);
    if (n == 0) return WEFT_OK;
    char *at = weft_buf_reserve(out, n);
    if (!at) return WEFT_LIMIT;
    weft_buf_commit(out, protobuf_c_message_pack(message, (uint8_t *)at));
    return WEFT_OK;
}

static void *arena_alloc(void *arena, size_t n) {
    return weft_arena_alloc(arena, n);
}
static void arena_free(void *arena, void *p) {
    (void)arena; /* all at once, by weft_arena_done */
    (void)p;
}

void *weft_pb_unpack(const ProtobufCMessageDescriptor *type, struct weft_slice in,
                     struct weft_arena *scratch) {
    ProtobufCAllocator allocator = {
        .alloc = arena_alloc, .free = arena_free, .allocator_data = scratch};
    return protobuf_c_message_unpack(type, &allocator, in.len, (const uint8_t *)in.base);
}

size_t weft_pb_scratch_limit(size_t len) {
    enum { BASE = 64 * 1024, PER_BYTE = 24, MOST = 512 * 1024 * 1024 };
    return len > (MOST - BASE) / PER_BYTE ? MOST : BASE + len * PER_BYTE;
}

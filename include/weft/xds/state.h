/* SPDX-License-Identifier: Apache-2.0
 * What a proxy keeps of its configuration between two lives: encoded resources by name. */
#pragma once
#include <weft/base/buf.h>

struct weft_state_item {
    struct weft_slice name, value;
};
enum weft_status weft_state_encode(const struct weft_state_item *items, size_t n,
                                   struct weft_buf *out);
/* Calls fn for each item, in order; slices are valid for the call. Any bytes are safe. */
enum weft_status weft_state_decode(struct weft_slice in,
                                   void (*fn)(void *ud, const struct weft_state_item *item),
                                   void *ud, struct weft_error *err);

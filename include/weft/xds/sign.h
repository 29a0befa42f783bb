/* SPDX-License-Identifier: Apache-2.0
 * The messages of weft.v1.Certificates/Sign. */
#pragma once
#include <weft/base/arena.h>
#include <weft/base/buf.h>

struct weft_sign_request {
    struct weft_slice csr_pem;
    uint32_t ttl_s; /* 0: the server's default */
    struct weft_slice trust_domain;
};
struct weft_sign_response {
    struct weft_slice chain_pem, bundle_pem;
};
void weft_sign_request_encode(const struct weft_sign_request *r, struct weft_buf *out);
void weft_sign_response_encode(const struct weft_sign_response *r, struct weft_buf *out);
/* Text is copied into the arena; INVALID when malformed, or over 64 KiB (1 MiB: the response). */
enum weft_status weft_sign_request_decode(struct weft_slice in, struct weft_arena *a,
                                          struct weft_sign_request *ret);
enum weft_status weft_sign_response_decode(struct weft_slice in, struct weft_arena *a,
                                           struct weft_sign_response *ret);

/* SPDX-License-Identifier: Apache-2.0
 * Every answer that the proxy invents. */
#pragma once
#include <weft/http/head.h>

/* Fills a response head (and for plain HTTP a small text body) for `reason`. For gRPC callers
 * (`grpc`) a trailers-only answer: 200, content-type, grpc-status, grpc-message (REQ-125, 126).
 * `detail` adds what was wrong ("default/web:80"), may be empty. With `reason_header` the field
 * weft-reason is added. Everything lives in `arena`. */
void weft_local_reply(enum weft_reason reason, struct weft_slice detail, bool grpc,
                      bool reason_header, struct weft_arena *arena, struct weft_head *ret_head,
                      struct weft_slice *ret_body);

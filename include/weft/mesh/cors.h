/* SPDX-License-Identifier: Apache-2.0
 * Cross-origin resource sharing as HTTPRoute's CORS filter has it (REQ-097 to 101; Fetch standard,
 * "CORS protocol"). Pure. */
#pragma once
#include <weft/http/head.h>
#include <weft/mesh/model.h>

/* What a caller said, taken before any filter changed it. Slices live as long as the request. */
struct weft_cors_request {
    struct weft_slice origin;          /* empty: no request of a page of another origin */
    struct weft_slice method, headers; /* Access-Control-Request-Method, -Headers */
    bool preflight;                    /* OPTIONS with both Origin and a method asked for */
};
void weft_cors_request_take(const struct weft_head *request, struct weft_cors_request *ret);

/* NULL when the pattern is one: "*", or http(s)://host[:port] with host "*", "*.suffix" or a name;
 * else what is wrong with it. */
const char *weft_cors_origin_fault(struct weft_slice pattern);
/* Scheme and host in any case; a port left out is the scheme's own (REQ-098). */
bool weft_cors_allows(const struct weft_cors *c, struct weft_slice origin);

/* The answer to a preflight (REQ-099, 100): 204, with the fields of the policy if the origin is
 * allowed and without any if not, which makes the browser refuse. False: the arena's limit. */
bool weft_cors_preflight(const struct weft_cors *c, const struct weft_cors_request *r,
                         struct weft_arena *a, struct weft_head *ret) WEFT_MUST_USE;
/* A response on its way to the caller: what the app says of CORS itself gives way to the policy. */
void weft_cors_response(const struct weft_cors *c, const struct weft_cors_request *r,
                        struct weft_head *response);

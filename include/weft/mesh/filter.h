/* SPDX-License-Identifier: Apache-2.0
 * Filters of a rule or backend, applied in the listed order (REQ-074 to 101). Pure. */
#pragma once
#include <weft/http/head.h>
#include <weft/mesh/cors.h>
#include <weft/mesh/match.h>

enum weft_filter_outcome { WEFT_FILTER_GO_ON, WEFT_FILTER_REPLY, WEFT_FILTER_FAIL };

struct weft_filter_input {
    const struct weft_match *match; /* for ReplacePrefixMatch; may be NULL without one */
    uint16_t listener_port;         /* the Service port the client dialled (REQ-088) */
    struct weft_slice
        original_path; /* target that was matched, with query: redirects start from it */
    struct weft_slice original_authority;
    const struct weft_cors_request *cors; /* NULL: CORS filters are passed by */
    /* A copy of the request as it is now is wanted at that filter's backend (REQ-079: changes that
     * are listed before the mirror are in it). NULL: mirrors are passed by. */
    void (*on_mirror)(void *ud, const struct weft_mirror *m, const struct weft_head *request);
    void *ud;
};
/* Changes `request` in place (allocations from its arena). REPLY: `ret_reply` is the head of a
 * redirect or of the answer to a preflight, no body; the caller runs weft_filters_response over it
 * as over any response (REQ-085).
 * FAIL: an INVALID filter, one that cannot be applied, or the arena's limit; *ret_invalid says why.
 * A prefix is always replaced in `original_path`, so a backend's rewrite overrides the rule's. */
enum weft_filter_outcome weft_filters_request(const struct weft_filter *filters, uint32_t n,
                                              const struct weft_filter_input *in,
                                              struct weft_head *request,
                                              struct weft_head *ret_reply,
                                              struct weft_slice *ret_invalid);
/* ResponseHeaderModifier and CORS filters of the list. `cors` as in the input; NULL: none. */
void weft_filters_response(const struct weft_filter *filters, uint32_t n,
                           const struct weft_cors_request *cors, struct weft_head *response);
/* Does any of them look at the request's Origin? */
bool weft_filters_want_cors(const struct weft_filter *filters, uint32_t n);
/* Fields that frame a message or belong to one connection are left alone, as is Host. */
void weft_header_mods_apply(const struct weft_header_mods *m, struct weft_fields *fields);

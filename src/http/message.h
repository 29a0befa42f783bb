/* SPDX-License-Identifier: Apache-2.0
 * Rules of HTTP messages that hold on every wire (RFC 9110); used by both codecs. */
#pragma once
#include <weft/http/codec.h>

struct weft_slice http_token_slice(enum weft_token t);
/* weft_fields_add of a name whose token is known already. */
enum weft_status http_fields_add(struct weft_fields *f, enum weft_token t, struct weft_slice name,
                                 struct weft_slice value);
/* Room for `cap` fields in all; false beyond the arena's limit. */
bool http_fields_reserve(struct weft_fields *f, uint32_t cap);
/* Appends copies of all of `from`. */
enum weft_status http_fields_copy(struct weft_fields *to, const struct weft_fields *from);

/* Fields that speak of one connection only, or that the codec writes itself from the head's
 * members: never forwarded. */
#define HTTP_BIT(t) (UINT64_C(1) << WEFT_TOKEN_##t)
#define HTTP_HOP_BITS                                                                              \
    (HTTP_BIT(HOST) | HTTP_BIT(CONNECTION) | HTTP_BIT(KEEP_ALIVE) | HTTP_BIT(PROXY_CONNECTION) |   \
     HTTP_BIT(TE) | HTTP_BIT(TRANSFER_ENCODING) | HTTP_BIT(UPGRADE) | HTTP_BIT(CONTENT_LENGTH) |   \
     HTTP_BIT(HTTP2_SETTINGS))
static inline bool http_is_hop(const struct weft_field *f) {
    return (HTTP_HOP_BITS >> f->token) & 1;
}
_Static_assert(WEFT_TOKEN_COUNT <= 64, "hop-by-hop fields are a bit mask");

/* Value of a hexadecimal digit, or -1. */
static inline int http_hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
/* At most 20 digits; returns their end. */
char *http_put_number(char *p, uint64_t v);
bool http_is_token_char(unsigned char c);
bool http_is_token(struct weft_slice s);
/* One of the methods that we forward; CONNECT is not. */
bool http_method_known(struct weft_slice method);
/* Visible ASCII without '#', not empty. */
bool http_target_chars_ok(struct weft_slice target);
/* host[:port] without user info; may be empty. */
bool http_authority_ok(struct weft_slice authority);
/* Is `word` in a comma-separated list? Without case. */
bool http_list_has(struct weft_slice list, struct weft_slice word);
/* May a response with this status have a body? */
static inline bool http_status_has_body(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}
const char *http_reason_phrase(unsigned status); /* "" when unknown */
/* For fields already parsed: content-length digits, or false. */
bool http_content_length(struct weft_slice value, uint64_t *ret);
/* Names are tokens, values hold no CR, LF or NUL. Everything was checked where it came in; a slip
 * would be response splitting, so senders check again. */
bool http_value_clean(struct weft_slice value);
bool http_fields_clean(const struct weft_fields *f);
/* Drops what must not stand in trailers (RFC 9110 6.5.1). */
void http_trailers_clean(struct weft_fields *f);

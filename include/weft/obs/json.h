/* SPDX-License-Identifier: Apache-2.0
 * A flat JSON object written into a buffer, for log lines (dumps use jansson). */
#pragma once
#include <weft/base/buf.h>

struct weft_json {
    struct weft_buf *out;
    bool first;
};

void weft_json_begin(struct weft_json *j, struct weft_buf *out);
void weft_json_end(struct weft_json *j); /* closes the object and adds a newline */
void weft_json_str(struct weft_json *j, const char *key, struct weft_slice value);
void weft_json_u64(struct weft_json *j, const char *key, uint64_t value);
void weft_json_bool(struct weft_json *j, const char *key, bool value);
void weft_json_stamp(struct weft_json *j, const char *key, uint64_t unix_us); /* weft_json_time */
void weft_json_null(struct weft_json *j, const char *key);
/* "2026-11-23T12:00:00.000000Z", without quotes. */
void weft_json_time(struct weft_buf *out, uint64_t unix_us);
/* The bytes as the inside of a JSON string; invalid UTF-8 becomes U+FFFD. */
void weft_json_escape(struct weft_buf *out, struct weft_slice s);

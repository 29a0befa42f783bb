/* SPDX-License-Identifier: Apache-2.0
 * PCRE2 with limits; always a full match (REQ-066). */
#pragma once
#include <weft/base/slice.h>
#include <weft/base/status.h>

struct weft_regex;
enum weft_status weft_regex_new(struct weft_slice pattern, struct weft_regex **ret,
                                struct weft_error *err);
struct weft_regex *weft_regex_free(struct weft_regex *r);
/* OK: the whole of `s` matches; NOT_FOUND: it does not; LIMIT: a limit was hit. Thread-safe. */
enum weft_status weft_regex_match(const struct weft_regex *r, struct weft_slice s);

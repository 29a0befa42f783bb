/* SPDX-License-Identifier: Apache-2.0
 * Path hygiene before matching (DESIGN 3, REQ-062). */
#pragma once
#include <weft/http/head.h>

/* Normalises the path of an origin-form target in place of the arena's copy: "." and ".." segments
 * resolved, percent-encoded unreserved characters decoded, remaining escapes upper-cased; "//"
 * kept, the query left as it is. Refuses (WEFT_REASON_PATH_REFUSED) %2F, %5C, '\\', %00, NUL,
 * controls, a bad escape, '#', and ".." above the root. "*" and the empty path of CONNECT pass.
 * `keep_slashes`: %2F and %5C stay as they are, as part of their segment. */
enum weft_reason weft_path_normalize(struct weft_slice target, bool keep_slashes,
                                     struct weft_arena *arena, struct weft_slice *ret);

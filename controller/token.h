/* SPDX-License-Identifier: Apache-2.0
 * Bootstrap tokens of the folder source: one file per ServiceAccount, named NAMESPACE.NAME, whose
 * content is the token. Files are looked at again on each use, so a changed token counts at once.
 */
#pragma once
#include <weft/base/arena.h>
#include <weft/base/status.h>

enum { CONTROLLER_MIN_TOKEN = 16, CONTROLLER_MAX_TOKEN = 4096 }; /* bytes, white space trimmed */

/* Whose token is it? The answer comes from the file's name and nothing else. Every token is
 * compared over its whole length whatever the outcome. NOT_FOUND: nobody's, or (a copy left in the
 * folder) that of more than one. */
enum weft_status controller_token_owner(const char *dir, struct weft_slice token,
                                        struct weft_arena *a, struct weft_slice *ret_ns,
                                        struct weft_slice *ret_service_account);
/* Has this ServiceAccount a usable token? */
bool controller_token_exists(const char *dir, struct weft_slice ns,
                             struct weft_slice service_account);

/* SPDX-License-Identifier: Apache-2.0
 * The parts of filter.c: what a path becomes (filter_path.c), what a redirect says
 * (filter_redirect.c). Everything made lives in the given arena; base NULL: its limit was hit. */
#pragma once
#include <weft/mesh/filter.h>

#define OUT_OF_MEMORY WEFT_SLICE_LIT("the request's memory is used up")

enum weft_path_use { WEFT_PATH_FOR_REWRITE, WEFT_PATH_FOR_REDIRECT };

/* The original target changed by `mod`, query included (REQ-087, 091 to 094). `ret_why` is set and
 * false returned when it cannot be applied. */
bool weft_path_mod_apply(const struct weft_path_mod *mod, const struct weft_filter_input *in,
                         enum weft_path_use use, struct weft_arena *a, struct weft_slice *ret,
                         struct weft_slice *ret_why);
/* Without bytes that a request target or Location cannot carry: those are percent-encoded. */
struct weft_slice weft_target_clean(struct weft_slice s, enum weft_path_use use,
                                    struct weft_arena *a);
/* A field value without line ends and other controls (each becomes a space), trimmed. */
struct weft_slice weft_value_clean(struct weft_slice s, struct weft_arena *a);
/* Head of the answer. */
bool weft_redirect_reply(const struct weft_filter *f, const struct weft_filter_input *in,
                         const struct weft_head *request, struct weft_head *ret,
                         struct weft_slice *ret_why);

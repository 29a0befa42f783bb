/* SPDX-License-Identifier: Apache-2.0
 * What the options ask for against what is there, for one address family. Pure. */
#pragma once
#include <init/plan.h>
#include <weft/base/buf.h>

/* One line for each difference between the rules in force and those that weft-init would write;
 * nothing when they are the same. */
void init_compare(struct weft_arena *a, const struct init_options *o,
                  const struct init_saved *saved, int family, struct weft_buf *out);

/* A destination that must be redirected for a process with these ids: a documentation address (RFC
 * 5737, 3849, 9637), which nobody has, and a port. NULL, or why these options redirect none. */
const char *init_compare_target(const struct init_options *o, int family, uint32_t uid,
                                uint32_t gid, struct weft_addr *ret);

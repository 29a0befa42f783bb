/* SPDX-License-Identifier: Apache-2.0
 * A plan as text for `iptables-restore --noflush`. Pure. */
#pragma once
#include <init/plan.h>
#include <weft/base/buf.h>

/* One rule as iptables-save would write it after "-A ", without a line end. */
void init_render_spec(const struct init_rule *r, struct weft_buf *out);
/* Appends to `out` (no maximum); nothing for an empty plan. */
void init_render(const struct init_plan *plan, struct weft_buf *out);

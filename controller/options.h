/* SPDX-License-Identifier: Apache-2.0
 * weft-controller's options, one row each; docs/reference/weft-controller.md comes from them. */
#pragma once
#include <controller/controller.h>
#include <weft/base/options.h>

extern const struct weft_option controller_option_rows[];
extern const size_t controller_option_count;
/* Defaults, environment, flags, and what must go together. */
enum weft_status controller_options_parse(struct controller_options *o, int argc, char **argv,
                                          struct weft_option_result *ret, struct weft_error *err);

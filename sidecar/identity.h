/* SPDX-License-Identifier: Apache-2.0
 * The identity of a proxy that runs without a controller. */
#pragma once
#include <sidecar/options.h>
#include <weft/net/tls.h>

/* From --cert, --key and --trust-bundle; *ret NULL when none was given. */
enum weft_status proxy_identity_load(const struct proxy_options *o, struct weft_identity **ret,
                                     struct weft_error *err) WEFT_MUST_USE;

/* SPDX-License-Identifier: Apache-2.0
 * Names as Kubernetes has them. What passes is also safe as part of a path. */
#pragma once
#include <weft/base/slice.h>

/* Lower-case letters, digits and '-', a letter or digit at both ends (RFC 1123 label); the length
 * is the caller's to limit. */
bool weft_fmt_label(struct weft_slice s);
bool weft_fmt_subdomain(struct weft_slice s); /* labels with dots between */

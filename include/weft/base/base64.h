/* SPDX-License-Identifier: Apache-2.0
 * Base64 (RFC 4648, section 4), as Secrets and kubeconfig files carry bytes. */
#pragma once
#include <weft/base/buf.h>

/* Appends the bytes. White space is skipped, padding is required; INVALID on anything else, LIMIT
 * beyond the buffer's maximum (some may have been appended then). */
enum weft_status weft_base64_decode(struct weft_slice text, struct weft_buf *ret);
/* Appends the text, with padding and without line ends. LIMIT as above. */
enum weft_status weft_base64_encode(struct weft_slice bytes, struct weft_buf *ret);

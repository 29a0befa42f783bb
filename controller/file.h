/* SPDX-License-Identifier: Apache-2.0
 * Small files: read whole, written by rename. */
#pragma once
#include <weft/base/buf.h>

/* Appends the whole file; NOT_FOUND, LIMIT beyond the buffer's maximum, DENIED, IO. */
enum weft_status controller_file_read(const char *path, struct weft_buf *ret);
/* Writes beside `path`, syncs, then renames over it. */
enum weft_status controller_file_write(const char *path, unsigned mode, struct weft_slice content);

/* SPDX-License-Identifier: Apache-2.0
 * Small files: read whole, replaced by rename so that a reader sees the old or the new one. */
#pragma once
#include <weft/base/buf.h>

/* Appends the whole file; NOT_FOUND, LIMIT beyond the buffer's maximum, DENIED, IO. The content may
 * be a secret: no copy of it is left behind here. */
enum weft_status weft_file_read(const char *path, struct weft_buf *ret);
/* Writes beside `path`, then renames over it. `mode` whatever the umask is. `sync`: it is on the
 * disk when this returns. */
enum weft_status weft_file_replace(const char *path, unsigned mode, bool sync,
                                   struct weft_slice content);

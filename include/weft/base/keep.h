/* SPDX-License-Identifier: Apache-2.0
 * Blocks that come and go with every request and connection: what a thread frees it keeps, by size,
 * for its next allocation. With WEFT_ARENA_EMULATE they are plain mallocs, so that ASan sees them.
 */
#pragma once
#include <stddef.h>

/* Cannot fail; not zeroed / zeroed. Aligned to 16. */
void *weft_keep_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *weft_keep_alloc0(size_t n) __attribute__((malloc, returns_nonnull));
/* `n` as it was asked for; NULL is fine. On any thread. */
void weft_keep_free(void *p, size_t n);

#define weft_keep_new0(T) ((T *)weft_keep_alloc0(sizeof(T)))
#define weft_keep_drop(p) weft_keep_free((p), sizeof *(p))

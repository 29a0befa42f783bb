/* SPDX-License-Identifier: Apache-2.0
 * Heap allocation that cannot fail (out of memory aborts; limits stand in front of every quantity
 * that a peer controls), and scope clean-up. */
#pragma once
#include <weft/base/forward.h>
#include <stdlib.h>

void *weft_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *weft_alloc0(size_t n) __attribute__((malloc, returns_nonnull));
void *weft_realloc(void *p, size_t n) __attribute__((returns_nonnull));
char *weft_strdup(const char *s) __attribute__((malloc, returns_nonnull));
/* printf into a fresh string; free() it. */
char *weft_asprintf(const char *fmt, ...) WEFT_PRINTF(1, 2)
    __attribute__((malloc, returns_nonnull));

#define weft_new0(T) ((T *)weft_alloc0(sizeof(T)))

/* WEFT_CLEANUP(fn) T x: calls fn(&x) when x leaves scope. weft_take(&p) hands p out and NULLs it.
 */
#define WEFT_CLEANUP(fn) __attribute__((cleanup(fn)))
#define weft_take(pp)                                                                              \
    ({                                                                                             \
        __typeof__(*(pp)) weft_taken_ = *(pp);                                                     \
        *(pp) = NULL;                                                                              \
        weft_taken_;                                                                               \
    })
static inline void weft_freep(void *pp) {
    free(*(void **)pp);
}
#define WEFT_FREE WEFT_CLEANUP(weft_freep)

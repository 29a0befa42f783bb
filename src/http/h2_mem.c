/* SPDX-License-Identifier: Apache-2.0
 * The memory of nghttp2's sessions: some twenty small blocks a request, kept by the thread between
 * them. Its interface frees without a size, so each block remembers its own. */
#include "h2_internal.h"
#include <weft/base/alloc.h>
#include <weft/base/keep.h>

struct block {
    size_t n; /* of all, this head included */
    _Alignas(16) char data[];
};

static struct block *block_of(void *p) {
    return (struct block *)(void *)((char *)p - offsetof(struct block, data));
}

static void *mem_malloc(size_t n, void *ud) {
    (void)ud;
    struct block *b = weft_keep_alloc(sizeof *b + n);
    b->n = sizeof *b + n;
    return b->data;
}

static void mem_free(void *p, void *ud) {
    (void)ud;
    if (p) weft_keep_free(block_of(p), block_of(p)->n);
}

static void *mem_calloc(size_t count, size_t size, void *ud) {
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) return NULL;
    return memset(mem_malloc(n, ud), 0, n);
}

static void *mem_realloc(void *old, size_t n, void *ud) {
    void *p = mem_malloc(n, ud);
    if (!old) return p;
    size_t had = block_of(old)->n - sizeof(struct block);
    memcpy(p, old, had < n ? had : n);
    mem_free(old, ud);
    return p;
}

nghttp2_mem *h2_mem(void) {
    static nghttp2_mem mem = {NULL, mem_malloc, mem_free, mem_calloc, mem_realloc};
    return &mem;
}

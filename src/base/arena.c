/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/arena.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>

#include <stdarg.h>
#include <stdio.h>

struct weft_arena_block {
    struct weft_arena_block *next;
    size_t size; /* of data */
    _Alignas(16) char data[];
};

struct weft_arena_defer {
    struct weft_arena_defer *next;
    void (*fn)(void *arg);
    void *arg;
};

enum { BLOCK = 4096 - 32, ALIGN = 16 };

/* Emulating, each allocation is a block of its own, of exactly its size. */
#ifdef WEFT_ARENA_EMULATE
enum { CAN_KEEP = 0 };
#else
enum { CAN_KEEP = 1 };
#endif

void weft_arena_init(struct weft_arena *a, size_t limit) {
    *a = (struct weft_arena){.limit = limit};
}

/* Blocks of the common size are kept by the thread that freed them: a request's arena then costs no
 * malloc, and only what is handed out is zeroed. */
enum { KEPT_BLOCKS = 128 };
static _Thread_local struct weft_arena_block *kept;
static _Thread_local unsigned n_kept;

static struct weft_arena_block *block_get(size_t size) {
    if (size != BLOCK || !kept) {
        struct weft_arena_block *fresh = weft_alloc(sizeof *fresh + size);
        fresh->size = size;
        return fresh;
    }
    struct weft_arena_block *b = kept;
    kept = b->next;
    n_kept--;
    return b;
}

static void block_put(struct weft_arena_block *b) {
    if (!CAN_KEEP || b->size != BLOCK || n_kept >= KEPT_BLOCKS) {
        free(b);
        return;
    }
    b->next = kept;
    kept = b;
    n_kept++;
}

void weft_arena_done(struct weft_arena *a) {
    while (a->defers) {
        struct weft_arena_defer *d = a->defers;
        a->defers = d->next;
        d->fn(d->arg);
    }
    struct weft_arena_block *b = a->blocks;
    while (b) {
        struct weft_arena_block *next = b->next;
        block_put(b);
        b = next;
    }
    *a = (struct weft_arena){.limit = a->limit};
}

static void *from_new_block(struct weft_arena *a, size_t n) {
    size_t size = CAN_KEEP && n <= BLOCK / 2 ? BLOCK : n;
    struct weft_arena_block *b = block_get(size);
    b->next = a->blocks;
    a->blocks = b;
    if (CAN_KEEP && size == BLOCK) {
        a->at = b->data + n;
        a->end = b->data + size;
    }
    return memset(b->data, 0, n);
}

void *weft_arena_alloc(struct weft_arena *a, size_t n) {
    if (a->limit && (n > a->limit || a->used > a->limit - n)) return NULL;
    a->used += n;
    size_t aligned = CAN_KEEP ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : n;
    if (!a->at || aligned > (size_t)(a->end - a->at)) return from_new_block(a, aligned);
    void *p = a->at;
    a->at += aligned;
    return memset(p, 0, aligned);
}

void *weft_arena_must(struct weft_arena *a, size_t n) {
    void *p = weft_arena_alloc(a, n);
    WEFT_CHECK(p && "arena limit");
    return p;
}

struct weft_slice weft_arena_dup(struct weft_arena *a, struct weft_slice s) {
    char *p = weft_arena_alloc(a, s.len + 1);
    if (!p) return WEFT_SLICE_EMPTY;
    if (s.len) memcpy(p, s.base, s.len);
    return weft_slice(p, s.len);
}

struct weft_slice weft_arena_dup_str(struct weft_arena *a, const char *s) {
    return weft_arena_dup(a, weft_slice_str(s));
}

struct weft_slice weft_arena_join(struct weft_arena *a, const struct weft_slice *parts, size_t n) {
    size_t len = 0, at = 0;
    for (size_t i = 0; i < n; i++) len += parts[i].len;
    char *p = weft_arena_alloc(a, len + 1);
    if (!p) return WEFT_SLICE_EMPTY;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len) memcpy(p + at, parts[i].base, parts[i].len);
        at += parts[i].len;
    }
    return weft_slice(p, len);
}

struct weft_slice weft_arena_printf(struct weft_arena *a, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = weft_arena_alloc(a, (size_t)n + 1);
    if (p) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p ? weft_slice(p, (size_t)n) : WEFT_SLICE_EMPTY;
}

void weft_arena_defer(struct weft_arena *a, void (*fn)(void *arg), void *arg) {
    struct weft_arena_defer *d = weft_arena_must(a, sizeof *d);
    *d = (struct weft_arena_defer){.next = a->defers, .fn = fn, .arg = arg};
    a->defers = d;
}

/* SPDX-License-Identifier: Apache-2.0
 * Memory that is freed at once: one arena a request, one a sealed resource. With
 * WEFT_ARENA_EMULATE every allocation is a malloc of its own, so that ASan sees its bounds. */
#pragma once
#include <weft/base/slice.h>

struct weft_arena_block;
struct weft_arena_defer;

struct weft_arena {
    struct weft_arena_block *blocks;
    struct weft_arena_defer *defers;
    char *at, *end;
    size_t used;  /* bytes handed out */
    size_t limit; /* weft_arena_alloc returns NULL beyond it; 0 = none */
};

void weft_arena_init(struct weft_arena *a, size_t limit);
/* Runs the deferred calls, last first, then frees everything. Usable again after init. */
void weft_arena_done(struct weft_arena *a);
/* Zeroed, aligned to 16; NULL only beyond the limit (the caller answers 431/413 or WEFT_LIMIT). */
void *weft_arena_alloc(struct weft_arena *a, size_t n);
/* The same for arenas without a limit: cannot fail. */
void *weft_arena_must(struct weft_arena *a, size_t n) __attribute__((returns_nonnull));
#define weft_arena_new(a, T)      ((T *)weft_arena_must((a), sizeof(T)))
#define weft_arena_array(a, T, n) ((T *)weft_arena_must((a), sizeof(T) * (size_t)(n)))
/* Copies, NUL-terminated beyond their length. _dup returns base NULL beyond the limit. */
struct weft_slice weft_arena_dup(struct weft_arena *a, struct weft_slice s);
struct weft_slice weft_arena_dup_str(struct weft_arena *a, const char *s);
/* The parts one after the other. */
struct weft_slice weft_arena_join(struct weft_arena *a, const struct weft_slice *parts, size_t n);
struct weft_slice weft_arena_printf(struct weft_arena *a, const char *fmt, ...) WEFT_PRINTF(2, 3);
/* fn(arg) at weft_arena_done, last registered first. */
void weft_arena_defer(struct weft_arena *a, void (*fn)(void *arg), void *arg);

/* SPDX-License-Identifier: Apache-2.0
 * Three assert words. Never on network or API input: that is an error, not a bug. */
#pragma once
#include <weft/base/forward.h>

WEFT_NORETURN void weft_check_failed(const char *what, const char *file, int line);
void weft_bug_seen(const char *what, const char *file, int line);

/* Always on: going on would risk memory safety. */
#define WEFT_CHECK(cond)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0)) weft_check_failed(#cond, __FILE__, __LINE__);            \
    } while (0)

/* A proved invariant; gone in release builds. */
#ifdef NDEBUG
#define WEFT_ASSERT(cond) ((void)sizeof((cond) ? 1 : 0))
#else
#define WEFT_ASSERT(cond) WEFT_CHECK(cond)
#endif

/* True when the impossible happened: logs and lets the caller recover. */
#define WEFT_BUG_IF(cond)                                                                          \
    (__builtin_expect(!!(cond), 0) ? (weft_bug_seen(#cond, __FILE__, __LINE__), true) : false)

/* Typed casts from void *: WEFT_OBJ is the first member, WEFT_OBJ_INIT sets it in the constructor,
 * WEFT_CAST checks it, WEFT_OBJ_DONE poisons it. T##_MAGIC is a 32-bit constant, e.g.
 * #define weft_loop_MAGIC 0x4c4f4f50u */
#define WEFT_OBJ            uint32_t weft_magic
#define WEFT_OBJ_INIT(T, p) ((p)->weft_magic = T##_MAGIC)
#define WEFT_OBJ_DONE(p)    ((p)->weft_magic = 0xdeadbeefu)
#define WEFT_CAST(T, ptr)   ((struct T *)weft_cast_check((ptr), T##_MAGIC, #T, __FILE__, __LINE__))
static inline void *weft_cast_check(void *p, uint32_t magic, const char *type, const char *file,
                                    int line) {
    if (__builtin_expect(!p || *(const uint32_t *)p != magic, 0))
        weft_check_failed(type, file, line);
    return p;
}

/* SPDX-License-Identifier: Apache-2.0
 * What every header needs: fixed-width types, attributes, names of shared structs. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEFT_MUST_USE     __attribute__((warn_unused_result))
#define WEFT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define WEFT_NORETURN     __attribute__((noreturn))
#define WEFT_LEN(a)       (sizeof(a) / sizeof((a)[0]))

/* The struct that holds `member` at `ptr`. */
#define WEFT_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

struct weft_addr;
struct weft_arena;
struct weft_buf;
struct weft_error;
struct weft_slice;

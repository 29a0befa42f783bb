/* SPDX-License-Identifier: Apache-2.0
 * One line of JSON on stderr per event. Library layers log at debug only. */
#pragma once
#include <weft/base/slice.h>
#include <weft/base/status.h>

enum weft_log_level { WEFT_LOG_ERROR, WEFT_LOG_WARN, WEFT_LOG_INFO, WEFT_LOG_DEBUG };

/* "error", "warn", "info", "debug"; WEFT_INVALID otherwise. Thread-safe, may change at run time. */
enum weft_status weft_log_set_level(const char *name);
enum weft_log_level weft_log_level(void);
/* Name shown in each line; set once in main(). */
void weft_log_program(const char *name);
/* `module` and `what` are short static words; fmt adds the human text. */
void weft_log(enum weft_log_level level, const char *module, const char *fmt, ...)
    WEFT_PRINTF(3, 4);

#define weft_error(module, ...) weft_log(WEFT_LOG_ERROR, module, __VA_ARGS__)
#define weft_warn(module, ...)  weft_log(WEFT_LOG_WARN, module, __VA_ARGS__)
#define weft_info(module, ...)  weft_log(WEFT_LOG_INFO, module, __VA_ARGS__)
#define weft_debug(module, ...)                                                                    \
    do {                                                                                           \
        if (weft_log_level() >= WEFT_LOG_DEBUG) weft_log(WEFT_LOG_DEBUG, module, __VA_ARGS__);     \
    } while (0)

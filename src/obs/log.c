/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/obs/log.h>
#include <weft/base/clock.h>
#include <weft/obs/json.h>

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static _Atomic int current = WEFT_LOG_INFO;
static const char *program = "weft";
static const char *const level_names[] = {"error", "warn", "info", "debug"};

enum weft_status weft_log_set_level(const char *name) {
    for (size_t i = 0; i < WEFT_LEN(level_names); i++) {
        if (strcmp(level_names[i], name) != 0) continue;
        current = (int)i;
        return WEFT_OK;
    }
    return WEFT_INVALID;
}

enum weft_log_level weft_log_level(void) {
    return (enum weft_log_level)current;
}
void weft_log_program(const char *name) {
    program = name;
}

void weft_log(enum weft_log_level level, const char *module, const char *fmt, ...) {
    if ((int)level > current) return;
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct weft_buf line;
    weft_buf_init(&line, 0);
    struct weft_json j;
    weft_json_begin(&j, &line);
    weft_json_stamp(&j, "time", weft_clock_unix_us());
    weft_json_str(&j, "level", weft_slice_str(level_names[level]));
    weft_json_str(&j, "program", weft_slice_str(program));
    weft_json_str(&j, "module", weft_slice_str(module));
    weft_json_str(&j, "msg", weft_slice_str(text));
    weft_json_end(&j);
    (void)!write(STDERR_FILENO, weft_buf_slice(&line).base, weft_buf_size(&line));
    weft_buf_done(&line);
}

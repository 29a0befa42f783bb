/* SPDX-License-Identifier: Apache-2.0 */
#include <cli/report.h>

#include <stdarg.h>
#include <stdio.h>
#include <weft/object/json.h>

void cli_report_init(struct cli_report *r) {
    *r = (struct cli_report){.lines = json_array(), .sidecars = json_array()};
}

void cli_report_done(struct cli_report *r) {
    json_decref(r->lines);
    json_decref(r->sidecars);
    *r = (struct cli_report){0};
}

const char *cli_report_level(enum report_level level) {
    static const char *const words[] = {"ok", "note", "warning", "error"};
    return words[level];
}

void cli_report_add(struct cli_report *r, enum report_level level, const char *check,
                    const char *fmt, ...) {
    char message[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    /* A cluster's own words may be cut inside a character. */
    json_t *line = json_pack("{s:s, s:s, s:s}", "level", cli_report_level(level), "check", check,
                             "message", message);
    if (!line)
        line = json_pack("{s:s, s:s, s:s}", "level", cli_report_level(level), "check", check,
                         "message", "(text that is no UTF-8)");
    json_array_append_new(r->lines, line);
    r->errors += level == REPORT_ERROR;
}

void cli_report_render(const struct cli_report *r, struct weft_buf *out) {
    size_t i;
    json_t *line;
    json_array_foreach(r->lines, i, line) {
        weft_buf_printf(out, "%-8s %s\n", json_string_value(json_object_get(line, "level")),
                        json_string_value(json_object_get(line, "message")));
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * What a look at a live cluster found out: one line each, for people and as JSON. */
#pragma once
#include <jansson.h>
#include <stddef.h>
#include <weft/base/buf.h>

enum report_level { REPORT_OK, REPORT_NOTE, REPORT_WARNING, REPORT_ERROR };
struct cli_report {
    json_t *lines;    /* [{"level", "check", "message"}] in the order of their telling */
    json_t *sidecars; /* what sidecar_judge made of each; empty: pods were not looked at */
    size_t errors;
};
void cli_report_init(struct cli_report *r);
void cli_report_done(struct cli_report *r);
/* `check` is a short static word: what was looked at. */
void cli_report_add(struct cli_report *r, enum report_level level, const char *check,
                    const char *fmt, ...) WEFT_PRINTF(4, 5);
/* "ok", "note", "warning" or "error". */
const char *cli_report_level(enum report_level level);
/* One line each, the level first. */
void cli_report_render(const struct cli_report *r, struct weft_buf *out);

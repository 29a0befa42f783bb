/* SPDX-License-Identifier: Apache-2.0
 * An access-log line explained: what it says, what the manifests say of the same request now, and
 * whether the two agree. */
#pragma once
#include <cli/explain.h>

/* A report as cli_explain's with "logged" (the line) and "verdict" (texts) added; for what was not
 * routed here (inbound lines, opaque and refused connections) only those two. `headers`: what the
 * person knows beyond the line. New reference; NULL: this is no access-log line. */
json_t *cli_explain_line(const struct cli_input *in, const char *from, struct weft_slice line,
                         const struct weft_fields *headers, struct weft_arena *arena);
/* The same for people. */
void cli_explain_line_print(const json_t *report);

/* SPDX-License-Identifier: Apache-2.0
 * One request through gamma's and mesh's own code, with everything that was decided on the way. */
#pragma once
#include <cli/input.h>
#include <weft/http/head.h>

/* The report as JSON: from, request, destination, group, kind, routes, candidates (every match in
 * order of precedence with what failed), winner, filters, forwarded, backends, answer. New
 * reference. */
json_t *cli_explain(const struct cli_input *in, const char *from, const struct weft_addr *addr,
                    const struct weft_head *head, struct weft_arena *arena);
/* The same for people. */
void cli_explain_print(const json_t *report);

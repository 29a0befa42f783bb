/* SPDX-License-Identifier: Apache-2.0
 * Findings of `weft check`: where, why, what to do. */
#pragma once
#include <cli/input.h>

enum lint_level { LINT_ERROR, LINT_WARNING, LINT_NOTE };
struct lint_finding {
    enum lint_level level;
    char *file, *object, *field;
    int line;
    const char *rule; /* short static word, e.g. "parent-group" */
    char *message;
};
struct lint {
    const struct cli_input *in;
    const struct cli_options *opt;
    struct lint_finding *items;
    size_t n;
};

/* `field` is a path in the object, "" for the whole. */
void lint_add(struct lint *l, enum lint_level level, const char *rule, const struct weft_object *o,
              const char *field, const char *fmt, ...) WEFT_PRINTF(6, 7);
void lint_done(struct lint *l);
/* Sorted by file and line. */
void lint_print(struct lint *l);
json_t *lint_json(struct lint *l); /* an array, new reference */
size_t lint_count(const struct lint *l, enum lint_level level);

/* lint_route.c: one HTTPRoute or GRPCRoute by itself */
void lint_route(struct lint *l, const struct weft_object *o);
/* lint_status.c: what translation says about all routes */
void lint_status(struct lint *l);
/* lint_service.c: who rules a Service, and what nobody catches */
void lint_services(struct lint *l);
/* lint_channel.c: fields of the other channel, fields nobody knows, kinds not read */
void lint_channel(struct lint *l);

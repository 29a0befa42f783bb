/* SPDX-License-Identifier: Apache-2.0
 * The verbs of `weft local`; each returns the exit status. */
#pragma once
#include <jansson.h>
#include <weft/base/options.h>

int local_verb_up(int argc, char **argv);
int local_verb_status(int argc, char **argv);
int local_verb_exec(int argc, char **argv);
int local_verb_logs(int argc, char **argv);
int local_verb_apply(int argc, char **argv);
int local_verb_scale(int argc, char **argv);
int local_verb_kill(int argc, char **argv);
int local_verb_test(int argc, char **argv);
int local_verb_down(int argc, char **argv);
int local_verb_https_get(int argc, char **argv); /* https_get.c */

/* Parses the rows of a verb; true to go on, else *ret_exit is the exit status (help was printed, or
 * the mistake said). */
struct local_help {
    const char *usage; /* after "Usage: weft local " */
    const char *about; /* what it does, exit status */
    const char *example;
};
bool local_parse(const struct weft_option *rows, size_t n, int argc, char **argv, bool stop_early,
                 void *target, const struct local_help *help, int *ret_rest, int *ret_exit);
/* Prints the usage on stderr; returns 2. */
int local_usage(const struct local_help *help);

/* Which mesh a client verb means; rows of the same names in each verb. */
struct local_target {
    const char *name, *state_dir;
};
#define LOCAL_TARGET_ROWS(type, member)                                                            \
    {"name",          "WEFT_LOCAL_NAME",          "NAME", "Name of the mesh. Default: default.",   \
     weft_option_str, offsetof(type, member.name)},                                                \
    {                                                                                              \
        "state-dir", "WEFT_LOCAL_STATE_DIR", "DIR",                                                \
            "Its state folder. Default: /run/weft-local/NAME.", weft_option_str,                   \
            offsetof(type, member.state_dir)                                                       \
    }
/* Name given, allowed and completed by its folder; free() it. NULL after saying what is wrong. */
char *local_state_dir(struct local_target *t);
/* Sends a request to the supervisor. NULL after saying why not (nobody answers, it refused). */
json_t *local_ask(const char *state_dir, json_t *request);
/* As above, but silent, and NULL only if nobody answers. */
json_t *local_ask_quietly(const char *state_dir, json_t *request);

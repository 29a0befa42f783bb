/* SPDX-License-Identifier: Apache-2.0
 * Command-line options as rows: flag, environment variable, value name and help stand once, and
 * parser, --help and docs come from them. A flag wins over its environment variable. */
#pragma once
#include <weft/base/slice.h>
#include <weft/base/status.h>
#include <stdio.h>

struct weft_option {
    const char *flag;    /* without the dashes, e.g. "inbound-ports" */
    const char *env;     /* environment variable, or NULL */
    const char *metavar; /* NULL for a switch without a value */
    const char *help;    /* one or two sentences; names the default */
    /* Takes the value (switches get "true"); on bad input fills err->message, says what is allowed.
     * `err->path` is set by the parser to the flag or the variable. */
    enum weft_status (*set)(void *target, const struct weft_option *row, const char *value,
                            struct weft_error *err);
    size_t offset; /* for the ready-made setters below: offset of the member in target */
    uint64_t min, max;
    char short_flag; /* e.g. 'o', or 0 */
};

/* Ready-made setters: member types bool, uint64_t, const char *. */
enum weft_status weft_option_bool(void *, const struct weft_option *, const char *,
                                  struct weft_error *);
enum weft_status weft_option_u64(void *, const struct weft_option *, const char *,
                                 struct weft_error *);
enum weft_status weft_option_str(void *, const struct weft_option *, const char *,
                                 struct weft_error *);

/* Environment first, then argv[1..]; --help, -h, --version and -V are answered by the caller when
 * *ret_help or *ret_version is set. `ret_rest` gets the index of the first operand in argv (options
 * stop at the first operand when `stop_early`, else argv is permuted as getopt does). */
struct weft_option_result {
    bool help, version;
    int rest;
};
enum weft_status weft_options_parse(const struct weft_option *rows, size_t n, int argc, char **argv,
                                    bool stop_early, void *target, struct weft_option_result *ret,
                                    struct weft_error *err) WEFT_MUST_USE;
/* The options part of --help. */
void weft_options_print(FILE *out, const struct weft_option *rows, size_t n);

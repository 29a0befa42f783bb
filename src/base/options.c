/* SPDX-License-Identifier: Apache-2.0
 * getopt_long behind option rows. */
#include <weft/base/options.h>
#include <weft/base/alloc.h>

#include <getopt.h>
#include <stdio.h>

enum { ROW_BASE = 1000 };

static void *member(void *target, const struct weft_option *row) {
    return (char *)target + row->offset;
}

enum weft_status weft_option_bool(void *t, const struct weft_option *row, const char *v,
                                  struct weft_error *err) {
    bool yes = !strcmp(v, "true") || !strcmp(v, "1") || !strcmp(v, "yes") || !strcmp(v, "on");
    bool no = !strcmp(v, "false") || !strcmp(v, "0") || !strcmp(v, "no") || !strcmp(v, "off");
    if (!yes && !no) return weft_error_set(err, WEFT_INVALID, "", "\"%s\": use true or false", v);
    *(bool *)member(t, row) = yes;
    return WEFT_OK;
}

enum weft_status weft_option_u64(void *t, const struct weft_option *row, const char *v,
                                 struct weft_error *err) {
    uint64_t n, max = row->max ? row->max : UINT64_MAX;
    if (!weft_slice_u64(weft_slice_str(v), UINT64_MAX, &n) || n < row->min || n > max)
        return weft_error_set(err, WEFT_INVALID, "", "\"%s\": use a whole number from %llu to %llu",
                              v, (unsigned long long)row->min, (unsigned long long)max);
    *(uint64_t *)member(t, row) = n;
    return WEFT_OK;
}

enum weft_status weft_option_str(void *t, const struct weft_option *row, const char *v,
                                 struct weft_error *err) {
    *(const char **)member(t, row) = v;
    return WEFT_OK;
}

static enum weft_status take(const struct weft_option *row, const char *prefix, const char *name,
                             const char *value, void *target, struct weft_error *err) {
    struct weft_error local = {0};
    enum weft_status st = row->set(target, row, value, &local);
    if (st != WEFT_OK && err) {
        *err = local;
        snprintf(err->path, sizeof err->path, "%s%s", prefix, name);
    }
    return st;
}

static enum weft_status from_env(const struct weft_option *rows, size_t n, void *target,
                                 struct weft_error *err) {
    for (size_t i = 0; i < n; i++) {
        const char *v = rows[i].env ? getenv(rows[i].env) : NULL;
        if (!v || !*v) continue;
        enum weft_status st = take(&rows[i], "", rows[i].env, v, target, err);
        if (st != WEFT_OK) return st;
    }
    return WEFT_OK;
}

static void build_getopt(const struct weft_option *rows, size_t n, bool stop_early,
                         struct option *longs, char *shorts) {
    char *p = shorts;
    if (stop_early) *p++ = '+';
    *p++ = ':';
    *p++ = 'h';
    *p++ = 'V';
    for (size_t i = 0; i < n; i++) {
        longs[i] = (struct option){rows[i].flag, rows[i].metavar ? required_argument : no_argument,
                                   NULL, ROW_BASE + (int)i};
        if (!rows[i].short_flag) continue;
        *p++ = rows[i].short_flag;
        if (rows[i].metavar) *p++ = ':';
    }
    *p = 0;
    longs[n] = (struct option){"help", no_argument, NULL, 'h'};
    longs[n + 1] = (struct option){"version", no_argument, NULL, 'V'};
    longs[n + 2] = (struct option){0};
}

static const struct weft_option *row_of(const struct weft_option *rows, size_t n, int c) {
    if (c >= ROW_BASE) return &rows[c - ROW_BASE];
    for (size_t i = 0; i < n; i++)
        if (rows[i].short_flag && rows[i].short_flag == c) return &rows[i];
    return NULL;
}

enum weft_status weft_options_parse(const struct weft_option *rows, size_t n, int argc, char **argv,
                                    bool stop_early, void *target, struct weft_option_result *ret,
                                    struct weft_error *err) {
    *ret = (struct weft_option_result){0};
    enum weft_status st = from_env(rows, n, target, err);
    if (st != WEFT_OK) return st;
    WEFT_FREE struct option *longs = weft_alloc0((n + 3) * sizeof *longs);
    WEFT_FREE char *shorts = weft_alloc0(2 * n + 8);
    build_getopt(rows, n, stop_early, longs, shorts);
    optind = 0;
    opterr = 0;
    int c;
    while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (c == 'h') {
            ret->help = true;
            continue;
        }
        if (c == 'V') {
            ret->version = true;
            continue;
        }
        const char *arg = optind > 0 && optind <= argc ? argv[optind - 1] : "";
        if (c == ':') return weft_error_set(err, WEFT_INVALID, arg, "needs a value");
        if (c == '?')
            return weft_error_set(
                err, WEFT_INVALID, arg,
                "unknown or ambiguous option, or one that takes no value; see --help");
        const struct weft_option *row = row_of(rows, n, c);
        st = take(row, "--", row->flag, row->metavar ? optarg : "true", target, err);
        if (st != WEFT_OK) return st;
    }
    ret->rest = optind;
    return WEFT_OK;
}

void weft_options_print(FILE *out, const struct weft_option *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char left[96], s[8] = "";
        if (rows[i].short_flag) snprintf(s, sizeof s, "-%c, ", rows[i].short_flag);
        snprintf(left, sizeof left, "%s--%s%s%s", s, rows[i].flag, rows[i].metavar ? "=" : "",
                 rows[i].metavar ? rows[i].metavar : "");
        fprintf(out, "  %s\n        %s", left, rows[i].help);
        if (rows[i].env) fprintf(out, " [$%s]", rows[i].env);
        fputc('\n', out);
    }
    fprintf(
        out,
        "  -h, --help\n        Print this help.\n  -V, --version\n        Print the version.\n");
}

/* SPDX-License-Identifier: Apache-2.0
 * Plain YAML scalars as Kubernetes' YAML-to-JSON step resolves them: the words and number forms of
 * YAML 1.1, timestamps stay strings. */
#include "object_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static bool one_of(struct weft_slice s, const char *const *words) {
    for (; *words; words++)
        if (weft_slice_is(s, *words)) return true;
    return false;
}

static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const trues[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                    "True", "TRUE", "on",  "On",  "ON",  NULL};
static const char *const falses[] = {"n",     "N",     "no",  "No",  "NO",  "false",
                                     "False", "FALSE", "off", "Off", "OFF", NULL};
static const char *const infinities[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                         "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                         ".NaN",  ".NAN",  NULL};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* [+-] (decimal | 0x | 0o | 0b | 0 octal), underscores ignored by the caller. */
static json_t *integer(const char *s) {
    const char *p = s + (*s == '-' || *s == '+');
    if (!is_digit(*p)) return NULL;
    int base = 10;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
        base = 16, p += 2;
    else if (p[0] == '0' && (p[1] == 'b' || p[1] == 'B'))
        base = 2, p += 2;
    else if (p[0] == '0' && (p[1] == 'o' || p[1] == 'O'))
        base = 8, p += 2;
    else if (p[0] == '0' && is_digit(p[1]))
        base = 8, p += 1;
    if (*p == '-' || *p == '+' || *p == 0) return NULL;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(p, &end, base);
    if (*end || errno || v > (unsigned long long)INT64_MAX) return NULL;
    return json_integer(*s == '-' ? -(json_int_t)v : (json_int_t)v);
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static json_t *real(const char *s) {
    const char *p = s + (*s == '-' || *s == '+');
    size_t before = 0, after = 0;
    while (is_digit(*p)) p++, before++;
    if (*p == '.')
        for (p++; is_digit(*p); p++) after++;
    if (before + after == 0) return NULL;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+') p++;
        if (!is_digit(*p)) return NULL;
        while (is_digit(*p)) p++;
    }
    if (*p) return NULL;
    double d = strtod(s, NULL);
    return isfinite(d) ? json_real(d) : NULL;
}

static json_t *number(struct weft_slice s) {
    char c = s.base[0], text[64];
    if (!is_digit(c) && c != '-' && c != '+' && c != '.') return NULL;
    if (s.len >= sizeof text) return NULL;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        if (s.base[i] != '_') text[n++] = s.base[i];
    text[n] = 0;
    json_t *j = integer(text);
    return j ? j : real(text);
}

json_t *weft_yaml_plain(struct weft_slice s) {
    if (one_of(s, nulls)) return json_null();
    if (one_of(s, trues)) return json_true();
    if (one_of(s, falses)) return json_false();
    if (one_of(s, infinities)) return NULL;
    json_t *j = number(s);
    return j ? j : json_stringn(s.base, s.len);
}

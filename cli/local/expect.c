/* SPDX-License-Identifier: Apache-2.0
 * What can be expected of answers: the fields of `expect`, and the forms of their values. */
#include <cli/local/cases.h>
#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>

static bool number(struct weft_slice s, double max, double *ret) {
    uint64_t whole, part = 0;
    struct weft_slice rest = s, before = weft_slice_cut(&rest, '.');
    if (!weft_slice_u64(before, 1000000, &whole)) return false;
    if (rest.base && (rest.len > 3 || !weft_slice_u64(rest, 999, &part))) return false;
    double scale = rest.len == 1 ? 10 : rest.len == 2 ? 100 : 1000;
    *ret = (double)whole + (double)part / scale;
    return *ret <= max;
}

bool expect_duration(const char *text, uint64_t *ret_us) {
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = {{"ms", 1000}, {"s", 1000000}, {"m", 60000000}};
    struct weft_slice s = weft_slice_str(text);
    for (size_t i = 0; i < WEFT_LEN(units); i++) {
        struct weft_slice unit = weft_slice_str(units[i].unit);
        double n;
        if (!weft_slice_ends(s, unit)) continue;
        s.len -= unit.len;
        if (!number(s, 3600000, &n)) return false;
        *ret_us = (uint64_t)(n * (double)units[i].us);
        return true;
    }
    return false;
}

bool expect_share(const char *text, double *ret_share, double *ret_tolerance) {
    static const char *const signs[] = {"%±", "%+-"};
    struct weft_slice s = weft_slice_str(text);
    *ret_tolerance = 0;
    if (weft_slice_ends(s, WEFT_SLICE_LIT("%")) && weft_slice_find(s, '%') == s.len - 1)
        return number(weft_slice_head(s, s.len - 1), 100, ret_share);
    for (size_t i = 0; i < WEFT_LEN(signs); i++) {
        struct weft_slice sign = weft_slice_str(signs[i]);
        size_t at = weft_slice_search(s, sign);
        if (at == s.len) continue;
        struct weft_slice after = weft_slice_from(s, at + sign.len);
        if (weft_slice_ends(after, WEFT_SLICE_LIT("%"))) after.len--;
        return number(weft_slice_head(s, at), 100, ret_share) && number(after, 100, ret_tolerance);
    }
    return false;
}

/* ---- forms ---- */

static bool is_status(const json_t *v) {
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    size_t i;
    json_t *item;
    if (!json_is_array(v)) return n == 0 || (n >= 100 && n <= 599);
    json_array_foreach((json_t *)(uintptr_t)v, i,
                       item) if (json_is_array(item) || !is_status(item)) return false;
    return json_array_size(v) > 0;
}

static bool is_text(const json_t *v) {
    return json_is_string(v);
}

static bool is_map(const json_t *v) {
    const char *key;
    json_t *item;
    json_object_foreach((json_t *)(uintptr_t)v, key, item) if (!json_is_string(item)) return false;
    return json_is_object(v) && json_object_size(v) > 0;
}

static bool is_names(const json_t *v) {
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)v, i, item) if (!json_is_string(item)) return false;
    return json_is_array(v) && json_array_size(v) > 0;
}

static bool is_shares(const json_t *v) {
    const char *key;
    json_t *item;
    double share, tolerance;
    if (json_is_string(v)) return json_string_length(v) > 0;
    json_object_foreach((json_t *)(uintptr_t)v, key, item) {
        if (!json_is_string(item) || !expect_share(json_string_value(item), &share, &tolerance))
            return false;
    }
    return json_is_object(v) && json_object_size(v) > 0;
}

static bool is_duration(const json_t *v) {
    uint64_t us;
    return json_is_string(v) && expect_duration(json_string_value(v), &us);
}

static bool is_mapping(const json_t *v) {
    return json_object_size(v) > 0;
}

static bool is_attempts(const json_t *v) {
    return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= 1000;
}

static bool is_rule(const json_t *v) {
    return json_is_string(v) || json_is_integer(v);
}

struct form {
    const char *name;
    bool (*fits)(const json_t *v);
    const char *help;
    bool log;
};
#define TEXT_MAP "must be a mapping of header names and values; put values in quotes"

static const struct form forms[] = {
    {"status", is_status, "must be a status, e.g. 200, or a list of them", false},
    {"header", is_map, TEXT_MAP, false},
    {"absentHeaders", is_names, "must be a list of header names", false},
    {"location", is_text, "must be text", false},
    {"backend", is_shares,
     "must be a name, or a mapping of names and shares such as \"90%±3\" or \"100%\"", true},
    {"seen", is_mapping, "must be a mapping", false},
    {"reason", is_text, "must be a reason, e.g. no_route, or \"\" for none", true},
    {"route", is_text, "must be \"NAMESPACE/NAME\", or \"\" for none", true},
    {"rule", is_rule, "must be the rule's name, or its number counted from 0", true},
    {"attempts", is_attempts, "must be a number", true},
    {"within", is_duration, "must be a duration, e.g. 600ms or 2s", false},
    {"atLeast", is_duration, "must be a duration, e.g. 600ms or 2s", false},
};

static const struct form seen_forms[] = {
    {"method", is_text, "must be text", false},
    {"path", is_text, "must be text", false},
    {"host", is_text, "must be text", false},
    {"headers", is_map, TEXT_MAP, false},
    {"absentHeaders", is_names, "must be a list of header names", false},
};

struct check {
    void (*fn)(void *ud, const char *field, const char *what);
    void *ud;
};

static const struct form *form_of(const struct form *rows, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

static char *known(const struct form *rows, size_t n) {
    char *list = weft_strdup("not known here; use");
    for (size_t i = 0; i < n; i++) {
        char *longer = weft_asprintf("%s%s %s", list,
                                     i == 0      ? ""
                                     : i + 1 < n ? ","
                                                 : " or",
                                     rows[i].name);
        free(list);
        list = longer;
    }
    return list;
}

static void check_rows(const struct check *c, const json_t *o, const char *prefix,
                       const struct form *rows, size_t n) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v) {
        WEFT_FREE char *path = weft_asprintf("%s.%s", prefix, key);
        const struct form *f = form_of(rows, n, key);
        WEFT_FREE char *list = f ? NULL : known(rows, n);
        if (!f || !f->fits(v)) c->fn(c->ud, path, f ? f->help : list);
    }
}

void expect_verify(const json_t *expect, void (*fn)(void *ud, const char *field, const char *what),
                   void *ud) {
    struct check c = {fn, ud};
    const json_t *seen = json_object_get(expect, "seen");
    check_rows(&c, expect, "expect", forms, WEFT_LEN(forms));
    check_rows(&c, seen, "expect.seen", seen_forms, WEFT_LEN(seen_forms));
}

bool expect_needs_log(const json_t *expect) {
    for (size_t i = 0; i < WEFT_LEN(forms); i++)
        if (forms[i].log && json_object_get(expect, forms[i].name)) return true;
    return false;
}

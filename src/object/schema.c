/* SPDX-License-Identifier: Apache-2.0
 * Walks a value along its schema: types, sizes, ranges, formats, enums, required members. Faults
 * say the path, what is wrong and what would be right. */
#include "schema.h"

#include <stdio.h>
#include <weft/base/buf.h>

static size_t push(struct schema_walk *w, const char *name, size_t index) {
    size_t before = w->len;
    char *at = w->path + w->len;
    size_t room = sizeof w->path - w->len;
    int n = name ? snprintf(at, room, "%s%.80s", w->len ? "." : "", name)
                 : snprintf(at, room, "[%zu]", index);
    if (n > 0) w->len += (size_t)n < room ? (size_t)n : room - 1;
    return before;
}

static void pop(struct schema_walk *w, size_t before) {
    w->len = before;
    w->path[before] = 0;
}

static const char *type_word(const json_t *j) {
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return "a mapping";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "text";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    default:
        return "null";
    }
}

static enum weft_status wrong_type(struct schema_walk *w, const json_t *j, const char *want) {
    bool quote = !strcmp(want, "text") && !json_is_object(j) && !json_is_array(j);
    return weft_error_set(w->err, WEFT_INVALID, w->path, "must be %s, but is %s%s", want,
                          type_word(j), quote ? "; put it in quotes" : "");
}

static enum weft_status check_enum(struct schema_walk *w, struct weft_slice s,
                                   const char *const *values) {
    struct weft_buf list;
    weft_buf_init(&list, 400);
    for (const char *const *v = values; *v; v++) {
        if (weft_slice_is(s, *v)) {
            weft_buf_done(&list);
            return WEFT_OK;
        }
        (void)weft_buf_printf(&list, "%s%s", v == values ? "" : ", ", *v);
    }
    struct weft_slice all = weft_buf_slice(&list);
    weft_error_set(w->err, WEFT_INVALID, w->path, "\"%.*s\" is not known here; use one of: %.*s",
                   (int)(s.len < 60 ? s.len : 60), s.base, WEFT_SLICE_ARG(all));
    weft_buf_done(&list);
    return WEFT_INVALID;
}

static enum weft_status check_text(struct schema_walk *w, const json_t *j, const struct field *f,
                                   bool sized) {
    if (!json_is_string(j)) return wrong_type(w, j, "text");
    struct weft_slice s = weft_js_slice(j);
    if (sized && (int64_t)s.len < f->min)
        return weft_error_set(w->err, WEFT_INVALID, w->path, "must not be empty");
    if (sized && f->max && (int64_t)s.len > f->max)
        return weft_error_set(w->err, WEFT_INVALID, w->path,
                              "is %zu characters long; at most %lld are allowed", s.len,
                              (long long)f->max);
    if (f->values) return check_enum(w, s, f->values);
    if (f->ok && !f->ok(s))
        return weft_error_set(w->err, WEFT_INVALID, w->path, "\"%.*s\" %s",
                              (int)(s.len < 80 ? s.len : 80), s.base, f->what);
    return WEFT_OK;
}

static enum weft_status check_int(struct schema_walk *w, const json_t *j, const struct field *f) {
    if (!json_is_integer(j)) return wrong_type(w, j, "a whole number");
    int64_t v = json_integer_value(j);
    if (v < f->min || (f->max && v > f->max))
        return weft_error_set(w->err, WEFT_INVALID, w->path,
                              "%lld is out of range: use %lld to %lld", (long long)v,
                              (long long)f->min, (long long)(f->max ? f->max : INT64_MAX));
    return WEFT_OK;
}

static enum weft_status check_map(struct schema_walk *w, json_t *j) {
    if (!json_is_object(j)) return wrong_type(w, j, "a mapping");
    const char *key;
    json_t *value;
    json_object_foreach(j, key, value) {
        if (json_is_string(value)) continue;
        push(w, key, 0);
        return wrong_type(w, value, "text");
    }
    return WEFT_OK;
}

static enum weft_status check_item(struct schema_walk *w, json_t *item, const struct field *f) {
    if (f->type == F_OBJS)
        return json_is_object(item) ? weft_schema_check(w, item, f->of)
                                    : wrong_type(w, item, "a mapping");
    if (f->type == F_INTS)
        return json_is_integer(item) ? WEFT_OK : wrong_type(w, item, "a whole number");
    return check_text(w, item, f, false);
}

static enum weft_status check_list(struct schema_walk *w, json_t *j, const struct field *f) {
    if (!json_is_array(j)) return wrong_type(w, j, "a list");
    int64_t n = (int64_t)json_array_size(j);
    if (n < f->min)
        return weft_error_set(w->err, WEFT_INVALID, w->path, "needs at least %lld item%s",
                              (long long)f->min, f->min == 1 ? "" : "s");
    if (f->max && n > f->max)
        return weft_error_set(w->err, WEFT_INVALID, w->path,
                              "has %lld items; at most %lld are allowed", (long long)n,
                              (long long)f->max);
    size_t i;
    json_t *item;
    json_array_foreach(j, i, item) {
        size_t before = push(w, NULL, i);
        enum weft_status st = check_item(w, item, f);
        if (st != WEFT_OK) return st;
        pop(w, before);
    }
    return WEFT_OK;
}

static enum weft_status check_value(struct schema_walk *w, json_t *j, const struct field *f) {
    switch (f->type) {
    case F_ANY:
        return WEFT_OK;
    case F_STR:
        return check_text(w, j, f, true);
    case F_INT:
        return check_int(w, j, f);
    case F_BOOL:
        return json_is_boolean(j) ? WEFT_OK : wrong_type(w, j, "true or false");
    case F_OBJ:
        return json_is_object(j) ? weft_schema_check(w, j, f->of) : wrong_type(w, j, "a mapping");
    case F_MAP:
        return check_map(w, j);
    case F_STRS:
    case F_INTS:
    case F_OBJS:
        return check_list(w, j, f);
    case F_INT_OR_STR:
        return json_is_string(j) || json_is_integer(j) ? WEFT_OK
                                                       : wrong_type(w, j, "a number or a name");
    }
    return WEFT_OK;
}

static enum weft_status check_field(struct schema_walk *w, json_t *obj, const struct field *f) {
    json_t *j = json_object_get(obj, f->name);
    if (json_is_null(j)) { /* the API server drops nulls */
        if (w->prune) json_object_del(obj, f->name);
        j = NULL;
    }
    size_t before = push(w, f->name, 0);
    enum weft_status st = WEFT_OK;
    if (j && f->experimental && w->on_experimental) w->on_experimental(w->ud, w->path);
    if (j && f->experimental && !w->experimental) {
        if (w->prune) json_object_del(obj, f->name);
    } else if (j) {
        st = check_value(w, j, f);
    } else if (f->required) {
        st = weft_error_set(w->err, WEFT_INVALID, w->path, "missing");
    }
    if (st == WEFT_OK) pop(w, before);
    return st;
}

static bool known(const struct schema *s, const char *name) {
    for (const struct field *f = s->fields; f->name; f++)
        if (!strcmp(f->name, name)) return true;
    return false;
}

static void tell_unknown(struct schema_walk *w, json_t *obj, const struct schema *s) {
    const char *key;
    json_t *value;
    json_object_foreach(obj, key, value) {
        if (known(s, key)) continue;
        size_t before = push(w, key, 0);
        w->on_unknown(w->ud, w->path);
        pop(w, before);
    }
}

enum weft_status weft_schema_check(struct schema_walk *w, json_t *value, const struct schema *s) {
    if (w->on_unknown && !s->open) tell_unknown(w, value, s);
    for (const struct field *f = s->fields; f->name; f++) {
        enum weft_status st = check_field(w, value, f);
        if (st != WEFT_OK) return st;
    }
    return WEFT_OK;
}

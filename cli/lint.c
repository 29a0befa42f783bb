/* SPDX-License-Identifier: Apache-2.0
 * The list of findings: collected, sorted, printed. */
#include <cli/lint.h>

#include <stdarg.h>
#include <stdlib.h>
#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>

static const char *const levels[] = {"error", "warning", "note"};

void lint_add(struct lint *l, enum lint_level level, const char *rule, const struct weft_object *o,
              const char *field, const char *fmt, ...) {
    char message[900];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    l->items = weft_realloc(l->items, (l->n + 1) * sizeof *l->items);
    l->items[l->n++] = (struct lint_finding){
        .level = level,
        .file = weft_strdup(o && o->source ? o->source : ""),
        .line = o ? weft_object_line(o, field) : 0,
        .object = o ? weft_asprintf("%s %s/%s", o->kind, o->ns, o->name) : weft_strdup(""),
        .field = weft_strdup(field),
        .rule = rule,
        .message = weft_strdup(message),
    };
}

void lint_done(struct lint *l) {
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].file);
        free(l->items[i].object);
        free(l->items[i].field);
        free(l->items[i].message);
    }
    free(l->items);
    *l = (struct lint){0};
}

static int by_place(const void *pa, const void *pb) {
    const struct lint_finding *a = pa, *b = pb;
    int c = strcmp(a->file, b->file);
    if (!c) c = a->line - b->line;
    if (!c) c = strcmp(a->field, b->field);
    return c ? c : strcmp(a->message, b->message);
}

static bool same(const struct lint_finding *a, const struct lint_finding *b) {
    return !by_place(a, b) && a->rule == b->rule && !strcmp(a->object, b->object);
}

static json_t *to_json(const struct lint_finding *f) {
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s}", "level", levels[f->level], "rule",
                     f->rule, "file", f->file, "line", f->line, "object", f->object, "field",
                     f->field, "message", f->message);
}

static void print_text(const struct lint_finding *f) {
    if (*f->file) printf("%s:%d: ", f->file, f->line);
    printf("%s [%s] ", levels[f->level], f->rule);
    if (*f->object) printf("%s: ", f->object);
    printf("%s%s%s\n", f->field, *f->field ? ": " : "", f->message);
}

void lint_print(struct lint *l, bool json) {
    json_t *list = json_array();
    if (l->n) qsort(l->items, l->n, sizeof *l->items, by_place);
    for (size_t i = 0; i < l->n; i++) {
        if (i && same(&l->items[i - 1], &l->items[i])) continue;
        if (json)
            json_array_append_new(list, to_json(&l->items[i]));
        else
            print_text(&l->items[i]);
    }
    WEFT_FREE char *text = json ? weft_dump_text(list) : NULL;
    if (text) fputs(text, stdout);
    json_decref(list);
}

size_t lint_count(const struct lint *l, enum lint_level level) {
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) n += l->items[i].level == level;
    return n;
}

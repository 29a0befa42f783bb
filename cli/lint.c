/* SPDX-License-Identifier: Apache-2.0
 * The list of findings: collected, sorted, printed. */
#include <cli/lint.h>

#include <stdarg.h>
#include <stdlib.h>
#include <weft/base/alloc.h>

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

static void finding_done(struct lint_finding *f) {
    free(f->file);
    free(f->object);
    free(f->field);
    free(f->message);
}

void lint_done(struct lint *l) {
    for (size_t i = 0; i < l->n; i++) finding_done(&l->items[i]);
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

/* Sorts, and leaves out what was said twice. */
static void tidy(struct lint *l) {
    size_t kept = 0;
    if (l->n) qsort(l->items, l->n, sizeof *l->items, by_place);
    for (size_t i = 0; i < l->n; i++) {
        struct lint_finding *f = &l->items[i];
        if (kept && same(&l->items[kept - 1], f))
            finding_done(f);
        else
            l->items[kept++] = *f;
    }
    l->n = kept;
}

void lint_print(struct lint *l) {
    tidy(l);
    for (size_t i = 0; i < l->n; i++) print_text(&l->items[i]);
}

json_t *lint_json(struct lint *l) {
    json_t *list = json_array();
    tidy(l);
    for (size_t i = 0; i < l->n; i++) json_array_append_new(list, to_json(&l->items[i]));
    return list;
}

size_t lint_count(const struct lint *l, enum lint_level level) {
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) n += l->items[i].level == level;
    return n;
}

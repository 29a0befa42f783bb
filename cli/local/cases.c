/* SPDX-License-Identifier: Apache-2.0
 * Reading the file of `weft local test`. */
#include <cli/local/cases.h>
#include <cli/local/jsonx.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/object/object.h>
#include <weft/object/yaml.h>

struct reader {
    struct test_file *f;
    const char *file;
    struct weft_object where; /* line numbers of the document */
    const char *from;         /* of the document, for cases without their own */
    char path[160];           /* of the case: "tests[3]" */
};

static void complain_at(struct reader *r, int line, const char *field, const char *what) {
    json_array_append_new(r->f->problems, json_sprintf("%s:%d: %s%s%s", r->file, line, field,
                                                       *field ? ": " : "", what));
}

static void complain(void *ud, const char *field, const char *what) {
    struct reader *r = ud;
    WEFT_FREE char *path = weft_asprintf("%s%s%s", r->path, *r->path && *field ? "." : "", field);
    complain_at(r, weft_object_line(&r->where, path), path, what);
}

static const char *text(struct reader *r, const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    if (!v) return NULL;
    if (!json_is_string(v)) complain(r, key, "must be text; put it in quotes");
    return json_string_value(v);
}

static void unknown_keys(struct reader *r, const json_t *o, const char *const *known,
                         const char *list) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v) {
        const char *const *k = known;
        while (*k && strcmp(*k, key) != 0) k++;
        WEFT_FREE char *what = weft_asprintf("not known here; use %s", list);
        if (!*k) complain(r, key, what);
    }
}

/* "GET http://host/path", or the URL alone. */
static void read_request(struct reader *r, const json_t *o, struct test_case *c) {
    const char *line = text(r, o, "request");
    static const char help[] = "write it as \"GET http://SERVICE[.NAMESPACE][:PORT]/PATH\"";
    if (!json_object_get(o, "request")) complain(r, "request", help);
    if (!line) return;
    const char *space = strchr(line, ' ');
    c->method =
        space ? weft_slice_dup(weft_slice(line, (size_t)(space - line))) : weft_strdup("GET");
    c->url = space ? space + 1 : line;
    bool good = *c->method && strncmp(c->url, "http://", 7) == 0 && c->url[7] && c->url[7] != '/' &&
                !strpbrk(c->url, " \t\r\n");
    for (const char *p = c->method; *p; p++)
        good = good && (isalpha((unsigned char)*p) || *p == '-');
    if (!good) complain(r, "request", help);
}

static void read_headers(struct reader *r, const json_t *o, struct test_case *c) {
    const char *key;
    json_t *v;
    c->headers = json_object_get(o, "headers");
    if (c->headers && !json_is_object(c->headers))
        complain(r, "headers", "must be a mapping of names and values");
    json_object_foreach((json_t *)(uintptr_t)c->headers, key, v) {
        WEFT_FREE char *path = weft_asprintf("headers.%s", key);
        const char *s = json_string_value(v);
        if (!s || strpbrk(s, "\r\n"))
            complain(r, path, "must be text on one line; put it in quotes");
        if (!*key || strpbrk(key, " \t\r\n:")) complain(r, path, "is no name of a header");
    }
}

static void read_count(struct reader *r, const json_t *o, struct test_case *c) {
    const json_t *v = json_object_get(o, "count"), *h2 = json_object_get(o, "http2");
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : 0;
    if (v && (n < 1 || n > CASES_MAX_COUNT)) complain(r, "count", "must be a number, 1 to 100000");
    c->count = n > 0 ? (uint64_t)n : 1;
    c->http2 = json_is_true(h2);
    if (h2 && !json_is_boolean(h2)) complain(r, "http2", "must be true or false");
}

static void read_case(struct reader *r, json_t *o, size_t i) {
    static const char *const known[] = {"name",  "from",  "request", "headers", "body",
                                        "count", "http2", "expect",  NULL};
    struct test_case c = {0};
    snprintf(r->path, sizeof r->path, "tests[%zu]", i);
    c.line = weft_object_line(&r->where, r->path);
    if (!json_is_object(o)) {
        complain(r, "", "must be a mapping with from, request and expect");
        return;
    }
    unknown_keys(r, o, known, "name, from, request, headers, body, count, http2 or expect");
    c.name = text(r, o, "name");
    c.from = text(r, o, "from");
    c.body = text(r, o, "body");
    if (!c.from) c.from = r->from;
    if (!c.from)
        complain(r, "from", "is missing; name the pod or workload that asks, as \"NS/POD\"");
    read_request(r, o, &c);
    read_headers(r, o, &c);
    read_count(r, o, &c);
    c.expect = json_object_get(o, "expect");
    if (!json_is_object(c.expect) || json_object_size(c.expect) == 0)
        complain(r, "expect", "is missing; say at least a status, e.g. expect: {status: 200}");
    else
        expect_verify(c.expect, complain, r);
    if (!c.name) c.name = json_string_value(json_object_get(o, "request"));
    r->f->items = weft_realloc(r->f->items, (r->f->n + 1) * sizeof c);
    r->f->items[r->f->n++] = c;
}

static void on_document(void *ud, json_t *value, json_t *lines, int line) {
    struct reader *r = ud;
    static const char *const known[] = {"from", "tests", NULL};
    json_array_append_new(r->f->documents, value);
    r->where = (struct weft_object){.line = line, .lines = lines};
    *r->path = 0;
    json_t *tests = json_object_get(value, "tests"), *o;
    if (!json_is_object(value) || !json_is_array(tests) || json_array_size(tests) == 0) {
        complain(r, "tests", "is missing; write \"tests:\" and below it a list of cases");
    } else {
        size_t i;
        unknown_keys(r, value, known, "from (for all cases) or tests");
        r->from = text(r, value, "from");
        json_array_foreach(tests, i, o) if (r->f->n < CASES_MAX) read_case(r, o, i);
        *r->path = 0;
        if (r->f->n == CASES_MAX) complain(r, "tests", "at most 1000 cases; split the file");
    }
    json_decref(lines);
    r->where.lines = NULL;
}

void cases_parse(struct weft_slice content, const char *file, struct test_file *ret) {
    *ret = (struct test_file){.documents = json_array(), .problems = json_array()};
    struct reader r = {.f = ret, .file = file};
    struct weft_error err = {0};
    if (weft_yaml_parse(content, on_document, &r, &err) != WEFT_OK)
        complain_at(&r, err.line, err.path, err.message);
    else if (json_array_size(ret->documents) == 0)
        complain_at(&r, 1, "tests", "the file is empty; write \"tests:\" and a list of cases");
}

void cases_done(struct test_file *f) {
    for (size_t i = 0; i < f->n; i++) free(f->items[i].method);
    free(f->items);
    json_decref(f->documents);
    json_decref(f->problems);
    *f = (struct test_file){0};
}

/* SPDX-License-Identifier: Apache-2.0
 * Text → documents → pods in them → text. */
#include <cli/inject.h>

#include <string.h>
#include <weft/base/alloc.h>
#include <weft/object/json.h>
#include <weft/object/yaml.h>

struct document {
    struct weft_slice text; /* without its "---" */
    int line;               /* lines before it */
    json_t *value;          /* NULL: empty */
    bool changed;
};
struct documents {
    const struct cli_inject *c;
    struct document *items;
    size_t n;
    json_t *namespaces; /* by name */
};

/* === documents === */

static bool is_marker(struct weft_slice line) {
    return weft_slice_starts(line, WEFT_SLICE_LIT("---")) &&
           (line.len == 3 || strchr(" \t\r#", line.base[3]));
}

static void add_document(struct documents *d, const char *from, const char *to, int line) {
    d->items = weft_realloc(d->items, (d->n + 1) * sizeof *d->items);
    d->items[d->n++] =
        (struct document){.text = weft_slice(from, (size_t)(to - from)), .line = line};
}

/* "---" at the start of a line ends a document wherever it stands (YAML 1.2, 9.1.2). What follows
 * it on the line belongs to the next one. */
static void split(struct documents *d, struct weft_slice text) {
    const char *end = text.base + text.len, *start = text.base;
    int line = 0, first = 0;
    for (const char *at = text.base; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline ? newline + 1 : end;
        size_t n = (size_t)(next - at) - (newline ? 1 : 0);
        if (is_marker(weft_slice(at, n))) {
            if (at > start) add_document(d, start, at, first);
            start = n > 3 ? at + 3 : next;
            first = n > 3 ? line : line + 1;
        }
        at = next;
    }
    if (end > start) add_document(d, start, end, first);
}

static void on_value(void *ud, json_t *value, json_t *lines, int line) {
    struct document *d = ud;
    json_decref(lines);
    json_decref(d->value); /* "..." within: the last one counts; nobody writes that */
    d->value = value;
}

static enum weft_status read_all(struct documents *d, struct weft_error *err) {
    for (size_t i = 0; i < d->n; i++) {
        struct document *doc = &d->items[i];
        enum weft_status st = weft_yaml_parse(doc->text, on_value, doc, err);
        if (st == WEFT_OK) continue;
        if (err) err->line += doc->line;
        return st;
    }
    return WEFT_OK;
}

/* === objects === */

static bool is_kind(const json_t *o, const char *kind) {
    return weft_slice_is(weft_js_str(o, "kind"), kind);
}

static bool is_list(const json_t *o) {
    return weft_slice_ends(weft_js_str(o, "kind"), WEFT_SLICE_LIT("List")) &&
           json_is_array(json_object_get(o, "items"));
}

static void note_namespaces(struct documents *d, json_t *o) {
    const char *name = json_string_value(weft_js_in(o, "metadata", "name"));
    if (is_list(o))
        for (size_t i = 0; i < json_array_size(json_object_get(o, "items")); i++)
            note_namespaces(d, json_array_get(json_object_get(o, "items"), i));
    else if (is_kind(o, "Namespace") && name)
        json_object_set(d->namespaces, name, o);
}

/* What has a pod's metadata and spec in it; NULL: nothing. */
static json_t *pod_in(json_t *o) {
    static const char *const kinds[] = {"Deployment", "StatefulSet", "DaemonSet",
                                        "ReplicaSet", "Job",         "ReplicationController"};
    if (is_kind(o, "Pod")) return o;
    if (is_kind(o, "PodTemplate")) return json_object_get(o, "template");
    if (is_kind(o, "CronJob"))
        return weft_js_in(weft_js_in(o, "spec", "jobTemplate"), "spec", "template");
    for (size_t i = 0; i < WEFT_LEN(kinds); i++)
        if (is_kind(o, kinds[i])) return weft_js_in(o, "spec", "template");
    return NULL;
}

static void say(const struct documents *d, const json_t *o, bool bad, const char *what,
                const char *why) {
    struct weft_slice ns = weft_js_slice(weft_js_in(o, "metadata", "namespace"));
    struct weft_slice name = weft_js_slice(weft_js_in(o, "metadata", "name"));
    WEFT_FREE char *text =
        weft_asprintf(WEFT_SLICE_FMT " " WEFT_SLICE_FMT "%s" WEFT_SLICE_FMT ": %s%s",
                      WEFT_SLICE_ARG(weft_js_str(o, "kind")), WEFT_SLICE_ARG(ns), ns.len ? "/" : "",
                      WEFT_SLICE_ARG(name), what, why);
    d->c->say(d->c->ud, bad, text);
}

static bool is_off(const json_t *ns) {
    return weft_slice_is(weft_js_str(weft_js_in(ns, "metadata", "labels"), WEFT_INJECT_KEY),
                         "disabled");
}

static bool inject_pod(struct documents *d, json_t *o, json_t *pod) {
    const char *name = json_string_value(weft_js_in(o, "metadata", "namespace"));
    const json_t *ns = json_object_get(d->namespaces, name ? name : "default");
    struct weft_inject_options opt = *d->c->opt;
    char secret[33];
    d->c->draw_secret(d->c->ud, secret);
    opt.secret = secret;
    opt.namespace_asks = false;
    bool asked = weft_inject_decide(pod, ns, &opt, NULL, NULL) != WEFT_INJECT_NO;
    opt.namespace_asks = !is_off(ns);
    struct weft_inject_result r;
    if (opt.classic && (is_kind(o, "Job") || is_kind(o, "CronJob"))) {
        say(d, o, false, "not injected: ", "without native sidecars it would never complete");
        return false;
    }
    weft_inject(pod, ns, &opt, &r);
    for (size_t i = 0; i < json_array_size(r.warnings); i++)
        say(d, o, false, "warning: ", json_string_value(json_array_get(r.warnings, i)));
    static const char *const words[] = {"not injected: ", "injected: ", "refused: "};
    bool yes = r.verdict == WEFT_INJECT_YES;
    say(d, o, r.verdict == WEFT_INJECT_REFUSED, words[r.verdict],
        yes && !asked ? "nothing here says otherwise" : r.why);
    if (yes) {
        json_object_clear(pod);
        json_object_update(pod, r.pod);
    }
    weft_inject_result_done(&r);
    return yes;
}

static bool inject_object(struct documents *d, json_t *o) {
    json_t *items = json_object_get(o, "items"), *pod = pod_in(o);
    bool changed = false;
    if (is_list(o))
        for (size_t i = 0; i < json_array_size(items); i++)
            changed = inject_object(d, json_array_get(items, i)) || changed;
    else if (json_is_object(pod))
        changed = inject_pod(d, o, pod);
    return changed;
}

/* === out === */

static void write_yaml(const struct documents *d, struct weft_buf *ret) {
    for (size_t i = 0; i < d->n; i++) {
        const struct document *doc = &d->items[i];
        weft_buf_str(ret, "---\n");
        if (doc->changed) {
            weft_yaml_write(doc->value, ret);
            continue;
        }
        struct weft_slice text = doc->text;
        if (text.len && text.base[0] != '\n' && doc->value == NULL) text = weft_slice_trim(text);
        weft_buf_append(ret, text);
        if (text.len && text.base[text.len - 1] != '\n') weft_buf_char(ret, '\n');
    }
}

static void write_json(const struct documents *d, struct weft_buf *ret) {
    json_t *items = json_array();
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].value) json_array_append(items, d->items[i].value);
    json_t *out = json_array_size(items) == 1 ? json_incref(json_array_get(items, 0))
                                              : json_pack("{s:s, s:s, s:O}", "apiVersion", "v1",
                                                          "kind", "List", "items", items);
    WEFT_FREE char *text = json_dumps(out, JSON_INDENT(2));
    weft_buf_printf(ret, "%s\n", text);
    json_decref(out);
    json_decref(items);
}

enum weft_status cli_inject_text(const struct cli_inject *c, struct weft_slice text,
                                 struct weft_buf *ret, struct weft_error *err) {
    struct documents d = {.c = c, .namespaces = json_object()};
    split(&d, text);
    enum weft_status st = read_all(&d, err);
    for (size_t i = 0; st == WEFT_OK && i < d.n; i++) note_namespaces(&d, d.items[i].value);
    for (size_t i = 0; st == WEFT_OK && i < d.n; i++)
        d.items[i].changed = inject_object(&d, d.items[i].value);
    if (st == WEFT_OK) (c->json ? write_json : write_yaml)(&d, ret);
    for (size_t i = 0; i < d.n; i++) json_decref(d.items[i].value);
    json_decref(d.namespaces);
    free(d.items);
    return st;
}

/* SPDX-License-Identifier: Apache-2.0
 * The report of `weft explain` as text, one fact a line. */
#include <cli/explain.h>

#include <stdlib.h>
#include <weft/base/alloc.h>
#include <weft/object/json.h>

static const char *word(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static int number(const json_t *o, const char *key) {
    return (int)json_integer_value(json_object_get(o, key));
}

static void print_texts(const json_t *criteria, const char *key, const char *what) {
    size_t i;
    json_t *t;
    json_array_foreach(json_object_get(criteria, key), i, t) {
        bool regex = json_object_get(t, "regex") != NULL;
        printf(", %s %s %s \"%s\"", what, word(t, "name"), regex ? "matches" : "is",
               word(t, regex ? "regex" : "exact"));
    }
}

static void print_criteria(const json_t *c) {
    json_t *path = json_object_get(c, "path"), *value;
    const char *kind;
    if (!path) printf("any service and method");
    json_object_foreach(path, kind, value) printf("path %s %s", kind, json_string_value(value));
    if (json_object_get(c, "method")) printf(", method %s", word(c, "method"));
    print_texts(c, "headers", "header");
    print_texts(c, "queries", "query");
}

static void print_rule(const char *label, const json_t *o) {
    printf("%-10s %s rule %d", label, word(o, "route"), number(o, "rule"));
    if (json_object_get(o, "name")) printf(" \"%s\"", word(o, "name"));
    printf(", match %d: ", number(o, "match"));
    print_criteria(json_object_get(o, "criteria"));
}

static void print_lost(const json_t *report) {
    size_t i;
    json_t *c;
    bool won = false;
    const json_t *winner = json_object_get(report, "winner");
    json_array_foreach(json_object_get(report, "candidates"), i, c) {
        bool first = !won && winner && !*word(c, "failed");
        won = won || first;
        if (first) continue;
        print_rule("  lost", c);
        if (*word(c, "failed"))
            printf(" -- fails on %s\n", word(c, "failed"));
        else
            printf(" -- matches too, but ranks lower\n");
    }
}

static void print_answer(const char *label, const json_t *a) {
    if (json_object_get(a, "forward")) {
        printf("%-10s forwarded %s\n", label, word(a, "forward"));
        return;
    }
    printf("%-10s %d", label, number(a, "status"));
    if (json_object_get(a, "grpc_status")) printf(", grpc-status %d", number(a, "grpc_status"));
    printf(" %s", word(a, "reason"));
    if (*word(a, "text")) printf(": %s", word(a, "text"));
    if (*word(a, "detail")) printf(" (%s)", word(a, "detail"));
    if (*word(a, "location")) printf(" to %s", word(a, "location"));
    printf("\n");
}

static void print_backend(const json_t *b) {
    size_t i;
    json_t *ep;
    printf("%-10s %s/%s:%d, weight %d (%.1f %%)\n", "backend", word(b, "namespace"),
           word(b, "service"), number(b, "port"), number(b, "weight"),
           100.0 * json_real_value(json_object_get(b, "share")));
    json_array_foreach(json_object_get(b, "endpoints"), i, ep) {
        const char *id = word(ep, "spiffe_id");
        printf("             %s %s%s%s\n", word(ep, "address"), word(ep, "pod"),
               *id ? " mTLS " : " plain", id);
    }
    print_answer("           ", json_object_get(b, "answer"));
}

static void print_extras(const json_t *report) {
    static const char *const keys[] = {"filters", "request_timeout_us", "backend_timeout_us",
                                       "retry"};
    for (size_t i = 0; i < WEFT_LEN(keys); i++) {
        const json_t *j = json_object_get(report, keys[i]);
        WEFT_FREE char *text =
            j ? json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
        if (text) printf("%-10s %s\n", i == 0 ? "filters" : keys[i], text);
    }
    const json_t *sent = json_object_get(report, "forwarded"),
                 *q = json_object_get(report, "request");
    if (sent && (strcmp(word(sent, "path"), word(q, "path")) != 0 ||
                 strcmp(word(sent, "host"), word(q, "host")) != 0))
        printf("%-10s host %s path %s\n", "sent as", word(sent, "host"), word(sent, "path"));
}

static void print_destination(const json_t *report) {
    const json_t *d = json_object_get(report, "destination");
    const char *kind = word(d, "kind");
    if (!strcmp(kind, "none"))
        printf("%-10s %s: no Service port and no meshed pod\n", "address", word(d, "address"));
    else
        printf("%-10s %s/%s port %d%s%s, %s, %s\n", kind, word(d, "namespace"),
               *word(d, "pod") ? word(d, "pod") : word(d, "service"), number(d, "port"),
               *word(d, "port_name") ? " " : "", word(d, "port_name"), word(d, "protocol"),
               word(d, "address"));
}

static void print_routes(const json_t *report) {
    size_t i;
    json_t *r;
    const char *group = word(report, "group");
    if (!strcmp(group, "none")) {
        printf("%-10s %s\n", "routes",
               *word(report, "kind") ? "without rules: nothing matches" : "none in effect");
        return;
    }
    printf("%-10s %s %ss:", "routes", group, word(report, "kind"));
    json_array_foreach(json_object_get(report, "routes"), i, r) printf(" %s", json_string_value(r));
    if (!strcmp(group, "consumer"))
        printf(" (routes of the Service's own namespace do not apply to this client)");
    printf("\n");
}

void cli_explain_print(const json_t *report) {
    size_t i;
    json_t *b;
    const json_t *q = json_object_get(report, "request"), *w = json_object_get(report, "winner");
    printf("%-10s %s %s%s from namespace %s\n", "request", word(q, "method"), word(q, "host"),
           word(q, "path"), word(report, "from"));
    print_destination(report);
    print_routes(report);
    if (w) {
        print_rule("wins", w);
        printf("\n");
    }
    print_lost(report);
    print_extras(report);
    json_array_foreach(json_object_get(report, "backends"), i, b) print_backend(b);
    print_answer("answer", json_object_get(report, "answer"));
}

/* SPDX-License-Identifier: Apache-2.0
 * weft explain over access-log lines. A line has method, authority and path, but not the headers,
 * so a rule that asks for one is only ever "possible". */
#include <cli/explain_log.h>

#include <stdarg.h>
#include <stdlib.h>
#include <weft/base/alloc.h>
#include <weft/http/path.h>
#include <weft/object/json.h>

enum { CUT_AT = 512 };

struct logged {
    const struct cli_input *in;
    const json_t *line;
    struct weft_arena *arena;
    json_t *report;
};

static struct weft_slice text_of(const json_t *o, const char *key) {
    return weft_js_str(o, key);
}

static void say(struct logged *l, const char *fmt, ...) WEFT_PRINTF(2, 3);
static void say(struct logged *l, const char *fmt, ...) {
    char text[1500];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *s = json_stringn(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
    if (s) json_array_append_new(json_object_get(l->report, "verdict"), s);
}

/* ---- what Weft itself said ---- */

static void say_reason(struct logged *l) {
    struct weft_slice word = text_of(l->line, "reason");
    for (int r = 1; r < WEFT_REASON_COUNT; r++)
        if (weft_slice_is(word, weft_reason_word((enum weft_reason)r)))
            say(l, "reason %s: %s", weft_reason_word((enum weft_reason)r),
                weft_reason_text((enum weft_reason)r));
    if (!word.len)
        say(l, "no reason: Weft passed on what the %s said",
            weft_slice_is(text_of(l->line, "direction"), "inbound") ? "app" : "endpoint");
}

static bool is_request(const json_t *line) {
    struct weft_slice p = text_of(line, "protocol");
    return weft_slice_is(p, "h1") || weft_slice_is(p, "h1.0") || weft_slice_is(p, "h2");
}

/* ---- the request anew ---- */

static bool fill_head(struct logged *l, const struct weft_fields *headers, struct weft_head *head,
                      enum weft_reason *ret_refused) {
    weft_head_init(head, l->arena);
    head->method = text_of(l->line, "method");
    head->scheme = WEFT_SLICE_LIT("http");
    head->authority = text_of(l->line, "authority");
    head->version = weft_slice_is(text_of(l->line, "protocol"), "h2") ? WEFT_HTTP_2 : WEFT_HTTP_11;
    for (uint32_t i = 0; i < headers->n; i++)
        (void)weft_fields_add(&head->fields, headers->items[i].name, headers->items[i].value);
    if (json_object_get(l->line, "grpc_status"))
        (void)weft_fields_add(&head->fields, WEFT_SLICE_LIT("content-type"),
                              WEFT_SLICE_LIT("application/grpc"));
    struct weft_slice path = text_of(l->line, "path");
    if (path.len >= CUT_AT) say(l, "the path is cut at %d bytes in the log", CUT_AT);
    /* Whether encoded slashes pass is the proxy's own option; its line says how it decided. */
    bool kept = !weft_slice_is(text_of(l->line, "reason"), "path_refused");
    *ret_refused = weft_path_normalize(path, kept, l->arena, &head->path);
    return path.len > 0;
}

/* "namespace/name:port" */
static bool find_service(struct logged *l, struct weft_addr *ret) {
    struct weft_slice name = text_of(l->line, "service"), ns = weft_slice_cut(&name, '/');
    struct weft_slice port = name, svc = weft_slice_cut(&port, ':');
    uint64_t n;
    if (!weft_slice_u64(port, 65535, &n) || !n) return false;
    return weft_gamma_service_addr(l->in->gamma, ns, svc, (uint16_t)n, ret);
}

/* ---- does it agree? ---- */

/* The log names a rule by its name, or else by its index. */
static bool is_logged_rule(const json_t *line, const json_t *rule) {
    struct weft_slice logged = text_of(line, "rule"), name = text_of(rule, "name");
    if (!weft_slice_eq(text_of(line, "route"), text_of(rule, "route"))) return false;
    if (name.len) return weft_slice_eq(logged, name);
    uint64_t index;
    return weft_slice_u64(logged, INT32_MAX, &index) &&
           (int64_t)index == weft_js_int(rule, "rule", 0, INT32_MAX, -1);
}

/* A line that was cut out by hand may name no kind. */
static bool is_logged_kind(const struct logged *l) {
    struct weft_slice logged = text_of(l->line, "route_kind");
    return !logged.len || weft_slice_eq(logged, text_of(l->report, "kind"));
}

static const json_t *find_candidate(const struct logged *l, bool (*is)(const json_t *failed)) {
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(l->report, "candidates"), i, c) {
        if (is_logged_rule(l->line, c) && is(json_object_get(c, "failed"))) return c;
    }
    return NULL;
}

static bool on_nothing(const json_t *failed) {
    return !*json_string_value(failed);
}
static bool on_header(const json_t *failed) {
    return strncmp(json_string_value(failed), "header ", 7) == 0;
}
static bool on_anything(const json_t *failed) {
    return true;
}

static void say_lost(struct logged *l) {
    const json_t *header = find_candidate(l, on_header), *any = find_candidate(l, on_anything);
    if (find_candidate(l, on_nothing))
        say(l, "differs: that rule matches too, but another ranks higher now: a route has changed, "
               "or the client is not of this namespace (--from)");
    else if (header)
        say(l,
            "possible: that rule asks for %s; headers are not in the log, give what you know "
            "with -H",
            json_string_value(json_object_get(header, "failed")));
    else if (any)
        say(l, "differs: that rule no longer matches, it fails on the %s: a route has changed",
            json_string_value(json_object_get(any, "failed")));
    else
        say(l, "differs: no such rule is in effect for this Service and client now");
}

static void compare(struct logged *l) {
    struct weft_slice route = text_of(l->line, "route"), rule = text_of(l->line, "rule");
    struct weft_slice kind = text_of(l->line, "route_kind");
    const json_t *winner = json_object_get(l->report, "winner");
    if (!route.len && !winner) {
        say(l, "agrees: no rule decided");
        return;
    }
    if (!route.len) {
        say(l, "differs: no rule decided then");
        return;
    }
    say(l, "decided then: rule %.*s of %.*s%s%.*s", WEFT_SLICE_ARG(rule), WEFT_SLICE_ARG(kind),
        kind.len ? " " : "", WEFT_SLICE_ARG(route));
    if (!is_logged_kind(l))
        say(l, "differs: routes of another kind rule this Service port now");
    else if (winner && is_logged_rule(l->line, winner))
        say(l, "agrees: the same rule wins now");
    else
        say_lost(l);
}

/* Adds what cli_explain says of it. */
static void explain(struct logged *l, const char *from, const struct weft_fields *headers) {
    struct weft_head head;
    struct weft_addr addr;
    enum weft_reason refused;
    if (!fill_head(l, headers, &head, &refused)) return;
    if (refused != WEFT_REASON_NONE) return; /* its reason says it */
    if (!find_service(l, &addr)) {
        struct weft_slice s = text_of(l->line, "service");
        if (s.len)
            say(l, "differs: these manifests have no Service port %.*s", WEFT_SLICE_ARG(s));
        else
            say(l, "the address was nothing of the mesh's: nothing was routed");
        return;
    }
    json_t *now = cli_explain(l->in, from, &addr, &head, l->arena);
    json_object_update(l->report, now);
    json_decref(now);
    compare(l);
}

json_t *cli_explain_line(const struct cli_input *in, const char *from, struct weft_slice line,
                         const struct weft_fields *headers, struct weft_arena *arena) {
    json_t *j = json_loadb(line.base, line.len, 0, NULL);
    struct weft_slice direction = text_of(j, "direction");
    if (!direction.len) {
        json_decref(j);
        return NULL;
    }
    struct logged l = {in, j, arena, json_pack("{s:o, s:[]}", "logged", j, "verdict")};
    say_reason(&l);
    if (!is_request(j))
        say(&l, "a connection that was not read as HTTP: no rule was asked");
    else if (weft_slice_is(direction, "inbound"))
        say(&l, "an inbound line: the caller's sidecar decided, its line has the same request_id");
    else
        explain(&l, from, headers);
    return l.report;
}

/* ---- for people ---- */

static long long number(const json_t *o, const char *key) {
    return json_integer_value(json_object_get(o, key));
}

static void print_times(const json_t *line) {
    static const char *const parts[] = {"route_us", "connect_us", "wait_us", "relay_us"};
    static const char *const words[] = {"routing", "connecting", "waiting", "relaying"};
    printf("%-10s %.3f ms", "took", (double)number(line, "duration_us") / 1000);
    for (size_t i = 0; i < WEFT_LEN(parts) && json_object_get(line, parts[i]); i++)
        printf("%s %s %.3f", i ? "," : ":", words[i], (double)number(line, parts[i]) / 1000);
    printf("; attempts %lld\n", number(line, "attempts"));
}

static void print_logged(const json_t *line) {
    static const char *const keys[] = {"direction", "method",  "authority", "path",
                                       "service",   "backend", "endpoint",  "request_id"};
    printf("%-10s", "logged");
    for (size_t i = 0; i < WEFT_LEN(keys); i++) {
        struct weft_slice v = text_of(line, keys[i]);
        const char *before = i == 4 ? "to " : i == 5 ? "by " : i == 6 ? "at " : i == 7 ? "id " : "";
        if (v.len) printf(" %s" WEFT_SLICE_FMT, before, WEFT_SLICE_ARG(v));
    }
    printf("\n%-10s %lld", "status", number(line, "status"));
    if (json_object_get(line, "grpc_status"))
        printf(", grpc-status %lld", number(line, "grpc_status"));
    printf("\n");
    print_times(line);
}

void cli_explain_line_print(const json_t *report) {
    size_t i;
    json_t *text;
    print_logged(json_object_get(report, "logged"));
    if (json_object_get(report, "request")) cli_explain_print(report);
    json_array_foreach(json_object_get(report, "verdict"), i, text)
        printf("%-10s %s\n", i ? "" : "verdict", json_string_value(text));
}

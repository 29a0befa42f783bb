/* SPDX-License-Identifier: Apache-2.0
 * Tables of what a sidecar has in force. */
#include <cli/local/jsonx.h>
#include <cli/proxy_view.h>
#include <stdarg.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/buf.h>

static char *service_of(const json_t *dest) {
    return weft_asprintf("%s/%s:%d", local_str(dest, "namespace", ""),
                         local_str(dest, "service", local_str(dest, "pod", "")),
                         (int)local_int(dest, "port", 0));
}

void proxy_view_destinations(FILE *out, const json_t *dump) {
    const char *key;
    json_t *d;
    fprintf(out, "%-28s %-36s %-8s %-9s %s\n", "ADDRESS", "SERVICE", "KIND", "PROTOCOL", "RULES");
    json_object_foreach(json_object_get(dump, "destinations"), key, d) {
        WEFT_FREE char *service = service_of(d);
        fprintf(out, "%-28s %-36s %-8s %-9s %zu\n", local_str(d, "address", key), service,
                local_str(d, "kind", ""), local_str(d, "protocol", ""),
                json_array_size(json_object_get(d, "rules")));
    }
}

/* ---- rules ---- */

json_t *proxy_view_rules(const json_t *dump) {
    const char *key;
    size_t i;
    json_t *d, *rule, *list = json_array();
    json_object_foreach(json_object_get(dump, "destinations"), key, d) {
        WEFT_FREE char *service = service_of(d);
        json_array_foreach(json_object_get(d, "rules"), i, rule) {
            json_t *copy = json_deep_copy(rule);
            json_object_set_new(copy, "service", json_string(service));
            json_object_set_new(copy, "address", json_string(local_str(d, "address", key)));
            json_array_append_new(list, copy);
        }
    }
    return list;
}

static void word(struct weft_buf *b, const char *fmt, ...) WEFT_PRINTF(2, 3);
static void word(struct weft_buf *b, const char *fmt, ...) {
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (weft_buf_size(b)) (void)weft_buf_char(b, ' ');
    (void)weft_buf_str(b, text);
}

/* {"exact": "x"} as "=x", {"prefix": "/x"} as "/x*", {"regex": "x"} as "~x". */
static void condition(struct weft_buf *b, const char *before, const json_t *c) {
    const char *exact = local_str(c, "exact", NULL), *prefix = local_str(c, "prefix", NULL);
    const char *regex = local_str(c, "regex", NULL);
    if (exact) word(b, "%s=%s", before, exact);
    if (prefix) word(b, "%s%s*", before, prefix);
    if (regex) word(b, "%s~%s", before, regex);
}

static void match(struct weft_buf *b, const json_t *m) {
    static const char *const lists[] = {"headers", "query"};
    const char *method = local_str(m, "method", NULL);
    if (method) word(b, "%s", method);
    condition(b, "", json_object_get(m, "path"));
    for (size_t k = 0; k < WEFT_LEN(lists); k++) {
        size_t i;
        json_t *c;
        json_array_foreach(json_object_get(m, lists[k]), i, c) {
            WEFT_FREE char *name = weft_asprintf("%s%s", k ? "?" : "", local_str(c, "name", ""));
            condition(b, name, c);
        }
    }
}

static void outcome(struct weft_buf *b, const json_t *rule) {
    size_t i;
    json_t *x;
    const char *kind;
    json_array_foreach(json_object_get(rule, "filters"), i, x) {
        json_t *body;
        json_object_foreach(x, kind, body) word(b, "[%s]", kind);
    }
    json_array_foreach(json_object_get(rule, "backends"), i, x)
        word(b, "%s/%s:%d×%d", local_str(x, "namespace", ""), local_str(x, "service", "?"),
             (int)local_int(x, "port", 0), (int)local_int(x, "weight", 1));
    json_int_t us = local_int(rule, "request_timeout_us", 0);
    if (us) word(b, "timeout=%dms", (int)(us / 1000));
    us = local_int(rule, "backend_timeout_us", 0);
    if (us) word(b, "backend-timeout=%dms", (int)(us / 1000));
}

static void print_rule(FILE *out, const json_t *rule) {
    struct weft_buf matches, to;
    WEFT_FREE char *route = weft_asprintf("%s/%s", local_str(rule, "route_namespace", ""),
                                          local_str(rule, "route", ""));
    WEFT_FREE char *which = weft_asprintf("%d", (int)local_int(rule, "index", 0));
    size_t i;
    json_t *m;
    weft_buf_init(&matches, 0);
    weft_buf_init(&to, 0);
    json_array_foreach(json_object_get(rule, "matches"), i, m) {
        if (i) word(&matches, "|");
        match(&matches, m);
    }
    outcome(&to, rule);
    fprintf(out, "%-30s %-32s %-8s %-30.*s  %.*s\n", local_str(rule, "service", ""), route,
            local_str(rule, "name", which), WEFT_SLICE_ARG(weft_buf_slice(&matches)),
            WEFT_SLICE_ARG(weft_buf_slice(&to)));
    weft_buf_done(&matches);
    weft_buf_done(&to);
}

void proxy_view_routes(FILE *out, const json_t *dump) {
    LOCAL_JSON json_t *rules = proxy_view_rules(dump);
    size_t i;
    json_t *rule;
    fprintf(out, "%-30s %-32s %-8s %-30s  %s\n", "SERVICE", "ROUTE", "RULE", "MATCHES", "LEADS TO");
    json_array_foreach(rules, i, rule) print_rule(out, rule);
}

void proxy_view_endpoints(FILE *out, const json_t *dump) {
    const char *key;
    size_t i;
    json_t *group, *e;
    fprintf(out, "%-32s %-24s %-32s %-6s %s\n", "BACKEND", "ADDRESS", "POD", "MESHED", "IDENTITY");
    json_object_foreach(json_object_get(dump, "endpoints"), key, group) {
        const char *name = strncmp(key, "endpoints/", 10) == 0 ? key + 10 : key;
        json_array_foreach(json_object_get(group, "endpoints"), i, e) fprintf(
            out, "%-32s %-24s %-32s %-6s %s\n", name, local_str(e, "address", ""),
            local_str(e, "pod", ""), json_is_true(json_object_get(e, "meshed")) ? "yes" : "no",
            local_str(e, "spiffe_id", ""));
        if (json_array_size(json_object_get(group, "endpoints")) == 0)
            fprintf(out, "%-32s none\n", name);
    }
}

static const json_t *by_address(const json_t *dump, const char *address) {
    const char *key;
    size_t i;
    json_t *group, *e;
    json_object_foreach(json_object_get(dump, "endpoints"), key, group) {
        json_array_foreach(json_object_get(group, "endpoints"), i, e) {
            if (strcmp(local_str(e, "address", ""), address) == 0) return e;
        }
    }
    return NULL;
}

void proxy_view_join(json_t *rows, const json_t *dump) {
    static const char *const keys[] = {"pod", "spiffe_id"};
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        const json_t *e = by_address(dump, local_str(row, "endpoint", ""));
        for (size_t k = 0; k < WEFT_LEN(keys); k++)
            if (json_object_get(e, keys[k]))
                json_object_set(row, keys[k], json_object_get(e, keys[k]));
    }
}

void proxy_view_live(FILE *out, const json_t *rows) {
    size_t i;
    json_t *r;
    fprintf(out, "%-28s %-24s %-28s %-8s %-7s %-9s %-9s %-9s %s\n", "DESTINATION", "ENDPOINT",
            "POD", "STATE", "ACTIVE", "REQUESTS", "FAILURES", "LATENCY", "IDENTITY");
    json_array_foreach((json_t *)(uintptr_t)rows, i, r) {
        WEFT_FREE char *latency =
            weft_asprintf("%.1fms", (double)local_int(r, "ewma_us", 0) / 1000);
        fprintf(
            out, "%-28s %-24s %-28s %-8s %-7lld %-9lld %-9lld %-9s %s\n",
            local_str(r, "destination", ""), local_str(r, "endpoint", ""), local_str(r, "pod", ""),
            json_is_true(json_object_get(r, "ejected")) ? "ejected" : "in use",
            (long long)local_int(r, "active", 0), (long long)local_int(r, "requests", 0),
            (long long)local_int(r, "failures", 0), latency,
            local_str(r, "spiffe_id", json_is_true(json_object_get(r, "meshed")) ? "" : "no mesh"));
    }
}

/* ---- metrics ---- */

json_t *proxy_view_series(struct weft_slice text, const char *only, bool all) {
    json_t *list = json_array();
    while (text.len) {
        struct weft_slice line = weft_slice_cut(&text, '\n');
        size_t at = line.len;
        while (at > 0 && line.base[at - 1] != ' ') at--;
        if (!at || line.base[0] == '#') continue;
        struct weft_slice name = weft_slice_head(line, at - 1), value = weft_slice_from(line, at);
        bool bucket = weft_slice_search(name, WEFT_SLICE_LIT("_bucket{")) < name.len;
        bool wanted = !only || weft_slice_search(name, weft_slice_str(only)) < name.len;
        if (bucket || !wanted || (!all && weft_slice_is(value, "0"))) continue;
        WEFT_FREE char *number = weft_slice_dup(value);
        json_array_append_new(list, json_pack("{s:s%, s:f}", "series", name.base, name.len, "value",
                                              strtod(number, NULL)));
    }
    return list;
}

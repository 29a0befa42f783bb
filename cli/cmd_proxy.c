/* SPDX-License-Identifier: Apache-2.0
 * weft proxy: asks the admin port of a sidecar in a local mesh, from inside its pod. */
#include <cli/cli.h>
#include <cli/local/jsonx.h>
#include <cli/local/requester.h>
#include <cli/local/verbs.h>
#include <cli/proxy_view.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft/base/alloc.h>

enum { ADMIN_PORT = 15000, TIMEOUT_MS = 10000 };

struct options {
    struct local_target target;
    const char *ns, *output;
    bool all;
};
static const struct weft_option rows[] = {
    LOCAL_TARGET_ROWS(struct options, target),
    {"namespace", NULL, "NS", "Namespace of the pod, if its name is not NS/POD.", weft_option_str,
     offsetof(struct options, ns), 0, 0, 'n'},
    {"all", NULL, NULL, "stats: also what is 0.", weft_option_bool, offsetof(struct options, all)},
    {"output", NULL, "table|json", "Default table.", weft_option_str,
     offsetof(struct options, output), 0, 0, 'o'},
};
static const char usage[] = "Usage: weft proxy [OPTIONS] [NS/]POD VERB [ARGUMENT]\n";

struct call {
    const struct options *o;
    const json_t *pod;
    const char *arg; /* or NULL */
    bool json;
};

static const char *content(const json_t *answer) {
    return local_str(answer, "body", "");
}

/* The answer to one request; NULL after saying why there is none. */
static json_t *ask(const struct call *c, const char *method, const char *path) {
    WEFT_FREE char *url = weft_asprintf("http://127.0.0.1:%d%s", ADMIN_PORT, path);
    struct local_request r = {.method = method,
                              .url = url,
                              .body = strcmp(method, "POST") == 0 ? "" : NULL,
                              .count = 1,
                              .timeout_ms = TIMEOUT_MS,
                              .raw_body = true};
    struct weft_error err = {0};
    LOCAL_JSON json_t *answers = NULL;
    if (local_requests(c->pod, &r, &answers, &err) != WEFT_OK) {
        fprintf(stderr, "weft proxy: %s\n", err.message);
        return NULL;
    }
    json_t *answer = json_array_get(answers, 0);
    if (local_int(answer, "status", 0) == 0) {
        fprintf(stderr, "weft proxy: the sidecar's admin port does not answer: %s\n",
                local_str(answer, "error", "cut"));
        return NULL;
    }
    return json_incref(answer);
}

/* As above, and anything but 200 is said and NULL. */
static json_t *fetch(const struct call *c, const char *method, const char *path) {
    json_t *answer = ask(c, method, path);
    int status = (int)local_int(answer, "status", 0);
    if (!answer || status == 200) return answer;
    if (status == 404)
        fprintf(stderr, "weft proxy: this weft-proxy has no page %s: it is older than this weft\n",
                path);
    else
        fprintf(stderr, "weft proxy: %s: %d: %s", path, status, content(answer));
    json_decref(answer);
    return NULL;
}

static json_t *fetch_dump(const struct call *c) {
    LOCAL_JSON json_t *answer = fetch(c, "GET", "/config_dump");
    json_t *dump = answer ? json_loads(content(answer), 0, NULL) : NULL;
    if (answer && !dump) fprintf(stderr, "weft proxy: /config_dump is no JSON\n");
    return dump;
}

static void print_json(const json_t *o) {
    (void)json_dumpf(o, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    printf("\n");
}

/* ---- verbs ---- */

static int show_config(const struct call *c) {
    LOCAL_JSON json_t *dump = fetch_dump(c);
    if (dump && c->json) print_json(dump);
    if (dump && !c->json) proxy_view_destinations(stdout, dump);
    return dump ? CLI_OK : CLI_FAILED;
}

static int show_routes(const struct call *c) {
    LOCAL_JSON json_t *dump = fetch_dump(c);
    LOCAL_JSON json_t *rules = dump ? proxy_view_rules(dump) : NULL;
    if (dump && c->json) print_json(rules);
    if (dump && !c->json) proxy_view_routes(stdout, dump);
    return dump ? CLI_OK : CLI_FAILED;
}

/* What the proxy's workers know of them; an older weft-proxy tells only who there is. */
static int show_endpoints(const struct call *c) {
    LOCAL_JSON json_t *dump = fetch_dump(c);
    LOCAL_JSON json_t *answer = dump ? ask(c, "GET", "/endpoints") : NULL;
    if (!answer) return CLI_FAILED;
    LOCAL_JSON json_t *live =
        local_int(answer, "status", 0) == 200 ? json_loads(content(answer), 0, NULL) : NULL;
    if (live) proxy_view_join(live, dump);
    if (c->json)
        print_json(live ? live : json_object_get(dump, "endpoints"));
    else if (live)
        proxy_view_live(stdout, live);
    else
        proxy_view_endpoints(stdout, dump);
    return CLI_OK;
}

static int show_stats(const struct call *c) {
    LOCAL_JSON json_t *answer = fetch(c, "GET", "/metrics");
    if (!answer) return CLI_FAILED;
    LOCAL_JSON json_t *list = proxy_view_series(weft_slice_str(content(answer)), c->arg, c->o->all);
    size_t i;
    json_t *s;
    if (c->json) print_json(list);
    if (!c->json)
        json_array_foreach(list, i, s)
            printf("%-14.6g %s\n", json_number_value(json_object_get(s, "value")),
                   local_str(s, "series", ""));
    return CLI_OK;
}

static void print_value(const struct call *c, const char *key, struct weft_slice value) {
    if (c->json)
        printf("{\"%s\": \"%.*s\"}\n", key, WEFT_SLICE_ARG(value));
    else
        printf("%.*s\n", WEFT_SLICE_ARG(value));
}

/* The value of a line "key: value" of an answer. */
static int print_line(const struct call *c, const char *key, json_t *answer) {
    if (!answer) return CLI_FAILED;
    struct weft_slice rest = weft_slice_str(content(answer)), value = WEFT_SLICE_EMPTY;
    while (rest.len && !value.len) {
        struct weft_slice line = weft_slice_cut(&rest, '\n'), name = weft_slice_cut(&line, ':');
        if (weft_slice_is(name, key)) value = weft_slice_trim(line);
    }
    if (value.len)
        print_value(c, key, value);
    else
        fprintf(stderr, "weft proxy: this weft-proxy does not tell its %s\n", key);
    json_decref(answer);
    return value.len ? CLI_OK : CLI_FAILED;
}

/* Shows or sets one of the two things that /logging is about. */
static int logging(const struct call *c, const char *key, const char *words) {
    if (!c->arg) return print_line(c, key, fetch(c, "GET", "/logging"));
    struct weft_slice rest = weft_slice_str(words);
    while (rest.len) {
        if (!weft_slice_is(weft_slice_cut(&rest, ' '), c->arg)) continue;
        WEFT_FREE char *path = weft_asprintf("/logging?%s=%s", key, c->arg);
        return print_line(c, key, fetch(c, "POST", path));
    }
    fprintf(stderr, "weft proxy: \"%s\": use one of: %s\n", c->arg, words);
    return CLI_USAGE;
}

static int log_level(const struct call *c) {
    return logging(c, "level", "error warn info debug");
}

static int access_log(const struct call *c) {
    return logging(c, "access", "off errors all");
}

static int drain(const struct call *c) {
    LOCAL_JSON json_t *answer = fetch(c, "POST", "/drain");
    if (!answer) return CLI_FAILED;
    struct weft_slice text = weft_slice_str(content(answer));
    print_value(c, "drain", weft_slice_cut(&text, '\n'));
    return CLI_OK;
}

static const struct {
    const char *name;
    int (*fn)(const struct call *c);
    const char *arg, *help;
} verbs[] = {
    {"config", show_config, NULL, "the destinations it knows; as JSON: everything in force"},
    {"routes", show_routes, NULL,
     "the rules of each destination, what they match and where they lead"},
    {"endpoints", show_endpoints, NULL,
     "who stands behind each destination: load, latency, failures, ejection"},
    {"stats", show_stats, "[TEXT]", "metrics that are not 0, all or those with TEXT in their name"},
    {"log-level", log_level, "[LEVEL]", "the log level; error, warn, info or debug sets it"},
    {"access-log", access_log, "[MODE]", "what the access log has; off, errors or all sets it"},
    {"drain", drain, NULL, "finishes what is in flight, then ends, as SIGTERM does"},
};

static int help(void) {
    printf("%s\nAsks the sidecar of a pod in a local mesh. Needs root.\n\nVerbs:\n", usage);
    for (size_t i = 0; i < WEFT_LEN(verbs); i++) {
        WEFT_FREE char *name =
            weft_asprintf("%s %s", verbs[i].name, verbs[i].arg ? verbs[i].arg : "");
        printf("  %-18s %s\n", name, verbs[i].help);
    }
    printf("\nExit status: 0 done; 1 no such pod or sidecar, or it refused; 2 wrong usage.\n\n"
           "Options:\n");
    weft_options_print(stdout, rows, WEFT_LEN(rows));
    return CLI_OK;
}

static bool has_sidecar(const json_t *pod) {
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(pod, "containers"), i, c) {
        if (strcmp(local_str(c, "name", ""), "weft-proxy") == 0) return true;
    }
    return false;
}

static int call_verb(int (*fn)(const struct call *c), struct options *o, const char *pod,
                     const char *arg) {
    WEFT_FREE char *state_dir = local_state_dir(&o->target);
    if (!state_dir) return CLI_USAGE;
    if (geteuid() != 0) {
        fprintf(stderr, "weft proxy: needs root, to enter the pod\n");
        return CLI_FAILED;
    }
    WEFT_FREE char *name = o->ns ? weft_asprintf("%s/%s", o->ns, pod) : weft_strdup(pod);
    LOCAL_JSON json_t *found =
        local_ask(state_dir, json_pack("{s:s, s:s}", "verb", "pod", "pod", name));
    if (!found) return CLI_FAILED;
    if (!has_sidecar(found)) {
        fprintf(stderr, "weft proxy: %s/%s has no sidecar\n", local_str(found, "namespace", ""),
                local_str(found, "name", ""));
        return CLI_FAILED;
    }
    struct call c = {o, found, arg, strcmp(o->output, "json") == 0};
    return fn(&c);
}

int cmd_proxy(int argc, char **argv) {
    struct options o = {.output = "table"};
    struct weft_option_result r;
    struct weft_error err = {0};
    if (weft_options_parse(rows, WEFT_LEN(rows), argc, argv, false, &o, &r, &err) != WEFT_OK) {
        fprintf(stderr, "weft proxy: %s: %s\n%s", err.path, err.message, usage);
        return CLI_USAGE;
    }
    if (r.help) return help();
    if (r.version) return cmd_version(1, argv);
    int n = argc - r.rest;
    if (n < 2 || n > 3 || (strcmp(o.output, "json") != 0 && strcmp(o.output, "table") != 0)) {
        fprintf(stderr, "%s", usage);
        return CLI_USAGE;
    }
    const char *verb = argv[r.rest + 1], *arg = n == 3 ? argv[r.rest + 2] : NULL;
    for (size_t i = 0; i < WEFT_LEN(verbs); i++)
        if (strcmp(verbs[i].name, verb) == 0 && (!arg || verbs[i].arg))
            return call_verb(verbs[i].fn, &o, argv[r.rest], arg);
    fprintf(stderr, "weft proxy: \"%s\" is not known%s\n%s", verb, arg ? " with an argument" : "",
            usage);
    return CLI_USAGE;
}

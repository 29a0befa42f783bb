/* SPDX-License-Identifier: Apache-2.0
 * weft proxy: asks the admin port of a sidecar, in a cluster or in a local mesh. */
#include <cli/cli.h>
#include <cli/local/jsonx.h>
#include <cli/proxy_view.h>
#include <cli/reach.h>

#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>

struct options {
    struct cli_reach_at at;
    const char *ns, *output;
    bool all;
};
static const struct weft_option rows[] = {
    {"namespace", NULL, "NS",
     "Namespace of the pod, if its name is not NS/POD. Default: the kubeconfig's.", weft_option_str,
     offsetof(struct options, ns), 0, 0, 'n'},
    {"all", NULL, NULL, "stats: also what is 0.", weft_option_bool, offsetof(struct options, all)},
    {"output", NULL, "table|json", "Default table.", weft_option_str,
     offsetof(struct options, output), 0, 0, 'o'},
    {"kubeconfig", NULL, "FILE",
     "The cluster of this file. Default: as kubectl, $KUBECONFIG or ~/.kube/config; inside a pod "
     "its own.",
     weft_option_str, offsetof(struct options, at.kubeconfig)},
    {"context", NULL, "NAME", "Context of the kubeconfig file. Default: its current one.",
     weft_option_str, offsetof(struct options, at.context)},
    {"kubectl", NULL, "PROGRAM", "Is run for its port-forward. Default: kubectl, found in $PATH.",
     weft_option_str, offsetof(struct options, at.kubectl)},
    {"name", "WEFT_LOCAL_NAME", "NAME", "Not the cluster: the local mesh of this name.",
     weft_option_str, offsetof(struct options, at.local.name)},
    {"state-dir", "WEFT_LOCAL_STATE_DIR", "DIR",
     "The same by its state folder. Default: /run/weft-local/NAME.", weft_option_str,
     offsetof(struct options, at.local.state_dir)},
};
static const char usage[] = "Usage: weft proxy [OPTIONS] [NS/]POD VERB [ARGUMENT]\n";

struct call {
    const struct options *o;
    struct cli_reach *reach;
    const char *arg; /* or NULL */
    bool json;
};

static const char *content(const json_t *answer) {
    return local_str(answer, "body", "");
}

/* The answer to one request; NULL after saying why there is none. */
static json_t *ask(const struct call *c, const char *method, const char *path) {
    return cli_reach_ask(c->reach, method, path);
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
    printf("%s\nAsks the sidecar of a pod: in the live cluster, by kubectl\nport-forward; with "
           "--name or --state-dir in a local mesh, as root.\n\nVerbs:\n",
           usage);
    for (size_t i = 0; i < WEFT_LEN(verbs); i++) {
        WEFT_FREE char *name =
            weft_asprintf("%s %s", verbs[i].name, verbs[i].arg ? verbs[i].arg : "");
        printf("  %-18s %s\n", name, verbs[i].help);
    }
    printf("\nExit status: 0 done; 1 no such pod or sidecar, or it refused; 2 wrong usage.\n\n"
           "Examples:\n  weft proxy shop/frontend routes\n"
           "  weft proxy shop/frontend stats upstream\n\nOptions:\n");
    weft_options_print(stdout, rows, WEFT_LEN(rows));
    return CLI_OK;
}

static int call_verb(int (*fn)(const struct call *c), struct options *o, const char *pod,
                     const char *arg) {
    struct call c = {o, cli_reach_open(&o->at, o->ns, pod), arg, strcmp(o->output, "json") == 0};
    int status = c.reach ? fn(&c) : CLI_FAILED;
    cli_reach_close(c.reach);
    return status;
}

static bool contradicts(const struct cli_reach_at *at) {
    return cli_reach_is_local(at) && (at->kubeconfig || at->context || at->kubectl);
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
    if (contradicts(&o.at)) {
        fprintf(stderr, "weft proxy: --name and --state-dir mean a local mesh; --kubeconfig, "
                        "--context and --kubectl a cluster\n");
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

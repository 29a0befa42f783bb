/* SPDX-License-Identifier: Apache-2.0
 * weft routes: the status that every route would have in a cluster, and what passed through it. */
#include <cli/cli.h>
#include <cli/input.h>
#include <cli/local/verbs.h>
#include <cli/traffic.h>

#include <stdlib.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>
#include <weft/object/json.h>

static const struct weft_option rows[] = {
    CLI_ROW_FILE,
    CLI_ROW_KUBECONFIG,
    CLI_ROW_CONTEXT,
    CLI_ROW_OUTPUT("\"json\" prints status.parents as it would be written. Default: a table."),
    CLI_ROW_CHANNEL,
    CLI_ROW_GRANT,
    {.flag = "traffic",
     .help = "Also what the callers' sidecars counted of each route since they started. Asks every "
             "sidecar: of the cluster through the API server (get pods/proxy), with -f of a local "
             "mesh.",
     .set = weft_option_bool,
     .offset = offsetof(struct cli_options, traffic)},
    {.flag = "name",
     .env = "WEFT_LOCAL_NAME",
     .metavar = "NAME",
     .help = "With -f and --traffic: the local mesh. Default: default.",
     .set = weft_option_str,
     .offset = offsetof(struct cli_options, local_name)},
    {.flag = "state-dir",
     .env = "WEFT_LOCAL_STATE_DIR",
     .metavar = "DIR",
     .help = "The same by its state folder. Default: /run/weft-local/NAME.",
     .set = weft_option_str,
     .offset = offsetof(struct cli_options, local_state_dir)},
};
static const struct cli_command command = {
    .usage = "weft routes [-f PATH] [--traffic] [-o json]",
    .about = "Shows for every route and each of its Service parents whether it is in effect\n"
             "and whether its backends are there: of manifests, or of a live cluster.\n"
             "Exit status: 0 all accepted and resolved; 1 one is not, a manifest is broken, or no\n"
             "sidecar told its traffic; 2 wrong usage.\n\n"
             "Examples:\n"
             "  weft routes -f deploy/\n"
             "  weft routes --traffic          # of the live cluster",
    .rows = rows,
    .n_rows = WEFT_LEN(rows),
};

static const json_t *condition(const json_t *parent, const char *type) {
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(parent, "conditions"), i, c) {
        if (weft_slice_is(weft_js_str(c, "type"), type)) return c;
    }
    return NULL;
}

static const char *word(const json_t *obj, const char *key, const char *missing) {
    const char *s = json_string_value(json_object_get(obj, key));
    return s ? s : missing;
}

static void print_message(const json_t *parent, const char *type) {
    const json_t *c = condition(parent, type);
    if (c) printf("    %s %s: %s\n", type, word(c, "reason", ""), word(c, "message", ""));
}

/* ---- traffic ---- */

static struct cli_traffic_sum traffic_of(const struct cli_traffic *t, const json_t *route,
                                         const json_t *parent) {
    const json_t *ref = json_object_get(parent, "parentRef");
    const char *ns = word(route, "namespace", "");
    WEFT_FREE char *name = weft_asprintf("%s/%s", ns, word(route, "name", ""));
    WEFT_FREE char *service =
        weft_asprintf("%s/%s", word(ref, "namespace", ns), word(ref, "name", ""));
    return cli_traffic_of(t, word(route, "kind", ""), name, service,
                          (uint16_t)weft_js_int(ref, "port", 0, UINT16_MAX, 0));
}

static const char *milliseconds(double seconds, char text[32]) {
    snprintf(text, 32, seconds < 0 ? "-" : "%.1fms", seconds * 1000);
    return text;
}

static void print_traffic(const struct cli_traffic *t, const json_t *route, const json_t *parent) {
    char p50[32], p99[32];
    struct cli_traffic_sum s = traffic_of(t, route, parent);
    printf(" %-10llu %-8llu %-10s %s", (unsigned long long)s.requests, (unsigned long long)s.failed,
           milliseconds(s.p50, p50), milliseconds(s.p99, p99));
}

/* Beside each route's status, one for each of its parents. */
static void add_traffic(const struct cli_traffic *t, json_t *status) {
    size_t i, k;
    json_t *route, *parent;
    json_array_foreach(status, i, route) {
        json_t *list = json_array();
        json_array_foreach(weft_js_in(route, "status", "parents"), k, parent) {
            struct cli_traffic_sum s = traffic_of(t, route, parent);
            json_t *o =
                json_pack("{s:O, s:I, s:I}", "parentRef", json_object_get(parent, "parentRef"),
                          "requests", (json_int_t)s.requests, "failed", (json_int_t)s.failed);
            if (s.p50 >= 0) json_object_set_new(o, "p50_seconds", json_real(s.p50));
            if (s.p99 >= 0) json_object_set_new(o, "p99_seconds", json_real(s.p99));
            json_array_append_new(list, o);
        }
        json_object_set_new(route, "traffic", list);
    }
}

/* ---- status ---- */

/* True when this parent is as it should be. */
static bool print_parent(const json_t *route, const json_t *parent, const struct cli_traffic *t) {
    const json_t *ref = json_object_get(parent, "parentRef");
    const char *ns = word(route, "namespace", ""), *parent_ns = word(ref, "namespace", ns);
    const json_t *accepted = condition(parent, "Accepted");
    const json_t *resolved = condition(parent, "ResolvedRefs");
    char port[32] = "", name[620], service[600];
    json_int_t number = json_integer_value(json_object_get(ref, "port"));
    if (number) snprintf(port, sizeof port, ":%d", (int)number);
    snprintf(name, sizeof name, "%s %s/%s", word(route, "kind", ""), ns, word(route, "name", ""));
    snprintf(service, sizeof service, "%s/%s%s%s%s", parent_ns, word(ref, "name", ""), port,
             json_object_get(ref, "sectionName") ? "#" : "", word(ref, "sectionName", ""));
    const char *a = word(accepted, "status", "?"), *r = word(resolved, "status", "-");
    printf("%-42s %-32s %-9s %-8s", name, service, strcmp(ns, parent_ns) ? "consumer" : "producer",
           a);
    printf(t ? " %-12s" : " %s", r);
    if (t) print_traffic(t, route, parent);
    printf("\n");
    print_message(parent, "Accepted");
    if (strcmp(r, "True") != 0) print_message(parent, "ResolvedRefs");
    print_message(parent, "PartiallyInvalid");
    return !strcmp(a, "True") && !strcmp(r, "True") && !condition(parent, "PartiallyInvalid");
}

static int print_table(const json_t *status, const struct cli_traffic *t) {
    int result = CLI_OK;
    size_t i, k;
    json_t *route, *parent;
    printf("%-42s %-32s %-9s %-8s %s%s\n", "ROUTE", "SERVICE", "ROLE", "ACCEPTED", "RESOLVEDREFS",
           t ? " REQUESTS   FAILED   P50        P99" : "");
    json_array_foreach(status, i, route) {
        json_array_foreach(json_object_get(json_object_get(route, "status"), "parents"), k,
                           parent) {
            if (!print_parent(route, parent, t)) result = CLI_FAILED;
        }
    }
    return result;
}

static bool all_good(const json_t *status) {
    size_t i, k;
    json_t *route, *parent;
    json_array_foreach(status, i, route) {
        json_array_foreach(weft_js_in(route, "status", "parents"), k, parent) {
            if (strcmp(word(condition(parent, "Accepted"), "status", ""), "True") != 0 ||
                strcmp(word(condition(parent, "ResolvedRefs"), "status", ""), "True") != 0 ||
                condition(parent, "PartiallyInvalid"))
                return false;
        }
    }
    return true;
}

static int print_json(const json_t *status) {
    WEFT_FREE char *text = weft_dump_text(status);
    fputs(text, stdout);
    return all_good(status) ? CLI_OK : CLI_FAILED;
}

static int print_routes(const struct cli_input *in, const struct cli_traffic *t, bool json) {
    size_t faults = cli_print_faults(in);
    json_t *list = weft_gamma_status(in->gamma);
    if (json && t) add_traffic(t, list);
    int status = json ? print_json(list) : print_table(list, t);
    json_decref(list);
    return faults ? CLI_FAILED : status;
}

static int show(const struct cli_input *in, const struct cli_options *opt) {
    if (!opt->traffic) return print_routes(in, NULL, opt->output != NULL);
    struct cli_traffic *t = cli_traffic_new();
    struct local_target mesh = {opt->local_name, opt->local_state_dir};
    bool ok = in->live ? cli_traffic_fetch_cluster(t, in, opt) : cli_traffic_fetch_local(t, &mesh);
    int status = print_routes(in, t, opt->output != NULL);
    cli_traffic_free(t);
    return ok ? status : CLI_FAILED;
}

int cmd_routes(int argc, char **argv) {
    struct cli_options opt;
    struct cli_input in;
    int status = cli_parse(&command, argc, argv, &opt, NULL);
    if (status >= 0) return status;
    if (opt.output && strcmp(opt.output, "json") != 0) {
        fprintf(stderr, "weft: -o: \"%s\": only json is known\n", opt.output);
        return CLI_USAGE;
    }
    cli_input_init(&in, &opt);
    status = in.unreadable ? in.unreadable : show(&in, &opt);
    cli_input_done(&in);
    return status;
}

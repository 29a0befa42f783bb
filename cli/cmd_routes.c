/* SPDX-License-Identifier: Apache-2.0
 * weft routes: the status that every route would have in a cluster. */
#include <cli/cli.h>
#include <cli/input.h>

#include <stdlib.h>
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
};
static const struct cli_command command = {
    .usage = "weft routes [-f PATH] [-o json]",
    .about = "Shows for every route and each of its Service parents whether it is in effect\n"
             "and whether its backends are there: of manifests, or of a live cluster.\n"
             "Exit status: 0 all accepted and resolved; 1 one is not, or a manifest is broken; 2 "
             "wrong usage.",
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

/* True when this parent is as it should be. */
static bool print_parent(const json_t *route, const json_t *parent) {
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
    printf("%-42s %-32s %-9s %-8s %s\n", name, service,
           strcmp(ns, parent_ns) ? "consumer" : "producer", a, r);
    print_message(parent, "Accepted");
    if (strcmp(r, "True") != 0) print_message(parent, "ResolvedRefs");
    print_message(parent, "PartiallyInvalid");
    return !strcmp(a, "True") && !strcmp(r, "True") && !condition(parent, "PartiallyInvalid");
}

static int print_table(const json_t *status) {
    int result = CLI_OK;
    size_t i, k;
    json_t *route, *parent;
    printf("%-42s %-32s %-9s %-8s %s\n", "ROUTE", "SERVICE", "ROLE", "ACCEPTED", "RESOLVEDREFS");
    json_array_foreach(status, i, route) {
        json_array_foreach(json_object_get(json_object_get(route, "status"), "parents"), k,
                           parent) {
            if (!print_parent(route, parent)) result = CLI_FAILED;
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

static int print_routes(const struct cli_input *in, bool json) {
    size_t faults = cli_print_faults(in);
    json_t *list = weft_gamma_status(in->gamma);
    int status = json ? print_json(list) : print_table(list);
    json_decref(list);
    return faults ? CLI_FAILED : status;
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
    status = in.unreadable ? in.unreadable : print_routes(&in, opt.output != NULL);
    cli_input_done(&in);
    return status;
}

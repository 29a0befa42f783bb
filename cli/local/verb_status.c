/* SPDX-License-Identifier: Apache-2.0
 * `weft local status`. */
#include <cli/local/jsonx.h>
#include <cli/local/verbs.h>
#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>

struct status {
    struct local_target target;
    const char *output;
    uint64_t wait_s;
};
static const struct weft_option rows[] = {
    LOCAL_TARGET_ROWS(struct status, target),
    {"output", NULL, "text|json", "Default text.", weft_option_str, offsetof(struct status, output),
     0, 0, 'o'},
    {"wait", NULL, "SECONDS", "Wait so long for everything to be ready.", weft_option_u64,
     offsetof(struct status, wait_s), 0, 3600},
};

static void print_pods(const json_t *pods) {
    size_t i, k;
    json_t *p, *c;
    printf("%-40s %-6s %-16s %-8s %s\n", "POD", "READY", "ADDRESS", "SIDECAR", "CONTAINERS");
    json_array_foreach(pods, i, p) {
        WEFT_FREE char *name =
            weft_asprintf("%s/%s", local_str(p, "namespace", ""), local_str(p, "name", ""));
        printf("%-40s %-6s %-16s %-8s", name,
               json_is_true(json_object_get(p, "terminating")) ? "ending"
               : json_is_true(json_object_get(p, "ready"))     ? "yes"
                                                               : "no",
               local_str(p, "ip", ""), json_is_true(json_object_get(p, "sidecar")) ? "yes" : "no");
        json_array_foreach(json_object_get(p, "containers"), k, c) {
            int restarts = (int)local_int(c, "restarts", 0);
            printf(" %s:%s", local_str(c, "name", ""), local_str(c, "state", ""));
            if (restarts) printf("(%d restarts)", restarts);
            if (!json_is_true(json_object_get(c, "ready")) && *local_str(c, "last", ""))
                printf("[%s]", local_str(c, "last", ""));
        }
        printf("%s%s\n", *local_str(p, "problem", "") ? " " : "", local_str(p, "problem", ""));
    }
}

static void print_services(const json_t *services) {
    size_t i, k;
    json_t *s, *port;
    printf("\n%-40s %-16s %s\n", "SERVICE", "CLUSTERIP", "PORT → READY ENDPOINTS");
    json_array_foreach(services, i, s) {
        WEFT_FREE char *name =
            weft_asprintf("%s/%s", local_str(s, "namespace", ""), local_str(s, "name", ""));
        const char *ip = json_string_value(json_array_get(json_object_get(s, "clusterIPs"), 0));
        printf("%-40s %-16s", name, ip ? ip : "None");
        json_array_foreach(json_object_get(s, "ports"), k, port)
            printf(" %d→%zu", (int)local_int(port, "port", 0),
                   json_array_size(json_object_get(port, "ready")));
        printf("\n");
    }
}

static void print_text(const json_t *o) {
    printf("mesh %s of %s, state in %s, supervisor %d\n", local_str(o, "name", ""),
           local_str(o, "folder", ""), local_str(o, "stateDir", ""), (int)local_int(o, "pid", 0));
    if (json_is_true(local_get(o, "controller.present")))
        printf("controller %s: %s, %s\n", local_str(o, "controller.address", ""),
               json_is_true(local_get(o, "controller.ready")) ? "ready" : "not ready",
               *local_str(o, "controller.last", "") ? local_str(o, "controller.last", "")
                                                    : "never restarted");
    printf("\n");
    print_pods(json_object_get(o, "pods"));
    print_services(json_object_get(o, "services"));
    size_t i;
    json_t *s;
    json_array_foreach(json_object_get(o, "problems"), i, s)
        printf("%serror: %s\n", i ? "" : "\n", json_string_value(s));
    json_array_foreach(json_object_get(o, "warnings"), i, s)
        printf("%swarning: %s\n", i ? "" : "\n", json_string_value(s));
}

static const struct local_help help = {
    .usage = "status [OPTIONS]",
    .about =
        "Prints the pods with their containers, the Services with their endpoints, and what is\n"
        "not ready or not honoured.\n"
        "Exit status: 0 everything is ready; 1 it is not, or there is no such mesh; 2 wrong "
        "usage.",
    .example = "weft local status --wait 30",
};

int local_verb_status(int argc, char **argv) {
    struct status s = {.output = "text"};
    int rest, status;
    if (!local_parse(rows, WEFT_LEN(rows), argc, argv, false, &s, &help, &rest, &status))
        return status;
    if (strcmp(s.output, "text") != 0 && strcmp(s.output, "json") != 0) {
        fprintf(stderr, "weft local status: --output: \"%s\": use text or json\n", s.output);
        return 2;
    }
    WEFT_FREE char *state_dir = local_state_dir(&s.target);
    if (!state_dir) return 2;
    LOCAL_JSON json_t *o = local_ask(
        state_dir, json_pack("{s:s, s:I}", "verb", "status", "wait_s", (json_int_t)s.wait_s));
    if (!o) return 1;
    json_object_del(o, "ok");
    if (strcmp(s.output, "json") == 0)
        printf("%s\n", json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS));
    else
        print_text(o);
    return json_is_true(json_object_get(o, "settled")) ? 0 : 1;
}

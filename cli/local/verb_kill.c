/* SPDX-License-Identifier: Apache-2.0
 * `weft local kill`. */
#include <cli/local/jsonx.h>
#include <cli/local/verbs.h>
#include <stdio.h>
#include <weft/base/alloc.h>

struct killer {
    struct local_target target;
    const char *container, *ns;
};
static const struct weft_option rows[] = {
    LOCAL_TARGET_ROWS(struct killer, target),
    {"namespace", NULL, "NS", "Namespace of the pod, if its name is not NS/POD.", weft_option_str,
     offsetof(struct killer, ns), 0, 0, 'n'},
    {"container", NULL, "NAME", "Only this container (weft-proxy is one). Default: all at once.",
     weft_option_str, offsetof(struct killer, container), 0, 0, 'c'},
};

static const struct local_help help = {
    .usage = "kill [OPTIONS] [NS/]POD",
    .about = "Sends SIGKILL to the programs of a pod, as a crash would end them. They are started\n"
             "again, later and later the more often.\n"
             "Exit status: 0 killed; 1 no such pod or container; 2 wrong usage.",
    .example = "weft local kill shop/cart -c weft-proxy",
};

int local_verb_kill(int argc, char **argv) {
    struct killer k = {0};
    int rest, status;
    if (!local_parse(rows, WEFT_LEN(rows), argc, argv, false, &k, &help, &rest, &status))
        return status;
    if (rest + 1 != argc) return local_usage(&help);
    WEFT_FREE char *state_dir = local_state_dir(&k.target);
    if (!state_dir) return 2;
    WEFT_FREE char *name =
        k.ns ? weft_asprintf("%s/%s", k.ns, argv[rest]) : weft_strdup(argv[rest]);
    LOCAL_JSON json_t *o =
        local_ask(state_dir, json_pack("{s:s, s:s, s:s}", "verb", "kill", "pod", name, "container",
                                       k.container ? k.container : ""));
    if (!o) return 1;
    printf("%s/%s: %d killed\n", local_str(o, "namespace", ""), local_str(o, "name", ""),
           (int)local_int(o, "killed", 0));
    return 0;
}

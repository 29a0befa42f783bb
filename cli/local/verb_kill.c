/* SPDX-License-Identifier: Apache-2.0
 * `weft local kill`. */
#include <cli/local/jsonx.h>
#include <cli/local/verbs.h>
#include <stdio.h>
#include <weft/base/alloc.h>

struct killer {
    struct local_target target;
    const char *container;
};
static const struct weft_option rows[] = {
    LOCAL_TARGET_ROWS(struct killer, target),
    {"container", NULL, "NAME", "Only this container (weft-proxy is one). Default: all at once.",
     weft_option_str, offsetof(struct killer, container), 0, 0, 'c'},
};

int local_verb_kill(int argc, char **argv) {
    struct killer k = {0};
    const char *usage = "kill [OPTIONS] [NS/]POD";
    int rest, status;
    if (!local_parse(rows, WEFT_LEN(rows), argc, argv, false, &k, usage, &rest, &status))
        return status;
    if (rest + 1 != argc) {
        fprintf(stderr, "Usage: weft local %s\n", usage);
        return 2;
    }
    WEFT_FREE char *state_dir = local_state_dir(&k.target);
    if (!state_dir) return 2;
    LOCAL_JSON json_t *o =
        local_ask(state_dir, json_pack("{s:s, s:s, s:s}", "verb", "kill", "pod", argv[rest],
                                       "container", k.container ? k.container : ""));
    if (!o) return 1;
    printf("%s/%s: %d killed\n", local_str(o, "namespace", ""), local_str(o, "name", ""),
           (int)local_int(o, "killed", 0));
    return 0;
}

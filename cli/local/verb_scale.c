/* SPDX-License-Identifier: Apache-2.0
 * `weft local scale`. */
#include <cli/local/jsonx.h>
#include <cli/local/verbs.h>
#include <stdio.h>
#include <weft/base/alloc.h>

enum { MAX_REPLICAS = 100 };

struct scale {
    struct local_target target;
    const char *ns;
    uint64_t timeout_s;
};
static const struct weft_option rows[] = {
    LOCAL_TARGET_ROWS(struct scale, target),
    {"namespace", NULL, "NS", "Namespace of the workload, if its name is not NS/NAME.",
     weft_option_str, offsetof(struct scale, ns), 0, 0, 'n'},
    {"timeout", NULL, "SECONDS", "Wait so long for everything to be ready; 0: do not. Default 60.",
     weft_option_u64, offsetof(struct scale, timeout_s), 0, 3600},
};

static const struct local_help help = {
    .usage = "scale [OPTIONS] [NS/]WORKLOAD N",
    .about = "Gives a Deployment or StatefulSet N pods (0 to 100) and waits until they are ready.\n"
             "`weft local apply` goes back to what its manifest says.\n"
             "Exit status: 0 done and ready; 1 no such workload, or not all became ready; 2 wrong "
             "usage.",
    .example = "weft local scale shop/cart 3",
};

int local_verb_scale(int argc, char **argv) {
    struct scale s = {.timeout_s = 60};
    int rest, status;
    uint64_t n;
    if (!local_parse(rows, WEFT_LEN(rows), argc, argv, false, &s, &help, &rest, &status))
        return status;
    if (rest + 2 != argc) return local_usage(&help);
    if (!weft_slice_u64(weft_slice_str(argv[rest + 1]), MAX_REPLICAS, &n)) {
        fprintf(stderr, "weft local scale: \"%s\": how many pods? 0 to %d\n", argv[rest + 1],
                MAX_REPLICAS);
        return 2;
    }
    WEFT_FREE char *state_dir = local_state_dir(&s.target);
    if (!state_dir) return 2;
    WEFT_FREE char *name =
        s.ns ? weft_asprintf("%s/%s", s.ns, argv[rest]) : weft_strdup(argv[rest]);
    LOCAL_JSON json_t *o = local_ask(
        state_dir, json_pack("{s:s, s:s, s:I, s:I}", "verb", "scale", "workload", name, "replicas",
                             (json_int_t)n, "wait_s", (json_int_t)s.timeout_s));
    if (!o) return 1;
    printf("%d added, %d removed, %d unchanged\n", (int)local_int(o, "changes.added", 0),
           (int)local_int(o, "changes.removed", 0), (int)local_int(o, "changes.kept", 0));
    bool settled = json_is_true(json_object_get(o, "settled"));
    if (!settled && s.timeout_s) printf("not everything is ready; see `weft local status`\n");
    return settled || !s.timeout_s ? 0 : 1;
}

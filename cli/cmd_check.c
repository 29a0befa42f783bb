/* SPDX-License-Identifier: Apache-2.0
 * weft check: reads manifests as the mesh would and says what is wrong or seldom meant. */
#include <cli/cli.h>
#include <cli/cluster.h>
#include <cli/lint.h>

#include <weft/base/alloc.h>

static const struct weft_option rows[] = {
    CLI_ROW_FILE,
    CLI_ROW_KUBECONFIG,
    CLI_ROW_CONTEXT,
    CLI_ROW_CHANNEL,
    CLI_ROW_GRANT,
    CLI_ROW_OUTPUT("\"json\" prints the findings as JSON. Default: one line each."),
};
static const struct cli_command command = {
    .usage =
        "weft check [-f PATH] [-f PATH] [--kubeconfig FILE] [--context NAME] [--channel CHANNEL]",
    .about = "Looks through manifests for what the API server would refuse, for routes that are "
             "not\n"
             "in effect, and for what is legal but seldom meant. Each finding says file, line,\n"
             "field, why, and what to do.\n"
             "Without -f: looks through a live cluster instead, and at its version and types,\n"
             "controllers, webhook, and the sidecar of each pod (not with -o).\n"
             "Exit status: 0 no errors (warnings and notes may stand); 1 errors; 2 wrong usage.\n\n"
             "Examples:\n"
             "  weft check -f deploy/          # before it is applied\n"
             "  weft check                     # the live cluster",
    .rows = rows,
    .n_rows = WEFT_LEN(rows),
};

static void on_route(void *ud, const struct weft_object *o) {
    lint_route(ud, o);
}

static void add_faults(struct lint *l) {
    for (size_t i = 0; i < l->in->n_faults; i++) {
        const struct cli_fault *f = &l->in->faults[i];
        lint_add(l, LINT_ERROR, "invalid", NULL, f->error.path, "%s", f->error.message);
        struct lint_finding *last = &l->items[l->n - 1];
        char **name = l->in->live ? &last->object : &last->file;
        free(*name);
        *name = weft_strdup(f->file);
        last->line = f->error.line;
    }
}

/* Of a live cluster not only the objects are looked at. */
static int check_cluster(const struct cli_options *opt) {
    if (opt->n_paths || opt->output) return CLI_OK;
    return cluster_check_after(&(struct cluster_at){opt->kubeconfig, opt->context});
}

int cmd_check(int argc, char **argv) {
    struct cli_options opt;
    struct cli_input in;
    int status = cli_parse(&command, argc, argv, &opt, NULL);
    if (status >= 0) return status;
    if (opt.output && strcmp(opt.output, "json") != 0) {
        fprintf(stderr, "weft: -o: \"%s\": only json is known\n", opt.output);
        return CLI_USAGE;
    }
    int health = check_cluster(&opt);
    if (health < 0) return CLI_FAILED;
    cli_input_init(&in, &opt);
    struct lint l = {.in = &in, .opt = &opt};
    add_faults(&l);
    weft_store_each(in.store, "HTTPRoute", NULL, on_route, &l);
    weft_store_each(in.store, "GRPCRoute", NULL, on_route, &l);
    lint_status(&l);
    lint_services(&l);
    lint_channel(&l);
    status = in.unreadable ? in.unreadable : lint_count(&l, LINT_ERROR) ? CLI_FAILED : CLI_OK;
    if (!in.unreadable) lint_print(&l, opt.output != NULL);
    if (status == CLI_OK && !opt.output && l.n == 0) printf("no findings\n");
    lint_done(&l);
    cli_input_done(&in);
    return status == CLI_OK ? health : status;
}

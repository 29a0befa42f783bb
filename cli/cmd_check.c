/* SPDX-License-Identifier: Apache-2.0
 * weft check: reads manifests as the mesh would and says what is wrong or seldom meant. */
#include <cli/cli.h>
#include <cli/cluster.h>
#include <cli/lint.h>

#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>

static const struct weft_option rows[] = {
    CLI_ROW_FILE,
    CLI_ROW_KUBECONFIG,
    CLI_ROW_CONTEXT,
    CLI_ROW_CHANNEL,
    CLI_ROW_GRANT,
    CLI_ROW_OUTPUT("\"json\" prints all as JSON: of manifests a list of findings, of a cluster an "
                   "object of cluster, sidecars and findings. Default: one line each."),
};
static const struct cli_command command = {
    .usage =
        "weft check [-f PATH] [-f PATH] [--kubeconfig FILE] [--context NAME] [--channel CHANNEL]",
    .about =
        "Looks through manifests for what the API server would refuse, for routes that are "
        "not\n"
        "in effect, and for what is legal but seldom meant. Each finding says file, line,\n"
        "field, why, and what to do.\n"
        "Without -f: looks through a live cluster instead, and at its version and types,\n"
        "controllers, certificates and webhook (a pod is made as a dry run), and at each pod's\n"
        "sidecar: redirection, readiness, version, configuration and certificate, asked of its\n"
        "metrics through the API server.\n"
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

static void lint_all(struct lint *l) {
    add_faults(l);
    weft_store_each(l->in->store, "HTTPRoute", NULL, on_route, l);
    weft_store_each(l->in->store, "GRPCRoute", NULL, on_route, l);
    lint_status(l);
    lint_services(l);
    lint_channel(l);
}

/* Of manifests a list of findings; of a cluster, which has more to it, an object of lists. */
static void print_json(struct lint *l, const struct cli_report *r, bool live) {
    json_t *findings = lint_json(l);
    json_t *all = live ? json_pack("{s:O, s:O, s:O}", "cluster", r->lines, "sidecars", r->sidecars,
                                   "findings", findings)
                       : json_incref(findings);
    WEFT_FREE char *text = weft_dump_text(all);
    fputs(text, stdout);
    json_decref(all);
    json_decref(findings);
}

static void print_report(const struct cli_report *r) {
    struct weft_buf out;
    weft_buf_init(&out, 0);
    cli_report_render(r, &out);
    printf(WEFT_SLICE_FMT, WEFT_SLICE_ARG(weft_buf_slice(&out)));
    weft_buf_done(&out);
}

static int check(struct cli_options *opt, const struct cli_report *r, bool live) {
    struct cli_input in;
    cli_input_init(&in, opt);
    struct lint l = {.in = &in, .opt = opt};
    lint_all(&l);
    bool wrong = lint_count(&l, LINT_ERROR) || r->errors;
    int status = in.unreadable ? in.unreadable : wrong ? CLI_FAILED : CLI_OK;
    if (opt->output) {
        if (!in.unreadable) print_json(&l, r, live);
    } else if (!in.unreadable) {
        lint_print(&l);
        if (status == CLI_OK && l.n == 0) printf("no findings\n");
    }
    lint_done(&l);
    cli_input_done(&in);
    return status;
}

int cmd_check(int argc, char **argv) {
    struct cli_options opt;
    struct cli_report r;
    int status = cli_parse(&command, argc, argv, &opt, NULL);
    if (status >= 0) return status;
    if (opt.output && strcmp(opt.output, "json") != 0) {
        fprintf(stderr, "weft: -o: \"%s\": only json is known\n", opt.output);
        return CLI_USAGE;
    }
    bool live = opt.n_paths == 0;
    cli_report_init(&r);
    if (live && !cluster_check_after(&(struct cluster_at){opt.kubeconfig, opt.context}, &r)) {
        cli_report_done(&r);
        return CLI_FAILED;
    }
    if (!opt.output) print_report(&r);
    status = check(&opt, &r, live);
    cli_report_done(&r);
    return status;
}

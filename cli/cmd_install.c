/* SPDX-License-Identifier: Apache-2.0
 * weft install, upgrade and uninstall: manifests on standard output, for kubectl; what to know
 * beside them on standard error. */
#include <cli/cli.h>
#include <cli/cluster.h>
#include <cli/install.h>
#include <cli/leftovers.h>

#include <stdio.h>
#include <weft/base/alloc.h>
#include <weft/base/options.h>

struct options {
    struct cli_install_values values;
    struct cluster_at at;
    bool ask; /* the cluster, instead of printing manifests */
    bool keep_status;
};
#define VALUE_ROW(member, flag_, metavar_, value, help_)                                           \
    {.flag = flag_,                                                                                \
     .metavar = (metavar_),                                                                        \
     .help = help_ value ".",                                                                      \
     .set = weft_option_str,                                                                       \
     .offset = offsetof(struct options, values.member)},
#define ROWS(flag_, help_, ...)                                                                    \
    {                                                                                              \
        CLI_INSTALL_MAP(VALUE_ROW){.flag = flag_,                                                  \
                                   .help = help_,                                                  \
                                   .set = weft_option_bool,                                        \
                                   .offset = offsetof(struct options, ask)},                       \
            {.flag = "kubeconfig",                                                                 \
             .metavar = "FILE",                                                                    \
             .help = "With --" flag_ ": the cluster of this file. Default: as kubectl.",           \
             .set = weft_option_str,                                                               \
             .offset = offsetof(struct options, at.kubeconfig)},                                   \
            {.flag = "context",                                                                    \
             .metavar = "NAME",                                                                    \
             .help = "Context of the kubeconfig file. Default: its current one.",                  \
             .set = weft_option_str,                                                               \
             .offset = offsetof(struct options, at.context)},                                      \
            __VA_ARGS__                                                                            \
    }
static const struct weft_option install_rows[] =
    ROWS("check", "Prints nothing for kubectl; asks the cluster whether Weft can be installed.");
static const struct weft_option upgrade_rows[] =
    ROWS("leftovers", "Instead: what the cluster has of other versions and this one does not, for "
                      "kubectl delete --ignore-not-found -f -.");
static const struct weft_option uninstall_rows[] =
    ROWS("leftovers",
         "Instead: whatever of Weft the cluster still has, of any version; and removes Weft's own "
         "entries from the status of routes.",
         {.flag = "keep-status",
          .help = "With --leftovers: routes keep the entries.",
          .set = weft_option_bool,
          .offset = offsetof(struct options, keep_status)});

struct command {
    const struct weft_option *rows;
    size_t n_rows;
    const char *name, *status, *about, *example, *notes;
    int (*ask)(const struct options *o);
    void (*render)(const struct cli_install_values *v, struct weft_buf *out);
};

static int help(const struct command *c) {
    printf("Usage: weft %s [OPTIONS] | kubectl %s\n\n%s\nExit status: %s; 2 wrong usage.\n\n"
           "Example:\n  %s\n\nOptions:\n",
           c->name,
           c->render == cli_install_render ? "apply -f -" : "delete --ignore-not-found -f -",
           c->about, c->status, c->example);
    weft_options_print(stdout, c->rows, c->n_rows);
    return CLI_OK;
}

static int wrong(const struct command *c, const char *where, const char *what) {
    fprintf(stderr, "weft %s: %s: %s\nUsage: weft %s [OPTIONS]\n", c->name, where, what, c->name);
    return CLI_USAGE;
}

static int print(const struct command *c, const struct cli_install_values *v) {
    struct weft_buf out;
    weft_buf_init(&out, 0);
    c->render(v, &out);
    struct weft_slice s = weft_buf_slice(&out);
    bool ok = fwrite(s.base, 1, s.len, stdout) == s.len && fflush(stdout) == 0;
    weft_buf_done(&out);
    if (!ok) perror("weft: standard output");
    if (ok && c->notes) fprintf(stderr, "%s", c->notes);
    return ok ? CLI_OK : CLI_FAILED;
}

static int run(const struct command *c, int argc, char **argv) {
    struct options o = {0};
    struct weft_option_result r;
    struct weft_error err = {0};
    cli_install_defaults(&o.values);
    if (weft_options_parse(c->rows, c->n_rows, argc, argv, false, &o, &r, &err) != WEFT_OK)
        return wrong(c, err.path, err.message);
    if (r.help) return help(c);
    if (r.version) return cmd_version(1, argv);
    if (r.rest < argc) return wrong(c, argv[r.rest], "unexpected argument");
    if (cli_install_judge(&o.values, &err) != WEFT_OK) return wrong(c, err.path, err.message);
    if (o.ask) return c->ask(&o);
    if (o.at.kubeconfig || o.at.context || o.keep_status)
        return wrong(c,
                     o.keep_status     ? "--keep-status"
                     : o.at.kubeconfig ? "--kubeconfig"
                                       : "--context",
                     c->rows == install_rows ? "only with --check" : "only with --leftovers");
    return print(c, &o.values);
}

static int ask_before(const struct options *o) {
    struct cli_report r;
    struct weft_buf out;
    cli_report_init(&r);
    weft_buf_init(&out, 0);
    bool asked = cluster_check_before(&o->at, &o->values, &r);
    cli_report_render(&r, &out);
    printf(WEFT_SLICE_FMT, WEFT_SLICE_ARG(weft_buf_slice(&out)));
    weft_buf_done(&out);
    int status = asked && r.errors == 0 ? CLI_OK : CLI_FAILED;
    cli_report_done(&r);
    return status;
}

static int ask_after_upgrade(const struct options *o) {
    return cli_leftovers(&o->at, &o->values, false);
}

static int ask_after_removal(const struct options *o) {
    return cli_leftovers(&o->at, NULL, o->keep_status);
}

int cmd_install(int argc, char **argv) {
    static const struct command c = {
        .rows = install_rows,
        .n_rows = WEFT_LEN(install_rows),
        .ask = ask_before,
        .name = "install",
        .status = "0 printed, or nothing found by --check; 1 it found an error, or not all could "
                  "be asked",
        .example = "weft install --image-registry registry.example/mesh | kubectl apply -f -",
        .about =
            "Prints what Weft needs in a cluster: its namespace, rights, controllers, Service\n"
            "and injection webhook. Applying it again changes nothing.",
        .render = cli_install_render,
    };
    return run(&c, argc, argv);
}

int cmd_upgrade(int argc, char **argv) {
    static const struct command c = {
        .rows = upgrade_rows,
        .n_rows = WEFT_LEN(upgrade_rows),
        .ask = ask_after_upgrade,
        .name = "upgrade",
        .status = "0 printed; 1 not all could be written, or asked by --leftovers",
        .example = "weft upgrade --image-registry registry.example/mesh | kubectl diff -f -",
        .about =
            "Prints the manifests of this version, to be applied over those of the last one;\n"
            "give the options that were given to weft install. `kubectl diff -f -` shows what\n"
            "would change. Afterwards `weft upgrade --leftovers` prints what an older version had\n"
            "and this one does not, which kubectl apply leaves.",
        .notes =
            "weft: controllers are replaced one after the other and sidecars go on as they are;\n"
            "weft: a pod gets its new sidecar when it is made again (kubectl rollout restart)\n"
            "weft: then, with the same options: weft upgrade --leftovers | kubectl delete "
            "--ignore-not-found -f -\n",
        .render = cli_install_render,
    };
    return run(&c, argc, argv);
}

int cmd_uninstall(int argc, char **argv) {
    static const struct command c = {
        .rows = uninstall_rows,
        .n_rows = WEFT_LEN(uninstall_rows),
        .ask = ask_after_removal,
        .name = "uninstall",
        .status = "0 printed; 1 not all could be written, or asked by --leftovers",
        .example = "weft uninstall | kubectl delete --ignore-not-found -f -",
        .about =
            "Prints the objects that weft install made, the webhook first, so that pods are made\n"
            "without a sidecar from then on. Keys and Lease go with the namespace. Then\n"
            "`weft uninstall --leftovers` looks through the cluster for what is still there, and "
            "takes\n"
            "Weft's entries, and nobody else's, out of the status of routes.",
        .notes =
            "weft: pods keep their sidecar until they are made again (kubectl rollout restart);\n"
            "weft: do that before you delete, as sidecars without a controller learn nothing new\n"
            "weft: afterwards: weft uninstall --leftovers | kubectl delete --ignore-not-found -f "
            "-\n",
        .render = cli_install_render_removal,
    };
    return run(&c, argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0
 * weft install, upgrade and uninstall: manifests on standard output, for kubectl; what to know
 * beside them on standard error. */
#include <cli/cli.h>
#include <cli/cluster.h>
#include <cli/install.h>

#include <stdio.h>
#include <weft/base/alloc.h>
#include <weft/base/options.h>

struct options {
    struct cli_install_values values;
    bool check;
};
/* The last row is that of install alone. */
static const struct weft_option rows[] = {
#define X(member, flag_, value, help_)                                                             \
    {.flag = flag_,                                                                                \
     .metavar = "TEXT",                                                                            \
     .help = help_ value ".",                                                                      \
     .set = weft_option_str,                                                                       \
     .offset = offsetof(struct options, values.member)},
    CLI_INSTALL_MAP(X)
#undef X
        {.flag = "check",
         .help = "Prints nothing for kubectl; asks the cluster of $KUBECONFIG whether it can be "
                 "installed.",
         .set = weft_option_bool,
         .offset = offsetof(struct options, check)},
};

struct command {
    size_t n_rows;
    const char *name, *about, *notes;
    void (*render)(const struct cli_install_values *v, struct weft_buf *out);
};

static int help(const struct command *c) {
    printf("Usage: weft %s [OPTIONS] | kubectl %s\n\n%s\n"
           "Exit status: 0 printed, or nothing found by --check; 1 it found an error; 2 wrong "
           "usage.\n\nOptions:\n",
           c->name,
           c->render == cli_install_render ? "apply -f -" : "delete --ignore-not-found -f -",
           c->about);
    weft_options_print(stdout, rows, c->n_rows);
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
    if (weft_options_parse(rows, c->n_rows, argc, argv, false, &o, &r, &err) != WEFT_OK)
        return wrong(c, err.path, err.message);
    if (r.help) return help(c);
    if (r.version) return cmd_version(1, argv);
    if (r.rest < argc) return wrong(c, argv[r.rest], "unexpected argument");
    if (cli_install_judge(&o.values, &err) != WEFT_OK) return wrong(c, err.path, err.message);
    if (o.check)
        return cluster_check_before(&(struct cluster_at){NULL, NULL}, o.values.namespace) == CLI_OK
                   ? CLI_OK
                   : CLI_FAILED;
    return print(c, &o.values);
}

int cmd_install(int argc, char **argv) {
    static const struct command c = {
        .n_rows = WEFT_LEN(rows),
        .name = "install",
        .about =
            "Prints what Weft needs in a cluster: its namespace, rights, controllers, Service\n"
            "and injection webhook. Applying it again changes nothing.",
        .render = cli_install_render,
    };
    return run(&c, argc, argv);
}

int cmd_upgrade(int argc, char **argv) {
    static const struct command c = {
        .n_rows = WEFT_LEN(rows) - 1,
        .name = "upgrade",
        .about =
            "Prints the manifests of this version, to be applied over those of the last one;\n"
            "give the options that were given to weft install. `kubectl diff -f -` shows what\n"
            "would change.",
        .notes =
            "weft: controllers are replaced one after the other and sidecars go on as they are;\n"
            "weft: a pod gets its new sidecar when it is made again (kubectl rollout restart)\n",
        .render = cli_install_render,
    };
    return run(&c, argc, argv);
}

int cmd_uninstall(int argc, char **argv) {
    static const struct command c = {
        .n_rows = WEFT_LEN(rows) - 1,
        .name = "uninstall",
        .about =
            "Prints the objects that weft install made, the webhook first, so that pods are made\n"
            "without a sidecar from then on. Keys and Lease go with the namespace.",
        .notes =
            "weft: pods keep their sidecar until they are made again (kubectl rollout restart);\n"
            "weft: do that before you delete, as sidecars without a controller learn nothing new\n"
            "weft: with the experimental channel's types also: kubectl delete xmesh weft\n",
        .render = cli_install_render_removal,
    };
    return run(&c, argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0
 * weft: one table of commands. */
#include <cli/cli.h>
#include <cli/local/local.h>

#include <stdio.h>
#include <string.h>
#include <weft/obs/log.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} commands[] = {
    {"check", cmd_check, "Look through manifests for mistakes, with what to do about each"},
    {"compile", cmd_compile, "Turn manifests into what the proxy of one namespace knows"},
    {"explain", cmd_explain, "Say which route, rule and backends decide about one request"},
    {"routes", cmd_routes, "Show the status of every route"},
    {"local", cmd_local, "Run Pods, Services and routes from manifests on this machine"},
    {"proxy", cmd_proxy, "Ask the sidecar of a pod what it has in force, counts and logs"},
    {"ca", cmd_ca, "Show whom the mesh trusts and what signs; replace its root, step by step"},
    {"inject", cmd_inject, "Put the sidecar into the pods of manifests, as the webhook would"},
    {"install", cmd_install, "Print what Weft needs in a cluster, for kubectl apply"},
    {"upgrade", cmd_upgrade, "Print the manifests of this version, to apply over an older one"},
    {"uninstall", cmd_uninstall, "Print what to delete so that nothing is left"},
    {"version", cmd_version, "Print the version"},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static int help(FILE *out, int status) {
    fprintf(out, "Usage: weft COMMAND [OPTIONS]\n\nCommands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].about);
    fprintf(out, "\nweft COMMAND --help tells more. Exit status: 0 done, 1 findings or failure, "
                 "2 wrong usage.\n");
    return status;
}

/* Edits (insert, delete, replace) from a to b; both short. */
static size_t distance(const char *a, const char *b) {
    size_t row[32], n = strlen(b);
    if (n >= 31 || strlen(a) >= 31) return 99;
    for (size_t k = 0; k <= n; k++) row[k] = k;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t k = 1; k <= n; k++) {
            size_t best = diagonal + (a[i] != b[k - 1]);
            if (row[k] + 1 < best) best = row[k] + 1;
            if (row[k - 1] + 1 < best) best = row[k - 1] + 1;
            diagonal = row[k];
            row[k] = best;
        }
    }
    return row[n];
}

static int unknown(const char *name) {
    const struct command *near = NULL;
    size_t best = 3;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t d = distance(name, commands[i].name);
        if (d < best) best = d, near = &commands[i];
    }
    fprintf(stderr, "weft: unknown command \"%s\"", name);
    if (near)
        fprintf(stderr, "; did you mean \"%s\"?\n", near->name);
    else
        fprintf(stderr, "; weft --help lists them\n");
    return CLI_USAGE;
}

static const struct command *find(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i].name, name)) return &commands[i];
    return NULL;
}

static int help_on(int argc, char **argv) {
    static char flag[] = "--help";
    if (argc < 3) return help(stdout, CLI_OK);
    const struct command *c = find(argv[2]);
    char *args[] = {argv[2], flag, NULL};
    return c ? c->run(2, args) : unknown(argv[2]);
}

/* What was printed has arrived, or the command has failed. */
static int flushed(int status) {
    if (!ferror(stdout) && fflush(stdout) == 0) return status;
    if (status == CLI_OK) perror("weft: standard output");
    return status == CLI_OK ? CLI_FAILED : status;
}

int main(int argc, char **argv) {
    weft_log_program("weft");
    if (argc < 2) return help(stderr, CLI_USAGE);
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) return help(stdout, CLI_OK);
    if (!strcmp(name, "help")) return help_on(argc, argv);
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) return cmd_version(1, argv + 1);
    const struct command *c = find(name);
    return c ? flushed(c->run(argc - 1, argv + 1)) : unknown(name);
}

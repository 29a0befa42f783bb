/* SPDX-License-Identifier: Apache-2.0
 * `weft local VERB`: finds the verb and hands over. */
#include <cli/local/local.h>
#include <cli/local/verbs.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {"up", "Start every pod of a folder of manifests, with sidecars and controller.",
     local_verb_up},
    {"status", "Pods, Services and what is not ready.", local_verb_status},
    {"exec", "Run a command inside a pod, as its app's user.", local_verb_exec},
    {"logs", "What a container has written.", local_verb_logs},
    {"apply", "Read the folder again: new, changed and removed pods and Services.",
     local_verb_apply},
    {"scale", "Give a Deployment another number of pods.", local_verb_scale},
    {"kill", "SIGKILL the programs of a pod; they start again, as after a crash.", local_verb_kill},
    {"test", "Make the requests of a file and compare the answers with what it expects.",
     local_verb_test},
    {"down", "Stop everything and leave nothing behind.", local_verb_down},
    {"https-get", NULL, local_verb_https_get}, /* for probes, not for people */
};

static void print_help(FILE *out) {
    fputs("Usage: weft local VERB [OPTIONS]\n\n"
          "A cluster's worth of pods on this machine, each in a network namespace of its own.\n"
          "Needs root. HTTPRoutes in the folder take effect as soon as their file changes.\n\n"
          "Verbs:\n",
          out);
    for (size_t i = 0; i < WEFT_LEN(verbs); i++)
        if (verbs[i].help) fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].help);
    fputs("\n`weft local VERB --help` shows the options of a verb.\n"
          "Exit status: 0 done, 1 failed, 2 bad usage; exec: that of the command.\n",
          out);
}

int cmd_local(int argc, char **argv) {
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        print_help(stdout);
        return 0;
    }
    for (size_t i = 0; i < WEFT_LEN(verbs); i++)
        if (strcmp(verbs[i].name, verb) == 0) return verbs[i].run(argc - 1, argv + 1);
    if (*verb) fprintf(stderr, "weft local: there is no verb \"%s\"\n", verb);
    print_help(stderr);
    return 2;
}

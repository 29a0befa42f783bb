/* SPDX-License-Identifier: Apache-2.0
 * The commands of `weft`. Each takes argv from its own name on and returns the exit status. */
#pragma once
#include <stdbool.h>

enum {
    CLI_OK = 0,
    CLI_FAILED = 1, /* findings, broken manifests, nothing found */
    CLI_USAGE = 2,  /* the command line or the paths are wrong */
};

int cmd_ca(int argc, char **argv);
int cmd_compile(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_routes(int argc, char **argv);
int cmd_proxy(int argc, char **argv);
int cmd_inject(int argc, char **argv);
int cmd_install(int argc, char **argv);
int cmd_upgrade(int argc, char **argv);
int cmd_uninstall(int argc, char **argv);
int cmd_version(int argc, char **argv);

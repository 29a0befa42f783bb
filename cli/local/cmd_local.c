/* SPDX-License-Identifier: Apache-2.0
 * `weft local VERB`: finds the verb and hands over. */
#include <cli/local/local.h>
#include <stdio.h>

int cmd_local(int argc, char **argv) {
    (void)argc;
    (void)argv;
    fprintf(stderr, "weft local: no verb given\n");
    return 2;
}

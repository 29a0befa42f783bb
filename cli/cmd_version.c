/* SPDX-License-Identifier: Apache-2.0
 * weft version */
#include <cli/cli.h>

#include <stdio.h>
#include <string.h>
#include <weft/object/object.h>

int cmd_version(int argc, char **argv) {
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        printf("Usage: weft version\n\nPrints the versions of weft and of the Gateway API that it "
               "follows.\nExit status: 0; 2 wrong usage.\n");
        return CLI_OK;
    }
    if (argc > 1) {
        fprintf(stderr, "weft: %s: unexpected argument\nUsage: weft version\n", argv[1]);
        return CLI_USAGE;
    }
    printf("weft %s (Gateway API " WEFT_GATEWAY_API ")\n", WEFT_VERSION);
    return CLI_OK;
}

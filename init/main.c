/* SPDX-License-Identifier: Apache-2.0
 * weft-init: sends a pod's TCP connections to its proxy by iptables. */
#include <init/apply.h>
#include <init/check.h>

#include <stdio.h>

static void help(void) {
    printf("Usage: weft-init [OPTION...]\n"
           "Redirects the TCP connections of this network namespace to the proxy: outgoing ones to "
           "--outbound-port,\nincoming ones to --inbound-port. Running it again changes nothing; "
           "--cleanup undoes it.\n\nExamples:\n"
           "  weft-init --exclude-outbound-cidrs 10.0.0.0/8 --dry-run\n"
           "  weft-init --cleanup\n\nOptions (each also as environment variable):\n");
    init_options_print(stdout);
    printf("\nExit status: 0 done, also when one address family is absent (said on stderr); 1 not "
           "applied, or\nwith --check not in force; 2 an option is wrong, nothing was changed.\n");
}

int main(int argc, char **argv) {
    struct init_options o;
    struct weft_option_result result;
    struct weft_error err = {0};
    if (init_options_parse(argc, argv, &o, &result, &err) != WEFT_OK) {
        fprintf(stderr, "weft-init: %s: %s\n", err.path, err.message);
        return 2;
    }
    if (result.help) {
        help();
        return 0;
    }
    if (result.version) {
        printf("weft-init %s\n", WEFT_VERSION);
        return 0;
    }
    return o.check ? init_check(&o) : init_run(&o);
}

/* SPDX-License-Identifier: Apache-2.0
 * weft-proxy: the sidecar of one pod. */
#include <sidecar/options.h>
#include <sidecar/proxy.h>
#include <sidecar/wait_ready.h>
#include <stdio.h>
#include <weft/obs/log.h>

int main(int argc, char **argv) {
    static struct proxy_options opt;
    int status;
    weft_log_program("weft-proxy");
    (void)proxy_options_parse(&opt, argc, argv, &status);
    if (status >= 0) return status;
    if (opt.wait_ready_us) return proxy_wait_ready((uint16_t)opt.ready_port, opt.wait_ready_us);
    if (weft_log_set_level(opt.log_level) != WEFT_OK) {
        fprintf(stderr, "weft-proxy: --log-level: \"%s\": use error, warn, info or debug\n",
                opt.log_level);
        return 2;
    }
    return opt.check ? proxy_check(&opt) : proxy_run(&opt);
}

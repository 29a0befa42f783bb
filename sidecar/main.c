/* SPDX-License-Identifier: Apache-2.0
 * weft-proxy: the sidecar of one pod. */
#include <malloc.h>
#include <sidecar/options.h>
#include <sidecar/proxy.h>
#include <sidecar/wait_ready.h>
#include <stdio.h>
#include <weft/obs/log.h>

/* Queues grow and go with slow readers. Left alone, malloc serves such buffers from its heaps after
 * the first was freed, where one small block behind them keeps megabytes for ever. Bodies in flight
 * need up to 256 KiB at once all the time: below that a page fault for each page costs more. */
static void return_big_buffers(void) {
    (void)mallopt(M_MMAP_THRESHOLD, 512 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 2048 * 1024);
}

int main(int argc, char **argv) {
    static struct proxy_options opt;
    int status;
    weft_log_program("weft-proxy");
    return_big_buffers();
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

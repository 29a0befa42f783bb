/* SPDX-License-Identifier: Apache-2.0
 * weft-controller: parse, build, run until SIGTERM. */
#include <controller/options.h>
#include <weft/obs/log.h>

#include <signal.h>

enum { EXIT_USAGE = 2 };

static void help(void) {
    printf("Usage: weft-controller -f DIR [-f DIR ...] --ca-dir DIR [OPTIONS]\n"
           "       weft-controller --kube | --kubeconfig FILE [OPTIONS]\n\n"
           "Reads the objects of a cluster, or Kubernetes manifests from folders, decides what\n"
           "their routes mean, and tells the proxies; signs the certificates of workloads.\n"
           "Exit status: 0 stopped by SIGTERM or SIGINT; 1 it could not run; 2 wrong usage.\n\n"
           "Example:\n"
           "  weft-controller -f manifests/ --ca-dir ca/ --token-dir tokens/\n\n"
           "Options:\n");
    weft_options_print(stdout, controller_option_rows, controller_option_count);
}

static void on_signal(void *controller, int signum) {
    weft_info("controller", "signal %d: stopping", signum);
    controller_stop(controller);
}

static int run(const struct controller_options *o) {
    struct weft_loop *loop = weft_loop_new();
    struct controller *c = NULL;
    struct weft_error err = {0};
    enum weft_status st = controller_new(loop, o, &c, &err);
    if (st == WEFT_OK) {
        weft_loop_on_signal(loop, SIGTERM, on_signal, c);
        weft_loop_on_signal(loop, SIGINT, on_signal, c);
        char at[WEFT_ADDR_STR];
        struct weft_addr admin = controller_admin_addr(c);
        weft_addr_format(&admin, at);
        weft_info("controller", "admin on %s", at);
        weft_loop_run(loop);
        if (controller_has_failed(c)) st = WEFT_IO;
        controller_free(c);
    } else {
        fprintf(stderr, "weft-controller: %s%s%s\n", err.path, err.path[0] ? ": " : "",
                err.message);
    }
    weft_loop_free(loop);
    return st == WEFT_OK ? 0 : 1;
}

int main(int argc, char **argv) {
    struct controller_options o;
    struct weft_option_result r = {0};
    struct weft_error err = {0};
    weft_log_program("weft-controller");
    signal(SIGPIPE, SIG_IGN);
    if (controller_options_parse(&o, argc, argv, &r, &err) != WEFT_OK) {
        fprintf(stderr, "weft-controller: %s: %s\n", err.path, err.message);
        return EXIT_USAGE;
    }
    if (r.help) {
        help();
        return 0;
    }
    if (r.version) {
        printf("weft-controller %s\n", WEFT_VERSION);
        return 0;
    }
    return run(&o);
}

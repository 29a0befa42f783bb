/* SPDX-License-Identifier: Apache-2.0
 * weft inject: manifests in, manifests with sidecars out, as the webhook would make the pods. */
#include <cli/cli.h>
#include <cli/inject.h>
#include <cli/input.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <weft/base/alloc.h>
#include <weft/base/file.h>
#include <weft/base/limits.h>
#include <weft/base/options.h>

struct options {
    struct cli_options cli; /* paths, output, trust domain */
    struct weft_inject_options inject;
    const char *bundle_file;
    bool classic;
};
#define AT(member) offsetof(struct options, inject.member)

static const struct weft_option rows[] = {
    {.flag = "file",
     .metavar = "PATH",
     .help = "Manifests, YAML or JSON; \"-\": standard input. Repeatable.",
     .set = cli_set_path,
     .short_flag = 'f'},
    {.flag = "trust-bundle",
     .env = "WEFT_TRUST_BUNDLE",
     .metavar = "FILE",
     .help = "Roots (PEM) that the sidecars believe the controller by.",
     .set = weft_option_str,
     .offset = offsetof(struct options, bundle_file)},
    CLI_ROW_OUTPUT("yaml or json. Default: yaml."),
    {.flag = "init-image",
     .metavar = "IMAGE",
     .help = "Image of weft-init. Default: " WEFT_INJECT_INIT_IMAGE ".",
     .set = weft_option_str,
     .offset = AT(init_image)},
    {.flag = "proxy-image",
     .metavar = "IMAGE",
     .help = "Image of weft-proxy. Default: " WEFT_INJECT_PROXY_IMAGE ".",
     .set = weft_option_str,
     .offset = AT(proxy_image)},
    {.flag = "image-pull-policy",
     .metavar = "POLICY",
     .help = "Of both images. Default: the cluster's.",
     .set = weft_option_str,
     .offset = AT(pull_policy)},
    {.flag = "proxy-controller",
     .metavar = "NAME:PORT",
     .help = "Where the sidecars come to. Default: " WEFT_INJECT_CONTROLLER ".",
     .set = weft_option_str,
     .offset = AT(controller)},
    {.flag = "controller-name",
     .metavar = "NAME",
     .help = "Name in the controller's certificate. Default: weft-controller.weft-system.svc.",
     .set = weft_option_str,
     .offset = AT(controller_name)},
    {.flag = "trust-domain",
     .env = "WEFT_TRUST_DOMAIN",
     .metavar = "DOMAIN",
     .help = "Trust domain of SPIFFE IDs. Default: cluster.local.",
     .set = weft_option_str,
     .offset = AT(trust_domain)},
    {.flag = "classic-sidecars",
     .help = "Ordinary containers, for clusters before 1.29, which know no native sidecars.",
     .set = weft_option_bool,
     .offset = AT(classic)},
};

static int usage(const char *where, const char *what) {
    fprintf(stderr, "weft: %s%s%s\n", where, *where ? ": " : "", what);
    return CLI_USAGE;
}

static int help(void) {
    printf("Usage: weft inject -f PATH --trust-bundle FILE [OPTIONS]\n\n"
           "Puts the sidecar into every pod and pod template, as the webhook would, but for those\n"
           "whose annotation, or whose Namespace in these manifests, says weftmesh.io/inject:\n"
           "disabled. Everything else is printed as it came. What was done, and warnings, go to\n"
           "standard error.\n"
           "Exit status: 0 done; 1 a pod was refused, or not YAML: nothing is printed; 2 wrong "
           "usage.\n\nExample:\n"
           "  weft inject -f app.yaml --trust-bundle root.pem | kubectl apply -f -\n\nOptions:\n");
    weft_options_print(stdout, rows, WEFT_LEN(rows));
    return CLI_OK;
}

static int parse(int argc, char **argv, struct options *o) {
    struct weft_option_result r;
    struct weft_error err = {0};
    if (weft_options_parse(rows, WEFT_LEN(rows), argc, argv, false, o, &r, &err) != WEFT_OK)
        return usage(err.path, err.message);
    if (r.help) return help();
    if (r.version) return cmd_version(1, argv);
    if (r.rest < argc) return usage(argv[r.rest], "unexpected argument");
    if (!o->cli.n_paths) return usage("-f", "missing: name a file of manifests, or - ");
    if (!o->bundle_file)
        return usage("--trust-bundle", "missing: without it the sidecars believe no controller");
    if (o->cli.output && strcmp(o->cli.output, "yaml") != 0 && strcmp(o->cli.output, "json") != 0)
        return usage("-o", "use yaml or json");
    return -1;
}

static enum weft_status read_input(const char *path, struct weft_buf *ret) {
    if (strcmp(path, "-") != 0) return weft_file_read(path, ret);
    for (;;) {
        char *to = weft_buf_reserve(ret, 4096);
        size_t n = to ? fread(to, 1, 4096, stdin) : 0;
        if (!to) return WEFT_LIMIT;
        weft_buf_commit(ret, n);
        if (n == 0) return ferror(stdin) ? WEFT_IO : WEFT_OK;
    }
}

static bool read_paths(const struct options *o, struct weft_buf *ret) {
    for (size_t i = 0; i < o->cli.n_paths; i++) {
        if (i > 0) weft_buf_str(ret, "\n---\n");
        enum weft_status st = read_input(o->cli.paths[i], ret);
        if (st == WEFT_OK) continue;
        fprintf(stderr, "weft: %s: %s\n", o->cli.paths[i], weft_status_text(st));
        return false;
    }
    return true;
}

static void on_say(void *ud, bool bad, const char *text) {
    int *status = ud;
    if (bad) *status = CLI_FAILED;
    fprintf(stderr, "%s\n", text);
}

/* For the paths of hooks: nobody who does not see the pod may guess it. */
static void draw_secret(void *ud, char ret[33]) {
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) abort();
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

/* Half a manifest must not be applied by a shell that sees success. */
static int print(struct weft_slice s) {
    if (fwrite(s.base, 1, s.len, stdout) == s.len && fflush(stdout) == 0) return CLI_OK;
    perror("weft: standard output");
    return CLI_FAILED;
}

static int run(struct options *o, struct weft_slice text) {
    struct weft_buf bundle, out;
    struct weft_error err = {0};
    int status = CLI_OK;
    weft_buf_init(&bundle, 1024 * 1024);
    weft_buf_init(&out, 0);
    enum weft_status st = weft_file_read(o->bundle_file, &bundle);
    WEFT_FREE char *pem = weft_slice_dup(weft_buf_slice(&bundle));
    o->inject.trust_bundle_pem = pem;
    const struct cli_inject c = {&o->inject, o->cli.output && !strcmp(o->cli.output, "json"),
                                 on_say, draw_secret, &status};
    if (st != WEFT_OK)
        status = usage(o->bundle_file, weft_status_text(st));
    else if (cli_inject_text(&c, text, &out, &err) != WEFT_OK) {
        fprintf(stderr, "weft: line %d: %s\n", err.line, err.message);
        status = CLI_FAILED;
    }
    if (status == CLI_OK) status = print(weft_buf_slice(&out));
    weft_buf_done(&bundle);
    weft_buf_done(&out);
    return status;
}

int cmd_inject(int argc, char **argv) {
    struct options o = {.inject = {.init_image = WEFT_INJECT_INIT_IMAGE,
                                   .proxy_image = WEFT_INJECT_PROXY_IMAGE,
                                   .controller = WEFT_INJECT_CONTROLLER,
                                   .controller_name = "weft-controller.weft-system.svc",
                                   .trust_domain = "cluster.local"}};
    struct weft_buf text;
    int status = parse(argc, argv, &o);
    if (status >= 0) return status;
    weft_buf_init(&text, CLI_MAX_PATHS * WEFT_MAX_MANIFEST_BYTES);
    status = read_paths(&o, &text) ? run(&o, weft_buf_slice(&text)) : CLI_USAGE;
    weft_buf_done(&text);
    return status;
}

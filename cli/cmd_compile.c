/* SPDX-License-Identifier: Apache-2.0
 * weft compile: manifests to the snapshot that `weft-proxy --snapshot` serves. */
#include <cli/cli.h>
#include <cli/view.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <stdlib.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>

static const struct weft_option rows[] = {
    CLI_ROW_FILE,
    CLI_ROW_KUBECONFIG,
    CLI_ROW_CONTEXT,
    CLI_ROW_FROM,
    CLI_ROW_OUTPUT("File to write the snapshot to (replaced at once, by rename), or \"json\" to "
                   "print it as text. Default: json."),
    CLI_ROW_CHANNEL,
    CLI_ROW_GRANT,
    CLI_ROW_TRUST_DOMAIN,
};
static const struct cli_command command = {
    .usage = "weft compile [-f PATH] [-f PATH] --from NAMESPACE [-o FILE|json]",
    .about = "Compiles manifests, or a live cluster, into what the proxies of one namespace know: "
             "a destination for\n"
             "every Service port and meshed pod, their endpoints, and the inbound side of every "
             "pod.\n"
             "Exit status: 0 written; 1 broken manifests (nothing is written); 2 wrong usage.\n\n"
             "Examples:\n"
             "  weft compile -f deploy/ --from shop -o shop.snapshot\n"
             "  weft-proxy --snapshot shop.snapshot --listen 127.0.0.1:8080=shop/catalog:80",
    .rows = rows,
    .n_rows = WEFT_LEN(rows),
};

static enum weft_status write_all(int fd, struct weft_slice s) {
    while (s.len) {
        ssize_t n = write(fd, s.base, s.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return weft_status_from_errno(errno);
        s = weft_slice_from(s, (size_t)n);
    }
    return WEFT_OK;
}

/* Readers see the old file or the new one, never half of it. */
static int replace_file(const char *path, struct weft_slice content) {
    WEFT_FREE char *temp = weft_asprintf("%s.XXXXXX", path);
    int fd = mkostemp(temp, O_CLOEXEC);
    bool ok = fd >= 0 && write_all(fd, content) == WEFT_OK && fchmod(fd, 0644) == 0;
    int error = errno;
    if (fd >= 0 && close(fd) != 0) ok = false, error = errno;
    if (ok && rename(temp, path) == 0) return CLI_OK;
    if (ok) error = errno;
    if (fd >= 0) unlink(temp);
    fprintf(stderr, "weft: %s: cannot be written: %s\n", path, strerror(error));
    return CLI_FAILED;
}

static int write_snapshot(const struct weft_snapshot *s, const char *path) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    int status = CLI_FAILED;
    enum weft_status st = weft_snapshot_encode(s, &b);
    if (st == WEFT_OK)
        status = replace_file(path, weft_buf_slice(&b));
    else
        fprintf(stderr, "weft: the snapshot cannot be encoded: %s\n", weft_status_text(st));
    weft_buf_done(&b);
    if (status == CLI_OK)
        printf("%s: %zu destinations, %zu endpoint sets, %zu pods, as namespace " WEFT_SLICE_FMT
               " sees them\n",
               path, s->n_destinations, s->n_endpoints, s->n_inbound, WEFT_SLICE_ARG(s->ns));
    return status;
}

static int print_json(const struct weft_snapshot *s) {
    json_t *j = weft_dump_all(s->destinations, s->n_destinations, s->endpoints, s->n_endpoints,
                              s->inbound, s->n_inbound);
    WEFT_FREE char *text = weft_dump_text(j);
    fputs(text, stdout);
    json_decref(j);
    return CLI_OK;
}

static void tell_placeholders(const struct cli_input *in) {
    for (size_t i = 0; i < in->n_placeholders; i++)
        fprintf(stderr,
                "weft: Service %s has no clusterIP in the manifests: reachable only by "
                "weft-proxy --listen\n",
                in->placeholders[i]);
}

int cmd_compile(int argc, char **argv) {
    struct cli_options opt;
    struct cli_input in;
    struct weft_snapshot s;
    int status = cli_parse(&command, argc, argv, &opt, NULL);
    if (status >= 0) return status;
    cli_input_init(&in, &opt);
    if (in.unreadable) {
        status = in.unreadable;
    } else if (cli_print_faults(&in)) {
        status = CLI_FAILED;
    } else {
        tell_placeholders(&in);
        cli_view(in.gamma, weft_slice_str(opt.from), &s);
        bool json = !opt.output || !strcmp(opt.output, "json");
        status = json ? print_json(&s) : write_snapshot(&s, opt.output);
        weft_snapshot_done(&s);
    }
    cli_input_done(&in);
    return status;
}

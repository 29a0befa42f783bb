/* SPDX-License-Identifier: Apache-2.0
 * weft explain: reads the request from the command line and prints the report. */
#include <cli/cli.h>
#include <cli/explain_log.h>
#include <cli/resolve.h>

#include <stdlib.h>
#include <weft/base/alloc.h>
#include <weft/http/path.h>
#include <weft/mesh/dump.h>

static const struct weft_option rows[] = {
    CLI_ROW_FILE,
    CLI_ROW_KUBECONFIG,
    CLI_ROW_CONTEXT,
    CLI_ROW_FROM,
    {.flag = "request",
     .metavar = "METHOD",
     .help = "HTTP method. Default: GET, or what stands in front of the URL.",
     .set = weft_option_str,
     .offset = offsetof(struct cli_options, method),
     .short_flag = 'X'},
    {.flag = "grpc",
     .metavar = "SERVICE/METHOD",
     .help = "A gRPC call instead: POST of application/grpc to that path. The URL has none then.",
     .set = weft_option_str,
     .offset = offsetof(struct cli_options, grpc)},
    {.flag = "header",
     .metavar = "NAME:VALUE",
     .help = "A request header. Repeatable; Host replaces the URL's host in what is sent.",
     .set = cli_set_header,
     .short_flag = 'H'},
    {.flag = "allow-encoded-slashes",
     .help = "As the caller's proxy with the option of that name: %2F and %5C in the path stay.",
     .set = weft_option_bool,
     .offset = offsetof(struct cli_options, allow_encoded_slashes)},
    {.flag = "log-line",
     .metavar = "LINE",
     .help =
         "Explain a line of a sidecar's access log instead. With \"-\" in place of the URL lines "
         "are read from standard input.",
     .set = weft_option_str,
     .offset = offsetof(struct cli_options, log_line)},
    {.flag = "request-id",
     .metavar = "ID",
     .help = "With -: only the lines of this request.",
     .set = weft_option_str,
     .offset = offsetof(struct cli_options, request_id)},
    CLI_ROW_OUTPUT("\"json\" prints the report as JSON. Default: text."),
    CLI_ROW_CHANNEL,
    CLI_ROW_GRANT,
    CLI_ROW_TRUST_DOMAIN,
};
static const struct cli_command command = {
    .usage = "weft explain [-f PATH] --from NAMESPACE [-H NAME:VALUE] '[METHOD] URL'\n"
             "       weft explain [-f PATH] --from NAMESPACE --grpc SERVICE/METHOD HOST:PORT\n"
             "       weft explain [-f PATH] --from NAMESPACE --log-line LINE\n"
             "       weft explain [-f PATH] --from NAMESPACE [--request-id ID] - < ACCESS_LOG",
    .about =
        "Says what a proxy in that namespace would do with one request: the Service, the group of\n"
        "routes in effect, the rule and match that win and why the others lose, filters,\n"
        "backends with their endpoints, or the answer that the proxy itself would give.\n"
        "Of access-log lines it says the same, and whether the manifests agree with them.\n"
        "Exit status: 0 explained, whatever the answer; 1 no such Service, or broken manifests; 2 "
        "wrong usage.\n\n"
        "Examples:\n"
        "  weft explain -f deploy/ --from shop -H 'x-canary: 1' 'GET http://catalog/items'\n"
        "  weft explain --from shop --grpc shop.Cart/Get cart:80\n"
        "  kubectl logs frontend -c weft-proxy | weft explain --from shop --request-id ID -",
    .rows = rows,
    .n_rows = WEFT_LEN(rows),
    .max_operands = 1,
    .operands_optional = true,
};

struct request {
    struct weft_slice host; /* to resolve, without port */
    uint16_t port;
    struct weft_head head;
    enum weft_reason refused;
};

static int bad(const char *what, const char *why) {
    fprintf(stderr, "weft: \"%s\": %s\n", what, why);
    return CLI_USAGE;
}

/* host[:port], [v6][:port] */
static bool read_authority(struct weft_slice a, struct request *q) {
    struct weft_slice port = WEFT_SLICE_EMPTY;
    uint64_t n;
    q->head.authority = a;
    if (a.len && a.base[0] == '[') {
        size_t close = weft_slice_find(a, ']');
        if (close == a.len) return false;
        q->host = weft_slice(a.base + 1, close - 1);
        port = weft_slice_from(a, close + 1);
        if (port.len && port.base[0] != ':') return false;
        port = weft_slice_from(port, 1);
    } else {
        q->host = weft_slice_cut(&a, ':');
        port = a;
    }
    if (port.base && port.len == 0) return false;
    if (port.len && (!weft_slice_u64(port, 65535, &n) || n == 0)) return false;
    if (port.len) q->port = (uint16_t)n;
    return q->host.len > 0;
}

static bool read_url(struct weft_slice url, bool keep_slashes, struct request *q,
                     struct weft_arena *a) {
    q->port = 80;
    if (weft_slice_starts(url, WEFT_SLICE_LIT("http://"))) {
        url = weft_slice_from(url, 7);
    } else if (weft_slice_search(url, WEFT_SLICE_LIT("://")) < url.len) {
        return false; /* the proxy sees plain requests only */
    }
    size_t end = 0;
    while (end < url.len && url.base[end] != '/' && url.base[end] != '?') end++;
    struct weft_slice path = weft_slice_from(url, end);
    if (!path.len) path = WEFT_SLICE_LIT("/");
    if (path.base[0] == '?') path = weft_arena_printf(a, "/" WEFT_SLICE_FMT, WEFT_SLICE_ARG(path));
    q->refused = weft_path_normalize(path, keep_slashes, a, &q->head.path);
    return read_authority(weft_slice_head(url, end), q);
}

static void read_headers(const struct cli_options *opt, struct request *q) {
    for (size_t i = 0; i < opt->n_headers; i++) {
        struct weft_slice value = weft_slice_str(opt->headers[i]);
        struct weft_slice name = weft_slice_trim(weft_slice_cut(&value, ':'));
        value = weft_slice_trim(value);
        if (weft_slice_ieq(name, WEFT_SLICE_LIT("host")))
            q->head.authority = value;
        else
            (void)weft_fields_add(&q->head.fields, name, value);
    }
}

/* Replaces what the URL said of method and path. */
static bool make_grpc(struct weft_slice call, bool keep_slashes, struct request *q,
                      struct weft_arena *a) {
    struct weft_slice method = call, service = weft_slice_cut(&method, '/');
    if (!service.len) service = weft_slice_cut(&method, '/'); /* "/SERVICE/METHOD" */
    bool path = q->head.path.len != 1 || q->head.path.base[0] != '/';
    if (!service.len || !method.len || path) return false;
    q->head.method = WEFT_SLICE_LIT("POST");
    q->head.version = WEFT_HTTP_2;
    q->refused =
        weft_path_normalize(weft_arena_printf(a, "/" WEFT_SLICE_FMT "/" WEFT_SLICE_FMT,
                                              WEFT_SLICE_ARG(service), WEFT_SLICE_ARG(method)),
                            keep_slashes, a, &q->head.path);
    (void)weft_fields_add(&q->head.fields, WEFT_SLICE_LIT("content-type"),
                          WEFT_SLICE_LIT("application/grpc"));
    return true;
}

static int read_request(const struct cli_options *opt, const char *operand, struct request *q,
                        struct weft_arena *a) {
    struct weft_slice rest = weft_slice_trim(weft_slice_str(operand)),
                      method = WEFT_SLICE_LIT("GET");
    size_t space = weft_slice_find(rest, ' ');
    if (space < rest.len) {
        method = weft_slice_head(rest, space);
        rest = weft_slice_trim(weft_slice_from(rest, space));
    }
    if (opt->method) method = weft_slice_str(opt->method);
    *q = (struct request){0};
    weft_head_init(&q->head, a);
    q->head.method = method;
    q->head.scheme = WEFT_SLICE_LIT("http");
    q->head.version = WEFT_HTTP_11;
    if (!read_url(rest, opt->allow_encoded_slashes, q, a))
        return bad(operand, "write it as [METHOD] http://HOST[:PORT]/PATH; TLS that an app makes "
                            "itself is passed through and not routed");
    if (opt->grpc && !make_grpc(weft_slice_str(opt->grpc), opt->allow_encoded_slashes, q, a))
        return bad(opt->grpc, "write --grpc SERVICE/METHOD and a URL without a path, such as "
                              "http://cart.shop:7070");
    read_headers(opt, q);
    return CLI_OK;
}

static int print_refused(const struct cli_options *opt, enum weft_reason r) {
    json_t *report = json_pack("{s:{s:i, s:s, s:s}}", "answer", "status", (int)weft_reason_http(r),
                               "reason", weft_reason_word(r), "text", weft_reason_text(r));
    WEFT_FREE char *text = weft_dump_text(report);
    if (opt->output)
        fputs(text, stdout);
    else
        printf("%-10s %d %s: %s\n", "answer", weft_reason_http(r), weft_reason_word(r),
               weft_reason_text(r));
    json_decref(report);
    return CLI_OK;
}

static int explain(const struct cli_options *opt, const struct cli_input *in, struct request *q,
                   struct weft_arena *a) {
    struct weft_addr addr;
    struct weft_error err = {0};
    if (q->refused != WEFT_REASON_NONE) return print_refused(opt, q->refused);
    if (cli_resolve(in, opt->from, q->host, q->port, &addr, &err) != WEFT_OK) {
        fprintf(stderr, "weft: %s\n", err.message);
        return CLI_FAILED;
    }
    json_t *report = cli_explain(in, opt->from, &addr, &q->head, a);
    if (opt->output) {
        WEFT_FREE char *text = weft_dump_text(report);
        fputs(text, stdout);
    } else {
        cli_explain_print(report);
    }
    json_decref(report);
    return CLI_OK;
}

/* ---- log lines ---- */

static void print_report(const struct cli_options *opt, json_t *report) {
    if (opt->output) {
        WEFT_FREE char *text = weft_dump_text(report);
        fputs(text, stdout);
    } else {
        cli_explain_line_print(report);
        printf("\n");
    }
}

static bool wanted(const struct cli_options *opt, const json_t *report) {
    const json_t *id = json_object_get(json_object_get(report, "logged"), "request_id");
    return !opt->request_id ||
           (json_is_string(id) && strcmp(opt->request_id, json_string_value(id)) == 0);
}

/* How many lines were explained: 0 or 1. */
static size_t explain_line(const struct cli_options *opt, const struct cli_input *in,
                           const char *line) {
    struct request q = {0};
    struct weft_arena a;
    weft_arena_init(&a, 0);
    weft_head_init(&q.head, &a);
    read_headers(opt, &q);
    json_t *report = cli_explain_line(in, opt->from, weft_slice_str(line), &q.head.fields, &a);
    bool yes = report && wanted(opt, report);
    if (yes) print_report(opt, report);
    json_decref(report);
    weft_arena_done(&a);
    return yes;
}

static int explain_log(const struct cli_options *opt, const struct cli_input *in) {
    size_t n = 0, room = 0;
    char *line = NULL;
    if (opt->log_line) n = explain_line(opt, in, opt->log_line);
    while (!opt->log_line && getline(&line, &room, stdin) > 0) n += explain_line(opt, in, line);
    free(line);
    if (!n)
        fprintf(stderr, "weft: no line of an access log%s\n",
                opt->request_id ? " with that request_id" : "");
    return n ? CLI_OK : CLI_FAILED;
}

static int with_input(struct cli_options *opt, struct request *q, struct weft_arena *a) {
    struct cli_input in;
    cli_input_init(&in, opt);
    int status = in.unreadable;
    if (!in.unreadable) {
        size_t faults = cli_print_faults(&in);
        status = q ? explain(opt, &in, q, a) : explain_log(opt, &in);
        if (faults) status = CLI_FAILED;
    }
    cli_input_done(&in);
    return status;
}

int cmd_explain(int argc, char **argv) {
    struct cli_options opt;
    struct request q;
    struct weft_arena a;
    const char *operand = NULL;
    int status = cli_parse(&command, argc, argv, &opt, &operand);
    if (status >= 0) return status;
    if (opt.output && strcmp(opt.output, "json") != 0) return bad(opt.output, "only json is known");
    bool from_stdin = operand && strcmp(operand, "-") == 0;
    if (!operand == !opt.log_line) return bad("explain", "give one URL, or -, or --log-line");
    if (opt.request_id && !from_stdin) return bad("--request-id", "goes with -");
    if (from_stdin || opt.log_line) return with_input(&opt, NULL, NULL);
    weft_arena_init(&a, 0);
    status = read_request(&opt, operand, &q, &a);
    if (status == CLI_OK) status = with_input(&opt, &q, &a);
    weft_arena_done(&a);
    return status;
}

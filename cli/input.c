/* SPDX-License-Identifier: Apache-2.0
 * Command line and manifests, the same for every command. */
#include <cli/cli.h>
#include <cli/input.h>
#include <cli/live.h>

#include <stdlib.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/kube/dir.h>
#include <weft/object/types.h>

enum weft_status cli_set_path(void *target, const struct weft_option *row, const char *value,
                              struct weft_error *err) {
    struct cli_options *o = target;
    if (o->n_paths == CLI_MAX_PATHS)
        return weft_error_set(err, WEFT_LIMIT, "", "at most %d paths", CLI_MAX_PATHS);
    o->paths[o->n_paths++] = value;
    return WEFT_OK;
}

enum weft_status cli_set_header(void *target, const struct weft_option *row, const char *value,
                                struct weft_error *err) {
    struct cli_options *o = target;
    if (!strchr(value, ':'))
        return weft_error_set(err, WEFT_INVALID, "", "\"%s\": write it as \"name: value\"", value);
    if (o->n_headers == CLI_MAX_HEADERS)
        return weft_error_set(err, WEFT_LIMIT, "", "at most %d headers", CLI_MAX_HEADERS);
    o->headers[o->n_headers++] = value;
    return WEFT_OK;
}

enum weft_status cli_set_channel(void *target, const struct weft_option *row, const char *value,
                                 struct weft_error *err) {
    struct cli_options *o = target;
    o->experimental = !strcmp(value, "experimental");
    if (!o->experimental && strcmp(value, "standard") != 0)
        return weft_error_set(err, WEFT_INVALID, "", "\"%s\": use standard or experimental", value);
    o->channel = value;
    o->channel_given = true;
    return WEFT_OK;
}

static void print_help(const struct cli_command *c) {
    printf("Usage: %s\n\n%s\n\nOptions:\n", c->usage, c->about);
    weft_options_print(stdout, c->rows, c->n_rows);
}

static int usage_error(const struct cli_command *c, const char *where, const char *what) {
    fprintf(stderr, "weft: %s%s%s\nUsage: %s\n", where, *where ? ": " : "", what, c->usage);
    return CLI_USAGE;
}

int cli_parse(const struct cli_command *c, int argc, char **argv, struct cli_options *ret,
              const char **ret_operand) {
    struct weft_option_result r;
    struct weft_error err = {0};
    *ret = (struct cli_options){.from = "default",
                                .channel = "experimental",
                                .trust_domain = "cluster.local",
                                .experimental = true};
    if (weft_options_parse(c->rows, c->n_rows, argc, argv, false, ret, &r, &err) != WEFT_OK)
        return usage_error(c, err.path, err.message);
    if (r.help) {
        print_help(c);
        return CLI_OK;
    }
    if (r.version) return cmd_version(1, argv);
    if (ret->n_paths && (ret->kubeconfig || ret->context))
        return usage_error(c, "-f", "either manifests or a cluster");
    size_t operands = (size_t)(argc - r.rest);
    if (operands > c->max_operands)
        return usage_error(c, argv[r.rest + (int)c->max_operands], "unexpected argument");
    if (operands < c->max_operands && !c->operands_optional)
        return usage_error(c, "", "an argument is missing");
    if (ret_operand && operands) *ret_operand = argv[r.rest];
    return -1;
}

void cli_input_fault(struct cli_input *in, const char *file, const struct weft_error *err) {
    in->faults = weft_realloc(in->faults, (in->n_faults + 1) * sizeof *in->faults);
    in->faults[in->n_faults++] = (struct cli_fault){weft_strdup(file), *err};
}

static void on_error(void *ud, const char *file, const struct weft_error *err) {
    cli_input_fault(ud, file, err);
}

struct bare { /* objects of Services without an address */
    const struct weft_object **items;
    size_t n;
};

static void on_service(void *ud, const struct weft_object *o) {
    struct bare *b = ud;
    struct weft_arena a;
    struct weft_service view;
    weft_arena_init(&a, 0);
    weft_service_view(o, &a, &view);
    if (view.kind == WEFT_SERVICE_CLUSTER_IP && view.n_ips == 0) {
        b->items = weft_realloc(b->items, (b->n + 1) * sizeof *b->items);
        b->items[b->n++] = o;
    }
    weft_arena_done(&a);
}

static void give_address(struct cli_input *in, const struct weft_object *o, size_t i) {
    char ip[32];
    struct weft_object *copy;
    json_t *json = json_deep_copy(o->json), *spec = json_object_get(json, "spec");
    snprintf(ip, sizeof ip, "240.%zu.%zu.%zu", (i >> 16) & 255, (i >> 8) & 255, i & 255);
    json_object_set_new(spec, "clusterIP", json_string(ip));
    json_object_del(spec, "clusterIPs");
    in->placeholders =
        weft_realloc(in->placeholders, (in->n_placeholders + 1) * sizeof *in->placeholders);
    in->placeholders[in->n_placeholders++] = weft_asprintf("%s/%s", o->ns, o->name);
    if (weft_object_from_json(json, o->source, &copy, NULL) != WEFT_OK) return;
    copy->line = o->line;
    copy->lines = json_incref(o->lines);
    weft_store_put(in->store, copy);
}

static void read_folders(struct cli_input *in, const struct cli_options *opt) {
    struct weft_dir *d = NULL;
    struct weft_error err = {0};
    const struct weft_dir_cb cb = {.on_error = on_error, .ud = in};
    if (weft_dir_new(NULL, opt->paths, opt->n_paths, opt->experimental, false, in->store, &cb, &d,
                     &err) != WEFT_OK) {
        fprintf(stderr, "weft: %s: %s\n", err.path, err.message);
        in->unreadable = CLI_USAGE;
    }
    weft_dir_free(d);
}

void cli_input_init(struct cli_input *in, struct cli_options *opt) {
    *in = (struct cli_input){.store = weft_store_new(), .live = opt->n_paths == 0};
    if (!in->live)
        read_folders(in, opt);
    else if (!cli_live_load(in, opt))
        in->unreadable = CLI_FAILED;
    struct bare bare = {0};
    weft_store_each(in->store, "Service", NULL, on_service, &bare);
    for (size_t i = 0; i < bare.n; i++) give_address(in, bare.items[i], i + 1);
    free(bare.items);
    const struct weft_gamma_options g = {.trust_domain = opt->trust_domain,
                                         .experimental = opt->experimental,
                                         .require_reference_grant = opt->require_grant};
    in->gamma = weft_gamma_new(in->store, &g);
}

void cli_input_done(struct cli_input *in) {
    weft_gamma_free(in->gamma);
    weft_store_free(in->store);
    for (size_t i = 0; i < in->n_faults; i++) free(in->faults[i].file);
    for (size_t i = 0; i < in->n_placeholders; i++) free(in->placeholders[i]);
    free(in->faults);
    free(in->placeholders);
    *in = (struct cli_input){0};
}

size_t cli_print_faults(const struct cli_input *in) {
    for (size_t i = 0; i < in->n_faults; i++) {
        const struct weft_error *e = &in->faults[i].error;
        char line[16] = "";
        if (!in->live) snprintf(line, sizeof line, ":%d", e->line);
        fprintf(stderr, "%s%s: %s%s%s\n", in->faults[i].file, line, e->path, *e->path ? ": " : "",
                e->message);
    }
    return in->live ? 0 : in->n_faults;
}

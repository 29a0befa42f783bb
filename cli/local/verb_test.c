/* SPDX-License-Identifier: Apache-2.0
 * `weft local test`: the cases of a file, in a running mesh or in one of its own. */
#include <cli/local/cases.h>
#include <cli/local/files.h>
#include <cli/local/jsonx.h>
#include <cli/local/own_mesh.h>
#include <cli/local/run_case.h>
#include <cli/local/verbs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft/base/alloc.h>

struct test {
    struct own_mesh mesh;
    const char *output, *only;
};
#define AT(member) offsetof(struct test, member)
static const struct weft_option rows[] = {
    {"file", NULL, "DIR",
     "Folder of manifests: a mesh of it is started, and ended afterwards. Default: a running mesh.",
     weft_option_str, AT(mesh.folder), 0, 0, 'f'},
    LOCAL_TARGET_ROWS(struct test, mesh.target),
    {"bin-dir", "WEFT_LOCAL_BIN_DIR", "DIR",
     "With -f: where programs are looked up first. Default: where this program lies.",
     weft_option_str, AT(mesh.bin_dir)},
    {"channel", NULL, "standard|experimental", "With -f: fields of Gateway API that exist.",
     weft_option_str, AT(mesh.channel)},
    {"timeout", NULL, "SECONDS", "With -f: how long everything may take to be ready. Default 60.",
     weft_option_u64, AT(mesh.timeout_s), 1, 3600},
    {"only", NULL, "TEXT", "Only cases whose name contains this.", weft_option_str, AT(only)},
    {"output", NULL, "text|json", "Default text.", weft_option_str, AT(output), 0, 0, 'o'},
};

static volatile sig_atomic_t stopped;

static void on_signal(int signum) {
    stopped = signum;
}

static void print_case(const struct test_case *c, const json_t *faults) {
    size_t i;
    json_t *f;
    printf("%sok %s", json_array_size(faults) ? "not " : "", c->name);
    json_array_foreach(faults, i, f) printf("%s %s", i ? ";" : ":", json_string_value(f));
    printf("\n");
    (void)fflush(stdout);
}

static json_t *case_report(const struct test_case *c, const json_t *faults) {
    return json_pack("{s:s, s:b, s:i, s:s, s:s, s:s, s:I, s:O}", "name", c->name, "ok",
                     json_array_size(faults) == 0, "line", c->line, "from", c->from, "method",
                     c->method, "url", c->url, "count", (json_int_t)c->count, "faults", faults);
}

/* 0 all as expected, 1 otherwise. */
static int run_cases(const struct test *t, const struct test_file *f, const char *state_dir) {
    bool json = strcmp(t->output, "json") == 0;
    LOCAL_JSON json_t *report = json_array();
    size_t failed = 0, passed = 0;
    for (size_t i = 0; i < f->n && !stopped; i++) {
        const struct test_case *c = &f->items[i];
        if (t->only && !strstr(c->name, t->only)) continue;
        LOCAL_JSON json_t *faults = run_case(state_dir, c, i);
        if (stopped) break;
        json_array_size(faults) ? failed++ : passed++;
        json_array_append_new(report, case_report(c, faults));
        if (!json) print_case(c, faults);
    }
    if (json) {
        LOCAL_JSON json_t *o = json_pack("{s:O, s:i, s:i}", "cases", report, "passed", (int)passed,
                                         "failed", (int)failed);
        (void)json_dumpf(o, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        printf("%zu passed, %zu failed\n", passed, failed);
    }
    if (passed + failed == 0) fprintf(stderr, "weft local test: no case was run\n");
    return failed || stopped || passed == 0 ? 1 : 0;
}

static int in_mesh(struct test *t, const struct test_file *f) {
    if (!t->mesh.folder) {
        WEFT_FREE char *state_dir = local_state_dir(&t->mesh.target);
        if (!state_dir) return 2;
        if (access(state_dir, F_OK) == 0) return run_cases(t, f, state_dir);
        fprintf(stderr,
                "weft local test: there is no mesh at %s; -f DIR starts one of your manifests\n",
                state_dir);
        return 2;
    }
    struct sigaction sa = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
    int status = own_mesh_up(&t->mesh);
    if (status == 0 && !stopped) status = run_cases(t, f, t->mesh.state_dir);
    own_mesh_down(&t->mesh);
    return status;
}

/* 0 when every case is well-formed. */
static int read_file(const char *path, struct test_file *ret) {
    size_t len, i;
    json_t *p;
    WEFT_FREE char *text = local_read_file(path, &len);
    if (!text) {
        fprintf(stderr, "weft local test: %s cannot be read\n", path);
        return 2;
    }
    cases_parse(weft_slice(text, len), path, ret);
    json_array_foreach(ret->problems, i, p) fprintf(stderr, "%s\n", json_string_value(p));
    if (json_array_size(ret->problems) == 0) return 0;
    cases_done(ret);
    return 2;
}

static const struct local_help help = {
    .usage = "test [OPTIONS] FILE",
    .about =
        "Makes the requests of FILE from pods of a mesh, and compares what comes back with what\n"
        "the file expects: of a running mesh, or with -f of one that is made for it and ended.\n"
        "Exit status: 0 all as expected; 1 a case failed, or no mesh; 2 wrong usage or a broken "
        "FILE.",
    .example = "weft local test -f deploy/samples/shop deploy/samples/shop.test.yaml",
};

int local_verb_test(int argc, char **argv) {
    struct test t = {.output = "text", .mesh = {.timeout_s = 60}};
    struct test_file f;
    int rest, status;
    if (!local_parse(rows, WEFT_LEN(rows), argc, argv, false, &t, &help, &rest, &status))
        return status;
    if (rest + 1 != argc) return local_usage(&help);
    if (strcmp(t.output, "text") != 0 && strcmp(t.output, "json") != 0) {
        fprintf(stderr, "weft local test: --output: \"%s\": use text or json\n", t.output);
        return 2;
    }
    status = read_file(argv[rest], &f);
    if (status) return status;
    if (geteuid() != 0) {
        fprintf(stderr, "weft local test: needs root, for network namespaces\n");
        cases_done(&f);
        return 1;
    }
    status = in_mesh(&t, &f);
    cases_done(&f);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0
 * Exit statuses and files of the commands over manifests. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <cli/cli.h>
#include <cli/local/local.h>
#include <weft/xds/codec.h>

#include "manifests.h"

#define SERVICE                                                                                    \
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.1, ports: "   \
    "[{name: http, port: 80}]}\n---\n"
#define ROUTE                                                                                      \
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec:\n  "    \
    "parentRefs: [{group: \"\", kind: Service, name: web}]\n  rules: [{backendRefs: [{name: "

static struct manifests good, broken, unresolved;

static int set_up(void **state) {
    setenv("KUBECONFIG", "/nonexistent/weft", 1);
    manifests_open(&good, SERVICE ROUTE "web, port: 80}]}]\n", true);
    manifests_open(&broken, SERVICE ROUTE "web, port: 0}]}]\n", true);
    manifests_open(&unresolved, SERVICE ROUTE "gone, port: 80}]}]\n", true);
    return 0;
}

static int tear_down(void **state) {
    manifests_close(&good);
    manifests_close(&broken);
    manifests_close(&unresolved);
    return 0;
}

static char printed[32768]; /* on standard output, by the last run */

/* Runs with what it prints put aside; NULL-terminated arguments. */
static int run(int (*cmd)(int, char **), ...) {
    char *argv[16];
    int argc = 0;
    va_list ap;
    va_start(ap, cmd);
    for (const char *arg; (arg = va_arg(ap, const char *));) argv[argc++] = strdup(arg);
    va_end(ap);
    argv[argc] = NULL;
    fflush(stdout);
    int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
    FILE *null = fopen("/dev/null", "we");
    int out = memfd_create("stdout", MFD_CLOEXEC);
    dup2(out, STDOUT_FILENO);
    dup2(fileno(null), STDERR_FILENO);
    char *copy[16]; /* getopt permutes */
    memcpy(copy, argv, sizeof copy);
    int status = cmd(argc, argv);
    fflush(stdout);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    close(saved_out);
    close(saved_err);
    fclose(null);
    ssize_t n = pread(out, printed, sizeof printed - 1, 0);
    printed[n > 0 ? n : 0] = 0;
    close(out);
    for (int i = 0; i < argc; i++) free(copy[i]);
    return status;
}

static void expect_help(int (*cmd)(int, char **), const char *name, const char *verb) {
    assert_int_equal(verb ? run(cmd, name, verb, "--help", NULL) : run(cmd, name, "--help", NULL),
                     CLI_OK);
    static const char *const parts[] = {"Usage: weft ", "Exit status: ", "Example", "Options:\n"};
    for (size_t i = 0; i < WEFT_LEN(parts); i++)
        if (!strstr(printed, parts[i]))
            fail_msg("%s %s --help lacks \"%s\"", name, verb ? verb : "", parts[i]);
}

/* Every --help says how to call, what comes back, and gives an example. */
static void helps(void **state) {
    static const struct {
        const char *name;
        int (*cmd)(int, char **);
    } rows[] = {{"check", cmd_check},     {"compile", cmd_compile}, {"explain", cmd_explain},
                {"routes", cmd_routes},   {"proxy", cmd_proxy},     {"inject", cmd_inject},
                {"install", cmd_install}, {"upgrade", cmd_upgrade}, {"uninstall", cmd_uninstall}};
    static const char *const verbs[] = {"up",    "status", "exec", "logs", "apply",
                                        "scale", "kill",   "test", "down"};
    for (size_t i = 0; i < WEFT_LEN(rows); i++) expect_help(rows[i].cmd, rows[i].name, NULL);
    for (size_t i = 0; i < WEFT_LEN(verbs); i++) expect_help(cmd_local, "local", verbs[i]);
}

static void exit_statuses(void **state) {
    static const struct {
        const char *name;
        int (*cmd)(int, char **);
        int on_unresolved;
    } rows[] = {{"compile", cmd_compile, CLI_OK},
                {"check", cmd_check, CLI_FAILED},
                {"routes", cmd_routes, CLI_FAILED}};
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        int (*cmd)(int, char **) = rows[i].cmd;
        const char *n = rows[i].name;
        assert_int_equal(run(cmd, n, "--help", NULL), CLI_OK);
        assert_int_equal(run(cmd, n, "-f", good.dir, NULL), CLI_OK);
        assert_int_equal(run(cmd, n, "-f", good.file, "-o", "json", NULL), CLI_OK);
        assert_int_equal(run(cmd, n, "-f", broken.dir, NULL), CLI_FAILED);
        assert_int_equal(run(cmd, n, "-f", unresolved.dir, NULL), rows[i].on_unresolved);
        assert_int_equal(run(cmd, n, NULL), CLI_FAILED); /* no cluster either */
        assert_int_equal(run(cmd, n, "-f", good.dir, "--context", "x", NULL), CLI_USAGE);
        assert_int_equal(run(cmd, n, "-f", "/nonexistent/weft", NULL), CLI_USAGE);
        assert_int_equal(run(cmd, n, "-f", good.dir, "extra", NULL), CLI_USAGE);
        assert_int_equal(run(cmd, n, "-f", good.dir, "--channel", "beta", NULL), CLI_USAGE);
        assert_int_equal(run(cmd, n, "-f", good.dir, "--nonsense", NULL), CLI_USAGE);
    }
    assert_int_equal(run(cmd_version, "version", NULL), CLI_OK);
    assert_int_equal(run(cmd_version, "version", "--help", NULL), CLI_OK);
    assert_int_equal(run(cmd_version, "version", "x", NULL), CLI_USAGE);
}

static void explain_statuses(void **state) {
    static const struct {
        const char *url;
        int status;
    } rows[] = {
        {"http://web/", CLI_OK},
        {"POST web", CLI_OK},
        {"web?x=1", CLI_OK},
        {"http://10.96.0.1:80/", CLI_OK},
        {"http://[::1]:80/", CLI_OK},
        {"http://web/%2f", CLI_OK},
        {"http://web:81/", CLI_FAILED},
        {"http://nope/", CLI_FAILED},
        {"https://web/", CLI_USAGE},
        {"http://web:x/", CLI_USAGE},
        {"http://web:/", CLI_USAGE},
        {"http://[::1/", CLI_USAGE},
        {"http:///", CLI_USAGE},
        {"", CLI_USAGE},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        int text = run(cmd_explain, "explain", "-f", good.dir, rows[i].url, NULL);
        int json = run(cmd_explain, "explain", "-f", good.dir, "-o", "json", "-H", "a: b",
                       rows[i].url, NULL);
        if (text != rows[i].status || json != text) fail_msg("%s: %d, %d", rows[i].url, text, json);
    }
    assert_int_equal(run(cmd_explain, "explain", "-f", good.dir, NULL), CLI_USAGE);
    assert_int_equal(run(cmd_explain, "explain", "-f", good.dir, "-H", "x", "web", NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_explain, "explain", "-f", broken.dir, "web", NULL), CLI_FAILED);
    static const struct {
        const char *call, *url;
        int status;
    } calls[] = {{"a.B/C", "web", CLI_OK},        {"/a.B/C", "http://web:80", CLI_OK},
                 {"a.B", "web", CLI_USAGE},       {"a.B/", "web", CLI_USAGE},
                 {"/C", "web", CLI_USAGE},        {"a.B/C", "web/x", CLI_USAGE},
                 {"a.B/C", "web:81", CLI_FAILED}, {"a.B/C", "https://web", CLI_USAGE}};
    for (size_t i = 0; i < WEFT_LEN(calls); i++)
        assert_int_equal(run(cmd_explain, "explain", "-f", good.dir, "--grpc", calls[i].call,
                             calls[i].url, NULL),
                         calls[i].status);
}

/* The file appears whole, and not at all when manifests are broken. */
static void compile_writes_a_snapshot(void **state) {
    char path[128];
    snprintf(path, sizeof path, "%s/out", good.dir);
    assert_int_equal(run(cmd_compile, "compile", "-f", broken.dir, "-o", path, NULL), CLI_FAILED);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(
        run(cmd_compile, "compile", "-f", good.file, "--from", "shop", "-o", path, NULL), CLI_OK);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    static char bytes[65536];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    struct weft_snapshot s;
    struct weft_error err;
    assert_int_equal(weft_snapshot_decode(weft_slice(bytes, n), &s, &err), WEFT_OK);
    assert_true(weft_slice_is(s.ns, "shop"));
    assert_int_equal(s.n_destinations, 1);
    assert_int_equal(s.n_endpoints, 1);
    assert_int_equal(s.destinations[0]->n_rules, 1);
    weft_snapshot_done(&s);
    unlink(path);
    assert_int_equal(
        run(cmd_compile, "compile", "-f", good.file, "-o", "/nonexistent/weft/out", NULL),
        CLI_FAILED);
}

/* A full disk is no success: what a pipe or a file got is cut. */
static void inject_tells_that_its_output_is_cut(void **state) {
    char bundle[128], words[3][16] = {"inject", "-f", "--trust-bundle"};
    char *argv[] = {words[0], words[1], good.file, words[2], bundle, NULL};
    snprintf(bundle, sizeof bundle, "%s/bundle", good.dir);
    FILE *f = fopen(bundle, "we");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(run(cmd_inject, "inject", "-f", good.file, "--trust-bundle", bundle, NULL),
                     CLI_OK);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    dup2(full, STDOUT_FILENO);
    int status = cmd_inject(5, argv);
    clearerr(stdout);
    dup2(saved, STDOUT_FILENO);
    close(full);
    close(saved);
    unlink(bundle);
    assert_int_equal(status, CLI_FAILED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(helps),
        cmocka_unit_test(exit_statuses),
        cmocka_unit_test(explain_statuses),
        cmocka_unit_test(compile_writes_a_snapshot),
        cmocka_unit_test(inject_tells_that_its_output_is_cut),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

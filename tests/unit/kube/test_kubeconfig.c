/* SPDX-License-Identifier: Apache-2.0
 * Credentials of a person (kubeconfig files) and of a pod. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/base/file.h>

#include "src/kube/client_internal.h"

static char dir[64];

static int make_dir(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/weft-kubeconfig-XXXXXX");
    assert_non_null(mkdtemp(dir));
    unsetenv("KUBECONFIG");
    setenv("HOME", dir, 1);
    return 0;
}
static int remove_dir(void **state) {
    (void)state;
    WEFT_FREE char *rm = weft_asprintf("rm -rf %s", dir);
    return system(rm);
}

static char *file(const char *name, const char *text) {
    char *path = weft_asprintf("%s/%s", dir, name);
    assert_int_equal(weft_file_replace(path, 0600, false, weft_slice_str(text)), WEFT_OK);
    return path;
}

#define ONE(cluster, user)                                                                         \
    "apiVersion: v1\nkind: Config\ncurrent-context: dev\n"                                         \
    "contexts:\n- name: dev\n  context: {cluster: c, user: u, namespace: shop}\n"                  \
    "- name: bare\n  context: {cluster: c}\n"                                                      \
    "clusters:\n- name: c\n  cluster: {" cluster "}\n"                                             \
    "users:\n- name: u\n  user: {" user "}\n"
#define SERVER "server: https://10.0.0.1:6443"

struct row {
    const char *text;          /* the file */
    const char *member, *want; /* the member holds it */
    const char *refused;       /* or the message says it */
};

static const char *member(const struct weft_kube_config *c, const char *name) {
    const struct {
        const char *name, *value;
    } all[] = {
        {"server", c->server},         {"ca_file", c->ca_file},
        {"ca_pem", c->ca_pem},         {"cert_file", c->cert_file},
        {"cert_pem", c->cert_pem},     {"key_file", c->key_file},
        {"key_pem", c->key_pem},       {"token", c->token},
        {"token_file", c->token_file}, {"ns", c->ns},
        {"proxy", c->proxy},           {"server_name", c->server_name},
    };
    for (size_t i = 0; i < WEFT_LEN(all); i++)
        if (!strcmp(all[i].name, name)) return all[i].value ? all[i].value : "";
    return c->insecure ? "true" : "false";
}

#define ROW(c, u, m, v)                                                                            \
    { ONE(c, u), m, v, NULL }
#define REFUSED(c, u, why)                                                                         \
    { ONE(c, u), NULL, NULL, why }
static const struct row rows[] = {
    ROW(SERVER, "token: abc", "server", "https://10.0.0.1:6443"),
    ROW("server: 'https://h:1//'", "token: abc", "server", "https://h:1"),
    ROW(SERVER, "token: abc", "token", "abc"),
    ROW(SERVER, "token: abc", "ns", "shop"),
    ROW(SERVER, "token: abc", "insecure", "false"),
    ROW(SERVER ", insecure-skip-tls-verify: true", "token: abc", "insecure", "true"),
    ROW(SERVER ", tls-server-name: kube.test", "token: a", "server_name", "kube.test"),
    ROW(SERVER ", proxy-url: 'http://p:3128'", "token: a", "proxy", "http://p:3128"),
    ROW(SERVER ", certificate-authority: /ca.pem", "token: a", "ca_file", "/ca.pem"),
    ROW(SERVER ", certificate-authority: ca.pem", "token: a", "ca_file", "DIR/ca.pem"),
    ROW(SERVER ", certificate-authority-data: aGVsbG8=", "token: a", "ca_pem", "hello"),
    ROW(SERVER, "client-certificate: c.pem, client-key: /k.pem", "cert_file", "DIR/c.pem"),
    ROW(SERVER, "client-certificate: c.pem, client-key: /k.pem", "key_file", "/k.pem"),
    ROW(SERVER, "client-certificate-data: Y2VydA==, client-key-data: a2V5", "cert_pem", "cert"),
    ROW(SERVER, "client-certificate-data: Y2VydA==, client-key-data: a2V5", "key_pem", "key"),
    ROW(SERVER, "tokenFile: t, token: abc", "token_file", "DIR/t"),
    ROW(SERVER, "tokenFile: t, token: abc", "token", ""),
    ROW(SERVER, "token: abc, exec: {command: aws}", "token", "abc"),
    ROW(SERVER, "", "token", ""),
    ROW(SERVER, "exec: {command: echo, args: ['{\"status\":{\"token\":\"made\"}}']}", "token",
        "made"),
    ROW(SERVER,
        "exec: {command: echo, args: ['{\"status\":{\"clientCertificateData\":\"C\","
        "\"clientKeyData\":\"K\"}}']}",
        "key_pem", "K"),
    ROW(SERVER,
        "exec: {command: sh, env: [{name: WHO, value: me}], args: ['-c', 'echo "
        "\"{\\\"status\\\":{\\\"token\\\":\\\"$WHO\\\"}}\"']}",
        "token", "me"),
    REFUSED("insecure-skip-tls-verify: true", "token: a", "names no server"),
    REFUSED(SERVER ", certificate-authority-data: '!!'", "token: a", "no base64"),
    REFUSED(SERVER, "client-certificate-data: Y2VydA==", "without its key"),
    REFUSED(SERVER, "client-key-data: 'Y=Y'", "no base64"),
    REFUSED(SERVER, "exec: {args: [x]}", "names no command"),
    REFUSED(SERVER, "exec: {command: weft-no-such-program}", "no such program"),
    REFUSED(SERVER, "exec: {command: 'false'}", "failed"),
    REFUSED(SERVER, "exec: {command: 'true'}", "gave no credential"),
    REFUSED(SERVER,
            "exec: {command: echo, args: ['{\"status\":{\"clientCertificateData\":\"x\"}}']}",
            "gave no credential"),
    REFUSED(SERVER, "auth-provider: {name: gcp}", "not supported"),
    REFUSED(SERVER, "username: admin, password: x", "not supported"),
};

static void each_field_is_read(void **state) {
    (void)state;
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        const struct row *r = &rows[i];
        WEFT_FREE char *path = file("config", r->text);
        struct weft_kube_config c = {0};
        struct weft_error err = {0};
        enum weft_status st = weft_kube_config_load(path, NULL, &c, &err);
        if (r->refused) {
            if (st == WEFT_OK || !strstr(err.message, r->refused))
                fail_msg("row %zu: %s %s", i, err.path, err.message);
            assert_null(c.server);
            continue;
        }
        if (st != WEFT_OK) fail_msg("row %zu: %s %s", i, err.path, err.message);
        WEFT_FREE char *want = strncmp(r->want, "DIR/", 4)
                                   ? weft_strdup(r->want)
                                   : weft_asprintf("%s%s", dir, r->want + 3);
        assert_string_equal(member(&c, r->member), want);
        weft_kube_config_done(&c);
    }
}

static void refused(const char *path, const char *context, const char *where, const char *why) {
    struct weft_kube_config c = {0};
    struct weft_error err = {0};
    assert_int_not_equal(weft_kube_config_load(path, context, &c, &err), WEFT_OK);
    if (!strstr(err.path, where) || !strstr(err.message, why))
        fail_msg("%s: %s", err.path, err.message);
}

static void what_is_missing_is_named(void **state) {
    (void)state;
    WEFT_FREE char *absent = weft_asprintf("%s/none", dir);
    refused(absent, NULL, absent, "cannot be read: not found");
    refused(NULL, NULL, "kubeconfig", "neither $KUBECONFIG nor ~/.kube/config");
    WEFT_FREE char *good = file("good", ONE(SERVER, "token: a"));
    refused(good, "prod", "contexts", "\"prod\"");
    WEFT_FREE char *broken = file("broken", "a: [");
    refused(broken, NULL, broken, "");
    WEFT_FREE char *list = file("list", "- 1\n");
    refused(list, NULL, list, "no kubeconfig");
    WEFT_FREE char *empty = file("empty", "");
    refused(empty, NULL, "current-context", "no current context");
    WEFT_FREE char *loose = file("loose", "current-context: x\ncontexts:\n- name: x\n"
                                          "  context: {cluster: gone, user: u}\n");
    refused(loose, NULL, "clusters", "\"gone\"");
}

/* A program named with a path stands beside the file, and is told what is asked of it. */
static void a_program_may_give_the_credential(void **state) {
    (void)state;
    WEFT_FREE char *program = file(
        "login", "#!/bin/sh\ncase $KUBERNETES_EXEC_INFO in *client.authentication.k8s.io/v1beta1*)"
                 "\necho '{\"status\":{\"token\":\"beside\"}}';; esac\n");
    assert_int_equal(chmod(program, 0700), 0);
    WEFT_FREE char *path =
        file("config", ONE(SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1beta1, "
                                   "command: ./login}"));
    struct weft_kube_config c = {0};
    struct weft_error err = {0};
    if (weft_kube_config_load(path, NULL, &c, &err) != WEFT_OK) fail_msg("%s", err.message);
    assert_string_equal(c.token, "beside");
    weft_kube_config_done(&c);
}

/* One that says nothing, and one that closes its output and stays. */
static void a_program_that_does_not_end_is_ended(void **state) {
    (void)state;
    static const char *const scripts[] = {"echo $$ >$1; exec sleep 600",
                                          "echo $$ >$1; exec >&-; exec sleep 600"};
    for (size_t i = 0; i < WEFT_LEN(scripts); i++) {
        WEFT_FREE char *pid_file = file("pid", "");
        json_t *exec = json_pack("{s:s, s:[s, s, s, s]}", "command", "sh", "args", "-c", scripts[i],
                                 "sh", pid_file);
        struct weft_buf pid;
        weft_buf_init(&pid, 64);
        struct weft_kube_config c = {0};
        struct weft_error err = {0};
        assert_int_equal(kube_exec_credential(exec, dir, 300000, &c, &err), WEFT_TIMEOUT);
        assert_string_equal(err.message, "sh gave nothing in time, and was ended");
        assert_int_equal(weft_file_read(pid_file, &pid), WEFT_OK);
        WEFT_FREE char *text = weft_slice_dup(weft_buf_slice(&pid));
        assert_true(strtol(text, NULL, 10) > 1);
        assert_int_equal(kill((pid_t)strtol(text, NULL, 10), 0), -1);
        weft_buf_done(&pid);
        json_decref(exec);
    }
}

/* Bytes that did not come from the caller's own file run nothing. */
static void text_alone_runs_nothing(void **state) {
    (void)state;
    static const char text[] = ONE(SERVER, "exec: {command: echo, args: ['{}']}");
    struct weft_kube_config c = {0};
    struct weft_error err = {0};
    assert_int_equal(kube_config_text(weft_slice_str(text), "/x/config", NULL, &c, &err),
                     WEFT_INVALID);
    assert_non_null(strstr(err.message, "not run here"));
}

static void a_context_may_be_named(void **state) {
    (void)state;
    WEFT_FREE char *path = file("good", ONE(SERVER, "token: a"));
    struct weft_kube_config c = {0};
    assert_int_equal(weft_kube_config_load(path, "bare", &c, NULL), WEFT_OK);
    assert_null(c.token); /* it names no user */
    assert_null(c.ns);
    weft_kube_config_done(&c);
}

/* The first file that says something about a name wins; files that are not there are no fault. */
static void several_files_are_one(void **state) {
    (void)state;
    WEFT_FREE char *one = file("one", "current-context: x\ncontexts:\n- name: x\n"
                                      "  context: {cluster: c, user: u, namespace: first}\n");
    WEFT_FREE char *two = file("two", ONE(SERVER, "token: two") "- name: x\n  user: {}\n");
    WEFT_FREE char *list = weft_asprintf("%s/none:%s::%s", dir, one, two);
    struct weft_kube_config c = {0};
    setenv("KUBECONFIG", list, 1);
    assert_int_equal(weft_kube_config_load(NULL, NULL, &c, NULL), WEFT_OK);
    unsetenv("KUBECONFIG");
    assert_string_equal(c.ns, "first");
    assert_string_equal(c.token, "two");
    weft_kube_config_done(&c);
}

static void the_usual_place_is_looked_at(void **state) {
    (void)state;
    WEFT_FREE char *folder = weft_asprintf("mkdir -p %s/.kube", dir);
    assert_int_equal(system(folder), 0);
    WEFT_FREE char *path = file(".kube/config", ONE(SERVER, "token: home"));
    struct weft_kube_config c = {0};
    assert_int_equal(weft_kube_config_load(NULL, NULL, &c, NULL), WEFT_OK);
    assert_string_equal(c.token, "home");
    weft_kube_config_done(&c);
    unlink(path);
}

static void a_pod_finds_its_own(void **state) {
    (void)state;
    struct weft_kube_config c = {0};
    struct weft_error err = {0};
    assert_int_equal(kube_config_pod(dir, NULL, "443", &c, &err), WEFT_NOT_FOUND);
    assert_non_null(strstr(err.message, "no pod of a cluster"));
    assert_int_equal(kube_config_pod(dir, "10.96.0.1", "443", &c, &err), WEFT_NOT_FOUND);
    assert_non_null(strstr(err.message, "automountServiceAccountToken"));
    WEFT_FREE char *token = file("token", "t");
    WEFT_FREE char *ns = file("namespace", "weft-system\n");
    assert_int_equal(kube_config_pod(dir, "fd00::1", "443", &c, &err), WEFT_OK);
    assert_string_equal(c.server, "https://[fd00::1]:443");
    assert_string_equal(c.token_file, token);
    WEFT_FREE char *ca = weft_asprintf("%s/ca.crt", dir);
    assert_string_equal(c.ca_file, ca);
    assert_string_equal(c.ns, "weft-system");
    weft_kube_config_done(&c);
}

static void base64_both_ways(void **state) {
    static const struct {
        const char *plain, *coded;
    } good[] = {{"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
                {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe", "//4="}};
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zm-v", "=Zm9v", "Zm9v=", "Zg==x"};
    struct weft_buf b;
    (void)state;
    weft_buf_init(&b, 64);
    for (size_t i = 0; i < WEFT_LEN(good); i++) {
        assert_int_equal(weft_base64_encode(weft_slice_str(good[i].plain), &b), WEFT_OK);
        assert_true(weft_slice_is(weft_buf_slice(&b), good[i].coded));
        weft_buf_clear(&b);
        assert_int_equal(weft_base64_decode(weft_slice_str(good[i].coded), &b), WEFT_OK);
        assert_true(weft_slice_is(weft_buf_slice(&b), good[i].plain));
        weft_buf_clear(&b);
    }
    assert_int_equal(weft_base64_decode(WEFT_SLICE_LIT(" Zm\n9v\r\nYg==\n"), &b), WEFT_OK);
    assert_true(weft_slice_is(weft_buf_slice(&b), "foob"));
    for (size_t i = 0; i < WEFT_LEN(bad); i++)
        assert_int_equal(weft_base64_decode(weft_slice_str(bad[i]), &b), WEFT_INVALID);
    weft_buf_done(&b);
    weft_buf_init(&b, 3);
    assert_int_equal(weft_base64_decode(WEFT_SLICE_LIT("Zm9vYmFy"), &b), WEFT_LIMIT);
    weft_buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_read),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(a_program_may_give_the_credential),
        cmocka_unit_test(a_program_that_does_not_end_is_ended),
        cmocka_unit_test(text_alone_runs_nothing),
        cmocka_unit_test(a_context_may_be_named),
        cmocka_unit_test(several_files_are_one),
        cmocka_unit_test(the_usual_place_is_looked_at),
        cmocka_unit_test(a_pod_finds_its_own),
        cmocka_unit_test(base64_both_ways),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

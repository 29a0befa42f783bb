/* SPDX-License-Identifier: Apache-2.0
 * Injection against golden files: inject/CASE.yaml holds the pod, before it (optional) its
 * Namespace; inject/CASE.json what becomes of it: verdict and reason, warnings, the pod with its
 * sidecar, and the patch, which inject_apply (Python) applies with code of its own. Cases named
 * classic-* are for clusters without native sidecars. WEFT_UPDATE_GOLDEN=1 writes the results; read
 * them before you keep them. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weft/base/alloc.h>
#include <weft/base/file.h>
#include <weft/gamma/inject.h>
#include <weft/object/json_patch.h>
#include <weft/object/yaml.h>

#define CASES WEFT_SOURCE_DIR "/tests/golden/inject/"

struct in {
    json_t *ns, *pod;
};

static void on_document(void *ud, json_t *value, json_t *lines, int line) {
    struct in *in = ud;
    const char *kind = json_string_value(json_object_get(value, "kind"));
    json_decref(lines);
    if (kind && !strcmp(kind, "Namespace"))
        in->ns = value;
    else
        in->pod = value;
}

static struct in read_case(const char *path) {
    struct in in = {0};
    struct weft_buf text;
    struct weft_error err = {0};
    weft_buf_init(&text, 0);
    assert_int_equal(weft_file_read(path, &text), WEFT_OK);
    if (weft_yaml_parse(weft_buf_slice(&text), on_document, &in, &err) != WEFT_OK || !in.pod)
        fail_msg("%s:%d: %s", path, err.line, err.message);
    weft_buf_done(&text);
    return in;
}

static void compare(const char *path, const json_t *value) {
    WEFT_FREE char *text = json_dumps(value, JSON_INDENT(1) | JSON_SORT_KEYS);
    struct weft_buf golden;
    if (getenv("WEFT_UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        fprintf(f, "%s\n", text);
        fclose(f);
        return;
    }
    weft_buf_init(&golden, 0);
    if (weft_file_read(path, &golden) != WEFT_OK)
        fail_msg("%s is missing: WEFT_UPDATE_GOLDEN=1 writes it", path);
    struct weft_slice g = weft_buf_slice(&golden);
    size_t line = 1, i = 0;
    for (; text[i] && i < g.len && text[i] == g.base[i]; i++) line += text[i] == '\n';
    if (text[i] || i + 1 != g.len) {
        print_message("---- now:\n%s\n", text);
        fail_msg("%s differs from line %zu on", path, line);
    }
    weft_buf_done(&golden);
}

static void run_case(void **state) {
    const char *path = *state;
    static const char *const verdicts[] = {"not injected", "injected", "refused"};
    const struct weft_inject_options opt = {
        .init_image = "registry.example/weft-init:1",
        .proxy_image = "registry.example/weft-proxy:1",
        .controller = "weft-controller.weft-system.svc:15012",
        .controller_name = "weft-controller.weft-system.svc",
        .trust_domain = "cluster.local",
        .trust_bundle_pem = "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n",
        .secret = "5f0c-secret-of-this-pod",
        .classic = strstr(path, "/classic-") != NULL,
    };
    struct in in = read_case(path);
    struct weft_inject_result r;
    weft_inject(in.pod, in.ns, &opt, &r);
    json_t *out = json_pack("{s:s, s:s, s:O, s:O}", "verdict", verdicts[r.verdict], "why", r.why,
                            "warnings", r.warnings, "in", in.pod);
    if (r.pod) {
        json_object_set(out, "pod", r.pod);
        json_object_set_new(out, "patch", weft_json_patch(in.pod, r.pod));
    }
    WEFT_FREE char *golden = weft_asprintf("%.*s.json", (int)(strlen(path) - 5), path);
    compare(golden, out);
    json_decref(out);
    weft_inject_result_done(&r);
    json_decref(in.pod);
    json_decref(in.ns);
}

int main(void) {
    glob_t found;
    if (glob(CASES "*.yaml", 0, NULL, &found) != 0 || found.gl_pathc == 0) return 1;
    struct CMUnitTest *tests = weft_alloc0(found.gl_pathc * sizeof *tests);
    for (size_t i = 0; i < found.gl_pathc; i++)
        tests[i] = (struct CMUnitTest){.name = found.gl_pathv[i] + strlen(CASES),
                                       .test_func = run_case,
                                       .initial_state = found.gl_pathv[i]};
    int failed = _cmocka_run_group_tests("golden inject", tests, found.gl_pathc, NULL, NULL);
    free(tests);
    globfree(&found);
    return failed;
}

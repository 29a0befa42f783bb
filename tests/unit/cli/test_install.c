/* SPDX-License-Identifier: Apache-2.0
 * What `weft install` prints: the same as deploy/kustomize holds, and nothing that breaks YAML. */
#include <cli/install.h>
#include <weft/base/alloc.h>
#include <weft/base/file.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static bool contains(const struct weft_buf *b, const char *text) {
    struct weft_slice s = weft_buf_slice(b);
    return weft_slice_search(s, weft_slice_str(text)) < s.len;
}

static size_t place(const struct weft_buf *b, const char *text) {
    return weft_slice_search(weft_buf_slice(b), weft_slice_str(text));
}

static void prints_what_the_kustomize_folder_holds(void **state) {
    struct cli_install_values v;
    struct weft_buf out, file;
    cli_install_defaults(&v);
    weft_buf_init(&out, 0);
    weft_buf_init(&file, 0);
    cli_install_render(&v, &out);
    assert_int_equal(weft_file_read(WEFT_SOURCE_DIR "/deploy/kustomize/weft.yaml", &file), WEFT_OK);
    assert_int_equal(weft_buf_size(&out), weft_buf_size(&file));
    assert_memory_equal(weft_buf_slice(&out).base, weft_buf_slice(&file).base, weft_buf_size(&out));
    weft_buf_done(&file);
    weft_buf_done(&out);
}

static void puts_values_where_they_belong(void **state) {
    struct cli_install_values v;
    struct weft_buf out;
    cli_install_defaults(&v);
    v.namespace = "mesh";
    v.replicas = "3";
    v.image_registry = "registry.example:5000/team";
    v.image_tag = "7";
    v.image_init = "other/init@sha256:0123";
    weft_buf_init(&out, 0);
    cli_install_render(&v, &out);
    assert_false(contains(&out, "%{"));
    assert_false(contains(&out, "weft-system"));
    assert_true(contains(&out, "namespace: mesh\n"));
    assert_true(contains(&out, "replicas: 3\n"));
    assert_true(contains(&out, "image: registry.example:5000/team/weft-controller:7\n"));
    assert_true(contains(&out, "registry.example:5000/team/weft-proxy:7"));
    assert_true(contains(&out, "other/init@sha256:0123"));
    assert_false(contains(&out, "weft-init:7"));
    weft_buf_done(&out);
}

static void refuses_values_that_a_manifest_cannot_hold(void **state) {
    static const struct {
        size_t offset;
        const char *value, *flag;
    } bad[] = {
#define AT(member) offsetof(struct cli_install_values, member)
        {AT(namespace), "", "--namespace"},
        {AT(namespace), "Mesh", "--namespace"},
        {AT(namespace), "a.b", "--namespace"},
        {AT(replicas), "0", "--replicas"},
        {AT(replicas), "two", "--replicas"},
        {AT(replicas), "100", "--replicas"},
        {AT(image_tag), "1\"\nkind: Secret", "--image-tag"},
        {AT(image_proxy), "a b", "--image-proxy"},
        {AT(image_pull_policy), "Sometimes", "--image-pull-policy"},
        {AT(trust_domain), "", "--trust-domain"},
        {AT(log_level), "loud", "--log-level"},
    };
    for (size_t i = 0; i < WEFT_LEN(bad); i++) {
        struct cli_install_values v;
        struct weft_error err = {0};
        cli_install_defaults(&v);
        assert_int_equal(cli_install_judge(&v, &err), WEFT_OK);
        *(const char **)((char *)&v + bad[i].offset) = bad[i].value;
        assert_int_equal(cli_install_judge(&v, &err), WEFT_INVALID);
        assert_string_equal(err.path, bad[i].flag);
    }
}

static void removes_the_webhook_first_and_the_namespace_last(void **state) {
    struct cli_install_values v;
    struct weft_buf all, out;
    cli_install_defaults(&v);
    weft_buf_init(&all, 0);
    weft_buf_init(&out, 0);
    cli_install_render(&v, &all);
    cli_install_render_removal(&v, &out);
    assert_int_equal(place(&out, "kind: MutatingWebhookConfiguration"),
                     strlen("apiVersion: admissionregistration.k8s.io/v1\n"));
    size_t last = place(&out, "kind: Namespace\nmetadata:\n  name: weft-system\n");
    assert_int_equal(last + strlen("kind: Namespace\nmetadata:\n  name: weft-system\n"),
                     weft_buf_size(&out));
    assert_true(place(&out, "kind: Deployment") < place(&out, "kind: ClusterRole\n"));
    assert_true(contains(
        &out, "kind: Role\nmetadata:\n  name: weft-controller\n  namespace: weft-system\n"));
    weft_buf_done(&out);
    weft_buf_done(&all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_what_the_kustomize_folder_holds),
        cmocka_unit_test(puts_values_where_they_belong),
        cmocka_unit_test(refuses_values_that_a_manifest_cannot_hold),
        cmocka_unit_test(removes_the_webhook_first_and_the_namespace_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <controller/options.h>
#include <string.h>

static enum weft_status parse(struct controller_options *o, struct weft_error *err, ...) {
    char *argv[24] = {(char[]){"weft-controller"}};
    int argc = 1;
    va_list ap;
    va_start(ap, err);
    for (char *s; (s = va_arg(ap, char *));) argv[argc++] = s;
    va_end(ap);
    struct weft_option_result r = {0};
    return controller_options_parse(o, argc, argv, &r, err);
}

static void test_defaults(void **state) {
    (void)state;
    struct controller_options o;
    struct weft_error err = {0};
    assert_int_equal(parse(&o, &err, "-f", "a", "--ca-dir", "c", NULL), WEFT_OK);
    assert_int_equal(o.listen.port, 15012);
    assert_int_equal(o.admin.port, 15014);
    assert_int_equal(o.cert_ttl_s, 24 * 3600);
    assert_string_equal(o.trust_domain, "cluster.local");
    assert_true(o.experimental);
    assert_false(o.require_reference_grant);
}

static void test_everything_can_be_set(void **state) {
    (void)state;
    struct controller_options o;
    struct weft_error err = {0};
    assert_int_equal(parse(&o, &err, "-f", "a", "-f", "b", "--ca-cert", "c", "--ca-key", "k",
                           "--listen", "[::1]:1", "--admin", "127.0.0.1:2", "--token-dir", "t",
                           "--trust-domain", "x.y", "--channel", "standard", "--workload-cert-ttl",
                           "90m", "--name", "n", "--require-reference-grant", NULL),
                     WEFT_OK);
    assert_int_equal(o.n_dirs, 2);
    assert_string_equal(o.dirs[1], "b");
    assert_int_equal(o.listen.port, 1);
    assert_false(o.experimental);
    assert_true(o.require_reference_grant);
    assert_int_equal(o.cert_ttl_s, 90 * 60);
}

static void test_bad_input_names_option_and_value(void **state) {
    (void)state;
    struct controller_options o;
    struct weft_error err = {0};
    assert_int_not_equal(parse(&o, &err, "--ca-dir", "c", NULL), WEFT_OK);
    assert_non_null(strstr(err.message, "-f DIR"));
    assert_int_not_equal(parse(&o, &err, "-f", "a", NULL), WEFT_OK);
    assert_string_equal(err.path, "--ca-dir");
    assert_int_not_equal(parse(&o, &err, "-f", "a", "--ca-cert", "c", NULL), WEFT_OK);
    assert_int_not_equal(
        parse(&o, &err, "-f", "a", "--ca-dir", "c", "--workload-cert-ttl", "5", NULL), WEFT_OK);
    assert_non_null(strstr(err.message, "'5'"));
    assert_int_not_equal(
        parse(&o, &err, "-f", "a", "--ca-dir", "c", "--workload-cert-ttl", "1s", NULL), WEFT_OK);
    assert_int_not_equal(parse(&o, &err, "-f", "a", "--ca-dir", "c", "--listen", "15012", NULL),
                         WEFT_OK);
    assert_int_not_equal(parse(&o, &err, "-f", "a", "--ca-dir", "c", "--channel", "beta", NULL),
                         WEFT_OK);
    assert_int_not_equal(parse(&o, &err, "-f", "a", "--ca-dir", "c", "extra", NULL), WEFT_OK);
    assert_string_equal(err.path, "extra");
}

static void test_one_source_of_objects(void **state) {
    (void)state;
    struct controller_options o;
    struct weft_error err = {0};
    assert_int_equal(parse(&o, &err, "--kube", "--ca-dir", "c", NULL), WEFT_OK);
    assert_true(o.kube);
    assert_int_equal(parse(&o, &err, "--kubeconfig", "k", "--context", "x", "--ca-dir", "c", NULL),
                     WEFT_OK);
    assert_string_equal(o.kubeconfig, "k");
    assert_string_equal(o.context, "x");
    assert_int_not_equal(parse(&o, &err, "--kube", "-f", "a", "--ca-dir", "c", NULL), WEFT_OK);
    assert_string_equal(err.path, "--filename");
    assert_int_not_equal(parse(&o, &err, "--kube", "--kubeconfig", "k", "--ca-dir", "c", NULL),
                         WEFT_OK);
    assert_int_not_equal(parse(&o, &err, "--kube", "--context", "x", "--ca-dir", "c", NULL),
                         WEFT_OK);
    assert_string_equal(err.path, "--context");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything_can_be_set),
        cmocka_unit_test(test_bad_input_names_option_and_value),
        cmocka_unit_test(test_one_source_of_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

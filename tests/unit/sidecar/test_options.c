/* SPDX-License-Identifier: Apache-2.0
 * Command line of weft-proxy: defaults, forms of the values, what must go together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sidecar/options.h>
#include <weft/base/alloc.h>

/* String options point into argv, so it is kept until the end of the test program. */
static char *keep(const char *text) {
    static char *kept[512];
    static size_t n;
    assert_true(n < WEFT_LEN(kept));
    return kept[n++] = weft_strdup(text);
}

static int parse(struct proxy_options *o, int n, const char *const *args) {
    char *argv[16] = {keep("weft-proxy")};
    int status;
    for (int i = 0; i < n; i++) argv[i + 1] = keep(args[i]);
    (void)proxy_options_parse(o, n + 1, argv, &status);
    return status;
}
#define PARSE(o, ...)                                                                              \
    parse(o, (int)WEFT_LEN(((const char *const[]){__VA_ARGS__})),                                  \
          (const char *const[]){__VA_ARGS__})

static struct proxy_options *fresh(void) {
    return weft_new0(struct proxy_options);
}

static void redirected_ports_are_the_default(void **state) {
    WEFT_FREE struct proxy_options *o = fresh();
    assert_int_equal(PARSE(o, "--snapshot", "f"), -1);
    assert_int_equal(o->outbound_port, 15001);
    assert_int_equal(o->inbound_port, 15006);
    assert_int_equal(o->admin.port, 15000);
    assert_int_equal(o->ready_port, 15021);
    assert_int_equal(o->detect_timeout_us, 100000);
    assert_int_equal(o->access_log, PROXY_LOG_ERRORS);
    assert_true(o->reason_header);
}

static void plain_listeners_alone(void **state) {
    WEFT_FREE struct proxy_options *o = fresh();
    assert_int_equal(PARSE(o, "--snapshot", "f", "--listen", "127.0.0.1:18000=default/origin:80",
                           "--listen=[::1]:18001=other/x:8080", "--listen-inbound",
                           "127.0.0.1:19001=19000"),
                     -1);
    assert_int_equal(o->n_listens, 2);
    assert_string_equal(o->listens[0].ns, "default");
    assert_string_equal(o->listens[0].service, "origin");
    assert_int_equal(o->listens[0].port, 80);
    assert_int_equal(o->listens[1].at.family, 6);
    assert_int_equal(o->inbounds[0].app_port, 19000);
    assert_int_equal(o->outbound_port, 0);
    assert_int_equal(o->inbound_port, 0);
}

static void bad_values_are_named(void **state) {
    WEFT_FREE struct proxy_options *o = fresh();
    const char *const bad[][2] = {
        {"--listen", "127.0.0.1:1=nons:80"},
        {"--listen", "x=default/a:80"},
        {"--listen", "127.0.0.1:1=default/a:0"},
        {"--listen-inbound", "127.0.0.1:1"},
        {"--detect-timeout", "100"},
        {"--detect-timeout", "fast"},
        {"--access-log", "some"},
        {"--mtls-mode", "disabled"},
        {"--pod-ip", "10.0.0.1,nonsense"},
        {"--admin", "15000"},
        {"--workers", "1000"},
        {"--scheduling", "idle"},
        {"--max-head-bytes", "10"},
        {"--max-head-fields", "7"},
        {"--max-head-fields", "4097"},
        {"--max-target-bytes", "63"},
        {"--max-chunk-extensions", "1048577"},
        {"--max-request-memory", "131071"},
        {"--max-request-memory", "140000"}, /* less than a head of 64 KiB needs */
        {"--max-retry-body", "-1"},
        {"--max-buffered-per-connection", "65535"},
        {"--max-admin-connections", "0"},
        {"--admin-write-timeout", "30"},
        {"--outbound-port", "70000"},
    };
    for (size_t i = 0; i < WEFT_LEN(bad); i++)
        assert_int_equal(PARSE(o, "--snapshot", "f", bad[i][0], bad[i][1]), 2);
    assert_int_equal(PARSE(o, "--snapshot", "f", "operand"), 2);
}

static void what_must_go_together(void **state) {
    WEFT_FREE struct proxy_options *o = fresh();
    assert_int_equal(PARSE(o, "--log-level", "info"), 2);
    assert_int_equal(PARSE(o, "--snapshot", "f", "--controller", "127.0.0.1:15012"), 2);
    assert_int_equal(PARSE(o, "--snapshot", "f", "--cert", "c"), 2);
    assert_int_equal(PARSE(o, "--controller", "127.0.0.1:15012", "--pod", "p"), 2);
    assert_int_equal(
        PARSE(o, "--controller", "127.0.0.1:15012", "--pod", "p", "--trust-bundle", "b"), -1);
    assert_int_equal(PARSE(o, "--controller", "127.0.0.1:15012", "--pod", "p", "--trust-bundle",
                           "b", "--listen", "127.0.0.1:1=default/a:80"),
                     2);
    assert_int_equal(
        PARSE(o, "--snapshot", "f", "--mtls-mode", "strict", "--listen-inbound", "127.0.0.1:1=2"),
        2);
}

static void limits_have_options(void **state) {
    WEFT_FREE struct proxy_options *o = fresh();
    assert_int_equal(PARSE(o, "--snapshot", "f"), -1);
    assert_int_equal(o->scheduling, PROXY_SCHEDULE_BATCH);
    assert_int_equal(o->max_head_fields, 128);
    assert_int_equal(o->max_target_bytes, 16384);
    assert_int_equal(o->max_chunk_extensions, 4096);
    assert_int_equal(o->max_retry_body, 65536);
    assert_int_equal(o->max_conn_buffered, 4194304);
    assert_int_equal(o->admin_write_timeout_us, 30000000);
    assert_int_equal(o->max_admin_connections, 64);
    assert_int_equal(proxy_options_request_memory(o), 524288);
    assert_int_equal(PARSE(o, "--snapshot", "f", "--scheduling", "other"), -1);
    assert_int_equal(o->scheduling, PROXY_SCHEDULE_OTHER);
    assert_int_equal(PARSE(o, "--snapshot", "f", "--max-head-bytes", "1048576"), -1);
    assert_int_equal(proxy_options_request_memory(o), 131072 + 3 * 1048576 + 256 * 128);
    assert_int_equal(PARSE(o, "--snapshot", "f", "--max-request-memory", "1000000"), -1);
    assert_int_equal(proxy_options_request_memory(o), 1000000);
    assert_int_equal(PARSE(o, "--snapshot", "f", "--max-head-bytes", "2048", "--max-head-fields=8",
                           "--max-request-memory", "139264"),
                     -1);
}

static void environment_and_flag(void **state) {
    WEFT_FREE struct proxy_options *o = fresh();
    setenv("WEFT_SNAPSHOT", "from-env", 1);
    setenv("WEFT_LISTEN", "127.0.0.1:1=default/a:80, 127.0.0.1:2=default/b:80", 1);
    setenv("WEFT_DRAIN_TIMEOUT", "2m", 1);
    assert_int_equal(PARSE(o, "--drain-timeout", "3s"), -1);
    assert_string_equal(o->snapshot, "from-env");
    assert_int_equal(o->n_listens, 2);
    assert_int_equal(o->drain_timeout_us, 3000000);
    unsetenv("WEFT_SNAPSHOT");
    unsetenv("WEFT_LISTEN");
    unsetenv("WEFT_DRAIN_TIMEOUT");
}

static void ports_can_be_switched_off(void **state) {
    WEFT_FREE struct proxy_options *o = fresh();
    assert_int_equal(PARSE(o, "--snapshot", "f", "--admin", "0", "--metrics-port", "0",
                           "--ready-port", "0", "--inbound-port", "0"),
                     -1);
    assert_int_equal(o->admin.family, 0);
    assert_int_equal(o->inbound_port, 0);
    assert_int_equal(o->outbound_port, 15001);
}

/* docs/reference/weft-proxy.md holds every row with its help. */
static void the_reference_is_true(void **state) {
    FILE *f = fopen(WEFT_SOURCE_DIR "/docs/reference/weft-proxy.md", "re");
    assert_non_null(f);
    WEFT_FREE char *text = weft_alloc0(65536);
    assert_true(fread(text, 1, 65535, f) > 0);
    fclose(f);
    size_t n;
    const struct weft_option *rows = proxy_option_rows(&n);
    for (size_t i = 0; i < n; i++) {
        WEFT_FREE char *flag = weft_asprintf("| `--%s", rows[i].flag);
        WEFT_FREE char *help = weft_asprintf("| %s |", rows[i].help);
        if (!strstr(text, flag) || !strstr(text, help))
            fail_msg("--%s is out of date", rows[i].flag);
        assert_true(!rows[i].env || strstr(text, rows[i].env));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redirected_ports_are_the_default),
        cmocka_unit_test(plain_listeners_alone),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(what_must_go_together),
        cmocka_unit_test(limits_have_options),
        cmocka_unit_test(environment_and_flag),
        cmocka_unit_test(ports_can_be_switched_off),
        cmocka_unit_test(the_reference_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

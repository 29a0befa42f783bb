/* SPDX-License-Identifier: Apache-2.0
 * Values of weft-init's options: which are refused, naming option, value and reason. */
#include <init/options.h>

#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

static struct init_options o;

static enum weft_status parse(const char *arg, struct weft_error *err) {
    char *argv[] = {(char *)(uintptr_t) "weft-init", (char *)(uintptr_t)arg, NULL};
    struct weft_option_result r;
    *err = (struct weft_error){0};
    return init_options_parse(2, argv, &o, &r, err);
}

static const struct bad {
    const char *arg, *path, *message;
} bad[] = {
    {"--inbound-port=0", "--inbound-port", "\"0\": use a whole number from 1 to 65535"},
    {"--inbound-port=65536", "--inbound-port", "\"65536\": use a whole number from 1 to 65535"},
    {"--inbound-port=15001", "--inbound-port", "\"15001\": must differ from --outbound-port"},
    {"--outbound-port=15021", "--outbound-port", "\"15021\": the proxy uses this port for itself"},
    {"--inbound-port=15000", "--inbound-port", "\"15000\": the proxy uses this port for itself"},
    {"--proxy-uid=0", "--proxy-uid", "\"0\": use a whole number from 1"},
    {"--proxy-gid=x", "--proxy-gid", "\"x\": use a whole number"},
    {"--exclude-inbound-ports=80,abc", "--exclude-inbound-ports", "\"abc\": use numbers from 1"},
    {"--exclude-inbound-ports=80,,81", "--exclude-inbound-ports", "an entry between the commas"},
    {"--exclude-inbound-ports=80,", "--exclude-inbound-ports", "nothing stands after the last"},
    {"--exclude-inbound-ports=0", "--exclude-inbound-ports", "\"0\": use numbers from 1"},
    {"--exclude-inbound-ports=90-80", "--exclude-inbound-ports", "\"90-80\": the range ends"},
    {"--exclude-inbound-ports=80-", "--exclude-inbound-ports", "\"80-\": use numbers"},
    {"--exclude-inbound-ports=-80", "--exclude-inbound-ports", "\"-80\": use numbers"},
    {"--exclude-inbound-ports=1-65536", "--exclude-inbound-ports", "\"1-65536\": use numbers"},
    {"--exclude-outbound-ports=*", "--exclude-outbound-ports", "\"*\": name what to exclude"},
    {"--include-outbound-ports=", "--include-outbound-ports", "\"\": use *, none or a list"},
    {"--include-inbound-ports=80,*", "--include-inbound-ports", "\"*\": use numbers"},
    {"--include-inbound-ports=80;-A OUTPUT", "--include-inbound-ports", "use numbers"},
    {"--exclude-outbound-uids=4294967295", "--exclude-outbound-uids", "use numbers from 0 to"},
    {"--exclude-outbound-gids=root", "--exclude-outbound-gids", "\"root\": use numbers"},
    {"--exclude-outbound-cidrs=10.0.0.0/33", "--exclude-outbound-cidrs", "must be 0 to 32"},
    {"--exclude-outbound-cidrs=fd00::/129", "--exclude-outbound-cidrs", "must be 0 to 128"},
    {"--exclude-outbound-cidrs=10.0.0/8", "--exclude-outbound-cidrs", "\"10.0.0/8\": use an IP"},
    {"--exclude-outbound-cidrs=10.0.0.0/", "--exclude-outbound-cidrs", "must be 0 to 32"},
    {"--exclude-outbound-cidrs=::ffff:1.2.3.4", "--exclude-outbound-cidrs", "as IPv4"},
    {"--exclude-outbound-cidrs=*", "--exclude-outbound-cidrs", "name what to exclude"},
    {"--include-outbound-cidrs=", "--include-outbound-cidrs", "use *, none or a list"},
    {"--backend=iptables", "--backend", "\"iptables\": use auto, nft or legacy"},
    {"--lock-wait=0", "--lock-wait", "from 1 to 600"},
    {"--unknown", "--unknown", "unknown"},
    {"operand", "operand", "takes options only"},
};

static void test_bad_values_are_named(void **state) {
    for (size_t i = 0; i < WEFT_LEN(bad); i++) {
        struct weft_error err;
        if (parse(bad[i].arg, &err) != WEFT_INVALID) fail_msg("accepted: %s", bad[i].arg);
        assert_string_equal(err.path, bad[i].path);
        if (!strstr(err.message, bad[i].message))
            fail_msg("%s: got \"%s\", wanted \"%s\"", bad[i].arg, err.message, bad[i].message);
    }
}

static void test_good_values(void **state) {
    struct weft_error err;
    assert_int_equal(parse("--exclude-inbound-ports= 80 , 81-82", &err), WEFT_OK);
    assert_int_equal(o.exclude_inbound_ports.n, 2);
    assert_int_equal(o.exclude_inbound_ports.at[1].first, 81);
    assert_int_equal(o.exclude_inbound_ports.at[1].last, 82);
    assert_true(o.include_inbound_ports.all);
    assert_int_equal(parse("--exclude-inbound-ports=", &err), WEFT_OK);
    assert_int_equal(o.exclude_inbound_ports.n, 0);
    assert_int_equal(parse("--include-outbound-ports=none", &err), WEFT_OK);
    assert_false(o.include_outbound_ports.all);
    assert_int_equal(o.include_outbound_ports.n, 0);
    assert_int_equal(parse("--include-outbound-cidrs=0.0.0.0/0,::/0", &err), WEFT_OK);
    assert_int_equal(o.include_outbound_cidrs.n, 2);
    assert_int_equal(parse("--backend=legacy", &err), WEFT_OK);
    assert_true(o.backend_forced);
    assert_int_equal(o.backend, INIT_LEGACY);
    assert_int_equal(parse("--backend=auto", &err), WEFT_OK);
    assert_false(o.backend_forced);
}

static void test_too_many_entries(void **state) {
    char text[4096] = "--exclude-inbound-ports=1";
    for (int i = 0; i < INIT_MAX_ITEMS - 1; i++) strncat(text, ",1", 3);
    struct weft_error err;
    assert_int_equal(parse(text, &err), WEFT_OK);
    strncat(text, ",1", 3);
    assert_int_equal(parse(text, &err), WEFT_INVALID);
    assert_non_null(strstr(err.message, "more than 256"));
}

static void test_environment(void **state) {
    struct weft_error err;
    setenv("WEFT_INIT_EXCLUDE_OUTBOUND_PORTS", "1,2,3", 1);
    setenv("WEFT_INIT_PROXY_UID", "5", 1);
    setenv("WEFT_INIT_DRY_RUN", "true", 1);
    assert_int_equal(parse("--proxy-uid=6", &err), WEFT_OK);
    assert_int_equal(o.exclude_outbound_ports.n, 3);
    assert_int_equal(o.proxy_uid, 6); /* the flag wins */
    assert_true(o.dry_run);
    assert_int_equal(parse("--exclude-outbound-ports=9", &err), WEFT_OK);
    assert_int_equal(o.exclude_outbound_ports.n, 1);
    setenv("WEFT_INIT_PROXY_UID", "root", 1);
    assert_int_equal(parse("--cleanup", &err), WEFT_INVALID);
    assert_string_equal(err.path, "WEFT_INIT_PROXY_UID");
    unsetenv("WEFT_INIT_EXCLUDE_OUTBOUND_PORTS");
    unsetenv("WEFT_INIT_PROXY_UID");
    unsetenv("WEFT_INIT_DRY_RUN");
}

static void test_check_stands_alone(void **state) {
    static const char *const others[] = {"--dry-run", "--cleanup"};
    for (size_t i = 0; i < WEFT_LEN(others); i++) {
        char *argv[] = {(char *)(uintptr_t) "weft-init", (char *)(uintptr_t) "--check",
                        (char *)(uintptr_t)others[i], NULL};
        struct weft_option_result r;
        struct weft_error err = {0};
        assert_int_equal(init_options_parse(3, argv, &o, &r, &err), WEFT_INVALID);
        assert_string_equal(err.path, "--check");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_values_are_named), cmocka_unit_test(test_check_stands_alone),
        cmocka_unit_test(test_good_values),          cmocka_unit_test(test_too_many_entries),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Option rows: flags, environment, bad input. */
#include <weft/base/options.h>

#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

struct target {
    bool dry;
    uint64_t port;
    const char *name;
};
static const struct weft_option rows[] = {
    {.flag = "dry-run",
     .help = "Only says.",
     .set = weft_option_bool,
     .offset = offsetof(struct target, dry)},
    {.flag = "port",
     .env = "WEFT_TEST_PORT",
     .metavar = "N",
     .help = "A port.",
     .set = weft_option_u64,
     .offset = offsetof(struct target, port),
     .min = 1,
     .max = 65535,
     .short_flag = 'p'},
    {.flag = "name",
     .metavar = "S",
     .help = "A name.",
     .set = weft_option_str,
     .offset = offsetof(struct target, name)},
};

#define PARSE(t, r, e, early, ...)                                                                 \
    weft_options_parse(rows, WEFT_LEN(rows), (int)WEFT_LEN(((char *[]){__VA_ARGS__})) - 1,         \
                       (char *[]){__VA_ARGS__}, early, t, r, e)
#define A(lit)                                                                                     \
    (char[]) {                                                                                     \
        lit                                                                                        \
    }

static void test_flags(void **state) {
    struct target t = {0};
    struct weft_option_result r;
    struct weft_error e;
    assert_int_equal(PARSE(&t, &r, &e, false, A("x"), A("--port=80"), A("rest"), A("--dry-run"),
                           A("--name"), A("n"), NULL),
                     WEFT_OK);
    assert_true(t.dry);
    assert_int_equal(t.port, 80);
    assert_string_equal(t.name, "n");
    assert_int_equal(r.rest, 5); /* argv was permuted */
    assert_int_equal(PARSE(&t, &r, &e, true, A("x"), A("-p"), A("7"), A("cmd"), A("--help"), NULL),
                     WEFT_OK);
    assert_int_equal(t.port, 7);
    assert_int_equal(r.rest, 3);
    assert_false(r.help);
    assert_int_equal(PARSE(&t, &r, &e, false, A("x"), A("-h"), A("--version"), NULL), WEFT_OK);
    assert_true(r.help && r.version);
}

static void test_environment_loses_to_the_flag(void **state) {
    struct target t = {0};
    struct weft_option_result r;
    struct weft_error e;
    setenv("WEFT_TEST_PORT", "90", 1);
    assert_int_equal(PARSE(&t, &r, &e, false, A("x"), NULL), WEFT_OK);
    assert_int_equal(t.port, 90);
    assert_int_equal(PARSE(&t, &r, &e, false, A("x"), A("--port"), A("91"), NULL), WEFT_OK);
    assert_int_equal(t.port, 91);
    setenv("WEFT_TEST_PORT", "many", 1);
    assert_int_equal(PARSE(&t, &r, &e, false, A("x"), NULL), WEFT_INVALID);
    assert_string_equal(e.path, "WEFT_TEST_PORT");
    unsetenv("WEFT_TEST_PORT");
}

static void test_bad_input_names_the_option(void **state) {
    struct target t = {0};
    struct weft_option_result r;
    struct weft_error e;
    assert_int_equal(PARSE(&t, &r, &e, false, A("x"), A("--port=0"), NULL), WEFT_INVALID);
    assert_string_equal(e.path, "--port");
    assert_non_null(strstr(e.message, "1 to 65535"));
    assert_int_equal(PARSE(&t, &r, &e, false, A("x"), A("--prot=1"), NULL), WEFT_INVALID);
    assert_string_equal(e.path, "--prot=1");
    assert_int_equal(PARSE(&t, &r, &e, false, A("x"), A("--name"), NULL), WEFT_INVALID);
    assert_non_null(strstr(e.message, "value"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_environment_loses_to_the_flag),
        cmocka_unit_test(test_bad_input_names_the_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

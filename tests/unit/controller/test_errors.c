/* SPDX-License-Identifier: Apache-2.0
 * Broken manifests are told whatever bytes they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <controller/errors.h>

static void test_bytes_that_are_no_text_do_not_hide_an_error(void **state) {
    (void)state;
    struct controller_errors e;
    controller_errors_init(&e);
    struct weft_error err = {.line = 3};
    (void)weft_error_set(&err, WEFT_INVALID, "spec.\xff", "\"caf\xe9\": no");
    controller_errors_add(&e, "/nowhere/\xfe.yaml", &err);
    json_t *list = controller_errors_json(&e);
    assert_int_equal(json_array_size(list), 1);
    json_t *one = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(one, "message")),
                        "\"caf\xef\xbf\xbd\": no");
    assert_string_equal(json_string_value(json_object_get(one, "field")), "spec.\xef\xbf\xbd");
    assert_int_equal(json_integer_value(json_object_get(one, "line")), 3);
    json_decref(list);
    controller_errors_done(&e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_that_are_no_text_do_not_hide_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * gRPC statuses by number and by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <weft/http/grpc_status.h>

static void parses(void **state) {
    static const struct {
        const char *text;
        int want; /* -1: no such status */
    } rows[] = {{"0", 0},
                {"14", 14},
                {"16", 16},
                {"17", -1},
                {"", -1},
                {"-1", -1},
                {"unavailable", 14},
                {"UNAVAILABLE", 14},
                {"Resource-Exhausted", 8},
                {"RESOURCE_EXHAUSTED", 8},
                {"deadline-exceeded", 4},
                {"deadline", -1},
                {"unavailable ", -1}};
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        uint32_t got = 99;
        bool ok = weft_grpc_status_parse(weft_slice_str(rows[i].text), &got);
        assert_int_equal(ok ? (int)got : -1, rows[i].want);
    }
}

static void names_lead_back(void **state) {
    for (uint32_t i = 0; i < WEFT_GRPC_STATUSES; i++) {
        uint32_t got = 99;
        assert_true(weft_grpc_status_parse(weft_slice_str(weft_grpc_status_name(i)), &got));
        assert_int_equal(got, i);
    }
    assert_string_equal(weft_grpc_status_name(99), "UNKNOWN");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parses), cmocka_unit_test(names_lead_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

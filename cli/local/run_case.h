/* SPDX-License-Identifier: Apache-2.0
 * One case of `weft local test`: its requests, the caller's access log, the verdict. */
#pragma once
#include <cli/local/cases.h>

/* What of case number `i` is not met, as strings. */
json_t *run_case(const char *state_dir, const struct test_case *c, size_t i);

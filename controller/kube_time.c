/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/kube_time.h>

#include <stdio.h>
#include <time.h>

static size_t format(uint64_t unix_us, char ret[CONTROLLER_TIME]) {
    time_t s = (time_t)(unix_us / 1000000u);
    struct tm tm;
    gmtime_r(&s, &tm);
    return strftime(ret, CONTROLLER_TIME, "%Y-%m-%dT%H:%M:%S", &tm);
}

void controller_time(uint64_t unix_us, char ret[CONTROLLER_TIME]) {
    size_t n = format(unix_us, ret);
    snprintf(ret + n, CONTROLLER_TIME - n, "Z");
}

void controller_micro_time(uint64_t unix_us, char ret[CONTROLLER_TIME]) {
    size_t n = format(unix_us, ret);
    snprintf(ret + n, CONTROLLER_TIME - n, ".%06uZ", (unsigned)(unix_us % 1000000u));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/check.h>

#include <stdio.h>
#include <stdlib.h>

void weft_check_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "weft: check failed at %s:%d: %s\n", file, line, what);
    abort();
}

void weft_bug_seen(const char *what, const char *file, int line) {
    static _Atomic int shown;
    if (shown++ < 20) fprintf(stderr, "weft: bug at %s:%d: %s\n", file, line, what);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/alloc.h>
#include <weft/base/check.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *weft_alloc(size_t n) {
    void *p = malloc(n ? n : 1);
    WEFT_CHECK(p && "out of memory");
    return p;
}

/* glibc's calloc passes by the thread's cache of small blocks. */
enum { SMALL = 1024 };

void *weft_alloc0(size_t n) {
    if (n && n <= SMALL) return memset(weft_alloc(n), 0, n);
    void *p = calloc(1, n ? n : 1);
    WEFT_CHECK(p && "out of memory");
    return p;
}

void *weft_realloc(void *old, size_t n) {
    void *p = realloc(old, n ? n : 1);
    WEFT_CHECK(p && "out of memory");
    return p;
}

char *weft_strdup(const char *s) {
    char *p = strdup(s);
    WEFT_CHECK(p && "out of memory");
    return p;
}

char *weft_asprintf(const char *fmt, ...) {
    char *p = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&p, fmt, ap);
    va_end(ap);
    WEFT_CHECK(n >= 0 && p);
    return p;
}

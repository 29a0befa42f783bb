/* SPDX-License-Identifier: Apache-2.0
 * Kept blocks: usable, aligned, zeroed when asked, and given back across threads. */
#include <weft/base/keep.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { N = 300 };

/* Blocks of every size, more of them than are kept: none may overlap another. */
static void test_blocks_are_apart(void **state) {
    static char *p[N];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            size_t n = (size_t)i * 17;
            p[i] = weft_keep_alloc(n);
            assert_int_equal((uintptr_t)p[i] % 16, 0);
            memset(p[i], i & 0xff, n);
        }
        for (int i = 0; i < N; i++) {
            size_t n = (size_t)i * 17;
            for (size_t k = 0; k < n; k++) assert_int_equal(p[i][k] & 0xff, i & 0xff);
            weft_keep_free(p[i], n);
        }
    }
}

static void test_zeroed_after_use(void **state) {
    static const char zeros[200];
    char *dirty = weft_keep_alloc(200);
    memset(dirty, 0xaa, 200);
    weft_keep_free(dirty, 200);
    char *fresh = weft_keep_alloc0(200);
    assert_memory_equal(fresh, zeros, 200);
    weft_keep_free(fresh, 200);
    weft_keep_free(NULL, 200);
}

static void *free_it(void *p) {
    weft_keep_free(p, 100);
    void *mine = weft_keep_alloc(100);
    memset(mine, 1, 100);
    free(mine); /* a block is a malloc: nothing is left with the thread */
    return NULL;
}

static void test_freed_by_another_thread(void **state) {
    pthread_t t;
    void *p = weft_keep_alloc(100);
    assert_int_equal(pthread_create(&t, NULL, free_it, p), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_apart),
        cmocka_unit_test(test_zeroed_after_use),
        cmocka_unit_test(test_freed_by_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

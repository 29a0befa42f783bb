/* SPDX-License-Identifier: Apache-2.0
 * When memory and descriptors count as nearly used up: the files of both versions of cgroups, and
 * the thresholds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <sidecar/limits.h>
#include <sidecar/memory.h>
#include <weft/base/alloc.h>
#include <weft/base/file.h>

static char root[64];

static int setup(void **state) {
    snprintf(root, sizeof root, "/tmp/weft-memory-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state) {
    WEFT_FREE char *cmd = weft_asprintf("rm -rf %s", root);
    return system(cmd);
}

/* `path` below root; its folders are made. */
static void put(const char *path, const char *text) {
    WEFT_FREE char *file = weft_asprintf("%s/%s", root, path);
    for (char *at = file + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        (void)mkdir(file, 0700);
        *at = '/';
    }
    assert_int_equal(weft_file_replace(file, 0600, false, weft_slice_str(text)), WEFT_OK);
}

static struct proxy_memory_use use_of(void) {
    struct proxy_memory_use use = {1, 1};
    WEFT_FREE char *own = weft_asprintf("%s/own", root);
    proxy_memory_read(own, root, &use);
    return use;
}

#define assert_use(m, u)                                                                           \
    do {                                                                                           \
        struct proxy_memory_use use_ = use_of();                                                   \
        assert_int_equal(use_.max, m);                                                             \
        assert_int_equal(use_.used, u);                                                            \
    } while (0)

static void version_2_as_a_container_sees_it(void **state) {
    put("own", "0::/\n");
    put("memory.max", "1000\n");
    put("memory.current", "900\n");
    put("memory.stat", "anon 1\ninactive_file 100\nactive_file 50\n");
    assert_use(1000, 800);
    put("memory.max", "max\n");
    assert_use(0, 0);
}

static void version_2_below_the_root(void **state) {
    put("own", "0::/pods/a\n");
    put("pods/a/memory.max", "1000\n");
    put("pods/a/memory.current", "500\n");
    assert_use(1000, 500);
}

static void version_1(void **state) {
    put("own", "9:name=systemd:/\n4:cpu,memory:/pods/a\n0::/\n");
    put("memory/memory.limit_in_bytes", "2000\n");
    put("memory/memory.usage_in_bytes", "700\n");
    assert_use(2000, 700); /* the path of another namespace */
    put("memory/pods/a/memory.limit_in_bytes", "1000\n");
    put("memory/pods/a/memory.usage_in_bytes", "600\n");
    put("memory/pods/a/memory.stat", "inactive_file 1\ntotal_inactive_file 100\n");
    assert_use(1000, 500);
    put("memory/pods/a/memory.limit_in_bytes", "9223372036854771712\n");
    assert_use(0, 0);
}

static void nothing_and_rubbish(void **state) {
    assert_use(0, 0);
    put("own", "\n:\n::\nx");
    put("memory.max", "-5\n");
    assert_use(0, 0);
    put("memory.max", "1000");
    assert_use(0, 0); /* how much is used is not known */
    put("memory.current", "12");
    put("memory.stat", "inactive_file 13");
    assert_use(1000, 0);
}

static void refused_from_90_to_85_percent(void **state) {
    struct proxy_memory_use use = {.max = 1000000};
    static const struct {
        uint64_t used;
        bool is_short;
    } steps[] = {{899999, false}, {900000, true},  {1100000, true}, {860000, true},
                 {849000, false}, {890000, false}, {900100, true}};
    bool is = false;
    for (size_t i = 0; i < WEFT_LEN(steps); i++) {
        use.used = steps[i].used;
        is = proxy_memory_short(is, &use, 90);
        assert_int_equal(is, steps[i].is_short);
    }
    assert_false(proxy_memory_short(true, &use, 0));
    use.max = 0;
    assert_false(proxy_memory_short(true, &use, 90));
}

static void descriptors_in_reserve(void **state) {
    assert_false(proxy_limits_files_short(-1, 64));
    assert_false(proxy_limits_files_short(55, 64));
    assert_true(proxy_limits_files_short(56, 64));
    assert_false(proxy_limits_files_short(65407, 65536));
    assert_true(proxy_limits_files_short(65408, 65536));
    assert_false(proxy_limits_files_short(1000, UINT64_MAX));
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(version_2_as_a_container_sees_it),
        T(version_2_below_the_root),
        T(version_1),
        T(nothing_and_rubbish),
        cmocka_unit_test(refused_from_90_to_85_percent),
        cmocka_unit_test(descriptors_in_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

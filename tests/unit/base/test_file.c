/* SPDX-License-Identifier: Apache-2.0
 * Small files: modes, limits, and nothing left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/base/file.h>

static char dir[64];

static char *at(const char *name) {
    static char ring[4][128];
    static int i;
    char *p = ring[i++ % 4];
    snprintf(p, sizeof ring[0], "%s/%s", dir, name);
    return p;
}

static int setup(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/weft-file-XXXXXX");
    return mkdtemp(dir) ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    (void)unlink(at("f"));
    (void)unlink(at("target"));
    return rmdir(dir); /* fails when anything else was left */
}

static void expect(const char *name, const char *content) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    assert_int_equal(weft_file_read(at(name), &b), WEFT_OK);
    assert_true(weft_slice_is(weft_buf_slice(&b), content));
    weft_buf_done(&b);
}

static void test_a_file_is_replaced_with_its_mode(void **state) {
    (void)state;
    struct stat s;
    mode_t old = umask(077);
    assert_int_equal(weft_file_replace(at("f"), 0644, false, WEFT_SLICE_LIT("one")), WEFT_OK);
    (void)umask(old);
    assert_int_equal(stat(at("f"), &s), 0);
    assert_int_equal(s.st_mode & 07777, 0644);
    assert_int_equal(weft_file_replace(at("f"), 0600, true, WEFT_SLICE_LIT("")), WEFT_OK);
    assert_int_equal(stat(at("f"), &s), 0);
    assert_int_equal(s.st_mode & 07777, 0600);
    expect("f", "");
}

static void test_a_link_is_replaced_and_not_followed(void **state) {
    (void)state;
    assert_int_equal(weft_file_replace(at("target"), 0600, false, WEFT_SLICE_LIT("kept")), WEFT_OK);
    assert_int_equal(symlink(at("target"), at("f")), 0);
    assert_int_equal(weft_file_replace(at("f"), 0600, false, WEFT_SLICE_LIT("new")), WEFT_OK);
    expect("target", "kept");
    expect("f", "new");
}

static void test_errors_leave_nothing(void **state) {
    (void)state;
    struct weft_buf b;
    weft_buf_init(&b, 4);
    assert_int_equal(weft_file_read(at("none"), &b), WEFT_NOT_FOUND);
    assert_int_equal(weft_file_replace(at("no/f"), 0600, false, WEFT_SLICE_LIT("x")),
                     WEFT_NOT_FOUND);
    assert_int_equal(weft_file_replace(at("f"), 0600, false, WEFT_SLICE_LIT("12345")), WEFT_OK);
    assert_int_equal(weft_file_read(at("f"), &b), WEFT_LIMIT);
    assert_int_equal(mkdir(at("d"), 0700), 0);
    assert_int_not_equal(weft_file_replace(at("d"), 0600, false, WEFT_SLICE_LIT("x")), WEFT_OK);
    assert_int_equal(rmdir(at("d")), 0);
    weft_buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_a_file_is_replaced_with_its_mode),
        T(test_a_link_is_replaced_and_not_followed),
        T(test_errors_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Snapshot files: a file replaced by rename is taken up, a broken one changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <sidecar/config.h>
#include <sidecar/snapshot.h>
#include <weft/base/alloc.h>
#include <weft/xds/codec.h>

struct fixture {
    struct weft_loop *loop;
    struct proxy_config *config;
    struct proxy_snapshot *watch;
    char dir[64], file[96];
    int bound, forgotten, errors, want;
};

static void on_bound(void *ud, const struct weft_addr *a, struct weft_bound *b) {
    struct fixture *f = ud;
    if (b)
        f->bound++;
    else
        f->forgotten++;
}
static void on_inbound(void *ud, const struct weft_inbound *i) {}
static void on_trust(void *ud, const struct weft_trust *t) {}
static void on_error(void *ud, const struct weft_error *err) {
    ((struct fixture *)ud)->errors++;
}

static int setup(void **state) {
    struct fixture *f = weft_new0(struct fixture);
    struct proxy_config_cb cb = {f, on_bound, on_inbound, on_trust};
    f->loop = weft_loop_new();
    f->config = proxy_config_new(&cb);
    snprintf(f->dir, sizeof f->dir, "/tmp/weft-snapshot-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->file, sizeof f->file, "%s/snap", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    proxy_snapshot_free(f->watch);
    proxy_config_free(f->config);
    weft_loop_free(f->loop);
    unlink(f->file);
    rmdir(f->dir);
    free(f);
    return 0;
}

static void write_file(const char *path, struct weft_slice bytes) {
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes.base, 1, bytes.len, out), bytes.len);
    assert_int_equal(fclose(out), 0);
}

/* Beside it, then renamed over it. */
static void replace(struct fixture *f, struct weft_slice bytes) {
    WEFT_FREE char *temp = weft_asprintf("%s.new", f->file);
    write_file(temp, bytes);
    assert_int_equal(rename(temp, f->file), 0);
}

static void encode(uint8_t ip, struct weft_buf *out) {
    struct weft_snapshot s = {.ns = WEFT_SLICE_LIT("default")};
    struct weft_error err;
    struct weft_destination *d = weft_destination_new();
    d->addr = (struct weft_addr){.family = 4, .port = 80, .ip = {10, 0, 0, ip}};
    d->name = weft_arena_printf(&d->arena, "dest/10.0.0.%u:80", ip);
    d->kind = WEFT_DEST_NONE;
    assert_int_equal(weft_destination_seal(d, &err), WEFT_OK);
    s.destinations = &d;
    s.n_destinations = 1;
    weft_buf_init(out, 0);
    assert_int_equal(weft_snapshot_encode(&s, out), WEFT_OK);
    weft_destination_unref(d);
}

static bool enough(void *ud) {
    struct fixture *f = ud;
    return f->bound + f->errors >= f->want;
}

static void wait_for(struct fixture *f, int events) {
    f->want = events;
    weft_loop_run_until(f->loop, enough, f);
}

static void renamed_file_is_taken_up(void **state) {
    struct fixture *f = *state;
    struct weft_buf one, two;
    encode(1, &one);
    encode(2, &two);
    write_file(f->file, weft_buf_slice(&one));
    f->watch = proxy_snapshot_watch(f->loop, f->file, f->config, on_error, f);
    replace(f, weft_buf_slice(&two));
    wait_for(f, 1);
    assert_int_equal(f->bound, 1);
    replace(f, weft_buf_slice(&one));
    wait_for(f, 2);
    assert_int_equal(f->bound, 2);
    assert_int_equal(f->forgotten, 1);
    replace(f, WEFT_SLICE_LIT("not a snapshot"));
    wait_for(f, 3);
    assert_int_equal(f->errors, 1);
    assert_int_equal(f->forgotten, 1); /* what was in force stays */
    weft_buf_done(&one);
    weft_buf_done(&two);
}

static void unreadable_file_is_named(void **state) {
    struct fixture *f = *state;
    struct weft_snapshot s;
    struct weft_error err = {0};
    assert_int_not_equal(proxy_snapshot_read(f->file, &s, &err), WEFT_OK);
    assert_string_equal(err.path, f->file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(renamed_file_is_taken_up, setup, teardown),
        cmocka_unit_test_setup_teardown(unreadable_file_is_named, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Several paths of the folder source: what a later one defines covers the earlier one's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <src/kube/dir_internal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft/base/alloc.h>

struct world {
    char root[64], base[80], over[80];
    struct weft_store *store;
    struct weft_dir *dir;
    unsigned errors;
};

static void on_error(void *ud, const char *file, const struct weft_error *err) {
    print_message("%s:%d: %s %s\n", file, err->line, err->path, err->message);
    ((struct world *)ud)->errors++;
}

static void put_file(const char *folder, const char *name, const char *ip) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", folder, name);
    WEFT_FREE char *tmp = weft_asprintf("%s.tmp", path);
    FILE *f = fopen(tmp, "w");
    assert_non_null(f);
    fprintf(f,
            "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: ns}\nspec:\n"
            "  clusterIP: %s\n  ports: [{port: 80}]\n",
            ip);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(tmp, path), 0);
}

static void drop_file(const char *folder, const char *name) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", folder, name);
    (void)unlink(path);
}

static const char *cluster_ip(const struct world *w) {
    const struct weft_object *o = weft_store_get(w->store, "Service", "ns", "a");
    return o ? json_string_value(json_object_get(json_object_get(o->json, "spec"), "clusterIP"))
             : "none";
}

static void open_world(struct world *w) {
    snprintf(w->root, sizeof w->root, "/tmp/weft-layers-XXXXXX");
    assert_non_null(mkdtemp(w->root));
    snprintf(w->base, sizeof w->base, "%s/base", w->root);
    snprintf(w->over, sizeof w->over, "%s/over", w->root);
    assert_int_equal(mkdir(w->base, 0700) | mkdir(w->over, 0700), 0);
    w->store = weft_store_new();
}

static void read_first(struct world *w) {
    const char *paths[] = {w->base, w->over};
    const struct weft_dir_cb cb = {.on_error = on_error, .ud = w};
    struct weft_error err;
    assert_int_equal(weft_dir_new(NULL, paths, 2, true, false, w->store, &cb, &w->dir, &err),
                     WEFT_OK);
}

static void close_world(struct world *w) {
    weft_dir_free(w->dir);
    weft_store_free(w->store);
    drop_file(w->base, "a.yaml");
    drop_file(w->over, "b.yaml");
    rmdir(w->base);
    rmdir(w->over);
    rmdir(w->root);
}

static void later_path_wins_and_stays(void **state) {
    (void)state;
    struct world w = {0};
    open_world(&w);
    put_file(w.base, "a.yaml", "10.96.0.1");
    put_file(w.over, "b.yaml", "10.96.0.2");
    read_first(&w);
    assert_string_equal(cluster_ip(&w), "10.96.0.2");
    put_file(w.base, "a.yaml", "10.96.0.3"); /* a change below does not come through */
    dir_scan(w.dir);
    assert_string_equal(cluster_ip(&w), "10.96.0.2");
    put_file(w.over, "b.yaml", "10.96.0.4");
    dir_scan(w.dir);
    assert_string_equal(cluster_ip(&w), "10.96.0.4");
    assert_int_equal(w.errors, 0);
    close_world(&w);
}

static void covered_object_comes_back(void **state) {
    (void)state;
    struct world w = {0};
    open_world(&w);
    put_file(w.base, "a.yaml", "10.96.0.1");
    read_first(&w);
    assert_string_equal(cluster_ip(&w), "10.96.0.1");
    put_file(w.over, "b.yaml", "10.96.0.2"); /* comes later than the one it covers */
    dir_scan(w.dir);
    assert_string_equal(cluster_ip(&w), "10.96.0.2");
    drop_file(w.over, "b.yaml");
    dir_scan(w.dir);
    assert_string_equal(cluster_ip(&w), "10.96.0.1");
    drop_file(w.base, "a.yaml");
    dir_scan(w.dir);
    assert_string_equal(cluster_ip(&w), "none");
    assert_int_equal(w.errors, 0);
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_path_wins_and_stays),
        cmocka_unit_test(covered_object_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

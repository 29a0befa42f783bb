/* SPDX-License-Identifier: Apache-2.0
 * The folder source: what it takes up, what it refuses, and that changes arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/kube/dir.h>

struct world {
    char dir[64];
    struct weft_loop *loop;
    struct weft_store *store;
    struct weft_dir *source;
    struct weft_timer deadline;
    int changes, errors;
    char last_error[1200];
    const char *wait_for; /* name of a Service; "-name": its absence; "!": an error */
};

#define SERVICE(name, port)                                                                        \
    "apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\nspec: {ports: [{port: " port "}]}" \
    "\n"

static char *path_of(const struct world *w, const char *name) {
    return weft_asprintf("%s/%s", w->dir, name);
}

static void put_file(const struct world *w, const char *name, const char *text) {
    WEFT_FREE char *path = path_of(w, name), *temp = path_of(w, ".temp");
    FILE *f = fopen(temp, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(rename(temp, path), 0);
}

static void remove_file(const struct world *w, const char *name) {
    WEFT_FREE char *path = path_of(w, name);
    assert_int_equal(remove(path), 0);
}

static const struct weft_object *service(const struct world *w, const char *name) {
    return weft_store_get(w->store, "Service", "default", name);
}

static bool arrived(const struct world *w) {
    if (!w->wait_for || *w->wait_for == '!') return false;
    return *w->wait_for == '-' ? !service(w, w->wait_for + 1) : service(w, w->wait_for) != NULL;
}

static void on_change(void *ud) {
    struct world *w = ud;
    w->changes++;
    if (w->loop && arrived(w)) weft_loop_stop(w->loop);
}

static void on_error(void *ud, const char *file, const struct weft_error *err) {
    struct world *w = ud;
    w->errors++;
    snprintf(w->last_error, sizeof w->last_error, "%s:%d: %s: %s", file, err->line, err->path,
             err->message);
    if (w->loop && w->wait_for && *w->wait_for == '!') weft_loop_stop(w->loop);
}

static void too_late(void *arg) {
    fail_msg("nothing came of it");
}

static void wait_for(struct world *w, const char *what) {
    w->wait_for = what;
    if (arrived(w)) return;
    weft_timer_start(&w->deadline, 20 * 1000000);
    weft_loop_run(w->loop);
    weft_timer_stop(&w->deadline);
}

static void open_paths(struct world *w, const char *const *paths, size_t n, bool watch) {
    const struct weft_dir_cb cb = {on_change, on_error, w};
    struct weft_error err;
    if (watch) {
        w->loop = weft_loop_new();
        weft_timer_init(&w->deadline, w->loop, too_late, NULL);
    }
    if (weft_dir_new(w->loop, paths, n, true, watch, w->store, &cb, &w->source, &err) != WEFT_OK)
        fail_msg("%s", err.message);
}

static void open_source(struct world *w, bool watch) {
    const char *paths[] = {w->dir};
    open_paths(w, paths, 1, watch);
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    snprintf(w->dir, sizeof w->dir, "/tmp/weft-dir-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->store = weft_store_new();
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    weft_dir_free(w->source);
    weft_loop_free(w->loop);
    weft_store_free(w->store);
    WEFT_FREE char *command = weft_asprintf("rm -rf %s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static void reads_what_is_a_manifest(void **state) {
    struct world *w = *state;
    WEFT_FREE char *sub = path_of(w, "sub"), *hidden = path_of(w, ".git");
    assert_int_equal(mkdir(sub, 0700), 0);
    assert_int_equal(mkdir(hidden, 0700), 0);
    put_file(w, "a.yaml", SERVICE("a", "80") "---\n" SERVICE("b", "80"));
    put_file(w, "sub/c.yml", SERVICE("c", "80"));
    put_file(w, "d.json",
             "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":"
             "\"d\"},\"spec\":{}}");
    put_file(w, "e.txt", SERVICE("e", "80"));
    put_file(w, ".f.yaml", SERVICE("f", "80"));
    put_file(w, "g.yaml~", SERVICE("g", "80"));
    put_file(w, ".git/h.yaml", SERVICE("h", "80"));
    open_source(w, false);
    assert_true(service(w, "a") && service(w, "b") && service(w, "c") && service(w, "d"));
    assert_false(service(w, "e") || service(w, "f") || service(w, "g") || service(w, "h"));
    assert_int_equal(w->changes, 1);
    assert_int_equal(w->errors, 0);
}

static void missing_path_is_an_error(void **state) {
    struct world *w = *state;
    const char *paths[] = {"/nonexistent/weft"};
    const struct weft_dir_cb cb = {0};
    struct weft_error err;
    assert_int_equal(weft_dir_new(NULL, paths, 1, true, false, w->store, &cb, &w->source, &err),
                     WEFT_NOT_FOUND);
    assert_string_equal(err.path, "/nonexistent/weft");
}

static void broken_file_names_every_object_and_gives_nothing(void **state) {
    struct world *w = *state;
    put_file(w, "a.yaml",
             SERVICE("a", "80") "---\n" SERVICE("b", "0") "---\n" SERVICE("c", "99999"));
    open_source(w, false);
    assert_null(service(w, "a"));
    assert_int_equal(w->errors, 2);
    assert_non_null(strstr(w->last_error, "a.yaml:14: spec.ports[0].port: Service default/c"));
}

static void duplicates_name_both_files(void **state) {
    struct world *w = *state;
    put_file(w, "a.yaml", SERVICE("a", "80"));
    put_file(w, "b.yaml", SERVICE("b", "80") "---\n" SERVICE("a", "81"));
    put_file(w, "c.yaml", SERVICE("c", "80") "---\n" SERVICE("c", "81"));
    open_source(w, false);
    assert_true(service(w, "a") && !service(w, "b") && !service(w, "c"));
    assert_int_equal(w->errors, 2);
    assert_non_null(strstr(w->last_error, "twice"));
}

static void later_path_covers_earlier(void **state) {
    struct world *w = *state;
    WEFT_FREE char *low = path_of(w, "low"), *high = path_of(w, "high");
    const char *paths[] = {low, high};
    assert_int_equal(mkdir(low, 0700), 0);
    assert_int_equal(mkdir(high, 0700), 0);
    put_file(w, "low/a.yaml", SERVICE("a", "80") "---\n" SERVICE("b", "80"));
    put_file(w, "high/a.yaml", SERVICE("a", "81"));
    open_paths(w, paths, 2, true);
    const json_t *spec = json_object_get(service(w, "a")->json, "spec");
    const json_t *port = json_array_get(json_object_get(spec, "ports"), 0);
    assert_int_equal(json_integer_value(json_object_get(port, "port")), 81);
    assert_non_null(service(w, "b"));
    assert_int_equal(w->errors, 0);
    remove_file(w, "high/a.yaml");
    put_file(w, "high/z.yaml", SERVICE("z", "80"));
    wait_for(w, "z");
    spec = json_object_get(service(w, "a")->json, "spec");
    port = json_array_get(json_object_get(spec, "ports"), 0);
    assert_int_equal(json_integer_value(json_object_get(port, "port")), 80);
}

static void changes_arrive(void **state) {
    struct world *w = *state;
    put_file(w, "a.yaml", SERVICE("a", "80"));
    open_source(w, true);
    assert_non_null(service(w, "a"));
    put_file(w, "a.yaml", SERVICE("a", "80") "---\n" SERVICE("b", "80")); /* by rename */
    wait_for(w, "b");
    WEFT_FREE char *path = path_of(w, "c.yaml");
    FILE *f = fopen(path, "we"); /* in place */
    fputs(SERVICE("c", "80"), f);
    fclose(f);
    wait_for(w, "c");
    put_file(w, "a.yaml", SERVICE("b", "80")); /* an object left the file */
    wait_for(w, "-a");
    assert_non_null(service(w, "b"));
    remove_file(w, "a.yaml");
    wait_for(w, "-b");
    assert_non_null(service(w, "c"));
    WEFT_FREE char *sub = path_of(w, "sub");
    assert_int_equal(mkdir(sub, 0700), 0); /* a new folder is watched as well */
    put_file(w, "sub/d.yaml", SERVICE("d", "80"));
    wait_for(w, "d");
    put_file(w, "sub/d.yaml", SERVICE("e", "80"));
    wait_for(w, "e");
    assert_int_equal(w->errors, 0);
}

static void broken_change_keeps_what_was(void **state) {
    struct world *w = *state;
    put_file(w, "a.yaml", SERVICE("a", "80"));
    open_source(w, true);
    put_file(w, "a.yaml", "apiVersion: v1\nkind: [\n");
    wait_for(w, "!");
    assert_non_null(service(w, "a"));
    put_file(w, "b.yaml", SERVICE("b", "80"));
    wait_for(w, "b");
    assert_int_equal(w->errors, 1); /* told once */
    assert_non_null(service(w, "a"));
    put_file(w, "a.yaml", SERVICE("c", "80"));
    wait_for(w, "c");
    assert_null(service(w, "a"));
}

static void object_moves_between_files(void **state) {
    struct world *w = *state;
    put_file(w, "a.yaml", SERVICE("a", "80") "---\n" SERVICE("b", "80"));
    open_source(w, true);
    put_file(w, "z.yaml", SERVICE("b", "80") "---\n" SERVICE("x", "80"));
    wait_for(w, "!"); /* both have it now */
    assert_null(service(w, "x"));
    put_file(w, "a.yaml", SERVICE("a", "80"));
    wait_for(w, "x"); /* the refused file is looked at again */
    assert_true(service(w, "a") && service(w, "b"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(reads_what_is_a_manifest),
        T(missing_path_is_an_error),
        T(broken_file_names_every_object_and_gives_nothing),
        T(duplicates_name_both_files),
        T(later_path_covers_earlier),
        T(changes_arrive),
        T(broken_change_keeps_what_was),
        T(object_moves_between_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

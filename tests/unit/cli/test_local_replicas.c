/* SPDX-License-Identifier: Apache-2.0
 * Numbers of pods that were asked for by hand, and the tables of `weft proxy`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cli/local/jsonx.h>
#include <cli/local/replicas.h>
#include <cli/proxy_view.h>

static struct weft_store *store;

static void put(void *ud, struct weft_object *o) {
    weft_store_put(ud, o);
}

static int set_up(void **state) {
    struct weft_error err;
    store = weft_store_new();
    return weft_object_parse(
               WEFT_SLICE_LIT("apiVersion: apps/v1\nkind: Deployment\n"
                              "metadata: {name: web, namespace: a}\nspec: {replicas: 1}\n---\n"
                              "apiVersion: apps/v1\nkind: Deployment\n"
                              "metadata: {name: web, namespace: b}\nspec: {}\n---\n"
                              "apiVersion: apps/v1\nkind: StatefulSet\n"
                              "metadata: {name: db, namespace: b}\nspec: {}\n---\n"
                              "apiVersion: apps/v1\nkind: DaemonSet\n"
                              "metadata: {name: node, namespace: b}\nspec: {}\n"),
               "t.yaml", put, store, &err) == WEFT_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    weft_store_free(store);
    return 0;
}

static json_int_t replicas(const char *kind, const char *ns, const char *name) {
    return local_int(weft_store_get(store, kind, ns, name)->json, "spec.replicas", -1);
}

static void a_workload_is_found_by_name_and_namespace(void **state) {
    LOCAL_JSON json_t *wanted = json_object();
    struct weft_error err;
    assert_int_equal(replicas_note(wanted, store, "b/web", 3, &err), WEFT_OK);
    assert_int_equal(replicas_note(wanted, store, "db", 2, &err), WEFT_OK);
    replicas_apply(wanted, store);
    assert_int_equal(replicas("Deployment", "a", "web"), 1);
    assert_int_equal(replicas("Deployment", "b", "web"), 3);
    assert_int_equal(replicas("StatefulSet", "b", "db"), 2);
}

static void doubtful_names_are_refused(void **state) {
    LOCAL_JSON json_t *wanted = json_object();
    struct weft_error err;
    assert_int_equal(replicas_note(wanted, store, "web", 3, &err), WEFT_INVALID);
    assert_string_equal(err.message, "2 workloads have that name; say NAMESPACE/NAME");
    assert_int_equal(replicas_note(wanted, store, "c/web", 3, &err), WEFT_NOT_FOUND);
    assert_int_equal(replicas_note(wanted, store, "node", 3, &err), WEFT_NOT_FOUND);
    assert_int_equal(json_object_size(wanted), 0);
}

static void series_leave_out_zeros_and_buckets(void **state) {
    static const char text[] = "# HELP a x\na{x=\"1 2\"} 3\nb 0\nh_bucket{le=\"1\"} 4\nh_sum 0.5\n";
    LOCAL_JSON json_t *some = proxy_view_series(weft_slice_str(text), NULL, false);
    LOCAL_JSON json_t *all = proxy_view_series(weft_slice_str(text), NULL, true);
    LOCAL_JSON json_t *one = proxy_view_series(weft_slice_str(text), "_sum", true);
    assert_int_equal(json_array_size(some), 2);
    assert_string_equal(local_str(json_array_get(some, 0), "series", ""), "a{x=\"1 2\"}");
    assert_int_equal(json_array_size(all), 3);
    assert_int_equal(json_array_size(one), 1);
    assert_true(json_number_value(json_object_get(json_array_get(one, 0), "value")) == 0.5);
}

static void rules_become_lines(void **state) {
    LOCAL_JSON json_t *dump = json_loads(
        "{\"destinations\": {\"dest/10.0.0.1:80\": {\"namespace\": \"shop\", \"service\": \"web\", "
        "\"port\": 80, \"rules\": [{\"route\": \"r\", \"route_namespace\": \"shop\", \"index\": 2, "
        "\"request_timeout_us\": 500000, \"filters\": [{\"rewrite\": {}}], \"matches\": "
        "[{\"path\": "
        "{\"prefix\": \"/\"}, \"headers\": [{\"name\": \"v\", \"exact\": \"2\"}]}], \"backends\": "
        "[{\"namespace\": \"shop\", \"service\": \"w\", \"port\": 81, \"weight\": 9}]}]}}}",
        0, NULL);
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    proxy_view_routes(f, dump);
    fclose(f);
    assert_non_null(strstr(text, "shop/web:80"));
    assert_non_null(strstr(text, "shop/r "));
    assert_non_null(strstr(text, "/* v=2"));
    assert_non_null(strstr(text, "[rewrite] shop/w:81×9 timeout=500ms\n"));
    free(text);
}

static void endpoints_get_the_names_of_their_pods(void **state) {
    LOCAL_JSON json_t *dump = json_loads(
        "{\"endpoints\": {\"endpoints/a/b:80\": {\"endpoints\": [{\"address\": \"10.0.0.2:80\", "
        "\"pod\": \"b-0\", \"spiffe_id\": \"spiffe://x\"}]}}}",
        0, NULL);
    LOCAL_JSON json_t *rows = json_loads(
        "[{\"destination\": \"a/b:80\", \"endpoint\": \"10.0.0.2:80\", \"ejected\": true, "
        "\"ewma_us\": 1500, \"requests\": 7, \"meshed\": true},"
        "{\"destination\": \"a/b:80\", \"endpoint\": \"10.0.0.3:80\", \"meshed\": false}]",
        0, NULL);
    char *text = NULL;
    size_t size;
    proxy_view_join(rows, dump);
    FILE *f = open_memstream(&text, &size);
    proxy_view_live(f, rows);
    fclose(f);
    assert_non_null(strstr(text, "10.0.0.2:80              b-0 "));
    assert_non_null(strstr(text, "ejected  0       7         0         1.5ms     spiffe://x\n"));
    assert_non_null(strstr(text, "in use   0       0         0         0.0ms     no mesh\n"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_workload_is_found_by_name_and_namespace, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(doubtful_names_are_refused, set_up, tear_down),
        cmocka_unit_test(series_leave_out_zeros_and_buckets),
        cmocka_unit_test(rules_become_lines),
        cmocka_unit_test(endpoints_get_the_names_of_their_pods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

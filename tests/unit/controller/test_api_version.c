/* SPDX-License-Identifier: Apache-2.0
 * Native sidecars or ordinary containers: as the API server's version says. */
#include "support/kube_world.h"

#include <controller/api_version.h>
#include <weft/kube/version.h>

struct world {
    struct kube_world k;
    struct controller_api_version *version;
    int told;
    bool native;
};

static void on_known(void *ud, bool native) {
    struct world *w = ud;
    w->told++;
    w->native = native;
}

static void say(struct world *w, const char *major, const char *minor) {
    cluster_put(w->k.cluster, "/version", json_pack("{s:s, s:s}", "major", major, "minor", minor));
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    kube_world_init(&w->k);
    w->version = controller_api_version_new(w->k.loop, w->k.kube, on_known, w);
    *state = w;
    return 0;
}
static int tear_down(void **state) {
    struct world *w = *state;
    controller_api_version_free(w->version);
    kube_world_done(&w->k);
    free(w);
    return 0;
}

static void an_old_cluster_gets_ordinary_containers(void **state) {
    struct world *w = *state;
    say(w, "1", "28+");
    pass(&w->k, 10);
    assert_true(controller_api_version_known(w->version));
    assert_int_equal(w->told, 1);
    assert_false(w->native);
}

static void one_that_is_upgraded_gets_native_ones(void **state) {
    struct world *w = *state;
    say(w, "1", "28");
    pass(&w->k, 10);
    say(w, "1", "29");
    pass(&w->k, 601000);
    assert_int_equal(w->told, 2);
    assert_true(w->native);
    pass(&w->k, 601000); /* the same again is no news */
    assert_int_equal(w->told, 2);
}

static void it_is_asked_until_it_tells(void **state) {
    struct world *w = *state;
    w->k.status = 503;
    pass(&w->k, 3000);
    assert_false(controller_api_version_known(w->version));
    w->k.status = 0;
    say(w, "2", "0"); /* what that can do is not known here */
    pass(&w->k, 2000);
    assert_false(controller_api_version_known(w->version));
    say(w, "1", "34");
    pass(&w->k, 2000);
    assert_true(w->native);
}

static void minors_are_read_as_vendors_write_them(void **state) {
    static const struct {
        const char *major, *minor;
        bool told;
        uint64_t is;
    } t[] = {{"1", "29", true, 29}, {"1", "30+", true, 30}, {"1", "", false, 0},
             {"1", "x", false, 0},  {"", "29", false, 0},   {"1", "99999", false, 0}};
    (void)state;
    for (size_t i = 0; i < WEFT_LEN(t); i++) {
        uint64_t minor = 0;
        json_t *v = json_pack("{s:s, s:s}", "major", t[i].major, "minor", t[i].minor);
        assert_int_equal(weft_kube_minor(v, &minor), t[i].told);
        if (t[i].told) assert_int_equal(minor, t[i].is);
        json_decref(v);
    }
    assert_false(weft_kube_minor(NULL, &(uint64_t){0}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_old_cluster_gets_ordinary_containers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_upgraded_gets_native_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_asked_until_it_tells, set_up, tear_down),
        cmocka_unit_test(minors_are_read_as_vendors_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

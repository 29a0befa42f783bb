/* SPDX-License-Identifier: Apache-2.0
 * weft inject: which pods of which kinds, what stays as it was, what is said. The pods themselves
 * are in tests/golden/inject. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cli/inject.h>
#include <cmocka.h>
#include <weft/base/alloc.h>

struct run {
    struct weft_buf out, said;
    bool bad;
    unsigned drawn;
    enum weft_status st;
    struct weft_error err;
};

static void on_say(void *ud, bool bad, const char *text) {
    struct run *r = ud;
    r->bad = r->bad || bad;
    weft_buf_printf(&r->said, "%s\n", text);
}

static void draw_secret(void *ud, char ret[33]) {
    struct run *r = ud;
    snprintf(ret, 33, "%032u", ++r->drawn);
}

static struct run *inject(const char *text, bool json, bool classic) {
    struct run *r = weft_new0(struct run);
    const struct weft_inject_options opt = {
        .init_image = "i", .proxy_image = "p", .controller = "c:1", .classic = classic};
    const struct cli_inject c = {&opt, json, on_say, draw_secret, r};
    weft_buf_init(&r->out, 0);
    weft_buf_init(&r->said, 0);
    r->st = cli_inject_text(&c, weft_slice_str(text), &r->out, &r->err);
    weft_buf_char(&r->out, 0);
    weft_buf_char(&r->said, 0);
    return r;
}

static void done(struct run *r) {
    weft_buf_done(&r->out);
    weft_buf_done(&r->said);
    free(r);
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, part)); at++) n++;
    return n;
}

static void every_kind_of_template_is_injected(void **state) {
    static const char *const heads[] = {
        "kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: x}]}\n",
        "kind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: []}}}\n",
        "kind: StatefulSet\nmetadata: {name: a}\nspec: {template: {spec: {containers: []}}}\n",
        "kind: DaemonSet\nmetadata: {name: a}\nspec: {template: {spec: {containers: []}}}\n",
        "kind: ReplicaSet\nmetadata: {name: a}\nspec: {template: {spec: {containers: []}}}\n",
        "kind: Job\nmetadata: {name: a}\nspec: {template: {spec: {containers: []}}}\n",
        "kind: CronJob\nmetadata: {name: a}\nspec: {jobTemplate: {spec: {template: {spec: "
        "{containers: []}}}}}\n",
        "kind: PodTemplate\nmetadata: {name: a}\ntemplate: {spec: {containers: []}}\n",
        "kind: List\nitems:\n- {kind: Service, metadata: {name: s}}\n- {kind: Pod, metadata: "
        "{name: "
        "a}, spec: {containers: []}}\n",
    };
    for (size_t i = 0; i < WEFT_LEN(heads); i++) {
        struct run *r = inject(heads[i], false, false);
        if (r->st != WEFT_OK || r->bad || count(r->out.base, "name: weft-proxy") != 1 ||
            count(r->out.base, "weftmesh.io/sidecar: native") != 1 ||
            !strstr(r->said.base, " a: injected: nothing here says otherwise"))
            fail_msg("%s became %s\n%s", heads[i], r->out.base, r->said.base);
        done(r);
    }
}

static void what_has_no_pod_stays_byte_for_byte(void **state) {
    static const char text[] = "# about it\n"
                               "kind: Service   # odd  blanks\n"
                               "metadata: { name:  s }\n"
                               "---\n"
                               "kind: ConfigMap\n"
                               "data:\n"
                               "  a: |\n"
                               "    kind: Pod\n"
                               "     --- not a marker\n"
                               "--- # third\n"
                               "kind: Deployment\n";
    struct run *r = inject(text, false, false);
    assert_string_equal(r->out.base, "---\n"
                                     "# about it\n"
                                     "kind: Service   # odd  blanks\n"
                                     "metadata: { name:  s }\n"
                                     "---\n"
                                     "kind: ConfigMap\n"
                                     "data:\n"
                                     "  a: |\n"
                                     "    kind: Pod\n"
                                     "     --- not a marker\n"
                                     "---\n"
                                     " # third\n"
                                     "kind: Deployment\n");
    assert_string_equal(r->said.base, "");
    done(r);
}

static void who_says_disabled_is_left_alone(void **state) {
    struct run *r = inject("kind: Pod\nmetadata: {name: a, namespace: quiet}\nspec: {}\n"
                           "---\n"
                           "kind: Pod\nmetadata: {name: b, annotations: {weftmesh.io/inject: "
                           "disabled}}\nspec: {}\n"
                           "---\n"
                           "kind: Namespace\nmetadata: {name: quiet, labels: {weftmesh.io/inject: "
                           "disabled}}\n",
                           false, false);
    assert_int_equal(count(r->out.base, "weft-proxy"), 0);
    assert_non_null(strstr(r->said.base, "Pod quiet/a: not injected: the namespace's label"));
    assert_non_null(strstr(r->said.base, "Pod b: not injected: the pod's annotation"));
    done(r);
}

static void a_refused_pod_makes_it_bad(void **state) {
    struct run *r = inject("kind: Pod\nmetadata: {name: a, annotations: {weftmesh.io/mtls: on}}\n"
                           "spec: {}\n",
                           false, false);
    assert_true(r->bad);
    assert_non_null(strstr(r->said.base, "Pod a: refused: annotation weftmesh.io/mtls"));
    done(r);
}

static void twice_is_once(void **state) {
    struct run *once = inject("kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: x, "
                              "livenessProbe: {tcpSocket: {port: 1}}}]}\n",
                              false, false);
    struct run *twice = inject(once->out.base, false, false);
    assert_string_equal(once->out.base, twice->out.base);
    assert_non_null(strstr(twice->said.base, "has a sidecar already"));
    done(once);
    done(twice);
}

/* Who reads one pod's manifest must not know the hooks of another. */
static void each_workload_has_its_own_secret(void **state) {
    static const char text[] =
        "kind: List\nitems:\n"
        "- {kind: Pod, metadata: {name: a}, spec: {containers: [{name: x, lifecycle: {preStop: "
        "{httpGet: {path: /a, port: 1}}}}]}}\n"
        "- {kind: Pod, metadata: {name: b}, spec: {containers: [{name: x, lifecycle: {preStop: "
        "{httpGet: {path: /b, port: 1}}}}]}}\n";
    struct run *r = inject(text, false, false);
    assert_true(count(r->out.base, "00000000000000000000000000000001") > 0);
    assert_int_equal(count(r->out.base, "00000000000000000000000000000001"),
                     count(r->out.base, "00000000000000000000000000000002"));
    done(r);
}

static void json_comes_as_json(void **state) {
    struct run *r =
        inject("{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"},\"spec\":{}}", true, false);
    json_t *o = json_loads(r->out.base, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(o, "kind")), "Pod");
    json_decref(o);
    done(r);
    r = inject("kind: Service\n---\nkind: Pod\nspec: {}\n", true, false);
    o = json_loads(r->out.base, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(o, "kind")), "List");
    assert_int_equal(json_array_size(json_object_get(o, "items")), 2);
    json_decref(o);
    done(r);
}

static void a_job_without_native_sidecars_is_left_alone(void **state) {
    struct run *r =
        inject("kind: Job\nmetadata: {name: a}\nspec: {template: {spec: {}}}\n", false, true);
    assert_int_equal(count(r->out.base, "weft-proxy"), 0);
    assert_non_null(strstr(r->said.base, "never complete"));
    done(r);
}

static void a_fault_has_its_line(void **state) {
    struct run *r = inject("kind: Service\n---\n\nkind: Pod\n  a: b\n", false, false);
    assert_int_equal(r->st, WEFT_INVALID);
    assert_int_equal(r->err.line, 5);
    done(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_template_is_injected),
        cmocka_unit_test(what_has_no_pod_stays_byte_for_byte),
        cmocka_unit_test(who_says_disabled_is_left_alone),
        cmocka_unit_test(a_refused_pod_makes_it_bad),
        cmocka_unit_test(twice_is_once),
        cmocka_unit_test(each_workload_has_its_own_secret),
        cmocka_unit_test(json_comes_as_json),
        cmocka_unit_test(a_job_without_native_sidecars_is_left_alone),
        cmocka_unit_test(a_fault_has_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Which pods get a sidecar, which are refused and with what advice; what an admission review is
 * answered. What comes out of an injection is in tests/golden/inject. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <weft/base/alloc.h>
#include <weft/gamma/inject.h>
#include <weft/object/json.h>

#define ASKS      "{'metadata':{'labels':{'weftmesh.io/inject':'enabled'}}}"
#define POD(rest) "{'metadata':{'annotations':{" rest "}},'spec':{'containers':[{'name':'app'}]}}"

struct row {
    const char *pod, *ns;
    enum weft_inject_verdict verdict;
    const char *why;     /* a part of it, or NULL */
    const char *warning; /* a part of the first one, or NULL: none */
};

static const struct row rows[] = {
    /* who asks */
    {"{}", NULL, WEFT_INJECT_NO},
    {"{}", "{}", WEFT_INJECT_NO, "neither"},
    {"{}", ASKS, WEFT_INJECT_YES, "namespace's label"},
    {"{}", "{'metadata':{'labels':{'weftmesh.io/inject':'disabled'}}}", WEFT_INJECT_NO},
    {"{}", "{'metadata':{'labels':{'weftmesh.io/inject':'true'}}}", WEFT_INJECT_NO, NULL,
     "namespace label weftmesh.io/inject: \"true\" is neither"},
    {"{}", "{'metadata':{'annotations':{'weftmesh.io/inject':'enabled'}}}", WEFT_INJECT_NO},
    {POD("'weftmesh.io/inject':'enabled'"), "{}", WEFT_INJECT_YES, "pod's annotation"},
    {"{'metadata':{'labels':{'weftmesh.io/inject':'enabled'}}}", "{}", WEFT_INJECT_YES, "label"},
    {"{'metadata':{'labels':{'weftmesh.io/inject':'disabled'}}}", ASKS, WEFT_INJECT_NO, "label"},
    {"{'metadata':{'labels':{'weftmesh.io/inject':'yes'}}}", ASKS, WEFT_INJECT_REFUSED,
     "label weftmesh.io/inject: \"yes\": write"},
    {"{'metadata':{'labels':{'weftmesh.io/inject':'disabled'},'annotations':"
     "{'weftmesh.io/inject':'enabled'}}}",
     ASKS, WEFT_INJECT_NO},
    {"{'metadata':{'labels':{'weftmesh.io/inject':'enabled'},'annotations':"
     "{'weftmesh.io/inject':'disabled'}}}",
     ASKS, WEFT_INJECT_NO},
    {POD("'weftmesh.io/inject':'enabled'"),
     "{'metadata':{'labels':{'weftmesh.io/inject':'disabled'}}}", WEFT_INJECT_YES},
    {POD("'weftmesh.io/inject':'disabled'"), ASKS, WEFT_INJECT_NO},
    {POD("'weftmesh.io/inject':'maybe'"), "{}", WEFT_INJECT_REFUSED,
     "weftmesh.io/inject: \"maybe\": write \"enabled\" or \"disabled\""},
    /* who has one, or cannot have one */
    {"{'metadata':{'annotations':{'weftmesh.io/sidecar':'native'}},'spec':{'initContainers':"
     "[{'name':'weft-proxy'}]}}",
     ASKS, WEFT_INJECT_NO, "already"},
    {POD("'weftmesh.io/sidecar':'native'"), ASKS, WEFT_INJECT_NO, "already", "without a container"},
    {"{'metadata':{'annotations':{'weftmesh.io/sidecar':'native'}},'spec':{'initContainers':"
     "[{'name':'weft-init','securityContext':{'runAsUser':0}},{'name':'weft-proxy',"
     "'securityContext':{'runAsUser':1337}}],'containers':[{'name':'late','securityContext':"
     "{'runAsUser':1337}}]}}",
     ASKS, WEFT_INJECT_REFUSED, "container late runs as user 1337"},
    {"{'spec':{'hostNetwork':true}}", ASKS, WEFT_INJECT_NO, "host's network", "host's network"},
    {"{'spec':{'hostNetwork':true}}", "{}", WEFT_INJECT_NO},
    {"{'spec':{'os':{'name':'windows'}}}", ASKS, WEFT_INJECT_NO, "Windows", "Windows"},
    {"{'spec':{'nodeSelector':{'kubernetes.io/os':'windows'}}}", ASKS, WEFT_INJECT_NO, "Windows",
     "Windows"},
    /* who would break */
    {"{'spec':{'containers':[{'name':'a','securityContext':{'runAsUser':1337}}]}}", ASKS,
     WEFT_INJECT_REFUSED, "container a runs as user 1337"},
    {"{'spec':{'securityContext':{'runAsUser':1337},'containers':[{'name':'a'}]}}", ASKS,
     WEFT_INJECT_REFUSED, "weftmesh.io/proxy-uid"},
    {"{'spec':{'securityContext':{'runAsUser':1337},'containers':[{'name':'a','securityContext':"
     "{'runAsUser':1338}}]}}",
     ASKS, WEFT_INJECT_YES},
    {"{'spec':{'securityContext':{'runAsGroup':1337},'initContainers':[{'name':'i'}]}}", ASKS,
     WEFT_INJECT_REFUSED, "container i runs as group 1337"},
    {"{'metadata':{'annotations':{'weftmesh.io/proxy-uid':'2000'}},'spec':{'securityContext':"
     "{'runAsUser':1337},'containers':[{'name':'a'}]}}",
     ASKS, WEFT_INJECT_YES},
    {"{'metadata':{'annotations':{'weftmesh.io/proxy-uid':'2000'}},'spec':{'securityContext':"
     "{'runAsUser':2000},'containers':[{'name':'a'}]}}",
     ASKS, WEFT_INJECT_REFUSED, "runs as user 2000"},
    {"{'spec':{'containers':[{'name':'weft-proxy'}]}}", ASKS, WEFT_INJECT_REFUSED, "rename it"},
    {"{'spec':{'volumes':[{'name':'v'},{'name':'weft-token'}]}}", ASKS, WEFT_INJECT_REFUSED,
     "volume weft-token"},
    {"{'spec':{'containers':[{'name':'a','ports':[{'containerPort':15021}]}]}}", ASKS,
     WEFT_INJECT_REFUSED, "container a has port 15021"},
    {"{'spec':{'containers':[{'name':'a','ports':[{'containerPort':15021,'protocol':'UDP'}]}]}}",
     ASKS, WEFT_INJECT_YES},
    {"{}",
     "{'metadata':{'labels':{'weftmesh.io/inject':'enabled',"
     "'pod-security.kubernetes.io/enforce':'restricted'}}}",
     WEFT_INJECT_REFUSED, "enforces Pod Security \"restricted\""},
    {"{}",
     "{'metadata':{'labels':{'weftmesh.io/inject':'enabled',"
     "'pod-security.kubernetes.io/enforce':'baseline'}}}",
     WEFT_INJECT_REFUSED, "NET_ADMIN"},
    {"{}",
     "{'metadata':{'labels':{'weftmesh.io/inject':'enabled',"
     "'pod-security.kubernetes.io/enforce':'privileged'}}}",
     WEFT_INJECT_YES},
    /* annotations: what is wrong is said only of pods that get a sidecar */
    {POD("'weftmesh.io/log-level':'loud'"), "{}", WEFT_INJECT_NO},
    {POD("'weftmesh.io/log-level':'loud'"), ASKS, WEFT_INJECT_REFUSED,
     "annotation weftmesh.io/log-level: \"loud\": write \"error\""},
    {POD("'weftmesh.io/exclude-inbound-ports':'80,'"), ASKS, WEFT_INJECT_REFUSED,
     "exclude-inbound-ports"},
    {POD("'weftmesh.io/exclude-inbound-ports':'80-70'"), ASKS, WEFT_INJECT_REFUSED},
    {POD("'weftmesh.io/exclude-inbound-ports':'0'"), ASKS, WEFT_INJECT_REFUSED},
    {POD("'weftmesh.io/exclude-inbound-ports':'*'"), ASKS, WEFT_INJECT_REFUSED},
    {POD("'weftmesh.io/exclude-inbound-ports':'80, 90-91'"), ASKS, WEFT_INJECT_YES},
    {POD("'weftmesh.io/exclude-inbound-ports':''"), ASKS, WEFT_INJECT_YES},
    {POD("'weftmesh.io/include-inbound-ports':'*'"), ASKS, WEFT_INJECT_YES},
    {POD("'weftmesh.io/include-inbound-ports':''"), ASKS, WEFT_INJECT_REFUSED},
    {POD("'weftmesh.io/exclude-outbound-cidrs':'10.0.0.0/33'"), ASKS, WEFT_INJECT_REFUSED,
     "10.0.0.0/8,fd00::/8"},
    {POD("'weftmesh.io/exclude-outbound-cidrs':'10.0.0.0/8,fd00::/8,192.0.2.1'"), ASKS,
     WEFT_INJECT_YES},
    {POD("'weftmesh.io/exclude-outbound-cidrs':'::ffff:10.0.0.1'"), ASKS, WEFT_INJECT_REFUSED},
    {POD("'weftmesh.io/proxy-cpu':'100m','weftmesh.io/proxy-memory-limit':'1.5Gi'"), ASKS,
     WEFT_INJECT_YES},
    {POD("'weftmesh.io/proxy-cpu':'a lot'"), ASKS, WEFT_INJECT_REFUSED, "quantity"},
    {POD("'weftmesh.io/proxy-memory':'64MB'"), ASKS, WEFT_INJECT_REFUSED, "64Mi"},
    {POD("'weftmesh.io/allow-encoded-slashes':'yes'"), ASKS, WEFT_INJECT_REFUSED, "\"true\""},
    {POD("'weftmesh.io/scheduling':'idle'"), ASKS, WEFT_INJECT_REFUSED, "\"other\""},
    {POD("'weftmesh.io/drain-timeout':'1h30m'"), ASKS, WEFT_INJECT_REFUSED, "20s"},
    {POD("'weftmesh.io/proxy-uid':'0'"), ASKS, WEFT_INJECT_REFUSED, "user id"},
    {POD("'weftmesh.io/mtls':'off'"), ASKS, WEFT_INJECT_REFUSED, "\"disabled\""},
    {POD("'weftmesh.io/mtls-ports':'9090'"), ASKS, WEFT_INJECT_REFUSED, "9090=disabled"},
    {POD("'weftmesh.io/access-log':5"), ASKS, WEFT_INJECT_REFUSED, "access-log"},
    {POD("'weftmesh.io/acess-log':'all'"), ASKS, WEFT_INJECT_YES, NULL,
     "weftmesh.io/acess-log: Weft knows none of that name"},
    {"{'spec':{'dnsPolicy':'Default'}}", ASKS, WEFT_INJECT_YES, NULL, "dnsPolicy Default"},
};

static json_t *parse(const char *text) {
    if (!text) return NULL;
    char json[700];
    size_t i = 0;
    for (; text[i] && i + 1 < sizeof json; i++) json[i] = text[i] == '\'' ? '"' : text[i];
    json[i] = 0;
    json_t *o = json_loads(json, 0, NULL);
    if (!o) fail_msg("test data is no JSON: %s", text);
    return o;
}

static bool has(const char *text, const char *part) {
    return !part || (text && strstr(text, part));
}

static void each_pod_is_decided_with_its_reason(void **state) {
    const struct weft_inject_options opt = {.controller = "c:1"};
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        json_t *pod = parse(rows[i].pod), *ns = parse(rows[i].ns), *warnings = json_array();
        char why[512];
        enum weft_inject_verdict v = weft_inject_decide(pod, ns, &opt, why, warnings);
        const char *warning = json_string_value(json_array_get(warnings, 0));
        if (v != rows[i].verdict || !has(why, rows[i].why) || !has(warning, rows[i].warning) ||
            (!rows[i].warning && warning))
            fail_msg("row %zu: %s: verdict %d, \"%s\", warning %s", i, rows[i].pod, (int)v, why,
                     warning ? warning : "none");
        json_decref(pod);
        json_decref(ns);
        json_decref(warnings);
    }
}

/* A sidecar that is there already: nothing changes, whoever asks again. */
static void injecting_twice_changes_nothing(void **state) {
    const struct weft_inject_options opt = {.controller = "c:1"};
    json_t *pod = parse(POD("")), *ns = parse(ASKS);
    struct weft_inject_result once, twice;
    weft_inject(pod, ns, &opt, &once);
    assert_int_equal(once.verdict, WEFT_INJECT_YES);
    weft_inject(once.pod, ns, &opt, &twice);
    assert_int_equal(twice.verdict, WEFT_INJECT_NO);
    assert_null(twice.pod);
    assert_int_equal(json_array_size(twice.warnings), 0);
    weft_inject_result_done(&once);
    weft_inject_result_done(&twice);
    json_decref(pod);
    json_decref(ns);
}

/* A later webhook's container: the API server asks us again, and its probe is rewritten, too. */
static void a_container_added_later_is_probed_as_well(void **state) {
    const struct weft_inject_options opt = {.controller = "c:1"};
    json_t *pod = parse("{'spec':{'containers':[{'name':'a','livenessProbe':{'tcpSocket':"
                        "{'port':1}}}]}}"),
           *ns = parse(ASKS);
    struct weft_inject_result once, twice, thrice;
    weft_inject(pod, ns, &opt, &once);
    json_t *later = parse("{'name':'b','livenessProbe':{'tcpSocket':{'port':2}}}");
    json_array_append(json_object_get(json_object_get(once.pod, "spec"), "containers"), later);
    weft_inject(once.pod, ns, &opt, &twice);
    assert_int_equal(twice.verdict, WEFT_INJECT_YES);
    WEFT_FREE char *text = json_dumps(twice.pod, JSON_COMPACT);
    assert_non_null(strstr(text, "{\\\"a/liveness\\\":{\\\"tcpSocket\\\":{\\\"port\\\":1}"));
    assert_non_null(strstr(text, "\\\"b/liveness\\\":{\\\"tcpSocket\\\":{\\\"port\\\":2}"));
    assert_non_null(strstr(text, "/app-probe/b/liveness"));
    weft_inject(twice.pod, ns, &opt, &thrice);
    assert_int_equal(thrice.verdict, WEFT_INJECT_NO);
    weft_inject_result_done(&once);
    weft_inject_result_done(&twice);
    weft_inject_result_done(&thrice);
    json_decref(later);
    json_decref(pod);
    json_decref(ns);
}

/* White space around a value is nobody's intention: strict stays strict. */
static void a_mode_is_read_without_space_around_it(void **state) {
    const struct weft_inject_options opt = {.controller = "c:1"};
    json_t *pod = parse(POD("'weftmesh.io/mtls':' strict '")), *ns = parse(ASKS);
    struct weft_inject_result r;
    weft_inject(pod, ns, &opt, &r);
    assert_int_equal(r.verdict, WEFT_INJECT_YES);
    WEFT_FREE char *text = json_dumps(r.pod, JSON_COMPACT);
    assert_non_null(strstr(text, "{\"name\":\"WEFT_MTLS_MODE\",\"value\":\"strict\"}"));
    weft_inject_result_done(&r);
    json_decref(pod);
    json_decref(ns);
}

/* === reviews === */

static const json_t *no_namespace(void *ud, const char *name) {
    return ud;
}

static void an_image_is_used_without_space_around_it(void **state) {
    const struct weft_inject_options opt = {.controller = "c:1", .init_image = "i:1"};
    struct weft_inject_result r;
    json_t *pod = parse(POD("'weftmesh.io/proxy-image':' p:2 ','weftmesh.io/init-image':' '"));
    json_t *ns = parse(ASKS);
    weft_inject(pod, ns, &opt, &r);
    assert_int_equal(r.verdict, WEFT_INJECT_REFUSED); /* an empty name */
    weft_inject_result_done(&r);
    json_object_del(weft_js_in(pod, "metadata", "annotations"), "weftmesh.io/init-image");
    weft_inject(pod, ns, &opt, &r);
    const json_t *list = weft_js_in(r.pod, "spec", "initContainers");
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(list, i), "image")),
                            i ? "p:2" : "i:1");
    weft_inject_result_done(&r);
    json_decref(ns);
    json_decref(pod);
}

static json_t *review(const char *text, void *ns, bool asks, uint16_t *ret_status) {
    struct weft_inject_review r = {no_namespace, ns, {.controller = "c:1", .namespace_asks = asks}};
    struct weft_inject_outcome o;
    struct weft_buf out;
    json_t *in = parse(text);
    WEFT_FREE char *body = in ? json_dumps(in, JSON_ENCODE_ANY) : weft_strdup("");
    weft_buf_init(&out, 0);
    *ret_status = weft_inject_review(&r, weft_slice_str(body), &out, &o);
    struct weft_slice s = weft_buf_slice(&out);
    json_t *answer = json_loadb(s.base, s.len, 0, NULL);
    assert_true(*ret_status == 200 || (*ret_status == 400 && s.len && o.why[0] && !answer));
    weft_buf_done(&out);
    json_decref(in);
    return answer;
}

#define REVIEW(request)                                                                            \
    "{'kind':'AdmissionReview','apiVersion':'admission.k8s.io/v1','request':{" request "}}"
#define CREATE                                                                                     \
    "'uid':'u-1','kind':{'version':'v1','kind':'Pod'},'operation':'CREATE',"                       \
    "'namespace':'shop'"

static void a_review_is_answered_under_its_uid(void **state) {
    uint16_t status;
    json_t *a = review(REVIEW(CREATE ",'object':{'spec':{}}"), NULL, true, &status);
    const json_t *r = json_object_get(a, "response");
    assert_string_equal(json_string_value(json_object_get(r, "uid")), "u-1");
    assert_true(json_is_true(json_object_get(r, "allowed")));
    assert_string_equal(json_string_value(json_object_get(r, "patchType")), "JSONPatch");
    /* "[{"op" in base64 */
    assert_memory_equal(json_string_value(json_object_get(r, "patch")), "W3sib3Ai", 8);
    json_decref(a);
}

static void a_refusal_says_why(void **state) {
    uint16_t status;
    json_t *a = review(REVIEW(CREATE ",'object':{'metadata':{'annotations':{"
                                     "'weftmesh.io/mtls':'\xc3\xa4\xc3\xa4'}},'spec':{}}"),
                       NULL, true, &status);
    const json_t *r = json_object_get(a, "response");
    assert_true(json_is_false(json_object_get(r, "allowed")));
    assert_null(json_object_get(r, "patch"));
    const char *message =
        json_string_value(json_object_get(json_object_get(r, "status"), "message"));
    assert_non_null(strstr(message, "weft: annotation weftmesh.io/mtls"));
    json_decref(a);
}

/* The verdict on a pod with this spec and annotations, as text goes over the wire. */
static char *verdict_on(const char *object, bool asks) {
    const struct weft_inject_review r = {
        no_namespace, NULL, {.controller = "c:1", .namespace_asks = asks}};
    struct weft_inject_outcome o;
    struct weft_buf out;
    weft_buf_init(&out, 0);
    WEFT_FREE char *body = weft_asprintf(
        "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":"
        "{\"uid\":\"u-1\",\"kind\":{\"version\":\"v1\",\"kind\":\"Pod\"},\"operation\":"
        "\"CREATE\",\"object\":%s}}",
        object);
    assert_int_equal(weft_inject_review(&r, weft_slice_str(body), &out, &o), 200);
    struct weft_slice s = weft_buf_slice(&out);
    json_t *answer = json_loadb(s.base, s.len, 0, NULL);
    const json_t *response = json_object_get(answer, "response");
    assert_string_equal(json_string_value(json_object_get(response, "uid")), "u-1");
    const char *message =
        json_string_value(json_object_get(json_object_get(response, "status"), "message"));
    bool allowed = json_is_true(json_object_get(response, "allowed"));
    char *verdict = weft_strdup(message                              ? message
                                : json_object_get(response, "patch") ? "injected"
                                : allowed                            ? "left alone"
                                                                     : "");
    assert_true(allowed == !message);
    json_decref(answer);
    weft_buf_done(&out);
    return verdict;
}

static void a_nul_is_named_by_its_field(void **state) {
    static const struct {
        const char *object, *verdict;
        bool asks;
    } cases[] = {
        {"{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\",\"args\":[\"x\",\"y\\"
         "u0000z\"]}]}}",
         "weft: the pod's spec.containers[1].args[1] holds a NUL character (U+0000): take it out",
         true},
        {"{\"metadata\":{\"annotations\":{\"a\\u0000b\":\"c\"}}}",
         "weft: the pod's metadata.annotations (a name in it) holds a NUL character (U+0000): "
         "take "
         "it out",
         true},
        {"{\"spec\":{\"hostname\":\"\\u0000\"}}", "left alone", false},
        /* a backslash and letters, which is no NUL */
        {"{\"spec\":{\"hostname\":\"\\\\u0000\"}}", "injected", true},
        {"{\"spec\":{\"hostname\":\"\\\\u0000\",\"subdomain\":\"\\\\\\u0000\"}}",
         "weft: the pod's spec.subdomain holds a NUL character (U+0000): take it out", true},
    };
    for (size_t i = 0; i < WEFT_LEN(cases); i++) {
        WEFT_FREE char *verdict = verdict_on(cases[i].object, cases[i].asks);
        assert_string_equal(verdict, cases[i].verdict);
    }
}

static void what_is_no_new_pod_is_left_alone(void **state) {
    static const char *const requests[] = {
        REVIEW("'uid':'u','kind':{'kind':'Service'},'operation':'CREATE','object':{}"),
        REVIEW("'uid':'u','kind':{'kind':'Pod'},'operation':'UPDATE','object':{}"),
        REVIEW("'uid':'u','kind':{'kind':'Pod'},'operation':'DELETE'"),
        REVIEW("'uid':'u','kind':{'kind':'Pod'},'operation':'DELETE','object':null,'oldObject':{}"),
        REVIEW("'uid':'u','kind':{'kind':'Pod','group':'x.io'},'operation':'CREATE','object':{}"),
        REVIEW("'uid':'u','kind':{'kind':'Pod'},'operation':'CREATE','subResource':'eviction',"
               "'object':{}"),
    };
    for (size_t i = 0; i < WEFT_LEN(requests); i++) {
        uint16_t status;
        json_t *a = review(requests[i], NULL, true, &status);
        const json_t *r = json_object_get(a, "response");
        if (!json_is_true(json_object_get(r, "allowed")) || json_object_get(r, "patch"))
            fail_msg("%s", requests[i]);
        json_decref(a);
    }
}

static void what_is_no_review_is_refused_as_such(void **state) {
    static const char *const texts[] = {
        NULL,
        "[]",
        "{}",
        "{'kind':'AdmissionReview','apiVersion':'admission.k8s.io/v1beta1','request':{'uid':'u'}}",
        "{'kind':'AdmissionReview','apiVersion':'admission.k8s.io/v1'}",
        REVIEW(""),
        REVIEW("'uid':5"),
        REVIEW(CREATE ",'object':[]"),
        REVIEW(CREATE ",'object':'pod'"),
    };
    for (size_t i = 0; i < WEFT_LEN(texts); i++) {
        uint16_t status;
        json_t *a = review(texts[i], NULL, true, &status);
        if (status != 400) fail_msg("text %zu: status %u", i, status);
        json_decref(a);
    }
}

/* Three bytes would become hundreds, several times over; brackets in a text are no lists. */
static void a_review_of_too_many_parts_is_not_taken_apart(void **state) {
    enum { LISTS = 49990, MOST = 50000 };
    const struct weft_inject_review r = {no_namespace, NULL, {.controller = "c:1"}};
    for (int more = 0; more < 2; more++) {
        struct weft_inject_outcome o;
        struct weft_buf in, out;
        weft_buf_init(&in, 0);
        weft_buf_init(&out, 0);
        weft_buf_str(&in, "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\","
                          "\"request\":{\"uid\":\"u\",\"text\":\"\\\"[[[[[[[[[[[[\",\"x\":[[]");
        for (int i = 0; i < (more ? MOST : LISTS); i++) weft_buf_str(&in, ",[]");
        weft_buf_str(&in, "]}}");
        uint16_t status = weft_inject_review(&r, weft_buf_slice(&in), &out, &o);
        if (status != (more ? 400 : 200)) fail_msg("status %u: %s", status, o.why);
        assert_int_equal(strstr(o.why, "objects and lists") != NULL, more);
        weft_buf_done(&in);
        weft_buf_done(&out);
    }
}

/* What has the wrong type does not stop an answer. */
static void odd_pods_are_answered(void **state) {
    static const char *const texts[] = {
        REVIEW(CREATE ",'object':{}"),
        REVIEW(CREATE ",'object':{'metadata':5,'spec':6}"),
        REVIEW(CREATE ",'object':{'metadata':{'annotations':[]},'spec':{'containers':{}}}"),
        REVIEW(CREATE ",'object':{'spec':{'containers':[5,null,{}],'volumes':7}}"),
    };
    for (size_t i = 0; i < WEFT_LEN(texts); i++) {
        uint16_t status;
        json_t *a = review(texts[i], NULL, true, &status);
        if (!json_object_get(json_object_get(a, "response"), "patch")) fail_msg("text %zu", i);
        json_decref(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pod_is_decided_with_its_reason),
        cmocka_unit_test(injecting_twice_changes_nothing),
        cmocka_unit_test(a_container_added_later_is_probed_as_well),
        cmocka_unit_test(a_mode_is_read_without_space_around_it),
        cmocka_unit_test(a_review_is_answered_under_its_uid),
        cmocka_unit_test(a_refusal_says_why),
        cmocka_unit_test(what_is_no_new_pod_is_left_alone),
        cmocka_unit_test(what_is_no_review_is_refused_as_such),
        cmocka_unit_test(an_image_is_used_without_space_around_it),
        cmocka_unit_test(a_nul_is_named_by_its_field),
        cmocka_unit_test(a_review_of_too_many_parts_is_not_taken_apart),
        cmocka_unit_test(odd_pods_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

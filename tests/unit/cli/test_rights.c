/* SPDX-License-Identifier: Apache-2.0
 * What somebody must be allowed to do to install Weft. */
#include "ask_world.h"

#include <cli/install.h>
#include <cli/leftovers.h>
#include <cli/rights.h>
#include <unistd.h>
#include <weft/object/yaml.h>

static const json_t *find(const json_t *list, const char *text) {
    size_t i;
    const json_t *want;
    json_array_foreach(list, i, want) {
        if (!strcmp(json_string_value(json_object_get(want, "text")), text)) return want;
    }
    fail_msg("\"%s\" is not wished for", text);
    return NULL;
}

struct rendered {
    const json_t *wanted;
    size_t n;
};

static void on_document(void *ud, json_t *o, json_t *lines, int line) {
    struct rendered *r = ud;
    const char *kind = json_string_value(json_object_get(o, "kind"));
    const char *ns =
        json_string_value(json_object_get(json_object_get(o, "metadata"), "namespace"));
    size_t k = 0;
    (void)line;
    while (strcmp(leftover_kinds[k].kind, kind) != 0) k++;
    WEFT_FREE char *text =
        weft_asprintf("create %s%s%s", leftover_kinds[k].plural, ns ? " in " : "", ns ? ns : "");
    find(r->wanted, text);
    r->n++;
    json_decref(o);
    json_decref(lines);
}

static void every_object_that_is_rendered_is_asked_about(void **state) {
    (void)state;
    struct cli_install_values v;
    struct weft_buf all;
    cli_install_defaults(&v);
    v.namespace = "mesh";
    json_t *wanted = rights_wanted(&v);
    struct rendered r = {wanted, 0};
    weft_buf_init(&all, 0);
    cli_install_render(&v, &all);
    assert_int_equal(weft_yaml_parse(weft_buf_slice(&all), on_document, &r, NULL), WEFT_OK);
    assert_true(r.n > 8);
    find(wanted, "create rolebindings in mesh");
    find(wanted, "patch networkpolicies in mesh");
    find(wanted, "get mutatingwebhookconfigurations");
    weft_buf_done(&all);
    json_decref(wanted);
}

/* RBAC lets nobody give away what he has not. */
static void roles_need_what_is_in_them(void **state) {
    (void)state;
    struct cli_install_values v;
    cli_install_defaults(&v);
    json_t *wanted = rights_wanted(&v);
    const json_t *role =
        find(wanted, "give away all of ClusterRole weft-controller (verb escalate)");
    const json_t *held = json_object_get(role, "or");
    json_t *status =
        json_pack("{s:s, s:s, s:s, s:s}", "verb", "patch", "group", "gateway.networking.k8s.io",
                  "resource", "httproutes", "subresource", "status");
    json_t *secret =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "verb", "watch", "group", "", "resource", "secrets",
                  "name", "weft-ca", "namespace", "weft-system");
    bool found = false;
    size_t i;
    const json_t *a;
    json_array_foreach(held, i, a) found = found || json_equal(a, status);
    assert_true(found);
    found = false;
    json_array_foreach(
        json_object_get(find(wanted, "bind somebody to Role weft-controller (verb bind)"), "or"), i,
        a) found = found || json_equal(a, secret);
    assert_true(found);
    json_decref(status);
    json_decref(secret);
    json_decref(wanted);
}

/* === asking === */

struct reviewer {
    const char *denied_verb, *denied_resource; /* whoever asks for either is denied */
    const char *without;                       /* another verb that is denied */
    size_t asked;
};

static void on_request(void *ud, struct fake_request *r) {
    struct reviewer *v = ud;
    struct weft_slice text = weft_buf_slice(&r->body);
    json_t *body = json_loadb(text.base, text.len, 0, NULL);
    const json_t *a = json_object_get(json_object_get(body, "spec"), "resourceAttributes");
    const char *verb = json_string_value(json_object_get(a, "verb")),
               *resource = json_string_value(json_object_get(a, "resource"));
    assert_string_equal(r->target, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
    bool no = (v->denied_verb && !strcmp(verb, v->denied_verb)) ||
              (v->denied_resource && !strcmp(resource, v->denied_resource)) ||
              (v->without && !strcmp(verb, v->without));
    v->asked++;
    fake_answer(r, 201,
                no ? "{\"status\":{\"allowed\":false}}" : "{\"status\":{\"allowed\":true}}");
    json_decref(body);
}

static json_t *denied(const struct reviewer *v, size_t *ret_asked) {
    struct ask_world w;
    struct cli_install_values values;
    struct reviewer reviewer = *v;
    json_t *unread = json_array();
    cli_install_defaults(&values);
    ask_world_init(&w);
    w.cluster->fake->on_request = on_request;
    w.cluster->fake->ud = &reviewer;
    json_t *list = rights_denied(&w.ask, &values, unread);
    assert_int_equal(json_array_size(unread), 0);
    *ret_asked = reviewer.asked;
    json_decref(unread);
    ask_world_done(&w);
    return list;
}

static void who_may_all_is_denied_nothing(void **state) {
    (void)state;
    size_t asked;
    json_t *list = denied(&(struct reviewer){0}, &asked);
    assert_int_equal(json_array_size(list), 0);
    assert_true(asked > 20);
    json_decref(list);
}

static void what_is_denied_is_named(void **state) {
    (void)state;
    size_t asked;
    json_t *list = denied(&(struct reviewer){.denied_resource = "networkpolicies"}, &asked);
    assert_int_equal(json_array_size(list), 3);
    assert_string_equal(json_string_value(json_array_get(list, 1)),
                        "create networkpolicies in weft-system");
    json_decref(list);
}

/* Who may not escalate or bind, and holds all that is given away, installs all the same. */
static void holding_is_enough(void **state) {
    (void)state;
    size_t asked;
    json_t *list = denied(&(struct reviewer){.denied_verb = "escalate", .without = "bind"}, &asked);
    assert_int_equal(json_array_size(list), 0);
    assert_true(asked > 50);
    json_decref(list);
    list = denied(&(struct reviewer){.denied_verb = "escalate", .denied_resource = "tokenreviews"},
                  &asked);
    assert_int_equal(json_array_size(list), 1); /* who may bind need not hold it for that */
    assert_string_equal(json_string_value(json_array_get(list, 0)),
                        "give away all of ClusterRole weft-controller (verb escalate), and do not "
                        "hold it yourself: create tokenreviews is denied");
    json_decref(list);
}

static void refuse(void *ud, struct fake_request *r) {
    ++*(size_t *)ud;
    fake_answer(r, 503, "{\"kind\":\"Status\",\"message\":\"no reviews\"}");
}

/* "You may all" would be said of somebody about whom nothing is known. */
static void without_an_answer_nothing_is_known(void **state) {
    (void)state;
    struct ask_world w;
    struct cli_install_values values;
    size_t asked = 0;
    json_t *unread = json_array();
    cli_install_defaults(&values);
    ask_world_init(&w);
    w.cluster->fake->on_request = refuse;
    w.cluster->fake->ud = &asked;
    assert_null(rights_denied(&w.ask, &values, unread));
    assert_int_equal(asked, 1);
    assert_int_equal(json_array_size(unread), 1); /* said once */
    json_decref(unread);
    ask_world_done(&w);
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_object_that_is_rendered_is_asked_about),
        cmocka_unit_test(roles_need_what_is_in_them),
        cmocka_unit_test(who_may_all_is_denied_nothing),
        cmocka_unit_test(what_is_denied_is_named),
        cmocka_unit_test(holding_is_enough),
        cmocka_unit_test(without_an_answer_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

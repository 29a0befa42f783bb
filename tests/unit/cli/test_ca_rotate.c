/* SPDX-License-Identifier: Apache-2.0
 * What the steps of replacing the root write into the two Secrets of a fake cluster; what they
 * refuse, and what is left of one that was interrupted. */
#include "ask_world.h"

#include <cli/ca_adoption.h>
#include <cli/ca_rotate.h>
#include <unistd.h>
#include <weft/base/base64.h>
#include <weft/base/clock.h>
#include <weft/object/json.h>

#define SECRETS "/api/v1/namespaces/mesh/secrets/"
#define HOOK    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/injector"

struct pair {
    struct weft_buf key, cert;
};
struct world {
    struct ask_world w;
    struct cli_ca_at at;
    struct pair root, issuer;
};

static int64_t now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

static struct pair root_make(void) {
    struct pair p = {0};
    assert_int_equal(weft_pki_key(&p.key), WEFT_OK);
    assert_int_equal(weft_pki_root(weft_buf_slice(&p.key), WEFT_SLICE_LIT("cluster.local"), now(),
                                   86400, &p.cert, NULL),
                     WEFT_OK);
    return p;
}

static struct pair issuer_make(const struct pair *root) {
    struct pair p = {0};
    assert_int_equal(weft_pki_key(&p.key), WEFT_OK);
    assert_int_equal(weft_pki_issuer(weft_buf_slice(&root->key), weft_buf_slice(&root->cert),
                                     weft_buf_slice(&p.key), WEFT_SLICE_LIT("cluster.local"), now(),
                                     3600, &p.cert, NULL),
                     WEFT_OK);
    return p;
}

static void pair_done(struct pair *p) {
    weft_buf_done(&p->key);
    weft_buf_done(&p->cert);
}

static json_t *encoded(const struct weft_buf *b) {
    struct weft_buf text = {0};
    assert_int_equal(weft_base64_encode(weft_buf_slice(b), &text), WEFT_OK);
    json_t *s = json_stringn(text.base, weft_buf_size(&text));
    weft_buf_done(&text);
    return s;
}

static void put(struct world *t, const char *name, json_t *data) {
    WEFT_FREE char *path = weft_asprintf(SECRETS "%s", name);
    cluster_put(t->w.cluster, path,
                json_pack("{s:{s:s}, s:o}", "metadata", "name", name, "data", data));
}

static void put_root(struct world *t, const struct weft_buf *next, const struct weft_buf *key) {
    json_t *data = json_pack("{s:o, s:o}", "tls.crt", encoded(&t->root.cert), "tls.key",
                             encoded(&t->root.key));
    if (next) json_object_set_new(data, "next.crt", encoded(next));
    if (key) json_object_set_new(data, "next.key", encoded(key));
    put(t, "weft-ca-root", data);
}

static int set_up(void **state) {
    struct world *t = weft_new0(struct world);
    ask_world_init(&t->w);
    t->root = root_make();
    t->issuer = issuer_make(&t->root);
    put(t, "weft-ca",
        json_pack("{s:o, s:o}", "tls.crt", encoded(&t->issuer.cert), "tls.key",
                  encoded(&t->issuer.key)));
    put_root(t, NULL, NULL);
    *state = t;
    return 0;
}

static int tear_down(void **state) {
    struct world *t = *state;
    ask_world_done(&t->w);
    pair_done(&t->root);
    pair_done(&t->issuer);
    free(t);
    return 0;
}

static enum cli_ca_step open_at(struct world *t) {
    t->at = (struct cli_ca_at){
        .ask = &t->w.ask, .ns = "mesh", .name = "weft-ca", .root_name = "weft-ca-root"};
    assert_true(cli_ca_at_read(&t->at));
    return cli_ca_next(&t->at.ca).step;
}

/* As one call of the command does it. */
static bool step(struct world *t, enum cli_ca_step expected) {
    assert_int_equal(open_at(t), expected);
    bool ok = cli_ca_take(&t->at, expected, "cluster.local");
    cli_ca_at_done(&t->at);
    return ok;
}

static const char *member(struct world *t, const char *name, const char *key) {
    WEFT_FREE char *path = weft_asprintf(SECRETS "%s", name);
    return json_string_value(
        json_object_get(json_object_get(cluster_get(t->w.cluster, path), "data"), key));
}

static void the_steps_lead_from_one_root_to_the_other(void **state) {
    struct world *t = *state;
    WEFT_FREE char *was = weft_strdup(member(t, "weft-ca-root", "tls.crt"));
    assert_true(step(t, CLI_CA_BEGIN));
    WEFT_FREE char *is = weft_strdup(member(t, "weft-ca-root", "next.crt"));
    assert_true(step(t, CLI_CA_TRUST));
    assert_string_equal(member(t, "weft-ca-root", "tls.crt"), was);
    assert_true(step(t, CLI_CA_SIGN));
    assert_string_equal(member(t, "weft-ca-root", "tls.crt"), is);
    assert_string_equal(member(t, "weft-ca", "tls.crt"), is);
    assert_string_equal(member(t, "weft-ca", "tls.key"), member(t, "weft-ca-root", "tls.key"));
    assert_null(member(t, "weft-ca-root", "next.key"));
    assert_true(step(t, CLI_CA_FORGET));
    assert_null(member(t, "weft-ca", "ca.crt"));
    assert_true(step(t, CLI_CA_TIDY));
    assert_int_equal(open_at(t), CLI_CA_BEGIN);
    cli_ca_at_done(&t->at);
}

static unsigned no_patch_of_issuer(void *ud, const struct fake_request *r) {
    (void)ud;
    return !strcmp(r->method, "PATCH") && fake_is(r, SECRETS "weft-ca") ? 500 : 0;
}

/* Between the two writes of a step. */
static void an_interrupted_step_is_gone_on_with(void **state) {
    struct world *t = *state;
    assert_true(step(t, CLI_CA_BEGIN));
    assert_true(step(t, CLI_CA_TRUST));
    t->w.cluster->script = no_patch_of_issuer;
    assert_false(step(t, CLI_CA_SIGN));
    assert_null(member(t, "weft-ca-root", "next.crt")); /* the first was written */
    t->w.cluster->script = NULL;
    assert_true(step(t, CLI_CA_SIGN));
    assert_string_equal(member(t, "weft-ca", "tls.crt"), member(t, "weft-ca-root", "tls.crt"));
    assert_true(step(t, CLI_CA_FORGET));
}

/* Two who call it at once: the second has read what is there no more. */
static void a_step_taken_twice_is_written_once(void **state) {
    struct world *t = *state;
    assert_true(step(t, CLI_CA_BEGIN));
    assert_int_equal(open_at(t), CLI_CA_TRUST);
    struct cli_ca_at second = t->at;
    assert_int_equal(open_at(t), CLI_CA_TRUST);
    assert_true(cli_ca_take(&t->at, CLI_CA_TRUST, "cluster.local"));
    assert_false(cli_ca_take(&second, CLI_CA_TRUST, "cluster.local"));
    assert_int_equal(t->w.cluster->conflicts, 1);
    cli_ca_at_done(&t->at);
    cli_ca_at_done(&second);
}

/* A root of one's own is tried out before anybody trusts it: found out later, when it is to sign,
 * the root's key that still works would be gone. */
static void a_next_root_that_cannot_sign_is_refused(void **state) {
    struct world *t = *state;
    struct pair next = root_make(), other = root_make(), below = issuer_make(&next);
    struct weft_buf garbage = {0};
    (void)weft_buf_append(&garbage, WEFT_SLICE_LIT("no certificate"));
    const struct weft_buf *const wrong[][2] = {{&next.cert, NULL},
                                               {&next.cert, &other.key},
                                               {&garbage, &next.key},
                                               {&below.cert, &below.key}};
    for (size_t i = 0; i < WEFT_LEN(wrong); i++) {
        put_root(t, wrong[i][0], wrong[i][1]);
        assert_false(step(t, CLI_CA_TRUST));
        assert_int_equal(t->w.cluster->patches, 0);
    }
    put_root(t, &next.cert, &next.key);
    assert_true(step(t, CLI_CA_TRUST));
    put_root(t, &next.cert, &other.key); /* replaced since */
    assert_false(step(t, CLI_CA_SIGN));
    assert_int_equal(t->w.cluster->patches, 1);
    pair_done(&next);
    pair_done(&other);
    pair_done(&below);
    weft_buf_done(&garbage);
}

/* === the webhook's configuration === */

static void put_hook(struct world *t, const struct pair *first, const struct pair *second) {
    cluster_put(t->w.cluster, HOOK,
                json_pack("{s:{s:s}, s:[{s:{s:o}}, {s:{s:o}}]}", "metadata", "name", "injector",
                          "webhooks", "clientConfig", "caBundle", encoded(&first->cert),
                          "clientConfig", "caBundle", encoded(&second->cert)));
}

static unsigned forbidden(void *ud, const struct fake_request *r) {
    (void)ud;
    (void)r;
    return 403;
}

static char *why_hook(struct world *t) {
    return cli_ca_hook_behind(&t->w.ask, "injector", &t->at.ca);
}

static void every_entry_of_the_webhook_has_to_have_the_bundle(void **state) {
    struct world *t = *state;
    struct pair other = root_make();
    assert_int_equal(open_at(t), CLI_CA_BEGIN);
    WEFT_FREE char *absent = why_hook(t);
    assert_null(absent); /* nothing to wait for */
    put_hook(t, &t->root, &t->root);
    WEFT_FREE char *same = why_hook(t);
    assert_null(same);
    put_hook(t, &t->root, &other);
    WEFT_FREE char *second = why_hook(t);
    assert_non_null(strstr(second, "another bundle"));
    t->w.cluster->script = forbidden;
    WEFT_FREE char *denied = why_hook(t);
    assert_non_null(strstr(denied, "cannot be read: "));
    cli_ca_at_done(&t->at);
    pair_done(&other);
}

int main(void) {
    alarm(60);
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_steps_lead_from_one_root_to_the_other),
        T(an_interrupted_step_is_gone_on_with),
        T(a_step_taken_twice_is_written_once),
        T(a_next_root_that_cannot_sign_is_refused),
        T(every_entry_of_the_webhook_has_to_have_the_bundle),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Where a replacement of the root stands is read from two Secrets, whatever was interrupted; who
 * has taken it up from the sidecars' metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cli/ca_adoption.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/base/clock.h>

#define LIT(s) WEFT_SLICE_LIT(s)

struct pair {
    struct weft_buf key, cert;
};
static struct pair old_root, new_root, issuer, new_issuer;

static int64_t now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

static struct pair root_make(void) {
    struct pair p = {0};
    assert_int_equal(weft_pki_key(&p.key), WEFT_OK);
    assert_int_equal(
        weft_pki_root(weft_buf_slice(&p.key), LIT("cluster.local"), now(), 86400, &p.cert, NULL),
        WEFT_OK);
    return p;
}

static struct pair issuer_make(const struct pair *root) {
    struct pair p = {0};
    assert_int_equal(weft_pki_key(&p.key), WEFT_OK);
    assert_int_equal(weft_pki_issuer(weft_buf_slice(&root->key), weft_buf_slice(&root->cert),
                                     weft_buf_slice(&p.key), LIT("cluster.local"), now(), 3600,
                                     &p.cert, NULL),
                     WEFT_OK);
    return p;
}

static int set_up(void **state) {
    (void)state;
    old_root = root_make();
    new_root = root_make();
    issuer = issuer_make(&old_root);
    new_issuer = issuer_make(&new_root);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    struct pair *all[] = {&old_root, &new_root, &issuer, &new_issuer};
    for (size_t i = 0; i < 4; i++) {
        weft_buf_done(&all[i]->key);
        weft_buf_done(&all[i]->cert);
    }
    return 0;
}

static void put(json_t *data, const char *key, const struct pair *p) {
    struct weft_buf text = {0};
    if (!p) return;
    (void)weft_base64_encode(weft_buf_slice(&p->cert), &text);
    json_object_set_new(data, key, json_stringn(text.base, weft_buf_size(&text)));
    weft_buf_done(&text);
}

static json_t *secret_of(const char *k1, const struct pair *p1, const char *k2,
                         const struct pair *p2, const char *k3, const struct pair *p3) {
    json_t *data = json_object();
    put(data, k1, p1);
    put(data, k2, p2);
    put(data, k3, p3);
    return json_pack("{s:o}", "data", data);
}

/* What signs, what is trusted beside it; the root's Secret: its root, the next, the previous. */
static enum cli_ca_step step_of(const struct pair *chain, const struct pair *more,
                                const struct pair *root, const struct pair *next,
                                const struct pair *previous) {
    struct cli_ca ca;
    struct weft_error err = {0};
    json_t *secret = secret_of("tls.crt", chain, "ca.crt", more, "", NULL);
    json_t *of_root = secret_of("tls.crt", root, "next.crt", next, "previous.crt", previous);
    if (cli_ca_read(&ca, secret, of_root, &err) != WEFT_OK)
        fail_msg("%s: %s", err.path, err.message);
    enum cli_ca_step step = cli_ca_next(&ca).step;
    cli_ca_done(&ca);
    json_decref(secret);
    json_decref(of_root);
    return step;
}

/* Every state that a step, or its interruption between two writes, leaves. */
static void each_step_follows_from_what_the_last_one_left(void **state) {
    (void)state;
    const struct pair *was = &old_root, *is = &new_root;
    assert_int_equal(step_of(&issuer, NULL, was, NULL, NULL), CLI_CA_BEGIN);
    assert_int_equal(step_of(&issuer, NULL, was, is, NULL), CLI_CA_TRUST);
    assert_int_equal(step_of(&issuer, is, was, is, NULL), CLI_CA_SIGN);
    assert_int_equal(step_of(&issuer, is, is, NULL, was), CLI_CA_SIGN);      /* interrupted */
    assert_int_equal(step_of(&new_root, was, is, NULL, was), CLI_CA_FORGET); /* no issuer yet */
    assert_int_equal(step_of(&new_issuer, was, is, NULL, was), CLI_CA_FORGET);
    assert_int_equal(step_of(&new_issuer, NULL, is, NULL, was), CLI_CA_TIDY); /* interrupted */
    assert_int_equal(step_of(&new_issuer, NULL, is, NULL, NULL), CLI_CA_BEGIN);
}

/* Nobody's root is taken for the one that is meant. */
static void a_root_that_nobody_trusts_is_not_signed_with(void **state) {
    (void)state;
    assert_int_equal(step_of(&issuer, NULL, &new_root, NULL, NULL), CLI_CA_NONE);
    struct cli_ca ca;
    json_t *secret = secret_of("tls.crt", &issuer, "", NULL, "", NULL);
    assert_int_equal(cli_ca_read(&ca, secret, NULL, NULL), WEFT_OK);
    assert_int_equal(cli_ca_next(&ca).step, CLI_CA_NONE); /* kept elsewhere */
    assert_false(cli_ca_is_renewable(&ca));
    cli_ca_done(&ca);
    json_decref(secret);
}

/* Roots that somebody else added stay through all of it. */
static void only_the_old_root_is_forgotten(void **state) {
    (void)state;
    struct pair third = root_make();
    struct weft_buf all = {0}, left = {0};
    struct weft_slice none = WEFT_SLICE_EMPTY, a = weft_buf_slice(&third.cert),
                      b = weft_buf_slice(&old_root.cert);
    assert_int_equal(cli_ca_change(a, none, b, &all, NULL), WEFT_OK);
    struct weft_slice both = weft_buf_slice(&all);
    assert_true(weft_slice_search(both, b) < both.len && weft_slice_search(both, a) < both.len);
    assert_int_equal(cli_ca_change(both, b, a, &left, NULL), WEFT_OK);
    assert_true(weft_slice_eq(weft_slice_trim(weft_buf_slice(&left)), weft_slice_trim(a)));
    weft_buf_done(&all);
    weft_buf_done(&left);
    weft_buf_done(&third.key);
    weft_buf_done(&third.cert);
}

static void add(struct cli_ca_adoption *a, const char *bundle, const char *root) {
    WEFT_FREE char *text =
        weft_asprintf("# HELP x\nweft_trust_bundle_info{sha256=\"old\"} 0\nweft_trust_bundle_info{"
                      "sha256=\"%s\"} 1\nweft_certificate_root_info{sha256=\"%s\"} 1\n",
                      bundle, root);
    cli_ca_adoption_add(a, "shop/web", weft_slice_str(text), NULL);
}

static void who_is_behind_is_told_from_the_metrics(void **state) {
    (void)state;
    struct cli_ca ca;
    json_t *secret = secret_of("tls.crt", &issuer, "", NULL, "", NULL);
    assert_int_equal(cli_ca_read(&ca, secret, NULL, NULL), WEFT_OK);
    struct cli_ca_adoption a = {.ca = &ca, .behind = json_array()};
    add(&a, ca.bundle_sha, ca.top_sha);
    assert_int_equal(json_array_size(a.behind), 0);
    add(&a, ca.bundle_sha, "other");
    add(&a, "other", ca.top_sha);
    cli_ca_adoption_add(&a, "shop/older", LIT("weft_build_info 1\n"), NULL);
    cli_ca_adoption_add(&a, "shop/away", WEFT_SLICE_EMPTY, "no route");
    assert_int_equal(a.n, 5);
    assert_int_equal(a.bundle, 2);
    assert_int_equal(a.root, 2);
    assert_int_equal(a.silent, 2);
    assert_int_equal(json_array_size(a.behind), 4);
    json_decref(a.behind);
    cli_ca_done(&ca);
    json_decref(secret);
}

static void a_step_waits_for_every_sidecar(void **state) {
    (void)state;
    struct cli_ca_adoption all = {.n = 3, .bundle = 3, .root = 3},
                           late = {.n = 3, .bundle = 2, .root = 3},
                           uncertified = {.n = 3, .bundle = 3, .root = 2}, none = {0};
    assert_true(cli_ca_has_arrived(&all, CLI_CA_SIGN) && cli_ca_has_arrived(&all, CLI_CA_FORGET));
    assert_false(cli_ca_has_arrived(&late, CLI_CA_SIGN));
    assert_false(cli_ca_has_arrived(&late, CLI_CA_FORGET));
    assert_true(cli_ca_has_arrived(&uncertified, CLI_CA_SIGN)); /* nobody can have one yet */
    assert_false(cli_ca_has_arrived(&uncertified, CLI_CA_FORGET));
    assert_true(cli_ca_has_arrived(&late, CLI_CA_BEGIN) && cli_ca_has_arrived(&late, CLI_CA_TRUST));
    assert_true(cli_ca_has_arrived(&none, CLI_CA_SIGN));
}

static void what_is_no_authority_is_an_error(void **state) {
    (void)state;
    struct cli_ca ca;
    struct weft_error err = {0};
    json_t *secret = json_pack("{s:{s:s}}", "data", "tls.crt", "bm9uZQ==");
    assert_int_not_equal(cli_ca_read(&ca, secret, NULL, &err), WEFT_OK);
    cli_ca_done(&ca);
    json_decref(secret);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(each_step_follows_from_what_the_last_one_left),
        T(a_root_that_nobody_trusts_is_not_signed_with),
        T(only_the_old_root_is_forgotten),
        T(who_is_behind_is_told_from_the_metrics),
        T(a_step_waits_for_every_sidecar),
        T(what_is_no_authority_is_an_error),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

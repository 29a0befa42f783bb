/* SPDX-License-Identifier: Apache-2.0
 * The issuer is kept young by the leader, below the root that everybody trusts already. */
#include "ca_world.h"

#include <controller/ca_life.h>

/* An issuer of `r` that began `age_s` ago and lives `life_s`, as chain up to the root. */
static struct root issuer_of(const struct root *r, int64_t age_s, int64_t life_s) {
    struct root i;
    struct weft_error err = {0};
    weft_buf_init(&i.key, 0);
    weft_buf_init(&i.cert, 0);
    assert_int_equal(weft_pki_key(&i.key), WEFT_OK);
    if (weft_pki_issuer(weft_buf_slice(&r->key), weft_buf_slice(&r->cert), weft_buf_slice(&i.key),
                        WEFT_SLICE_LIT("cluster.local"), now() - age_s, life_s, &i.cert,
                        &err) != WEFT_OK)
        fail_msg("%s: %s", err.path, err.message);
    return i;
}

static void put_issuer(struct world *w, const struct root *i) {
    cluster_put(w->k.cluster, PATH, secret_of(&i->key, &i->cert, NULL));
    settle(&w->k);
}
static void put_root(struct world *w, const struct root *r) {
    cluster_put(w->k.cluster, ROOT, secret_named("weft-ca-root", &r->key, &r->cert, NULL));
}

static bool holds(struct world *w, const struct root *i) {
    WEFT_FREE char *chain = text_in(w, PATH, "tls.crt");
    return weft_slice_is(weft_buf_slice(&i->cert), chain);
}

enum { HOUR = 3600 };

static void an_issuer_is_renewed_at_two_thirds_of_its_life(void **state) {
    struct world *w = *state;
    struct root r = root_new(), old = issuer_of(&r, 7 * HOUR, 10 * HOUR);
    put_root(w, &r);
    put_issuer(w, &old);
    assert_true(controller_ca_ready(w->a.ca) && holds(w, &old)); /* nobody leads */
    WEFT_FREE char *bundle = weft_slice_dup(controller_ca_bundle(w->b.ca));
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    assert_false(holds(w, &old));
    assert_int_equal(w->k.cluster->patches, 1);
    assert_int_equal(w->b.changes, 2); /* both have it */
    assert_true(controller_ca_not_after(w->b.ca) > now() + 300 * 86400);
    assert_true(weft_slice_is(controller_ca_bundle(w->b.ca), bundle)); /* no trust changes */
    pass(&w->k, 10000);
    assert_int_equal(w->k.cluster->patches, 1);
    assert_string_equal(w->a.why, "");
    root_done(&r);
    root_done(&old);
}

static void a_young_issuer_is_left_alone(void **state) {
    struct world *w = *state;
    struct root r = root_new(), i = issuer_of(&r, 6 * HOUR, 10 * HOUR);
    put_root(w, &r);
    put_issuer(w, &i);
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    assert_true(holds(w, &i));
    assert_int_equal(w->k.cluster->gets, 0); /* nor is the root looked at */
    root_done(&r);
    root_done(&i);
}

/* The mesh was switched off for long. */
static void an_issuer_that_ended_is_replaced_all_the_same(void **state) {
    struct world *w = *state;
    struct root r = root_new(), old = issuer_of(&r, 30, 20);
    put_root(w, &r);
    put_issuer(w, &old);
    assert_false(controller_ca_ready(w->a.ca));
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    assert_true(controller_ca_ready(w->a.ca) && controller_ca_ready(w->b.ca));
    root_done(&r);
    root_done(&old);
}

/* As the versions before this one made it. */
static void a_root_that_signs_itself_goes_on_until_it_has_a_secret_of_its_own(void **state) {
    struct world *w = *state;
    struct root r = root_new();
    put_issuer(w, &r);
    controller_ca_secret_lead(w->a.secret, true);
    pass(&w->k, 120000);
    assert_true(holds(w, &r) && controller_ca_ready(w->b.ca));
    assert_int_equal(w->k.cluster->posts + w->k.cluster->patches, 0);
    assert_string_equal(w->a.why, "");
    WEFT_FREE char *bundle = weft_slice_dup(controller_ca_bundle(w->b.ca));
    put_root(w, &r);
    pass(&w->k, 61000);
    assert_false(holds(w, &r));
    assert_true(weft_slice_is(controller_ca_bundle(w->b.ca), bundle));
    WEFT_FREE char *key = text_in(w, PATH, "tls.key");
    assert_false(weft_slice_is(weft_buf_slice(&r.key), key));
    root_done(&r);
}

/* Everybody would refuse what it signs. */
static void a_root_that_nobody_trusts_is_not_used(void **state) {
    struct world *w = *state;
    struct root r = root_new(), other = root_new(), old = issuer_of(&r, 7 * HOUR, 10 * HOUR);
    put_root(w, &other);
    put_issuer(w, &old);
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    assert_true(holds(w, &old));
    assert_non_null(strstr(w->a.why, "not the one"));
    put_root(w, &r);
    pass(&w->k, 61000);
    assert_false(holds(w, &old));
    assert_string_equal(w->a.why, "");
    root_done(&r);
    root_done(&other);
    root_done(&old);
}

/* Who keeps the root elsewhere renews what it gave, and is told when that gets late. */
static void without_a_root_it_is_said_in_the_last_quarter(void **state) {
    struct world *w = *state;
    struct root r = root_new(), due = issuer_of(&r, 70 * HOUR, 100 * HOUR),
                late = issuer_of(&r, 76 * HOUR, 100 * HOUR);
    put_issuer(w, &due);
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    assert_string_equal(w->a.why, "");
    put_issuer(w, &late);
    assert_non_null(strstr(w->a.why, "no Secret weft-system/weft-ca-root"));
    assert_string_equal(w->b.why, "");
    assert_true(holds(w, &late));
    assert_int_equal(w->k.cluster->posts, 0); /* another root is not made up */
    controller_ca_secret_lead(w->a.secret, false);
    assert_string_equal(w->a.why, "");
    root_done(&r);
    root_done(&due);
    root_done(&late);
}

static unsigned no_patch(void *ud, const struct fake_request *r) {
    (void)ud;
    return strcmp(r->method, "PATCH") == 0 ? 403 : 0;
}

static void a_right_that_is_missing_is_said(void **state) {
    struct world *w = *state;
    struct root r = root_new(), old = issuer_of(&r, 7 * HOUR, 10 * HOUR);
    put_root(w, &r);
    w->k.cluster->script = no_patch;
    put_issuer(w, &old);
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    assert_non_null(strstr(w->a.why, "weft-ca: "));
    w->k.cluster->script = NULL;
    pass(&w->k, 61000);
    assert_false(holds(w, &old));
    root_done(&r);
    root_done(&old);
}

static unsigned refused_at_the_end_of_a_term(void *ud, const struct fake_request *r) {
    struct world *w = ud;
    if (strcmp(r->method, "PATCH") != 0) return 0;
    controller_ca_secret_lead(w->a.secret, false);
    return 403;
}

/* Who does not lead any more answers for nothing: its metric would stay 1 for ever. */
static void an_answer_after_the_end_of_a_term_says_nothing(void **state) {
    struct world *w = *state;
    struct root r = root_new(), old = issuer_of(&r, 7 * HOUR, 10 * HOUR);
    put_root(w, &r);
    put_issuer(w, &old);
    w->k.cluster->script = refused_at_the_end_of_a_term;
    w->k.cluster->ud = w;
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    assert_true(holds(w, &old));
    assert_string_equal(w->a.why, "");
    root_done(&r);
    root_done(&old);
}

/* What was in force goes on, and ends one day, if nobody hears of it. */
static void a_secret_that_cannot_be_read_is_said(void **state) {
    struct world *w = *state;
    struct root r = root_new(), young = issuer_of(&r, HOUR, 10 * HOUR), broken = {0};
    weft_buf_init(&broken.cert, 0);
    (void)weft_buf_append(&broken.cert, WEFT_SLICE_LIT("-----BEGIN CERTIFICATE-----\n"));
    put_root(w, &r);
    put_issuer(w, &young);
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    assert_string_equal(w->a.why, "");
    cluster_put(w->k.cluster, PATH, secret_of(&young.key, &broken.cert, NULL));
    settle(&w->k);
    assert_true(controller_ca_ready(w->a.ca));
    assert_non_null(strstr(w->a.why, "Secret weft-system/weft-ca: "));
    assert_string_equal(w->b.why, "");
    controller_ca_secret_lead(w->b.secret, true); /* whoever leads next says it as well */
    assert_non_null(strstr(w->b.why, "Secret weft-system/weft-ca: "));
    put_issuer(w, &young);
    assert_string_equal(w->a.why, "");
    assert_string_equal(w->b.why, "");
    root_done(&r);
    root_done(&young);
    root_done(&broken);
}

struct rotation {
    struct world *w;
    struct root was, is;
    int reads;
};

/* The root is replaced in both Secrets while the leader reads the old one. */
static unsigned rotated_meanwhile(void *ud, const struct fake_request *r) {
    struct rotation *t = ud;
    if (strcmp(r->method, "GET") != 0 || !fake_is(r, ROOT)) return 0;
    if (t->reads++ == 0)
        cluster_put(t->w->k.cluster, PATH, secret_of(&t->is.key, &t->is.cert, &t->was.cert));
    else
        put_root(t->w, &t->is);
    return 0;
}

/* Neither is it worth an Event, nor a minute of waiting. */
static void a_root_replaced_meanwhile_is_looked_at_again(void **state) {
    struct world *w = *state;
    struct rotation t = {.w = w, .was = root_new(), .is = root_new()};
    struct root old = issuer_of(&t.was, 7 * HOUR, 10 * HOUR);
    put_root(w, &t.was);
    put_issuer(w, &old);
    w->k.cluster->script = rotated_meanwhile;
    w->k.cluster->ud = &t;
    controller_ca_secret_lead(w->a.secret, true);
    settle(&w->k);
    pass(&w->k, 1000);
    assert_int_equal(t.reads, 2);
    assert_false(holds(w, &old) || holds(w, &t.is)); /* an issuer of the new root */
    assert_int_equal(w->a.complaints, 0);
    root_done(&t.was);
    root_done(&t.is);
    root_done(&old);
}

/* Two that both think that they lead write once. */
static void what_somebody_else_wrote_meanwhile_stays(void **state) {
    struct world *w = *state;
    struct root r = root_new(), old = issuer_of(&r, 7 * HOUR, 10 * HOUR);
    put_root(w, &r);
    put_issuer(w, &old);
    controller_ca_secret_lead(w->a.secret, true);
    controller_ca_secret_lead(w->b.secret, true);
    settle(&w->k);
    assert_int_equal(w->k.cluster->patches, 1 + w->k.cluster->conflicts);
    assert_int_equal(w->b.changes, 2);
    assert_int_equal(w->a.changes, 2);
    root_done(&r);
    root_done(&old);
}

static void when_something_is_due_and_when_late(void **state) {
    (void)state;
    struct controller_ca_life l = {.from = 0, .to = 900, .root_from = 0, .root_to = 100000};
    assert_false(controller_ca_life_due(&l, 599));
    assert_true(controller_ca_life_due(&l, 600));
    assert_false(controller_ca_life_late(&l, 675));
    assert_true(controller_ca_life_late(&l, 676));
    l.is_root = true;
    assert_true(controller_ca_life_due(&l, 1));
    assert_false(controller_ca_life_late(&l, 1));
    int64_t year = 365 * 86400, day = 86400; /* of ten years the last ninety days */
    l = (struct controller_ca_life){
        .from = 9 * year, .to = 10 * year, .root_from = 0, .root_to = 10 * year};
    assert_false(controller_ca_life_late(&l, 10 * year - 90 * day));
    assert_true(controller_ca_life_late(&l, 10 * year - 90 * day + 1));
    l.to = 20 * year; /* the root alone */
    assert_true(controller_ca_life_late(&l, 10 * year - 90 * day + 1));
}

int main(void) {
    (void)weft_log_set_level("error");
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(an_issuer_is_renewed_at_two_thirds_of_its_life),
        T(a_young_issuer_is_left_alone),
        T(an_issuer_that_ended_is_replaced_all_the_same),
        T(a_root_that_signs_itself_goes_on_until_it_has_a_secret_of_its_own),
        T(a_root_that_nobody_trusts_is_not_used),
        T(without_a_root_it_is_said_in_the_last_quarter),
        T(a_right_that_is_missing_is_said),
        T(an_answer_after_the_end_of_a_term_says_nothing),
        T(a_secret_that_cannot_be_read_is_said),
        T(a_root_replaced_meanwhile_is_looked_at_again),
        T(what_somebody_else_wrote_meanwhile_stays),
        cmocka_unit_test(when_something_is_due_and_when_late),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Tokens that the API server knows, and those that it does not. */
#include "support/kube_world.h"

#include <controller/review.h>
#include <weft/obs/log.h>

#define LIT(s) WEFT_SLICE_LIT(s)

struct asked {
    int calls;
    enum weft_status status;
    char ns[64], sa[64], pod[64], why[128];
};
struct world {
    struct kube_world k;
    struct controller_metrics metrics;
    struct controller_review *review;
    char token[128], audience[64]; /* as last asked for */
    const char *username, *granted;
    bool authenticated;
    int reviews;
    struct weft_addr from;
};

static void copy(char to[64], struct weft_slice s) {
    snprintf(to, 64, WEFT_SLICE_FMT, WEFT_SLICE_ARG(s));
}
static void on_answer(void *ud, const struct controller_review_answer *a) {
    struct asked *q = ud;
    q->calls++;
    q->status = a->status;
    copy(q->ns, a->ns);
    copy(q->sa, a->service_account);
    copy(q->pod, a->pod);
    snprintf(q->why, sizeof q->why, "%s", a->why ? a->why : "");
}

/* The API server's side. */
static void on_request(void *ud, struct fake_request *r) {
    struct world *w = ud;
    w->reviews++;
    if (w->k.cluster->silent) return;
    if (w->k.status) {
        cluster_refuse(r, w->k.status);
        return;
    }
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->target, "/apis/authentication.k8s.io/v1/tokenreviews");
    json_t *body = json_loadb(r->body.base, r->body.len, 0, NULL);
    const json_t *spec = json_object_get(body, "spec");
    snprintf(w->token, sizeof w->token, "%s", json_string_value(json_object_get(spec, "token")));
    snprintf(w->audience, sizeof w->audience, "%s",
             json_string_value(json_array_get(json_object_get(spec, "audiences"), 0)));
    json_decref(body);
    json_t *answer =
        json_pack("{s:s, s:{s:b, s:[s], s:{s:s, s:{s:[s]}}}}", "kind", "TokenReview", "status",
                  "authenticated", w->authenticated, "audiences", w->granted, "user", "username",
                  w->username, "extra", "authentication.kubernetes.io/pod-name", "web-1");
    cluster_say(r, 201, answer);
    json_decref(answer);
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    kube_world_init(&w->k);
    w->k.cluster->fake->on_request = on_request;
    w->k.cluster->fake->ud = w;
    controller_metrics_init(&w->metrics);
    w->review = controller_review_new(w->k.loop, w->k.kube, "weft", &w->metrics);
    w->authenticated = true;
    w->username = "system:serviceaccount:shop:web";
    w->granted = "weft";
    assert_true(weft_addr_parse_ip(LIT("10.244.0.7"), &w->from));
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    controller_review_free(w->review);
    controller_metrics_done(&w->metrics);
    kube_world_done(&w->k);
    free(w);
    return 0;
}

static struct asked ask(struct world *w, const char *token) {
    struct asked q = {0};
    controller_review_ask(w->review, &w->from, weft_slice_str(token), on_answer, &q);
    assert_int_equal(q.calls, 0); /* never from inside */
    settle(&w->k);
    assert_int_equal(q.calls, 1);
    return q;
}

static void a_token_for_us_names_its_account(void **state) {
    struct world *w = *state;
    struct asked q = ask(w, "eyJ.good");
    assert_int_equal(q.status, WEFT_OK);
    assert_string_equal(q.ns, "shop");
    assert_string_equal(q.sa, "web");
    assert_string_equal(q.pod, "web-1");
    assert_string_equal(w->token, "eyJ.good");
    assert_string_equal(w->audience, "weft");
}

static void an_expired_token_is_denied(void **state) {
    struct world *w = *state;
    w->authenticated = false;
    struct asked q = ask(w, "eyJ.old");
    assert_int_equal(q.status, WEFT_DENIED);
    assert_string_equal(q.why, "the token is not valid");
}

static void a_token_for_another_audience_is_denied(void **state) {
    struct world *w = *state;
    w->granted = "https://kubernetes.default.svc";
    struct asked q = ask(w, "eyJ.api");
    assert_int_equal(q.status, WEFT_DENIED);
    assert_string_equal(q.why, "the token is for another audience");
}

static void only_service_accounts_get_in(void **state) {
    struct world *w = *state;
    static const char *const users[] = {
        "admin",
        "system:node:worker",
        "system:serviceaccount:",
        "system:serviceaccount:shop",
        "system:serviceaccount:shop:",
        "system:serviceaccount::web",
        "system:serviceaccount:shop:web:admin",
        "system:serviceaccount:Shop:web",
        "system:serviceaccount:shop:web/../x",
        "xsystem:serviceaccount:shop:web",
        "system:serviceaccount:sh.op:web",
    };
    for (size_t i = 0; i < WEFT_LEN(users); i++) {
        char token[32];
        snprintf(token, sizeof token, "eyJ.user-%zu", i);
        w->username = users[i];
        struct asked q = ask(w, token);
        if (q.status != WEFT_DENIED) fail_msg("%s was let in as %s/%s", users[i], q.ns, q.sa);
    }
    struct weft_slice ns, sa;
    assert_true(controller_review_user(LIT("system:serviceaccount:a-b:x.y-1"), &ns, &sa));
    assert_true(weft_slice_is(ns, "a-b") && weft_slice_is(sa, "x.y-1"));
}

static void an_api_server_that_is_down_denies_nobody(void **state) {
    struct world *w = *state;
    w->k.status = 500;
    assert_int_equal(ask(w, "eyJ.good").status, WEFT_AGAIN);
    w->k.status = 0;
    pass(&w->k, 200);
    assert_int_equal(ask(w, "eyJ.good").status, WEFT_OK);
    w->k.cluster->silent = true;
    struct asked q = {0};
    controller_review_ask(w->review, &w->from, LIT("eyJ.more"), on_answer, &q);
    pass(&w->k, 4000);
    assert_int_equal(q.calls, 0);
    pass(&w->k, 2000);
    assert_int_equal(q.calls, 1);
    assert_int_equal(q.status, WEFT_AGAIN);
}

static void an_answer_counts_for_a_moment(void **state) {
    struct world *w = *state;
    assert_int_equal(ask(w, "eyJ.good").status, WEFT_OK);
    assert_int_equal(ask(w, "eyJ.good").status, WEFT_OK);
    assert_int_equal(w->reviews, 1);
    assert_int_equal(ask(w, "eyJ.goof").status, WEFT_OK); /* another token */
    assert_int_equal(w->reviews, 2);
    w->authenticated = false; /* the pod is gone */
    pass(&w->k, 11000);
    assert_int_equal(ask(w, "eyJ.good").status, WEFT_DENIED);
    assert_int_equal(w->reviews, 3);
}

static void those_who_ask_together_share_one_review(void **state) {
    struct world *w = *state;
    struct asked q[5] = {0};
    struct controller_review_wait *waits[5];
    for (int i = 0; i < 5; i++)
        waits[i] = controller_review_ask(w->review, &w->from, LIT("eyJ.good"), on_answer, &q[i]);
    controller_review_cancel(waits[2]); /* its caller went away */
    settle(&w->k);
    for (int i = 0; i < 5; i++) assert_int_equal(q[i].calls, i != 2);
    assert_int_equal(w->reviews, 1);
}

/* n tokens that nobody has, of so many addresses; how many were turned away. */
static int flood(struct world *w, int n, int addresses) {
    struct asked *q = weft_alloc0((size_t)n * sizeof *q);
    struct weft_addr from = w->from;
    int turned_away = 0;
    for (int i = 0; i < n; i++) {
        char token[32], ip[32];
        snprintf(token, sizeof token, "eyJ.flood-%d", i);
        snprintf(ip, sizeof ip, "10.9.%d.%d", i % addresses / 250, i % addresses % 250);
        assert_true(weft_addr_parse_ip(weft_slice_str(ip), &from));
        controller_review_ask(w->review, &from, weft_slice_str(token), on_answer, &q[i]);
    }
    settle(&w->k);
    for (int i = 0; i < n; i++) {
        assert_int_equal(q[i].calls, 1);
        turned_away += q[i].status == WEFT_AGAIN;
    }
    free(q);
    return turned_away;
}

static void a_flood_of_tokens_does_not_reach_the_api_server(void **state) {
    struct world *w = *state;
    assert_int_equal(flood(w, 1000, 1000), 800);
    assert_int_equal(w->reviews, 200);
    assert_int_equal(ask(w, "eyJ.later").status, WEFT_AGAIN);
    pass(&w->k, 1000); /* fifty more */
    assert_int_equal(ask(w, "eyJ.later").status, WEFT_OK);
}

static void a_pod_that_shows_random_tokens_is_alone_in_that(void **state) {
    struct world *w = *state;
    assert_int_equal(flood(w, 1000, 1), 980);
    assert_int_equal(w->reviews, 20);
    struct asked q = ask(w, "eyJ.good"); /* another pod */
    assert_int_equal(q.status, WEFT_OK);
    assert_int_equal(w->reviews, 21);
}

/* One token on many streams, while the API server takes its time. */
static void nobody_fills_the_places_of_those_who_wait(void **state) {
    struct world *w = *state;
    struct asked q[100] = {0}, other = {0};
    int turned_away = 0;
    w->k.cluster->silent = true;
    for (int i = 0; i < 100; i++)
        controller_review_ask(w->review, &w->from, LIT("eyJ.same"), on_answer, &q[i]);
    settle(&w->k);
    for (int i = 0; i < 100; i++) turned_away += q[i].calls;
    assert_int_equal(turned_away, 68);
    controller_review_ask(w->review, &w->from, LIT("eyJ.other"), on_answer, &other);
    pass(&w->k, 6000);
    for (int i = 0; i < 100; i++) assert_int_equal(q[i].calls, 1);
    assert_int_equal(other.calls, 1);
}

int main(void) {
    (void)weft_log_set_level("error");
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_token_for_us_names_its_account),
        T(an_expired_token_is_denied),
        T(a_token_for_another_audience_is_denied),
        T(only_service_accounts_get_in),
        T(an_api_server_that_is_down_denies_nobody),
        T(an_answer_counts_for_a_moment),
        T(those_who_ask_together_share_one_review),
        T(a_flood_of_tokens_does_not_reach_the_api_server),
        T(a_pod_that_shows_random_tokens_is_alone_in_that),
        T(nobody_fills_the_places_of_those_who_wait),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

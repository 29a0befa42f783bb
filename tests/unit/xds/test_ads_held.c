/* SPDX-License-Identifier: Apache-2.0
 * What the subscriber says it holds, and which answers the publisher counts: wrong books here would
 * leave a proxy with old configuration for ever, without anybody noticing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <weft/xds/ads.h>

#define TRUST WEFT_SLICE_LIT("trust")

struct world {
    struct weft_ads_server *server;
    struct weft_ads_client *client;
    struct weft_ads_item item; /* of "trust"; no value: there is none */
    int applied, removed;
};

static const struct weft_ads_item *lookup(void *ud, struct weft_slice name) {
    struct world *w = ud;
    return weft_slice_eq(name, TRUST) && w->item.value.len ? &w->item : NULL;
}
static void interest(void *ud, struct weft_slice name) {
    (void)ud, (void)name;
}
static void on_nack(void *ud, const struct weft_ads_rejection *r) {
    (void)ud;
    fail_msg("rejected: " WEFT_SLICE_FMT, WEFT_SLICE_ARG(r->reason));
}
static void on_refused(void *ud, struct weft_slice name, const char *why) {
    (void)ud, (void)name;
    fail_msg("refused: %s", why);
}
static enum weft_status apply(void *ud, enum weft_xds_type type, const struct weft_ads_resource *r,
                              struct weft_error *err) {
    (void)type, (void)r, (void)err;
    ((struct world *)ud)->applied++;
    return WEFT_OK;
}
static void removed(void *ud, struct weft_slice name) {
    (void)name;
    ((struct world *)ud)->removed++;
}

static void new_server(struct world *w) {
    weft_ads_server_free(w->server);
    w->server = weft_ads_server_new(
        &(struct weft_ads_server_cb){w, lookup, interest, interest, on_nack, on_refused});
}
static void world_init(struct world *w) {
    *w = (struct world){0};
    w->client = weft_ads_client_new(WEFT_SLICE_LIT("node"),
                                    &(struct weft_ads_client_cb){w, apply, removed});
    new_server(w);
    weft_ads_client_subscribe(w->client, TRUST);
}
static void world_done(struct world *w) {
    weft_ads_server_free(w->server);
    weft_ads_client_free(w->client);
}
static void publish(struct world *w, const char *version, const char *value) {
    w->item =
        (struct weft_ads_item){.version = weft_slice_str(version), .value = weft_slice_str(value)};
    weft_ads_server_changed(w->server, TRUST);
}
static void to_server(struct world *w) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    struct weft_error err = {0};
    size_t n;
    while (weft_ads_client_next(w->client, 100, &b, &n)) {
        assert_int_equal(weft_ads_server_receive(w->server, weft_buf_slice(&b), &n, &err), WEFT_OK);
        weft_buf_clear(&b);
    }
    weft_buf_done(&b);
}
/* One response, if any is due; the client's answer stays with it. */
static bool to_client(struct world *w) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    struct weft_error err = {0};
    bool any = weft_ads_server_next(w->server, &b);
    if (any) assert_int_equal(weft_ads_client_receive(w->client, weft_buf_slice(&b), &err), 0);
    weft_buf_done(&b);
    return any;
}
static void settle(struct world *w) {
    do to_server(w);
    while (to_client(w));
}
static void reconnect(struct world *w) {
    new_server(w);
    weft_ads_client_restart(w->client);
}

/* Gone, then the very same again while nobody was connected: it must arrive. */
static void test_what_was_removed_is_not_held(void **state) {
    struct world w;
    world_init(&w);
    publish(&w, "v1", "one");
    settle(&w);
    assert_int_equal(w.applied, 1);
    publish(&w, "", "");
    settle(&w);
    assert_int_equal(w.removed, 1);
    reconnect(&w);
    publish(&w, "v1", "one");
    settle(&w);
    assert_int_equal(w.applied, 2);
    world_done(&w);
}

/* What the proxy dropped by itself, as with a broken state file, is sent in full. */
static void test_what_was_let_go_is_not_held(void **state) {
    struct world w;
    world_init(&w);
    publish(&w, "v1", "one");
    settle(&w);
    reconnect(&w);
    settle(&w);
    assert_int_equal(w.applied, 1);
    weft_ads_client_unhold(w.client, TRUST);
    reconnect(&w);
    settle(&w);
    assert_int_equal(w.applied, 2);
    world_done(&w);
}

/* An answer that comes again must not turn the books back: the window would stay shut. */
static void test_an_old_answer_counts_once(void **state) {
    static const char *const versions[] = {"v1", "v2"};
    struct world w;
    world_init(&w);
    for (int i = 0; i <= WEFT_ADS_MAX_IN_FLIGHT; i++) {
        publish(&w, versions[i % 2], "some");
        settle(&w);
    }
    int before = w.applied;
    struct weft_ads_request old = {.type_url = weft_slice_str(weft_xds_type_url(WEFT_XDS_TRUST)),
                                   .nonce = WEFT_SLICE_LIT("1")};
    struct weft_buf b;
    weft_buf_init(&b, 0);
    struct weft_error err = {0};
    size_t n;
    assert_int_equal(weft_ads_request_encode(&old, &b), WEFT_OK);
    assert_int_equal(weft_ads_server_receive(w.server, weft_buf_slice(&b), &n, &err), WEFT_OK);
    weft_buf_done(&b);
    publish(&w, "v3", "more");
    settle(&w);
    assert_int_equal(w.applied, before + 1);
    world_done(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_removed_is_not_held),
        cmocka_unit_test(test_what_was_let_go_is_not_held),
        cmocka_unit_test(test_an_old_answer_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

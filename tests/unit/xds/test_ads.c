/* SPDX-License-Identifier: Apache-2.0
 * Both ends of delta ADS against each other, with a table as the publisher and a log as the proxy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/xds/ads.h>

#define LIT(s) WEFT_SLICE_LIT(s)
enum { MAX_ITEMS = 64 };

struct item {
    const char *name;
    char version[17];
    char value[32];
    struct weft_slice implied[4];
    size_t n_implied;
    struct weft_ads_item view;
    bool exists;
};

struct world {
    struct weft_ads_server *server;
    struct weft_ads_client *client;
    struct item items[MAX_ITEMS];
    size_t n_items;
    int interest; /* acquire minus release */
    char refused[64];
    char nacked[256];
    enum weft_ads_reject kind;
    char bad[64];   /* a resource of this name is rejected by the proxy */
    char log[2048]; /* what the proxy saw: "+name=value", "-name" */
};

static struct item *item(struct world *w, const char *name) {
    for (size_t i = 0; i < w->n_items; i++)
        if (strcmp(w->items[i].name, name) == 0) return &w->items[i];
    assert_true(w->n_items < MAX_ITEMS);
    w->items[w->n_items].name = name;
    return &w->items[w->n_items++];
}

/* Publishes, and tells the server as the publisher does. */
static void publish(struct world *w, const char *name, const char *value) {
    struct item *i = item(w, name);
    snprintf(i->value, sizeof i->value, "%s", value ? value : "");
    i->exists = value != NULL;
    weft_slice_hash_hex(weft_slice_str(i->value), i->version);
    if (w->server) weft_ads_server_changed(w->server, weft_slice_str(name));
}

static void imply(struct world *w, const char *dest, const char *a, const char *b) {
    struct item *i = item(w, dest);
    i->n_implied = 0;
    if (a) i->implied[i->n_implied++] = weft_slice_str(a);
    if (b) i->implied[i->n_implied++] = weft_slice_str(b);
}

static const struct weft_ads_item *lookup(void *ud, struct weft_slice name) {
    struct world *w = ud;
    for (size_t k = 0; k < w->n_items; k++) {
        struct item *i = &w->items[k];
        if (!weft_slice_is(name, i->name) || !i->exists) continue;
        i->view = (struct weft_ads_item){weft_slice_str(i->version), weft_slice_str(i->value),
                                         i->implied, i->n_implied};
        return &i->view;
    }
    return NULL;
}

static void acquire(void *ud, struct weft_slice name) {
    (void)name;
    ((struct world *)ud)->interest++;
}
static void release(void *ud, struct weft_slice name) {
    (void)name;
    ((struct world *)ud)->interest--;
}
static void on_nack(void *ud, const struct weft_ads_rejection *r) {
    struct world *w = ud;
    snprintf(w->nacked, sizeof w->nacked, "%.*s: %.*s", WEFT_SLICE_ARG(r->name),
             WEFT_SLICE_ARG(r->reason));
    w->kind = r->kind;
}
static void on_refused(void *ud, struct weft_slice name, const char *why) {
    struct world *w = ud;
    (void)why;
    snprintf(w->refused, sizeof w->refused, "%.*s", WEFT_SLICE_ARG(name));
}

static void note(struct world *w, const char *sign, struct weft_slice name,
                 struct weft_slice value) {
    size_t n = strlen(w->log);
    snprintf(w->log + n, sizeof w->log - n, "%s%.*s%s%.*s ", sign, WEFT_SLICE_ARG(name),
             value.len ? "=" : "", WEFT_SLICE_ARG(value));
}

static enum weft_status apply(void *ud, enum weft_xds_type type, const struct weft_ads_resource *r,
                              struct weft_error *err) {
    struct world *w = ud;
    (void)type;
    if (weft_slice_is(r->name, w->bad))
        return weft_error_set(err, WEFT_INVALID, "rules[0]", "not to our taste");
    note(w, "+", r->name, r->value);
    return WEFT_OK;
}
static void removed(void *ud, struct weft_slice name) {
    note(ud, "-", name, WEFT_SLICE_EMPTY);
}

static void new_server(struct world *w) {
    weft_ads_server_free(w->server);
    w->server = weft_ads_server_new(
        &(struct weft_ads_server_cb){w, lookup, acquire, release, on_nack, on_refused});
}

static struct world *world_new(void) {
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->client = weft_ads_client_new(LIT("node"), &(struct weft_ads_client_cb){w, apply, removed});
    new_server(w);
    return w;
}

static void world_free(struct world *w) {
    weft_ads_server_free(w->server);
    weft_ads_client_free(w->client);
    assert_int_equal(w->interest, 0);
    free(w);
}

static void to_server(struct world *w) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    struct weft_error err = {0};
    size_t n;
    while (weft_ads_client_next(w->client, 1000, &b, &n)) {
        assert_int_equal(weft_ads_server_receive(w->server, weft_buf_slice(&b), &n, &err), WEFT_OK);
        weft_buf_clear(&b);
    }
    weft_buf_done(&b);
}

static bool to_client(struct world *w) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    struct weft_error err = {0};
    bool any = false;
    while (weft_ads_server_next(w->server, &b)) {
        any = true;
        assert_int_equal(weft_ads_client_receive(w->client, weft_buf_slice(&b), &err), WEFT_OK);
        weft_buf_clear(&b);
    }
    weft_buf_done(&b);
    return any;
}

/* Until both are silent; what the proxy saw is compared and forgotten. */
static void expect(struct world *w, const char *log) {
    do to_server(w);
    while (to_client(w));
    assert_string_equal(w->log, log);
    w->log[0] = 0;
}

static void reconnect(struct world *w) {
    new_server(w);
    weft_ads_client_restart(w->client);
}

static void shop(struct world *w) {
    publish(w, "dest/10.0.0.1:80", "web1");
    imply(w, "dest/10.0.0.1:80", "endpoints/d/web:80", "endpoints/d/v2:80");
    publish(w, "dest/10.0.0.2:80", "cart1");
    imply(w, "dest/10.0.0.2:80", "endpoints/d/web:80", NULL);
    publish(w, "endpoints/d/web:80", "e1");
    publish(w, "endpoints/d/v2:80", "f1");
    publish(w, "trust", "t1");
}

static void test_endpoints_come_first(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.1:80"));
    weft_ads_client_subscribe(w->client, LIT("trust"));
    expect(w, "+endpoints/d/web:80=e1 +endpoints/d/v2:80=f1 +trust=t1 +dest/10.0.0.1:80=web1 ");
    assert_int_equal(w->interest, 4);
    expect(w, "");
    world_free(w);
}

static void test_only_what_changed_goes_out(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.1:80"));
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.2:80"));
    expect(w, "+endpoints/d/web:80=e1 +endpoints/d/v2:80=f1 +dest/10.0.0.1:80=web1 "
              "+dest/10.0.0.2:80=cart1 ");
    uint64_t before = weft_ads_server_stats(w->server).resources;
    publish(w, "dest/10.0.0.1:80", "web2");
    publish(w, "trust", "t2"); /* nobody asked */
    expect(w, "+dest/10.0.0.1:80=web2 ");
    publish(w, "endpoints/d/web:80", "e2");
    expect(w, "+endpoints/d/web:80=e2 ");
    publish(w, "endpoints/d/web:80", "e2"); /* told again, but the same */
    expect(w, "");
    assert_int_equal(weft_ads_server_stats(w->server).resources - before, 2);
    world_free(w);
}

static void test_new_backend_comes_before_its_destination_and_old_one_goes_last(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    publish(w, "endpoints/d/v3:80", "g1");
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.1:80"));
    expect(w, "+endpoints/d/web:80=e1 +endpoints/d/v2:80=f1 +dest/10.0.0.1:80=web1 ");
    imply(w, "dest/10.0.0.1:80", "endpoints/d/web:80", "endpoints/d/v3:80");
    publish(w, "dest/10.0.0.1:80", "web2");
    expect(w, "+endpoints/d/v3:80=g1 +dest/10.0.0.1:80=web2 -endpoints/d/v2:80 ");
    publish(w, "endpoints/d/v2:80", "f2"); /* of no interest any more */
    expect(w, "");
    world_free(w);
}

static void test_resume_sends_nothing_again(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.1:80"));
    weft_ads_client_subscribe(w->client, LIT("trust"));
    to_server(w);
    (void)to_client(w);
    expect(w, "+endpoints/d/web:80=e1 +endpoints/d/v2:80=f1 +trust=t1 +dest/10.0.0.1:80=web1 ");
    reconnect(w);
    expect(w, "");
    assert_int_equal(weft_ads_server_stats(w->server).responses, 0);
    publish(w, "endpoints/d/v2:80", "f2"); /* the new server knows what is held */
    expect(w, "+endpoints/d/v2:80=f2 ");
    publish(w, "trust", "t2");
    reconnect(w);
    expect(w, "+trust=t2 ");
    world_free(w);
}

static void test_resume_drops_what_is_no_longer_implied(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.1:80"));
    expect(w, "+endpoints/d/web:80=e1 +endpoints/d/v2:80=f1 +dest/10.0.0.1:80=web1 ");
    new_server(w);
    imply(w, "dest/10.0.0.1:80", "endpoints/d/web:80", NULL);
    publish(w, "dest/10.0.0.1:80", "web2");
    weft_ads_client_restart(w->client);
    expect(w, "+dest/10.0.0.1:80=web2 -endpoints/d/v2:80 ");
    world_free(w);
}

static void test_a_rejected_resource_is_alone(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    snprintf(w->bad, sizeof w->bad, "dest/10.0.0.1:80");
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.1:80"));
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.2:80"));
    expect(w, "+endpoints/d/web:80=e1 +endpoints/d/v2:80=f1 +dest/10.0.0.2:80=cart1 ");
    assert_string_equal(w->nacked, "dest/10.0.0.1:80: rules[0]: not to our taste");
    assert_int_equal(w->kind, WEFT_ADS_REJECT_INVALID);
    expect(w, ""); /* not sent again as it is */
    w->bad[0] = 0;
    reconnect(w); /* not recorded as held: a new stream tries again */
    expect(w, "+dest/10.0.0.1:80=web1 ");
    world_free(w);
}

static void test_a_rejected_resource_is_sent_again_when_it_changes(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    snprintf(w->bad, sizeof w->bad, "trust");
    weft_ads_client_subscribe(w->client, LIT("trust"));
    expect(w, "");
    w->bad[0] = 0;
    publish(w, "trust", "t2");
    expect(w, "+trust=t2 ");
    world_free(w);
}

static void test_unsubscribed_is_released_with_what_it_implied(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.1:80"));
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.2:80"));
    expect(w, "+endpoints/d/web:80=e1 +endpoints/d/v2:80=f1 +dest/10.0.0.1:80=web1 "
              "+dest/10.0.0.2:80=cart1 ");
    weft_ads_client_unsubscribe(w->client, LIT("dest/10.0.0.1:80"));
    expect(w, "-endpoints/d/v2:80 ");
    assert_int_equal(w->interest, 2);
    publish(w, "dest/10.0.0.1:80", "web2");
    expect(w, "");
    weft_ads_client_unsubscribe(w->client, LIT("dest/10.0.0.2:80"));
    expect(w, "-endpoints/d/web:80 ");
    assert_int_equal(w->interest, 0);
    assert_int_equal(weft_ads_server_stats(w->server).names, 0);
    world_free(w);
}

static void test_wanted_again_is_sent_again(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.2:80"));
    expect(w, "+endpoints/d/web:80=e1 +dest/10.0.0.2:80=cart1 ");
    weft_ads_client_unsubscribe(w->client, LIT("dest/10.0.0.2:80"));
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.2:80"));
    expect(w, "+dest/10.0.0.2:80=cart1 ");
    world_free(w);
}

static void test_absent_is_said_and_later_presence_too(void **state) {
    (void)state;
    struct world *w = world_new();
    weft_ads_client_subscribe(w->client, LIT("inbound/d/web-1"));
    expect(w, "-inbound/d/web-1 ");
    publish(w, "inbound/d/web-1", "i1");
    expect(w, "+inbound/d/web-1=i1 ");
    publish(w, "inbound/d/web-1", NULL);
    expect(w, "-inbound/d/web-1 ");
    world_free(w);
}

static void send(struct world *w, const struct weft_ads_request *r, enum weft_status want) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    size_t n;
    struct weft_error err = {0};
    assert_int_equal(weft_ads_request_encode(r, &b), WEFT_OK);
    assert_int_equal(weft_ads_server_receive(w->server, weft_buf_slice(&b), &n, &err), want);
    weft_buf_done(&b);
}

static void test_names_of_another_type_are_refused(void **state) {
    (void)state;
    struct world *w = world_new();
    struct weft_slice names[] = {LIT("secret/x"), LIT("trust")};
    struct weft_ads_request r = {.type_url =
                                     weft_slice_str(weft_xds_type_url(WEFT_XDS_DESTINATION)),
                                 .subscribe = names,
                                 .n_subscribe = 1};
    send(w, &r, WEFT_OK);
    assert_string_equal(w->refused, "secret/x");
    r.subscribe = names + 1;
    send(w, &r, WEFT_OK);
    assert_string_equal(w->refused, "trust");
    r.type_url = LIT("type.googleapis.com/envoy.config.cluster.v3.Cluster");
    send(w, &r, WEFT_UNSUPPORTED);
    assert_int_equal(weft_ads_server_stats(w->server).names, 0);
    world_free(w);
}

static void test_subscriptions_are_bounded(void **state) {
    (void)state;
    struct world *w = world_new();
    for (int i = 0; i < WEFT_ADS_MAX_NAMES + 5; i++) {
        char name[64];
        int n = snprintf(name, sizeof name, "dest/10.%d.%d.%d:80", i >> 16, i >> 8 & 255, i & 255);
        weft_ads_client_subscribe(w->client, weft_slice(name, (size_t)n));
    }
    struct weft_buf b;
    weft_buf_init(&b, 0);
    size_t n = 0;
    struct weft_error err = {0};
    assert_true(weft_ads_client_next(w->client, SIZE_MAX, &b, &n));
    assert_int_equal(n, WEFT_ADS_MAX_NAMES + 5);
    assert_int_equal(weft_ads_server_receive(w->server, weft_buf_slice(&b), &n, &err), WEFT_OK);
    assert_int_equal(weft_ads_server_stats(w->server).names, WEFT_ADS_MAX_NAMES);
    assert_true(w->refused[0] != 0);
    weft_buf_done(&b);
    world_free(w);
}

static void test_new_names_keep_within_the_allowance(void **state) {
    (void)state;
    struct world *w = world_new();
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.1:80"));
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.2:80"));
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.3:80"));
    struct weft_buf b;
    weft_buf_init(&b, 0);
    size_t n = 0;
    assert_true(weft_ads_client_next(w->client, 2, &b, &n));
    assert_int_equal(n, 2);
    assert_int_equal(weft_ads_client_waiting(w->client), 1);
    assert_false(weft_ads_client_next(w->client, 0, &b, &n));
    weft_ads_client_restart(w->client); /* what was told before costs nothing */
    weft_buf_clear(&b);
    assert_true(weft_ads_client_next(w->client, 0, &b, &n));
    assert_int_equal(n, 0);
    weft_buf_done(&b);
    world_free(w);
}

/* A subscriber that does not answer gets at most so many responses, and later only the latest. */
static void test_a_silent_subscriber_gets_the_latest_only(void **state) {
    (void)state;
    struct world *w = world_new();
    publish(w, "trust", "t0");
    weft_ads_client_subscribe(w->client, LIT("trust"));
    to_server(w);
    struct weft_buf b;
    weft_buf_init(&b, 0);
    struct weft_error err = {0};
    int sent = 0;
    for (int i = 0; i < 100; i++) {
        char value[16];
        snprintf(value, sizeof value, "t%d", i);
        publish(w, "trust", value);
        weft_buf_clear(&b);
        if (!weft_ads_server_next(w->server, &b)) continue;
        assert_int_equal(weft_ads_client_receive(w->client, weft_buf_slice(&b), &err), WEFT_OK);
        sent++;
    }
    assert_int_equal(sent, WEFT_ADS_MAX_IN_FLIGHT);
    w->log[0] = 0;
    expect(w, "+trust=t99 ");
    weft_buf_done(&b);
    world_free(w);
}

static void test_forged_answers_do_not_count(void **state) {
    (void)state;
    struct world *w = world_new();
    publish(w, "trust", "t0");
    struct weft_ads_request r = {.type_url = weft_slice_str(weft_xds_type_url(WEFT_XDS_TRUST)),
                                 .nonce = LIT("18446744073709551615")};
    send(w, &r, WEFT_OK);
    r.nonce = LIT("-1");
    send(w, &r, WEFT_OK);
    weft_ads_client_subscribe(w->client, LIT("trust"));
    expect(w, "+trust=t0 ");
    world_free(w);
}

static uint64_t mix(struct world *w, const char *name) {
    return weft_ads_mix(weft_slice_str(name), weft_slice_str(item(w, name)->version));
}
static uint64_t held(const struct world *w) {
    return weft_ads_server_stats(w->server).held;
}

static void test_what_was_acknowledged_has_a_version(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.2:80"));
    to_server(w);
    assert_true(to_client(w));
    assert_int_equal(weft_ads_server_stats(w->server).unanswered, 2);
    assert_int_equal(held(w), 0);
    expect(w, "+endpoints/d/web:80=e1 +dest/10.0.0.2:80=cart1 ");
    uint64_t sum = mix(w, "dest/10.0.0.2:80") + mix(w, "endpoints/d/web:80");
    assert_int_equal(weft_ads_server_stats(w->server).unanswered, 0);
    assert_int_equal(held(w), sum);
    reconnect(w); /* another replica is told what is held */
    expect(w, "");
    assert_int_equal(held(w), sum);
    publish(w, "endpoints/d/web:80", "e2");
    expect(w, "+endpoints/d/web:80=e2 ");
    assert_int_not_equal(held(w), sum);
    assert_int_equal(held(w), mix(w, "dest/10.0.0.2:80") + mix(w, "endpoints/d/web:80"));
    weft_ads_client_unsubscribe(w->client, LIT("dest/10.0.0.2:80"));
    expect(w, "-endpoints/d/web:80 ");
    assert_int_equal(held(w), 0);
    world_free(w);
}

static void test_what_was_rejected_does_not_count(void **state) {
    (void)state;
    struct world *w = world_new();
    shop(w);
    weft_ads_client_subscribe(w->client, LIT("trust"));
    weft_ads_client_subscribe(w->client, LIT("dest/10.0.0.2:80"));
    expect(w, "+endpoints/d/web:80=e1 +trust=t1 +dest/10.0.0.2:80=cart1 ");
    uint64_t sum = held(w);
    assert_int_equal(sum,
                     mix(w, "trust") + mix(w, "dest/10.0.0.2:80") + mix(w, "endpoints/d/web:80"));
    snprintf(w->bad, sizeof w->bad, "trust");
    publish(w, "trust", "t2");
    expect(w, "");
    assert_int_equal(held(w), sum); /* the one before is still in use */
    publish(w, "trust", NULL);
    expect(w, "-trust ");
    assert_int_equal(held(w), mix(w, "dest/10.0.0.2:80") + mix(w, "endpoints/d/web:80"));
    world_free(w);
}

/* What a newer proxy may say, or one that says nothing. */
static void test_reasons_are_of_a_small_set(void **state) {
    (void)state;
    struct world *w = world_new();
    publish(w, "trust", "t1");
    weft_ads_client_subscribe(w->client, LIT("trust"));
    to_server(w);
    struct weft_buf b;
    weft_buf_init(&b, 0);
    assert_true(weft_ads_server_next(w->server, &b));
    weft_buf_done(&b);
    struct weft_ads_rejection bad = {.name = LIT("trust"), .kind = (enum weft_ads_reject)77};
    struct weft_ads_request r = {.type_url = weft_slice_str(weft_xds_type_url(WEFT_XDS_TRUST)),
                                 .nonce = LIT("1"),
                                 .nack = true,
                                 .rejected = &bad,
                                 .n_rejected = 1};
    w->kind = WEFT_ADS_REJECT_TRUST;
    send(w, &r, WEFT_OK);
    assert_int_equal(w->kind, WEFT_ADS_REJECT_OTHER);
    assert_int_equal(held(w), 0);
    assert_string_equal(weft_ads_reject_word((enum weft_ads_reject)99), "other");
    assert_string_equal(weft_ads_reject_word(weft_ads_reject_of(WEFT_PATTERN)), "regex");
    assert_string_equal(weft_ads_reject_word(weft_ads_reject_of(WEFT_UNSUPPORTED)), "unknown");
    assert_string_equal(weft_ads_reject_word(weft_ads_reject_of(WEFT_LIMIT)), "limit");
    assert_string_equal(weft_ads_reject_word(weft_ads_reject_of(WEFT_IO)), "other");
    world_free(w);
}

static void test_broken_messages_are_refused(void **state) {
    (void)state;
    struct world *w = world_new();
    size_t n;
    struct weft_error err = {0};
    assert_int_equal(weft_ads_server_receive(w->server, LIT("\xff\xff\xff"), &n, &err),
                     WEFT_INVALID);
    assert_int_equal(weft_ads_client_receive(w->client, LIT("\xff\xff\xff"), &err), WEFT_INVALID);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints_come_first),
        cmocka_unit_test(test_only_what_changed_goes_out),
        cmocka_unit_test(test_new_backend_comes_before_its_destination_and_old_one_goes_last),
        cmocka_unit_test(test_resume_sends_nothing_again),
        cmocka_unit_test(test_resume_drops_what_is_no_longer_implied),
        cmocka_unit_test(test_a_rejected_resource_is_alone),
        cmocka_unit_test(test_a_rejected_resource_is_sent_again_when_it_changes),
        cmocka_unit_test(test_unsubscribed_is_released_with_what_it_implied),
        cmocka_unit_test(test_wanted_again_is_sent_again),
        cmocka_unit_test(test_absent_is_said_and_later_presence_too),
        cmocka_unit_test(test_names_of_another_type_are_refused),
        cmocka_unit_test(test_subscriptions_are_bounded),
        cmocka_unit_test(test_new_names_keep_within_the_allowance),
        cmocka_unit_test(test_a_silent_subscriber_gets_the_latest_only),
        cmocka_unit_test(test_forged_answers_do_not_count),
        cmocka_unit_test(test_what_was_acknowledged_has_a_version),
        cmocka_unit_test(test_what_was_rejected_does_not_count),
        cmocka_unit_test(test_reasons_are_of_a_small_set),
        cmocka_unit_test(test_broken_messages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

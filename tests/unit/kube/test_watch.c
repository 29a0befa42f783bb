/* SPDX-License-Identifier: Apache-2.0
 * Lists and watches against a scripted API server; waiting is the fake clock's. */
#include "support/fake_kube.h"

#include <stdlib.h>
#include <unistd.h>
#include <weft/base/file.h>
#include <weft/kube/client.h>

struct world {
    struct weft_loop *loop;
    struct fake_kube *fake;
    struct weft_kube *kube;
    struct weft_kube_watch *watch;
    char log[64 * 1024]; /* "+a -b synced gone !error " */
    const char *until;   /* the loop runs until the log holds it */
    size_t requests;     /* ... or until so many came */
    bool free_on_object;
};

static void say(struct world *w, const char *sign, const char *what) {
    size_t n = strlen(w->log);
    snprintf(w->log + n, sizeof w->log - n, "%s%s ", sign, what);
}

static void on_object(void *ud, enum weft_kube_event event, const json_t *object) {
    struct world *w = ud;
    const json_t *meta = json_object_get(object, "metadata");
    const char *kind = json_string_value(json_object_get(object, "kind"));
    const char *name = json_string_value(json_object_get(meta, "name"));
    assert_non_null(kind);
    assert_string_equal(kind, "Service");
    say(w, event == WEFT_KUBE_PUT ? "+" : "-", name);
    if (w->free_on_object) w->watch = weft_kube_watch_free(w->watch);
}
static void on_synced(void *ud, bool served) {
    say(ud, "", served ? "synced" : "gone");
}
static void on_failure(void *ud, const char *error) {
    say(ud, "!", error);
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    w->loop = weft_loop_new_fake();
    w->fake = fake_kube_new(w->loop, NULL, w);
    struct weft_kube_config c = {.server = w->fake->url};
    struct weft_error err = {0};
    assert_int_equal(weft_kube_new(w->loop, &c, &w->kube, &err), WEFT_OK);
    const struct weft_kube_watch_cb cb = {
        .ud = w, .on_object = on_object, .on_synced = on_synced, .on_failure = on_failure};
    w->watch = weft_kube_watch_new(w->kube, "/api/v1/services", NULL, &cb);
    assert_string_equal(w->log, ""); /* nothing from inside the call */
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    weft_kube_free(w->kube);
    fake_kube_free(w->fake);
    weft_loop_free(w->loop);
    free(w);
    return 0;
}

static bool log_holds(void *ud) {
    struct world *w = ud;
    return strstr(w->log, w->until) != NULL;
}
static void until(struct world *w, const char *text) {
    w->until = text;
    weft_loop_run_until(w->loop, log_holds, w);
}
static bool requests_came(void *ud) {
    struct world *w = ud;
    return w->fake->n >= w->requests && w->fake->requests[w->requests - 1]->ended;
}
/* The n-th request, from 1. */
static struct fake_request *request(struct world *w, size_t n) {
    w->requests = n;
    weft_loop_run_until(w->loop, requests_came, w);
    return w->fake->requests[n - 1];
}

#define LIST(items, version, cont)                                                                 \
    "{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version \
    "\",\"continue\":\"" cont "\"},\"items\":[" items "]}"
#define ITEM(name) "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"d\"}}"
#define EVENT(type, name, version)                                                                 \
    "{\"type\":\"" type "\",\"object\":{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{" \
    "\"name\":\"" name "\",\"namespace\":\"d\",\"resourceVersion\":\"" version "\"}}}\n"
#define BOOKMARK(version)                                                                          \
    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Service\",\"metadata\":{\"resourceVersion\":"   \
    "\"" version "\"}}}\n"
#define TOO_OLD                                                                                    \
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\","     \
    "\"message\":\"too old resource version\"}}\n"

/* The list is answered and the watch is open; returns the watch's request. */
static struct fake_request *open_watch(struct world *w) {
    fake_answer(request(w, 1), 200, LIST(ITEM("a") "," ITEM("b"), "10", ""));
    until(w, "synced");
    struct fake_request *r = request(w, 2);
    fake_start(r, 200);
    return r;
}

static void pages_then_a_watch_from_the_lists_version(void **state) {
    struct world *w = *state;
    struct fake_request *r = request(w, 1);
    assert_string_equal(r->target, "/api/v1/services?limit=500");
    fake_answer(r, 200, LIST(ITEM("a"), "10", "t+1="));
    r = request(w, 2);
    assert_string_equal(r->target, "/api/v1/services?limit=500&continue=t%2B1%3D");
    assert_string_equal(w->log, "+a "); /* not synced before the last page */
    fake_answer(r, 200, LIST(ITEM("b"), "10", ""));
    until(w, "synced");
    assert_string_equal(w->log, "+a +b synced ");
    r = request(w, 3);
    assert_true(fake_watches(r));
    assert_non_null(strstr(r->target, "allowWatchBookmarks=true"));
    assert_non_null(strstr(r->target, "resourceVersion=10&"));
    const char *seconds = strstr(r->target, "timeoutSeconds=");
    assert_non_null(seconds);
    unsigned long s = strtoul(seconds + strlen("timeoutSeconds="), NULL, 10);
    assert_in_range(s, 300, 600);
}

static void events_come_also_in_halves(void **state) {
    struct world *w = *state;
    struct fake_request *r = open_watch(w);
    fake_write(r, EVENT("ADDED", "c", "11") "{\"type\":\"MODIF");
    until(w, "+c");
    uint64_t seen = weft_kube_watch_seen_us(w->watch);
    assert_string_equal(w->log, "+a +b synced +c ");
    weft_loop_advance(w->loop, 1000);
    fake_write(r,
               "IED\",\"object\":{\"kind\":\"Service\",\"metadata\":{\"name\":\"a\",\"namespace\":"
               "\"d\",\"resourceVersion\":\"12\"}}}\r\n\n" EVENT("DELETED", "b", "13"));
    until(w, "-b");
    assert_string_equal(w->log, "+a +b synced +c +a -b ");
    assert_true(weft_kube_watch_seen_us(w->watch) > seen);
}

static void a_watch_that_ends_goes_on_where_it_was(void **state) {
    struct world *w = *state;
    struct fake_request *r = open_watch(w);
    fake_write(r, EVENT("ADDED", "c", "11"));
    until(w, "+c");
    fake_end(r);
    r = request(w, 3); /* at once: it had told something */
    assert_true(fake_watches(r));
    assert_non_null(strstr(r->target, "resourceVersion=11&"));
    fake_start(r, 200);
    fake_write(r, BOOKMARK("99") EVENT("ADDED", "e", "100") BOOKMARK("200"));
    until(w, "+e");
    fake_end(r);
    r = request(w, 4);
    assert_non_null(strstr(r->target, "resourceVersion=200&"));
    assert_string_equal(w->log, "+a +b synced +c +e ");
}

static void too_old_lists_again_and_tells_what_is_gone(void **state) {
    struct world *w = *state;
    struct fake_request *r = open_watch(w);
    fake_write(r, EVENT("ADDED", "c", "11") TOO_OLD);
    r = request(w, 3);
    assert_string_equal(r->target, "/api/v1/services?limit=500");
    fake_answer(r, 200, LIST(ITEM("a") "," ITEM("e"), "50", ""));
    until(w, "+e -b -c synced");
    r = request(w, 4);
    assert_non_null(strstr(r->target, "resourceVersion=50&"));
    fake_answer(r, 410, "{\"kind\":\"Status\",\"code\":410}"); /* this time as a status */
    for (int i = 0; i < 200; i++) (void)weft_loop_turn(w->loop);
    assert_int_equal(w->fake->n, 4); /* what it has just listed: not at once again */
    weft_loop_advance(w->loop, 200000);
    r = request(w, 5);
    assert_false(fake_watches(r));
    fake_answer(r, 200, LIST("", "60", ""));
    until(w, "-a");
    assert_null(strchr(w->log, '!')); /* nothing of this is a failure */
}

static void too_old_in_the_middle_of_a_list_begins_it_again(void **state) {
    struct world *w = *state;
    fake_answer(request(w, 1), 200, LIST(ITEM("a") "," ITEM("b"), "10", "next"));
    fake_answer(request(w, 2), 410, "{\"kind\":\"Status\",\"code\":410}");
    struct fake_request *r = request(w, 3);
    assert_string_equal(r->target, "/api/v1/services?limit=500");
    fake_answer(r, 200, LIST(ITEM("b"), "20", ""));
    until(w, "synced");
    assert_string_equal(w->log, "+a +b +b -a synced ");
}

static void a_page_that_fails_is_asked_for_again(void **state) {
    struct world *w = *state;
    fake_answer(request(w, 1), 200, LIST(ITEM("a"), "10", "next"));
    fake_answer(request(w, 2), 500, "oops");
    until(w, "HTTP status 500");
    weft_loop_advance(w->loop, 100000);
    struct fake_request *r = request(w, 3);
    assert_string_equal(r->target, "/api/v1/services?limit=500&continue=next");
    fake_answer(r, 200, LIST(ITEM("b"), "10", ""));
    until(w, "synced");
}

static void garbage_is_told_and_listed_over(void **state) {
    struct world *w = *state;
    struct fake_request *r = open_watch(w);
    fake_write(r, "{\"type\":\"ADDED\",\"object\":{}}\n");
    until(w, "no event");
    weft_loop_advance(w->loop, 100000);
    r = request(w, 3);
    assert_string_equal(r->target, "/api/v1/services?limit=500");
    fake_answer(r, 200, "[1,2");
    until(w, "no JSON");
    weft_loop_advance(w->loop, 200000);
    fake_answer(request(w, 4), 200, "{\"kind\":\"Status\"}");
    until(w, "is no list");
    weft_loop_advance(w->loop, 400000);
    fake_answer(request(w, 5), 200, LIST(ITEM("b"), "20", ""));
    until(w, "+b -a synced");
    r = request(w, 6);
    fake_start(r, 200);
    fake_write(r, "not json at all\n");
    until(w, "expected near 'not'");
}

/* REQ-003 */
static void a_kind_that_is_not_served_is_looked_for_again(void **state) {
    struct world *w = *state;
    fake_answer(request(w, 1), 404, "404 page not found\n");
    until(w, "gone");
    weft_loop_advance(w->loop, 1000000);
    for (int i = 0; i < 20; i++) (void)weft_loop_turn(w->loop);
    assert_int_equal(w->fake->n, 1); /* not at once */
    weft_loop_advance(w->loop, 2000000);
    fake_answer(request(w, 2), 404, "404 page not found\n");
    for (int i = 0; i < 50; i++) (void)weft_loop_turn(w->loop);
    weft_loop_advance(w->loop, 3000000);
    fake_answer(request(w, 3), 200, LIST(ITEM("a"), "10", ""));
    until(w, "synced");
    assert_string_equal(w->log, "gone +a synced "); /* said once */
    fake_answer(request(w, 4), 404, "{\"kind\":\"Status\",\"code\":404}");
    until(w, "-a gone");
    weft_loop_advance(w->loop, 3000000);
    assert_string_equal(request(w, 5)->target, "/api/v1/services?limit=500");
}

/* How long it takes until the n-th request comes, in steps of 10 ms. */
static uint64_t wait_for(struct world *w, size_t n) {
    uint64_t us = 0;
    for (; w->fake->n < n && us < 100000000; us += 10000) {
        weft_loop_advance(w->loop, 10000);
        for (int i = 0; i < 10; i++) (void)weft_loop_turn(w->loop);
    }
    return us;
}

static void failures_wait_ever_longer(void **state) {
    struct world *w = *state;
    uint64_t base = 100000;
    for (size_t i = 1; i < 14; i++) {
        w->log[0] = 0;
        fake_answer(request(w, i), 503, "{\"kind\":\"Status\",\"message\":\"starting up\"}");
        until(w, "starting up");
        uint64_t took = wait_for(w, i + 1);
        assert_in_range(took, base / 2, base + 20000);
        base = base * 2 < 30000000 ? base * 2 : 30000000;
    }
    fake_answer(request(w, 14), 200, LIST("", "10", ""));
    until(w, "synced");
    fake_answer(request(w, 15), 503, "{}");
    until(w, "503");
    assert_in_range(wait_for(w, 16), 50000, 120000); /* from the beginning */
}

static void a_server_that_is_away_is_found_again(void **state) {
    struct world *w = *state;
    struct fake_request *r = open_watch(w);
    fake_write(r, EVENT("ADDED", "c", "11"));
    until(w, "+c");
    uint16_t port = weft_listener_addr(w->fake->listener)->port;
    size_t before = w->fake->n;
    fake_kube_stop(w->fake);
    for (int i = 0; i < 200 && !strchr(w->log, '!'); i++) {
        for (int j = 0; j < 10; j++) (void)weft_loop_turn(w->loop);
        weft_loop_advance(w->loop, 100000);
    }
    assert_non_null(strstr(w->log, "connect"));
    assert_non_null(strstr(w->log, w->fake->url));
    fake_kube_listen(w->fake, port);
    weft_loop_advance(w->loop, 30000000);
    r = request(w, before + 1);
    assert_true(fake_watches(r));
    assert_non_null(strstr(r->target, "resourceVersion=11&")); /* nothing is listed anew */
}

static void watches_that_end_at_once_are_not_asked_again_at_once(void **state) {
    struct world *w = *state;
    fake_end(open_watch(w));
    uint64_t first = wait_for(w, 3);
    assert_in_range(first, 40000, 120000);
    fake_answer(w->fake->requests[2], 200, "");
    assert_in_range(wait_for(w, 4), 90000, 230000);
    assert_null(strchr(w->log, '!'));
}

static void a_silent_watch_ends_by_our_own_clock(void **state) {
    struct world *w = *state;
    (void)open_watch(w);
    for (int i = 0; i < 10; i++) (void)weft_loop_turn(w->loop);
    weft_loop_advance(w->loop, 631000000);
    assert_non_null(strstr(request(w, 3)->target, "resourceVersion=10&"));
}

static void a_watch_may_be_freed_in_its_callback(void **state) {
    struct world *w = *state;
    w->free_on_object = true;
    fake_answer(request(w, 1), 200, LIST(ITEM("a") "," ITEM("b"), "10", ""));
    until(w, "+a");
    for (int i = 0; i < 20; i++) (void)weft_loop_turn(w->loop);
    assert_string_equal(w->log, "+a ");
    assert_null(w->watch);
}

static void a_watch_may_be_freed_in_an_event(void **state) {
    struct world *w = *state;
    struct fake_request *r = open_watch(w);
    w->free_on_object = true;
    fake_write(r, EVENT("ADDED", "c", "11") EVENT("ADDED", "e", "12"));
    until(w, "+c");
    for (int i = 0; i < 20; i++) (void)weft_loop_turn(w->loop);
    assert_string_equal(w->log, "+a +b synced +c ");
}

static void write_token(const char *path, const char *text) {
    assert_int_equal(weft_file_replace(path, 0600, false, weft_slice_str(text)), WEFT_OK);
}

static void a_refused_token_is_read_again(void **state) {
    struct world *w = *state;
    WEFT_FREE char *path = weft_asprintf("/tmp/weft-kube-watch-%d", (int)getpid());
    write_token(path, "old");
    struct weft_kube_config c = {.server = w->fake->url, .token_file = path};
    struct weft_error err = {0};
    const struct weft_kube_watch_cb cb = {
        .ud = w, .on_object = on_object, .on_synced = on_synced, .on_failure = on_failure};
    w->kube = weft_kube_free(w->kube); /* and the watch of the others with it */
    assert_int_equal(weft_kube_new(w->loop, &c, &w->kube, &err), WEFT_OK);
    w->watch = weft_kube_watch_new(w->kube, "/api/v1/services", "labelSelector=a%3Db", &cb);
    struct fake_request *r = request(w, 1);
    assert_string_equal(r->target, "/api/v1/services?labelSelector=a%3Db&limit=500");
    assert_string_equal(r->authorization, "Bearer old");
    fake_answer(r, 401, "{\"kind\":\"Status\",\"code\":401,\"message\":\"Unauthorized\"}");
    until(w, "credentials are not accepted");
    write_token(path, "new");
    weft_loop_advance(w->loop, 100000);
    r = request(w, 2);
    unlink(path);
    assert_string_equal(r->authorization, "Bearer new");
    fake_answer(r, 200, LIST(ITEM("a"), "10", ""));
    until(w, "+a synced");
}

static void strange_items_do_not_cost_the_list(void **state) {
    struct world *w = *state;
    fake_answer(request(w, 1), 200,
                LIST(ITEM("a") ",{\"metadata\":{\"namespace\":\"x\\u0000y\",\"name\":\"z\"}},7,{}",
                     "10", ""));
    until(w, "synced");
    assert_string_equal(w->log, "+a +z synced ");
}

int main(void) {
    alarm(20);
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(pages_then_a_watch_from_the_lists_version),
        T(events_come_also_in_halves),
        T(a_watch_that_ends_goes_on_where_it_was),
        T(too_old_lists_again_and_tells_what_is_gone),
        T(too_old_in_the_middle_of_a_list_begins_it_again),
        T(a_page_that_fails_is_asked_for_again),
        T(garbage_is_told_and_listed_over),
        T(a_kind_that_is_not_served_is_looked_for_again),
        T(failures_wait_ever_longer),
        T(a_server_that_is_away_is_found_again),
        T(watches_that_end_at_once_are_not_asked_again_at_once),
        T(a_silent_watch_ends_by_our_own_clock),
        T(a_watch_may_be_freed_in_its_callback),
        T(a_watch_may_be_freed_in_an_event),
        T(a_refused_token_is_read_again),
        T(strange_items_do_not_cost_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

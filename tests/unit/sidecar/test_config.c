/* SPDX-License-Identifier: Apache-2.0
 * The configuration store: a Destination is in force only with all its Endpoints, changes reach
 * the workers once, wants are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sidecar/config.h>
#include <weft/base/alloc.h>
#include <weft/xds/codec.h>

struct seen {
    int bound, forgotten, inbound, subscribed, unsubscribed;
    struct weft_bound *last;
    char name[64];
};

static void on_bound(void *ud, const struct weft_addr *addr, struct weft_bound *b) {
    struct seen *s = ud;
    if (b)
        s->bound++;
    else
        s->forgotten++;
    s->last = b;
}
static void on_inbound(void *ud, const struct weft_inbound *i) {
    ((struct seen *)ud)->inbound++;
}
static void on_trust(void *ud, const struct weft_trust *t) {}
static void subscribe(void *ud, struct weft_slice name) {
    struct seen *s = ud;
    s->subscribed++;
    snprintf(s->name, sizeof s->name, WEFT_SLICE_FMT, WEFT_SLICE_ARG(name));
}
static void unsubscribe(void *ud, struct weft_slice name) {
    ((struct seen *)ud)->unsubscribed++;
}

static struct proxy_config *make(struct seen *s) {
    struct proxy_config_cb cb = {s, on_bound, on_inbound, on_trust};
    *s = (struct seen){0};
    return proxy_config_new(&cb);
}

static struct weft_addr addr(const char *text) {
    struct weft_addr a;
    assert_true(weft_addr_parse(weft_slice_str(text), &a));
    return a;
}

static struct weft_destination *dest(const char *at, const char *endpoints, const char *version) {
    struct weft_destination *d = weft_destination_new();
    struct weft_error err;
    d->name = weft_arena_printf(&d->arena, "dest/%s", at);
    d->version = weft_arena_dup_str(&d->arena, version);
    d->addr = addr(at);
    d->kind = WEFT_DEST_SERVICE;
    d->ns = WEFT_SLICE_LIT("default");
    d->service = WEFT_SLICE_LIT("web");
    d->port = 80;
    d->endpoints = weft_arena_array(&d->arena, struct weft_slice, 1);
    d->endpoints[0] = weft_arena_dup_str(&d->arena, endpoints);
    d->n_endpoints = 1;
    d->default_backend = (struct weft_backend){
        .ns = d->ns, .service = d->service, .port = 80, .weight = 1, .endpoints = 0};
    assert_int_equal(weft_destination_seal(d, &err), WEFT_OK);
    return d;
}

static struct weft_endpoints *eps(const char *name, const char *version) {
    struct weft_endpoints *e = weft_endpoints_new();
    struct weft_error err;
    e->name = weft_arena_dup_str(&e->arena, name);
    e->version = weft_arena_dup_str(&e->arena, version);
    assert_int_equal(weft_endpoints_seal(e, &err), WEFT_OK);
    return e;
}

static void joined_before_in_force(void **state) {
    struct seen s;
    struct proxy_config *c = make(&s);
    proxy_config_put_destination(c, dest("10.0.0.1:80", "endpoints/a", "1"));
    assert_int_equal(s.bound, 0);
    proxy_config_put_endpoints(c, eps("endpoints/b", "1"));
    assert_int_equal(s.bound, 0);
    proxy_config_put_endpoints(c, eps("endpoints/a", "1"));
    assert_int_equal(s.bound, 1);
    proxy_config_put_endpoints(c, eps("endpoints/a", "2"));
    assert_int_equal(s.bound, 2);
    /* A version that names a set not yet here: the old one stays in force. */
    proxy_config_put_destination(c, dest("10.0.0.1:80", "endpoints/new", "2"));
    assert_int_equal(s.bound, 2);
    assert_int_equal(s.forgotten, 0);
    proxy_config_put_endpoints(c, eps("endpoints/new", "1"));
    assert_int_equal(s.bound, 3);
    proxy_config_remove(c, WEFT_SLICE_LIT("dest/10.0.0.1:80"));
    assert_int_equal(s.forgotten, 1);
    proxy_config_free(c);
}

static void wants_are_counted(void **state) {
    struct seen s;
    struct proxy_config *c = make(&s);
    struct proxy_config_source src = {&s, subscribe, unsubscribe};
    struct weft_addr a = addr("[2001:db8::1]:80");
    proxy_config_want(c, &a); /* before the source is there */
    proxy_config_set_source(c, &src);
    assert_int_equal(s.subscribed, 1);
    assert_string_equal(s.name, "dest/[2001:db8::1]:80");
    proxy_config_want(c, &a);
    assert_int_equal(s.subscribed, 1);
    proxy_config_put_endpoints(c, eps("endpoints/a", "1"));
    proxy_config_put_destination(c, dest("[2001:db8::1]:80", "endpoints/a", "1"));
    assert_int_equal(s.bound, 1);
    proxy_config_want(c, &a); /* a third worker: told at once */
    assert_int_equal(s.bound, 2);
    proxy_config_unwant(c, &a);
    proxy_config_unwant(c, &a);
    assert_int_equal(s.unsubscribed, 0);
    proxy_config_unwant(c, &a);
    assert_int_equal(s.unsubscribed, 1);
    proxy_config_unwant(c, &a); /* one too many: no harm */
    assert_int_equal(s.unsubscribed, 1);
    proxy_config_free(c);
}

static void put_snapshot(struct proxy_config *c, struct weft_destination *d,
                         struct weft_endpoints *e) {
    struct weft_snapshot s = {0};
    weft_arena_init(&s.arena, 0);
    s.destinations = weft_arena_array(&s.arena, struct weft_destination *, 1);
    s.endpoints = weft_arena_array(&s.arena, struct weft_endpoints *, 1);
    if (d) s.destinations[s.n_destinations++] = d;
    if (e) s.endpoints[s.n_endpoints++] = e;
    proxy_config_replace(c, &s);
}

/* Only what changed reaches the workers: the rest keeps its balancing state. */
static void snapshot_replaces_what_changed(void **state) {
    struct seen s;
    struct proxy_config *c = make(&s);
    assert_false(proxy_config_ready(c));
    put_snapshot(c, dest("10.0.0.1:80", "endpoints/a", "1"), eps("endpoints/a", "1"));
    assert_true(proxy_config_ready(c));
    assert_int_equal(s.bound, 1);
    put_snapshot(c, dest("10.0.0.1:80", "endpoints/a", "1"), eps("endpoints/a", "1"));
    assert_int_equal(s.bound, 1);
    put_snapshot(c, dest("10.0.0.1:80", "endpoints/a", "1"), eps("endpoints/a", "2"));
    assert_int_equal(s.bound, 2);
    put_snapshot(c, dest("10.0.0.1:80", "endpoints/a", "2"), eps("endpoints/a", "2"));
    assert_int_equal(s.bound, 3);
    put_snapshot(c, NULL, NULL);
    assert_int_equal(s.forgotten, 1);
    proxy_config_free(c);
}

/* By content, whatever the order, and only what somebody asks for. */
static void version_is_of_the_content(void **state) {
    struct seen s;
    char one[17], two[17], x[17];
    struct weft_addr a = addr("10.0.0.1:80");
    struct proxy_config *c = make(&s), *d = make(&s);
    assert_false(proxy_config_version(c, x));
    proxy_config_want(c, &a);
    proxy_config_put_endpoints(c, eps("endpoints/a", "1"));
    proxy_config_put_destination(c, dest("10.0.0.1:80", "endpoints/a", "1"));
    assert_true(proxy_config_version(c, one));
    proxy_config_put_destination(d, dest("10.0.0.1:80", "endpoints/a", "1"));
    proxy_config_put_endpoints(d, eps("endpoints/a", "2"));
    proxy_config_put_endpoints(d, eps("endpoints/a", "1"));
    assert_false(proxy_config_version(d, two)); /* kept from before, not asked for yet */
    proxy_config_want(d, &a);
    assert_true(proxy_config_version(d, two));
    assert_string_equal(one, two);
    proxy_config_put_endpoints(d, eps("endpoints/a", "2"));
    assert_true(proxy_config_version(d, two));
    assert_string_not_equal(one, two);
    proxy_config_remove(d, WEFT_SLICE_LIT("endpoints/a"));
    proxy_config_remove(d, WEFT_SLICE_LIT("dest/10.0.0.1:80"));
    assert_false(proxy_config_version(d, x));
    proxy_config_free(c);
    proxy_config_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_before_in_force),
        cmocka_unit_test(wants_are_counted),
        cmocka_unit_test(snapshot_replaces_what_changed),
        cmocka_unit_test(version_is_of_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * The certificate authority and its tokens: who gets which identity, and nobody another's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <controller/ca.h>
#include <controller/token.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/file.h>
#include <weft/base/clock.h>
#include <weft/obs/log.h>

#define LIT(s) WEFT_SLICE_LIT(s)

static char dir[64];

static char *at(const char *name) {
    static char ring[8][160];
    static int i;
    char *p = ring[i++ % 8];
    snprintf(p, sizeof ring[0], "%s/%s", dir, name);
    return p;
}

static int64_t now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

static int setup(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/weft-ca-XXXXXX");
    return mkdtemp(dir) ? 0 : 1;
}

static int remove_one(const char *path, const struct stat *s, int flag, struct FTW *f) {
    (void)s;
    (void)flag;
    (void)f;
    return remove(path);
}
static int teardown(void **state) {
    (void)state;
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct controller_ca *ca_in(const char *name, uint64_t ttl) {
    struct controller_ca *ca = NULL;
    struct weft_error err = {0};
    const struct controller_ca_options o = {
        .dir = at(name), .trust_domain = "cluster.local", .max_ttl_s = ttl};
    if (controller_ca_new(&o, now(), &ca, &err) != WEFT_OK)
        fail_msg("%s %s", err.path, err.message);
    return ca;
}

static void test_root_is_made_once_and_private(void **state) {
    (void)state;
    struct controller_ca *a = ca_in("ca", 3600);
    struct stat s;
    assert_int_equal(stat(at("ca"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0700);
    assert_int_equal(stat(at("ca/root.key"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(stat(at("ca/root.pem"), &s), 0);
    struct controller_ca *b = ca_in("ca", 3600);
    assert_true(weft_slice_eq(controller_ca_bundle(a), controller_ca_bundle(b)));
    controller_ca_free(a);
    controller_ca_free(b);
}

static void test_a_given_root_is_taken(void **state) {
    (void)state;
    controller_ca_free(ca_in("ca", 3600));
    struct controller_ca *ca = NULL;
    struct weft_error err = {0};
    struct controller_ca_options o = {.cert_file = at("ca/root.pem"),
                                      .key_file = at("ca/root.key"),
                                      .trust_domain = "cluster.local",
                                      .max_ttl_s = 3600};
    assert_int_equal(controller_ca_new(&o, now(), &ca, &err), WEFT_OK);
    controller_ca_free(ca);
    o.key_file = at("none.key");
    assert_int_equal(controller_ca_new(&o, now(), &ca, &err), WEFT_NOT_FOUND);
    assert_string_equal(err.path, o.key_file);
}

static void test_a_key_of_another_root_is_refused(void **state) {
    (void)state;
    controller_ca_free(ca_in("ca", 3600));
    controller_ca_free(ca_in("other", 3600));
    struct controller_ca *ca = NULL;
    struct weft_error err = {0};
    const struct controller_ca_options o = {.cert_file = at("ca/root.pem"),
                                            .key_file = at("other/root.key"),
                                            .trust_domain = "cluster.local",
                                            .max_ttl_s = 3600};
    assert_int_not_equal(controller_ca_new(&o, now(), &ca, &err), WEFT_OK);
}

/* === replaced while it serves === */

static void copy(const char *from, const char *to) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    assert_int_equal(weft_file_read(at(from), &b), WEFT_OK);
    assert_int_equal(weft_file_replace(at(to), 0600, false, weft_buf_slice(&b)), WEFT_OK);
    weft_buf_done(&b);
}

static size_t count_certs(struct weft_slice pem) {
    size_t n = 0;
    struct weft_slice mark = LIT("-----BEGIN CERTIFICATE-----");
    for (size_t i; (i = weft_slice_search(pem, mark)) < pem.len; n++)
        pem = weft_slice_from(pem, i + mark.len);
    return n;
}

static enum weft_status reload(struct controller_ca *ca, bool *changed) {
    struct weft_error err = {0};
    return controller_ca_reload(ca, now(), changed, &err);
}

static void test_files_that_change_are_read_again(void **state) {
    (void)state;
    struct controller_ca *ca = ca_in("ca", 3600), *other = ca_in("other", 3600);
    bool changed = true;
    assert_int_equal(reload(ca, &changed), WEFT_OK);
    assert_false(changed);
    copy("other/root.pem", "ca/bundle.pem");
    assert_int_equal(reload(ca, &changed), WEFT_OK);
    assert_true(changed);
    assert_int_equal(count_certs(controller_ca_bundle(ca)), 2);
    copy("ca/root.pem", "ca/bundle.pem"); /* its own root: not twice */
    assert_int_equal(reload(ca, &changed), WEFT_OK);
    assert_int_equal(count_certs(controller_ca_bundle(ca)), 1);
    controller_ca_free(ca);
    controller_ca_free(other);
}

static void test_a_half_replaced_root_leaves_the_old_one(void **state) {
    (void)state;
    struct controller_ca *ca = ca_in("ca", 3600), *other = ca_in("other", 3600);
    WEFT_FREE char *old = weft_slice_dup(controller_ca_bundle(ca));
    bool changed = true;
    copy("other/root.pem", "ca/root.pem"); /* the key is not here yet */
    assert_int_not_equal(reload(ca, &changed), WEFT_OK);
    assert_false(changed);
    assert_true(weft_slice_is(controller_ca_bundle(ca), old));
    assert_int_equal(reload(ca, &changed), WEFT_OK); /* said once */
    copy("other/root.key", "ca/root.key");
    assert_int_equal(reload(ca, &changed), WEFT_OK);
    assert_true(changed);
    assert_true(weft_slice_eq(controller_ca_bundle(ca), controller_ca_bundle(other)));
    copy("other/root.key", "ca/bundle.pem"); /* no certificate */
    assert_int_not_equal(reload(ca, &changed), WEFT_OK);
    assert_false(changed);
    controller_ca_free(ca);
    controller_ca_free(other);
}

static void test_without_material_nothing_is_signed(void **state) {
    (void)state;
    struct controller_ca *ca = NULL;
    struct weft_error err = {0};
    const struct controller_ca_options o = {.trust_domain = "cluster.local", .max_ttl_s = 60};
    assert_int_equal(controller_ca_new(&o, now(), &ca, &err), WEFT_OK);
    assert_false(controller_ca_ready(ca));
    struct weft_buf out, key, cert;
    weft_buf_init(&out, 0);
    weft_buf_init(&key, 0);
    weft_buf_init(&cert, 0);
    assert_int_equal(controller_ca_sign(ca, LIT("x"), LIT("a"), LIT("b"), 0, now(), &out, &err),
                     WEFT_AGAIN);
    bool changed = false;
    assert_int_equal(controller_ca_make_root("cluster.local", now(), &key, &cert, &err), WEFT_OK);
    const struct controller_ca_material m = {.key = weft_buf_slice(&key),
                                             .chain = weft_buf_slice(&cert)};
    assert_int_equal(controller_ca_set(ca, &m, now(), &changed, &err), WEFT_OK);
    assert_true(changed && controller_ca_ready(ca));
    assert_int_equal(controller_ca_set(ca, &m, now(), &changed, &err), WEFT_OK);
    assert_false(changed);
    weft_buf_done(&out);
    weft_buf_done(&key);
    weft_buf_done(&cert);
    controller_ca_free(ca);
}

/* Signs a request that names `csr_id` for shop/web, and tells what the certificate says. */
static void issue(const char *csr_id, uint64_t max_ttl, uint64_t ask_ttl, char id[256],
                  int64_t *ret_left) {
    struct controller_ca *ca = ca_in("ca", max_ttl);
    struct weft_buf key, csr, chain, got;
    weft_buf_init(&key, 0);
    weft_buf_init(&csr, 0);
    weft_buf_init(&chain, 0);
    weft_buf_init(&got, 0);
    struct weft_error err = {0};
    int64_t from = 0, to = 0;
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_csr(weft_buf_slice(&key), weft_slice_str(csr_id), &csr, &err),
                     WEFT_OK);
    assert_int_equal(controller_ca_sign(ca, weft_buf_slice(&csr), LIT("shop"), LIT("web"), ask_ttl,
                                        now(), &chain, &err),
                     WEFT_OK);
    assert_int_equal(weft_pki_cert_info(weft_buf_slice(&chain), &got, &from, &to, &err), WEFT_OK);
    snprintf(id, 256, "%.*s", WEFT_SLICE_ARG(weft_buf_slice(&got)));
    *ret_left = to - now();
    weft_buf_done(&key);
    weft_buf_done(&csr);
    weft_buf_done(&chain);
    weft_buf_done(&got);
    controller_ca_free(ca);
}

static void test_a_csr_that_names_somebody_else_gets_the_own_id(void **state) {
    (void)state;
    char id[256];
    int64_t left;
    issue("spiffe://cluster.local/ns/weft-system/sa/weft-controller", 3600, 0, id, &left);
    assert_string_equal(id, "spiffe://cluster.local/ns/shop/sa/web");
}

static void test_lifetime_is_capped(void **state) {
    (void)state;
    char id[256];
    int64_t left;
    issue("spiffe://cluster.local/ns/shop/sa/web", 3600, 1000000, id, &left);
    assert_in_range(left, 3590, 3600);
    issue("spiffe://cluster.local/ns/shop/sa/web", 3600, 600, id, &left);
    assert_in_range(left, 590, 600);
    issue("spiffe://cluster.local/ns/shop/sa/web", 3600, 1, id, &left);
    assert_in_range(left, 1, 10);
}

static void test_a_broken_csr_is_refused(void **state) {
    (void)state;
    struct controller_ca *ca = ca_in("ca", 3600);
    struct weft_buf chain;
    weft_buf_init(&chain, 0);
    struct weft_error err = {0};
    assert_int_not_equal(
        controller_ca_sign(ca, LIT("nonsense"), LIT("a"), LIT("b"), 0, now(), &chain, &err),
        WEFT_OK);
    assert_int_not_equal(
        controller_ca_sign(ca, WEFT_SLICE_EMPTY, LIT("a"), LIT("b"), 0, now(), &chain, &err),
        WEFT_OK);
    assert_int_equal(weft_buf_size(&chain), 0);
    weft_buf_done(&chain);
    controller_ca_free(ca);
}

/* === tokens === */

static void put_token(const char *file, const char *text) {
    (void)mkdir(at("tokens"), 0700);
    char name[128];
    snprintf(name, sizeof name, "tokens/%s", file);
    assert_int_equal(weft_file_replace(at(name), 0600, true, weft_slice_str(text)), WEFT_OK);
}

static void expect_owner(const char *token, const char *owner) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_slice ns, sa;
    char got[128] = "";
    if (controller_token_owner(at("tokens"), weft_slice_str(token), &a, &ns, &sa) == WEFT_OK)
        snprintf(got, sizeof got, "%.*s/%.*s", WEFT_SLICE_ARG(ns), WEFT_SLICE_ARG(sa));
    assert_string_equal(got, owner);
    weft_arena_done(&a);
}

static void test_a_token_belongs_to_its_file_name(void **state) {
    (void)state;
    put_token("shop.web", "0123456789abcdef-web\n");
    put_token("shop.web.v2", "0123456789abcdef-dotted");
    put_token("client.app", "  0123456789abcdef-app  \r\n");
    expect_owner("0123456789abcdef-web", "shop/web");
    expect_owner("0123456789abcdef-dotted", "shop/web.v2");
    expect_owner("0123456789abcdef-app", "client/app");
    expect_owner("0123456789abcdef-we", "");
    expect_owner("0123456789abcdef-webx", "");
    expect_owner("0123456789abcdef-wex", "");
    expect_owner("", "");
    put_token("shop.web", "changed-0123456789abcdef");
    expect_owner("0123456789abcdef-web", "");
    expect_owner("changed-0123456789abcdef", "shop/web");
}

static void test_useless_token_files_give_nothing(void **state) {
    (void)state;
    put_token("shop.web", "short");
    expect_owner("short", "");
    put_token("shop.web", "");
    expect_owner("", "");
    put_token("noname", "0123456789abcdef-noname");
    expect_owner("0123456789abcdef-noname", "");
    put_token(".hidden", "0123456789abcdef-hidden");
    expect_owner("0123456789abcdef-hidden", "");
    char big[CONTROLLER_MAX_TOKEN + 8];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    put_token("shop.big", big);
    expect_owner(big, "");
}

/* A copy that an editor or a backup left must not make its holder somebody else. */
static void test_a_token_of_two_accounts_is_nobodys(void **state) {
    (void)state;
    put_token("shop.web", "0123456789abcdef-web");
    put_token("shop.web~", "0123456789abcdef-web");
    put_token("Shop.web", "0123456789abcdef-web");
    put_token("shop.web.", "0123456789abcdef-web");
    expect_owner("0123456789abcdef-web", "shop/web"); /* those are not names */
    put_token("shop.web.bak", "0123456789abcdef-web");
    expect_owner("0123456789abcdef-web", "");
}

static void test_a_pipe_in_the_token_folder_holds_nobody_up(void **state) {
    (void)state;
    put_token("shop.web", "0123456789abcdef-web");
    assert_int_equal(mkfifo(at("tokens/shop.pipe"), 0600), 0);
    expect_owner("0123456789abcdef-web", "shop/web");
}

static void test_no_token_folder_is_an_error(void **state) {
    (void)state;
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_slice ns, sa;
    assert_int_equal(controller_token_owner(at("none"), LIT("0123456789abcdef"), &a, &ns, &sa),
                     WEFT_NOT_FOUND);
    assert_int_equal(controller_token_owner(NULL, LIT("0123456789abcdef"), &a, &ns, &sa),
                     WEFT_NOT_FOUND);
    weft_arena_done(&a);
}

int main(void) {
    (void)weft_log_set_level("error");
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_root_is_made_once_and_private),
        T(test_a_given_root_is_taken),
        T(test_a_key_of_another_root_is_refused),
        T(test_files_that_change_are_read_again),
        T(test_a_half_replaced_root_leaves_the_old_one),
        T(test_without_material_nothing_is_signed),
        T(test_a_csr_that_names_somebody_else_gets_the_own_id),
        T(test_lifetime_is_capped),
        T(test_a_broken_csr_is_refused),
        T(test_a_token_belongs_to_its_file_name),
        T(test_useless_token_files_give_nothing),
        T(test_a_token_of_two_accounts_is_nobodys),
        T(test_a_pipe_in_the_token_folder_holds_nobody_up),
        T(test_no_token_folder_is_an_error),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

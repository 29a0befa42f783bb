/* SPDX-License-Identifier: Apache-2.0
 * Keys, requests, roots and leaves there and back. */
#include "pki_test.h"

static void test_sign_and_read_back(void **state) {
    struct ca ca;
    ca_make(&ca, "cluster.local", NOW, DAY * 10);
    struct weft_buf key = {0}, chain = {0}, id = {0};
    leaf_make(&ca, ID_A, NOW, DAY, &key, &chain);
    int64_t from, to;
    assert_int_equal(weft_pki_cert_info(weft_buf_slice(&chain), &id, &from, &to, NULL), WEFT_OK);
    assert_true(weft_slice_is(weft_buf_slice(&id), ID_A));
    assert_int_equal(from, NOW - 60);
    assert_int_equal(to, NOW + DAY);
    struct weft_identity *i;
    struct weft_error err = {0};
    assert_int_equal(weft_identity_new(weft_buf_slice(&key), weft_buf_slice(&chain),
                                       weft_buf_slice(&ca.cert), NULL, 0, NOW, &i, &err),
                     WEFT_OK);
    assert_true(weft_slice_is(weft_identity_spiffe_id(i), ID_A));
    assert_int_equal(weft_identity_not_before(i), NOW - 60);
    assert_int_equal(weft_identity_not_after(i), NOW + DAY);
    assert_ptr_equal(weft_identity_ref(i), i);
    weft_identity_unref(i);
    assert_null(weft_identity_unref(i));
    weft_buf_done(&key);
    weft_buf_done(&chain);
    weft_buf_done(&id);
    ca_done(&ca);
}

/* The allowance for clocks that differ stays small beside a short life. */
static void test_short_life(void **state) {
    struct ca ca;
    ca_make(&ca, "cluster.local", NOW, DAY);
    struct weft_buf key = {0}, chain = {0}, id = {0};
    leaf_make(&ca, ID_A, NOW, 20, &key, &chain);
    int64_t from, to;
    assert_int_equal(weft_pki_cert_info(weft_buf_slice(&chain), &id, &from, &to, NULL), WEFT_OK);
    assert_int_equal(from, NOW - 5);
    assert_int_equal(to, NOW + 20);
    weft_buf_done(&key);
    weft_buf_done(&chain);
    weft_buf_done(&id);
    ca_done(&ca);
}

/* The CSR asks for somebody else: only what the CA was told counts. */
static void test_names_of_a_request_are_not_believed(void **state) {
    struct ca ca;
    ca_make(&ca, "cluster.local", NOW, DAY);
    struct weft_buf key = {0}, csr = {0}, chain = {0}, id = {0};
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_csr(weft_buf_slice(&key), WEFT_SLICE_LIT(ID_B), &csr, NULL), WEFT_OK);
    static const char *const dns[] = {"weft-controller.weft-system.svc", NULL};
    assert_int_equal(weft_pki_sign(weft_buf_slice(&ca.key), weft_buf_slice(&ca.cert),
                                   weft_buf_slice(&csr), WEFT_SLICE_LIT(ID_A), dns, NOW, DAY * 5,
                                   &chain, NULL),
                     WEFT_OK);
    int64_t to;
    assert_int_equal(weft_pki_cert_info(weft_buf_slice(&chain), &id, NULL, &to, NULL), WEFT_OK);
    assert_true(weft_slice_is(weft_buf_slice(&id), ID_A));
    assert_int_equal(to, NOW + DAY); /* never beyond the issuer's end */
    weft_buf_done(&key);
    weft_buf_done(&csr);
    weft_buf_done(&chain);
    weft_buf_done(&id);
    ca_done(&ca);
}

static void test_a_broken_request_is_refused(void **state) {
    struct ca ca;
    ca_make(&ca, "cluster.local", NOW, DAY);
    struct weft_buf key = {0}, csr = {0}, chain = {0};
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_csr(weft_buf_slice(&key), WEFT_SLICE_LIT(ID_A), &csr, NULL), WEFT_OK);
    struct weft_slice ca_key = weft_buf_slice(&ca.key), ca_cert = weft_buf_slice(&ca.cert);
    struct weft_error err = {0};
    assert_int_equal(weft_pki_sign(ca_key, ca_cert, WEFT_SLICE_LIT("nonsense"),
                                   WEFT_SLICE_LIT(ID_A), NULL, NOW, DAY, &chain, &err),
                     WEFT_INVALID);
    assert_string_equal(err.path, "request");
    static const char *const bad[] = {"spiffe://",
                                      "spiffe://x",
                                      "spiffe:///ns/a",
                                      "http://x/y",
                                      "spiffe://x/a b",
                                      "spiffe://x/a,DNS:y",
                                      ""};
    for (size_t i = 0; i < WEFT_LEN(bad); i++)
        assert_int_equal(weft_pki_sign(ca_key, ca_cert, weft_buf_slice(&csr),
                                       weft_slice_str(bad[i]), NULL, NOW, DAY, &chain, &err),
                         WEFT_INVALID);
    csr.base[csr.len / 2] ^= 4; /* inside the base64: no longer the request that was signed */
    assert_int_equal(weft_pki_sign(ca_key, ca_cert, weft_buf_slice(&csr), WEFT_SLICE_LIT(ID_A),
                                   NULL, NOW, DAY, &chain, &err),
                     WEFT_INVALID);
    assert_int_equal(weft_pki_sign(weft_buf_slice(&key), ca_cert, weft_buf_slice(&csr),
                                   WEFT_SLICE_LIT(ID_A), NULL, NOW, DAY, &chain, &err),
                     WEFT_INTERNAL);
    assert_string_equal(err.path, "CA key");
    assert_int_equal(weft_buf_size(&chain), 0);
    weft_buf_done(&key);
    weft_buf_done(&csr);
    weft_buf_done(&chain);
    ca_done(&ca);
}

static void expect_refused(struct weft_slice key, struct weft_slice chain, struct weft_slice bundle,
                           int64_t now, const char *path, const char *word) {
    struct weft_identity *i = NULL;
    struct weft_error err = {0};
    assert_int_equal(weft_identity_new(key, chain, bundle, NULL, 0, now, &i, &err), WEFT_INVALID);
    assert_string_equal(err.path, path);
    if (!strstr(err.message, word)) fail_msg("\"%s\" lacks \"%s\"", err.message, word);
}

static void test_identity_refuses_what_does_not_belong_together(void **state) {
    struct ca ca, other;
    ca_make(&ca, "cluster.local", NOW, DAY * 10);
    ca_make(&other, "cluster.local", NOW, DAY * 10);
    struct weft_buf key_b = {0}, chain_b = {0}, key2_b = {0}, chain2_b = {0};
    leaf_make(&ca, ID_A, NOW, DAY, &key_b, &chain_b);
    leaf_make(&ca, ID_A, NOW, DAY, &key2_b, &chain2_b);
    struct weft_slice key = weft_buf_slice(&key_b), chain = weft_buf_slice(&chain_b);
    struct weft_slice bundle = weft_buf_slice(&ca.cert);
    expect_refused(WEFT_SLICE_EMPTY, chain, bundle, NOW, "key", "PEM");
    expect_refused(key, key, bundle, NOW, "certificate", "PEM");
    expect_refused(key, chain, WEFT_SLICE_LIT("x"), NOW, "trust bundle", "PEM");
    expect_refused(weft_buf_slice(&key2_b), chain, bundle, NOW, "key", "belong");
    expect_refused(key, chain, weft_buf_slice(&other.cert), NOW, "certificate", "chain");
    expect_refused(key, chain, bundle, NOW + DAY, "certificate", "expired");
    expect_refused(key, chain, bundle, NOW - 61, "certificate", "not valid yet");
    expect_refused(weft_buf_slice(&ca.key), bundle, bundle, NOW, "certificate", "SPIFFE");
    weft_buf_done(&key_b);
    weft_buf_done(&chain_b);
    weft_buf_done(&key2_b);
    weft_buf_done(&chain2_b);
    ca_done(&ca);
    ca_done(&other);
}

static void test_several_roots_in_the_bundle(void **state) {
    struct ca ca, old;
    ca_make(&ca, "cluster.local", NOW, DAY * 10);
    ca_make(&old, "cluster.local", NOW, DAY * 10);
    struct weft_buf key = {0}, chain = {0}, bundle = {0};
    leaf_make(&ca, ID_A, NOW, DAY, &key, &chain);
    (void)weft_buf_append(&bundle, weft_buf_slice(&old.cert));
    (void)weft_buf_append(&bundle, weft_buf_slice(&ca.cert));
    struct weft_identity *i;
    assert_int_equal(weft_identity_new(weft_buf_slice(&key), weft_buf_slice(&chain),
                                       weft_buf_slice(&bundle), NULL, 0, NOW, &i, NULL),
                     WEFT_OK);
    weft_identity_unref(i);
    weft_buf_done(&key);
    weft_buf_done(&chain);
    weft_buf_done(&bundle);
    ca_done(&ca);
    ca_done(&old);
}

static void test_long_trust_domain(void **state) {
    struct ca ca;
    ca_make(&ca, "a-very-long-trust-domain.with-many-labels.that-does-not-fit.into-a-common-name",
            NOW, DAY);
    ca_done(&ca);
    struct weft_buf key = {0}, cert = {0};
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(
        weft_pki_root(weft_buf_slice(&key), WEFT_SLICE_LIT("Not/A Domain"), NOW, DAY, &cert, NULL),
        WEFT_INVALID);
    weft_buf_done(&key);
    weft_buf_done(&cert);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign_and_read_back),
        cmocka_unit_test(test_short_life),
        cmocka_unit_test(test_names_of_a_request_are_not_believed),
        cmocka_unit_test(test_a_broken_request_is_refused),
        cmocka_unit_test(test_identity_refuses_what_does_not_belong_together),
        cmocka_unit_test(test_several_roots_in_the_bundle),
        cmocka_unit_test(test_long_trust_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

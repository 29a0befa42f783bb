/* SPDX-License-Identifier: Apache-2.0
 * An issuer below a root: what it may sign, for whom, and for how long. */
#include "pki_test.h"

static struct ca issuer_make(const struct ca *root, const char *domain, int64_t now, int64_t ttl) {
    struct ca i = {0};
    struct weft_error err = {0};
    assert_int_equal(weft_pki_key(&i.key), WEFT_OK);
    if (weft_pki_issuer(weft_buf_slice(&root->key), weft_buf_slice(&root->cert),
                        weft_buf_slice(&i.key), weft_slice_str(domain), now, ttl, &i.cert,
                        &err) != WEFT_OK)
        fail_msg("%s %s", err.path, err.message);
    return i;
}

static enum weft_status verify(const struct ca *issuer, const struct ca *trust, const char *id,
                               struct weft_identity **ret, struct weft_error *err) {
    struct weft_buf key = {0}, chain = {0};
    leaf_make(issuer, id, NOW, DAY, &key, &chain);
    enum weft_status st = weft_identity_new(weft_buf_slice(&key), weft_buf_slice(&chain),
                                            weft_buf_slice(&trust->cert), NULL, 0, NOW, ret, err);
    weft_buf_done(&key);
    weft_buf_done(&chain);
    return st;
}

/* Two issuers, one root: who trusts the root trusts what either signs. */
static void what_it_signs_ends_at_the_root(void **state) {
    struct ca root, one, two;
    ca_make(&root, "cluster.local", NOW, DAY * 100);
    one = issuer_make(&root, "cluster.local", NOW, DAY * 10);
    two = issuer_make(&root, "cluster.local", NOW, DAY * 10);
    struct weft_identity *a = NULL, *b = NULL;
    struct weft_error err = {0};
    assert_int_equal(verify(&one, &root, ID_A, &a, &err), WEFT_OK);
    assert_int_equal(verify(&two, &root, ID_B, &b, &err), WEFT_OK);
    WEFT_FREE struct weft_pki_cert *certs = NULL;
    size_t n = 0;
    assert_int_equal(weft_pki_read(weft_buf_slice(&one.cert), &certs, &n, &err), WEFT_OK);
    assert_int_equal(n, 2);
    assert_string_equal(certs[0].name, "weft issuer cluster.local");
    assert_string_equal(certs[1].name, "weft root cluster.local");
    assert_true(certs[1].self_signed && !certs[0].self_signed);
    assert_int_equal(certs[0].not_after, NOW + DAY * 10);
    assert_memory_equal(weft_identity_root(a), certs[1].sha256, 32);
    unsigned char sum[32];
    struct weft_buf bundle = {0};
    assert_int_equal(weft_pki_bundle(weft_buf_slice(&one.cert), WEFT_SLICE_EMPTY, &bundle, &err),
                     WEFT_OK);
    weft_pki_sha256(weft_buf_slice(&bundle), sum);
    assert_memory_equal(weft_identity_bundle(b), sum, 32);
    weft_buf_done(&bundle);
    weft_identity_unref(a);
    weft_identity_unref(b);
    ca_done(&root);
    ca_done(&one);
    ca_done(&two);
}

/* Its key, stolen, makes nobody of another mesh, and no further authority. */
static void it_can_do_nothing_else(void **state) {
    struct ca root, issuer;
    ca_make(&root, "cluster.local", NOW, DAY * 100);
    issuer = issuer_make(&root, "cluster.local", NOW, DAY * 10);
    struct weft_identity *i = NULL;
    struct weft_error err = {0};
    assert_int_not_equal(verify(&issuer, &root, "spiffe://other.example/ns/a/sa/b", &i, &err),
                         WEFT_OK);
    assert_non_null(strstr(err.message, "permitted subtree"));
    struct weft_buf key = {0}, chain = {0};
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_issuer(weft_buf_slice(&issuer.key), weft_buf_slice(&issuer.cert),
                                     weft_buf_slice(&key), WEFT_SLICE_LIT("cluster.local"), NOW,
                                     DAY, &chain, &err),
                     WEFT_INVALID);
    weft_buf_done(&key);
    weft_buf_done(&chain);
    ca_done(&root);
    ca_done(&issuer);
}

static void it_ends_before_its_root(void **state) {
    struct ca root, issuer;
    ca_make(&root, "cluster.local", NOW, DAY * 5);
    issuer = issuer_make(&root, "cluster.local", NOW, DAY * 10);
    int64_t to;
    assert_int_equal(weft_pki_cert_info(weft_buf_slice(&issuer.cert), NULL, NULL, &to, NULL),
                     WEFT_OK);
    assert_int_equal(to, NOW + DAY * 5);
    ca_done(&root);
    ca_done(&issuer);
}

static void a_key_of_another_root_makes_none(void **state) {
    struct ca root, other;
    ca_make(&root, "cluster.local", NOW, DAY);
    ca_make(&other, "cluster.local", NOW, DAY);
    struct weft_buf key = {0}, chain = {0};
    struct weft_error err = {0};
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_not_equal(weft_pki_issuer(weft_buf_slice(&other.key), weft_buf_slice(&root.cert),
                                         weft_buf_slice(&key), WEFT_SLICE_LIT("cluster.local"), NOW,
                                         DAY, &chain, &err),
                         WEFT_OK);
    assert_int_equal(weft_buf_size(&chain), 0);
    weft_buf_done(&key);
    weft_buf_done(&chain);
    ca_done(&root);
    ca_done(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_signs_ends_at_the_root),
        cmocka_unit_test(it_can_do_nothing_else),
        cmocka_unit_test(it_ends_before_its_root),
        cmocka_unit_test(a_key_of_another_root_makes_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

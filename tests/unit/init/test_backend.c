/* SPDX-License-Identifier: Apache-2.0
 * Which back end is taken, and that a child can neither block us nor be blocked. */
#include <init/backend.h>

#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

enum { N = 1, O = 2 }; /* holds foreign rules, holds ours */

static const struct {
    const char *what;
    int nft4, nft6, legacy4, legacy6;
    enum init_backend expected;
    bool only;
} rows[] = {
    {"nothing anywhere", 0, 0, 0, 0, INIT_NFT, false},
    {"rules in nft", N, 0, 0, 0, INIT_NFT, true},
    {"rules in legacy", 0, 0, N, 0, INIT_LEGACY, true},
    {"IPv6 rules in legacy", 0, 0, 0, N, INIT_LEGACY, true},
    {"rules in both", N, 0, N, 0, INIT_NFT, true},
    {"ours in legacy, others' in nft", N, 0, O, 0, INIT_LEGACY, true},
    {"ours in nft, others' in legacy", O, 0, N, 0, INIT_NFT, true},
    {"ours in both", O, 0, O, 0, INIT_NFT, true},
};

static void hold(struct init_place *p, int what) {
    p->saved.foreign = what & N;
    p->saved.n_chains = what & O ? 1 : 0;
}

static void test_choice(void **state) {
    static struct init_options o;
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct init_places p = {0};
        hold(&p.at[0][INIT_NFT], rows[i].nft4);
        hold(&p.at[1][INIT_NFT], rows[i].nft6);
        hold(&p.at[0][INIT_LEGACY], rows[i].legacy4);
        hold(&p.at[1][INIT_LEGACY], rows[i].legacy6);
        bool only;
        if (init_places_choose(&p, &o, &only) != rows[i].expected || only != rows[i].only)
            fail_msg("%s", rows[i].what);
    }
    struct init_places p = {0};
    bool only;
    hold(&p.at[0][INIT_NFT], O);
    struct init_options forced = {.backend_forced = true, .backend = INIT_LEGACY};
    assert_int_equal(init_places_choose(&p, &forced, &only), INIT_LEGACY);
    assert_true(only);
}

static void run(struct init_child *c, const char *script, struct weft_slice input) {
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    init_child_init(c);
    assert_int_equal(init_child_run(c, argv, input), WEFT_OK);
}

static void test_child(void **state) {
    struct init_child c;
    size_t n = 3 * 1000 * 1000; /* more than all pipes hold */
    char *big = malloc(n);
    memset(big, 'x', n);
    run(&c, "cat; echo oops >&2; exit 3", weft_slice(big, n));
    assert_int_equal(weft_buf_size(&c.out), n);
    assert_true(weft_slice_is(weft_buf_slice(&c.err), "oops\n"));
    assert_int_equal(c.exit_code, 3);
    init_child_done(&c);
    run(&c, "exit 4", weft_slice(big, n)); /* does not read its input */
    assert_int_equal(c.exit_code, 4);
    init_child_done(&c);
    run(&c, "cat >&2; kill -9 $$", weft_slice(big, n));
    assert_int_equal(weft_buf_size(&c.err) <= INIT_MAX_STDERR_BYTES, 1);
    assert_int_equal(c.exit_code, 128 + 9);
    init_child_done(&c);
    const char *const argv[] = {"/nonexistent/program", NULL};
    init_child_init(&c);
    assert_int_equal(init_child_run(&c, argv, WEFT_SLICE_EMPTY), WEFT_OK);
    assert_int_equal(c.exit_code, 127);
    init_child_done(&c);
    free(big);
}

static void test_find(void **state) {
    char *sh = init_child_find("sh");
    assert_non_null(sh);
    free(sh);
    assert_null(init_child_find("no-such-program-anywhere"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

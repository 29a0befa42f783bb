/* SPDX-License-Identifier: Apache-2.0
 * Who comes new pushes out who came first, whether that one goes at once or later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <weft/conn/crowd.h>

enum { MAX = 3, ALL = 8 };
struct guest {
    struct weft_crowd_member member;
    int ended;
    bool goes_at_once;
};
static void on_end(struct weft_crowd_member *m) {
    struct guest *g = WEFT_CONTAINER(m, struct guest, member);
    g->ended++;
    if (g->goes_at_once) weft_crowd_leave(m);
}

static void fill(struct weft_crowd *c, struct guest g[ALL], bool at_once) {
    weft_crowd_init(c, MAX, on_end);
    for (int i = 0; i < ALL; i++) {
        g[i] = (struct guest){.goes_at_once = at_once};
        weft_crowd_join(c, &g[i].member);
    }
}

static void the_oldest_go(void **state) {
    (void)state;
    for (int at_once = 0; at_once < 2; at_once++) {
        struct weft_crowd c;
        struct guest g[ALL];
        fill(&c, g, at_once);
        for (int i = 0; i < ALL; i++) assert_int_equal(g[i].ended, i < ALL - MAX);
        assert_int_equal(c.n, MAX);
    }
}

static void who_left_makes_room(void **state) {
    struct weft_crowd c;
    struct guest g[ALL], late = {0};
    (void)state;
    fill(&c, g, false);
    weft_crowd_leave(&g[0].member);       /* was pushed out: no room by that */
    weft_crowd_leave(&g[ALL - 1].member); /* this one was in */
    weft_crowd_join(&c, &late.member);
    assert_int_equal(g[ALL - MAX].ended, 0);
    assert_int_equal(c.n, MAX);
}

static void all_are_ended_once(void **state) {
    (void)state;
    for (int at_once = 0; at_once < 2; at_once++) {
        struct weft_crowd c;
        struct guest g[ALL];
        fill(&c, g, at_once);
        weft_crowd_end(&c);
        assert_int_equal(weft_crowd_empty(&c), at_once);
        for (int i = 0; i < ALL; i++) {
            assert_int_equal(g[i].ended, 1);
            if (!at_once) weft_crowd_leave(&g[i].member);
        }
        assert_true(weft_crowd_empty(&c));
        assert_int_equal(c.n, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_go),
        cmocka_unit_test(who_left_makes_room),
        cmocka_unit_test(all_are_ended_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * The loop: timers with a fake clock, tasks, deferred calls, posts, signals. */
#include "net_test.h"

#include <signal.h>

struct log {
    struct weft_loop *loop;
    char text[64];
    size_t n;
};
struct step {
    struct log *log;
    struct weft_timer timer;
    struct weft_task task;
    char name;
    int again;
    uint64_t every;
};

static void say(void *arg) {
    struct step *s = arg;
    s->log->text[s->log->n++] = s->name;
}
static void say_again(void *arg) {
    struct step *s = arg;
    say(s);
    if (s->again-- > 0) weft_timer_start(&s->timer, s->every);
}
static void queue_again(void *arg) {
    struct step *s = arg;
    say(s);
    if (s->again-- > 0) weft_task_queue(s->log->loop, &s->task);
}

static void steps_init(struct step *s, size_t n, struct log *log) {
    for (size_t i = 0; i < n; i++) {
        s[i] = (struct step){.log = log, .name = (char)('a' + i)};
        weft_timer_init(&s[i].timer, log->loop, say, &s[i]);
        weft_task_init(&s[i].task, say, &s[i]);
    }
}

static void test_timers_fire_in_order(void **state) {
    struct log log = {.loop = weft_loop_new_fake()};
    struct step s[8];
    steps_init(s, 8, &log);
    static const uint64_t after[] = {50, 10, 70, 10, 30, 90, 20, 60};
    for (int i = 0; i < 8; i++) weft_timer_start(&s[i].timer, after[i]);
    weft_timer_stop(&s[4].timer);
    weft_timer_stop(&s[4].timer);
    weft_timer_start(&s[0].timer, 65); /* moved */
    assert_true(weft_timer_active(&s[0].timer));
    weft_loop_advance(log.loop, 9);
    assert_string_equal(log.text, "");
    weft_loop_advance(log.loop, 1);
    assert_string_equal(log.text, "bd");
    weft_loop_advance(log.loop, 60);
    assert_string_equal(log.text, "bdghac");
    assert_false(weft_timer_active(&s[0].timer));
    weft_timer_stop(&s[5].timer);
    weft_loop_advance(log.loop, 1000);
    assert_string_equal(log.text, "bdghac");
    weft_loop_free(log.loop);
}

static void test_timer_restarts_itself(void **state) {
    struct log log = {.loop = weft_loop_new_fake()};
    struct step s[1];
    steps_init(s, 1, &log);
    weft_timer_init(&s[0].timer, log.loop, say_again, &s[0]);
    s[0].again = 3;
    s[0].every = 100;
    weft_timer_start(&s[0].timer, 100);
    weft_loop_advance(log.loop, 250);
    assert_string_equal(log.text, "aa");
    weft_loop_advance(log.loop, 1000);
    assert_string_equal(log.text, "aaaa");
    weft_loop_free(log.loop);
}

static void test_timer_due_at_once_fires_in_a_turn(void **state) {
    struct log log = {.loop = weft_loop_new_fake()};
    struct step s[1];
    steps_init(s, 1, &log);
    weft_timer_start(&s[0].timer, 0);
    assert_true(weft_loop_turn(log.loop));
    assert_string_equal(log.text, "a");
    assert_false(weft_loop_turn(log.loop));
    weft_loop_free(log.loop);
}

static void test_many_timers_against_a_model(void **state) {
    struct weft_loop *l = weft_loop_new_fake();
    struct weft_rng rng;
    weft_rng_seed(&rng, 7);
    struct log log = {.loop = l};
    enum { N = 200 };
    static struct step s[N];
    uint64_t due[N] = {0};
    steps_init(s, N, &log);
    for (int round = 0; round < 2000; round++) {
        uint32_t i = weft_rng_below(&rng, N);
        log.n = 0;
        if (weft_rng_below(&rng, 3)) {
            uint64_t after = 1 + weft_rng_below(&rng, 500);
            weft_timer_start(&s[i].timer, after);
            due[i] = weft_loop_now_us(l) + after;
        } else {
            weft_timer_stop(&s[i].timer);
            due[i] = 0;
        }
        size_t want = 0;
        for (int k = 0; k < N; k++)
            if (due[k] && due[k] <= weft_loop_now_us(l) + 1) {
                due[k] = 0;
                want++;
            }
        weft_loop_advance(l, 1);
        assert_int_equal(log.n, want);
    }
    weft_loop_free(l);
}

static void test_real_timer_fires(void **state) {
    struct log log = {.loop = weft_loop_new()};
    struct step s[2];
    steps_init(s, 2, &log);
    uint64_t start = weft_clock_mono_us();
    weft_timer_start(&s[0].timer, 3000);
    weft_timer_start(&s[1].timer, 1000);
    UNTIL(log.loop, log.n == 2);
    assert_string_equal(log.text, "ba");
    assert_true(weft_clock_mono_us() - start >= 3000); /* never early */
    weft_loop_free(log.loop);
}

static void test_tasks_and_deferred_calls_keep_their_order(void **state) {
    struct log log = {.loop = weft_loop_new()};
    struct step s[4];
    steps_init(s, 4, &log);
    weft_task_queue(log.loop, &s[0].task);
    weft_loop_defer(log.loop, say, &s[1]);
    weft_task_queue(log.loop, &s[0].task); /* idempotent */
    weft_task_queue(log.loop, &s[2].task);
    weft_loop_defer(log.loop, say, &s[3]);
    weft_task_cancel(&s[2].task);
    assert_true(weft_loop_turn(log.loop));
    assert_string_equal(log.text, "abd");
    assert_false(weft_loop_turn(log.loop));
    weft_loop_free(log.loop);
}

static void test_tasks_that_queue_themselves_do_not_stop_the_loop(void **state) {
    struct log log = {.loop = weft_loop_new()};
    struct step s[2];
    steps_init(s, 2, &log);
    weft_task_init(&s[0].task, queue_again, &s[0]);
    s[0].again = 50;
    weft_task_queue(log.loop, &s[0].task);
    assert_true(weft_loop_turn(log.loop));
    assert_in_range(log.n, 2, 50);
    UNTIL(log.loop, log.n == 51);
    weft_loop_free(log.loop);
}

struct poster {
    struct log *log;
    struct step steps[20];
};
static void post_all(void *arg) {
    struct poster *p = arg;
    for (int i = 0; i < 20; i++) weft_loop_post(p->log->loop, say, &p->steps[i]);
}

static void test_posts_from_a_thread_run_in_order(void **state) {
    struct log log = {.loop = weft_loop_new()};
    struct poster p = {.log = &log};
    steps_init(p.steps, 20, &log);
    struct weft_thread *t = weft_thread_start(post_all, &p);
    UNTIL(log.loop, log.n == 20);
    weft_thread_join(t);
    assert_string_equal(log.text, "abcdefghijklmnopqrst");
    weft_loop_free(log.loop);
}

static void run_loop(void *arg) {
    weft_loop_run(arg);
}
static void stop_loop(void *arg) {
    weft_loop_stop(arg);
}
static void test_run_until_stopped_from_another_thread(void **state) {
    struct weft_loop *l = weft_loop_new();
    struct weft_thread *t = weft_thread_start(run_loop, l);
    weft_loop_post(l, stop_loop, l);
    weft_thread_join(t);
    weft_loop_free(l);
}

static void on_signal(void *arg, int signum) {
    *(int *)arg = signum;
}
static void test_signal(void **state) {
    struct weft_loop *l = weft_loop_new();
    int got = 0;
    weft_loop_on_signal(l, SIGUSR1, on_signal, &got);
    raise(SIGUSR1);
    UNTIL(l, got == SIGUSR1);
    weft_loop_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_fire_in_order),
        cmocka_unit_test(test_timer_restarts_itself),
        cmocka_unit_test(test_timer_due_at_once_fires_in_a_turn),
        cmocka_unit_test(test_many_timers_against_a_model),
        cmocka_unit_test(test_real_timer_fires),
        cmocka_unit_test(test_tasks_and_deferred_calls_keep_their_order),
        cmocka_unit_test(test_tasks_that_queue_themselves_do_not_stop_the_loop),
        cmocka_unit_test(test_posts_from_a_thread_run_in_order),
        cmocka_unit_test(test_run_until_stopped_from_another_thread),
        cmocka_unit_test(test_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

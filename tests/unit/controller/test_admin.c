/* SPDX-License-Identifier: Apache-2.0
 * The admin port's connections: the kubelet gets its answer whoever else holds places. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <controller/admin.h>
#include <controller/metrics.h>
#include <weft/obs/log.h>

enum { HOLDERS = 100, PLACES = 64 };

struct world {
    struct weft_loop *loop;
    struct controller_admin *admin;
    struct controller_metrics metrics;
    int probe;
    char got[256];
};

static int dial(const struct world *w) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(controller_admin_bound(w->admin).port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void start(struct world *w) {
    struct weft_error err = {0};
    struct controller_admin_options opt = {.write_timeout_us = 30000000, .metrics = &w->metrics};
    controller_metrics_init(&w->metrics);
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("127.0.0.1:0"), &opt.listen));
    assert_int_equal(controller_admin_new(w->loop, &opt, &w->admin, &err), WEFT_OK);
}

static void end(struct world *w) {
    controller_admin_close(w->admin);
    while (weft_loop_turn(w->loop)) {
    }
    weft_loop_free(w->loop);
    controller_metrics_done(&w->metrics);
}

static unsigned counted(const struct world *w, const char *limit) {
    struct weft_buf text;
    char line[100];
    weft_buf_init(&text, 0);
    controller_metrics_text(&w->metrics, &text);
    weft_buf_char(&text, 0);
    snprintf(line, sizeof line, "\nweft_controller_limits_hit_total{limit=\"%s\"} ", limit);
    const char *at = strstr(weft_buf_slice(&text).base, line);
    unsigned n = at ? (unsigned)strtoul(at + strlen(line), NULL, 10) : 0;
    weft_buf_done(&text);
    return n;
}

static bool is_answered(void *ud) {
    struct world *w = ud;
    return recv(w->probe, w->got, sizeof w->got - 1, MSG_DONTWAIT) >= 0;
}

static int count_ended(const int held[HOLDERS]) {
    char c;
    int n = 0;
    for (size_t i = 0; i < HOLDERS; i++) n += recv(held[i], &c, 1, MSG_DONTWAIT) == 0;
    return n;
}

static void probes_are_answered_while_others_hold_all_places(void **state) {
    static const char request[] = "GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct world w = {.loop = weft_loop_new_fake()};
    int held[HOLDERS];
    start(&w);
    for (size_t i = 0; i < HOLDERS; i++) held[i] = dial(&w);
    w.probe = dial(&w);
    assert_int_equal(send(w.probe, request, sizeof request - 1, 0), sizeof request - 1);
    while (!is_answered(&w)) (void)weft_loop_turn(w.loop);
    assert_non_null(strstr(w.got, " 200 "));
    for (int i = 0; i < 1000 && count_ended(held) <= HOLDERS - PLACES; i++)
        (void)weft_loop_turn(w.loop);
    assert_int_equal(count_ended(held), HOLDERS + 1 - PLACES);
    for (size_t i = 0; i < HOLDERS; i++) close(held[i]);
    close(w.probe);
    assert_int_equal(counted(&w, "connections"), HOLDERS + 1 - PLACES);
    end(&w);
}

/* Asks on and on, and takes nothing of what is answered. */
static void ask_without_reading(struct world *w) {
    static const char request[] = "GET /live HTTP/1.1\r\nHost: x\r\n\r\n";
    size_t sent = 0; /* of the request at hand */
    for (int idle = 0; idle < 1000;) {
        ssize_t n = send(w->probe, request + sent, sizeof request - 1 - sent, MSG_DONTWAIT);
        idle = n > 0 ? 0 : idle + 1;
        if (n > 0) sent = (sent + (size_t)n) % (sizeof request - 1);
        if (n <= 0) (void)weft_loop_turn(w->loop);
    }
}

static void a_reader_that_takes_nothing_is_cut(void **state) {
    struct world w = {.loop = weft_loop_new_fake()};
    start(&w);
    w.probe = dial(&w);
    ask_without_reading(&w);
    for (int i = 0; i < 29; i++) weft_loop_advance(w.loop, 1000000);
    assert_int_equal(counted(&w, "write_timeout"), 0);
    for (int i = 0; i < 3; i++) weft_loop_advance(w.loop, 1000000);
    assert_int_equal(counted(&w, "write_timeout"), 1);
    close(w.probe);
    end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_are_answered_while_others_hold_all_places),
        cmocka_unit_test(a_reader_that_takes_nothing_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

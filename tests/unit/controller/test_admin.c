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
#include <weft/obs/log.h>

enum { HOLDERS = 100, PLACES = 64 };

struct world {
    struct weft_loop *loop;
    struct controller_admin *admin;
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
    struct weft_addr at;
    struct weft_error err = {0};
    int held[HOLDERS];
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("127.0.0.1:0"), &at));
    assert_int_equal(controller_admin_new(w.loop, &at, NULL, &w.admin, &err), WEFT_OK);
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
    controller_admin_close(w.admin);
    while (weft_loop_turn(w.loop)) {
    }
    weft_loop_free(w.loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_are_answered_while_others_hold_all_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

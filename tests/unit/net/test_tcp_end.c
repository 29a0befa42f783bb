/* SPDX-License-Identifier: Apache-2.0
 * What the kernel knows of a TCP connection, or of one to come, and nobody was told yet. */
#include "net_test.h"

static void test_ended_and_not_told(void **state) {
    struct weft_loop *l = weft_loop_new();
    struct weft_listener *ln;
    struct weft_addr at = loopback();
    struct weft_listen_options opt = {0};
    struct peer client = {0}, server = {0};
    assert_int_equal(weft_listener_new(l, &at, &opt, peer_on_accept, &server, &ln, NULL), WEFT_OK);
    peer_take(&client, weft_xport_dial(l, weft_listener_addr(ln), NULL, 1000000));
    UNTIL(l, client.opens && server.x);
    weft_xport_read_stop(server.x);
    weft_xport_read_halt(server.x);
    assert_false(weft_xport_ended(server.x));
    weft_xport_shutdown(client.x);
    UNTIL(l, weft_xport_ended(server.x));
    assert_int_equal(server.eofs, 0);
    weft_xport_read_start(server.x);
    UNTIL(l, server.eofs);
    assert_true(weft_xport_ended(server.x));
    peer_done(&client);
    peer_done(&server);
    weft_listener_close(ln);
    weft_loop_free(l);
}

static void test_bytes_that_wait(void **state) {
    struct weft_loop *l = weft_loop_new();
    struct weft_listener *ln;
    struct weft_addr at = loopback();
    struct peer client = {0}, server = {0};
    assert_int_equal(weft_listener_new(l, &at, NULL, peer_on_accept, &server, &ln, NULL), WEFT_OK);
    assert_false(weft_listener_waiting(ln));
    peer_take(&client, weft_xport_dial(l, weft_listener_addr(ln), NULL, 1000000));
    while (!weft_listener_waiting(ln)) {
    }
    UNTIL(l, client.opens && server.x);
    assert_false(weft_listener_waiting(ln));
    weft_xport_read_stop(server.x);
    weft_xport_read_halt(server.x);
    assert_false(weft_xport_waiting(server.x));
    weft_xport_write(client.x, WEFT_SLICE_LIT("abc"));
    UNTIL(l, weft_xport_waiting(server.x));
    assert_int_equal(server.reads, 0);
    weft_xport_read_start(server.x);
    UNTIL(l, server.reads);
    assert_false(weft_xport_waiting(server.x));
    weft_xport_unread(server.x, WEFT_SLICE_LIT("abc"));
    assert_true(weft_xport_waiting(server.x));
    peer_done(&client);
    peer_done(&server);
    weft_listener_close(ln);
    weft_loop_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ended_and_not_told),
                                       cmocka_unit_test(test_bytes_that_wait)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

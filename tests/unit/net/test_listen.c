/* SPDX-License-Identifier: Apache-2.0
 * A listener on all addresses: both families, or IPv4 where the kernel has no IPv6. */
#include "net_test.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct weft_listener *listen_everywhere(struct weft_loop *l, struct peer *server) {
    const struct weft_addr any = {.family = 6};
    struct weft_listener *ln = NULL;
    assert_int_equal(weft_listener_new(l, &any, NULL, peer_on_accept, server, &ln, NULL), WEFT_OK);
    return ln;
}

/* A new server each time: it takes one connection. */
static bool reached_at(const char *ip) {
    struct weft_loop *l = weft_loop_new();
    struct peer server = {.echo = true}, client = {0};
    struct weft_listener *ln = listen_everywhere(l, &server);
    struct weft_addr to;
    assert_true(weft_addr_parse_ip(weft_slice_str(ip), &to));
    to.port = weft_listener_addr(ln)->port;
    peer_take(&client, weft_xport_dial(l, &to, NULL, 1000000));
    UNTIL(l, client.opens);
    bool open = client.open_st == WEFT_OK;
    peer_done(&client);
    peer_done(&server);
    weft_listener_close(ln);
    weft_loop_free(l);
    return open;
}

static bool has_ipv6_loopback(void) {
    const struct weft_addr one = {.family = 6, .ip = {[15] = 1}};
    struct weft_loop *l = weft_loop_new();
    struct peer server = {0};
    struct weft_listener *ln = NULL;
    bool has = weft_listener_new(l, &one, NULL, peer_on_accept, &server, &ln, NULL) == WEFT_OK;
    weft_listener_close(ln);
    weft_loop_free(l);
    return has;
}

static void test_both_families(void **state) {
    assert_true(reached_at("127.0.0.1"));
    if (!has_ipv6_loopback()) skip();
    assert_true(reached_at("::1"));
}

/* From here on the kernel says what one without IPv6 says. */
static void take_ipv6_away(void) {
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog p = {.len = WEFT_LEN(f), .filter = f};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p))
        _exit(2);
}

static int without_ipv6(void) {
    const struct weft_addr any = {.family = 6}, one = {.family = 6, .ip = {[15] = 1}};
    const struct weft_listen_options only6 = {.v6_only = true};
    struct weft_loop *l = weft_loop_new();
    struct peer server = {0};
    struct weft_listener *ln = NULL;
    take_ipv6_away();
    if (weft_listener_new(l, &any, NULL, peer_on_accept, &server, &ln, NULL) != WEFT_OK) return 3;
    if (weft_listener_addr(ln)->family != 4 || !weft_listener_addr(ln)->port) return 4;
    /* who asks for IPv6 and nothing else does not get IPv4 */
    if (weft_listener_new(l, &any, &only6, peer_on_accept, &server, &ln, NULL) == WEFT_OK) return 5;
    if (weft_listener_new(l, &one, NULL, peer_on_accept, &server, &ln, NULL) == WEFT_OK) return 6;
    return 0;
}

static void test_ipv4_where_there_is_no_ipv6(void **state) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(without_ipv6());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) skip(); /* no filters here */
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_families),
        cmocka_unit_test(test_ipv4_where_there_is_no_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

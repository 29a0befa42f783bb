/* SPDX-License-Identifier: Apache-2.0
 * Small parts of a worker: CPU limits, the cap on negative destinations, the access log's way out.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <sidecar/cpus.h>
#include <sidecar/worker.h>
#include <weft/base/alloc.h>
#include <weft/base/limits.h>

static void cpu_limits(void **state) {
    assert_int_equal(proxy_cpu_limit_v2(WEFT_SLICE_LIT("max 100000\n")), 0);
    assert_int_equal(proxy_cpu_limit_v2(WEFT_SLICE_LIT("150000 100000\n")), 150);
    assert_int_equal(proxy_cpu_limit_v2(WEFT_SLICE_LIT("20000 100000")), 20);
    assert_int_equal(proxy_cpu_limit_v2(WEFT_SLICE_LIT("rubbish")), 0);
    assert_int_equal(proxy_cpu_limit_v1(WEFT_SLICE_LIT("-1\n"), WEFT_SLICE_LIT("100000\n")), 0);
    assert_int_equal(proxy_cpu_limit_v1(WEFT_SLICE_LIT("50000\n"), WEFT_SLICE_LIT("100000\n")), 50);
    assert_int_equal(proxy_cpu_limit_v1(WEFT_SLICE_LIT("50000\n"), WEFT_SLICE_LIT("0\n")), 0);
    assert_in_range(proxy_default_workers(), 1, 2);
}

/* GOAWAY comes after the successor of a certificate should be there (two thirds) and before its
 * end, however short its life; a late successor is not waited for in a storm of connections. */
static void connections_end_between_renewal_and_expiry(void **state) {
    static const int64_t lives[] = {20, 60, 300, 3600, 86400};
    for (size_t i = 0; i < WEFT_LEN(lives); i++) {
        int64_t life = lives[i], at_start = proxy_inbound_use_s(life, life);
        assert_in_range(at_start, life * 2 / 3 + 1, life - 1);
        assert_in_range(life - at_start, 1, 30);
    }
    assert_int_equal(proxy_inbound_use_s(86400, 86400), 86370);
    assert_int_equal(proxy_inbound_use_s(50, 60), 40);
    assert_int_equal(proxy_inbound_use_s(16, 60), 8);
    assert_int_equal(proxy_inbound_use_s(8, 60), 4);
    assert_int_equal(proxy_inbound_use_s(1, 60), 1);
    assert_int_equal(proxy_inbound_use_s(-5, 60), 1);
}

/* ---- the table ---- */

struct asked {
    int want, unwant;
};
static void on_want(void *ud, struct proxy_worker *w, const struct weft_addr *a) {
    ((struct asked *)ud)->want++;
}
static void on_unwant(void *ud, struct proxy_worker *w, const struct weft_addr *a) {
    ((struct asked *)ud)->unwant++;
}
static void on_park(void *arg, bool known) {}

static struct weft_bound *none_bound(const struct weft_addr *a) {
    struct weft_destination *d = weft_destination_new();
    struct weft_error err;
    d->addr = *a;
    d->name = WEFT_SLICE_LIT("dest/x");
    d->kind = WEFT_DEST_NONE;
    assert_int_equal(weft_destination_seal(d, &err), WEFT_OK);
    struct weft_bound *b = weft_new0(struct weft_bound);
    atomic_init(&b->refs, 1);
    b->dest = d;
    b->endpoints = weft_alloc0(sizeof *b->endpoints);
    return b;
}

/* A crawler in the app: the table stays small, and the controller is asked slowly. */
static void negative_entries_are_capped(void **state) {
    struct weft_loop *l = weft_loop_new_fake();
    WEFT_FREE struct proxy_options *o = weft_new0(struct proxy_options);
    struct asked asked = {0};
    struct proxy_worker_hooks hooks = {.ud = &asked, .want = on_want, .unwant = on_unwant};
    proxy_options_default(o);
    struct proxy_worker *w = proxy_worker_new(l, 0, o, &hooks, -1);
    int first = 0;
    for (uint32_t i = 0; i < WEFT_MAX_NEGATIVE + 500; i++) {
        struct weft_addr a = {
            .family = 4, .port = 80, .ip = {11, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
        struct proxy_park p = {.fn = on_park};
        weft_list_init(&p.link);
        struct proxy_dest *d = proxy_dests_get(&w->dests, &a);
        proxy_dest_park(d, &p);
        if (i == 999) first = asked.want; /* all at one moment */
        struct weft_bound *b = none_bound(&a);
        proxy_dests_put(&w->dests, &a, b);
        weft_bound_unref(b);
        proxy_dest_unref(d);
        weft_loop_advance(l, i < 1000 ? 0 : 10000);
    }
    assert_int_equal(first, 200);
    assert_int_equal(w->dests.n_none, WEFT_MAX_NEGATIVE);
    assert_int_equal(HASH_COUNT(w->dests.by_addr), WEFT_MAX_NEGATIVE);
    assert_true(asked.unwant > 0);
    /* Unused for long: given back. */
    weft_loop_advance(l, 700000000);
    weft_loop_advance(l, 60000000);
    assert_int_equal(HASH_COUNT(w->dests.by_addr), 0);
    assert_int_equal(asked.unwant, asked.want);
    proxy_worker_free(w);
    weft_loop_free(l);
}

/* Somebody who tries every port of the pod: what is kept by port stays small. */
static void port_series_are_capped(void **state) {
    struct weft_loop *l = weft_loop_new_fake();
    WEFT_FREE struct proxy_options *o = weft_new0(struct proxy_options);
    struct proxy_worker_hooks hooks = {0};
    proxy_options_default(o);
    struct proxy_worker *w = proxy_worker_new(l, 0, o, &hooks, -1);
    struct proxy_series *first = proxy_inbound_series(w, 1), *other = NULL;
    for (uint32_t port = 2; port < 1000; port++) other = proxy_inbound_series(w, (uint16_t)port);
    size_t n = 0;
    for (struct proxy_port_series *p = w->port_series; p; p = p->next) n++;
    assert_int_equal(n, PROXY_MAX_PORT_SERIES + 1);
    assert_ptr_equal(proxy_inbound_series(w, 1), first);
    assert_ptr_equal(proxy_inbound_series(w, 2000), other);
    assert_true(weft_slice_is(proxy_series_labels(other)->service, ":other"));
    proxy_worker_free(w);
    weft_loop_free(l);
}

/* ---- the log ---- */

static void log_never_blocks(void **state) {
    struct weft_loop *l = weft_loop_new_fake();
    struct proxy_stats stats;
    struct proxy_log log;
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    proxy_stats_init(&stats);
    proxy_log_init(&log, l, &stats, PROXY_LOG_ALL, fds[1]);
    struct weft_addr none = {0};
    struct proxy_series_labels nobody = {0};
    struct proxy_log_line line = {.labels = &nobody,
                                  .protocol = "h1",
                                  .path = WEFT_SLICE_LIT("/x\"y"),
                                  .status = 200,
                                  .client = &none};
    for (int i = 0; i < 20000; i++) proxy_log_write(&log, &line);
    assert_true(weft_counter_value(stats.log_dropped) > 0); /* nobody reads */
    /* Once read, what was kept comes out in whole lines. */
    size_t total = 0, bad = 0;
    for (int round = 0; round < 200; round++) {
        char buf[65536];
        ssize_t n = read(fds[0], buf, sizeof buf);
        if (n > 0) {
            total += (size_t)n;
            bad += buf[0] != '{' && total == (size_t)n;
        }
        weft_loop_advance(l, 100000);
    }
    assert_true(total > 1000000);
    assert_int_equal(bad, 0);
    assert_int_equal(weft_buf_size(&log.buf), 0);
    proxy_log_done(&log);
    proxy_stats_done(&stats);
    close(fds[0]);
    close(fds[1]);
    weft_loop_free(l);
}

static void log_modes(void **state) {
    struct proxy_log l = {.mode = PROXY_LOG_ERRORS};
    assert_false(proxy_log_wants(&l, 200, PROXY_GRPC_NOT, WEFT_REASON_NONE));
    assert_false(proxy_log_wants(&l, 404, PROXY_GRPC_NOT, WEFT_REASON_NONE));
    assert_true(proxy_log_wants(&l, 404, PROXY_GRPC_NOT, WEFT_REASON_NO_ROUTE));
    assert_true(proxy_log_wants(&l, 500, PROXY_GRPC_NOT, WEFT_REASON_NONE));
    assert_false(proxy_log_wants(&l, 301, PROXY_GRPC_NOT, WEFT_REASON_REDIRECT));
    assert_true(proxy_log_wants(&l, 200, PROXY_GRPC_NOT, WEFT_REASON_UPSTREAM_RESET));
    assert_false(proxy_log_wants(&l, 200, 0, WEFT_REASON_NONE));
    assert_false(proxy_log_wants(&l, 200, 5, WEFT_REASON_NONE)); /* NOT_FOUND */
    assert_true(proxy_log_wants(&l, 200, 14, WEFT_REASON_NONE));
    assert_true(proxy_log_wants(&l, 200, PROXY_GRPC_OTHER, WEFT_REASON_NONE));
    assert_false(proxy_log_wants(&l, 200, PROXY_GRPC_NONE, WEFT_REASON_NONE));
    l.mode = PROXY_LOG_OFF;
    assert_false(proxy_log_wants(&l, 500, PROXY_GRPC_NOT, WEFT_REASON_UPSTREAM_RESET));
    l.mode = PROXY_LOG_ALL;
    assert_true(proxy_log_wants(&l, 200, PROXY_GRPC_NOT, WEFT_REASON_NONE));
}

/* ---- the drain ---- */

static int held_port(uint16_t *ret_port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static int asks(uint16_t port) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
    return fd;
}

static void on_drained(void *ud, struct proxy_worker *w) {
    *(bool *)ud = true;
}
static bool is_true(void *ud) {
    return *(bool *)ud;
}

/* Whom the kernel has let in, but the worker has not taken yet: the port is not closed under him.
 * (Nobody listens where the app should be, so what he gets is a 503.) */
static void a_drain_takes_who_knocked(void **state) {
    struct weft_loop *l = weft_loop_new();
    WEFT_FREE struct proxy_options *o = weft_new0(struct proxy_options);
    bool drained = false;
    struct proxy_worker_hooks hooks = {.ud = &drained, .drained = on_drained};
    uint16_t port, app;
    int hold = held_port(&port), no_app = held_port(&app);
    proxy_options_default(o);
    o->outbound_port = o->inbound_port = 0;
    o->n_inbounds = 1;
    o->inbounds[0].at = (struct weft_addr){.family = 4, .ip = {127, 0, 0, 1}, .port = port};
    o->inbounds[0].app_port = app;
    struct proxy_worker *w = proxy_worker_new(l, 0, o, &hooks, -1);
    struct weft_error err;
    assert_int_equal(proxy_worker_listen(w, &err), WEFT_OK);
    int fd = asks(port);
    proxy_worker_drain(w);
    weft_loop_run_until(l, is_true, &drained);
    char answer[1024] = {0};
    assert_true(read(fd, answer, sizeof answer - 1) > 0);
    assert_non_null(strstr(answer, "HTTP/1.1 503"));
    assert_non_null(strstr(answer, "connection: close"));
    proxy_worker_free(w);
    weft_loop_free(l);
    close(fd);
    close(no_app);
    close(hold);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_limits),
        cmocka_unit_test(connections_end_between_renewal_and_expiry),
        cmocka_unit_test(negative_entries_are_capped),
        cmocka_unit_test(port_series_are_capped),
        cmocka_unit_test(log_never_blocks),
        cmocka_unit_test(log_modes),
        cmocka_unit_test(a_drain_takes_who_knocked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * The admin port over a real socket: every page, and what is not one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sidecar/admin.h>
#include <weft/base/alloc.h>
#include <weft/net/xport.h>
#include <weft/obs/log.h>

struct fixture {
    struct weft_loop *loop;
    struct proxy_admin *admin;
    struct proxy_options opt;
    bool ready, hold, large, keep_alive;
    int hits[WEFT_CAP_COUNT];
    int drains;
    enum proxy_log_mode access_log;
    void (*later)(void *arg, char *text);
    void *later_arg;
    struct weft_xport *x;
    struct weft_buf in;
    bool done;
};

static bool is_ready(void *ud) {
    return ((struct fixture *)ud)->ready;
}
static void metrics(void *ud, struct weft_buf *out) {
    static char line[65536];
    weft_buf_str(out, "weft_test 1\n");
    memset(line, '#', sizeof line - 1);
    line[sizeof line - 2] = '\n';
    for (int i = 0; ((struct fixture *)ud)->large && i < 1024; i++) weft_buf_str(out, line);
}
static char *config_dump(void *ud) {
    return weft_strdup("{}\n");
}

static void endpoints(void *ud, void (*done)(void *arg, char *text), void *arg) {
    struct fixture *f = ud;
    if (!f->hold) {
        done(arg, weft_strdup("[]\n"));
        return;
    }
    f->later = done;
    f->later_arg = arg;
}

static void drain(void *ud) {
    ((struct fixture *)ud)->drains++;
}
static void stats(void *ud, const struct proxy_stats_query *q, struct weft_buf *out) {
    weft_buf_printf(out, "stats filter=%.*s all=%d json=%d\n", WEFT_SLICE_ARG(q->filter), q->all,
                    q->json);
}
static enum proxy_log_mode access_log(void *ud) {
    return ((struct fixture *)ud)->access_log;
}
static void set_access_log(void *ud, enum proxy_log_mode mode) {
    ((struct fixture *)ud)->access_log = mode;
}

static void limit(void *ud, enum weft_cap cap) {
    ((struct fixture *)ud)->hits[cap]++;
}

static int setup_on(void **state, struct weft_loop *loop) {
    struct fixture *f = weft_new0(struct fixture);
    struct weft_error err = {0};
    f->loop = loop;
    proxy_options_default(&f->opt);
    f->opt.metrics_port = f->opt.ready_port = 0;
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("127.0.0.1:0"), &f->opt.admin));
    struct proxy_admin_source src = {f,     is_ready, metrics,    config_dump,    endpoints,
                                     drain, stats,    access_log, set_access_log, limit};
    assert_int_equal(proxy_admin_new(f->loop, &f->opt, &src, &f->admin, &err), WEFT_OK);
    weft_buf_init(&f->in, 0);
    *state = f;
    return 0;
}

static int setup(void **state) {
    return setup_on(state, weft_loop_new());
}
/* The sockets are real, the time is not. */
static int setup_still(void **state) {
    return setup_on(state, weft_loop_new_fake());
}

static int teardown(void **state) {
    struct fixture *f = *state;
    if (f->x) weft_xport_close(f->x);
    proxy_admin_free(f->admin);
    weft_loop_free(f->loop);
    weft_buf_done(&f->in);
    free(f);
    return 0;
}

static void on_read(void *ud, struct weft_slice data) {
    (void)weft_buf_append(&((struct fixture *)ud)->in, data);
}
static void on_eof(void *ud) {
    ((struct fixture *)ud)->done = true;
}
static void on_error(void *ud, enum weft_status st) {
    ((struct fixture *)ud)->done = true;
}
static const struct weft_xport_cb cb = {.on_read = on_read, .on_eof = on_eof, .on_error = on_error};

static bool is_done(void *ud) {
    return ((struct fixture *)ud)->done;
}

static void start(struct fixture *f, const char *method, const char *path) {
    WEFT_FREE char *text = weft_asprintf(
        "%s %s HTTP/1.1\r\nHost: admin\r\nConnection: %s\r\nContent-Length: 0\r\n\r\n", method,
        path, f->keep_alive ? "keep-alive" : "close");
    if (f->x) weft_xport_close(f->x);
    weft_buf_clear(&f->in);
    f->done = false;
    f->x = weft_xport_dial(f->loop, proxy_admin_addr(f->admin), NULL, 0);
    weft_xport_set_cb(f->x, &cb, f);
    weft_xport_write(f->x, weft_slice_str(text));
    weft_xport_read_start(f->x);
}

static void start_get(struct fixture *f, const char *path) {
    start(f, "GET", path);
}

static const char *finish_get(struct fixture *f) {
    weft_loop_run_until(f->loop, is_done, f);
    (void)weft_buf_char(&f->in, 0);
    return weft_buf_slice(&f->in).base;
}

static const char *get(struct fixture *f, const char *path) {
    start_get(f, path);
    return finish_get(f);
}

static void pages(void **state) {
    struct fixture *f = *state;
    assert_non_null(strstr(get(f, "/"), "/config_dump"));
    assert_non_null(strstr(get(f, "/ready"), "HTTP/1.1 503"));
    f->ready = true;
    assert_non_null(strstr(get(f, "/ready"), "HTTP/1.1 200"));
    const char *m = get(f, "/metrics");
    assert_non_null(strstr(m, "weft_test 1\n"));
    assert_non_null(strstr(m, "content-type: text/plain; version=0.0.4"));
    assert_non_null(strstr(get(f, "/config_dump"), "\r\n\r\n{}\n"));
    assert_non_null(strstr(get(f, "/endpoints"), "\r\n\r\n[]\n"));
    const char *none = get(f, "/other");
    assert_non_null(strstr(none, "HTTP/1.1 404"));
    assert_non_null(strstr(none, "\n/config_dump "));
}

static bool is_held(void *ud) {
    return ((struct fixture *)ud)->later != NULL;
}
static void answer_held(void *arg) {
    struct fixture *f = arg;
    f->later(f->later_arg, weft_strdup("[1]\n"));
}

/* The workers answer later; the caller may have gone by then. */
static void answer_that_comes_later(void **state) {
    struct fixture *f = *state;
    f->hold = true;
    start_get(f, "/endpoints");
    weft_loop_run_until(f->loop, is_held, f);
    weft_loop_defer(f->loop, answer_held, f);
    assert_non_null(strstr(finish_get(f), "\r\n\r\n[1]\n"));
    f->later = NULL;
    start_get(f, "/endpoints");
    weft_loop_run_until(f->loop, is_held, f);
    f->hold = false;
    assert_non_null(strstr(get(f, "/endpoints"), "[]\n")); /* closes the one that waits */
    answer_held(f);
}

static const char *ask(struct fixture *f, const char *method, const char *path) {
    start(f, method, path);
    return finish_get(f);
}

/* A GET, as a browser or crawler makes, drains nothing. */
static void changes_by_post_only(void **state) {
    static const char *const ends[] = {"/drain", "/quitquitquit"};
    struct fixture *f = *state;
    assert_non_null(strstr(get(f, "/live"), "HTTP/1.1 200"));
    for (int i = 0; i < 2; i++) {
        const char *refused = get(f, ends[i]);
        assert_non_null(strstr(refused, "HTTP/1.1 405"));
        assert_non_null(strstr(refused, "\r\nallow: POST\r\n"));
        assert_int_equal(f->drains, i);
        assert_non_null(strstr(ask(f, "POST", ends[i]), "HTTP/1.1 200"));
        assert_int_equal(f->drains, i + 1);
    }
}

static void pages_that_show_take_no_post(void **state) {
    static const char *const shows[] = {"/",      "/live",        "/ready",    "/metrics",
                                        "/stats", "/config_dump", "/endpoints"};
    struct fixture *f = *state;
    f->ready = true;
    for (size_t i = 0; i < WEFT_LEN(shows); i++) {
        assert_non_null(strstr(ask(f, "POST", shows[i]), "HTTP/1.1 405"));
        assert_non_null(strstr(ask(f, "DELETE", shows[i]), "HTTP/1.1 405"));
        const char *head = ask(f, "HEAD", shows[i]);
        assert_non_null(strstr(head, "HTTP/1.1 200"));
        assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
    }
}

static void logging_level(void **state) {
    struct fixture *f = *state;
    assert_non_null(strstr(ask(f, "POST", "/logging?level=error"), "level: error\n"));
    assert_int_equal(weft_log_level(), WEFT_LOG_ERROR);
    assert_non_null(strstr(ask(f, "POST", "/logging?level=loud"), "HTTP/1.1 400"));
    assert_non_null(strstr(get(f, "/logging?level=info"), "HTTP/1.1 405"));
    assert_int_equal(weft_log_level(), WEFT_LOG_ERROR);
    ask(f, "POST", "/logging?level=info");
    assert_int_equal(weft_log_level(), WEFT_LOG_INFO);
    assert_non_null(strstr(get(f, "/logging"), "level: info\naccess: off\n"));
}

static void logging_access(void **state) {
    struct fixture *f = *state;
    assert_non_null(strstr(ask(f, "POST", "/logging?access=all"), "access: all\n"));
    assert_int_equal(f->access_log, PROXY_LOG_ALL);
    assert_non_null(strstr(get(f, "/logging?access=off"), "HTTP/1.1 405"));
    assert_non_null(strstr(ask(f, "POST", "/logging?access=some"), "HTTP/1.1 400"));
    assert_non_null(strstr(ask(f, "POST", "/logging?other=all"), "HTTP/1.1 400"));
    assert_int_equal(f->access_log, PROXY_LOG_ALL);
    ask(f, "POST", "/logging?access=errors&level=warn");
    assert_int_equal(f->access_log, PROXY_LOG_ERRORS);
    assert_int_equal(weft_log_level(), WEFT_LOG_WARN);
    ask(f, "POST", "/logging?level=info");
}

static void stats_page(void **state) {
    struct fixture *f = *state;
    assert_non_null(strstr(get(f, "/stats"), "stats filter= all=0 json=0\n"));
    assert_non_null(strstr(get(f, "/stats?filter=x&all"), "stats filter=x all=1 json=0\n"));
    const char *json = get(f, "/stats?format=json");
    assert_non_null(strstr(json, "json=1\n"));
    assert_non_null(strstr(json, "content-type: application/json"));
    assert_non_null(strstr(get(f, "/stats?format=xml"), "HTTP/1.1 400"));
}

/* Whoever can reach the port may hold connections; probes get in all the same. */
static void holders_keep_nobody_out(void **state) {
    enum { HELD = 65 };
    struct fixture *f = *state;
    struct fixture held[HELD] = {0};
    for (int i = 0; i < HELD; i++) {
        held[i].x = weft_xport_dial(f->loop, proxy_admin_addr(f->admin), NULL, 0);
        weft_buf_init(&held[i].in, 0);
        weft_xport_set_cb(held[i].x, &cb, &held[i]);
        weft_xport_read_start(held[i].x);
    }
    weft_loop_run_until(f->loop, is_done, &held[0]);
    assert_non_null(strstr(get(f, "/live"), "HTTP/1.1 200"));
    int ended = 0;
    for (int i = 0; i < HELD; i++) ended += held[i].done;
    assert_in_range(ended, 1, 2);
    assert_in_range(f->hits[WEFT_CAP_CONNECTIONS], 2, 3); /* and for those of the end */
    for (int i = 0; i < HELD; i++) {
        weft_xport_close(held[i].x);
        weft_buf_done(&held[i].in);
    }
}

static void pass(struct fixture *f, int seconds) {
    for (int i = 0; i < seconds; i++) {
        for (int k = 0; k < 100; k++) (void)weft_loop_turn(f->loop);
        weft_loop_advance(f->loop, 1000000);
    }
}

/* Who asks for a large answer and takes nothing of it holds its memory, but not for ever. */
static void a_reader_that_takes_nothing(void **state) {
    struct fixture *f = *state;
    f->large = true;
    start_get(f, "/metrics");
    weft_xport_read_stop(f->x);
    pass(f, 29);
    assert_int_equal(f->hits[WEFT_CAP_WRITE_TIMEOUT], 0);
    pass(f, 4);
    assert_int_equal(f->hits[WEFT_CAP_WRITE_TIMEOUT], 1);
    weft_xport_read_start(f->x);
    while (!f->done) (void)weft_loop_turn(f->loop);
    assert_true(weft_buf_size(&f->in) < 1024 * 65536); /* cut */
}

/* A slow one gets it all, however long that takes. */
static void a_slow_reader(void **state) {
    struct fixture *f = *state;
    const size_t all = 1024 * 65534;
    f->large = f->keep_alive = true;
    start_get(f, "/metrics");
    for (size_t want = 0; weft_buf_size(&f->in) < all; want += 8000000) {
        weft_xport_read_start(f->x);
        while (!f->done && weft_buf_size(&f->in) < (want < all ? want : all))
            (void)weft_loop_turn(f->loop);
        weft_xport_read_stop(f->x);
        assert_false(f->done);
        pass(f, 20);
    }
    assert_int_equal(f->hits[WEFT_CAP_WRITE_TIMEOUT], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pages, setup, teardown),
        cmocka_unit_test_setup_teardown(answer_that_comes_later, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_by_post_only, setup, teardown),
        cmocka_unit_test_setup_teardown(pages_that_show_take_no_post, setup, teardown),
        cmocka_unit_test_setup_teardown(logging_level, setup, teardown),
        cmocka_unit_test_setup_teardown(logging_access, setup, teardown),
        cmocka_unit_test_setup_teardown(stats_page, setup, teardown),
        cmocka_unit_test_setup_teardown(holders_keep_nobody_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_takes_nothing, setup_still, teardown),
        cmocka_unit_test_setup_teardown(a_slow_reader, setup_still, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * The app's probes made by the proxy, over real sockets: what the app is asked, what the kubelet is
 * answered, for HTTP, HTTPS, TCP and gRPC, good and bad; and what the injector must not hand over.
 * The verdicts are the kubelet's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sidecar/app_probe.h>
#include <weft/base/alloc.h>
#include <weft/conn/grpc_call.h>
#include <weft/conn/server.h>

struct world {
    struct weft_loop *loop; /* fake clock: it moves only where a test says so */
    struct weft_listener *app, *health;
    struct app_probes *probes;
    struct weft_tls_ctx *tls; /* the app's, NULL: plain */
    bool grpc, silent, hang_up;
    const char *answers[3]; /* raw, one a connection; the last repeats */
    size_t n_conns;
    char request[2048]; /* the last one */
    struct weft_list conns;
    /* gRPC app */
    uint32_t grpc_status;
    int serving;
    char service[64];
    /* the kubelet */
    struct weft_xport *kubelet[2];
    char got[2][2048];
    size_t n_got[2], n_done;
};

/* === the app === */

struct app_conn {
    struct weft_list link;
    struct world *w;
    struct weft_xport *x;
    struct weft_server_conn *server;
    struct weft_grpc_call *call;
    size_t n;
};

static void app_gone(struct app_conn *c) {
    weft_list_remove(&c->link);
    free(c);
}
static void app_read(void *ud, struct weft_slice data) {
    struct app_conn *c = ud;
    struct world *w = c->w;
    if (c->n + data.len >= sizeof w->request) return;
    memcpy(w->request + c->n, data.base, data.len);
    w->request[c->n += data.len] = 0;
    if (w->silent || !strstr(w->request, "\r\n\r\n")) return;
    size_t i = w->n_conns - 1;
    while (i > 0 && (i >= WEFT_LEN(w->answers) || !w->answers[i])) i--;
    weft_xport_write(c->x, weft_slice_str(w->answers[i]));
    weft_xport_shutdown(c->x);
}
static void app_over(void *ud) {
    struct app_conn *c = ud;
    weft_xport_close(c->x);
    app_gone(c);
}
static void app_error(void *ud, enum weft_status st) {
    app_over(ud);
}
static const struct weft_xport_cb app_cb = {
    .on_read = app_read, .on_eof = app_over, .on_error = app_error};

static void on_method_message(void *ud, struct weft_slice m) {
    struct app_conn *c = ud;
    if (m.len >= 2 && m.base[0] == 0x0a)
        snprintf(c->w->service, sizeof c->w->service, "%.*s", (int)m.base[1], m.base + 2);
}
static void on_method_closed(void *ud) {
    struct app_conn *c = ud;
    char message[2] = {0x08, (char)c->w->serving};
    if (c->w->grpc_status == WEFT_GRPC_OK)
        (void)weft_grpc_call_send(c->call, weft_slice(message, 2));
    weft_grpc_call_finish(c->call, c->w->grpc_status, WEFT_SLICE_LIT("as told"));
    c->call = weft_grpc_call_free(c->call);
}
static void on_method_end(void *ud, uint32_t status, struct weft_slice text) {
    struct app_conn *c = ud;
    c->call = weft_grpc_call_free(c->call);
}
static void on_app_request(void *ud, struct weft_server_conn *sc, struct weft_stream *s,
                           struct weft_head *head, bool end) {
    static const struct weft_grpc_cb cb = {.on_message = on_method_message,
                                           .on_half_close = on_method_closed,
                                           .on_end = on_method_end};
    struct app_conn *c = ud;
    snprintf(c->w->request, sizeof c->w->request, WEFT_SLICE_FMT, WEFT_SLICE_ARG(head->path));
    c->call = weft_grpc_call_accept(s, end, 1000, &cb, c);
}
static void on_app_closed(void *ud, struct weft_server_conn *sc) {
    app_gone(ud);
}
static void on_app_accept(void *ud, struct weft_xport *x) {
    static const struct weft_server_cb cb = {.on_request = on_app_request,
                                             .on_closed = on_app_closed};
    struct world *w = ud;
    struct app_conn *c = weft_new0(struct app_conn);
    *c = (struct app_conn){.w = w, .x = x};
    weft_list_push(&w->conns, &c->link);
    w->n_conns++;
    if (w->hang_up) {
        app_over(c);
    } else if (w->grpc) {
        const struct weft_server_options opt = {.h2 = true, .limits = weft_codec_limits_default()};
        c->server = weft_server_conn_new(x, &opt, &cb, c);
    } else {
        if (w->tls) c->x = weft_xport_tls_server(x, w->tls, 0);
        weft_xport_set_cb(c->x, &app_cb, c);
        weft_xport_read_start(c->x);
    }
}

/* === the health server === */

static void on_health_request(void *ud, struct weft_server_conn *c, struct weft_stream *s,
                              struct weft_head *head, bool end) {
    struct world *w = ud;
    assert_true(app_probes_serve(w->probes, s, head));
}
static void on_health_accept(void *ud, struct weft_xport *x) {
    static const struct weft_server_cb cb = {.on_request = on_health_request};
    const struct weft_server_options opt = {.limits = weft_codec_limits_default()};
    (void)weft_server_conn_new(x, &opt, &cb, ud);
}

/* === the kubelet === */

struct asking {
    struct world *w;
    int i;
};
static struct asking askings[2];

static void kubelet_read(void *ud, struct weft_slice data) {
    struct asking *a = ud;
    char *at = a->w->got[a->i];
    size_t *n = &a->w->n_got[a->i];
    assert_true(*n + data.len < sizeof a->w->got[0]);
    memcpy(at + *n, data.base, data.len);
    at[ *n += data.len] = 0;
}
static void kubelet_over(void *ud) {
    struct asking *a = ud;
    a->w->n_done++;
    weft_xport_close(weft_take(&a->w->kubelet[a->i]));
}
static void kubelet_error(void *ud, enum weft_status st) {
    kubelet_over(ud);
}
static void ask(struct world *w, int i, const char *path) {
    static const struct weft_xport_cb cb = {
        .on_read = kubelet_read, .on_eof = kubelet_over, .on_error = kubelet_error};
    WEFT_FREE char *text = weft_asprintf("GET /app-probe/%s HTTP/1.1\r\nhost: 10.0.0.1:15020\r\n"
                                         "connection: close\r\n\r\n",
                                         path);
    askings[i] = (struct asking){w, i};
    w->n_got[i] = 0;
    w->got[i][0] = 0;
    w->kubelet[i] = weft_xport_dial(w->loop, weft_listener_addr(w->health), NULL, 0);
    weft_xport_set_cb(w->kubelet[i], &cb, &askings[i]);
    weft_xport_write(w->kubelet[i], weft_slice_str(text));
    weft_xport_read_start(w->kubelet[i]);
}
static bool one_done(void *ud) {
    return ((struct world *)ud)->n_done >= 1;
}
static bool two_done(void *ud) {
    return ((struct world *)ud)->n_done >= 2;
}
static bool was_asked(void *ud) {
    return strstr(((struct world *)ud)->request, "\r\n\r\n") != NULL;
}

/* === the world === */

static struct weft_listener *listen_on(struct world *w, void (*fn)(void *, struct weft_xport *)) {
    struct weft_addr at = {.family = 4, .ip = {127, 0, 0, 1}};
    struct weft_listener *l = NULL;
    struct weft_error err;
    assert_int_equal(
        weft_listener_new(w->loop, &at, &(struct weft_listen_options){0}, fn, w, &l, &err),
        WEFT_OK);
    return l;
}

static int setup(void **state) {
    struct world *w = weft_new0(struct world);
    w->loop = weft_loop_new_fake();
    weft_list_init(&w->conns);
    w->app = listen_on(w, on_app_accept);
    w->health = listen_on(w, on_health_accept);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    for (int i = 0; i < 2; i++)
        if (w->kubelet[i]) weft_xport_close(w->kubelet[i]);
    w->probes = app_probes_free(w->probes);
    weft_listener_close(w->app);
    weft_listener_close(w->health);
    for (int i = 0; i < 1000 && weft_loop_turn(w->loop); i++) {
    }
    weft_list_each(it, &w->conns) {
        struct app_conn *c = WEFT_CONTAINER(it, struct app_conn, link);
        if (c->server)
            weft_server_conn_close(c->server);
        else
            app_over(c);
    }
    weft_loop_advance(w->loop, 10000000);
    weft_tls_ctx_unref(w->tls);
    weft_loop_free(w->loop);
    free(w);
    return 0;
}

/* `action` with PORT for the app's port and ' for ". */
static void hand_over(struct world *w, const char *key, const char *action) {
    const struct weft_addr app = {.family = 4, .ip = {127, 0, 0, 1}};
    struct weft_error err = {0};
    char json[1024];
    size_t n = (size_t)snprintf(json, sizeof json, "{\"%s\":{", key);
    for (; *action; action++) {
        if (!strncmp(action, "PORT", 4)) {
            n +=
                (size_t)snprintf(json + n, sizeof json - n, "%u", weft_listener_addr(w->app)->port);
            action += 3;
        } else {
            json[n++] = *action == '\'' ? '"' : *action;
        }
    }
    snprintf(json + n, sizeof json - n, "}}");
    w->probes = app_probes_free(w->probes);
    if (app_probes_new(w->loop, weft_slice_str(json), &app, &w->probes, &err) != WEFT_OK)
        fail_msg("%s: %s: %s", json, err.path, err.message);
}

static void expect(struct world *w, int i, const char *status, const char *part) {
    WEFT_FREE char *line = weft_asprintf("HTTP/1.1 %s", status);
    if (strncmp(w->got[i], line, strlen(line)) != 0 || !strstr(w->got[i], part))
        fail_msg("wanted %s with \"%s\", got:\n%s", status, part, w->got[i]);
}

static void probe(struct world *w, const char *action, const char *status, const char *part) {
    hand_over(w, "web/readiness", action);
    w->n_done = w->n_conns = 0;
    w->request[0] = 0;
    ask(w, 0, "web/readiness");
    weft_loop_run_until(w->loop, one_done, w);
    expect(w, 0, status, part);
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static void http_asks_as_the_kubelet_does(void **state) {
    struct world *w = *state;
    w->answers[0] = OK;
    probe(w, "'httpGet':{'path':'/healthz?full=1','port':PORT}", "200",
          "web/readiness: HTTP status 200");
    assert_non_null(strstr(w->request, "GET /healthz?full=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(w->request, "ost: 127.0.0.1:"));
    assert_non_null(strstr(w->request, "user-agent: kube-probe/"));
    assert_non_null(strstr(w->request, "accept: */*\r\n"));
    probe(w, "'httpGet':{'port':PORT}", "200", "");
    assert_non_null(strstr(w->request, "GET / HTTP/1.1\r\n"));
}

static void its_headers_replace_ours(void **state) {
    struct world *w = *state;
    w->answers[0] = OK;
    probe(w,
          "'httpGet':{'path':'x','port':PORT,'httpHeaders':[{'name':'Host','value':'shop.local'},"
          "{'name':'User-Agent','value':'me'},{'name':'Accept','value':''},"
          "{'name':'X-A','value':'1'},{'name':'X-A','value':'2'},"
          "{'name':'Content-Length','value':'99'}]}",
          "200", "");
    assert_non_null(strstr(w->request, "GET /x HTTP/1.1\r\n"));
    assert_non_null(strstr(w->request, "ost: shop.local\r\n"));
    assert_non_null(strstr(w->request, "user-agent: me\r\n"));
    assert_null(strstr(w->request, "accept"));
    assert_null(strstr(w->request, "99"));
    assert_non_null(strstr(w->request, "x-a: 1\r\nx-a: 2\r\n"));
}

/* 200 to 399 is good; the body of what is not comes along. */
static void the_status_decides(void **state) {
    struct world *w = *state;
    static const struct {
        const char *answer, *status, *part;
    } rows[] = {
        {"HTTP/1.1 204 No Content\r\n\r\n", "200", "status 204"},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", "200", "status 304"},
        {"HTTP/1.1 399 Odd\r\nContent-Length: 0\r\n\r\n", "200", "status 399"},
        {"HTTP/1.1 400 Bad\r\nContent-Length: 7\r\n\r\nbecause", "503", "status 400: because"},
        {"HTTP/1.1 500 Bad\r\n\r\ndatabase\naway", "503", "status 500: database away"},
        {"HTTP/1.1 503 Bad\r\nContent-Length: 99\r\n\r\ncut", "503", "status 503: cut"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ncut", "503", "ended before"},
        {"SSH-2.0-x\r\n\r\n", "503", "is not HTTP"},
        {"", "503", "ended before an answer came"},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        w->answers[0] = rows[i].answer;
        probe(w, "'httpGet':{'port':PORT}", rows[i].status, rows[i].part);
    }
}

static void redirects_are_followed_on_the_same_host_only(void **state) {
    struct world *w = *state;
    w->answers[0] = "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n";
    w->answers[1] = "HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n";
    probe(w, "'httpGet':{'port':PORT}", "503", "status 500");
    assert_non_null(strstr(w->request, "GET /other HTTP/1.1\r\n"));
    w->answers[0] =
        "HTTP/1.1 302 Found\r\nLocation: http://example.org/x\r\nContent-Length: 0\r\n\r\n";
    probe(w, "'httpGet':{'port':PORT}", "200", "status 302");
    assert_int_equal(w->n_conns, 1);
    w->answers[0] = "HTTP/1.1 301 Moved\r\nLocation: again\r\nContent-Length: 0\r\n\r\n";
    w->answers[1] = NULL;
    probe(w, "'httpGet':{'path':'/a/b','port':PORT}", "503", "stopped after 10 redirects");
    assert_int_equal(w->n_conns, 11);
    assert_non_null(strstr(w->request, "GET /a/again HTTP/1.1\r\n"));
}

/* RFC 3986 5.4, as far as a probe meets it: from /b/c/d?q */
static void a_relative_location_is_resolved(void **state) {
    struct world *w = *state;
    static const struct {
        const char *location, *asked;
    } rows[] = {
        {"?y", "/b/c/d?y"},
        {"g", "/b/c/g"},
        {"g?y", "/b/c/g?y"},
        {"g/", "/b/c/g/"},
        {"/g", "/g"},
        {"./g", "/b/c/g"},
        {".", "/b/c/"},
        {"..", "/b/"},
        {"../g", "/b/g"},
        {"../../../g", "/g"},
        {"/./g/../h", "/h"},
        {"g?y/./x", "/b/c/g?y/./x"},
        {"g?y/../x", "/b/c/g?y/../x"},
        {"#s", "/b/c/d?q/r"},
        {"g#s/../x", "/b/c/g"},
        {"..g", "/b/c/..g"},
        {"g..", "/b/c/g.."},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        WEFT_FREE char *moved = weft_asprintf(
            "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", rows[i].location);
        WEFT_FREE char *line = weft_asprintf("GET %s HTTP/1.1\r\n", rows[i].asked);
        w->answers[0] = moved;
        w->answers[1] = "HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n";
        probe(w, "'httpGet':{'path':'/b/c/d?q/r','port':PORT}", "503", "status 500");
        if (!strstr(w->request, line)) fail_msg("%s: not %s", w->request, line);
    }
}

static void nobody_listening_fails(void **state) {
    struct world *w = *state;
    w->hang_up = true;
    probe(w, "'httpGet':{'port':PORT}", "503", "127.0.0.1:");
    probe(w, "'httpGet':{'port':1}", "503", "127.0.0.1:1: connection refused");
    probe(w, "'tcpSocket':{'port':1}", "503", "connection refused");
    probe(w, "'grpc':{'port':1}", "503", "connection refused");
}

static void once_more(struct world *w) {
    w->n_done = w->n_conns = 0;
    w->request[0] = 0;
    ask(w, 0, "web/readiness");
    weft_loop_run_until(w->loop, one_done, w);
}

/* The file that stderr goes to from here on; the descriptor that it had is in *ret_was. */
static FILE *take_stderr(int *ret_was) {
    FILE *f = tmpfile();
    assert_non_null(f);
    (void)fflush(stderr);
    *ret_was = dup(STDERR_FILENO);
    assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
    return f;
}

static void the_log_says_each_way_to_fail_once(void **state) {
    struct world *w = *state;
    int was;
    FILE *f = take_stderr(&was);
    hand_over(w, "web/readiness", "'httpGet':{'port':PORT}");
    w->hang_up = true; /* as an app that does not listen yet */
    for (int i = 0; i < 3; i++) once_more(w);
    w->hang_up = false;
    w->answers[0] = "HTTP/1.1 503 Bad\r\nContent-Length: 3\r\n\r\none";
    once_more(w);
    w->answers[0] = "HTTP/1.1 503 Bad\r\nContent-Length: 3\r\n\r\ntwo";
    once_more(w);
    (void)fflush(stderr);
    (void)dup2(was, STDERR_FILENO);
    (void)close(was);
    rewind(f);
    char line[1024], said[2][1024] = {"", ""};
    size_t n = 0;
    for (; fgets(line, sizeof line, f); n++)
        if (n < 2) memcpy(said[n], line, sizeof line);
    (void)fclose(f);
    assert_int_equal(n, 2);
    assert_non_null(strstr(said[0], "web/readiness: 127.0.0.1:"));
    assert_non_null(strstr(said[1], "web/readiness: HTTP status 503: one"));
}

static void silence_fails_when_the_time_is_over(void **state) {
    struct world *w = *state;
    w->silent = true;
    hand_over(w, "web/liveness", "'httpGet':{'port':PORT},'timeoutSeconds':3");
    ask(w, 0, "web/liveness");
    weft_loop_run_until(w->loop, was_asked, w);
    weft_loop_advance(w->loop, 2999999);
    assert_int_equal(w->n_done, 0);
    weft_loop_advance(w->loop, 1);
    weft_loop_run_until(w->loop, one_done, w);
    expect(w, 0, "503", "no answer within 3 s");
}

static void who_asks_meanwhile_shares_the_check(void **state) {
    struct world *w = *state;
    w->silent = true;
    hand_over(w, "web/liveness", "'httpGet':{'port':PORT}");
    ask(w, 0, "web/liveness");
    weft_loop_run_until(w->loop, was_asked, w);
    ask(w, 1, "web/liveness");
    for (int i = 0; i < 50; i++) (void)weft_loop_turn(w->loop);
    weft_loop_advance(w->loop, 1000000);
    weft_loop_run_until(w->loop, two_done, w);
    expect(w, 0, "503", "no answer");
    expect(w, 1, "503", "no answer");
    assert_int_equal(w->n_conns, 1);
}

static struct weft_tls_ctx *app_tls(void) {
    struct weft_buf key, root, leaf_key, csr, chain;
    struct weft_buf *all[] = {&key, &root, &leaf_key, &csr, &chain};
    struct weft_slice id = WEFT_SLICE_LIT("spiffe://other.example/ns/a/sa/b");
    struct weft_identity *identity = NULL;
    struct weft_tls_ctx *ctx = NULL;
    struct weft_error err;
    int64_t now = (int64_t)(weft_clock_unix_us() / 1000000);
    for (size_t i = 0; i < WEFT_LEN(all); i++) weft_buf_init(all[i], 0);
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_key(&leaf_key), WEFT_OK);
    assert_int_equal(
        weft_pki_root(weft_buf_slice(&key), WEFT_SLICE_LIT("other.example"), now, 999, &root, &err),
        WEFT_OK);
    assert_int_equal(weft_pki_csr(weft_buf_slice(&leaf_key), id, &csr, &err), WEFT_OK);
    assert_int_equal(weft_pki_sign(weft_buf_slice(&key), weft_buf_slice(&root),
                                   weft_buf_slice(&csr), id, NULL, now, 900, &chain, &err),
                     WEFT_OK);
    assert_int_equal(weft_identity_new(weft_buf_slice(&leaf_key), weft_buf_slice(&chain),
                                       weft_buf_slice(&root), NULL, 0, now, &identity, &err),
                     WEFT_OK);
    assert_int_equal(weft_tls_ctx_new(WEFT_TLS_CONTROL_SERVER, identity, NULL, &ctx, &err),
                     WEFT_OK);
    weft_identity_unref(identity);
    for (size_t i = 0; i < WEFT_LEN(all); i++) weft_buf_done(all[i]);
    return ctx;
}

static void https_is_not_verified(void **state) {
    struct world *w = *state;
    w->tls = app_tls();
    w->answers[0] = OK;
    probe(w, "'httpGet':{'port':PORT,'scheme':'HTTPS'},'timeoutSeconds':5", "200", "status 200");
    w->answers[0] = "HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n";
    probe(w, "'httpGet':{'port':PORT,'scheme':'HTTPS'},'timeoutSeconds':5", "503", "status 500");
    weft_tls_ctx_unref(w->tls);
    w->tls = NULL;
    w->answers[0] = "no TLS here\r\n";
    w->hang_up = true;
    probe(w, "'httpGet':{'port':PORT,'scheme':'HTTPS'},'timeoutSeconds':5", "503", "127.0.0.1:");
}

static void tcp_connects(void **state) {
    struct world *w = *state;
    probe(w, "'tcpSocket':{'port':PORT}", "200", "connected");
}

static void grpc_asks_for_health(void **state) {
    struct world *w = *state;
    w->grpc = true;
    w->serving = 1;
    probe(w, "'grpc':{'port':PORT,'service':'shop.Cart'}", "200", "SERVING");
    assert_string_equal(w->request, "/grpc.health.v1.Health/Check");
    assert_string_equal(w->service, "shop.Cart");
    w->serving = 2;
    probe(w, "'grpc':{'port':PORT,'service':'shop.Cart'}", "503",
          "health of service \"shop.Cart\" is NOT_SERVING");
    w->grpc_status = WEFT_GRPC_UNIMPLEMENTED;
    probe(w, "'grpc':{'port':PORT}", "503", "does not implement");
    w->grpc_status = WEFT_GRPC_UNAVAILABLE;
    probe(w, "'grpc':{'port':PORT}", "503", "gRPC status 14: as told");
}

/* Any answer is good for a hook; without one the kubelet must get none, or it would count. */
static void hooks_need_their_secret_and_an_answer(void **state) {
    struct world *w = *state;
    w->answers[0] = "HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n";
    hand_over(w, "web/pre-stop", "'httpGet':{'path':'/bye','port':PORT},'secret':'s-1'");
    ask(w, 0, "web/pre-stop");
    weft_loop_run_until(w->loop, one_done, w);
    expect(w, 0, "404", "no such probe");
    w->n_done = 0;
    ask(w, 0, "web/pre-stop?s-1");
    weft_loop_run_until(w->loop, one_done, w);
    expect(w, 0, "200", "status 500");
    assert_non_null(strstr(w->request, "GET /bye "));
    hand_over(w, "web/pre-stop", "'httpGet':{'port':1},'secret':'s-1'");
    w->n_done = 0;
    ask(w, 0, "web/pre-stop?s-1");
    weft_loop_run_until(w->loop, one_done, w);
    assert_int_equal(w->n_got[0], 0);
}

static void other_paths_are_none(void **state) {
    struct world *w = *state;
    w->answers[0] = OK;
    hand_over(w, "web/readiness", "'httpGet':{'port':PORT}");
    ask(w, 0, "web/liveness");
    weft_loop_run_until(w->loop, one_done, w);
    expect(w, 0, "404", "no such probe");
    assert_int_equal(w->n_conns, 0);
}

static void what_is_no_probe_is_refused(void **state) {
    struct world *w = *state;
    static const struct {
        const char *json, *message;
    } rows[] = {
        {"", ""},
        {"[]", "no JSON object"},
        {"{\"a/readiness\":{}}", "one of httpGet, tcpSocket and grpc"},
        {"{\"a/readiness\":5}", "one of httpGet, tcpSocket and grpc"},
        {"{\"a/readiness\":{\"tcpSocket\":{\"port\":\"web\"}}}", "a port between"},
        {"{\"a/readiness\":{\"tcpSocket\":{\"port\":65536}}}", "a port between"},
        {"{\"a/readiness\":{\"httpGet\":{\"port\":1,\"path\":\"/a b\"}}}", "a path"},
        {"{\"a/readiness\":{\"httpGet\":{\"port\":1,\"path\":\"/a\\r\\nX: 1\"}}}", "a path"},
        {"{\"a/readiness\":{\"httpGet\":{\"port\":1,\"httpHeaders\":[{\"name\":\"a b\"}]}}}",
         "a header"},
        {"{\"a/readiness\":{\"httpGet\":{\"port\":1,\"httpHeaders\":"
         "[{\"name\":\"a\",\"value\":\"1\\n2\"}]}}}",
         "a header"},
        {"{\"a/pre-stop\":{\"httpGet\":{\"port\":1}}}", "secret"},
    };
    const struct weft_addr app = {.family = 4, .ip = {127, 0, 0, 1}};
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        struct weft_error err = {0};
        enum weft_status st =
            app_probes_new(w->loop, weft_slice_str(rows[i].json), &app, &w->probes, &err);
        if (st == WEFT_OK || !strstr(err.message, rows[i].message))
            fail_msg("%s: %s", rows[i].json, err.message);
    }
}

#define WITH(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(http_asks_as_the_kubelet_does),
        WITH(its_headers_replace_ours),
        WITH(the_status_decides),
        WITH(a_relative_location_is_resolved),
        WITH(redirects_are_followed_on_the_same_host_only),
        WITH(nobody_listening_fails),
        WITH(the_log_says_each_way_to_fail_once),
        WITH(silence_fails_when_the_time_is_over),
        WITH(who_asks_meanwhile_shares_the_check),
        WITH(https_is_not_verified),
        WITH(tcp_connects),
        WITH(grpc_asks_for_health),
        WITH(hooks_need_their_secret_and_an_answer),
        WITH(other_paths_are_none),
        WITH(what_is_no_probe_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

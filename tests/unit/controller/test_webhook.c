/* SPDX-License-Identifier: Apache-2.0
 * The admission endpoint over real sockets and TLS, as the API server calls it: HTTP/1.1 and
 * HTTP/2, which namespace counts, and what it does with what is no review. */
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

#include <controller/webhook.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/base/clock.h>
#include <weft/conn/pool.h>
#include <weft/obs/log.h>

#define NAME "weft-controller.weft-system.svc"
#define ID   "spiffe://cluster.local/ns/weft-system/sa/weft-controller"

struct world {
    struct weft_loop *loop; /* fake clock */
    char dir[64];
    struct controller_ca *ca;
    struct controller_metrics metrics;
    struct weft_store *store;
    struct controller_webhook *webhook;
    struct weft_tls_ctx *tls;
    bool h2;
    /* one request */
    const char *method, *path;
    struct weft_slice body;
    bool withhold; /* its end */
    struct weft_xport *x;
    struct weft_client_conn *conn;
    struct weft_stream *stream;
    uint16_t status;
    struct weft_buf got;
    bool done, closed, sent;
};

static void on_head(void *ud, struct weft_head *head, bool end) {
    struct world *w = ud;
    w->status = head->status;
    w->done = end;
}
static void on_data(void *ud, struct weft_slice data) {
    (void)weft_buf_append(&((struct world *)ud)->got, data);
}
static void on_end(void *ud) {
    ((struct world *)ud)->done = true;
}
static void on_trailers(void *ud, struct weft_fields *f) {}
static void on_reset(void *ud, struct weft_reset r) {
    ((struct world *)ud)->done = true;
}
static void on_writable(void *ud) {}
static const struct weft_stream_cb stream_cb = {NULL,   on_head,  on_data,    on_trailers,
                                                on_end, on_reset, on_writable};

static void on_closed(void *ud) {
    struct world *w = ud;
    w->closed = w->done = true;
    w->conn = NULL;
}

static void send_request(struct world *w) {
    struct weft_arena a;
    struct weft_head h;
    weft_arena_init(&a, 0);
    weft_head_init(&h, &a);
    h.method = weft_slice_str(w->method);
    h.scheme = WEFT_SLICE_LIT("https");
    h.authority = WEFT_SLICE_LIT(NAME);
    h.path = weft_slice_str(w->path);
    h.version = w->h2 ? WEFT_HTTP_2 : WEFT_HTTP_11;
    h.framing = WEFT_BODY_LENGTH;
    h.content_length = w->body.len + w->withhold;
    h.has_content_length = true;
    w->stream = weft_client_conn_request(w->conn, &h, false, &stream_cb, w);
    assert_non_null(w->stream);
    (void)weft_stream_data(w->stream, w->body);
    if (!w->withhold) (void)weft_stream_end(w->stream, NULL);
    weft_arena_done(&a);
    w->sent = true;
}

static void on_open(void *ud, enum weft_status st) {
    struct world *w = ud;
    struct weft_codec_limits limits = weft_codec_limits_default();
    if (st != WEFT_OK) {
        w->closed = w->done = true;
        return;
    }
    w->conn = weft_client_conn_new(weft_take(&w->x), w->h2, &limits, on_closed, w);
    send_request(w);
}
static void on_error(void *ud, enum weft_status st) {
    struct world *w = ud;
    w->closed = w->done = true;
}

static bool is_done(void *ud) {
    return ((struct world *)ud)->done;
}
static bool is_sent(void *ud) {
    return ((struct world *)ud)->sent;
}

static void start(struct world *w, const char *method, const char *path, struct weft_slice body) {
    static const struct weft_xport_cb cb = {.on_open = on_open, .on_error = on_error};
    struct weft_addr to = controller_webhook_addr(w->webhook);
    weft_buf_clear(&w->got);
    w->method = method;
    w->path = path;
    w->body = body;
    w->done = w->closed = w->sent = false;
    w->status = 0;
    w->x = weft_xport_tls_client(weft_xport_dial(w->loop, &to, NULL, 0), w->tls, WEFT_SLICE_LIT(ID),
                                 w->h2 ? "h2" : "http/1.1", NAME, 0);
    weft_xport_set_cb(w->x, &cb, w);
}

static void finish(struct world *w) {
    if (w->stream) weft_stream_release(weft_take(&w->stream));
    if (w->conn) weft_client_conn_close(w->conn);
    if (w->x) weft_xport_close(weft_take(&w->x));
    while (weft_loop_turn(w->loop)) {
    }
}

/* NULL: no JSON came. New reference. */
static json_t *ask(struct world *w, const char *method, const char *path, const char *body) {
    start(w, method, path, weft_slice_str(body));
    weft_loop_run_until(w->loop, is_done, w);
    finish(w);
    struct weft_slice s = weft_buf_slice(&w->got);
    return json_loadb(s.base ? s.base : "", s.len, 0, NULL);
}

static bool is_patched(struct world *w, const char *path, const char *body) {
    json_t *a = ask(w, "POST", path, body);
    if (w->status != 200 || !a) fail_msg("status %u", w->status);
    bool yes = json_object_get(json_object_get(a, "response"), "patch") != NULL;
    json_decref(a);
    return yes;
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    struct weft_error err = {0};
    int64_t now = (int64_t)(weft_clock_unix_us() / 1000000u);
    struct weft_identity *trust = NULL;
    snprintf(w->dir, sizeof w->dir, "/tmp/weft-webhook-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->loop = weft_loop_new_fake();
    w->store = weft_store_new();
    weft_buf_init(&w->got, 0);
    controller_metrics_init(&w->metrics);
    const struct controller_ca_options ca = {
        .dir = w->dir, .trust_domain = "cluster.local", .max_ttl_s = 3600};
    assert_int_equal(controller_ca_new(&ca, now, &w->ca, &err), WEFT_OK);
    struct controller_webhook_options o = {.name = NAME,
                                           .inject = {.controller = "c:1"},
                                           .ca = w->ca,
                                           .store = w->store,
                                           .metrics = &w->metrics};
    assert_true(weft_addr_parse(WEFT_SLICE_LIT("127.0.0.1:0"), &o.listen));
    assert_int_equal(controller_webhook_new(w->loop, &o, &w->webhook, &err), WEFT_OK);
    assert_int_equal(weft_identity_trust_only(controller_ca_bundle(w->ca), &trust, &err), WEFT_OK);
    assert_int_equal(weft_tls_ctx_new(WEFT_TLS_CONTROL_CLIENT, trust, NULL, &w->tls, &err),
                     WEFT_OK);
    weft_identity_unref(trust);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    finish(w);
    controller_webhook_close(w->webhook);
    while (weft_loop_turn(w->loop)) {
    }
    controller_ca_free(w->ca);
    controller_metrics_done(&w->metrics);
    weft_store_free(w->store);
    weft_tls_ctx_unref(w->tls);
    weft_buf_done(&w->got);
    weft_loop_free(w->loop);
    for (const char *const *f = (const char *const[]){"root.pem", "root.key", NULL}; *f; f++) {
        WEFT_FREE char *path = weft_asprintf("%s/%s", w->dir, *f);
        remove(path);
    }
    remove(w->dir);
    free(w);
    return 0;
}

#define POD                                                                                        \
    "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{"           \
    "\"uid\":\"u\",\"kind\":{\"version\":\"v1\",\"kind\":\"Pod\"},\"operation\":\"CREATE\","       \
    "\"namespace\":\"shop\",\"object\":{\"metadata\":{\"name\":\"a\"},\"spec\":{}}}}"

static void put_namespace(struct world *w, const char *label) {
    struct weft_object *o = NULL;
    json_t *ns = json_pack("{s:s, s:s, s:{s:s, s:{s:s}}}", "apiVersion", "v1", "kind", "Namespace",
                           "metadata", "name", "shop", "labels", "weftmesh.io/inject", label);
    assert_int_equal(weft_object_from_json(ns, NULL, &o, NULL), WEFT_OK);
    weft_store_put(w->store, o);
}

static void both_versions_of_http_are_answered(void **state) {
    struct world *w = *state;
    for (int h2 = 0; h2 < 2; h2++) {
        w->h2 = h2;
        assert_true(is_patched(w, "/inject/enabled?timeout=5s", POD));
    }
    assert_int_equal(weft_counter_value(w->metrics.injected), 2);
}

/* The API server's own word for the namespace counts where we have not heard of it. */
static void the_path_or_the_namespace_asks(void **state) {
    struct world *w = *state;
    assert_false(is_patched(w, "/inject", POD));
    assert_true(is_patched(w, "/inject/enabled", POD));
    put_namespace(w, "enabled");
    assert_true(is_patched(w, "/inject", POD));
    put_namespace(w, "disabled");
    assert_false(is_patched(w, "/inject", POD));
}

static void the_trust_bundle_comes_with_it(void **state) {
    struct world *w = *state;
    json_t *a = ask(w, "POST", "/inject/enabled", POD);
    const char *patch = json_string_value(json_object_get(json_object_get(a, "response"), "patch"));
    assert_true(patch && strlen(patch) > 1000); /* a certificate is in it */
    json_decref(a);
}

/* `text` is in the patch of the answer. */
static bool patch_has(struct world *w, const char *text) {
    struct weft_buf out;
    weft_buf_init(&out, 0);
    json_t *a = ask(w, "POST", "/inject/enabled", POD);
    const char *patch = json_string_value(json_object_get(json_object_get(a, "response"), "patch"));
    assert_int_equal(weft_base64_decode(weft_slice_str(patch ? patch : ""), &out), WEFT_OK);
    struct weft_slice s = weft_buf_slice(&out);
    bool has = weft_slice_search(s, weft_slice_str(text)) != s.len;
    weft_buf_done(&out);
    json_decref(a);
    return has;
}

static void an_older_cluster_gets_ordinary_containers(void **state) {
    struct world *w = *state;
    assert_true(patch_has(w, "\"native\""));
    controller_webhook_classic(w->webhook, true);
    assert_true(patch_has(w, "\"classic\""));
    assert_false(patch_has(w, "\"restartPolicy\""));
}

static void what_is_no_review_gets_a_status(void **state) {
    struct world *w = *state;
    static const struct {
        const char *method, *path, *body;
        uint16_t status;
    } rows[] = {
        {"GET", "/inject", "", 405},    {"POST", "/", "", 404},
        {"POST", "/inject/", POD, 404}, {"POST", "/inject", "", 400},
        {"POST", "/inject", "{", 400},  {"POST", "/inject", "[1]", 400},
        {"POST", "/inject", "{}", 400},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        json_decref(ask(w, rows[i].method, rows[i].path, rows[i].body));
        if (w->status != rows[i].status || !weft_buf_size(&w->got))
            fail_msg("row %zu: status %u", i, w->status);
    }
    assert_int_equal(weft_counter_value(w->metrics.webhook_errors), WEFT_LEN(rows));
}

static void one_that_is_too_long_is_not_read_to_its_end(void **state) {
    struct world *w = *state;
    size_t n = 5 * 1024 * 1024;
    WEFT_FREE char *body = weft_alloc(n);
    memset(body, ' ', n);
    w->h2 = true;
    start(w, "POST", "/inject", weft_slice(body, n));
    weft_loop_run_until(w->loop, is_done, w);
    finish(w);
    assert_int_equal(w->status, 413);
    assert_false(is_patched(w, "/inject", POD)); /* and the next one is served */
}

static void one_that_does_not_arrive_is_given_up(void **state) {
    struct world *w = *state;
    w->withhold = true;
    start(w, "POST", "/inject", WEFT_SLICE_LIT(POD));
    weft_loop_run_until(w->loop, is_sent, w);
    for (int i = 0; i < 200; i++) (void)weft_loop_turn(w->loop);
    weft_loop_advance(w->loop, 10000000);
    weft_loop_run_until(w->loop, is_done, w);
    finish(w);
    assert_int_equal(w->status, 408);
}

/* === more connections than there are places === */

enum { PLACES = 256, LATE = 8 };

struct crowd {
    struct weft_xport *x[PLACES];
    size_t n_open, n_lost;
};

static void on_in(void *ud, enum weft_status st) {
    ((struct crowd *)ud)->n_open += st == WEFT_OK;
}
static void on_out(void *ud, enum weft_status st) {
    ((struct crowd *)ud)->n_lost++;
}
static void on_out_by_eof(void *ud) {
    ((struct crowd *)ud)->n_lost++;
}
static bool all_are_in(void *ud) {
    const struct crowd *c = ud;
    return c->n_open + c->n_lost == PLACES;
}
static bool room_was_made(void *ud) {
    return ((struct crowd *)ud)->n_lost >= LATE;
}

static void fill_places(struct world *w, struct crowd *c) {
    static const struct weft_xport_cb cb = {
        .on_open = on_in, .on_error = on_out, .on_eof = on_out_by_eof};
    struct weft_addr to = controller_webhook_addr(w->webhook);
    for (size_t i = 0; i < PLACES; i++) {
        c->x[i] = weft_xport_tls_client(weft_xport_dial(w->loop, &to, NULL, 0), w->tls,
                                        WEFT_SLICE_LIT(ID), "h2", NAME, 0);
        weft_xport_set_cb(c->x[i], &cb, c);
        weft_xport_read_start(c->x[i]);
    }
    weft_loop_run_until(w->loop, all_are_in, c);
    assert_int_equal(c->n_lost, 0);
}

/* Those who come in one turn push out one each, not all of them the same one. */
static void many_at_once_push_out_as_many(void **state) {
    struct world *w = *state;
    struct crowd c = {0};
    int fds[LATE];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(controller_webhook_addr(w->webhook).port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fill_places(w, &c);
    for (size_t i = 0; i < LATE; i++) { /* the kernel takes them before the loop turns */
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof to), 0);
    }
    weft_loop_run_until(w->loop, room_was_made, &c);
    assert_int_equal(c.n_lost, LATE);
    for (size_t i = 0; i < PLACES; i++) weft_xport_close(c.x[i]);
    for (size_t i = 0; i < LATE; i++) close(fds[i]);
}

static void its_certificate_is_of_the_mesh(void **state) {
    struct world *w = *state;
    struct weft_error err;
    struct weft_buf key, root;
    struct weft_identity *other = NULL;
    weft_buf_init(&key, 0);
    weft_buf_init(&root, 0);
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_root(weft_buf_slice(&key), WEFT_SLICE_LIT("cluster.local"),
                                   (int64_t)(weft_clock_unix_us() / 1000000u), 999, &root, &err),
                     WEFT_OK);
    assert_int_equal(weft_identity_trust_only(weft_buf_slice(&root), &other, &err), WEFT_OK);
    weft_tls_ctx_unref(w->tls);
    assert_int_equal(weft_tls_ctx_new(WEFT_TLS_CONTROL_CLIENT, other, NULL, &w->tls, &err),
                     WEFT_OK);
    weft_identity_unref(other);
    json_decref(ask(w, "POST", "/inject", POD));
    assert_int_equal(w->status, 0); /* its certificate is of the mesh's CA, and no other */
    weft_buf_done(&key);
    weft_buf_done(&root);
}

#define WITH(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(both_versions_of_http_are_answered),
        WITH(the_path_or_the_namespace_asks),
        WITH(the_trust_bundle_comes_with_it),
        WITH(an_older_cluster_gets_ordinary_containers),
        WITH(what_is_no_review_gets_a_status),
        WITH(one_that_is_too_long_is_not_read_to_its_end),
        WITH(one_that_does_not_arrive_is_given_up),
        WITH(many_at_once_push_out_as_many),
        WITH(its_certificate_is_of_the_mesh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

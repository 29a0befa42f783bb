/* SPDX-License-Identifier: Apache-2.0
 * Certificates and roots over time, and callers who try for more than is theirs. */
#include <tests/direct/ads_mesh.h>

#include <fcntl.h>
#include <sidecar/agent_internal.h>
#include <weft/conn/grpc_call.h>
#include <weft/xds/sign.h>

static void test_renewal_drops_nothing(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    want(p, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0 && proxy_config_ready(p->config));
    put_file(m, "tokens/shop.web", "no-longer-what-the-proxy-was-given"); /* not needed to renew */
    uint64_t before = resources_sent(m);
    assert_true(weft_timer_active(&p->agent->sign_timer)); /* due at two thirds of the life */
    int64_t left = (int64_t)(p->agent->sign_timer.due_us - weft_loop_now_us(m->loop)) / 1000000;
    assert_in_range(left, 16 * 3600 - 120, 16 * 3600);
    weft_timer_start(&p->agent->sign_timer, 1);
    UNTIL(m, p->identities == 2 && weft_counter_value(m->controller->metrics.connected) == 1);
    UNTIL(m, p->agent->ads && p->ups >= 1);
    put_route(m, "/renewed");
    UNTIL(m, strcmp(p->rules, "web:/renewed ") == 0);
    assert_int_equal(resources_sent(m) - before, 1);
    assert_int_equal(weft_counter_value(m->controller->metrics.certificates), 2);
    proxy_free(p);
    mesh_free(m);
}

/* The bundle of another mesh, and both together. */
static void two_bundles(struct mesh *m, struct weft_buf *other, struct weft_buf *both) {
    struct weft_buf key;
    struct weft_error err = {0};
    weft_buf_init(&key, 0);
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_root(weft_buf_slice(&key), LIT("cluster.local"),
                                   (int64_t)(weft_clock_unix_us() / 1000000u), 3600, other, &err),
                     WEFT_OK);
    (void)weft_buf_append(both, controller_ca_bundle(m->controller->ca));
    (void)weft_buf_append(both, weft_buf_slice(other));
    weft_buf_done(&key);
}

static void test_a_bundle_that_would_cut_us_off_is_rejected_alone(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    want(p, "10.96.0.1:80");
    UNTIL(m, p->bounds > 0 && proxy_config_ready(p->config));
    struct weft_buf other, both;
    weft_buf_init(&other, 0);
    weft_buf_init(&both, 0);
    two_bundles(m, &other, &both);
    struct controller_publish *pub = controller_discovery_publish(m->controller->discovery);

    controller_publish_set_trust(pub, LIT("cluster.local"), weft_buf_slice(&other));
    put_route(m, "/meanwhile");
    UNTIL(m, weft_counter_value(m->controller->metrics.nacks[WEFT_ADS_REJECT_TRUST]) == 1);
    UNTIL(m, strcmp(p->rules, "web:/meanwhile ") == 0);
    assert_int_equal(p->trusts, 1);
    assert_int_equal(p->identities, 1);

    controller_publish_set_trust(pub, LIT("cluster.local"), weft_buf_slice(&both));
    UNTIL(m, p->trusts == 2 && p->identities == 2); /* a second root joins, for the workers too */
    assert_int_equal(weft_counter_value(m->controller->metrics.nacks[WEFT_ADS_REJECT_TRUST]), 1);
    weft_buf_done(&other);
    weft_buf_done(&both);
    proxy_free(p);
    mesh_free(m);
}

/* === a caller of our own making === */

struct caller {
    struct mesh *m;
    struct agent_link *link;
    struct weft_grpc_call *call;
    const char *path;
    struct weft_slice token;
    struct weft_buf message; /* sent at once */
    int answers;
    char id[256]; /* of a certificate that came */
    uint32_t status;
    bool ended;
};

static void on_message(void *ud, struct weft_slice message) {
    struct caller *c = ud;
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_sign_response r;
    struct weft_error err = {0};
    struct weft_buf id;
    weft_buf_init(&id, 0);
    int64_t from, to;
    c->answers++;
    if (weft_sign_response_decode(message, &a, &r) == WEFT_OK &&
        weft_pki_cert_info(r.chain_pem, &id, &from, &to, &err) == WEFT_OK)
        snprintf(c->id, sizeof c->id, "%.*s", WEFT_SLICE_ARG(weft_buf_slice(&id)));
    weft_buf_done(&id);
    weft_arena_done(&a);
}
static void on_end(void *ud, uint32_t status, struct weft_slice text) {
    struct caller *c = ud;
    (void)text;
    c->status = status;
    c->ended = true;
}
static const struct weft_grpc_cb grpc_cb = {.on_message = on_message, .on_end = on_end};

static void on_up(void *ud, struct weft_client_conn *conn) {
    struct caller *c = ud;
    c->call = weft_grpc_call_new(conn,
                                 &(struct weft_grpc_request){.authority = LIT("weft-controller"),
                                                             .path = weft_slice_str(c->path),
                                                             .authorization = c->token,
                                                             .max_message = 1 << 20},
                                 &grpc_cb, c);
    assert_non_null(c->call);
    if (weft_buf_size(&c->message)) (void)weft_grpc_call_send(c->call, weft_buf_slice(&c->message));
    weft_grpc_call_half_close(c->call);
}
static void on_down(void *ud, enum weft_status st) {
    struct caller *c = ud;
    (void)st;
    c->link = NULL;
    c->ended = true;
}

/* Calls with `id`, or with trust alone; returns the status, 99 when the connection failed. */
static uint32_t call(struct caller *c, struct weft_identity *id) {
    struct weft_identity *trust = NULL;
    struct weft_error err = {0};
    if (!id)
        assert_int_equal(
            weft_identity_trust_only(controller_ca_bundle(c->m->controller->ca), &trust, &err),
            WEFT_OK);
    const struct agent_link_options o = {
        .host = LIT("127.0.0.1"),
        .port = c->m->options.listen.port,
        .identity = id ? id : trust,
        .server_name = "weft-controller",
        .server_id = LIT("spiffe://cluster.local/ns/weft-system/sa/weft-controller")};
    c->ended = false;
    c->status = 99;
    c->link = agent_link_open(c->m->loop, &o,
                              &(struct agent_link_cb){.ud = c, .on_up = on_up, .on_down = on_down});
    UNTIL(c->m, c->ended);
    c->call = weft_grpc_call_free(c->call);
    agent_link_close(weft_take(&c->link));
    weft_identity_unref(trust);
    return c->status;
}

static void fill_csr(struct caller *c, const char *id) {
    struct weft_buf key, csr;
    struct weft_error err = {0};
    weft_buf_init(&key, 0);
    weft_buf_init(&csr, 0);
    weft_buf_clear(&c->message);
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_csr(weft_buf_slice(&key), weft_slice_str(id), &csr, &err), WEFT_OK);
    weft_sign_request_encode(&(struct weft_sign_request){.csr_pem = weft_buf_slice(&csr)},
                             &c->message);
    weft_buf_done(&key);
    weft_buf_done(&csr);
}

static void test_signing_needs_proof_and_gives_the_own_identity(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct caller c = {.m = m, .path = WEFT_SIGN_PATH};
    weft_buf_init(&c.message, 0);
    fill_csr(&c, "spiffe://cluster.local/ns/client/sa/app");
    assert_int_equal(call(&c, NULL), WEFT_GRPC_UNAUTHENTICATED);
    c.token = LIT("Bearer wrong-token-0123456789abcdef");
    assert_int_equal(call(&c, NULL), WEFT_GRPC_UNAUTHENTICATED);
    c.token = LIT("token-of-shop-web-0123456789"); /* not a bearer token */
    assert_int_equal(call(&c, NULL), WEFT_GRPC_UNAUTHENTICATED);
    assert_int_equal(c.answers, 0);
    c.token = LIT("Bearer token-of-shop-web-0123456789");
    assert_int_equal(call(&c, NULL), WEFT_GRPC_OK); /* asked for client/app, is shop/web */
    assert_string_equal(c.id, "spiffe://cluster.local/ns/shop/sa/web");
    weft_buf_clear(&c.message);
    (void)weft_buf_str(&c.message, "\xff\xff nonsense");
    assert_int_equal(call(&c, NULL), WEFT_GRPC_INVALID_ARGUMENT);
    weft_buf_clear(&c.message);
    assert_int_equal(call(&c, NULL), WEFT_GRPC_INVALID_ARGUMENT);
    weft_buf_done(&c.message);
    mesh_free(m);
}

static void test_discovery_needs_a_certificate_of_the_mesh(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct caller c = {.m = m, .path = WEFT_ADS_PATH};
    weft_buf_init(&c.message, 0);
    c.token = LIT("Bearer token-of-shop-web-0123456789"); /* no substitute */
    assert_int_equal(call(&c, NULL), WEFT_GRPC_UNAUTHENTICATED);
    c.path = "/weft.v1.Certificates/Steal";
    assert_int_equal(call(&c, NULL), WEFT_GRPC_UNIMPLEMENTED);
    /* a certificate of another mesh with the same names does not get through the handshake */
    struct mesh *foreign = mesh_new();
    struct weft_identity *id = NULL;
    struct weft_error err = {0};
    assert_int_equal(controller_ca_serving(foreign->controller->ca, "x",
                                           (int64_t)(weft_clock_unix_us() / 1000000u), &id, &err),
                     WEFT_OK);
    c.path = WEFT_ADS_PATH;
    assert_int_equal(call(&c, id), 99);
    assert_int_equal(c.answers, 0);
    weft_identity_unref(id);
    weft_buf_done(&c.message);
    mesh_free(foreign);
    mesh_free(m);
}

static void test_a_bad_request_ends_the_stream_and_nothing_else(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    UNTIL(m, proxy_config_ready(p->config));
    struct caller c = {.m = m, .path = WEFT_ADS_PATH};
    weft_buf_init(&c.message, 0);
    (void)weft_buf_str(&c.message, "\xff\xff nonsense");
    assert_int_equal(call(&c, p->agent->identity), WEFT_GRPC_INVALID_ARGUMENT);
    assert_int_equal(p->downs, 0);
    weft_buf_done(&c.message);
    proxy_free(p);
    mesh_free(m);
}

/* Lines on stderr that contain `what` while `fd` stood in for it; puts the real one back. */
static int lines_with(int fd, int stderr_fd, const char *what) {
    int n = 0;
    char line[4096];
    fflush(stderr);
    assert_int_equal(dup2(stderr_fd, 2), 2);
    close(stderr_fd);
    FILE *f = fdopen(fd, "r");
    rewind(f);
    while (fgets(line, sizeof line, f)) n += strstr(line, what) != NULL;
    fclose(f);
    return n;
}

/* One request may name a million things that are none: it must not write a million lines. */
static void test_refusals_do_not_flood_the_log(void **state) {
    (void)state;
    enum { NAMES = 5000 };
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    UNTIL(m, proxy_config_ready(p->config));
    struct caller c = {.m = m, .path = WEFT_ADS_PATH};
    weft_buf_init(&c.message, 0);
    static struct weft_slice names[NAMES];
    for (int i = 0; i < NAMES; i++) names[i] = LIT("nonsense");
    const struct weft_ads_request r = {.type_url =
                                           weft_slice_str(weft_xds_type_url(WEFT_XDS_DESTINATION)),
                                       .subscribe = names,
                                       .n_subscribe = NAMES};
    (void)weft_ads_request_encode(&r, &c.message);
    enum weft_log_level level = weft_log_level();
    int real = dup(2), fd = open(path_in(m, "log"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(dup2(fd, 2), 2);
    (void)weft_log_set_level("warn");
    uint64_t before = weft_counter_value(m->controller->metrics.refused);
    uint32_t status = call(&c, p->agent->identity);
    (void)weft_log_set_level(level == WEFT_LOG_ERROR ? "error" : "warn");
    int lines = lines_with(fd, real, "may not subscribe");
    assert_int_equal(status, WEFT_GRPC_OK);
    assert_int_equal(weft_counter_value(m->controller->metrics.refused) - before, NAMES);
    assert_in_range(lines, 1, 20);
    weft_buf_done(&c.message);
    proxy_free(p);
    mesh_free(m);
}

static void on_refused_server(void *ud, enum weft_status st) {
    *(enum weft_status *)ud = st;
}

/* A certificate of the mesh is not enough to be taken for the controller. */
static void test_a_server_with_another_identity_is_refused(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct weft_identity *trust = NULL;
    struct weft_error err = {0};
    assert_int_equal(
        weft_identity_trust_only(controller_ca_bundle(m->controller->ca), &trust, &err), WEFT_OK);
    const struct agent_link_options o = {.host = LIT("127.0.0.1"),
                                         .port = m->options.listen.port,
                                         .identity = trust,
                                         .server_name = "weft-controller",
                                         .server_id = LIT("spiffe://cluster.local/ns/shop/sa/web")};
    enum weft_status st = WEFT_OK;
    assert_non_null(agent_link_open(
        m->loop, &o, &(struct agent_link_cb){.ud = &st, .on_down = on_refused_server}));
    UNTIL(m, st != WEFT_OK);
    assert_int_equal(st, WEFT_IDENTITY);
    weft_identity_unref(trust);
    mesh_free(m);
}

/* More names than the burst: all are answered, some later. */
static void test_a_crawler_is_slowed_down_and_served(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    struct proxy *p = proxy_new(m, &web);
    UNTIL(m, proxy_config_ready(p->config));
    for (int i = 0; i < 260; i++) {
        char addr[32];
        snprintf(addr, sizeof addr, "198.51.%d.%d:80", i >> 8, i & 255);
        want(p, addr);
    }
    UNTIL(m, weft_ads_client_waiting(p->agent->client) > 0);
    UNTIL(m, p->bounds == 260);
    proxy_free(p);
    mesh_free(m);
}

/* A root in its last seconds issues certificates that are due at once: asking without a pause would
 * only keep the whole mesh and the controller busy. */
static void test_a_certificate_that_is_due_at_once_is_not_asked_for_at_once(void **state) {
    (void)state;
    struct mesh *m = mesh_new();
    m->controller = controller_free(m->controller);
    struct weft_buf key = {0}, cert = {0};
    struct weft_error err = {0};
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_root(weft_buf_slice(&key), LIT("cluster.local"),
                                   (int64_t)(weft_clock_unix_us() / 1000000u), 25, &cert, &err),
                     WEFT_OK);
    (void)weft_buf_char(&key, 0);
    (void)weft_buf_char(&cert, 0);
    put_file(m, "ca/root.key", key.base);
    put_file(m, "ca/root.pem", cert.base);
    start_controller(m);
    struct proxy *p = proxy_new(m, &web);
    UNTIL(m, p->identities > 0 && weft_timer_active(&p->agent->sign_timer));
    assert_true(p->agent->sign_timer.due_us - weft_loop_now_us(m->loop) > 1000000);
    weft_buf_done(&key);
    weft_buf_done(&cert);
    proxy_free(p);
    mesh_free(m);
}

static void test_backoff_doubles_to_its_cap(void **state) {
    (void)state;
    struct agent_backoff b = {0};
    struct weft_rng rng;
    weft_rng_seed(&rng, 7);
    uint64_t most = 100 * 1000;
    for (int i = 0; i < 20; i++) {
        assert_in_range(agent_backoff_us(&b, &rng), most / 2, most);
        most = most * 2 > 10 * 1000 * 1000 ? 10 * 1000 * 1000 : most * 2;
    }
}

int main(void) {
    (void)weft_log_set_level(getenv("WEFT_TEST_LOG") ? getenv("WEFT_TEST_LOG") : "error");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renewal_drops_nothing),
        cmocka_unit_test(test_a_bundle_that_would_cut_us_off_is_rejected_alone),
        cmocka_unit_test(test_signing_needs_proof_and_gives_the_own_identity),
        cmocka_unit_test(test_discovery_needs_a_certificate_of_the_mesh),
        cmocka_unit_test(test_a_server_with_another_identity_is_refused),
        cmocka_unit_test(test_a_crawler_is_slowed_down_and_served),
        cmocka_unit_test(test_backoff_doubles_to_its_cap),
        cmocka_unit_test(test_refusals_do_not_flood_the_log),
        cmocka_unit_test(test_a_certificate_that_is_due_at_once_is_not_asked_for_at_once),
        cmocka_unit_test(test_a_bad_request_ends_the_stream_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

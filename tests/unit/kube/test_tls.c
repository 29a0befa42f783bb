/* SPDX-License-Identifier: Apache-2.0
 * An API server behind TLS: who is believed, who we say we are, and one HTTP/2 connection for all.
 */
#include "support/fake_kube.h"

#include <stdlib.h>
#include <unistd.h>
#include <weft/base/clock.h>
#include <weft/base/file.h>
#include <weft/kube/client.h>

#define SERVER_ID "spiffe://cluster.local/ns/kube-system/sa/apiserver"
#define CLIENT_ID "spiffe://cluster.local/ns/weft-system/sa/weft-controller"

struct pem {
    char *key, *cert;
};
struct world {
    struct weft_loop *loop;
    struct fake_kube *fake;
    struct weft_kube *kube;
    struct pem root, server, client;
    struct weft_kube_config config; /* not freed: borrows from the above */
    char server_url[64], name[16];
    bool done, hangs, synced;
    int answers;
    long status;
    char error[512];
};

static int64_t now_s(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000);
}

static char *text_of(struct weft_buf *b) {
    char *s = weft_slice_dup(weft_buf_slice(b));
    weft_buf_done(b);
    return s;
}

static struct pem make_root(void) {
    struct weft_buf key = {0}, cert = {0};
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_root(weft_buf_slice(&key), WEFT_SLICE_LIT("cluster.local"),
                                   now_s() - 60, 86400, &cert, NULL),
                     WEFT_OK);
    return (struct pem){text_of(&key), text_of(&cert)};
}

static struct pem make_leaf(const struct pem *root, const char *id, const char *dns) {
    struct weft_buf key = {0}, csr = {0}, chain = {0};
    const char *const names[] = {dns, NULL};
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_csr(weft_buf_slice(&key), weft_slice_str(id), &csr, NULL), WEFT_OK);
    assert_int_equal(weft_pki_sign(weft_slice_str(root->key), weft_slice_str(root->cert),
                                   weft_buf_slice(&csr), weft_slice_str(id), dns ? names : NULL,
                                   now_s(), 3600, &chain, NULL),
                     WEFT_OK);
    weft_buf_done(&csr);
    return (struct pem){text_of(&key), text_of(&chain)};
}

static void pem_done(struct pem *p) {
    free(p->key);
    free(p->cert);
}

static void on_request(void *ud, struct fake_request *r) {
    struct world *w = ud;
    if (fake_watches(r))
        fake_start(r, 200);
    else if (fake_is(r, "/api/v1/pods"))
        fake_answer(r, 200, "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]}");
    else if (!w->hangs)
        fake_answer(r, 200, "{}");
}

static struct weft_tls_ctx *server_ctx(struct world *w) {
    static const char *const alpns[] = {"h2", "http/1.1", NULL};
    struct weft_identity *id;
    struct weft_tls_ctx *ctx;
    struct weft_error err = {0};
    assert_int_equal(weft_identity_new(weft_slice_str(w->server.key),
                                       weft_slice_str(w->server.cert), weft_slice_str(w->root.cert),
                                       NULL, 0, now_s(), &id, &err),
                     WEFT_OK);
    assert_int_equal(weft_tls_ctx_new(WEFT_TLS_CONTROL_SERVER, id, alpns, &ctx, &err), WEFT_OK);
    weft_identity_unref(id);
    return ctx;
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    w->loop = weft_loop_new_fake();
    w->root = make_root();
    w->server = make_leaf(&w->root, SERVER_ID, "kube.test");
    w->client = make_leaf(&w->root, CLIENT_ID, NULL);
    w->fake = fake_kube_new(w->loop, on_request, w);
    w->fake->tls = server_ctx(w);
    snprintf(w->server_url, sizeof w->server_url, "https://127.0.0.1:%u",
             weft_listener_addr(w->fake->listener)->port);
    snprintf(w->name, sizeof w->name, "kube.test");
    w->config = (struct weft_kube_config){
        .server = w->server_url, .server_name = w->name, .ca_pem = w->root.cert};
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    weft_kube_free(w->kube);
    struct weft_tls_ctx *tls = w->fake->tls;
    fake_kube_free(w->fake);
    weft_tls_ctx_unref(tls);
    weft_loop_free(w->loop);
    pem_done(&w->root);
    pem_done(&w->server);
    pem_done(&w->client);
    free(w);
    return 0;
}

static void on_reply(void *ud, const struct weft_kube_reply *r) {
    struct world *w = ud;
    w->answers++;
    w->done = true;
    w->status = r->status;
    snprintf(w->error, sizeof w->error, "%s", r->error ? r->error : "");
}

static void ask(struct world *w) {
    struct weft_error err = {0};
    if (!w->kube) assert_int_equal(weft_kube_new(w->loop, &w->config, &w->kube, &err), WEFT_OK);
    const struct weft_kube_request r = {
        .method = "GET", .path = "/version", .on_reply = on_reply, .ud = w};
    w->done = false;
    weft_kube_send(w->kube, &r);
}

static void get(struct world *w) {
    ask(w);
    fake_wait(w->loop, &w->done);
}

static void refused_with(struct world *w, const char *why) {
    get(w);
    assert_int_equal(w->status, 0);
    if (!strstr(w->error, why)) fail_msg("\"%s\" does not say \"%s\"", w->error, why);
    assert_int_equal(w->fake->n, 0);
}

static void a_client_certificate_says_who_we_are(void **state) {
    struct world *w = *state;
    w->config.cert_pem = w->client.cert;
    w->config.key_pem = w->client.key;
    get(w);
    assert_string_equal(w->error, "");
    assert_int_equal(w->status, 200);
    assert_string_equal(w->fake->requests[0]->client, CLIENT_ID);
}

static char *write_file(const char *name, const char *text) {
    char *path = weft_asprintf("/tmp/weft-kube-%d-%s", (int)getpid(), name);
    assert_int_equal(weft_file_replace(path, 0600, false, weft_slice_str(text)), WEFT_OK);
    return path;
}

static void certificates_may_be_files(void **state) {
    struct world *w = *state;
    WEFT_FREE char *ca = write_file("ca", w->root.cert);
    WEFT_FREE char *cert = write_file("cert", w->client.cert);
    WEFT_FREE char *key = write_file("key", w->client.key);
    w->config.ca_pem = NULL;
    w->config.ca_file = ca;
    w->config.cert_file = cert;
    w->config.key_file = key;
    get(w);
    unlink(ca);
    unlink(cert);
    unlink(key);
    assert_string_equal(w->error, "");
    assert_string_equal(w->fake->requests[0]->client, CLIENT_ID);
}

static void another_authority_is_not_believed(void **state) {
    struct world *w = *state;
    struct pem other = make_root();
    w->config.ca_pem = other.cert;
    refused_with(w, "certificate");
    pem_done(&other);
}

static void without_an_authority_the_systems_decide(void **state) {
    struct world *w = *state;
    w->config.ca_pem = NULL;
    refused_with(w, "certificate");
}

static void another_name_is_not_believed(void **state) {
    struct world *w = *state;
    w->config.server_name = NULL;
    refused_with(w, "127.0.0.1");
}

static void insecure_believes_anybody(void **state) {
    struct world *w = *state;
    w->config.ca_pem = w->config.server_name = NULL;
    w->config.insecure = true;
    get(w);
    assert_int_equal(w->status, 200);
}

static bool all_answered(void *ud) {
    return ((struct world *)ud)->answers == 12;
}

static void many_requests_share_one_http2_connection(void **state) {
    struct world *w = *state;
    for (int i = 0; i < 12; i++) ask(w);
    weft_loop_run_until(w->loop, all_answered, w);
    assert_int_equal(w->fake->n, 12);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(w->fake->requests[i]->conn_no, 1);
        assert_string_equal(w->fake->requests[i]->method, "GET");
    }
    assert_string_equal(w->error, "");
}

static void on_synced(void *ud, bool served) {
    struct world *w = ud;
    w->synced = served;
}
static bool watch_came(void *ud) {
    struct world *w = ud;
    return w->fake->n && fake_watches(w->fake->requests[w->fake->n - 1]);
}

/* A server that hangs acknowledges what it is sent: only an answer that does not come tells. */
static void a_connection_in_doubt_is_left(void **state) {
    struct world *w = *state;
    const struct weft_kube_watch_cb cb = {.ud = w, .on_synced = on_synced};
    get(w);
    weft_kube_watch_new(w->kube, "/api/v1/pods", NULL, &cb);
    fake_wait(w->loop, &w->synced);
    weft_loop_run_until(w->loop, watch_came, w);
    struct fake_request *first = w->fake->requests[w->fake->n - 1];
    assert_int_equal(first->conn_no, 1);
    w->hangs = true;
    size_t before = w->fake->n;
    ask(w);
    while (w->fake->n == before) (void)weft_loop_turn(w->loop);
    weft_loop_advance(w->loop, 10000000);
    fake_wait(w->loop, &w->done);
    assert_non_null(strstr(w->error, "no answer in time"));
    weft_loop_run_until(w->loop, watch_came, w);
    struct fake_request *second = w->fake->requests[w->fake->n - 1];
    assert_int_equal(second->conn_no, 2);
    assert_non_null(strstr(second->target, "resourceVersion=7&")); /* nothing is listed anew */
    fake_wait(w->loop, &first->gone);                              /* and the old one is closed */
}

int main(void) {
    alarm(60);
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_client_certificate_says_who_we_are),
        T(certificates_may_be_files),
        T(another_authority_is_not_believed),
        T(without_an_authority_the_systems_decide),
        T(another_name_is_not_believed),
        T(insecure_believes_anybody),
        T(many_requests_share_one_http2_connection),
        T(a_connection_in_doubt_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

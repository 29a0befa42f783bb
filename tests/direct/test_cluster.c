/* SPDX-License-Identifier: Apache-2.0
 * Whole controllers on an API server: the first one makes what is missing and leads, the second one
 * takes over, and a proxy comes to either. */
#include <tests/direct/ads_mesh.h>
#include <tests/support/fake_cluster.h>

#include <sidecar/agent_internal.h>
#include <weft/base/base64.h>

#define GATEWAY "/apis/gateway.networking.k8s.io/v1"
#define SECRET  "/api/v1/namespaces/weft-system/secrets/weft-ca"
#define ROOT    SECRET "-root"
#define LEASE   "/apis/coordination.k8s.io/v1/namespaces/weft-system/leases/weft-controller"
#define ROUTE   GATEWAY "/namespaces/shop/httproutes/web"
#define XMESH   "/apis/gateway.networking.x-k8s.io/v1alpha1/xmeshes/weft"

struct world {
    struct mesh m; /* only dir and loop, for UNTIL */
    struct fake_cluster *cluster;
    struct controller *a, *b;
    struct controller_options options;
    int reviews;
    bool account_gone, away, busy;
    char *bundle;
};

static void put(struct world *w, const char *path, const char *text) {
    json_error_t e;
    json_t *j = json_loads(text, 0, &e);
    if (!j) fail_msg("%s: %s", path, e.text);
    cluster_put(w->cluster, path, j);
}

/* Tokens are "token-of-NS-SA". */
static void review(struct world *w, struct fake_request *r) {
    char ns[32], sa[32], user[96] = "";
    json_t *body = json_loadb(r->body.base, r->body.len, 0, NULL);
    const char *token = json_string_value(json_object_get(json_object_get(body, "spec"), "token"));
    bool known = sscanf(token, "token-of-%31[a-z]-%31[a-z]", ns, sa) == 2 && !w->account_gone;
    if (known) snprintf(user, sizeof user, "system:serviceaccount:%s:%s", ns, sa);
    json_t *answer = json_pack("{s:{s:b, s:[s], s:{s:s}}}", "status", "authenticated", known,
                               "audiences", "weft", "user", "username", user);
    w->reviews++;
    if (w->away || w->busy)
        cluster_refuse(r, w->away ? 503 : 429);
    else
        cluster_say(r, 201, answer);
    json_decref(answer);
    json_decref(body);
}

static void on_request(void *ud, struct fake_request *r) {
    struct world *w = ud;
    if (fake_is(r, "/apis/authentication.k8s.io/v1/tokenreviews"))
        review(w, r);
    else
        cluster_on_request(w->cluster, r);
}

static void fill_cluster(struct world *w) {
    put(w, GATEWAY, "{\"resources\":[{\"name\":\"httproutes\"},{\"name\":\"grpcroutes\"}]}");
    put(w, "/apis/gateway.networking.x-k8s.io/v1alpha1",
        "{\"resources\":[{\"name\":\"xmeshes\"}]}");
    put(w, "/api/v1/namespaces/shop/pods/web-1",
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-1\",\"namespace\":"
        "\"shop\",\"annotations\":{\"weftmesh.io/sidecar\":\"injected\"}},\"spec\":{"
        "\"serviceAccountName\":\"web\",\"containers\":[{\"name\":\"app\"}]},\"status\":{\"podIP\":"
        "\"127.0.0.1\",\"phase\":\"Running\"}}");
    put(w, "/api/v1/namespaces/shop/services/web",
        "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\",\"namespace\":"
        "\"shop\"},\"spec\":{\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\"],\"ports\":"
        "[{\"name\":\"http\",\"port\":80}]}}");
    put(w, ROUTE,
        "{\"apiVersion\":\"gateway.networking.k8s.io/v1\",\"kind\":\"HTTPRoute\",\"metadata\":{"
        "\"name\":\"web\",\"namespace\":\"shop\",\"generation\":1},\"spec\":{\"parentRefs\":[{"
        "\"group\":\"\",\"kind\":\"Service\",\"name\":\"web\"}],\"rules\":[{\"matches\":[{\"path\":"
        "{\"type\":\"PathPrefix\",\"value\":\"/one\"}}],\"backendRefs\":[{\"group\":\"\",\"kind\":"
        "\"Service\",\"name\":\"web\",\"port\":80,\"weight\":1}]}]}}");
}

static struct controller *start(struct world *w) {
    struct weft_error err = {0};
    struct controller *c = NULL;
    if (controller_new(w->m.loop, &w->options, &c, &err) != WEFT_OK)
        fail_msg("controller: %s %s", err.path, err.message);
    return c;
}

static bool is_ready(struct controller *c) {
    const char *type;
    struct weft_buf out;
    weft_buf_init(&out, 0);
    uint16_t status = controller_admin_answer(c, LIT("/ready"), false, &type, &out);
    weft_buf_done(&out);
    return status == 200;
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    snprintf(w->m.dir, sizeof w->m.dir, "/tmp/weft-cluster-XXXXXX");
    assert_non_null(mkdtemp(w->m.dir));
    assert_int_equal(mkdir(path_in(&w->m, "tokens"), 0700), 0);
    put_file(&w->m, "tokens/shop.web", "token-of-shop-web\n");
    w->m.loop = weft_loop_new();
    w->cluster = fake_cluster_new(w->m.loop);
    w->cluster->fake->on_request = on_request;
    w->cluster->fake->ud = w;
    fill_cluster(w);
    char text[512];
    snprintf(
        text, sizeof text,
        "{\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"%s\"}}],\"users\":[{\"name\":"
        "\"u\",\"user\":{}}],\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\","
        "\"user\":\"u\"}}],\"current-context\":\"x\"}",
        w->cluster->fake->url);
    put_file(&w->m, "kubeconfig", text);
    controller_options_default(&w->options);
    w->options.kubeconfig = weft_strdup(path_in(&w->m, "kubeconfig"));
    assert_true(weft_addr_parse(LIT("127.0.0.1:0"), &w->options.listen));
    w->options.admin = w->options.listen;
    w->a = start(w);
    assert_false(is_ready(w->a)); /* nothing to sign with, nothing read */
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    controller_free(w->a);
    controller_free(w->b);
    fake_cluster_free(w->cluster);
    weft_loop_free(w->m.loop);
    nftw(w->m.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free((void *)(uintptr_t)w->options.kubeconfig);
    free(w->bundle);
    free(w);
    return 0;
}

static struct proxy *proxy_of(struct world *w, struct controller *c) {
    free(w->bundle);
    w->bundle = weft_slice_dup(controller_ca_bundle(c->ca));
    struct proxy *p = weft_new0(struct proxy);
    p->config = proxy_config_new(&(struct proxy_config_cb){p, on_bound, on_inbound, on_trust});
    const struct proxy_agent_options o = {.controller_host = "127.0.0.1",
                                          .controller_port = controller_addr(c).port,
                                          .controller_name = "weft-controller.weft-system.svc",
                                          .ns = "shop",
                                          .pod = "web-1",
                                          .service_account = "web",
                                          .trust_domain = "cluster.local",
                                          .token_file = path_in(&w->m, "tokens/shop.web"),
                                          .bundle_pem = w->bundle};
    p->agent = proxy_agent_new(w->m.loop, &o, p->config,
                               &(struct proxy_agent_cb){p, on_identity, on_connected});
    want(p, "10.96.0.1:80");
    return p;
}

static void the_first_one_makes_what_is_missing_and_serves(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, is_ready(w->a));
    assert_non_null(cluster_get(w->cluster, SECRET));
    assert_non_null(cluster_get(w->cluster, ROOT));
    assert_int_equal(weft_counter_value(w->a->metrics.leader), 1);
    struct proxy *p = proxy_of(w, w->a);
    UNTIL(&w->m, p->bounds > 0 && p->inbounds > 0);
    assert_string_equal(p->id, "spiffe://cluster.local/ns/shop/sa/web");
    assert_string_equal(p->rules, "web:/one ");
    assert_int_equal(w->reviews, 1);
    proxy_free(p);
}

/* As at two thirds of the certificate's life, with the token that the kubelet has put there
 * meanwhile: answers count for a while by the token. */
static void renew(struct world *w, struct proxy *p, const char *token) {
    put_file(&w->m, "tokens/shop.web", token);
    UNTIL(&w->m, !p->agent->sign);
    weft_timer_start(&p->agent->sign_timer, 1);
}

static void each_renewal_asks_whether_the_account_still_exists(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, is_ready(w->a));
    struct proxy *p = proxy_of(w, w->a);
    UNTIL(&w->m, p->identities == 1 && p->bounds > 0);
    renew(w, p, "token-of-shop-web.2");
    UNTIL(&w->m, weft_counter_value(w->a->metrics.certificates) == 2);
    assert_int_equal(w->reviews, 2);
    w->account_gone = true;
    renew(w, p, "token-of-shop-web.3");
    UNTIL(&w->m, weft_counter_value(w->a->metrics.refused) >= 1);
    UNTIL(&w->m, !p->agent->sign);
    p->agent->opt.token_file = NULL; /* nor by its certificate without any token */
    p->agent->by_token = false;
    weft_timer_start(&p->agent->sign_timer, 1);
    UNTIL(&w->m, weft_counter_value(w->a->metrics.refused) >= 2);
    assert_int_equal(weft_counter_value(w->a->metrics.certificates), 2);
    proxy_free(p);
}

/* One that is there, and has no time: its word is waited for. */
static void a_busy_api_server_is_asked_again_before_anything_is_renewed(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, is_ready(w->a));
    struct proxy *p = proxy_of(w, w->a);
    UNTIL(&w->m, p->identities == 1 && p->bounds > 0);
    w->busy = true;
    int before = w->reviews;
    renew(w, p, "token-of-shop-web.2");
    UNTIL(&w->m, w->reviews > before && weft_timer_active(&p->agent->sign_timer));
    assert_int_equal(weft_counter_value(w->a->metrics.certificates), 1);
    proxy_free(p);
}

static bool knows_web(const struct controller *c) {
    const struct weft_gamma *g =
        controller_publish_gamma(controller_discovery_publish(c->discovery));
    struct weft_addr ip;
    struct weft_slice ns, pod, sa;
    assert_true(weft_addr_parse_ip(LIT("127.0.0.1"), &ip));
    return weft_gamma_pod_by_ip(g, &ip, &ns, &pod, &sa);
}

static void while_nobody_can_be_asked_a_pod_that_is_known_renews_itself(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, is_ready(w->a));
    struct proxy *p = proxy_of(w, w->a);
    UNTIL(&w->m, p->identities == 1 && p->bounds > 0);
    w->away = true;
    renew(w, p, "token-of-shop-web.2");
    UNTIL(&w->m, weft_counter_value(w->a->metrics.certificates) == 2);
    cluster_remove(w->cluster, "/api/v1/namespaces/shop/pods/web-1");
    UNTIL(&w->m, !knows_web(w->a));
    p->agent->by_token = false;
    int before = w->reviews;
    renew(w, p, "token-of-shop-web.3");
    UNTIL(&w->m, w->reviews > before && weft_timer_active(&p->agent->sign_timer));
    assert_int_equal(weft_counter_value(w->a->metrics.certificates), 2);
    proxy_free(p);
}

static const char *accepted(struct world *w) {
    const json_t *parents =
        json_object_get(json_object_get(cluster_get(w->cluster, ROUTE), "status"), "parents");
    const json_t *c = json_array_get(json_object_get(json_array_get(parents, 0), "conditions"), 0);
    const char *reason = json_string_value(json_object_get(c, "reason"));
    return reason ? reason : "";
}

static void a_route_and_the_mesh_get_their_status(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, strcmp(accepted(w), "Accepted") == 0);
    UNTIL(&w->m, json_object_get(cluster_get(w->cluster, XMESH), "status"));
    const json_t *mesh = cluster_get(w->cluster, XMESH);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(mesh, "spec"), "controllerName")),
        "weftmesh.io/mesh-controller");
    int patches = w->cluster->patches;
    assert_int_equal(patches, 2);
}

static void a_wrong_token_gets_nothing(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, is_ready(w->a));
    put_file(&w->m, "tokens/shop.web", "stolen-from-somewhere\n");
    struct proxy *p = proxy_of(w, w->a);
    UNTIL(&w->m, weft_counter_value(w->a->metrics.refused) >= 1);
    assert_int_equal(p->identities, 0);
    proxy_free(p);
}

static void the_second_one_takes_over_at_once(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, is_ready(w->a) && strcmp(accepted(w), "Accepted") == 0);
    w->b = start(w);
    UNTIL(&w->m, is_ready(w->b));
    assert_true(weft_slice_eq(controller_ca_bundle(w->a->ca), controller_ca_bundle(w->b->ca)));
    assert_int_equal(weft_counter_value(w->b->metrics.leader), 0);
    struct proxy *p = proxy_of(w, w->a), *q = proxy_of(w, w->b);
    UNTIL(&w->m, p->bounds > 0 && q->bounds > 0);
    controller_stop(w->a); /* SIGTERM */
    assert_false(is_ready(w->a));
    UNTIL(&w->m, p->downs == 1 && weft_counter_value(w->b->metrics.leader) == 1);
    assert_int_equal(q->downs, 0);
    put(w, "/api/v1/namespaces/shop/services/web",
        "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\",\"namespace\":"
        "\"shop\"},\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"x.test\"}}");
    UNTIL(&w->m, strcmp(accepted(w), "Accepted") != 0); /* by the new leader */
    proxy_free(p);
    proxy_free(q);
}

static void a_replaced_secret_reaches_the_proxies(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, is_ready(w->a));
    struct proxy *p = proxy_of(w, w->a);
    UNTIL(&w->m, p->trusts == 1);
    struct weft_buf key, cert, text;
    struct weft_error err = {0};
    weft_buf_init(&key, 0);
    weft_buf_init(&cert, 0);
    weft_buf_init(&text, 0);
    int64_t now = (int64_t)(weft_clock_unix_us() / 1000000u);
    assert_int_equal(controller_ca_make_root("cluster.local", now, &key, &cert, &err), WEFT_OK);
    (void)weft_base64_encode(weft_buf_slice(&cert), &text);
    json_t *secret = json_deep_copy(cluster_get(w->cluster, SECRET));
    json_object_set_new(json_object_get(secret, "data"), "ca.crt",
                        json_stringn(text.base, weft_buf_size(&text)));
    cluster_put(w->cluster, SECRET, secret);
    UNTIL(&w->m, p->trusts == 2);
    assert_int_equal(p->downs, 0);
    weft_buf_done(&key);
    weft_buf_done(&cert);
    weft_buf_done(&text);
    proxy_free(p);
}

/* A member of a Secret, decoded, at the end of `ret`. */
static void read_member(struct world *w, const char *path, const char *key, struct weft_buf *ret) {
    const json_t *data = json_object_get(cluster_get(w->cluster, path), "data");
    const char *text = json_string_value(json_object_get(data, key));
    assert_non_null(text);
    assert_int_equal(weft_base64_decode(weft_slice_str(text), ret), WEFT_OK);
}

static void write_member(json_t *secret, const char *key, const struct weft_buf *pem) {
    struct weft_buf text = {0};
    (void)weft_base64_encode(weft_buf_slice(pem), &text);
    json_object_set_new(json_object_get(secret, "data"), key,
                        json_stringn(text.base, weft_buf_size(&text)));
    weft_buf_done(&text);
}

/* Puts one below the root that is there: nine tenths of its life are over. */
static void age_the_issuer(struct world *w) {
    struct weft_buf root_key = {0}, root = {0}, key = {0}, chain = {0};
    int64_t now = (int64_t)(weft_clock_unix_us() / 1000000u);
    read_member(w, ROOT, "tls.key", &root_key);
    read_member(w, ROOT, "tls.crt", &root);
    assert_int_equal(weft_pki_key(&key), WEFT_OK);
    assert_int_equal(weft_pki_issuer(weft_buf_slice(&root_key), weft_buf_slice(&root),
                                     weft_buf_slice(&key), LIT("cluster.local"), now - 9 * 86400,
                                     10 * 86400, &chain, NULL),
                     WEFT_OK);
    json_t *secret = json_deep_copy(cluster_get(w->cluster, SECRET));
    write_member(secret, "tls.key", &key);
    write_member(secret, "tls.crt", &chain);
    cluster_put(w->cluster, SECRET, secret);
    weft_buf_done(&root_key);
    weft_buf_done(&root);
    weft_buf_done(&key);
    weft_buf_done(&chain);
}

/* By whichever replica leads; a proxy notices nothing but, some day, another chain. */
static void an_issuer_that_grows_old_is_replaced_while_proxies_are_served(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, is_ready(w->a));
    w->b = start(w);
    UNTIL(&w->m, is_ready(w->b));
    struct proxy *p = proxy_of(w, w->b);
    UNTIL(&w->m, p->identities == 1 && p->bounds > 0 && p->trusts == 1);
    int64_t soon = (int64_t)(weft_clock_unix_us() / 1000000u) + 2 * 86400;
    unsigned char root[32];
    memcpy(root, weft_identity_root(p->agent->identity), sizeof root);
    age_the_issuer(w);
    UNTIL(&w->m, controller_ca_not_after(w->b->ca) < soon);
    UNTIL(&w->m, controller_ca_not_after(w->b->ca) > soon && /* a new one, at both */
                     controller_ca_not_after(w->a->ca) > soon);
    renew(w, p, "token-of-shop-web.2");
    UNTIL(&w->m, p->identities == 2);
    assert_memory_equal(weft_identity_root(p->agent->identity), root, sizeof root);
    char told[65];
    weft_pki_hex(weft_identity_bundle(p->agent->identity), told);
    assert_string_equal(told, w->b->metrics.trust);
    assert_int_equal(p->trusts, 1);
    assert_int_equal(p->downs, 0);
    assert_int_equal(weft_counter_value(w->a->metrics.ca_unrenewed), 0);
    proxy_free(p);
}

static unsigned no_root(void *ud, const struct fake_request *r) {
    (void)ud;
    return strcmp(r->method, "GET") == 0 && fake_is(r, ROOT) ? 404 : 0;
}

static bool event_of(const struct world *w, const char *reason) {
    for (size_t i = 0; i < CLUSTER_MAX; i++) {
        const json_t *o = w->cluster->objects[i].json;
        const char *is = json_string_value(json_object_get(o, "reason"));
        if (is && strcmp(is, reason) == 0) return true;
    }
    return false;
}

/* The root was taken out of the cluster. */
static void an_issuer_that_cannot_be_renewed_is_told(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, is_ready(w->a));
    w->cluster->script = no_root;
    age_the_issuer(w);
    UNTIL(&w->m, weft_counter_value(w->a->metrics.ca_unrenewed) == 1);
    UNTIL(&w->m, event_of(w, "AuthorityNotRenewed"));
}

static bool waits_for_version(const struct world *w) {
    const char *why = controller_cluster_unready(w->a->cluster);
    return why && strstr(why, "version");
}

/* Which kind of sidecar is right is known before the first pod can come. */
static void the_webhook_waits_for_the_version(void **state) {
    struct world *w = *state;
    w->a = controller_free(w->a);
    w->options.webhook = w->options.listen;
    w->a = start(w);
    UNTIL(&w->m, w->a->webhook);
    assert_true(waits_for_version(w));
    put(w, "/version", "{\"major\":\"1\",\"minor\":\"28\"}");
    UNTIL(&w->m, !waits_for_version(w));
    assert_true(w->a->opt.classic_sidecars);
}

/* Somebody waits for a review that never comes. */
static void stopping_while_a_token_is_asked_about(void **state) {
    struct world *w = *state;
    UNTIL(&w->m, is_ready(w->a));
    w->cluster->fake->on_request = NULL;
    struct proxy *p = proxy_of(w, w->a);
    UNTIL(&w->m, weft_counter_value(w->a->metrics.reviews) == 1);
    w->a = controller_free(w->a);
    UNTIL(&w->m, weft_timer_active(&p->agent->sign_timer)); /* tries again */
    proxy_free(p);
}

int main(void) {
    (void)weft_log_set_level("error");
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_first_one_makes_what_is_missing_and_serves),
        T(a_route_and_the_mesh_get_their_status),
        T(a_wrong_token_gets_nothing),
        T(each_renewal_asks_whether_the_account_still_exists),
        T(a_busy_api_server_is_asked_again_before_anything_is_renewed),
        T(while_nobody_can_be_asked_a_pod_that_is_known_renews_itself),
        T(the_second_one_takes_over_at_once),
        T(a_replaced_secret_reaches_the_proxies),
        T(an_issuer_that_grows_old_is_replaced_while_proxies_are_served),
        T(an_issuer_that_cannot_be_renewed_is_told),
        T(the_webhook_waits_for_the_version),
        T(stopping_while_a_token_is_asked_about),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * A whole controller and proxies' agents on one loop: manifests in a temporary folder, TLS over
 * loopback ports that the kernel picks, real certificates. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <controller/controller_internal.h>
#include <ftw.h>
#include <sched.h>
#include <sidecar/agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/file.h>
#include <weft/net/tls.h>
#include <weft/obs/log.h>

#define LIT(s) WEFT_SLICE_LIT(s)

/* === the mesh === */

struct mesh {
    char dir[64];
    struct weft_loop *loop;
    struct controller *controller;
    struct controller_options options;
};

static const char *const shop =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: shop, labels: {app: web}, "
    "annotations: {weftmesh.io/sidecar: injected}}\n"
    "spec: {serviceAccountName: web, containers: [{name: app, ports: [{containerPort: 8080}]}]}\n"
    "status: {podIP: 127.0.0.1, phase: Running}\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: other-1, namespace: shop}\n"
    "spec: {serviceAccountName: other, containers: [{name: app}]}\n"
    "status: {podIP: 127.0.0.9, phase: Running}\n---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
    "spec: {clusterIP: 10.96.0.1, selector: {app: web}, ports: [{name: http, port: 80, "
    "targetPort: 8080}]}\n---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: v2, namespace: shop}\n"
    "spec: {clusterIP: 10.96.0.2, ports: [{name: http, port: 80}]}\n---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: own, namespace: client}\n"
    "spec: {clusterIP: 10.96.1.1, ports: [{name: http, port: 80}]}\n---\n"
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-a, namespace: "
    "shop, labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\n"
    "endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]\n"
    "ports: [{name: http, port: 8080}]\n---\n"
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: secret-of-client, "
    "namespace: client}\nspec:\n  parentRefs: [{group: \"\", kind: Service, name: web, namespace: "
    "shop}]\n  rules: [{backendRefs: [{name: own, port: 80}]}]\n";

static const char *const route_fmt =
    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web, namespace: "
    "shop}\nspec:\n  parentRefs: [{group: \"\", kind: Service, name: web}]\n  rules:\n"
    "  - matches: [{path: {value: %s}}]\n    backendRefs: [{name: web, port: 80}]\n";

static inline char *path_in(const struct mesh *m, const char *name) {
    static char ring[8][160];
    static int at;
    char *p = ring[at++ % 8];
    snprintf(p, sizeof ring[0], "%s/%s", m->dir, name);
    return p;
}

static inline void put_file(const struct mesh *m, const char *name, const char *text) {
    assert_int_equal(weft_file_replace(path_in(m, name), 0600, true, weft_slice_str(text)),
                     WEFT_OK);
}

static inline void put_route(const struct mesh *m, const char *path) {
    char text[512];
    snprintf(text, sizeof text, route_fmt, path);
    put_file(m, "manifests/route.yaml", text);
}

static inline void start_controller(struct mesh *m) {
    struct weft_error err = {0};
    enum weft_status st = controller_new(m->loop, &m->options, &m->controller, &err);
    if (st != WEFT_OK) fail_msg("controller: %s %s", err.path, err.message);
    m->options.listen = controller_addr(m->controller); /* the same port after a restart */
}

static inline struct mesh *mesh_new(void) {
    struct mesh *m = weft_new0(struct mesh);
    snprintf(m->dir, sizeof m->dir, "/tmp/weft-ads-XXXXXX");
    assert_non_null(mkdtemp(m->dir));
    assert_int_equal(mkdir(path_in(m, "manifests"), 0700), 0);
    assert_int_equal(mkdir(path_in(m, "tokens"), 0700), 0);
    put_file(m, "manifests/shop.yaml", shop);
    put_route(m, "/one");
    put_file(m, "tokens/shop.web", "token-of-shop-web-0123456789\n");
    put_file(m, "tokens/shop.other", "token-of-shop-other-0123456789\n");
    put_file(m, "tokens/client.app", "token-of-client-app-0123456789\n");
    m->loop = weft_loop_new();
    controller_options_default(&m->options);
    m->options.dirs[0] = weft_strdup(path_in(m, "manifests"));
    m->options.n_dirs = 1;
    m->options.ca_dir = weft_strdup(path_in(m, "ca"));
    m->options.token_dir = weft_strdup(path_in(m, "tokens"));
    assert_true(weft_addr_parse(LIT("127.0.0.1:0"), &m->options.listen));
    m->options.admin = m->options.listen;
    start_controller(m);
    return m;
}

static inline int remove_one(const char *path, const struct stat *s, int flag, struct FTW *f) {
    (void)s;
    (void)flag;
    (void)f;
    return remove(path);
}

static inline void mesh_free(struct mesh *m) {
    controller_free(m->controller);
    weft_loop_free(m->loop);
    nftw(m->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free((void *)(uintptr_t)m->options.dirs[0]);
    free((void *)(uintptr_t)m->options.ca_dir);
    free((void *)(uintptr_t)m->options.token_dir);
    free(m);
}

/* Turns the loop until the condition holds; a test that waits in vain fails here. */
#define UNTIL(m, cond)                                                                             \
    do {                                                                                           \
        uint64_t until_began_ = weft_clock_mono_us();                                              \
        while (!(cond)) {                                                                          \
            (void)weft_loop_turn((m)->loop);                                                       \
            sched_yield();                                                                         \
            if (weft_clock_mono_us() - until_began_ > 20 * 1000 * 1000) fail_msg("%s", #cond);     \
        }                                                                                          \
    } while (0)

static inline uint64_t resources_sent(const struct mesh *m) {
    return weft_counter_value(m->controller->metrics.resources);
}

/* === a proxy: the real configuration store and agent, without workers === */

struct proxy {
    struct proxy_config *config;
    struct proxy_agent *agent;
    struct weft_addr wanted;
    int identities, ups, downs, bounds, inbounds, trusts;
    char rules[256]; /* "route:path " of the last Destination bound */
    char id[128];
    uint32_t endpoints;
    int64_t not_after;
};

static inline void on_bound(void *ud, const struct weft_addr *addr, struct weft_bound *b) {
    struct proxy *p = ud;
    (void)addr;
    p->rules[0] = 0;
    if (!b) return;
    p->bounds++;
    p->endpoints = b->dest->n_endpoints ? b->endpoints[0]->n : 0;
    for (uint32_t i = 0; i < b->dest->n_rules; i++) {
        const struct weft_rule *r = &b->dest->rules[i];
        size_t n = strlen(p->rules);
        snprintf(p->rules + n, sizeof p->rules - n, "%.*s:%.*s ", WEFT_SLICE_ARG(r->route),
                 WEFT_SLICE_ARG(r->n_matches ? r->matches[0].path : LIT("")));
    }
}
static inline void on_inbound(void *ud, const struct weft_inbound *i) {
    ((struct proxy *)ud)->inbounds += i != NULL;
}
static inline void on_trust(void *ud, const struct weft_trust *t) {
    (void)t;
    ((struct proxy *)ud)->trusts++;
}
static inline void on_identity(void *ud, struct weft_identity *id) {
    struct proxy *p = ud;
    p->identities++;
    p->not_after = weft_identity_not_after(id);
    snprintf(p->id, sizeof p->id, "%.*s", WEFT_SLICE_ARG(weft_identity_spiffe_id(id)));
}
static inline void on_connected(void *ud, bool connected) {
    struct proxy *p = ud;
    if (connected)
        p->ups++;
    else
        p->downs++;
}

struct who {
    const char *ns, *pod, *sa, *token; /* token: name of the file in tokens/ */
    const char *state;                 /* name of the state folder, or NULL */
};
__attribute__((unused)) static const struct who web = {"shop", "web-1", "web", "shop.web", NULL};

static inline struct proxy *proxy_new(struct mesh *m, const struct who *w) {
    struct proxy *p = weft_new0(struct proxy);
    p->config = proxy_config_new(&(struct proxy_config_cb){p, on_bound, on_inbound, on_trust});
    char token[64];
    snprintf(token, sizeof token, "tokens/%s", w->token);
    const struct proxy_agent_options o = {
        .controller_host = "127.0.0.1",
        .controller_port = m->options.listen.port,
        .controller_name = "weft-controller",
        .ns = w->ns,
        .pod = w->pod,
        .service_account = w->sa,
        .trust_domain = "cluster.local",
        .token_file = path_in(m, token),
        .bundle_file = path_in(m, "ca/root.pem"),
        .state_dir = w->state ? path_in(m, w->state) : NULL,
    };
    p->agent = proxy_agent_new(m->loop, &o, p->config,
                               &(struct proxy_agent_cb){p, on_identity, on_connected});
    return p;
}

static inline void proxy_free(struct proxy *p) {
    proxy_agent_free(p->agent);
    proxy_config_free(p->config);
    free(p);
}

static inline void want(struct proxy *p, const char *addr) {
    assert_true(weft_addr_parse(weft_slice_str(addr), &p->wanted));
    proxy_config_want(p->config, &p->wanted);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/controller_internal.h>
#include <weft/base/alloc.h>
#include <weft/obs/log.h>

void controller_options_default(struct controller_options *o) {
    *o = (struct controller_options){
        .trust_domain = "cluster.local",
        .name = "weft-controller",
        .ns = "weft-system",
        .ca_secret = "weft-ca",
        .ca_root_secret = "weft-ca-root",
        .lease = "weft-controller",
        .token_audience = "weft",
        .mesh_name = "weft",
        .webhook_config = "weft-injector",
        .experimental = true,
        .cert_ttl_s = 24 * 3600,
        .log_level = "info",
        .init_image = WEFT_INJECT_INIT_IMAGE,
        .proxy_image = WEFT_INJECT_PROXY_IMAGE,
        .proxy_controller = WEFT_INJECT_CONTROLLER,
    };
    (void)weft_addr_parse(WEFT_SLICE_LIT("[::]:15012"), &o->listen);
    (void)weft_addr_parse(WEFT_SLICE_LIT("[::]:15014"), &o->admin);
    o->write_timeout_s = o->admin_write_timeout_s = 30;
}

/* The way of a change: objects -> gamma -> resources -> subscribers. Synchronous, since the old
 * gamma may point into objects that are gone. */
static void on_change(void *ud) {
    struct controller *c = ud;
    uint64_t began = weft_clock_mono_us();
    const struct weft_gamma_options opt = {
        .trust_domain = c->opt.trust_domain,
        .experimental = controller_source_experimental(c->source),
        .require_reference_grant = c->opt.require_reference_grant};
    controller_discovery_set_gamma(c->discovery, weft_gamma_new(c->store, &opt));
    uint64_t took = weft_clock_mono_us() - began;
    weft_histogram_add(c->metrics.translation, took);
    if (c->cluster) controller_cluster_look(c->cluster);
    weft_info("controller", "generation %llu in force after %llu us",
              (unsigned long long)weft_store_generation(c->store), (unsigned long long)took);
}

static void on_status(void *ud) {
    struct controller *c = ud;
    if (c->cluster) controller_cluster_look(c->cluster);
}

static void on_source_error(void *ud, const char *where, const struct weft_error *err) {
    struct controller *c = ud;
    weft_error("source", "%s:%d: %s%s%s", where, err->line, err->path, err->path[0] ? ": " : "",
               err->message);
    weft_counter_add(c->metrics.file_errors, 1);
    if (!c->kube) controller_errors_add(&c->errors, where, err);
}

/* === the authority === */

#define CA_LOOK_US UINT64_C(1000000) /* three stat() calls */

static int64_t unix_now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

/* With what stands for it in the metrics. */
static void publish_trust(struct controller *c) {
    controller_publish_set_trust(controller_discovery_publish(c->discovery),
                                 weft_slice_str(c->opt.trust_domain), controller_ca_bundle(c->ca));
    controller_metrics_trust(&c->metrics, controller_ca_bundle(c->ca));
    weft_gauge_set(c->metrics.ca_expiry, controller_ca_not_after(c->ca));
    weft_gauge_set(c->metrics.ca_root_expiry, controller_ca_root_not_after(c->ca));
}

static void look_at_ca(struct controller *c) {
    struct weft_error err = {0};
    bool changed;
    if (controller_ca_reload(c->ca, unix_now(), &changed, &err) != WEFT_OK)
        weft_warn("ca", "what changed is not used (yet): %s: %s", err.path, err.message);
    if (changed) controller_ca_changed(c);
}

static void on_ca_timer(void *arg) {
    struct controller *c = arg;
    look_at_ca(c);
    weft_timer_start(&c->ca_timer, CA_LOOK_US);
}

static bool is_pod(void *ud, const struct weft_addr *ip, struct weft_slice ns,
                   struct weft_slice service_account) {
    const struct controller *c = ud;
    const struct weft_gamma *g =
        controller_publish_gamma(controller_discovery_publish(c->discovery));
    struct weft_slice its_ns, pod, its_account;
    return g && weft_gamma_pod_by_ip(g, ip, &its_ns, &pod, &its_account) &&
           weft_slice_eq(its_ns, ns) && weft_slice_eq(its_account, service_account);
}

static enum weft_status open_ca(struct controller *c, struct weft_error *err) {
    const struct controller_ca_options opt = {
        .dir = c->opt.ca_dir,
        .cert_file = c->opt.ca_cert,
        .key_file = c->opt.ca_key,
        .bundle_file = c->opt.ca_bundle,
        .ns = c->opt.ns,
        .trust_domain = c->opt.trust_domain,
        .max_ttl_s = c->opt.cert_ttl_s,
    };
    enum weft_status st = controller_ca_new(&opt, unix_now(), &c->ca, err);
    if (st != WEFT_OK) return st;
    c->sign = (struct controller_sign){.ca = c->ca,
                                       .token_dir = c->opt.token_dir,
                                       .is_pod = is_pod,
                                       .ud = c,
                                       .metrics = &c->metrics};
    weft_timer_start(&c->ca_timer, CA_LOOK_US);
    return WEFT_OK;
}

static enum weft_status open_webhook(struct controller *c, struct weft_error *err) {
    const struct controller_options *o = &c->opt;
    if (!o->webhook.family) return WEFT_OK;
    const struct controller_webhook_options opt = {
        .listen = o->webhook,
        .name = o->name,
        .inject = {.init_image = o->init_image,
                   .proxy_image = o->proxy_image,
                   .pull_policy = o->pull_policy,
                   .controller = o->proxy_controller,
                   .controller_name = o->name,
                   .trust_domain = o->trust_domain,
                   .classic = o->classic_sidecars},
        .ca = c->ca,
        .store = c->store,
        .metrics = &c->metrics,
    };
    return controller_webhook_new(c->loop, &opt, &c->webhook, err);
}

/* What needs a certificate to serve with. */
static enum weft_status open_ports(struct controller *c, struct weft_error *err) {
    publish_trust(c);
    enum weft_status st = controller_server_new(
        c->loop,
        &(struct controller_server_options){.listen = c->opt.listen,
                                            .name = c->opt.name,
                                            .write_timeout_us = c->opt.write_timeout_s * 1000000},
        &c->sign, c->discovery, &c->server, err);
    if (st == WEFT_OK) st = open_webhook(c, err);
    if (st != WEFT_OK) return st;
    char at[WEFT_ADDR_STR];
    struct weft_addr bound = controller_addr(c);
    weft_addr_format(&bound, at);
    weft_info("controller", "serving on %s", at);
    return WEFT_OK;
}

/* Proxies learn whom to trust before they can meet the new serving certificate: the bundle goes
 * out on connections that are open. */
static void renew_ports(struct controller *c) {
    struct weft_error err = {0};
    weft_info("ca", "another root, issuer or trust bundle is in force");
    publish_trust(c);
    controller_server_renew(c->server);
    if (c->webhook && controller_webhook_renew(c->webhook, &err) != WEFT_OK)
        weft_error("webhook", "no new certificate: %s", err.message);
}

void controller_ca_changed(struct controller *c) {
    struct weft_error err = {0};
    if (c->server) {
        renew_ports(c);
    } else if (open_ports(c, &err) != WEFT_OK) {
        weft_error("controller", "%s%s%s", err.path, err.path[0] ? ": " : "", err.message);
        c->failed = true;
        weft_loop_stop(c->loop);
        return;
    }
    if (c->cluster) controller_cluster_ca_changed(c->cluster);
}

static enum weft_status open_admin(struct controller *c, struct weft_error *err) {
    const struct controller_admin_options opt = {
        .listen = c->opt.admin,
        .write_timeout_us = c->opt.admin_write_timeout_s * 1000000,
        .controller = c,
        .metrics = &c->metrics,
    };
    return controller_admin_new(c->loop, &opt, &c->admin, err);
}

/* Listening before the objects are read: proxies wait for an answer rather than for a port. */
static enum weft_status start(struct controller *c, struct weft_error *err) {
    enum weft_status st = controller_source_client(c->loop, &c->opt, &c->kube, err);
    if (st == WEFT_OK) st = open_ca(c, err);
    if (st == WEFT_OK) st = open_admin(c, err);
    if (st == WEFT_OK && controller_ca_ready(c->ca)) st = open_ports(c, err);
    if (st == WEFT_OK && c->kube) {
        c->cluster = controller_cluster_new(c);
        c->sign.review = controller_cluster_review(c->cluster);
    }
    if (st == WEFT_OK)
        st = controller_source_new(
            c->loop, &c->opt, c->kube, c->store,
            &(struct controller_source_cb){c, on_change, on_status, on_source_error}, &c->source,
            err);
    return st;
}

/* === the end === */

#define DRAIN_US UINT64_C(5000000) /* Endpoints and their rules on the nodes need that long */

static void on_drained(void *arg) {
    struct controller *c = arg;
    c->drained = true;
    if (c->released) weft_loop_stop(c->loop);
}
static void on_released(void *arg) {
    struct controller *c = arg;
    c->released = true;
    if (c->drained) weft_loop_stop(c->loop);
}

void controller_stop(struct controller *c) {
    if (c->stopping || !c->cluster) {
        weft_loop_stop(c->loop);
        return;
    }
    c->stopping = true;
    controller_cluster_release(c->cluster, on_released, c);
    controller_discovery_drain(c->discovery);
    weft_timer_start(&c->drain, DRAIN_US);
}

bool controller_has_failed(const struct controller *c) {
    return c->failed;
}

enum weft_status controller_new(struct weft_loop *l, const struct controller_options *o,
                                struct controller **ret, struct weft_error *err) {
    struct controller *c = weft_new0(struct controller);
    c->loop = l;
    c->opt = *o;
    c->store = weft_store_new();
    controller_metrics_init(&c->metrics);
    controller_errors_init(&c->errors);
    weft_timer_init(&c->ca_timer, l, on_ca_timer, c);
    weft_timer_init(&c->drain, l, on_drained, c);
    c->discovery = controller_discovery_new(l, o->trust_domain, &c->metrics);
    enum weft_status st = start(c, err);
    if (st != WEFT_OK)
        c = controller_free(c);
    else
        *ret = c;
    return st;
}

struct controller *controller_free(struct controller *c) {
    if (!c) return NULL;
    weft_timer_stop(&c->ca_timer);
    weft_timer_stop(&c->drain);
    controller_source_free(c->source);
    c->discovery = controller_discovery_free(c->discovery);
    controller_server_close(c->server);
    controller_admin_close(c->admin);
    controller_webhook_close(c->webhook);
    controller_cluster_free(c->cluster);
    controller_ca_free(c->ca);
    weft_kube_free(c->kube);
    weft_store_free(c->store);
    controller_errors_done(&c->errors);
    controller_metrics_done(&c->metrics);
    free(c);
    return NULL;
}

struct weft_addr controller_addr(const struct controller *c) {
    return c->server ? controller_server_addr(c->server) : (struct weft_addr){0};
}
struct weft_addr controller_webhook_bound(const struct controller *c) {
    return c->webhook ? controller_webhook_addr(c->webhook) : (struct weft_addr){0};
}
struct weft_addr controller_admin_addr(const struct controller *c) {
    return controller_admin_bound(c->admin);
}

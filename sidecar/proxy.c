/* SPDX-License-Identifier: Apache-2.0
 * Build, run, drain: the main thread holds the configuration and its source, the admin ports and
 * the signals; workers hold the traffic. */
#include <sidecar/proxy.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <sidecar/cpus.h>
#include <sidecar/identity.h>
#include <sidecar/limits.h>
#include <sidecar/proxy_internal.h>
#include <weft/base/alloc.h>
#include <weft/net/resolve.h>
#include <weft/obs/log.h>
#include <weft/xds/codec.h>

static int fail(const struct weft_error *err) {
    fprintf(stderr, "weft-proxy: %s%s%s\n", err->path, *err->path ? ": " : "", err->message);
    return 1;
}

/* ---- configuration from a file ---- */

static void warn_loopback(const struct weft_snapshot *s) {
    for (size_t i = 0; i < s->n_endpoints; i++) {
        const struct weft_endpoints *e = s->endpoints[i];
        for (uint32_t k = 0; k < e->n; k++) {
            if (!weft_addr_is_loopback(&e->items[k].addr)) continue;
            weft_warn("snapshot",
                      WEFT_SLICE_FMT ": endpoint on a loopback address; that works only for a "
                                     "proxy on this very host",
                      WEFT_SLICE_ARG(e->name));
            break;
        }
    }
}

static void config_errors(struct proxy *p, uint64_t n) {
    weft_counter_add(weft_metrics_counter(p->metrics, PROXY_METRIC_CONFIG_ERRORS, NULL), n);
}

static void on_snapshot_error(void *ud, const struct weft_error *err) {
    struct proxy *p = ud;
    config_errors(p, 1);
    weft_error("snapshot", "kept what was in force: %s: %s", err->path, err->message);
}

static enum weft_status load_snapshot(struct proxy *p, struct weft_error *err) {
    struct weft_snapshot s = {0};
    p->snapshot = proxy_snapshot_watch(p->loop, p->opt->snapshot, p->config, on_snapshot_error, p);
    enum weft_status st = proxy_snapshot_read(p->opt->snapshot, &s, err);
    if (st != WEFT_OK) return st;
    warn_loopback(&s);
    proxy_config_replace(p->config, &s);
    return WEFT_OK;
}

/* ---- configuration from a controller ---- */

static void on_identity(void *ud, struct weft_identity *id) {
    proxy_post_identity(ud, id);
}
static void on_connected(void *ud, bool connected) {
    proxy_post_connected(ud, connected);
}

static void on_unsigned(void *ud) {
    struct proxy *p = ud;
    weft_counter_add(weft_metrics_counter(p->metrics, PROXY_METRIC_CERT_FAILURES, NULL), 1);
}

static void on_rejected(void *ud) {
    config_errors(ud, 1);
}

static enum weft_status start_agent(struct proxy *p, struct weft_error *err) {
    const struct proxy_options *o = p->opt;
    struct proxy_agent_options a = {.controller_name = o->controller_name,
                                    .ns = o->ns,
                                    .pod = o->pod,
                                    .service_account = o->service_account,
                                    .trust_domain = o->trust_domain,
                                    .token_file = o->token_file,
                                    .bundle_file = o->trust_bundle,
                                    .bundle_pem = o->trust_bundle_pem,
                                    .state_dir = o->state_dir,
                                    .cert_ttl_s = o->cert_ttl_s};
    struct weft_slice host;
    if (!weft_host_port(weft_slice_str(o->controller), &host, &a.controller_port))
        return weft_error_set(err, WEFT_INVALID, "--controller", "\"%s\": use HOST:PORT",
                              o->controller);
    WEFT_FREE char *controller_host = weft_slice_dup(host);
    a.controller_host = controller_host;
    struct proxy_agent_cb cb = {p, on_identity, on_connected, on_rejected, on_unsigned};
    p->agent = proxy_agent_new(p->loop, &a, p->config, &cb);
    return WEFT_OK;
}

/* ---- workers ---- */

static void run_worker(void *arg) {
    weft_loop_run(((struct proxy_thread *)arg)->loop);
}

static enum weft_status make_workers(struct proxy *p, struct weft_error *err) {
    size_t n = p->opt->workers ? p->opt->workers : proxy_default_workers();
    struct proxy_worker_hooks hooks = proxy_post_hooks(p);
    p->threads = weft_alloc0(n * sizeof *p->threads);
    for (size_t i = 0; i < n; i++) {
        struct proxy_thread *t = &p->threads[p->n_threads++];
        t->p = p;
        t->loop = weft_loop_new();
        t->w = proxy_worker_new(t->loop, (unsigned)i, p->opt, &hooks, p->log_fd);
        proxy_limits_share(t->w, n);
    }
    return WEFT_OK;
}

static enum weft_status open_probes(struct proxy *p, struct weft_error *err) {
    const struct weft_addr loopback = {.family = 4, .ip = {127, 0, 0, 1}};
    if (!p->opt->app_probes || !*p->opt->app_probes) return WEFT_OK;
    struct weft_error why = {0};
    enum weft_status st =
        app_probes_new(p->loop, weft_slice_str(p->opt->app_probes),
                       p->opt->n_pod_ips ? &p->opt->pod_ips[0] : &loopback, &p->probes, &why);
    if (st == WEFT_OK) return WEFT_OK;
    return weft_error_set(err, st, "--app-probes", "%s%s%s", why.path, *why.path ? ": " : "",
                          why.message);
}

static enum weft_status open_ports(struct proxy *p, struct weft_error *err) {
    for (size_t i = 0; i < p->n_threads; i++) {
        enum weft_status st = proxy_worker_listen(p->threads[i].w, err);
        if (st != WEFT_OK) return st;
    }
    enum weft_status ready = open_probes(p, err);
    if (ready != WEFT_OK) return ready;
    struct proxy_admin_source src = proxy_report_source(p);
    return proxy_admin_new(p->loop, p->opt, &src, &p->admin, err);
}

static void refuse_new(struct proxy_worker *w) {
    w->memory_short = true;
}
static void take_new(struct proxy_worker *w) {
    w->memory_short = false;
}
static void on_memory(void *ud, bool is_short) {
    proxy_post_each(ud, is_short ? refuse_new : take_new);
}

static void start_threads(struct proxy *p) {
    p->running = true;
    p->memory = proxy_memory_watch(p->loop, p->opt->shed_memory, on_memory, p);
    for (size_t i = 0; i < p->n_threads; i++)
        p->threads[i].thread = weft_thread_start(run_worker, &p->threads[i]);
}

static void stop_loop(struct proxy_worker *w) {
    weft_loop_stop(w->loop);
}

static void stop_threads(struct proxy *p) {
    if (p->running) proxy_post_each(p, stop_loop);
    for (size_t i = 0; i < p->n_threads; i++) weft_thread_join(p->threads[i].thread);
    p->running = false;
}

/* ---- the end ---- */

void proxy_on_drained(struct proxy *p, struct proxy_worker *w) {
    bool all = true;
    for (size_t i = 0; i < p->n_threads; i++) {
        if (p->threads[i].w == w) p->threads[i].drained = true;
        all = all && p->threads[i].drained;
    }
    if (all) weft_loop_stop(p->loop);
}

static void on_drain_timeout(void *arg) {
    struct proxy *p = arg;
    weft_warn("proxy", "drain time is over: what is in flight is cut");
    proxy_post_each(p, proxy_worker_stop);
}

static void on_signal(void *arg, int signum) {
    struct proxy *p = arg;
    if (p->draining) { /* asked twice: at once */
        proxy_post_each(p, proxy_worker_stop);
        return;
    }
    weft_info("proxy", "signal %d", signum);
    proxy_drain(p);
}

void proxy_drain(struct proxy *p) {
    if (p->draining) return;
    weft_info("proxy", "finishing what is in flight");
    p->draining = true;
    weft_timer_init(&p->drain_timer, p->loop, on_drain_timeout, p);
    weft_timer_start(&p->drain_timer, p->opt->drain_timeout_us);
    proxy_post_each(p, proxy_worker_drain);
}

static void proxy_done(struct proxy *p) {
    stop_threads(p);
    weft_timer_stop(&p->drain_timer);
    p->memory = proxy_memory_free(p->memory);
    p->agent = proxy_agent_free(p->agent);
    p->snapshot = proxy_snapshot_free(p->snapshot);
    p->probes = app_probes_free(p->probes);
    p->admin = proxy_admin_free(p->admin);
    for (size_t i = 0; i < p->n_threads; i++) {
        proxy_worker_free(p->threads[i].w);
        weft_loop_free(p->threads[i].loop);
    }
    p->config = proxy_config_free(p->config);
    weft_identity_unref(p->identity);
    weft_loop_free(p->loop);
    weft_metrics_free(p->metrics);
    free(p->threads);
    if (p->log_fd >= 0) close(p->log_fd);
}

/* ---- the beginning ---- */

static enum weft_status open_log(struct proxy *p, struct weft_error *err) {
    p->log_mode = p->opt->access_log;
    p->log_fd = /* also with mode off: it may be switched on */
        proxy_log_open(p->opt->access_log_file);
    if (p->log_fd >= 0) return WEFT_OK;
    return weft_error_set(err, WEFT_IO, "--access-log-file", "cannot be opened: %s",
                          weft_status_text(weft_status_from_errno(errno)));
}

static enum weft_status load_identity(struct proxy *p, struct weft_error *err) {
    struct weft_identity *id = NULL;
    if (p->opt->controller) return WEFT_OK; /* the agent's */
    enum weft_status st = proxy_identity_load(p->opt, &id, err);
    if (st == WEFT_OK && id) proxy_post_identity(p, id);
    weft_identity_unref(id);
    return st;
}

static void share_ejections(struct proxy *p) {
    for (size_t i = 1; i < p->n_threads; i++)
        proxy_worker_share_health(p->threads[i].w, p->threads[0].w);
}

static enum weft_status build(struct proxy *p, struct weft_error *err) {
    struct proxy_config_cb cb = proxy_post_config_cb;
    cb.ud = p;
    p->loop = weft_loop_new();
    p->metrics = weft_metrics_new(proxy_metric_families, PROXY_METRIC_COUNT);
    p->config = proxy_config_new(&cb);
    p->changed_us = weft_clock_mono_us();
    config_errors(p, 0);
    weft_loop_on_signal(p->loop, SIGTERM, on_signal, p);
    weft_loop_on_signal(p->loop, SIGINT, on_signal, p);
    if (p->opt->pod) proxy_config_set_own(p->config, p->opt->ns, p->opt->pod);
    enum weft_status st = open_log(p, err);
    if (st == WEFT_OK) st = make_workers(p, err);
    share_ejections(p);
    if (st == WEFT_OK) st = load_identity(p, err);
    if (st == WEFT_OK) st = p->opt->snapshot ? load_snapshot(p, err) : start_agent(p, err);
    if (st == WEFT_OK) st = open_ports(p, err);
    return st;
}

int proxy_run(const struct proxy_options *opt) {
    struct proxy p = {.opt = opt, .log_fd = -1};
    struct weft_error err = {0};
    signal(SIGPIPE, SIG_IGN);
    proxy_limits_raise_files();
    proxy_schedule(opt->scheduling);
    int status = 0;
    if (build(&p, &err) == WEFT_OK) {
        start_threads(&p);
        weft_info("proxy", "%s runs with %zu workers", WEFT_VERSION, p.n_threads);
        weft_loop_run(p.loop);
    } else {
        status = fail(&err);
    }
    proxy_done(&p);
    return status;
}

int proxy_check(const struct proxy_options *opt) {
    struct weft_error err = {0};
    struct weft_identity *id = NULL;
    if (proxy_identity_load(opt, &id, &err) != WEFT_OK) return fail(&err);
    weft_identity_unref(id);
    if (!opt->snapshot) {
        printf("options are good\n");
        return 0;
    }
    struct weft_snapshot s = {0};
    if (proxy_snapshot_read(opt->snapshot, &s, &err) != WEFT_OK) return fail(&err);
    warn_loopback(&s);
    printf("%s: namespace " WEFT_SLICE_FMT ", %zu destinations, %zu endpoint sets\n", opt->snapshot,
           WEFT_SLICE_ARG(s.ns), s.n_destinations, s.n_endpoints);
    weft_snapshot_done(&s);
    return 0;
}

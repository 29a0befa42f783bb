/* SPDX-License-Identifier: Apache-2.0
 * What the admin ports show of the proxy. */
#include <sidecar/proxy_internal.h>

#include <sidecar/endpoint_view.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>
#include <weft/obs/process.h>

/* With a controller a pod is ready when it can speak mutual TLS, too. */
bool proxy_is_ready(const struct proxy *p) {
    return !p->draining && proxy_config_ready(p->config) && (p->opt->snapshot || p->identity);
}

static bool ready(void *ud) {
    return proxy_is_ready(ud);
}

static void gauge(struct proxy *p, enum proxy_metric m, int64_t v) {
    weft_gauge_set(weft_metrics_counter(p->metrics, m, NULL), v);
}

static void build_info(struct proxy *p) {
    struct weft_slice version = WEFT_SLICE_LIT(WEFT_VERSION);
    weft_gauge_set(weft_metrics_counter(p->metrics, PROXY_METRIC_BUILD_INFO, &version), 1);
}

static void info(struct weft_metrics *m, enum proxy_metric family, const char *what) {
    struct weft_slice label = weft_slice_str(what);
    weft_gauge_set(weft_metrics_counter(m, family, &label), 1);
}

/* A set of the moment: only what is in force is told, and what was before it is not kept. */
static struct weft_metrics *in_force(const struct proxy *p) {
    struct weft_metrics *m = weft_metrics_new(proxy_metric_families, PROXY_METRIC_COUNT);
    char version[17], sha256[65];
    if (proxy_config_version(p->config, version)) info(m, PROXY_METRIC_CONFIG_INFO, version);
    if (!p->identity) return m;
    weft_pki_hex(weft_identity_root(p->identity), sha256);
    info(m, PROXY_METRIC_CERT_ROOT, sha256);
    weft_pki_hex(weft_identity_bundle(p->identity), sha256);
    info(m, PROXY_METRIC_TRUST_BUNDLE, sha256);
    return m;
}

/* The main thread's own brought up to date, those of the workers, and one of the moment. */
struct sets {
    struct weft_metrics *items[PROXY_MAX_WORKERS + 2];
    size_t n;
};

static void gather_sets(struct proxy *p, struct sets *ret) {
    build_info(p);
    gauge(p, PROXY_METRIC_CONFIG_GENERATION, (int64_t)proxy_config_generation(p->config));
    gauge(p, PROXY_METRIC_CONFIG_AGE, (int64_t)((weft_clock_mono_us() - p->changed_us) / 1000000));
    gauge(p, PROXY_METRIC_WORKERS, (int64_t)p->n_threads);
    if (p->opt->controller) gauge(p, PROXY_METRIC_CONNECTED, p->connected);
    if (p->identity) gauge(p, PROXY_METRIC_CERT_NOT_AFTER, weft_identity_not_after(p->identity));
    ret->items[0] = in_force(p);
    ret->items[1] = p->metrics;
    for (size_t i = 0; i < p->n_threads; i++) ret->items[i + 2] = p->threads[i].w->stats.set;
    ret->n = p->n_threads + 2;
}

static void metrics(void *ud, struct weft_buf *out) {
    struct sets s;
    gather_sets(ud, &s);
    weft_metrics_text(s.items, s.n, out);
    weft_metrics_free(s.items[0]);
    weft_process_metrics_text(out);
}

static void stats(void *ud, const struct proxy_stats_query *q, struct weft_buf *out) {
    struct sets s;
    gather_sets(ud, &s);
    proxy_stats_view(s.items, s.n, q, out);
    weft_metrics_free(s.items[0]);
}

static enum proxy_log_mode access_log(void *ud) {
    return ((struct proxy *)ud)->log_mode;
}

static void set_access_log(void *ud, enum proxy_log_mode mode) {
    proxy_post_log_mode(ud, mode);
}

static char *config_dump(void *ud) {
    struct proxy *p = ud;
    json_t *j = proxy_config_dump(p->config);
    char *text = weft_dump_text(j);
    json_decref(j);
    return text;
}

/* ---- the endpoint view: asked of every worker, answered when the last one has ---- */

struct gather {
    struct proxy *p;
    size_t left;
    struct proxy_endpoint_rows rows;
    void (*done)(void *arg, char *text);
    void *arg;
};
struct part { /* on its way to a worker and back */
    struct gather *g;
    struct proxy_worker *w;
    struct proxy_endpoint_rows rows;
};

static void part_back(void *arg) {
    struct part *part = arg;
    struct gather *g = part->g;
    proxy_endpoint_rows_move(&g->rows, &part->rows);
    free(part);
    if (--g->left) return;
    g->done(g->arg, proxy_endpoint_rows_json(&g->rows));
    proxy_endpoint_rows_done(&g->rows);
    free(g);
}

static void part_out(void *arg) {
    struct part *part = arg;
    proxy_endpoint_rows_add(&part->rows, part->w);
    weft_loop_post(part->g->p->loop, part_back, part);
}

static void endpoints(void *ud, void (*done)(void *arg, char *text), void *arg) {
    struct proxy *p = ud;
    struct gather *g = weft_new0(struct gather);
    *g = (struct gather){.p = p, .left = p->n_threads, .done = done, .arg = arg};
    for (size_t i = 0; i < p->n_threads; i++) {
        struct part *part = weft_new0(struct part);
        *part = (struct part){.g = g, .w = p->threads[i].w};
        weft_loop_post(p->threads[i].loop, part_out, part);
    }
}

static void drain(void *ud) {
    proxy_drain(ud);
}

static void limit(void *ud, enum weft_cap cap) {
    struct weft_slice labels[] = {WEFT_SLICE_LIT("admin"), weft_slice_str(weft_cap_word(cap))};
    weft_counter_add(
        weft_metrics_counter(((struct proxy *)ud)->metrics, PROXY_METRIC_LIMITS, labels), 1);
}

struct proxy_admin_source proxy_report_source(struct proxy *p) {
    return (struct proxy_admin_source){.ud = p,
                                       .ready = ready,
                                       .metrics = metrics,
                                       .config_dump = config_dump,
                                       .endpoints = endpoints,
                                       .drain = drain,
                                       .probes = p->probes,
                                       .stats = stats,
                                       .access_log = access_log,
                                       .set_access_log = set_access_log,
                                       .limit = limit};
}

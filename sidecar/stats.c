/* SPDX-License-Identifier: Apache-2.0
 * Metric families of the proxy and the pointers that workers keep. */
#include <sidecar/stats.h>

const struct weft_metric_family proxy_metric_families[PROXY_METRIC_COUNT] = {
#define X(id, family, kind, labels, help) {family, WEFT_METRIC_##kind, labels, help},
    PROXY_METRIC_MAP(X)
#undef X
};

const char *proxy_dir_name(enum proxy_dir d) {
    return d == PROXY_OUTBOUND ? "outbound" : "inbound";
}

static struct weft_counter *counter(struct proxy_stats *s, enum proxy_metric f, const char *a,
                                    const char *b) {
    struct weft_slice v[2] = {weft_slice_str(a), weft_slice_str(b)};
    return weft_metrics_counter(s->set, f, v);
}

void proxy_stats_count(struct proxy_stats *s, enum proxy_metric f, const char *a, const char *b) {
    weft_counter_add(counter(s, f, a, b), 1);
}

static void init_direction(struct proxy_stats *s, enum proxy_dir d) {
    const char *dir = proxy_dir_name(d);
    s->open[d] = counter(s, PROXY_METRIC_OPEN, dir, NULL);
    s->active[d] = counter(s, PROXY_METRIC_ACTIVE, dir, NULL);
    for (int r = 1; r < WEFT_REASON_COUNT; r++)
        s->reasons[d][r] =
            counter(s, PROXY_METRIC_REASONS, dir, weft_reason_word((enum weft_reason)r));
}

void proxy_stats_init(struct proxy_stats *s) {
    s->set = weft_metrics_new(proxy_metric_families, PROXY_METRIC_COUNT);
    init_direction(s, PROXY_OUTBOUND);
    init_direction(s, PROXY_INBOUND);
    s->tls_ok = counter(s, PROXY_METRIC_TLS, "inbound", "ok");
    s->tls_failed = counter(s, PROXY_METRIC_TLS, "inbound", "failed");
    s->tls_started = counter(s, PROXY_METRIC_TLS, "outbound", "started");
    s->tls_start_failed = counter(s, PROXY_METRIC_TLS, "outbound", "failed");
    s->budget_spent = counter(s, PROXY_METRIC_BUDGET_SPENT, NULL, NULL);
    s->connects = counter(s, PROXY_METRIC_CONNECTS, "started", NULL);
    s->connect_failures = counter(s, PROXY_METRIC_CONNECTS, "failed", NULL);
    s->upstream_open = counter(s, PROXY_METRIC_UPSTREAM_OPEN, NULL, NULL);
    s->parked = counter(s, PROXY_METRIC_PARKED, NULL, NULL);
    s->dests[0] = counter(s, PROXY_METRIC_DESTINATIONS, "none", NULL);
    s->dests[1] = counter(s, PROXY_METRIC_DESTINATIONS, "service", NULL);
    s->dests[2] = counter(s, PROXY_METRIC_DESTINATIONS, "workload", NULL);
    s->log_dropped = counter(s, PROXY_METRIC_LOG_DROPPED, NULL, NULL);
}

void proxy_stats_done(struct proxy_stats *s) {
    s->set = weft_metrics_free(s->set);
}

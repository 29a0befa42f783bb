/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/metrics.h>

#include <weft/net/tls.h>
#include <weft/obs/process.h>

enum {
#define X(member, name, kind, help) F_##member,
    CONTROLLER_METRIC_MAP(X)
#undef X
        F_trust,
    F_translation,
    F_push,
    F_status_writes,
    F_rejected,
    F_nacks,
    F_limits,
    F_build,
};

static const struct weft_metric_family families[] = {
#define X(member, name, kind, help) {name, WEFT_METRIC_##kind, "", help},
    CONTROLLER_METRIC_MAP(X)
#undef X
        {"weft_controller_trust_bundle_info", WEFT_METRIC_GAUGE, "sha256",
         "1 for the roots that proxies are told to trust; 0 for those before"},
    {"weft_controller_translation_seconds", WEFT_METRIC_HISTOGRAM, "",
     "From changed objects to changed resources"},
    {"weft_controller_push_seconds", WEFT_METRIC_HISTOGRAM, "",
     "From changed resources to the last subscriber that could take them at once"},
    {"weft_controller_status_writes_total", WEFT_METRIC_COUNTER, "result",
     "Writes of route status: ok, conflict, denied, invalid, error"},
    {"weft_controller_rejected_total", WEFT_METRIC_COUNTER, "resource",
     "Resources that a proxy rejected, by what they were"},
    {"weft_controller_nacks_total", WEFT_METRIC_COUNTER, "reason",
     "The same by why: invalid, limit, unknown (to the proxy's version), regex, trust, other"},
    {"weft_controller_limits_hit_total", WEFT_METRIC_COUNTER, "limit",
     "Limits that callers of its ports (discovery, webhook, admin) ran into: connections, "
     "head_timeout, write_timeout, idle_timeout, and those of HTTP/2"},
    {"weft_controller_build_info", WEFT_METRIC_GAUGE, "version",
     "1; which weft-controller this is"},
};

void controller_metrics_init(struct controller_metrics *m) {
    m->set = weft_metrics_new(families, WEFT_LEN(families));
#define X(member, name, kind, help) m->member = weft_metrics_counter(m->set, F_##member, NULL);
    CONTROLLER_METRIC_MAP(X)
#undef X
    const struct weft_slice version = WEFT_SLICE_LIT(WEFT_VERSION);
    weft_gauge_set(weft_metrics_counter(m->set, F_build, &version), 1);
    m->translation = weft_metrics_histogram(m->set, F_translation, NULL);
    m->push = weft_metrics_histogram(m->set, F_push, NULL);
    for (int r = 0; r < WEFT_ADS_REJECTS; r++) {
        struct weft_slice word = weft_slice_str(weft_ads_reject_word((enum weft_ads_reject)r));
        m->nacks[r] = weft_metrics_counter(m->set, F_nacks, &word);
    }
}

struct weft_counter *controller_metrics_status_write(struct controller_metrics *m,
                                                     struct weft_slice result) {
    return weft_metrics_counter(m->set, F_status_writes, &result);
}

struct weft_counter *controller_metrics_rejected(struct controller_metrics *m,
                                                 struct weft_slice resource) {
    return weft_metrics_counter(m->set, F_rejected, &resource);
}

static struct weft_counter *trust_series(struct controller_metrics *m) {
    struct weft_slice label = weft_slice_str(m->trust);
    return weft_metrics_counter(m->set, F_trust, &label);
}

void controller_metrics_trust(struct controller_metrics *m, struct weft_slice bundle_pem) {
    unsigned char sum[32];
    if (m->trust[0]) weft_gauge_set(trust_series(m), 0);
    weft_pki_sha256(bundle_pem, sum);
    weft_pki_hex(sum, m->trust);
    weft_gauge_set(trust_series(m), 1);
}

void controller_metrics_limit(struct controller_metrics *m, enum weft_cap cap) {
    struct weft_slice word = weft_slice_str(weft_cap_word(cap));
    weft_counter_add(weft_metrics_counter(m->set, F_limits, &word), 1);
}

void controller_metrics_done(struct controller_metrics *m) {
    m->set = weft_metrics_free(m->set);
}

void controller_metrics_text(const struct controller_metrics *m, struct weft_buf *out) {
    struct weft_metrics *sets[] = {m->set};
    weft_metrics_text(sets, 1, out);
    weft_process_metrics_text(out);
}

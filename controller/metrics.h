/* SPDX-License-Identifier: Apache-2.0
 * What the controller counts. One thread, so the series are plain pointers made at start. */
#pragma once
#include <weft/http/limit.h>
#include <weft/obs/metric.h>
#include <weft/xds/ads.h>

/* member, name, kind, help */
#define CONTROLLER_METRIC_MAP(X)                                                                   \
    X(connected, "weft_controller_connected_proxies", GAUGE, "Open discovery streams")             \
    X(pushes, "weft_controller_pushes_total", COUNTER, "Discovery responses sent")                 \
    X(resources, "weft_controller_resources_sent_total", COUNTER, "Resources in those responses")  \
    X(refused, "weft_controller_refused_total", COUNTER,                                           \
      "Subscriptions and certificate requests that were refused")                                  \
    X(certificates, "weft_controller_certificates_issued_total", COUNTER, "Certificates issued")   \
    X(generation, "weft_controller_store_generation", GAUGE, "Changes to the object store")        \
    X(published, "weft_controller_published_resources", GAUGE, "Resources with a subscriber")      \
    X(leader, "weft_controller_leader", GAUGE, "1 while this replica leads")                       \
    X(status_queue, "weft_controller_status_queue", GAUGE, "Routes whose status is to be written") \
    X(ca_expiry, "weft_controller_ca_expiry_timestamp_seconds", GAUGE,                             \
      "When the certificate that signs ends, Unix time")                                           \
    X(ca_root_expiry, "weft_controller_ca_root_expiry_timestamp_seconds", GAUGE,                   \
      "When the root above it ends, Unix time")                                                    \
    X(ca_unrenewed, "weft_controller_ca_unrenewed", GAUGE,                                         \
      "1 at the leader while the certificate that signs, or its root, is near its end and the "    \
      "controller has no root to renew it from, or its Secret cannot be read; the Event and the "  \
      "log say why")                                                                               \
    X(watch_lag, "weft_controller_watch_lag_seconds", GAUGE,                                       \
      "Since the watch that was silent longest gave a sign of life")                               \
    X(turned_away, "weft_controller_connections_refused_total", COUNTER,                           \
      "Connections beyond what one identity, or all together, may have")                           \
    X(reviews, "weft_controller_token_reviews_total", COUNTER, "Tokens asked about")               \
    X(review_errors, "weft_controller_token_review_errors_total", COUNTER,                         \
      "Tokens about which the API server did not answer")                                          \
    X(file_errors, "weft_controller_file_errors_total", COUNTER, "Broken manifests met")           \
    X(injected, "weft_controller_injected_total", COUNTER, "Pods that the webhook injected")       \
    X(injection_refused, "weft_controller_injection_refused_total", COUNTER,                       \
      "Pods that the webhook refused, as a sidecar would break them or an annotation is wrong")    \
    X(webhook_errors, "weft_controller_webhook_errors_total", COUNTER,                             \
      "Requests to the webhook that were no admission reviews")

struct controller_metrics {
    struct weft_metrics *set;
#define X(member, name, kind, help) struct weft_counter *member;
    CONTROLLER_METRIC_MAP(X)
#undef X
    struct weft_histogram *translation, *push;
    struct weft_counter *nacks[WEFT_ADS_REJECTS];
    char trust[65]; /* the label of the series that is 1 */
};
void controller_metrics_init(struct controller_metrics *m);
/* By outcome: ok, conflict, denied, invalid, error. */
struct weft_counter *controller_metrics_status_write(struct controller_metrics *m,
                                                     struct weft_slice result);
/* By what was rejected: dest, endpoints, inbound, trust. */
struct weft_counter *controller_metrics_rejected(struct controller_metrics *m,
                                                 struct weft_slice resource);
/* Shows the roots that proxies are told to trust, by the SHA-256 of the bundle. */
void controller_metrics_trust(struct controller_metrics *m, struct weft_slice bundle_pem);
/* A caller of one of the ports ran into it. */
void controller_metrics_limit(struct controller_metrics *m, enum weft_cap cap);
void controller_metrics_done(struct controller_metrics *m);
void controller_metrics_text(const struct controller_metrics *m, struct weft_buf *out);

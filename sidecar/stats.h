/* SPDX-License-Identifier: Apache-2.0
 * The metrics of weft-proxy as one table, and the series that are used so often that each worker
 * holds direct pointers to them. */
#pragma once
#include <weft/http/reason.h>
#include <weft/obs/metric.h>

/* name, family, kind, labels, help */
#define PROXY_METRIC_MAP(X)                                                                        \
    X(REQUESTS, "weft_requests_total", COUNTER,                                                    \
      "direction,service,route_kind,route,rule,backend,status,grpc_status",                        \
      "Requests ended, by the status sent (0: none was) and, for gRPC, how the call ended.")       \
    X(DURATION, "weft_request_duration_seconds", HISTOGRAM,                                        \
      "direction,service,route_kind,route,rule,backend",                                           \
      "From the request head to the end of the exchange.")                                         \
    X(REASONS, "weft_request_reasons_total", COUNTER, "direction,reason",                          \
      "Requests that the proxy itself answered or cut, by reason.")                                \
    X(RETRIES, "weft_request_retries_total", COUNTER,                                              \
      "direction,service,route_kind,route,rule,backend,cause",                                     \
      "Attempts repeated: unprocessed (not seen by any app), reused (idle connection closed), "    \
      "policy (a retry stanza).")                                                                  \
    X(MIRRORS, "weft_mirrored_requests_total", COUNTER, "outcome",                                 \
      "Copies of requests that a RequestMirror filter asked for: answered, failed, dropped "       \
      "(could not keep up with the request), invalid (its backendRef).")                           \
    X(TIMEOUTS, "weft_request_timeouts_total", COUNTER,                                            \
      "direction,service,route_kind,route,rule,backend,timeout",                                   \
      "Timeouts of routes that passed: request, backendRequest.")                                  \
    X(BODY, "weft_body_bytes_total", COUNTER,                                                      \
      "direction,service,route_kind,route,rule,backend,way",                                       \
      "Body bytes received from callers (request) and sent to them (response).")                   \
    X(CONNS, "weft_connections_total", COUNTER, "direction,service,protocol",                      \
      "Connections accepted, by what they spoke: h1, h2, opaque, refused.")                        \
    X(OPEN, "weft_connections_open", GAUGE, "direction", "Connections of callers now.")            \
    X(ACTIVE, "weft_requests_active", GAUGE, "direction", "Requests in flight now.")               \
    X(PASSTHROUGH, "weft_passthrough_connections_total", COUNTER, "direction,why",                 \
      "Connections passed through without a route: foreign (not of the mesh), unknown (no "        \
      "configuration came in time), opaque (not HTTP), app_tls.")                                  \
    X(APP_TLS, "weft_app_tls_connections_total", COUNTER, "direction,server_name",                 \
      "Connections passed through on which the caller began TLS of its own: named (it asks for a " \
      "server name), none.")                                                                       \
    X(REFUSED, "weft_refused_connections_total", COUNTER, "direction,reason",                      \
      "Connections closed by the proxy before any request.")                                       \
    X(LIMITS, "weft_limits_hit_total", COUNTER, "direction,limit",                                 \
      "Limits that callers, or endpoints answering them, ran into (docs/reference/limits.md); "    \
      "direction admin: of the proxy's own ports.")                                                \
    X(TLS, "weft_tls_handshakes_total", COUNTER, "direction,result",                               \
      "Mutual TLS handshakes: of callers (inbound) ok and failed, with endpoints (outbound) "      \
      "started and failed.")                                                                       \
    X(CONNECTS, "weft_upstream_connects_total", COUNTER, "result",                                 \
      "Connections dialled to endpoints and apps: started, failed.")                               \
    X(EJECTIONS, "weft_endpoint_ejections_total", COUNTER, "backend,cause",                        \
      "Endpoints ejected after failures in a row, by the last one: status (5xx or gRPC), reset, "  \
      "connect, "                                                                                  \
      "timeout; capped: not ejected because half of the set is.")                                  \
    X(BUDGET_SPENT, "weft_retry_budget_exhausted_total", COUNTER, "",                              \
      "Retries that a stanza asked for and the destination's budget did not allow.")               \
    X(UPSTREAM_OPEN, "weft_upstream_connections_open", GAUGE, "",                                  \
      "Pooled connections to endpoints and apps now.")                                             \
    X(PARKED, "weft_parked_connections", GAUGE, "", "Connections waiting for configuration now.")  \
    X(DESTINATIONS, "weft_destinations", GAUGE, "kind",                                            \
      "Addresses known to the workers, summed over them: service, workload, none.")                \
    X(LOG_DROPPED, "weft_access_log_dropped_total", COUNTER, "",                                   \
      "Access log lines dropped because their reader was too slow.")                               \
    X(CONFIG_INFO, "weft_config_info", GAUGE, "version",                                           \
      "1; the version of the configuration that the controller sent and this proxy accepted.")     \
    X(CONFIG_GENERATION, "weft_config_generation", GAUGE, "",                                      \
      "Grows with every piece of configuration put in force.")                                     \
    X(CONFIG_AGE, "weft_config_age_seconds", GAUGE, "",                                            \
      "Time since the configuration changed last.")                                                \
    X(CONFIG_ERRORS, "weft_config_errors_total", COUNTER, "",                                      \
      "Snapshots and resources that could not be taken up.")                                       \
    X(CONNECTED, "weft_controller_connected", GAUGE, "", "1 while the controller is reached.")     \
    X(CERT_NOT_AFTER, "weft_certificate_not_after_seconds", GAUGE, "",                             \
      "End of the own certificate as Unix time; absent without one.")                              \
    X(CERT_ROOT, "weft_certificate_root_info", GAUGE, "sha256",                                    \
      "1; the root that the own certificate ends at, by its fingerprint.")                         \
    X(TRUST_BUNDLE, "weft_trust_bundle_info", GAUGE, "sha256",                                     \
      "1; the roots that are trusted now, by the SHA-256 of the bundle.")                          \
    X(CERT_FAILURES, "weft_certificate_failures_total", COUNTER, "",                               \
      "Attempts to get or renew the own certificate that failed.")                                 \
    X(BUILD_INFO, "weft_build_info", GAUGE, "version", "1; which weft-proxy this is.")             \
    X(WORKERS, "weft_workers", GAUGE, "", "Worker threads.")

enum proxy_metric {
#define X(name, ...) PROXY_METRIC_##name,
    PROXY_METRIC_MAP(X)
#undef X
        PROXY_METRIC_COUNT
};
extern const struct weft_metric_family proxy_metric_families[PROXY_METRIC_COUNT];

enum proxy_dir { PROXY_OUTBOUND, PROXY_INBOUND };
const char *proxy_dir_name(enum proxy_dir d);

struct proxy_stats { /* of one worker */
    struct weft_metrics *set;
    struct weft_counter *reasons[2][WEFT_REASON_COUNT];
    struct weft_counter *open[2], *active[2], *budget_spent;
    struct weft_counter *tls_ok, *tls_failed, *tls_started, *tls_start_failed;
    struct weft_counter *connects, *connect_failures, *upstream_open;
    struct weft_counter *parked, *dests[3], *log_dropped;
};
void proxy_stats_init(struct proxy_stats *s);
void proxy_stats_done(struct proxy_stats *s);
/* Slow path: one more in a series named by literals. */
void proxy_stats_count(struct proxy_stats *s, enum proxy_metric family, const char *label1,
                       const char *label2);

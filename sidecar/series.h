/* SPDX-License-Identifier: Apache-2.0
 * What is counted for one (service, route, rule, backend): its labels and direct pointers to its
 * series, each made when it is first counted. One thread, as the set of metrics behind it. */
#pragma once
#include <sidecar/stats.h>

struct proxy_series_labels {
    enum proxy_dir dir;
    struct weft_slice service, route, rule, backend; /* as in metrics and log lines; may be empty */
    const char *route_kind;                          /* static; NULL without a route */
};

/* id, family, value of its last label */
#define PROXY_SERIES_MAP(X)                                                                        \
    X(BODY_IN, BODY, "request")                                                                    \
    X(BODY_OUT, BODY, "response")                                                                  \
    X(CONN_H1, CONNS, "h1")                                                                        \
    X(CONN_H2, CONNS, "h2")                                                                        \
    X(CONN_OPAQUE, CONNS, "opaque")                                                                \
    X(CONN_REFUSED, CONNS, "refused")                                                              \
    X(RETRY_UNPROCESSED, RETRIES, "unprocessed")                                                   \
    X(RETRY_REUSED, RETRIES, "reused")                                                             \
    X(RETRY_POLICY, RETRIES, "policy")                                                             \
    X(TIMEOUT_REQUEST, TIMEOUTS, "request")                                                        \
    X(TIMEOUT_BACKEND, TIMEOUTS, "backendRequest")

enum proxy_series_counter {
#define X(id, ...) PROXY_SERIES_##id,
    PROXY_SERIES_MAP(X)
#undef X
        PROXY_SERIES_COUNT
};

/* How a gRPC call ended: its grpc-status, or one of these. */
enum {
    PROXY_GRPC_OTHER = 17, /* a number beyond the known ones, or none at all in the field */
    PROXY_GRPC_NONE = -1,  /* a gRPC call that ended without any */
    PROXY_GRPC_NOT = -2,   /* no gRPC call */
};

/* A fault of the server, as OpenTelemetry counts them: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED,
 * INTERNAL, UNAVAILABLE, DATA_LOSS; and any that is not known. */
static inline bool proxy_grpc_failed(int8_t grpc) {
    const uint32_t faults =
        1u << 2 | 1u << 4 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 15 | 1u << PROXY_GRPC_OTHER;
    return grpc >= 0 && (faults >> grpc & 1u);
}

/* What counts against the endpoint that said it, as a 5xx does: UNKNOWN (an app's own exception),
 * INTERNAL, UNAVAILABLE, DATA_LOSS. Not what hangs on the caller: its deadline, its method. */
static inline bool proxy_grpc_broken(int8_t grpc) {
    return grpc == 2 || (grpc >= 13 && grpc <= 15);
}

enum { PROXY_MAX_OUTCOMES = 32 }; /* of one series; further ones count as status "other" */

struct proxy_series;
/* The labels are copied. Frees with NULL too; what was counted stays with the set. */
struct proxy_series *proxy_series_new(struct proxy_stats *stats,
                                      const struct proxy_series_labels *l);
struct proxy_series *proxy_series_free(struct proxy_series *s);
const struct proxy_series_labels *proxy_series_labels(const struct proxy_series *s);

void proxy_series_add(struct proxy_series *s, enum proxy_series_counter which, uint64_t n);
/* A request that ended: `status` as sent to the caller, 0: none was. */
void proxy_series_ended(struct proxy_series *s, uint16_t status, int8_t grpc, uint64_t us);

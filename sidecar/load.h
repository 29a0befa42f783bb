/* SPDX-License-Identifier: Apache-2.0
 * What one worker knows of one endpoint address: what is in flight, how fast it answers, how it
 * failed. Outlives changes of the sets that the endpoint is in. */
#pragma once
#include <sidecar/health.h>
#include <weft/mesh/balance.h>

struct proxy_worker;
struct proxy_dests;
struct proxy_bound;

/* id, word in the metric of ejections */
#define PROXY_FAILURE_MAP(X)                                                                       \
    X(STATUS, "status")   /* answered 5xx, or gRPC 2, 13, 14, 15 */                                \
    X(RESET, "reset")     /* broke the connection or the protocol */                               \
    X(CONNECT, "connect") /* no connection came up */                                              \
    X(TIMEOUT, "timeout") /* not within timeouts.backendRequest */

enum proxy_failure {
#define X(id, word) PROXY_FAILED_##id,
    PROXY_FAILURE_MAP(X)
#undef X
        PROXY_FAILURE_COUNT
};
const char *proxy_failure_word(enum proxy_failure f);

struct proxy_load {
    struct weft_addr addr;
    uint32_t refs;
    uint32_t active;       /* requests and connections in flight */
    uint64_t born_us;      /* when this worker met it */
    uint64_t warm_from_us; /* it joined a set that served already; 0: no warm-up */
    uint64_t bad_until_us; /* a connect failed just now: others first */
    struct weft_latency latency;
    struct proxy_ejection *ejection; /* shared by the workers */
    uint64_t requests, failures;     /* attempts, and those that failed */
    UT_hash_handle hh;
};
struct proxy_load *proxy_load_get(struct proxy_dests *t, const struct weft_addr *addr);
void proxy_load_unref(struct proxy_dests *t, struct proxy_load *l);
/* The loads of a set in its order, referenced; the new ones among known ones warm up. */
struct proxy_load **proxy_loads_of(struct proxy_dests *t, const struct weft_endpoints *e);

/* full: as many are in flight as it may have connections. */
void proxy_load_view(const struct proxy_load *l, const struct proxy_worker *w,
                     struct weft_endpoint_view *ret);
void proxy_load_begin(struct proxy_load *l);
void proxy_load_end(struct proxy_load *l);
/* The endpoint in set number `set` of b did well or failed; when it failed too often in a row it is
 * ejected, unless half of that set is. */
void proxy_load_worked(struct proxy_load *l, struct proxy_worker *w);
void proxy_load_failed(struct proxy_load *l, struct proxy_bound *b, uint32_t set,
                       enum proxy_failure why);

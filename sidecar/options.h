/* SPDX-License-Identifier: Apache-2.0
 * Command line and environment of weft-proxy. */
#pragma once
#include <sidecar/schedule.h>
#include <weft/base/addr.h>
#include <weft/base/options.h>

enum { PROXY_MAX_LISTENS = 256, PROXY_MAX_POD_IPS = 4, PROXY_MAX_WORKERS = 64 };

struct proxy_listen { /* --listen */
    struct weft_addr at;
    char ns[64], service[64];
    uint16_t port;
};
struct proxy_listen_inbound { /* --listen-inbound */
    struct weft_addr at;
    uint16_t app_port;
};
enum proxy_log_mode { PROXY_LOG_OFF, PROXY_LOG_ERRORS, PROXY_LOG_ALL };
const char *proxy_log_mode_word(enum proxy_log_mode m); /* "off", "errors", "all" */
bool proxy_log_mode_from(const char *word, enum proxy_log_mode *ret);

struct proxy_options {
    const char *snapshot;
    struct proxy_listen listens[PROXY_MAX_LISTENS];
    struct proxy_listen_inbound inbounds[PROXY_MAX_LISTENS];
    size_t n_listens, n_inbounds;

    const char *cert, *key, *trust_bundle, *trust_bundle_pem;
    const char *controller, *controller_name;
    const char *zone; /* NULL: none is preferred */
    const char *ns, *pod, *service_account, *token_file, *state_dir, *trust_domain;
    struct weft_addr pod_ips[PROXY_MAX_POD_IPS];
    size_t n_pod_ips;

    uint64_t workers; /* 0: from the CPU limit */
    enum proxy_scheduling scheduling;
    uint64_t outbound_port, inbound_port, metrics_port, ready_port;
    struct weft_addr admin; /* family 0: off */
    bool redirect;          /* derived: the redirected ports are opened */

    enum proxy_log_mode access_log;
    const char *access_log_file;
    const char *log_level;

    uint64_t outlier_failures, outlier_eject_us, warm_up_us;
    uint64_t endpoint_connections; /* to one endpoint, of one worker */
    uint64_t retry_percent, retry_min_per_s;
    bool strict; /* --mtls-mode, until the controller says otherwise */
    uint64_t detect_timeout_us, connect_timeout_us, idle_timeout_us, drain_timeout_us;
    uint64_t head_timeout_us;
    bool reason_header;
    bool allow_encoded_slashes;
    struct weft_addr app_address; /* family 0: as the client meant it */
    uint64_t max_head_bytes, max_head_fields, max_target_bytes, max_chunk_extensions;
    uint64_t max_request_memory; /* 0: as much as max_head_bytes needs, at least the default */
    uint64_t max_retry_body, max_conn_buffered;
    uint64_t max_connections, max_streams, max_buffered, max_resets, max_control_frames;
    uint64_t shed_memory; /* percent of the container's limit; 0: never */
    uint64_t body_timeout_us, write_timeout_us, caller_idle_timeout_us, admin_write_timeout_us;
    uint64_t max_admin_connections;
    uint64_t opaque_idle_timeout_us, half_close_timeout_us, dead_timeout_us;
    uint64_t cert_ttl_s;
    const char *app_probes;
    bool check;
    uint64_t wait_ready_us; /* --wait-ready: only wait for the proxy that runs already */
};

void proxy_options_default(struct proxy_options *o);
/* max_request_memory, or what stands for it. */
uint64_t proxy_options_request_memory(const struct proxy_options *o);
/* Defaults, environment, flags; then what only makes sense together. *ret_exit: 0 when --help or
 * --version was answered, 2 after a message about bad input, -1 to go on. */
enum weft_status proxy_options_parse(struct proxy_options *o, int argc, char **argv, int *ret_exit);
/* The rows, for --help and docs. */
const struct weft_option *proxy_option_rows(size_t *ret_n);

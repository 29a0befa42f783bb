/* SPDX-License-Identifier: Apache-2.0
 * The option rows of weft-proxy and what must hold between them. */
#include <sidecar/options.h>

#include <stdio.h>

#include <sidecar/option_values.h>
#include <weft/base/limits.h>

#define AT(member) offsetof(struct proxy_options, member)

static const struct weft_option rows[] = {
    {"snapshot", "WEFT_SNAPSHOT", "FILE",
     "Serve the configuration of this file (weft compile -o FILE) without a controller. A file "
     "replaced by rename is taken up at once.",
     weft_option_str, AT(snapshot)},
    {"listen", "WEFT_LISTEN", "ADDR:PORT=NAMESPACE/SERVICE:PORT",
     "Also take connections for that Service port on a plain address, with --snapshot. "
     "Repeatable.",
     proxy_option_listen},
    {"listen-inbound", "WEFT_LISTEN_INBOUND", "ADDR:PORT=APP_PORT",
     "Also take inbound connections on a plain address, for the app on that port. Repeatable.",
     proxy_option_listen_inbound},
    {"cert", "WEFT_CERT", "FILE", "Certificate chain (PEM) of this workload, with --key.",
     weft_option_str, AT(cert)},
    {"key", "WEFT_KEY", "FILE", "Private key (PEM) of --cert.", weft_option_str, AT(key)},
    {"trust-bundle", "WEFT_TRUST_BUNDLE", "FILE",
     "Roots (PEM) that peers and the controller must chain to.", weft_option_str, AT(trust_bundle)},
    {"trust-bundle-pem", "WEFT_TRUST_BUNDLE_PEM", "PEM",
     "The same as text, for use with --controller where no file is at hand.", weft_option_str,
     AT(trust_bundle_pem)},
    {"controller", "WEFT_CONTROLLER", "HOST:PORT",
     "Discovery and certificates come from this controller. A name is looked up at each attempt to "
     "connect.",
     weft_option_str, AT(controller)},
    {"controller-name", "WEFT_CONTROLLER_NAME", "NAME",
     "Name of the controller towards TLS. Its second part is the namespace of the ServiceAccount "
     "weft-controller, whose identity the controller must prove. Default "
     "weft-controller.weft-system.svc.",
     weft_option_str, AT(controller_name)},
    {"namespace", "WEFT_NAMESPACE", "NAME", "Namespace of this pod. Default \"default\".",
     weft_option_str, AT(ns)},
    {"pod", "WEFT_POD", "NAME", "Name of this pod.", weft_option_str, AT(pod)},
    {"pod-ip", "WEFT_POD_IP", "IP[,IP]", "Addresses of this pod.", proxy_option_pod_ips},
    {"service-account", "WEFT_SERVICE_ACCOUNT", "NAME",
     "ServiceAccount of this pod. Default \"default\".", weft_option_str, AT(service_account)},
    {"zone", "WEFT_ZONE", "NAME",
     "Zone of this pod, as EndpointSlices name it: endpoints there are preferred. Default: in a "
     "cluster the node's, for Services that ask for it (trafficDistribution).",
     weft_option_str, AT(zone)},
    {"token-file", "WEFT_TOKEN_FILE", "FILE", "Token shown to the controller at first contact.",
     weft_option_str, AT(token_file)},
    {"state-dir", "WEFT_STATE_DIR", "DIR",
     "Keep the last good configuration, key and certificate here (mode 0700). Default: nothing is "
     "kept.",
     weft_option_str, AT(state_dir)},
    {"trust-domain", "WEFT_TRUST_DOMAIN", "NAME", "Default cluster.local.", weft_option_str,
     AT(trust_domain)},
    {"cert-ttl", "WEFT_CERT_TTL", "SECONDS",
     "Certificate lifetime to ask for. Default 0: the controller's.", weft_option_u64,
     AT(cert_ttl_s)},
    {"workers", "WEFT_WORKERS", "N",
     "Worker threads. Default 0: two, or fewer where the CPU limit is lower.", weft_option_u64,
     AT(workers), 0, PROXY_MAX_WORKERS},
    {"scheduling", "WEFT_SCHEDULING", "batch|other",
     "Class of the threads towards the kernel (sched(7)). batch: the proxy does not push aside the "
     "app that wakes it, which saves up to a quarter of its CPU. other: it may, for shorter "
     "tails on nodes whose CPUs are all busy. Default batch.",
     proxy_option_scheduling, AT(scheduling)},
    {"outbound-port", "WEFT_OUTBOUND_PORT", "PORT",
     "Port that outbound connections are redirected to; 0: none. Default 15001, or 0 with --listen "
     "or --listen-inbound.",
     weft_option_u64, AT(outbound_port), 0, 65535},
    {"inbound-port", "WEFT_INBOUND_PORT", "PORT",
     "Port that inbound connections are redirected to; 0: none. Default 15006, or 0 with --listen "
     "or --listen-inbound.",
     weft_option_u64, AT(inbound_port), 0, 65535},
    {"admin", "WEFT_ADMIN", "ADDR:PORT",
     "Serves what is known, counted and logged, and takes changes by POST; / lists the pages; 0: "
     "off. Default 127.0.0.1:15000.",
     proxy_option_addr, AT(admin)},
    {"metrics-port", "WEFT_METRICS_PORT", "PORT",
     "Serves /metrics on every address; 0: off. Default 15020.", weft_option_u64, AT(metrics_port),
     0, 65535},
    {"ready-port", "WEFT_READY_PORT", "PORT",
     "Serves /ready on every address; 0: off. Default 15021.", weft_option_u64, AT(ready_port), 0,
     65535},
    {"app-probes", "WEFT_APP_PROBES", "JSON",
     "The app's own probes and hooks, made on --metrics-port as /app-probe/CONTAINER/KIND; written "
     "by the injector.",
     weft_option_str, AT(app_probes)},
    {"access-log", "WEFT_ACCESS_LOG", "off|errors|all",
     "One JSON line a request. errors: answers of 500 and above, failed gRPC calls and whatever "
     "the "
     "proxy itself answered or cut. Changes at run time by POST /logging?access=MODE. Default "
     "errors.",
     proxy_option_access_log, AT(access_log)},
    {"access-log-file", "WEFT_ACCESS_LOG_FILE", "FILE", "Default: standard output.",
     weft_option_str, AT(access_log_file)},
    {"log-level", "WEFT_LOG_LEVEL", "error|warn|info|debug", "Default info.", weft_option_str,
     AT(log_level)},
    {"mtls-mode", "WEFT_MTLS_MODE", "permissive|strict",
     "Plain inbound connections are taken or refused, where the controller says nothing else. "
     "Default permissive.",
     proxy_option_mtls, AT(strict)},
    {"outlier-failures", "WEFT_OUTLIER_FAILURES", "N",
     "An endpoint that failed so often in a row (5xx, gRPC status 2, 13, 14 or 15, reset, no "
     "connection, timeouts.backendRequest) is ejected, unless half of its set is; 0: never. "
     "Default 5.",
     weft_option_u64, AT(outlier_failures), 0, 1000},
    {"outlier-eject", "WEFT_OUTLIER_EJECT", "DURATION",
     "How long an endpoint is ejected the first time; n times that the n-th time, up to ten. "
     "Default 10s.",
     proxy_option_duration, AT(outlier_eject_us)},
    {"warm-up", "WEFT_WARM_UP", "DURATION",
     "An endpoint that joins a set, or comes back from ejection, gets its full share after so "
     "long; "
     "0s: at once. Default 5s.",
     proxy_option_duration, AT(warm_up_us)},
    {"max-connections-per-endpoint", "WEFT_MAX_CONNECTIONS_PER_ENDPOINT", "N",
     "Connections of one worker to one endpoint; when all endpoints have theirs the answer is 503. "
     "Default 1024.",
     weft_option_u64, AT(endpoint_connections), 1, 65535},
    {"retry-budget", "WEFT_RETRY_BUDGET", "PERCENT",
     "How much retry stanzas may add to the requests of a destination. Default 20.",
     weft_option_u64, AT(retry_percent), 0, 1000},
    {"retry-budget-min", "WEFT_RETRY_BUDGET_MIN", "N",
     "Retries a second that are allowed in any case, per destination and worker. Default 10.",
     weft_option_u64, AT(retry_min_per_s), 0, 10000},
    {"detect-timeout", "WEFT_DETECT_TIMEOUT", "DURATION",
     "A connection that has sent nothing for so long is passed through as opaque bytes. Default "
     "100ms.",
     proxy_option_duration, AT(detect_timeout_us)},
    {"connect-timeout", "WEFT_CONNECT_TIMEOUT", "DURATION",
     "For connecting to an endpoint, TLS included. Default 5s.", proxy_option_duration,
     AT(connect_timeout_us)},
    {"head-timeout", "WEFT_HEAD_TIMEOUT", "DURATION",
     "From the first byte of a request head to its end; 0s: none. Default 30s.",
     proxy_option_duration, AT(head_timeout_us)},
    {"idle-timeout", "WEFT_IDLE_TIMEOUT", "DURATION",
     "A kept connection to an endpoint is closed when it had no request for so long; 0s: never. "
     "Default 60s.",
     proxy_option_duration, AT(idle_timeout_us)},
    {"drain-timeout", "WEFT_DRAIN_TIMEOUT", "DURATION",
     "After SIGTERM what is in flight may take so long. Default 20s.", proxy_option_duration,
     AT(drain_timeout_us)},
    {"reason-header", "WEFT_REASON_HEADER", "true|false",
     "The proxy's own 4xx and 5xx answers carry the header weft-reason. Default true.",
     weft_option_bool, AT(reason_header)},
    {"allow-encoded-slashes", "WEFT_ALLOW_ENCODED_SLASHES", "true|false",
     "Paths with %2F or %5C are matched and sent as they are, instead of refused with 400. Safe "
     "only where apps do not decode them into separators. Default false.",
     weft_option_bool, AT(allow_encoded_slashes)},
    {"app-address", "WEFT_APP_ADDRESS", "IP",
     "Call the app at this address. Default: the one that the client meant; 127.0.0.1 for "
     "--listen-inbound.",
     proxy_option_ip, AT(app_address)},
    {"max-head-bytes", "WEFT_MAX_HEAD_BYTES", "BYTES",
     "Largest request or response head. Default 65536.", weft_option_u64, AT(max_head_bytes), 1024,
     1024 * 1024},
    {"max-head-fields", "WEFT_MAX_HEAD_FIELDS", "N",
     "Fields in a request or response head, or in trailers. Default 128.", weft_option_u64,
     AT(max_head_fields), 8, 4096},
    {"max-target-bytes", "WEFT_MAX_TARGET_BYTES", "BYTES",
     "Longest request target, the path with its query; less than --max-head-bytes. Default 16384.",
     weft_option_u64, AT(max_target_bytes), 64, 1024 * 1024},
    {"max-chunk-extensions", "WEFT_MAX_CHUNK_EXTENSIONS", "BYTES",
     "Chunk extensions of one HTTP/1 body, all together; they are not passed on. Default 4096.",
     weft_option_u64, AT(max_chunk_extensions), 0, 1024 * 1024},
    {"max-request-memory", "WEFT_MAX_REQUEST_MEMORY", "BYTES",
     "What one request, and one response, may allocate beside its body; at least 131072, three "
     "times --max-head-bytes and 256 for each of --max-head-fields together. Default 524288, or "
     "that where it is more.",
     weft_option_u64, AT(max_request_memory), WEFT_ARENA_RESERVE, 16 * 1024 * 1024},
    {"max-retry-body", "WEFT_MAX_RETRY_BODY", "BYTES",
     "Largest request body that is kept to be sent again; a request with more is not retried. "
     "Default 65536.",
     weft_option_u64, AT(max_retry_body), 0, 16 * 1024 * 1024},
    {"max-connections", "WEFT_MAX_CONNECTIONS", "N",
     "Connections of callers; more are refused with RST; 0: no limit. Default 10000.",
     weft_option_u64, AT(max_connections), 0, 1000000},
    {"shed-memory", "WEFT_SHED_MEMORY", "PERCENT",
     "New connections are refused with RST while more than this of the container's memory limit is "
     "used, and until five percent less are; 0: never. Default 90.",
     weft_option_u64, AT(shed_memory), 0, 100},
    {"max-streams", "WEFT_MAX_STREAMS", "N",
     "Concurrent requests of one HTTP/2 connection. Default 256.", weft_option_u64, AT(max_streams),
     1, 10000},
    {"max-buffered", "WEFT_MAX_BUFFERED", "BYTES",
     "Memory of response bytes queued for slow callers, all together; then queues shrink and those "
     "who hold some get 503 for further requests; at twice as much the longest are cut off; 0: no "
     "limit. Default 67108864.",
     weft_option_u64, AT(max_buffered), 0, UINT64_MAX},
    {"max-buffered-per-connection", "WEFT_MAX_BUFFERED_PER_CONNECTION", "BYTES",
     "Bytes queued for one connection, of a caller or to an endpoint; then its streams get 16 KiB "
     "each, and further requests 503. Five times as many for a verified peer. Default 4194304.",
     weft_option_u64, AT(max_conn_buffered), 64 * 1024, 512 * 1024 * 1024},
    {"max-resets", "WEFT_MAX_RESETS", "N",
     "HTTP/2 streams that a connection's caller resets, or makes the proxy reset, in ten seconds; "
     "then GOAWAY. Sixteen times as many from a verified peer. Default 1000.",
     weft_option_u64, AT(max_resets), 1, 1000000},
    {"max-control-frames", "WEFT_MAX_CONTROL_FRAMES", "N",
     "HTTP/2 frames without content (SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty DATA) on a "
     "connection in ten seconds, beyond what its data pays for; then GOAWAY. Sixteen times as many "
     "from a verified peer. Default 10000.",
     weft_option_u64, AT(max_control_frames), 100, 10000000},
    {"body-timeout", "WEFT_BODY_TIMEOUT", "DURATION",
     "A request body that stands still so long before the response has begun is answered with 408 "
     "(not gRPC); 0s: none. Default 60s.",
     proxy_option_duration, AT(body_timeout_us)},
    {"write-timeout", "WEFT_WRITE_TIMEOUT", "DURATION",
     "A caller, or either side of opaque bytes, that takes nothing of what is queued for it so "
     "long is cut off with RST; an endpoint that takes nothing of a request, too (504); 0s: none. "
     "Default 300s.",
     proxy_option_duration, AT(write_timeout_us)},
    {"caller-idle-timeout", "WEFT_CALLER_IDLE_TIMEOUT", "DURATION",
     "A caller's connection without a request for so long is closed; 0s: never. Default 3600s.",
     proxy_option_duration, AT(caller_idle_timeout_us)},
    {"opaque-idle-timeout", "WEFT_OPAQUE_IDLE_TIMEOUT", "DURATION",
     "Opaque bytes that rest in both directions so long end their connection with RST; 0s: never. "
     "Default 3600s.",
     proxy_option_duration, AT(opaque_idle_timeout_us)},
    {"half-close-timeout", "WEFT_HALF_CLOSE_TIMEOUT", "DURATION",
     "An HTTP/1 caller that has ended its side is waiting for its answer, or gone: when nothing of "
     "the answer comes for so long, the request is given up; 0s: never. Default 10s.",
     proxy_option_duration, AT(half_close_timeout_us)},
    {"dead-timeout", "WEFT_DEAD_TIMEOUT", "DURATION",
     "An endpoint's connection over which something was sent, and whose host acknowledges nothing "
     "for so long, is given up; 0s: as TCP does, after a quarter of an hour. Default 20s.",
     proxy_option_duration, AT(dead_timeout_us)},
    {"admin-write-timeout", "WEFT_ADMIN_WRITE_TIMEOUT", "DURATION",
     "A caller of the admin, metrics and readiness ports that takes nothing of its answer so long "
     "is cut off with RST; 0s: none. Default 30s.",
     proxy_option_duration, AT(admin_write_timeout_us)},
    {"max-admin-connections", "WEFT_MAX_ADMIN_CONNECTIONS", "N",
     "Connections to those ports together; who comes new pushes out who came first. Default 64.",
     weft_option_u64, AT(max_admin_connections), 1, 10000},
    {"check", NULL, NULL, "Check options and snapshot, say what was found, exit.", weft_option_bool,
     AT(check)},
    {"wait-ready", NULL, "DURATION",
     "Wait until the proxy that runs in this pod is ready (--ready-port), at most so long; exit "
     "status 0 or 1. For start hooks.",
     proxy_option_duration, AT(wait_ready_us)},
};

const struct weft_option *proxy_option_rows(size_t *ret_n) {
    *ret_n = WEFT_LEN(rows);
    return rows;
}

void proxy_options_default(struct proxy_options *o) {
    *o = (struct proxy_options){
        .controller_name = "weft-controller.weft-system.svc",
        .ns = "default",
        .service_account = "default",
        .trust_domain = "cluster.local",
        .outbound_port = PROXY_PORT_UNSET,
        .inbound_port = PROXY_PORT_UNSET,
        .metrics_port = 15020,
        .ready_port = 15021,
        .outlier_failures = 5,
        .outlier_eject_us = 10000000,
        .warm_up_us = 5000000,
        .endpoint_connections = 1024,
        .retry_percent = 20,
        .retry_min_per_s = 10,
        .access_log = PROXY_LOG_ERRORS,
        .log_level = "info",
        .detect_timeout_us = 100000,
        .connect_timeout_us = 5000000,
        .head_timeout_us = 30000000,
        .idle_timeout_us = 60000000,
        .drain_timeout_us = 20000000,
        .reason_header = true,
        .max_head_bytes = WEFT_MAX_HEAD_BYTES,
        .max_head_fields = WEFT_MAX_FIELDS,
        .max_target_bytes = WEFT_MAX_TARGET_BYTES,
        .max_chunk_extensions = WEFT_MAX_EXTENSION_BYTES,
        .max_retry_body = WEFT_REPLAY_BYTES,
        .max_conn_buffered = WEFT_CONN_QUEUED,
        .max_connections = 10000,
        .shed_memory = 90,
        .max_streams = WEFT_MAX_STREAMS,
        .max_buffered = 64 * 1024 * 1024,
        .max_resets = WEFT_MAX_RESETS,
        .max_control_frames = WEFT_MAX_FRAMES,
        .body_timeout_us = 60000000,
        .write_timeout_us = 300000000,
        .caller_idle_timeout_us = 3600000000,
        .opaque_idle_timeout_us = 3600000000,
        .half_close_timeout_us = 10000000,
        .dead_timeout_us = 20000000,
        .admin_write_timeout_us = 30000000,
        .max_admin_connections = 64,
    };
    weft_addr_parse(WEFT_SLICE_LIT("127.0.0.1:15000"), &o->admin);
}

/* For a head, the fields of it, and cookies that are put together. */
static uint64_t least_memory(const struct proxy_options *o) {
    return WEFT_ARENA_RESERVE + 3 * o->max_head_bytes + 256 * o->max_head_fields;
}

uint64_t proxy_options_request_memory(const struct proxy_options *o) {
    uint64_t least = least_memory(o);
    if (o->max_request_memory) return o->max_request_memory;
    return least > WEFT_REQUEST_ARENA ? least : WEFT_REQUEST_ARENA;
}

static enum weft_status check_together(struct proxy_options *o, struct weft_error *err) {
    if (o->max_request_memory && o->max_request_memory < least_memory(o))
        return weft_error_set(err, WEFT_INVALID, "--max-request-memory",
                              "heads as large as allowed need at least %llu",
                              (unsigned long long)least_memory(o));
    if (!o->snapshot == !o->controller)
        return weft_error_set(err, WEFT_INVALID, "--snapshot, --controller", "give exactly one");
    if (o->n_listens && !o->snapshot)
        return weft_error_set(err, WEFT_INVALID, "--listen", "needs --snapshot");
    if (!o->cert != !o->key || (o->cert && !o->trust_bundle))
        return weft_error_set(err, WEFT_INVALID, "--cert, --key, --trust-bundle",
                              "give all three or none");
    if (o->controller && (!o->pod || (!o->trust_bundle && !o->trust_bundle_pem)))
        return weft_error_set(err, WEFT_INVALID, "--controller",
                              "needs --pod, --trust-bundle (or --trust-bundle-pem) and, at first "
                              "contact, --token-file");
    if (o->strict && o->snapshot && !o->cert && o->n_inbounds)
        return weft_error_set(err, WEFT_INVALID, "--mtls-mode",
                              "strict needs --cert, --key and --trust-bundle");
    return WEFT_OK;
}

/* The redirected ports are the default, but a proxy on plain addresses opens only those. */
static void fill_ports(struct proxy_options *o) {
    bool plain = o->n_listens || o->n_inbounds;
    if (o->outbound_port == PROXY_PORT_UNSET) o->outbound_port = plain ? 0 : 15001;
    if (o->inbound_port == PROXY_PORT_UNSET) o->inbound_port = plain ? 0 : 15006;
    o->redirect = o->outbound_port || o->inbound_port;
}

static void usage(void) {
    printf("Usage: weft-proxy --snapshot FILE [OPTION...]\n"
           "       weft-proxy --controller HOST:PORT --pod NAME --trust-bundle FILE [OPTION...]\n\n"
           "The sidecar of one pod: routes what its app sends, guards what its app receives.\n\n"
           "Example:\n  weft-proxy --snapshot shop.snapshot --listen "
           "127.0.0.1:8080=shop/catalog:80\n\n"
           "Options:\n");
    weft_options_print(stdout, rows, WEFT_LEN(rows));
    printf("\nExit status: 0 stopped as asked, 1 could not run, 2 bad options.\n");
}

enum weft_status proxy_options_parse(struct proxy_options *o, int argc, char **argv,
                                     int *ret_exit) {
    struct weft_option_result r;
    struct weft_error err = {0};
    proxy_options_default(o);
    enum weft_status st = weft_options_parse(rows, WEFT_LEN(rows), argc, argv, false, o, &r, &err);
    *ret_exit = 0;
    if (st == WEFT_OK && r.help) {
        usage();
        return WEFT_OK;
    }
    if (st == WEFT_OK && r.version) {
        printf("weft-proxy %s\n", WEFT_VERSION);
        return WEFT_OK;
    }
    if (st == WEFT_OK && r.rest < argc)
        st = weft_error_set(&err, WEFT_INVALID, argv[r.rest], "is not an option; see --help");
    if (st == WEFT_OK && !o->wait_ready_us) st = check_together(o, &err);
    *ret_exit = st == WEFT_OK ? -1 : 2;
    if (st == WEFT_OK)
        fill_ports(o);
    else
        fprintf(stderr, "weft-proxy: %s: %s\n", err.path, err.message);
    return st;
}

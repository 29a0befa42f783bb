/* SPDX-License-Identifier: Apache-2.0
 * What a proxy knows, as data. A resource is built by filling in its struct (everything allocated
 * from its own arena), then sealed: from then on it is const, reference-counted and shared by all
 * workers. Unit of swap: one Destination or one Endpoints set. */
#pragma once
#include <stdatomic.h>
#include <weft/base/addr.h>
#include <weft/base/arena.h>
#include <weft/base/status.h>

struct weft_regex;
struct weft_match_index;

enum weft_protocol { /* of a Service port or backend: appProtocol, port name (REQ-057, 059) */
                     WEFT_PROTO_UNKNOWN, /* detect from the first bytes */
                     WEFT_PROTO_HTTP,  /* "http": HTTP/1.x, though HTTP/2 is seen by its preface */
                     WEFT_PROTO_H2C,   /* kubernetes.io/h2c */
                     WEFT_PROTO_GRPC,  /* "grpc": HTTP/2 */
                     WEFT_PROTO_TLS,   /* "https", "tls", kubernetes.io/wss: passed through */
                     WEFT_PROTO_TCP,   /* "tcp" and every other known name: opaque */
                     WEFT_PROTO_HTTP1, /* "http1", kubernetes.io/ws: the app speaks HTTP/1.1 only */
};
enum weft_path_kind { /* in order of precedence */
                      WEFT_PATH_EXACT,
                      WEFT_PATH_REGEX,
                      WEFT_PATH_PREFIX,
                      /* of GRPCRoutes only; whose service and method is an exact path, and whose
                         service alone a prefix (REQ-122, 124) */
                      WEFT_PATH_SERVICE_REGEX, /* a pattern that says something of the service */
                      WEFT_PATH_METHOD,        /* the path's last element, without a slash */
                      WEFT_PATH_METHOD_REGEX,  /* a pattern with any service */
                      WEFT_PATH_ANY,           /* path empty: every one */
};
enum weft_text_kind { WEFT_TEXT_EXACT, WEFT_TEXT_REGEX };

struct weft_text_match {    /* one header or query parameter */
    struct weft_slice name; /* headers: lower case */
    struct weft_slice value;
    enum weft_text_kind kind;
    const struct weft_regex *regex; /* set by seal */
};

struct weft_match { /* all criteria ANDed (REQ-063) */
    enum weft_path_kind path_kind;
    struct weft_slice path; /* prefix: as written; seal drops the trailing slash, so "/" becomes ""
                             */
    uint32_t
        service_len; /* SERVICE_REGEX: of the service's pattern, which counts before the whole */
    const struct weft_regex *path_regex; /* set by seal */
    struct weft_slice method;            /* empty: any */
    struct weft_text_match *headers,
        *queries; /* first entry of equivalent names only (REQ-067, 068) */
    uint32_t n_headers, n_queries;
};

struct weft_kv {
    struct weft_slice name, value; /* name in lower case */
};
struct weft_header_mods {
    struct weft_kv *set, *add;
    struct weft_slice *remove;
    uint32_t n_set, n_add, n_remove;
};
enum weft_path_mod_kind { WEFT_PATH_KEEP, WEFT_PATH_FULL, WEFT_PATH_REPLACE_PREFIX };
struct weft_path_mod {
    enum weft_path_mod_kind kind;
    struct weft_slice value;
};
enum weft_filter_kind {
    WEFT_FILTER_REQUEST_HEADERS,
    WEFT_FILTER_RESPONSE_HEADERS,
    WEFT_FILTER_REDIRECT,
    WEFT_FILTER_REWRITE,
    WEFT_FILTER_INVALID, /* requests that reach it get 500 (REQ-080) */
    WEFT_FILTER_MIRROR,
    WEFT_FILTER_CORS,
};
struct weft_backend;
struct weft_mirror { /* RequestMirror (REQ-095): numerator of denominator requests are copied */
    uint32_t numerator, denominator;
    struct weft_backend *backend; /* an invalid one gets nothing: the request itself goes on */
};
struct weft_cors {              /* REQ-097. Lists joined by ","; "*": any */
    struct weft_slice *origins; /* "*", or scheme://host[:port], the host "*" or "*.x" or exact */
    uint32_t n_origins;
    struct weft_slice methods, allow_headers, expose_headers;
    bool credentials;
    uint32_t max_age_s;
};
struct weft_filter {
    enum weft_filter_kind kind;
    union {
        struct weft_header_mods headers;
        struct {
            struct weft_slice scheme, hostname; /* empty: the request's */
            struct weft_path_mod path;
            uint16_t port;   /* 0: REQ-088 */
            uint16_t status; /* 301, 302, 303, 307, 308 */
        } redirect;
        struct {
            struct weft_slice hostname; /* empty: keep */
            struct weft_path_mod path;
        } rewrite;
        struct weft_slice invalid; /* why */
        struct weft_mirror mirror;
        struct weft_cors cors;
    };
};

#define WEFT_NO_ENDPOINTS UINT32_MAX
struct weft_backend {
    struct weft_slice ns, service;
    uint16_t port; /* Service port */
    uint32_t weight;
    uint32_t endpoints; /* index into weft_destination.endpoints, or WEFT_NO_ENDPOINTS if invalid */
    enum weft_protocol protocol; /* appProtocol of the backend port */
    struct weft_slice
        invalid; /* empty, or why requests get 500 (REQ-049): "BackendNotFound: ..." */
    struct weft_filter *filters;
    uint32_t n_filters;
};

struct weft_retry { /* GEP-1731 */
    bool present;
    uint32_t attempts;   /* retries, not tries (REQ-111) */
    uint64_t backoff_us; /* minimum wait; 0 = default */
    uint16_t *codes;
    uint32_t n_codes;
    uint32_t grpc_codes; /* bit n: an answer with grpc-status n alone is repeated (REQ-117) */
};

struct weft_rule {
    struct weft_slice route_ns, route; /* who wrote it */
    struct weft_slice name;            /* rules[].name, may be empty */
    uint32_t index;                    /* position in its route */
    int64_t created;                   /* route's creationTimestamp, Unix seconds (REQ-070) */
    struct weft_match *matches; /* ORed; none: matches nothing (the API's default of prefix "/" is
                                   the translator's business) */
    uint32_t n_matches;
    struct weft_filter *filters;
    uint32_t n_filters;
    struct weft_backend *backends;
    uint32_t n_backends;
    uint64_t request_timeout_us, backend_timeout_us; /* 0: none */
    struct weft_retry retry;
    struct weft_slice invalid; /* not empty: a dropped rule that answers 500 (REQ-147) */
};

enum weft_dest_kind {
    WEFT_DEST_NONE,     /* nothing of ours: pass through */
    WEFT_DEST_SERVICE,  /* a Service port */
    WEFT_DEST_WORKLOAD, /* one pod's address: no routes (REQ-028) */
};
enum weft_route_kind { WEFT_ROUTES_NONE, WEFT_ROUTES_HTTP, WEFT_ROUTES_GRPC };

struct weft_destination {
    struct weft_arena arena; /* owns everything below and the struct itself */
    atomic_uint refs;
    struct weft_slice name;    /* "dest/10.0.0.1:80", IPv6 "dest/[::1]:80" */
    struct weft_slice version; /* hash of the encoded content */
    struct weft_addr addr;
    enum weft_dest_kind kind;
    struct weft_slice ns, service; /* WORKLOAD: namespace and pod name */
    uint16_t port;
    struct weft_slice port_name;
    enum weft_protocol protocol;
    enum weft_route_kind routes;  /* NONE: everything goes to default_backend (REQ-035) */
    struct weft_slice *endpoints; /* names "endpoints/NS/SVC:PORT" that rules name by index */
    uint32_t n_endpoints;
    struct weft_backend
        default_backend; /* SERVICE: its own endpoints; WORKLOAD: "endpoints/pod/IP:PORT" */
    struct weft_rule *rules;
    uint32_t n_rules;
    struct weft_match_index *index; /* by seal */
};

enum weft_mtls_mode { WEFT_MTLS_PERMISSIVE, WEFT_MTLS_STRICT, WEFT_MTLS_DISABLED };

struct weft_endpoint {
    struct weft_addr addr; /* pod IP and target port */
    struct weft_slice ns, pod, service_account;
    struct weft_slice spiffe_id; /* expected identity; empty when not meshed */
    bool meshed;                 /* its sidecar takes mTLS on this port */
    enum weft_mtls_mode mode;
    struct weft_slice zone;
};

struct weft_endpoints {
    struct weft_arena arena;
    atomic_uint refs;
    struct weft_slice name; /* "endpoints/NS/SVC:PORT" */
    struct weft_slice version;
    struct weft_endpoint *items; /* ready ones only, terminating left out; sorted by address */
    uint32_t n;
    bool prefer_zone; /* the Service asks for those of the caller's zone */
};

struct weft_inbound_port {
    uint16_t port; /* container port */
    enum weft_mtls_mode mode;
    enum weft_protocol protocol;
};
struct weft_inbound { /* what one pod's inbound side needs */
    struct weft_arena arena;
    atomic_uint refs;
    struct weft_slice name; /* "inbound/NS/POD" */
    struct weft_slice version;
    struct weft_slice ns, pod, service_account;
    struct weft_slice zone;   /* of the pod's node; empty: not known */
    enum weft_mtls_mode mode; /* for ports not listed */
    struct weft_inbound_port *ports;
    uint32_t n_ports;
};

struct weft_trust {
    struct weft_arena arena;
    atomic_uint refs;
    struct weft_slice version;
    struct weft_slice *domains; /* accepted trust domains */
    uint32_t n_domains;
    struct weft_slice bundle; /* PEM, one or more roots */
};

/* Fresh and empty, one reference, arena without a limit. Fill in, then seal. */
struct weft_destination *weft_destination_new(void);
struct weft_endpoints *weft_endpoints_new(void);
struct weft_inbound *weft_inbound_new(void);
struct weft_trust *weft_trust_new(void);
/* Checks everything that later code relies on (indexes in range, patterns compile and are within
 * WEFT_MAX_REGEX_BYTES, names not empty) and builds what is derived: compiled patterns, the sorted
 * match index. Normalises: header names to lower case, later entries of equivalent names dropped,
 * endpoints sorted, each address once. Once per resource. On error the resource must be dropped
 * with unref; err says which field. PATTERN: a regular expression there cannot be used. */
enum weft_status weft_destination_seal(struct weft_destination *d,
                                       struct weft_error *err) WEFT_MUST_USE;
enum weft_status weft_endpoints_seal(struct weft_endpoints *e,
                                     struct weft_error *err) WEFT_MUST_USE;
/* Reference counting is atomic; unref frees at zero, takes NULL, returns NULL. Any thread. */
struct weft_destination *weft_destination_ref(const struct weft_destination *d);
struct weft_destination *weft_destination_unref(const struct weft_destination *d);
struct weft_endpoints *weft_endpoints_ref(const struct weft_endpoints *e);
struct weft_endpoints *weft_endpoints_unref(const struct weft_endpoints *e);
struct weft_inbound *weft_inbound_ref(const struct weft_inbound *i);
struct weft_inbound *weft_inbound_unref(const struct weft_inbound *i);
struct weft_trust *weft_trust_ref(const struct weft_trust *t);
struct weft_trust *weft_trust_unref(const struct weft_trust *t);

const char *weft_protocol_name(enum weft_protocol p);
/* "HTTPRoute", "GRPCRoute"; "": none. All rules of a destination are of one kind (REQ-036). */
const char *weft_route_kind_name(enum weft_route_kind k);
/* From appProtocol, else from the port's name up to its first '-' (REQ-057, 059). */
enum weft_protocol weft_protocol_from(struct weft_slice app_protocol, struct weft_slice port_name);
const char *weft_mtls_name(enum weft_mtls_mode m);

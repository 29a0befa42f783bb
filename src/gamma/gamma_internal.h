/* SPDX-License-Identifier: Apache-2.0
 * The indexed view of a store that all of gamma works on. Built once by weft_gamma_new, const
 * afterwards; everything lives in one arena, slices point into object JSON that `kept` holds. */
#pragma once
#include <uthash.h>
#include <weft/gamma/gamma.h>
#include <weft/object/types.h>

#define GAMMA_CONTROLLER "weftmesh.io/mesh-controller"

/* In order of precedence where several stand on one port (REQ-039). */
enum gamma_kind {
    GAMMA_GRPC_ROUTE,
    GAMMA_HTTP_ROUTE,
    GAMMA_TLS_ROUTE,
    GAMMA_TCP_ROUTE,
    GAMMA_UDP_ROUTE, /* on ports of its own: never in conflict with the others */
    GAMMA_KINDS
};
const char *gamma_kind_name(enum gamma_kind k);
const char *gamma_a_kind(enum gamma_kind k); /* "a GRPCRoute", "an HTTPRoute" */

struct gamma_list { /* of pointers, grows in the arena */
    void **items;
    uint32_t n, cap;
};
void gamma_list_add(struct weft_arena *a, struct gamma_list *l, void *item);

struct gamma_pod {
    UT_hash_handle hh; /* by "ns/name" */
    struct weft_slice key;
    struct weft_pod view;
    struct gamma_list slices; /* struct weft_endpoint_slice: those that name this pod */
};
struct gamma_node { /* that some endpoint is on */
    UT_hash_handle hh;
    struct weft_slice name, zone;
};
struct gamma_service {
    UT_hash_handle hh; /* by "ns/name" */
    struct weft_slice key;
    struct weft_service view;
    struct gamma_list slices;      /* struct weft_endpoint_slice */
    struct gamma_list attachments; /* struct gamma_attachment, those in force, by kind in order of
                                      route namespace and name */
    struct gamma_list tls;         /* struct gamma_tls_target */
};
struct gamma_slices { /* also for names without a Service object */
    UT_hash_handle hh;
    struct weft_slice key;
    struct gamma_list list;
};
struct gamma_tls_target { /* a BackendTLSPolicy on a port of a Service, or on all */
    struct weft_slice policy, section;
};
struct gamma_ip {
    UT_hash_handle hh;
    struct weft_addr addr; /* port 0 */
    struct gamma_service *service;
    struct gamma_pod *pod;
};
struct gamma_namespace {
    UT_hash_handle hh;
    struct weft_view_meta meta;
};

enum gamma_rule_fate {
    GAMMA_RULE_OK,
    GAMMA_RULE_FAILS,   /* stays, requests that match (or a share of them) get 500 */
    GAMMA_RULE_DROPPED, /* what it would match cannot be told: it is left out (REQ-147) */
};
struct gamma_rule {
    const json_t *json;
    enum gamma_rule_fate fate;
    struct weft_slice fault; /* "spec.rules[1].filters[0]: ..." */
    bool invalid;            /* FAILS as a whole, not by its filters */
};
/* Of every rule of a GRPCRoute, which has no fields for them (REQ-117). */
struct gamma_times {
    uint64_t request_us, backend_us;
    struct weft_retry retry;
};
struct gamma_route {
    enum gamma_kind kind;
    struct weft_route view;
    struct gamma_times times; /* GRPCRoute: by annotation */
    struct gamma_rule *rules;
    uint32_t n_rules, n_affected, n_dropped;
    struct gamma_attachment *attachments; /* one per parentRef that is ours */
    uint32_t n_attachments;
    const char *refs_reason;        /* NULL: all resolved */
    struct weft_slice refs_message; /* REQ-145: names all */
    struct weft_slice notes;        /* added to the message of Accepted=True */
};
/* One (Route, parentRef) pair: the unit of producer and consumer roles (REQ-018). */
struct gamma_attachment {
    struct gamma_route *route;
    const struct weft_parent_ref *parent;
    struct gamma_service *service; /* NULL: no such Service */
    const char *refused;           /* reason of Accepted=False by the parent, or NULL */
    struct weft_slice message;
    bool consumer;
};

struct weft_gamma {
    struct weft_arena arena;
    struct weft_slice trust_domain;
    bool experimental, require_reference_grant;
    struct gamma_service *services; /* in order of namespace, name */
    struct gamma_slices *slices;
    struct gamma_pod *pods;
    struct gamma_ip *ips;
    struct gamma_namespace *namespaces;
    struct gamma_node *nodes;
    struct gamma_list routes; /* struct gamma_route, by kind in order of namespace, name */
    struct gamma_list grants; /* struct weft_reference_grant */
    struct gamma_list kept;   /* json_t */
    json_t *default_rules;
};

/* index.c */
void gamma_index(struct weft_gamma *g, const struct weft_store *s);
struct weft_slice gamma_key(struct weft_arena *a, struct weft_slice ns, struct weft_slice name);
struct gamma_service *gamma_service_find(const struct weft_gamma *g, struct weft_slice ns,
                                         struct weft_slice name);
struct gamma_pod *gamma_pod_find(const struct weft_gamma *g, struct weft_slice ns,
                                 struct weft_slice name);
/* The zone of the pod's node, as any EndpointSlice tells it; empty: none does. */
struct weft_slice gamma_zone_of(const struct weft_gamma *g, const struct gamma_pod *p);
struct gamma_ip *gamma_ip_find(const struct weft_gamma *g, const struct weft_addr *addr);
const struct weft_service_port *gamma_service_port(const struct gamma_service *s, uint16_t port);

/* workloads.c: what a pod and its namespace say about the mesh */
enum weft_mtls_mode gamma_pod_mode(const struct weft_gamma *g, const struct gamma_pod *p);
enum weft_mtls_mode gamma_port_mode(const struct weft_gamma *g, const struct gamma_pod *p,
                                    uint16_t port);
/* Its sidecar takes mTLS on that port. */
bool gamma_port_meshed(const struct weft_gamma *g, const struct gamma_pod *p, uint16_t port);
/* Fills all of `ret` for this pod (NULL: an address that is no pod). */
void gamma_workload(const struct weft_gamma *g, const struct gamma_pod *p,
                    const struct weft_addr *addr, struct weft_arena *a, struct weft_endpoint *ret);
/* Each port of the "9090=disabled,80=strict" annotation. */
void gamma_mtls_ports(const struct gamma_pod *p,
                      void (*fn)(void *ud, uint16_t port, enum weft_mtls_mode mode), void *ud);

/* parents.c */
void gamma_attach(struct weft_gamma *g, struct gamma_route *r);
bool gamma_attachment_selects(const struct gamma_attachment *a, const struct weft_service_port *p);

/* kinds.c: one kind of route rules a port within a group (REQ-039 to 042). */
/* The first route of the kind that has the port, when it is another kind than this one's. */
const struct gamma_route *gamma_lost_to(const struct gamma_attachment *at,
                                        const struct weft_service_port *p);
/* Refuses what has lost every port, and the kinds that are only read for this. Once, when all are
 * attached. */
void gamma_settle_kinds(struct weft_gamma *g);
/* The routes in force for this client, in order and of one kind; never both groups (REQ-021). */
struct gamma_list gamma_effective(const struct gamma_service *s, const struct weft_service_port *p,
                                  struct weft_slice client_ns, struct weft_arena *a);

/* rules.c: is each rule usable? and: one rule as data */
void gamma_judge_rules(struct weft_gamma *g, struct gamma_route *r);
void gamma_rule_build(const struct weft_gamma *g, const struct gamma_route *r, uint32_t index,
                      struct weft_destination *d, struct weft_rule *ret);
/* annotations.c: reads r->times; a text in g's arena that begins with the field, or NULL. */
const char *gamma_times_read(struct weft_gamma *g, struct gamma_route *r);
/* grpc_matches.c: as those of matches.c below, for GRPCRoute */
const char *gamma_grpc_match_fault(struct weft_arena *a, const json_t *match);
void gamma_grpc_match_build(struct weft_arena *a, const json_t *match, struct weft_match *ret);
/* matches.c: NULL when usable */
const char *gamma_match_fault(struct weft_arena *a, const json_t *match);
void gamma_match_build(struct weft_arena *a, const json_t *match, struct weft_match *ret);
const char *gamma_regex_fault(struct weft_arena *a, const char *where, struct weft_slice pattern);
const char *gamma_type_fault(struct weft_arena *a, const char *where, struct weft_slice type);
const char *gamma_headers_fault(struct weft_arena *a, const json_t *match);
void gamma_headers_build(struct weft_arena *a, const json_t *match, struct weft_match *ret);
/* filters.c: NULL when supported and complete. `matches` as in the rule. */
const char *gamma_filter_fault(struct weft_arena *a, const json_t *filter, const json_t *matches);
/* What the filters of one rule, or of one of its backends, are built with. */
struct gamma_filters {
    const struct weft_gamma *g;
    const struct gamma_route *route;
    const json_t *matches;      /* of the rule */
    struct weft_destination *d; /* gets the endpoints of mirrors */
};
void gamma_filters_build(const struct gamma_filters *in, const json_t *filters,
                         struct weft_filter **ret, uint32_t *ret_n);
/* filters_cors.c */
const char *gamma_cors_fault(const json_t *cors);
void gamma_cors_build(struct weft_arena *a, const json_t *cors, struct weft_cors *ret);
/* backends.c: reason ("BackendNotFound", ...) or NULL when resolved; text in `a` */
const char *gamma_backend_fault(const struct weft_gamma *g, const struct gamma_route *r,
                                const json_t *ref, struct weft_arena *a,
                                struct weft_slice *ret_text);
/* Without its filters. */
void gamma_backend_resolve(const struct gamma_filters *in, const json_t *ref,
                           struct weft_backend *ret);
void gamma_backend_build(const struct gamma_filters *in, const json_t *ref,
                         struct weft_backend *ret);
/* Index of that name in d->endpoints, added if new. */
uint32_t gamma_endpoints_index(struct weft_destination *d, struct weft_slice ns,
                               struct weft_slice service, uint16_t port);
/* A list of JSON items as JSON, for absent lists too. */
static inline const json_t *gamma_items(const json_t *obj, const char *key) {
    const json_t *j = json_object_get(obj, key);
    return json_is_array(j) ? j : NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * Typed views: the few fields that we use. A view borrows every slice from the object's JSON and
 * keeps its lists in the arena it was read into, so it is valid as long as both live. Reading never
 * fails: what is absent or of the wrong type reads as empty (weft_object_validate says so). */
#pragma once
#include <weft/base/addr.h>
#include <weft/base/arena.h>
#include <weft/object/json.h>
#include <weft/object/object.h>

/* GEP-2257: "1h30m", "500ms" (REQ-103). Microseconds. */
bool weft_duration_parse(struct weft_slice s, uint64_t *ret_us);

struct weft_view_meta {
    struct weft_slice ns, name;
    const json_t *labels, *annotations; /* may be NULL */
};
void weft_view_meta(const struct weft_object *o, struct weft_view_meta *ret);

struct weft_service_port {
    struct weft_slice name, app_protocol;
    uint16_t port;
    bool tcp;
};
enum weft_service_kind {
    WEFT_SERVICE_CLUSTER_IP, /* also NodePort, LoadBalancer */
    WEFT_SERVICE_HEADLESS,
    WEFT_SERVICE_EXTERNAL_NAME,
};
struct weft_service {
    struct weft_view_meta meta;
    enum weft_service_kind kind;
    bool selector;
    bool prefers_zone;     /* spec.trafficDistribution asks for endpoints near by */
    struct weft_addr *ips; /* clusterIPs of both families, port 0 */
    uint32_t n_ips;
    struct weft_service_port *ports;
    uint32_t n_ports;
};
void weft_service_view(const struct weft_object *o, struct weft_arena *a, struct weft_service *ret);

struct weft_slice_port {
    struct weft_slice name, app_protocol;
    uint16_t port;
};
struct weft_slice_endpoint {
    struct weft_addr *addrs; /* port 0 */
    uint32_t n_addrs;
    bool ready, serving, terminating; /* unset: ready (and serving as ready), not terminating */
    struct weft_slice zone, node, pod_ns, pod; /* targetRef of kind Pod, else empty */
};
struct weft_endpoint_slice {
    struct weft_view_meta meta;
    struct weft_slice service;     /* label kubernetes.io/service-name */
    struct weft_slice_port *ports; /* TCP only */
    struct weft_slice_endpoint *endpoints;
    uint32_t n_ports, n_endpoints;
};
void weft_endpoint_slice_view(const struct weft_object *o, struct weft_arena *a,
                              struct weft_endpoint_slice *ret);

struct weft_container_port {
    struct weft_slice name;
    uint16_t port;
};
struct weft_pod {
    struct weft_view_meta meta;
    struct weft_slice service_account; /* "default" unless set */
    struct weft_slice node;            /* empty: not scheduled, or not told */
    bool host_network;
    bool over;             /* Succeeded or Failed: its IP may belong to another by now */
    struct weft_addr *ips; /* port 0 */
    uint32_t n_ips;
    struct weft_container_port *ports; /* TCP, all containers and init containers */
    uint32_t n_ports;
};
void weft_pod_view(const struct weft_object *o, struct weft_arena *a, struct weft_pod *ret);

struct weft_parent_ref {
    const json_t *json;   /* as written, for status */
    bool service;         /* ours: kind Service, group "" or "core" (REQ-008, 009) */
    struct weft_slice ns; /* defaulted to the route's (REQ-011) */
    struct weft_slice name, section;
    uint16_t port; /* 0: not given */
};
struct weft_route { /* HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute */
    struct weft_view_meta meta;
    int64_t created, generation;
    struct weft_parent_ref *parents;
    uint32_t n_parents;
    const json_t *rules; /* array, or NULL */
    bool hostnames;
};
void weft_route_view(const struct weft_object *o, struct weft_arena *a, struct weft_route *ret);

struct weft_grant_from {
    struct weft_slice group, kind, ns;
};
struct weft_grant_to {
    struct weft_slice group, kind, name; /* name empty: all of that kind */
};
struct weft_reference_grant { /* REQ-055: any of `from` may refer to any of `to` in its namespace */
    struct weft_view_meta meta;
    struct weft_grant_from *from;
    struct weft_grant_to *to;
    uint32_t n_from, n_to;
};
void weft_reference_grant_view(const struct weft_object *o, struct weft_arena *a,
                               struct weft_reference_grant *ret);

struct weft_policy_target {
    struct weft_slice group, kind, name, section; /* section: the port's name; empty: all ports */
};
struct weft_backend_tls_policy { /* targets lie in its own namespace (REQ-155) */
    struct weft_view_meta meta;
    struct weft_policy_target *targets;
    uint32_t n_targets;
};
void weft_backend_tls_policy_view(const struct weft_object *o, struct weft_arena *a,
                                  struct weft_backend_tls_policy *ret);

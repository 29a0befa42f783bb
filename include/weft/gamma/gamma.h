/* SPDX-License-Identifier: Apache-2.0
 * Gateway API semantics: (objects, client namespace) -> resources and route status. Pure: no I/O,
 * no clock. One gamma is built from a store at one generation and is const afterwards. */
#pragma once
#include <weft/mesh/model.h>
#include <weft/object/store.h>

struct weft_gamma;
struct weft_gamma_options {
    const char *trust_domain;     /* "cluster.local" */
    bool experimental;            /* channel */
    bool require_reference_grant; /* REQ-054; default false */
};
struct weft_gamma *weft_gamma_new(const struct weft_store *s, const struct weft_gamma_options *opt);
struct weft_gamma *weft_gamma_free(struct weft_gamma *g);

/* Sealed, version unset. Never NULL: unknown addresses yield kind NONE. */
struct weft_destination *weft_gamma_destination(const struct weft_gamma *g,
                                                struct weft_slice client_ns,
                                                const struct weft_addr *addr);
/* By name "endpoints/NS/SVC:PORT" or "endpoints/pod/IP:PORT"; unknown names yield an empty set. */
struct weft_endpoints *weft_gamma_endpoints(const struct weft_gamma *g, struct weft_slice name);
/* NULL when there is no such pod. */
struct weft_inbound *weft_gamma_inbound(const struct weft_gamma *g, struct weft_slice ns,
                                        struct weft_slice pod);
/* Every ClusterIP:port of every Service, in order of namespace, name, port, for `weft compile`. */
void weft_gamma_each_address(const struct weft_gamma *g,
                             void (*fn)(void *ud, const struct weft_addr *a), void *ud);
/* The address of a Service port by name ("ns/svc:port"), any ClusterIP of it. */
bool weft_gamma_service_addr(const struct weft_gamma *g, struct weft_slice ns,
                             struct weft_slice service, uint16_t port, struct weft_addr *ret);
/* Namespace and ServiceAccount of the pod with this IP; false if unknown. Slices live in g. */
bool weft_gamma_pod_by_ip(const struct weft_gamma *g, const struct weft_addr *ip,
                          struct weft_slice *ret_ns, struct weft_slice *ret_pod,
                          struct weft_slice *ret_service_account);
/* status.parents as it would be written (REQ-138 to 149), new reference: an array of objects
 * {"kind","namespace","name","generation","status":{"parents":[...]}}: GRPCRoutes, HTTPRoutes,
 * TLSRoutes, TCPRoutes, UDPRoutes, each sorted by namespace, name. */
json_t *weft_gamma_status(const struct weft_gamma *g);
/* Every pod, in order of namespace and name. */
void weft_gamma_each_pod(const struct weft_gamma *g,
                         void (*fn)(void *ud, struct weft_slice ns, struct weft_slice pod),
                         void *ud);
/* Every address and port of a pod (its container ports and what Services point at) on which a
 * sidecar takes mTLS: those that weft_gamma_destination answers with WORKLOAD. */
void weft_gamma_each_workload(const struct weft_gamma *g,
                              void (*fn)(void *ud, const struct weft_addr *a), void *ud);

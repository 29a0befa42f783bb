/* SPDX-License-Identifier: Apache-2.0
 * A Kubernetes API server as a source of the object store: the counterpart of the folder source. */
#pragma once
#include <weft/kube/client.h>
#include <weft/object/store.h>

struct weft_kube_source;
struct weft_kube_source_cb {
    void *ud;
    /* The store changed; changes of one moment come as one call (coalesced for 5 ms, at most
     * 100 ms while they keep coming). First called when every kind has synced. */
    void (*on_change)(void *ud);
    /* Only status or resourceVersion of a route or policy did; coalesced likewise. May be NULL. */
    void (*on_status)(void *ud);
    /* A fault in an object that the API server accepted. It is kept as far as it can be understood
     * (REQ-003); told again when the object changes. */
    void (*on_error)(void *ud, const char *kind, const char *ns, const char *name,
                     const struct weft_error *err);
    /* `what` (a kind, "discovery") could not be listed or watched, in one line for a person; it is
     * tried again. May be NULL. */
    void (*on_failure)(void *ud, const char *what, const char *error);
};
/* Namespace, Service, EndpointSlice, Pod, HTTPRoute, GRPCRoute, TCPRoute, TLSRoute, UDPRoute,
 * ReferenceGrant, BackendTLSPolicy, XMesh, each in the best version that is served; kinds whose CRD
 * is absent are looked for again (REQ-003). Of core objects only what is read is kept, of the
 * others all but managedFields. Objects go into the store as they come; on_change says when to
 * look. */
struct weft_kube_source *weft_kube_source_new(struct weft_kube *k, struct weft_store *store,
                                              const struct weft_kube_source_cb *cb);
struct weft_kube_source *weft_kube_source_free(struct weft_kube_source *s);
bool weft_kube_source_synced(const struct weft_kube_source *s);
/* "standard", "experimental", or "" while no Gateway API CRD was seen (REQ-004). */
const char *weft_kube_source_channel(const struct weft_kube_source *s);
/* Seconds since the watch that was silent longest gave a sign of life. */
double weft_kube_source_lag_s(const struct weft_kube_source *s);

/* SPDX-License-Identifier: Apache-2.0
 * Addresses of pods and Services: those in a manifest are kept, the others are given out and stay
 * with the name for as long as the mesh runs. Pure. */
#pragma once
#include <cli/local/pool.h>
#include <jansson.h>

struct local_addresses {
    struct local_pool pods4, pods6, services4, services6;
    bool v6;       /* the machine can do IPv6 */
    json_t *given; /* "pod/NS/NAME" or "svc/NS/NAME/4" → address */
};

enum weft_status local_addresses_init(struct local_addresses *a, const char *pods,
                                      const char *pods6, const char *services,
                                      const char *services6, bool v6, struct weft_error *err);
void local_addresses_done(struct local_addresses *a);
/* Claims what the manifests write, so that nothing else gets it. */
void local_addresses_claim(struct local_addresses *a, const json_t *pods, const json_t *services);
/* Completes spec.clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy and type, and the ports'
 * protocol and targetPort, as the API server would. */
enum weft_status local_addresses_service(struct local_addresses *a, json_t *service,
                                         struct weft_error *err);
/* Completes status.podIP, podIPs and hostIP. */
enum weft_status local_addresses_pod(struct local_addresses *a, json_t *pod,
                                     struct weft_error *err);
/* Forgets a pod's addresses. */
void local_addresses_release_pod(struct local_addresses *a, const json_t *pod);

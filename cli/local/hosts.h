/* SPDX-License-Identifier: Apache-2.0
 * Service names for one pod: the text of its /etc/hosts and /etc/resolv.conf. Pure. */
#pragma once
#include <jansson.h>
#include <weft/base/buf.h>

/* localhost, the pod itself, and every Service in the spellings `svc.ns`, `svc.ns.svc`,
 * `svc.ns.svc.cluster.local`, for Services of the pod's own namespace also `svc` (REQ-031). A
 * headless Service resolves to the addresses of its ready endpoints. `pod` needs status.podIPs. */
void hosts_render(struct weft_buf *out, const json_t *pod, const json_t *services,
                  const json_t *slices, const char *domain);
/* The search list a kubelet would write; names that are not in the hosts file fail at once, as
 * nobody answers on the pod's loopback. */
void hosts_resolv(struct weft_buf *out, const char *ns, const char *domain);

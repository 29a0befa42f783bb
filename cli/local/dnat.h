/* SPDX-License-Identifier: Apache-2.0
 * What kube-proxy does, for one pod: iptables-restore text that sends connections to a ClusterIP to
 * one of the Service's ready endpoints. Pure. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <weft/base/buf.h>

#define LOCAL_DNAT_CHAIN "WEFT-LOCAL"

/* Appends the text for one address family, for `iptables-restore --noflush` (or ip6tables-).
 * `services` and `slices` are arrays of objects; `jump` adds the jumps into our chains (first time
 * in a namespace only). A port without ready endpoints is refused, not timed out. */
void dnat_render(struct weft_buf *out, const json_t *services, const json_t *slices, bool v6,
                 bool jump);
/* "ip:port" strings of the ready endpoints of a Service port, new reference; [] if none. */
json_t *dnat_targets(const json_t *service, const json_t *service_port, const json_t *slices,
                     bool v6);

/* SPDX-License-Identifier: Apache-2.0
 * From what a client writes as host to the address it would dial. */
#pragma once
#include <cli/input.h>

/* An IP address as it is; else a Service in any spelling that a pod's resolver understands: svc,
 * svc.ns, svc.ns.svc, svc.ns.svc.cluster.local, other cluster domains, with or without a final dot
 * (REQ-031). `port` is what is dialled. On failure `err` says what was looked for. */
enum weft_status cli_resolve(const struct cli_input *in, const char *from, struct weft_slice host,
                             uint16_t port, struct weft_addr *ret, struct weft_error *err);

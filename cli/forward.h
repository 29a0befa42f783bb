/* SPDX-License-Identifier: Apache-2.0
 * `kubectl port-forward` as a child: a local port that leads to a loopback port inside a pod. */
#pragma once
#include <stdint.h>
#include <weft/base/status.h>

struct cli_forward;
struct cli_forward_spec {
    const char *kubectl;              /* a path, or a name to be found in PATH */
    const char *kubeconfig, *context; /* NULL: kubectl's own choice */
    const char *ns, *pod;
    uint16_t port;        /* in the pod */
    uint64_t patience_us; /* for it to be there */
};
/* Starts it and waits until it forwards. The child dies with this process, whatever ends it; one
 * forward at a time. NOT_FOUND: no such program; TIMEOUT; DENIED with what kubectl said. */
enum weft_status cli_forward_open(const struct cli_forward_spec *s, struct cli_forward **ret,
                                  struct weft_error *err) WEFT_MUST_USE;
/* On 127.0.0.1. */
uint16_t cli_forward_port(const struct cli_forward *f);
/* After a connection failed: what kubectl says of it, waiting a second at most; "" when it says
 * nothing. Valid until closed. */
const char *cli_forward_complaint(struct cli_forward *f);
/* Ends the child. Takes NULL, returns NULL. */
struct cli_forward *cli_forward_close(struct cli_forward *f);

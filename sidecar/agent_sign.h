/* SPDX-License-Identifier: Apache-2.0
 * One attempt to have a key signed by the controller. */
#pragma once
#include <sidecar/agent_link.h>

struct agent_sign;
struct agent_sign_request {
    struct agent_link_options link;
    struct weft_slice csr_pem, token, trust_domain; /* token empty: the link's certificate speaks */
    uint64_t ttl_s;
};
/* OK with chain and bundle (PEM, for the call), or a status and why. Called once, not from inside
 * start; the attempt is over then and frees itself. */
typedef void (*agent_sign_fn)(void *ud, enum weft_status st, struct weft_slice chain_pem,
                              struct weft_slice bundle_pem, struct weft_slice why);
struct agent_sign *agent_sign_start(struct weft_loop *l, const struct agent_sign_request *r,
                                    agent_sign_fn fn, void *ud);
void agent_sign_cancel(struct agent_sign *s); /* fn is not called; takes NULL */

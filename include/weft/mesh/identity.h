/* SPDX-License-Identifier: Apache-2.0
 * SPIFFE IDs: spiffe://<trust-domain>/ns/<namespace>/sa/<service-account>. */
#pragma once
#include <weft/base/arena.h>

struct weft_spiffe {
    struct weft_slice trust_domain, ns, service_account;
};
bool weft_spiffe_parse(struct weft_slice id, struct weft_spiffe *ret);
struct weft_slice weft_spiffe_format(struct weft_arena *a, const struct weft_spiffe *s);

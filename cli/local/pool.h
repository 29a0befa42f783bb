/* SPDX-License-Identifier: Apache-2.0
 * Addresses of one subnet, given out one by one; those written in manifests are claimed first. */
#pragma once
#include <weft/base/addr.h>
#include <weft/base/status.h>

struct local_pool {
    struct weft_addr base; /* first address of the subnet */
    unsigned prefix;       /* its length in bits */
    uint32_t next;         /* offset to try next */
    uint32_t *taken;       /* offsets in use, sorted */
    size_t n_taken;
};

/* "10.244.0.0/16" or "fd00:10:244::/64"; addresses below `first` stay free (gateway). At most
 * 2^24 addresses are used. WEFT_INVALID on a malformed or too small subnet. */
enum weft_status local_pool_init(struct local_pool *p, const char *cidr, uint32_t first);
void local_pool_done(struct local_pool *p);
bool local_pool_contains(const struct local_pool *p, const struct weft_addr *a);
/* The address `offset` places after the base. */
struct weft_addr local_pool_at(const struct local_pool *p, uint32_t offset);
/* Keeps an address from being given out; addresses outside the subnet are fine.
 * WEFT_EXISTS if it is taken. */
enum weft_status local_pool_claim(struct local_pool *p, const struct weft_addr *a);
/* The next free one; WEFT_LIMIT when there is none. */
enum weft_status local_pool_take(struct local_pool *p, struct weft_addr *ret);
void local_pool_release(struct local_pool *p, const struct weft_addr *a);

/* SPDX-License-Identifier: Apache-2.0
 * GEP-1731: whether an attempt may be repeated, and when (REQ-109 to 116). */
#include <weft/mesh/pick.h>

enum {
    DEFAULT_ATTEMPTS = 1,        /* REQ-111: retries when the stanza names no number */
    DEFAULT_BACKOFF_US = 25000,  /* REQ-112 */
    DEFAULT_CEILING_US = 250000, /* ... and its cap */
};

static bool is_listed(const struct weft_retry *r, uint16_t status) {
    for (uint32_t i = 0; i < r->n_codes; i++)
        if (r->codes[i] == status) return true;
    return false;
}

bool weft_retry_allowed(const struct weft_retry *r, const struct weft_retry_facts *f) {
    if (!r->present || !f->body_replayable) return false;
    uint32_t retries = r->attempts ? r->attempts : DEFAULT_ATTEMPTS;
    if (f->done > retries) return false;
    if (f->grpc_status) return f->grpc_status < 32 && (r->grpc_codes >> f->grpc_status & 1);
    return f->status == 0 || is_listed(r, f->status);
}

static uint64_t doubled(uint64_t base, uint32_t times, uint64_t ceiling) {
    while (times-- && base < ceiling) base *= 2;
    return base < ceiling ? base : ceiling;
}

/* With a minimum, chance only adds to it; the default may spread over the half below as well. */
uint64_t weft_retry_backoff_us(const struct weft_retry *r, uint32_t done, struct weft_rng *rng) {
    uint64_t least = r->backoff_us;
    uint32_t times = done ? done - 1 : 0;
    if (least) {
        uint64_t wait =
            doubled(least, times, least > DEFAULT_CEILING_US ? least : DEFAULT_CEILING_US);
        uint64_t spread = least / 4 + 1;
        return wait + weft_rng_below(rng, spread < UINT32_MAX ? (uint32_t)spread : UINT32_MAX);
    }
    uint64_t wait = doubled(DEFAULT_BACKOFF_US, times, DEFAULT_CEILING_US);
    return wait / 2 + weft_rng_below(rng, (uint32_t)(wait / 2) + 1);
}

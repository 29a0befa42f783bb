/* SPDX-License-Identifier: Apache-2.0
 * Time and chance, both replaceable in tests. */
#pragma once
#include <weft/base/forward.h>

/* Monotonic microseconds and Unix time in microseconds, from the system. */
uint64_t weft_clock_mono_us(void);
uint64_t weft_clock_unix_us(void);

/* A small fast generator (xoshiro256**); one per worker; not for keys. */
struct weft_rng {
    uint64_t s[4];
};
void weft_rng_seed(struct weft_rng *r, uint64_t seed);
void weft_rng_seed_system(struct weft_rng *r); /* from getrandom() */
uint64_t weft_rng_next(struct weft_rng *r);
uint32_t weft_rng_below(struct weft_rng *r, uint32_t n); /* 0 <= x < n, n > 0 */

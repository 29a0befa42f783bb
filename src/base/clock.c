/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/clock.h>

#include <sys/random.h>
#include <time.h>

static uint64_t read_clock(clockid_t id) {
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

uint64_t weft_clock_mono_us(void) {
    return read_clock(CLOCK_MONOTONIC);
}
uint64_t weft_clock_unix_us(void) {
    return read_clock(CLOCK_REALTIME);
}

static uint64_t splitmix(uint64_t *x) {
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void weft_rng_seed(struct weft_rng *r, uint64_t seed) {
    for (int i = 0; i < 4; i++) r->s[i] = splitmix(&seed);
}

void weft_rng_seed_system(struct weft_rng *r) {
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != (long)sizeof seed) seed = weft_clock_mono_us();
    weft_rng_seed(r, seed);
}

static uint64_t rotl(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
}

uint64_t weft_rng_next(struct weft_rng *r) {
    uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint32_t weft_rng_below(struct weft_rng *r, uint32_t n) {
    return (uint32_t)(((weft_rng_next(r) >> 32) * n) >> 32);
}
